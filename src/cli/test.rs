//! `port26 test`: tries the outgoing ports and says what is wrong. Changes nothing.

use super::again::Again;
use super::args::{Global, Selection};
use super::output;
use super::output_mode::OutputMode;
use super::terminal::Asks;
use super::words::counted;
use super::{Exit, context};
use crate::exit::Purpose;
use crate::pipeline::examine;
use crate::plan::Outcome;
use crate::policy::Mode;
use crate::report::Report;

pub(super) fn run(global: &Global, selection: &Selection) -> anyhow::Result<Exit> {
    let tools = context::tools(global, Asks::Nobody)?;
    let report = context::run(examine(&tools, &selection.accounts, context::keeps(global)))?;
    let manner = context::manner(global);
    output::print(&report, manner, &Again::of(global))?;
    if matches!(manner, OutputMode::People | OutputMode::Detailed) {
        next_command(&report, tools.policy.mode.value)?;
    }
    Ok(Exit::of_report(&report, Purpose::ToLook))
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
