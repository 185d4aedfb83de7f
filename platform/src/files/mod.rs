//! Files as port26 touches them: bounded reads, and replacement that is atomic, synced, keeps mode and
//! owner, and follows no links when it works for somebody else.

use std::path::{Path, PathBuf};

#[cfg(any(windows, test))]
mod aside;
mod last_resort;
mod private;
mod snapshot;
pub(crate) mod sync;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub use private::{Appender, append_private, open_private, private_dir, read_private, replace_private};
pub use snapshot::Snapshot;

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system refused.
    #[error("{doing} {path}: {source}")]
    Io {
        /// "reading", "replacing", ..
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A link where, working for another user, none may be followed.
    #[error("{path} is a link; port26 does not follow links in another user's files")]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// Larger than any settings file is.
    #[error("{path} has {size} bytes, more than the {limit} port26 reads")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The bound in bytes.
        limit: u64,
    },
    /// A folder, pipe or device where a file was expected.
    #[error("{path} is not a regular file")]
    NotAFile {
        /// What is there instead.
        path: PathBuf,
    },
    /// It is marked read-only.
    #[error("{path} is read-only")]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// Nothing can be written there: a disk for reading only, a folder without the right to write, a locked file.
    #[error("{} cannot be written: {source}", at.display())]
    Shut {
        /// The folder, or the file where it is only that.
        at: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The replacement could not be given to the user and group that own the file.
    #[error("{path} belongs to another user or group, and a replacement would not")]
    Owner {
        /// The file.
        path: PathBuf,
    },
    /// Working for another user, and the file is neither in that user's home nor theirs.
    #[error("{path} is outside the home folder and does not belong to its user")]
    Outside {
        /// The file.
        path: PathBuf,
    },
    /// What port26 keeps for itself is not this user's own, or not theirs alone: it is neither believed nor written.
    #[error("port26 does not use {path}: {why}")]
    NotOurs {
        /// The file or folder.
        path: PathBuf,
        /// What is the matter, in plain words.
        why: &'static str,
    },
    /// It no longer holds the bytes that the replacement was made from.
    #[error("{path} was changed by another program in the meantime")]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

impl FileError {
    /// Stable name of the error, snake_case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => "file_permission",
            Self::Io { source, .. } if is_full(source) => "disk_full",
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::ReadOnlyFilesystem => "read_only",
            Self::Io { .. } => "file_io",
            Self::Shut { .. } => "read_only",
            Self::Link { .. } => "file_is_link",
            Self::TooLarge { .. } => "file_too_large",
            Self::NotAFile { .. } => "not_a_file",
            Self::ReadOnly { .. } => "file_read_only",
            Self::Owner { .. } => "file_owner",
            Self::Outside { .. } => "file_outside_home",
            Self::NotOurs { .. } => "state_not_ours",
            Self::Changed { .. } => "file_changed",
        }
    }

    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                "Run port26 as the user who owns the file."
            }
            Self::Io { source, .. } if is_full(source) => "Free some space on this disk and run port26 again.",
            Self::Io { .. } => "Check that the disk or share is there and can be written, then run port26 again.",
            Self::Link { .. } | Self::Outside { .. } => "Run port26 as the user who owns the mail profile.",
            Self::TooLarge { .. } => "Check that this is the mail client's own settings file.",
            Self::NotAFile { .. } => {
                "A file belongs in its place: move away what is there if nothing needs it, then run port26 again."
            }
            Self::ReadOnly { .. } => "If it is not meant to be protected, make it writable and run port26 again.",
            Self::NotOurs { .. } => {
                "Run port26 as the user whose folder it is, or give a folder of your own with --state."
            }
            Self::Shut { .. } => {
                "Make it writable (mount its disk for writing, or give its user the right to write there), then run port26 again."
            }
            Self::Owner { .. } => "Run port26 as the user who owns the file.",
            Self::Changed { .. } => "Close the mail client and run port26 again.",
        }
    }
}

/// A disk, or this user's share of it.
fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

/// Largest settings file that is read, in bytes.
pub const READ_LIMIT: u64 = 256 << 20;

