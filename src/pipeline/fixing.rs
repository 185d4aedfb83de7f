//! An account on its way through the fix, and what shall become of it.

use super::conversation::Move;
use super::tested::Tested;
use crate::account::SubmissionServer;
use crate::change::Change;
use crate::credentials::Credential;
use crate::plan::{Outcome, Reason};
use crate::report::AccountReport;

/// An account on its way through the fix.
pub(super) struct Fixing {
    /// What is told about it.
    pub(super) report: AccountReport,
    /// The settings to write; empty if it is left alone.
    pub(super) changes: Vec<Change>,
    /// The same where port26 does not write: they are handed out, for a person to import.
    pub(super) by_import: Vec<Change>,
    /// Its server afterwards.
    pub(super) to: Option<SubmissionServer>,
    pub(super) accepted: Option<Credential>,
    pub(super) consent: Option<Reason>,
    /// Its own port is knocked at once more before anything is written.
    pub(super) short_wait: bool,
}

impl Fixing {
    /// Of this account nothing is written, whatever was decided.
    pub(super) fn left_alone(tested: Tested) -> Self {
        let Tested { report, accepted, consent, short_wait, .. } = tested;
        Self { report, changes: Vec::new(), by_import: Vec::new(), to: None, accepted, consent, short_wait }
    }

    /// What somebody is asked about; `None`: it is left alone.
    pub(super) fn as_move(&self) -> Option<Move<'_>> {
        let (account, waiting) = (&self.report.account, self.report.waiting);
        Some(Move { account, to: self.to.as_ref()?, renames: self.needs_consent(), waiting })
    }

    /// Somebody must agree to it by name: it goes to another name of the host.
    pub(super) fn needs_consent(&self) -> bool {
        (self.pending() || !self.by_import.is_empty()) && self.consent.is_some()
    }

    /// Somebody was shown what changes and agreed to it.
    #[must_use]
    pub(super) fn agreed(mut self) -> Self {
        self.consent = None;
        self
    }

    /// Something will be written.
    pub(super) fn pending(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Something will be written, or handed out to be.
    pub(super) fn writes(&self) -> bool {
        self.pending() || !self.by_import.is_empty()
    }

    pub(super) fn settle(&mut self, outcome: Outcome, reason: Reason) {
        self.report.result = Some(outcome);
        self.report.reason = Some(reason);
        self.changes.clear();
        self.by_import.clear();
    }
}
