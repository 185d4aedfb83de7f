//! What all connections share: the host's rules and the record.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::record::{Message, Record};

/// Largest message taken, as announced by SIZE.
pub(super) const MAX_MESSAGE: usize = 10 * 1024 * 1024;

/// What all connections share: the host's rules and the record.
pub(super) struct Shared {
    pub(super) host_name: String,
    pub(super) domains: Vec<String>,
    pub(super) accounts: Vec<(String, String)>,
    pub(super) record: Mutex<Record>,
    pub(super) arrived: watch::Sender<usize>,
}

impl Shared {
    /// A panic elsewhere cannot leave the record half-written in a way that matters: keep counting.
    pub(super) fn with_record<T>(&self, act: impl FnOnce(&mut Record) -> T) -> T {
        act(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn knows(&self, user: &str, password: &str) -> bool {
        self.accounts.iter().any(|(name, secret)| name == user && secret == password)
    }

    pub(super) fn is_local(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map(|(_, domain)| domain);
        domain.is_some_and(|domain| self.domains.iter().any(|own| own.eq_ignore_ascii_case(domain)))
    }

    pub(super) fn deliver(&self, message: Message) -> usize {
        let count = self.with_record(|record| {
            record.messages.push(message);
            record.messages.len()
        });
        self.arrived.send_replace(count);
        count
    }
}
