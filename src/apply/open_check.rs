//! What the writer asks about the clients before it writes to their settings.

use std::collections::BTreeMap;

use crate::account::{ClientId, SubmissionServer};
use crate::change::Slot;
use crate::clients::InUse;

/// Tells whether a client is open on a profile. Asked right before anything is written to it.
pub trait OpenCheck: Sync {
    /// Is it?
    fn in_use(&self, client: ClientId, profile: &str) -> InUse;

    /// The outgoing servers of the client's accounts as it has them now, by the account's id, as far as that can be told.
    fn outgoing(&self, _client: ClientId) -> BTreeMap<String, SubmissionServer> {
        BTreeMap::new()
    }

    /// May a receipt have this client's settings written there? A receipt is a file: that it lies among ours does not make
    /// it true.
    fn keeps_settings_in(&self, _client: ClientId, _at: &Slot) -> bool {
        true
    }
}

impl<F: Fn(ClientId, &str) -> InUse + Sync> OpenCheck for F {
    fn in_use(&self, client: ClientId, profile: &str) -> InUse {
        self(client, profile)
    }
}
