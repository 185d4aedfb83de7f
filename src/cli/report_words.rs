//! A report as a person reads it: each cause once, below it the hosts that it concerns, below each host its accounts.

use std::io::{Result, Write};

use anstyle::AnsiColor;
use port26_platform::programs::Scope;

use super::again::Again;
use super::output_mode::OutputMode;
use super::page::Page;
use super::words::{RESULT_WORDS, counted, port_words, server_words};
use crate::account::Account;
use crate::clients::installed::{InstalledBy, Program};
use crate::clients::{Installation, Problem};
use crate::clients::{client_name, client_title};
use crate::plan::Outcome;
use crate::report::{AccountReport, Report};
use crate::shown::Shown;

/// Columns of hosts, and of what concerns the whole host.
const HOST: usize = 2;
const ACCOUNT: usize = 4;
/// Below the account itself: the column of its text.
const BELOW: usize = ACCOUNT + 14;

/// Writes a report.
pub fn write(page: &mut Page<impl Write>, report: &Report, manner: OutputMode, again: &Again) -> Result<()> {
    if let Some(reason) = &report.deferred {
        let (mark, colour) = mark(Outcome::Deferred);
        page.marked(0, colour, mark, &reason.message)?;
        return page.line(4, format_args!("next: {}", reason.hint));
    }
    for line in &report.recovered {
        page.line(0, format_args!("put right from an interrupted run: {line}"))?;
    }
    for line in &report.interrupted {
        page.line(0, format_args!("interrupted, and put right by the next run that writes: {line}"))?;
    }
    let told = |account: &&AccountReport| manner != OutputMode::Quiet || needs_attention(account);
    accounts(page, &report.accounts.iter().filter(told).collect::<Vec<_>>(), manner)?;
    report.problems.iter().try_for_each(|problem| tell_problem(page, problem))?;
    if manner != OutputMode::Quiet && report.verb == "scan" {
        for client in &report.clients {
            client.programs.iter().try_for_each(|program| page.line(0, program_words(client, program)))?;
        }
    }
    if manner != OutputMode::Quiet {
        for client in report.clients.iter().filter(|client| is_explained(client)) {
            by_hand(page, client)?;
        }
        page.line(0, closing(report))?;
    }
    way_back(page, report, again)
}

/// What could not be read or put right, and the next step.
pub fn tell_problem(page: &mut Page<impl Write>, problem: &Problem) -> Result<()> {
    let (colour, mark) = match problem.is_for_the_user() {
        true => (AnsiColor::Yellow, "for you"),
        false => (AnsiColor::Red, "not read"),
    };
    // A sentence about an address begins with it.
    let at = Shown(&problem.at).to_string();
    match problem.message.starts_with(&*at) {
        true => page.marked(0, colour, mark, &problem.message)?,
        false => page.marked(0, colour, mark, format_args!("{at}: {}", problem.message))?,
    }
    page.line(4, format_args!("next: {}", problem.hint))
}

fn needs_attention(account: &AccountReport) -> bool {
    !matches!(account.result, None | Some(Outcome::AlreadyWorks | Outcome::NotOurs))
}

/// Accounts without a cause (found, or working) are a list; the others stand below their cause.
fn accounts(page: &mut Page<impl Write>, reports: &[&AccountReport], manner: OutputMode) -> Result<()> {
    let (caused, plain): (Vec<_>, Vec<_>) = reports.iter().copied().partition(|report| cause(report).is_some());
    for report in &plain {
        let account = &report.account;
        let (mark, colour) = report.result.map_or(("found", AnsiColor::Blue), mark);
        let text = format!("{}  {} ({})", who(account), client_name(account), server_words(&account.outgoing));
        page.marked(0, colour, mark, text)?;
        for line in below(report, None, manner) {
            page.line(4, line)?;
        }
    }
    let mut said = !plain.is_empty();
    for (cause, of_cause) in grouped(&caused, |report| cause(report).unwrap_or_default().to_owned()) {
        if std::mem::replace(&mut said, true) {
            page.gap()?;
        }
        page.line(0, &cause)?;
        for (name, of_host) in grouped(&of_cause, |report| report.account.outgoing.host.to_lowercase()) {
            if !name.is_empty() {
                page.line(HOST, Shown(&name))?;
            }
            host(page, &cause, &of_host, manner)?;
        }
    }
    if said && !caused.is_empty() && manner != OutputMode::Quiet {
        page.gap()?;
    }
    Ok(())
}

