//! What comes before any setting is read: the turn of this run, and what an interrupted run has left.

use std::time::Duration;

use super::keeps::Keeps;
use super::tools::WriterKit;
use super::why_left::why_left;
use crate::apply::{
    AccountFate, AccountUndone, ApplyError, Kind, Recovered, Recovery, RecoveryOutcome, RunTurn, Writer,
};
use crate::clients::{Problem, client_title};
use crate::plan::Reason;
use crate::report::Report;
use crate::sentence::sentence;
use crate::shown::Shown;

/// Another run at a terminal may wait for an answer of its user; this long is waited for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for the turn of this run, before any settings are read. A run that writes nothing needs none. `waiting` hears
/// whom it waits for.
pub(super) fn begin_turn(kit: &WriterKit, keeps: Keeps, waiting: &dyn Fn(&str)) -> Result<Option<RunTurn>, ApplyError> {
    if keeps == Keeps::Nothing {
        return Ok(None);
    }
    let told = |holder: &str| {
        tracing::info!("waiting for {holder}");
        waiting(holder);
    };
    kit.writer().begin_run(PATIENCE, &told).map(Some)
}

/// Puts right what an interrupted run left, or only says that there is something.
pub(super) fn recover(writer: &Writer<'_>, keeps: Keeps, report: &mut Report) -> Result<Recovery, ApplyError> {
    match keeps {
        Keeps::State => {
            let recovery = writer.recover()?;
            report.recovered.extend(recovery_words(&recovery));
            Ok(recovery)
        }
        Keeps::Nothing => {
            let cut_off = writer.interrupted()?.into_iter();
            report.interrupted =
                cut_off.map(|one| format!("{} ({})", Shown(&one.profile), Shown(&one.receipt.0))).collect();
            Ok(Recovery::default())
        }
    }
}

/// What an interrupted run left and what became of it; what is not put right is a problem.
fn recovery_words(recovery: &Recovery) -> Vec<String> {
    let settled = recovery.recovered.iter().filter_map(|one| {
        let what = match &one.outcome {
            RecoveryOutcome::PutBack { left, .. } if left.is_empty() => "put back as it was".to_owned(),
            RecoveryOutcome::PutBack { accounts, .. } if accounts.iter().all(is_left) => {
                "left as it was found".to_owned()
            }
            RecoveryOutcome::PutBack { .. } => "put back, except what was left as it was found".to_owned(),
            RecoveryOutcome::Elsewhere => "belongs to another home folder".to_owned(),
            RecoveryOutcome::Waiting { .. } => return None,
        };
        Some(format!("{} ({}): {what}", one.profile, one.receipt))
    });
    settled.collect()
}

/// What of an interrupted run is not put right: each account that was left, and what waits. `name`: what people call an account.
pub(super) fn recovery_problems(recovery: &Recovery, name: &dyn Fn(&str) -> String) -> Vec<Problem> {
    recovery.recovered.iter().flat_map(|one| problems_of(one, name)).collect()
}

fn is_left(account: &AccountUndone) -> bool {
    matches!(account.fate, AccountFate::Conflict { .. })
}

fn problems_of(one: &Recovered, name: &dyn Fn(&str) -> String) -> Vec<Problem> {
    let problem = |at: String, code: &str, message: String, hint: &str| Problem {
        client: Some(one.client),
        at,
        code: code.to_owned(),
        message,
        hint: hint.to_owned(),
    };
    match &one.outcome {
        RecoveryOutcome::Elsewhere => Vec::new(),
        RecoveryOutcome::Waiting { error } => {
            let program = client_title(one.client);
            let message = format!(
                "An interrupted run has left the profile {} of {program} half changed, and it cannot be put right now: {}",
                one.profile,
                sentence(&error.to_string())
            );
            let hint = match error {
                ApplyError::Missing { .. } => {
                    "If the file was moved, or its disk is away, bring it back and run port26 again. If it is gone for good, start the mail program once, close it and run port26 again."
                }
                other => other.hint(),
            };
            vec![problem(one.receipt.to_string(), "unfinished", message, hint)]
        }
        RecoveryOutcome::PutBack { accounts, .. } => {
            let left = accounts.iter().filter_map(|account| match &account.fate {
                AccountFate::Conflict { left } => Some((name(&account.account.account_id), why_left(left))),
                AccountFate::Restored | AccountFate::Already => None,
            });
            let begun = match one.kind {
                Kind::Apply => "change this account",
                Kind::Undo => "put this account back",
            };
            let told = |(at, why): (String, Reason)| {
                let message = format!("An interrupted run had begun to {begun}. {}", why.message);
                problem(at, &why.code, message, &why.hint)
            };
            left.map(told).collect()
        }
    }
}
