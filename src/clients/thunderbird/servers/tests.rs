//! What is read of one outgoing server, and which saved login is its own.

use port26_platform::computer::Os;

use super::*;
use crate::clients::thunderbird::THUNDERBIRD;
use crate::clients::thunderbird::tests::{found, made};

#[test]
fn the_large_providers_are_told_by_their_hosts() {
    assert_eq!(not_ours("smtp", "smtp.gmail.com", AuthSetting::Password), Some(NotOurs::Google));
    assert_eq!(not_ours("smtp", "SMTP.office365.com.", AuthSetting::Oauth2), Some(NotOurs::Microsoft));
    assert_eq!(not_ours("smtp", "smtp.mail.yahoo.com", AuthSetting::Oauth2), Some(NotOurs::Yahoo));
    assert_eq!(not_ours("smtp", "mail.notgmail.com", AuthSetting::Password), None);
    assert_eq!(not_ours("smtp", "mail.hosting.test", AuthSetting::Oauth2), Some(NotOurs::Oauth2));
    assert_eq!(not_ours("ews", "mail.hosting.test", AuthSetting::Password), Some(NotOurs::Exchange));
}

/// Asked with a host in mixed case, Thunderbird 153.7 finds the logins of `smtp://Mail.Hosting.TEST` and of
/// `smtp://mail.hosting.test`, and not that of `smtp://MAIL.hosting.test`; nor does it take a dot at the end away.
#[test]
fn a_saved_login_is_found_as_written_and_in_lower_case() {
    let prefs = "user_pref(\"mail.smtpservers\", \"smtp1\");user_pref(\"mail.smtpserver.smtp1.hostname\", \"HOST\");user_pref(\"mail.smtpserver.smtp1.username\", \"ada\");\n";
    for (host, saved, there) in [
        ("Mail.Hosting.TEST", "smtp://Mail.Hosting.TEST", true),
        ("Mail.Hosting.TEST", "smtp://mail.hosting.test", true),
        ("Mail.Hosting.TEST", "smtp://MAIL.hosting.test", false),
        ("mail.hosting.test.", "smtp://mail.hosting.test", false),
        ("mail.hosting.test.", "smtp://mail.hosting.test.", true),
        ("2001:db8::26", "smtp://[2001:db8::26]", true),
    ] {
        let (home, computer_of) = made(Os::Linux, ".thunderbird", "153.7.0", &prefs.replace("HOST", host));
        let logins = format!(
            r#"{{"nextId":2,"logins":[{{"id":1,"hostname":"{saved}","httpRealm":"{saved}","guid":"{{g}}","encryptedUsername":"u","encryptedPassword":"p"}}]}}"#
        );
        std::fs::write(home.path().join(".thunderbird/p.default/logins.json"), logins).unwrap();
        assert_eq!(found(&THUNDERBIRD, &computer_of).accounts[0].password_in_client, there, "{host}: {saved}");
    }
}

#[test]
fn the_login_of_the_incoming_server_is_found_in_lower_case_too() {
    let prefs = "user_pref(\"mail.smtpservers\", \"smtp1\");user_pref(\"mail.smtpserver.smtp1.hostname\", \"h.test\");user_pref(\"mail.smtpserver.smtp1.authMethod\", 1);\n\
        user_pref(\"mail.accountmanager.accounts\", \"a1\");user_pref(\"mail.account.a1.server\", \"v1\");user_pref(\"mail.account.a1.identities\", \"i1\");\n\
        user_pref(\"mail.server.v1.type\", \"imap\");user_pref(\"mail.server.v1.hostname\", \"Imap.H.test\");user_pref(\"mail.server.v1.userName\", \"ada\");\n";
    let (home, computer) = made(Os::Linux, ".thunderbird", "153.7.0", prefs);
    let logins = r#"{"nextId":2,"logins":[{"id":1,"hostname":"imap://imap.h.test","httpRealm":"imap://imap.h.test","guid":"{g}","encryptedUsername":"u","encryptedPassword":"p"}]}"#;
    std::fs::write(home.path().join(".thunderbird/p.default/logins.json"), logins).unwrap();
    let account = found(&THUNDERBIRD, &computer).accounts.remove(0);
    assert!(account.password_in_client && account.settings.contains_key(LOGIN));
}

const LONG: &str = "MFMEEPgAAAAAAAAAAAAAAAAAAAEwHQYJYIZIAWUDBAEqBBCtIfuUyqMnJXui4xnyIzY+BCCn4jI8k10s0y+SBYHhy4Gf1fxvBUnc1hnpj+3Kp0aVZw==";

/// What Thunderbird 153.8 does not find, it asks for: a login of another realm, or surely of another user. One that was
/// kept before the login was switched off is still there.
#[test]
fn a_saved_login_is_found_by_its_realm_and_by_who_it_may_be_of() {
    let prefs = "user_pref(\"mail.smtpservers\", \"smtp1\");user_pref(\"mail.smtpserver.smtp1.hostname\", \"h.test\");\n\
        user_pref(\"mail.smtpserver.smtp1.username\", \"ada@hosting.test\");user_pref(\"mail.smtpserver.smtp1.authMethod\", AUTH);\n";
    for (auth, realm, user, there) in [
        (3, "\"smtp://h.test\"", LONG, true),
        (3, "null", LONG, false),
        (3, "\"smtp://h.test:26\"", LONG, false),
        (1, "\"smtp://h.test\"", LONG, true),
        (1, "null", LONG, false),
        // an empty name
        (
            3,
            "\"smtp://h.test\"",
            "MEMEEPgAAAAAAAAAAAAAAAAAAAEwHQYJYIZIAWUDBAEqBBCc3uN6aacrUbH24OaYxHlJBBCsYFA/oYm/oqGmVuTxmgum",
            false,
        ),
    ] {
        let prefs = prefs.replace("AUTH", &format!("{auth}"));
        let (home, computer) = made(Os::Linux, ".thunderbird", "153.8.0", &prefs);
        let logins = format!(
            r#"{{"nextId":2,"logins":[{{"id":1,"hostname":"smtp://h.test","httpRealm":{realm},"guid":"{{g}}","encryptedUsername":"{user}","encryptedPassword":"p"}}]}}"#
        );
        std::fs::write(home.path().join(".thunderbird/p.default/logins.json"), logins).unwrap();
        assert_eq!(found(&THUNDERBIRD, &computer).accounts[0].password_in_client, there, "{auth} {realm} {user}");
    }
}

/// Two servers of one host, one without a user name: that one asks, and takes nothing from the other.
#[test]
fn a_server_without_a_user_name_wants_no_saved_login() {
    let prefs = "user_pref(\"mail.smtpservers\", \"smtp1,smtp2\");user_pref(\"mail.smtpserver.smtp1.hostname\", \"h.test\");\n\
        user_pref(\"mail.smtpserver.smtp1.username\", \"ada\");user_pref(\"mail.smtpserver.smtp2.hostname\", \"h.test\");\n";
    let (home, computer) = made(Os::Linux, ".thunderbird", "153.8.0", prefs);
    let logins = r#"{"nextId":2,"logins":[{"id":1,"hostname":"smtp://h.test","httpRealm":"smtp://h.test","guid":"{g}","encryptedUsername":"u","encryptedPassword":"p"}]}"#;
    std::fs::write(home.path().join(".thunderbird/p.default/logins.json"), logins).unwrap();
    let saved: Vec<_> =
        found(&THUNDERBIRD, &computer).accounts.iter().map(|account| account.password_in_client).collect();
    assert_eq!(saved, [true, false]);
}
