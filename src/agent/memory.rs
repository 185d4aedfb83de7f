//! What the agent leaves in the state folder: a lock that lets one in, what it saw last, and the request to end. Counts
//! and codes only: neither addresses nor servers.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use port26_platform::files::{self, FileError};
use serde::{Deserialize, Serialize};

use super::Why;
use crate::codes::code_of;
use crate::policy::{Mode, Schedule};
use crate::report::Report;

/// What is kept of the last look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastLook {
    /// When it began.
    pub begun: Timestamp,
    /// When it was over.
    pub ended: Timestamp,
    /// Why it was taken.
    pub why: Why,
    /// What the policy allowed; with `off` nothing was looked at.
    pub mode: Mode,
    /// The exit code that `fix` would have had.
    pub exit_code: u8,
    /// How many accounts had which result.
    pub results: BTreeMap<String, u32>,
    /// For what reasons, by code.
    pub reasons: BTreeMap<String, u32>,
    /// How many things could not be read.
    pub problems: u32,
    /// The programs that must be closed first.
    pub waiting_for: Vec<String>,
    /// Why it came to nothing.
    pub error: Option<String>,
}

impl LastLook {
    /// A look that began now and saw nothing yet.
    pub fn begin(why: Why, mode: Mode, now: Timestamp) -> Self {
        Self {
            begun: now,
            ended: now,
            why,
            mode,
            exit_code: 0,
            results: BTreeMap::new(),
            reasons: BTreeMap::new(),
            problems: 0,
            waiting_for: Vec::new(),
            error: None,
        }
    }

    /// Counts what a report says.
    pub fn count(&mut self, report: &Report) {
        for account in &report.accounts {
            if let Some(result) = account.result {
                *self.results.entry(code_of(&result)).or_default() += 1;
            }
            if let Some(reason) = &account.reason {
                *self.reasons.entry(reason.code.clone()).or_default() += 1;
            }
        }
        self.problems = u32::try_from(report.problems.len()).unwrap_or(u32::MAX);
    }
}

/// What the agent of this user says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRecord {
    /// Its process, while it runs.
    pub pid: u32,
    /// When it was started.
    pub started: Timestamp,
    /// The schedule that it keeps.
    pub schedule: Schedule,
    /// What it saw last.
    pub last_look: Option<LastLook>,
}

/// What went wrong with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// Reading or writing it.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not ours.
    #[error("{path} is not what the agent of port26 leaves there: {source}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
}

impl AgentRecord {
    /// What the last agent left here, if there was one.
    pub fn load(state: &Path) -> Result<Option<Self>, MemoryError> {
        let path = state.join("agent.json");
        let Some(bytes) = files::read_private(&path)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|source| MemoryError::Malformed { path, source })
    }

    /// Leaves it there.
    pub fn save(&self, state: &Path) -> Result<(), MemoryError> {
        let path = state.join("agent.json");
        let bytes =
            serde_json::to_vec_pretty(self).map_err(|source| MemoryError::Malformed { path: path.clone(), source })?;
        Ok(files::replace_private(&path, &bytes)?)
    }
}

/// Held by the one agent of a state folder. The system gives it up when its holder ends, however it ends.
#[derive(Debug)]
pub struct AgentLock {
    _file: File,
}

impl AgentLock {
    /// The lock; `None` if another agent holds it. Waits for somebody who only asks whether an agent runs.
    pub fn take(state: &Path, patience: Duration) -> Result<Option<Self>, MemoryError> {
        files::private_dir(state)?;
        let path = state.join("agent.lock");
        let file = files::open_private(&path)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if began.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(source)) => return Err(io("locking", &path)(source).into()),
            }
        }
        // A request to an earlier agent is not one to this.
        match std::fs::remove_file(state.join("agent.stop")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(io("removing", &state.join("agent.stop"))(error).into())
            }
            _ => Ok(Some(Self { _file: file })),
        }
    }
}

/// Does an agent with this state folder run?
pub fn is_running(state: &Path) -> Result<bool, MemoryError> {
    let path = state.join("agent.lock");
    let file = match File::options().read(true).write(true).open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        file => file.map_err(io("opening", &path))?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(io("locking", &path)(source).into()),
    }
}

/// Asks the agent that runs to end; it does at its next glance.
pub fn ask_to_stop(state: &Path) -> Result<(), MemoryError> {
    Ok(files::replace_private(&state.join("agent.stop"), b"")?)
}

/// Was the running agent asked to end?
pub fn stop_is_asked(state: &Path) -> bool {
    state.join("agent.stop").exists()
}

fn io(doing: &'static str, path: &Path) -> impl Fn(std::io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError::Io { doing, path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_agent_a_state_folder() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        assert!(!is_running(&state).unwrap() && !state.exists(), "asking makes nothing");
        let held = AgentLock::take(&state, Duration::ZERO).unwrap();
        assert!(held.is_some() && is_running(&state).unwrap());
        assert!(AgentLock::take(&state, Duration::ZERO).unwrap().is_none());
        drop(held);
        assert!(!is_running(&state).unwrap());
        assert!(AgentLock::take(&state, Duration::ZERO).unwrap().is_some());
    }

    #[test]
    fn a_request_to_end_is_for_the_agent_that_runs() {
        let dir = tempfile::tempdir().unwrap();
        ask_to_stop(dir.path()).unwrap();
        let _held = AgentLock::take(dir.path(), Duration::ZERO).unwrap().unwrap();
        assert!(!stop_is_asked(dir.path()));
        ask_to_stop(dir.path()).unwrap();
        assert!(stop_is_asked(dir.path()));
    }

    #[test]
    fn survives_the_disk_and_reports_garbage() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(AgentRecord::load(dir.path()).unwrap(), None);
        let now: Timestamp = "2026-11-26T08:00:00Z".parse().unwrap();
        let mut look = LastLook::begin(Why::NetworkChanged, Mode::Fix, now);
        look.results.insert("fixed".to_owned(), 2);
        let memory = AgentRecord { pid: 7, started: now, schedule: Schedule::Hourly, last_look: Some(look) };
        memory.save(dir.path()).unwrap();
        assert_eq!(AgentRecord::load(dir.path()).unwrap(), Some(memory));
        std::fs::write(dir.path().join("agent.json"), "{").unwrap();
        assert!(AgentRecord::load(dir.path()).unwrap_err().to_string().contains("agent.json"));
    }
}
