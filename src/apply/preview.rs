//! What an undo would do, found out without writing anything: the same code as the undo itself runs on a store that keeps
//! its writes in memory.

use std::collections::BTreeSet;

use port26_platform::scripts::ScriptError;

use super::error::{ApplyError, StoreError};
use super::folder::Folder;
use super::journal::Journal;
use super::overlay::Overlay;
use super::place::glance_at;
use super::reach::Reach;
use super::receipt::ReceiptId;
use super::together::{in_memory, whole_accounts};
use super::undo::{AccountFate, AccountUndone, Selector, Undone, by_account};
use super::writer::Writer;

/// A run that was cut off: what it had begun is put right by the next run that writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    /// Its receipt.
    pub receipt: ReceiptId,
    /// Whose settings.
    pub profile: String,
}

impl Writer<'_> {
    /// What [`undo`](Self::undo) would do now. Takes no lock, recovers nothing, writes nothing.
    pub fn preview_undo(&self, selector: &Selector) -> Result<Vec<Undone>, ApplyError> {
        let memory = Overlay::over(self.reach.store);
        let reach = Reach { store: &memory, editors: self.reach.editors };
        let folder = self.folder()?;
        Ok(self.select(&folder, selector)?.iter().map(|journal| self.preview_one(reach, &folder, journal)).collect())
    }

    /// Runs that were cut off and are not put right yet, on this machine.
    pub fn interrupted(&self) -> Result<Vec<Interrupted>, ApplyError> {
        let cut_off = |journal: &Journal| journal.is_unfinished() && journal.begin.machine == self.machine;
        let told = |journal: Journal| Interrupted { receipt: journal.begin.id, profile: journal.begin.profile };
        Ok(self.folder()?.journals.into_iter().filter(cut_off).map(told).collect())
    }

    fn preview_one(&self, reach: Reach, folder: &Folder, journal: &Journal) -> Undone {
        let begin = &journal.begin;
        let free = self
            .refuse_under_another(folder, journal)
            .and_then(|()| self.believe(journal))
            .and_then(|()| self.refuse_in_use(begin.client, &begin.profile))
            .and_then(|()| glance_at(self.reach, &journal.intents));
        let result = free.and_then(|()| fates(reach, journal));
        let (accounts, error) = match result {
            Ok(accounts) => (accounts, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        Undone {
            receipt: begin.id.clone(),
            by: None,
            client: begin.client,
            profile: begin.profile.clone(),
            planned: begin.accounts.clone(),
            accounts,
            error,
        }
    }
}

fn fates(reach: Reach, journal: &Journal) -> Result<Vec<AccountUndone>, ApplyError> {
    let looked = whole_accounts(reach, journal, BTreeSet::new()).and_then(|what| in_memory(reach, journal, &what));
    match looked {
        Ok(restored) => Ok(by_account(journal, &restored)),
        // A program that is left alone until something is to be changed cannot be looked into.
        Err(ApplyError::Write(StoreError::Script(ScriptError::NotNow { .. }))) => {
            let all = journal.begin.accounts.iter();
            Ok(all.map(|account| AccountUndone { account: account.clone(), fate: AccountFate::Restored }).collect())
        }
        Err(error) => Err(error),
    }
}
