//! "But my mail used to work": when an account last sent, and what waits in its Outbox, from the mail that its program keeps on
//! this computer. Headers only; nothing of it is kept or shown but dates and a number.
//!
//! An adapter says where its folders are ([`KeptMail`]); [`Reader`] is the only one that opens them, within bounds; everything
//! else is pure. What is not plain to read is not known, and never guessed.

mod all_heads;
mod head;
mod mailbox;
mod marks;
pub mod outside;
mod places;
mod reader;
mod sentence;
mod sums;

pub use places::{FilledBy, Holds, KeptMail, MailFolder, Outbox, Store};
pub use reader::Reader;
pub(crate) use sentence::here;
pub use sentence::{WILL_GO_OUT, in_words, waits_in_words};
pub use sums::{PastMail, Waiting};

#[cfg(test)]
mod tests;
