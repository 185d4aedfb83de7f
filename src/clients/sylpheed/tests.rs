//! Sylpheed on invented homes: what is found, what is planned, and that writing it leads there. The lines of the tables are as the
//! real Sylpheed 3.8.0beta1 read them: which port it went to, and what it said there.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::account::{IncomingProtocol, TlsMode};

use crate::clients::fixture::at;
use crate::clients::fixture::{Running, applied, to26, told, written_and_taken_back};
use crate::formats::Document;
use crate::formats::key_file::KeyFile;

fn fixture(case: &str, os: Os) -> Computer {
    crate::clients::fixture::fixture(&format!("sylpheed/{case}"), os)
}

fn found(computer: &Computer) -> Found {
    SYLPHEED.accounts(computer, &SYLPHEED.detect(computer).unwrap().unwrap())
}

fn accounts(computer: &Computer) -> Vec<Account> {
    found(computer).accounts
}

/// The same with the login for receiving.
fn as_incoming(account: &Account) -> SubmissionServer {
    SubmissionServer {
        credential: CredentialSource::SameAsIncoming,
        user: account.incoming.as_ref().unwrap().user.clone(),
        ..to26(account)
    }
}

const HEAD: &str =
    "[Account: 1]\naddress=ada@hosting.test\nreceive_server=mail.hosting.test\nsmtp_server=mail.hosting.test\n";

fn made(section: &str) -> (tempfile::TempDir, Computer) {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join(".sylpheed-2.0")).unwrap();
    std::fs::write(home.path().join(".sylpheed-2.0/accountrc"), format!("{HEAD}{section}")).unwrap();
    let computer = at(home.path().to_owned(), Os::Linux);
    (home, computer)
}

#[test]
fn an_account_as_its_window_writes_it_takes_the_login_for_receiving() {
    let computer = fixture("25-noauth", Os::Linux);
    let account = accounts(&computer).remove(0);
    let outgoing = &account.outgoing;
    assert_eq!((account.id.as_str(), account.profile.as_str()), ("sylpheed/1", "Sylpheed"));
    assert_eq!((outgoing.host.as_str(), outgoing.port, outgoing.port_is_default), ("mail.hosting.test", 25, true));
    assert_eq!((outgoing.tls, outgoing.auth, &outgoing.user), (TlsMode::None, AuthSetting::None, &None));
    assert!(!account.password_in_client && account.notices.is_empty());
    assert!(SYLPHEED.changes(&account, outgoing).unwrap().is_empty());
    let changes = SYLPHEED.changes(&account, &as_incoming(&account)).unwrap();
    assert_eq!(
        told(&changes),
        [
            "Account: 1/ssl_smtp: 0 > 2",
            "Account: 1/set_smtpport: 0 > 1",
            "Account: 1/smtp_port: 25 > 26",
            "Account: 1/use_smtp_auth: 0 > 1"
        ]
    );
    let bytes = std::fs::read(computer.folders.home.join(".sylpheed-2.0/accountrc")).unwrap();
    written_and_taken_back(&bytes, &changes);
}

#[test]
fn a_login_that_is_there_stays_and_a_mechanism_can_be_named() {
    let account = accounts(&fixture("587-starttls", Os::Linux)).remove(0);
    let outgoing = &account.outgoing;
    assert_eq!((outgoing.port, outgoing.port_is_default, outgoing.tls), (587, false, TlsMode::Starttls));
    assert_eq!((outgoing.credential, outgoing.user.as_deref()), (CredentialSource::Own, Some("jan@hosting.test")));
    assert!(account.password_in_client);
    assert_eq!(told(&SYLPHEED.changes(&account, &to26(&account)).unwrap()), ["Account: 1/smtp_port: 587 > 26"]);
    for (mechanism, number) in [(Mechanism::Plain, 8), (Mechanism::Login, 1)] {
        let to = SubmissionServer { mechanism: Some(mechanism), ..account.outgoing.clone() };
        assert_eq!(
            told(&SYLPHEED.changes(&account, &to).unwrap()),
            [format!("Account: 1/smtp_auth_method: 0 > {number}")]
        );
    }
}

