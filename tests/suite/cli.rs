//! The command line as scripts and people meet it: exit codes, JSON, words, and what is left on the disk.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::program::{self, PASSWORD, Run, USER, World, contains, first_prefs, secrets};

/// What differs from run to run is named, so that the rest can be compared.
fn steady(run: &Run, world: &World) -> Value {
    fn walk(value: &mut Value, folder: &str) {
        match value {
            Value::String(text) => {
                let there = text.replace('\\', "/").replace(folder, "FOLDER");
                if there.contains("FOLDER") {
                    *text = there;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, folder)),
            Value::Object(fields) => {
                for (name, item) in fields {
                    match (name.as_str(), &item) {
                        ("receipt" | "id", Value::String(text)) if text.contains("Z-") => *item = "RECEIPT".into(),
                        ("run", Value::String(_)) => *item = "RUN".into(),
                        ("evidence", Value::Array(lines)) => *item = format!("{} lines", lines.len().min(1)).into(),
                        ("time" | "begun" | "ended" | "at" | "made" | "when", Value::String(_)) => {
                            *item = "TIME".into()
                        }
                        ("network", _) => *item = "NETWORK".into(),
                        ("history" | "notices", _) => *item = "LEFT OUT".into(),
                        _ => walk(item, folder),
                    }
                }
            }
            _ => {}
        }
    }
    let mut json = run.json();
    walk(&mut json, &world.folder.path().display().to_string().replace('\\', "/"));
    json
}

/// Text with what differs from run to run named.
fn steady_text(text: &str, world: &World) -> String {
    let text = text.replace(&world.folder.path().display().to_string(), "FOLDER").replace('\\', "/");
    let words = |line: &str| {
        let word = |word: &str| if word.contains("Z-") { "RECEIPT".to_owned() } else { word.to_owned() };
        line.split(' ').map(word).collect::<Vec<_>>().join(" ")
    };
    text.lines().map(words).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn scan_lists_and_writes_nothing() {
    let world = World::new().await;
    let run = world.port26(&["scan", "--json"]).await;
    assert_eq!(run.code, 0, "{}", run.err);
    insta::assert_json_snapshot!(steady(&run, &world));
    assert!(!world.state().exists(), "scan made a state folder");
    assert!(world.host.record().connections.is_empty(), "scan used the network");
    let run = world.port26(&["scan"]).await;
    insta::assert_snapshot!(steady_text(&run.out, &world));
}

/// A Windows with Outlook 2010 and with a Mailbird that nobody set up.
fn scan_of_2010(more: &[&str]) -> Command {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/outlook/2010");
    let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
    command.args(["scan", "--os", "windows", "--home"]).arg(&home).arg("--registry").arg(home.join("user.reg"));
    command.arg("--machine-registry").arg(home.join(if more.contains(&"wrong") { "user.reg" } else { "machine.reg" }));
    command.args(more.iter().filter(|&&argument| argument != "wrong"));
    command
}

#[tokio::test]
async fn scan_tells_what_is_installed_also_without_accounts() {
    let json = program::run(scan_of_2010(&["--json"]), "").await.json();
    insta::assert_json_snapshot!("installed", json["clients"]);
    let words = program::run(scan_of_2010(&[]), "").await;
    insta::assert_snapshot!("installed in words", words.out);
    let wrong = program::run(scan_of_2010(&["wrong"]), "").await;
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    assert!(wrong.err.contains("HKEY_LOCAL_MACHINE") && wrong.err.contains("next:"), "{}", wrong.err);
}

/// Outlook for Mac tells of its accounts itself, and `scan` speaks to nobody.
#[tokio::test]
async fn scan_explains_an_outlook_for_mac() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/outlook_mac/pop_beside_new");
    let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
    command.args(["scan", "--os", "macos", "--home"]).arg(&home);
    let run = program::run(command, "").await;
    assert_eq!(run.code, 0, "{}", run.err);
    insta::assert_snapshot!("outlook for mac in words", run.out);
}

#[tokio::test]
async fn test_says_what_is_wrong_and_changes_nothing() {
    let world = World::new().await;
    let run = world.with_password(&["test", "--json"]).await;
    assert_eq!(run.code, 3, "{}{}", run.out, run.err);
    insta::assert_json_snapshot!(steady(&run, &world));
    assert_eq!(world.prefs(), first_prefs());
    assert_eq!(world.host.record().attempts_of(USER), 1, "one AUTH");
    assert!(world.host.messages().is_empty());
}

