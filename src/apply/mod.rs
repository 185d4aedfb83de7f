//! The only code that writes to a user's settings. Each transaction is journalled before it is made, made as a
//! whole or not at all, taken back at the next start if it was interrupted, and can be undone byte for byte.

// What journals and receipts say, and what can go wrong: plain data.
mod error;
mod fate;
mod fingerprint;
mod put_back;
mod receipt;
mod receipt_name;
mod record;
mod splice;

// Where settings are, and how each kind of place is written and put back.
mod overlay;
mod place;
mod reach;
mod store;

// The journals, and the folder that they lie in.
mod chain;
mod folder;
mod journal;
mod journal_writer;
mod state_dir;
mod unbelieved;

// The writer and its verbs, and what they share.
mod open_check;
mod prepare;
mod preview;
mod recover;
mod spent;
mod take_back;
mod together;
mod transaction;
mod undo;
mod writer;

// Beside them: what a person imports, and what the fuzz targets reach.
mod handed_out;
#[doc(hidden)]
pub mod outside;

pub use error::{ApplyError, JournalError, StoreError};
pub use handed_out::{HandOutError, ImportFiles, hand_out};
pub use open_check::OpenCheck;
pub use place::NewPassword;
pub use preview::Interrupted;
pub use receipt::{
    AccountChange, AccountRecord, Kind, Leftover, Machine, Receipt, ReceiptId, RegistryAt, RunId, Status, Transaction,
    in_words,
};
pub use record::SCHEMA;
pub use recover::{Recovered, Recovery, RecoveryOutcome};
pub use store::{MachineStore, Store};
pub use unbelieved::{Says, Unbelieved};
pub use undo::{AccountFate, AccountUndone, Selector, Undone};
pub use writer::{Receipts, RunTurn, Writer};

#[cfg(test)]
mod tests;