/// The file is the program's own: receiving by POP3 with a login before sending, IMAP with 465 and a login of its own, news, and
/// an account that only sends, by a method that is none.
#[test]
fn several_accounts_of_one_file() {
    let found = found(&fixture("several-accounts", Os::Linux));
    assert_eq!(found.problems, []);
    let ids: Vec<&str> = found.accounts.iter().map(|account| account.id.as_str()).collect();
    assert_eq!(ids, ["sylpheed/1", "sylpheed/2", "sylpheed/5"], "the account of a news server sends no mail");
    let [pop, imap, sends] = &found.accounts[..] else { panic!() };
    assert_eq!((pop.outgoing.port, pop.outgoing.port_is_default), (25, true), "2525 is written and counts for nothing");
    assert_eq!(pop.outgoing.auth, AuthSetting::None);
    assert_eq!(pop.incoming.as_ref().map(|incoming| incoming.protocol), Some(IncomingProtocol::Pop3));
    assert!(pop.password_in_client);
    assert_eq!((imap.outgoing.port, imap.outgoing.tls), (465, TlsMode::Implicit));
    assert_eq!((imap.outgoing.mechanism, imap.outgoing.user.as_deref()), (Some(Mechanism::Login), Some("jan.smtp")));
    let incoming = imap.incoming.as_ref().unwrap();
    assert_eq!(
        (incoming.protocol, incoming.port, incoming.user.as_deref()),
        (IncomingProtocol::Imap, Some(993), Some("jan"))
    );
    assert_eq!((sends.outgoing.port, sends.outgoing.auth, &sends.incoming), (25, AuthSetting::None, &None));
    assert_eq!(sends.outgoing.credential, CredentialSource::None);
    let to = SubmissionServer { mechanism: Some(Mechanism::Plain), ..to26(imap) };
    assert_eq!(
        told(&SYLPHEED.changes(imap, &to).unwrap()),
        ["Account: 2/ssl_smtp: 1 > 2", "Account: 2/smtp_port: 465 > 26", "Account: 2/smtp_auth_method: 1 > 8"]
    );
    let to = SubmissionServer {
        credential: CredentialSource::SameAsIncoming,
        user: Some("club@hosting.test".to_owned()),
        ..to26(sends)
    };
    assert_eq!(
        told(&SYLPHEED.changes(sends, &to).unwrap()),
        ["Account: 5/smtp_port: 25 > 26", "Account: 5/smtp_auth_method: 4 > 0"]
    );
}

#[test]
fn where_the_folder_is_on_other_systems() {
    let windows = accounts(&fixture("windows", Os::Windows)).remove(0);
    assert_eq!((windows.outgoing.port, windows.outgoing.user.as_deref()), (25, Some("ada.smtp")));
    assert!(!windows.password_in_client, "only the incoming password is there");
    let mac = accounts(&fixture("mac", Os::Macos)).remove(0);
    assert_eq!((mac.outgoing.port, mac.outgoing.mechanism), (25, Some(Mechanism::Plain)));
    assert_eq!(mac.outgoing.credential, CredentialSource::SameAsIncoming);
    // As on Linux; the newer place wins.
    let (home, _) = made("set_smtpport=1\nsmtp_port=98\n");
    let computer = at(home.path().to_owned(), Os::Macos);
    assert_eq!(accounts(&computer).remove(0).outgoing.port, 98);
    let newer = home.path().join("Library/Application Support/Sylpheed");
    std::fs::create_dir_all(&newer).unwrap();
    std::fs::write(newer.join("accountrc"), format!("{HEAD}set_smtpport=1\nsmtp_port=99\n")).unwrap();
    assert_eq!(accounts(&computer).iter().map(|account| account.outgoing.port).collect::<Vec<_>>(), [99]);
}

#[test]
fn odd_lines_are_read_as_sylpheed_reads_them() {
    let found = found(&fixture("odd-lines", Os::Linux));
    let account = &found.accounts[0];
    assert_eq!((account.id.as_str(), found.accounts.len()), ("sylpheed/main", 1));
    let outgoing = &account.outgoing;
    assert_eq!((outgoing.port, outgoing.tls, outgoing.auth), (25, TlsMode::None, AuthSetting::Password));
    assert_eq!(
        told(&SYLPHEED.changes(account, &as_incoming(account)).unwrap()),
        ["Account: main/ssl_smtp: 3 > 2", "Account: main/smtp_port:  25 > 26"]
    );
}

