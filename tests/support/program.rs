//! The program as a script sees it, on a home with one Thunderbird account on port 25, in front of an embedded mail
//! host. Port 25 leads to a port where nobody listens.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use port26::rehearsal::certificates::Authority;
use port26::rehearsal::mail_host::{MailHost, MailHostConfig, Service};
use serde_json::Value;

pub const HOST: &str = "mail.hosting.test";
pub const USER: &str = "anna@hosting.test";
pub const PASSWORD: &str = "Kiezel:1907 \u{e4}";
const NOBODY: &str = "127.0.0.1:1";

/// A home and its mail host.
pub struct World {
    pub folder: tempfile::TempDir,
    pub host: MailHost,
    blocked: Vec<u16>,
}

/// How a run ended.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    /// The one JSON document on standard output.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }

    /// Result and code of the reason of the first account.
    #[track_caller]
    pub fn result(&self) -> (String, String) {
        let account = &self.json()["accounts"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&account["result"]), text(&account["reason"]["code"]))
    }
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("Test CA").unwrap();
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
        std::fs::write(profile.join("prefs.js"), first_prefs()).unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        Self { folder, host, blocked: vec![25] }
    }

    /// These ports lead to nobody as well.
    pub fn blocking(mut self, ports: &[u16]) -> Self {
        self.blocked.extend(ports);
        self
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn profile(&self) -> PathBuf {
        self.home().join(".thunderbird/abcd.default")
    }

    pub fn prefs(&self) -> String {
        std::fs::read_to_string(self.profile().join("prefs.js")).unwrap()
    }

    /// Runs port26 with these arguments on this home.
    pub async fn port26(&self, arguments: &[&str]) -> Run {
        self.port26_given(arguments, "").await
    }

    /// The same with the account's password on standard input.
    pub async fn with_password(&self, arguments: &[&str]) -> Run {
        let arguments = [arguments, &["--credential-stdin"]].concat();
        self.port26_given(&arguments, &self.password_line()).await
    }

    /// The line of standard input that has the account's password.
    pub fn password_line(&self) -> String {
        format!("{USER}:{PASSWORD}\n")
    }

    /// The same with this on standard input.
    pub async fn with_input(&self, arguments: &[&str], stdin: &str) -> Run {
        self.port26_given(arguments, stdin).await
    }

    /// Runs port26 on this home instead, whatever system it is of.
    pub async fn on_home(&self, home: &Path, arguments: &[&str], stdin: &str) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
        command.args(arguments).arg("--home").arg(home);
        self.run(command, stdin).await
    }

    /// Runs port26 on the machine it runs on, with the same mail host.
    pub async fn on_this_machine(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
        command.args(arguments);
        self.run(command, "").await
    }

    async fn port26_given(&self, arguments: &[&str], stdin: &str) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
        command.args(arguments).args(["--os", "linux"]).arg("--home").arg(self.home());
        self.run(command, stdin).await
    }

    /// Runs this command with the world's network in front of it.
    pub async fn run_command(&self, command: Command, stdin: &str) -> Run {
        self.run(command, stdin).await
    }

    async fn run(&self, mut command: Command, stdin: &str) -> Run {
        for (flag, path) in [("--state", "state"), ("--ca", "ca.pem")] {
            command.arg(flag).arg(self.folder.path().join(path));
        }
        for port in &self.blocked {
            command.args(["--connect-to", &format!("{HOST}:{port}:{NOBODY}")]);
        }
        for rule in self.host.connect_to_rules(HOST) {
            command.args(["--connect-to", &rule]);
        }
        command.args(["--connect-to", &format!("::{NOBODY}")]);
        let run = run(command, stdin).await;
        for secret in secrets() {
            assert!(!run.out.contains(&secret) && !run.err.contains(&secret), "a password was shown");
        }
        run
    }
}

/// Runs a command with this on its standard input.
pub async fn run(mut command: Command, stdin: &str) -> Run {
    use std::io::Write;
    let stdin = stdin.to_owned();
    let output = tokio::task::spawn_blocking(move || {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that has already refused its arguments does not read on.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// The password in every form in which it could lie about.
pub fn secrets() -> Vec<String> {
    vec![
        PASSWORD.to_owned(),
        BASE64.encode(PASSWORD),
        BASE64.encode(format!("\0{USER}\0{PASSWORD}")),
        serde_json::to_string(PASSWORD).unwrap().trim_matches('"').to_owned(),
    ]
}

/// Any file below the folder holds this text.
pub fn contains(folder: &Path, text: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            contains(&path, text)
        } else {
            String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains(text)
        }
    })
}

/// What prefs.js holds before anything was changed.
pub fn first_prefs() -> String {
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
