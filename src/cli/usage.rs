//! An error of the command line itself.

/// An error of the command line itself (a flag's value, an account that does not exist): exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    /// What is wrong and with which argument.
    pub message: String,
    /// The next step.
    pub hint: String,
}

impl UsageError {
    /// A usage error with its hint.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}
