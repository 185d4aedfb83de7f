//! Geary on its own files: what is found, what is planned, and that writing it leads there.

use port26_platform::computer::Os;

use super::*;
use crate::account::Mechanism;
use crate::clients::fixture::{as_incoming, at, fixture, running, to26, told, written_and_taken_back};

fn found(computer: &Computer) -> Found {
    GEARY.accounts(computer, &GEARY.detect(computer).unwrap().unwrap())
}

fn accounts(case: &str) -> Vec<Account> {
    let found = found(&fixture(&format!("geary/{case}"), Os::Linux));
    assert_eq!(found.problems, []);
    found.accounts
}

/// A file with these lines in its section of sending.
fn made(outgoing: &str) -> (tempfile::TempDir, Computer) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/geary/account_01");
    std::fs::create_dir_all(&folder).unwrap();
    let head = "[Metadata]\nversion=1\n\n[Account]\nsender_mailboxes=jan@hosting.test;\nservice_provider=other\n\n[Incoming]\n\
                login=jan\nhost=mail.hosting.test\ntransport_security=transport\ncredentials=custom\n\n[Outgoing]\n";
    std::fs::write(folder.join("geary.ini"), format!("{head}{outgoing}")).unwrap();
    let computer = at(home.path(), Os::Linux);
    (home, computer)
}

#[test]
fn an_account_without_a_login_takes_that_for_receiving() {
    let account = accounts("25-noauth").remove(0);
    let outgoing = &account.outgoing;
    assert_eq!((account.id.as_str(), account.profile.as_str()), ("geary/account_01", "Geary"));
    assert_eq!((account.email.as_deref(), account.used), (Some("jan@hosting.test"), true));
    assert_eq!((outgoing.host.as_str(), outgoing.port, outgoing.port_is_default), ("mail.hosting.test", 25, false));
    assert_eq!((outgoing.tls, outgoing.auth, &outgoing.user), (TlsMode::None, AuthSetting::None, &None));
    assert_eq!(account.incoming.as_ref().and_then(|incoming| incoming.port), Some(993));
    assert!(account.password_in_client);
    assert!(GEARY.changes(&account, outgoing).unwrap().is_empty());
    let changes = GEARY.changes(&account, &as_incoming(&account)).unwrap();
    assert_eq!(
        told(&changes),
        [
            "Outgoing/port: 25 > 26",
            "Outgoing/transport_security: none > start-tls",
            "Outgoing/credentials: none > use-incoming"
        ]
    );
    let file = "tests/fixtures/geary/25-noauth/.config/geary/account_01/geary.ini";
    let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    written_and_taken_back(&bytes, &changes);
}

#[test]
fn a_login_that_is_there_stays() {
    let account = accounts("587-starttls").remove(0);
    assert_eq!((account.outgoing.port, account.outgoing.tls), (587, TlsMode::Starttls));
    assert_eq!(account.outgoing.credential, CredentialSource::SameAsIncoming);
    assert_eq!(account.outgoing.user.as_deref(), Some("jan@hosting.test"));
    assert_eq!(told(&GEARY.changes(&account, &to26(&account)).unwrap()), ["Outgoing/port: 587 > 26"]);
    let named = SubmissionServer { mechanism: Some(Mechanism::Login), ..to26(&account) };
    assert!(matches!(GEARY.changes(&account, &named), Err(PlanError::CannotExpress { .. })), "no setting names it");
}

/// One with a login of its own, one that is switched off, one at Google, and one that the desktop keeps.
#[test]
fn several_accounts_each_in_a_file_of_its_own() {
    let all = accounts("several-accounts");
    let ids: Vec<&str> = all.iter().map(|account| account.id.as_str()).collect();
    let expected = ["geary/account_02", "geary/account_03", "geary/account_04", "geary/goa_account_1700000000_0"];
    assert_eq!(ids, expected);
    let [own, disabled, google, desktop] = &all[..] else { panic!() };
    assert_eq!((own.outgoing.credential, own.outgoing.user.as_deref()), (CredentialSource::Own, Some("jan.smtp")));
    assert_eq!(own.emails, ["jan@hosting.test", "office@hosting.test"]);
    let changes = GEARY.changes(own, &to26(own)).unwrap();
    assert_eq!(told(&changes), ["Outgoing/port: 465 > 26", "Outgoing/transport_security: transport > start-tls"]);
    let plain = SubmissionServer {
        auth: AuthSetting::None,
        credential: CredentialSource::None,
        user: None,
        ..own.outgoing.clone()
    };
    assert_eq!(told(&GEARY.changes(own, &plain).unwrap()), ["Outgoing/credentials: custom > none"]);
    assert!(!disabled.used && own.used);
    assert_eq!((google.not_ours, desktop.not_ours), (Some(NotOurs::Google), Some(NotOurs::OnlineAccounts)));
    assert!(GEARY.changes(google, &to26(google)).is_err());
}

