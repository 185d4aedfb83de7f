//! Settings of a scriptable program, on its model.

use std::collections::BTreeMap;

use port26_platform::computer::{Computer, Os};
use port26_platform::scripts::contract::DICTIONARY;
use port26_platform::scripts::{App, Dictionary, ObjectKey, Twin};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::bench::{Lines, account, nobody, transaction};
use super::*;
use crate::change::{Content, Slot};

const BUNDLE: &str = "test.port26.postman";

struct Bed {
    dir: tempfile::TempDir,
    twin: std::sync::Arc<Twin>,
    store: MachineStore,
}

impl Bed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("scripted.json");
        let twin = std::sync::Arc::new(Twin::new(&file, Dictionary::parse(DICTIONARY).unwrap()));
        let mut computer = Computer::folder(dir.path(), Os::Macos, None);
        computer.scripts = twin.clone();
        let bed = Self { store: MachineStore::of(&computer), dir, twin };
        bed.put(&json!({"host": "mail.hosting.test", "user": "", "port": 25, "login": "none"}));
        bed
    }

    fn put(&self, server: &Value) {
        let state = json!({ BUNDLE: {"objects": {"servers": [server]}, "running": false} });
        std::fs::write(self.twin.file(), serde_json::to_string_pretty(&state).unwrap() + "\n").unwrap();
    }

    fn server(&self) -> Value {
        let state: Value = serde_json::from_slice(&std::fs::read(self.twin.file()).unwrap()).unwrap();
        state[BUNDLE]["objects"]["servers"][0].clone()
    }

    fn writer(&self) -> Writer<'_> {
        let machine = Machine { os: Os::Macos, home: self.dir.path().to_owned(), registry: RegistryAt::None };
        Writer::new(self.dir.path().join("state"), machine, &self.store, &Lines, &nobody)
    }

    fn journals(&self) -> String {
        let entries = std::fs::read_dir(self.dir.path().join("state/receipts")).unwrap();
        entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
    }
}

fn slot(property: &str) -> Slot {
    let keys = BTreeMap::from([
        ("host".to_owned(), vec![Some("mail.hosting.test".to_owned())]),
        ("user".to_owned(), vec![None, Some("ann".to_owned())]),
    ]);
    let object = ObjectKey { elements: "servers".to_owned(), keys };
    Slot::Script { app: App::new("Postman", BUNDLE), object, property: property.to_owned() }
}

fn change(property: &str, before: Option<&str>, after: Option<&str>) -> Change {
    let raw = |text: &str| Content::Raw(text.to_owned());
    Change { slot: slot(property), before: before.map(raw), after: after.map(raw) }
}

fn to_26() -> Transaction {
    let changes = vec![
        change("login", Some("\"none\""), Some("\"password\"")),
        change("user", None, Some("\"ann\"")),
        change("port", Some("25"), Some("26")),
    ];
    transaction("run1", vec![account("1", changes)])
}

fn password() -> NewPassword {
    NewPassword { slot: slot("password"), secret: SecretString::from("hunter2") }
}

#[test]
fn properties_move_and_come_back_and_a_password_is_in_no_journal() {
    let bed = Bed::new();
    let before = bed.server();
    let receipt = bed.writer().apply_with(&to_26(), &[password()]).unwrap();
    assert_eq!(bed.server(), json!({"host": "mail.hosting.test", "user": "ann", "port": 26, "login": "password"}));
    let given = bed.twin.passwords();
    assert_eq!((given.len(), given[0].1.expose_secret()), (1, "hunter2"));
    assert_eq!(receipt.changes.len(), 3);
    let undone = bed.writer().undo(&Selector::Last, &run()).unwrap();
    assert_eq!(fates(&undone), [&AccountFate::Restored]);
    assert_eq!(bed.server(), before);
    let journals = bed.journals();
    assert!(journals.contains("\"passwords\"") && !journals.contains("hunter2"), "{journals}");
    let print = super::super::fingerprint::fingerprint(b"hunter2");
    assert!(!journals.contains(&print), "nor by a fingerprint, which could be guessed back");
}

#[test]
fn what_the_program_holds_decides_not_what_was_planned() {
    let bed = Bed::new();
    bed.put(&json!({"host": "mail.hosting.test", "user": "", "port": 587, "login": "none"}));
    let before = bed.server();
    let error = bed.writer().apply(&to_26()).unwrap_err();
    assert_eq!(error.code(), "changed_meanwhile");
    assert!(error.to_string().contains("port of servers mail.hosting.test, ann in Postman"), "{error}");
    assert_eq!(bed.server(), before);
    assert!(bed.writer().receipts().unwrap().receipts.is_empty());
    // A type that the program does not have is its refusal, and everything is as it was.
    bed.put(&json!({"host": "mail.hosting.test", "user": "", "port": 25, "login": "none"}));
    let wrong = transaction("run1", vec![account("1", vec![change("port", Some("25"), Some("\"26\""))])]);
    let error = bed.writer().apply(&wrong).unwrap_err();
    let ApplyError::RolledBack { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.code(), "app_refused");
    assert_eq!(bed.server()["port"], 25);
}

#[test]
fn a_property_that_somebody_else_changed_stays_and_a_server_that_is_gone_is_a_conflict() {
    let bed = Bed::new();
    bed.writer().apply(&to_26()).unwrap();
    bed.put(&json!({"host": "mail.hosting.test", "user": "ann", "port": 587, "login": "password"}));
    let undone = bed.writer().undo(&Selector::Last, &run()).unwrap();
    let [AccountFate::Conflict { left }] = fates(&undone)[..] else { panic!("{undone:?}") };
    assert!(left.iter().any(|left| left.slot == slot("port") && !left.is_beside()), "{left:?}");
    assert_eq!(bed.server(), json!({"host": "mail.hosting.test", "user": "ann", "port": 587, "login": "password"}));

    let bed = Bed::new();
    bed.writer().apply(&to_26()).unwrap();
    bed.put(&json!({"host": "other.hosting.test", "user": "ann", "port": 26, "login": "password"}));
    let undone = bed.writer().undo(&Selector::Last, &run()).unwrap();
    assert!(matches!(fates(&undone)[..], [AccountFate::Conflict { .. }]), "{undone:?}");
    assert_eq!(bed.server()["port"], 26);
}

#[test]
fn an_interrupted_change_is_taken_back_at_the_next_start() {
    let bed = Bed::new();
    let before = bed.server();
    let receipt = bed.writer().apply(&to_26()).unwrap();
    let journal = bed.dir.path().join(format!("state/receipts/{}.jsonl", receipt.id));
    let whole = std::fs::read_to_string(&journal).unwrap();
    let begun: String = whole.lines().take(2).map(|line| format!("{line}\n")).collect();
    // Killed in the middle of the call: some of the properties are set.
    for half in [
        json!({"host": "mail.hosting.test", "user": "", "port": 25, "login": "password"}),
        json!({"host": "mail.hosting.test", "user": "ann", "port": 25, "login": "password"}),
        json!({"host": "mail.hosting.test", "user": "ann", "port": 26, "login": "password"}),
    ] {
        std::fs::write(&journal, &begun).unwrap();
        bed.put(&half);
        let recovery = bed.writer().recover().unwrap();
        assert!(matches!(&recovery.recovered[0].outcome, RecoveryOutcome::PutBack { left, .. } if left.is_empty()));
        assert_eq!(bed.server(), before);
    }
}
