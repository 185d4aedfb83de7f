//! A store that keeps its writes in memory: what would be written is found out by the code that writes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use port26_platform::registry::{Value, ValueWrite};
use port26_platform::scripts::{App, ObjectKey, ObjectWrite};
use serde_json::Value as Json;

use super::error::StoreError;
use super::store::Store;

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
