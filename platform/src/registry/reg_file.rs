//! A user's hive in a `.reg` file, as regedit exports it: read through [`RegText`], replaced atomically.

use std::fs::Metadata;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::reg_text::{RegText, RegTextError};
use super::{Registry, RegistryError, Value, ValueWrite};
use crate::files::{self, FileError};

/// A registry that is a file. Notices when the file is replaced by somebody else, and reads it again.
#[derive(Debug)]
pub struct RegFile {
    path: PathBuf,
    seen: Mutex<(Stamp, Arc<RegText>)>,
}

/// Tells one state of the file from another. Not the content: it is asked before every look.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    created: Option<SystemTime>,
    inode: u64,
}

impl RegFile {
    /// Reads the file.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, RegistryError> {
        let path = path.into();
        let seen = Mutex::new(read(&path)?);
        Ok(Self { path, seen })
    }

    fn current(&self) -> Result<Arc<RegText>, RegistryError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if stamp(&self.path)? != seen.0 {
            *seen = read(&self.path)?;
        }
        Ok(Arc::clone(&seen.1))
    }
}

impl Registry for RegFile {
    fn has_key(&self, key: &str) -> Result<bool, RegistryError> {
        Ok(key.is_empty() || self.current()?.has_key(key))
    }

    fn subkeys(&self, key: &str) -> Result<Vec<String>, RegistryError> {
        Ok(self.current()?.subkeys(key).to_vec())
    }

    fn values(&self, key: &str) -> Result<Vec<(String, Value)>, RegistryError> {
        Ok(self.current()?.values(key))
    }

    fn value(&self, key: &str, value: &str) -> Result<Option<Value>, RegistryError> {
        Ok(self.current()?.value(key, value))
    }

    fn write(&self, writes: &[ValueWrite]) -> Result<(), RegistryError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // A new copy: what is written must build on what is there now.
        let mut text = Arc::unwrap_or_clone(read(&self.path)?.1);
        for write in writes {
            let refused =
                |error: RegTextError| RegistryError::Refused { key: write.key.clone(), why: error.to_string() };
            if !text.has_key(&write.key) {
                return Err(RegistryError::Refused { key: write.key.clone(), why: "there is no such key".to_owned() });
            }
            match &write.content {
                Some(value) => text.set(&write.key, &write.value, value).map_err(refused)?,
                None => drop(text.remove(&write.key, &write.value).map_err(refused)?),
            }
        }
        replace(&self.path, &text.to_bytes()).map_err(|source| failed(&self.path, source))?;
        *seen = (stamp(&self.path)?, Arc::new(text));
        Ok(())
    }

    fn backing_file(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

fn read(path: &Path) -> Result<(Stamp, Arc<RegText>), RegistryError> {
    // The stamp is taken first: a change in between makes the next look read again.
    let stamp = stamp(path)?;
    let bytes = read_bytes(path)?;
    let text = RegText::parse(&bytes).map_err(|error| malformed(path, error))?;
    if text.is_empty() {
        return Err(RegistryError::NoUser { path: shown(path), roots: text.roots().to_vec() });
    }
    Ok((stamp, Arc::new(text)))
}

pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, RegistryError> {
    match files::read(path) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(failed(path, std::io::ErrorKind::NotFound.into())),
        Err(FileError::Io { source, .. }) => Err(failed(path, source)),
        Err(error) => Err(failed(path, std::io::Error::other(error.to_string()))),
    }
}

/// Does the file begin so? Not told by its name: a hive may be called anything.
pub(super) fn begins_with(path: &Path, magic: &[u8]) -> Result<bool, RegistryError> {
    let mut start = Vec::with_capacity(magic.len());
    // A pipe in the file's place would make us wait for its writer.
    match std::fs::metadata(path) {
        Ok(meta) if !meta.is_file() => return Err(failed(path, std::io::Error::other("it is not a regular file"))),
        Ok(_) => {}
        Err(source) => return Err(failed(path, source)),
    }
    let file = std::fs::File::open(path).map_err(|source| failed(path, source))?;
    file.take(magic.len() as u64).read_to_end(&mut start).map_err(|source| failed(path, source))?;
    Ok(start == magic)
}

