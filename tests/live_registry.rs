//! The adapters of Windows on the running user's real registry: each exported registry of the fixtures is imported with
//! `reg import`, moved to port 26 and put back, and every value compared by type and bytes; and the whole program on an
//! Outlook account whose password Windows itself sealed.
//!
//! It writes below the keys of Outlook and Outlook Express, so it runs only where `PORT26_TEST_LIVE_REGISTRY=1` says
//! that this registry is a throw-away one (`scripts/test` makes it, under Wine), and never over keys that are there.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/case.rs"]
mod case;
#[path = "support/open_client.rs"]
mod open_client;
#[path = "support/program.rs"]
mod program;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use open_client::Client;
use port26::account::ClientId;
use port26::apply::{Machine, MachineStore, RunId, Selector, Writer};
use port26::clients::InUse;
use port26::formats::open::AllEditors;
use port26_platform::host::{Host, Os};
use port26_platform::processes::invented::Manners;
use port26_platform::registry::{Registry, Value, live};
use port26_platform::sealed::{Seal, UserSeal};
use tokio::sync::Mutex;

/// Everything that a fixture may bring.
const KEYS: [&str; 4] = [
    r"Software\Microsoft\Office",
    r"Software\Microsoft\Windows NT\CurrentVersion\Windows Messaging Subsystem",
    r"Software\Microsoft\Internet Account Manager",
    r"Identities",
];

/// The account that is made for the tests of the whole program.
const ACCOUNT: &str =
    r"Software\Microsoft\Office\16.0\Outlook\Profiles\Outlook\9375CFF0413111d3B88A00104B2A6676\00000002";

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

/// An Outlook account of the mail host's user on port 25, with this as the password that Outlook keeps.
fn outlook_account(world: &program::World, password: &[u8]) -> PathBuf {
    let hex = password.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(",");
    let (host, user) = (program::HOST, program::USER);
    let text = format!(
        "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\{ACCOUNT}]\r\n\
         \"clsid\"=\"{{ED475411-B0D6-11D2-8C3B-00104B2A6676}}\"\r\n\"Email\"=\"{user}\"\r\n\
         \"POP3 Server\"=\"{host}\"\r\n\"POP3 User\"=\"{user}\"\r\n\"POP3 Password\"=hex:{hex}\r\n\
         \"SMTP Server\"=\"{host}\"\r\n\"SMTP Port\"=dword:00000019\r\n"
    );
    let file = world.folder.path().join("outlook.reg");
    let bytes: Vec<u8> = std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    std::fs::write(&file, bytes).unwrap();
    file
}

/// A password as Outlook keeps it for the user who runs this.
fn kept_by_outlook(password: &str) -> Vec<u8> {
    let plain: Vec<u8> = password.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    [&[2], UserSeal.seal(&plain).unwrap().as_slice()].concat()
}

