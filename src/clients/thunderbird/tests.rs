//! The family on invented homes of each system: what is found, what is planned, and that writing the plan
//! and taking it back leads where it should.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use port26_platform::processes::{Holder, Processes};
use port26_platform::registry::RegFile;
use proptest::prelude::*;

use super::*;
use crate::account::{AuthSetting, CredentialSource, IncomingProtocol, NotOurs, TlsMode};
use crate::change::Content;
pub(super) use crate::clients::fixture::at;
use crate::formats::{Document, FileFormat};

fn fixture(case: &str, os: Os) -> Computer {
    crate::clients::fixture::fixture(&format!("thunderbird/{case}"), os)
}

pub(super) fn found(family: &Family, computer: &Computer) -> Found {
    let installation = family.detect(computer).unwrap().unwrap();
    family.accounts(computer, &installation)
}

/// Code and place.
pub(super) fn problems(found: &Found) -> Vec<(&str, &str)> {
    found.problems.iter().map(|problem| (problem.code.as_str(), problem.at.as_str())).collect()
}

pub(super) fn to26(account: &Account) -> SubmissionServer {
    SubmissionServer {
        port: 26,
        port_is_default: false,
        tls: TlsMode::Starttls,
        auth: AuthSetting::Password,
        credential: CredentialSource::Own,
        ..account.outgoing.clone()
    }
}

/// Name, before, after.
fn told(changes: &[Change]) -> Vec<(String, Option<String>, Option<String>)> {
    let raw = |content: &Option<Content>| match content {
        Some(Content::Raw(raw)) => Some(raw.clone()),
        _ => None,
    };
    changes
        .iter()
        .map(|change| match &change.slot {
            Slot::Setting { name, .. } => {
                (name.trim_start_matches("mail.smtpserver.").to_owned(), raw(&change.before), raw(&change.after))
            }
            _ => panic!("{change:?}"),
        })
        .collect()
}

fn entry(name: &str, before: Option<&str>, after: &str) -> (String, Option<String>, Option<String>) {
    (name.to_owned(), before.map(str::to_owned), Some(after.to_owned()))
}

/// Makes the changes in memory; the bytes of each file before and after.
fn applied(changes: &[Change]) -> BTreeMap<PathBuf, (Vec<u8>, Vec<u8>)> {
    let mut files: BTreeMap<PathBuf, (Vec<u8>, Box<dyn Document>)> = BTreeMap::new();
    for change in changes {
        let Slot::Setting { file, format, name } = &change.slot else { panic!("{change:?}") };
        let (_, doc) = files.entry(file.clone()).or_insert_with(|| {
            let bytes = std::fs::read(file).unwrap();
            (bytes.clone(), parsed(*format, &bytes))
        });
        assert_eq!(doc.get(name).unwrap().map(Content::Raw), change.before, "{name}");
        match &change.after {
            Some(Content::Raw(raw)) => doc.set(name, raw).unwrap(),
            _ => doc.remove(name).unwrap(),
        }
    }
    files.into_iter().map(|(file, (before, doc))| (file, (before, doc.to_bytes()))).collect()
}

