//! The one contract that every mail client adapter passes, on every fixture: discovery writes nothing;
//! planning the present settings is empty; apply reaches the target; a second plan is empty; undo restores
//! every byte, mode and owner; a failure at each write leaves old or new; a foreign edit is a conflict; garbage is
//! a problem. A fixture that nothing here makes use of is a failure, and so is a client without fixtures.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic")]

#[path = "support/case.rs"]
mod case;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use port26::account::{AuthSetting, ClientId, SubmissionServer, TlsMode};
use port26::apply::{
    AccountFate, Machine, MachineStore, Receipt, RunId, Selector, Store, StoreError, Transaction, Writer,
};
use port26::change::{Change, Content, Slot};
use port26::clients::explained::ALL;
use port26::clients::{CLIENTS, InUse, MailClient};
use port26::formats::open::{AllEditors, Editors};
use port26_platform::files::{Appender, FileError, READ_LIMIT};
use port26_platform::host::Os;
use port26_platform::registry::{RegFile, Value, ValueWrite};
use port26_platform::scripts::{App, NewValue, ObjectKey, ObjectWrite, PropertySet};
use proptest::prelude::*;
use serde_json::Value as Json;

use case::{Case, SCRIPTED, fixtures};

/// Every fixture: a home folder as a client leaves it. Which system it is of is told by its folders.
fn cases() -> Vec<PathBuf> {
    let folders = |at: &Path| -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
        found.sort();
        found
    };
    folders(&fixtures()).iter().flat_map(|client| folders(client)).collect()
}

fn nobody(_: ClientId, _: &str) -> InUse {
    InUse::No
}

fn with_writer<T>(case: &Case, store: &dyn Store, act: impl FnOnce(&Writer<'_>) -> T) -> T {
    act(&Writer::new(case.state.path(), Machine::of(&case.host), store, &AllEditors, &nobody))
}

fn apply_all(case: &Case) -> Vec<(&'static dyn MailClient, Transaction, Receipt)> {
    let store = MachineStore::of(&case.host);
    let mut receipts = Vec::new();
    for (client, transaction) in case.transactions() {
        let receipt = with_writer(case, &store, |writer| writer.apply(&transaction))
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        receipts.push((client, transaction, receipt));
    }
    receipts
}

/// Fixtures in which there is nothing to move, and why.
const NOTHING_MOVES: [(&str, &str); 4] = [
    ("apple_mail/icloud", "the accounts are Apple's"),
    ("apple_mail/modern", "the accounts are in the system's database"),
    ("mailmate/submission", "explained, not written"),
    ("thunderbird/linux-user-js", "user.js wins over what would be written"),
];

#[test]
fn every_fixture_is_used_and_every_client_that_is_written_has_several() {
    let mut seen: BTreeMap<ClientId, (usize, usize)> = BTreeMap::new();
    let mut idle = Vec::new();
    for fixture in cases() {
        let case = Case::copy(&fixture);
        let moved: BTreeSet<ClientId> = case.transactions().iter().map(|(client, _)| client.id()).collect();
        let mut found = 0;
        for client in CLIENTS {
            let Ok(Some(installation)) = client.detect(&case.host) else { continue };
            found += 1;
            let has_accounts = !client.accounts(&case.host, &installation).accounts.is_empty();
            let (layouts, movable) = seen.entry(client.id()).or_default();
            *layouts += usize::from(has_accounts);
            *movable += usize::from(moved.contains(&client.id()));
        }
        assert!(found > 0, "{}: no client is found in it", case.name);
        if moved.is_empty() {
            idle.push(case.name);
        }
    }
    assert_eq!(idle, NOTHING_MOVES.map(|(case, _)| case.replace('/', std::path::MAIN_SEPARATOR_STR)));
    let explained: Vec<ClientId> = ALL.iter().map(|client| client.id()).collect();
    for client in CLIENTS.iter().map(|client| client.id()).filter(|id| !explained.contains(id)) {
        let (layouts, movable) = seen.get(&client).copied().unwrap_or_default();
        assert!(layouts >= 2 && movable >= 1, "{client:?}: {layouts} layouts, {movable} that move");
    }
}

#[test]
fn discovery_writes_nothing_and_the_present_settings_need_no_change() {
    for fixture in cases() {
        let case = Case::copy(&fixture);
        let before = case.tree();
        for (client, accounts) in case.movable() {
            for account in accounts {
                let changes = client.changes(&account, &account.outgoing);
                assert_eq!(changes.as_deref(), Ok(&[] as &[Change]), "{}: {}", case.name, account.id);
            }
        }
        assert_eq!(before, case.tree(), "{}: looking changed something", case.name);
    }
}

#[test]
fn apply_reaches_the_target_once_and_undo_restores_every_byte() {
    for fixture in cases() {
        let case = Case::copy(&fixture);
        let before = case.tree();
        let receipts = apply_all(&case);
        for (client, transaction, _) in &receipts {
            for change in &transaction.accounts {
                let now = case.account(*client, &change.account_id);
                let label = format!("{}: {}", case.name, change.account_id);
                assert_eq!(now.outgoing.port, 26, "{label}");
                assert!(!now.outgoing.port_is_default, "{label}");
                assert_eq!(now.outgoing.host, change.after.host, "{label}");
                assert_eq!(now.outgoing.tls, TlsMode::Starttls, "{label}");
                assert_eq!(now.outgoing.auth, AuthSetting::Password, "{label}");
                assert_eq!(
                    client.changes(&now, &change.after).as_deref(),
                    Ok(&[] as &[Change]),
                    "{label}: second plan"
                );
                assert!(now.used, "{label}");
            }
        }
        if receipts.is_empty() {
            continue;
        }
        assert_ne!(before, case.tree(), "{}: nothing was written", case.name);
        let store = MachineStore::of(&case.host);
        let undone =
            with_writer(&case, &store, |writer| writer.undo(&Selector::Last, &RunId::start())).expect("undo runs");
        assert_eq!(undone.len(), receipts.len(), "{}", case.name);
        for one in &undone {
            assert!(one.error.is_none(), "{}: {:?}", case.name, one.error);
            assert!(one.accounts.iter().all(|account| account.fate == AccountFate::Restored), "{}", case.name);
        }
        assert_eq!(before, case.tree(), "{}: undo must restore every byte", case.name);
    }
}

/// A store whose nth write fails, the lines of journals among them: before it has any effect, or after it.
struct FailsAt<'a> {
    inner: &'a MachineStore,
    nth: usize,
    after: bool,
    count: AtomicUsize,
}

