//! The journal of one transaction, which is its receipt too: JSON lines, each on the disk before the step it
//! announces is taken. A last line cut short by a crash counts as not written: its step was never taken.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use port26_platform::files::{Appender, FileError};
use port26_platform::scripts::{App, ObjectKey};
use serde::{Deserialize, Serialize};

use super::group::temp_name;
use super::receipt::{AccountRecord, Kind, Left, Machine, Receipt, ReceiptId, RunId, Status};
use super::splice::Splice;
use super::store::Store;
use crate::account::ClientId;
use crate::change::{Change, Slot};
use crate::formats::FileFormat;

/// The form of the journal. Others are refused.
pub const SCHEMA: &str = "port26-journal/1";

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Written by a version of port26 with another form of journal.
    #[error("{path} has the form {found}, and this port26 reads {SCHEMA}")]
    Schema {
        /// The journal.
        path: PathBuf,
        /// Its form.
        found: String,
    },
    /// A line in the middle makes no sense.
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
            Self::Schema { .. } => "Use the version of port26 that wrote it, or a newer one.",
            Self::Damaged { .. } => "Look at the settings it names, then move the file elsewhere.",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub(super) enum Record {
    /// First line.
    Begin(Begin),
    /// These settings are about to be written.
    Intent(Intent),
    /// The settings of this intent of the undone receipt are about to be put back.
    Restoring { n: u32, temp: String },
    /// They are.
    Done { n: u32 },
    /// All of them are. `left`: in an undo, what another program had changed.
    Commit {
        time: Timestamp,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<Left>,
    },
    /// All is as it was, but for what is `left`.
    RolledBack {
        time: Timestamp,
        why: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<Left>,
    },
    /// After the commit: undone since.
    Undone { by: ReceiptId, time: Timestamp },
}

impl Record {
    fn is_end(&self) -> bool {
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
}

/// What is written in one step: a file, all the values of the live registry, or all the properties of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intent {
    pub n: u32,
    pub target: Target,
    pub settings: Vec<Step>,
}

impl Intent {
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

/// One setting of an intent, and which of the accounts it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    pub accounts: Vec<usize>,
    #[serde(flatten)]
    pub change: Change,
}

/// What a journal is called until its first line is complete.
pub(super) const BEGUN: &str = "begun";

/// Adds records to a journal.
pub(super) struct JournalWriter<'a> {
    file: Appender,
    store: &'a dyn Store,
}

impl<'a> JournalWriter<'a> {
    pub(super) fn create(store: &'a dyn Store, path: &Path, begin: Begin) -> Result<Self, FileError> {
        // It has its name only with its first line: one that is empty later has lost what it said.
        let begun = path.with_extension(BEGUN);
        let mut writer = Self { file: Appender::create(&begun)?, store };
        writer.add(&Record::Begin(begin))?;
        writer.file.take_name(path)?;
        Ok(writer)
    }

    pub(super) fn reopen(store: &'a dyn Store, path: &Path) -> Result<Self, FileError> {
        Ok(Self { file: Appender::open(path)?, store })
    }

    pub(super) fn add(&mut self, record: &Record) -> Result<(), FileError> {
        let line = serde_json::to_vec(record).map_err(|error| FileError::Io {
            doing: "writing",
            path: "a journal record".into(),
            source: error.into(),
        })?;
        self.store.append(&mut self.file, &line)
    }
}

/// A journal that was read.
#[derive(Debug, Clone)]
pub(super) struct Journal {
    pub path: PathBuf,
    pub begin: Begin,
    pub intents: Vec<Intent>,
    pub end: Option<Record>,
    pub undone: Option<(ReceiptId, Timestamp)>,
}

impl Journal {
    /// Reads a journal. `None`: it was cut off before its first line was complete, so nothing was done.
    pub(super) fn load(path: &Path) -> Result<Option<Self>, JournalError> {
        let bytes = port26_platform::files::read_private(path)?.unwrap_or_default();
        if bytes.is_empty() && path.exists() {
            return Err(JournalError::Damaged { path: path.to_owned(), line: 1, why: "it is empty".to_owned() });
        }
        Self::parse(path, &bytes)
    }

