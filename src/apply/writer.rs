//! The writer: what it is set up with, what it knows of its receipts, and what it refuses whatever the verb. The verbs have
//! files of their own.

use std::path::PathBuf;
use std::time::Duration;

use super::error::ApplyError;
use super::folder::Folder;
use super::journal::Journal;
use super::journal_writer::JournalWriter;
use super::open_check::OpenCheck;
use super::place;
use super::reach::Reach;
use super::receipt::{Machine, Receipt};
use super::record::{Intent, Record};
use super::state_dir::{Lock, StateDir};
use super::store::Store;
use super::unbelieved::Unbelieved;
use crate::account::ClientId;
use crate::change::{Change, Slot};
use crate::clients::InUse;
use crate::formats::open::Editors;

/// Writes settings, and takes them back. One at a time for each state folder, whatever the number of processes.
pub struct Writer<'a> {
    pub(super) state: StateDir,
    pub(super) machine: Machine,
    pub(super) reach: Reach<'a>,
    pub(super) open_check: &'a dyn OpenCheck,
}

/// The turn of one run. The next one begins when it is dropped, or its process ends.
pub struct RunTurn {
    _lock: Lock,
}

/// All receipts that are believed, and why the others are not.
#[derive(Debug, Default)]
pub struct Receipts {
    /// Oldest first.
    pub receipts: Vec<Receipt>,
    /// One that is not believed never hides the others.
    pub unreadable: Vec<Unbelieved>,
    /// What lies among them and is no receipt.
    pub strays: Vec<PathBuf>,
}

impl<'a> Writer<'a> {
    /// A writer for the settings of this machine that keeps its journals in this state folder.
    pub fn new(
        state_dir: impl Into<PathBuf>,
        machine: Machine,
        store: &'a dyn Store,
        editors: &'a dyn Editors,
        open_check: &'a dyn OpenCheck,
    ) -> Self {
        let state = StateDir::new(state_dir.into(), Duration::from_secs(5));
        Self { state, machine, reach: Reach { store, editors }, open_check }
    }

    /// The same, waiting so long for another writer.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.state = self.state.with_patience(patience);
        self
    }

    /// Waits for another run that reads and writes settings with this state folder; hold it from before the settings are
    /// read until they are written, or two runs plan from the same settings. `waiting` hears whom it waits for.
    pub fn begin_run(&self, patience: Duration, waiting: &dyn Fn(&str)) -> Result<RunTurn, ApplyError> {
        Ok(RunTurn { _lock: self.state.lock_run(patience, waiting)? })
    }

    /// All receipts, of every home folder. Needs no lock: it only reads.
    pub fn receipts(&self) -> Result<Receipts, ApplyError> {
        let Folder { journals, unbelieved, strays } = self.folder()?;
        let receipts = journals.iter().map(Journal::receipt).collect();
        Ok(Receipts { receipts, unreadable: unbelieved, strays })
    }

    /// Is there a folder of receipts? One that cannot be looked at may be one.
    pub fn has_kept_receipts(&self) -> bool {
        let looked = std::fs::symlink_metadata(self.state.receipts_dir());
        !matches!(looked, Err(error) if error.kind() == std::io::ErrorKind::NotFound)
    }

    /// What would keep these changes from being written, as far as it shows without anything written.
    pub fn glance(&self, changes: &[Change]) -> Result<(), ApplyError> {
        place::glance(self.reach, changes)
    }

    pub(super) fn folder(&self) -> Result<Folder, ApplyError> {
        let mut folder = self.state.read()?;
        // The line in the undone journal is written last; a crash before it must not hide that it is undone.
        let complete_undos: Vec<_> = folder.journals.iter().filter_map(Journal::undoes_completely).collect();
        for (original, by, time) in complete_undos {
            if let Some(journal) = folder.journals.iter_mut().find(|journal| *journal.id() == original) {
                journal.undone.get_or_insert((by, time));
            }
        }
        Ok(folder)
    }

    pub(super) fn refuse_in_use(&self, client: ClientId, profile: &str) -> Result<(), ApplyError> {
        match self.open_check.in_use(client, profile) {
            InUse::No => Ok(()),
            InUse::Yes(pid) => Err(ApplyError::InUse { client, profile: profile.to_owned(), pid }),
        }
    }

    /// All that a journal would have put back is somewhere where its client keeps settings.
    pub(super) fn believe(&self, journal: &Journal) -> Result<(), ApplyError> {
        let client = journal.begin.client;
        let strange = |slot: &Slot| !self.open_check.keeps_settings_in(client, slot);
        let written = journal.intents.iter().flat_map(Intent::written_to);
        match written.into_iter().find(strange) {
            Some(slot) => Err(ApplyError::NotBelieved { receipt: journal.id().clone(), client, slot: Box::new(slot) }),
            None => Ok(()),
        }
    }

    /// Adds the end to a journal.
    pub(super) fn end(&self, journal: &Journal, record: &Record) -> Result<(), ApplyError> {
        JournalWriter::reopen(self.reach.store, &journal.path)
            .and_then(|mut writer| writer.add(record))
            .map_err(ApplyError::State)
    }
}
