//! What a person reads: one line an account, the reason, the next step. Colours go away when piped.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use port26_platform::programs::Scope;

use crate::account::{Account, AuthSetting, SubmissionServer, TlsMode};
use crate::clients::Installation;
use crate::clients::installed::{InstalledBy, Program};
use crate::pipeline::client_name;
use crate::plan::Outcome;
use crate::report::{AccountReport, Report};

/// How much is said, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Text for people.
    People,
    /// The same with the evidence of each verdict (`-v`).
    Detailed,
    /// Only what needs attention.
    Quiet,
    /// One JSON document.
    Json,
    /// Nothing.
    Silent,
}

/// Prints a report in the manner asked for.
pub fn print(report: &Report, manner: Manner) -> std::io::Result<()> {
    match manner {
        Manner::Silent => Ok(()),
        Manner::Json => json(report),
        Manner::People | Manner::Detailed | Manner::Quiet => {
            let mut out = anstream::stdout().lock();
            unless_closed(text(&mut out, report, manner))
        }
    }
}

/// Whoever stops reading (`port26 scan | head -1`) has read enough: the work is done, and its exit code stays.
fn unless_closed(written: std::io::Result<()>) -> std::io::Result<()> {
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints any value as the one JSON document of this run.
pub fn json(value: &impl serde::Serialize) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let written = serde_json::to_writer_pretty(&mut out, value).map_err(std::io::Error::from);
    unless_closed(written.and_then(|()| writeln!(out)))
}

/// The report as text.
pub fn text(out: &mut impl Write, report: &Report, manner: Manner) -> std::io::Result<()> {
    if let Some(reason) = &report.deferred {
        let (mark, colour) = mark(Outcome::Deferred);
        writeln!(out, "{}{mark:<13}{} {}", style(colour), reset(), reason.message)?;
        return writeln!(out, "    next: {}", reason.hint);
    }
    for line in &report.recovered {
        writeln!(out, "{}put right from an interrupted run:{} {line}", style(AnsiColor::Yellow), reset())?;
    }
    for account in &report.accounts {
        if manner == Manner::Quiet && !needs_attention(account) {
            continue;
        }
        account_lines(out, account, manner)?;
    }
    for problem in &report.problems {
        writeln!(out, "{}could not read{} {}: {}", style(AnsiColor::Red), reset(), problem.at, problem.message)?;
        writeln!(out, "    next: {}", problem.hint)?;
    }
    if manner != Manner::Quiet && report.verb == "scan" {
        for client in &report.clients {
            client.programs.iter().try_for_each(|program| writeln!(out, "{}", program_words(client, program)))?;
        }
    }
    if manner != Manner::Quiet {
        // One that is installed and was never set up has no accounts to change.
        let set_up = |client: &&Installation| !client.by_hand.is_empty() && !client.profiles.is_empty();
        for client in report.clients.iter().filter(set_up) {
            by_hand(out, client)?;
        }
        writeln!(out, "{}", closing(report))?;
    }
    Ok(())
}

fn needs_attention(account: &AccountReport) -> bool {
    !matches!(account.result, None | Some(Outcome::AlreadyWorks | Outcome::NotOurs))
}

fn account_lines(out: &mut impl Write, report: &AccountReport, manner: Manner) -> std::io::Result<()> {
    let account = &report.account;
    let (mark, colour) = report.result.map_or(("found", AnsiColor::Blue), mark);
    let who = account.email.as_deref().unwrap_or(&account.id);
    writeln!(
        out,
        "{}{mark:<13}{} {who}  {} ({})",
        style(colour),
        reset(),
        client_name(account),
        server_words(&account.outgoing)
    )?;
    if account.emails.len() > 1 {
        writeln!(out, "    also used by: {}", account.emails[1..].join(", "))?;
    }
    if let (Some(verdict), true) = (&report.verdict, report.result != Some(Outcome::AlreadyWorks)) {
        writeln!(out, "    {}", verdict.summary)?;
        let evidence = if manner == Manner::Detailed { verdict.evidence.as_slice() } else { &[] };
        for line in evidence {
            writeln!(out, "      - {line}")?;
        }
    }
    if let Some(after) = &report.after {
        let lead = if report.result == Some(Outcome::Fixed) { "now" } else { "would be" };
        writeln!(out, "    {lead}: {}", server_words(after))?;
    }
    if let Some(reason) = report.reason.as_ref().filter(|_| report.result != Some(Outcome::AlreadyWorks)) {
        let said = report.verdict.as_ref().is_some_and(|verdict| verdict.summary == reason.message);
        if !said {
            writeln!(out, "    {}", reason.message)?;
        }
        match report.result {
            Some(Outcome::Fixed | Outcome::WouldFix) => {}
            // Why it is left alone; there is no next step.
            Some(Outcome::NotOurs) => writeln!(out, "    {}", reason.hint)?,
            _ => writeln!(out, "    next: {}", reason.hint)?,
        }
    }
    for notice in &account.notices {
        writeln!(out, "    note: {}", notice.message)?;
    }
    if let Some(receipt) = &report.receipt {
        writeln!(out, "    to put it back: port26 undo {receipt}")?;
    }
    Ok(())
}

