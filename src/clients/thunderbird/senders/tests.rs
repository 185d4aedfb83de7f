//! Who sends through what, as Thunderbird 153.7 answered when it was asked with the same prefs.js and user.js.

use port26_platform::computer::Os;

use crate::account::{Account, AuthSetting, TlsMode};
use crate::clients::Found;
use crate::clients::thunderbird::tests::{found, made, problems};
use crate::clients::thunderbird::{Family, SEAMONKEY, THUNDERBIRD};

const PORT: &str = "mail.smtpserver.smtp1.port";

/// One address at one server, without these preferences, and with more lines.
fn prefs(without: &[&str], more: &str) -> String {
    let lines = [
        ("mail.account.account1.identities", "\"id1\""),
        ("mail.account.account1.server", "\"server1\""),
        ("mail.accountmanager.accounts", "\"account1\""),
        ("mail.identity.id1.smtpServer", "\"smtp1\""),
        ("mail.identity.id1.useremail", "\"ola@mailhub.example\""),
        ("mail.server.server1.hostname", "\"imap.mailhub.example\""),
        ("mail.server.server1.type", "\"imap\""),
        ("mail.server.server1.userName", "\"ola\""),
        ("mail.smtpserver.smtp1.authMethod", "3"),
        ("mail.smtpserver.smtp1.hostname", "\"smtp.mailhub.example\""),
        (PORT, "25"),
        ("mail.smtpserver.smtp1.try_ssl", "2"),
        ("mail.smtpserver.smtp1.username", "\"ola\""),
        ("mail.smtpservers", "\"smtp1\""),
    ];
    let lines = lines.iter().filter(|(name, _)| !without.contains(name));
    let lines: String = lines.map(|(name, raw)| format!("user_pref(\"{name}\", {raw});\n")).collect();
    lines + more
}

fn read(family: &Family, version: &str, prefs: &str) -> Found {
    let root = if family.old_rules { ".mozilla/seamonkey" } else { ".thunderbird" };
    let (_home, computer) = made(Os::Linux, root, version, prefs);
    found(family, &computer)
}

/// Key, port, used.
fn seen(found: &Found) -> Vec<(&str, u16, bool)> {
    let key = |account: &'_ Account| account.id.rfind('/').map_or(0, |at| at + 1);
    found.accounts.iter().map(|account| (&account.id[key(account)..], account.outgoing.port, account.used)).collect()
}

const OLA: (&str, &str) = ("no_outgoing_server", "ola@mailhub.example");
const DEFAULT: &str = "mail.identity.id1.smtpServer";

#[test]
fn one_server_and_one_address() {
    for (what, text, expected) in [
        ("as it is", prefs(&[], ""), 25),
        (
            "pref() sets a default, which the user's value beats",
            prefs(&[], "pref(\"mail.smtpserver.smtp1.port\", 587);"),
            25,
        ),
        ("a default alone", prefs(&[PORT], "pref(\"mail.smtpserver.smtp1.port\", 26);"), 26),
        ("sticky", prefs(&[PORT], "sticky_pref(\"mail.smtpserver.smtp1.port\", 26);"), 26),
        ("the branch of defaults has no port", prefs(&[PORT], "user_pref(\"mail.smtpserver.default.port\", 25);"), 587),
        (
            "locked is no word of a user's file",
            prefs(&[], "user_pref(\"mail.smtpserver.smtp1.port\", 465, locked);"),
            25,
        ),
        ("NUL bytes", prefs(&[], "\0\0\0"), 25),
        (
            "a missing semicolon",
            prefs(&[], "user_pref(\"x\", 1)\nuser_pref(\"mail.smtpserver.smtp1.port\", 465);\n"),
            25,
        ),
        ("signs", prefs(&[], "user_pref(\"mail.smtpserver.smtp1.port\", + /* x */ 465);"), 465),
        ("another type", prefs(&[PORT], "user_pref(\"mail.smtpserver.smtp1.port\", \"25\");"), 587),
    ] {
        let found = read(&THUNDERBIRD, "153.7.0", &text);
        assert_eq!((seen(&found), problems(&found)), (vec![("smtp1", expected, true)], vec![]), "{what}");
        let is_default = expected == 587;
        assert_eq!(found.accounts[0].outgoing.port_is_default, is_default, "{what}");
    }
}

