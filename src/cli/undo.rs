//! `port26 undo`: puts back what was there, byte for byte. Somebody at a terminal is asked before; a script is not.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anstyle::AnsiColor;
use serde::Serialize;

use super::again::Again;
use super::args::{Global, UndoArgs};
use super::not_believed::{self, NotBelieved};
use super::output::{self, Words};
use super::output_mode::OutputMode;
use super::report_words::tell_problem;
use super::terminal::{Asks, Terminal};
use super::words::{none_there, server_words};
use super::{Exit, UsageError, context, prompt};
use crate::apply::{ApplyError, Machine};
use crate::clients::{Problem, client_title};
use crate::pipeline::{AccountPutBack, Consent, PutBackError, PutBackReport, PutBackSetup, Wanted, Who, put_back};
use crate::plan::Outcome;
use crate::report::SCHEMA;
use crate::shown::Shown;

/// The document of `undo --json`.
#[derive(Debug, Serialize)]
struct UndoDocument {
    schema: &'static str,
    verb: &'static str,
    recovered: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    interrupted: Vec<String>,
    accounts: Vec<AccountPutBack>,
    /// What of an interrupted run is not put right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
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
    /// The machines that these are of.
    #[serde(skip)]
    machines: Vec<Machine>,
    /// There is no receipt of anything.
    #[serde(skip)]
    no_receipts: bool,
}

impl UndoDocument {
    fn of(done: PutBackReport) -> Self {
        let not_believed: Vec<NotBelieved> = done.not_believed.into_iter().map(NotBelieved::of).collect();
        Self {
            schema: SCHEMA,
            verb: "undo",
            recovered: done.recovered,
            interrupted: done.interrupted,
            accounts: done.accounts,
            problems: done.problems,
            unreadable: not_believed.iter().map(NotBelieved::line).collect(),
            not_believed,
            strays: done.strays,
            elsewhere: done
                .elsewhere
                .iter()
                .map(|machine| machine.home.clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            machines: done.elsewhere,
            no_receipts: done.no_receipts,
        }
    }
}

pub(super) fn run(global: &Global, args: &UndoArgs) -> anyhow::Result<Exit> {
    let computer = context::computer(global)?;
    let who = Who::of(&computer);
    let policy = context::policy(global).ok();
    let setup = PutBackSetup {
        computer: &computer,
        state: context::state_dir(global)?,
        policy: policy.as_ref(),
        who: &who,
        talk: &Terminal::new(context::manner(global), Asks::Somebody),
    };
    let done = put_back(&setup, &wanted(args), consent(global)).map_err(usage)?;
    let exit = exit(&done);
    let document = UndoDocument::of(done);
    output::tell(context::manner(global), &document, |page| text(page, &document, (global, &who)))?;
    Ok(exit)
}

fn wanted(args: &UndoArgs) -> Wanted {
    match &args.what {
        Some(name) => Wanted::Named(name.clone()),
        None if args.all => Wanted::All,
        None => Wanted::Latest,
    }
}

/// Somebody at a terminal is asked. A script that says `undo` means it.
fn consent(global: &Global) -> Consent {
    let people = matches!(context::manner(global), OutputMode::People | OutputMode::Detailed | OutputMode::Quiet);
    match global.dry_run {
        true => Consent::DryRun,
        false if people && !global.yes && prompt::interactive() => Consent::AskFirst,
        false => Consent::Agreed,
    }
}

/// A receipt that does not exist, or cannot be undone, is a matter of the command line.
fn usage(error: PutBackError) -> anyhow::Error {
    match error {
        PutBackError::NoChangeOf { .. } => {
            UsageError::new(error.to_string(), "`port26 status` lists the changes.").into()
        }
        PutBackError::Writer(
            error @ (ApplyError::UnknownReceipt { .. }
            | ApplyError::NothingToUndo { .. }
            | ApplyError::OtherMachine { .. }),
        ) => UsageError::new(error.to_string(), error.hint()).into(),
        PutBackError::Writer(other) => other.into(),
        other => other.into(),
    }
}

/// For the accounts that were asked for, and for what was not put back beside them: receipts that are not believed, those
/// that still wait for a program or a disk, and what another program had changed under an interrupted run.
fn exit(done: &PutBackReport) -> Exit {
    let beside = match done.not_believed.is_empty() && !done.recovered_in_part {
        false => Exit::Failed,
        true if done.waits => Exit::NeedsUser,
        // A run that writes nothing has left what the next one puts right.
        true if !done.interrupted.is_empty() => Exit::Pending,
        true => Exit::Done,
    };
    done.accounts.iter().map(|one| exit_of(one.result)).fold(beside, Exit::worst)
}

/// Putting back is what was asked for, so `reverted` is a success here.
fn exit_of(result: Outcome) -> Exit {
    match result {
        Outcome::Reverted => Exit::Done,
        Outcome::WouldRevert => Exit::Pending,
        Outcome::Deferred | Outcome::NeedsUser => Exit::NeedsUser,
        _ => Exit::Failed,
    }
}

fn text(page: &mut Words, document: &UndoDocument, (global, who): (&Global, &Who)) -> std::io::Result<()> {
    for line in &document.recovered {
        page.line(0, format_args!("put right from an interrupted run: {line}"))?;
    }
    for line in &document.interrupted {
        page.line(0, format_args!("interrupted, and put right by the next run that writes: {line}"))?;
    }
    document.problems.iter().try_for_each(|problem| tell_problem(page, problem))?;
    document.not_believed.iter().try_for_each(|receipt| receipt.tell(page, who))?;
    not_believed::tell_strays(page, &document.strays)?;
    // Putting right what was cut off, or what is left alone, is all there was to do.
    let recovered = !document.recovered.is_empty() || !document.problems.is_empty();
    let told = !document.not_believed.is_empty() || recovered || !document.interrupted.is_empty();
    if document.accounts.is_empty() && told {
        return Ok(());
    }
    if document.accounts.is_empty() {
        let none = if document.no_receipts { none_there(global) } else { String::new() };
        page.line(0, format_args!("There is nothing to put back{none}."))?;
        return document.machines.iter().try_for_each(|machine| {
            let home = Shown(&machine.home.to_string_lossy()).to_string();
            let command = Again::of_machine(machine, global).undo(None);
            page.line(0, format_args!("Changes in the home folder {home} are in effect: `{command}`"))
        });
    }
    for entry in &document.accounts {
        let (mark, colour) = mark(entry.result);
        let client = client_title(entry.client);
        page.marked(0, colour, mark, format_args!("{}  {client} ({})", entry.name(), server_words(&entry.after)))?;
        if let Some(reason) = &entry.reason {
            page.line(4, &reason.message)?;
            page.line(4, format_args!("next: {}", reason.hint))?;
        }
    }
    together(page, document)
}

/// The result in a word.
fn mark(result: Outcome) -> (&'static str, AnsiColor) {
    match result {
        Outcome::Reverted => ("put back", AnsiColor::Green),
        Outcome::WouldRevert => ("can be undone", AnsiColor::Cyan),
        Outcome::Conflict => ("conflict", AnsiColor::Red),
        Outcome::Deferred | Outcome::NeedsUser => ("waits", AnsiColor::Yellow),
        _ => ("failed", AnsiColor::Red),
    }
}

/// Accounts of one receipt were changed in one go, and go back in one go.
fn together(page: &mut Words, document: &UndoDocument) -> std::io::Result<()> {
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
