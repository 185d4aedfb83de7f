//! Claws Mail on invented homes: what is found, what is planned, and that writing it leads there.

use std::sync::Arc;

use port26_platform::processes::{Holder, Processes};
use proptest::prelude::*;

use super::*;
use crate::account::{AuthSetting, CredentialSource, IncomingProtocol, TlsMode};
use crate::clients::fixture::at;
use crate::clients::fixture::{applied, to26, told, written_and_taken_back};
use crate::formats::Document;
use crate::formats::key_file::KeyFile;

fn fixture(case: &str, os: Os) -> Computer {
    crate::clients::fixture::fixture(&format!("claws_mail/{case}"), os)
}

fn accounts(computer: &Computer) -> Vec<Account> {
    CLAWS_MAIL.accounts(computer, &CLAWS_MAIL.detect(computer).unwrap().unwrap()).accounts
}

fn found(computer: &Computer) -> Found {
    CLAWS_MAIL.accounts(computer, &CLAWS_MAIL.detect(computer).unwrap().unwrap())
}

#[test]
fn an_account_without_authentication_takes_the_incoming_credentials() {
    let computer = fixture("linux-25-noauth", Os::Linux);
    let found = accounts(&computer);
    assert_eq!(found.iter().map(|account| account.id.as_str()).collect::<Vec<_>>(), ["claws_mail/1", "claws_mail/3"]);
    let account = &found[0];
    let outgoing = &account.outgoing;
    assert_eq!((outgoing.host.as_str(), outgoing.port, outgoing.port_is_default), ("mail.hosting.test", 25, true));
    assert_eq!((outgoing.tls, outgoing.auth, &outgoing.user), (TlsMode::None, AuthSetting::None, &None));
    assert!(account.password_in_client);
    assert_eq!(account.notices[0].code, "certificate_question");
    let incoming = account.incoming.as_ref().unwrap();
    assert_eq!((incoming.protocol, incoming.port), (IncomingProtocol::Pop3, Some(110)));
    assert!(CLAWS_MAIL.changes(account, outgoing).unwrap().is_empty());
    let to = SubmissionServer {
        credential: CredentialSource::SameAsIncoming,
        user: Some("ada@hosting.test".to_owned()),
        ..to26(account)
    };
    let changes = CLAWS_MAIL.changes(account, &to).unwrap();
    assert_eq!(
        told(&changes),
        [
            "Account: 1/ssl_smtp: 0 > 2",
            "Account: 1/set_smtpport: 0 > 1",
            "Account: 1/smtp_port: 25 > 26",
            "Account: 1/use_smtp_auth: 0 > 1"
        ]
    );
    let bytes = std::fs::read(computer.folders.home.join(".claws-mail/accountrc")).unwrap();
    written_and_taken_back(&bytes, &changes);
}

/// Automatic takes CRAM-MD5 first where it is offered; what was proven is named in the same change, and reads back.
#[test]
fn a_mechanism_is_named_and_taken_back_with_the_rest() {
    let computer = fixture("4.1-25-noauth", Os::Linux);
    let account = accounts(&computer).into_iter().find(|account| account.not_ours.is_none()).unwrap();
    assert_eq!(account.outgoing.mechanism, None);
    let bytes = std::fs::read(computer.folders.home.join(".claws-mail/accountrc")).unwrap();
    for (mechanism, number) in [(Mechanism::Plain, "16"), (Mechanism::Login, "1")] {
        let to = SubmissionServer {
            credential: CredentialSource::SameAsIncoming,
            user: account.incoming.as_ref().unwrap().user.clone(),
            mechanism: Some(mechanism),
            ..to26(&account)
        };
        let changes = CLAWS_MAIL.changes(&account, &to).unwrap();
        let named = format!("smtp_auth_method: 0 > {number}");
        assert!(told(&changes).iter().any(|change| change.ends_with(&named)), "{:?}", told(&changes));
        let mut doc = KeyFile::parse(&bytes).unwrap();
        applied(&mut doc, changes.clone());
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".claws-mail")).unwrap();
        std::fs::write(home.path().join(".claws-mail/accountrc"), doc.to_bytes()).unwrap();
        let now = accounts(&at(home.path().to_owned(), Os::Linux));
        let now = now.iter().find(|now| now.id == account.id).unwrap();
        assert_eq!((now.outgoing.port, now.outgoing.mechanism), (26, Some(mechanism)));
        applied(&mut doc, changes.iter().rev().map(Change::inverse));
        assert_eq!(doc.to_bytes(), bytes);
    }
}

