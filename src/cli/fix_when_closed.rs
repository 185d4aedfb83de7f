//! `port26 fix --wait` and `--close`: what had to be put off because a mail program is open is done once it is closed.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::args::FixArgs;
use super::fix::{Asking, renames, write_as};
use super::page::Page;
use super::words::{account_title, server_words};
use super::{UsageError, context, prompt};
use crate::account::SubmissionServer;
use crate::apply::{RunId, RunTurn};
use crate::pipeline::{self, Fixing, Tools, Waiting};
use crate::plan::Outcome;
use crate::report::AccountReport;

/// A program that was asked to close has this long: time to answer whether a draft shall be kept.
const AFTER_ASKING: Duration = Duration::from_secs(60);

/// How long, and how, an open program is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    close: bool,
    limit: Option<Duration>,
}

impl Patience {
    /// `None`: an open program is not waited for.
    pub(super) fn of(args: &FixArgs) -> Result<Option<Self>, UsageError> {
        if !args.wait && !args.close {
            return match args.wait_max {
                None => Ok(None),
                Some(_) => Err(UsageError::new(
                    "--wait-max says how long to wait, and nothing is waited for",
                    "Add --wait, or --close.",
                )),
            };
        }
        let given = args.wait_max.map(|seconds| Duration::from_secs(seconds.into()));
        let limit = given.or_else(|| (!args.wait).then_some(AFTER_ASKING));
        Ok(Some(Self { close: args.close, limit }))
    }
}

/// Waits for the programs of the accounts that were put off, tests these accounts again with the settings that are there
/// then, and writes.
pub(super) fn run(
    tools: &Tools,
    runtime: &Runtime,
    accounts: &mut [AccountReport],
    patience: Patience,
    asking: Asking,
    run: &RunId,
    turn: &mut Option<RunTurn>,
) -> anyhow::Result<()> {
    let put_off = || accounts.iter().filter(|report| report.result == Some(Outcome::Deferred));
    if asking == Asking::OnlyTold || put_off().next().is_none() {
        return Ok(());
    }
    let agreed: BTreeMap<String, SubmissionServer> =
        put_off().filter_map(|report| Some((report.account.id.clone(), report.after.clone()?))).collect();
    if asking == Asking::First && !confirmed(put_off())? {
        return Ok(());
    }
    let mut waiting = Waiting::new(patience.close, patience.limit);
    loop {
        // Who waits for a program keeps no other run waiting. What is read after that is read in a turn of its own.
        *turn = None;
        let Some(ids) = runtime.block_on(waiting.next_closed(tools, accounts)) else { break };
        *turn = context::turn(&tools.desk, asking.keeps())?;
        let now = pipeline::read_again(tools, &ids, accounts);
        let mut tested = runtime.block_on(pipeline::test(tools, now));
        context::remember(tools, &mut tested, asking.keeps());
        let fixing = pipeline::plan_changes(tools, tested);
        // What was agreed to is done; if the account needs something else now, it is asked for again.
        let as_agreed = |one: &Fixing| one.to.is_none() || one.to.as_ref() == agreed.get(&one.report.account.id);
        let all_as_agreed = fixing.iter().all(as_agreed);
        // Somebody was asked, and a new name of the server was among what they agreed to.
        let fixing = match all_as_agreed && asking == Asking::First {
            true => fixing.into_iter().map(Fixing::agreed).collect(),
            false => fixing,
        };
        let asking = if all_as_agreed { Asking::Agreed } else { asking };
        for done in write_as(tools, fixing, asking, run)? {
            if let Some(place) = accounts.iter_mut().find(|report| report.account.id == done.account.id) {
                *place = done;
            }
        }
    }
    waiting.settle(accounts);
    Ok(())
}

fn confirmed<'a>(put_off: impl Iterator<Item = &'a AccountReport>) -> anyhow::Result<bool> {
    let mut page = Page::stderr();
    for report in put_off {
        if let Some(to) = &report.after {
            page.line(0, account_title(&report.account))?;
            page.line(4, format_args!("to   {}", server_words(to)))?;
            if !to.host.eq_ignore_ascii_case(&report.account.outgoing.host) {
                page.line(4, renames(to))?;
            }
        }
    }
    drop(page);
    Ok(prompt::confirm("Change these settings as soon as the mail program is closed?")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(wait: bool, close: bool, wait_max: Option<u32>) -> Result<Option<Patience>, String> {
        let args = FixArgs { wait, close, wait_max, ..FixArgs::default() };
        Patience::of(&args).map_err(|error| error.to_string())
    }

    #[test]
    fn how_long_is_waited() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(patience(false, false, None), Ok(None));
        assert_eq!(patience(true, false, None), Ok(Some(Patience { close: false, limit: None })));
        assert_eq!(patience(true, false, Some(5)), Ok(Some(Patience { close: false, limit: seconds(5) })));
        assert_eq!(patience(false, true, None), Ok(Some(Patience { close: true, limit: seconds(60) })));
        assert_eq!(patience(true, true, None), Ok(Some(Patience { close: true, limit: None })));
        assert_eq!(patience(false, true, Some(0)), Ok(Some(Patience { close: true, limit: seconds(0) })));
        assert!(patience(false, false, Some(5)).unwrap_err().contains("--wait-max"));
    }
}
