//! At most one AUTH a run for each user at each host: hosts ban addresses that fail more often.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Item, same_host};
use crate::probe::finding::LoginFinding;

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
    /// What was seen then, if the server answered.
    pub finding: Option<Box<LoginFinding>>,
}

/// An attempt that has ended.
#[derive(Debug, Clone)]
struct Ended {
    outcome: Outcome,
    finding: Option<LoginFinding>,
}

/// Who was tried where in this run. One for all threads of a run.
#[derive(Debug, Default)]
pub struct AttemptLedger {
    tried: Mutex<HashMap<Item, Option<Ended>>>,
    /// Logins whose password was typed a second time.
    repeated: Mutex<HashSet<Item>>,
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
        if let Some(ended) = tried.get(&item) {
            let (outcome, finding) = ended.clone().map(|ended| (ended.outcome, ended.finding)).unzip();
            return Err(AlreadyTried {
                user: user.to_owned(),
                host: same_host(host),
                outcome,
                finding: finding.flatten().map(Box::new),
            });
        }
        tried.insert(item.clone(), None);
        Ok(Ticket { ledger: self, item, open: true })
    }

    /// May a person type this password once more? After a refusal, and if it was not done before.
    pub fn may_repeat(&self, host: &str, user: &str) -> bool {
        let item = Item::new(host, user);
        let refused = self
            .lock()
            .get(&item)
            .is_some_and(|ended| ended.as_ref().is_some_and(|ended| ended.outcome == Outcome::Rejected));
        refused && !self.repeated().contains(&item)
    }

    /// The right to one more attempt, with a password that a person typed anew; there is no third.
    pub fn repeat(&self, host: &str, user: &str) -> Option<Ticket<'_>> {
        if !self.may_repeat(host, user) {
            return None;
        }
        let item = Item::new(host, user);
        if !self.repeated().insert(item.clone()) {
            return None;
        }
        self.lock().insert(item.clone(), None);
        Some(Ticket { ledger: self, item, open: true })
    }

    fn repeated(&self) -> MutexGuard<'_, HashSet<Item>> {
        self.repeated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger of the next run of a program that goes on running: a password that a host refused is not sent again,
    /// every other login may be tried once more.
    #[must_use]
    pub fn next_run(&self) -> Self {
        let refused = |ended: &Option<Ended>| ended.as_ref().is_some_and(|ended| ended.outcome == Outcome::Rejected);
        let tried = self
            .lock()
            .iter()
            .filter(|(_, ended)| refused(ended))
            .map(|(item, ended)| (item.clone(), ended.clone()))
            .collect();
        Self { tried: Mutex::new(tried), repeated: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Item, Option<Ended>>> {
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
    /// The conversation ended like this. An answer to AUTH is one (RFC 4954, section 6); without one, the password may
    /// have been sent or not.
    pub fn ended(mut self, finding: &LoginFinding) {
        self.open = false;
        let outcome = match finding.auth.as_ref().map(|reply| reply.code) {
            Some(200..=299) => Outcome::Accepted,
            Some(500..=599) => Outcome::Rejected,
            _ => Outcome::Unclear,
        };
        self.ledger.lock().insert(self.item.clone(), Some(Ended { outcome, finding: Some(finding.clone()) }));
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
            let ended = Ended { outcome: Outcome::Unclear, finding: None };
            self.ledger.lock().insert(self.item.clone(), Some(ended));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::finding::{End, Reply};

    const HOST: &str = "mail.hosting.test";

    fn answer(code: u16) -> LoginFinding {
        LoginFinding {
            port: 26,
            mechanism: Some("PLAIN".into()),
            auth: Some(Reply { code, lines: vec!["said".into()], ms: 1 }),
            mail_from: None,
            recipient: None,
            end: End::Complete,
            round_trips: 1,
        }
    }

    #[test]
    fn one_attempt_a_user_and_host() {
        let ledger = AttemptLedger::new();
        let ticket = ledger.begin(HOST, "anna").unwrap();
        assert_eq!(ledger.begin("MAIL.hosting.test.", "anna").unwrap_err().outcome, None, "still being tried");
        assert!(ledger.begin(HOST, "bert").is_ok(), "another user");
        assert!(ledger.begin("mail2.hosting.test", "anna").is_ok(), "another host");
        ticket.ended(&answer(535));
        let again = ledger.begin(HOST, "anna").unwrap_err();
        assert_eq!((again.outcome, again.finding.as_deref()), (Some(Outcome::Rejected), Some(&answer(535))));
        assert_eq!(again.to_string(), "anna at mail.hosting.test was already tried in this run");
    }

    #[test]
    fn a_password_that_was_refused_may_be_typed_once_more_and_not_twice() {
        let ledger = AttemptLedger::new();
        assert!(ledger.repeat(HOST, "anna").is_none(), "nothing was refused yet");
        ledger.begin(HOST, "anna").unwrap().ended(&answer(535));
        assert!(ledger.may_repeat(HOST, "anna") && !ledger.may_repeat(HOST, "bert"));
        ledger.repeat(HOST, "anna").unwrap().ended(&answer(535));
        assert!(!ledger.may_repeat(HOST, "anna") && ledger.repeat(HOST, "anna").is_none());
        assert_eq!(ledger.begin(HOST, "anna").unwrap_err().outcome, Some(Outcome::Rejected));
        ledger.begin(HOST, "bert").unwrap().ended(&answer(235));
        assert!(ledger.repeat(HOST, "bert").is_none(), "it was taken");
    }

    #[test]
    fn an_attempt_that_sent_nothing_may_be_made_again() {
        let ledger = AttemptLedger::new();
        ledger.begin(HOST, "anna").unwrap().not_sent();
        ledger.begin(HOST, "anna").unwrap().ended(&answer(235));
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
                .map(|_| scope.spawn(|| ledger.begin(HOST, "anna").map(|ticket| ticket.ended(&answer(235))).is_ok()))
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).filter(|&one| one).count()
        });
        assert_eq!(got, 1);
    }
}