#[test]
fn a_flatpak_has_its_own_folder() {
    let account = accounts("flatpak").remove(0);
    assert_eq!((account.id.as_str(), account.profile.as_str()), ("geary/flatpak/account_01", "Geary (flatpak)"));
}

#[test]
fn where_no_port_is_written_encryption_and_login_decide() {
    for (lines, port) in [
        ("transport_security=none\ncredentials=none\n", 25),
        ("port=0\ntransport_security=start-tls\ncredentials=none\n", 25),
        ("port=0\ntransport_security=start-tls\ncredentials=use-incoming\n", 587),
        ("transport_security=none\ncredentials=use-incoming\n", 587),
        ("transport_security=transport\ncredentials=none\n", 465),
    ] {
        let (_home, computer) = made(&format!("host=mail.hosting.test\n{lines}"));
        let account = found(&computer).accounts.remove(0);
        assert_eq!((account.outgoing.port, account.outgoing.port_is_default), (port, true), "{lines}");
    }
    // To STARTTLS on its default port: the port is the same as the default then, and 465 before was nobody's line.
    let (_home, computer) = made("host=mail.hosting.test\ntransport_security=transport\ncredentials=use-incoming\n");
    let account = found(&computer).accounts.remove(0);
    let to = SubmissionServer { port: 465, tls: TlsMode::Starttls, ..account.outgoing.clone() };
    let changes = told(&GEARY.changes(&account, &to).unwrap());
    assert_eq!(changes, ["Outgoing/port: - > 465", "Outgoing/transport_security: transport > start-tls"]);
}

#[test]
fn another_login_than_that_for_receiving_is_one_of_its_own() {
    let account = accounts("587-starttls").remove(0);
    let to = SubmissionServer { user: Some("jan.smtp".to_owned()), ..to26(&account) };
    assert_eq!(
        told(&GEARY.changes(&account, &to).unwrap()),
        ["Outgoing/port: 587 > 26", "Outgoing/credentials: use-incoming > custom", "Outgoing/login: - > jan.smtp"]
    );
}

#[test]
fn what_it_would_not_write_is_left_alone_and_told() {
    for lines in [
        "transport_security=none\ncredentials=none\n",
        "host=h\ntransport_security=tls\ncredentials=none\n",
        "host=h\ntransport_security=none\n",
        "host=h\ntransport_security=none\ncredentials=all\n",
        "host=h\nport=70025\ntransport_security=none\ncredentials=none\n",
        "host=h\nport=x\ntransport_security=none\ncredentials=none\n",
        "host=h\\q\ntransport_security=none\ncredentials=none\n",
    ] {
        let (_home, computer) = made(lines);
        let found = found(&computer);
        assert_eq!((found.accounts.len(), found.problems.len()), (0, 1), "{lines}");
        assert_eq!(found.problems[0].code, "account_unreadable");
    }
    let (home, computer) = made("");
    let file = home.path().join(".config/geary/account_01/geary.ini");
    for bytes in [&b"[Metadata]\nversion=2\n"[..], b"[AccountInformation]\nprimary_email=a@b.test\n", b"", b"\0\0"] {
        std::fs::write(&file, bytes).unwrap();
        let found = found(&computer);
        assert_eq!((found.accounts.len(), found.problems.len()), (0, 1), "{bytes:?}");
    }
    std::fs::write(&file, "[Metadata]\nversion=1\nstatus=removed\n").unwrap();
    assert_eq!(found(&computer).accounts.len() + found(&computer).problems.len(), 0);
}

#[test]
fn a_section_that_stands_twice_is_left_alone() {
    let lines = "host=h\nport=25\ntransport_security=none\ncredentials=use-incoming\n\n[Outgoing]\nlogin=b\n";
    let (_home, computer) = made(lines);
    let account = found(&computer).accounts.remove(0);
    let to = SubmissionServer { user: Some("own".to_owned()), credential: CredentialSource::Own, ..to26(&account) };
    let changes = GEARY.changes(&account, &to).unwrap();
    assert!(!changes.is_empty(), "each line stands once, so that each can be changed where it is");
    let twice = made("host=h\nport=25\ntransport_security=none\ncredentials=none\n[Outgoing]\nport=26\n");
    assert_eq!(found(&twice.1).problems.len(), 1);
}

#[test]
fn open_means_that_it_runs() {
    let computer = fixture("geary/25-noauth", Os::Linux);
    let account = accounts("25-noauth").remove(0);
    assert_eq!(GEARY.in_use(&computer, &account), InUse::No);
    let computer = running("geary", computer);
    assert_eq!(GEARY.in_use(&computer, &account), InUse::Yes(Some(7)));
}