/// It is not so for the port: `SmtpServer.sys.mjs`.
#[test]
fn security_and_authentication_may_come_from_the_branch_of_defaults() {
    let without = [PORT, "mail.smtpserver.smtp1.authMethod", "mail.smtpserver.smtp1.try_ssl"];
    let more = "user_pref(\"mail.smtpserver.default.port\", 25);user_pref(\"mail.smtpserver.default.try_ssl\", 3);user_pref(\"mail.smtpserver.default.authMethod\", 1);";
    let outgoing = read(&THUNDERBIRD, "153.7.0", &prefs(&without, more)).accounts.remove(0).outgoing;
    assert_eq!((outgoing.port, outgoing.port_is_default), (465, true));
    assert_eq!((outgoing.tls, outgoing.auth), (TlsMode::Implicit, AuthSetting::None));
}

#[test]
fn an_address_without_a_server_is_told() {
    let two = "user_pref(\"mail.smtpservers\", \"smtp2\");user_pref(\"mail.smtpserver.smtp2.hostname\", \"two.example\");user_pref(\"mail.smtpserver.smtp2.port\", 25);";
    for (what, text, accounts) in [
        ("it names one that is not listed", prefs(&[], two), vec![("smtp2", 25, false)]),
        (
            "it names one of which nothing is left",
            prefs(&[DEFAULT], "user_pref(\"mail.identity.id1.smtpServer\", \"smtp9\");"),
            vec![("smtp1", 25, false)],
        ),
        (
            "the default is not listed",
            prefs(&[DEFAULT], "user_pref(\"mail.smtp.defaultserver\", \"smtp7\");"),
            vec![("smtp1", 25, false)],
        ),
        (
            "a default of the default that is a number, beside which none can be written",
            prefs(&[DEFAULT], "pref(\"mail.smtp.defaultserver\", 1);"),
            vec![("smtp1", 25, false)],
        ),
        (
            "the first has no host",
            prefs(&[DEFAULT], "user_pref(\"mail.smtpservers\", \"smtp0,smtp1\");"),
            vec![("smtp1", 25, false)],
        ),
        ("a space belongs to the key", prefs(&[], "user_pref(\"mail.smtpservers\", \" smtp1\");"), vec![]),
        ("the list is a number", prefs(&["mail.smtpservers"], "user_pref(\"mail.smtpservers\", 3);"), vec![]),
        (
            "a server of a kind that is not known ends them all",
            prefs(
                &[],
                "user_pref(\"mail.smtpservers\", \"smtp1,zz1\");user_pref(\"mail.smtpserver.zz1.type\", \"frob\");",
            ),
            vec![],
        ),
    ] {
        let found = read(&THUNDERBIRD, "153.7.0", &text);
        assert_eq!((seen(&found), problems(&found)), (accounts, vec![OLA]), "{what}");
        let problem = &found.problems[0];
        assert!(problem.is_for_the_user() && problem.hint.contains("Thunderbird"), "{what}: {problem:?}");
    }
    // the default, where nothing is named: the one that is set, else the first
    let found = read(&THUNDERBIRD, "153.7.0", &prefs(&[DEFAULT], ""));
    assert_eq!((seen(&found), problems(&found)), (vec![("smtp1", 25, true)], vec![]));
    let both = format!(
        "{}user_pref(\"mail.identity.default.smtpServer\", \"smtp2\");",
        two.replace("\"smtp2\");user", "\"smtp1,smtp2\");user")
    );
    let found = read(&THUNDERBIRD, "153.7.0", &prefs(&[DEFAULT], &both));
    assert_eq!(seen(&found), [("smtp1", 25, false), ("smtp2", 25, true)]);
}