/// The keys are those of a file that Claws Mail 4.1.1 wrote.
#[test]
fn a_priority_of_gnutls_counts_where_it_is_switched_on() {
    let written =
        std::fs::read_to_string(fixture("4.1-25-noauth", Os::Linux).folders.home.join(".claws-mail/accountrc"))
            .unwrap();
    let newest = |switch: &str, priority: &str| {
        let text = written
            .replace("gnutls_set_priority=0", &format!("gnutls_set_priority={switch}"))
            .replace("gnutls_priority=\n", &format!("gnutls_priority={priority}\n"));
        assert_ne!(text, written);
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".claws-mail")).unwrap();
        std::fs::write(home.path().join(".claws-mail/accountrc"), text).unwrap();
        let computer = at(home.path().to_owned(), Os::Linux);
        let account = accounts(&computer).into_iter().find(|account| account.not_ours.is_none()).unwrap();
        let tls = CLAWS_MAIL.abilities(&computer, &account).tls;
        (tls.is.newest.number(), tls.is_verified())
    };
    assert_eq!(newest("1", "NORMAL:-VERS-TLS1.3"), ("1.2", true));
    assert_eq!(newest("0", "NORMAL:-VERS-TLS1.3"), ("1.3", true));
    assert_eq!(newest("1", "@SYSTEM"), ("1.3", false));
}

#[test]
fn an_account_that_sends_through_a_program_is_not_ours() {
    let account = accounts(&fixture("linux-25-noauth", Os::Linux)).remove(1);
    assert_eq!(account.not_ours, Some(NotOurs::LocalCommand));
    assert!(CLAWS_MAIL.changes(&account, &to26(&account)).is_err());
}

#[test]
fn an_account_with_its_own_credentials_keeps_them() {
    let found = accounts(&fixture("windows-auth", Os::Windows));
    let account = &found[0];
    assert_eq!(account.id, "claws_mail/2");
    let outgoing = &account.outgoing;
    assert_eq!((outgoing.port, outgoing.port_is_default, outgoing.tls), (25, false, TlsMode::Starttls));
    assert_eq!((outgoing.credential, outgoing.user.as_deref()), (CredentialSource::Own, Some("ada.smtp")));
    // only the incoming password is saved
    assert!(!account.password_in_client && account.notices.is_empty());
    assert_eq!(account.incoming.as_ref().unwrap().port, Some(993));
    assert_eq!(told(&CLAWS_MAIL.changes(account, &to26(account)).unwrap()), ["Account: 2/smtp_port: 25 > 26"]);
    let to = SubmissionServer { host: "relay.isp.test".to_owned(), user: Some("other".to_owned()), ..to26(account) };
    assert_eq!(
        told(&CLAWS_MAIL.changes(account, &to).unwrap()),
        [
            "Account: 2/smtp_server: smtp.office.test > relay.isp.test",
            "Account: 2/smtp_port: 25 > 26",
            "Account: 2/smtp_user_id: ada.smtp > other"
        ]
    );
}

fn made(section: &str) -> (tempfile::TempDir, Computer) {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join(".claws-mail")).unwrap();
    let text = format!("[Account: 1]\naddress=ada@hosting.test\nsmtp_server=mail.hosting.test\n{section}");
    std::fs::write(home.path().join(".claws-mail/accountrc"), text).unwrap();
    let computer = at(home.path().to_owned(), Os::Linux);
    (home, computer)
}

