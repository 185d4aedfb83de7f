//! What is found of a mail client: the installation with its profiles, its accounts, and what could not be read.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::installed::Program;
use crate::account::{Account, ClientId};

/// A client found on the machine: what `accounts` reads from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// Which client.
    pub client: ClientId,
    /// Version, where the machine tells it.
    pub version: Option<String>,
    /// Profile folders or registry keys, in the client's order.
    pub profiles: Vec<ProfileAt>,
    /// For clients that are explained, not written: how to do it by hand, in steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_hand: Vec<String>,
    /// The programs that are installed of it, where the machine registers them (Windows). Profiles may be left of a
    /// program that is gone, and a program may have none yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<Program>,
}

impl Installation {
    /// Of this client, with nothing known about it.
    pub fn of(client: ClientId) -> Self {
        Self { client, version: None, profiles: Vec::new(), by_hand: Vec::new(), programs: Vec::new() }
    }

    /// Only this profile of it; all of them where none has that name.
    pub fn only(mut self, profile: &str) -> Self {
        if self.profiles.iter().any(|at| at.name == profile) {
            self.profiles.retain(|at| at.name == profile);
        }
        self
    }
}

/// Where one profile is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct ProfileAt {
    /// Name as the client shows it, or the folder's name.
    pub name: String,
    /// A folder or file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// A registry key below `HKEY_CURRENT_USER`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Something that could not be read. It never hides the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Which client; `None` where what could not be read is no client's own (an exported registry, the home folder).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// Which profile or file.
    pub at: String,
    /// Stable code, snake_case.
    pub code: String,
    /// One plain sentence.
    pub message: String,
    /// The next step.
    pub hint: String,
}

impl Problem {
    /// Is it something that was read well and that only the person can put right, in the program or at the computer? Then
    /// the run did not fail.
    pub fn is_for_the_user(&self) -> bool {
        let settings = ["no_outgoing_server", "port_out_of_range", "profile_not_reachable", "file_permission"];
        let of_an_interrupted_run = ["unfinished", "conflict", "file_missing"];
        settings.iter().chain(&of_an_interrupted_run).any(|code| *code == self.code)
    }

    /// It is about a receipt of an earlier run, which a run that only looks has no use for.
    pub fn is_of_a_receipt(&self) -> bool {
        self.code.starts_with("receipt_")
    }
}

/// What one client holds: the accounts that could be read and the problems with the rest.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// One entry for each outgoing server.
    pub accounts: Vec<Account>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}
