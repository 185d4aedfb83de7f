//! What is installed on a machine, read from its own hive on a disk (`Windows/System32/config/SOFTWARE`).

use std::path::Path;

use super::hive_file::HiveFile;
use super::machine::{MachineRegistry, View};
use super::{Registry, RegistryError, Value};

/// The hive of `HKEY_LOCAL_MACHINE\Software`. Keys outside `Software` are in other hives, so there are none.
#[derive(Debug)]
pub struct MachineHive(HiveFile);

impl MachineHive {
    /// Reads the hive; `None` if it is another one.
    pub fn open(path: &Path) -> Result<Option<Self>, RegistryError> {
        let hive = HiveFile::open(path)?;
        Ok(hive.has_key("Microsoft")?.then_some(Self(hive)))
    }

    /// The same key in the hive; `None` if it is not of this hive.
    fn key(&self, view: View, key: &str) -> Option<String> {
        let below =
            key.get(..9).filter(|front| front.eq_ignore_ascii_case(r"Software\")).map(|front| &key[front.len()..])?;
        Some(match view {
            View::Wow64 if self.is_64_bit() => format!(r"WOW6432Node\{below}"),
            _ => below.to_owned(),
        })
    }
}

impl MachineRegistry for MachineHive {
    fn has_key(&self, view: View, key: &str) -> Result<bool, RegistryError> {
        self.key(view, key).map_or(Ok(false), |key| self.0.has_key(&key))
    }

    fn subkeys(&self, view: View, key: &str) -> Result<Vec<String>, RegistryError> {
        self.key(view, key).map_or(Ok(Vec::new()), |key| self.0.subkeys(&key))
    }

    fn values(&self, view: View, key: &str) -> Result<Vec<(String, Value)>, RegistryError> {
        self.key(view, key).map_or(Ok(Vec::new()), |key| self.0.values(&key))
    }

    fn value(&self, view: View, key: &str, value: &str) -> Result<Option<Value>, RegistryError> {
        self.key(view, key).map_or(Ok(None), |key| self.0.value(&key, value))
    }

    fn is_64_bit(&self) -> bool {
        self.0.has_key("WOW6432Node").unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::super::hive::build::HiveBuilder;
    use super::super::machine;
    use super::*;

    #[test]
    fn a_hive_keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        let hive = HiveBuilder::new().key("Microsoft").value(r"Test\Alpha", "Bits", Value::dword(64));
        std::fs::write(&path, hive.value(r"WOW6432Node\Test\Beta", "Bits", Value::dword(32)).bytes(1)).unwrap();
        machine::check(&MachineHive::open(&path).unwrap().unwrap(), "Test");
        std::fs::write(&path, HiveBuilder::new().key("Software").bytes(1)).unwrap();
        assert!(MachineHive::open(&path).unwrap().is_none(), "a user's");
    }
}
