//! `port26 scan`: mail programs and accounts found. No network, writes nothing.

use super::again::Again;
use super::args::Global;
use super::{Exit, context, output};
use crate::clients::CLIENTS;
use crate::exit::Purpose;
use crate::pipeline::discover;
use crate::report::{AccountReport, Report};

pub(super) fn run(global: &Global) -> anyhow::Result<Exit> {
    let host = context::computer(global)?;
    let found = discover(&host, CLIENTS);
    let mut report = Report::new("scan");
    report.clients = found.clients;
    report.accounts = found.accounts.into_iter().map(AccountReport::found).collect();
    report.problems = found.problems;
    output::print(&report, context::manner(global), &Again::of(global))?;
    Ok(Exit::of_report(&report, Purpose::ToLook))
}
