//! `port26 agent`: be the background agent, start it at login, do not, and tell what it sees.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use port26_platform::autostart::{self, AutostartError, Entry, Found, Removed, Scope, Started};
use port26_platform::host::{Host, Os};
use port26_platform::network;
use serde::Serialize;

use super::args::{AgentAction, FixArgs, Global};
use super::fix::Asking;
use super::output::{self, Manner, Words};
use super::words::{RESULT_WORDS, local_time};
use super::{Exit, UsageError, context, failure, fix};
use crate::account::ClientId;
use crate::agent::{
    self, ARGUMENTS, AgentLock, AgentMemory, Glance, LastLook, Looked, NAMES, Step, Watch, Why, look_sparingly,
    program_at_login,
};
use crate::clients::CLIENTS;
use crate::credentials::AttemptLedger;
use crate::pipeline::{Desk, client_name};
use crate::plan::{Outcome, code_of};
use crate::policy::{Mode, Policy, Schedule};
use crate::report::{Report, SCHEMA};

/// Somebody who asks whether an agent runs holds its lock for a moment.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// A login that a host refused is tried again after this long.
const FORGET_REFUSALS: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// The document of every action of `agent`.
#[derive(Debug, Serialize)]
struct Document {
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

/// Looks as `fix --silent` does, as often as the policy says, until there is nothing more to wait for.
fn be_the_agent(global: &Global) -> anyhow::Result<Exit> {
    if global.dry_run {
        return one_look_only_told(global);
    }
    let state = context::state_dir(global)?;
    let mut policy = context::policy(global)?;
    let Some(_only_one) = AgentLock::take(&state, LOCK_PATIENCE)? else {
        tracing::info!("another agent of this user runs already");
        return finished(global, Exit::Done);
    };
    let (pid, started) = (std::process::id(), Timestamp::now());
    let mut looker = Looker::new(global);
    let mut watch = Watch::default();
    let mut exit = Exit::Done;
    loop {
        let network = network::addresses();
        let glance = Glance {
            now: Timestamp::now(),
            closed: looker.one_has_closed(&state)?,
            stop: agent::stop_is_asked(&state),
            network: network.clone(),
        };
        match watch.step(&glance) {
            Step::End => break,
            Step::Wait(time) => std::thread::sleep(time),
            Step::Look(why) => {
                // A policy that is broken from now on is told; the one that held until now goes on holding.
                let broken = context::policy(global).map(|now| policy = now).err();
                let (mut look, how) = looker.look(&policy, why);
                exit = how;
                if let Some(error) = broken {
                    look.error.get_or_insert(format!("{error:#}"));
                }
                look.ended = Timestamp::now();
                let schedule = policy.schedule.value;
                watch.looked(Looked { ended: look.ended, network, awaiting: !looker.awaited.is_empty(), schedule });
                // A disk that is full now is no reason to end: the next look is kept again.
                if let Err(error) = (AgentMemory { pid, started, schedule, last_look: Some(look) }).save(&state) {
                    tracing::error!("what the agent saw was not kept: {error}");
                }
            }
        }
    }
    drop(_only_one);
    finished(global, exit)
}

/// What the agent would do now: its exit code says it, and the document where one is asked for. It neither stays nor
/// leaves anything.
fn one_look_only_told(global: &Global) -> anyhow::Result<Exit> {
    let (look, exit) = Looker::new(global).look(&context::policy(global)?, Why::Start);
    let last_look = Some(LastLook { ended: Timestamp::now(), ..look });
    if context::manner(global) != Manner::Json {
        return Ok(exit);
    }
    told(global, &Document { last_look, ..document(global)? }, exit)
}

/// The agent says nothing, except to who asked for a document.
fn finished(global: &Global, exit: Exit) -> anyhow::Result<Exit> {
    if context::manner(global) == Manner::Json {
        output::json(&document(global)?)?;
    }
    Ok(exit)
}

/// Takes the looks, and knows between them which programs were in the way and which logins were refused.
struct Looker {
    global: Global,
    asking: Asking,
    awaited: Vec<(ClientId, String)>,
    attempts: Option<AttemptLedger>,
    attempts_since: Timestamp,
}

impl Looker {
    fn new(global: &Global) -> Self {
        let silent = Global { silent: true, json: false, ..global.clone() };
        let asking = if global.dry_run { Asking::OnlyTold } else { Asking::Agreed };
        Self { global: silent, asking, awaited: Vec::new(), attempts: None, attempts_since: Timestamp::now() }
    }

    /// One look. What goes wrong in it is told by `status`: the next one may find things better.
    fn look(&mut self, policy: &Policy, why: Why) -> (LastLook, Exit) {
        let mut look = LastLook::begin(why, policy.mode.value, Timestamp::now());
        if policy.mode.value == Mode::Off {
            self.awaited.clear();
            return (look, Exit::Done);
        }
        // A fault of port26 itself ends the look, not the agent.
        let exit = failure::caught(|| self.fix(policy, &mut look)).unwrap_or_else(|error| {
            tracing::error!("{error:#}");
            look.error = Some(format!("{error:#}"));
            Exit::Failed
        });
        look.exit_code = exit.code();
        (look, exit)
    }

