//! What of a computer could not be read: told beside everything that could.

use crate::registry::RegistryError;

/// One thing that was named or found and could not be read, or not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The file.
    pub at: String,
    /// Stable code, snake_case.
    pub code: &'static str,
    /// One plain sentence.
    pub message: String,
    /// The next step.
    pub hint: String,
}

impl Unread {
    /// A registry in a file.
    pub fn registry(at: impl Into<String>, error: &RegistryError) -> Self {
        let message = match error {
            RegistryError::NoUser { .. } | RegistryError::SeveralUsers { .. } => format!("{error}."),
            _ => format!("The registry could not be read: {error}."),
        };
        Self { at: at.into(), code: error.code(), message, hint: error.hint().to_owned() }
    }
}
