//! KMail on its own files: what is found, what is planned, and that writing it leads there.

use std::path::Path;

use port26_platform::computer::Os;

use super::*;
use crate::account::TlsMode;
use crate::clients::fixture::{at, fixture, running, to26, told, written_and_taken_back};

fn found(computer: &Computer) -> Found {
    KMAIL.accounts(computer, &KMAIL.detect(computer).unwrap().unwrap())
}

fn accounts(case: &str) -> Vec<Account> {
    let found = found(&fixture(&format!("kmail/{case}"), Os::Linux));
    assert_eq!(found.problems, []);
    found.accounts
}

fn made(files: &[(&str, &str)]) -> (tempfile::TempDir, Computer) {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join(".config")).unwrap();
    for (name, text) in files {
        std::fs::write(home.path().join(".config").join(name), text).unwrap();
    }
    let computer = at(home.path(), Os::Linux);
    (home, computer)
}

fn transport(lines: &str) -> (tempfile::TempDir, Computer) {
    made(&[(
        "mailtransports",
        &format!("[General]\ndefault-transport=7\n\n[Transport 7]\nid=7\nhost=mail.hosting.test\n{lines}"),
    )])
}

/// With the login that the address tells, as for an account that never logged in.
fn as_address(account: &Account) -> SubmissionServer {
    let user = account.email.clone();
    SubmissionServer { credential: CredentialSource::SameAsIncoming, user, ..to26(account) }
}

#[test]
fn what_is_not_written_is_the_default() {
    let account = accounts("25-noauth").remove(0);
    let outgoing = &account.outgoing;
    assert_eq!((account.id.as_str(), account.profile.as_str()), ("kmail/1123779862", "KMail"));
    assert_eq!(
        account.email.as_deref(),
        Some("jan@hosting.test"),
        "the identity without a transport has the default one"
    );
    assert_eq!((outgoing.port, outgoing.port_is_default, outgoing.tls), (25, true, TlsMode::None));
    assert_eq!((outgoing.auth, outgoing.mechanism), (AuthSetting::None, None), "a number is written all the same");
    assert!(!account.password_in_client);
    assert!(KMAIL.changes(&account, outgoing).unwrap().is_empty());
    let changes = KMAIL.changes(&account, &as_address(&account)).unwrap();
    assert_eq!(
        told(&changes),
        [
            "Transport 1123779862/port: - > 26",
            "Transport 1123779862/encryption: - > TLS",
            "Transport 1123779862/auth: - > true",
            "Transport 1123779862/authtype: 0 > 1",
            "Transport 1123779862/user: - > jan@hosting.test"
        ]
    );
    let file = "tests/fixtures/kmail/25-noauth/.config/mailtransports";
    written_and_taken_back(&std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap(), &changes);
}

#[test]
fn a_login_that_is_there_stays() {
    let login = accounts("587-login").remove(0);
    assert_eq!((login.outgoing.port, login.outgoing.tls), (587, TlsMode::Starttls));
    assert_eq!((login.outgoing.mechanism, login.outgoing.auth), (Some(Mechanism::Login), AuthSetting::Password));
    assert!(login.password_in_client);
    assert_eq!(told(&KMAIL.changes(&login, &to26(&login)).unwrap()), ["Transport 1123779862/port: 587 > 26"]);
    let plain = SubmissionServer { mechanism: Some(Mechanism::Plain), ..login.outgoing.clone() };
    assert_eq!(told(&KMAIL.changes(&login, &plain).unwrap()), ["Transport 1123779862/authtype: 0 > 1"]);
    let on_26 = accounts("26-keychain").remove(0);
    assert_eq!((on_26.outgoing.port, on_26.outgoing.mechanism), (26, Some(Mechanism::Plain)));
    let none = SubmissionServer {
        auth: AuthSetting::None,
        credential: CredentialSource::None,
        user: None,
        mechanism: None,
        ..on_26.outgoing.clone()
    };
    assert_eq!(told(&KMAIL.changes(&on_26, &none).unwrap()), ["Transport 1123779862/auth: true > false"]);
}

#[test]
fn the_flatpaks_of_kmail_and_kontact_have_their_own_files() {
    assert_eq!(accounts("flatpak").remove(0).id, "kmail/flatpak/1123779862");
    let (home, computer) = made(&[]);
    assert_eq!(KMAIL.detect(&computer).unwrap(), None);
    let folder = home.path().join(".var/app/org.kde.kontact/config");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("mailtransports"), "[Transport 1]\nhost=h\n").unwrap();
    assert_eq!(found(&computer).accounts[0].id, "kmail/kontact flatpak/1");
}