#[tokio::test]
async fn a_dry_run_is_only_told() {
    let world = World::new().await;
    let run = world.with_password(&["fix", "--dry-run", "--json"]).await;
    assert_eq!((run.code, run.result().0.as_str()), (3, "would_fix"), "{}{}", run.out, run.err);
    assert_eq!(world.prefs(), first_prefs());
    let status = world.port26(&["status", "--json"]).await.json();
    assert_eq!(status["receipts"].as_array().map(Vec::len), Some(0), "{status}");
}

#[tokio::test]
async fn a_silent_run_says_nothing_and_leaves_a_log() {
    let world = World::new().await;
    let run = world.port26(&["scan", "--silent"]).await;
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", ""));
    assert!(!world.state().exists(), "scan promises to write nothing");
    let run = world.with_password(&["fix", "--silent"]).await;
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", ""));
    let log = std::fs::read_to_string(world.state().join("port26.log")).unwrap();
    assert!(log.contains("PortBlockedNetwork"), "{log}");
    assert!(secrets().iter().all(|secret| !log.contains(secret)), "a password is in the log");
}

#[tokio::test]
async fn a_policy_that_only_lets_look_changes_nothing() {
    let world = World::new().await;
    let policy = world.folder.path().join("policy.toml");
    std::fs::write(&policy, "mode = \"test\"\n").unwrap();
    let run = world.with_password(&["fix", "--yes", "--json", "--policy", policy.to_str().unwrap()]).await;
    assert_eq!((run.code, run.result()), (3, ("would_fix".into(), "policy_test".into())), "{}{}", run.out, run.err);
    assert_eq!(world.prefs(), first_prefs());
    assert_eq!(run.json()["accounts"][0]["after"]["port"], 26, "what would be done is told");
}

#[tokio::test]
async fn fix_status_and_undo_as_documents() {
    let world = World::new().await;
    let fixed = world.with_password(&["fix", "--yes", "--json"]).await;
    assert_eq!(fixed.code, 0, "{}{}", fixed.out, fixed.err);
    insta::assert_json_snapshot!("fix", steady(&fixed, &world));
    assert_ne!(world.prefs(), first_prefs());

    let again = world.with_password(&["fix", "--yes", "--json"]).await;
    assert_eq!((again.code, again.result().0.as_str()), (0, "already_works"), "{}", again.out);

    let status = world.port26(&["status", "--json"]).await;
    assert_eq!(status.code, 0);
    insta::assert_json_snapshot!("status", steady(&status, &world));

    let receipt = fixed.json()["accounts"][0]["receipt"].as_str().unwrap().to_owned();
    let undone = world.port26(&["undo", &receipt, "--json"]).await;
    assert_eq!(undone.code, 0, "{}{}", undone.out, undone.err);
    insta::assert_json_snapshot!("undo", steady(&undone, &world));
    assert_eq!(world.prefs(), first_prefs());
}

/// A receipt that was damaged since, and a client that is still changed: never exit 0, and never a value that was not there.
#[tokio::test]
async fn a_damaged_receipt_is_told_and_no_success() {
    type Damage = fn(&[u8]) -> Vec<u8>;
    let cases: [(&str, Damage); 5] = [
        ("cut in the middle of what was written", |whole| whole[..whole.len() * 2 / 5].to_vec()),
        ("a line is gone", |whole| {
            let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
            [lines[0], lines[2]].concat()
        }),
        ("rubbish in the first line", |whole| [b"{", whole].concat()),
        ("rubbish in a line", |whole| {
            let at = whole.iter().position(|byte| *byte == b'\n').unwrap() + 5;
            [&whole[..at], b"\"", &whole[at..]].concat()
        }),
        ("emptied", |_| Vec::new()),
    ];
    for (what, damage) in cases {
        let world = World::new().await;
        let fixed = world.with_password(&["fix", "--yes", "--json"]).await;
        assert_eq!(fixed.code, 0, "{}", fixed.out);
        let moved = world.prefs();
        let receipt = fixed.json()["accounts"][0]["receipt"].as_str().unwrap().to_owned();
        let path = world.state().join(format!("receipts/{receipt}.jsonl"));
        std::fs::write(&path, damage(&std::fs::read(&path).unwrap())).unwrap();
        for verb in [["undo", "--all", "--json"], ["undo", "--last", "--json"]] {
            let undone = world.port26(&verb).await;
            let back = world.prefs() == first_prefs();
            assert!(back || world.prefs() == moved, "{what}: a value that was never there");
            assert!(back || undone.code != 0, "{what}: success, and still changed: {}", undone.out);
            assert!(back || path.exists(), "{what}: the receipt is gone");
            assert!(back || undone.out.contains(&receipt), "{what}: the receipt is not named: {}", undone.out);
        }
    }
}

