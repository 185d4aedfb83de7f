//! Balsa on its own files: what is found, what is planned, and that writing it leads there.

use port26_platform::computer::Os;

use super::*;
use crate::change::Slot;
use crate::clients::fixture::{as_incoming, at, fixture, running, to26, told, written_and_taken_back};

fn found(computer: &Computer) -> Found {
    BALSA.accounts(computer, &BALSA.detect(computer).unwrap().unwrap())
}

fn accounts(case: &str) -> Vec<Account> {
    let found = found(&fixture(&format!("balsa/{case}"), Os::Linux));
    assert_eq!(found.problems, []);
    found.accounts
}

fn made(server: &str, user: &str) -> (tempfile::TempDir, Computer) {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join(".balsa")).unwrap();
    let config = format!("[identity-Jan]\nAddress=jan@hosting.test\nSmtpServer=Home\n\n[smtp-server-Home]\n{server}");
    std::fs::write(home.path().join(".balsa/config"), config).unwrap();
    std::fs::write(home.path().join(".balsa/config-private"), format!("[smtp-server-Home]\n{user}")).unwrap();
    let computer = at(home.path(), Os::Linux);
    (home, computer)
}

#[test]
fn an_account_without_a_login_gets_one_in_the_other_file() {
    let account = accounts("25-none").remove(0);
    let outgoing = &account.outgoing;
    assert_eq!((account.id.as_str(), account.profile.as_str(), account.used), ("balsa/Default", "Balsa", true));
    assert_eq!(account.email.as_deref(), Some("jan@hosting.test"));
    assert_eq!((outgoing.host.as_str(), outgoing.port, outgoing.tls), ("mail.hosting.test", 25, TlsMode::None));
    assert_eq!((outgoing.auth, outgoing.credential), (AuthSetting::None, CredentialSource::None));
    let incoming = account.incoming.as_ref().unwrap();
    assert_eq!((incoming.protocol, incoming.user.as_deref()), (IncomingProtocol::Pop3, Some("jan@hosting.test")));
    assert_eq!(account.notices[0].code, "password_question");
    assert!(BALSA.changes(&account, outgoing).unwrap().is_empty());
    let changes = BALSA.changes(&account, &as_incoming(&account)).unwrap();
    assert_eq!(
        told(&changes),
        [
            "smtp-server-Default/Server: mail.hosting.test:25 > mail.hosting.test:26",
            "smtp-server-Default/Security: 4 > 2",
            "smtp-server-Default/Anonymous: true > false",
            "smtp-server-Default/Username:  > jan@hosting.test"
        ]
    );
    for name in ["config", "config-private"] {
        let of_file = |change: &&Change| matches!(&change.slot, Slot::Setting { file, .. } if file.ends_with(name));
        let here: Vec<Change> = changes.iter().filter(of_file).cloned().collect();
        assert!(!here.is_empty());
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/balsa/25-none/.balsa").join(name);
        written_and_taken_back(&std::fs::read(file).unwrap(), &here);
    }
}

#[test]
fn a_login_that_is_there_stays_and_is_asked_for_again() {
    let account = accounts("587-starttls").remove(0);
    assert_eq!((account.outgoing.port, account.outgoing.tls), (587, TlsMode::Starttls));
    assert_eq!(
        (account.outgoing.auth, account.outgoing.user.as_deref()),
        (AuthSetting::Password, Some("jan@hosting.test"))
    );
    assert!(!account.password_in_client, "that of port 587 is of no use on 26");
    let changes = told(&BALSA.changes(&account, &to26(&account)).unwrap());
    assert_eq!(changes, ["smtp-server-Default/Server: mail.hosting.test:587 > mail.hosting.test:26"]);
}

/// Its wizard ticks a login, names nobody and chooses no encryption.
#[test]
fn what_the_first_start_leaves_is_no_login() {
    let account = accounts("first-start").remove(0);
    assert_eq!((account.outgoing.tls, account.outgoing.auth), (TlsMode::None, AuthSetting::None));
    let changes = told(&BALSA.changes(&account, &as_incoming(&account)).unwrap());
    assert_eq!(
        changes,
        [
            "smtp-server-Default/Server: mail.hosting.test:25 > mail.hosting.test:26",
            "smtp-server-Default/Security: 0 > 2",
            "smtp-server-Default/Username:  > jan@hosting.test"
        ]
    );
}