#[test]
fn logins_and_encryption_in_words_and_numbers() {
    use AuthSetting::{Encrypted, Kerberos, None, Ntlm, Oauth2, Password};
    for (lines, port, tls, auth) in [
        ("", 25, TlsMode::None, None),
        ("encryption=SSL\n", 25, TlsMode::Implicit, None),
        ("encryption=SSL\nport=465\nauth=true\n", 465, TlsMode::Implicit, Password),
        ("encryption=None\nauth=false\nauthtype=2\n", 25, TlsMode::None, None),
        ("encryption=TLS\nauth=true\nauthtype=2\n", 25, TlsMode::Starttls, Encrypted),
        ("auth=true\nauthtype=4\n", 25, TlsMode::None, Kerberos),
        ("auth=true\nauthtype=NTLM\n", 25, TlsMode::None, Ntlm),
        ("auth=true\nauthtype=9\n", 25, TlsMode::None, Oauth2),
    ] {
        let (_home, computer) = transport(lines);
        let account = found(&computer).accounts.remove(0);
        assert_eq!((account.outgoing.port, account.outgoing.tls, account.outgoing.auth), (port, tls, auth), "{lines}");
        assert_eq!(account.not_ours.is_some(), auth == Oauth2);
    }
}

#[test]
fn what_it_would_not_write_is_left_alone_and_told() {
    for lines in [
        "port=x\n",
        "port=70025\n",
        "encryption=STARTTLS\n",
        "auth=true\nauthtype=3\n",
        "auth=true\nauthtype=many\n",
        "port[$i]=25\n",
        "port=25\nencryption[$e]=$TLS\n",
    ] {
        let (_home, computer) = transport(lines);
        let found = found(&computer);
        assert_eq!((found.accounts.len(), found.problems.len()), (0, 1), "{lines}");
    }
    // What sends by something else than SMTP, and what has no server, is nothing to tell of.
    for lines in ["identifier=Akonadi EWS\n", "host=\n"] {
        let (_home, computer) = transport(lines);
        assert_eq!((found(&computer).accounts.len(), found(&computer).problems.len()), (0, 0), "{lines}");
    }
    let (_home, computer) = transport("precommand=ssh -fN relay\n");
    assert_eq!(found(&computer).accounts[0].not_ours, Some(NotOurs::LocalCommand));
    let (_home, computer) = made(&[("mailtransports", "no section")]);
    assert_eq!(found(&computer).problems.len(), 1);
}

#[test]
fn the_receiving_server_is_that_of_the_address() {
    let imap = "[network]\nImapServer=imap.hosting.test\nImapPort=993\nUserName=jan@hosting.test\n";
    let pop = "[General]\nhost=pop.other.test\nlogin=office\nport=995\n";
    let identity = "[Identity #0]\nEmail Address=jan@hosting.test\nTransport=7\n\n[Identity #1]\nEmail Address=b@other.test\nTransport=8\n";
    let transports = "[Transport 7]\nid=7\nhost=mail.hosting.test\n\n[Transport 8]\nid=8\nhost=mail.other.test\n";
    let files = [("mailtransports", transports), ("emailidentities", identity), ("akonadi_imap_resource_0rc", imap)];
    let (_home, computer) = made(&files);
    let both = found(&computer).accounts;
    assert_eq!(both[0].emails, ["jan@hosting.test"]);
    assert_eq!(
        both[1].incoming.as_ref().map(|server| server.host.as_str()),
        Some("imap.hosting.test"),
        "there is only one"
    );
    let (_home, computer) = made(&[&files[..], &[("akonadi_pop3_resource_0rc", pop)]].concat());
    let both = found(&computer).accounts;
    let incoming = both[0].incoming.as_ref().unwrap();
    assert_eq!(
        (incoming.protocol, incoming.port, incoming.user.as_deref()),
        (IncomingProtocol::Imap, Some(993), Some("jan@hosting.test"))
    );
    assert_eq!(both[1].incoming, None);
}

/// It neither writes the file when it ends nor sends by what it has in memory.
#[test]
fn an_open_kmail_is_no_obstacle() {
    let computer = running("kmail", fixture("kmail/25-noauth", Os::Linux));
    let account = accounts("25-noauth").remove(0);
    assert_eq!(KMAIL.in_use(&computer, &account), InUse::No);
    let nobody = SubmissionServer { user: None, ..to26(&account) };
    assert!(matches!(KMAIL.changes(&account, &nobody), Err(PlanError::CannotExpress { .. })));
}

#[test]
fn what_an_administrator_has_a_say_in_is_left_alone() {
    let held = |computer: &Computer| {
        let found = found(computer);
        (found.accounts.len(), found.problems.len())
    };
    let text = "[Transport 7]\nid=7\nhost=mail.hosting.test\n";
    for locked in ["[$i]\n", "[General][$i]\n"] {
        let (_home, computer) = made(&[("mailtransports", &format!("{locked}{text}"))]);
        assert_eq!(held(&computer), (0, 1), "{locked}");
    }
    // Of the whole system, beside the homes.
    let system = tempfile::tempdir().unwrap();
    let home = system.path().join("home/ola");
    std::fs::create_dir_all(home.join(".config")).unwrap();
    std::fs::write(home.join(".config/mailtransports"), text).unwrap();
    assert_eq!(held(&at(&home, Os::Linux)), (1, 0));
    std::fs::create_dir_all(system.path().join("etc/xdg")).unwrap();
    std::fs::write(system.path().join("etc/xdg/mailtransports"), "[Transport 7]\nport[$i]=25\n").unwrap();
    assert_eq!(held(&at(&home, Os::Linux)), (0, 1));
}
