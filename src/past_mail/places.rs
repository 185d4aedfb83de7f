//! Where a program keeps what an account has sent and what waits to go out, as its adapter knows it. Plain data.

use std::path::PathBuf;

/// How a folder keeps its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Store {
    /// All in one file, one after the other.
    Mbox,
    /// A file each, called by a number that grows (MH), with marks beside them where the program keeps such.
    Numbered {
        /// The file of the marks.
        marks: &'static str,
    },
    /// A file each, of any name.
    Files,
}

/// Whose messages are in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holds {
    /// Those of one account.
    OneAccount,
    /// Those of several: only what names the account as its sender is counted.
    Several,
}

/// Who fills a folder of sent mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FilledBy {
    /// This program alone.
    ThisProgram,
    /// Every program that uses the mailbox: what is seen is a copy of the host's folder.
    Everybody,
}

/// One folder of mail.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MailFolder {
    /// The file, or the folder of files.
    pub path: PathBuf,
    /// How it is kept.
    pub store: Store,
    /// Whose messages are in it.
    pub holds: Holds,
    /// Who puts them there.
    pub filled_by: FilledBy,
}

/// Where messages wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbox {
    /// The folder. One that is not there holds none.
    pub folder: MailFolder,
    /// What its program calls it, for people.
    pub called: &'static str,
}

/// Where the mail of one account is. The default is: not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptMail {
    /// Where it puts what it has sent.
    pub sent: Vec<MailFolder>,
    /// Where messages wait.
    pub outbox: Option<Outbox>,
    /// What the program calls the account, or its identities, in the headers of a message that waits.
    pub sender_keys: Vec<String>,
}
