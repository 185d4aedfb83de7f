//! The one contract that every mail client adapter passes, on every fixture: discovery writes nothing;
//! planning the present settings is empty; apply reaches the target; a second plan is empty; undo restores
//! every byte; a failure at each write leaves old or new; a foreign edit is a conflict; garbage is a problem.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic")]

#[path = "support/case.rs"]
mod case;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use port26::account::{AuthSetting, SubmissionServer, TlsMode};
use port26::apply::{
    AccountFate, Machine, MachineStore, Receipt, RunId, Selector, Store, StoreError, Transaction, Writer,
};
use port26::change::{Change, Content, Slot};
use port26::clients::{CLIENTS, InUse, MailClient};
use port26::formats::open::{AllEditors, Editors};
use port26_platform::registry::{Value, ValueWrite};

use case::{Case, fixtures};

/// Every fixture: a home folder as a client leaves it. Which system it is of is told by its folders.
fn cases() -> Vec<PathBuf> {
    let folders = |at: &Path| -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
        found.sort();
        found
    };
    let cases: Vec<PathBuf> = folders(&fixtures()).iter().flat_map(|client| folders(client)).collect();
    assert!(cases.len() >= 12, "fixtures are missing: {cases:?}");
    cases
}

fn nobody(_: port26::account::ClientId, _: &str) -> InUse {
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

#[test]
fn every_client_that_is_written_has_a_fixture() {
    let mut seen: Vec<String> = Vec::new();
    for fixture in cases() {
        let case = Case::copy(&fixture);
        seen.extend(case.transactions().iter().map(|(client, _)| format!("{:?}", client.id())));
    }
    for client in
        ["Thunderbird", "ClawsMail", "Outlook", "OutlookExpress", "WindowsMail", "WindowsLiveMail", "AppleMail"]
    {
        assert!(seen.iter().any(|name| name == client), "no fixture moves an account of {client}");
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

/// A store whose nth write fails, before it has any effect.
struct FailsAt<'a> {
    inner: &'a MachineStore,
    nth: usize,
    count: AtomicUsize,
}

impl FailsAt<'_> {
    fn tick(&self) -> Result<(), StoreError> {
        if self.count.fetch_add(1, Ordering::SeqCst) == self.nth {
            return Err(StoreError::NoRegistry { key: "a write that fails on purpose".to_owned() });
        }
        Ok(())
    }
}

impl Store for FailsAt<'_> {
    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read_file(path)
    }
    fn replace_file(&self, path: &Path, old: &[u8], new: &[u8], temp: &str) -> Result<(), StoreError> {
        self.tick()?;
        self.inner.replace_file(path, old, new, temp)
    }
    fn clean_up(&self, path: &Path, temp: &str) -> Result<(), StoreError> {
        self.inner.clean_up(path, temp)
    }
    fn read_value(&self, key: &str, value: &str) -> Result<Option<Value>, StoreError> {
        self.inner.read_value(key, value)
    }
    fn write_values(&self, writes: &[ValueWrite]) -> Result<(), StoreError> {
        self.tick()?;
        self.inner.write_values(writes)
    }
    fn registry_file(&self) -> Option<PathBuf> {
        self.inner.registry_file()
    }
}

#[test]
fn a_failure_at_any_write_leaves_the_old_settings() {
    let mut failures = 0;
    for fixture in cases() {
        for nth in 0..8 {
            let case = Case::copy(&fixture);
            let inner = MachineStore::of(&case.host);
            let before = case.tree();
            let transactions = case.transactions();
            let Some((_, transaction)) = transactions.first() else { break };
            let store = FailsAt { inner: &inner, nth, count: AtomicUsize::new(0) };
            match with_writer(&case, &store, |writer| writer.apply(transaction)) {
                Ok(_) => break,
                Err(_) => {
                    failures += 1;
                    assert_eq!(before, case.tree(), "{}: write {nth} failed and left a mixture", case.name);
                }
            }
        }
    }
    assert!(failures >= 8, "only {failures} failures were tried");
}

