//! `port26 undo`: puts back what was there, byte for byte.

use std::io::Write;

use serde::Serialize;

use super::args::{Global, UndoArgs};
use super::output::{self, Manner, server_words};
use super::{Exit, UsageError, context};
use crate::account::{ClientId, SubmissionServer};
use crate::apply::{AccountFate, ApplyError, ReceiptId, Recovery, RecoveryOutcome, RunId, Selector, Undone, in_words};
use crate::clients::CLIENTS;
use crate::pipeline::Desk;
use crate::plan::{Outcome, Reason};
use crate::report::SCHEMA;

/// The document of `undo --json`.
#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    verb: &'static str,
    recovered: Vec<String>,
    accounts: Vec<Entry>,
}

/// One account that was to be put back.
#[derive(Debug, Serialize)]
struct Entry {
    id: String,
    client: ClientId,
    profile: String,
    result: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    before: SubmissionServer,
    after: SubmissionServer,
    receipt: String,
}

pub(super) fn run(global: &Global, args: &UndoArgs) -> anyhow::Result<Exit> {
    let host = context::host(global)?.to_be_changed();
    let desk = Desk::new(context::state_dir(global)?, &host, CLIENTS);
    let writer = desk.writer();
    let selector = match (&args.receipt, args.all) {
        (Some(receipt), _) => Selector::One(ReceiptId(receipt.clone())),
        (None, true) => Selector::All,
        (None, false) => Selector::Last,
    };
    let recovered = recovery_words(&writer.recover()?);
    let undone = writer.undo(&selector, &RunId::start()).map_err(usage)?;
    let accounts: Vec<Entry> = undone.iter().flat_map(entries).collect();
    let exit = accounts.iter().map(|entry| exit(entry.result)).fold(Exit::Done, Exit::worst);
    let document = Document { schema: SCHEMA, verb: "undo", recovered, accounts };
    match context::manner(global) {
        Manner::Json => output::json(&document)?,
        Manner::Silent => {}
        Manner::Quiet | Manner::People | Manner::Detailed => text(&document)?,
    }
    Ok(exit)
}

/// A receipt that does not exist, or cannot be undone, is a matter of the command line.
fn usage(error: ApplyError) -> anyhow::Error {
    match error {
        ApplyError::UnknownReceipt { .. } | ApplyError::NothingToUndo { .. } | ApplyError::OtherMachine { .. } => {
            UsageError::new(error.to_string(), error.hint()).into()
        }
        other => other.into(),
    }
}

/// Putting back is what was asked for, so `reverted` is a success here.
fn exit(result: Outcome) -> Exit {
    match result {
        Outcome::Reverted => Exit::Done,
        Outcome::Deferred => Exit::NeedsUser,
        _ => Exit::Failed,
    }
}

/// What an interrupted run left, and what became of it.
pub(super) fn recovery_words(recovery: &Recovery) -> Vec<String> {
    let settled = recovery.recovered.iter().map(|one| {
        let what = match &one.outcome {
            RecoveryOutcome::PutBack { left } if left.is_empty() => "put back as it was".to_owned(),
            RecoveryOutcome::PutBack { left } => {
                let which: Vec<String> = left.iter().map(|left| in_words(&left.slot)).collect();
                format!("put back, except what another program changed since: {}", which.join(", "))
            }
            RecoveryOutcome::Waiting { error } => format!("still to be put back: {error}"),
            RecoveryOutcome::Elsewhere => "belongs to another home folder".to_owned(),
        };
        format!("{} ({}): {what}", one.profile, one.receipt)
    });
    settled.chain(recovery.unreadable.iter().map(ToString::to_string)).collect()
}

fn entries(undone: &Undone) -> Vec<Entry> {
    let entry = |account: &crate::apply::AccountRecord, result, reason| Entry {
        id: account.account_id.clone(),
        client: undone.client,
        profile: undone.profile.clone(),
        result,
        reason,
        before: account.after.clone(),
        after: account.before.clone(),
        receipt: undone.receipt.to_string(),
    };
    if let Some(error) = &undone.error {
        let result = if matches!(error, ApplyError::InUse { .. }) { Outcome::Deferred } else { Outcome::Failed };
        let reason = Reason::new(error.code(), error.to_string(), error.hint());
        return undone.planned.iter().map(|account| entry(account, result, Some(reason.clone()))).collect();
    }
    undone
        .accounts
        .iter()
        .map(|one| match &one.fate {
            AccountFate::Restored | AccountFate::Already => entry(&one.account, Outcome::Reverted, None),
            AccountFate::Conflict { left } => {
                let which: Vec<String> = left.iter().map(|left| in_words(&left.slot)).collect();
                let reason = Reason::new(
                    "conflict",
                    format!("Changed by somebody else since, and left alone: {}.", which.join(", ")),
                    "Look at the account in the mail program and set it by hand if it is not as you want it.",
                );
                entry(&one.account, Outcome::Conflict, Some(reason))
            }
        })
        .collect()
}

fn text(document: &Document) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    for line in &document.recovered {
        writeln!(out, "put right from an interrupted run: {line}")?;
    }
    if document.accounts.is_empty() {
        return writeln!(out, "There is nothing to put back.");
    }
    for entry in &document.accounts {
        let word = match entry.result {
            Outcome::Reverted => "put back",
            Outcome::Conflict => "conflict",
            Outcome::Deferred => "waits",
            _ => "failed",
        };
        writeln!(out, "{word:<13} {}  {}", entry.id, server_words(&entry.after))?;
        if let Some(reason) = &entry.reason {
            writeln!(out, "    {}", reason.message)?;
            writeln!(out, "    next: {}", reason.hint)?;
        }
    }
    Ok(())
}
