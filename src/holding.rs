//! Whether what was changed still holds: what each later look has seen of the accounts that a receipt has moved. Kept in the
//! state folder; names of accounts and codes only.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use port26_platform::files::{self, FileError};
use serde::{Deserialize, Serialize};

use crate::account::SubmissionServer;
use crate::plan::Outcome;
use crate::report::AccountReport;

const SCHEMA: &str = "port26-holding/1";
const FILE: &str = "holding.json";

/// What went wrong with the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HoldingError {
    /// Reading or writing it.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not ours, or of another version.
    #[error("{path} does not say what later looks have seen: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// How a moved account stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Holds {
    /// Its program has kept the settings, and the port still takes the account.
    Yes,
    /// Its program, or somebody, has set it to something else since.
    SetOtherwise {
        /// The host that it is set to.
        host: String,
        /// And the port.
        port: u16,
    },
    /// The settings are as they were written, and the port no longer takes the account.
    NotTaken {
        /// The code of the reason, or of the verdict.
        code: String,
        /// In one sentence.
        why: String,
    },
}

impl Holds {
    /// Of an account that was moved to `to`, by what a look has made of it.
    pub fn of(report: &AccountReport, to: &SubmissionServer) -> Self {
        let now = &report.account.outgoing;
        if (now.port, now.tls, now.auth) != (to.port, to.tls, to.auth) || !now.host.eq_ignore_ascii_case(&to.host) {
            return Self::SetOtherwise { host: now.host.clone(), port: now.port };
        }
        match (&report.result, &report.reason) {
            (Some(Outcome::AlreadyWorks), _) | (_, None) => Self::Yes,
            (_, Some(reason)) => Self::NotTaken { code: reason.code.clone(), why: reason.message.clone() },
        }
    }
}

/// What a look has seen of one moved account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// The account.
    pub account: String,
    /// The receipt by which it was moved.
    pub receipt: String,
    /// When it was looked at last.
    pub time: Timestamp,
    /// How it stands.
    #[serde(flatten)]
    pub holds: Holds,
}

#[derive(Serialize, Deserialize)]
struct HoldingFile {
    schema: String,
    looks: Vec<Look>,
}

/// The last look at each moved account. A missing file has none.
pub fn load(state: &Path) -> Result<Vec<Look>, HoldingError> {
    let path = state.join(FILE);
    let Some(bytes) = files::read_private(&path)? else { return Ok(Vec::new()) };
    let malformed = |why: String| HoldingError::Malformed { path: path.clone(), why };
    let read: HoldingFile = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
    if read.schema != SCHEMA {
        return Err(malformed(format!("its schema is {}, not {SCHEMA}", read.schema)));
    }
    Ok(read.looks)
}

/// Keeps these; the file goes where there is nothing to keep.
pub fn save(state: &Path, looks: Vec<Look>) -> Result<(), HoldingError> {
    let path = state.join(FILE);
    let kept = HoldingFile { schema: SCHEMA.to_owned(), looks };
    let malformed = |error: serde_json::Error| HoldingError::Malformed { path: path.clone(), why: error.to_string() };
    let bytes = serde_json::to_vec_pretty(&kept).map_err(malformed)?;
    files::private_dir(state)?;
    Ok(files::replace_private(&path, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AuthSetting, TlsMode};
    use crate::diagnosis::tests::account;
    use crate::plan::Reason;

    #[test]
    fn settings_first_and_then_what_the_port_makes_of_them() {
        let moved = account(26, TlsMode::Starttls, AuthSetting::Password);
        let to = moved.outgoing.clone();
        let reason = || Reason::new("server_unreachable", "Nothing answers.", "Ask.");
        let works = AccountReport::found(moved.clone()).with_result(Outcome::AlreadyWorks, Reason::new("ok", "", ""));
        assert_eq!(Holds::of(&works, &to), Holds::Yes);
        let gone = AccountReport::found(moved).with_result(Outcome::Refused, reason());
        assert!(matches!(Holds::of(&gone, &to), Holds::NotTaken { code, .. } if code == "server_unreachable"));
        // Whatever the port it was set back to does.
        let back = account(25, TlsMode::None, AuthSetting::None);
        let back = AccountReport::found(back).with_result(Outcome::AlreadyWorks, reason());
        assert!(matches!(Holds::of(&back, &to), Holds::SetOtherwise { port: 25, .. }));
    }

    #[test]
    fn it_is_read_as_it_was_kept() {
        let state = tempfile::tempdir().unwrap();
        let state = state.path().join("port26");
        assert_eq!(load(&state).unwrap(), []);
        let look = |holds| Look {
            account: "thunderbird/p/smtp1".into(),
            receipt: "20261128T010000Z".into(),
            time: "2026-11-28T01:00:00Z".parse().unwrap(),
            holds,
        };
        let looks = vec![look(Holds::Yes), look(Holds::SetOtherwise { host: "mail.hosting.test".into(), port: 25 })];
        save(&state, looks.clone()).unwrap();
        assert_eq!(load(&state).unwrap(), looks);
        std::fs::write(state.join(FILE), "{}").unwrap();
        assert!(matches!(load(&state), Err(HoldingError::Malformed { .. })));
    }
}
