//! At most one AUTH a run for each user at each host, and none with a password that was refused in the last day: hosts ban
//! addresses, and lock accounts, that fail more often.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::item::same_host;
use super::refused::{Refusals, Refused};
use super::{Credential, Item, Origin};
use crate::account::Mechanism;
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

/// So many 535 of one host in one run, and no more AUTH is sent to it.
const MOST_REFUSED: usize = 2;

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
    refusals: Option<Arc<Refusals>>,
}

impl AttemptLedger {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one that keeps what is refused, and knows what was refused in earlier runs.
    pub fn remembering(refusals: Refusals) -> Self {
        Self { refusals: Some(Arc::new(refusals)), ..Self::default() }
    }

    /// Was this very password refused in an earlier run of the last day? What somebody has just typed is not asked about:
    /// they know what they do.
    pub fn refused_before(&self, host: &str, credential: &Credential) -> Option<Refused> {
        let refusals = self.refusals.as_ref().filter(|_| credential.origin != Origin::Asked)?;
        refusals.known(host, credential, Timestamp::now())
    }

    /// Why refusals could not be remembered, if they could not.
    pub fn trouble(&self) -> Option<String> {
        self.refusals.as_ref()?.trouble()
    }

    /// The right to send this password to this host, once for each user. Until the ticket is given back by
    /// [`Ticket::not_sent`], nobody gets another. That the form of CRAM-MD5 was refused in an earlier run says nothing of the
    /// password in another form.
    pub fn begin<'a>(
        &'a self,
        host: &str,
        credential: &'a Credential,
        mechanism: Option<Mechanism>,
    ) -> Result<Ticket<'a>, AlreadyTried> {
        let user = credential.user.as_str();
        let item = Item::folded(host, user);
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
        let digest = Mechanism::CramMd5;
        let other_form =
            |before: &Refused| mechanism != Some(digest) && before.finding.mechanism.as_deref() == Some(digest.name());
        if let Some(before) = self.refused_before(host, credential).filter(|before| !other_form(before)) {
            return Err(AlreadyTried {
                user: user.to_owned(),
                host: same_host(host),
                outcome: Some(Outcome::Rejected),
                finding: Some(Box::new(before.finding)),
            });
        }
        tried.insert(item.clone(), None);
        Ok(Ticket { ledger: self, item, credential, open: true })
    }

    /// May a person type this password once more? After a refusal, and if it was not done before.
    pub fn may_repeat(&self, host: &str, user: &str) -> bool {
        let item = Item::folded(host, user);
        let refused = self
            .lock()
            .get(&item)
            .is_some_and(|ended| ended.as_ref().is_some_and(|ended| ended.outcome == Outcome::Rejected));
        refused && !self.repeated().contains(&item)
    }

    /// The right to one more attempt, with a password that a person typed anew; there is no third.
    pub fn repeat<'a>(&'a self, host: &str, credential: &'a Credential) -> Option<Ticket<'a>> {
        if !self.may_repeat(host, &credential.user) {
            return None;
        }
        let item = Item::folded(host, &credential.user);
        if !self.repeated().insert(item.clone()) {
            return None;
        }
        self.lock().insert(item.clone(), None);
        Some(Ticket { ledger: self, item, credential, open: true })
    }

    fn repeated(&self) -> MutexGuard<'_, HashSet<Item>> {
        self.repeated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger of the next run of a program that goes on running: a password that a host refused is not sent again,
    /// every other login may be tried once more. Where refusals are kept in a file, that knows more: another password of
    /// the same login may be tried.
    #[must_use]
    pub fn next_run(&self) -> Self {
        if let Some(refusals) = self.refusals.as_ref().filter(|refusals| refusals.trouble().is_none()) {
            return Self { refusals: Some(Arc::clone(refusals)), ..Self::default() };
        }
        let refused = |ended: &Option<Ended>| ended.as_ref().is_some_and(|ended| ended.outcome == Outcome::Rejected);
        let tried = self
            .lock()
            .iter()
            .filter(|(_, ended)| refused(ended))
            .map(|(item, ended)| (item.clone(), ended.clone()))
            .collect();
        Self { tried: Mutex::new(tried), refusals: self.refusals.clone(), ..Self::default() }
    }

    /// This host has refused as many logins in this run as are wise: many hosts ban an address after a few more.
    pub fn stopped(&self, host: &str) -> bool {
        let host = same_host(host);
        let refused = |ended: &Option<Ended>| {
            let reply = ended.as_ref().and_then(|ended| ended.finding.as_ref()?.auth.as_ref());
            reply.is_some_and(|reply| reply.code == 535)
        };
        let (tried, repeated) = (self.lock(), self.repeated());
        let of_host = tried.iter().filter(|(item, _)| same_host(item.host()) == host);
        // A second try that was typed took the place of the first, which was refused as well.
        let refusals = of_host.map(|(item, ended)| usize::from(refused(ended)) + usize::from(repeated.contains(item)));
        refusals.sum::<usize>() >= MOST_REFUSED
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
    credential: &'a Credential,
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
        let Some(refusals) = &self.ledger.refusals else { return };
        match outcome {
            Outcome::Accepted => refusals.forget(self.item.host(), &self.credential.user, Timestamp::now()),
            Outcome::Rejected if is_about_the_password(finding) => {
                refusals.note(self.item.host(), self.credential, finding, Timestamp::now());
            }
            Outcome::Rejected | Outcome::Unclear => {}
        }
    }

    /// It did not come to AUTH: another port may try.
    pub fn not_sent(mut self) {
        self.open = false;
        self.ledger.lock().remove(&self.item);
    }
}

