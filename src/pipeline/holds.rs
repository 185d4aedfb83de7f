//! A look at accounts that were moved before: does it still hold? Said by `status`; nothing is changed by it.

use std::collections::BTreeMap;

use super::Tools;
use super::keeps::Keeps;
use super::tested::Tested;
use super::who::Who;
use crate::account::SubmissionServer;
use crate::apply::{Kind, Status};
use crate::holding::{self, Holds, Look};

/// Keeps what this test has seen of the accounts that a receipt in effect has moved. Where that cannot be kept, the run is
/// none the worse.
pub(super) fn note(tools: &Tools, tested: &[Tested], keeps: Keeps) {
    if keeps == Keeps::Nothing {
        return;
    }
    let moved = moved(tools);
    let state = tools.kit.state();
    let before = holding::load(state).unwrap_or_else(|error| {
        tracing::warn!("what earlier looks have seen is not known: {error}");
        Vec::new()
    });
    let now = jiff::Timestamp::now();
    let seen = tested.iter().filter_map(|one| {
        let account = &one.report.account.id;
        let (receipt, to) = moved.get(account)?;
        let holds = Holds::of(&one.report, to)?;
        let look = Look { account: account.clone(), receipt: receipt.clone(), time: now, holds };
        // A look without a login does not know better than one whose login was refused.
        let refused = before.iter().any(|old| one_move(old, &look) && old.holds.is_about_the_login());
        (one.logged_in || !refused || look.holds != Holds::Yes).then_some(look)
    });
    let mut looks: Vec<Look> = seen.collect();
    // Of the others, and where this look says nothing, what was seen before, as long as it is about the same move.
    let is_known = |old: &Look| looks.iter().any(|new| new.account == old.account);
    let is_current = |old: &Look| moved.get(&old.account).is_some_and(|(receipt, _)| *receipt == old.receipt);
    let kept: Vec<Look> = before.iter().filter(|old| !is_known(old) && is_current(old)).cloned().collect();
    looks.extend(kept);
    looks.sort_by(|one, other| one.account.cmp(&other.account));
    if looks == before {
        return;
    }
    if let Err(error) = holding::save(state, looks) {
        tracing::warn!("what this look has seen of moved accounts was not kept: {error}");
    }
}

/// Both are about the same move of the same account.
fn one_move(one: &Look, other: &Look) -> bool {
    (&one.account, &one.receipt) == (&other.account, &other.receipt)
}

/// By account: the newest receipt in effect that has moved it, and where to.
fn moved(tools: &Tools) -> BTreeMap<String, (String, SubmissionServer)> {
    let Ok(kept) = tools.kit.writer().receipts() else { return BTreeMap::new() };
    let who = Who::of(&tools.computer);
    let mut receipts: Vec<_> = kept.receipts.into_iter().collect();
    receipts.sort_by_key(|receipt| receipt.time);
    let ours = receipts
        .into_iter()
        .filter(|receipt| receipt.kind == Kind::Apply && receipt.status == Status::Applied && who.here(receipt));
    ours.flat_map(|receipt| {
        let id = receipt.id.0;
        receipt.accounts.into_iter().map(move |account| (account.account_id, (id.clone(), account.after)))
    })
    .collect()
}
