//! At the next start: what a killed process left half done. A change is taken back, an undo is completed; both
//! by looking at what is there, so that this too may be killed and begun again.

use jiff::Timestamp;

use super::error::{ApplyError, JournalError};
use super::journal::Journal;
use super::place::restore;
use super::receipt::{AccountRecord, Kind, Leftover, ReceiptId};
use super::record::Record;
use super::take_back::take_back;
use super::together::whole_accounts;
use super::unbelieved::Unbelieved;
use super::writer::Writer;
use crate::account::{ClientId, SubmissionServer};

/// What was found at the start, and what became of it.
#[derive(Debug, Default)]
pub struct Recovery {
    /// One entry for each interrupted transaction, newest first.
    pub recovered: Vec<Recovered>,
    /// Receipts that are not believed.
    pub unreadable: Vec<Unbelieved>,
}

/// An interrupted transaction.
#[derive(Debug)]
pub struct Recovered {
    /// Its receipt.
    pub receipt: ReceiptId,
    /// The client.
    pub client: ClientId,
    /// Its profile.
    pub profile: String,
    /// Was it a change or an undo?
    pub kind: Kind,
    /// What became of it.
    pub outcome: RecoveryOutcome,
}

/// What became of an interrupted transaction.
#[derive(Debug)]
pub enum RecoveryOutcome {
    /// The settings are as they were before port26 touched them, but for what another program wrote since.
    PutBack {
        /// What was left alone.
        left: Vec<Leftover>,
    },
    /// Not now: the client is open, or a file cannot be written. The next start tries again.
    Waiting {
        /// Why.
        error: ApplyError,
    },
    /// It belongs to another home folder or registry.
    Elsewhere,
}

fn is_server(now: &SubmissionServer, meant: &SubmissionServer) -> bool {
    now.host.eq_ignore_ascii_case(&meant.host) && (now.port, now.tls, now.auth) == (meant.port, meant.tls, meant.auth)
}

impl Writer<'_> {
    /// Takes back changes and completes undos that were interrupted. To be called at every start.
    pub fn recover(&self) -> Result<Recovery, ApplyError> {
        let _lock = self.state.lock()?;
        let recovery = self.recover_unfinished()?;
        self.sweep()?;
        Ok(recovery)
    }

    /// The same, under a lock that is held already.
    pub(super) fn recover_unfinished(&self) -> Result<Recovery, ApplyError> {
        self.state.forget_begun();
        let (unfinished, unreadable) = self.state.unfinished()?;
        let recovered = unfinished.into_iter().map(|journal| {
            let outcome = match self.recover_one(&journal) {
                Ok(outcome) => outcome,
                Err(error) => RecoveryOutcome::Waiting { error },
            };
            Recovered {
                receipt: journal.begin.id,
                client: journal.begin.client,
                profile: journal.begin.profile,
                kind: journal.begin.kind,
                outcome,
            }
        });
        Ok(Recovery { recovered: recovered.collect(), unreadable })
    }

    fn recover_one(&self, journal: &Journal) -> Result<RecoveryOutcome, ApplyError> {
        let begin = &journal.begin;
        if begin.machine != self.machine {
            return Ok(RecoveryOutcome::Elsewhere);
        }
        self.believe(journal)?;
        self.refuse_in_use(begin.client, &begin.profile)?;
        match begin.kind {
            Kind::Apply => self.take_back_change(journal),
            Kind::Undo => self.complete_undo(journal),
        }
    }

    fn take_back_change(&self, journal: &Journal) -> Result<RecoveryOutcome, ApplyError> {
        self.refuse_cut_off(journal)?;
        let (left, failed) = take_back(self.reach, journal.intents.iter().rev());
        if let Some(error) = failed {
            return Err(ApplyError::Write(error));
        }
        let why = "port26 was stopped before it had finished".to_owned();
        let end = Record::RolledBack { time: Timestamp::now(), why, left: left.clone() };
        self.end(journal, &end)?;
        Ok(RecoveryOutcome::PutBack { left })
    }

    /// For journals of earlier builds, which announced each write for itself: a run that was killed before its first write has
    /// announced none, and changed nothing. If an account is changed all the same, the receipt has lost what it once said.
    fn refuse_cut_off(&self, journal: &Journal) -> Result<(), ApplyError> {
        let begin = &journal.begin;
        let is_moved = |account: &&AccountRecord| {
            let now = self.open_check.outgoing_of(begin.client, &account.account_id);
            account.before != account.after && now.is_some_and(|now| is_server(&now, &account.after))
        };
        match begin.accounts.iter().filter(|_| journal.intents.is_empty()).find(is_moved) {
            Some(account) => Err(ApplyError::Journal(JournalError::Damaged {
                path: journal.path.clone(),
                line: 2,
                why: format!("it is cut off, and {} has the settings that it speaks of", account.account_id),
            })),
            None => Ok(()),
        }
    }

    fn complete_undo(&self, journal: &Journal) -> Result<RecoveryOutcome, ApplyError> {
        let unknown =
            || ApplyError::UnknownReceipt { id: journal.begin.undoes.clone().unwrap_or(journal.id().clone()) };
        let original = journal.begin.undoes.as_ref().ok_or_else(unknown)?;
        let original = self.state.load(original).map_err(ApplyError::from)?.ok_or_else(unknown)?;
        self.believe(&original)?;
        let what = whole_accounts(self.reach, &original)?;
        let mut left = Vec::new();
        for intent in original.intents.iter().rev() {
            let outcome = restore(self.reach, intent, &journal.id().temp_name(intent.n), &what)
                .map_err(|error| ApplyError::Write(error.source))?;
            left.extend(outcome.leftovers(intent));
        }
        let time = Timestamp::now();
        self.end(journal, &Record::Commit { time, left: left.clone() })?;
        if left.is_empty() {
            self.end(&original, &Record::Undone { by: journal.id().clone(), time })?;
        }
        Ok(RecoveryOutcome::PutBack { left })
    }
}
