//! Undo: each setting of a receipt back to what was there before. A file that nobody else wrote to comes back
//! byte for byte; in any other, each setting that still holds what port26 wrote; the rest is a conflict, left
//! alone and named.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::error::ApplyError;
use super::fate::{Fate, NotRestored, Outcome};
use super::folder::Folder;
use super::journal::Journal;
use super::journal_writer::JournalWriter;
use super::place::{look, restore, write_again};
use super::put_back::PutBack;
use super::reach::Reach;
use super::receipt::{AccountRecord, Kind, Leftover, ReceiptId, RunId, Status};
use super::record::{Begin, Intent, Record, SCHEMA};
use super::together::whole_accounts;
use super::unbelieved::Unbelieved;
use super::writer::Writer;
use crate::account::ClientId;

/// Which receipts to undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// This one.
    One(ReceiptId),
    /// All of the latest run that is not undone.
    Last,
    /// All.
    All,
}

/// What became of one receipt.
#[derive(Debug)]
pub struct Undone {
    /// The receipt that was to be undone.
    pub receipt: ReceiptId,
    /// The receipt of the undo, if it was begun and has put anything back.
    pub by: Option<ReceiptId>,
    /// The client.
    pub client: ClientId,
    /// Its profile.
    pub profile: String,
    /// The accounts of the receipt, whatever became of them.
    pub planned: Vec<AccountRecord>,
    /// What became of each account; after an error, empty: everything is as it was before the undo.
    pub accounts: Vec<AccountUndone>,
    /// Why it could not be undone now.
    pub error: Option<ApplyError>,
}

/// What became of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountUndone {
    /// The account, with what the receipt had changed.
    pub account: AccountRecord,
    /// What became of it.
    pub fate: AccountFate,
}

/// What became of an account's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountFate {
    /// They are back.
    Restored,
    /// They were back already.
    Already,
    /// Some hold something else than port26 wrote and were left alone; the others are back.
    Conflict {
        /// Which, and why.
        left: Vec<Leftover>,
    },
}

