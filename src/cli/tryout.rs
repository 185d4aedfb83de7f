//! `port26 try`: the rehearsal, told step by step. Needs no root, no network, and leaves nothing behind.

use std::io::Write;

use serde::Serialize;

use super::args::Global;
use super::output::{self, Manner};
use super::{Exit, context};
use crate::rehearsal::run::{MachineReport, RehearsalReport, rehearse};
use crate::report::{Report, SCHEMA};

/// The document of `try --json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: &'static str,
    verb: &'static str,
    #[serde(flatten)]
    report: &'a RehearsalReport,
}

pub(super) fn run(global: &Global) -> anyhow::Result<Exit> {
    let manner = context::manner(global);
    if matches!(manner, Manner::People | Manner::Detailed) {
        let mut out = anstream::stdout().lock();
        writeln!(
            out,
            "A rehearsal on this computer: an invented internet provider blocks port 25, an invented mail host"
        )?;
        writeln!(out, "listens on port 26, and four invented computers cannot send. Nothing of yours is touched.")?;
    }
    let report = context::runtime()?.block_on(rehearse())?;
    match manner {
        Manner::Json => output::json(&Document { schema: SCHEMA, verb: "try", report: &report })?,
        Manner::Silent => {}
        Manner::Quiet | Manner::People | Manner::Detailed => text(&report, manner)?,
    }
    Ok(if report.succeeded() { Exit::Done } else { Exit::Failed })
}

fn text(report: &RehearsalReport, manner: Manner) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    for machine in &report.machines {
        writeln!(out, "\n=== {} ({}) ===", machine.name, crate::plan::code_of(&machine.os))?;
        let mut accounts = Report::new("try");
        accounts.accounts.clone_from(&machine.accounts);
        // Their receipts are gone with the rehearsal.
        accounts.accounts.iter_mut().for_each(|account| account.receipt = None);
        output::text(&mut out, &accounts, manner)?;
        writeln!(out, "{}", ending(machine))?;
    }
    let leaked = if report.password_before_tls {
        "A password was sent unencrypted!"
    } else {
        "No password was sent unencrypted."
    };
    writeln!(out, "\n{} messages arrived through port 26 with a login. {leaked}", report.messages_arrived)
}

fn ending(machine: &MachineReport) -> String {
    let sent = format!("{} of {} moved accounts sent a message that arrived", machine.messages_arrived, machine.moved);
    let back =
        if machine.bytes_restored { "then undo put every byte back" } else { "but undo did not put every byte back" };
    format!("{sent}; {back}.")
}
