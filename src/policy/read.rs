//! The bytes of a policy file, within bounds.

use std::path::Path;

use port26_platform::files::{self, FileError};

/// Largest policy file, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// Reads a policy file; `None` if there is none. What nobody writes by hand is not a policy, and is not taken apart.
pub(super) fn bounded(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let bytes = files::read(path)?;
    match bytes.as_ref().map(|bytes| bytes.len() as u64) {
        Some(size) if size > MOST_BYTES => Err(FileError::TooLarge { path: path.to_owned(), size, limit: MOST_BYTES }),
        _ => Ok(bytes),
    }
}
