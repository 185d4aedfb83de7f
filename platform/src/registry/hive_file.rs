//! A user's hive on a disk (`NTUSER.DAT`) as a [`Registry`] that is only read, together with the logs beside it.
//! Nothing is written to a hive: what has to change is handed out as a `.reg` file.

use std::path::{Path, PathBuf};

use super::hive::{Freshness, Hive, HiveError, recovered};
use super::reg_file::{read_bytes, shown};
use super::{OnlyRead, Registry, RegistryError, Value, ValueWrite};
use crate::files;

/// Endings of the logs of a hive, in the order in which Windows takes them.
const LOGS: [&str; 3] = [".LOG1", ".LOG2", ".LOG"];

/// A hive as it was when it was opened. Nobody writes to it meanwhile: it is nobody's who is signed in.
#[derive(Debug)]
pub struct HiveFile {
    path: PathBuf,
    hive: Hive,
    freshness: Freshness,
}

impl HiveFile {
    /// Reads the hive, and brings it up to date in memory if it was not closed cleanly.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, RegistryError> {
        let path = path.into();
        let bytes = read_bytes(&path)?;
        // A log that cannot be read is one that is missing: that is told by what it leaves undone.
        let logs: Vec<Vec<u8>> =
            LOGS.iter().filter_map(|ending| files::read(&log_beside(&path, ending)?).ok().flatten()).collect();
        let (hive, freshness) = recovered(&bytes, &logs).map_err(|source| failed(&path, source))?;
        Ok(Self { path, hive, freshness })
    }

    /// Does it tell what its user last saw?
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// Does it hold a user's keys? `Software` is there in every user's hive and in no other.
    pub fn is_a_users(&self) -> Result<bool, RegistryError> {
        self.of(self.hive.has_key("Software"))
    }

    fn of<T>(&self, read: Result<T, HiveError>) -> Result<T, RegistryError> {
        read.map_err(|source| failed(&self.path, source))
    }
}

impl Registry for HiveFile {
    fn has_key(&self, key: &str) -> Result<bool, RegistryError> {
        self.of(self.hive.has_key(key))
    }

    fn subkeys(&self, key: &str) -> Result<Vec<String>, RegistryError> {
        self.of(self.hive.subkeys(key))
    }

    fn values(&self, key: &str) -> Result<Vec<(String, Value)>, RegistryError> {
        self.of(self.hive.values(key))
    }

    fn value(&self, key: &str, value: &str) -> Result<Option<Value>, RegistryError> {
        self.of(self.hive.value(key, value))
    }

    fn write(&self, writes: &[ValueWrite]) -> Result<(), RegistryError> {
        match writes.first() {
            None => Ok(()),
            Some(write) => Err(RegistryError::Refused {
                key: write.key.clone(),
                why: format!("port26 only reads the hive {}", shown(&self.path)),
            }),
        }
    }

    fn read_only(&self) -> Option<OnlyRead<'_>> {
        Some(OnlyRead { file: &self.path, freshness: self.freshness })
    }
}

fn failed(path: &Path, source: HiveError) -> RegistryError {
    RegistryError::Hive { path: shown(path), source }
}

/// The log with this ending, however its name is spelled: on a mounted disk case may matter, in a hive's name it does not.
fn log_beside(hive: &Path, ending: &str) -> Option<PathBuf> {
    let name = format!("{}{ending}", hive.file_name()?.to_str()?);
    let folder = hive.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    file_called(folder, &name)
}

/// The file of this name in a folder, whatever the case of its letters. `None` if there is none.
pub fn file_called(folder: &Path, name: &str) -> Option<PathBuf> {
    let exact = folder.join(name);
    if exact.is_file() {
        return Some(exact);
    }
    let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let same = |entry: &std::fs::DirEntry| {
        let here = entry.file_name();
        here.to_str().is_some_and(|here| here.eq_ignore_ascii_case(name)) && entry.path().is_file()
    };
    entries.into_iter().find(same).map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::super::hive::build::{HiveBuilder, log, unfinished};
    use super::*;

    fn builder(port: u32) -> HiveBuilder {
        HiveBuilder::new().value(r"Software\Test\Alpha", "Port", Value::dword(port)).key(r"Software\Test\Beta\Gamma")
    }

    #[test]
    fn reads_as_a_registry_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("NTUSER.DAT");
        let bytes = builder(25).bytes(1);
        std::fs::write(&path, &bytes).unwrap();
        let (registry, freshness) = super::super::open(&path).unwrap();
        assert_eq!(freshness, Freshness::Clean);
        assert_eq!(registry.read_only().map(|hive| hive.file), Some(path.as_path()));
        assert_eq!(registry.backing_file(), None);
        assert_eq!(registry.subkeys(r"software\test").unwrap(), ["Alpha", "Beta"]);
        assert_eq!(registry.value(r"Software\Test\Alpha", "port").unwrap(), Some(Value::dword(25)));
        let write =
            ValueWrite { key: r"Software\Test\Alpha".into(), value: "Port".into(), content: Some(Value::dword(26)) };
        assert!(matches!(registry.write(&[write]), Err(RegistryError::Refused { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn the_logs_beside_it_count_however_they_are_spelled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("NTUSER.DAT");
        let (old, new) = (builder(25).bytes(3), builder(26).bytes(4));
        std::fs::write(&path, unfinished(&old)).unwrap();
        assert_eq!(HiveFile::open(&path).unwrap().freshness(), Freshness::Stale);
        std::fs::write(folder.path().join("ntuser.dat.LOG1"), log(&old, &new, 3)).unwrap();
        std::fs::write(folder.path().join("ntuser.dat.LOG2"), "").unwrap();
        let hive = HiveFile::open(&path).unwrap();
        assert_eq!(hive.freshness(), Freshness::Recovered);
        assert_eq!(hive.value(r"Software\Test\Alpha", "Port").unwrap(), Some(Value::dword(26)));
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("NTUSER.DAT");
        std::fs::write(&path, b"regf and no more").unwrap();
        let error = super::super::open(&path).err().unwrap();
        assert!(matches!(error, RegistryError::Hive { .. }), "{error}");
        assert!(error.to_string().contains("NTUSER.DAT"), "{error}");
        std::fs::write(&path, HiveBuilder::new().key("Microsoft").key("Classes").bytes(1)).unwrap();
        let error = super::super::open(&path).err().unwrap();
        assert!(
            matches!(&error, RegistryError::NoUser { roots, .. } if roots[..] == ["Classes", "Microsoft"]),
            "{error}"
        );
    }
}