#[test]
fn methods_and_ports_as_sylpheed_reads_them() {
    use AuthSetting::{Encrypted, None, Oauth2, Password};
    for (section, port, auth) in [
        ("set_smtpport=0\nsmtp_port=2525\nssl_smtp=1\nuse_smtp_auth=1\nsmtp_auth_method=0\n", 465, Password),
        ("smtp_port=2525\nssl_smtp=2\nuse_smtp_auth=1\nsmtp_auth_method=2\n", 25, Encrypted),
        ("use_smtp_auth=1\nsmtp_auth_method=1\n", 25, Password),
        ("use_smtp_auth=1\nsmtp_auth_method=8\n", 25, Password),
        ("use_smtp_auth=1\nsmtp_auth_method=16\n", 25, Oauth2),
        // Sums, and numbers of none, send without a login.
        ("use_smtp_auth=1\nsmtp_auth_method=3\n", 25, None),
        ("use_smtp_auth=1\nsmtp_auth_method=4\n", 25, None),
        ("use_smtp_auth=1\nsmtp_auth_method=9\n", 25, None),
        ("set_smtpport=TRUE\nsmtp_port=2525x\n", 2525, None),
        ("set_smtpport=FALSE\nsmtp_port=2525\n", 2525, None),
        ("use_smtp_auth=\nset_smtpport= 0\nsmtp_port= 2525\n", 2525, None),
        ("set_smtpport=\nsmtp_port=2525\n", 25, None),
        ("set_smtpport=1\nssl_smtp=1\n", 25, None),
        // Unlike in Claws Mail, capitals count.
        ("SET_SMTPPORT=1\nSmtp_Port=99\n smtp_port=98\nsmtp_port =97\n", 25, None),
        ("set_smtpport=1\nsmtp_port=98\nsmtp_port=99\n", 99, None),
        ("#smtp_port=98\nset_smtpport=1\nsmtp_port=99\n;smtp_port=97\n", 99, None),
        ("set_smtpport=1\nsmtp_port=99\n[note\nsmtp_port=98\n", 99, None),
        ("set_smtpport=1\nsmtp_port=99\n [Account: 2]\nsmtp_port=98\n", 98, None),
        ("", 25, None),
    ] {
        let (_home, computer) = made(&format!("user_id=ada\n{section}"));
        let account = accounts(&computer).remove(0);
        assert_eq!((account.outgoing.port, account.outgoing.auth), (port, auth), "{section}");
        assert_eq!(account.not_ours.is_some(), auth == Oauth2);
    }
}

#[test]
fn nobody_to_log_in_as_is_no_login() {
    let of = |section: &str| {
        let (_home, computer) = made(&format!("{section}use_smtp_auth=1\npassword=a\nsmtp_password=\n"));
        let account = accounts(&computer).remove(0);
        (account.outgoing.auth, account.outgoing.credential, account.outgoing.user, account.password_in_client)
    };
    assert_eq!(of("user_id=\n"), (AuthSetting::None, CredentialSource::None, None, true));
    // The system's user, whose name is not known here.
    assert_eq!(of(""), (AuthSetting::Password, CredentialSource::SameAsIncoming, None, true));
    let own = Some("own".to_owned());
    assert_eq!(of("user_id=\nsmtp_user_id=own\n"), (AuthSetting::Password, CredentialSource::Own, own, false));
}

/// It would be in the way of the password for receiving.
#[test]
fn a_login_that_is_left_over_is_cleared_when_the_one_for_receiving_is_used() {
    let (_home, computer) =
        made("user_id=ada\npassword=a\nuse_smtp_auth=0\nsmtp_user_id=own\nset_smtpport=1\nsmtp_port=26\n");
    let account = accounts(&computer).remove(0);
    assert!(account.password_in_client);
    let changes = told(&SYLPHEED.changes(&account, &as_incoming(&account)).unwrap());
    let expected = ["Account: 1/ssl_smtp: - > 2", "Account: 1/use_smtp_auth: 0 > 1", "Account: 1/smtp_user_id: own > "];
    assert_eq!(changes, expected);
}

