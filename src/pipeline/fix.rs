//! Stages 5 and 6: turn decisions into changes, write them (one transaction a profile), and read them back.

use std::collections::BTreeMap;

use super::Tools;
use super::by_import;
use super::conversation::Progress;
use super::fixing::Fixing;
use super::read_back::read_back;
use super::refused_by_writer::{Refusals, reason};
use super::tested::Tested;
use crate::account::{Account, ClientId, Notice};
use crate::apply::{AccountChange, ApplyError, NewPassword, RunId, Transaction};
use crate::clients::client_name;
use crate::clients::scripted::NEW_PASSWORD;
use crate::clients::{InUse, PlanError};
use crate::credentials::Kept;
use crate::plan::{Decision, Outcome, Reason};
use crate::policy::Mode;
use crate::report::AccountReport;
use crate::sentence::sentence;

/// What would be written for these tested accounts; nothing is written yet.
pub(super) fn plan_changes(tools: &Tools, tested: Vec<Tested>) -> Vec<Fixing> {
    tested.into_iter().map(|tested| plan_account(tools, tested)).collect()
}

/// What `fix` would report of it, for a run that only looks: where its program cannot be led there, or a setting is held
/// from elsewhere, nothing can be fixed. An open program is another matter, since it can be closed.
pub(super) fn as_fix_would_say(tools: &Tools, refusals: &Refusals<'_>, tested: Tested) -> AccountReport {
    let Decision::Move { to, .. } = &tested.decision else { return tested.report };
    let looks_only = tools.policy.mode.value == Mode::Test;
    let client = tools.client_of(&tested.report.account).filter(|_| !looks_only);
    match client.map(|client| client.changes(&tested.report.account, to)) {
        Some(Err(error)) => tested.report.with_result(Outcome::NeedsUser, plan_reason(&error)),
        Some(Ok(changes)) if !by_import::is_for(&tools.computer, &changes) => {
            let refused = refusals.by_receipt(&tested.report.account).or_else(|| refusals.by_file(&changes));
            match refused {
                Some(reason) => tested.report.with_result(Outcome::NeedsUser, reason),
                None => tested.report,
            }
        }
        Some(Ok(_)) | None => tested.report,
    }
}

fn plan_account(tools: &Tools, tested: Tested) -> Fixing {
    let decision = tested.decision.clone();
    let mut fixing = Fixing::left_alone(tested);
    let Decision::Move { to, .. } = decision else { return fixing };
    if tools.policy.mode.value == Mode::Test {
        fixing.settle(Outcome::WouldFix, look_only_reason());
        return fixing;
    }
    let account = &fixing.report.account;
    let Some(client) = tools.client_of(account) else { return fixing };
    match (client.in_use(&tools.computer, account), client.changes(account, &to)) {
        (_, Err(error)) => fixing.settle(Outcome::NeedsUser, plan_reason(&error)),
        (InUse::Yes(_), _) => fixing.settle(Outcome::Deferred, open_reason(account)),
        (InUse::No, Ok(changes)) => {
            match by_import::is_for(&tools.computer, &changes) {
                true => by_import::put_aside(&mut fixing, changes),
                false => fixing.changes = changes,
            }
            fixing.to = Some(to);
        }
    }
    fixing
}

/// Writes what is pending and needs no consent any more, one transaction a profile, reads every account back, keeps accepted passwords.
pub(super) fn fix(tools: &Tools, mut fixing: Vec<Fixing>, run: &RunId) -> Vec<AccountReport> {
    for one in fixing.iter_mut().filter(|one| one.needs_consent()) {
        if let Some(reason) = one.consent.take() {
            one.settle(Outcome::NeedsUser, reason);
            (one.report.before, one.report.after, one.to) = (None, None, None);
        }
    }
    let mut groups: BTreeMap<(ClientId, String), Vec<usize>> = BTreeMap::new();
    for (place, one) in fixing.iter().enumerate().filter(|(_, one)| one.pending()) {
        let account = &one.report.account;
        groups.entry((account.client, account.profile.clone())).or_default().push(place);
    }
    let writes = !groups.is_empty();
    if writes {
        tools.talk.progress(&Progress::Writing { accounts: groups.values().map(Vec::len).sum() });
    }
    for ((_, profile), places) in groups {
        write_profile(tools, &mut fixing, &places, profile, run);
    }
    if writes {
        tools.talk.progress(&Progress::Written);
    }
    keep_passwords(tools, &mut fixing);
    by_import::hand_out_all(tools, &mut fixing, run);
    fixing.into_iter().map(|one| one.report).collect()
}