impl<'a> FailsAt<'a> {
    fn new(inner: &'a MachineStore, nth: usize, after: bool) -> Self {
        Self { inner, nth, after, count: AtomicUsize::new(0) }
    }

    fn write<E>(&self, error: E, act: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let now = self.count.fetch_add(1, Ordering::SeqCst) == self.nth;
        if now && !self.after {
            return Err(error);
        }
        act()?;
        if now { Err(error) } else { Ok(()) }
    }

    /// Were there that many writes?
    fn has_failed(&self) -> bool {
        self.count.load(Ordering::SeqCst) > self.nth
    }
}

fn full(path: &Path) -> FileError {
    let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
    FileError::Io { doing: "writing", path: path.to_owned(), source }
}

impl Store for FailsAt<'_> {
    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read_file(path)
    }
    fn replace_file(&self, path: &Path, old: &[u8], new: &[u8], temp: &str) -> Result<(), StoreError> {
        self.write(full(path).into(), || self.inner.replace_file(path, old, new, temp))
    }
    fn clean_up(&self, path: &Path, temp: &str) -> Result<(), StoreError> {
        self.inner.clean_up(path, temp)
    }
    fn read_value(&self, key: &str, value: &str) -> Result<Option<Value>, StoreError> {
        self.inner.read_value(key, value)
    }
    fn write_values(&self, writes: &[ValueWrite]) -> Result<(), StoreError> {
        self.write(full(Path::new("HKCU")).into(), || self.inner.write_values(writes))
    }
    fn read_properties(&self, app: &App, wanted: &[(&ObjectKey, &str)]) -> Result<Vec<Option<Json>>, StoreError> {
        self.inner.read_properties(app, wanted)
    }
    fn write_properties(&self, app: &App, writes: &[ObjectWrite]) -> Result<(), StoreError> {
        self.write(full(Path::new(SCRIPTED)).into(), || self.inner.write_properties(app, writes))
    }
    fn registry_file(&self) -> Option<PathBuf> {
        self.inner.registry_file()
    }
    fn append(&self, journal: &mut Appender, line: &[u8]) -> Result<(), FileError> {
        self.write(full(journal.path()), || self.inner.append(journal, line))
    }
}