#[test]
fn what_goes_by_a_program_or_a_proxy_is_left_alone() {
    let not_ours = |section: &str, common: &str| {
        let (home, computer) = made(&format!("user_id=ada\n{section}"));
        std::fs::write(home.path().join(".sylpheed-2.0/sylpheedrc"), format!("[Common]\n{common}")).unwrap();
        let account = accounts(&computer).remove(0);
        let refused = SYLPHEED.changes(&account, &as_incoming(&account)).is_err();
        assert_eq!(refused, account.not_ours.is_some());
        account.not_ours
    };
    let command = Some(NotOurs::LocalCommand);
    assert_eq!(not_ours("", "use_ext_sendmail=1\next_sendmail_cmd=/usr/sbin/sendmail -t -i\n"), command);
    assert_eq!(not_ours("", "use_ext_sendmail=1\n"), command);
    assert_eq!(not_ours("", "use_ext_sendmail=1\next_sendmail_cmd=\n"), None);
    assert_eq!(not_ours("", "use_ext_sendmail=0\next_sendmail_cmd=/usr/sbin/sendmail -t -i\n"), None);
    assert_eq!(not_ours("use_socks=1\nuse_socks_for_send=1\n", ""), Some(NotOurs::Proxy));
    assert_eq!(not_ours("use_socks=1\n", ""), Some(NotOurs::Proxy));
    assert_eq!(not_ours("use_socks=1\nuse_socks_for_send=0\n", ""), None);
    assert_eq!(not_ours("use_socks=0\nuse_socks_for_send=1\n", ""), None);
}

#[test]
fn unexpected_shapes_are_left_alone() {
    for section in [
        "[Account: 1]\nsmtp_port=25\n",
        "smtp_auth_method=yes\n",
        "smtp_auth_method=32\n",
        "smtp_auth_method=-1\n",
        "smtp_port =26\n",
        " [Account: 2]\nsmtp_port=27\n",
        "[note\n",
    ] {
        let (_home, computer) = made(&format!("user_id=ada\nuse_smtp_auth=1\nset_smtpport=1\nsmtp_port=25\n{section}"));
        let account = accounts(&computer).remove(0);
        let to = as_incoming(&account);
        assert!(matches!(SYLPHEED.changes(&account, &to), Err(PlanError::Unexpected { .. })), "{section}");
    }
}

#[test]
fn what_is_no_port_and_what_stands_twice_are_problems() {
    // 70025 is taken for 4489 by the program; nobody meant that.
    for port in ["x", "0", "70025", "-5", ""] {
        let (_home, computer) = made(&format!("set_smtpport=1\nsmtp_port={port}\n[Account: 2]\nsmtp_server=b.test\n"));
        let found = found(&computer);
        let ids: Vec<&str> = found.accounts.iter().map(|account| account.id.as_str()).collect();
        assert_eq!(ids, ["sylpheed/2"], "{port}");
        assert_eq!(found.problems[0].code, "port_out_of_range");
        assert!(found.problems[0].hint.contains("Sylpheed"), "{:?}", found.problems);
    }
    let (_home, computer) = made("[Account: 1]\nsmtp_server=b.test\n");
    let found = found(&computer);
    assert_eq!((found.accounts.len(), found.problems[0].code.as_str()), (1, "duplicate_account"));
    assert!(SYLPHEED.changes(&found.accounts[0], &to26(&found.accounts[0])).is_err());
}

#[test]
fn protocols_by_their_numbers() {
    use IncomingProtocol::{Imap, Pop3};
    for (number, expected) in
        [(0, Some(Pop3)), (1, Some(Pop3)), (2, Some(Pop3)), (3, Some(Imap)), (5, None), (6, None), (7, None)]
    {
        let (_home, computer) = made(&format!("protocol={number}\n"));
        let incoming = accounts(&computer).remove(0).incoming;
        assert_eq!(incoming.map(|incoming| incoming.protocol), expected, "{number}");
    }
    let (_home, computer) = made("protocol=4\nnntp_server=news.test\n");
    assert!(accounts(&computer).is_empty());
}

#[test]
fn no_password_is_held() {
    let found = found(&fixture("several-accounts", Os::Linux));
    let all = format!("{found:?}");
    assert!(!all.contains("Invented"), "{all}");
}

