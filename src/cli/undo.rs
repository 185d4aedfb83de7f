//! `port26 undo`: puts back what was there, byte for byte.

use std::io::Write;

use serde::Serialize;

use super::args::{Global, UndoArgs};
use super::output::{self, Manner};
use super::{Exit, UsageError, context};
use crate::apply::{UndoReport, UndoSelector};
use crate::report::SCHEMA;

/// The document of `undo --json`.
#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    verb: &'static str,
    recovered: Vec<String>,
    receipts: Vec<UndoReport>,
}

pub(super) fn run(global: &Global, args: &UndoArgs) -> anyhow::Result<Exit> {
    let host = context::host(global)?;
    let writer = context::writer(global, &host)?;
    let selector = match (&args.receipt, args.all) {
        (Some(receipt), _) => UndoSelector::Receipt(receipt.clone()),
        (None, true) => UndoSelector::All,
        (None, false) => UndoSelector::Last,
    };
    let recovered: Vec<String> = writer.recover()?.into_iter().map(|line| line.to_string()).collect();
    let receipts = writer.undo(&selector).map_err(|error| match error.is_unknown_receipt() {
        true => anyhow::Error::from(UsageError::new(error.to_string(), "`port26 status` lists the receipts.")),
        false => error.into(),
    })?;
    let exit = Exit::of(receipts.iter().map(UndoReport::outcome));
    let document = Document { schema: SCHEMA, verb: "undo", recovered, receipts };
    match context::manner(global) {
        Manner::Json => output::json(&document)?,
        Manner::Silent => {}
        Manner::Quiet | Manner::People => text(&document)?,
    }
    Ok(exit)
}

fn text(document: &Document) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    if document.receipts.is_empty() {
        return writeln!(out, "There is nothing to put back.");
    }
    for receipt in &document.receipts {
        writeln!(out, "{receipt}")?;
    }
    Ok(())
}