#[test]
fn a_failure_at_any_write_leaves_the_old_settings() {
    let mut failures = 0;
    for fixture in cases() {
        for (nth, after) in (0..).flat_map(|nth| [(nth, false), (nth, true)]) {
            let case = Case::copy(&fixture);
            let inner = MachineStore::of(&case.host);
            let before = case.tree();
            let transactions = case.transactions();
            // The one with the most writes.
            let files = |one: &Transaction| one.accounts.iter().flat_map(|part| &part.changes).map(file_of).collect();
            let Some((_, transaction)) = transactions.iter().max_by_key(|(_, one)| {
                let files: BTreeSet<PathBuf> = files(one);
                files.len()
            }) else {
                break;
            };
            let label = format!("{}: write {nth} failed, after its effect: {after}", case.name);
            let store = FailsAt::new(&inner, nth, after);
            let result = with_writer(&case, &store, |writer| writer.apply(transaction));
            if !store.has_failed() {
                break;
            }
            failures += 1;
            assert!(result.is_err(), "{label}");
            assert_eq!(before, case.tree(), "{label} and left a mixture");
            with_writer(&case, &inner, |writer| {
                assert!(writer.recover().unwrap().unreadable.is_empty(), "{label}");
                assert_eq!(before, case.tree(), "{label}");
                writer.apply(transaction).unwrap_or_else(|error| panic!("{label}; again: {error}"));
                writer.undo(&Selector::All, &RunId::start()).unwrap();
            });
            assert_eq!(before, case.tree(), "{label}");
        }
    }
    assert!(failures >= 100, "only {failures} failures were tried");
}

#[test]
fn an_undo_that_fails_at_any_write_leaves_the_new_settings_and_can_be_repeated() {
    let mut failures = 0;
    for fixture in cases() {
        for (nth, after) in (0..).flat_map(|nth| [(nth, false), (nth, true)]) {
            let case = Case::copy(&fixture);
            let inner = MachineStore::of(&case.host);
            let before = case.tree();
            let receipts = apply_all(&case);
            let Some((_, _, receipt)) = receipts.last() else { break };
            let applied = case.tree();
            let label = format!("{}: write {nth} of undo failed, after its effect: {after}", case.name);
            let store = FailsAt::new(&inner, nth, after);
            let selector = Selector::One(receipt.id.clone());
            let undone = with_writer(&case, &store, |writer| writer.undo(&selector, &RunId::start())).unwrap();
            if !store.has_failed() {
                break;
            }
            failures += 1;
            // The last line of all is not needed: the journal of the undo says the same.
            if undone[0].error.is_some() {
                assert_eq!(applied, case.tree(), "{label} and left a mixture");
            }
            with_writer(&case, &inner, |writer| {
                assert!(writer.recover().unwrap().unreadable.is_empty(), "{label}");
                // Where the journal of the undo says that it was begun, this start has completed it.
                let undone = writer.undo(&Selector::All, &RunId::start()).unwrap();
                assert!(undone.iter().all(|one| one.error.is_none()), "{label}: {undone:?}");
            });
            assert_eq!(before, case.tree(), "{label}");
        }
    }
    assert!(failures >= 100, "only {failures} failures were tried");
}

/// The file that a change ends up in.
fn file_of(change: &Change) -> PathBuf {
    match &change.slot {
        Slot::Setting { file, .. } => file.clone(),
        Slot::Script { .. } => PathBuf::from(SCRIPTED),
        _ => PathBuf::from("user.reg"),
    }
}

