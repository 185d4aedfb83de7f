//! What an undo would do, found out without writing anything: the same code as the undo itself runs on a store that keeps
//! its writes in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use port26_platform::registry::{Value, ValueWrite};
use port26_platform::scripts::{App, ObjectKey, ObjectWrite, ScriptError};
use serde_json::Value as Json;

use super::error::ApplyError;
use super::folder::Folder;
use super::group::Tools;
use super::receipt::ReceiptId;
use super::restore::restore;
use super::store::{Store, StoreError};
use super::together::PutBack;
use super::undo::{AccountFate, AccountUndone, Selector, Undone, by_account};
use super::{Journal, Writer};

/// A run that was cut off: what it had begun is put right by the next run that writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    /// Its receipt.
    pub receipt: ReceiptId,
    /// Whose settings.
    pub profile: String,
}

impl Writer<'_> {
    /// What [`undo`](Self::undo) would do now. Takes no lock, recovers nothing, writes nothing.
    pub fn preview_undo(&self, selector: &Selector) -> Result<Vec<Undone>, ApplyError> {
        let memory = Overlay::over(self.tools.store);
        let tools = Tools { store: &memory, editors: self.tools.editors };
        let folder = self.folder()?;
        Ok(self.select(&folder, selector)?.iter().map(|journal| self.preview_one(tools, &folder, journal)).collect())
    }

    /// Runs that were cut off and are not put right yet, on this machine.
    pub fn interrupted(&self) -> Result<Vec<Interrupted>, ApplyError> {
        let cut_off = |journal: &Journal| journal.is_unfinished() && journal.begin.machine == self.machine;
        let told = |journal: Journal| Interrupted { receipt: journal.begin.id, profile: journal.begin.profile };
        Ok(self.folder()?.journals.into_iter().filter(cut_off).map(told).collect())
    }

    fn preview_one(&self, tools: Tools, folder: &Folder, journal: &Journal) -> Undone {
        let begin = &journal.begin;
        let free = self
            .refuse_under_another(folder, journal)
            .and_then(|()| self.believe(journal))
            .and_then(|()| self.refuse_in_use(begin.client, &begin.profile));
        let result = free.and_then(|()| fates(tools, journal));
        let (accounts, error) = match result {
            Ok(accounts) => (accounts, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        Undone {
            receipt: begin.id.clone(),
            by: None,
            client: begin.client,
            profile: begin.profile.clone(),
            planned: begin.accounts.clone(),
            accounts,
            error,
        }
    }
}

fn fates(tools: Tools, journal: &Journal) -> Result<Vec<AccountUndone>, ApplyError> {
    let what = PutBack::whole_accounts(tools, journal)?;
    let mut restored = Vec::new();
    for intent in journal.intents.iter().rev() {
        match restore(tools, intent, "", &what) {
            Ok(outcome) => restored.push((intent, outcome)),
            // A program that is left alone until something is to be changed cannot be looked into.
            Err(error) if matches!(error.source, StoreError::Script(ScriptError::NotNow { .. })) => {
                let all = journal.begin.accounts.iter();
                return Ok(all
                    .map(|account| AccountUndone { account: account.clone(), fate: AccountFate::Restored })
                    .collect());
            }
            Err(error) => return Err(ApplyError::Write(error.source)),
        }
    }
    Ok(by_account(journal, &restored))
}

/// Reads what is there, and what was "written" before.
pub(super) struct Overlay<'a> {
    below: &'a dyn Store,
    files: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
    values: Mutex<BTreeMap<(String, String), Option<Value>>>,
}

impl<'a> Overlay<'a> {
    pub(super) fn over(below: &'a dyn Store) -> Self {
        Self { below, files: Mutex::default(), values: Mutex::default() }
    }

    fn values(&self) -> MutexGuard<'_, BTreeMap<(String, String), Option<Value>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Vec<u8>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Overlay<'_> {
    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        let written = self.files().get(path).cloned();
        written.map_or_else(|| self.below.read_file(path), |bytes| Ok(Some(bytes)))
    }

    fn replace_file(&self, path: &Path, _old: &[u8], new: &[u8], _temp: &str) -> Result<(), StoreError> {
        self.files().insert(path.to_owned(), new.to_owned());
        Ok(())
    }

    fn clean_up(&self, _path: &Path, _temp: &str, _ours: &dyn Fn(&[u8]) -> bool) -> Result<(), StoreError> {
        Ok(())
    }

    fn read_value(&self, key: &str, value: &str) -> Result<Option<Value>, StoreError> {
        let written = self.values().get(&(key.to_lowercase(), value.to_lowercase())).cloned();
        written.map_or_else(|| self.below.read_value(key, value), Ok)
    }

    fn write_values(&self, writes: &[ValueWrite]) -> Result<(), StoreError> {
        let mut values = self.values();
        for write in writes {
            values.insert((write.key.to_lowercase(), write.value.to_lowercase()), write.content.clone());
        }
        Ok(())
    }

    fn registry_file(&self) -> Option<PathBuf> {
        self.below.registry_file()
    }

    fn read_properties(&self, app: &App, wanted: &[(&ObjectKey, &str)]) -> Result<Vec<Option<Json>>, StoreError> {
        self.below.read_properties(app, wanted)
    }

    fn write_properties(&self, _app: &App, _writes: &[ObjectWrite]) -> Result<(), StoreError> {
        Ok(())
    }
}
