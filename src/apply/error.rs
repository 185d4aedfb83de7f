//! Everything that can stop the writer, each with a stable code and the next step.

use std::path::PathBuf;

use port26_platform::files::FileError;
use port26_platform::registry::RegistryError;
use port26_platform::scripts::ScriptError;

use super::receipt::{Leftover, ReceiptId, in_words};
use super::record::SCHEMA;
use crate::account::ClientId;
use crate::change::Slot;
use crate::formats::FormatError;

/// Why settings were not written, or not put back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// Another port26 is at work.
    #[error("{holder} is writing settings right now (lock {lock})")]
    Locked {
        /// Who.
        holder: String,
        /// The lock file.
        lock: PathBuf,
    },
    /// The state folder could not be used.
    #[error("the journal cannot be kept: {0}")]
    State(FileError),
    /// A journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A receipt names settings that no mail program found here keeps: nobody but port26 should have written it.
    #[error("receipt {receipt} would write {}, where {client:?} keeps no settings", in_words(slot))]
    NotBelieved {
        /// The receipt.
        receipt: ReceiptId,
        /// The client that it says it is about.
        client: ClientId,
        /// The first such setting.
        slot: Box<Slot>,
    },
    /// An earlier change of this profile was interrupted and could not be taken back yet.
    #[error("an interrupted change of this profile is not taken back yet (receipt {receipt}): {why}")]
    Unfinished {
        /// Its receipt.
        receipt: ReceiptId,
        /// What keeps it.
        why: String,
    },
    /// A receipt of this profile is not believed: what it would undo must not be written over, nor what is below it put back.
    #[error("a receipt of this profile cannot be believed, so nothing of it is changed: {why}")]
    InTheWay {
        /// What is wrong, with the file's name.
        why: String,
        /// The next step.
        hint: &'static str,
        /// A newer port26 made it.
        newer: bool,
    },
    /// The client is open and would overwrite what is written.
    #[error("{client:?} is open on profile {profile}{}", pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    InUse {
        /// The client.
        client: ClientId,
        /// The profile.
        profile: String,
        /// Its process, where known.
        pid: Option<u32>,
    },
    /// A setting is not what the plan was made from.
    #[error("{} was changed since it was read", in_words(slot))]
    Changed {
        /// The setting.
        slot: Box<Slot>,
    },
    /// The file is gone.
    #[error("{file} does not exist")]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be read or edited as its format.
    #[error("{file}: {source}")]
    Format {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: FormatError,
    },
    /// After the edit the setting reads as something else; nothing was written.
    #[error("{} does not read back as it was written", in_words(slot))]
    NotTaken {
        /// The setting.
        slot: Box<Slot>,
    },
    /// Two accounts want different things of one setting.
    #[error("two accounts need different contents of {}", in_words(slot))]
    Contradiction {
        /// The setting.
        slot: Box<Slot>,
    },
    /// Settings of this kind are not written here.
    #[error("{} is not a setting that can be written", in_words(slot))]
    NotWritable {
        /// The setting.
        slot: Box<Slot>,
    },
    /// The way back could not be made; nothing was written.
    #[error("no way back from the edit of {file} could be kept")]
    Irreversible {
        /// The file.
        file: PathBuf,
    },
    /// The present settings could not be read.
    #[error(transparent)]
    Read(StoreError),
    /// They could be read and cannot be replaced; nothing was begun.
    #[error(transparent)]
    Shut(StoreError),
    /// A write failed; everything is as it was.
    #[error("the change was taken back (receipt {receipt}): {source}")]
    RolledBack {
        /// Its receipt.
        receipt: ReceiptId,
        /// What failed.
        source: Box<ApplyError>,
    },
    /// A write failed, and so did taking back what was done.
    #[error("the change could not be taken back completely (receipt {receipt}): {source}; left: {}", list(left))]
    RollbackIncomplete {
        /// Its receipt.
        receipt: ReceiptId,
        /// What is not as it was.
        left: Vec<Leftover>,
        /// What failed first.
        source: Box<ApplyError>,
    },
    /// A write failed.
    #[error(transparent)]
    Write(StoreError),
    /// No receipt of this name.
    #[error("there is no receipt {id}")]
    UnknownReceipt {
        /// The name.
        id: ReceiptId,
    },
    /// It was made for another home or registry.
    #[error("receipt {id} is about {home}, not about the home folder in use")]
    OtherMachine {
        /// The receipt.
        id: ReceiptId,
        /// Its home folder.
        home: PathBuf,
    },
    /// There is nothing in it to undo.
    #[error("receipt {id} cannot be undone: {why}")]
    NothingToUndo {
        /// The receipt.
        id: ReceiptId,
        /// Why.
        why: String,
    },
}

