//! The live registry of the running user. Keys are opened for each call: a handle kept open would keep a
//! deleted key alive and hide what others write.

use std::fmt::Display;

use windows_registry::{CURRENT_USER, Key, Type};

use super::{Registry, RegistryError, Value, ValueKind, ValueWrite};

/// `HKEY_CURRENT_USER` of the process's user.
#[derive(Debug, Clone, Copy, Default)]
pub struct LiveRegistry;

/// `HRESULT` of ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND and ERROR_KEY_DELETED: the key or value is not there.
const MISSING: [u32; 3] = [0x8007_0002, 0x8007_0003, 0x8007_03FA];

fn missing(code: i32) -> bool {
    MISSING.contains(&(code as u32))
}

fn refused(key: &str, why: impl Display) -> RegistryError {
    RegistryError::Refused { key: key.to_owned(), why: why.to_string() }
}

/// The key for reading; `None` if it is not there.
fn open(key: &str) -> Result<Option<Key>, RegistryError> {
    match CURRENT_USER.options().read().open(key) {
        Ok(open) => Ok(Some(open)),
        Err(error) if missing(error.code().0) => Ok(None),
        Err(error) => Err(refused(key, error)),
    }
}

fn from_windows(value: &windows_registry::Value) -> Value {
    Value { kind: ValueKind::from_number(u32::from(value.ty())), data: value.to_vec() }
}

impl Registry for LiveRegistry {
    fn has_key(&self, key: &str) -> Result<bool, RegistryError> {
        Ok(open(key)?.is_some())
    }

    fn subkeys(&self, key: &str) -> Result<Vec<String>, RegistryError> {
        let Some(open) = open(key)? else { return Ok(Vec::new()) };
        Ok(open.keys().map_err(|error| refused(key, error))?.collect())
    }

    fn values(&self, key: &str) -> Result<Vec<(String, Value)>, RegistryError> {
        let Some(open) = open(key)? else { return Ok(Vec::new()) };
        let values = open.values().map_err(|error| refused(key, error))?;
        Ok(values.map(|(name, value)| (name, from_windows(&value))).collect())
    }

    fn value(&self, key: &str, value: &str) -> Result<Option<Value>, RegistryError> {
        let Some(open) = open(key)? else { return Ok(None) };
        match open.get_value(value) {
            Ok(found) => Ok(Some(from_windows(&found))),
            Err(error) if missing(error.code().0) => Ok(None),
            Err(error) => Err(refused(key, error)),
        }
    }

    fn write(&self, writes: &[ValueWrite]) -> Result<(), RegistryError> {
        let mut before = Vec::with_capacity(writes.len());
        for write in writes {
            if !self.has_key(&write.key)? {
                return Err(refused(&write.key, "there is no such key"));
            }
            let content = self.value(&write.key, &write.value)?;
            before.push(ValueWrite { key: write.key.clone(), value: write.value.clone(), content });
        }
        // One by one, and back if one fails. The journal of the writer is what survives a kill in between; registry
        // transactions would add nothing to it, and are not to be had everywhere (Wine, some network profiles).
        for (done, write) in writes.iter().enumerate() {
            if let Err(error) = write_one(write) {
                let mut left = Vec::new();
                for undo in before[..done].iter().rev() {
                    if write_one(undo).is_err() {
                        left.push(format!("{}, value \"{}\"", undo.key, undo.value));
                    }
                }
                return Err(if left.is_empty() {
                    error
                } else {
                    refused(&write.key, format!("{error}; and these could not be put back: {}", left.join("; ")))
                });
            }
        }
        Ok(())
    }
}

fn write_one(write: &ValueWrite) -> Result<(), RegistryError> {
    let key = CURRENT_USER.options().read().write().open(&write.key).map_err(|error| refused(&write.key, error))?;
    match &write.content {
        Some(value) => {
            // Windows looks behind a string without a closing NUL and takes one in if it is there: show it something
            // else. `Other` keeps the type's number and lets strings be stored exactly as they were.
            let mut data = value.data.clone();
            data.extend_from_slice(&[0xFF, 0xFF]);
            key.set_bytes(&write.value, Type::Other(value.kind.number()), &data[..value.data.len()])
                .map_err(|error| refused(&write.key, error))
        }
        None => match key.remove_value(&write.value) {
            Err(error) if !missing(error.code().0) => Err(refused(&write.key, error)),
            _ => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::contract;

    /// A key of the test's own, removed even if the test fails.
    struct ThrowAway(String);

    impl Drop for ThrowAway {
        fn drop(&mut self) {
            let _ = CURRENT_USER.remove_tree(&self.0);
        }
    }

    #[test]
    fn keeps_the_contract() {
        let base = ThrowAway(format!("Software\\port26-test-{}", std::process::id()));
        // What a test left that was killed: process numbers come again.
        let _ = CURRENT_USER.remove_tree(&base.0);
        CURRENT_USER.create(format!("{}\\Alpha", base.0)).unwrap();
        CURRENT_USER.create(format!("{}\\Beta\\Gamma", base.0)).unwrap();
        contract::check(&LiveRegistry, &base.0);
    }
}
