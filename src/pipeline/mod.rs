//! The stages in order, emitting events: discover, test (probe, prove, diagnose, decide), fix (apply,
//! verify) and undo. Every front end drives this and only this.

mod by_import;
mod by_relay;
mod discover;
mod fix;
pub(crate) mod known_network;
mod no_password;
mod once_more;
mod open_clients;
mod rename;
mod second_look;
mod send;
mod strangers;
pub(crate) mod survey;
mod test;
pub(crate) mod turns;
mod when_closed;

use std::path::PathBuf;
use std::sync::Arc;

use port26_platform::host::Host;
use port26_platform::processes::Asked;

use crate::account::ClientId;
use crate::apply::{Guard, Machine, MachineStore, Writer};
use crate::clients::{InUse, MailClient};
use crate::credentials::{AttemptLedger, CredentialBook};
use crate::formats::open::AllEditors;
use crate::policy::Policy;
use crate::probe::Prober;

pub use by_relay::{ProviderServer, by_relay};
pub use discover::{Discovery, discover, select};
pub use fix::{Fixing, client_name, client_title, fix, plan_changes};
pub use open_clients::OpenClients;
pub use send::{TestMailError, send_test, send_tests};
pub use test::{Tested, test};
pub use when_closed::{Waiting, read_again};

/// What a front end may show while it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Ports of this many hosts are tried.
    Testing {
        /// How many hosts.
        hosts: usize,
    },
    /// One host is done.
    HostTested {
        /// Its name.
        host: String,
    },
    /// A host is waited for that takes long to greet.
    WaitingForGreeting {
        /// Its name.
        host: String,
    },
    /// All hosts are done.
    Tested,
    /// Settings of this many accounts are written.
    Writing {
        /// How many accounts; never none.
        accounts: usize,
    },
    /// The writing is done.
    Written,
    /// Mail programs are open, and it is waited until one is closed.
    Waiting {
        /// Their names.
        programs: Vec<String>,
        /// What became of asking them to close; `None`: they were not asked.
        asked: Option<Asked>,
    },
    /// The waiting is over.
    Waited,
}

/// Who listens to events.
pub trait Events: Send + Sync {
    /// Called at each event, from any thread.
    fn on(&self, event: &Event);
}

/// Nobody listens.
pub struct Quiet;

impl Events for Quiet {
    fn on(&self, _event: &Event) {}
}

/// What the stages work with.
pub struct Tools {
    /// The machine.
    pub host: Host,
    /// The mail clients to look for.
    pub clients: &'static [&'static dyn MailClient],
    /// What is allowed.
    pub policy: Policy,
    /// Talks to mail servers.
    pub prober: Prober,
    /// Passwords at hand.
    pub credentials: Arc<CredentialBook>,
    /// Who was logged in where, so that no login is tried twice in a run.
    pub attempts: AttemptLedger,
    /// What the writer needs.
    pub desk: Desk,
    /// Who is told.
    pub events: Arc<dyn Events>,
}

/// What the one writer works with on a machine: where it keeps its journals, where settings are, who is open.
pub struct Desk {
    state: PathBuf,
    machine: Machine,
    store: MachineStore,
    guard: OpenClients,
}

impl Desk {
    /// The desk of this machine, with its journals in this state folder.
    pub fn new(state: impl Into<PathBuf>, host: &Host, clients: &'static [&'static dyn MailClient]) -> Self {
        Self {
            state: state.into(),
            machine: Machine::of(host),
            store: MachineStore::of(host),
            guard: OpenClients::new(host.clone(), clients),
        }
    }

    /// The writer.
    pub fn writer(&self) -> Writer<'_> {
        Writer::new(self.state.clone(), self.machine.clone(), &self.store, &AllEditors, &self.guard)
    }

    /// Is this client open on this profile?
    pub fn is_open(&self, client: ClientId, profile: &str) -> bool {
        matches!(self.guard.in_use(client, profile), InUse::Yes(_))
    }

    /// The state folder.
    pub fn state(&self) -> &std::path::Path {
        &self.state
    }
}
