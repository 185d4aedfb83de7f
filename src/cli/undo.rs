//! `port26 undo`: puts back what was there, byte for byte. Somebody at a terminal is asked before; a script is not.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use super::args::{Global, UndoArgs};
use super::not_believed::{self, NotBelieved};
use super::output::{self, Words};
use super::output_mode::OutputMode;
use super::page::Page;
use super::terminal::other_run;
use super::undo_entries::{Entry, entries};
use super::who::Who;
use super::words::{local_time, server_words};
use super::{Exit, UsageError, context, prompt};
use crate::apply::{
    ApplyError, Kind, Receipt, ReceiptId, Receipts, Recovered, Recovery, RecoveryOutcome, RunId, Selector, Status,
    Unbelieved, Writer,
};
use crate::clients::CLIENTS;
use crate::clients::client_title;
use crate::pipeline::{Keeps, WriterKit, begin_turn, recover, tidy};
use crate::plan::{Outcome, Reason};
use crate::report::{Report, SCHEMA};
use crate::shown::shown;

/// The document of `undo --json`.
#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    verb: &'static str,
    recovered: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    interrupted: Vec<String>,
    accounts: Vec<Entry>,
    /// Receipts that are not believed, so that what they speak of stays as it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
    /// The same with what they say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_believed: Vec<NotBelieved>,
    /// What lies among the receipts and is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    strays: Vec<PathBuf>,
    /// Other home folders (or the same under another name) with changes in effect: they are undone with that folder named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    elsewhere: Vec<PathBuf>,
}

pub(super) fn run(global: &Global, args: &UndoArgs) -> anyhow::Result<Exit> {
    let host = context::computer(global)?;
    let who = Who::of(&host);
    let state = context::state_dir(global)?;
    // To look, no program is launched.
    let looking = WriterKit::new(state.clone(), &host, CLIENTS);
    let _turn = begin_turn(&looking, context::keeps(global), &other_run)?;
    let selector = selector(&looking.writer(), &who, args)?;
    let mut report = Report::new("undo");
    let mut recovery = Recovery::default();
    // Told by what is there before anything is put back: after that the latest run is another one.
    let not_believed: Vec<NotBelieved> =
        looking.writer().not_believed(&selector)?.into_iter().map(NotBelieved::of).collect();
    let accounts = if matches!(selector, Selector::One(_)) && !not_believed.is_empty() {
        Vec::new()
    } else if global.dry_run {
        recover(&looking.writer(), Keeps::Nothing, &mut report)?;
        planned(&looking.writer(), &who, &selector)?
    } else if asks(global) && !agreed(&looking.writer(), &who, &selector)? {
        planned(&looking.writer(), &who, &selector)?.into_iter().map(declined).collect()
    } else {
        let kit = WriterKit::new(state, &host.to_be_changed(), CLIENTS);
        recovery = recover(&kit.writer(), Keeps::State, &mut report)?;
        let undone = kit.writer().undo(&selector, &RunId::start()).map_err(usage)?;
        // What was put back is put back, whatever is wrong with a policy.
        context::policy(global).iter().for_each(|policy| tidy(&kit.writer(), policy, Keeps::State));
        undone.iter().flat_map(|undone| entries(undone, &who, Outcome::Reverted)).collect()
    };
    let of_accounts = accounts.iter().map(|entry| exit(entry.result)).fold(Exit::Done, Exit::worst);
    let kept = looking.writer().receipts()?;
    let exit = of_accounts.worst(of_receipts(&selector, &kept, &who, &not_believed, &recovery));
    let Report { recovered, interrupted, .. } = report;
    let unreadable = not_believed.iter().map(NotBelieved::line).collect();
    let document = Document {
        schema: SCHEMA,
        verb: "undo",
        recovered,
        interrupted,
        accounts,
        unreadable,
        not_believed,
        elsewhere: elsewhere(&kept, &who),
        strays: kept.strays,
    };
    output::tell(context::manner(global), &document, |page| text(page, &document, &who))?;
    Ok(exit)
}

/// Which receipts are meant: one, those that hold an account, all, or those of the latest run.
fn selector(writer: &Writer, who: &Who, args: &UndoArgs) -> anyhow::Result<Selector> {
    let Some(name) = &args.what else { return Ok(if args.all { Selector::All } else { Selector::Last }) };
    let Receipts { receipts, unreadable, .. } = writer.receipts()?;
    if receipts.iter().any(|receipt| receipt.id.0 == *name) {
        return Ok(Selector::One(ReceiptId(name.clone())));
    }
    let in_effect = receipts
        .iter()
        .rev()
        .filter(|receipt| who.here(receipt) && receipt.kind == Kind::Apply && receipt.status == Status::Applied);
    let mut holding = in_effect
        .filter(|receipt| receipt.accounts.iter().any(|account| who.is_called(&account.account_id, name)))
        .map(|receipt| receipt.id.clone());
    let speaks_of =
        |one: &&Unbelieved| one.says.accounts.iter().any(|account| who.is_called(&account.account_id, name));
    match holding.next().or_else(|| unreadable.iter().rev().find(speaks_of)?.id()) {
        Some(latest) => Ok(Selector::One(latest)),
        None if name.contains(['@', '/']) => {
            let message = format!("no change of {name} is in effect");
            Err(UsageError::new(message, "`port26 status` lists the changes.").into())
        }
        None => Ok(Selector::One(ReceiptId(name.clone()))),
    }
}