/// The accounts of a host; what is to be said of all of them is said once, below the last.
fn host(page: &mut Page<impl Write>, cause: &str, reports: &[&AccountReport], manner: OutputMode) -> Result<()> {
    let told: Vec<Vec<String>> = reports.iter().map(|report| below(report, Some(cause), manner)).collect();
    let of_all = |line: &String| told.len() > 1 && told.iter().all(|lines| lines.contains(line));
    for (report, lines) in reports.iter().zip(&told) {
        let account = &report.account;
        let (mark, colour) = report.result.map_or(("found", AnsiColor::Blue), mark);
        let text = format!("{}  {}, {}", who(account), client_name(account), port_words(&account.outgoing));
        page.marked(ACCOUNT, colour, mark, text)?;
        lines.iter().filter(|line| !of_all(line)).try_for_each(|line| page.line(BELOW, line))?;
    }
    let first = told.first().map(Vec::as_slice).unwrap_or_default();
    first.iter().filter(|line| of_all(line)).try_for_each(|line| page.line(ACCOUNT, line))
}

/// Groups in the order in which each is first met.
fn grouped<'a>(
    reports: &[&'a AccountReport],
    key: impl Fn(&AccountReport) -> String,
) -> Vec<(String, Vec<&'a AccountReport>)> {
    let mut groups: Vec<(String, Vec<&AccountReport>)> = Vec::new();
    for report in reports {
        let key = key(report);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(report),
            None => groups.push((key, vec![report])),
        }
    }
    groups
}

/// Why an account does not send; `None`: it does, or how it sends is not ours.
fn cause(report: &AccountReport) -> Option<&str> {
    let reason = report.reason.as_ref().map(|reason| reason.message.as_str());
    match report.result {
        None | Some(Outcome::AlreadyWorks | Outcome::NotOurs) => None,
        // Nothing is wrong with its port: what keeps it from sending is its program.
        Some(_) if report_code(report) == "ok" => reason,
        Some(_) => report.verdict.as_ref().map(|verdict| verdict.summary.as_str()).or(reason),
    }
}

/// What is said of an account besides its cause.
fn below(report: &AccountReport, cause: Option<&str>, manner: OutputMode) -> Vec<String> {
    let account = &report.account;
    let mut lines = Vec::new();
    if !account.used {
        lines.push("no address sends through it".to_owned());
    }
    if account.emails.len() > 1 {
        let others: Vec<_> = account.emails[1..].iter().map(|email| Shown(email).to_string()).collect();
        lines.push(format!("also used by: {}", others.join(", ")));
    }
    if manner == OutputMode::Detailed {
        let evidence = report.verdict.iter().flat_map(|verdict| &verdict.evidence);
        lines.extend(evidence.map(|line| format!("- {line}")));
    }
    if let Some(after) = &report.after {
        let lead = if report.result == Some(Outcome::Fixed) { "now" } else { "would be" };
        let same_host = after.host.eq_ignore_ascii_case(&account.outgoing.host);
        let server = if same_host { port_words(after) } else { server_words(after) };
        // What changes is not always to be seen in that.
        let named = after.mechanism.filter(|one| account.outgoing.mechanism != Some(*one));
        let by = named.map(|one| format!(" by {}", one.name())).unwrap_or_default();
        lines.push(format!("{lead}: {server}{by}"));
    }
    if let (Some(reason), Some(Outcome::NotOurs)) = (&report.reason, report.result) {
        // Why it is left alone; there is no next step.
        lines.push(format!("{} {}", reason.message, reason.hint));
    }
    if let (Some(reason), Some(cause)) = (&report.reason, cause) {
        if reason.message != cause {
            lines.push(reason.message.clone());
        }
        match report.result {
            Some(Outcome::Fixed) => {}
            Some(Outcome::WouldFix) if [reason.code.as_str(), "ok"].contains(&&*report_code(report)) => {}
            _ => lines.push(format!("next: {}", reason.hint)),
        }
    }
    lines.extend(account.notices.iter().map(|notice| format!("note: {}", notice.message)));
    lines
}

/// The code of its verdict: a reason of this code only repeats it.
fn report_code(report: &AccountReport) -> String {
    report.verdict.as_ref().map(|verdict| crate::codes::code_of(&verdict.code)).unwrap_or_default()
}

/// The address of an account, or its id.
fn who(account: &Account) -> Shown<'_> {
    Shown(account.email.as_deref().unwrap_or(&account.id))
}

