//! Asking somebody for a password, or knowing that nobody is there to be asked.

use std::io;

use secrecy::SecretString;

/// A login whose password is asked for, and why it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordFor<'a> {
    /// The name to log in with.
    pub user: &'a str,
    /// The server.
    pub host: &'a str,
    /// What was found, to be said first. It is said once a run, however many accounts it is about.
    pub finding: Option<&'a str>,
    /// The server belongs to another company than this incoming one, and needs a password of its own.
    pub other_than: Option<&'a str>,
    /// What the server said to the password that was typed before: the next one is the last.
    pub refused: Option<&'a str>,
}

/// Somebody who may know a password.
pub trait Ask: Send + Sync {
    /// The password, or `None` if there is nobody or nothing was typed.
    fn password(&self, asked: &PasswordFor<'_>) -> io::Result<Option<SecretString>>;
}

/// Nobody: a script, `--silent`, the agent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Ask for Nobody {
    fn password(&self, _asked: &PasswordFor<'_>) -> io::Result<Option<SecretString>> {
        Ok(None)
    }
}