/// Mode, owner and group of every file, where the system has a command that tells them.
fn owners(case: &Case) -> Vec<String> {
    let Ok(listed) = Command::new("ls").args(["-lnRA"]).arg(case.home.path()).output() else { return Vec::new() };
    let of_file = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (line.starts_with('-') && words.len() > 8).then(|| [words[0], words[2], words[3], words[8]].join(" "))
    };
    String::from_utf8_lossy(&listed.stdout).lines().filter_map(of_file).collect()
}

#[test]
fn mode_and_owner_stay_through_a_move_and_its_undo() {
    if Os::here() == Os::Windows {
        // Attributes and access lists: the platform's own tests.
        return;
    }
    let run = |program: &str, arguments: &[&str], at: &Path| {
        Command::new(program).args(arguments).arg(at).output().is_ok_and(|output| output.status.success())
    };
    for fixture in cases() {
        // Another user's files too, where this user may give them away.
        for owner in [None, Some("12345:12346")] {
            let case = Case::copy(&fixture);
            assert!(run("chmod", &["-R", "u=rwX,g=rX,o="], case.home.path()));
            if owner.is_some_and(|owner| !run("chown", &["-R", owner], case.home.path())) {
                continue;
            }
            let (tree, before) = (case.tree(), owners(&case));
            assert!(before.iter().all(|line| line.starts_with("-rw-r-----")) && !before.is_empty(), "{before:?}");
            assert!(owner.is_none() || before.iter().all(|line| line.contains("12345 12346")), "{before:?}");
            let receipts = apply_all(&case);
            assert_eq!(before, owners(&case), "{}: after the move", case.name);
            let store = MachineStore::of(&case.host);
            with_writer(&case, &store, |writer| writer.undo(&Selector::All, &RunId::start())).unwrap();
            assert_eq!(before, owners(&case), "{}: after the undo of {}", case.name, receipts.len());
            assert_eq!(tree, case.tree(), "{}", case.name);
        }
    }
}

#[test]
fn somebody_elses_edit_is_a_conflict_and_is_left_alone() {
    let mut conflicts = 0;
    for fixture in cases() {
        let count = Case::copy(&fixture).transactions().len();
        conflicts += (0..count).filter(|&nth| is_left_alone(&fixture, nth)).count();
    }
    assert!(conflicts >= 20, "only {conflicts} conflicts were tried");
}

/// Another program writes a further port after the nth transaction. False if the client cannot be set to that.
fn is_left_alone(fixture: &Path, nth: usize) -> bool {
    let case = Case::copy(fixture);
    let receipts = apply_all(&case);
    let (client, transaction, receipt) = &receipts[nth];
    let id = transaction.accounts[0].account_id.clone();
    let mine = case.account(*client, &id);
    let elsewhere = SubmissionServer { port: 2600, ..mine.outgoing.clone() };
    let Ok(foreign) = client.changes(&mine, &elsewhere) else { return false };
    for edit in &foreign {
        edit_by_hand(&case, edit);
    }
    assert_eq!(case.account(*client, &id).outgoing.port, 2600, "{}", case.name);
    let store = MachineStore::of(&case.host);
    let undone = with_writer(&case, &store, |writer| writer.undo(&Selector::One(receipt.id.clone()), &RunId::start()))
        .expect("undo runs");
    let fate = undone[0].accounts.iter().find(|account| account.account.account_id == id).expect("it is told of");
    assert!(matches!(fate.fate, AccountFate::Conflict { .. }), "{}: {:?}", case.name, fate.fate);
    for edit in &foreign {
        assert_eq!(content_of(&case, &edit.slot), edit.after, "{}: the edit must stay", case.name);
    }
    true
}

/// What is written there now.
fn content_of(case: &Case, slot: &Slot) -> Option<Content> {
    match slot {
        Slot::Setting { file, format, name } => {
            let document = AllEditors.open(*format, &std::fs::read(file).unwrap()).unwrap();
            document.get(name).unwrap().map(Content::Raw)
        }
        Slot::Registry { key, value } => {
            case.host.registry.as_ref().unwrap().value(key, value).unwrap().map(Content::Registry)
        }
        Slot::Script { app, object, property } => {
            // The undo may have put back the very user name that the object was known by.
            let mut object = object.clone();
            object.keys.values_mut().for_each(|values| values.push(None));
            let values = MachineStore::of(&case.host).read_properties(app, &[(&object, property)]).unwrap();
            values[0].as_ref().map(|value| Content::Raw(value.to_string()))
        }
        other => panic!("{}: {other:?}", case.name),
    }
}

