//! Files that belong together (a database and its journal) as they are at one moment, copied to where nobody else looks.

use std::path::{Path, PathBuf};

use super::{FileError, private_dir, read};

/// How often to look again when they are written to at the same moment.
const TRIES: usize = 5;

/// Copies in a folder that only this user can open; gone with the value.
#[derive(Debug)]
pub struct Snapshot {
    /// Below the temporary one, which others may look into.
    folder: PathBuf,
    _gone_afterwards: tempfile::TempDir,
}

impl Snapshot {
    /// Copies those of these files that exist. Read twice: only when nothing has changed in between do they fit together.
    /// `None` if the first does not exist.
    pub fn of(files: &[PathBuf]) -> Result<Option<Self>, FileError> {
        let all = || files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>();
        let mut before = all()?;
        for _ in 0..TRIES {
            let now = all()?;
            if now == before {
                return Self::keep(files, &now);
            }
            before = now;
        }
        Err(FileError::Changed { path: files.first().cloned().unwrap_or_default() })
    }

    fn keep(files: &[PathBuf], contents: &[Option<Vec<u8>>]) -> Result<Option<Self>, FileError> {
        if !matches!(contents.first(), Some(Some(_))) {
            return Ok(None);
        }
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| FileError::Io { doing: "copying", path, source }
        };
        let around =
            tempfile::Builder::new().prefix("port26-").tempdir().map_err(io(Path::new("a temporary folder")))?;
        let folder = around.path().join("copy");
        private_dir(&folder)?;
        for (file, bytes) in files.iter().zip(contents) {
            if let (Some(bytes), Some(name)) = (bytes, file.file_name()) {
                std::fs::write(folder.join(name), bytes).map_err(io(file))?;
            }
        }
        Ok(Some(Self { folder, _gone_afterwards: around }))
    }

    /// The copy of a file.
    pub fn file(&self, of: &Path) -> PathBuf {
        self.folder.join(of.file_name().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_copied_and_gone_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["a.db", "a.db-wal", "a.db-shm"].map(|name| folder.path().join(name));
        assert!(Snapshot::of(&files).unwrap().is_none());
        std::fs::write(&files[0], "one").unwrap();
        std::fs::write(&files[2], "three").unwrap();
        let snapshot = Snapshot::of(&files).unwrap().unwrap();
        let copies = files.each_ref().map(|file| snapshot.file(file));
        assert_eq!(std::fs::read(&copies[0]).unwrap(), b"one");
        assert!(!copies[1].exists() && copies[2].exists());
        assert!(!copies[0].starts_with(folder.path()));
        drop(snapshot);
        assert!(!copies[0].exists());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_look() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        std::fs::write(&file, "one").unwrap();
        let snapshot = Snapshot::of(std::slice::from_ref(&file)).unwrap().unwrap();
        let mode = std::fs::metadata(snapshot.file(&file).parent().unwrap()).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}
