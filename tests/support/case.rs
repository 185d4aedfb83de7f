//! Fixtures copied to a folder of their own, as a computer whose accounts can be moved.

#![allow(dead_code, clippy::unwrap_used, reason = "each test program uses its own part, and may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use port26::account::{Account, AuthSetting, CredentialSource, SubmissionServer, TlsMode};
use port26::apply::{AccountChange, RunId, Transaction};
use port26::clients::scripted::twin;
use port26::clients::{CLIENTS, MailClient};
use port26_platform::computer::{Computer, Os};
use port26_platform::registry::{MachineRegFile, MachineRegistry, RegFile, Registry};

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Wine takes a minute for what is a second elsewhere: what is the same on every system is tried there with every third
/// fixture. `PORT26_EVERY_FIXTURE=1` takes all, in a long part of `scripts/test`.
pub fn every_fixture(os: Os) -> bool {
    os != Os::Windows || std::env::var_os("PORT26_EVERY_FIXTURE").is_some()
}

/// A folder that goes away again. In memory where the system has such a place: every write is synced, and what a
/// killed process leaves is the same there.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A fixture copied to a folder of its own, as a host.
pub struct Case {
    pub name: String,
    pub home: tempfile::TempDir,
    pub state: tempfile::TempDir,
    pub computer: Computer,
}

impl Case {
    pub fn copy(fixture: &Path) -> Self {
        let home = folder();
        copy_tree(fixture, home.path());
        let name = fixture.strip_prefix(fixtures()).unwrap().display().to_string();
        Self { name, computer: computer_of(home.path()), home, state: folder() }
    }

    /// Every file of the home, by its place in it.
    pub fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        read_tree(self.home.path())
    }

    /// One transaction a profile, as the pipeline makes them; accounts that cannot be set to port 26 are left out.
    pub fn transactions(&self) -> Vec<(&'static dyn MailClient, Transaction)> {
        transactions(&self.computer)
    }
}

/// The state of scriptable programs, beside the home folder as `user.reg` is.
pub const SCRIPTED: &str = "scripted.json";

/// A home folder as a computer. Which system it is of is told by its folders.
pub fn computer_of(home: &Path) -> Computer {
    try_computer_of(home).unwrap_or_else(|| panic!("{}: its registry cannot be read", home.display()))
}

/// The same; `None` if its registry cannot be read.
pub fn try_computer_of(home: &Path) -> Option<Computer> {
    let file = home.join("user.reg");
    let os = if home.join("AppData").is_dir() || file.is_file() {
        Os::Windows
    } else if home.join("Library").is_dir() {
        Os::Macos
    } else {
        Os::Linux
    };
    let registry = match file.is_file() {
        true => Some(Arc::new(RegFile::open(&file).ok()?) as Arc<dyn Registry>),
        false => None,
    };
    let machine = home.join("machine.reg");
    let machine = match machine.is_file() {
        true => MachineRegFile::open(&machine).ok()?.map(|registry| Arc::new(registry) as Arc<dyn MachineRegistry>),
        false => None,
    };
    let mut computer = Computer::folder(home, os, registry).with_machine(machine);
    let scripted = home.join(SCRIPTED);
    if scripted.is_file() || scripted.symlink_metadata().is_ok() {
        computer.scripts = Arc::new(twin(scripted).unwrap());
    }
    Some(computer)
}

/// Every client with its accounts that can be moved.
pub fn movable(computer: &Computer) -> Vec<(&'static dyn MailClient, Vec<Account>)> {
    CLIENTS
        .iter()
        .filter_map(|client| {
            let installation = client.detect(computer).ok().flatten()?;
            let mut accounts = client.accounts(computer, &installation).accounts;
            accounts.retain(|account| account.used && account.not_ours.is_none());
            (!accounts.is_empty()).then_some((*client, accounts))
        })
        .collect()
}

/// The account of that name, as it is now.
#[track_caller]
pub fn account(computer: &Computer, client: &dyn MailClient, id: &str) -> Account {
    let installation = client.detect(computer).unwrap().unwrap();
    let found = client.accounts(computer, &installation).accounts;
    found.into_iter().find(|account| account.id == id).unwrap_or_else(|| panic!("{id} is gone"))
}

/// One transaction a profile, as the pipeline makes them; accounts that can be set neither to port 26 nor to 465 are left
/// out.
pub fn transactions(computer: &Computer) -> Vec<(&'static dyn MailClient, Transaction)> {
    let run = RunId::start();
    let mut transactions: Vec<(&'static dyn MailClient, Transaction)> = Vec::new();
    for (client, accounts) in movable(computer) {
        for account in accounts {
            let at_465 = SubmissionServer { port: 465, tls: TlsMode::Implicit, ..target(&account) };
            let possible = [target(&account), at_465].into_iter();
            let planned =
                possible.filter_map(|to| client.changes(&account, &to).ok().map(|changes| (to, changes))).next();
            let Some((to, changes)) = planned else { continue };
            if changes.is_empty() {
                continue;
            }
            let change = AccountChange { account_id: account.id, before: account.outgoing, after: to, changes };
            match transactions.iter_mut().find(|(of, one)| of.id() == client.id() && one.profile == account.profile) {
                Some((_, one)) => one.accounts.push(change),
                None => {
                    let accounts = vec![change];
                    let (client_id, profile) = (account.client, account.profile);
                    transactions.push((client, Transaction { run: run.clone(), client: client_id, profile, accounts }));
                }
            }
        }
    }
    transactions
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
        mechanism: None,
    }
}

pub fn copy_tree(from: &Path, to: &Path) {
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

/// Every file below a folder, by its place in it.
pub fn read_tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut open = vec![folder.to_owned()];
    let mut tree = BTreeMap::new();
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                tree.insert(path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    tree
}
