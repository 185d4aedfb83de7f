//! The steps of the contract of mail client adapters, for whatever keeps a client's settings: files and exported
//! registries in a home folder, or the live registry of Windows. What each step proves is asserted in it; the
//! number that some return is how often it had something to prove.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test program uses its own part, and may panic"
)]

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};

use port26::account::{Account, AuthSetting, ClientId, SubmissionServer, TlsMode};
use port26::apply::{
    AccountFate, ApplyError, Machine, MachineStore, Receipt, RunId, Selector, Store, StoreError, Transaction, Writer,
};
use port26::change::{Change, Content, Slot};
use port26::clients::{InUse, MailClient};
use port26::formats::open::{AllEditors, Editors};
use port26_platform::computer::Computer;
use port26_platform::files::{Appender, FileError};
use port26_platform::registry::{Value, ValueWrite};
use port26_platform::scripts::{App, NewValue, ObjectKey, ObjectWrite, PropertySet};
use serde_json::Value as Json;

use super::case::{self, Case, SCRIPTED};

/// A user's settings that may be moved and put back.
pub trait Place {
    /// Whatever of them could change, to be compared.
    type Everything: PartialEq + Debug;
    fn name(&self) -> &str;
    fn computer(&self) -> &Computer;
    fn state(&self) -> &Path;
    fn everything(&self) -> Self::Everything;
    /// What another program would do to a value of the registry, without a journal.
    fn edit_value(&self, write: ValueWrite) {
        self.computer().registry.as_ref().unwrap().write(&[write]).unwrap();
    }
}

impl Place for Case {
    type Everything = std::collections::BTreeMap<PathBuf, Vec<u8>>;
    fn name(&self) -> &str {
        &self.name
    }
    fn computer(&self) -> &Computer {
        &self.computer
    }
    fn state(&self) -> &Path {
        self.state.path()
    }
    fn everything(&self) -> Self::Everything {
        self.tree()
    }
}

pub fn nobody(_: ClientId, _: &str) -> InUse {
    InUse::No
}

pub fn with_writer<T>(place: &impl Place, store: &dyn Store, act: impl FnOnce(&Writer<'_>) -> T) -> T {
    act(&Writer::new(place.state(), Machine::of(place.computer()), store, &AllEditors, &nobody))
}

type Applied = Vec<(&'static dyn MailClient, Transaction, Receipt)>;

pub fn apply_all(place: &impl Place) -> Applied {
    let store = MachineStore::of(place.computer());
    let mut receipts = Vec::new();
    for (client, transaction) in case::transactions(place.computer()) {
        let receipt = with_writer(place, &store, |writer| writer.apply(&transaction))
            .unwrap_or_else(|error| panic!("{}: {error}", place.name()));
        receipts.push((client, transaction, receipt));
    }
    receipts
}

pub fn looking_writes_nothing(place: &impl Place) {
    let before = place.everything();
    for (client, accounts) in case::movable(place.computer()) {
        for account in accounts {
            let changes = client.changes(&account, &account.outgoing);
            assert_eq!(changes.as_deref(), Ok(&[] as &[Change]), "{}: {}", place.name(), account.id);
        }
    }
    assert_eq!(before, place.everything(), "{}: looking changed something", place.name());
}

/// Apply reaches the target, a second plan is empty, and undo restores everything. The number of accounts.
pub fn there_and_back(place: &impl Place) -> usize {
    let (before, name) = (place.everything(), place.name());
    let receipts = apply_all(place);
    let mut moved = 0;
    for (client, transaction, _) in &receipts {
        for change in &transaction.accounts {
            let now = case::account(place.computer(), *client, &change.account_id);
            let label = format!("{name}: {}", change.account_id);
            let (port, tls) = (now.outgoing.port, now.outgoing.tls);
            assert!(
                matches!((port, tls), (26, TlsMode::Starttls) | (465, TlsMode::Implicit)),
                "{label}: {port}, {tls:?}"
            );
            assert_eq!(port, change.after.port, "{label}");
            assert!(!now.outgoing.port_is_default, "{label}");
            assert_eq!(now.outgoing.host, change.after.host, "{label}");
            assert_eq!(now.outgoing.auth, AuthSetting::Password, "{label}");
            let again = client.changes(&now, &change.after);
            assert_eq!(again.as_deref(), Ok(&[] as &[Change]), "{label}: second plan");
            assert!(now.used, "{label}");
            moved += 1;
        }
    }
    if receipts.is_empty() {
        return 0;
    }
    assert_ne!(before, place.everything(), "{name}: nothing was written");
    let store = MachineStore::of(place.computer());
    let undone = with_writer(place, &store, |writer| writer.undo(&Selector::Last, &RunId::start())).expect("undo runs");
    assert_eq!(undone.len(), receipts.len(), "{name}");
    for one in &undone {
        assert!(one.error.is_none(), "{name}: {:?}", one.error);
        assert!(one.accounts.iter().all(|account| account.fate == AccountFate::Restored), "{name}");
    }
    assert_eq!(before, place.everything(), "{name}: undo must restore every byte");
    moved
}

/// What becomes of the writes after the one that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Later {
    /// They are made: a full disk, a lock.
    Made,
    /// Nothing is written any more, as if the process had been killed.
    Lost,
}

/// A store whose nth write fails, the lines of journals and each value of a registry among them: before it has any
/// effect, or after it.
struct FailsAt<'a> {
    inner: &'a MachineStore,
    nth: usize,
    after: bool,
    later: Later,
    count: AtomicUsize,
}

