//! What the heads of a folder say of one account: when it last sent, how many messages wait and since when.

use jiff::Timestamp;
use serde::Serialize;

use super::all_heads::AllHeads;
use super::head::Head;
use super::places::{FilledBy, Holds};

/// Messages that wait to go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// What the program calls the folder.
    #[serde(skip)]
    pub folder: &'static str,
    /// How many.
    pub count: usize,
    /// There is no other one; false: there are at least so many.
    pub complete: bool,
    /// When the oldest of them was written; `None` if none of them says so, or not all were seen.
    pub oldest: Option<Timestamp>,
}

/// What is known of an account's mail on this computer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PastMail {
    /// When it last sent, and who may have; `None`: not known.
    pub last_sent: Option<(Timestamp, FilledBy)>,
    /// What waits; `None`: not known.
    pub waiting: Option<Waiting>,
}

/// By what a message is known to be of an account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    pub emails: &'a [String],
    pub keys: &'a [String],
}

impl Whose<'_> {
    /// The program goes by its own note first.
    fn sends(&self, head: &Head) -> bool {
        match &head.sender_key {
            Some(key) => self.keys.contains(key),
            None => head.from.iter().any(|from| self.emails.iter().any(|email| email.to_lowercase() == *from)),
        }
    }
}

/// When the newest of these was written. What says that it was written after `now` says nothing.
pub(super) fn last_sent(heads: &AllHeads, holds: Holds, whose: Whose<'_>, now: Timestamp) -> Option<Timestamp> {
    let of_the_account = |head: &&Head| match holds {
        Holds::OneAccount => true,
        Holds::Several => whose.sends(head),
    };
    let there = heads.list.iter().filter(|head| !head.removed);
    there.filter(of_the_account).filter_map(|head| head.date).filter(|date| *date <= now).max()
}

/// Those of the account that wait.
pub(super) fn waiting(folder: &'static str, heads: &AllHeads, whose: Whose<'_>, now: Timestamp) -> Waiting {
    let mine: Vec<&Head> = heads.list.iter().filter(|head| !head.removed && whose.sends(head)).collect();
    Waiting {
        folder,
        count: mine.len(),
        complete: heads.whole,
        oldest: heads
            .whole
            .then_some(&mine)
            .into_iter()
            .flatten()
            .filter_map(|head| head.date)
            .filter(|date| *date <= now)
            .min(),
    }
}
