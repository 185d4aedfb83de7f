//! `port26 fix`: test, plan, confirm, apply, verify.

use super::args::{FixArgs, Global};
use super::output::{self, Manner, server_words};
use super::undo::recovery_words;
use super::{Exit, UsageError, context, prompt};
use crate::apply::RunId;
use crate::credentials::somebody_to_ask;
use crate::pipeline::{self, Fixing};
use crate::plan::{Outcome, Reason};
use crate::report::Report;

pub(super) fn run(global: &Global, args: &FixArgs) -> anyhow::Result<Exit> {
    let manner = context::manner(global);
    let asks = !global.yes && !global.silent && !global.dry_run;
    if asks && (manner == Manner::Json || !prompt::interactive()) {
        return Err(UsageError::new(
            "fix must ask before it changes settings, and nobody can be asked here",
            "Add --yes to change without asking, or --dry-run to see what would change.",
        )
        .into());
    }
    let ask = somebody_to_ask(!asks, prompt::interactive());
    let tools = context::tools(global, ask)?;
    let mut report = Report::new("fix");
    report.recovered = recovery_words(&tools.desk.writer().recover()?);
    let found = context::discover_selected(&tools, &args.selection)?;
    report.clients = found.clients;
    report.problems = found.problems;
    let runtime = context::runtime()?;
    let mut tested = runtime.block_on(pipeline::test(&tools, found.accounts));
    context::remember(&tools, &mut tested);
    let fixing = pipeline::plan_changes(&tools, tested);
    report.accounts = if global.dry_run {
        fixing.into_iter().map(|one| one.report).collect()
    } else if asks && fixing.iter().any(Fixing::pending) && !confirmed(&fixing)? {
        fixing.into_iter().map(declined).map(|one| one.report).collect()
    } else {
        pipeline::fix(&tools, fixing, &RunId::start())
    };
    if args.send_test || tools.policy.send_test.value {
        runtime.block_on(pipeline::send_tests(&tools, &mut report.accounts));
    }
    drop(tools);
    output::print(&report, manner)?;
    let outcomes = Exit::of(report.accounts.iter().filter_map(|account| account.result));
    Ok(if report.problems.is_empty() { outcomes } else { outcomes.worst(Exit::Failed) })
}

fn confirmed(fixing: &[Fixing]) -> anyhow::Result<bool> {
    for one in fixing.iter().filter(|one| one.pending()) {
        if let Some(to) = &one.to {
            anstream::eprintln!(
                "{}\n    from {}\n    to   {}",
                output::account_title(&one.report.account),
                server_words(&one.report.account.outgoing),
                server_words(to)
            );
        }
    }
    Ok(prompt::confirm("Change these settings?")?)
}

fn declined(mut one: Fixing) -> Fixing {
    if one.pending() {
        one.report.result = Some(Outcome::WouldFix);
        one.report.reason =
            Some(Reason::new("declined", "Nothing was changed.", "Run `port26 fix` again when you want it changed."));
    }
    one
}
