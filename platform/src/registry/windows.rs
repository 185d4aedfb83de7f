//! The live registry of the running user. Keys are opened for each call: a handle kept open would keep a
//! deleted key alive and hide what others write.

use std::fmt::Display;

use windows_registry::{CURRENT_USER, Key, LOCAL_MACHINE, Type};

use super::machine::{ARCHITECTURE, MachineRegistry, View, says_64_bit};
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
    opened(key, CURRENT_USER.options().read().open(key))
}

fn opened(key: &str, result: windows_registry::Result<Key>) -> Result<Option<Key>, RegistryError> {
    match result {
        Ok(open) => Ok(Some(open)),
        Err(error) if missing(error.code().0) => Ok(None),
        Err(error) => Err(refused(key, error)),
    }
}

fn subkeys(key: &str, open: Option<Key>) -> Result<Vec<String>, RegistryError> {
    let Some(open) = open else { return Ok(Vec::new()) };
    Ok(open.keys().map_err(|error| refused(key, error))?.collect())
}

fn values(key: &str, open: Option<Key>) -> Result<Vec<(String, Value)>, RegistryError> {
    let Some(open) = open else { return Ok(Vec::new()) };
    let values = open.values().map_err(|error| refused(key, error))?;
    Ok(values.map(|(name, value)| (name, from_windows(&value))).collect())
}

fn value(key: &str, open: Option<Key>, value: &str) -> Result<Option<Value>, RegistryError> {
    let Some(open) = open else { return Ok(None) };
    match open.get_value(value) {
        Ok(found) => Ok(Some(from_windows(&found))),
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
        subkeys(key, open(key)?)
    }

    fn values(&self, key: &str) -> Result<Vec<(String, Value)>, RegistryError> {
        values(key, open(key)?)
    }

    fn value(&self, key: &str, name: &str) -> Result<Option<Value>, RegistryError> {
        value(key, open(key)?, name)
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

/// `HKEY_LOCAL_MACHINE` of the running machine. Whatever kind of program this is, each view is asked for by name.
#[derive(Debug, Clone, Copy, Default)]
pub struct LiveMachine;

fn open_machine(view: View, key: &str) -> Result<Option<Key>, RegistryError> {
    let mut options = LOCAL_MACHINE.options();
    let options = match view {
        View::Native => options.read().wow64_64(),
        View::Wow64 => options.read().wow64_32(),
    };
    opened(key, options.open(key))
}

impl MachineRegistry for LiveMachine {
    fn has_key(&self, view: View, key: &str) -> Result<bool, RegistryError> {
        Ok(open_machine(view, key)?.is_some())
    }

    fn subkeys(&self, view: View, key: &str) -> Result<Vec<String>, RegistryError> {
        subkeys(key, open_machine(view, key)?)
    }

    fn values(&self, view: View, key: &str) -> Result<Vec<(String, Value)>, RegistryError> {
        values(key, open_machine(view, key)?)
    }

    fn value(&self, view: View, key: &str, name: &str) -> Result<Option<Value>, RegistryError> {
        value(key, open_machine(view, key)?, name)
    }

    fn is_64_bit(&self) -> bool {
        let (key, name) = ARCHITECTURE;
        let named = self.value(View::Native, key, name).ok().flatten();
        says_64_bit(named).unwrap_or(cfg!(target_pointer_width = "64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{contract, machine};

    /// A key of the test's own, removed even if the test fails.
    struct ThrowAway(String);

    impl Drop for ThrowAway {
        fn drop(&mut self) {
            let _ = CURRENT_USER.remove_tree(&self.0);
        }
    }

    /// The same of the machine, in both views.
    struct ThrowAwayOfAll(String);

    impl ThrowAwayOfAll {
        fn remove(&self) {
            for software in ["Software", r"Software\WOW6432Node"] {
                let _ = LOCAL_MACHINE.remove_tree(format!(r"{software}\{}", self.0));
            }
        }
    }

    impl Drop for ThrowAwayOfAll {
        fn drop(&mut self) {
            self.remove();
        }
    }

    /// Only administrators may make the keys; under Wine the tests are one.
    #[test]
    fn the_machines_hive_keeps_its_contract() {
        let base = ThrowAwayOfAll(format!("port26-test-{}", std::process::id()));
        base.remove();
        let make = |below: &str, bits| {
            let key = LOCAL_MACHINE.create(format!(r"Software\{below}"))?;
            key.set_u32("Bits", bits)
        };
        match make(&format!(r"{}\Alpha", base.0), 64) {
            Err(error) if error.code().0 as u32 == 0x8007_0005 => {
                eprintln!("*** NOT TESTED: the machine's registry; only an administrator may write a key there.");
                return;
            }
            made => made.unwrap(),
        }
        make(&format!(r"WOW6432Node\{}\Beta", base.0), 32).unwrap();
        machine::check(&LiveMachine, &base.0);
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
