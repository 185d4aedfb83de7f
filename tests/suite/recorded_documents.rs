//! What scripts read: the documents of `port26/1` as an earlier port26 wrote them. Each of their fields is still there, of its
//! type, and each word that a script may compare is the same. More fields may have come.
//!
//! They were recorded with the program of commit 047601f. `PORT26_RECORD_WITH=/path/to/port26 cargo test --test suite
//! recorded_documents` records those of another one; only a release is a reason to. Of that commit `undo --dry-run` undid, and
//! a command line that was wrong had no document: both are mended, and not here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::program::World;

/// Name, arguments, and whether the account's password is on standard input. One after the other on one home.
const RUNS: [(&str, &[&str], bool); 8] = [
    ("scan", &["scan"], false),
    ("test", &["test"], true),
    ("fix-dry-run", &["fix", "--dry-run"], true),
    ("fix", &["fix", "--yes"], true),
    ("status", &["status"], false),
    ("undo", &["undo"], false),
    ("policy-show", &["policy", "show"], false),
    ("relay", &["relay", "t-online.de"], false),
];

/// Words that scripts compare.
const WORDS: [&str; 12] =
    ["schema", "verb", "code", "result", "status", "kind", "client", "tls", "auth", "credential", "protocol", "id"];

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents").join(name).with_extension("json")
}

/// Every place of a document, with the type of what is there, or the word. Elements of a list share their places.
fn places(value: &Value, at: &str, found: &mut BTreeMap<String, Vec<String>>) {
    let kind = match value {
        // What may be missing may be null as well.
        Value::Null => return,
        Value::Bool(_) => "yes or no".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(word) => {
            let name = at.rsplit('.').next().unwrap_or_default();
            // A receipt's id is another one each time.
            if WORDS.contains(&name) && !at.contains("receipts") {
                format!("the word {word}")
            } else {
                "text".to_owned()
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|item| places(item, &format!("{at}[]"), found));
            "list".to_owned()
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, &format!("{at}.{name}"), found));
            "object".to_owned()
        }
    };
    let kinds = found.entry(at.to_owned()).or_default();
    if !kinds.contains(&kind) {
        kinds.push(kind);
    }
}

#[tokio::test]
async fn the_documents_that_scripts_read_have_changed_by_addition_only() {
    let world = World::new().await;
    let another = std::env::var_os("PORT26_RECORD_WITH");
    let program = another.as_deref().map_or(Path::new(env!("CARGO_BIN_EXE_port26")), Path::new);
    let mut lost = Vec::new();
    for (name, arguments, password) in RUNS {
        let mut command = Command::new(program);
        command.args(arguments).args(["--json", "--os", "linux", "--home"]).arg(world.home());
        let input = if password {
            command.arg("--credential-stdin");
            world.password_line()
        } else {
            String::new()
        };
        let run = world.run_command(command, &input).await;
        let folder = serde_json::to_string(&world.folder.path()).unwrap();
        let text = run.out.replace(folder.trim_matches('"'), "FOLDER");
        if another.is_some() {
            std::fs::write(recorded(name), text).unwrap();
            continue;
        }
        let read = |text: &str| {
            let mut found = BTreeMap::new();
            places(&serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}")), "", &mut found);
            found
        };
        let now = read(&text);
        let before = read(&std::fs::read_to_string(recorded(name)).unwrap());
        assert!(before.len() > 2, "{name}: this would prove nothing");
        for (place, kinds) in before {
            let today = now.get(&place).cloned().unwrap_or_default();
            lost.extend(kinds.into_iter().filter(|kind| !today.contains(kind)).map(|kind| {
                format!("{name}{place}: {kind}; today {}", if today.is_empty() { "nothing" } else { today[0].as_str() })
            }));
        }
    }
    assert_eq!(lost, Vec::<String>::new(), "a script that reads this would break");
}
