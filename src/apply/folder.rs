//! What lies in the folder of receipts: those that are believed, those that are not, and what is no receipt at all. Nothing is
//! removed here but what a killed run had not even given its name.

use std::path::{Path, PathBuf};

use port26_platform::files::read_private;

use super::error::{ApplyError, JournalError};
use super::journal::{BEGUN, Journal, schema_of, whole_lines};
use super::receipt::ReceiptId;
use super::receipt_name::{after, id_of, is_id, now};
use super::record::Record;
use super::state_dir::StateDir;
use super::unbelieved::{Says, Unbelieved};

/// All of it, receipts oldest first.
#[derive(Debug, Default)]
pub(super) struct Folder {
    pub journals: Vec<Journal>,
    pub unbelieved: Vec<Unbelieved>,
    pub strays: Vec<PathBuf>,
}

impl StateDir {
    /// Reads every receipt.
    pub(super) fn read(&self) -> Result<Folder, ApplyError> {
        let mut folder = Folder::default();
        for path in self.entries()? {
            if id_of(&path, "jsonl").is_some() {
                match load(&path) {
                    Ok(journal) => folder.journals.push(journal),
                    Err(unbelieved) => folder.unbelieved.push(unbelieved),
                }
            } else if let Some(misplaced) = self.misplaced(&path) {
                folder.unbelieved.push(misplaced);
            } else if id_of(&path, BEGUN).is_none() {
                folder.strays.push(path);
            }
        }
        // An earlier build's is believed as it stands.
        let lacks_end = |journal: &Journal| journal.begin.writes.is_some() && journal.is_unfinished();
        let (cut, whole): (Vec<_>, Vec<_>) = std::mem::take(&mut folder.journals).into_iter().partition(lacks_end);
        folder.journals = whole;
        folder.settle(cut);
        Ok(folder)
    }

    /// Journals of receipts that were begun and not ended, newest first, and the receipts that are not believed.
    pub(super) fn unfinished(&self) -> Result<(Vec<Journal>, Vec<Unbelieved>), ApplyError> {
        let settled = |path: &PathBuf| match id_of(path, "jsonl") {
            Some(_) => Journal::is_settled(path).unwrap_or(false),
            None => self.misplaced(path).is_none(),
        };
        if self.entries()?.iter().all(settled) {
            return Ok(Default::default());
        }
        let Folder { mut journals, unbelieved, .. } = self.read()?;
        journals.retain(Journal::is_unfinished);
        journals.reverse();
        Ok((journals, unbelieved))
    }

    /// Reads one receipt; `None` if there is none of this name.
    pub(super) fn load(&self, id: &ReceiptId) -> Result<Option<Journal>, Unbelieved> {
        let path = self.journal_path(id);
        // A name comes from the command line too: it must not lead out of the folder.
        if !is_id(&id.0) || std::fs::symlink_metadata(&path).is_err() {
            return Ok(None);
        }
        load(&path).map(Some)
    }

    /// Journals that a killed run had not even named. Nothing was done under them; one that stays is in nobody's way.
    /// Whoever calls this holds the lock, so nobody is at work on one.
    pub(super) fn forget_begun(&self) {
        let begun = self.entries().unwrap_or_default().into_iter().filter(|path| id_of(path, BEGUN).is_some());
        for path in begun.filter(|path| !tells_of_writes(path)) {
            let _ = std::fs::remove_file(path);
        }
    }

    /// Names of all receipts, oldest first.
    fn ids(&self) -> Result<Vec<ReceiptId>, ApplyError> {
        Ok(self.entries()?.iter().filter_map(|path| id_of(path, "jsonl")).collect())
    }

    /// A name after all that are there, even if the clock was set back.
    pub(super) fn next_id(&self) -> Result<ReceiptId, ApplyError> {
        self.forget_begun();
        let now = now();
        Ok(match self.ids()?.pop() {
            Some(newest) if newest >= now => after(&newest).unwrap_or(now),
            _ => now,
        })
    }

