//! How much of a profile is read. What is larger is not what a mail program writes, and would cost minutes or memory.

use std::path::Path;

use port26_platform::files::{self, FileError};

use super::family::Family;
use crate::clients::Problem;

/// Largest file, in bytes.
const MOST_BYTES: u64 = 16 << 20;

/// Profiles in one list.
pub(super) const MOST_PROFILES: usize = 4096;

/// Outgoing servers, accounts, or identities of one profile.
pub(super) const MOST_ENTRIES: usize = 16_384;

/// Addresses that are told one by one to have no outgoing server.
pub(super) const MOST_TOLD: usize = 100;

/// Longest path in a list of profiles, in bytes, and in parts.
pub(super) const LONGEST_PATH: (usize, usize) = (4096, 64);

/// Reads a file; `None` if there is none.
pub(super) fn read(file: &Path) -> Result<Option<Vec<u8>>, String> {
    match std::fs::metadata(file) {
        Ok(meta) if meta.len() > MOST_BYTES => {
            Err(format!("it has {} bytes, more than the {MOST_BYTES} port26 reads", meta.len()))
        }
        _ => files::read(file).map_err(|error| error.to_string()),
    }
}

/// Why a file that could not be read is only another user's, if that is so.
pub(super) fn not_allowed(file: &Path) -> Option<FileError> {
    files::read(file).err().filter(|error| error.code() == "file_permission")
}

/// There is more than is read.
pub(super) fn too_many(family: &Family, file: &Path, what: &str, most: usize) -> Problem {
    Problem {
        client: Some(family.id),
        at: file.display().to_string(),
        code: "too_many_settings".to_owned(),
        message: format!("{} has more than {most} {what} here; port26 looked at the first {most} only.", family.name),
        hint: format!("Check that this is a file that {} wrote.", family.name),
    }
}

/// Text of a file that is told to a person: not longer than they read.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text.to_owned(),
    }
}
