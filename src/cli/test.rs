//! `port26 test`: tries the outgoing ports and says what is wrong. Changes nothing.

use super::args::{Global, Selection};
use super::output::{self, Manner};
use super::{Exit, context};
use crate::pipeline;
use crate::report::Report;

pub(super) fn run(global: &Global, selection: &Selection) -> anyhow::Result<Exit> {
    let tools = context::tools(global, context::nobody())?;
    let found = context::discover_selected(&tools, selection)?;
    let mut tested = context::runtime()?.block_on(pipeline::test(&tools, found.accounts));
    context::remember(&tools, &mut tested);
    let mut report = Report::new("test");
    report.clients = found.clients;
    report.problems = found.problems;
    report.accounts = tested.into_iter().map(|tested| tested.report).collect();
    // What was seen is what this verb is for.
    let manner = match context::manner(global) {
        Manner::People => Manner::Detailed,
        other => other,
    };
    output::print(&report, manner)?;
    Ok(Exit::of(report.accounts.iter().filter_map(|account| account.result)))
}
