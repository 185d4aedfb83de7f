//! The journal of one transaction, which is its receipt too: JSON lines, each on the disk before the step it
//! announces is taken, and each with a check over itself and the line before it. A last line cut short by a crash counts as
//! not written: its step was never taken. A journal has its name only once it tells all that is about to be written, so
//! whatever whole lines are left of it tell how to take everything back.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use port26_platform::files::read_private;

use super::chain::Check;
use super::error::JournalError;
use super::receipt::{Receipt, ReceiptId, Status};
use super::record::{Begin, Intent, Record, SCHEMA};

/// The form that earlier builds wrote, without checks: still read, and believed as it stands there.
const WITHOUT_CHECKS: &str = "port26-journal/1";

const FORM: &str = "port26-journal/";

/// What a journal is called until it tells all that it is about.
pub(super) const BEGUN: &str = "begun";

/// The lines that have their end. What follows the last is nothing, or a line cut short.
pub(super) fn whole_lines(bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    lines.pop();
    lines
}

/// What the lines of a journal are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Nothing.
    Plain,
    /// Their checks.
    Checked,
}

/// A line that is not as it was written: its number from 1, and what is wrong.
type Flaw = (usize, String);

/// A journal that was read.
#[derive(Debug, Clone)]
pub(super) struct Journal {
    pub path: PathBuf,
    pub begin: Begin,
    pub intents: Vec<Intent>,
    pub end: Option<Record>,
    pub undone: Option<(ReceiptId, Timestamp)>,
    /// How many whole lines it has.
    pub lines: usize,
}

impl Journal {
    /// Reads a journal; the file is there.
    pub(super) fn load(path: &Path) -> Result<Self, JournalError> {
        let bytes = read_private(path)?.unwrap_or_default();
        Self::parse(path, &bytes)
    }

    /// The journal that these bytes of this file are.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, JournalError> {
        let damaged = |(line, why): Flaw| JournalError::Damaged { path: path.to_owned(), line, why };
        if bytes.is_empty() {
            return Err(damaged((1, "it is empty".to_owned())));
        }
        let lines = whole_lines(bytes);
        let first = lines.first().ok_or_else(|| damaged((1, "it is cut off in its first line".to_owned())))?;
        let schema = schema_of(first).map_err(|why| damaged((1, why)))?;
        let form = match schema.as_str() {
            SCHEMA => Form::Checked,
            WITHOUT_CHECKS if Check::carried_by(first).is_none() => Form::Plain,
            newer if is_newer(newer) => return Err(JournalError::Schema { path: path.to_owned(), found: schema }),
            other => return Err(damaged((1, format!("it says that it has the form {other}, and has not")))),
        };
        let records = records(&lines, form).map_err(damaged)?;
        Self::of_records(path, records, form).map_err(damaged)
    }

    fn of_records(path: &Path, records: Vec<Record>, form: Form) -> Result<Self, Flaw> {
        let lines = records.len();
        let mut records = records.into_iter().enumerate();
        let begin = match records.next() {
            Some((_, Record::Begin(begin))) => begin,
            _ => return Err((1, "a journal starts with its beginning".to_owned())),
        };
        if path.file_stem().is_none_or(|stem| stem != begin.id.0.as_str()) {
            return Err((1, format!("it is the receipt {}, under another name", begin.id)));
        }
        let mut journal = Self { path: path.to_owned(), begin, intents: Vec::new(), end: None, undone: None, lines };
        for (at, record) in records {
            match record {
                Record::Begin(_) => return Err((at + 1, "a journal has one beginning".to_owned())),
                Record::Intent(intent) => {
                    // It is a name in the folder of the file, and nothing but the one that we give.
                    if let Some(edit) = intent.file()
                        && edit.temp != journal.id().temp_name(intent.n)
                    {
                        return Err((at + 1, format!("write {} goes through a strange file", intent.n)));
                    }
                    journal.intents.push(intent);
                }
                Record::Restoring { .. } | Record::Done { .. } => {}
                Record::Undone { by, time } => journal.undone = Some((by, time)),
                // The last one counts: a commit that could not be synced is followed by its rollback.
                end @ (Record::Commit { .. } | Record::RolledBack { .. }) => journal.end = Some(end),
            }
        }
        match journal.begin.writes {
            Some(writes) if journal.intents.len() < writes => {
                let told = journal.intents.len();
                Err((told + 2, format!("it is cut off: it tells {told} of {writes} writes")))
            }
            None if form == Form::Checked => Err((1, "it does not say how much is written".to_owned())),
            _ => Ok(journal),
        }
    }

    /// Is it whole, and does its last line end it? A quick look, without reading what the lines say.
    pub(super) fn is_settled(path: &Path) -> Result<bool, JournalError> {
        let bytes = read_private(path)?.unwrap_or_default();
        let lines = whole_lines(&bytes);
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Ok(false) };
        let is_whole = match schema_of(first).as_deref() {
            Ok(SCHEMA) => unbroken(&lines).is_ok_and(|whole| whole == lines.len()),
            Ok(WITHOUT_CHECKS) => bytes.ends_with(b"\n"),
            _ => false,
        };
        Ok(is_whole && serde_json::from_slice::<Record>(last).is_ok_and(|record| record.is_end()))
    }

    pub(super) fn is_unfinished(&self) -> bool {
        self.end.is_none()
    }

    /// Settings of one profile on one machine.
    pub(super) fn is_of_the_profile_of(&self, other: &Self) -> bool {
        let profile = |begin: &Begin| (begin.client, begin.profile.clone(), begin.machine.clone());
        profile(&self.begin) == profile(&other.begin)
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
            not_put_back: match &self.end {
                Some(Record::Commit { left, .. }) => left.clone(),
                _ => Vec::new(),
            },
        }
    }
}

/// The form that the first line says it has.
pub(super) fn schema_of(line: &[u8]) -> Result<String, String> {
    #[derive(serde::Deserialize)]
    struct Head {
        #[serde(default)]
        schema: Option<String>,
    }
    let head: Head = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    head.schema.ok_or_else(|| "it does not say which form it has".to_owned())
}

fn is_newer(schema: &str) -> bool {
    let number = |schema: &str| schema.strip_prefix(FORM).and_then(|number| number.parse::<u32>().ok());
    number(schema) > number(SCHEMA)
}

/// How many of the lines hold: all, or all but a last one whose length a crash has left and not its bytes.
fn unbroken(lines: &[&[u8]]) -> Result<usize, Flaw> {
    let mut check = Check::first();
    for (at, line) in lines.iter().enumerate() {
        match check.next(line) {
            Some(next) => check = next,
            None if at > 0 && at + 1 == lines.len() && line.contains(&0) => return Ok(at),
            None => return Err((at + 1, "its check does not hold, so it is not what port26 wrote there".to_owned())),
        }
    }
    Ok(lines.len())
}

fn records(lines: &[&[u8]], form: Form) -> Result<Vec<Record>, Flaw> {
    let held = if form == Form::Checked { unbroken(lines)? } else { lines.len() };
    let mut records = Vec::with_capacity(held);
    for (at, line) in lines[..held].iter().enumerate() {
        match serde_json::from_slice(line) {
            Ok(record) => records.push(record),
            Err(_) if at > 0 && at + 1 == lines.len() && line.contains(&0) => break,
            Err(error) => return Err((at + 1, error.to_string())),
        }
    }
    Ok(records)
}