#[test]
fn up_to_90_and_in_seamonkey_a_key_need_not_be_listed() {
    let more = "user_pref(\"mail.smtpservers\", \"smtp2, smtp3\");user_pref(\"mail.smtpserver.smtp2.hostname\", \"two.example\");user_pref(\"mail.smtpserver.smtp3.hostname\", \"three.example\");";
    for (family, version) in [(&THUNDERBIRD, "78.14.0"), (&SEAMONKEY, "2.53.18")] {
        let found = read(family, version, &prefs(&[], more));
        assert_eq!(seen(&found), [("smtp2", 25, false), ("smtp3", 25, false), ("smtp1", 25, true)], "{version}");
        assert_eq!(problems(&found), []);
    }
}

#[test]
fn an_account_without_its_incoming_server_is_dropped_with_its_identities() {
    let frob = "user_pref(\"mail.server.server1.type\", \"frob\");";
    let empty = "user_pref(\"mail.server.server1.hostname\", \"\");";
    // that name is for another kind
    let local = "user_pref(\"mail.server.server1.hostname\", \"Local Folders\");";
    for text in [
        prefs(&["mail.account.account1.server"], ""),
        prefs(&["mail.server.server1.type"], ""),
        prefs(&["mail.server.server1.hostname"], ""),
        prefs(&[], frob),
        prefs(&[], empty),
        prefs(&[], local),
    ] {
        let found = read(&THUNDERBIRD, "153.7.0", &text);
        assert_eq!((seen(&found), problems(&found)), (vec![("smtp1", 25, false)], vec![]), "{text}");
    }
}

#[test]
fn of_two_accounts_with_one_incoming_server_the_first_stays() {
    let more = "user_pref(\"mail.accountmanager.accounts\", \"account1,account2,account3, account4\");\n\
        user_pref(\"mail.account.account2.server\", \"server1\");user_pref(\"mail.account.account2.identities\", \"id2\");\n\
        user_pref(\"mail.identity.id2.useremail\", \"two@mailhub.example\");\n\
        user_pref(\"mail.account.account3.server\", \"server3\");user_pref(\"mail.account.account3.identities\", \"id3\");\n\
        user_pref(\"mail.identity.id3.useremail\", \"three@mailhub.example\");user_pref(\"mail.server.server3.type\", \"imap\");\n\
        user_pref(\"mail.server.server3.hostname\", \"IMAP.mailhub.example\");user_pref(\"mail.server.server3.userName\", \"ola\");\n\
        user_pref(\"mail.account. account4.server\", \"server4\");user_pref(\"mail.account. account4.identities\", \" id4 \");\n\
        user_pref(\"mail.identity.id4.useremail\", \"four@mailhub.example\");user_pref(\"mail.server.server4.type\", \"pop3\");\n\
        user_pref(\"mail.server.server4.hostname\", \"imap.mailhub.example\");user_pref(\"mail.server.server4.userName\", \"ola\");\n";
    let found = read(&THUNDERBIRD, "153.7.0", &prefs(&[], more));
    assert_eq!(found.accounts[0].emails, ["ola@mailhub.example", "four@mailhub.example"]);
}

#[test]
fn a_port_that_is_none_is_shown_as_it_is() {
    for port in [70025, 65536, -5] {
        let found = read(&THUNDERBIRD, "153.7.0", &prefs(&[PORT], &format!("user_pref(\"{PORT}\", {port});")));
        assert_eq!((seen(&found), problems(&found)), (vec![], vec![("port_out_of_range", "ola@mailhub.example")]));
        assert!(found.problems[0].message.contains(&port.to_string()) && found.problems[0].is_for_the_user());
    }
    // nobody sends through it
    let more = format!(
        "user_pref(\"{PORT}\", 70025);user_pref(\"mail.smtpservers\", \"smtp1,smtp2\");user_pref(\"mail.smtpserver.smtp2.hostname\", \"two.example\");user_pref(\"mail.identity.id1.smtpServer\", \"smtp2\");"
    );
    let found = read(&THUNDERBIRD, "153.7.0", &prefs(&[], &more));
    assert_eq!((seen(&found), problems(&found)), (vec![("smtp2", 587, true)], vec![]));
}

