//! For tests of adapters whose accounts are in the registry: a fixture's `.reg` file, discovered; and changes
//! made to it the way a writer makes them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use port26_platform::computer::{Computer, Os};
use port26_platform::registry::memory::MemoryRegistry;
use port26_platform::registry::reg_file::RegFile as RegFileRegistry;
use port26_platform::registry::{Registry, ValueWrite};

use super::{Found, Installation, MailClient};
use crate::account::{Account, SubmissionServer};
use crate::change::{Change, Content, Slot};
use crate::formats::Document;
use crate::formats::reg_file::{RegFile, setting_name, value_to_raw};

pub(super) struct Fixture {
    client: &'static dyn MailClient,
    path: PathBuf,
    pub installation: Installation,
    pub found: Found,
}

impl Fixture {
    /// The computer it was discovered on.
    pub(super) fn computer(&self) -> Computer {
        computer(Some(Arc::new(RegFileRegistry::open(&self.path).unwrap())))
    }
}

pub(super) fn computer_with(registry: Option<MemoryRegistry>) -> Computer {
    computer(registry.map(|registry| Arc::new(registry) as Arc<dyn Registry>))
}

fn computer(registry: Option<Arc<dyn Registry>>) -> Computer {
    Computer { registry, ..super::fixture::at("/nowhere", Os::Windows) }
}

fn discover(client: &dyn MailClient, path: &Path) -> (Installation, Found) {
    let computer = computer(Some(Arc::new(RegFileRegistry::open(path).unwrap())));
    let installation = client.detect(&computer).unwrap().unwrap();
    let found = client.accounts(&computer, &installation);
    (installation, found)
}

/// Writes through the registry.
pub(super) fn apply(computer: &Computer, changes: &[Change]) {
    let write = |change: &Change| match (&change.slot, &change.after) {
        (Slot::Registry { key, value }, Some(Content::Registry(after))) => {
            ValueWrite { key: key.clone(), value: value.clone(), content: Some(after.clone()) }
        }
        other => panic!("{other:?}"),
    };
    let writes: Vec<ValueWrite> = changes.iter().map(write).collect();
    computer.registry.as_ref().unwrap().write(&writes).unwrap();
}

fn edit(bytes: &[u8], changes: impl Iterator<Item = Change>) -> Vec<u8> {
    let mut document = RegFile::parse(bytes).unwrap();
    let raw = |content: Option<Content>| {
        content.map(|content| match content {
            Content::Registry(value) => value_to_raw(&value),
            other => panic!("{other:?}"),
        })
    };
    for change in changes {
        let Slot::Registry { key, value } = change.slot else { panic!("not in the registry") };
        let name = setting_name(&key, &value);
        assert_eq!(document.get(&name).unwrap(), raw(change.before), "{name}");
        match raw(change.after) {
            Some(after) => document.set(&name, &after).unwrap(),
            None => document.remove(&name).unwrap(),
        }
    }
    document.to_bytes()
}

impl Fixture {
    pub(super) fn open(case: &str, client: &'static dyn MailClient) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(case).join("user.reg");
        let (installation, found) = discover(client, &path);
        Self { client, path, installation, found }
    }

    pub(super) fn account(&self, id: &str) -> &Account {
        self.found.accounts.iter().find(|account| account.id == id).unwrap_or_else(|| panic!("no {id}"))
    }

    /// Plans and writes `to`, discovers it, and takes it back. Nobody else's account moves.
    pub(super) fn there_and_back(&self, account: &Account, to: &SubmissionServer) {
        let before = std::fs::read(&self.path).unwrap();
        let changes = self.client.changes(account, to).unwrap_or_else(|error| panic!("{} {to:?}: {error}", account.id));
        let after = edit(&before, changes.iter().cloned());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("user.reg");
        std::fs::write(&path, &after).unwrap();
        let (_, found) = discover(self.client, &path);
        assert_eq!(found.problems, self.found.problems);
        for (old, new) in self.found.accounts.iter().zip(&found.accounts) {
            let expected = if old.id == account.id { to } else { &old.outgoing };
            assert_eq!((&new.outgoing, &new.id), (expected, &old.id));
        }
        assert_eq!(edit(&after, changes.iter().rev().map(Change::inverse)), before, "{}", account.id);
    }
}

/// Value name and raw text after, as a person would read them.
pub(super) fn shown(changes: &[Change]) -> Vec<(String, String)> {
    let line = |change: &Change| match (&change.slot, &change.after) {
        (Slot::Registry { value, .. }, Some(Content::Registry(after))) => (value.clone(), value_to_raw(after)),
        other => panic!("{other:?}"),
    };
    changes.iter().map(line).collect()
}

/// The same of numbers, as expected.
pub(super) fn pairs(expected: &[(&str, u32)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, number)| ((*name).to_owned(), format!("dword:{number:08x}"))).collect()
}
