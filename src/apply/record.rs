//! The lines of a journal, as data: what was about to be written and how it is taken back, what was done, and how it
//! ended.

use std::path::PathBuf;

use jiff::Timestamp;
use port26_platform::scripts::{App, ObjectKey};
use serde::{Deserialize, Serialize};

use super::fingerprint::fingerprint;
use super::receipt::{AccountRecord, Kind, Leftover, Machine, ReceiptId, RunId};
use super::splice::Splice;
use crate::account::ClientId;
use crate::change::{Change, Slot};
use crate::formats::FileFormat;

/// The form of the journals that are written.
pub const SCHEMA: &str = "port26-journal/2";

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub(super) enum Record {
    /// First line.
    Begin(Begin),
    /// These settings are about to be written. All of them stand before the first write.
    Intent(Intent),
    /// The settings of this intent of the undone receipt are about to be put back.
    Restoring { n: u32, temp: String },
    /// They are.
    Done { n: u32 },
    /// All of them are. `left`: in an undo, what another program had changed.
    Commit {
        time: Timestamp,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<Leftover>,
    },
    /// All is as it was, but for what is `left`.
    RolledBack {
        time: Timestamp,
        why: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<Leftover>,
    },
    /// After the commit: undone since.
    Undone { by: ReceiptId, time: Timestamp },
}

impl Record {
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Commit { .. } | Self::RolledBack { .. } | Self::Undone { .. })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begin {
    pub schema: String,
    pub id: ReceiptId,
    pub run: RunId,
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<ReceiptId>,
    pub time: Timestamp,
    pub machine: Machine,
    pub client: ClientId,
    pub profile: String,
    pub accounts: Vec<AccountRecord>,
    /// How many intents follow. A journal with fewer of them was cut off: it takes its name only with the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes: Option<usize>,
}

/// What is written in one step: a file, all the values of the live registry, or all the properties of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intent {
    pub n: u32,
    pub target: Target,
    pub settings: Vec<Step>,
}

impl Intent {
    /// The edit, if it is one of a file.
    pub(super) fn file(&self) -> Option<&FileEdit> {
        match &self.target {
            Target::File(edit) => Some(edit),
            Target::Registry | Target::Script { .. } => None,
        }
    }

    /// All of its settings, left for this reason.
    pub(super) fn all_left(&self, why: &str) -> impl Iterator<Item = Leftover> {
        self.settings.iter().map(move |step| Leftover { slot: step.change.slot.clone(), why: why.to_owned() })
    }

    /// Every place that putting it back would write to: of a file, the file that is really opened, which must be the one
    /// that its settings name.
    pub(super) fn written_to(&self) -> Vec<Slot> {
        let own = self.settings.iter().map(|step| step.change.slot.clone());
        match &self.target {
            Target::File(edit) => {
                let name = String::new();
                let file = Slot::Setting { file: edit.path.clone(), format: edit.format, name };
                std::iter::once(file).chain(own).collect()
            }
            Target::Registry | Target::Script { .. } => own.collect(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Target {
    File(FileEdit),
    Registry,
    /// `passwords`: the objects that were given one. What they had before is not known to anybody but the program.
    Script {
        app: App,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        passwords: Vec<ObjectKey>,
    },
}

/// The edit of a file, as a way back: what was taken out, and what both versions are recognised by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileEdit {
    pub path: PathBuf,
    pub format: FileFormat,
    pub before_sha256: String,
    pub after_sha256: String,
    pub before_len: usize,
    pub after_len: usize,
    pub splices: Vec<Splice>,
    pub temp: String,
}

impl FileEdit {
    /// Are these the bytes from before the edit, or those that it made?
    pub(super) fn knows(&self, bytes: &[u8]) -> bool {
        let print = fingerprint(bytes);
        print == self.before_sha256 || print == self.after_sha256
    }
}

/// One setting of an intent, and which of the accounts it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    pub accounts: Vec<usize>,
    #[serde(flatten)]
    pub change: Change,
}