fn list(left: &[Leftover]) -> String {
    left.iter().map(|left| in_words(&left.slot)).collect::<Vec<_>>().join(", ")
}

impl ApplyError {
    /// Stable name of the error, snake_case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "locked",
            Self::State(_) => "state_folder",
            Self::Journal(error) => error.code(),
            Self::NotBelieved { .. } => "receipt_not_believed",
            Self::Unfinished { .. } => "unfinished",
            Self::InTheWay { newer: true, .. } => "receipt_newer",
            Self::InTheWay { .. } => "receipt_damaged",
            Self::InUse { .. } => "client_open",
            Self::Changed { .. } => "changed_meanwhile",
            Self::Missing { .. } => "file_missing",
            Self::Format { .. } => "file_format",
            Self::NotTaken { .. } => "not_taken",
            Self::Contradiction { .. } => "contradiction",
            Self::NotWritable { .. } => "not_writable",
            Self::Irreversible { .. } => "irreversible",
            Self::Read(error) | Self::Write(error) | Self::Shut(error) => error.code(),
            Self::RolledBack { .. } => "rolled_back",
            Self::RollbackIncomplete { .. } => "rollback_incomplete",
            Self::UnknownReceipt { .. } => "unknown_receipt",
            Self::OtherMachine { .. } => "other_machine",
            Self::NothingToUndo { .. } => "nothing_to_undo",
        }
    }

    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "Wait until the other port26 is done, then run this again.",
            Self::State(error) => error.hint(),
            Self::Journal(error) => error.hint(),
            Self::NotBelieved { .. } => {
                "Look at that file in the state folder: it was changed, or its mail profile is gone. Set the account by hand."
            }
            Self::InTheWay { hint, .. } => hint,
            Self::Unfinished { .. } => "Close the mail client and run port26 again; it takes the rest back first.",
            Self::InUse { .. } => "Close the mail client and run port26 again.",
            Self::Changed { .. } => "Close the mail client and run port26 again, so that it sees the new settings.",
            Self::Missing { .. } => "Start the mail client once, close it, and run port26 again.",
            Self::Format { .. } | Self::NotTaken { .. } | Self::Contradiction { .. } | Self::Irreversible { .. } => {
                "Nothing was written. Change the setting in the mail client itself; `port26 scan` names it."
            }
            Self::NotWritable { .. } => "Change this setting in the mail client itself.",
            Self::Read(error) | Self::Write(error) | Self::Shut(error) => error.hint(),
            Self::RolledBack { source, .. } => source.hint(),
            Self::RollbackIncomplete { .. } => "Close the mail client and run port26 again; it takes the rest back.",
            Self::UnknownReceipt { .. } => "`port26 status` lists the receipts.",
            Self::OtherMachine { .. } => "Name that home folder with --home, and its registry with --registry.",
            Self::NothingToUndo { .. } => "`port26 status` lists what can be undone.",
        }
    }
}

/// What went wrong while reading or writing the user's settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// With a file.
    #[error(transparent)]
    File(#[from] FileError),
    /// With the registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// With a program that is set by scripting.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// There is no registry here.
    #[error("registry key {key}: this machine has no registry")]
    NoRegistry {
        /// The key that was asked for.
        key: String,
    },
}

impl StoreError {
    /// Stable name of the error, snake_case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Registry(_) => "registry",
            Self::Script(error) => error.code(),
            Self::NoRegistry { .. } => "no_registry",
        }
    }

    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File(error) => error.hint(),
            Self::Script(error) => error.hint(),
            Self::Registry(_) => "Check that this user may write the registry key, then run port26 again.",
            Self::NoRegistry { .. } => "Name the user's registry with --registry FILE.reg.",
        }
    }
}

/// Why a journal is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Written by a later version of port26, with another form of journal.
    #[error("{path} was made by a newer port26: it has the form {found}, and this one reads {SCHEMA}")]
    Schema {
        /// The journal.
        path: PathBuf,
        /// Its form.
        found: String,
    },
    /// It is not as it was written.
    #[error("{path}, line {line}: {why}")]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

impl JournalError {
    /// Stable name of the error, snake_case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File(_) => "state_folder",
            Self::Schema { .. } => "journal_schema",
            Self::Damaged { .. } => "journal_damaged",
        }
    }

    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File(error) => error.hint(),
            Self::Schema { .. } => "Update port26, or undo it with that one.",
            Self::Damaged { .. } => {
                "Look at the accounts it names and set them by hand where they need it, then move the file elsewhere."
            }
        }
    }

    /// The line that is not as it was written.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Damaged { line, .. } => Some(*line),
            Self::File(_) | Self::Schema { .. } => None,
        }
    }
}
