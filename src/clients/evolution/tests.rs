//! Evolution on its own files: what is found, what is planned, and that writing it leads there.

use port26_platform::computer::Os;

use super::*;
use crate::clients::fixture::{as_incoming, at, fixture, running, to26, told, written_and_taken_back};

const UID: &str = "16372fc18fc0e233e2ab4ba0e131ff0c6f8e6e2a";

fn found(computer: &Computer) -> Found {
    EVOLUTION.accounts(computer, &EVOLUTION.detect(computer).unwrap().unwrap())
}

fn accounts(case: &str) -> Vec<Account> {
    let found = found(&fixture(&format!("evolution/{case}"), Os::Linux));
    assert_eq!(found.problems, []);
    found.accounts
}

/// An account, its identity and its server with these lines.
fn made(authentication: &str, rest: &str) -> (tempfile::TempDir, Computer) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/evolution/sources");
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| std::fs::write(folder.join(format!("{name}.source")), text).unwrap();
    file(
        "account",
        "[Data Source]\nEnabled=true\nParent=\n\n[Mail Account]\nBackendName=imapx\nIdentityUid=identity\n\n[Authentication]\nHost=imap.hosting.test\nPort=993\nUser=jan\n",
    );
    file(
        "identity",
        "[Data Source]\nParent=account\n\n[Mail Submission]\nTransportUid=server\n\n[Mail Identity]\nAddress=jan@hosting.test\n",
    );
    let text = format!(
        "[Data Source]\nEnabled=true\nParent=account\n\n[Authentication]\nHost=mail.hosting.test\n{authentication}\n[Mail Transport]\nBackendName=smtp\n{rest}"
    );
    file("server", &text);
    let computer = at(home.path(), Os::Linux);
    (home, computer)
}

#[test]
fn a_user_that_is_written_is_no_login() {
    let account = accounts("25-noauth").remove(0);
    let outgoing = &account.outgoing;
    assert_eq!((account.id.clone(), account.profile.as_str()), (format!("evolution/{UID}"), "Evolution"));
    assert_eq!((account.email.as_deref(), account.used), (Some("jan@hosting.test"), true));
    assert_eq!((outgoing.port, outgoing.tls, outgoing.auth), (25, TlsMode::None, AuthSetting::None));
    assert_eq!((&outgoing.user, account.password_in_client), (&None, false));
    let incoming = account.incoming.as_ref().unwrap();
    assert_eq!((incoming.protocol, incoming.port), (IncomingProtocol::Imap, Some(143)));
    assert_eq!(incoming.user.as_deref(), Some("jan@hosting.test"));
    assert!(EVOLUTION.changes(&account, outgoing).unwrap().is_empty());
    let changes = EVOLUTION.changes(&account, &as_incoming(&account)).unwrap();
    assert_eq!(
        told(&changes),
        [
            "Authentication/Port: 25 > 26",
            "Security/Method: none > starttls-on-standard-port",
            "Authentication/Method: none > PLAIN",
            "Authentication/User: jan > jan@hosting.test"
        ]
    );
    let file = format!("tests/fixtures/evolution/25-noauth/.config/evolution/sources/{UID}.source");
    written_and_taken_back(&std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap(), &changes);
}

#[test]
fn a_login_that_is_there_stays() {
    let account = accounts("587-starttls").remove(0);
    assert_eq!((account.outgoing.port, account.outgoing.tls), (587, TlsMode::Starttls));
    assert_eq!(account.outgoing.mechanism, Some(Mechanism::Plain));
    assert!(account.password_in_client);
    assert_eq!(told(&EVOLUTION.changes(&account, &to26(&account)).unwrap()), ["Authentication/Port: 587 > 26"]);
    let login = SubmissionServer { mechanism: Some(Mechanism::Login), ..account.outgoing.clone() };
    assert_eq!(told(&EVOLUTION.changes(&account, &login).unwrap()), ["Authentication/Method: PLAIN > LOGIN"]);
    let none = SubmissionServer {
        auth: AuthSetting::None,
        credential: CredentialSource::None,
        user: None,
        mechanism: None,
        ..account.outgoing.clone()
    };
    assert_eq!(told(&EVOLUTION.changes(&account, &none).unwrap()), ["Authentication/Method: PLAIN > none"]);
}

