//! The adapters of Windows on the running user's real registry: each exported registry of the fixtures is imported with
//! `reg import`, moved to port 26 and put back, and every value compared by type and bytes.
//!
//! It writes below the keys of Outlook and Outlook Express, so it runs only where `PORT26_TEST_LIVE_REGISTRY=1` says
//! that this registry is a throw-away one (`scripts/test` makes it, under Wine), and never over keys that are there.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/case.rs"]
mod case;
#[path = "support/program.rs"]
mod program;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use port26::account::ClientId;
use port26::apply::{Machine, MachineStore, RunId, Selector, Writer};
use port26::clients::InUse;
use port26::formats::open::AllEditors;
use port26_platform::host::{Host, Os};
use port26_platform::registry::{Registry, Value, live};
use tokio::sync::Mutex;

/// Everything that a fixture may bring.
const KEYS: [&str; 4] = [
    r"Software\Microsoft\Office",
    r"Software\Microsoft\Windows NT\CurrentVersion\Windows Messaging Subsystem",
    r"Software\Microsoft\Internet Account Manager",
    r"Identities",
];

type Values = BTreeMap<(String, String), Value>;

fn values(registry: &dyn Registry) -> Values {
    fn walk(registry: &dyn Registry, key: &str, into: &mut Values) {
        for (name, value) in registry.values(key).unwrap() {
            into.insert((key.to_owned(), name), value);
        }
        for below in registry.subkeys(key).unwrap() {
            walk(registry, &format!("{key}\\{below}"), into);
        }
    }
    let mut found = Values::new();
    for key in KEYS {
        walk(registry, key, &mut found);
    }
    found
}

fn reg(arguments: &[&str]) {
    let output = Command::new("reg").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "reg {arguments:?}: {said}");
}

/// The imported keys, removed even if the test fails.
struct Imported<'a>(&'a dyn Registry);

impl<'a> Imported<'a> {
    fn from(registry: &'a dyn Registry, file: &Path) -> Self {
        for key in KEYS {
            assert!(!registry.has_key(key).unwrap(), "{key} is there already: this registry is somebody's own");
        }
        let imported = Self(registry);
        reg(&["import", &file.display().to_string()]);
        imported
    }
}

impl Drop for Imported<'_> {
    fn drop(&mut self) {
        for key in KEYS {
            if self.0.has_key(key).unwrap_or(true) {
                let _ = Command::new("reg").args(["delete", &format!("HKCU\\{key}"), "/f"]).output();
            }
        }
    }
}

/// The exported registries of the running user's own hive.
fn exports() -> Vec<PathBuf> {
    let of_a_user = |file: &PathBuf| {
        let bytes = std::fs::read(file).unwrap();
        let text: Vec<u8> = bytes.into_iter().filter(|&byte| byte != 0).collect();
        String::from_utf8_lossy(&text).contains("[HKEY_CURRENT_USER\\")
    };
    let folders =
        |at: PathBuf| std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let cases = folders(case::fixtures()).flat_map(folders);
    let mut files: Vec<PathBuf> = cases.map(|case| case.join("user.reg")).filter(|file| file.is_file()).collect();
    // Windows Live Mail and Windows Mail keep only the place of their files there.
    files.retain(|file| file.components().any(|part| part.as_os_str().to_string_lossy().starts_with("outlook")));
    files.retain(of_a_user);
    files.sort();
    files
}

/// The tests share one registry.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// The registry, if it may be written to.
fn throw_away_registry() -> Option<Arc<dyn Registry>> {
    if std::env::var("PORT26_TEST_LIVE_REGISTRY").as_deref() != Ok("1") {
        eprintln!("*** NOT TESTED: the live registry. scripts/test does it under Wine, in a registry of its own.");
        return None;
    }
    Some(live().unwrap())
}

#[tokio::test]
async fn the_program_repairs_this_machine_and_puts_it_back() {
    let Some(registry) = throw_away_registry() else { return };
    let _alone = ONE_AT_A_TIME.lock().await;
    let _imported = Imported::from(registry.as_ref(), &case::fixtures().join("outlook/2013/user.reg"));
    let world = program::World::new().await;
    let before = values(registry.as_ref());

    let run = world.on_this_machine(&["scan", "--json"]).await;
    let accounts = run.json()["accounts"].as_array().unwrap().clone();
    let on_25 = accounts.iter().filter(|one| one["client"] == "outlook" && one["outgoing"]["port"] == 25).count();
    assert!(on_25 > 0, "{}", run.out);

    let run = world.on_this_machine(&["fix", "--yes", "--json"]).await;
    let json = run.json();
    let fixed: Vec<_> = json["accounts"].as_array().unwrap().iter().filter(|one| one["result"] == "fixed").collect();
    assert!(!fixed.is_empty(), "{}{}", run.out, run.err);
    assert!(fixed.iter().all(|one| one["after"]["port"] == 26), "{json}");
    assert_ne!(values(registry.as_ref()), before);
    assert!(!world.host.record().any_password_before_tls());

    let run = world.on_this_machine(&["undo", "--all", "--json"]).await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(values(registry.as_ref()), before);
}

#[test]
fn moved_and_put_back_value_by_value() {
    let Some(registry) = throw_away_registry() else { return };
    let _alone = ONE_AT_A_TIME.blocking_lock();
    let exports = exports();
    assert!(exports.len() >= 4, "{exports:?}");
    for file in exports {
        let _imported = Imported::from(registry.as_ref(), &file);
        let folder = tempfile::tempdir().unwrap();
        let host = Host::folder(folder.path(), Os::Windows, Some(registry.clone()));
        let store = MachineStore::of(&host);
        let nobody = |_: ClientId, _: &str| InUse::No;
        let writer = Writer::new(folder.path().join("state"), Machine::of(&host), &store, &AllEditors, &nobody);

        let before = values(registry.as_ref());
        let transactions = case::transactions(&host);
        assert!(!transactions.is_empty(), "{}: nothing to move", file.display());
        let mut moved = 0;
        for (client, transaction) in &transactions {
            writer.apply(transaction).unwrap();
            let now = client.accounts(&host, &client.detect(&host).unwrap().unwrap()).accounts;
            for change in &transaction.accounts {
                let account = now.iter().find(|account| account.id == change.account_id).unwrap();
                assert_eq!((account.outgoing.port, account.outgoing.tls), (26, change.after.tls), "{}", account.id);
                moved += 1;
            }
        }
        assert!(case::transactions(&host).is_empty(), "{}: a second plan is not empty", file.display());
        assert_ne!(values(registry.as_ref()), before);
        let undone = writer.undo(&Selector::All, &RunId::start()).unwrap();
        assert!(undone.iter().all(|one| one.error.is_none()), "{undone:?}");
        assert_eq!(values(registry.as_ref()), before, "{}", file.display());
        println!("{}: {moved} accounts moved and put back, {} values compared", file.display(), before.len());
    }
}