/// A host that does not know the command or the mechanism has not looked at the password (RFC 4954 section 6).
fn is_about_the_password(finding: &LoginFinding) -> bool {
    finding.auth.as_ref().is_some_and(|reply| !matches!(reply.code, 500..=504 | 534 | 538))
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

    fn login(user: &str) -> Credential {
        Credential { user: user.into(), password: "secret".into(), origin: Origin::Keychain }
    }

    fn answer(code: u16) -> LoginFinding {
        LoginFinding {
            port: 26,
            mechanism: Some("PLAIN".into()),
            auth: Some(Reply { code, lines: vec!["said".into()], ms: 1 }),
            mail_from: None,
            recipient: None,
            to_itself: None,
            end: End::Complete,
            round_trips: 1,
        }
    }

    #[test]
    fn one_attempt_a_user_and_host() {
        let ledger = AttemptLedger::new();
        let anna = login("anna");
        let ticket = ledger.begin(HOST, &anna, None).unwrap();
        assert_eq!(
            ledger.begin("MAIL.hosting.test.", &login("anna"), None).unwrap_err().outcome,
            None,
            "still being tried"
        );
        assert!(ledger.begin(HOST, &login("bert"), None).is_ok(), "another user");
        assert!(ledger.begin("mail2.hosting.test", &login("anna"), None).is_ok(), "another host");
        ticket.ended(&answer(535));
        let again = ledger.begin(HOST, &login("anna"), None).unwrap_err();
        assert_eq!((again.outcome, again.finding.as_deref()), (Some(Outcome::Rejected), Some(&answer(535))));
        assert_eq!(again.to_string(), "anna at mail.hosting.test was already tried in this run");
    }

    #[test]
    fn a_password_that_was_refused_may_be_typed_once_more_and_not_twice() {
        let ledger = AttemptLedger::new();
        assert!(ledger.repeat(HOST, &login("anna")).is_none(), "nothing was refused yet");
        ledger.begin(HOST, &login("anna"), None).unwrap().ended(&answer(535));
        assert!(ledger.may_repeat(HOST, "anna") && !ledger.may_repeat(HOST, "bert"));
        ledger.repeat(HOST, &login("anna")).unwrap().ended(&answer(535));
        assert!(!ledger.may_repeat(HOST, "anna") && ledger.repeat(HOST, &login("anna")).is_none());
        assert_eq!(ledger.begin(HOST, &login("anna"), None).unwrap_err().outcome, Some(Outcome::Rejected));
        ledger.begin(HOST, &login("bert"), None).unwrap().ended(&answer(235));
        assert!(ledger.repeat(HOST, &login("bert")).is_none(), "it was taken");
    }

    #[test]
    fn an_attempt_that_sent_nothing_may_be_made_again() {
        let ledger = AttemptLedger::new();
        ledger.begin(HOST, &login("anna"), None).unwrap().not_sent();
        ledger.begin(HOST, &login("anna"), None).unwrap().ended(&answer(235));
        assert!(ledger.begin(HOST, &login("anna"), None).is_err());
    }

    #[test]
    fn an_attempt_that_was_cut_off_counts_as_made() {
        let ledger = AttemptLedger::new();
        drop(ledger.begin(HOST, &login("anna"), None).unwrap());
        assert_eq!(ledger.begin(HOST, &login("anna"), None).unwrap_err().outcome, Some(Outcome::Unclear));
    }

    #[test]
    fn of_many_at_once_one_gets_through() {
        let ledger = AttemptLedger::new();
        let got = std::thread::scope(|scope| {
            let all: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        ledger.begin(HOST, &login("anna"), None).map(|ticket| ticket.ended(&answer(235))).is_ok()
                    })
                })
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).filter(|&one| one).count()
        });
        assert_eq!(got, 1);
    }

    #[test]
    fn two_spellings_are_one_login() {
        let (ledger, lower, upper) = (AttemptLedger::new(), login("anna@hosting.test"), login("ANNA@Hosting.test"));
        ledger.begin(HOST, &lower, None).unwrap().ended(&answer(535));
        assert_eq!(ledger.begin(HOST, &upper, None).unwrap_err().outcome, Some(Outcome::Rejected));
    }

    #[test]
    fn a_password_that_was_refused_in_an_earlier_run_is_sent_again_only_if_it_is_typed() {
        let state = tempfile::tempdir().unwrap();
        let run = || AttemptLedger::remembering(Refusals::in_state(state.path()));
        let kept = login("anna");
        run().begin(HOST, &kept, None).unwrap().ended(&answer(535));
        for spelled in ["anna", "Anna"] {
            let before = run().begin(HOST, &login(spelled), None).unwrap_err();
            let reply = before.finding.and_then(|finding| finding.auth).map(|reply| reply.code);
            assert_eq!((before.outcome, reply), (Some(Outcome::Rejected), Some(535)), "{spelled}");
        }
        let typed = Credential { origin: Origin::Asked, ..login("anna") };
        let second = run();
        second.begin(HOST, &typed, None).unwrap().ended(&answer(235));
        assert!(run().begin(HOST, &kept, None).is_ok(), "it was taken since");
    }

    #[test]
    fn an_answer_about_the_mechanism_says_nothing_of_the_password() {
        let state = tempfile::tempdir().unwrap();
        let run = || AttemptLedger::remembering(Refusals::in_state(state.path()));
        for code in [454, 504, 534] {
            run().begin(HOST, &login("anna"), None).unwrap().ended(&answer(code));
            run().begin(HOST, &login("anna"), None).unwrap().not_sent();
        }
    }

    #[test]
    fn after_two_refusals_a_host_is_asked_no_more() {
        let ledger = AttemptLedger::new();
        for (user, code, stopped) in
            [("anna", 535, false), ("bert", 235, false), ("carl", 454, false), ("dora", 535, true)]
        {
            ledger.begin(HOST, &login(user), None).unwrap().ended(&answer(code));
            assert_eq!(ledger.stopped("MAIL.hosting.test."), stopped, "{user}");
        }
        assert!(!ledger.stopped("mail.other.test"));
    }

    #[test]
    fn what_was_refused_by_a_digest_may_be_tried_as_it_is() {
        let state = tempfile::tempdir().unwrap();
        let run = || AttemptLedger::remembering(Refusals::in_state(state.path()));
        let digest = LoginFinding { mechanism: Some("CRAM-MD5".into()), ..answer(535) };
        let anna = login("anna");
        run().begin(HOST, &anna, Some(Mechanism::CramMd5)).unwrap().ended(&digest);
        assert!(run().begin(HOST, &anna, Some(Mechanism::CramMd5)).is_err(), "that would be the same again");
        run().begin(HOST, &anna, Some(Mechanism::Plain)).unwrap().ended(&answer(535));
        assert!(run().begin(HOST, &anna, Some(Mechanism::Plain)).is_err());
    }
}