#[test]
fn garbage_is_a_problem_and_no_file_is_nothing() {
    let (home, computer) = made("");
    for garbage in [&b"\0\x01"[..], b""] {
        std::fs::write(home.path().join(".sylpheed-2.0/accountrc"), garbage).unwrap();
        let problem = SYLPHEED.detect(&computer).unwrap_err();
        assert_eq!((problem.client, problem.code.as_str()), (Some(ClientId::Sylpheed), "unreadable_profile"));
    }
    std::fs::remove_file(home.path().join(".sylpheed-2.0/accountrc")).unwrap();
    assert_eq!(SYLPHEED.detect(&computer).unwrap(), None);
}

#[test]
fn open_means_that_it_runs() {
    let (_home, mut computer) = made("");
    let account = accounts(&computer).remove(0);
    assert_eq!(SYLPHEED.in_use(&computer, &account), InUse::No);
    computer.processes = Arc::new(Running("sylpheed", PathBuf::new()));
    assert_eq!(SYLPHEED.in_use(&computer, &account), InUse::Yes(Some(7)));
    assert_eq!(SYLPHEED.profile_in_use(&computer, "Sylpheed"), InUse::Yes(Some(7)));
    computer.processes = Arc::new(Running("syl-auth-helper", PathBuf::new()));
    assert_eq!(SYLPHEED.in_use(&computer, &account), InUse::No);
}

#[test]
fn in_somebody_elses_home_its_socket_tells() {
    let root = tempfile::tempdir().unwrap();
    let home = root.path().join("home/ada");
    std::fs::create_dir_all(home.join(".sylpheed-2.0")).unwrap();
    std::fs::write(home.join(".sylpheed-2.0/accountrc"), HEAD).unwrap();
    std::fs::create_dir(root.path().join("tmp")).unwrap();
    let socket = root.path().join("tmp/sylpheed-1000");
    std::fs::write(&socket, "").unwrap();
    let mut computer = at(home, Os::Linux);
    let account = accounts(&computer).remove(0);
    assert_eq!(SYLPHEED.in_use(&computer, &account), InUse::No, "left behind by one that was killed");
    computer.processes = Arc::new(Running("", socket));
    assert_eq!(SYLPHEED.in_use(&computer, &account), InUse::Yes(None));
    computer.own_session = true;
    assert_eq!(SYLPHEED.in_use(&computer, &account), InUse::No, "there a process tells");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_target_once_written_is_what_is_read(
        set in 0..2u32, port in 1..=u16::MAX, ssl in 0..4u32, auth in 0..2u32, method in 0..16u32, own in "[a-z]{0,3}",
        shared in "[a-z]{1,3}", to_port in 1..=u16::MAX, to_tls in 0..3usize, to_user in "[a-z]{1,3}", same in any::<bool>(),
        named in 0..3usize,
    ) {
        let (home, computer) = made(&format!(
            "set_smtpport={set}\nsmtp_port={port}\nssl_smtp={ssl}\nuse_smtp_auth={auth}\nsmtp_auth_method={method}\nsmtp_user_id={own}\nuser_id={shared}\n"
        ));
        let account = accounts(&computer).remove(0);
        prop_assert!(SYLPHEED.changes(&account, &account.outgoing).unwrap().is_empty());
        let to = SubmissionServer {
            port: to_port,
            tls: [TlsMode::None, TlsMode::Starttls, TlsMode::Implicit][to_tls],
            credential: if same { CredentialSource::SameAsIncoming } else { CredentialSource::Own },
            user: Some(if same { shared } else { to_user }),
            mechanism: [None, Some(Mechanism::Plain), Some(Mechanism::Login)][named],
            ..to26(&account)
        };
        let file = home.path().join(".sylpheed-2.0/accountrc");
        let mut doc = KeyFile::parse(&std::fs::read(&file).unwrap()).unwrap();
        applied(&mut doc, SYLPHEED.changes(&account, &to).unwrap());
        std::fs::write(&file, doc.to_bytes()).unwrap();
        let fixed = accounts(&computer).remove(0).outgoing;
        prop_assert_eq!((fixed.port, fixed.tls, fixed.auth, fixed.user), (to.port, to.tls, to.auth, to.user));
        prop_assert_eq!(fixed.mechanism, to.mechanism);
    }
}