#[test]
fn methods_and_ports_as_claws_reads_them() {
    for (section, port, auth) in [
        (
            "set_smtpport=0\nsmtp_port=2525\nssl_smtp=1\nuse_smtp_auth=1\nsmtp_auth_method=0\n",
            465,
            AuthSetting::Password,
        ),
        ("smtp_port=2525\nssl_smtp=2\nuse_smtp_auth=1\nsmtp_auth_method=2\n", 25, AuthSetting::Encrypted),
        // One method or none: a sum of them, and a number of none, log in nowhere.
        ("smtp_port=2525\nssl_smtp=2\nuse_smtp_auth=1\nsmtp_auth_method=6\n", 25, AuthSetting::None),
        ("use_smtp_auth=1\nsmtp_auth_method=8\n", 25, AuthSetting::None),
        ("set_smtpport=1\nsmtp_port=587\nuse_smtp_auth=1\nsmtp_auth_method=32\n", 587, AuthSetting::Oauth2),
        ("use_smtp_auth=1\nsmtp_auth_method=18\n", 25, AuthSetting::None),
        ("use_smtp_auth=1\nsmtp_auth_method=16\n", 25, AuthSetting::Password),
        ("use_smtp_auth=TRUE\nset_smtpport=TRUE\nsmtp_port=2525x\n", 2525, AuthSetting::Password),
        // A blank is not 0; an empty value is no.
        ("use_smtp_auth=\nset_smtpport= 0\nsmtp_port= 2525\n", 2525, AuthSetting::None),
        ("use_smtp_auth=FALSE\nset_smtpport=1\nsmtpport=587\n", 25, AuthSetting::Password),
        ("set_smtpport=1\nssl_smtp=1\n", 25, AuthSetting::None),
        ("SET_SMTPPORT=1\nSmtp_Port=99\n smtp_port=98\nsmtp_port =97\n", 99, AuthSetting::None),
        ("set_smtpport=1\nsmtp_port=99\n[note\nsmtp_port=98\n", 99, AuthSetting::None),
        ("", 25, AuthSetting::None),
    ] {
        let (_home, computer) = made(section);
        let account = accounts(&computer).remove(0);
        assert_eq!((account.outgoing.port, account.outgoing.auth), (port, auth), "{section}");
        assert_eq!(account.not_ours.is_some(), auth == AuthSetting::Oauth2);
    }
}

#[test]
fn a_port_that_is_not_written_moves_with_the_tls_mode() {
    let (_home, computer) = made("user_id=ada\nuse_smtp_auth=1\nset_smtpport=0\nsmtp_port=25\nssl_smtp=1\n");
    let account = accounts(&computer).remove(0);
    assert_eq!(account.outgoing.port, 465);
    let plan = |port, tls| {
        told(&CLAWS_MAIL.changes(&account, &SubmissionServer { port, tls, ..account.outgoing.clone() }).unwrap())
    };
    assert_eq!(plan(25, TlsMode::Starttls), ["Account: 1/ssl_smtp: 1 > 2"]);
    assert_eq!(
        plan(465, TlsMode::Starttls),
        ["Account: 1/ssl_smtp: 1 > 2", "Account: 1/set_smtpport: 0 > 1", "Account: 1/smtp_port: 25 > 465"]
    );
}

#[test]
fn unexpected_shapes_are_left_alone() {
    for section in [
        "[Account: 1]\nsmtp_port=25\n",
        "smtp_auth_method=yes\n",
        "smtp_auth_method=64\n",
        "SMTP_PORT=26\n",
        "smtp_port =26\n",
        "[note\n",
    ] {
        let (_home, computer) = made(&format!("user_id=ada\nsmtp_port=25\n{section}"));
        let account = accounts(&computer).remove(0);
        let to = SubmissionServer { user: Some("ada".to_owned()), ..to26(&account) };
        assert!(matches!(CLAWS_MAIL.changes(&account, &to), Err(PlanError::Unexpected { .. })), "{section}");
    }
}

