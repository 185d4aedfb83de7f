//! `port26 status`: receipts of changes, and whether an interrupted run is waiting to be put right.

use std::io::Write;

use serde::Serialize;

use super::args::Global;
use super::output::{self, Manner};
use super::{Exit, context};
use crate::apply::Receipt;
use crate::report::SCHEMA;

/// The document of `status --json`.
#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    verb: &'static str,
    receipts: Vec<Receipt>,
}

pub(super) fn run(global: &Global) -> anyhow::Result<Exit> {
    let host = context::host(global)?;
    let receipts = context::writer(global, &host)?.receipts()?;
    let document = Document { schema: SCHEMA, verb: "status", receipts };
    match context::manner(global) {
        Manner::Json => output::json(&document)?,
        Manner::Silent => {}
        Manner::Quiet | Manner::People => {
            let mut out = anstream::stdout().lock();
            if document.receipts.is_empty() {
                writeln!(out, "port26 has not changed anything here.")?;
            }
            for receipt in &document.receipts {
                writeln!(out, "{receipt}")?;
            }
        }
    }
    Ok(Exit::Done)
}
