//! What each stage tells: the same value is printed for people and as `--json` (schema `port26/1`).

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use crate::account::{Account, SubmissionServer};
use crate::apply::ImportFiles;
use crate::clients::{Installation, Problem};
use crate::diagnosis::Verdict;
use crate::past_mail::Waiting;
use crate::plan::{Outcome, Reason};

/// Name and version of the JSON contract.
pub const SCHEMA: &str = "port26/1";

/// One account with everything said about it so far.
#[derive(Debug, Clone, Serialize)]
pub struct AccountReport {
    /// The account as found.
    #[serde(flatten)]
    pub account: Account,
    /// From `test` on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// From `fix` on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
    /// Why this result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The outgoing server before a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<SubmissionServer>,
    /// The outgoing server after it (for `--dry-run`: what it would be).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<SubmissionServer>,
    /// The receipt that `undo` takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// When the newest message was written that its program keeps here as sent: of a mailbox at the host another program may have
    /// sent it. Null: not known, or not asked, since it can send.
    pub last_sent: Option<Timestamp>,
    /// What waits in its Outbox; null: as above.
    pub waiting: Option<Waiting>,
    /// Two `.reg` files: what a person imports where port26 does not write, or may import into Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportFiles>,
}

impl AccountReport {
    /// A report that says only what was found.
    pub fn found(account: Account) -> Self {
        Self {
            account,
            verdict: None,
            result: None,
            reason: None,
            before: None,
            after: None,
            receipt: None,
            last_sent: None,
            waiting: None,
            import: None,
        }
    }

    /// Sets result and reason.
    pub fn with_result(mut self, result: Outcome, reason: Reason) -> Self {
        self.result = Some(result);
        self.reason = Some(reason);
        self
    }
}

/// The document of `scan`, `test` and `fix`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `port26/1`.
    pub schema: &'static str,
    /// Which verb made it.
    pub verb: &'static str,
    /// Mail programs found, with steps by hand for those that are explained only.
    pub clients: Vec<Installation>,
    /// One entry for each outgoing server.
    pub accounts: Vec<AccountReport>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// The places of those problems that are none of the accounts that were named: told, and no matter of how the run ends.
    #[serde(skip)]
    pub beside: BTreeSet<usize>,
    /// What was put right from an earlier, interrupted run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recovered: Vec<String>,
    /// What an interrupted run left, and a run that writes nothing (`--dry-run`) leaves as it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interrupted: Vec<String>,
    /// Why nothing was looked at yet: the whole run is put off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deferred: Option<Reason>,
}

impl Report {
    /// An empty report of a verb.
    pub fn new(verb: &'static str) -> Self {
        Self {
            schema: SCHEMA,
            verb,
            clients: Vec::new(),
            accounts: Vec::new(),
            problems: Vec::new(),
            beside: BTreeSet::new(),
            recovered: Vec::new(),
            interrupted: Vec::new(),
            deferred: None,
        }
    }
}
