//! Receipts are files, and may say anything: each reader of them by itself, on bytes, for the fuzz targets (`fuzz/`), which are
//! another package. Nothing else calls it.

use std::path::Path;

use super::chain::Check;
use super::error::JournalError;
use super::journal::{Journal, whole_lines};
use super::receipt::Receipt;
use super::record::Intent;
use super::splice;
use super::unbelieved::Says;

/// A receipt, and what each of its edits of a file makes of other bytes than it was made for.
#[derive(Debug)]
pub struct Read {
    /// The receipt.
    pub receipt: Receipt,
    /// The way back from `file`, where it fits.
    pub reverted: Vec<Option<Vec<u8>>>,
}

/// Reads a journal of this name, and what it says even if it is not believed.
pub fn receipt(name: &Path, journal: &[u8], file: &[u8]) -> Result<Read, JournalError> {
    drop(Says::of_bytes(journal));
    let journal = Journal::parse(name, journal)?;
    let edits = journal.intents.iter().filter_map(Intent::file);
    let reverted = edits.map(|edit| splice::revert(file, &edit.splices)).collect();
    journal.intents.iter().for_each(|intent| drop(intent.written_to()));
    Ok(Read { receipt: journal.receipt(), reverted })
}

/// The same journal with every check made anew, as whoever knows the form can: so that what the lines say is read.
pub fn sealed(journal: &[u8]) -> Vec<u8> {
    let (mut check, mut sealed) = (Check::first(), Vec::new());
    for line in whole_lines(journal) {
        let (line, next) = check.seal_anew(line);
        sealed.extend([line.as_slice(), b"\n"].concat());
        check = next;
    }
    sealed
}

/// The way back from `new` to `old`, by what a receipt would hold.
pub fn there_and_back(old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    splice::revert(new, &splice::between(old, new))
}
