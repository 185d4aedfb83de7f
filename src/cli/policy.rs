//! `port26 policy show`: every setting, its value and where it came from.

use std::io::Write;

use serde::Serialize;

use super::args::{Global, PolicyAction, PolicyArgs};
use super::output::{self, Manner};
use super::{Exit, context};
use crate::policy::Row;
use crate::report::SCHEMA;

/// The document of `policy show --json`.
#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    verb: &'static str,
    settings: Vec<Row>,
}

pub(super) fn run(global: &Global, args: &PolicyArgs) -> anyhow::Result<Exit> {
    let PolicyAction::Show = args.action;
    let document = Document { schema: SCHEMA, verb: "policy", settings: context::policy(global)?.rows() };
    match context::manner(global) {
        Manner::Json => output::json(&document)?,
        Manner::Silent => {}
        Manner::Quiet | Manner::People | Manner::Detailed => {
            let mut out = anstream::stdout().lock();
            for row in &document.settings {
                writeln!(out, "{:<26} {:<40} ({})", row.name, row.text(), row.from)?;
            }
        }
    }
    Ok(Exit::Done)
}
