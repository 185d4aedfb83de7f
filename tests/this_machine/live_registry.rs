//! The adapters of Windows on the running user's real registry: each exported registry of the fixtures is imported with
//! `reg import` and passes the contract there (`tests/contract/` is the same for files), with real kills, edits by
//! `reg add` and garbage; and the whole program on an Outlook account whose password Windows itself sealed.
//!
//! Below a key of its own it does so in anybody's registry. At the keys of Outlook, Outlook Express and Windows Mail
//! themselves only where `PORT26_TEST_LIVE_REGISTRY=1` says that this registry is a throw-away one (`scripts/test`
//! makes it, under Wine), and never over keys that are there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex as Counter;

use port26::apply::{Machine, MachineStore, RunId, Selector, Store, StoreError, Writer};
use port26::change::{Content, Slot};
use port26::clients::CLIENTS;
use port26::formats::open::AllEditors;
use port26_platform::computer::Computer;
use port26_platform::files::{Appender, FileError};
use port26_platform::processes::invented::Manners;
use port26_platform::registry::{Registry, Value, ValueKind, ValueWrite, live};
use port26_platform::sealed::{Seal, UserSeal};

use crate::ONE_AT_A_TIME;
use crate::support::case;
use crate::support::hive::{self, Imported, Visit};
use crate::support::one_test;
use crate::support::open_client::Client;
use crate::support::program;
use crate::support::steps::{self, Place};

/// The account that is made for the tests of the whole program.
const ACCOUNT: &str =
    r"Software\Microsoft\Office\16.0\Outlook\Profiles\Outlook\9375CFF0413111d3B88A00104B2A6676\00000002";

/// The registry, if it may be written to.
fn throw_away_registry() -> Option<Arc<dyn Registry>> {
    if std::env::var("PORT26_TEST_LIVE_REGISTRY").as_deref() != Ok("1") {
        eprintln!("*** NOT TESTED: the live registry. scripts/test does it under Wine, in a registry of its own.");
        return None;
    }
    Some(live().unwrap())
}

/// An Outlook account of the mail host's user on port 25, with this as the password that Outlook keeps.
fn outlook_account(registry: &Arc<dyn Registry>, password: &[u8]) -> Imported {
    let hex = password.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(",");
    let (host, user) = (program::HOST, program::USER);
    let text = format!(
        "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\{ACCOUNT}]\r\n\
         \"clsid\"=\"{{ED475411-B0D6-11D2-8C3B-00104B2A6676}}\"\r\n\"Email\"=\"{user}\"\r\n\
         \"POP3 Server\"=\"{host}\"\r\n\"POP3 User\"=\"{user}\"\r\n\"POP3 Password\"=hex:{hex}\r\n\
         \"SMTP Server\"=\"{host}\"\r\n\"SMTP Port\"=dword:00000019\r\n"
    );
    Imported::text(registry, &text)
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
    let imported = outlook_account(&registry, &kept_by_outlook(program::PASSWORD));
    let before = imported.values();

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
    assert_ne!(imported.values(), before);
    for secret in program::secrets() {
        assert!(!program::contains(&world.state(), &secret), "a password is in the state folder");
    }
    let run = world.on_this_machine(&["credential", "list", "--json"]).await;
    assert_eq!(run.json()["credentials"][0]["user"], program::USER, "{}", run.out);

    let run = world.on_this_machine(&["undo", "--all", "--json"]).await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(imported.values(), before);
    world.on_this_machine(&["credential", "forget", "--all"]).await;
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
        let imported = outlook_account(&registry, &password);
        let before = imported.values();
        let run = world.on_this_machine(&["fix", "--yes", "--json"]).await;
        assert_eq!((run.result(), run.code), (("needs_user".into(), why.into()), 6), "{}{}", run.out, run.err);
        assert_eq!(world.host.record().logins.len(), logins, "{why}");
        assert_eq!(imported.values(), before, "{why}");
    }
}

