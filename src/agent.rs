//! The background agent of one user: when to look at the accounts again. What a look does is `fix`; this decides only
//! when, from the clock, the network and the programs that were in the way. Pure; the loop around it is in `run`.

mod launch_rule;
mod memory;
mod run;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use port26_platform::autostart::Names;
use port26_platform::computer::Os;
use serde::{Deserialize, Serialize};

pub use launch_rule::look_sparingly;
pub use memory::{AgentLock, AgentRecord, LastLook, MemoryError, ask_to_stop, is_running, stop_is_asked};
pub use run::{AgentError, Surroundings, one_look_only_told, stay};

use crate::policy::Schedule;

/// What the agent is called where systems keep what starts at login.
pub const NAMES: Names =
    Names { name: "port26", label: "org.port26.agent", comment: "Keeps outgoing mail working (port26)" };

/// What an entry at login gives to the program.
pub const ARGUMENTS: [&str; 3] = ["agent", "run", "--silent"];

/// Between two glances while nothing is awaited, and while a program is awaited to close.
const POLL: SignedDuration = SignedDuration::from_secs(15);
const POLL_AWAITING: SignedDuration = SignedDuration::from_secs(3);
/// A new network is looked at when it has been the same for this long: addresses come one after the other.
const SETTLE: SignedDuration = SignedDuration::from_secs(10);
/// And not sooner after the last look than this: a network that comes and goes is not tested all the time.
const REST: SignedDuration = SignedDuration::from_secs(60);
/// After a program has closed; doubled each time that the look then found it open again.
const CLOSED_REST: SignedDuration = SignedDuration::from_secs(4);

/// Why a look is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The agent has started.
    Start,
    /// The schedule says so.
    Schedule,
    /// This computer is on another network.
    NetworkChanged,
    /// A mail program that was in the way has closed.
    ClientClosed,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Look at the accounts now.
    Look(Why),
    /// Glance at the machine again after this time.
    Wait(Duration),
    /// Nothing more.
    End,
}

/// The machine at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// The time. May be set back by whoever sets the clock, and jumps when the computer has slept.
    pub now: Timestamp,
    /// By what addresses this computer is on its networks; none: on no network.
    pub network: BTreeSet<IpAddr>,
    /// A program that was in the way of the last look is closed now.
    pub closed: bool,
    /// Somebody asked the agent to end.
    pub stop: bool,
}

/// What a look was like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// When it was over.
    pub ended: Timestamp,
    /// On which network it was taken.
    pub network: BTreeSet<IpAddr>,
    /// Programs were in its way.
    pub awaiting: bool,
    /// What the policy says now.
    pub schedule: Schedule,
}

/// What is remembered between two glances.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    last: Option<Looked>,
    /// A network that is not the last look's, and since when it is there.
    changed: Option<(BTreeSet<IpAddr>, Timestamp)>,
    /// How often a program had closed and was open again at the look.
    in_vain: u32,
    why: Option<Why>,
}

impl Watch {
    /// What to do, given this glance.
    pub fn step(&mut self, glance: &Glance) -> Step {
        let Some(last) = &mut self.last else { return self.look(Why::Start) };
        let Some(every) = interval(last.schedule) else { return Step::End };
        if glance.stop {
            return Step::End;
        }
        // A clock that was set back would put the next look off for as long.
        if glance.now < last.ended {
            last.ended = glance.now;
        }
        let since = glance.now.duration_since(last.ended);
        let (awaiting, moved) = (last.awaiting, glance.network != last.network && !glance.network.is_empty());
        if since >= every {
            return self.look(Why::Schedule);
        }
        if awaiting && glance.closed && since >= CLOSED_REST * (1 << self.in_vain.min(8)) {
            return self.look(Why::ClientClosed);
        }
        if self.settled(glance, moved) && since >= REST {
            return self.look(Why::NetworkChanged);
        }
        let poll = if awaiting { POLL_AWAITING } else { POLL };
        Step::Wait(poll.min(every - since).unsigned_abs())
    }

    /// The look that was asked for is over.
    pub fn looked(&mut self, looked: Looked) {
        self.in_vain =
            if looked.awaiting && self.why == Some(Why::ClientClosed) { self.in_vain.saturating_add(1) } else { 0 };
        self.changed = None;
        self.last = Some(looked);
    }

    fn look(&mut self, why: Why) -> Step {
        self.why = Some(why);
        Step::Look(why)
    }

    /// Is there another network, for long enough to be the one to stay?
    fn settled(&mut self, glance: &Glance, moved: bool) -> bool {
        if !moved {
            self.changed = None;
            return false;
        }
        match &self.changed {
            Some((network, since)) if *network == glance.network && *since <= glance.now => {
                glance.now.duration_since(*since) >= SETTLE
            }
            _ => {
                self.changed = Some((glance.network.clone(), glance.now));
                false
            }
        }
    }
}

/// Between two looks by the clock; `None`: there is no second one.
fn interval(schedule: Schedule) -> Option<SignedDuration> {
    match schedule {
        Schedule::Logon => None,
        Schedule::Hourly => Some(SignedDuration::from_hours(1)),
        Schedule::Daily => Some(SignedDuration::from_hours(24)),
    }
}

/// The program that an entry at login names: on Windows the one without a console, so that no window flashes.
pub fn program_at_login(running: &Path, os: Os, is_file: impl Fn(&Path) -> bool) -> PathBuf {
    let windowless = running.with_file_name("port26w.exe");
    if os == Os::Windows && is_file(&windowless) { windowless } else { running.to_owned() }
}

#[cfg(test)]
mod tests;
