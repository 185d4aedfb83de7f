//! What an undo did to each account, or would do.

use serde::Serialize;

use super::who::Who;
use super::why_left::why_left;
use crate::account::{ClientId, SubmissionServer};
use crate::apply::{AccountFate, AccountRecord, ApplyError, Undone};
use crate::plan::{Outcome, Reason};
use crate::sentence::sentence;
use crate::shown::Shown;

/// One account that was to be put back.
#[derive(Debug, Serialize)]
pub struct AccountPutBack {
    /// The account.
    pub id: String,
    /// Its address, if it is still set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Its mail program.
    pub client: ClientId,
    /// Its profile there.
    pub profile: String,
    /// What became of it, or would.
    pub result: Outcome,
    /// Why, where it is not back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Its outgoing server until now.
    pub before: SubmissionServer,
    /// The one that it had before, and gets back.
    pub after: SubmissionServer,
    /// The receipt that is undone.
    pub receipt: String,
}

impl AccountPutBack {
    /// What people call the account.
    pub fn name(&self) -> String {
        Shown(self.email.as_deref().unwrap_or(&self.id)).to_string()
    }

    /// Its settings are back, or would be.
    pub fn is_or_would_be_back(&self) -> bool {
        matches!(self.result, Outcome::Reverted | Outcome::WouldRevert)
    }
}

/// The accounts of a receipt; `back`: the result of one whose settings are back.
pub(super) fn accounts_of(undone: &Undone, who: &Who, back: Outcome) -> Vec<AccountPutBack> {
    let entry = |account: &AccountRecord, result, reason| AccountPutBack {
        id: account.account_id.clone(),
        email: who.email(&account.account_id).map(str::to_owned),
        client: undone.client,
        profile: undone.profile.clone(),
        result,
        reason,
        before: account.after.clone(),
        after: account.before.clone(),
        receipt: undone.receipt.to_string(),
    };
    if let Some(error) = &undone.error {
        let result = match error {
            ApplyError::InUse { .. } => Outcome::Deferred,
            ApplyError::Shut(_) => Outcome::NeedsUser,
            _ => Outcome::Failed,
        };
        let reason = Reason::new(error.code(), sentence(&error.to_string()), error.hint());
        return undone.planned.iter().map(|account| entry(account, result, Some(reason.clone()))).collect();
    }
    let of_account = |one: &crate::apply::AccountUndone| match &one.fate {
        AccountFate::Restored | AccountFate::Already => entry(&one.account, back, None),
        AccountFate::Conflict { left } => entry(&one.account, Outcome::Conflict, Some(why_left(left))),
    };
    undone.accounts.iter().map(of_account).collect()
}
