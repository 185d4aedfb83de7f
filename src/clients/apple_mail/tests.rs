//! Apple Mail of the property list era on its fixtures: what is read, what would be changed.

use std::path::PathBuf;

use super::*;
use crate::account::{AuthSetting, CredentialSource, IncomingProtocol, NotOurs, TlsMode};
use crate::change::{Content, Slot};
use crate::formats::Document as _;
use crate::formats::plist_doc::Scalar;

fn computer(home: impl Into<PathBuf>) -> Computer {
    crate::clients::fixture::at(home, Os::Macos)
}

fn fixture(case: &str) -> Computer {
    computer(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/apple_mail").join(case))
}

fn found(case: &str) -> Found {
    let computer = fixture(case);
    let at = APPLE_MAIL.detect(&computer).unwrap().unwrap();
    assert!(at.by_hand.is_empty());
    APPLE_MAIL.accounts(&computer, &at)
}

fn account(found: &Found, host: &str) -> Account {
    found.accounts.iter().find(|account| account.outgoing.host == host).unwrap().clone()
}

/// Makes the changes, each where `before` is, in a copy of the file and reads it again.
fn after(account: &Account, changes: &[Change]) -> Account {
    let Slot::Setting { file, .. } = &account.settings["host"].slot else { panic!() };
    let mut doc = PlistDoc::parse(&std::fs::read(file).unwrap()).unwrap();
    for change in changes {
        let (Slot::Setting { name, .. }, Some(Content::Raw(after))) = (&change.slot, &change.after) else { panic!() };
        assert_eq!(doc.get(name).unwrap().map(Content::Raw), change.before);
        doc.set(name, after).unwrap();
    }
    let doc = PlistDoc::parse(&doc.to_bytes()).unwrap();
    let mut found = Found::default();
    read(&doc, file, &mut found).unwrap();
    found.accounts.into_iter().find(|other| other.id == account.id).unwrap()
}

fn words(changes: &[Change]) -> Vec<String> {
    let word = |change: &Change| {
        let (Slot::Setting { name, .. }, Some(Content::Raw(after))) = (&change.slot, &change.after) else { panic!() };
        format!("{} {after}", name.rsplit('/').next().unwrap())
    };
    changes.iter().map(word).collect()
}

fn to_26(account: &Account) -> SubmissionServer {
    let user = account.outgoing.user.clone().or_else(|| account.incoming.as_ref()?.user.clone());
    SubmissionServer {
        port: 26,
        port_is_default: false,
        tls: TlsMode::Starttls,
        auth: AuthSetting::Password,
        credential: CredentialSource::Own,
        user,
        ..account.outgoing.clone()
    }
}

#[test]
fn reads_the_accounts_of_mountain_lion() {
    let found = found("typical");
    assert_eq!((found.accounts.len(), found.problems.len()), (4, 0));
    let first = account(&found, "smtp.hosting.test");
    assert_eq!(first.id, "apple_mail/A1A1A1A1-0000-4000-8000-000000000001");
    assert_eq!(
        (first.outgoing.port, first.outgoing.port_is_default, first.outgoing.tls),
        (25, false, TlsMode::Starttls)
    );
    assert_eq!(first.outgoing.user.as_deref(), Some("ann@hosting.test"));
    assert!(first.password_in_client && first.used && first.notices.is_empty());
    let incoming = first.incoming.unwrap();
    assert_eq!((incoming.protocol, incoming.port), (IncomingProtocol::Pop3, Some(110)));
    // Default ports win over the number that is written.
    let second = account(&found, "mail.office.test");
    assert_eq!((second.outgoing.port, second.outgoing.port_is_default), (25, true));
    assert_eq!((second.outgoing.auth, second.password_in_client), (AuthSetting::None, false));
    assert_eq!(second.emails, ["bob@office.test", "info@office.test"]);
    let third = account(&found, "smtp.unused.test");
    assert_eq!(
        (third.used, third.outgoing.tls, third.outgoing.auth),
        (false, TlsMode::Implicit, AuthSetting::Encrypted)
    );
    assert_eq!(account(&found, "smtp.gmail.com").not_ours, Some(NotOurs::Google));
    for account in &found.accounts {
        assert_eq!(APPLE_MAIL.changes(account, &account.outgoing).unwrap(), []);
    }
}

#[test]
fn moves_to_26_and_keeps_each_type() {
    let found = found("typical");
    let first = account(&found, "smtp.hosting.test");
    let changes = APPLE_MAIL.changes(&first, &to_26(&first)).unwrap();
    assert_eq!(words(&changes), ["PortNumber <string>26</string>", "ConfigureDynamically <false/>"]);
    let Slot::Setting { name, .. } = &changes[0].slot else { panic!() };
    assert_eq!(name, "DeliveryAccounts/#uniqueId=A1A1A1A1-0000-4000-8000-000000000001/PortNumber");
    assert_eq!(after(&first, &changes).outgoing, to_26(&first));

    let second = account(&found, "mail.office.test");
    let changes = APPLE_MAIL.changes(&second, &to_26(&second)).unwrap();
    assert_eq!(
        words(&changes),
        [
            "PortNumber <string>26</string>",
            "UseDefaultPorts <string>NO</string>",
            "SSLEnabled <string>YES</string>",
            "ShouldUseAuthentication <string>YES</string>",
            "Username <string>bob</string>",
            "SMTPIdentifier <string>mail.office.test:bob</string>",
        ]
    );
    let moved = after(&second, &changes);
    assert_eq!((moved.outgoing.clone(), moved.used), (to_26(&second), true));
    assert_eq!(APPLE_MAIL.changes(&moved, &to_26(&second)).unwrap(), []);
    // "The same as incoming" means the same name here, and is done after the first time.
    let same = SubmissionServer { credential: CredentialSource::SameAsIncoming, user: None, ..to_26(&second) };
    assert_eq!(APPLE_MAIL.changes(&second, &same).unwrap(), changes);
    assert_eq!(APPLE_MAIL.changes(&moved, &same).unwrap(), []);
}

#[test]
fn binary_files_with_numbers_and_booleans() {
    let found = found("binary_container");
    let first = account(&found, "smtp.hosting.test");
    assert_eq!(first.id, "apple_mail/smtp.hosting.test:ann");
    let changes = APPLE_MAIL.changes(&first, &to_26(&first)).unwrap();
    assert_eq!(
        words(&changes),
        [
            "PortNumber <integer>26</integer>",
            "UseDefaultPorts <false/>",
            "SSLEnabled <true/>",
            "ConfigureDynamically <false/>"
        ]
    );
    assert_eq!(after(&first, &changes).outgoing, to_26(&first));
    let second = account(&found, "smtp.second.test");
    let to = SubmissionServer { tls: TlsMode::None, ..to_26(&second) };
    let changes = APPLE_MAIL.changes(&second, &to).unwrap();
    assert_eq!(after(&second, &changes).outgoing, to);
    // Python's and Apple's writers keep equal numbers as one object: the other account must stay on 25.
    let Slot::Setting { file, .. } = &second.settings["host"].slot else { panic!() };
    let mut doc = PlistDoc::parse(&std::fs::read(file).unwrap()).unwrap();
    doc.set("DeliveryAccounts/#1/PortNumber", "<integer>26</integer>").unwrap();
    assert_eq!(doc.get("DeliveryAccounts/#0/PortNumber").unwrap().as_deref(), Some("<integer>25</integer>"));
}

#[test]
fn a_shared_server_moves_with_everybody() {
    let found = found("shared_server");
    let account = account(&found, "smtp.shared.test");
    assert_eq!(account.notices[0].code, "shared_server");
    assert_eq!(account.emails, ["gil@shared.test", "hal@shared.test"]);
    let changes = APPLE_MAIL.changes(&account, &to_26(&account)).unwrap();
    let identifiers: Vec<String> =
        words(&changes).into_iter().filter(|word| word.starts_with("SMTPIdentifier")).collect();
    assert_eq!(identifiers, ["SMTPIdentifier <string>smtp.shared.test:gil</string>"; 2]);
    let moved = after(&account, &changes);
    assert_eq!((moved.outgoing, moved.emails), (to_26(&account), account.emails.clone()));
}

#[test]
fn what_cannot_be_said_is_refused() {
    let found = found("typical");
    let third = account(&found, "smtp.unused.test");
    for to in [
        SubmissionServer { port: 26, ..third.outgoing.clone() },
        SubmissionServer { tls: TlsMode::Starttls, ..third.outgoing.clone() },
        SubmissionServer { auth: AuthSetting::Oauth2, ..third.outgoing.clone() },
    ] {
        assert!(matches!(APPLE_MAIL.changes(&third, &to), Err(PlanError::CannotExpress { .. })), "{to:?}");
    }
    let first = account(&found, "smtp.hosting.test");
    let to = SubmissionServer { port: 465, tls: TlsMode::Implicit, ..first.outgoing.clone() };
    let changes = APPLE_MAIL.changes(&first, &to).unwrap();
    assert_eq!(after(&first, &changes).outgoing, to);
}

#[test]
fn icloud_is_not_ours_and_an_odd_server_is_a_problem() {
    let found = found("icloud");
    assert_eq!(account(&found, "p01-smtp.mail.me.com").not_ours, Some(NotOurs::Icloud));
    assert_eq!(account(&found, "relay.hosting.test").not_ours, Some(NotOurs::Icloud));
    assert_eq!(found.problems.len(), 1);
    assert_eq!(found.problems[0].code, "server_unreadable");
}

#[test]
fn an_odd_receiving_account_hides_nothing_else() {
    let found = found("odd-receiver");
    let account = account(&found, "smtp.mailhub.test");
    assert_eq!((account.outgoing.port, account.used, account.emails.len()), (25, true, 1));
    let problems: Vec<_> = found.problems.iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!((found.accounts.len(), problems), (1, vec!["account_unreadable"]));
    assert!(found.problems[0].message.contains("PortNumber"), "{:?}", found.problems);
}

#[test]
fn an_odd_setting_of_a_receiving_account_leaves_it_a_sender() {
    let file = fixture("typical").folders.home.join(FILES[0]);
    let text = std::fs::read_to_string(file).unwrap();
    let user = "<key>Username</key>\n\t\t\t<string>bob</string>";
    assert!(text.contains(user), "the fixture has changed");
    let text = text.replace(user, "<key>Username</key>\n\t\t\t<real>1.5</real>");
    let mut found = Found::default();
    read(&PlistDoc::parse(text.as_bytes()).unwrap(), Path::new("Accounts.plist"), &mut found).unwrap();
    assert_eq!(account(&found, "mail.office.test").emails, ["bob@office.test", "info@office.test"]);
    assert!(found.problems.iter().all(|problem| problem.code == "account_unreadable") && !found.problems.is_empty());
}

#[test]
fn cdata_is_text_like_any_other() {
    let found = found("cdata");
    let account = account(&found, "mail.bee.test");
    assert_eq!((account.used, account.incoming.as_ref().unwrap().host.as_str()), (true, "mail.bee.test"));
    assert!(found.problems.is_empty());
    let to = SubmissionServer { host: "smtp.bee.test".to_owned(), ..to_26(&account) };
    let changes = APPLE_MAIL.changes(&account, &to).unwrap();
    assert!(words(&changes).contains(&"Hostname <string>smtp.bee.test</string>".to_owned()), "{:?}", words(&changes));
    assert_eq!(after(&account, &changes).outgoing, to);
}

#[test]
fn later_versions_are_explained() {
    let computer = fixture("modern");
    let at = APPLE_MAIL.detect(&computer).unwrap().unwrap();
    assert!(at.by_hand.iter().any(|step| step.contains("26")));
    assert!(APPLE_MAIL.accounts(&computer, &at).accounts.is_empty());

    let home = tempfile::tempdir().unwrap();
    assert_eq!(APPLE_MAIL.detect(&self::computer(home.path())).unwrap(), None);
    std::fs::create_dir_all(home.path().join("Library/Mail/V2/MailData")).unwrap();
    let file = home.path().join("Library/Mail/V2/MailData/Accounts.plist");
    std::fs::write(&file, b"bplist00 cut").unwrap();
    let broken = self::computer(home.path());
    let at = APPLE_MAIL.detect(&broken).unwrap().unwrap();
    assert_eq!(APPLE_MAIL.accounts(&broken, &at).problems[0].code, "accounts_unreadable");
    // An upgraded Mac still has the old file; Mail does not read it any more.
    std::fs::create_dir_all(home.path().join("Library/Accounts")).unwrap();
    std::fs::write(home.path().join("Library/Accounts/Accounts4.sqlite"), b"").unwrap();
    assert!(!APPLE_MAIL.detect(&broken).unwrap().unwrap().by_hand.is_empty());
}

#[test]
fn what_the_switches_mean() {
    for (ssl, layer, port, mode) in [
        (Some(false), Some(3), 465, TlsMode::None),
        (None, None, 465, TlsMode::None),
        (None, Some(2), 25, TlsMode::Starttls),
        (Some(true), Some(3), 26, TlsMode::Implicit),
        (Some(true), Some(1), 465, TlsMode::Implicit),
        (Some(true), None, 587, TlsMode::Starttls),
    ] {
        assert_eq!(plan::tls_mode(ssl, layer, port), mode, "{ssl:?} {layer:?} {port}");
    }
    assert_eq!(fields::flag_of(&Scalar::String("maybe".into())), None);
    assert!(plan::auth_of("x", Some("NEW-KIND")).is_err());
}

/// The list as it is, with `from` in it become `to`.
fn changed(case: &str, from: &str, to: &str) -> Found {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/apple_mail").join(case).join(FILES[0]);
    let text = std::fs::read_to_string(source).unwrap();
    assert!(text.contains(from));
    let doc = PlistDoc::parse(text.replace(from, to).as_bytes()).unwrap();
    let mut found = Found::default();
    read(&doc, Path::new("Accounts.plist"), &mut found).unwrap();
    found
}

#[test]
fn an_address_whose_server_is_gone_is_told() {
    let named = "<string>smtp.hosting.test:ann@hosting.test</string>";
    let found = changed("typical", named, "<string>smtp.gone.test:ann</string>");
    let told: Vec<_> = found.problems.iter().map(|problem| (problem.code.as_str(), problem.at.as_str())).collect();
    assert_eq!(told, [("no_outgoing_server", "ann@hosting.test")]);
    assert!(found.problems[0].message.contains("\"smtp.gone.test:ann\""), "{}", found.problems[0].message);
    assert!(!account(&found, "smtp.hosting.test").used);
}