#[test]
fn a_flatpak_has_its_own_folder() {
    let account = accounts("flatpak").remove(0);
    assert_eq!((account.id, account.profile), (format!("evolution/flatpak/{UID}"), "Evolution (flatpak)".to_owned()));
}

#[test]
fn words_of_the_login_and_the_encryption() {
    use AuthSetting::{Encrypted, Kerberos, None, Oauth2, Password};
    for (method, security, tls, auth) in [
        ("none", "none", TlsMode::None, None),
        ("LOGIN", "ssl-on-alternate-port", TlsMode::Implicit, Password),
        ("CRAM-MD5", "starttls-on-standard-port", TlsMode::Starttls, Encrypted),
        ("GSSAPI", "none", TlsMode::None, Kerberos),
        ("Google", "none", TlsMode::None, Oauth2),
    ] {
        let security = format!("\n[Security]\nMethod={security}\n");
        let (_home, computer) = made(&format!("Method={method}\nPort=2525\nUser=jan\n"), &security);
        let account = found(&computer).accounts.remove(0);
        assert_eq!((account.outgoing.port, account.outgoing.tls, account.outgoing.auth), (2525, tls, auth), "{method}");
        assert_eq!(account.not_ours.is_some(), auth == Oauth2);
    }
}

#[test]
fn what_is_switched_off_unused_or_of_the_desktop() {
    let login = "Method=none\nPort=25\n";
    let (home, computer) = made(login, "");
    assert!(found(&computer).accounts[0].used);
    let folder = home.path().join(".config/evolution/sources");
    let account = std::fs::read_to_string(folder.join("account.source")).unwrap();
    std::fs::write(folder.join("account.source"), account.replace("Enabled=true", "Enabled=false")).unwrap();
    assert!(!found(&computer).accounts[0].used, "its account is switched off");
    std::fs::write(folder.join("account.source"), format!("{account}\n[GNOME Online Accounts]\nAccountId=account_1\n"))
        .unwrap();
    assert_eq!(found(&computer).accounts[0].not_ours, Some(NotOurs::OnlineAccounts));
    // A chain that bites its tail ends.
    std::fs::write(folder.join("account.source"), account.replace("Parent=", "Parent=server")).unwrap();
    assert_eq!(found(&computer).accounts.len(), 1);
    std::fs::remove_file(folder.join("identity.source")).unwrap();
    assert!(!found(&computer).accounts[0].used, "no identity sends through it");
    std::fs::write(folder.join("server.source"), "[Mail Transport]\nBackendName=ews\n").unwrap();
    assert_eq!(found(&computer).accounts[0].not_ours, Some(NotOurs::Exchange));
    std::fs::write(folder.join("server.source"), "[Mail Transport]\nBackendName=sendmail\n").unwrap();
    assert_eq!(found(&computer).accounts.len(), 0);
}

#[test]
fn what_it_would_not_write_is_left_alone_and_told() {
    for (login, security) in [
        ("Method=none\n", ""),
        ("Method=none\nPort=0\n", ""),
        ("Method=none\nPort=x\n", ""),
        ("Method=DIGEST-MD5\nPort=25\n", ""),
        ("Method=none\nPort=25\n", "\n[Security]\nMethod=tls\n"),
    ] {
        let (_home, computer) = made(login, security);
        let found = found(&computer);
        assert_eq!((found.accounts.len(), found.problems.len()), (0, 1), "{login}{security}");
    }
    // There is nowhere to put the encryption.
    let (_home, computer) = made("Method=none\nPort=25\n", "");
    let account = found(&computer).accounts.remove(0);
    assert!(matches!(EVOLUTION.changes(&account, &as_incoming(&account)), Err(PlanError::Unexpected { .. })));
}

#[test]
fn open_means_that_it_runs() {
    let computer = fixture("evolution/25-noauth", Os::Linux);
    let account = accounts("25-noauth").remove(0);
    assert_eq!(EVOLUTION.in_use(&computer, &account), InUse::No);
    let computer = running("evolution", computer);
    assert_eq!(EVOLUTION.in_use(&computer, &account), InUse::Yes(Some(7)));
}
