//! `port26 agent`: be the background agent, start it at login, do not, and tell what it sees.

use std::path::{Path, PathBuf};

use anyhow::Context;
use port26_platform::autostart::{self, AutostartError, Entry, Found, Removed, Scope, Started};
use port26_platform::computer::{Computer, Os};
use serde::Serialize;

use super::args::{AgentAction, Global};
use super::output::{self, Words};
use super::output_mode::OutputMode;
use super::words::{RESULT_WORDS, local_time};
use super::{Exit, UsageError, context};
use crate::agent::{self, ARGUMENTS, AgentError, AgentRecord, LastLook, NAMES, Surroundings, Why, program_at_login};
use crate::codes::code_of;
use crate::pipeline::Setup;
use crate::policy::{Mode, Policy, Schedule};
use crate::report::SCHEMA;

/// The document of every action of `agent`.
#[derive(Debug, Serialize)]
struct AgentDocument {
    schema: &'static str,
    verb: &'static str,
    /// The entries at login that are there.
    installed: Vec<Found>,
    running: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    mode: Mode,
    schedule: Schedule,
    last_look: Option<LastLook>,
    /// Of `install` and `uninstall`: whether anything was (with `--dry-run`: would be) written or removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<bool>,
    /// What else there is to know, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

pub(super) fn run(global: &Global, action: AgentAction) -> anyhow::Result<Exit> {
    own_session_only(global, action)?;
    match action {
        AgentAction::Run => be_the_agent(global),
        AgentAction::Install => install(global),
        AgentAction::Uninstall => uninstall(global),
        AgentAction::Status => told(global, &document(global)?, Exit::Done),
    }
}

/// The agent is the running user's: nothing that belongs to somebody else goes with it.
fn own_session_only(global: &Global, action: AgentAction) -> Result<(), UsageError> {
    let others =
        [("--home", global.home.is_some()), ("--os", global.os.is_some()), ("--registry", global.registry.is_some())];
    if let Some((flag, _)) = others.into_iter().find(|(_, given)| *given) {
        return Err(UsageError::new(
            format!("the agent works for the user who runs it, so {flag} does not go with it"),
            "Run `port26 agent` as that user, or look at that home once with `port26 fix --home DIR`.",
        ));
    }
    if global.credential_stdin && action == AgentAction::Run {
        return Err(UsageError::new(
            "the agent looks more than once, so it takes no passwords from standard input",
            "Put them into the keychain: `port26 credential set --credential-stdin`.",
        ));
    }
    Ok(())
}

/// What the flags say is around the agent.
struct Around(Global);

impl Surroundings for Around {
    type Error = anyhow::Error;

    fn policy(&self) -> anyhow::Result<Policy> {
        context::policy(&self.0)
    }

    fn computer(&self) -> anyhow::Result<Computer> {
        context::computer(&self.0)
    }

