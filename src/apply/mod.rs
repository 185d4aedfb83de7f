//! The only code that writes to a user's settings. Each transaction is journalled before it is made, made as a
//! whole or not at all, taken back at the next start if it was interrupted, and can be undone byte for byte.

use std::path::PathBuf;
use std::time::Duration;

use crate::account::{ClientId, SubmissionServer};
use crate::clients::InUse;
use crate::formats::open::Editors;

mod chain;
mod error;
mod fate;
mod fingerprint;
mod folder;
mod handed_out;
mod journal;
#[doc(hidden)]
pub mod outside;
mod overlay;
mod place;
mod prepare;
mod preview;
mod put_back;
mod reach;
mod receipt;
mod receipt_name;
mod record;
mod recover;
mod spent;
mod splice;
mod state_dir;
mod store;
mod together;
mod transaction;
mod unbelieved;
mod undo;

pub use error::{ApplyError, JournalError, StoreError};
pub use handed_out::{HandOutError, ImportFiles, hand_out};
pub use place::NewPassword;
pub use preview::Interrupted;
pub use receipt::{
    AccountChange, AccountRecord, Kind, Left, Machine, Receipt, ReceiptId, RegistryAt, RunId, Status, Transaction,
    in_words,
};
pub use record::SCHEMA;
pub use recover::{Recovered, Recovery, RecoveryOutcome};
pub use store::{MachineStore, Store};
pub use unbelieved::{Says, Unbelieved};
pub use undo::{AccountFate, AccountUndone, Selector, Undone};

use crate::change::Slot;
use folder::Folder;
use journal::Journal;
use reach::Reach;
use state_dir::{Lock, StateDir};

/// Tells whether a client is open on a profile. Asked right before anything is written to it.
pub trait Guard: Sync {
    /// Is it?
    fn in_use(&self, client: ClientId, profile: &str) -> InUse;

    /// The outgoing server of this account as the client has it now, where that can be told.
    fn outgoing_of(&self, _client: ClientId, _account: &str) -> Option<SubmissionServer> {
        None
    }

    /// May a receipt have this client's settings written there? A receipt is a file: that it lies among ours does not make
    /// it true.
    fn keeps_settings_in(&self, _client: ClientId, _at: &Slot) -> bool {
        true
    }
}

impl<F: Fn(ClientId, &str) -> InUse + Sync> Guard for F {
    fn in_use(&self, client: ClientId, profile: &str) -> InUse {
        self(client, profile)
    }
}

/// Writes settings, and takes them back. One at a time for each state folder, whatever the number of processes.
pub struct Writer<'a> {
    state: StateDir,
    machine: Machine,
    reach: Reach<'a>,
    guard: &'a dyn Guard,
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
        guard: &'a dyn Guard,
    ) -> Self {
        let state = StateDir::new(state_dir.into(), Duration::from_secs(5));
        Self { state, machine, reach: Reach { store, editors }, guard }
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

    fn folder(&self) -> Result<Folder, ApplyError> {
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

    fn refuse_in_use(&self, client: ClientId, profile: &str) -> Result<(), ApplyError> {
        match self.guard.in_use(client, profile) {
            InUse::No => Ok(()),
            InUse::Yes(pid) => Err(ApplyError::InUse { client, profile: profile.to_owned(), pid }),
        }
    }
}

#[cfg(test)]
mod tests;