    fn fix(&mut self, policy: &Policy, look: &mut LastLook) -> anyhow::Result<Exit> {
        let host = context::host_to_change(&self.global)?;
        let awaited = std::mem::take(&mut self.awaited).into_iter().map(|(client, _)| client).collect();
        let (first, second) =
            look_sparingly(&host, CLIENTS, &awaited, |host| self.carry_out(host, policy, look.begun))?;
        let report = together(first, second);
        look.count(&report);
        let open = report.accounts.iter().filter(|account| account.result == Some(Outcome::Deferred));
        for account in open.map(|report| &report.account) {
            let name = client_name(account);
            if !look.waiting_for.contains(&name) {
                look.waiting_for.push(name);
            }
            self.awaited.push((account.client, account.profile.clone()));
        }
        Ok(fix::exit(&report))
    }

    fn carry_out(&mut self, host: Host, policy: &Policy, begun: Timestamp) -> anyhow::Result<Report> {
        let mut tools = context::tools_on(host, &self.global, context::nobody())?;
        tools.policy = policy.clone();
        if begun.duration_since(self.attempts_since) >= FORGET_REFUSALS {
            self.attempts_since = begun;
        } else if let Some(before) = &self.attempts {
            tools.attempts = before.next_run();
        }
        let done = fix::carry_out(&tools, &FixArgs::default(), self.asking);
        self.attempts = Some(tools.attempts);
        done
    }

    /// Is one of the programs that were in the way closed now?
    fn one_has_closed(&self, state: &Path) -> anyhow::Result<bool> {
        if self.awaited.is_empty() {
            return Ok(false);
        }
        let desk = Desk::new(state, &context::host(&self.global)?, CLIENTS);
        Ok(self.awaited.iter().any(|(client, profile)| !desk.is_open(*client, profile)))
    }
}

/// What a look and the one after it say: the second, but what the first has fixed is fixed and not "already working".
fn together(first: Report, second: Option<Report>) -> Report {
    let Some(mut report) = second else { return first };
    let fixed = first.accounts.into_iter().filter(|one| one.result == Some(Outcome::Fixed));
    for one in fixed {
        if let Some(again) = report.accounts.iter_mut().find(|again| again.account.id == one.account.id) {
            *again = one;
        }
    }
    report
}

fn install(global: &Global) -> anyhow::Result<Exit> {
    let before = found()?;
    if let Some(all) = before.iter().find(|entry| entry.scope == Scope::AllUsers && entry.enabled) {
        let note = format!("It is installed for all users of this computer already ({}).", all.place);
        return told(global, &Document { changed: Some(false), notes: vec![note], ..document(global)? }, Exit::Done);
    }
    let running = std::env::current_exe().context("finding this program")?;
    let program = program_at_login(&running, Os::here(), Path::is_file);
    let entry = Entry { names: NAMES, program, arguments: ARGUMENTS.map(str::to_owned).to_vec() };
    if global.dry_run {
        let notes = vec![format!("Nothing was written; {} would be started at login.", entry.program.display())];
        return told(global, &Document { changed: Some(true), notes, ..document(global)? }, Exit::Pending);
    }
    let notes = match autostart::install(&entry).map_err(usable)? {
        Started::Now => vec!["It has been started.".to_owned()],
        Started::AtNextLogin { why: None } => {
            vec!["It starts at your next login; `port26 agent run` starts it now.".to_owned()]
        }
        Started::AtNextLogin { why: Some(why) } => vec![format!("It starts at your next login; not now: {why}.")],
    };
    told(global, &Document { changed: Some(found()? != before), notes, ..document(global)? }, Exit::Done)
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
        return told(global, &Document { changed: Some(own), notes, ..document(global)? }, exit);
    }
    let changed = autostart::remove(&NAMES).map_err(usable)? == Removed::Gone;
    if agent::is_running(&state)? {
        agent::ask_to_stop(&state)?;
        notes.push("The agent that runs was asked to end, and does within half a minute.".to_owned());
    }
    told(global, &Document { changed: Some(changed), notes, ..document(global)? }, Exit::Done)
}

fn found() -> anyhow::Result<Vec<Found>> {
    autostart::found(&NAMES).map_err(usable)
}

/// With the next step, where the error knows one.
fn usable(error: AutostartError) -> anyhow::Error {
    let hint = error.hint();
    anyhow::Error::new(error).context(format!("the entry at login: next: {hint}"))
}

fn document(global: &Global) -> anyhow::Result<Document> {
    let state: PathBuf = context::state_dir(global)?;
    let policy = context::policy(global)?;
    let memory = AgentMemory::load(&state)?;
    let running = agent::is_running(&state)?;
    Ok(Document {
        schema: SCHEMA,
        verb: "agent",
        installed: found()?,
        running,
        pid: memory.as_ref().filter(|_| running).map(|memory| memory.pid),
        mode: policy.mode.value,
        schedule: policy.schedule.value,
        last_look: memory.and_then(|memory| memory.last_look),
        changed: None,
        notes: Vec::new(),
    })
}

fn told(global: &Global, document: &Document, exit: Exit) -> anyhow::Result<Exit> {
    output::tell(context::manner(global), document, |page| text(page, document))?;
    Ok(exit)
}

fn text(page: &mut Words, document: &Document) -> std::io::Result<()> {
    for entry in &document.installed {
        let who = if entry.scope == Scope::ThisUser { "you log in" } else { "anybody logs in" };
        let off = if entry.enabled { "" } else { ", but it is switched off" };
        page.line(0, format_args!("The agent starts when {who}{off} ({}).", entry.place))?;
    }
    if document.installed.is_empty() {
        page.line(0, "The agent is not installed.")?;
        page.line(0, "next: `port26 agent install` starts it at every login of yours.")?;
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