#[test]
fn many_addresses_at_one_server_or_at_none_are_read_in_one_pass() {
    let ids: Vec<String> = (0..20_000).map(|n| format!("i{n}")).collect();
    for (server, told) in [("smtp1", 1), ("smtp9", 101)] {
        let mut text = prefs(&["mail.account.account1.identities"], "");
        text.push_str(&format!("user_pref(\"mail.account.account1.identities\", \"{}\");\n", ids.join(",")));
        for id in &ids {
            text.push_str(&format!("user_pref(\"mail.identity.{id}.smtpServer\", \"{server}\");user_pref(\"mail.identity.{id}.useremail\", \"{id}@mailhub.example\");\n"));
        }
        let began = std::time::Instant::now();
        let found = read(&THUNDERBIRD, "153.7.0", &text);
        assert_eq!(found.problems.len(), told);
        assert_eq!(found.problems[0].code, "too_many_settings");
        assert!(found.accounts[0].notices.iter().all(|notice| notice.message.len() < 1000));
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }
}

#[test]
fn a_way_of_logging_in_that_the_program_does_not_know_is_none() {
    let method = |number: i32| format!("user_pref(\"mail.smtpserver.smtp1.authMethod\", {number});");
    for number in [0, 2, 9, 11, 25, -1] {
        let outgoing = read(&THUNDERBIRD, "153.7.0", &prefs(&[], &method(number))).accounts.remove(0).outgoing;
        assert_eq!((outgoing.auth, outgoing.user), (AuthSetting::None, None), "{number}");
        // not known of the code before
        let outgoing = read(&THUNDERBIRD, "78.14.0", &prefs(&[], &method(number))).accounts.remove(0).outgoing;
        assert_eq!(outgoing.auth, AuthSetting::Password, "{number}");
    }
    for (raw, auth) in [("4", AuthSetting::Encrypted), ("\"1\"", AuthSetting::Password), ("7", AuthSetting::External)] {
        let more = format!("user_pref(\"mail.smtpserver.smtp1.authMethod\", {raw});");
        assert_eq!(read(&THUNDERBIRD, "153.7.0", &prefs(&[], &more)).accounts[0].outgoing.auth, auth, "{raw}");
    }
}

#[test]
fn accounts_that_are_hidden_or_that_an_installation_adds() {
    let list = "mail.accountmanager.accounts";
    let added = "user_pref(\"mail.accountmanager.appendaccounts\", \"account7, account1\");";
    let done = format!("{added}user_pref(\"mailnews.append_preconfig_accounts.version\", 2);");
    for (what, text, used) in [
        ("hidden", prefs(&[], "user_pref(\"mail.server.server1.hidden\", true);"), false),
        ("all hidden", prefs(&[], "user_pref(\"mail.server.default.hidden\", true);"), false),
        ("not so", prefs(&[], "user_pref(\"mail.server.server1.hidden\", \"true\");"), true),
        ("added", prefs(&[list], added), true),
        ("added before", prefs(&[list], &done), false),
    ] {
        let found = read(&THUNDERBIRD, "153.7.0", &text);
        assert_eq!((seen(&found), problems(&found)), (vec![("smtp1", 25, used)], vec![]), "{what}");
    }
}

