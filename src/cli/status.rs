//! `port26 status`: receipts of changes, and what is remembered of networks and their ports.

use std::io::Write;

use port26_platform::network::NetworkSigns;
use serde::Serialize;

use super::args::Global;
use super::output::{self, Manner, server_words};
use super::{Exit, context};
use crate::apply::{Receipt, Status};
use crate::clients::CLIENTS;
use crate::network_history::{History, PortState, Span, network_id};
use crate::pipeline::Desk;
use crate::report::SCHEMA;

/// The document of `status --json`.
#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    verb: &'static str,
    receipts: Vec<Receipt>,
    unreadable: Vec<String>,
    network: Option<String>,
    history: Vec<Span>,
}

pub(super) fn run(global: &Global) -> anyhow::Result<Exit> {
    let host = context::host(global)?;
    let state = context::state_dir(global)?;
    let history = History::load(&state)?;
    let kept = Desk::new(state, &host, CLIENTS).writer().receipts()?;
    let document = Document {
        schema: SCHEMA,
        verb: "status",
        receipts: kept.receipts,
        unreadable: kept.unreadable.iter().map(ToString::to_string).collect(),
        network: network_id(&NetworkSigns::now()),
        history: history.spans,
    };
    match context::manner(global) {
        Manner::Json => output::json(&document)?,
        Manner::Silent => {}
        Manner::Quiet | Manner::People | Manner::Detailed => text(&document)?,
    }
    Ok(Exit::Done)
}

fn text(document: &Document) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    if document.receipts.is_empty() {
        writeln!(out, "port26 has not changed anything here.")?;
    }
    for receipt in &document.receipts {
        let state = match &receipt.status {
            Status::Applied => "in effect",
            Status::Undone { .. } => "put back since",
            Status::RolledBack { .. } => "not made: put back at once",
            Status::Unfinished => "interrupted: the next run puts it right",
        };
        writeln!(out, "{}  {}  {state}", receipt.id, receipt.time.strftime("%Y-%m-%d %H:%M"))?;
        for account in &receipt.accounts {
            writeln!(
                out,
                "    {}: {} -> {}",
                account.account_id,
                server_words(&account.before),
                server_words(&account.after)
            )?;
        }
    }
    for line in &document.unreadable {
        writeln!(out, "cannot be read: {line}")?;
    }
    for span in &document.history {
        let here = if document.network.as_ref() == Some(&span.network) { "this network" } else { "another network" };
        let what = if span.state == PortState::Open { "got through" } else { "was blocked" };
        let date = |stamp: jiff::Timestamp| stamp.strftime("%Y-%m-%d").to_string();
        writeln!(out, "port {} {what} on {here} from {} to {}", span.port, date(span.first), date(span.last))?;
    }
    Ok(())
}
