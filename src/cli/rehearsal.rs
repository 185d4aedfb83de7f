//! `port26 try`: the rehearsal, told step by step. Needs no root, no network, and leaves nothing behind.

use serde::Serialize;

use super::again::Again;
use super::args::Global;
use super::output::{self, Words};
use super::output_mode::OutputMode;
use super::{Exit, context, report_words};
use crate::rehearsal::run::{MachineReport, RehearsalReport, rehearse};
use crate::report::{Report, SCHEMA};

/// The document of `try --json`.
#[derive(Debug, Serialize)]
struct RehearsalDocument<'a> {
    schema: &'static str,
    verb: &'static str,
    #[serde(flatten)]
    report: &'a RehearsalReport,
}

pub(super) fn run(global: &Global) -> anyhow::Result<Exit> {
    let manner = context::manner(global);
    if matches!(manner, OutputMode::People | OutputMode::Detailed) {
        output::say(|page| {
            page.line(
                0,
                "A rehearsal on this computer: an invented internet provider blocks port 25, an invented mail host listens \
                 on port 26, and four invented computers cannot send. Nothing of yours is touched.",
            )
        })?;
    }
    let told = |machine: &MachineReport| match manner {
        // A rehearsal whose reader has gone away is held to its end.
        OutputMode::Quiet | OutputMode::People | OutputMode::Detailed => {
            drop(output::say(|page| one(page, machine, manner)))
        }
        OutputMode::Json | OutputMode::Silent => {}
    };
    let held = context::runtime()?.block_on(async {
        tokio::select! {
            held = rehearse(told) => held.map(Some),
            // The temporary folder goes with the rehearsal.
            _ = tokio::signal::ctrl_c() => Ok(None),
        }
    })?;
    let Some(report) = held else {
        anyhow::bail!("interrupted; the rehearsal has left nothing behind");
    };
    let document = RehearsalDocument { schema: SCHEMA, verb: "try", report: &report };
    output::tell(manner, &document, |page| {
        let leaked = match report.password_before_tls {
            true => "A password was sent unencrypted!",
            false => "No password was sent unencrypted.",
        };
        page.gap()?;
        page.line(
            0,
            format_args!("{} messages arrived through port 26 with a login. {leaked}", report.messages_arrived),
        )
    })?;
    Ok(if report.succeeded() { Exit::Done } else { Exit::Failed })
}

/// One machine, when it is done.
fn one(page: &mut Words, machine: &MachineReport, manner: OutputMode) -> std::io::Result<()> {
    page.gap()?;
    page.line(0, format_args!("=== {} ({}) ===", machine.name, crate::codes::code_of(&machine.os)))?;
    let mut accounts = Report::new("try");
    accounts.accounts.clone_from(&machine.accounts);
    // Their receipts are gone with the rehearsal.
    accounts.accounts.iter_mut().for_each(|account| account.receipt = None);
    report_words::write(page, &accounts, manner, &Again::default())?;
    page.line(0, ending(machine))
}

fn ending(machine: &MachineReport) -> String {
    let sent = format!("{} of {} moved accounts sent a message that arrived", machine.messages_arrived, machine.moved);
    let back =
        if machine.bytes_restored { "then undo put every byte back" } else { "but undo did not put every byte back" };
    format!("{sent}; {back}.")
}