#[tokio::test]
async fn outlook_is_asked_to_close_and_what_it_writes_then_is_kept() {
    let Some(registry) = throw_away_registry() else { return };
    let _alone = ONE_AT_A_TIME.lock().await;
    let world = program::World::new().await;
    let _imported = outlook_account(&registry, &kept_by_outlook(program::PASSWORD));
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
    world.on_this_machine(&["credential", "forget", "--all"]).await;
}

#[tokio::test]
async fn an_outlook_that_stays_open_is_left_alone() {
    let Some(registry) = throw_away_registry() else { return };
    let _alone = ONE_AT_A_TIME.lock().await;
    let world = program::World::new().await;
    let imported = outlook_account(&registry, &kept_by_outlook(program::PASSWORD));
    let before = imported.values();
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
        assert_eq!(imported.values(), before);
    }
}

/// The registry, to be written to only below a key of the test's own.
fn anybodys_registry() -> Option<Arc<dyn Registry>> {
    let registry = live();
    if registry.is_none() {
        eprintln!("*** NOT TESTED: the live registry. Only Windows has one; scripts/test has it from Wine.");
    }
    registry
}

/// Its keys are in every user's registry, so it is imported only below another key.
const IN_EVERY_REGISTRY: &str = "windows-moved-appdata";

/// Fixtures with a registry: those with settings in it, and those whose place is written there.
const IMPORTED: usize = 12;

/// Outlook Express with SSL on port 25, which it takes for STARTTLS there and for TLS at once everywhere else.
const SSL_BY_PORT: &str = "ssl-on-25";

/// Those with settings in it.
const WITH_SETTINGS: usize = 9;

/// What the contract asks of whole runs, with edits by `reg add` and garbage. The number of accounts that moved.
fn moves_and_keeps_others_edits(imported: &Imported) -> usize {
    let fresh = || imported.place();
    steps::looking_writes_nothing(&fresh());
    let moved = steps::there_and_back(&fresh());
    let conflicts = steps::foreign_edits(fresh);
    let garbage = garbage_is_a_problem(fresh);
    // One edit after the move, and one before it. Before it, what SSL means goes by the port there: another program could not
    // set another port without changing more.
    let least = if fresh().name().ends_with(SSL_BY_PORT) { 1 } else { 2 };
    assert!(moved > 0 && conflicts >= least, "{}: {moved} moved, {conflicts} conflicts", fresh().name());
    println!("{}: {moved} accounts moved and put back, {conflicts} conflicts, {garbage} times garbage", fresh().name());
    garbage
}

#[test]
fn each_adapter_moves_and_puts_back_at_its_own_keys() {
    let Some(registry) = throw_away_registry() else { return };
    let _alone = ONE_AT_A_TIME.blocking_lock();
    let mut exports = hive::exports();
    exports.retain(|fixture| !fixture.ends_with(IN_EVERY_REGISTRY));
    assert_eq!(exports.len(), IMPORTED - 1, "{exports:?}");
    for fixture in exports {
        moves_and_keeps_others_edits(&Imported::here(&registry, &fixture));
    }
}

#[test]
fn each_adapter_moves_and_puts_back_below_a_key_of_its_own() {
    let Some(registry) = anybodys_registry() else { return };
    let exports = hive::exports();
    assert_eq!(exports.len(), IMPORTED, "{exports:?}");
    let garbage = |fixture: &PathBuf| moves_and_keeps_others_edits(&Imported::below_own_key(&registry, fixture));
    let with_settings = exports.iter().filter(|fixture| garbage(fixture) > 0).count();
    assert_eq!(with_settings, WITH_SETTINGS);
}

/// One of each layout: a test of every write takes its time. Both adapters hand all of a profile to the same writer.
const EACH_LAYOUT: [&str; 3] = ["outlook/2003", "outlook/2016", "outlook_express/6"];

