//! The background agent as a login entry starts it: in a session of its own (home, state, settings, no keychain), in
//! silence, on a Thunderbird account on port 25 whose password Thunderbird keeps.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use port26_platform::computer::Os;
use serde_json::Value;

use crate::support::open_client;
use crate::support::program::{self, Run, World, first_prefs};

/// No step takes longer, on a machine that is busy with other tests as well.
const PATIENCE: Duration = Duration::from_secs(120);

/// A session of a user who has one mail account.
struct Session(World);

impl Session {
    /// A Thunderbird that has the profile open.
    fn open_thunderbird(&self) -> open_client::OpenClient {
        let lock = Some(self.0.profile().join(".parentlock"));
        open_client::Client { lock, ..open_client::Client::default() }.open()
    }

    /// With this policy.
    async fn new(policy: &str) -> Self {
        let world = World::new().await;
        let saved = r#"{"nextId":2,"logins":[{"id":1,"hostname":"smtp://mail.hosting.test",
            "httpRealm":"smtp://mail.hosting.test","formSubmitURL":null,"usernameField":"","passwordField":"",
            "encryptedUsername":"MDIEEPgAAAAAAAAAAAAAAAAAAAEwFAYIKoZIhvcNAwcECAaaaU=",
            "encryptedPassword":"MDoEEPgAAAAAAAAAAAAAAAAAAAEwFAYIKoZIhvcNAwcECBaaaP=",
            "guid":"{11111111-aaaa-4bbb-8ccc-000000000001}","encType":1,"timeCreated":1701000000001,
            "timeLastUsed":1719000000001,"timePasswordChanged":1701000000001,"timesUsed":3}]}"#;
        std::fs::write(world.profile().join("logins.json"), saved).unwrap();
        let session = Self(world);
        session.policy(policy);
        session
    }

    fn policy_file(&self) -> PathBuf {
        self.0.folder.path().join("policy.toml")
    }

    fn policy(&self, text: &str) {
        std::fs::write(self.policy_file(), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
        let folder = self.0.folder.path();
        command.args(arguments).env("HOME", self.0.home()).env("XDG_CONFIG_DIRS", folder.join("machine"));
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", folder.join("no-bus").display()));
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
            command.env_remove(name);
        }
        command.arg("--policy").arg(self.policy_file()).arg("--state").arg(self.0.state());
        command.arg("--ca").arg(folder.join("ca.pem"));
        command.args(["--connect-to", &format!("{}:25:127.0.0.1:1", program::HOST)]);
        for rule in self.0.host.connect_to_rules(program::HOST) {
            command.args(["--connect-to", &rule]);
        }
        command.args(["--connect-to", "::127.0.0.1:1"]);
        command
    }

    async fn port26(&self, arguments: &[&str]) -> Run {
        program::run(self.command(arguments), "").await
    }

    async fn status(&self) -> Value {
        let run = self.port26(&["agent", "status", "--json"]).await;
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        run.json()
    }

    /// Waits until the agent says this of itself.
    async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let status = self.status().await;
            if holds(&status) {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "never {what}: {status}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn moved(&self) -> bool {
        self.0.prefs().contains("user_pref(\"mail.smtpserver.smtp1.port\", 26);")
    }
}

/// An agent that stays. Ended when the test is over, also by a failure.
struct Staying(Child);

