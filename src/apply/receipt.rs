//! What is known about a set of changes once they are made: the receipt, read from its journal.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use port26_platform::computer::{Computer, Os};
use serde::{Deserialize, Serialize};

use crate::account::{ClientId, SubmissionServer};
use crate::change::{Change, Slot};

/// All the changes of one start of the program have the same run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl RunId {
    /// A run that starts now. Later runs sort after earlier ones.
    pub fn start() -> Self {
        Self(format!("{}-{}", Timestamp::now().strftime("%Y%m%dT%H%M%SZ"), std::process::id()))
    }
}

/// Name of a receipt, as `20261123T235901Z-0001`. Later ones sort after earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReceiptId(pub String);

impl ReceiptId {
    /// Name of the file that holds the new content of the n-th write until it is complete.
    pub(super) fn temp_name(&self, n: u32) -> String {
        format!(".port26-{self}-{n}.tmp")
    }
}

impl fmt::Display for ReceiptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which settings a journal speaks of: nothing is taken back on another machine or in another home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Whose layout.
    pub os: Os,
    /// The home folder.
    pub home: PathBuf,
    /// The registry.
    pub registry: RegistryAt,
}

/// Where the registry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryAt {
    /// There is none.
    None,
    /// The running system's.
    Live,
    /// A `.reg` file.
    File(PathBuf),
}

impl Machine {
    /// This computer.
    pub fn of(computer: &Computer) -> Self {
        let registry = match &computer.registry {
            None => RegistryAt::None,
            Some(registry) => {
                registry.backing_file().map_or(RegistryAt::Live, |file| RegistryAt::File(file.to_owned()))
            }
        };
        Self { os: computer.os, home: computer.folders.home.clone(), registry }
    }
}

/// What is to be done to the accounts of one client profile: all of it or nothing.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// The run it belongs to.
    pub run: RunId,
    /// The client.
    pub client: ClientId,
    /// Its profile.
    pub profile: String,
    /// One entry for each account.
    pub accounts: Vec<AccountChange>,
}

/// One account's part of a [`Transaction`].
#[derive(Debug, Clone)]
pub struct AccountChange {
    /// Id of the account.
    pub account_id: String,
    /// Its outgoing server now.
    pub before: SubmissionServer,
    /// Its outgoing server afterwards.
    pub after: SubmissionServer,
    /// The settings that make the difference. Accounts may share one, if they agree on it.
    pub changes: Vec<Change>,
}

/// One account of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// Id of the account.
    pub account_id: String,
    /// Its outgoing server before.
    pub before: SubmissionServer,
    /// Its outgoing server after.
    pub after: SubmissionServer,
}

/// What a journal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Settings were moved.
    Apply,
    /// Those of another receipt were put back.
    Undo,
}

/// A setting that was not put back, since it holds something else than port26 wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// The setting.
    pub slot: Slot,
    /// What is the matter, in plain words.
    pub why: String,
}

impl Leftover {
    /// Nobody has changed it: it stays with another setting of its account, which somebody has.
    pub fn is_beside(&self) -> bool {
        self.why == LEFT_WITH_ANOTHER
    }

    /// The file that it was in is not there.
    pub fn is_of_a_gone_file(&self) -> bool {
        self.why == FILE_GONE
    }
}

/// Why a setting is left whose file is not there.
pub(super) const FILE_GONE: &str = "the file is gone";

/// Why a setting that nobody has changed is left.
pub(super) const LEFT_WITH_ANOTHER: &str = "it is left with another setting of its account, which was changed since";

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// Begun and not ended: the next start takes it back.
    Unfinished,
    /// The changes are made.
    Applied,
    /// They were taken back before they were complete.
    RolledBack {
        /// Why.
        why: String,
        /// What could not be put back, because another program wrote there.
        left: Vec<Leftover>,
    },
    /// They were made, and undone since.
    Undone {
        /// The receipt of the undo.
        by: ReceiptId,
        /// When.
        time: Timestamp,
    },
}

/// The record of one transaction, made or taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its name.
    pub id: ReceiptId,
    /// The run it belongs to.
    pub run: RunId,
    /// What it is about.
    pub kind: Kind,
    /// For an undo: the receipt that was undone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undoes: Option<ReceiptId>,
    /// When it was begun.
    pub time: Timestamp,
    /// Whose settings.
    pub machine: Machine,
    /// The client.
    pub client: ClientId,
    /// Its profile.
    pub profile: String,
    /// The accounts, with their outgoing server before and after.
    pub accounts: Vec<AccountRecord>,
    /// How it stands.
    #[serde(flatten)]
    pub status: Status,
    /// The settings that were changed.
    pub changes: Vec<Change>,
    /// Of an undo: the settings that it left, since somebody had changed them or another of their account.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_put_back: Vec<Leftover>,
}

/// A setting in words: for errors and reports.
pub fn in_words(slot: &Slot) -> String {
    match slot {
        Slot::Registry { key, value } => format!("{value} of registry key {key}"),
        Slot::Setting { file, name, .. } if name.is_empty() => file.display().to_string(),
        Slot::Setting { file, name, .. } => format!("{} in {}", name.replace('\n', " of "), file.display()),
        Slot::Script { app, object, property } => format!("{property} of {object} in {app}"),
        Slot::Secret { service, account } => format!("the keychain item {service}/{account}"),
    }
}