impl<'a> FailsAt<'a> {
    fn new(inner: &'a MachineStore, nth: usize, after: bool, later: Later) -> Self {
        Self { inner, nth, after, later, count: AtomicUsize::new(0) }
    }

    fn write<E>(&self, error: E, act: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let at = self.count.fetch_add(1, Ordering::SeqCst);
        let now = at == self.nth;
        if (now && !self.after) || (at > self.nth && self.later == Later::Lost) {
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
    fn clean_up(&self, path: &Path, temp: &str, ours: &dyn Fn(&[u8]) -> bool) -> Result<(), StoreError> {
        self.inner.clean_up(path, temp, ours)
    }
    fn read_value(&self, key: &str, value: &str) -> Result<Option<Value>, StoreError> {
        self.inner.read_value(key, value)
    }
    fn write_values(&self, writes: &[ValueWrite]) -> Result<(), StoreError> {
        let one =
            |write| self.write(full(Path::new("HKCU")).into(), || self.inner.write_values(slice::from_ref(write)));
        writes.iter().try_for_each(one)
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

/// The file that a change ends up in.
pub fn file_of(change: &Change) -> PathBuf {
    match &change.slot {
        Slot::Setting { file, .. } => file.clone(),
        Slot::Script { .. } => PathBuf::from(SCRIPTED),
        _ => PathBuf::from("user.reg"),
    }
}

/// The transaction with the most writes.
fn largest(place: &impl Place) -> Option<Transaction> {
    let files = |one: &Transaction| -> usize {
        let changes = one.accounts.iter().flat_map(|part| &part.changes);
        changes.map(file_of).collect::<BTreeSet<PathBuf>>().len()
    };
    let transactions = case::transactions(place.computer()).into_iter().map(|(_, transaction)| transaction);
    transactions.max_by_key(files)
}

fn moments() -> impl Iterator<Item = (usize, bool)> {
    (0..).flat_map(|nth| [(nth, false), (nth, true)])
}

/// The number of failures.
pub fn apply_that_fails_at_each_write<P: Place>(fresh: impl Fn() -> P) -> usize {
    let mut failures = 0;
    for (nth, after) in moments() {
        let place = fresh();
        let inner = MachineStore::of(place.computer());
        let before = place.everything();
        let Some(transaction) = largest(&place) else { break };
        let label = format!("{}: write {nth} failed, after its effect: {after}", place.name());
        let store = FailsAt::new(&inner, nth, after, Later::Made);
        let result = with_writer(&place, &store, |writer| writer.apply(&transaction));
        if !store.has_failed() {
            undo_all(&place, &inner);
            break;
        }
        failures += 1;
        assert!(result.is_err(), "{label}");
        assert_eq!(before, place.everything(), "{label} and left a mixture");
        recover(&place, &inner);
        assert_eq!(before, place.everything(), "{label}");
        with_writer(&place, &inner, |writer| {
            writer.apply(&transaction).unwrap_or_else(|error| panic!("{label}; again: {error}"));
        });
        undo_all(&place, &inner);
        assert_eq!(before, place.everything(), "{label}");
    }
    failures
}

/// The number of failures.
pub fn undo_that_fails_at_each_write<P: Place>(fresh: impl Fn() -> P) -> usize {
    let mut failures = 0;
    for (nth, after) in moments() {
        let place = fresh();
        let inner = MachineStore::of(place.computer());
        let before = place.everything();
        let receipts = apply_all(&place);
        let Some((_, _, receipt)) = receipts.last() else { break };
        let applied = place.everything();
        let label = format!("{}: write {nth} of undo failed, after its effect: {after}", place.name());
        let store = FailsAt::new(&inner, nth, after, Later::Made);
        let selector = Selector::One(receipt.id.clone());
        let undone = with_writer(&place, &store, |writer| writer.undo(&selector, &RunId::start())).unwrap();
        if !store.has_failed() {
            undo_all(&place, &inner);
            break;
        }
        failures += 1;
        // The last line of all is not needed: the journal of the undo says the same.
        if undone[0].error.is_some() {
            assert_eq!(applied, place.everything(), "{label} and left a mixture");
        }
        // Where the journal of the undo says that it was begun, this start has completed it.
        recover(&place, &inner);
        undo_all(&place, &inner);
        assert_eq!(before, place.everything(), "{label}");
    }
    failures
}

/// From some write of a move on, and then of its undo, nothing is written any more; a fresh writer puts it right: the
/// old settings or the new ones, whole. The number of ends.
pub fn ended_at_each_write<P: Place>(fresh: impl Fn() -> P) -> usize {
    let mut ends = 0;
    for verb in ["apply", "undo"] {
        for nth in 0.. {
            let place = fresh();
            let inner = MachineStore::of(place.computer());
            let before = place.everything();
            let Some(transaction) = largest(&place) else { break };
            let label = format!("{}: {verb} ended before write {nth}", place.name());
            with_writer(&place, &inner, |writer| writer.apply(&transaction)).unwrap();
            let applied = place.everything();
            let store = FailsAt::new(&inner, nth, false, Later::Lost);
            if verb == "apply" {
                undo_all(&place, &inner);
                let _ = with_writer(&place, &store, |writer| writer.apply(&transaction));
            } else {
                let _ = with_writer(&place, &store, |writer| writer.undo(&Selector::Last, &RunId::start()));
            }
            recover(&place, &inner);
            let now = place.everything();
            assert!(now == before || now == applied, "{label}: a mixture is left");
            undo_all(&place, &inner);
            assert_eq!(before, place.everything(), "{label}");
            if !store.has_failed() {
                break;
            }
            ends += 1;
        }
    }
    ends
}

/// A start of the program after an interrupted one: everything that was begun is put right.
#[track_caller]
pub fn recover(place: &impl Place, store: &dyn Store) {
    let recovery = with_writer(place, store, |writer| writer.recover()).unwrap();
    assert!(recovery.unreadable.is_empty(), "{}: {:?}", place.name(), recovery.unreadable);
}

#[track_caller]
pub fn undo_all(place: &impl Place, store: &dyn Store) {
    let undone = with_writer(place, store, |writer| writer.undo(&Selector::All, &RunId::start())).unwrap();
    assert!(undone.iter().all(|one| one.error.is_none()), "{}: {undone:?}", place.name());
}

/// Another program writes a further port: after each transaction, which undo leaves alone, and between its plan and
/// its writing, which is then not done. The number of conflicts; where a client cannot be set to that, there is none.
pub fn foreign_edits<P: Place>(fresh: impl Fn() -> P) -> usize {
    let count = case::transactions(fresh().computer()).len();
    let after = (0..count).filter(|&nth| is_left_alone(&fresh(), nth)).count();
    after + (0..count).filter(|&nth| is_not_overwritten(&fresh(), nth)).count()
}

/// The edits that another program makes to an account.
fn foreign(client: &dyn MailClient, account: &Account) -> Option<Vec<Change>> {
    let elsewhere = SubmissionServer { port: 2600, port_is_default: false, ..account.outgoing.clone() };
    client.changes(account, &elsewhere).ok()
}

fn is_left_alone(place: &impl Place, nth: usize) -> bool {
    let receipts = apply_all(place);
    let (client, transaction, receipt) = &receipts[nth];
    let id = transaction.accounts[0].account_id.clone();
    let mine = case::account(place.computer(), *client, &id);
    let Some(edits) = foreign(*client, &mine) else { return false };
    let touched =
        |edit: &Change| transaction.accounts.iter().flat_map(|one| &one.changes).any(|own| own.slot == edit.slot);
    // Where the port stood already and only counted for nothing, the move touched another setting.
    if !edits.iter().any(touched) {
        return false;
    }
    for edit in &edits {
        edit_by_hand(place, edit);
    }
    let name = place.name();
    assert_eq!(case::account(place.computer(), *client, &id).outgoing.port, 2600, "{name}");
    let store = MachineStore::of(place.computer());
    let selector = Selector::One(receipt.id.clone());
    let undone = with_writer(place, &store, |writer| writer.undo(&selector, &RunId::start())).expect("undo runs");
    let fate = undone[0].accounts.iter().find(|account| account.account.account_id == id).expect("it is told of");
    assert!(matches!(fate.fate, AccountFate::Conflict { .. }), "{name}: {:?}", fate.fate);
    for edit in &edits {
        assert_eq!(content_of(place, &edit.slot), edit.after, "{name}: the edit must stay");
    }
    true
}

fn is_not_overwritten(place: &impl Place, nth: usize) -> bool {
    let (client, transaction) = case::transactions(place.computer()).swap_remove(nth);
    let account = case::account(place.computer(), client, &transaction.accounts[0].account_id);
    let Some(edits) = foreign(client, &account) else { return false };
    for edit in &edits {
        edit_by_hand(place, edit);
    }
    let (now, store) = (place.everything(), MachineStore::of(place.computer()));
    let result = with_writer(place, &store, |writer| writer.apply(&transaction));
    assert!(matches!(result, Err(ApplyError::Changed { .. })), "{}: {result:?}", place.name());
    assert_eq!(now, place.everything(), "{}: the edit was written over", place.name());
    true
}

/// What is written there now.
fn content_of(place: &impl Place, slot: &Slot) -> Option<Content> {
    match slot {
        Slot::Setting { file, format, name } => {
            let document = AllEditors.open(*format, &std::fs::read(file).unwrap()).unwrap();
            document.get(name).unwrap().map(Content::Raw)
        }
        Slot::Registry { key, value } => {
            place.computer().registry.as_ref().unwrap().value(key, value).unwrap().map(Content::Registry)
        }
        Slot::Script { app, object, property } => {
            // The undo may have put back the very user name that the object was known by.
            let mut object = object.clone();
            object.keys.values_mut().for_each(|values| values.push(None));
            let values = MachineStore::of(place.computer()).read_properties(app, &[(&object, property)]).unwrap();
            values[0].as_ref().map(|value| Content::Raw(value.to_string()))
        }
        other => panic!("{}: {other:?}", place.name()),
    }
}

/// What another program would do: write the setting without a journal.
fn edit_by_hand(place: &impl Place, change: &Change) {
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
            place.edit_value(ValueWrite { key: key.clone(), value: value.clone(), content });
        }
        (Slot::Script { app, object, property }, after) => {
            let json = |content: &Option<Content>| match content {
                Some(Content::Raw(raw)) => serde_json::from_str(raw).unwrap(),
                _ => Json::Null,
            };
            let (expect, value) = (json(&change.before), NewValue::Open(json(after)));
            let set = vec![PropertySet { property: property.clone(), expect, value }];
            let write = ObjectWrite { object: object.clone(), set };
            place.computer().scripts.write(app, &[write]).unwrap();
        }
        (slot, _) => panic!("{}: {slot:?}", place.name()),
    }
}