/// What another program would do: write the setting without a journal.
fn edit_by_hand(case: &Case, change: &Change) {
    match (&change.slot, &change.after) {
        (Slot::Setting { file, format, name }, after) => {
            let mut document = AllEditors.open(*format, &std::fs::read(file).unwrap()).unwrap();
            match after {
                Some(Content::Raw(raw)) => document.set(name, raw).unwrap(),
                _ => document.remove(name).unwrap(),
            }
            std::fs::write(file, document.to_bytes()).unwrap();
        }
        (Slot::Registry { key, value }, after) => {
            let content = match after {
                Some(Content::Registry(value)) => Some(value.clone()),
                _ => None,
            };
            let write = ValueWrite { key: key.clone(), value: value.clone(), content };
            case.host.registry.as_ref().unwrap().write(&[write]).unwrap();
        }
        (Slot::Script { app, object, property }, after) => {
            let json = |content: &Option<Content>| match content {
                Some(Content::Raw(raw)) => serde_json::from_str(raw).unwrap(),
                _ => Json::Null,
            };
            let (expect, value) = (json(&change.before), NewValue::Open(json(after)));
            let set = vec![PropertySet { property: property.clone(), expect, value }];
            let write = ObjectWrite { object: object.clone(), set };
            case.host.scripts.write(app, &[write]).unwrap();
        }
        (slot, _) => panic!("{}: {slot:?}", case.name),
    }
}

/// What can stand in the place of a settings file.
#[derive(Debug, Clone, Copy)]
enum Garbage {
    Bytes,
    Empty,
    Zeros,
    Folder,
    /// A link that leads to itself: there is something, and nobody can read it.
    Loop,
    TooLarge,
}

fn put_garbage(file: &Path, garbage: Garbage) {
    std::fs::remove_file(file).unwrap();
    match garbage {
        Garbage::Bytes => std::fs::write(file, b"\x00\xff\xfe<garbage \"not a mail client's file").unwrap(),
        Garbage::Empty => std::fs::write(file, b"").unwrap(),
        Garbage::Zeros => std::fs::write(file, [0; 4096]).unwrap(),
        Garbage::Folder => std::fs::create_dir(file).unwrap(),
        Garbage::Loop => {
            assert!(Command::new("ln").arg("-s").arg(file).arg(file).status().unwrap().success());
        }
        Garbage::TooLarge => std::fs::File::create(file).unwrap().set_len(READ_LIMIT + 1).unwrap(),
    }
}

#[test]
fn garbage_is_a_reported_problem_and_never_a_plan() {
    let mut kinds = vec![Garbage::Bytes, Garbage::Empty, Garbage::Zeros, Garbage::Folder, Garbage::TooLarge];
    if Os::here() != Os::Windows {
        kinds.push(Garbage::Loop);
    }
    let mut tried = 0;
    for fixture in cases() {
        let files = |case: &Case| -> BTreeSet<PathBuf> {
            let transactions = case.transactions();
            let accounts = transactions.iter().flat_map(|(_, transaction)| &transaction.accounts);
            let files = accounts.flat_map(|account| &account.changes).map(file_of);
            files.map(|file| file.strip_prefix(case.home.path()).unwrap_or(&file).to_owned()).collect()
        };
        for name in files(&Case::copy(&fixture)) {
            for &garbage in &kinds {
                let case = Case::copy(&fixture);
                let label = format!("{}: {garbage:?} for {}", case.name, name.display());
                put_garbage(&case.home.path().join(&name), garbage);
                tried += 1;
                if name == Path::new("user.reg") {
                    // It is asked for by name, so it is an error before there is a host.
                    assert!(RegFile::open(case.home.path().join(&name)).is_err(), "{label}");
                    continue;
                }
                let mut told = Vec::new();
                for client in CLIENTS {
                    match client.detect(&case.host) {
                        Err(problem) => told.push(problem),
                        Ok(None) => {}
                        Ok(Some(installation)) => told.extend(client.accounts(&case.host, &installation).problems),
                    }
                }
                let leaf = name.file_name().unwrap().to_string_lossy();
                // A program that answers nonsense is named itself; its state is in a file only here.
                let named = told.iter().find(|problem| problem.at.contains(&*leaf) || leaf == SCRIPTED);
                let problem = named.unwrap_or_else(|| panic!("{label} was not reported: {told:?}"));
                assert!(!problem.message.is_empty() && !problem.hint.is_empty(), "{label}");
                assert!(!files(&case).contains(&name), "{label}: it is planned to be written");
            }
        }
    }
    assert!(tried > 60, "only {tried} were tried");
}

