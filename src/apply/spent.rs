//! What receipts leave when they are over: temporary files of killed runs beside settings, and after a long time the
//! receipts themselves. One that is in effect is never touched.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::error::ApplyError;
use super::journal::Journal;
use super::place::is_gone;
use super::receipt::{Kind, ReceiptId};
use super::record::{FileEdit, Record};
use super::writer::Writer;

impl Writer<'_> {
    /// Takes away the temporary files of receipts that are over: a run may have been killed after it had ended its
    /// receipt, or have been unable to remove them. Only names that we give, beside files of receipts that are believed.
    pub(super) fn sweep(&self) -> Result<(), ApplyError> {
        let journals = self.folder()?.journals;
        for journal in journals.iter().filter(|journal| journal.begin.machine == self.machine) {
            let original = match (&journal.begin.kind, &journal.begin.undoes) {
                (Kind::Apply, _) => Some(journal),
                (Kind::Undo, Some(undone)) => journals.iter().find(|other| other.id() == undone),
                (Kind::Undo, None) => None,
            };
            // Those that are not over are recovered, which looks after their files.
            let Some(original) = original.filter(|_| !journal.is_unfinished()) else { continue };
            let left = |(n, edit): (u32, _)| {
                let temp = journal.id().temp_name(n);
                is_left(edit, &temp).then_some((edit, temp))
            };
            let left: Vec<(&FileEdit, String)> = files_of(original).filter_map(left).collect();
            if left.is_empty() || self.believe(original).is_err() {
                continue;
            }
            for (edit, temp) in left {
                // What was committed is known to be in its place, whatever was written to it since.
                let committed = matches!(journal.end, Some(Record::Commit { .. }));
                let known = |bytes: &[u8]| committed || edit.knows(bytes);
                if let Err(error) = self.reach.store.clean_up(&edit.path, &temp, &known) {
                    tracing::warn!("what an earlier run left beside {} stays: {error}", edit.path.display());
                }
            }
        }
        Ok(())
    }

    /// Removes receipts that nothing can be undone by any more and that are older than so many days: undone, taken back,
    /// or of settings that are all gone. 0: none. Returns which.
    pub fn prune(&self, days: u32, now: Timestamp) -> Result<Vec<ReceiptId>, ApplyError> {
        let mut removed = Vec::new();
        if days == 0 {
            return Ok(removed);
        }
        let _lock = self.state.lock()?;
        let folder = self.folder()?;
        let journals = &folder.journals;
        let mut kept: HashSet<&ReceiptId> = journals.iter().map(Journal::id).collect();
        let oldest = SignedDuration::from_hours(24 * i64::from(days));
        // The oldest first, so that what was undone goes before its undo: alone it would count as in effect again.
        for journal in journals {
            let needed = journal.begin.undoes.as_ref().is_some_and(|undone| kept.contains(undone));
            // A receipt of the same profile that is not believed is judged by its neighbours.
            let begin = &journal.begin;
            let doubted = folder
                .unbelieved
                .iter()
                .any(|one| one.says.client.is_none() || one.is_about(&begin.machine, begin.client, &begin.profile));
            if needed || doubted || now.duration_since(last_of(journal)) <= oldest || !self.is_spent(journal) {
                continue;
            }
            match std::fs::remove_file(&journal.path) {
                Ok(()) => {
                    kept.remove(journal.id());
                    removed.push(journal.id().clone());
                }
                Err(error) => tracing::warn!("{} could not be removed: {error}", journal.path.display()),
            }
        }
        Ok(removed)
    }

    /// Nothing that it wrote is there any more.
    fn is_spent(&self, journal: &Journal) -> bool {
        match (&journal.end, &journal.undone, journal.begin.kind) {
            (None, ..) => false,
            (Some(Record::RolledBack { .. }), ..) | (_, Some(_), _) | (_, _, Kind::Undo) => true,
            _ => {
                let is_gone = |intent| is_gone(self.reach, intent);
                journal.begin.machine == self.machine && journal.intents.iter().all(is_gone)
            }
        }
    }
}

/// Does it seem that something is there? Nearly always nothing is, and to believe a receipt may cost a look at all accounts.
fn is_left(edit: &FileEdit, temp: &str) -> bool {
    // The second is where Windows sets the old file aside.
    let names = [temp.to_owned(), format!("{temp}.old")];
    names.iter().any(|name| std::fs::symlink_metadata(edit.path.with_file_name(name)).is_ok())
}

fn files_of(journal: &Journal) -> impl Iterator<Item = (u32, &FileEdit)> {
    journal.intents.iter().filter_map(|intent| intent.file().map(|edit| (intent.n, edit)))
}

/// When something was last written about it.
fn last_of(journal: &Journal) -> Timestamp {
    let ended = match &journal.end {
        Some(Record::Commit { time, .. } | Record::RolledBack { time, .. }) => Some(*time),
        _ => None,
    };
    let undone = journal.undone.as_ref().map(|(_, time)| *time);
    [Some(journal.begin.time), ended, undone].into_iter().flatten().max().unwrap_or(journal.begin.time)
}
