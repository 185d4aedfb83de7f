//! Is a client open on a profile? Asked by the writer right before it writes, and before it undoes.

use port26_platform::host::Host;

use crate::account::ClientId;
use crate::apply::Guard;
use crate::clients::{InUse, MailClient};

/// Asks the clients themselves.
pub struct OpenClients {
    host: Host,
    clients: &'static [&'static dyn MailClient],
}

impl OpenClients {
    /// For the clients of this machine.
    pub fn new(host: Host, clients: &'static [&'static dyn MailClient]) -> Self {
        Self { host, clients }
    }
}

impl Guard for OpenClients {
    fn in_use(&self, client: ClientId, profile: &str) -> InUse {
        let Some(adapter) = self.clients.iter().find(|adapter| adapter.id() == client) else { return InUse::No };
        let Ok(Some(installation)) = adapter.detect(&self.host) else { return InUse::No };
        let found = adapter.accounts(&self.host, &installation.only(profile));
        found
            .accounts
            .iter()
            .find(|account| account.profile == profile)
            .map_or(InUse::No, |account| adapter.in_use(&self.host, account))
    }
}