/// Makes and undoes every move that is still planned when a file is damaged. Whatever is planned must be exact. How
/// many moves there were.
fn moves_are_exact_with(fixture: &Path, name: &Path, bytes: &[u8]) -> usize {
    let case = Case::copy(fixture);
    let label = || format!("{}: {}", case.name, name.display());
    std::fs::write(case.home.path().join(name), bytes).unwrap();
    // A registry that cannot be read is an error before there is a host.
    let Some(host) = case::try_host_of(case.home.path()) else { return 0 };
    let before = case.tree();
    let store = MachineStore::of(&host);
    let transactions = case::transactions(&host);
    for (_, transaction) in &transactions {
        let writer = Writer::new(case.state.path(), Machine::of(&host), &store, &AllEditors, &nobody);
        // An error is fine as long as nothing was written.
        if writer.apply(transaction).is_err() {
            assert_eq!(before, case.tree(), "{}", label());
        }
        writer.undo(&Selector::All, &RunId::start()).unwrap();
        assert_eq!(before, case.tree(), "{}", label());
    }
    transactions.len()
}

/// Files as a full disk, a bad sector or a hurried hand leaves them.
#[test]
fn damaged_files_never_lead_to_a_change_that_cannot_be_undone() {
    let mut planned = 0;
    for fixture in cases() {
        for (name, bytes) in Case::copy(&fixture).tree() {
            for damage in 0..DAMAGES {
                planned += moves_are_exact_with(&fixture, &name, &damaged(&bytes, damage));
            }
        }
    }
    assert!(planned > 100, "only {planned} plans were made: this proves little");
}

static EVERY_FILE: LazyLock<Vec<(PathBuf, PathBuf, Vec<u8>)>> = LazyLock::new(|| {
    let files = |fixture: PathBuf| {
        let tree = Case::copy(&fixture).tree();
        tree.into_iter().map(move |(name, bytes)| (fixture.clone(), name, bytes))
    };
    cases().into_iter().flat_map(files).collect()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_damage_never_leads_to_a_change_that_cannot_be_undone(
        which in any::<prop::sample::Index>(),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6),
    ) {
        let (fixture, name, bytes) = &EVERY_FILE[which.index(EVERY_FILE.len())];
        let mut bytes = bytes.clone();
        for (at, byte, kind) in hits {
            let at = at.index(bytes.len() + 1);
            match kind {
                0 => bytes.insert(at, byte),
                1 => bytes.truncate(at.max(bytes.len() / 2)),
                2 if at < bytes.len() => drop(bytes.remove(at)),
                _ if at < bytes.len() => bytes[at] = byte,
                _ => bytes.push(byte),
            }
        }
        moves_are_exact_with(fixture, name, &bytes);
    }
}

const DAMAGES: usize = 12;

/// The n-th way to damage a file: cut off, emptied, a byte changed, a piece taken out or written twice.
fn damaged(bytes: &[u8], damage: usize) -> Vec<u8> {
    let (len, part) = (bytes.len(), bytes.len() * (damage % 4 + 1) / 5);
    let mut bytes = bytes.to_vec();
    match damage {
        0..4 => bytes.truncate(if damage == 0 { 0 } else { part }),
        4..8 if len > 0 => bytes[part] ^= 0x21,
        8..10 => drop(bytes.drain(part..(part + 7).min(len))),
        _ => {
            let piece = bytes[part..(part + 40).min(len)].to_vec();
            bytes.splice(part..part, piece);
        }
    }
    bytes
}
