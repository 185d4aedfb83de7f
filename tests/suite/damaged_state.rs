//! What port26 keeps for itself, damaged in every way, and homes that cannot be written: each verb does what does not need
//! it, says what is the matter, and begins anew where it can.

use std::path::Path;
use std::process::Command;

use port26_platform::computer::Os;

use crate::support::program::{PASSWORD, Run, USER, World, first_prefs};

const FILES: [&str; 4] = ["history.json", "refused.json", "credentials.json", "agent.json"];

/// A user that no file of this computer is meant for.
const ORDINARY: &str = "65534";

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| String::from_utf8_lossy(&id.stdout).trim() == "0")
}

fn has_setpriv() -> bool {
    Command::new("setpriv").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Is there an ordinary user to run it as: this one, or for root another?
fn ordinary_user() -> bool {
    let there = Os::here() != Os::Windows && (!is_root() || has_setpriv());
    if !there {
        eprintln!("*** NOT TESTED here: files that an ordinary user may not read or write");
    }
    there
}

/// port26 as an ordinary user, whoever runs the test.
fn as_ordinary(world: &World, arguments: &[&str]) -> Command {
    let program = env!("CARGO_BIN_EXE_port26");
    let mut command = if Os::here() != Os::Windows && is_root() && has_setpriv() {
        let owner = format!("{ORDINARY}:{ORDINARY}");
        let given = Command::new("chown").args(["-R", &owner]).arg(world.folder.path()).status().unwrap();
        assert!(given.success());
        let mut command = Command::new("setpriv");
        command.args(["--reuid", ORDINARY, "--regid", ORDINARY, "--clear-groups", program]);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).env("HOME", world.home());
    command
}

async fn run(world: &World, arguments: &[&str]) -> Run {
    let mut command = as_ordinary(world, arguments);
    if arguments[0] != "agent" {
        command.args(["--os", "linux", "--home"]).arg(world.home());
    }
    let stdin = if arguments.contains(&"--credential-stdin") { format!("{USER}:{PASSWORD}\n") } else { String::new() };
    world.run_command(command, &stdin).await
}

fn chmod(path: &Path, mode: &str) {
    assert!(Command::new("chmod").arg(mode).arg(path).status().unwrap().success());
}

/// Puts this in the place of every file of the state folder.
fn damage(world: &World, how: &str) {
    std::fs::create_dir_all(world.state()).unwrap();
    for name in FILES {
        let path = world.state().join(name);
        let whole = format!("{{\n  \"schema\": \"port26-{}/1\",\n", name.trim_end_matches(".json"));
        let _ = std::fs::remove_file(&path);
        let _ = std::fs::remove_dir_all(&path);
        match how {
            "garbage" => std::fs::write(&path, "\u{fffd} not JSON").unwrap(),
            "empty" => std::fs::write(&path, "").unwrap(),
            "cut" => std::fs::write(&path, whole).unwrap(),
            "NULs" => std::fs::write(&path, [0; 512]).unwrap(),
            "folder" => std::fs::create_dir(&path).unwrap(),
            "forbidden" => {
                std::fs::write(&path, "{}").unwrap();
                chmod(&path, "000");
            }
            other => panic!("{other}"),
        }
    }
}

/// Codes of the notices of the first account.
fn notices(run: &Run) -> Vec<String> {
    let json = run.json();
    let notices = json["accounts"][0]["notices"].as_array().cloned().unwrap_or_default();
    notices.iter().map(|notice| notice["code"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_verb_does_what_does_not_need_a_damaged_file_and_names_the_one_it_needs() {
    for how in ["garbage", "empty", "cut", "NULs", "folder", "forbidden"] {
        if how == "forbidden" && !ordinary_user() {
            continue;
        }
        let world = World::new().await;
        damage(&world, how);
        for verb in [&["scan", "--json"][..], &["policy", "show", "--json"]] {
            let run = run(&world, verb).await;
            assert_eq!(run.code, 0, "{how}, {verb:?}: {}{}", run.out, run.err);
            run.json();
        }

        let status = run(&world, &["status", "--json"]).await;
        assert_eq!(status.code, 0, "{how}: {}{}", status.out, status.err);
        assert!(status.json()["unreadable"].to_string().contains("history.json"), "{how}: {}", status.out);

        let agent = run(&world, &["agent", "status", "--json"]).await;
        assert_eq!(agent.code, 0, "{how}: {}{}", agent.out, agent.err);
        assert!(agent.json()["notes"].to_string().contains("agent.json"), "{how}: {}", agent.out);

        // An empty list, or one of which only its length is left, has nothing in it to lose.
        let list = run(&world, &["credential", "list", "--json"]).await;
        let blank = matches!(how, "empty" | "NULs");
        assert_eq!(list.code, i32::from(!blank), "{how}: {}{}", list.out, list.err);
        assert!(blank || list.json()["error"].to_string().contains("credentials.json"), "{how}: {}", list.out);
        let code = match how {
            "folder" => "not_a_file",
            "forbidden" => "file_permission",
            _ => "credentials_damaged",
        };
        assert!(blank || list.json()["error"]["code"] == code, "{how}: {}", list.out);

        let nothing = run(&world, &["undo", "--json"]).await;
        assert_eq!(nothing.code, 0, "{how}: {}{}", nothing.out, nothing.err);

        for verb in ["test", "fix"] {
            damage(&world, how);
            let done = run(&world, &[verb, "--yes", "--json", "--credential-stdin"]).await;
            assert_eq!(done.code, if verb == "fix" { 0 } else { 3 }, "{how}, {verb}: {}{}", done.out, done.err);
            let told = notices(&done);
            for code in ["history_forgotten", "refusals_forgotten"] {
                assert!(told.iter().any(|one| one == code), "{how}, {verb}: {told:?}");
            }
            for name in ["history.json", "refused.json"] {
                assert!(done.out.contains(name), "{how}, {verb}: {name} is not named");
                if how == "forbidden" {
                    chmod(&world.state().join(name), "600");
                }
                let anew = std::fs::read(world.state().join(name)).unwrap();
                let whole = serde_json::from_slice::<serde_json::Value>(&anew);
                assert!(whole.is_ok(), "{how}, {verb}: {name} is not replaced");
            }
            let again = run(&world, &["test", "--json", "--credential-stdin"]).await;
            let told = notices(&again);
            assert!(!told.iter().any(|code| code.ends_with("_forgotten")), "{how}, {verb}: told twice: {told:?}");
        }
        assert_ne!(world.prefs(), first_prefs());
        puts_back(&world).await;
    }
}

async fn puts_back(world: &World) {
    let undone = run(world, &["undo", "--json"]).await;
    assert_eq!(undone.code, 0, "{}{}", undone.out, undone.err);
    assert_eq!(world.prefs(), first_prefs());
}

#[tokio::test]
async fn a_dry_run_says_it_and_leaves_the_damaged_file() {
    let world = World::new().await;
    damage(&world, "garbage");
    let told = world.with_password(&["fix", "--dry-run", "--json"]).await;
    assert!(notices(&told).contains(&"history_forgotten".to_owned()), "{}", told.out);
    for name in FILES {
        assert_eq!(std::fs::read_to_string(world.state().join(name)).unwrap(), "\u{fffd} not JSON");
    }
}

fn receipts(world: &World) -> usize {
    std::fs::read_dir(world.state().join("receipts")).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_home_that_cannot_be_written_is_told_before_anything_is_begun() {
    if !ordinary_user() {
        return;
    }
    let world = World::new().await;
    let fix = ["fix", "--yes", "--json", "--credential-stdin"];
    // So that everything is that user's before the right to write is taken.
    run(&world, &["scan", "--json"]).await;
    for _ in 0..2 {
        chmod(&world.profile(), "555");
        // What `fix` will refuse is not promised by a run that only looks.
        for looks in
            [&["test", "--json", "--credential-stdin"][..], &["fix", "--dry-run", "--json", "--credential-stdin"]]
        {
            let told = run(&world, looks).await;
            assert_eq!((told.code, told.result().1), (6, "read_only".to_owned()), "{}{}", told.out, told.err);
        }
        let shut = run(&world, &fix).await;
        assert_eq!(
            (shut.code, shut.result()),
            (6, ("needs_user".into(), "read_only".into())),
            "{}{}",
            shut.out,
            shut.err
        );
        let reason = &shut.json()["accounts"][0]["reason"];
        assert!(reason["message"].to_string().contains("abcd.default"), "{reason}");
        assert!(reason["hint"].to_string().contains("writable"), "{reason}");
        assert_eq!((receipts(&world), world.prefs()), (0, first_prefs()));
    }
    chmod(&world.profile(), "755");
    let fixed = run(&world, &fix).await;
    assert_eq!(fixed.code, 0, "{}{}", fixed.out, fixed.err);
    let moved = world.prefs();
    chmod(&world.profile(), "555");
    for undo in [&["undo", "--dry-run", "--json"][..], &["undo", "--json"], &["undo", "--json"]] {
        let shut = run(&world, undo).await;
        assert_eq!(
            (shut.code, shut.result()),
            (6, ("needs_user".into(), "read_only".into())),
            "{}{}",
            shut.out,
            shut.err
        );
        assert_eq!((receipts(&world), world.prefs()), (1, moved.clone()));
    }
    chmod(&world.profile(), "755");
    puts_back(&world).await;
}

/// Another user's, by its rights: the same words as an undo has, and only its user can put it right.
#[tokio::test]
async fn a_file_that_may_not_be_read_is_told_with_whose_it_is() {
    if !ordinary_user() {
        return;
    }
    let world = World::new().await;
    run(&world, &["scan", "--json"]).await;
    chmod(&world.profile().join("prefs.js"), "000");
    for (verb, code) in [(&["fix", "--yes", "--json"][..], 6), (&["scan", "--json"], 0), (&["test", "--json"], 0)] {
        let told = run(&world, verb).await;
        let json = told.json();
        let problem = &json["problems"][0];
        assert_eq!((&problem["code"], told.code), (&"file_permission".into(), code), "{verb:?} {json}");
        assert!(problem["hint"].as_str().unwrap().contains("user who owns the file"), "{problem}");
    }
    chmod(&world.profile().join("prefs.js"), "644");
    let fixed = run(&world, &["fix", "--yes", "--json", "--credential-stdin"]).await;
    assert_eq!(fixed.code, 0, "{}{}", fixed.out, fixed.err);
    chmod(&world.profile().join("prefs.js"), "000");
    let undone = run(&world, &["undo", "--json"]).await;
    let reason = &undone.json()["accounts"][0]["reason"];
    assert_eq!((&reason["code"], undone.code), (&"file_permission".into(), 6), "{}", undone.out);
    let message = reason["message"].as_str().unwrap();
    assert!(message.starts_with("Reading ") && message.ends_with('.'), "a sentence: {message}");
    chmod(&world.profile().join("prefs.js"), "644");
}

/// Whoever looks leaves nothing behind in the profile, not even for a moment's trial.
#[allow(clippy::permissions_set_readonly_false, reason = "a file of this test's own folder")]
#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_by_a_run_that_only_looks() {
    let world = World::new().await;
    let promised = world.with_password(&["fix", "--dry-run", "--json"]).await;
    assert_eq!((promised.code, promised.result().0), (3, "would_fix".to_owned()), "{}{}", promised.out, promised.err);
    let mut permissions = std::fs::metadata(world.profile().join("prefs.js")).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(world.profile().join("prefs.js"), permissions.clone()).unwrap();
    for looks in [&["test", "--json"][..], &["fix", "--dry-run", "--json"], &["fix", "--yes", "--json"]] {
        let told = world.with_password(looks).await;
        assert_eq!(
            (told.code, told.result()),
            (6, ("needs_user".into(), "file_read_only".into())),
            "{looks:?} {}{}",
            told.out,
            told.err
        );
        assert_eq!((receipts(&world), world.prefs()), (0, first_prefs()));
    }
    let protect = |on: bool| {
        let mut permissions = permissions.clone();
        permissions.set_readonly(on);
        std::fs::set_permissions(world.profile().join("prefs.js"), permissions).unwrap();
    };
    protect(false);
    let fixed = world.with_password(&["fix", "--yes", "--json"]).await;
    assert_eq!(fixed.code, 0, "{}{}", fixed.out, fixed.err);
    protect(true);
    for undo in [&["undo", "--dry-run", "--json"][..], &["undo", "--json"]] {
        let told = world.port26(undo).await;
        let expected = (6, ("needs_user".into(), "file_read_only".into()));
        assert_eq!((told.code, told.result()), expected, "{undo:?} {}{}", told.out, told.err);
    }
    // So that the folder can be removed on Windows too.
    protect(false);
}

/// The disk of the home is mounted for reading only, as after a fault of it. Root can make one.
#[tokio::test]
async fn a_disk_for_reading_only_is_told_before_anything_is_begun() {
    let world = World::new().await;
    let profile = world.profile();
    let mount = |arguments: &[&str]| Command::new("mount").args(arguments).arg(&profile).status();
    let prefs = first_prefs();
    if Os::here() != Os::Linux || !is_root() || !mount(&["-t", "tmpfs", "none"]).is_ok_and(|status| status.success()) {
        eprintln!("*** NOT TESTED here: a disk for reading only. It needs root and the right to mount on Linux.");
        return;
    }
    std::fs::write(profile.join("prefs.js"), &prefs).unwrap();
    let remounted = mount(&["-o", "remount,ro"]).unwrap().success();
    let shut = world.with_password(&["fix", "--yes", "--json"]).await;
    let kept = world.prefs();
    let gone = Command::new("umount").arg(&profile).status().unwrap().success();
    assert!(remounted && gone);
    assert_eq!((shut.code, shut.result()), (6, ("needs_user".into(), "read_only".into())), "{}{}", shut.out, shut.err);
    assert_eq!((receipts(&world), kept), (0, prefs));
}

/// The same with a disk that is full: nothing stays half done, and nothing waits for the next run.
#[tokio::test]
async fn a_full_disk_leaves_nothing_half_done() {
    let world = World::new().await;
    let profile = world.profile();
    let mounted = Os::here() == Os::Linux
        && is_root()
        && Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "none"])
            .arg(&profile)
            .status()
            .is_ok_and(|status| status.success());
    if !mounted {
        eprintln!("*** NOT TESTED here: a full disk. It needs root and the right to mount on Linux.");
        return;
    }
    let prefs = first_prefs();
    std::fs::write(profile.join("prefs.js"), &prefs).unwrap();
    // As much as there is room for.
    let filled = std::fs::write(profile.join("filler"), vec![b'x'; 128 << 10]).is_err();
    let full = world.with_password(&["fix", "--yes", "--json"]).await;
    let left: Vec<_> = std::fs::read_dir(&profile).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let kept = world.prefs();
    let status = world.port26(&["status", "--json"]).await.json();
    let gone = Command::new("umount").arg(&profile).status().unwrap().success();
    assert!(filled && gone);
    assert_eq!((full.code, full.result()), (5, ("reverted".into(), "rolled_back".into())), "{}{}", full.out, full.err);
    assert!(full.out.contains("Free some space"), "{}", full.out);
    assert_eq!((kept, left.len()), (prefs, 2), "{left:?}");
    assert!(!status.to_string().contains("unfinished"), "{status}");
}
