//! What sets the programs of the family apart.

use std::path::{Path, PathBuf};

use port26_platform::computer::Computer;

use crate::account::ClientId;
use crate::clients::Problem;

/// A program of the family.
pub struct Family {
    pub(super) id: ClientId,
    /// For people.
    pub(super) name: &'static str,
    /// First part of its accounts' ids.
    pub(super) prefix: &'static str,
    /// Folders that may hold its `profiles.ini`.
    pub(super) roots: fn(&Computer) -> Vec<PathBuf>,
    /// It goes on from a version before 91: an unwritten port means 25, an unlisted outgoing server is used.
    pub(super) old_rules: bool,
    /// It reads Thunderbird's policies.
    pub(super) policies: bool,
    pub(super) processes: &'static [&'static str],
}

impl Family {
    /// What could not be read of a profile of this program.
    pub(super) fn problem(&self, at: &Path, code: &str, what: &str, why: &str) -> Problem {
        Problem {
            client: Some(self.id),
            at: at.display().to_string(),
            code: code.to_owned(),
            message: format!("{what} of a {} profile could not be read: {why}.", self.name),
            hint: format!("Start {}, see that your accounts are there, close it and run port26 again.", self.name),
        }
    }
}
