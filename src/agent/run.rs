//! The agent itself: the loop around [`Watch`], and the looks it takes. A look is `fix`, by the one driver, alone.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use port26_platform::computer::Computer;
use port26_platform::network;

use super::{
    AgentLock, AgentRecord, Glance, LastLook, Looked, MemoryError, Step, Watch, Why, look_sparingly, stop_is_asked,
};
use crate::account::ClientId;
use crate::clients::CLIENTS;
use crate::clients::client_name;
use crate::credentials::AttemptLedger;
use crate::exit::{Exit, Purpose};
use crate::fault::{Panicked, caught};
use crate::pipeline::{Alone, Consent, RepairError, Request, Setup, Tools, WriterKit, repair, runtime};
use crate::plan::Outcome;
use crate::policy::{Mode, Policy};
use crate::report::Report;

/// Somebody who asks whether an agent runs holds its lock for a moment.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// A login that a host refused is tried again after this long.
const FORGET_REFUSALS: SignedDuration = SignedDuration::from_hours(24);

/// What the agent finds around it, anew at each look.
pub trait Surroundings {
    /// Why it could not be had.
    type Error: Debug + Display;

    /// The policy as it is now.
    fn policy(&self) -> Result<Policy, Self::Error>;

    /// The machine, to be looked at.
    fn computer(&self) -> Result<Computer, Self::Error>;

    /// What a look works with, under this policy and no other.
    fn setup(&self, computer: Computer, policy: Policy) -> Result<Setup, Self::Error>;
}

/// Why a look, or the agent, came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError<E: Debug + Display> {
    /// What is around it could not be had.
    #[error("{0:#}")]
    Around(E),
    /// The accounts could not be repaired.
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// A fault of port26 itself.
    #[error(transparent)]
    Panicked(#[from] Panicked),
    /// The network could not be worked with.
    #[error("starting the network runtime: {0}")]
    Runtime(std::io::Error),
    /// What it leaves in the state folder.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// Looks as `fix --silent` does, as often as the policy says, until there is nothing more to wait for: how the last look
/// ended. `None`: another agent of this user runs already.
pub fn stay<S: Surroundings>(
    state: &Path,
    mut policy: Policy,
    around: &S,
) -> Result<Option<Exit>, AgentError<S::Error>> {
    let Some(_only_one) = AgentLock::take(state, LOCK_PATIENCE)? else {
        tracing::info!("another agent of this user runs already");
        return Ok(None);
    };
    let (pid, started) = (std::process::id(), Timestamp::now());
    let mut looker = Looker::new(around, Consent::Agreed);
    let mut watch = Watch::default();
    let mut exit = Exit::Done;
    loop {
        let network = network::addresses();
        let glance = Glance {
            now: Timestamp::now(),
            closed: looker.one_has_closed(state).map_err(AgentError::Around)?,
            stop: stop_is_asked(state),
            network: network.clone(),
        };
        match watch.step(&glance) {
            Step::End => return Ok(Some(exit)),
            Step::Wait(time) => std::thread::sleep(time),
            Step::Look(why) => {
                // A policy that is broken from now on is told; the one that held until now goes on holding.
                let broken = around.policy().map(|now| policy = now).err();
                let (mut look, how) = looker.look(&policy, why);
                exit = how;
                if let Some(error) = broken {
                    look.error.get_or_insert(format!("{error:#}"));
                }
                look.ended = Timestamp::now();
                let schedule = policy.schedule.value;
                watch.looked(Looked { ended: look.ended, network, awaiting: !looker.awaited.is_empty(), schedule });
                // A disk that is full now is no reason to end: the next look is kept again.
                if let Err(error) = (AgentRecord { pid, started, schedule, last_look: Some(look) }).save(state) {
                    tracing::error!("what the agent saw was not kept: {error}");
                }
            }
        }
    }
}

/// What the agent would do now, which it only tells. It neither stays nor leaves anything.
pub fn one_look_only_told(policy: &Policy, around: &impl Surroundings) -> (LastLook, Exit) {
    let (look, exit) = Looker::new(around, Consent::DryRun).look(policy, Why::Start);
    (LastLook { ended: Timestamp::now(), ..look }, exit)
}

/// Takes the looks, and knows between them which programs were in the way and which logins were refused.
struct Looker<'a, S> {
    around: &'a S,
    consent: Consent,
    awaited: Vec<(ClientId, String)>,
    attempts: Option<AttemptLedger>,
    attempts_since: Timestamp,
}