#[tokio::test]
async fn fix_and_undo_in_words() {
    let world = World::new().await;
    let fixed = world.with_password(&["fix", "--yes"]).await;
    assert_eq!(fixed.code, 0, "{}{}", fixed.out, fixed.err);
    insta::assert_snapshot!("fix in words", steady_text(&fixed.out, &world));
    let undone = world.port26(&["undo"]).await;
    insta::assert_snapshot!("undo in words", steady_text(&undone.out, &world));
    let nothing = world.port26(&["undo"]).await;
    assert_eq!(nothing.code, 0, "{}{}", nothing.out, nothing.err);
    insta::assert_snapshot!("nothing to undo", steady_text(&nothing.out, &world));
}

#[tokio::test]
async fn a_receipt_that_is_not_there_is_named() {
    let world = World::new().await;
    let run = world.port26(&["undo", "20200101T000000Z-0001"]).await;
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    assert!(run.err.contains("20200101T000000Z-0001") && run.err.contains("next:"), "{}", run.err);
}

#[tokio::test]
async fn somebody_elses_edit_is_a_conflict() {
    let world = World::new().await;
    assert_eq!(world.with_password(&["fix", "--yes", "--json"]).await.code, 0);
    let edited = world.prefs().replace(r#"smtp1.port", 26"#, r#"smtp1.port", 2525"#);
    assert_ne!(edited, world.prefs());
    std::fs::write(world.profile().join("prefs.js"), &edited).unwrap();
    let run = world.port26(&["undo", "--json"]).await;
    assert_eq!((run.code, run.result().0.as_str()), (1, "conflict"), "{}{}", run.out, run.err);
    assert_eq!(world.prefs(), edited, "encryption and login belong to the port that they chose");
}

#[tokio::test]
async fn an_undo_that_finds_nothing_names_the_homes_where_there_is_something() {
    let world = World::new().await;
    assert_eq!(world.with_password(&["fix", "--yes", "--json"]).await.code, 0);
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(other.path().join(".thunderbird")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
    command.args(["undo", "--all", "--os", "linux", "--home"]).arg(other.path()).arg("--state").arg(world.state());
    let run = program::run(command, "").await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let home = world.home().display().to_string();
    assert!(run.out.contains("nothing to put back") && run.out.contains(&home), "{}", run.out);
}

#[tokio::test]
async fn quiet_says_what_needs_attention_and_silent_nothing() {
    let world = World::new().await;
    let run = world.port26(&["fix", "--yes", "--quiet"]).await;
    assert_eq!(run.code, 6);
    assert!(run.out.contains("needs you") && !run.out.contains("account found"), "{}", run.out);
    let log = world.folder.path().join("log.txt");
    let run = world.with_password(&["fix", "--silent", "--log", &log.display().to_string()]).await;
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", ""));
    assert!(world.prefs().contains(r#"smtp1.port", 26"#));
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("thunderbird/abcd.default/smtp1"), "{logged}");
    let run = world.port26(&["undo", "--silent"]).await;
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", ""));
}

#[tokio::test]
async fn the_password_is_nowhere_afterwards() {
    let world = World::new().await;
    let log = world.folder.path().join("state/log.txt");
    std::fs::create_dir(world.state()).unwrap();
    let run = world.with_password(&["fix", "--yes", "--send-test", "-vvv", "--log", &log.display().to_string()]).await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(world.host.messages().len(), 1, "{}", run.out);
    for secret in secrets() {
        assert!(!contains(world.folder.path(), &secret), "a file holds {secret}");
    }
    assert!(!world.host.record().any_password_before_tls());
}

#[tokio::test]
async fn a_script_that_cannot_be_asked_must_say_yes() {
    let world = World::new().await;
    for arguments in [&["fix"][..], &["fix", "--json"]] {
        let run = world.with_password(arguments).await;
        assert_eq!(run.code, 2, "{}{}", run.out, run.err);
        assert!(run.err.contains("--yes") && run.err.contains("--dry-run"), "{}", run.err);
    }
    assert_eq!(world.prefs(), first_prefs());
}

/// Another run is at work: this one reads the settings after it, not before.
#[tokio::test]
async fn a_second_run_waits_before_it_reads() {
    let world = World::new().await;
    let computer =
        port26_platform::computer::Computer::folder(world.home(), port26_platform::computer::Os::Linux, None);
    let kit = port26::pipeline::WriterKit::new(world.state(), &computer, port26::clients::CLIENTS);
    let turn = kit.writer().begin_run(std::time::Duration::ZERO, &|_| {}).unwrap();
    let other_run_ends = async {
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        let moved = first_prefs().replace(r#"smtp1.port", 25"#, r#"smtp1.port", 465"#);
        let moved = format!("{moved}user_pref(\"mail.smtpserver.smtp1.try_ssl\", 3);\n");
        std::fs::write(world.profile().join("prefs.js"), moved).unwrap();
        drop(turn);
    };
    let (run, ()) = tokio::join!(world.with_password(&["fix", "--yes", "--json"]), other_run_ends);
    assert_eq!((run.code, run.result().0.as_str()), (0, "already_works"), "{}{}", run.out, run.err);
    assert_eq!(run.json()["accounts"][0]["outgoing"]["port"], 465, "{}", run.out);
    assert!(run.err.contains("at work here; waiting"), "{}", run.err);
}

#[tokio::test]
async fn a_mistyped_account_is_guessed_and_waiting_needs_something_to_wait_for() {
    let world = World::new().await;
    let run = world.port26(&["test", "ana@hosting.test"]).await;
    assert!(run.code == 2 && run.err.contains("Did you mean anna@hosting.test?"), "{}", run.err);
    for more in ["--yes", "--dry-run", "--quiet"] {
        let run = world.port26(&["fix", "--wait-max", "5", more]).await;
        assert!(run.code == 2 && run.err.contains("--wait-max"), "{more}: {}", run.err);
    }
}

#[tokio::test]
async fn with_json_there_is_one_document_whatever_is_wrong() {
    let world = World::new().await;
    for (arguments, named) in [
        (&["fix", "--json"][..], "--yes"),
        (&["fix", "--json", "--no-such-flag"], "--no-such-flag"),
        (&["--json", "no-such-verb"], "no-such-verb"),
        (&["test", "nobody@hosting.test", "--json"], "nobody@hosting.test"),
        (&["undo", "20200101T000000Z-0001", "--json"], "20200101T000000Z-0001"),
        (&["test", "--json", "--connect-to", "mail.hosting.test:25"], "mail.hosting.test:25"),
    ] {
        let run = world.with_password(arguments).await;
        let json = run.json();
        assert_eq!((run.code, &json["schema"], &json["error"]["code"]), (2, &"port26/1".into(), &"usage".into()));
        let said = format!("{}{}", json["error"]["message"], json["error"]["hint"]);
        assert!(said.contains(named) && json["error"]["hint"] != "", "{arguments:?}: {json}");
        assert!(run.err.contains(named), "people read it as well: {}", run.err);
    }
}

/// Names that would set the terminal's title, clear it, turn the text round and write lines of their own.
#[tokio::test]
async fn a_profile_commands_no_terminal() {
    let world = World::new().await;
    let odd = "x\u{1b}]0;OWNED\u{7}\u{1b}[2J\u{9b}\u{202e}\\nfixed";
    let prefs = first_prefs().replace(r#"useremail", "anna@"#, &format!(r#"useremail", "{odd}@"#));
    let prefs = prefs.replace("smtp1", &format!("smtp{odd}"));
    assert_ne!(prefs, first_prefs());
    std::fs::write(world.profile().join("prefs.js"), prefs).unwrap();
    let log = world.folder.path().join("log.txt");
    let runs = [&["scan"][..], &["test", "-vv"], &["fix", "--yes", "-vv"], &["status"], &["undo", "-vv"], &["status"]];
    for arguments in runs {
        let run = world.with_password(&[arguments, &["--log", &log.display().to_string()]].concat()).await;
        let logged = std::fs::read_to_string(&log).unwrap_or_default();
        for (name, text) in [("stdout", &run.out), ("stderr", &run.err), ("log", &logged)] {
            let bad = text.chars().find(|&letter| letter != '\n' && port26::shown::fit(letter) != letter);
            let forged = text.lines().find(|line| line.starts_with("fixed@"));
            assert_eq!((bad, forged), (None, None), "{arguments:?}, {name}: {text:?}");
        }
        assert!(arguments[0] == "status" || run.out.contains("OWNED"), "{arguments:?} shows the account: {}", run.out);
    }
}

#[tokio::test]
async fn bad_arguments_are_named_with_the_next_step() {
    let world = World::new().await;
    let policy = world.folder.path().join("policy.toml");
    std::fs::write(&policy, "target_prots = [26]\n").unwrap();
    let policy = policy.display().to_string();
    for (arguments, named) in [
        (&["test", "nobody@hosting.test"][..], "nobody@hosting.test"),
        (&["test", "--connect-to", "mail.hosting.test:25"], "mail.hosting.test:25"),
        (&["test", "--policy", &policy], "target_ports"),
        (&["scan", "--registry", "no-such-file.reg"], "no-such-file.reg"),
        (&["scan", "--machine-registry", "no-such-machine.reg"], "no-such-machine.reg"),
        (&["relay", "no-such-provider.test"], "no-such-provider.test"),
    ] {
        let run = world.port26(arguments).await;
        let expected = if arguments[0] == "relay" { 6 } else { 2 };
        let said = format!("{}{}", run.out, run.err);
        assert_eq!(run.code, expected, "{arguments:?}: {said}");
        assert!(said.contains(named) && said.contains("next:"), "{arguments:?}: {said}");
    }
    let nobody = world.port26(&["relay", "--use", "--user", ""]).await;
    assert!(nobody.code == 2 && nobody.err.contains("--user"), "{}", nobody.err);
    for (flag, value) in [("--home", "/no/such/home"), ("--ca", "no-such.pem")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
        command.args(["test", flag, value]);
        if flag != "--home" {
            command.arg("--home").arg(world.home());
        }
        let run = program::run(command, "").await;
        assert_eq!(run.code, 2, "{flag}: {}", run.err);
        assert!(run.err.contains(value) && run.err.contains("next:"), "{flag}: {}", run.err);
    }
}

#[tokio::test]
async fn no_port_gets_through() {
    let world = World::new().await.blocking(&[26, 465, 587, 2525]);
    let run = world.with_password(&["fix", "--yes", "--json"]).await;
    assert_eq!((run.code, run.result().0.as_str()), (4, "no_route"), "{}{}", run.out, run.err);
    assert_eq!(world.prefs(), first_prefs());
}

#[tokio::test]
async fn a_client_that_cannot_be_read_hides_no_other() {
    let world = World::new().await;
    let claws = world.home().join(".claws-mail");
    std::fs::create_dir(&claws).unwrap();
    std::fs::write(claws.join("accountrc"), b"\xff\xfe\0[Account").unwrap();
    let run = world.with_password(&["fix", "--yes", "--json"]).await;
    let json = run.json();
    assert_eq!(run.code, 1, "{json}");
    assert_eq!(json["problems"][0]["client"], "claws_mail", "{json}");
    assert_eq!(run.result().0, "fixed", "{json}");
    // Where others are named it is told, and that is all.
    assert_eq!(world.port26(&["undo", "--json"]).await.code, 0);
    let named = world.with_password(&["fix", "--yes", "--json", USER]).await;
    let json = named.json();
    assert_eq!((named.code, &json["problems"][0]["client"]), (0, &"claws_mail".into()), "{json}");
    assert_eq!(named.result().0, "fixed", "{json}");
}

/// Of the program of the account that was named, and of another account there.
#[tokio::test]
async fn a_problem_of_another_account_is_told_and_does_not_count_for_one_that_was_named() {
    let world = World::new().await;
    let second = world.home().join(".thunderbird/second");
    std::fs::create_dir_all(&second).unwrap();
    let list = "[Profile0]\nName=default\nIsRelative=1\nPath=abcd.default\nDefault=1\n\n\
                [Profile1]\nName=second\nIsRelative=1\nPath=second\n";
    std::fs::write(world.home().join(".thunderbird/profiles.ini"), list).unwrap();
    std::fs::write(second.join("prefs.js"), [0xff, 0xfe, 0]).unwrap();
    let all = world.with_password(&["fix", "--dry-run", "--json"]).await;
    assert_eq!((all.code, all.json()["problems"].as_array().map(Vec::len)), (1, Some(1)), "{}", all.out);
    let named = world.with_password(&["fix", "--dry-run", "--json", USER]).await;
    assert_eq!((named.code, named.json()["problems"].as_array().map(Vec::len)), (3, Some(1)), "{}", named.out);
}

#[tokio::test]
async fn a_reader_that_stops_reading_changes_no_exit_code() {
    let world = World::new().await;
    for flag in ["--json", "--quiet", "--verbose"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
        command.args(["scan", flag, "--os", "linux", "--home"]).arg(world.home());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{flag}");
    }
}

#[tokio::test]
async fn only_the_accounts_that_are_named() {
    let world = World::new().await;
    for name in ["ANNA@hosting.test", "thunderbird/abcd.default/smtp1"] {
        let run = world.with_password(&["test", name, "--json"]).await;
        assert_eq!(run.json()["accounts"].as_array().map(Vec::len), Some(1), "{}", run.out);
    }
}

#[tokio::test]
async fn somebody_elses_home_does_not_fill_this_keychain() {
    let world = World::new().await;
    let run = world.with_password(&["credential", "set", "--json"]).await;
    let json = run.json();
    assert_eq!(run.code, 6, "{json}");
    assert_eq!(json["credentials"][0]["state"], "not kept", "{json}");
    assert!(!contains(&world.state(), PASSWORD));
}

#[tokio::test]
async fn the_policy_is_shown_with_its_source() {
    let world = World::new().await;
    let policy = world.folder.path().join("policy.toml");
    std::fs::write(&policy, "target_ports = [587]\n").unwrap();
    let run = world.port26(&["policy", "show", "--policy", &policy.display().to_string()]).await;
    let line = run.out.lines().find(|line| line.starts_with("target_ports")).unwrap().to_owned();
    assert!(line.contains("[587]") && line.contains("policy.toml"), "{line}");
    let fixed = world.with_password(&["fix", "--yes", "--json", "--policy", &policy.display().to_string()]).await;
    assert_eq!(fixed.json()["accounts"][0]["after"]["port"], 587, "{}", fixed.out);
}

#[tokio::test]
async fn try_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
    command.args(["try", "--json"]);
    for name in ["TMPDIR", "TMP", "TEMP", "HOME", "XDG_STATE_HOME", "USERPROFILE", "LOCALAPPDATA"] {
        command.env(name, folder.path());
    }
    let run = program::run(command, "").await;
    let json = run.json();
    assert_eq!(run.code, 0, "{json}{}", run.err);
    assert_eq!(json["machines"].as_array().map(Vec::len), Some(4), "{json}");
    assert_eq!((&json["messages_arrived"], &json["bytes_restored"]), (&7.into(), &true.into()), "{json}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something is left");
}

#[tokio::test]
async fn a_test_says_what_fix_would_say_where_a_setting_is_held_from_elsewhere() {
    let world = World::new().await;
    std::fs::write(world.profile().join("user.js"), "user_pref(\"mail.smtpserver.smtp1.port\", 25);\n").unwrap();
    let fix = world.with_password(&["fix", "--dry-run", "--json"]).await;
    let test = world.with_password(&["test", "--json"]).await;
    assert_eq!(fix.result(), ("needs_user".into(), "overridden".into()), "{}", fix.out);
    assert_eq!((test.code, test.result()), (fix.code, fix.result()), "{}", test.out);
    assert!(world.with_password(&["test"]).await.out.contains("user.js"));
}

#[tokio::test]
async fn the_readme_shows_what_try_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
    command.arg("try");
    for name in ["TMPDIR", "TMP", "TEMP", "HOME", "XDG_STATE_HOME", "USERPROFILE", "LOCALAPPDATA"] {
        command.env(name, folder.path());
    }
    let run = program::run(command, "").await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, shown) = readme.split_once("```text\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let mut said = run.out.lines().map(str::trim_end);
    for line in shown.lines().map(str::trim_end) {
        assert!(said.any(|said| said == line), "the README shows {line:?}, and port26 says\n{}", run.out);
    }
}