#[test]
fn a_failure_or_an_end_at_each_write_leaves_old_or_new() {
    let Some(registry) = anybodys_registry() else { return };
    for fixture in EACH_LAYOUT {
        let imported = Imported::below_own_key(&registry, &case::fixtures().join(fixture));
        let fresh = || imported.place();
        let failures = steps::apply_that_fails_at_each_write(fresh) + steps::undo_that_fails_at_each_write(fresh);
        let ends = steps::ended_at_each_write(fresh);
        assert!(failures >= 20 && ends >= 10, "{}: {failures} failures, {ends} ends", fresh().name());
        println!("{}: {failures} failures, {ends} ends", fresh().name());
    }
}

/// Values that nobody's program has written: of another type, cut off.
fn garbage() -> [Value; 3] {
    let value = |kind, data: &[u8]| Value { kind, data: data.to_vec() };
    [value(ValueKind::MultiSz, &[1, 2, 3]), value(ValueKind::Dword, &[25, 0]), value(ValueKind::Binary, &[0xFF])]
}

/// Each value that a move would touch, turned into garbage: it is told of, nothing is planned for its account, and all
/// the others are as they were. How often.
fn garbage_is_a_problem<'a>(fresh: impl Fn() -> Visit<'a>) -> usize {
    let place = fresh();
    let (computer, name) = (place.computer(), place.name());
    let registry = computer.registry.as_ref().unwrap();
    let of = |computer: &Computer| {
        case::transactions(computer).into_iter().flat_map(|(_, one)| one.accounts).collect::<Vec<_>>()
    };
    let planned = of(computer);
    let ids = |planned: &[port26::apply::AccountChange]| -> BTreeSet<String> {
        planned.iter().map(|one| one.account_id.clone()).collect()
    };
    let mut tried = 0;
    for (account, change) in planned.iter().flat_map(|one| one.changes.iter().map(move |change| (one, change))) {
        let Slot::Registry { key, value } = &change.slot else { continue };
        let put = |content| {
            registry.write(&[ValueWrite { key: key.clone(), value: value.clone(), content }]).unwrap();
        };
        for garbage in garbage() {
            let label = format!("{name}: {garbage:?} in {value} of {}", account.account_id);
            put(Some(garbage));
            tried += 1;
            let mut told = Vec::new();
            for client in CLIENTS {
                if let Some(installation) = client.detect(computer).unwrap() {
                    told.extend(client.accounts(computer, &installation).problems);
                }
            }
            let problem = told.iter().find(|problem| problem.at == account.account_id);
            let problem = problem.unwrap_or_else(|| panic!("{label} was not reported: {told:?}"));
            assert!(problem.message.contains(value.as_str()) && !problem.hint.is_empty(), "{label}: {problem:?}");
            let mut others = ids(&planned);
            others.remove(&account.account_id);
            assert_eq!(ids(&of(computer)), others, "{label}: planned for, or others are hidden");
        }
        put(change.before.as_ref().map(|before| match before {
            Content::Registry(value) => value.clone(),
            other => panic!("{other:?}"),
        }));
    }
    assert_eq!(ids(&of(computer)), ids(&planned), "{name}");
    tried
}

/// The machine's own store, deadly at one write; each value of the registry is one.
struct Deadly {
    machine: MachineStore,
    writes: Counter<usize>,
    kill_at: usize,
}

impl Deadly {
    fn new(computer: &Computer, kill_at: usize) -> Self {
        Self { machine: MachineStore::of(computer), writes: Counter::new(0), kill_at }
    }

    fn count(&self) {
        let mut writes = self.writes.lock().unwrap();
        if *writes == self.kill_at {
            std::process::abort();
        }
        *writes += 1;
    }
}

impl Store for Deadly {
    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        self.machine.read_file(path)
    }
    fn replace_file(&self, path: &Path, _: &[u8], _: &[u8], _: &str) -> Result<(), StoreError> {
        unreachable!("{} is no value of the registry", path.display())
    }
    fn clean_up(&self, path: &Path, temp: &str, ours: &dyn Fn(&[u8]) -> bool) -> Result<(), StoreError> {
        self.machine.clean_up(path, temp, ours)
    }
    fn read_value(&self, key: &str, value: &str) -> Result<Option<Value>, StoreError> {
        self.machine.read_value(key, value)
    }
    fn write_values(&self, writes: &[ValueWrite]) -> Result<(), StoreError> {
        for write in writes {
            self.count();
            self.machine.write_values(std::slice::from_ref(write))?;
        }
        Ok(())
    }
    fn registry_file(&self) -> Option<PathBuf> {
        None
    }
    fn append(&self, journal: &mut Appender, line: &[u8]) -> Result<(), FileError> {
        self.count();
        self.machine.append(journal, line)
    }
}