#[test]
fn a_profile_of_an_older_version_is_read_as_the_next_start_makes_it() {
    let tls = |version: &str, more: &str| {
        let more = format!("user_pref(\"mail.smtpserver.smtp1.try_ssl\", 1);{more}");
        let found = read(&THUNDERBIRD, version, &prefs(&[], &more));
        found.accounts.first().map(|account| account.outgoing.tls)
    };
    let version = |number: &str| format!("user_pref(\"mail.ui-rdf.version\", {number});");
    let frob = "user_pref(\"mail.smtpserver.smtp1.type\", \"frob\");";
    for (number, plain, with_frob) in [
        ("1", Some(TlsMode::Starttls), None),
        ("-1", Some(TlsMode::Starttls), None),
        ("34", Some(TlsMode::Starttls), None),
        ("35", Some(TlsMode::Starttls), Some(TlsMode::Starttls)),
        ("42", Some(TlsMode::Starttls), Some(TlsMode::Starttls)),
        ("43", Some(TlsMode::Starttls), None),
        ("44", Some(TlsMode::None), None),
        ("0", Some(TlsMode::None), None),
        ("\"40\"", Some(TlsMode::None), None),
    ] {
        assert_eq!(tls("153.7.0", &version(number)), plain, "{number}");
        assert_eq!(tls("153.7.0", &(version(number) + frob)), with_frob, "{number}");
    }
    // a branch for all servers as well
    let all = version("34") + "user_pref(\"mail.smtpserver.default.try_ssl\", 1);";
    let found = read(&THUNDERBIRD, "153.7.0", &prefs(&["mail.smtpserver.smtp1.try_ssl"], &all));
    assert_eq!(found.accounts[0].outgoing.tls, TlsMode::Starttls);
    // what is in the file is what an edit compares with
    let text = prefs(&[], &format!("user_pref(\"mail.smtpserver.smtp1.try_ssl\", 1);{}", version("40")));
    let account = read(&THUNDERBIRD, "153.7.0", &text).accounts.remove(0);
    assert_eq!(raw(&account, "try_ssl"), Some("1".to_owned()));
    assert!(!account.settings.contains_key("try_ssl, set elsewhere"));
}

fn raw(account: &Account, setting: &str) -> Option<String> {
    match account.settings[setting].content.clone()? {
        crate::change::Content::Raw(raw) => Some(raw),
        _ => None,
    }
}

#[test]
fn a_value_of_another_type_than_the_programs_own_default_is_not_taken() {
    for (what, text, listed) in [
        ("a default", prefs(&[], "pref(\"mail.smtpservers\", 1);"), true),
        ("a default before it", format!("pref(\"mail.smtpservers\", 1);{}", prefs(&[], "")), true),
        ("a number", prefs(&["mail.smtpservers"], "user_pref(\"mail.smtpservers\", 1);"), false),
    ] {
        assert_eq!(!seen(&read(&THUNDERBIRD, "153.7.0", &text)).is_empty(), listed, "{what}");
    }
    let without = ["mail.smtpserver.smtp1.authMethod"];
    let more = "user_pref(\"mail.smtpserver.default.authMethod\", \"1\");";
    let outgoing = read(&THUNDERBIRD, "153.7.0", &prefs(&without, more)).accounts.remove(0).outgoing;
    assert_eq!(outgoing.auth, AuthSetting::Password);
}

#[test]
fn a_receiving_host_that_cannot_be_loses_the_account() {
    let other = "user_pref(\"mail.accountmanager.accounts\", \"account2,account1\");\n\
        user_pref(\"mail.account.account2.server\", \"server2\");user_pref(\"mail.server.server2.type\", \"imap\");\n\
        user_pref(\"mail.server.server2.hostname\", \"two.example\");user_pref(\"mail.server.server2.userName\", \"two\");";
    for (kind, host, behind_imap, used) in [
        ("imap", "imap mailhub", false, false),
        ("imap", "[2001:db8::1]", false, false),
        ("imap", "Local Folders", false, false),
        ("imap", "imap_1.mailhub.example.", true, true),
        ("imap", "münchen.example", true, true),
        ("pop3", "pop mailhub", false, true),
        ("pop3", "pop mailhub", true, false),
        ("none", "Local Folders", true, true),
    ] {
        let mut more = format!(
            "user_pref(\"mail.server.server1.type\", \"{kind}\");user_pref(\"mail.server.server1.hostname\", \"{host}\");"
        );
        if behind_imap {
            more.push_str(other);
        }
        assert_eq!(seen(&read(&THUNDERBIRD, "153.7.0", &prefs(&[], &more))), [("smtp1", 25, used)], "{kind} {host}");
    }
}