fn mark(outcome: Outcome) -> (&'static str, AnsiColor) {
    match outcome {
        Outcome::AlreadyWorks => ("works", AnsiColor::Green),
        Outcome::Fixed => ("fixed", AnsiColor::Green),
        Outcome::WouldFix => ("can be fixed", AnsiColor::Cyan),
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

/// A server in a few words: `mail.example.org port 26, STARTTLS, with login`.
pub fn server_words(server: &SubmissionServer) -> String {
    let tls = match server.tls {
        TlsMode::None => "no encryption",
        TlsMode::Starttls => "STARTTLS",
        TlsMode::Implicit => "TLS",
    };
    let auth = if server.auth == AuthSetting::None { "no login" } else { "with login" };
    format!("{} port {}, {tls}, {auth}", server.host, server.port)
}

/// An installed program in a line: `installed: Mozilla Thunderbird (x64 de) 128.5.0, 64 bits, open now`.
fn program_words(client: &Installation, program: &Program) -> String {
    let mut words = vec![program.name.clone()];
    if let Some(version) = program.version.as_ref().filter(|version| !program.name.contains(version.as_str())) {
        words[0] = format!("{} {version}", program.name);
    }
    words.extend(program.bits.map(|bits| format!("{bits} bits")));
    words.extend(program.edition.clone());
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

fn by_hand(out: &mut impl Write, client: &Installation) -> std::io::Result<()> {
    let name = crate::plan::code_of(&client.client).replace('_', " ");
    writeln!(out, "found {name}; its accounts must be changed by hand:")?;
    for (number, step) in client.by_hand.iter().enumerate() {
        writeln!(out, "    {}. {step}", number + 1)?;
    }
    Ok(())
}

/// What is said of so many accounts with a result, in the order in which it is said.
pub(super) const RESULT_WORDS: [(Outcome, &str); 10] = [
    (Outcome::Fixed, "fixed"),
    (Outcome::WouldFix, "can be fixed"),
    (Outcome::AlreadyWorks, "already working"),
    (Outcome::NotOurs, "left alone"),
    (Outcome::Refused, "not changed"),
    (Outcome::Deferred, "waiting for a program to be closed"),
    (Outcome::NeedsUser, "waiting for you"),
    (Outcome::NoRoute, "without a way out"),
    (Outcome::Reverted, "put back"),
    (Outcome::Failed, "failed"),
];

fn closing(report: &Report) -> String {
    let count = |wanted: Outcome| report.accounts.iter().filter(|account| account.result == Some(wanted)).count();
    if report.accounts.is_empty() && report.problems.is_empty() {
        return "No mail accounts were found.".to_owned();
    }
    let parts: Vec<String> = RESULT_WORDS
        .into_iter()
        .map(|(outcome, words)| (count(outcome), words))
        .filter(|(number, _)| *number > 0)
        .map(|(number, words)| format!("{number} {words}"))
        .collect();
    match (report.accounts.len(), parts.is_empty()) {
        (1, true) => "1 account found.".to_owned(),
        (number, true) => format!("{number} accounts found."),
        _ => format!("{}.", parts.join(", ")),
    }
}

/// The name of an account in lists.
pub fn account_title(account: &Account) -> String {
    format!("{} in {}", account.email.as_deref().unwrap_or(&account.id), client_name(account))
}

fn style(colour: AnsiColor) -> anstyle::Style {
    Style::new().fg_color(Some(colour.into())).bold()
}

fn reset() -> anstyle::Reset {
    anstyle::Reset
}