#[test]
fn what_is_no_port_and_what_stands_twice_are_problems() {
    for port in ["x", "0", "70025", "-5", ""] {
        let (_home, computer) = made(&format!("set_smtpport=1\nsmtp_port={port}\n[Account: 2]\nsmtp_server=b.test\n"));
        let found = found(&computer);
        let ids: Vec<&str> = found.accounts.iter().map(|account| account.id.as_str()).collect();
        assert_eq!(ids, ["claws_mail/2"], "{port}");
        assert_eq!(found.problems[0].code, "port_out_of_range");
        assert!(found.problems[0].message.contains(&format!("{port:?}")), "{:?}", found.problems);
    }
    // It counts for nothing.
    let (_home, computer) = made("set_smtpport=0\nsmtp_port=70025\n");
    assert!(found(&computer).problems.is_empty());
    // Claws reads the first of two twice; the second is lost when it saves.
    let found = found(&fixture("two-with-one-number", Os::Linux));
    let emails: Vec<_> = found.accounts.iter().map(|account| account.email.as_deref()).collect();
    assert_eq!(emails, [Some("ola@mailhub.test")]);
    assert_eq!(found.problems.iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>(), ["duplicate_account"]);
    let account = &found.accounts[0];
    assert!(matches!(CLAWS_MAIL.changes(account, &to26(account)), Err(PlanError::Unexpected { .. })));
    for heading in ["[Account:7]", "[Account: 7] "] {
        let (_home, computer) = made(&format!("{heading}\nsmtp_server=b.test\n"));
        let found = self::found(&computer);
        assert_eq!((found.accounts.len(), found.problems[0].code.as_str()), (1, "account_unreadable"), "{heading}");
    }
}

#[test]
fn protocols_by_the_version_of_the_settings() {
    use IncomingProtocol::{Imap, Other, Pop3};
    for (version, common, protocols) in [
        ("", "", [Some(Pop3), Some(Pop3), Some(Pop3), Some(Imap), Some(Other), None, None]),
        ("config_version=0\n", "4", [Some(Pop3), Some(Pop3), Some(Pop3), Some(Imap), Some(Other), None, None]),
        ("config_version=1\n", "0", [Some(Pop3), Some(Imap), Some(Other), None, None, None, None]),
        ("config_version=5\n", "", [Some(Pop3), Some(Imap), Some(Other), None, None, None, None]),
        ("", "4", [Some(Pop3), Some(Imap), Some(Other), None, None, None, None]),
    ] {
        for (number, expected) in protocols.into_iter().enumerate() {
            let text = format!("protocol={number}\nreceive_server=in.test\nnntp_server=news.test\n{version}");
            let (home, computer) = made(&text);
            if !common.is_empty() {
                let text = format!("[Common]\nconfig_version={common}\n");
                std::fs::write(home.path().join(".claws-mail/clawsrc"), text).unwrap();
            }
            let incoming = accounts(&computer).remove(0).incoming;
            assert_eq!(incoming.map(|incoming| incoming.protocol), expected, "{text}{common}");
        }
    }
    let account = accounts(&fixture("imap-since-version-1", Os::Linux)).remove(0);
    let incoming = account.incoming.as_ref().unwrap();
    assert_eq!((incoming.protocol, incoming.port), (Imap, Some(993)));
}

#[test]
fn what_claws_4_wrote_itself() {
    let plain = accounts(&fixture("4.1-25-noauth", Os::Linux)).remove(0).outgoing;
    assert_eq!((plain.port, plain.tls, plain.auth), (25, TlsMode::None, AuthSetting::None));
    let fine = accounts(&fixture("4.1-587-starttls", Os::Linux)).remove(0);
    assert_eq!(
        (fine.outgoing.port, fine.outgoing.tls, fine.outgoing.auth),
        (587, TlsMode::Starttls, AuthSetting::Password)
    );
    assert!(fine.password_in_client);
    // 26 is written and counts for nothing; method 8 logs in nowhere.
    let odd = accounts(&fixture("4.1-26-not-set-no-method", Os::Linux)).remove(0);
    assert_eq!((odd.outgoing.port, odd.outgoing.port_is_default, odd.outgoing.auth), (25, true, AuthSetting::None));
    let to = SubmissionServer {
        credential: CredentialSource::SameAsIncoming,
        user: Some("jan@hosting.test".to_owned()),
        ..to26(&odd)
    };
    assert_eq!(
        told(&CLAWS_MAIL.changes(&odd, &to).unwrap()),
        ["Account: 1/set_smtpport: 0 > 1", "Account: 1/smtp_auth_method: 8 > 0"]
    );
}