    fn setup(&self, computer: Computer, policy: Policy) -> anyhow::Result<Setup> {
        context::setup(&self.0, computer, policy)
    }
}

/// Looks as `fix --silent` does, as often as the policy says, until there is nothing more to wait for.
fn be_the_agent(global: &Global) -> anyhow::Result<Exit> {
    let around = Around(Global { silent: true, json: false, ..global.clone() });
    let policy = around.policy()?;
    if !global.dry_run {
        let exit = agent::stay(&context::state_dir(global)?, policy, &around).map_err(|error| match error {
            AgentError::Around(error) => error,
            AgentError::Memory(error) => error.into(),
            other => anyhow::Error::new(other),
        })?;
        return finished(global, exit.unwrap_or(Exit::Done));
    }
    let (last_look, exit) = agent::one_look_only_told(&policy, &around);
    if context::manner(global) != OutputMode::Json {
        return Ok(exit);
    }
    told(global, &AgentDocument { last_look: Some(last_look), ..document(global)? }, exit)
}

/// The agent says nothing, except to who asked for a document.
fn finished(global: &Global, exit: Exit) -> anyhow::Result<Exit> {
    if context::manner(global) == OutputMode::Json {
        output::json(&document(global)?)?;
    }
    Ok(exit)
}

fn install(global: &Global) -> anyhow::Result<Exit> {
    let before = found()?;
    if let Some(all) = before.iter().find(|entry| entry.scope == Scope::AllUsers && entry.enabled) {
        let note = format!("It is installed for all users of this computer already ({}).", all.place);
        return told(
            global,
            &AgentDocument { changed: Some(false), notes: vec![note], ..document(global)? },
            Exit::Done,
        );
    }
    let running = std::env::current_exe().context("finding this program")?;
    let program = program_at_login(&running, Os::here(), Path::is_file);
    let entry = Entry { names: NAMES, program, arguments: ARGUMENTS.map(str::to_owned).to_vec() };
    if global.dry_run {
        let notes = vec![format!("Nothing was written; {} would be started at login.", entry.program.display())];
        return told(global, &AgentDocument { changed: Some(true), notes, ..document(global)? }, Exit::Pending);
    }
    let notes = match autostart::install(&entry).map_err(usable)? {
        Started::Now => vec!["It has been started.".to_owned()],
        Started::AtNextLogin { why: None } => {
            vec!["It starts at your next login; `port26 agent run` starts it now.".to_owned()]
        }
        Started::AtNextLogin { why: Some(why) } => vec![format!("It starts at your next login; not now: {why}.")],
    };
    told(global, &AgentDocument { changed: Some(found()? != before), notes, ..document(global)? }, Exit::Done)
}

fn uninstall(global: &Global) -> anyhow::Result<Exit> {
    let state = context::state_dir(global)?;
    let before = found()?;
    let own = before.iter().any(|entry| entry.scope == Scope::ThisUser);
    let mut notes = Vec::new();
    if let Some(all) = before.iter().find(|entry| entry.scope == Scope::AllUsers) {
        notes.push(format!(
            "It is installed for all users of this computer ({}); only who manages the computer can remove that.",
            all.place
        ));
    }
    if global.dry_run {
        let exit = if own { Exit::Pending } else { Exit::Done };
        return told(global, &AgentDocument { changed: Some(own), notes, ..document(global)? }, exit);
    }
    let changed = autostart::remove(&NAMES).map_err(usable)? == Removed::Gone;
    if agent::is_running(&state)? {
        agent::ask_to_stop(&state)?;
        notes.push("The agent that runs was asked to end, and does within half a minute.".to_owned());
    }
    told(global, &AgentDocument { changed: Some(changed), notes, ..document(global)? }, Exit::Done)
}

fn found() -> anyhow::Result<Vec<Found>> {
    autostart::found(&NAMES).map_err(usable)
}

/// With the next step, where the error knows one.
fn usable(error: AutostartError) -> anyhow::Error {
    let hint = error.hint();
    anyhow::Error::new(error).context(format!("the entry at login: next: {hint}"))
}

fn document(global: &Global) -> anyhow::Result<AgentDocument> {
    let state: PathBuf = context::state_dir(global)?;
    let policy = context::policy(global)?;
    // What it saw last is not needed for anything else.
    let (memory, notes) = match AgentRecord::load(&state) {
        Ok(memory) => (memory, Vec::new()),
        Err(error) => {
            (None, vec![format!("What the agent saw last is not known: {error}. Its next look replaces it.")])
        }
    };
    let running = agent::is_running(&state)?;
    Ok(AgentDocument {
        schema: SCHEMA,
        verb: "agent",
        installed: found()?,
        running,
        pid: memory.as_ref().filter(|_| running).map(|memory| memory.pid),
        mode: policy.mode.value,
        schedule: policy.schedule.value,
        last_look: memory.and_then(|memory| memory.last_look),
        changed: None,
        notes,
    })
}

fn told(global: &Global, document: &AgentDocument, exit: Exit) -> anyhow::Result<Exit> {
    output::tell(context::manner(global), document, |page| text(page, document))?;
    Ok(exit)
}

fn text(page: &mut Words, document: &AgentDocument) -> std::io::Result<()> {
    for entry in &document.installed {
        let who = if entry.scope == Scope::ThisUser { "you log in" } else { "anybody logs in" };
        let off = if entry.enabled { "" } else { ", but it is switched off" };
        page.line(0, format_args!("The agent starts when {who}{off} ({}).", entry.place))?;
    }
    if document.installed.is_empty() {
        page.line(0, "The agent is not installed.")?;
        // After `install --dry-run` and `uninstall` that is what was wanted.
        if document.changed.is_none() {
            page.line(0, "next: `port26 agent install` starts it at every login of yours.")?;
        }
    }
    match (document.running, document.pid) {
        (true, Some(pid)) => page.line(0, format_args!("It runs now (process {pid})."))?,
        (true, None) => page.line(0, "It runs now.")?,
        (false, _) => page.line(0, "It does not run now.")?,
    }
    let often = match (document.mode, document.schedule) {
        (Mode::Off, _) => "The policy switches it off.",
        (_, Schedule::Logon) => "It looks once, at login.",
        (_, Schedule::Hourly) => "It looks every hour, and when the network changes.",
        (_, Schedule::Daily) => "It looks every day, and when the network changes.",
    };
    page.line(0, format_args!("{often}"))?;
    if let Some(look) = &document.last_look {
        page.line(0, format_args!("Last look: {}", look_words(look)))?;
    }
    for note in &document.notes {
        page.line(0, format_args!("{note}"))?;
    }
    Ok(())
}

fn look_words(look: &LastLook) -> String {
    let why = match look.why {
        Why::Start => "at its start",
        Why::Schedule => "by its schedule",
        Why::NetworkChanged => "because the network changed",
        Why::ClientClosed => "because a mail program was closed",
    };
    let time = local_time(look.ended);
    let said = RESULT_WORDS
        .iter()
        .filter_map(|(outcome, words)| look.results.get(&code_of(outcome)).map(|number| format!("{number} {words}")));
    let said: Vec<_> = said.collect();
    let mut what = match (&look.error, look.mode, said.is_empty()) {
        (Some(error), ..) => format!("it came to nothing: {error}"),
        (None, Mode::Off, _) => "the policy switched it off".to_owned(),
        (None, _, true) => "no accounts".to_owned(),
        (None, _, false) => said.join(", "),
    };
    if !look.waiting_for.is_empty() {
        what = format!("{what} ({})", look.waiting_for.join(", "));
    }
    format!("{time}, {why}: {what}.")
}