fn mark(outcome: Outcome) -> (&'static str, AnsiColor) {
    match outcome {
        Outcome::AlreadyWorks => ("works", AnsiColor::Green),
        Outcome::Fixed => ("fixed", AnsiColor::Green),
        Outcome::WouldFix => ("can be fixed", AnsiColor::Cyan),
        Outcome::WouldRevert => ("can be undone", AnsiColor::Cyan),
        Outcome::NotOurs => ("left alone", AnsiColor::Blue),
        Outcome::Refused => ("not changed", AnsiColor::Yellow),
        Outcome::Deferred => ("waits", AnsiColor::Yellow),
        Outcome::NeedsUser => ("needs you", AnsiColor::Yellow),
        Outcome::NoRoute => ("no way out", AnsiColor::Red),
        Outcome::Reverted => ("put back", AnsiColor::Red),
        Outcome::Conflict => ("conflict", AnsiColor::Red),
        Outcome::Failed => ("failed", AnsiColor::Red),
    }
}

/// An installed program in a line: `installed: Mozilla Thunderbird (x64 de) 128.5.0, 64 bits, open now`.
fn program_words(client: &Installation, program: &Program) -> String {
    let mut words = vec![Shown(&program.name).to_string()];
    if let Some(version) = program.version.as_ref().filter(|version| !program.name.contains(version.as_str())) {
        words[0] = format!("{} {}", words[0], Shown(version));
    }
    words.extend(program.bits.map(|bits| format!("{bits} bits")));
    words.extend(program.edition.as_deref().map(|edition| Shown(edition).to_string()));
    words.extend(match program.installed_by {
        InstalledBy::WindowsInstaller => Some("by Windows Installer".to_owned()),
        InstalledBy::ClickToRun => Some("by Click-to-Run".to_owned()),
        InstalledBy::Package => Some("as a packaged app".to_owned()),
        InstalledBy::Setup | InstalledBy::NotTold => None,
    });
    if program.installed_for == Scope::User {
        words.push("for this user".to_owned());
    }
    if program.running {
        words.push("open now".to_owned());
    }
    if client.profiles.is_empty() {
        words.push("not set up".to_owned());
    }
    format!("installed: {}", words.join(", "))
}

/// Are there steps for its user? One that is installed and was never set up has no accounts to change.
fn is_explained(client: &Installation) -> bool {
    !client.by_hand.is_empty() && !client.profiles.is_empty()
}

fn by_hand(page: &mut Page<impl Write>, client: &Installation) -> Result<()> {
    let name = client_title(client.client);
    page.line(0, format_args!("found {name}; its accounts are changed by hand:"))?;
    let steps = client.by_hand.iter().enumerate();
    steps.into_iter().try_for_each(|(number, step)| page.line(4, format_args!("{}. {step}", number + 1)))
}

fn closing(report: &Report) -> String {
    let count = |wanted: Outcome| report.accounts.iter().filter(|account| account.result == Some(wanted)).count();
    if report.accounts.is_empty() {
        // What was told above it are some as well, of a kind.
        let told = !report.problems.is_empty() || report.clients.iter().any(is_explained);
        let words = if told { "No other mail accounts were found." } else { "No mail accounts were found." };
        return words.to_owned();
    }
    let parts: Vec<String> = RESULT_WORDS
        .into_iter()
        .map(|(outcome, words)| (count(outcome), words))
        .filter(|(number, _)| *number > 0)
        .map(|(number, words)| format!("{number} {words}"))
        .collect();
    match parts.is_empty() {
        true => format!("{} found.", counted(report.accounts.len(), "account", "accounts")),
        false => format!("{}.", parts.join(", ")),
    }
}

/// How to put back what was changed. The receipts of one run are put back together, or one by one.
fn way_back(page: &mut Page<impl Write>, report: &Report, again: &Again) -> Result<()> {
    let receipt = |report: &&AccountReport| report.receipt.clone();
    let changed: Vec<&AccountReport> = report.accounts.iter().filter(|report| receipt(report).is_some()).collect();
    let receipts = grouped(&changed, |report| report.receipt.clone().unwrap_or_default());
    match receipts.as_slice() {
        [] => Ok(()),
        [(receipt, _)] => page.line(0, format_args!("to put it back: `{}`", again.undo(Some(receipt)))),
        several => {
            page.line(0, format_args!("to put everything back: `{}`", again.undo(None)))?;
            several.iter().try_for_each(|(receipt, reports)| {
                let names: Vec<_> = reports.iter().map(|report| who(&report.account).to_string()).collect();
                // A receipt is of one program; the same address may be in two.
                let program = reports.first().map(|report| client_name(&report.account)).unwrap_or_default();
                page.line(4, format_args!("only {} in {program}: `{}`", names.join(", "), again.undo(Some(receipt))))
            })
        }
    }
}

#[cfg(test)]
mod tests;