fn parsed(format: FileFormat, bytes: &[u8]) -> Box<dyn Document> {
    match format {
        FileFormat::PrefsJs => Box::new(PrefsJs::parse(bytes).unwrap()),
        FileFormat::MozillaLogins => Box::new(MozillaLogins::parse(bytes).unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_account_without_authentication_gets_it_with_its_incoming_password() {
    let computer = fixture("linux-imap-25-noauth", Os::Linux);
    let found = found(&THUNDERBIRD, &computer);
    assert_eq!((found.accounts.len(), found.problems.len()), (1, 0));
    let account = &found.accounts[0];
    assert_eq!(account.id, "thunderbird/k3jd8s2l.default-release/smtp1");
    assert_eq!(account.profile, "default-release");
    assert_eq!(account.emails, ["ada@hosting.test"]);
    let outgoing = &account.outgoing;
    assert_eq!((outgoing.host.as_str(), outgoing.port, outgoing.port_is_default), ("mail.hosting.test", 25, false));
    assert_eq!((outgoing.tls, outgoing.auth, &outgoing.user), (TlsMode::None, AuthSetting::None, &None));
    let incoming = account.incoming.as_ref().unwrap();
    assert_eq!(
        (incoming.protocol, incoming.host.as_str(), incoming.port),
        (IncomingProtocol::Imap, "imap.hosting.test", Some(993))
    );
    assert!(account.used && account.password_in_client && account.not_ours.is_none());
    assert!(THUNDERBIRD.changes(account, outgoing).unwrap().is_empty());

    let changes = THUNDERBIRD.changes(account, &to26(account)).unwrap();
    let guid = crate::formats::mozilla_logins::deterministic_guid(
        "{22222222-aaaa-4bbb-8ccc-000000000002}",
        "smtp://mail.hosting.test",
    );
    assert_eq!(
        told(&changes),
        [
            entry("smtp1.port", Some("25"), "26"),
            entry("smtp1.authMethod", Some("1"), "3"),
            entry("smtp1.username", None, "\"ada@hosting.test\""),
            entry("smtp1.try_ssl", Some("0"), "2"),
            entry(&guid, None, "copy:{22222222-aaaa-4bbb-8ccc-000000000002} origin:smtp://mail.hosting.test"),
        ]
    );

    let files = applied(&changes);
    assert_eq!(files.len(), 2);
    let (before, after) = &files[&computer.folders.home.join(".thunderbird/k3jd8s2l.default-release/prefs.js")];
    let lines =
        |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (lines(before), lines(after));
    let gone: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
    let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert_eq!(
        gone,
        [
            "user_pref(\"mail.smtpserver.smtp1.authMethod\", 1);",
            "user_pref(\"mail.smtpserver.smtp1.port\", 25);",
            "user_pref(\"mail.smtpserver.smtp1.try_ssl\", 0);"
        ]
    );
    assert_eq!(
        new,
        [
            "user_pref(\"mail.smtpserver.smtp1.authMethod\", 3);",
            "user_pref(\"mail.smtpserver.smtp1.port\", 26);",
            "user_pref(\"mail.smtpserver.smtp1.try_ssl\", 2);",
            "user_pref(\"mail.smtpserver.smtp1.username\", \"ada@hosting.test\");"
        ]
    );

    // the other way round gives back every byte, file by file
    for (file, (before, after)) in &files {
        let mut doc: Option<Box<dyn Document>> = None;
        for change in changes.iter().rev().map(Change::inverse) {
            let Slot::Setting { file: of, format, name } = &change.slot else { panic!() };
            if of == file {
                let doc = doc.get_or_insert_with(|| parsed(*format, after));
                assert_eq!(doc.get(name).unwrap().map(Content::Raw), change.before);
                match &change.after {
                    Some(Content::Raw(raw)) => doc.set(name, raw).unwrap(),
                    _ => doc.remove(name).unwrap(),
                }
            }
        }
        assert_eq!(&doc.unwrap().to_bytes(), before);
    }
}

#[test]
fn the_id_and_the_settings_are_the_same_after_the_fix() {
    let from = fixture("linux-imap-25-noauth", Os::Linux);
    let account = found(&THUNDERBIRD, &from).accounts.remove(0);
    let to = to26(&account);
    let copy = tempfile::tempdir().unwrap();
    let profile = ".thunderbird/k3jd8s2l.default-release";
    std::fs::create_dir_all(copy.path().join(profile)).unwrap();
    let ini = std::fs::read(from.folders.home.join(".thunderbird/profiles.ini")).unwrap();
    std::fs::write(copy.path().join(".thunderbird/profiles.ini"), ini).unwrap();
    for (file, (_, after)) in applied(&THUNDERBIRD.changes(&account, &to).unwrap()) {
        std::fs::write(copy.path().join(profile).join(file.file_name().unwrap()), after).unwrap();
    }
    let fixed = found(&THUNDERBIRD, &at(copy.path().to_owned(), Os::Linux)).accounts.remove(0);
    assert_eq!(fixed.id, account.id);
    assert_eq!(fixed.outgoing, SubmissionServer { user: Some("ada@hosting.test".to_owned()), ..to });
    assert!(fixed.password_in_client);
    assert!(THUNDERBIRD.changes(&fixed, &fixed.outgoing).unwrap().is_empty());
}

#[test]
fn every_profile_of_windows_is_found_also_the_absolute_one_seen_from_outside() {
    let found = found(&THUNDERBIRD, &fixture("windows-two-profiles", Os::Windows));
    // the third is on a drive that is not there
    assert_eq!(problems(&found), [("profile_not_reachable", r"D:\Old\gone")]);
    let ids: Vec<_> = found.accounts.iter().map(|account| account.id.as_str()).collect();
    assert_eq!(
        ids,
        ["thunderbird/a1b2c3d4.default/smtp1", "thunderbird/Office Mail/smtp1", "thunderbird/Office Mail/smtp2"]
    );
    let own = &found.accounts[0];
    assert!(own.password_in_client && own.used);
    assert_eq!(told(&THUNDERBIRD.changes(own, &to26(own)).unwrap()), [entry("smtp1.port", Some("25"), "26")]);
    let google = &found.accounts[1];
    assert_eq!(
        (google.not_ours, google.used, google.outgoing.auth),
        (Some(NotOurs::Google), false, AuthSetting::Oauth2)
    );
    assert!(matches!(THUNDERBIRD.changes(google, &to26(google)), Err(PlanError::CannotExpress { .. })));
    let office = &found.accounts[2];
    assert_eq!(
        (office.outgoing.port, office.outgoing.port_is_default, office.outgoing.tls),
        (465, true, TlsMode::Implicit)
    );
    assert_eq!(office.profile, "Office");
    assert!(!office.password_in_client);
    assert_eq!(
        told(&THUNDERBIRD.changes(office, &to26(office)).unwrap()),
        [entry("smtp2.port", None, "26"), entry("smtp2.try_ssl", Some("3"), "2")]
    );
}

/// The fixture's home with its registry; a policy moved AppData.
fn moved_appdata(home: PathBuf) -> Computer {
    let registry = fixture("windows-moved-appdata", Os::Windows).folders.home.join("user.reg");
    Computer::folder(home, Os::Windows, Some(Arc::new(RegFile::open(registry).unwrap())))
}

#[test]
fn profiles_are_found_where_the_registry_says_appdata_was_moved_to() {
    let home = fixture("windows-moved-appdata", Os::Windows).folders.home;
    let found = found(&THUNDERBIRD, &moved_appdata(home));
    assert_eq!(found.accounts[0].id, "thunderbird/m0v3d000.default/smtp1");
    assert_eq!(found.accounts.len(), 1);
}

#[test]
fn appdata_on_another_drive_is_a_problem_and_not_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut computer = at(home.path().to_owned(), Os::Windows);
    assert_eq!(THUNDERBIRD.detect(&computer).unwrap(), None);
    computer.folders.roaming_elsewhere = Some(r"\\server\users$\ada".into());
    let problem = THUNDERBIRD.detect(&computer).unwrap_err();
    assert_eq!((problem.code.as_str(), problem.at.as_str()), ("folder_not_reachable", r"\\server\users$\ada"));
    for other in [&BETTERBIRD, &SEAMONKEY, &POSTBOX] {
        assert_eq!(other.detect(&computer).unwrap(), None, "told once");
    }
}

#[test]
fn a_default_port_is_pinned_when_the_tls_mode_would_move_it() {
    let found = found(&THUNDERBIRD, &fixture("windows-two-profiles", Os::Windows));
    let office = &found.accounts[2];
    let to = SubmissionServer { tls: TlsMode::Starttls, ..office.outgoing.clone() };
    assert_eq!(
        told(&THUNDERBIRD.changes(office, &to).unwrap()),
        [entry("smtp2.port", None, "465"), entry("smtp2.try_ssl", Some("3"), "2")]
    );
}

#[test]
fn accounts_that_share_a_server_are_one_entry_that_says_so() {
    let found = found(&THUNDERBIRD, &fixture("macos-pop3-shared", Os::Macos));
    assert_eq!(found.accounts.len(), 1);
    let account = &found.accounts[0];
    assert_eq!(account.emails, ["info@hosting.test", "sales@hosting.test", "ada@hosting.test"]);
    assert_eq!(account.notices.iter().map(|notice| notice.code.as_str()).collect::<Vec<_>>(), ["shared_server"]);
    let incoming = account.incoming.as_ref().unwrap();
    assert_eq!((incoming.protocol, incoming.port), (IncomingProtocol::Pop3, Some(110)));
    // two saved logins under one origin: whose is whose cannot be told, so none is copied
    assert!(!account.password_in_client);
    let changes = THUNDERBIRD.changes(account, &to26(account)).unwrap();
    assert_eq!(
        told(&changes),
        [
            entry("smtp1.port", Some("25"), "26"),
            entry("smtp1.authMethod", Some("1"), "3"),
            entry("smtp1.username", None, "\"info@hosting.test\""),
            entry("smtp1.try_ssl", None, "2"),
        ]
    );
}

#[test]
fn orphans_are_unused_and_a_broken_profile_hides_nothing() {
    let found = found(&THUNDERBIRD, &fixture("linux-orphan", Os::Linux));
    let seen: Vec<_> = found
        .accounts
        .iter()
        .map(|account| (account.id.rsplit('/').next().unwrap(), account.used, account.not_ours))
        .collect();
    // smtp3 has no host
    assert_eq!(seen, [("smtp2", true, None), ("smtp1", false, None), ("smtp4", false, Some(NotOurs::Exchange))]);
    assert_eq!(found.accounts[2].outgoing.host, "exchange.office.test");
    assert_eq!(found.problems.len(), 1);
    assert_eq!(found.problems[0].code, "unreadable_profile");
    assert!(found.problems[0].at.contains("br0ken00"));
    // "STARTTLS, if available" is plain in this version, and said
    assert_eq!(found.accounts[0].outgoing.tls, TlsMode::None);
    assert_eq!(found.accounts[0].notices[0].code, "starttls_if_offered");
}

#[test]
fn an_old_version_means_25_by_default() {
    let found = found(&THUNDERBIRD, &fixture("linux-default-port-78", Os::Linux));
    let account = &found.accounts[0];
    assert_eq!((account.outgoing.port, account.outgoing.port_is_default), (25, true));
    assert_eq!((account.outgoing.tls, account.outgoing.auth), (TlsMode::Starttls, AuthSetting::Password));
    // the optional STARTTLS becomes a firm one with the move
    assert_eq!(
        told(&THUNDERBIRD.changes(account, &to26(account)).unwrap()),
        [entry("smtp1.port", None, "26"), entry("smtp1.try_ssl", Some("1"), "2")]
    );
}

#[test]
fn betterbird_in_its_flatpak_and_a_user_js_that_wins() {
    let computer = fixture("linux-user-js", Os::Linux);
    assert_eq!(THUNDERBIRD.detect(&computer).unwrap(), None);
    let found = found(&BETTERBIRD, &computer);
    let account = &found.accounts[0];
    assert_eq!(account.id, "betterbird/user0js0.default/smtp1");
    assert_eq!(
        (account.outgoing.port, account.outgoing.port_is_default, account.outgoing.tls),
        (25, false, TlsMode::Starttls)
    );
    assert_eq!(account.notices.iter().filter(|notice| notice.code == "set_elsewhere").count(), 2);
    let refusal = BETTERBIRD.changes(account, &to26(account)).unwrap_err();
    assert!(matches!(&refusal, PlanError::Overridden { by, .. } if by.ends_with("user.js")), "{refusal}");
}

#[test]
fn another_host_loses_the_saved_password_and_changes_the_host_name() {
    let found = found(&THUNDERBIRD, &fixture("linux-imap-25-noauth", Os::Linux));
    let account = &found.accounts[0];
    let to = SubmissionServer { host: "relay.isp.test".to_owned(), user: Some("ada".to_owned()), ..to26(account) };
    let told = told(&THUNDERBIRD.changes(account, &to).unwrap());
    assert_eq!(told[0], entry("smtp1.hostname", Some("\"mail.hosting.test\""), "\"relay.isp.test\""));
    assert!(told.contains(&entry("smtp1.username", None, "\"ada\"")));
    assert!(!told.iter().any(|(name, ..)| name.starts_with('{')));
}

/// A profile of its own with these preferences, used by Thunderbird 128.
pub(super) fn made(os: Os, root: &str, version: &str, prefs: &str) -> (tempfile::TempDir, Computer) {
    let home = tempfile::tempdir().unwrap();
    let profile = home.path().join(root).join("p.default");
    std::fs::create_dir_all(&profile).unwrap();
    std::fs::write(
        home.path().join(root).join("profiles.ini"),
        "[Profile0]\nName=default\nIsRelative=1\nPath=p.default\n",
    )
    .unwrap();
    std::fs::write(profile.join("prefs.js"), prefs).unwrap();
    if !version.is_empty() {
        std::fs::write(profile.join("compatibility.ini"), format!("[Compatibility]\nLastVersion={version}_1/1\n"))
            .unwrap();
    }
    let computer = at(home.path().to_owned(), os);
    (home, computer)
}

fn smtp1(prefs: &str) -> String {
    format!(
        "user_pref(\"mail.smtpservers\", \"smtp1\");\nuser_pref(\"mail.smtpserver.smtp1.hostname\", \"mail.hosting.test\");\n{prefs}"
    )
}

#[test]
fn which_tls_it_may_use_is_read_from_its_preferences_and_from_what_sets_them() {
    let range = |version, prefs: &str, user_js: &str| {
        let (home, computer) = made(Os::Linux, ".thunderbird", version, &smtp1(prefs));
        if !user_js.is_empty() {
            std::fs::write(home.path().join(".thunderbird/p.default/user.js"), user_js).unwrap();
        }
        let account = found(&THUNDERBIRD, &computer).accounts.remove(0);
        THUNDERBIRD.abilities(&computer, &account).tls.is.range()
    };
    let max = |number| format!("user_pref(\"security.tls.version.max\", {number});\n");
    let min = |number| format!("user_pref(\"security.tls.version.min\", {number});\n");
    assert_eq!(range("128.5.0", "", ""), "TLS 1.2 to 1.3");
    assert_eq!(range("24.8.1", "", ""), "TLS 1.0");
    assert_eq!(range("128.5.0", &max(3), ""), "TLS 1.2");
    assert_eq!(range("128.5.0", &min(1), ""), "TLS 1.0 to 1.3");
    assert_eq!(range("128.5.0", &max(3), &max(4)), "TLS 1.2 to 1.3", "user.js is set at each start");
}

#[test]
fn versions_and_relatives_differ_in_what_an_unwritten_port_means() {
    for (family, root, version, port, tls) in [
        (&THUNDERBIRD, ".thunderbird", "78.14.0", 25, TlsMode::Starttls),
        (&THUNDERBIRD, ".thunderbird", "91.0", 587, TlsMode::Starttls),
        (&THUNDERBIRD, ".thunderbird", "131.0", 587, TlsMode::Starttls),
        (&THUNDERBIRD, ".thunderbird", "132.0", 587, TlsMode::None),
        (&THUNDERBIRD, ".thunderbird", "", 587, TlsMode::None),
        (&SEAMONKEY, ".mozilla/seamonkey", "2.53.18", 25, TlsMode::Starttls),
        (&SEAMONKEY, ".mozilla/seamonkey", "", 25, TlsMode::Starttls),
    ] {
        let prefs =
            smtp1("user_pref(\"mail.smtpserver.smtp1.try_ssl\", 1);\nuser_pref(\"mail.smtpserver.smtp1.port\", 0);\n");
        let (_home, computer) = made(Os::Linux, root, version, &prefs);
        let account = found(family, &computer).accounts.remove(0);
        assert_eq!(
            (account.outgoing.port, account.outgoing.port_is_default),
            (port, true),
            "{} {version}",
            family.name
        );
        assert_eq!(account.outgoing.tls, tls, "{} {version}", family.name);
    }
}

#[test]
fn a_preference_of_another_type_is_left_alone() {
    let (_home, computer) =
        made(Os::Linux, ".thunderbird", "128.0", &smtp1("user_pref(\"mail.smtpserver.smtp1.port\", \"25\");\n"));
    let account = found(&THUNDERBIRD, &computer).accounts.remove(0);
    assert!(matches!(THUNDERBIRD.changes(&account, &to26(&account)), Err(PlanError::Unexpected { .. })));
}

#[test]
fn a_snaps_copy_of_a_profile_has_an_id_of_its_own() {
    let (home, computer) = made(Os::Linux, ".thunderbird", "128.0", &smtp1(""));
    let snap = home.path().join("snap/thunderbird/common/.thunderbird");
    std::fs::create_dir_all(snap.join("p.default")).unwrap();
    for file in ["profiles.ini", "p.default/prefs.js"] {
        std::fs::copy(home.path().join(".thunderbird").join(file), snap.join(file)).unwrap();
    }
    let ids: Vec<_> = found(&THUNDERBIRD, &computer).accounts.into_iter().map(|account| account.id).collect();
    assert_eq!(ids, ["thunderbird/p.default/smtp1", "thunderbird/p.default~2/smtp1"]);
}

#[test]
fn a_path_out_of_somebody_elses_home_is_not_followed() {
    let (outside, _) = made(Os::Linux, "mail", "128.0", &smtp1(""));
    let target = outside.path().join("mail/p.default");
    let (home, mut computer) = made(Os::Linux, ".thunderbird", "128.0", &smtp1(""));
    let root = home.path().join(".thunderbird");
    let up = "../".repeat(root.components().count());
    let profiles = format!(
        "[Profile0]\nName=a\nIsRelative=1\nPath={up}{target}\n[Profile1]\nName=b\nIsRelative=0\nPath={target}\n",
        target = target.display().to_string().replace('\\', "/")
    );
    std::fs::write(root.join("profiles.ini"), profiles).unwrap();
    assert!(found(&THUNDERBIRD, &computer).accounts.is_empty());
    // one's own profile may be anywhere
    computer.own_session = true;
    assert_eq!(found(&THUNDERBIRD, &computer).accounts.len(), 1);
}

#[test]
fn a_login_is_copied_once_where_two_servers_would_want_it() {
    let (home, computer) = made(
        Os::Linux,
        ".thunderbird",
        "128.0",
        "user_pref(\"mail.smtpservers\", \"s1,s2\");user_pref(\"mail.smtpserver.s1.hostname\", \"h.test\");user_pref(\"mail.smtpserver.s2.hostname\", \"h.test\");\n\
         user_pref(\"mail.smtpserver.s1.authMethod\", 1);user_pref(\"mail.smtpserver.s2.authMethod\", 1);\n\
         user_pref(\"mail.accountmanager.accounts\", \"a1\");user_pref(\"mail.account.a1.server\", \"v1\");user_pref(\"mail.account.a1.identities\", \"i1,i2\");\n\
         user_pref(\"mail.identity.i1.smtpServer\", \"s1\");user_pref(\"mail.identity.i2.smtpServer\", \"s2\");\n\
         user_pref(\"mail.server.v1.type\", \"imap\");user_pref(\"mail.server.v1.hostname\", \"h.test\");user_pref(\"mail.server.v1.userName\", \"ada\");\n",
    );
    std::fs::write(
        home.path().join(".thunderbird/p.default/logins.json"),
        r#"{"nextId":2,"logins":[{"id":1,"hostname":"imap://h.test","httpRealm":"imap://h.test","guid":"{g}","encryptedUsername":"u","encryptedPassword":"p"}]}"#,
    )
    .unwrap();
    let accounts = found(&THUNDERBIRD, &computer).accounts;
    assert_eq!(accounts.iter().map(|account| account.password_in_client).collect::<Vec<_>>(), [true, false]);
    let all: Vec<Change> =
        accounts.iter().flat_map(|account| THUNDERBIRD.changes(account, &to26(account)).unwrap()).collect();
    assert_eq!(applied(&all).len(), 2);
}

struct Locked(PathBuf);

impl Processes for Locked {
    fn running(&self, _names: &[&str]) -> Vec<u32> {
        Vec::new()
    }
    fn lock_holder(&self, file: &Path) -> Option<Holder> {
        (file == self.0).then_some(Holder { pid: Some(7) })
    }
    fn socket_answers(&self, _socket: &Path) -> bool {
        false
    }
}

#[test]
fn open_means_a_held_lock_not_a_file() {
    // the fixture has a leftover .parentlock
    let mut computer = fixture("linux-imap-25-noauth", Os::Linux);
    let account = found(&THUNDERBIRD, &computer).accounts.remove(0);
    assert_eq!(THUNDERBIRD.in_use(&computer, &account), InUse::No);
    let profile = computer.folders.home.join(".thunderbird/k3jd8s2l.default-release");
    for (os, file, expected) in [
        (Os::Linux, ".parentlock", InUse::Yes(Some(7))),
        (Os::Macos, ".parentlock", InUse::Yes(Some(7))),
        (Os::Windows, "parent.lock", InUse::Yes(Some(7))),
        (Os::Windows, ".parentlock", InUse::No),
    ] {
        computer.os = os;
        computer.processes = Arc::new(Locked(profile.join(file)));
        assert_eq!(THUNDERBIRD.in_use(&computer, &account), expected, "{os:?} {file}");
    }
}

#[test]
fn the_symbolic_lock_of_linux_names_its_process() {
    assert_eq!(lock_pid("127.0.1.1:+12345"), Some(12345));
    assert_eq!(lock_pid("127.0.1.1:12345"), None);
}

#[test]
fn garbage_instead_of_the_list_of_profiles_is_a_problem() {
    let (home, computer) = made(Os::Linux, ".thunderbird", "128.0", "");
    std::fs::write(home.path().join(".thunderbird/profiles.ini"), b"\0\0\0").unwrap();
    assert_eq!(THUNDERBIRD.detect(&computer).unwrap_err().code, "unreadable_profile_list");
}

#[test]
fn saved_logins_that_cannot_be_read_are_told_and_hide_no_account() {
    let (home, computer) =
        made(Os::Linux, ".thunderbird", "128.0", &smtp1("user_pref(\"mail.smtpserver.smtp1.username\", \"a\");"));
    std::fs::write(home.path().join(".thunderbird/p.default/logins.json"), "{").unwrap();
    let found = found(&THUNDERBIRD, &computer);
    assert_eq!((found.accounts.len(), found.problems[0].code.as_str()), (1, "unreadable_logins"));
    assert!(!found.accounts[0].password_in_client);
}

/// How long accounts with a server each are read.
fn time_of_servers(count: usize) -> std::time::Duration {
    let mut prefs = String::new();
    let keys: Vec<String> = (0..count).map(|n| format!("smtp{n}")).collect();
    prefs.push_str(&format!("user_pref(\"mail.smtpservers\", \"{}\");\n", keys.join(",")));
    let accounts: Vec<String> = (0..count).map(|n| format!("account{n}")).collect();
    prefs.push_str(&format!("user_pref(\"mail.accountmanager.accounts\", \"{}\");\n", accounts.join(",")));
    for n in 0..count {
        prefs.push_str(&format!(
            "user_pref(\"mail.account.account{n}.identities\", \"id{n}\");\nuser_pref(\"mail.account.account{n}.server\", \"server{n}\");\n\
             user_pref(\"mail.identity.id{n}.smtpServer\", \"smtp{n}\");\nuser_pref(\"mail.identity.id{n}.useremail\", \"u{n}@hosting.test\");\n\
             user_pref(\"mail.server.server{n}.hostname\", \"h{n}.test\");\nuser_pref(\"mail.server.server{n}.type\", \"imap\");\nuser_pref(\"mail.server.server{n}.userName\", \"u{n}\");\n\
             user_pref(\"mail.smtpserver.smtp{n}.hostname\", \"h{n}.test\");\nuser_pref(\"mail.smtpserver.smtp{n}.port\", 25);\nuser_pref(\"mail.smtpserver.smtp{n}.authMethod\", 1);\n"
        ));
    }
    let (_home, computer) = made(Os::Linux, ".thunderbird", "128.0", &prefs);
    let began = std::time::Instant::now();
    let found = found(&THUNDERBIRD, &computer);
    assert_eq!(found.accounts.len(), count);
    began.elapsed()
}

/// Against a tenth of them, so that a busy machine is no failure: each server read beside each other one would take a hundred times
/// as long.
#[test]
fn ten_thousand_servers_are_read_in_one_pass() {
    let (few, many) = (time_of_servers(1_000), time_of_servers(10_000));
    assert!(many < few * 50, "{many:?} after {few:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is written, the present settings need no change, and a target that can be written is then there.
    #[test]
    fn a_target_once_written_is_what_is_read(
        port in prop::option::of(0..=65_535i32), ssl in prop::option::of(0..5i32), auth in prop::option::of(0..12i32),
        user in prop::option::of("[a-z@\"\\\\]{0,6}"), to_port in 1..=u16::MAX, to_tls in 0..3usize, to_user in "[a-z]{1,5}",
    ) {
        let mut prefs = String::new();
        for (name, raw) in [
            ("port", port.map(|n| n.to_string())), ("try_ssl", ssl.map(|n| n.to_string())),
            ("authMethod", auth.map(|n| n.to_string())), ("username", user.map(|text| crate::formats::prefs_js::encode_text(&text))),
        ] {
            if let Some(raw) = raw {
                prefs.push_str(&format!("user_pref(\"mail.smtpserver.smtp1.{name}\", {raw});\n"));
            }
        }
        let (home, computer) = made(Os::Linux, ".thunderbird", "128.0", &smtp1(&prefs));
        let account = found(&THUNDERBIRD, &computer).accounts.remove(0);
        prop_assert!(THUNDERBIRD.changes(&account, &account.outgoing).unwrap().is_empty());
        let to = SubmissionServer {
            port: to_port,
            tls: [TlsMode::None, TlsMode::Starttls, TlsMode::Implicit][to_tls],
            user: Some(to_user),
            ..to26(&account)
        };
        if let Ok(changes) = THUNDERBIRD.changes(&account, &to) {
            for (file, (_, after)) in applied(&changes) {
                std::fs::write(file, after).unwrap();
            }
            let fixed = found(&THUNDERBIRD, &at(home.path().to_owned(), Os::Linux)).accounts.remove(0);
            prop_assert_eq!(&fixed.outgoing, &SubmissionServer { port_is_default: fixed.outgoing.port_is_default, ..to });
        }
    }
}
