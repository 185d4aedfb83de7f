//! At most one AUTH a run for each user at each host: hosts ban addresses that fail more often.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Item, same_host};

/// How the one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The server took the password.
    Accepted,
    /// The server said no to the password.
    Rejected,
    /// The password was (or may have been) sent, and no answer about it came.
    Unclear,
}

/// The attempt was made already (or is being made: no outcome yet).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{user} at {host} was already tried in this run")]
pub struct AlreadyTried {
    /// The user.
    pub user: String,
    /// The host.
    pub host: String,
    /// How it ended; `None` while it runs.
    pub outcome: Option<Outcome>,
}

/// Who was tried where in this run. One for all threads of a run.
#[derive(Debug, Default)]
pub struct AttemptLedger {
    tried: Mutex<HashMap<Item, Option<Outcome>>>,
}

impl AttemptLedger {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The right to send this user's password to this host, once. Until the ticket is given back by
    /// [`Ticket::not_sent`], nobody gets another.
    pub fn begin(&self, host: &str, user: &str) -> Result<Ticket<'_>, AlreadyTried> {
        let item = Item::new(host, user);
        let mut tried = self.lock();
        if let Some(&outcome) = tried.get(&item) {
            return Err(AlreadyTried { user: user.to_owned(), host: same_host(host), outcome });
        }
        tried.insert(item.clone(), None);
        Ok(Ticket { ledger: self, item, open: true })
    }

    /// How the attempt of this user at this host ended, if it did.
    pub fn outcome(&self, host: &str, user: &str) -> Option<Outcome> {
        self.lock().get(&Item::new(host, user)).copied().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Item, Option<Outcome>>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to one AUTH. Dropped without a word (a panic, a cancelled task), it counts as [`Outcome::Unclear`].
#[derive(Debug)]
#[must_use = "say how the attempt ended"]
pub struct Ticket<'a> {
    ledger: &'a AttemptLedger,
    item: Item,
    open: bool,
}

impl Ticket<'_> {
    /// AUTH was sent and ended like this.
    pub fn finish(mut self, outcome: Outcome) {
        self.open = false;
        self.ledger.lock().insert(self.item.clone(), Some(outcome));
    }

    /// It did not come to AUTH: another port may try.
    pub fn not_sent(mut self) {
        self.open = false;
        self.ledger.lock().remove(&self.item);
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.open {
            self.ledger.lock().insert(self.item.clone(), Some(Outcome::Unclear));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "mail.hosting.test";

    #[test]
    fn one_attempt_a_user_and_host() {
        let ledger = AttemptLedger::new();
        let ticket = ledger.begin(HOST, "anna").unwrap();
        assert_eq!(ledger.begin("MAIL.hosting.test.", "anna").unwrap_err().outcome, None, "still being tried");
        assert!(ledger.begin(HOST, "bert").is_ok(), "another user");
        assert!(ledger.begin("mail2.hosting.test", "anna").is_ok(), "another host");
        ticket.finish(Outcome::Rejected);
        let again = ledger.begin(HOST, "anna").unwrap_err();
        assert_eq!(again.outcome, Some(Outcome::Rejected));
        assert_eq!(again.to_string(), "anna at mail.hosting.test was already tried in this run");
        assert_eq!(ledger.outcome(HOST, "anna"), Some(Outcome::Rejected));
        assert_eq!(ledger.outcome(HOST, "carl"), None);
    }

    #[test]
    fn an_attempt_that_sent_nothing_may_be_made_again() {
        let ledger = AttemptLedger::new();
        ledger.begin(HOST, "anna").unwrap().not_sent();
        ledger.begin(HOST, "anna").unwrap().finish(Outcome::Accepted);
        assert!(ledger.begin(HOST, "anna").is_err());
    }

    #[test]
    fn an_attempt_that_was_cut_off_counts_as_made() {
        let ledger = AttemptLedger::new();
        drop(ledger.begin(HOST, "anna").unwrap());
        assert_eq!(ledger.begin(HOST, "anna").unwrap_err().outcome, Some(Outcome::Unclear));
    }

    #[test]
    fn of_many_at_once_one_gets_through() {
        let ledger = AttemptLedger::new();
        let got = std::thread::scope(|scope| {
            let all: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| ledger.begin(HOST, "anna").map(|ticket| ticket.finish(Outcome::Accepted)).is_ok())
                })
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).filter(|&one| one).count()
        });
        assert_eq!(got, 1);
    }
}