fn write_profile(tools: &Tools, fixing: &mut [Fixing], places: &[usize], profile: String, run: &RunId) {
    let Some(&first) = places.first() else { return };
    let client = fixing[first].report.account.client;
    let accounts = places
        .iter()
        .filter_map(|&place| {
            let one = &fixing[place];
            Some(AccountChange {
                account_id: one.report.account.id.clone(),
                before: one.report.account.outgoing.clone(),
                after: one.to.clone()?,
                changes: one.changes.clone(),
            })
        })
        .collect();
    let passwords: Vec<NewPassword> = places.iter().filter_map(|&place| new_password(&fixing[place])).collect();
    let transaction = Transaction { run: run.clone(), client, profile, accounts };
    match tools.kit.writer().apply_with(&transaction, &passwords) {
        Ok(receipt) => {
            for &place in places {
                let one = &mut fixing[place];
                one.report.receipt = Some(receipt.id.to_string());
                if new_password(one).is_some() {
                    let name = client_name(&one.report.account);
                    one.report.account.password_in_client = true;
                    one.report.account.notices.push(Notice {
                        code: "password_given".to_owned(),
                        message: format!(
                            "{name} was given the password of this server. Undo puts back everything else, but a password \
                             that {name} had for it before is gone."
                        ),
                    });
                }
            }
            read_back(tools, fixing, places, &receipt.id, run);
        }
        Err(error) => {
            let outcome = match error {
                ApplyError::RolledBack { .. } => Outcome::Reverted,
                ApplyError::InUse { .. } => Outcome::Deferred,
                ApplyError::InTheWay { .. } | ApplyError::Shut(_) => Outcome::NeedsUser,
                _ => Outcome::Failed,
            };
            let reason = reason(&error);
            places.iter().for_each(|&place| fixing[place].settle(outcome, reason.clone()));
        }
    }
}

/// The password that the client itself is to keep, where it has none and takes one.
fn new_password(one: &Fixing) -> Option<NewPassword> {
    let account = &one.report.account;
    let slot = account.settings.get(NEW_PASSWORD).filter(|_| !account.password_in_client)?.slot.clone();
    Some(NewPassword { slot, secret: one.accepted.as_ref()?.password.clone() })
}

fn keep_passwords(tools: &Tools, fixing: &mut [Fixing]) {
    for one in fixing.iter_mut().filter(|one| one.report.result == Some(Outcome::Fixed)) {
        if !one.report.account.password_in_client {
            let name = client_name(&one.report.account);
            one.report.account.notices.push(Notice {
                code: "client_will_ask".to_owned(),
                message: format!("{name} will ask for the password the next time it sends."),
            });
        }
        let Some(credential) = one.accepted.take() else { continue };
        // The server that took it, which may not be the one that the account was found with.
        let host = one.to.as_ref().map_or(&one.report.account.outgoing.host, |to| &to.host);
        let Kept::NotKept { why } = tools.credentials.keep_at(host, &credential) else { continue };
        one.report.account.notices.push(Notice {
            code: "password_not_kept".to_owned(),
            message: format!("The password was not put into the keychain: {why}."),
        });
    }
}

fn plan_reason(error: &PlanError) -> Reason {
    let (code, hint) = match error {
        PlanError::Overridden { .. } => ("overridden", "Change it there, or ask whoever manages this computer."),
        PlanError::CannotExpress { .. } => {
            ("cannot_express", "Set the account by hand in the mail program, or update the program.")
        }
        PlanError::Unexpected { .. } => {
            ("unexpected", "Open the account in the mail program, save it there, and run this again.")
        }
    };
    Reason::new(code, sentence(&error.to_string()), hint)
}

fn look_only_reason() -> Reason {
    Reason::new(
        "policy_test",
        "The policy of this computer lets port26 look and explain, and change nothing.",
        "Ask whoever manages this computer to set the policy's mode to fix.",
    )
}

fn open_reason(account: &Account) -> Reason {
    Reason::new(
        "client_open",
        format!("{} is open and would overwrite the change.", client_name(account)),
        format!("Close {}, then run this again.", client_name(account)),
    )
}
