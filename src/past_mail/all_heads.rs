//! What was seen of a folder: the head of each message, and whether that is the whole folder.

use super::head::Head;

/// Messages of a folder that are looked at.
pub(super) const MOST: usize = 10_000;

/// The heads of a folder's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AllHeads {
    pub list: Vec<Head>,
    /// There is no message besides these.
    pub whole: bool,
}

impl Default for AllHeads {
    fn default() -> Self {
        Self { list: Vec::new(), whole: true }
    }
}

impl AllHeads {
    /// One more message. Of too many the first go: what is looked for in a long folder is its newest.
    pub fn add(&mut self, head: Option<Head>) {
        let Some(head) = head else { return };
        if self.list.len() >= MOST {
            self.whole = false;
            self.list.drain(..MOST / 2);
        }
        self.list.push(head);
    }
}
