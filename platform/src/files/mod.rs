//! Files as port26 touches them: bounded reads, and replacement that is atomic, synced, keeps mode and
//! owner, and follows no links when it works for somebody else.

use std::path::{Path, PathBuf};

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
}

/// Largest settings file that is read, in bytes.
pub const READ_LIMIT: u64 = 256 << 20;

/// Reads a file. `None` if it does not exist.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let io = |source| FileError::Io { doing: "reading", path: path.to_owned(), source };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(error)),
        Ok(meta) if meta.len() > READ_LIMIT => {
            Err(FileError::TooLarge { path: path.to_owned(), size: meta.len(), limit: READ_LIMIT })
        }
        Ok(_) => std::fs::read(path).map(Some).map_err(io),
    }
}
