//! What became of an account, and why: the two words that every report has of it.

use serde::{Deserialize, Serialize};

/// What became of an account. The names are part of the JSON contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Outcome {
    AlreadyWorks,
    Fixed,
    WouldFix,
    NotOurs,
    Deferred,
    NeedsUser,
    Refused,
    NoRoute,
    Reverted,
    /// Only told (`undo --dry-run`): the settings would be put back.
    WouldRevert,
    Conflict,
    Failed,
}

/// Why, in words and as a stable code, with the next step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable code, snake_case.
    pub code: String,
    /// One plain sentence.
    pub message: String,
    /// The next step.
    pub hint: String,
}

impl Reason {
    /// A reason from its three parts.
    pub fn new(code: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), hint: hint.into() }
    }
}
