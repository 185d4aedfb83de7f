//! What the pipeline says to, and asks, whoever has started it: a terminal, a script, the agent, a window. The stages know
//! this trait and no words. Every question blocks until it is answered, and there is never more than one at a time.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use port26_platform::processes::Asked;
use secrecy::SecretString;

use super::undone_accounts::AccountPutBack;
use crate::account::{Account, SubmissionServer};
use crate::credentials::{Ask, PasswordFor};
use crate::past_mail::Waiting;

/// Whoever has started a run.
pub trait Conversation: Send + Sync {
    /// May these settings be written? An error: the question could not be put.
    fn confirm(&self, asked: &Confirm<'_>) -> io::Result<Answer>;

    /// May these accounts get back the settings that they had?
    fn confirm_back(&self, _asked: &[Back<'_>]) -> io::Result<Answer> {
        Ok(Answer::Nobody)
    }

    /// The password of a login, after why it is needed. `None`: nobody is there, or nothing was typed.
    fn password(&self, asked: &PasswordFor<'_>) -> io::Result<Option<SecretString>>;

    /// These programs are open, and the run waits for them. Asked at every glance, so that a person can end the waiting.
    fn keep_waiting(&self, _programs: &[String]) -> bool {
        true
    }

    /// How far the run is. Called from any thread.
    fn progress(&self, _at: &Progress) {}
}

/// The answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is agreed to.
    Yes,
    /// It is not.
    No,
    /// Nobody is there to answer.
    Nobody,
}

/// Settings that are written once somebody agrees.
#[derive(Debug)]
pub struct Confirm<'a> {
    /// What changes.
    pub moves: Vec<Move<'a>>,
    /// When it is written.
    pub when: When,
}

/// One account that goes to another server.
#[derive(Debug, Clone, Copy)]
pub struct Move<'a> {
    /// The account as it is.
    pub account: &'a Account,
    /// Its outgoing server afterwards.
    pub to: &'a SubmissionServer,
    /// The server gets another name, which a person must know before they agree.
    pub renames: bool,
    /// What waits in its Outbox and can go out afterwards, where that is known.
    pub waiting: Option<Waiting>,
}

/// One account that gets back what it had.
#[derive(Debug, Clone, Copy)]
pub struct Back<'a> {
    /// The account, its server until now, and the one that it gets back.
    pub account: &'a AccountPutBack,
    /// When port26 had changed it.
    pub changed: Option<Timestamp>,
}

/// When settings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// As soon as it is agreed to.
    Now,
    /// As soon as the mail program is closed.
    OnceClosed,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Another run is at work with the same state folder, and is waited for.
    OtherRun {
        /// Who.
        holder: String,
    },
    /// Ports of this many hosts are tried.
    Testing {
        /// How many hosts.
        hosts: usize,
    },
    /// A port of a host takes mail with a login, while others of it are still waited for.
    GetsThrough {
        /// The host's name.
        host: String,
        /// The port.
        port: u16,
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
    /// An account is about to be moved, and messages wait that can go out then. Nobody is asked.
    MailWaits {
        /// What people call the account.
        account: String,
        /// What waits; never nothing.
        waiting: Waiting,
    },
    /// Settings of this many accounts are written.
    Writing {
        /// How many accounts; never none.
        accounts: usize,
    },
    /// The writing is done.
    Written,
    /// Mail programs are open, and the run waits until one is closed.
    Waiting {
        /// Their names.
        programs: Vec<String>,
        /// What became of asking them to close; `None`: they were not asked.
        asked: Option<Asked>,
    },
    /// The waiting is over.
    Waited,
}

/// Nobody is there: `--yes`, `--silent`, `--json`, the agent, the rehearsal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Conversation for Alone {
    fn confirm(&self, _asked: &Confirm<'_>) -> io::Result<Answer> {
        Ok(Answer::Nobody)
    }

    fn password(&self, _asked: &PasswordFor<'_>) -> io::Result<Option<SecretString>> {
        Ok(None)
    }
}

/// Hosts are proven at once, and each may need a password: one question waits for the other.
pub(super) struct OneAtATime {
    talk: Arc<dyn Conversation>,
    turn: Mutex<()>,
}

impl OneAtATime {
    pub(super) fn new(talk: Arc<dyn Conversation>) -> Self {
        Self { talk, turn: Mutex::default() }
    }
}

impl Ask for OneAtATime {
    fn password(&self, asked: &PasswordFor<'_>) -> io::Result<Option<SecretString>> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.talk.password(asked)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    /// Takes a moment to answer, and notices a second question in that time.
    #[derive(Default)]
    struct Busy {
        asked: AtomicBool,
        twice: AtomicBool,
    }

    impl Conversation for Busy {
        fn confirm(&self, asked: &Confirm<'_>) -> io::Result<Answer> {
            Alone.confirm(asked)
        }

        fn password(&self, _asked: &PasswordFor<'_>) -> io::Result<Option<SecretString>> {
            self.twice.fetch_or(self.asked.swap(true, Ordering::SeqCst), Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(50));
            self.asked.store(false, Ordering::SeqCst);
            Ok(None)
        }
    }

    #[test]
    fn one_question_waits_for_the_other() {
        let busy = Arc::new(Busy::default());
        let (one, start) = (OneAtATime::new(busy.clone()), Barrier::new(2));
        let asked = PasswordFor { user: "anna", host: "a.test", finding: None, other_than: None, refused: None };
        let ask = || {
            start.wait();
            one.password(&asked).unwrap();
        };
        std::thread::scope(|scope| [scope.spawn(ask), scope.spawn(ask)].map(drop));
        assert!(!busy.twice.load(Ordering::SeqCst));
    }
}
