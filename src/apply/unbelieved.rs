//! A receipt that is not believed: why, and what can still be read out of it. Nothing is put back by it; a hand may.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::chain::Check;
use super::error::{ApplyError, JournalError};
use super::journal::whole_lines;
use super::receipt::{AccountRecord, Kind, Machine, ReceiptId, RunId};
use super::receipt_name::id_of;
use super::record::Record;
use crate::account::ClientId;
use crate::change::Change;

/// Such a receipt.
#[derive(Debug)]
pub struct Unbelieved {
    /// Its file.
    pub file: PathBuf,
    /// Why.
    pub error: JournalError,
    /// What stands in it, believed or not.
    pub says: Box<Says>,
}

/// What can be read out of a receipt that is not believed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Says {
    /// Everything below is as it was written: all that is in doubt is what became of it.
    pub intact: bool,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptId>,
    /// Was something changed, or put back?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The run that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Whose settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// The client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// Its profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The accounts, with their outgoing server before and after.
    pub accounts: Vec<AccountRecord>,
    /// The settings that were to be changed.
    pub changes: Vec<Change>,
}

impl Says {
    /// Reads what there is, line by line, and of a first line that makes no sense what stands in it by name.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        let lines = whole_lines(bytes);
        let first = lines.first().copied().unwrap_or(bytes);
        let (mut intact, mut changes) = (Check::first().next(first).is_some(), Vec::new());
        let mut writes: Option<usize> = value_of(first, "writes").filter(|_| intact);
        for pair in lines.windows(2) {
            let holds = Check::carried_by(pair[0]).is_some_and(|before| before.next(pair[1]).is_some());
            if let Ok(Record::Intent(intent)) = serde_json::from_slice(pair[1]) {
                intact &= holds;
                writes = writes.and_then(|writes| writes.checked_sub(1));
                changes.extend(intent.settings.into_iter().map(|step| step.change));
            }
        }
        Self {
            intact: intact && writes == Some(0),
            receipt: value_of(first, "id"),
            kind: value_of(first, "kind"),
            run: value_of(first, "run"),
            machine: value_of(first, "machine"),
            client: value_of(first, "client"),
            profile: value_of(first, "profile"),
            accounts: value_of(first, "accounts").unwrap_or_default(),
            changes,
        }
    }
}

/// What stands behind the first `"name":`. In a text that name would be written with backslashes.
fn value_of<T: DeserializeOwned>(line: &[u8], name: &str) -> Option<T> {
    let key = format!("\"{name}\":");
    let at = line.windows(key.len()).position(|window| window == key.as_bytes())?;
    T::deserialize(&mut serde_json::Deserializer::from_slice(&line[at + key.len()..])).ok()
}

impl Unbelieved {
    /// Stable name of what is wrong, snake_case.
    pub fn code(&self) -> &'static str {
        self.error.code()
    }

    /// The next step.
    pub fn hint(&self) -> &'static str {
        match &self.error {
            JournalError::Damaged { .. } if self.says.accounts.is_empty() => {
                "It does not say any more whose accounts it was about. See in the mail programs that your accounts are as you want them, then move the file elsewhere."
            }
            error => error.hint(),
        }
    }

    /// What is wrong, without the file's name.
    pub fn what(&self) -> String {
        match &self.error {
            JournalError::Damaged { line, why, .. } => format!("line {line}: {why}"),
            JournalError::Schema { found, .. } => format!("it was made by a newer port26 (it has the form {found})"),
            JournalError::File(error) => error.to_string(),
        }
    }

    /// A newer port26 made it.
    pub fn is_newer(&self) -> bool {
        matches!(self.error, JournalError::Schema { .. })
    }

    /// Its name, by that of its file, or by what stands in it.
    pub fn id(&self) -> Option<ReceiptId> {
        id_of(&self.file, "jsonl").or_else(|| self.says.receipt.clone())
    }

    /// For what is left alone because of it.
    pub fn in_the_way(&self) -> ApplyError {
        ApplyError::InTheWay { why: self.to_string(), hint: self.hint(), newer: self.is_newer() }
    }

    /// Does it speak of this profile, for all that can be told?
    pub fn is_about(&self, machine: &Machine, client: ClientId, profile: &str) -> bool {
        let says = &self.says;
        says.client == Some(client) && says.profile.as_deref() == Some(profile) && !self.is_elsewhere(machine)
    }

    /// Is it certain that it speaks of another machine?
    pub(super) fn is_elsewhere(&self, machine: &Machine) -> bool {
        self.says.intact && self.says.machine.as_ref().is_some_and(|its| its != machine)
    }
}

impl fmt::Display for Unbelieved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl From<Unbelieved> for ApplyError {
    fn from(unbelieved: Unbelieved) -> Self {
        Self::Journal(unbelieved.error)
    }
}