#[test]
fn somebody_elses_edit_is_a_conflict_and_is_left_alone() {
    let mut conflicts = 0;
    for fixture in cases() {
        let case = Case::copy(&fixture);
        let receipts = apply_all(&case);
        let Some((client, transaction, receipt)) = receipts.last() else { continue };
        let Some(change) = transaction.accounts[0].changes.iter().find(|change| change.after.is_some()) else {
            continue;
        };
        let id = transaction.accounts[0].account_id.clone();
        let mine = case.account(*client, &id);
        let elsewhere = SubmissionServer { port: 2600, ..mine.outgoing.clone() };
        let Ok(foreign) = client.changes(&mine, &elsewhere) else { continue };
        for edit in &foreign {
            edit_by_hand(&case, edit);
        }
        assert_eq!(case.account(*client, &id).outgoing.port, 2600, "{}: {change:?}", case.name);
        let store = MachineStore::of(&case.host);
        let undone =
            with_writer(&case, &store, |writer| writer.undo(&Selector::One(receipt.id.clone()), &RunId::start()))
                .expect("undo runs");
        let fate = undone[0].accounts.iter().find(|account| account.account.account_id == id).expect("it is told of");
        assert!(matches!(fate.fate, AccountFate::Conflict { .. }), "{}: {:?}", case.name, fate.fate);
        for edit in &foreign {
            assert_eq!(content_of(&case, &edit.slot), edit.after, "{}: the edit must stay", case.name);
        }
        conflicts += 1;
    }
    assert!(conflicts >= 7, "only {conflicts} conflicts were tried");
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
        (slot, _) => panic!("{}: {slot:?}", case.name),
    }
}

#[test]
fn garbage_is_a_reported_problem_and_never_a_plan() {
    for fixture in cases() {
        let case = Case::copy(&fixture);
        let files: Vec<PathBuf> = case
            .transactions()
            .iter()
            .flat_map(|(_, transaction)| &transaction.accounts)
            .flat_map(|account| &account.changes)
            .filter_map(|change| match &change.slot {
                Slot::Setting { file, .. } => Some(file.clone()),
                _ => None,
            })
            .collect();
        for file in &files {
            std::fs::write(file, b"\x00\xff\xfe<garbage \"not a mail client's file").unwrap();
        }
        if files.is_empty() {
            continue;
        }
        let before = case.tree();
        let mut told = 0;
        for client in CLIENTS {
            match client.detect(&case.host) {
                Err(_) => told += 1,
                Ok(None) => {}
                Ok(Some(installation)) => told += client.accounts(&case.host, &installation).problems.len(),
            }
        }
        assert!(told > 0, "{}: garbage was not reported", case.name);
        assert!(case.transactions().is_empty(), "{}: a plan was made from garbage", case.name);
        assert_eq!(before, case.tree(), "{}", case.name);
    }
}

/// Files as a full disk, a bad sector or a hurried hand leaves them. Whatever is still planned must be exact.
#[test]
fn damaged_files_never_lead_to_a_change_that_cannot_be_undone() {
    let mut planned = 0;
    for fixture in cases() {
        let names: Vec<PathBuf> = Case::copy(&fixture).tree().into_keys().collect();
        for name in names {
            for damage in 0..DAMAGES {
                let case = Case::copy(&fixture);
                let file = case.home.path().join(&name);
                std::fs::write(&file, damaged(&std::fs::read(&file).unwrap(), damage)).unwrap();
                // A registry that cannot be read is an error before there is a host.
                let Some(host) = case::try_host_of(case.home.path()) else { continue };
                let before = case.tree();
                let store = MachineStore::of(&host);
                let act = |act: &dyn Fn(&Writer<'_>)| {
                    act(&Writer::new(case.state.path(), Machine::of(&host), &store, &AllEditors, &nobody));
                };
                for (_, transaction) in case::transactions(&host) {
                    planned += 1;
                    act(&|writer| {
                        // An error is fine as long as nothing was written.
                        if writer.apply(&transaction).is_err() {
                            assert_eq!(before, case.tree(), "{}: {}, damage {damage}", case.name, name.display());
                        }
                    });
                    act(&|writer| drop(writer.undo(&Selector::All, &RunId::start()).unwrap()));
                    assert_eq!(before, case.tree(), "{}: {}, damage {damage}", case.name, name.display());
                }
            }
        }
    }
    assert!(planned > 100, "only {planned} plans were made: this proves little");
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
