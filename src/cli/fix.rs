//! `port26 fix`: test, plan, confirm, apply, verify.

use super::args::{FixArgs, Global};
use super::context::Keeps;
use super::fix_when_closed::{self, Patience};
use super::output::{self, Manner};
use super::page::Page;
use super::undo::recover;
use super::words::{account_title, server_words};
use super::{Exit, UsageError, context, prompt};
use crate::account::SubmissionServer;
use crate::apply::RunId;
use crate::clients::Problem;
use crate::credentials::{Ask, somebody_to_ask};
use crate::pipeline::{self, Fixing, Tools};
use crate::plan::{Outcome, Reason};
use crate::report::{AccountReport, Report};

pub(super) fn run(global: &Global, args: &FixArgs) -> anyhow::Result<Exit> {
    // What is asked of it must be clear before anything is looked at.
    Patience::of(args)?;
    let asking = asking(global, "fix")?;
    let tools = context::tools_to_change(global, asking.somebody())?;
    let report = carry_out(&tools, args, asking)?;
    drop(tools);
    output::print(&report, context::manner(global))?;
    Ok(exit(&report))
}

/// The stages of `fix`, from finding the accounts to reading them back.
pub(super) fn carry_out(tools: &Tools, args: &FixArgs, asking: Asking) -> anyhow::Result<Report> {
    let patience = Patience::of(args)?;
    let mut turn = context::turn(&tools.desk, asking.keeps())?;
    let mut report = Report::new("fix");
    recover(&tools.desk.writer(), asking.keeps(), &mut report)?;
    let found = context::discover_selected(tools, &args.selection)?;
    report.clients = found.clients;
    report.problems = found.problems;
    let runtime = context::runtime()?;
    let mut tested = runtime.block_on(pipeline::test(tools, found.accounts));
    context::remember(tools, &mut tested, asking.keeps());
    let fixing = pipeline::plan_changes(tools, tested);
    let run = RunId::start();
    report.accounts = write_as(tools, fixing, asking, &run)?;
    if let Some(patience) = patience {
        fix_when_closed::run(tools, &runtime, &mut report.accounts, patience, asking, &run, &mut turn)?;
    }
    if args.send_test || tools.policy.send_test.value {
        runtime.block_on(pipeline::send_tests(tools, &mut report.accounts));
    }
    Ok(report)
}

/// What comes between a plan and its writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    /// Somebody at the terminal is asked.
    First,
    /// It was agreed to beforehand (`--yes`, `--silent`).
    Agreed,
    /// Nothing is written (`--dry-run`).
    OnlyTold,
}

impl Asking {
    /// What the run may leave in the state folder.
    pub(super) fn keeps(self) -> Keeps {
        if self == Self::OnlyTold { Keeps::Nothing } else { Keeps::State }
    }

    /// Who may be asked for passwords.
    pub(super) fn somebody(self) -> Box<dyn Ask> {
        somebody_to_ask(self != Self::First, prompt::interactive())
    }
}

/// How a verb that writes settings asks before it does; an error where it must and cannot.
pub(super) fn asking(global: &Global, verb: &str) -> Result<Asking, UsageError> {
    if global.dry_run {
        return Ok(Asking::OnlyTold);
    }
    if global.yes || global.silent {
        return Ok(Asking::Agreed);
    }
    if context::manner(global) == Manner::Json || !prompt::interactive() {
        return Err(UsageError::new(
            format!("{verb} must ask before it changes settings, and nobody can be asked here"),
            "Add --yes to change without asking, or --dry-run to see what would change.",
        ));
    }
    Ok(Asking::First)
}

/// Writes what is pending, if that is agreed to.
pub(super) fn write(tools: &Tools, fixing: Vec<Fixing>, asking: Asking) -> anyhow::Result<Vec<AccountReport>> {
    write_as(tools, fixing, asking, &RunId::start())
}

/// The same as a part of this run.
pub(super) fn write_as(
    tools: &Tools,
    fixing: Vec<Fixing>,
    asking: Asking,
    run: &RunId,
) -> anyhow::Result<Vec<AccountReport>> {
    Ok(match asking {
        Asking::OnlyTold => fixing.into_iter().map(|one| one.report).collect(),
        Asking::First if fixing.iter().any(asked_about) && !confirmed(&fixing)? => {
            fixing.into_iter().map(declined).map(|one| one.report).collect()
        }
        Asking::First => pipeline::fix(tools, fixing.into_iter().map(Fixing::agreed).collect(), run),
        Asking::Agreed => pipeline::fix(tools, fixing, run),
    })
}

/// The exit code of a verb that writes settings.
pub(super) fn exit(report: &Report) -> Exit {
    let outcomes = Exit::of(report.accounts.iter().filter_map(|account| account.result));
    let of_problem = |problem: &Problem| if problem.is_for_the_user() { Exit::NeedsUser } else { Exit::Failed };
    report.problems.iter().map(of_problem).fold(outcomes, Exit::worst)
}

/// An account that needs no relay: what `fix` would do with it is left to `fix`.
pub(super) fn left_to_fix(mut one: Fixing) -> Fixing {
    one.changes.clear();
    one
}

/// What somebody who agrees to a move ought to know, if it is to another name.
pub(super) fn renames(to: &SubmissionServer) -> String {
    format!("This changes the name of the server. Agree only if you know {} as your mail host's.", to.host)
}

/// It is written now, or handed out under another name of its server.
fn asked_about(one: &Fixing) -> bool {
    one.pending() || one.needs_consent()
}

fn confirmed(fixing: &[Fixing]) -> anyhow::Result<bool> {
    let mut page = Page::stderr();
    for one in fixing.iter().filter(|one| asked_about(one)) {
        if let Some(to) = &one.to {
            page.line(0, account_title(&one.report.account))?;
            page.line(4, format_args!("from {}", server_words(&one.report.account.outgoing)))?;
            page.line(4, format_args!("to   {}", server_words(to)))?;
            if one.needs_consent() {
                page.line(4, renames(to))?;
            }
        }
    }
    drop(page);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_person_can_put_right_does_not_fail_the_run() {
        let mut report = Report::new("fix");
        let problem = |code: &str| Problem {
            client: None,
            at: "ola@mailhub.example".to_owned(),
            code: code.to_owned(),
            message: String::new(),
            hint: String::new(),
        };
        assert_eq!(exit(&report), Exit::Done);
        report.problems.push(problem("no_outgoing_server"));
        assert_eq!(exit(&report), Exit::NeedsUser);
        report.problems.push(problem("unreadable_profile"));
        assert_eq!(exit(&report), Exit::Failed);
    }
}
