//! Whether what was changed still holds: what each later look has seen of the accounts that a receipt has moved. Kept in the
//! state folder; names of accounts and codes only.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use port26_platform::files::{self, FileError};
use serde::{Deserialize, Serialize};

use crate::account::SubmissionServer;
use crate::codes::code_of;
use crate::diagnosis::VerdictCode;
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
    /// Of an account that was moved to `to`, by what a look has made of it. `None`: the look says nothing of the move, since
    /// the account was not tested, or what was in the way is this computer's, this network's or this moment's.
    pub fn of(report: &AccountReport, to: &SubmissionServer) -> Option<Self> {
        let now = &report.account.outgoing;
        if (now.port, now.tls, now.auth) != (to.port, to.tls, to.auth) || !now.host.eq_ignore_ascii_case(&to.host) {
            return Some(Self::SetOtherwise { host: now.host.clone(), port: now.port });
        }
        if report.result == Some(Outcome::AlreadyWorks) {
            return Some(Self::Yes);
        }
        let reason = report.reason.as_ref()?;
        let verdict = report.verdict.as_ref()?;
        let not_taken = || Self::NotTaken { code: reason.code.clone(), why: reason.message.clone() };
        (!passes(verdict.code) && reason.code != LOGINS_STOPPED).then(not_taken)
    }
}

impl Holds {
    /// The port takes the account's connection, and not its login or its sender.
    pub fn is_about_the_login(&self) -> bool {
        let codes = [
            VerdictCode::BadCredentials,
            VerdictCode::CramMd5Refused,
            VerdictCode::AppPasswordNeeded,
            VerdictCode::AccountHeld,
            VerdictCode::AuthMethod,
            VerdictCode::PasswordLoginEnded,
            VerdictCode::FromNotAllowed,
        ];
        matches!(self, Self::NotTaken { code, .. } if codes.iter().any(|known| code_of(known) == *code))
    }
}

/// A run that logs in no more at a host, for the sake of others: this account was not looked at to the end.
const LOGINS_STOPPED: &str = "logins_stopped";

/// It says nothing of the port that an account was moved to: it will be over, or is elsewhere.
fn passes(code: VerdictCode) -> bool {
    matches!(
        code,
        VerdictCode::Offline
            | VerdictCode::CaptivePortal
            | VerdictCode::DnsFault
            | VerdictCode::VpnBlock
            | VerdictCode::NetworkBlocksMail
            | VerdictCode::LocalFirewall
            | VerdictCode::ClockWrong
            | VerdictCode::TemporaryFailure
            | VerdictCode::SlowServer
            | VerdictCode::Uncertain
    )
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

/// Keeps these in the place of those from before.
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
    use crate::account::{Account, AuthSetting, TlsMode};
    use crate::diagnosis::Verdict;
    use crate::diagnosis::tests::account;
    use crate::plan::Reason;

    #[test]
    fn settings_first_and_then_what_the_port_makes_of_them() {
        let moved = account(26, TlsMode::Starttls, AuthSetting::Password);
        let to = moved.outgoing.clone();
        let seen = |account: Account, result, code: VerdictCode, reason: &str| {
            let mut report = AccountReport::found(account).with_result(result, Reason::new(reason, "Why.", "Ask."));
            report.verdict = Some(Verdict { code, summary: "Why.".into(), evidence: Vec::new() });
            Holds::of(&report, &to)
        };
        let works = seen(moved.clone(), Outcome::AlreadyWorks, VerdictCode::Ok, "ok");
        assert_eq!(works, Some(Holds::Yes));
        let gone = |code, reason| seen(moved.clone(), Outcome::Refused, code, reason);
        let closed = gone(VerdictCode::ServerPortClosed, "server_port_closed");
        assert!(matches!(closed, Some(Holds::NotTaken { code, .. }) if code == "server_port_closed"));
        let too_old = gone(VerdictCode::Ok, "client_too_old");
        assert!(matches!(too_old, Some(Holds::NotTaken { code, .. }) if code == "client_too_old"));
        // Who is offline has learnt nothing of the port.
        for code in
            [VerdictCode::Offline, VerdictCode::CaptivePortal, VerdictCode::TemporaryFailure, VerdictCode::Uncertain]
        {
            assert_eq!(gone(code, "some_reason"), None, "{code:?}");
        }
        assert_eq!(gone(VerdictCode::Ok, LOGINS_STOPPED), None);
        let untested =
            AccountReport::found(moved.clone()).with_result(Outcome::Refused, Reason::new("policy_off", "", ""));
        assert_eq!(Holds::of(&untested, &to), None);
        // Whatever the port it was set back to does.
        let back = account(25, TlsMode::None, AuthSetting::None);
        let back = seen(back, Outcome::AlreadyWorks, VerdictCode::Ok, "ok");
        assert!(matches!(back, Some(Holds::SetOtherwise { port: 25, .. })));
    }

    #[test]
    fn what_is_about_the_login() {
        let not_taken = |code: VerdictCode| Holds::NotTaken { code: code_of(&code), why: String::new() };
        for code in [VerdictCode::BadCredentials, VerdictCode::AppPasswordNeeded, VerdictCode::AccountHeld] {
            assert!(not_taken(code).is_about_the_login(), "{code:?}");
        }
        assert!(!not_taken(VerdictCode::PortBlockedNetwork).is_about_the_login());
        assert!(!Holds::Yes.is_about_the_login());
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