/// Finds out what of a receipt is put back.
type What = fn(Reach<'_>, &Journal) -> Result<PutBack, ApplyError>;

impl Writer<'_> {
    /// Undoes receipts, newest first, account by account: one of which somebody has changed a setting since stays as it is.
    /// A receipt that cannot be undone does not keep those of other profiles from it.
    pub fn undo(&self, selector: &Selector, run: &RunId) -> Result<Vec<Undone>, ApplyError> {
        self.undo_by(selector, run, |reach, journal| whole_accounts(reach, journal, BTreeSet::new()))
    }

    /// Undoes one that was written a moment ago and is not what it was meant to be: each setting that its program has kept.
    pub fn take_back_each(&self, receipt: &ReceiptId, run: &RunId) -> Result<Vec<Undone>, ApplyError> {
        self.undo_by(&Selector::One(receipt.clone()), run, |_, _| Ok(PutBack::EachSetting))
    }

    fn undo_by(&self, selector: &Selector, run: &RunId, what: What) -> Result<Vec<Undone>, ApplyError> {
        let _lock = self.state.lock()?;
        self.recover_unfinished()?;
        let folder = self.folder()?;
        let mut results: Vec<Undone> = Vec::new();
        for journal in self.select(&folder, selector)? {
            let begin = &journal.begin;
            let newer_failed = results.iter().find(|undone| {
                undone.error.is_some() && undone.client == begin.client && undone.profile == begin.profile
            });
            let result = match newer_failed {
                Some(newer) => Err(ApplyError::Unfinished {
                    receipt: newer.receipt.clone(),
                    why: "the newer change has to be undone first".to_owned(),
                }),
                None => self.refuse_under_another(&folder, &journal).and_then(|()| self.undo_one(&journal, run, what)),
            };
            let (by, accounts, error) = match result {
                Ok((by, accounts)) => (by, accounts, None),
                Err(error) => (None, Vec::new(), Some(error)),
            };
            let (receipt, client, profile) = (begin.id.clone(), begin.client, begin.profile.clone());
            let planned = begin.accounts.clone();
            results.push(Undone { receipt, by, client, profile, planned, accounts, error });
        }
        Ok(results)
    }

    /// Receipts that this asks for, or may ask for, and that are not believed: what they speak of stays as it is.
    pub fn not_believed(&self, selector: &Selector) -> Result<Vec<Unbelieved>, ApplyError> {
        let mut folder = self.folder()?;
        let unbelieved = std::mem::take(&mut folder.unbelieved);
        let asked_for: Vec<Journal> = match selector {
            Selector::One(_) | Selector::All => Vec::new(),
            Selector::Last => self.select(&folder, selector)?,
        };
        // Older than all of the latest run, it is of an earlier one.
        let oldest = asked_for.last().map(|journal| (journal.id().clone(), journal.begin.run.clone()));
        let is_meant = |one: &Unbelieved| match (selector, &oldest) {
            (Selector::One(id), _) => one.id().as_ref() == Some(id),
            (Selector::All | Selector::Last, None) => !one.is_elsewhere(&self.machine),
            (Selector::All | Selector::Last, Some((oldest, run))) => {
                let is_late = one.id().is_none_or(|id| id >= *oldest) || one.says.run.as_ref() == Some(run);
                is_late && !one.is_elsewhere(&self.machine)
            }
        };
        Ok(unbelieved.into_iter().filter(is_meant).collect())
    }

    /// The journals to undo, newest first.
    pub(super) fn select(&self, folder: &Folder, selector: &Selector) -> Result<Vec<Journal>, ApplyError> {
        if let Selector::One(id) = selector {
            return Ok(vec![self.select_one(folder, id)?]);
        }
        let in_effect = |journal: &&Journal| {
            journal.begin.kind == Kind::Apply
                && journal.begin.machine == self.machine
                && journal.receipt().status == Status::Applied
        };
        let mut journals: Vec<Journal> = folder.journals.iter().filter(in_effect).cloned().collect();
        journals.reverse();
        if *selector == Selector::Last
            && let Some(run) = journals.first().map(|journal| journal.begin.run.clone())
        {
            journals.retain(|journal| journal.begin.run == run);
        }
        Ok(journals)
    }

    fn select_one(&self, folder: &Folder, id: &ReceiptId) -> Result<Journal, ApplyError> {
        // A file of this name that is not believed deserves its own error.
        self.state.load(id).map_err(ApplyError::from)?;
        if let Some(one) = folder.unbelieved.iter().find(|one| one.id().as_ref() == Some(id)) {
            return Err(one.in_the_way());
        }
        let found = folder.journals.iter().find(|journal| journal.id() == id).cloned();
        let journal = found.ok_or_else(|| ApplyError::UnknownReceipt { id: id.clone() })?;
        if journal.begin.machine != self.machine {
            return Err(ApplyError::OtherMachine { id: id.clone(), home: journal.begin.machine.home.clone() });
        }
        let why = match (journal.begin.kind, journal.receipt().status) {
            (Kind::Undo, _) => "it is itself the receipt of an undo",
            (_, Status::Applied) => return Ok(journal),
            (_, Status::Undone { .. }) => "it is undone already",
            (_, Status::RolledBack { .. }) => "its changes were taken back when they were made",
            (_, Status::Unfinished) => "its changes were interrupted, and could not be taken back yet",
        };
        Err(ApplyError::NothingToUndo { id: id.clone(), why: why.to_owned() })
    }

    /// Below a newer change of the same profile that is not taken back, or whose receipt is not believed, nothing is put back:
    /// the profile would be of two pieces.
    pub(super) fn refuse_under_another(&self, folder: &Folder, journal: &Journal) -> Result<(), ApplyError> {
        let begin = &journal.begin;
        let is_newer = |one: &&Unbelieved| one.id().is_none_or(|id| id > begin.id);
        let is_about = |one: &&Unbelieved| one.is_about(&self.machine, begin.client, &begin.profile);
        if let Some(one) = folder.unbelieved.iter().filter(is_newer).find(is_about) {
            return Err(one.in_the_way());
        }
        let is_open = |other: &&Journal| {
            other.is_unfinished() && other.id() > journal.id() && other.is_of_the_profile_of(journal)
        };
        match folder.journals.iter().find(is_open) {
            Some(open) => Err(ApplyError::Unfinished {
                receipt: open.id().clone(),
                why: "the newer change has to be taken back first".to_owned(),
            }),
            None => Ok(()),
        }
    }

    fn undo_one(
        &self,
        original: &Journal,
        run: &RunId,
        what: What,
    ) -> Result<(Option<ReceiptId>, Vec<AccountUndone>), ApplyError> {
        let begin = &original.begin;
        self.believe(original)?;
        self.refuse_in_use(begin.client, &begin.profile)?;
        let id = self.state.next_id()?;
        look(self.reach, &id, &original.intents)?;
        let what = what(self.reach, original)?;
        let undo = Begin {
            schema: SCHEMA.to_owned(),
            id: id.clone(),
            run: run.clone(),
            kind: Kind::Undo,
            undoes: Some(begin.id.clone()),
            time: Timestamp::now(),
            accounts: begin.accounts.iter().map(swapped).collect(),
            writes: Some(0),
            ..begin.clone()
        };
        let mut journal = JournalWriter::create(self.reach.store, &self.state.journal_path(&id), undo, [])
            .map_err(ApplyError::State)?;
        let mut restored = Vec::new();
        let left = match self.restore_all(&mut journal, &id, (original, &what), &mut restored) {
            Ok(left) => left,
            Err(source) => return Err(self.take_undo_back(&mut journal, id, restored, source)),
        };
        if puts_nothing_back(&restored) {
            drop(journal);
            let path = self.state.journal_path(&id);
            if std::fs::remove_file(&path).is_ok() {
                return Ok((None, by_account(original, &restored)));
            }
            journal = JournalWriter::reopen(self.reach.store, &path).map_err(ApplyError::State)?;
        }
        if let Err(source) = journal.add(&Record::Commit { time: Timestamp::now(), left: left.clone() }) {
            return Err(self.take_undo_back(&mut journal, id, restored, ApplyError::State(source)));
        }
        if left.is_empty() {
            // The undo's own journal says it too, and is believed if this line is missing.
            let _ = self.end(original, &Record::Undone { by: id.clone(), time: Timestamp::now() });
        }
        Ok((Some(id), by_account(original, &restored)))
    }

    fn restore_all<'j>(
        &self,
        journal: &mut JournalWriter,
        id: &ReceiptId,
        (original, what): (&'j Journal, &PutBack),
        restored: &mut Vec<(&'j Intent, Outcome)>,
    ) -> Result<Vec<Leftover>, ApplyError> {
        let mut left = Vec::new();
        for intent in original.intents.iter().rev() {
            let temp = id.temp_name(intent.n);
            let announced = Record::Restoring { n: intent.n, temp: temp.clone() };
            journal.add(&announced).map_err(ApplyError::State)?;
            let outcome = match restore(self.reach, intent, &temp, what) {
                Ok(outcome) => outcome,
                Err(NotRestored { source, wrote }) => {
                    restored.push((intent, Outcome { fates: Vec::new(), wrote: wrote.map(|wrote| *wrote) }));
                    return Err(ApplyError::Write(source));
                }
            };
            left.extend(outcome.leftovers(intent));
            restored.push((intent, outcome));
            journal.add(&Record::Done { n: intent.n }).map_err(ApplyError::State)?;
        }
        Ok(left)
    }

    /// A write failed half way through the undo: the changes come back, so that the profile is of one piece. If
    /// that fails too, the undo stays unfinished and the next start completes it.
    fn take_undo_back(
        &self,
        journal: &mut JournalWriter,
        id: ReceiptId,
        restored: Vec<(&Intent, Outcome)>,
        source: ApplyError,
    ) -> ApplyError {
        let mut left = Vec::new();
        for (intent, outcome) in restored.iter().rev() {
            let Some(wrote) = &outcome.wrote else { continue };
            if let Err(error) = write_again(self.reach, wrote, &id.temp_name(intent.n)) {
                left.extend(intent.all_left(&error.to_string()));
            }
        }
        let source = Box::new(source);
        if !left.is_empty() {
            return ApplyError::RollbackIncomplete { receipt: id, left, source };
        }
        let end = Record::RolledBack { time: Timestamp::now(), why: source.to_string(), left: Vec::new() };
        // Without this line the next start completes the undo, which is as good an end.
        let _ = journal.add(&end);
        ApplyError::RolledBack { receipt: id, source }
    }
}

/// Something was left, and nothing had to be written: the receipt of such an undo would tell of nothing that was done.
fn puts_nothing_back(restored: &[(&Intent, Outcome)]) -> bool {
    let left = |fate: &Fate| matches!(fate, Fate::Leftover(_));
    restored.iter().all(|(_, outcome)| outcome.wrote.is_none())
        && restored.iter().any(|(_, outcome)| outcome.fates.iter().any(left))
}

fn swapped(account: &AccountRecord) -> AccountRecord {
    AccountRecord {
        account_id: account.account_id.clone(),
        before: account.after.clone(),
        after: account.before.clone(),
    }
}

/// Gathers what became of the settings of each account.
pub(super) fn by_account(original: &Journal, restored: &[(&Intent, Outcome)]) -> Vec<AccountUndone> {
    let mut fates = vec![AccountFate::Already; original.begin.accounts.len()];
    for (intent, outcome) in restored {
        for (step, fate) in intent.settings.iter().zip(&outcome.fates) {
            for &account in &step.accounts {
                let Some(so_far) = fates.get_mut(account) else { continue };
                match (fate, so_far) {
                    (Fate::Leftover(why), so_far) => {
                        let left = Leftover { slot: step.change.slot.clone(), why: why.clone() };
                        match so_far {
                            AccountFate::Conflict { left: known } => known.push(left),
                            _ => *so_far = AccountFate::Conflict { left: vec![left] },
                        }
                    }
                    (Fate::Restored, so_far @ AccountFate::Already) => *so_far = AccountFate::Restored,
                    _ => {}
                }
            }
        }
    }
    original
        .begin
        .accounts
        .iter()
        .zip(fates)
        .map(|(account, fate)| AccountUndone { account: account.clone(), fate })
        .collect()
}
