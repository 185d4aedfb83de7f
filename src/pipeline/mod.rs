//! The stages in order, emitting events: discover, test (probe, prove, diagnose, decide), fix (apply,
//! verify) and undo. Every front end drives this and only this.

mod discover;
mod fix;
mod survey;
mod test;

use std::sync::Arc;

use port26_platform::host::Host;

use crate::apply::Writer;
use crate::clients::MailClient;
use crate::credentials::CredentialBook;
use crate::policy::Policy;
use crate::probe::Prober;

pub use discover::{Discovery, discover, select};
pub use fix::{Fixing, client_name, fix, plan_changes};
pub use test::{Tested, test};

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
    /// Settings of this many accounts are written.
    Writing {
        /// How many accounts.
        accounts: usize,
    },
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
    pub prober: Arc<Prober>,
    /// Passwords at hand.
    pub credentials: CredentialBook,
    /// The only writer.
    pub writer: Writer,
    /// Who is told.
    pub events: Arc<dyn Events>,
}
