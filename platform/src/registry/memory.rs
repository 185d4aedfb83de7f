//! A registry in memory: the twin that tests and rehearsals work on.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Registry, RegistryError, Value, ValueWrite, fold};

/// A user's hive in memory. Keys come into being with [`MemoryRegistry::with_key`] only.
#[derive(Debug, Default)]
pub struct MemoryRegistry {
    keys: Mutex<HashMap<String, Key>>,
}

#[derive(Debug, Default)]
struct Key {
    children: Vec<String>,
    values: Vec<(String, Value)>,
}

impl MemoryRegistry {
    /// An empty hive.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this key (and the keys above it).
    #[must_use]
    pub fn with_key(self, key: &str) -> Self {
        {
            let mut keys = self.lock();
            let mut parent = String::new();
            keys.entry(parent.clone()).or_default();
            for name in key.split('\\').filter(|name| !name.is_empty()) {
                let path = if parent.is_empty() { fold(name) } else { format!("{parent}\\{}", fold(name)) };
                if !keys.contains_key(&path) {
                    keys.insert(path.clone(), Key::default());
                    keys.entry(parent).or_default().children.push(name.to_owned());
                }
                parent = path;
            }
        }
        self
    }

    /// With this value, its key included.
    #[must_use]
    pub fn with(self, key: &str, name: &str, value: Value) -> Self {
        let this = self.with_key(key);
        if let Some(key) = this.lock().get_mut(&fold(key)) {
            key.put(name, Some(&value));
        }
        this
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Key {
    fn put(&mut self, name: &str, content: Option<&Value>) {
        let folded = fold(name);
        let place = self.values.iter().position(|(other, _)| fold(other) == folded);
        match (place, content) {
            (Some(place), Some(value)) => self.values[place].1 = value.clone(),
            (None, Some(value)) => self.values.push((name.to_owned(), value.clone())),
            (Some(place), None) => drop(self.values.remove(place)),
            (None, None) => {}
        }
    }
}

impl Registry for MemoryRegistry {
    fn has_key(&self, key: &str) -> Result<bool, RegistryError> {
        Ok(key.is_empty() || self.lock().contains_key(&fold(key)))
    }

    fn subkeys(&self, key: &str) -> Result<Vec<String>, RegistryError> {
        Ok(self.lock().get(&fold(key)).map(|key| key.children.clone()).unwrap_or_default())
    }

    fn values(&self, key: &str) -> Result<Vec<(String, Value)>, RegistryError> {
        Ok(self.lock().get(&fold(key)).map(|key| key.values.clone()).unwrap_or_default())
    }

    fn value(&self, key: &str, value: &str) -> Result<Option<Value>, RegistryError> {
        let folded = fold(value);
        let keys = self.lock();
        let values = keys.get(&fold(key)).map(|key| key.values.as_slice()).unwrap_or_default();
        Ok(values.iter().find(|(name, _)| fold(name) == folded).map(|(_, value)| value.clone()))
    }

    fn write(&self, writes: &[ValueWrite]) -> Result<(), RegistryError> {
        let mut keys = self.lock();
        if let Some(write) = writes.iter().find(|write| !keys.contains_key(&fold(&write.key))) {
            return Err(RegistryError::Refused { key: write.key.clone(), why: "there is no such key".to_owned() });
        }
        for write in writes {
            if let Some(key) = keys.get_mut(&fold(&write.key)) {
                key.put(&write.value, write.content.as_ref());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::contract;

    #[test]
    fn keeps_the_contract() {
        let registry = MemoryRegistry::new().with_key(r"Software\Test\Alpha").with_key(r"Software\Test\Beta\Gamma");
        contract::check(&registry, r"Software\Test");
    }
}