impl<'a, S: Surroundings> Looker<'a, S> {
    fn new(around: &'a S, consent: Consent) -> Self {
        Self { around, consent, awaited: Vec::new(), attempts: None, attempts_since: Timestamp::now() }
    }

    /// One look. What goes wrong in it is told by `status`: the next one may find things better.
    fn look(&mut self, policy: &Policy, why: Why) -> (LastLook, Exit) {
        let mut look = LastLook::begin(why, policy.mode.value, Timestamp::now());
        if policy.mode.value == Mode::Off {
            self.awaited.clear();
            return (look, Exit::Done);
        }
        // A fault of port26 itself ends the look, not the agent.
        let exit = caught(|| self.fix(policy, &mut look)).unwrap_or_else(|error| {
            tracing::error!("{error}");
            look.error = Some(error.to_string());
            Exit::Failed
        });
        look.exit_code = exit.code();
        (look, exit)
    }

    fn fix(&mut self, policy: &Policy, look: &mut LastLook) -> Result<Exit, AgentError<S::Error>> {
        let computer = self.around.computer().map_err(AgentError::Around)?;
        // A dry run disturbs nobody.
        let computer = if self.consent == Consent::DryRun { computer } else { computer.to_be_changed() };
        let awaited: BTreeSet<ClientId> =
            std::mem::take(&mut self.awaited).into_iter().map(|(client, _)| client).collect();
        let (first, second) =
            look_sparingly(&computer, CLIENTS, &awaited, |computer| self.repair(computer, policy, look.begun))?;
        let report = both_looks(first, second);
        look.count(&report);
        let open = report.accounts.iter().filter(|account| account.result == Some(Outcome::Deferred));
        for account in open.map(|report| &report.account) {
            let name = client_name(account);
            if !look.waiting_for.contains(&name) {
                look.waiting_for.push(name);
            }
            self.awaited.push((account.client, account.profile.clone()));
        }
        Ok(Exit::of_report(&report, Purpose::ToChange))
    }

    fn repair(
        &mut self,
        computer: Computer,
        policy: &Policy,
        begun: Timestamp,
    ) -> Result<Report, AgentError<S::Error>> {
        let mut policy = policy.clone();
        // Nobody reads what a look tells of an account, so nobody's mail is read for it.
        policy.read_past_mail.value = false;
        let mut setup = self.around.setup(computer, policy).map_err(AgentError::Around)?;
        if begun.duration_since(self.attempts_since) >= FORGET_REFUSALS {
            self.attempts_since = begun;
        } else if let Some(before) = &self.attempts {
            setup.attempts = before.next_run();
        }
        let tools = Tools::new(setup, Arc::new(Alone));
        let runtime = runtime().map_err(AgentError::Runtime)?;
        let done = runtime.block_on(repair(&tools, &Request::fix(self.consent)));
        self.attempts = Some(tools.attempts);
        Ok(done?)
    }

    /// Is one of the programs that were in the way closed now?
    fn one_has_closed(&self, state: &Path) -> Result<bool, S::Error> {
        if self.awaited.is_empty() {
            return Ok(false);
        }
        let kit = WriterKit::new(state, &self.around.computer()?, CLIENTS);
        Ok(self.awaited.iter().any(|(client, profile)| !kit.is_open(*client, profile)))
    }
}

/// What a look and the one after it say: the second, but what the first has fixed is fixed and not "already working".
fn both_looks(first: Report, second: Option<Report>) -> Report {
    let Some(mut report) = second else { return first };
    let fixed = first.accounts.into_iter().filter(|one| one.result == Some(Outcome::Fixed));
    for one in fixed {
        if let Some(again) = report.accounts.iter_mut().find(|again| again.account.id == one.account.id) {
            *again = one;
        }
    }
    report
}
