//! `port26 test`: tries the outgoing ports and says what is wrong. Changes nothing.

use super::args::{Global, Selection};
use super::context::Keeps;
use super::output::{self, Manner};
use super::words::counted;
use super::{Exit, context};
use crate::pipeline;
use crate::plan::Outcome;
use crate::policy::Mode;
use crate::report::Report;

pub(super) fn run(global: &Global, selection: &Selection) -> anyhow::Result<Exit> {
    let tools = context::tools(global, context::nobody())?;
    let found = context::discover_selected(&tools, selection)?;
    let mut tested = context::runtime()?.block_on(pipeline::test(&tools, found.accounts));
    context::remember(&tools, &mut tested, Keeps::of(global));
    let mut report = Report::new("test");
    report.clients = found.clients;
    report.problems = found.problems;
    report.accounts = tested.into_iter().map(|tested| tested.report).collect();
    let manner = context::manner(global);
    output::print(&report, manner)?;
    if matches!(manner, Manner::People | Manner::Detailed) {
        next_command(&report, tools.policy.mode.value)?;
    }
    let outcomes = Exit::of(report.accounts.iter().filter_map(|account| account.result));
    Ok(outcomes.worst(Exit::of_named(&report.problems)))
}

/// A test is done to do something about it.
fn next_command(report: &Report, mode: Mode) -> std::io::Result<()> {
    let fixable = report.accounts.iter().filter(|account| account.result == Some(Outcome::WouldFix)).count();
    if fixable == 0 || mode != Mode::Fix {
        return Ok(());
    }
    let accounts = counted(fixable, "account", "accounts");
    output::say(|page| {
        page.line(
            0,
            format_args!("next: `port26 fix` moves {accounts}; it asks first, and `port26 undo` puts it back."),
        )
    })
}
