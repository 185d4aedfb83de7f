//! Receipts that are not as they were written: bits flipped, lines lost, files cut. `undo` of the real program never says that
//! all is well while a client is still changed, never writes what was not there before, and keeps and names the receipt.
//! `PORT26_DAMAGES` says how many damages of each kind; the places are the same in each run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::program::{Run, USER, World, first_prefs};

type Tree = BTreeMap<PathBuf, Vec<u8>>;

fn tree(folder: &Path) -> Tree {
    let mut found = Tree::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        match at.is_dir() {
            true => open.extend(std::fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path())),
            false => drop(found.insert(at.clone(), std::fs::read(&at).unwrap())),
        }
    }
    found
}

/// The same places in each run (xorshift).
struct Places(u64);

impl Places {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }
}

fn lines(whole: &[u8]) -> Vec<Vec<u8>> {
    whole.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

type Damage = fn(&[u8], &mut Places) -> Vec<u8>;

const DAMAGES: [(&str, Damage); 9] = [
    ("a bit is flipped", |whole, places| {
        let mut bytes = whole.to_vec();
        bytes[places.below(whole.len())] ^= 1 << places.below(8);
        bytes
    }),
    ("a byte is another", |whole, places| {
        let mut bytes = whole.to_vec();
        let (at, by) = (places.below(whole.len()), places.below(255) + 1);
        bytes[at] = bytes[at].wrapping_add(u8::try_from(by).unwrap());
        bytes
    }),
    ("a line is gone", |whole, places| {
        let mut lines = lines(whole);
        lines.remove(places.below(lines.len()));
        lines.concat()
    }),
    ("a line is there twice", |whole, places| {
        let mut lines = lines(whole);
        let (from, to) = (places.below(lines.len()), places.below(lines.len() + 1));
        lines.insert(to, lines[from].clone());
        lines.concat()
    }),
    ("two lines are swapped", |whole, places| {
        let mut lines = lines(whole);
        let one = places.below(lines.len());
        let other = (one + 1 + places.below(lines.len() - 1)) % lines.len();
        lines.swap(one, other);
        lines.concat()
    }),
    ("it is cut", |whole, places| whole[..places.below(whole.len())].to_vec()),
    ("it is cut at the end of a line", |whole, places| {
        let lines = lines(whole);
        lines[..places.below(lines.len())].concat()
    }),
    ("bytes are added", |whole, places| {
        let mut bytes = whole.to_vec();
        let zeros = places.below(2) == 0;
        for _ in 0..=places.below(40) {
            bytes.push(if zeros { 0 } else { u8::try_from(places.below(256)).unwrap() });
        }
        if places.below(2) == 0 {
            bytes.push(b'\n');
        }
        bytes
    }),
    ("bytes in the middle are gone", |whole, places| {
        let from = places.below(whole.len());
        let to = (from + 1 + places.below(60)).min(whole.len());
        [&whole[..from], &whole[to..]].concat()
    }),
];

/// Two profiles: of the first one file is changed, of the second two (the mailbox's saved login is used for sending too).
async fn two_profiles() -> World {
    let world = World::new().await;
    let second = world.home().join(".thunderbird/second");
    std::fs::create_dir_all(&second).unwrap();
    let profiles = "[Profile0]\nName=default\nIsRelative=1\nPath=abcd.default\nDefault=1\n\
                    [Profile1]\nName=second\nIsRelative=1\nPath=second\n";
    std::fs::write(world.home().join(".thunderbird/profiles.ini"), profiles).unwrap();
    let prefs = first_prefs().replace("smtp1.authMethod\", 3", "smtp1.authMethod\", 1");
    std::fs::write(second.join("prefs.js"), prefs).unwrap();
    let saved = r#"{"nextId":2,"logins":[{"id":1,"hostname":"imap://mail.hosting.test","httpRealm":"imap://mail.hosting.test","formSubmitURL":null,"usernameField":"","passwordField":"","encryptedUsername":"MDIEEPgAAAAAAAAAAAAAAAAAAAEwFAYIKoZIhvcNAwcECAcccU=","encryptedPassword":"MDoEEPgAAAAAAAAAAAAAAAAAAAEwFAYIKoZIhvcNAwcECBcccP=","guid":"{33333333-aaaa-4bbb-8ccc-000000000001}","encType":1,"timeCreated":1701000000001,"timeLastUsed":1719000000001,"timePasswordChanged":1701000000001,"timesUsed":5}]}"#;
    std::fs::write(second.join("logins.json"), saved).unwrap();
    world
}

async fn fix(world: &World) {
    let fixed = world.with_password(&["fix", "--yes", "--json"]).await;
    assert_eq!(fixed.code, 0, "{}{}", fixed.out, fixed.err);
}

fn receipts(world: &World) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(world.state().join("receipts")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The receipt of a change of this profile, the newest.
fn receipt_of(world: &World, profile: &str) -> PathBuf {
    let of = |path: &&PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        text.contains(&format!("\"profile\":\"{profile}\"")) && text.contains("\"kind\":\"apply\"")
    };
    receipts(world).iter().rev().find(of).unwrap().clone()
}

fn name_of(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// What a run after the damage must not do; empty if it did well.
fn faults(world: &World, run: &Run, receipt: &Path, first: &Tree, moved: &Tree) -> Vec<&'static str> {
    let now = tree(&world.home());
    let known = |(path, bytes): (&PathBuf, &Vec<u8>)| first.get(path) == Some(bytes) || moved.get(path) == Some(bytes);
    let of_second = |tree: &Tree| -> Vec<Option<Vec<u8>>> {
        ["prefs.js", "logins.json"]
            .map(|name| tree.get(&world.home().join(".thunderbird/second").join(name)).cloned())
            .into()
    };
    let one_piece = [first, moved].iter().any(|tree| of_second(tree) == of_second(&now));
    let is_named = run.out.contains(&name_of(receipt));
    [
        ("exit 0, and a client is still changed", run.code == 0 && now != *first),
        ("a value that was not there before", now.len() != first.len() || !now.iter().all(known)),
        ("a profile in two pieces", !one_piece),
        ("the receipt is gone", !receipt.exists()),
        ("the receipt is not named", run.code != 0 && !is_named),
        ("no document", serde_json::from_str::<Value>(&run.out).is_err()),
    ]
    .into_iter()
    .filter_map(|(what, is_so)| is_so.then_some(what))
    .collect()
}

#[tokio::test]
async fn no_damage_is_taken_for_a_success_or_writes_what_was_not_there() {
    let count = std::env::var("PORT26_DAMAGES").map_or(5, |count| count.parse().unwrap());
    let world = two_profiles().await;
    let first = tree(&world.home());
    fix(&world).await;
    let moved = tree(&world.home());
    let changed = |name: &str| first[&world.home().join(name)] != moved[&world.home().join(name)];
    for name in ["abcd.default/prefs.js", "second/prefs.js", "second/logins.json"] {
        assert!(changed(&format!(".thunderbird/{name}")), "{name} is not changed");
    }
    // Once changed; and changed, put back and changed again.
    let mut scenes = vec![tree(&world.state())];
    assert_eq!(world.port26(&["undo", "--all", "--json"]).await.code, 0);
    assert_eq!(tree(&world.home()), first);
    fix(&world).await;
    scenes.push(tree(&world.state()));
    assert_eq!(tree(&world.home()), moved);
    let mut told = Vec::new();
    let mut exits = BTreeMap::new();
    for (what, damage) in DAMAGES {
        let (mut places, mut bad) = (Places(0x26_2525_4655), BTreeMap::new());
        for n in 0..count {
            let scene = &scenes[n % scenes.len()];
            std::fs::remove_dir_all(world.state().join("receipts")).unwrap();
            std::fs::create_dir(world.state().join("receipts")).unwrap();
            for (path, bytes) in scene.iter().chain(&moved) {
                std::fs::write(path, bytes).unwrap();
            }
            let all = receipts(&world);
            let receipt = &all[places.below(all.len())];
            let whole = std::fs::read(receipt).unwrap();
            std::fs::write(receipt, damage(&whole, &mut places)).unwrap();
            let run = world.port26(&["undo", "--all", "--json"]).await;
            *exits.entry((what, run.code)).or_insert(0) += 1;
            for fault in faults(&world, &run, receipt, &first, &moved) {
                *bad.entry(fault).or_insert(0) += 1;
            }
        }
        if !bad.is_empty() {
            told.push(format!("{what}, of {count}: {bad:?}"));
        }
    }
    eprintln!("exit codes of {count} each: {exits:?}");
    assert!(told.is_empty(), "{told:#?}");
}

/// Flips a bit in the last line, so that all that the receipt says is as it was written but its end.
fn spoil_end(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes.len() - 10;
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn it_is_kept_and_told_by_every_verb_and_blocks_its_own_profile_alone() {
    let world = two_profiles().await;
    let first = tree(&world.home());
    fix(&world).await;
    let moved = tree(&world.home());
    let receipt = receipt_of(&world, "default");
    assert_eq!(world.port26(&["undo", "--all", "--json"]).await.code, 0);
    spoil_end(&receipt);
    let state = tree(&world.state());
    for arguments in [&["fix", "--dry-run", "--json"][..], &["fix", "--yes", "--json"]] {
        let run = world.with_password(arguments).await;
        let json = run.json();
        assert_eq!(run.code, 1, "{json}");
        let problem = &json["problems"][0];
        assert_eq!((&problem["code"], &problem["at"]), (&json!("receipt_damaged"), &json!(receipt)), "{json}");
        let of = |profile: &str| {
            let accounts = json["accounts"].as_array().unwrap();
            accounts.iter().find(|account| account["profile"] == profile).unwrap().clone()
        };
        let blocked = of("default");
        assert_eq!((&blocked["result"], &blocked["reason"]["code"]), (&json!("needs_user"), &json!("receipt_damaged")));
        assert_eq!(blocked["after"], Value::Null);
        let dry = arguments.contains(&"--dry-run");
        assert_eq!(of("second")["result"], if dry { "would_fix" } else { "fixed" }, "{json}");
        if dry {
            assert_eq!(tree(&world.state()), state);
        }
    }
    let now = tree(&world.home());
    let prefs = |profile: &str| world.home().join(format!(".thunderbird/{profile}/prefs.js"));
    assert_eq!(now[&prefs("abcd.default")], first[&prefs("abcd.default")]);
    assert_eq!(now[&prefs("second")], moved[&prefs("second")]);

    let status = world.port26(&["status", "--json"]).await;
    let says = &status.json()["not_believed"][0];
    assert_eq!(status.code, 1, "{}", status.out);
    assert_eq!((&says["file"], &says["code"]), (&json!(receipt), &json!("journal_damaged")), "{says}");
    assert!(says["message"].as_str().unwrap().starts_with("line "), "{says}");
    assert_eq!((&says["says"]["intact"], &says["says"]["profile"]), (&json!(true), &json!("default")));
    assert_eq!(says["says"]["accounts"][0]["before"]["port"], 25, "{says}");
    let words = world.port26(&["status"]).await;
    assert_eq!(words.code, 1);
    for told in ["cannot be believed", "for a hand", USER, "port 25", &name_of(&receipt)] {
        assert!(words.out.contains(told), "{told}: {}", words.out);
    }
    // What it says may be asked for by its name, and is still not done.
    let one = world.port26(&["undo", &name_of(&receipt), "--json"]).await;
    assert_eq!((one.code, &one.json()["not_believed"][0]["file"]), (1, &json!(receipt)), "{}", one.out);
    assert_eq!(tree(&world.home()), now);
    // The latest run was another one, of the second profile.
    let last = world.port26(&["undo", "--last", "--json"]).await;
    assert_eq!((last.code, tree(&world.home())), (0, first), "{}", last.out);
    assert_eq!(world.port26(&["undo", "--all", "--json"]).await.code, 1);
    assert!(receipt.exists());
}

#[tokio::test]
async fn a_change_under_one_that_is_not_believed_stays() {
    let world = World::new().await;
    fix(&world).await;
    let older = receipt_of(&world, "default");
    std::fs::write(world.profile().join("prefs.js"), first_prefs()).unwrap();
    fix(&world).await;
    let newer = receipt_of(&world, "default");
    assert_ne!(older, newer);
    spoil_end(&newer);
    let moved = world.prefs();
    for verb in [&["undo", "--all", "--json"][..], &["undo", &name_of(&older), "--json"]] {
        let run = world.port26(verb).await;
        assert_eq!((run.code, run.result()), (1, ("failed".into(), "receipt_damaged".into())), "{}", run.out);
        assert_eq!(world.prefs(), moved);
    }
}

#[tokio::test]
async fn one_of_a_newer_port26_is_told_in_words_and_kept() {
    let world = World::new().await;
    fix(&world).await;
    let receipt = receipt_of(&world, "default");
    let newer = std::fs::read_to_string(&receipt).unwrap().replace("port26-journal/2", "port26-journal/3");
    std::fs::write(&receipt, &newer).unwrap();
    let moved = world.prefs();
    for verb in [&["undo", "--all"][..], &["undo"], &["undo", &name_of(&receipt)], &["status"]] {
        let run = world.port26(verb).await;
        assert_eq!(run.code, 1, "{verb:?}: {}{}", run.out, run.err);
        let said = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("made by a newer port26") && said.contains("Update port26"), "{verb:?}: {said}");
    }
    std::fs::write(world.profile().join("prefs.js"), first_prefs()).unwrap();
    let run = world.with_password(&["fix", "--yes", "--json"]).await;
    assert_eq!((run.code, run.result()), (1, ("needs_user".into(), "receipt_newer".into())), "{}", run.out);
    assert_eq!(world.prefs(), first_prefs());
    assert_eq!(std::fs::read_to_string(&receipt).unwrap(), newer);
    assert_ne!(moved, first_prefs());
}

#[tokio::test]
async fn what_is_no_receipt_is_told_and_passed_over() {
    let world = World::new().await;
    fix(&world).await;
    let folder = world.state().join("receipts");
    let receipt = receipt_of(&world, "default");
    let strays = ["notes.txt", "notes.jsonl", "notes.begun", "copy of it.jsonl"].map(|name| folder.join(name));
    for stray in &strays {
        std::fs::write(stray, "{}\n").unwrap();
    }
    std::fs::copy(&receipt, &strays[3]).unwrap();
    std::fs::create_dir(folder.join("a folder")).unwrap();
    let begun = folder.join("20260101T000000Z-0001.begun");
    std::fs::write(&begun, "{\"rec").unwrap();
    let status = world.port26(&["status", "--json"]).await;
    let told: Vec<String> = status.json()["strays"].as_array().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!((status.code, told.len()), (0, 5), "{}", status.out);
    assert!(begun.exists(), "status writes nothing");
    let undone = world.port26(&["undo", "--all", "--json"]).await;
    assert_eq!((undone.code, world.prefs()), (0, first_prefs()), "{}", undone.out);
    assert_eq!(undone.json()["strays"].as_array().map(Vec::len), Some(5));
    assert!(strays.iter().all(|stray| stray.exists()) && folder.join("a folder").is_dir());
    assert!(!begun.exists(), "what a killed run had not named is removed");
}

#[tokio::test]
async fn a_receipt_under_another_name_is_one_that_is_not_believed() {
    // The second is the name that it has before all of it is told: a disk may keep the lines and lose the last name.
    for name in [|receipt: &Path| receipt.with_file_name("old.bak"), |receipt: &Path| receipt.with_extension("begun")] {
        let world = World::new().await;
        fix(&world).await;
        let receipt = receipt_of(&world, "default");
        let elsewhere = name(&receipt);
        std::fs::rename(&receipt, &elsewhere).unwrap();
        let moved = world.prefs();
        for verb in [["undo", "--all", "--json"].as_slice(), &["status", "--json"]] {
            let run = world.port26(verb).await;
            assert_eq!((run.code, world.prefs()), (1, moved.clone()), "{}", run.out);
            let message = run.json()["not_believed"][0]["message"].as_str().unwrap().to_owned();
            assert!(message.contains(&format!("{}.jsonl", name_of(&receipt))), "{message}");
        }
        std::fs::rename(&elsewhere, &receipt).unwrap();
        let run = world.port26(&["undo", "--all", "--json"]).await;
        assert_eq!((run.code, world.prefs()), (0, first_prefs()), "{}", run.out);
    }
}
