//! At the next start: what a killed process left half done. A change is taken back, an undo is completed; both
//! by looking at what is there, so that this too may be killed and begun again. An account of which somebody has changed a
//! setting meanwhile stays as it is, whole.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::error::{ApplyError, JournalError};
use super::fate::{NotRestored, Outcome};
use super::journal::Journal;
use super::place::{is_gone, look, restore, write_again};
use super::put_back::PutBack;
use super::receipt::{AccountRecord, Kind, Leftover, ReceiptId};
use super::record::{FileEdit, Intent, Record};
use super::together::{in_memory, whole_accounts};
use super::unbelieved::Unbelieved;
use super::undo::{AccountUndone, by_account};
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
        /// What became of each account.
        accounts: Vec<AccountUndone>,
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
        self.refuse_without_files(journal)?;
        let (accounts, left) = self.put_back_all(journal, journal.id())?;
        let why = "port26 was stopped before it had finished".to_owned();
        let end = Record::RolledBack { time: Timestamp::now(), why, left: left.clone() };
        self.end(journal, &end)?;
        Ok(RecoveryOutcome::PutBack { left, accounts })
    }

    /// Puts back what this journal wrote, through files that the receipt `by` names: account by account, so that none is left
    /// in a state that nobody ever set up. Where a part of it cannot be written now, all of it is as it was found.
    fn put_back_all(
        &self,
        journal: &Journal,
        by: &ReceiptId,
    ) -> Result<(Vec<AccountUndone>, Vec<Leftover>), ApplyError> {
        self.clean_up(journal, by)?;
        let what = whole_accounts(self.reach, journal, self.set_otherwise(journal))?;
        look(self.reach, by, &self.to_be_written(journal, &what)?)?;
        let mut restored: Vec<(&Intent, Outcome)> = Vec::new();
        for intent in journal.intents.iter().rev() {
            match restore(self.reach, intent, &by.temp_name(intent.n), &what) {
                Ok(outcome) => restored.push((intent, outcome)),
                Err(NotRestored { source, wrote }) => {
                    restored.push((intent, Outcome { fates: Vec::new(), wrote: wrote.map(|wrote| *wrote) }));
                    self.write_all_again(&restored, by);
                    return Err(ApplyError::Write(source));
                }
            }
        }
        let left = restored.iter().flat_map(|(intent, outcome)| outcome.leftovers(intent)).collect();
        Ok((by_account(journal, &restored), left))
    }

    /// All files of the change are away. If they come back, moved or with a disk, what was begun in them can still be put back;
    /// where only the profile is gone, and the folder that it was in is there, they do not.
    fn refuse_without_files(&self, journal: &Journal) -> Result<(), ApplyError> {
        self.clean_up(journal, journal.id())?;
        let files: Vec<&FileEdit> = journal.intents.iter().filter_map(Intent::file).collect();
        let away = |edit: &&FileEdit| matches!(self.reach.store.read_file(&edit.path), Ok(None));
        let removed = |intent: &Intent| {
            let profile = intent.file().and_then(|edit| edit.path.parent());
            profile.is_some_and(|profile| !profile.is_dir()) && is_gone(self.reach, intent)
        };
        let all_away = files.len() == journal.intents.len() && files.iter().all(away);
        match files.first().filter(|_| all_away && !journal.intents.iter().all(removed)) {
            Some(edit) => Err(ApplyError::Missing { file: edit.path.clone() }),
            None => Ok(()),
        }
    }

    /// A kill in the middle of a replacement may have left the file under another name: that goes first, or the file would seem
    /// to be gone.
    fn clean_up(&self, journal: &Journal, by: &ReceiptId) -> Result<(), ApplyError> {
        let edits = journal.intents.iter().filter_map(|intent| intent.file().map(|edit| (intent.n, edit)));
        for (n, edit) in edits {
            for temp in [edit.temp.clone(), by.temp_name(n)] {
                let known = |bytes: &[u8]| edit.knows(bytes);
                self.reach.store.clean_up(&edit.path, &temp, &known).map_err(ApplyError::Write)?;
            }
        }
        Ok(())
    }

    /// The accounts whose server was set otherwise since in what the run had nothing to do with: to put back its part beside
    /// that (no encryption, at a host that they chose) would make an account that nobody ever set up. What the run wrote itself
    /// is compared as it is written.
    fn set_otherwise(&self, journal: &Journal) -> BTreeSet<usize> {
        let now = self.open_check.outgoing(journal.begin.client);
        let is_otherwise = |account: &AccountRecord| {
            let AccountRecord { account_id, before, after } = account;
            now.get(account_id).is_some_and(|now| {
                let other_host = |meant: &SubmissionServer| !now.host.eq_ignore_ascii_case(&meant.host);
                other_host(before) && other_host(after)
                    || before.tls == after.tls && now.tls != before.tls
                    || before.auth == after.auth && now.auth != before.auth
            })
        };
        let accounts = journal.begin.accounts.iter().enumerate();
        accounts.filter(|(_, account)| is_otherwise(account)).map(|(at, _)| at).collect()
    }

    /// The intents for which something is to be written. What a program holds is not known before it is asked.
    fn to_be_written(&self, journal: &Journal, what: &PutBack) -> Result<Vec<Intent>, ApplyError> {
        if !journal.intents.iter().any(|intent| intent.file().is_some()) {
            return Ok(Vec::new());
        }
        let looked = in_memory(self.reach, journal, what)?;
        Ok(looked
            .into_iter()
            .filter(|(_, outcome)| outcome.wrote.is_some())
            .map(|(intent, _)| intent.clone())
            .collect())
    }

    /// For what cannot be written again the next start looks what is there.
    fn write_all_again(&self, restored: &[(&Intent, Outcome)], by: &ReceiptId) {
        for (intent, outcome) in restored.iter().rev() {
            let Some(wrote) = &outcome.wrote else { continue };
            if let Err(error) = write_again(self.reach, wrote, &by.temp_name(intent.n)) {
                tracing::warn!(receipt = %by, "a part of it is put back, and stays so: {error}");
            }
        }
    }

    /// For journals of earlier builds, which announced each write for itself: a run that was killed before its first write has
    /// announced none, and changed nothing. If an account is changed all the same, the receipt has lost what it once said.
    fn refuse_cut_off(&self, journal: &Journal) -> Result<(), ApplyError> {
        let begin = &journal.begin;
        if !journal.intents.is_empty() {
            return Ok(());
        }
        let now = self.open_check.outgoing(begin.client);
        let is_moved = |account: &&AccountRecord| {
            let now = now.get(&account.account_id);
            account.before != account.after && now.is_some_and(|now| is_server(now, &account.after))
        };
        match begin.accounts.iter().find(is_moved) {
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
        let (accounts, left) = self.put_back_all(&original, journal.id())?;
        let time = Timestamp::now();
        self.end(journal, &Record::Commit { time, left: left.clone() })?;
        if left.is_empty() {
            self.end(&original, &Record::Undone { by: journal.id().clone(), time })?;
        }
        Ok(RecoveryOutcome::PutBack { left, accounts })
    }
}
