//! What an earlier run has left, as people and scripts are told of it: accounts that somebody has set since, files that are
//! away, and the commands that lead back.

use std::path::{Path, PathBuf};
use std::process::Command;

use port26_platform::computer::Os;
use serde_json::json;

use crate::support::program::{self, Run, USER, World, first_prefs};

fn prefs_of(world: &World) -> PathBuf {
    world.profile().join("prefs.js")
}

fn receipts(world: &World) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(world.state().join("receipts"));
    let mut all: Vec<PathBuf> = folder.unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// A fix that was stopped when prefs.js was written and its receipt had no end.
async fn stopped() -> World {
    let world = World::new().await;
    assert_eq!(world.with_password(&["fix", "--yes", "--json"]).await.code, 0);
    let receipt = receipts(&world).remove(0);
    let lines = std::fs::read_to_string(&receipt).unwrap();
    let kept = lines.lines().filter(|line| !line.contains("\"record\":\"commit\""));
    std::fs::write(&receipt, kept.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    world
}

fn set_port(world: &World, port: u16) -> String {
    let text = world.prefs().replace("smtp1.port\", 26", &format!("smtp1.port\", {port}"));
    assert!(text.contains(&format!("smtp1.port\", {port})")), "{text}");
    std::fs::write(prefs_of(world), &text).unwrap();
    text
}

fn must_tell(run: &Run, words: &[&str]) {
    for word in words {
        assert!(run.out.contains(word), "{word}: {}{}", run.out, run.err);
    }
}

/// A stopped run had moved it to 26; its user chose 587, and it works. Encryption and login stay with that.
#[tokio::test]
async fn an_account_that_somebody_has_set_since_a_stop_stays_and_is_told() {
    for verb in [&["fix", "--yes"][..], &["undo"]] {
        let world = stopped().await;
        let chosen = set_port(&world, 587);
        let run = world.with_password(verb).await;
        assert_eq!(world.prefs(), chosen, "{verb:?}");
        must_tell(
            &run,
            &["left as it was found", "had begun to change", USER, "smtp1.port", "next: Look at the account"],
        );
        assert_eq!(run.code, if verb[0] == "fix" { 6 } else { 1 }, "{}", run.out);
        let status = world.port26(&["status"]).await;
        must_tell(&status, &["begun, and not all of it could be put back", "smtp1.port", "next: Look at the account"]);
        assert!(!status.out.contains("put back at once"), "{}", status.out);
        // It is settled.
        let again = world.with_password(&["fix", "--yes", "--json"]).await;
        assert_eq!((again.code, &again.json()["problems"]), (0, &json!([])), "{}", again.out);
    }
    let world = stopped().await;
    set_port(&world, 587);
    let run = world.with_password(&["fix", "--yes", "--json"]).await;
    let problem = &run.json()["problems"][0];
    assert_eq!((&problem["code"], &problem["at"], run.code), (&json!("conflict"), &json!(USER), 6), "{}", run.out);
}

#[tokio::test]
async fn what_a_stop_left_and_cannot_be_put_right_now_is_a_problem() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 2] = [
        ("gone", |prefs| std::fs::rename(prefs, prefs.with_extension("away")).unwrap()),
        ("a folder", |prefs| {
            std::fs::rename(prefs, prefs.with_extension("away")).unwrap();
            std::fs::create_dir(prefs).unwrap();
        }),
    ];
    for (what, harm) in harms {
        let world = stopped().await;
        harm(&prefs_of(&world));
        for verb in [&["fix", "--yes", "--json"][..], &["undo", "--json"]] {
            let run = world.with_password(verb).await;
            let json = run.json();
            let problems = json["problems"].as_array().unwrap();
            let told =
                problems.iter().find(|problem| problem["code"] == "unfinished").unwrap_or_else(|| panic!("{json}"));
            assert!(told["message"].as_str().unwrap().contains("half changed"), "{what}: {told}");
            assert!(run.code == 6 || run.code == 1, "{what}: {verb:?} {}", run.code);
            assert_eq!(json.get("recovered").and_then(|list| list.get(0)), None, "nothing is put right: {json}");
        }
        let words = world.with_password(&["fix", "--yes"]).await;
        must_tell(&words, &["half changed", "cannot be put right now", "next: "]);
        assert!(!words.out.contains("put right from"), "{}", words.out);
        // It comes back, and is put right then.
        let _ = std::fs::remove_dir(prefs_of(&world));
        std::fs::rename(prefs_of(&world).with_extension("away"), prefs_of(&world)).unwrap();
        assert_eq!(world.port26(&["undo"]).await.code, 0, "{what}");
        assert_eq!(world.prefs(), first_prefs(), "{what}");
    }
}