/// Other home folders that have changes in effect.
fn elsewhere(kept: &Receipts, who: &Who) -> Vec<PathBuf> {
    let in_effect = |receipt: &&Receipt| receipt.kind == Kind::Apply && receipt.status == Status::Applied;
    let others = kept.receipts.iter().filter(|receipt| !who.here(receipt)).filter(in_effect);
    let homes: BTreeSet<PathBuf> = others.map(|receipt| receipt.machine.home.clone()).collect();
    homes.into_iter().collect()
}

/// For what was not put back beside the accounts that were asked for: receipts that are not believed, those that still wait
/// for a program or a disk, and what another program had changed under an interrupted run.
fn of_receipts(
    selector: &Selector,
    kept: &Receipts,
    who: &Who,
    not_believed: &[NotBelieved],
    recovery: &Recovery,
) -> Exit {
    let left = |one: &Recovered| matches!(&one.outcome, RecoveryOutcome::PutBack { left } if !left.is_empty());
    if !not_believed.is_empty() || recovery.recovered.iter().any(left) {
        return Exit::Failed;
    }
    let waits = |receipt: &Receipt| who.here(receipt) && receipt.status == Status::Unfinished;
    match selector {
        Selector::All | Selector::Last if kept.receipts.iter().any(waits) => Exit::NeedsUser,
        _ => Exit::Done,
    }
}

/// What would be put back.
fn planned(writer: &Writer, who: &Who, selector: &Selector) -> anyhow::Result<Vec<Entry>> {
    let undone = writer.preview_undo(selector).map_err(usage)?;
    Ok(undone.iter().flat_map(|undone| entries(undone, who, Outcome::WouldRevert)).collect())
}

/// Somebody at a terminal is asked. A script that says `undo` means it.
fn asks(global: &Global) -> bool {
    let people = matches!(context::manner(global), OutputMode::People | OutputMode::Detailed | OutputMode::Quiet);
    people && !global.yes && prompt::interactive()
}

/// Shows whose settings it is about, all of them, and asks. Where there is nothing to put back nothing is asked.
fn agreed(writer: &Writer, who: &Who, selector: &Selector) -> anyhow::Result<bool> {
    let planned = planned(writer, who, selector)?;
    if !planned.iter().any(|entry| entry.result == Outcome::WouldRevert) {
        return Ok(true);
    }
    let mut page = Page::stderr();
    let receipts = writer.receipts()?.receipts;
    for entry in &planned {
        let changed = receipts.iter().find(|receipt| receipt.id.0 == entry.receipt).map(|receipt| receipt.time);
        let when = changed.map(|time| format!(", changed on {}", local_time(time))).unwrap_or_default();
        page.line(0, format_args!("{} in {}{when}", entry.name(), client_title(entry.client)))?;
        page.line(4, format_args!("from {}", server_words(&entry.before)))?;
        page.line(4, format_args!("to   {}", server_words(&entry.after)))?;
    }
    drop(page);
    Ok(prompt::confirm("Put these settings back?")?)
}

fn declined(mut entry: Entry) -> Entry {
    if entry.result == Outcome::WouldRevert {
        let hint = "Run `port26 undo` again when you want it put back.";
        entry.reason = Some(Reason::new("declined", "Nothing was changed.", hint));
    }
    entry
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
        Outcome::WouldRevert => Exit::Pending,
        Outcome::Deferred | Outcome::NeedsUser => Exit::NeedsUser,
        _ => Exit::Failed,
    }
}

fn text(page: &mut Words, document: &Document, who: &Who) -> std::io::Result<()> {
    for line in &document.recovered {
        page.line(0, format_args!("put right from an interrupted run: {line}"))?;
    }
    for line in &document.interrupted {
        page.line(0, format_args!("interrupted, and put right by the next run that writes: {line}"))?;
    }
    document.not_believed.iter().try_for_each(|receipt| receipt.tell(page, who))?;
    not_believed::tell_strays(page, &document.strays)?;
    if document.accounts.is_empty() && !document.not_believed.is_empty() {
        return Ok(());
    }
    if document.accounts.is_empty() {
        page.line(0, "There is nothing to put back.")?;
        return document.elsewhere.iter().try_for_each(|home| {
            let home = shown(&home.to_string_lossy()).into_owned();
            page.line(0, format_args!("Changes in the home folder {home} are in effect: `port26 undo --home {home}`"))
        });
    }
    for entry in &document.accounts {
        let (mark, colour) = entry.mark();
        let client = client_title(entry.client);
        page.marked(0, colour, mark, format_args!("{}  {client} ({})", entry.name(), server_words(&entry.after)))?;
        if let Some(reason) = &entry.reason {
            page.line(4, &reason.message)?;
            page.line(4, format_args!("next: {}", reason.hint))?;
        }
    }
    together(page, document)
}

/// Accounts of one receipt were changed in one go, and go back in one go.
fn together(page: &mut Words, document: &Document) -> std::io::Result<()> {
    let mut receipts: Vec<(&str, Vec<String>)> = Vec::new();
    for entry in document.accounts.iter().filter(|entry| entry.is_or_would_be_back()) {
        match receipts.iter_mut().find(|(receipt, _)| *receipt == entry.receipt) {
            Some((_, names)) => names.push(entry.name()),
            None => receipts.push((&entry.receipt, vec![entry.name()])),
        }
    }
    let mut several = receipts.iter().filter(|(_, names)| names.len() > 1);
    several.try_for_each(|(_, names)| {
        page.line(0, format_args!("changed together, so put back together: {}", names.join(", ")))
    })
}
