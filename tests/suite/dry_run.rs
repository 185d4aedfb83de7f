//! `--dry-run` holds for every verb: nothing is written, to settings, keychain or state. The verbs are those of the
//! command line itself, so that a new one cannot be forgotten.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::program::{self, HOST, PASSWORD, USER, World};

/// What each verb is given, so that it has something to do. A verb that is not here fails the test.
const GIVEN: [(&str, &[&str]); 15] = [
    ("scan", &[]),
    ("test", &[]),
    ("fix", &["--yes", "--send-test"]),
    ("undo", &["--all", "--yes"]),
    ("status", &[]),
    ("credential set", &["--keychain"]),
    ("credential list", &["--keychain"]),
    ("credential forget", &[USER, "--keychain"]),
    ("relay", &["--use", "--user", USER, "--server", "mail.hosting.test:465", "--yes"]),
    ("agent run", &[]),
    ("agent install", &[]),
    ("agent uninstall", &[]),
    ("agent status", &[]),
    ("policy show", &[]),
    ("profile", &[USER]),
];

/// The verbs that have no verbs below them, each as it is typed.
fn verbs(command: &clap::Command, path: &str) -> Vec<String> {
    let below: Vec<_> = command.get_subcommands().filter(|sub| sub.get_name() != "help").collect();
    if below.is_empty() {
        return vec![path.to_owned()];
    }
    below.iter().flat_map(|sub| verbs(sub, format!("{path} {}", sub.get_name()).trim())).collect()
}

/// Every file and folder below a folder, with its bytes.
fn picture(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut open = vec![folder.to_owned()];
    let mut seen = BTreeMap::new();
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path.clone());
                seen.insert(path, Vec::new());
            } else {
                let bytes = std::fs::read(&path).unwrap();
                seen.insert(path, bytes);
            }
        }
    }
    seen
}

/// A run in which everything that port26 could write to, on this machine too, is below the world's folder.
async fn dry_run(world: &World, verb: &str, given: &[&str]) -> program::Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
    command.args(verb.split(' ')).args(given).arg("--dry-run").arg("--json");
    if !verb.starts_with("agent") && verb != "try" {
        command.args(["--os", "linux"]).arg("--home").arg(world.home());
    }
    let mut stdin = String::new();
    if ["test", "fix", "credential set", "relay"].contains(&verb) {
        command.arg("--credential-stdin");
        stdin = format!("{USER}:{PASSWORD}\n");
    }
    for name in ["TMPDIR", "TMP", "TEMP"] {
        command.env(name, world.folder.path().join("tmp"));
    }
    for name in ["HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "USERPROFILE", "LOCALAPPDATA", "APPDATA"]
    {
        command.env(name, world.home());
    }
    world.run_command(command, &stdin).await
}

/// The state folder as it is after a fix, with a password on the list of those that are kept.
async fn fixed_world() -> World {
    let world = World::new().await;
    let run = world.with_password(&["fix", "--yes", "--json"]).await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let item = serde_json::json!({ "service": format!("port26:smtp://{HOST}"), "account": USER });
    let kept = serde_json::json!({ "schema": "port26-credentials/1", "items": [item] });
    std::fs::write(world.state().join("credentials.json"), kept.to_string()).unwrap();
    world
}

/// The same, cut off before its end: the next run that writes takes the change back.
async fn interrupted_world() -> World {
    let world = fixed_world().await;
    let receipts: Vec<_> = std::fs::read_dir(world.state().join("receipts")).unwrap().collect();
    for receipt in receipts {
        let path = receipt.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let kept: String = lines[..lines.len() - 1].iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, kept).unwrap();
    }
    world
}

#[tokio::test]
async fn nothing_is_written_by_any_verb() {
    let tree = port26::cli::command();
    let verbs: Vec<String> = verbs(&tree, "").into_iter().filter(|verb| verb != "try").collect();
    let worlds =
        [("new", World::new().await), ("fixed", fixed_world().await), ("interrupted", interrupted_world().await)];
    for (name, world) in &worlds {
        std::fs::create_dir_all(world.folder.path().join("tmp")).unwrap();
        let before = picture(world.folder.path());
        for verb in &verbs {
            let given = GIVEN.iter().find(|(known, _)| known == verb);
            let (_, given) = given.unwrap_or_else(|| panic!("say in this test how {verb} is run"));
            let run = dry_run(world, verb, given).await;
            let after = picture(world.folder.path());
            let touched: Vec<_> =
                before.keys().chain(after.keys()).filter(|at| before.get(*at) != after.get(*at)).collect();
            assert!(touched.is_empty(), "{name}: {verb} --dry-run touched {touched:?}: {}{}", run.out, run.err);
            assert_eq!(run.json()["schema"], "port26/1", "{verb}: one document");
        }
    }
}

#[tokio::test]
async fn a_dry_undo_says_what_it_would_do_as_the_undo_does_it() {
    let world = fixed_world().await;
    let dry = world.port26(&["undo", "--dry-run", "--json"]).await;
    assert_eq!((dry.code, dry.result().0.as_str()), (3, "would_revert"), "{}{}", dry.out, dry.err);
    assert_eq!(dry.json()["accounts"][0]["email"], USER);
    let words = world.port26(&["undo", "--dry-run"]).await;
    assert!(words.out.contains("can be undone") && words.out.contains(USER), "{}", words.out);

    let edited = world.prefs().replace(r#"smtp1.port", 26"#, r#"smtp1.port", 2525"#);
    std::fs::write(world.profile().join("prefs.js"), &edited).unwrap();
    let dry = world.port26(&["undo", "--dry-run", "--json"]).await;
    assert_eq!((dry.code, dry.result().0.as_str()), (1, "conflict"), "{}{}", dry.out, dry.err);
    assert_eq!(world.prefs(), edited);
    let real = world.port26(&["undo", "--json"]).await;
    assert_eq!((real.code, real.result()), (dry.code, dry.result()), "{}", real.out);
}

#[tokio::test]
async fn what_is_left_of_an_interrupted_run_is_told_and_stays() {
    let world = interrupted_world().await;
    let prefs = world.prefs();
    let dry = world.with_password(&["fix", "--dry-run", "--json"]).await;
    let json = dry.json();
    assert_eq!(json["interrupted"].as_array().map(Vec::len), Some(1), "{json}");
    assert_eq!((&json["recovered"], world.prefs()), (&Value::Null, prefs));
    let real = world.with_password(&["fix", "--yes", "--json"]).await;
    assert_eq!(real.json()["recovered"].as_array().map(Vec::len), Some(1), "{}", real.out);
}