#[tokio::test]
async fn an_undo_that_puts_nothing_back_leaves_no_receipt() {
    let world = World::new().await;
    assert_eq!(world.with_password(&["fix", "--yes", "--json"]).await.code, 0);
    set_port(&world, 2525);
    for _ in 0..3 {
        assert_eq!(world.port26(&["undo"]).await.code, 1);
        assert_eq!(receipts(&world).len(), 1);
    }
    let status = world.port26(&["status"]).await;
    must_tell(&status, &["changed, and in effect"]);
    assert!(!status.out.contains("put back what"), "{}", status.out);
    let away = prefs_of(&world).with_extension("away");
    std::fs::rename(prefs_of(&world), &away).unwrap();
    let gone = world.port26(&["undo"]).await;
    must_tell(&gone, &["prefs.js is gone", "next: If it was moved, move it back"]);
    assert!(!gone.out.contains("somebody else"), "{}", gone.out);
    let json = world.port26(&["undo", "--json"]).await;
    assert_eq!((json.code, json.result()), (1, ("conflict".into(), "file_missing".into())), "{}", json.out);
    assert_eq!(receipts(&world).len(), 1);
}

#[tokio::test]
async fn a_look_tells_of_a_receipt_that_is_not_believed() {
    let world = World::new().await;
    assert_eq!(world.with_password(&["fix", "--yes", "--json"]).await.code, 0);
    let strange = world.state().join("receipts").join("20260101T000000Z-0001.jsonl");
    std::fs::write(&strange, [79, 200, 3, 0, 255, 10, 7]).unwrap();
    let looked = world.with_password(&["test", "--json"]).await;
    let problem = &looked.json()["problems"][0];
    assert_eq!((&problem["code"], &problem["at"]), (&json!("receipt_damaged"), &json!(strange)), "{}", looked.out);
    assert_eq!(looked.code, 0, "a look has told it: {}", looked.out);
    // It names no accounts that could be looked at.
    for run in [world.with_password(&["test"]).await, world.port26(&["status"]).await] {
        must_tell(&run, &["does not say any more whose accounts"]);
        assert!(!run.out.contains("the accounts it names"), "{}", run.out);
    }
    assert_eq!(world.with_password(&["fix", "--yes", "--json", USER]).await.code, 1, "it may be anybody's");
}

#[tokio::test]
async fn a_state_folder_that_is_not_there_is_named_and_not_made() {
    let world = World::new().await;
    let state = world.state().display().to_string();
    for verb in [&["undo"][..], &["undo", "--all", "--yes"], &["undo", "--dry-run"], &["status"]] {
        let run = world.port26(verb).await;
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        must_tell(&run, &["there are no receipts in", &state]);
        assert!(!world.state().exists(), "{verb:?} made it");
    }
    assert_eq!(world.port26(&["undo", "20200101T000000Z-0001"]).await.code, 2);
    assert!(!world.state().exists());
}

/// What is printed is run as it stands, by the shell that it would be copied into.
#[tokio::test]
async fn the_printed_way_back_works_when_it_is_copied() {
    if Os::here() == Os::Windows {
        eprintln!("*** NOT TESTED here: a printed command, in the shell of Windows");
        return;
    }
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("with space/ada o'neil");
    let profile = home.join(".thunderbird/abcd.default");
    std::fs::create_dir_all(&profile).unwrap();
    std::fs::copy(world.home().join(".thunderbird/profiles.ini"), home.join(".thunderbird/profiles.ini")).unwrap();
    std::fs::write(profile.join("prefs.js"), first_prefs()).unwrap();
    let on = |arguments: &'static [&'static str]| {
        let arguments = [arguments, &["--os", "linux", "--credential-stdin"]].concat();
        let (world, home, line) = (&world, home.clone(), world.password_line());
        async move { world.on_home(&home, &arguments, &line).await }
    };
    let command_in = |text: &str| {
        let start = text.find("`port26 undo").unwrap_or_else(|| panic!("{text}")) + 1;
        text[start..].split('`').next().unwrap().to_owned()
    };
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(other.path().join(".thunderbird")).unwrap();
    for from in ["fix", "status", "elsewhere", "status elsewhere"] {
        let fixed = on(&["fix", "--yes"]).await;
        assert_eq!(fixed.code, 0, "{}{}", fixed.out, fixed.err);
        let elsewhere = |verb: &'static str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
            command.args([verb, "--os", "linux", "--home"]).arg(other.path()).arg("--state").arg(world.state());
            program::run(command, "")
        };
        let printed = match from {
            "fix" => fixed.out,
            "status" => on(&["status"]).await.out,
            "elsewhere" => elsewhere("undo").await.out,
            _ => elsewhere("status").await.out,
        };
        let line = command_in(&printed).replacen("port26", env!("CARGO_BIN_EXE_port26"), 1);
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]);
        let undone = program::run(shell, "").await;
        assert_eq!(undone.code, 0, "{from}: {line}: {}{}", undone.out, undone.err);
        assert_eq!(std::fs::read_to_string(profile.join("prefs.js")).unwrap(), first_prefs(), "{from}: {line}");
    }
}