#[test]
fn a_key_that_is_missing_is_added_where_claws_reads_it() {
    let account = accounts(&fixture("port-key-missing", Os::Linux)).remove(0);
    assert_eq!((account.outgoing.port, account.outgoing.port_is_default), (25, true));
    assert_eq!(told(&CLAWS_MAIL.changes(&account, &to26(&account)).unwrap()), ["Account: 1/smtp_port: - > 26"]);
    let account = accounts(&fixture("yes-in-words", Os::Linux)).remove(0);
    assert_eq!((account.outgoing.port, account.outgoing.port_is_default), (2525, false));
}

#[test]
fn nobody_to_log_in_as_cannot_be_expressed() {
    let (_home, computer) = made("");
    let account = accounts(&computer).remove(0);
    assert!(matches!(CLAWS_MAIL.changes(&account, &to26(&account)), Err(PlanError::CannotExpress { .. })));
}

#[test]
fn garbage_is_a_problem_and_no_file_is_nothing() {
    let (home, computer) = made("");
    std::fs::write(home.path().join(".claws-mail/accountrc"), b"\0\x01").unwrap();
    assert_eq!(CLAWS_MAIL.detect(&computer).unwrap_err().code, "unreadable_profile");
    std::fs::remove_file(home.path().join(".claws-mail/accountrc")).unwrap();
    assert_eq!(CLAWS_MAIL.detect(&computer).unwrap(), None);
}

struct Answering(PathBuf);

impl Processes for Answering {
    fn running(&self, _names: &[&str]) -> Vec<u32> {
        Vec::new()
    }
    fn lock_holder(&self, _file: &Path) -> Option<Holder> {
        None
    }
    fn socket_answers(&self, socket: &Path) -> bool {
        socket == self.0
    }
}

#[test]
fn open_means_that_its_socket_answers() {
    let (home, mut computer) = made("");
    let account = accounts(&computer).remove(0);
    let socket = home.path().join(".cache/claws-mail/abc");
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    std::fs::write(&socket, "").unwrap();
    assert_eq!(CLAWS_MAIL.in_use(&computer, &account), InUse::No);
    computer.processes = Arc::new(Answering(socket));
    assert_eq!(CLAWS_MAIL.in_use(&computer, &account), InUse::Yes(None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_target_once_written_is_what_is_read(
        set in 0..2u32, port in 1..=u16::MAX, ssl in 0..3u32, auth in 0..2u32, method in 0..32u32, own in "[a-z]{0,3}",
        shared in "[a-z]{1,3}", to_port in 1..=u16::MAX, to_tls in 0..3usize, to_user in "[a-z]{1,3}", same in any::<bool>(),
    ) {
        let (home, computer) = made(&format!(
            "set_smtpport={set}\nsmtp_port={port}\nssl_smtp={ssl}\nuse_smtp_auth={auth}\nsmtp_auth_method={method}\nsmtp_user_id={own}\nuser_id={shared}\n"
        ));
        let account = accounts(&computer).remove(0);
        prop_assert!(CLAWS_MAIL.changes(&account, &account.outgoing).unwrap().is_empty());
        let to = SubmissionServer {
            port: to_port,
            tls: [TlsMode::None, TlsMode::Starttls, TlsMode::Implicit][to_tls],
            credential: if same { CredentialSource::SameAsIncoming } else { CredentialSource::Own },
            user: Some(if same { shared } else { to_user }),
            ..to26(&account)
        };
        let file = home.path().join(".claws-mail/accountrc");
        let mut doc = KeyFile::parse(&std::fs::read(&file).unwrap()).unwrap();
        applied(&mut doc, CLAWS_MAIL.changes(&account, &to).unwrap());
        std::fs::write(&file, doc.to_bytes()).unwrap();
        let fixed = accounts(&computer).remove(0).outgoing;
        prop_assert_eq!((fixed.port, fixed.tls, fixed.auth, fixed.user), (to.port, to.tls, to.auth, to.user));
    }
}
