//! A user name and its password, and where it comes from.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Where a credential comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// `--credential-stdin`.
    Given,
    /// The OS keychain.
    Keychain,
    /// The mail client keeps it, sealed for the user.
    Borrowed,
    /// The user typed it.
    Asked,
}

/// A user name and its password. `Debug` shows no password, and memory is wiped when it is dropped.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The name to log in with.
    pub user: String,
    /// The password.
    pub password: SecretString,
    /// Where it comes from.
    pub origin: Origin,
}
