//! `port26 policy show`: every setting, its value and where it came from.

use serde::Serialize;

use super::args::{Global, PolicyAction, PolicyArgs};
use super::{Exit, context, output};
use crate::policy::Row;
use crate::report::SCHEMA;

/// The document of `policy show --json`.
#[derive(Debug, Serialize)]
struct PolicyDocument {
    schema: &'static str,
    verb: &'static str,
    settings: Vec<Row>,
}

pub(super) fn run(global: &Global, args: &PolicyArgs) -> anyhow::Result<Exit> {
    let PolicyAction::Show = args.action;
    let document = PolicyDocument { schema: SCHEMA, verb: "policy", settings: context::policy(global)?.rows() };
    output::tell(context::manner(global), &document, |page| {
        let mut rows = document.settings.iter();
        rows.try_for_each(|row| page.line(0, format_args!("{:<26} {:<40} ({})", row.name, row.text(), row.from)))
    })?;
    Ok(Exit::Done)
}