/// Reads a file. `None` if it does not exist. Root follows no link below a folder of another user.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    if let Some(read) = system::read_of_another(path) {
        return read;
    }
    let io = |source| FileError::Io { doing: "reading", path: path.to_owned(), source };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(error)),
        // A pipe in the file's place would make us wait for its writer, a device never end.
        Ok(meta) if !meta.is_file() => Err(FileError::NotAFile { path: path.to_owned() }),
        Ok(meta) if meta.len() > READ_LIMIT => {
            Err(FileError::TooLarge { path: path.to_owned(), size: meta.len(), limit: READ_LIMIT })
        }
        Ok(_) => std::fs::read(path).map(Some).map_err(io),
    }
}

/// Opens a file of any size to read a part of it. `None` if it does not exist. Root follows no link below a folder of another
/// user.
pub fn open(path: &Path) -> Result<Option<std::fs::File>, FileError> {
    if let Some(opened) = system::open_of_another(path) {
        return opened;
    }
    let io = |source| FileError::Io { doing: "reading", path: path.to_owned(), source };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(error)),
        // As for `read`: a pipe has no end.
        Ok(meta) if !meta.is_file() => Err(FileError::NotAFile { path: path.to_owned() }),
        Ok(_) => std::fs::File::open(path).map(Some).map_err(io),
    }
}

/// Is this a file that only the owner of the machine can have written: root's own, and writable for nobody else? On Windows
/// the access list of the folders above it says so, and that is not looked at here.
pub fn only_root_writes(path: &Path) -> bool {
    system::only_root_writes(path)
}

/// The files of one user's home, and the few outside it that the person at the keyboard named.
///
/// A user's own links are followed: the file they point to is replaced, the link stays. When root works on
/// another user's home nothing is followed below it, because that user could point a link anywhere.
///
/// What a replacement keeps: mode, owner and group (Unix); attributes, access list and streams (Windows).
/// What it does not keep: other hard links to the same file go on holding the old content, and on Unix
/// extended attributes and access lists beyond the mode are those of a new file in that folder.
#[derive(Debug, Clone)]
pub struct Files {
    home: PathBuf,
    named: Vec<PathBuf>,
}

impl Files {
    /// The files of the user whose home folder this is.
    pub fn of_home(home: impl Into<PathBuf>) -> Self {
        Self { home: home.into(), named: Vec::new() }
    }

    /// Also this file, wherever it is and whoever owns it: it was named by the person at the keyboard.
    #[must_use]
    pub fn and(mut self, file: impl Into<PathBuf>) -> Self {
        self.named.push(file.into());
        self
    }

    /// Reads a file. `None` if it does not exist.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        let Some(spot) = system::locate(self, path)? else { return Ok(None) };
        spot.read()
    }

    /// Replaces what an existing file holds, as one step: whoever looks sees the `old` bytes or the `new` ones.
    /// Nothing is written unless it holds exactly `old`. `temp` is the name that the new bytes have in the same
    /// folder until they are complete.
    pub fn replace(&self, path: &Path, old: &[u8], new: &[u8], temp: &str) -> Result<(), FileError> {
        let missing = || FileError::Io {
            doing: "replacing",
            path: path.to_owned(),
            source: std::io::Error::from(std::io::ErrorKind::NotFound),
        };
        let spot = system::locate(self, path)?.ok_or_else(missing)?;
        spot.replace(old, new, temp)
    }

    /// Could it be replaced? Looks before anything is announced: a file of this temporary name is made and removed again.
    /// No answer to whether there will be room.
    pub fn look(&self, path: &Path, temp: &str) -> Result<(), FileError> {
        // One that is gone is told by whoever reads it.
        system::locate(self, path)?.map_or(Ok(()), |spot| spot.look(temp))
    }

    /// The same as far as it shows without anything written, for a run that may leave nothing behind.
    pub fn glance(&self, path: &Path) -> Result<(), FileError> {
        system::locate(self, path)?.map_or(Ok(()), |spot| spot.glance())
    }

    /// Takes away what a [`Files::replace`] of this file under this temporary name left when it was killed. `ours` knows
    /// the bytes that were there before and those that were to come: an old file that was set aside is kept until one of
    /// them is in its place.
    pub fn clean_up(&self, path: &Path, temp: &str, ours: &dyn Fn(&[u8]) -> bool) -> Result<(), FileError> {
        system::clean_up(self, path, temp, ours)
    }
}

#[cfg(test)]
mod tests;
