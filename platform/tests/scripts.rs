//! The contract of scriptable programs on the twin and, with `PORT26_TEST_NODE=1`, on `properties.js` itself, run by
//! node against a model of such programs (`tests/scripts/model.js`). No Mac is involved.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use port26_platform::computer::Os;
use port26_platform::scripts::contract::{self, Bench, DICTIONARY};
use port26_platform::scripts::{
    App, Dictionary, NewValue, ObjectKey, ObjectWrite, Osascript, PropertySet, Scripts, Twin, Visit,
};
use secrecy::SecretString;
use serde_json::{Value, json};

struct Bed {
    folder: tempfile::TempDir,
    make: fn(&Path) -> Box<dyn Scripts>,
    number: RefCell<usize>,
}

impl Bed {
    fn new(make: fn(&Path) -> Box<dyn Scripts>) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), make, number: RefCell::new(0) }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(format!("state{}.json", self.number.borrow()))
    }
}

impl Bench for Bed {
    fn scripts(&self, state: &Value) -> Box<dyn Scripts> {
        *self.number.borrow_mut() += 1;
        std::fs::write(self.file(), serde_json::to_string_pretty(state).unwrap() + "\n").unwrap();
        (self.make)(&self.file())
    }
    fn state(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.file()).unwrap()).unwrap()
    }
}

#[test]
fn the_twin_keeps_the_contract() {
    contract::check(&Bed::new(|file| Box::new(Twin::new(file, Dictionary::parse(DICTIONARY).unwrap()))));
}

/// A program that is called as osascript is, made of one line of shell.
fn program(folder: &Path, name: &str, line: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{line}\n")).unwrap();
    assert!(std::process::Command::new("chmod").arg("+x").arg(&file).status().unwrap().success());
    file
}

#[test]
fn the_program_itself_keeps_the_contract() {
    if std::env::var_os("PORT26_TEST_NODE").is_none() {
        println!("not run: PORT26_TEST_NODE=1 runs this with node");
        return;
    }
    contract::check(&Bed::new(|state| {
        let dictionary = state.with_file_name("dictionary.json");
        std::fs::write(&dictionary, DICTIONARY).unwrap();
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scripts/osascript.js");
        let quoted = [&model, &state.to_owned(), &dictionary].map(|path| format!("'{}'", path.display())).join(" ");
        let name = format!("{}.sh", state.file_stem().unwrap().to_string_lossy());
        let osascript = program(state.parent().unwrap(), &name, &format!("exec node {quoted} \"$@\""));
        Box::new(Osascript::at(osascript, Visit::Allowed))
    }));
}

#[test]
fn a_program_that_hangs_ends_at_the_deadline_and_one_that_talks_nonsense_is_told() {
    if Os::here() == Os::Windows {
        // The programs of this test are lines of shell; what they show is about macOS.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ask = |line: &str, deadline: u64| {
        let file = program(folder.path(), &format!("{}.sh", line.len()), line);
        let scripts = Osascript::at(file, Visit::Allowed).with_deadline(Duration::from_millis(deadline));
        scripts.read(&App::new("Mail", "com.apple.mail"), &[]).map_err(|error| error.code())
    };
    assert_eq!(ask("exec sleep 60", 100), Err("app_silent"));
    assert_eq!(ask("cat >/dev/null; echo nonsense", 20_000), Err("app_garbled"));
    assert_eq!(ask("cat >/dev/null; echo '{\"ok\":[[]]}'", 20_000), Err("app_garbled"));
    assert_eq!(ask("exit 1", 20_000), Err("app_refused"));
    let denied = "cat >/dev/null; echo 'stdin:1:2: execution error: Error: Not authorized. (-1743)' >&2; exit 1";
    assert_eq!(ask(denied, 20_000), Err("automation_permission"));
    assert_eq!(ask("cat >/dev/null; echo '{\"ok\":[]}'", 20_000), Ok(vec![]));
}

/// A program, or the runner itself, that quotes what it was given: nothing of it reaches screen, log or journal.
#[test]
fn a_password_that_a_program_quotes_is_in_no_error() {
    if Os::here() == Os::Windows {
        // The programs of this test are lines of shell; what they show is about macOS.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // The second is a part of the first, and both hold what JSON and JavaScript write differently.
    let passwords = ["Regen\"bogen\u{e9}\u{2028}7", "bogen\u{e9}"];
    let blind = |password: &str| PropertySet {
        property: "password".to_owned(),
        expect: Value::Null,
        value: NewValue::Secret(SecretString::from(password)),
    };
    let object = ObjectKey { elements: "servers".to_owned(), keys: std::collections::BTreeMap::new() };
    let writes = [ObjectWrite { object, set: passwords.map(blind).to_vec() }];
    let error = |code: Option<&str>, message: &str| {
        json!({"error": {"number": -10000, "code": code, "message": message}}).to_string()
    };
    let answer = "cat >/dev/null; cat \"$0.txt\"";
    let complaint = "cat >/dev/null; cat \"$0.txt\" >&2; exit 1";
    let [first, second] = passwords;
    for (at, (code, line, words)) in [
        ("app_refused", answer, error(None, &format!("no: {first} is not taken"))),
        ("app_refused", answer, error(None, &format!("no: {} is not taken", json!(first)))),
        ("not_taken", answer, error(Some("not_taken"), second)),
        ("app_garbled", answer, json!({first: 1}).to_string()),
        ("app_refused", complaint, format!("execution error: {first}, {} (-50)", json!(second))),
        ("app_refused", "cat >&2; exit 1", String::new()),
    ]
    .into_iter()
    .enumerate()
    {
        let file = program(folder.path(), &format!("{at}.sh"), line);
        std::fs::write(folder.path().join(format!("{at}.sh.txt")), words).unwrap();
        let error =
            Osascript::at(file, Visit::Allowed).write(&App::new("Mail", "com.apple.mail"), &writes).unwrap_err();
        let said = format!("{error} {error:?}");
        assert_eq!(error.code(), code, "{said}");
        assert!(said.contains("***"), "{at}: {said}");
        assert!(!said.contains("Regen") && !said.contains("bogen"), "{at}: {said}");
    }
}