const KILLS: &str = "killed_at_each_write_the_live_registry_is_of_one_piece_again";
const CHILD: [&str; 5] =
    ["PORT26_KILL_VERB", "PORT26_KILL_ROOT", "PORT26_KILL_HOME", "PORT26_KILL_STATE", "PORT26_KILL_AT"];

/// Starts this test again as a child, to be killed before that write. True if it was, false if it got through.
fn killed(place: &Visit<'_>, verb: &str, at: usize) -> bool {
    let at = at.to_string();
    let (home, state) = (place.home.path().display().to_string(), place.state().display().to_string());
    let mut command = Command::new(std::env::current_exe().unwrap());
    let given = CHILD.into_iter().zip([verb, place.root(), &home, &state, &at]);
    command.args(one_test::arguments(module_path!(), KILLS)).envs(given);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "the child failed instead of being killed: {said}");
    // Wine cuts exit codes to 8 bits: one who got through says so.
    !String::from_utf8_lossy(&output.stdout).contains(GOT_THROUGH)
}

const GOT_THROUGH: &str = "all writes were made";

/// In a child: does what it was started for, and dies of it or says that it did not.
fn be_the_child_if_started_as_one() {
    let [Ok(verb), Ok(root), Ok(home), Ok(state), Ok(at)] = CHILD.map(std::env::var) else { return };
    let computer = hive::computer_below(&root, Path::new(&home));
    let store = Deadly::new(&computer, at.parse().unwrap());
    let writer = Writer::new(&state, Machine::of(&computer), &store, &AllEditors, &steps::nobody);
    if verb == "apply" {
        for (_, transaction) in case::transactions(&computer) {
            writer.apply(&transaction).unwrap();
        }
    } else {
        writer.undo(&Selector::All, &RunId::start()).unwrap();
    }
    println!("{GOT_THROUGH}");
    std::process::exit(0);
}

/// Real kills, on an Outlook of two accounts.
#[test]
fn killed_at_each_write_the_live_registry_is_of_one_piece_again() {
    be_the_child_if_started_as_one();
    let Some(registry) = anybodys_registry() else { return };
    let imported = Imported::below_own_key(&registry, &case::fixtures().join("outlook/2013"));
    let place = imported.place();
    assert_eq!(case::transactions(place.computer()).len(), 1, "old or new are all there is");
    let before = place.everything();
    steps::apply_all(&place);
    let (after, store) = (place.everything(), MachineStore::of(place.computer()));
    steps::undo_all(&place, &store);
    let (mut kills, mut mixtures) = (0, 0);
    for verb in ["apply", "undo"] {
        for at in 0.. {
            let label = format!("{verb} killed before write {at}");
            if verb == "undo" {
                steps::apply_all(&place);
            }
            let was_killed = killed(&place, verb, at);
            let left = place.everything();
            mixtures += usize::from(left != before && left != after);
            for (name, value) in &left.1 {
                let known = [&before, &after].map(|stage| stage.1.get(name));
                assert!(known.contains(&Some(value)), "{label}: {name:?} is neither old nor new");
            }
            steps::recover(&place, &store);
            let now = place.everything();
            assert!(now == before || now == after, "{label}: a mixture is left");
            assert!(was_killed || (now == after) == (verb == "apply"), "{label}");
            steps::undo_all(&place, &store);
            assert_eq!(place.everything(), before, "{label}");
            if !was_killed {
                break;
            }
            kills += 1;
        }
    }
    println!("killed {kills} times, {mixtures} times in between values");
    assert!(kills >= 12 && mixtures >= 2, "{kills} kills, {mixtures} in between values");
}