    /// A file of another name that holds a receipt which is not there under its own.
    fn misplaced(&self, path: &Path) -> Option<Unbelieved> {
        if id_of(path, BEGUN).is_some() && !tells_of_writes(path) {
            return None;
        }
        let bytes = read_private(path).ok()??;
        let lines = whole_lines(&bytes);
        let is_ours = schema_of(lines.first()?).is_ok_and(|schema| schema.starts_with("port26-journal/"));
        let says = Box::new(Says::of_bytes(&bytes));
        let own = says.receipt.as_ref().filter(|id| is_ours && is_id(&id.0))?;
        let own = self.journal_path(own);
        if std::fs::symlink_metadata(&own).is_ok() {
            return None;
        }
        let name = own.file_name().unwrap_or_default().display();
        let why = format!("it is a receipt under another name; give it back its own, {name}");
        let error = JournalError::Damaged { path: path.to_owned(), line: 1, why };
        Some(Unbelieved { file: path.to_owned(), error, says })
    }
}

impl Folder {
    /// Journals without an end. A crash leaves one; the next run puts it right before it begins anything of that profile. So
    /// one that a newer receipt of its profile stands beside has lost its end since, and what it was is not known.
    fn settle(&mut self, cut: Vec<Journal>) {
        if cut.is_empty() {
            return;
        }
        let all: Vec<Journal> = self.journals.iter().chain(&cut).cloned().collect();
        for journal in cut {
            let of_profile = |other: &Journal| other.id() > journal.id() && other.is_of_the_profile_of(&journal);
            let begin = &journal.begin;
            let unbelieved = |other: &Unbelieved| {
                other.is_about(&begin.machine, begin.client, &begin.profile)
                    && other.id().is_some_and(|id| id > *journal.id())
            };
            if !all.iter().any(of_profile) && !self.unbelieved.iter().any(unbelieved) {
                self.journals.push(journal);
                continue;
            }
            let why = "its end is missing, although newer changes of this profile were made".to_owned();
            let error = JournalError::Damaged { path: journal.path.clone(), line: journal.lines + 1, why };
            let says = read_private(&journal.path).ok().flatten().map(|bytes| Box::new(Says::of_bytes(&bytes)));
            let file = journal.path;
            self.unbelieved.push(Unbelieved { file, error, says: says.unwrap_or_default() });
        }
        self.journals.sort_by(|one, other| one.id().cmp(other.id()));
        self.unbelieved.sort_by(|one, other| one.file.cmp(&other.file));
    }
}

/// Something was done under it, so it had its name once, and has lost it since: a disk that kept the lines and not the name.
fn tells_of_writes(path: &Path) -> bool {
    let bytes = read_private(path).ok().flatten().unwrap_or_default();
    let is_of_a_write = |line: &&[u8]| {
        serde_json::from_slice::<Record>(line)
            .is_ok_and(|record| !matches!(record, Record::Begin(_) | Record::Intent(_)))
    };
    whole_lines(&bytes).iter().any(is_of_a_write)
}

fn load(path: &Path) -> Result<Journal, Unbelieved> {
    Journal::load(path).map_err(|error| {
        let bytes = read_private(path).ok().flatten().unwrap_or_default();
        Unbelieved { file: path.to_owned(), error, says: Box::new(Says::of_bytes(&bytes)) }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn names_rise_even_when_the_clock_was_set_back_or_the_count_is_full() {
        let id = |text: &str| ReceiptId(text.to_owned());
        assert_eq!(after(&id("20261123T235901Z-0001")), Some(id("20261123T235901Z-0002")));
        assert_eq!(after(&id("20261123T235959Z-9999")), Some(id("20261124T000000Z-0001")));
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().into(), Duration::ZERO);
        let _lock = state.lock().unwrap();
        std::fs::write(state.journal_path(&id("29990101T000000Z-0007")), "").unwrap();
        assert_eq!(state.next_id().unwrap(), id("29990101T000000Z-0008"));
    }

    #[test]
    fn a_receipt_that_cannot_be_read_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().into(), Duration::ZERO);
        std::fs::create_dir_all(state.journal_path(&ReceiptId("20261123T235901Z-0001".to_owned()))).unwrap();
        let (unfinished, unbelieved) = state.unfinished().unwrap();
        assert_eq!((unfinished.len(), unbelieved.len()), (0, 1));
    }

    #[test]
    fn a_receipt_name_does_not_lead_out_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("evil.jsonl"), "x\n").unwrap();
        let state = StateDir::new(dir.path().into(), Duration::ZERO);
        assert!(state.load(&ReceiptId("../evil".to_owned())).unwrap().is_none());
    }
}
