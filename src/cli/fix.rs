//! `port26 fix`: test, plan, confirm, apply, verify.

use super::again::Again;
use super::args::{FixArgs, Global};
use super::{Exit, context, output};
use crate::exit::Purpose;
use crate::pipeline::{Request, Route, repair};

pub(super) fn run(global: &Global, args: &FixArgs) -> anyhow::Result<Exit> {
    // What is asked of it must be clear before anything is looked at.
    let patience = context::patience(&args.waits)?;
    let consent = context::consent(global, "fix")?;
    let accounts = args.selection.accounts.clone();
    let request =
        Request { verb: "fix", accounts, consent, route: Route::OwnHost, patience, send_test: args.send_test };
    carry_out(global, &request)
}

/// Changes what is asked for, and tells it.
pub(super) fn carry_out(global: &Global, request: &Request) -> anyhow::Result<Exit> {
    let tools = context::tools_to_change(global, request.consent)?;
    let report = context::run(repair(&tools, request))?;
    drop(tools);
    let exit = Exit::of_report(&report, Purpose::ToChange);
    let manner = context::manner(global);
    output::print(&report, manner, &Again::of(global))?;
    Ok(exit)
}