#[test]
fn encryption_if_offered_becomes_encryption() {
    let (_home, computer) =
        made("Server=mail.hosting.test:25\nSecurity=3\nAnonymous=false\n", "Username=jan\nPassword=\n");
    let account = found(&computer).accounts.remove(0);
    assert_eq!((account.outgoing.tls, account.used), (TlsMode::Starttls, true));
    let changes = told(&BALSA.changes(&account, &to26(&account)).unwrap());
    assert_eq!(
        changes,
        ["smtp-server-Home/Server: mail.hosting.test:25 > mail.hosting.test:26", "smtp-server-Home/Security: 3 > 2"]
    );
    let none = SubmissionServer {
        auth: AuthSetting::None,
        credential: CredentialSource::None,
        user: None,
        tls: TlsMode::Implicit,
        ..account.outgoing.clone()
    };
    let changes = told(&BALSA.changes(&account, &none).unwrap());
    assert_eq!(changes, ["smtp-server-Home/Security: 3 > 1", "smtp-server-Home/Anonymous: false > true"]);
}

#[test]
fn a_name_that_is_no_servers_stands_for_the_first() {
    let (home, computer) = made("Server=mail.hosting.test:25\nSecurity=4\nAnonymous=true\n", "Username=\n");
    let config = home.path().join(".balsa/config");
    let text = std::fs::read_to_string(&config).unwrap().replace("SmtpServer=Home", "SmtpServer=Work");
    std::fs::write(&config, text).unwrap();
    assert!(found(&computer).accounts[0].used);
    let second = "[smtp-server-Second]\nServer=mail.hosting.test:25\nSecurity=4\nAnonymous=true\n";
    std::fs::write(&config, std::fs::read_to_string(&config).unwrap() + second).unwrap();
    let found = found(&computer).accounts;
    assert_eq!(found.iter().map(|account| account.used).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_newer_balsa_is_told_and_its_old_folder_left_alone() {
    let (home, computer) = made("Server=h:25\nSecurity=4\nAnonymous=true\n", "Username=\n");
    std::fs::create_dir_all(home.path().join(".config/balsa")).unwrap();
    std::fs::write(home.path().join(".config/balsa/config"), "[Globals]\n").unwrap();
    assert_eq!(BALSA.detect(&computer).unwrap_err().code, "newer_program");
}

#[test]
fn what_it_would_not_write_is_left_alone_and_told() {
    for server in [
        "Server=mail.hosting.test\nSecurity=4\n",
        "Server=h:x\nSecurity=4\n",
        "Server=h:25\nSecurity=9\n",
        "Server=h:25\n",
        "Server=h:25\nSecurity=4\nAuthMode=1\n",
    ] {
        let (_home, computer) = made(server, "Username=\n");
        let found = found(&computer);
        assert_eq!((found.accounts.len(), found.problems.len()), (0, 1), "{server}");
    }
    // There is nowhere to put a user.
    let (home, computer) = made("Server=h:25\nSecurity=4\nAnonymous=true\n", "Username=\n");
    for private in [None, Some("[mailbox-1]\nUsername=jan\n")] {
        let file = home.path().join(".balsa/config-private");
        match private {
            None => std::fs::remove_file(&file).unwrap(),
            Some(text) => std::fs::write(&file, text).unwrap(),
        }
        let account = found(&computer).accounts.remove(0);
        let to = SubmissionServer { user: Some("jan".to_owned()), ..to26(&account) };
        assert!(matches!(BALSA.changes(&account, &to), Err(PlanError::Unexpected { .. })), "{private:?}");
    }
    std::fs::write(home.path().join(".balsa/config-private"), b"\0").unwrap();
    assert_eq!((found(&computer).accounts.len(), found(&computer).problems.len()), (0, 1));
}

#[test]
fn open_means_that_it_runs() {
    let computer = fixture("balsa/25-none", Os::Linux);
    let account = accounts("25-none").remove(0);
    assert_eq!(BALSA.in_use(&computer, &account), InUse::No);
    let computer = running("balsa", computer);
    assert_eq!(BALSA.in_use(&computer, &account), InUse::Yes(Some(7)));
}
