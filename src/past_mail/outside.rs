//! The readers of this room as functions of bytes, for the fuzz targets.

use super::head::Head;
use super::{mailbox, marks};

/// How many messages are seen in a mailbox of these bytes.
pub fn messages_in(mailbox: &[u8]) -> usize {
    mailbox::heads(mailbox).map_or(0, |heads| heads.list.len())
}

/// The bytes as the one message of a file, and as the marks beside such files: how many addresses and marks are seen.
pub fn beside_each_other(bytes: &[u8]) -> (usize, usize) {
    (Head::of_two_blocks(bytes).map_or(0, |head| head.from.len()), marks::removed(bytes).len())
}
