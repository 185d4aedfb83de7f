//! Writing a journal: line after line, each on the disk before what it announces is done.

use std::path::Path;

use port26_platform::files::{Appender, FileError, read_private};

use super::chain::Check;
use super::journal::{BEGUN, whole_lines};
use super::record::{Begin, Intent, Record};
use super::store::Store;

/// Adds records to a journal.
pub(super) struct JournalWriter<'a> {
    file: Appender,
    store: &'a dyn Store,
    /// What the next line rests on; `None`: a journal of an earlier build, which has no checks.
    check: Option<Check>,
}

impl<'a> JournalWriter<'a> {
    pub(super) fn create<'i>(
        store: &'a dyn Store,
        path: &Path,
        begin: Begin,
        intents: impl IntoIterator<Item = &'i Intent>,
    ) -> Result<Self, FileError> {
        // It has its name only with all of this: one that tells less has lost what it said.
        let begun = path.with_extension(BEGUN);
        let mut writer = Self { file: Appender::create(&begun)?, store, check: Some(Check::first()) };
        writer.add(&Record::Begin(begin))?;
        for intent in intents {
            writer.add(&Record::Intent(intent.clone()))?;
        }
        writer.file.take_name(path)?;
        Ok(writer)
    }

    pub(super) fn reopen(store: &'a dyn Store, path: &Path) -> Result<Self, FileError> {
        let file = Appender::open(path)?;
        let check = last_check(path, file.length())?;
        Ok(Self { file, store, check })
    }

    pub(super) fn add(&mut self, record: &Record) -> Result<(), FileError> {
        let text = serde_json::to_string(record).map_err(|error| FileError::Io {
            doing: "writing",
            path: "a journal record".into(),
            source: error.into(),
        })?;
        let Some(check) = &self.check else { return self.store.append(&mut self.file, text.as_bytes()) };
        let (line, check) = check.seal(&text);
        if let Err(error) = self.store.append(&mut self.file, &line) {
            // Whether the line counts all the same is the file's to say: the next one rests on what stays.
            if let Ok(Some(there)) = last_check(self.file.path(), self.file.length()) {
                self.check = Some(there);
            }
            return Err(error);
        }
        self.check = Some(check);
        Ok(())
    }
}

/// The check that the last whole line in so many bytes of a journal carries; `None`: there is no line, or it is an earlier
/// build's.
fn last_check(path: &Path, length: u64) -> Result<Option<Check>, FileError> {
    let mut bytes = read_private(path)?.unwrap_or_default();
    bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    Ok(whole_lines(&bytes).last().and_then(|line| Check::carried_by(line)))
}
