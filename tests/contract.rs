//! The one contract that every mail client adapter passes, on every fixture: discovery writes nothing;
//! planning the present settings is empty; apply reaches the target; a second plan is empty; undo restores
//! every byte; a failure at each write leaves old or new; a foreign edit is a conflict; garbage is a problem.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use port26::account::{Account, AuthSetting, CredentialSource, SubmissionServer, TlsMode};
use port26::apply::{
    AccountChange, AccountFate, Machine, MachineStore, Receipt, RunId, Selector, Store, StoreError, Transaction, Writer,
};
use port26::change::{Change, Content, Slot};
use port26::clients::{CLIENTS, InUse, MailClient};
use port26::formats::open::{AllEditors, Editors};
use port26_platform::host::{Host, Os};
use port26_platform::registry::{RegFile, Registry, Value, ValueWrite};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

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

/// A fixture copied to a folder of its own, as a host.
struct Case {
    name: String,
    home: tempfile::TempDir,
    state: tempfile::TempDir,
    host: Host,
}

impl Case {
    fn copy(fixture: &Path) -> Self {
        let home = tempfile::tempdir().unwrap();
        copy_tree(fixture, home.path());
        let os = if home.path().join("AppData").is_dir() || home.path().join("user.reg").is_file() {
            Os::Windows
        } else if home.path().join("Library").is_dir() {
            Os::Macos
        } else {
            Os::Linux
        };
        let file = home.path().join("user.reg");
        let registry: Option<Arc<dyn Registry>> =
            file.is_file().then(|| Arc::new(RegFile::open(&file).unwrap()) as Arc<dyn Registry>);
        let host = Host::folder(home.path(), os, registry);
        let name = fixture.strip_prefix(fixtures()).unwrap().display().to_string();
        Self { name, home, state: tempfile::tempdir().unwrap(), host }
    }

    fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut tree = BTreeMap::new();
        read_tree(self.home.path(), &mut tree);
        tree
    }

    /// Every client with its accounts that can be moved.
    fn movable(&self) -> Vec<(&'static dyn MailClient, Vec<Account>)> {
        CLIENTS
            .iter()
            .filter_map(|client| {
                let installation = client.detect(&self.host).ok().flatten()?;
                let mut accounts = client.accounts(&self.host, &installation).accounts;
                accounts.retain(|account| account.used && account.not_ours.is_none());
                (!accounts.is_empty()).then_some((*client, accounts))
            })
            .collect()
    }

    fn account(&self, client: &dyn MailClient, id: &str) -> Account {
        let installation = client.detect(&self.host).unwrap().unwrap();
        let found = client.accounts(&self.host, &installation).accounts;
        found.into_iter().find(|account| account.id == id).unwrap_or_else(|| panic!("{}: {id} is gone", self.name))
    }

    /// One transaction a profile, as the pipeline makes them; accounts that cannot be set to port 26 are left out.
    fn transactions(&self) -> Vec<(&'static dyn MailClient, Transaction)> {
        let run = RunId::start();
        let mut transactions: Vec<(&'static dyn MailClient, Transaction)> = Vec::new();
        for (client, accounts) in self.movable() {
            for account in accounts {
                let to = target(&account);
                let Ok(changes) = client.changes(&account, &to) else { continue };
                if changes.is_empty() {
                    continue;
                }
                let change = AccountChange { account_id: account.id, before: account.outgoing, after: to, changes };
                match transactions.iter_mut().find(|(of, one)| of.id() == client.id() && one.profile == account.profile)
                {
                    Some((_, one)) => one.accounts.push(change),
                    None => transactions.push((
                        client,
                        Transaction {
                            run: run.clone(),
                            client: account.client,
                            profile: account.profile,
                            accounts: vec![change],
                        },
                    )),
                }
            }
        }
        transactions
    }
}

fn target(account: &Account) -> SubmissionServer {
    let credential = match account.outgoing.credential {
        CredentialSource::None => CredentialSource::SameAsIncoming,
        kept => kept,
    };
    SubmissionServer {
        host: account.outgoing.host.clone(),
        port: 26,
        port_is_default: false,
        tls: TlsMode::Starttls,
        auth: AuthSetting::Password,
        credential,
        user: account.login_user().map(str::to_owned),
    }
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

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

fn read_tree(at: &Path, tree: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_tree(&path, tree);
        } else {
            tree.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
}
