//! The program with the session's real keychain: a password that was put there by `credential set` is found again by
//! a silent `fix`, logs in once, and is forgotten on request. Where the keychain is locked or missing, `fix` says so.
//!
//! `scripts/test` runs this in throw-away sessions (`PORT26_TEST_KEYRING=1` and `=locked`). Elsewhere the part that
//! needs no keychain runs, and the rest says aloud that it did not.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use port26::rehearsal::certificates::Authority;
use port26::rehearsal::mail_host::{MailHost, MailHostConfig, Service};
use serde_json::Value;

const HOST: &str = "mail.hosting.test";
const USER: &str = "anna@hosting.test";
const PASSWORD: &str = "Kiezel:1907 \u{e4}";

/// A home with one Thunderbird account on port 25 whose program knows no password, and its mail host.
struct World {
    folder: tempfile::TempDir,
    host: MailHost,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("Keychain test CA").unwrap();
        let host = MailHost::start(MailHostConfig {
            host_name: HOST.to_owned(),
            domains: vec!["hosting.test".to_owned()],
            accounts: vec![(USER.to_owned(), PASSWORD.to_owned())],
            services: Service::usual(),
            certificate: authority.server(&[HOST]).unwrap(),
        })
        .await
        .unwrap();
        let profile = folder.path().join("home/.thunderbird/abcd.default");
        std::fs::create_dir_all(&profile).unwrap();
        let profiles = "[Profile0]\nName=default\nIsRelative=1\nPath=abcd.default\nDefault=1\n";
        std::fs::write(folder.path().join("home/.thunderbird/profiles.ini"), profiles).unwrap();
        std::fs::write(profile.join("prefs.js"), prefs()).unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        Self { folder, host }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn prefs(&self) -> String {
        std::fs::read_to_string(self.home().join(".thunderbird/abcd.default/prefs.js")).unwrap()
    }

    /// Runs port26 on this home. Port 25 leads to a port where nobody listens.
    async fn port26(&self, arguments: &[&str], stdin: &str) -> (i32, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
        command.args(arguments).args(["--json", "--keychain"]);
        for (flag, path) in [("--home", "home"), ("--state", "state"), ("--ca", "ca.pem")] {
            command.arg(flag).arg(self.folder.path().join(path));
        }
        command.args(["--os", "linux", "--connect-to", &format!("{HOST}:25:127.0.0.1:1")]);
        for rule in self.host.connect_to_rules(HOST) {
            command.args(["--connect-to", &rule]);
        }
        command.args(["--connect-to", "::127.0.0.1:1"]);
        let stdin = stdin.to_owned();
        let output = tokio::task::spawn_blocking(move || run(command, &stdin)).await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let problems = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains(PASSWORD) && !problems.contains(PASSWORD), "a password was shown");
        let json = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}{problems}"));
        (output.status.code().unwrap(), json)
    }
}

fn run(mut command: Command, stdin: &str) -> Output {
    use std::io::Write;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn prefs() -> String {
    let prefs = [
        ("mail.accountmanager.accounts", r#""account1""#),
        ("mail.account.account1.identities", r#""id1""#),
        ("mail.account.account1.server", r#""server1""#),
        ("mail.identity.id1.useremail", r#""anna@hosting.test""#),
        ("mail.identity.id1.smtpServer", r#""smtp1""#),
        ("mail.server.server1.type", r#""imap""#),
        ("mail.server.server1.hostname", r#""mail.hosting.test""#),
        ("mail.server.server1.userName", r#""anna@hosting.test""#),
        ("mail.smtpservers", r#""smtp1""#),
        ("mail.smtpserver.smtp1.hostname", r#""mail.hosting.test""#),
        ("mail.smtpserver.smtp1.port", "25"),
        ("mail.smtpserver.smtp1.authMethod", "3"),
        ("mail.smtpserver.smtp1.username", r#""anna@hosting.test""#),
    ];
    prefs.iter().map(|(name, value)| format!("user_pref(\"{name}\", {value});\n")).collect()
}

fn keyring() -> &'static str {
    match std::env::var("PORT26_TEST_KEYRING").as_deref() {
        Ok("locked") => "locked",
        Ok("1") => "open",
        _ => {
            let required = std::env::var("PORT26_REQUIRE_ALL").is_ok_and(|value| value == "1");
            assert!(!required, "PORT26_REQUIRE_ALL=1 and no keyring to test: set PORT26_TEST_KEYRING=1");
            eprintln!("*** NOT TESTED: port26 with the real keychain. scripts/test runs it in a session of its own.");
            "none"
        }
    }
}

fn result(json: &Value) -> (&str, &str) {
    let account = &json["accounts"][0];
    (account["result"].as_str().unwrap(), account["reason"]["code"].as_str().unwrap())
}

fn contains(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            contains(&path, text)
        } else {
            String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(text)
        }
    })
}

#[tokio::test]
async fn a_kept_password_is_found_used_once_and_forgotten() {
    if keyring() != "open" {
        return;
    }
    let world = World::new().await;

    let (code, json) = world.port26(&["fix", "--yes"], "").await;
    assert_eq!((code, result(&json)), (6, ("needs_user", "password_missing")), "{json}");
    assert_eq!(world.host.record().attempts_of(USER), 0);

    let typed = format!("{USER}:{PASSWORD}\n");
    let (code, json) = world.port26(&["credential", "set", "--credential-stdin"], &typed).await;
    assert_eq!((code, json["credentials"][0]["state"].as_str()), (0, Some("kept")), "{json}");
    let (_, json) = world.port26(&["credential", "list"], "").await;
    assert_eq!(json["credentials"][0]["user"], USER);

    let (code, json) = world.port26(&["fix", "--yes"], "").await;
    assert_eq!((code, result(&json).0), (0, "fixed"), "{json}");
    assert_eq!(world.host.record().attempts_of(USER), 1, "one AUTH");
    assert!(!world.host.record().any_password_before_tls());
    assert!(world.prefs().contains(r#""mail.smtpserver.smtp1.port", 26"#), "{}", world.prefs());
    assert!(!contains(&world.folder.path().join("state"), PASSWORD), "the password lies in the state folder");

    let (code, json) = world.port26(&["undo"], "").await;
    assert_eq!(code, 0, "{json}");
    assert_eq!(world.prefs(), prefs());

    let (code, json) = world.port26(&["credential", "forget", USER], "").await;
    assert_eq!(code, 0, "{json}");
    let (_, json) = world.port26(&["credential", "list"], "").await;
    assert_eq!(json["credentials"].as_array().map(Vec::len), Some(0), "{json}");
    let (_, json) = world.port26(&["fix", "--yes"], "").await;
    assert_eq!(result(&json), ("needs_user", "password_missing"), "{json}");
}

#[tokio::test]
async fn a_locked_keychain_is_said_and_a_given_password_still_fixes() {
    if keyring() != "locked" {
        return;
    }
    let world = World::new().await;
    let typed = format!("{USER}:{PASSWORD}\n");

    let (code, json) = world.port26(&["credential", "set", "--credential-stdin"], &typed).await;
    let entry = &json["credentials"][0];
    assert_eq!((code, entry["state"].as_str()), (6, Some("not kept")), "{json}");
    assert!(entry["why"].as_str().unwrap().contains("locked"), "{json}");

    let (_, json) = world.port26(&["fix", "--yes", "--credential-stdin"], &typed).await;
    assert_eq!(result(&json).0, "fixed", "{json}");
    assert_eq!(world.host.record().attempts_of(USER), 1, "one AUTH");
    assert!(json.to_string().contains("locked"), "the user hears that the password was not kept: {json}");
}