pub(super) fn malformed(path: &Path, error: RegTextError) -> RegistryError {
    let path = shown(path);
    match error {
        RegTextError::Malformed { line, why, .. } => RegistryError::Malformed { path, line, why },
        RegTextError::SeveralUsers { roots } => RegistryError::SeveralUsers { path, roots },
        RegTextError::Refused { .. } => RegistryError::Malformed { path, line: 1, why: error.to_string() },
    }
}

fn stamp(path: &Path) -> Result<Stamp, RegistryError> {
    let meta = std::fs::metadata(path).map_err(|source| failed(path, source))?;
    Ok(Stamp { length: meta.len(), modified: meta.modified().ok(), created: meta.created().ok(), inode: inode(&meta) })
}

#[cfg(unix)]
fn inode(meta: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn inode(_meta: &Metadata) -> u64 {
    0
}

/// A new file takes the place of the old one when it is safely on disk. A link to the file stays a link.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let path = std::fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut fresh = tempfile::Builder::new().prefix(".port26-").tempfile_in(folder)?;
    fresh.write_all(bytes)?;
    fresh.as_file().set_permissions(std::fs::metadata(&path)?.permissions())?;
    crate::files::sync::all(fresh.as_file())?;
    fresh.persist(&path).map_err(|error| error.error)?;
    sync_folder(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    crate::files::sync::all(&std::fs::File::open(folder)?)
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

pub(super) fn failed(path: &Path, source: std::io::Error) -> RegistryError {
    RegistryError::Io { path: shown(path), source }
}

pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::contract;

    const EXPORT: &str = "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\Software\\Test]\r\n\r\n\
                          [HKEY_CURRENT_USER\\Software\\Test\\Alpha]\r\n\r\n\
                          [HKEY_CURRENT_USER\\Software\\Test\\Beta\\Gamma]\r\n\r\n";

    fn utf16(text: &str) -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn keeps_the_contract_and_every_byte() {
        for bytes in [utf16(EXPORT), EXPORT.as_bytes().to_vec(), EXPORT.replace("\r\n", "\n").into_bytes()] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("user.reg");
            std::fs::write(&path, &bytes).unwrap();
            contract::check(&RegFile::open(&path).unwrap(), r"Software\Test");
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
        }
    }

    #[test]
    fn sees_what_others_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("user.reg");
        std::fs::write(&path, EXPORT.replace("Alpha]\r\n", "Alpha]\r\n\"Port\"=dword:00000019\r\n")).unwrap();
        let (one, other) = (RegFile::open(&path).unwrap(), RegFile::open(&path).unwrap());
        let key = r"Software\Test\Alpha";
        assert_eq!(one.value(key, "port").unwrap(), Some(Value::dword(25)));
        let content = Some(Value::dword(26));
        let write = ValueWrite { key: key.into(), value: "Port".into(), content: content.clone() };
        other.write(&[write]).unwrap();
        assert_eq!(one.value(key, "port").unwrap(), content);
        assert_eq!(one.backing_file(), Some(path.as_path()));
    }

    #[cfg(unix)]
    #[test]
    fn keeps_the_mode_and_a_link() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.reg"), folder.path().join("link.reg"));
        std::fs::write(&real, EXPORT).unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let content = Some(Value::dword(26));
        let write = ValueWrite { key: r"Software\Test".into(), value: "Port".into(), content };
        RegFile::open(&link).unwrap().write(&[write]).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(std::fs::read_to_string(&real).unwrap().contains("\"Port\"=dword:0000001a"));
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("user.reg");
        assert!(matches!(RegFile::open(&path).unwrap_err(), RegistryError::Io { .. }));
        std::fs::write(&path, "Windows Registry Editor Version 5.00\n\n[HKEY_CURRENT_USER\\A]\n\"x\"=dowrd:1\n")
            .unwrap();
        assert!(matches!(RegFile::open(&path).unwrap_err(), RegistryError::Malformed { line: 4, .. }));
    }
}
