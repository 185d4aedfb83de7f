//! The marks that Claws Mail and Sylpheed keep beside the messages of a folder (`.claws_mark`, `.sylpheed_mark`): a number that
//! names the form, then a number and its flags for each message, all in the processor's order of bytes (`procmsg.c`, `folder.c`).

use std::collections::HashSet;

/// The form that both write.
const FORM: u32 = 2;

/// To be removed at the next opportunity: such a message is not sent either (`procmsg_send_queue`).
const DELETED: u32 = 1 << 3;

/// The messages that are marked as removed. Marks of another form say nothing.
pub(super) fn removed(bytes: &[u8]) -> HashSet<u64> {
    let mut numbers = bytes.chunks_exact(4).filter_map(|four| four.try_into().ok().map(u32::from_le_bytes));
    if numbers.next() != Some(FORM) {
        return HashSet::new();
    }
    let mut removed = HashSet::new();
    while let (Some(number), Some(flags)) = (numbers.next(), numbers.next()) {
        if flags & DELETED != 0 {
            removed.insert(u64::from(number));
        }
    }
    removed
}