    /// What these bytes of the journal at `path` say.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Option<Self>, JournalError> {
        let damaged = |line: usize, why: String| JournalError::Damaged { path: path.to_owned(), line, why };
        let mut lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
        // What follows the last line end is nothing, or a line cut short.
        lines.pop();
        let mut records = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            let parsed = serde_json::from_slice::<serde_json::Value>(line).map_err(|error| error.to_string());
            if let (0, Ok(value)) = (index, &parsed) {
                let found = value.get("schema").and_then(|schema| schema.as_str()).unwrap_or("none");
                if found != SCHEMA {
                    return Err(JournalError::Schema { path: path.to_owned(), found: found.to_owned() });
                }
            }
            match parsed.and_then(|value| serde_json::from_value::<Record>(value).map_err(|error| error.to_string())) {
                Ok(record) => records.push(record),
                // A crash can leave the length of the last line and not its bytes.
                Err(_) if index + 1 == lines.len() && line.contains(&0) => break,
                Err(why) => return Err(damaged(index + 1, why)),
            }
        }
        let mut records = records.into_iter();
        let begin = match records.next() {
            None => return Ok(None),
            Some(Record::Begin(begin)) => begin,
            Some(_) => return Err(damaged(1, "a journal starts with its beginning".to_owned())),
        };
        if path.file_stem().is_none_or(|stem| stem != begin.id.0.as_str()) {
            return Err(damaged(1, format!("it is the receipt {}, under another name", begin.id)));
        }
        let mut journal = Self { path: path.to_owned(), begin, intents: Vec::new(), end: None, undone: None };
        for record in records {
            match record {
                Record::Begin(_) => return Err(damaged(1, "a journal has one beginning".to_owned())),
                Record::Intent(intent) => {
                    // It is a name in the folder of the file, and nothing but the one that we give.
                    if let Target::File(edit) = &intent.target
                        && edit.temp != temp_name(journal.id(), intent.n)
                    {
                        return Err(damaged(1, format!("write {} goes through a strange file", intent.n)));
                    }
                    journal.intents.push(intent);
                }
                Record::Restoring { .. } | Record::Done { .. } => {}
                Record::Undone { by, time } => journal.undone = Some((by, time)),
                // The last one counts: a commit that could not be synced is followed by its rollback.
                end @ (Record::Commit { .. } | Record::RolledBack { .. }) => journal.end = Some(end),
            }
        }
        Ok(Some(journal))
    }

    /// Does the last whole line end the journal? A quick look, without reading all of it.
    pub(super) fn is_ended(path: &Path) -> Result<bool, JournalError> {
        let bytes = port26_platform::files::read_private(path)?.unwrap_or_default();
        let Some(whole) = bytes.strip_suffix(b"\n") else { return Ok(false) };
        let start = whole.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        Ok(serde_json::from_slice::<Record>(&whole[start..]).is_ok_and(|record| record.is_end()))
    }

    pub(super) fn is_unfinished(&self) -> bool {
        self.end.is_none()
    }

    /// For an undo that left nothing behind: what it undid, its own name, and when.
    pub(super) fn undoes_completely(&self) -> Option<(ReceiptId, ReceiptId, Timestamp)> {
        match (&self.begin.undoes, &self.end) {
            (Some(original), Some(Record::Commit { left, time })) if left.is_empty() => {
                Some((original.clone(), self.begin.id.clone(), *time))
            }
            _ => None,
        }
    }

    pub(super) fn id(&self) -> &ReceiptId {
        &self.begin.id
    }

    /// What people and `--json` see of it.
    pub(super) fn receipt(&self) -> Receipt {
        let status = match (&self.end, &self.undone) {
            (None, _) => Status::Unfinished,
            (Some(Record::RolledBack { why, left, .. }), _) => {
                Status::RolledBack { why: why.clone(), left: left.clone() }
            }
            (Some(_), Some((by, time))) => Status::Undone { by: by.clone(), time: *time },
            (Some(_), None) => Status::Applied,
        };
        let begin = self.begin.clone();
        Receipt {
            id: begin.id,
            run: begin.run,
            kind: begin.kind,
            undoes: begin.undoes,
            time: begin.time,
            machine: begin.machine,
            client: begin.client,
            profile: begin.profile,
            accounts: begin.accounts,
            status,
            changes: self.intents.iter().flat_map(|i| &i.settings).map(|step| step.change.clone()).collect(),
        }
    }
}