fn notices(account: &serde_json::Value) -> Vec<&str> {
    let all = account["notices"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(|notice| notice["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_password_that_outlook_keeps_proves_the_login_and_undo_puts_everything_back() {
    let Some(registry) = throw_away_registry() else { return };
    let _alone = ONE_AT_A_TIME.lock().await;
    let world = program::World::new().await;
    let account = outlook_account(&world, &kept_by_outlook(program::PASSWORD));
    let _imported = Imported::from(registry.as_ref(), &account);
    let before = values(registry.as_ref());

    let run = world.on_this_machine(&["fix", "--yes", "--json"]).await;
    let json = run.json();
    let account = &json["accounts"][0];
    assert_eq!((account["result"].as_str(), run.code), (Some("fixed"), 0), "{}{}", run.out, run.err);
    assert_eq!(account["after"]["port"], 26);
    assert_eq!(notices(account), ["password_borrowed"], "kept, and Outlook will not ask");
    let logins = world.host.record().logins;
    assert_eq!(logins.len(), 1, "{logins:?}");
    assert!(logins[0].accepted && logins[0].tls.is_some() && logins[0].public_port == 26, "{logins:?}");
    assert!(!world.host.record().any_password_before_tls());
    assert_ne!(values(registry.as_ref()), before);
    for secret in program::secrets() {
        assert!(!program::contains(&world.state(), &secret), "a password is in the state folder");
    }
    let run = world.on_this_machine(&["credential", "list", "--json"]).await;
    assert_eq!(run.json()["credentials"][0]["user"], program::USER, "{}", run.out);

    let run = world.on_this_machine(&["undo", "--all", "--json"]).await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(values(registry.as_ref()), before);
    world.on_this_machine(&["credential", "forget"]).await;
}

#[tokio::test]
async fn a_kept_password_that_is_wrong_or_cannot_be_opened_changes_nothing() {
    let Some(registry) = throw_away_registry() else { return };
    let _alone = ONE_AT_A_TIME.lock().await;
    let good = kept_by_outlook(program::PASSWORD);
    let mut tampered = good.clone();
    *tampered.last_mut().unwrap() ^= 1;
    let cases = [
        (kept_by_outlook("another"), "bad_credentials", 1),
        (tampered, "password_unusable", 0),
        (good[1..].to_vec(), "password_unusable", 0),
        (vec![2], "password_unusable", 0),
    ];
    for (password, why, logins) in cases {
        let world = program::World::new().await;
        let account = outlook_account(&world, &password);
        let _imported = Imported::from(registry.as_ref(), &account);
        let before = values(registry.as_ref());
        let run = world.on_this_machine(&["fix", "--yes", "--json"]).await;
        assert_eq!((run.result(), run.code), (("needs_user".into(), why.into()), 6), "{}{}", run.out, run.err);
        assert_eq!(world.host.record().logins.len(), logins, "{why}");
        assert_eq!(values(registry.as_ref()), before, "{why}");
    }
}

#[tokio::test]
async fn outlook_is_asked_to_close_and_what_it_writes_then_is_kept() {
    let Some(registry) = throw_away_registry() else { return };
    let _alone = ONE_AT_A_TIME.lock().await;
    let world = program::World::new().await;
    let account = outlook_account(&world, &kept_by_outlook(program::PASSWORD));
    let _imported = Imported::from(registry.as_ref(), &account);
    let key = format!("HKCU\\{ACCOUNT}");
    let writes = ["reg", "add", &key, "/v", "Display Name", "/d", "written on exit", "/f"];
    let mut outlook = Client {
        program: Some(world.folder.path().join("OUTLOOK.EXE")),
        window: Some(Manners::Closes),
        last_command: writes.map(str::to_owned).to_vec(),
        ..Client::default()
    }
    .open();

    let run = world.on_this_machine(&["fix", "--yes", "--json"]).await;
    assert_eq!((run.result(), run.code), (("deferred".into(), "client_open".into()), 6), "{}{}", run.out, run.err);
    assert!(outlook.is_open(), "nobody asked it to close");

    let run = world.on_this_machine(&["fix", "--yes", "--json", "--close"]).await;
    assert_eq!((run.result().0.as_str(), run.code, run.err.as_str()), ("fixed", 0, ""), "{}", run.out);
    assert!(!outlook.is_open());
    let value = |name: &str| registry.value(ACCOUNT, name).unwrap();
    assert_eq!(value("SMTP Port"), Some(Value::dword(26)));
    assert_eq!(value("Display Name"), Some(Value::sz("written on exit")));
    world.on_this_machine(&["credential", "forget"]).await;
}

#[tokio::test]
async fn an_outlook_that_stays_open_is_left_alone() {
    let Some(registry) = throw_away_registry() else { return };
    let _alone = ONE_AT_A_TIME.lock().await;
    let world = program::World::new().await;
    let account = outlook_account(&world, &kept_by_outlook(program::PASSWORD));
    let _imported = Imported::from(registry.as_ref(), &account);
    let before = values(registry.as_ref());
    let program = Some(world.folder.path().join("OUTLOOK.EXE"));
    let refuses = Client { program: program.clone(), window: Some(Manners::Refuses), ..Client::default() };
    let hidden = Client { program, ..Client::default() };
    for (client, why) in [(refuses, "was asked to close and is still open"), (hidden, "could not be asked to close")] {
        let mut outlook = client.open();
        let run = world.on_this_machine(&["fix", "--yes", "--json", "--close", "--wait-max", "2"]).await;
        assert_eq!((run.result(), run.code), (("deferred".into(), "client_open".into()), 6), "{}{}", run.out, run.err);
        let message = run.json()["accounts"][0]["reason"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(why), "{message}");
        assert!(outlook.is_open(), "it was ended");
        assert_eq!(values(registry.as_ref()), before);
    }
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
