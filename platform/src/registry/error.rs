//! What can go wrong with a registry, in words that say what to do about it.

use super::hive::HiveError;

/// What went wrong with the registry, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The file could not be read or written.
    #[error("registry file {path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The `.reg` file is not what regedit exports.
    #[error("registry file {path}, line {line}: {why}")]
    Malformed {
        /// The file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong there.
        why: String,
    },
    /// Nothing in the `.reg` file is below a root that holds a user.
    #[error("There is no user's registry in {path}: {}", whose(roots))]
    NoUser {
        /// The file.
        path: String,
        /// Below what its keys stand.
        roots: Vec<String>,
    },
    /// The `.reg` file has the hives of several users.
    #[error("{path} holds the registry of several users: {}", listed(roots))]
    SeveralUsers {
        /// The file.
        path: String,
        /// Below what each stands.
        roots: Vec<String>,
    },
    /// The hive cannot be read.
    #[error("registry file {path}: {source}")]
    Hive {
        /// The file.
        path: String,
        /// Why.
        source: HiveError,
    },
    /// The registry refused.
    #[error("registry key {key}: {why}")]
    Refused {
        /// The key.
        key: String,
        /// What the system said.
        why: String,
    },
}

impl RegistryError {
    /// Stable name of the error, snake_case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoUser { .. } => "registry_no_user",
            Self::SeveralUsers { .. } => "registry_several_users",
            Self::Hive { .. } => "registry_hive",
            Self::Io { .. } | Self::Malformed { .. } => "registry_unreadable",
            Self::Refused { .. } => "registry_refused",
        }
    }

    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoUser { .. } => {
                "Give that user's NTUSER.DAT with --registry, or an export of HKEY_CURRENT_USER (docs/technicians.md)."
            }
            Self::SeveralUsers { .. } => {
                "Export one user's key alone, e.g. reg export HKU\\<that number> user.reg, and give that file."
            }
            Self::Hive { .. } => {
                "Take the hive from a copy of the disk or from an older backup; port26 changed nothing in it."
            }
            Self::Malformed { .. } => {
                "Export the registry again and give the new file; nothing was read from this one."
            }
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                "Run port26 as somebody who may read this file."
            }
            Self::Io { .. } => "Check that the file is there and can be read.",
            Self::Refused { .. } => "Run port26 as the user whose mail it is.",
        }
    }
}

fn whose(roots: &[String]) -> String {
    match roots {
        [] => "there is no key in it".to_owned(),
        roots => format!("its keys are below {}", listed(roots)),
    }
}

/// The first few.
fn listed(roots: &[String]) -> String {
    let shown = roots.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
    match roots.len().checked_sub(3) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}
