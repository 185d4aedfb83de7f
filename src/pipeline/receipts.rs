//! Receipts that are not believed, in a run that changes settings: each is told, and the accounts of its profile are left to
//! their user, as far as it says whose it is.

use super::fixing::Fixing;
use super::refused_by_writer::Refusals;
use super::{Tools, WriterKit};
use crate::account::Account;
use crate::apply::{ApplyError, Selector, Unbelieved};
use crate::clients::Problem;
use crate::clients::client_title;
use crate::plan::Outcome;

/// What is to be told of the receipts in the state folder.
pub(super) fn receipt_problems(kit: &WriterKit) -> Result<Vec<Problem>, ApplyError> {
    for stray in kit.writer().receipts()?.strays {
        tracing::warn!(file = %stray.display(), "among the receipts, and none of port26's");
    }
    Ok(kit.writer().not_believed(&Selector::All)?.iter().map(problem).collect())
}

/// The files of receipts that are not believed, and speak of other accounts' profiles.
pub(super) fn of_others(kit: &WriterKit, named: &[Account]) -> Vec<String> {
    let unbelieved = kit.writer().not_believed(&Selector::All).unwrap_or_default();
    let is_of_others = |receipt: &&Unbelieved| {
        let speaks = receipt.says.client.is_some() && receipt.says.profile.is_some();
        speaks && !named.iter().any(|account| kit.is_about(receipt, account.client, &account.profile))
    };
    unbelieved.iter().filter(is_of_others).map(|receipt| receipt.file.display().to_string()).collect()
}

/// What would be written to a profile that such a receipt speaks of is not.
pub(super) fn leave_unbelieved(tools: &Tools, mut fixing: Vec<Fixing>) -> Vec<Fixing> {
    if !fixing.iter().any(Fixing::writes) {
        return fixing;
    }
    let refusals = Refusals::now(tools);
    for one in fixing.iter_mut().filter(|one| one.writes()) {
        if let Some(reason) = refusals.by_receipt(&one.report.account) {
            one.settle(Outcome::NeedsUser, reason);
            (one.report.before, one.report.after, one.to) = (None, None, None);
        }
    }
    fixing
}

fn problem(receipt: &Unbelieved) -> Problem {
    let left = match (receipt.says.client, &receipt.says.profile) {
        (Some(client), Some(profile)) => format!("the profile {profile} of {} is left alone", client_title(client)),
        _ => "nothing is put back by it".to_owned(),
    };
    Problem {
        client: None,
        at: receipt.file.display().to_string(),
        code: receipt.in_the_way().code().to_owned(),
        message: format!("This receipt cannot be believed, so {left}: {}.", receipt.what()),
        hint: receipt.hint().to_owned(),
    }
}