impl Staying {
    fn start(session: &Session) -> Self {
        let mut command = session.command(&["agent", "run", "--silent"]);
        Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    async fn ended(mut self) -> (Option<i32>, String) {
        let began = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "it does not end");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        use std::io::Read;
        let mut said = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.0.wait().unwrap().code(), said)
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Windows and macOS tell where the user's folders are and keep login entries of their own: there the agent is tried on
/// whoever runs the tests, and that is left alone.
fn in_a_home_of_its_own() -> bool {
    let own = Os::here() == Os::Linux;
    if !own {
        eprintln!("*** NOT TESTED here: the agent in a home of its own, which only Linux takes from the environment.");
    }
    own
}

#[tokio::test]
async fn it_is_for_the_user_who_runs_it() {
    let session = Session::new("").await;
    for action in ["run", "install", "uninstall", "status"] {
        for flag in [&["--home", "/"][..], &["--os", "linux"], &["--registry", "user.reg"]] {
            let run = session.port26(&[&["agent", action], flag].concat()).await;
            assert_eq!(run.code, 2, "{action} {flag:?}: {}{}", run.out, run.err);
            assert!(run.err.contains(flag[0]) && run.err.contains("next:"), "{action} {flag:?}: {}", run.err);
        }
    }
    let run = session.port26(&["agent", "run", "--credential-stdin"]).await;
    assert!(run.code == 2 && run.err.contains("port26 credential set"), "{}", run.err);
    assert!(!session.0.state().exists(), "a refusal leaves nothing");
}

#[tokio::test]
async fn switched_off_it_looks_at_nothing() {
    let session = Session::new("mode = 'off'\n").await;
    let run = session.port26(&["agent", "run", "--silent"]).await;
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", ""));
    let status = session.status().await;
    assert_eq!((&status["mode"], &status["running"]), (&"off".into(), &false.into()), "{status}");
    let look = &status["last_look"];
    assert_eq!((&look["mode"], &look["why"], &look["exit_code"]), (&"off".into(), &"start".into(), &0.into()));
    assert_eq!(look["results"], serde_json::json!({}));
    assert!(session.0.host.record().connections.is_empty(), "it used the network");
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_ends_it_with_the_reason() {
    let session = Session::new("scedule = 'hourly'\n").await;
    let run = session.port26(&["agent", "run"]).await;
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("did you mean schedule?"), "{}", run.err);
}

#[tokio::test]
async fn at_login_it_repairs_in_silence_and_ends() {
    if !in_a_home_of_its_own() {
        return;
    }
    let session = Session::new("").await;
    let run = session.port26(&["agent", "run", "--dry-run"]).await;
    assert_eq!((run.code, run.out.as_str(), session.0.prefs()), (3, "", first_prefs()), "{}", run.err);
    let run = session.port26(&["agent", "run"]).await;
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", ""));
    assert!(session.moved(), "{}", session.0.prefs());
    let status = session.status().await;
    assert_eq!(status["last_look"]["results"], serde_json::json!({ "fixed": 1 }), "{status}");
    assert_eq!((&status["schedule"], &status["running"]), (&"logon".into(), &false.into()), "{status}");
    let kept = std::fs::read_to_string(session.0.state().join("agent.json")).unwrap();
    assert!(!kept.contains("anna") && !kept.contains("hosting"), "whose mail it is: {kept}");
    let run = session.port26(&["agent", "status"]).await;
    assert!(run.out.contains("at its start: 1 fixed."), "{}", run.out);

    let run = session.port26(&["undo"]).await;
    assert_eq!((run.code, session.0.prefs()), (0, first_prefs()), "{}{}", run.out, run.err);
}

#[tokio::test]
async fn in_mode_test_it_changes_nothing() {
    if !in_a_home_of_its_own() {
        return;
    }
    let session = Session::new("mode = 'test'\n").await;
    let run = session.port26(&["agent", "run", "--silent"]).await;
    assert_eq!((run.out.as_str(), run.err.as_str(), session.0.prefs()), ("", "", first_prefs()));
    let look = session.status().await["last_look"].clone();
    assert_eq!((&look["results"]["fixed"], &look["error"]), (&Value::Null, &Value::Null), "{look}");
    assert_eq!(look["results"].as_object().map(serde_json::Map::len), Some(1), "{look}");
    assert!(!session.0.host.record().connections.is_empty(), "it tested nothing");
}

#[tokio::test]
async fn it_stays_alone_waits_for_the_program_to_close_and_ends_when_uninstalled() {
    if !in_a_home_of_its_own() {
        return;
    }
    let session = Session::new("schedule = 'hourly'\n").await;
    let mut client = session.open_thunderbird();
    let agent = Staying::start(&session);
    let status = session.until("deferred", |status| status["last_look"]["results"]["deferred"] == 1).await;
    assert_eq!(status["last_look"]["waiting_for"], serde_json::json!(["Thunderbird"]), "{status}");
    assert_eq!((&status["running"], &status["pid"]), (&true.into(), &agent.0.id().into()), "{status}");
    let second = session.port26(&["agent", "run", "--json"]).await;
    assert_eq!((second.code, &second.json()["running"]), (0, &true.into()), "{}{}", second.out, second.err);
    assert_eq!(session.0.prefs(), first_prefs(), "written while the program was open");

    client.close();
    let status = session.until("fixed", |status| status["last_look"]["results"]["fixed"] == 1).await;
    assert_eq!(status["last_look"]["why"], "client_closed", "{status}");
    assert!(session.moved(), "{}", session.0.prefs());

    let run = session.port26(&["agent", "uninstall", "--json"]).await;
    assert_eq!((run.code, &run.json()["changed"]), (0, &false.into()), "{}{}", run.out, run.err);
    assert!(run.out.contains("asked to end"), "{}", run.out);
    assert_eq!(agent.ended().await, (Some(0), String::new()));
    assert_eq!(session.status().await["running"], false);
}

#[tokio::test]
async fn a_policy_that_breaks_while_it_runs_leaves_the_old_one_in_force() {
    if !in_a_home_of_its_own() {
        return;
    }
    let session = Session::new("schedule = 'hourly'\n").await;
    let mut client = session.open_thunderbird();
    let agent = Staying::start(&session);
    session.until("deferred", |status| status["last_look"]["results"]["deferred"] == 1).await;
    session.policy("scedule = 'hourly'\n");
    client.close();
    let memory = session.0.state().join("agent.json");
    let began = Instant::now();
    let look = loop {
        let kept: Value = serde_json::from_slice(&std::fs::read(&memory).unwrap()).unwrap();
        if kept["last_look"]["why"] == "client_closed" {
            break kept["last_look"].clone();
        }
        assert!(began.elapsed() < PATIENCE, "it never looked again: {kept}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(look["results"], serde_json::json!({ "fixed": 1 }), "{look}");
    assert!(look["error"].as_str().unwrap().contains("did you mean schedule?"), "what is broken is told: {look}");
    assert!(session.moved(), "{}", session.0.prefs());

    session.policy("schedule = 'hourly'\n");
    session.port26(&["agent", "uninstall", "--json"]).await;
    assert_eq!(agent.ended().await, (Some(0), String::new()));
}

#[tokio::test]
async fn its_entry_at_login_comes_and_goes() {
    if !in_a_home_of_its_own() {
        return;
    }
    let session = Session::new("").await;
    let entry = session.0.home().join(".config/autostart/port26.desktop");
    let run = session.port26(&["agent", "install", "--dry-run", "--json"]).await;
    assert_eq!((run.code, &run.json()["changed"], entry.exists()), (3, &true.into(), false), "{}{}", run.out, run.err);
    let run = session.port26(&["agent", "install", "--json"]).await;
    let json = run.json();
    assert_eq!((run.code, &json["changed"]), (0, &true.into()), "{json}");
    let command = json["installed"][0]["command"].as_str().unwrap().to_owned();
    assert!(command.ends_with("\" agent run --silent") && command.contains("port26"), "{command}");
    assert_eq!(json["installed"][0]["place"], entry.display().to_string());
    let again = session.port26(&["agent", "install", "--json"]).await.json();
    assert_eq!((&again["changed"], &again["installed"][0]["scope"]), (&false.into(), &"this_user".into()), "{again}");
    let said = session.port26(&["agent", "status"]).await.out;
    assert!(said.contains("starts when you log in") && said.contains("does not run"), "{said}");

    let run = session.port26(&["agent", "uninstall", "--json"]).await;
    assert_eq!((run.code, &run.json()["changed"], entry.exists()), (0, &true.into(), false), "{}", run.out);
    let run = session.port26(&["agent", "uninstall", "--json"]).await;
    assert_eq!((run.code, &run.json()["changed"]), (0, &false.into()), "{}", run.out);

    let all = session.0.folder.path().join("machine/autostart");
    std::fs::create_dir_all(&all).unwrap();
    std::fs::write(all.join("port26.desktop"), "[Desktop Entry]\nExec=port26 agent run --silent\n").unwrap();
    let json = session.port26(&["agent", "install", "--json"]).await.json();
    assert_eq!((&json["changed"], &json["installed"][0]["scope"]), (&false.into(), &"all_users".into()), "{json}");
    assert!(!entry.exists(), "a second entry beside the one for all users");
    let json = session.port26(&["agent", "uninstall", "--json"]).await.json();
    assert!(json["notes"][0].as_str().unwrap().contains("for all users") && all.join("port26.desktop").exists());
}
