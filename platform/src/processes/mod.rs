//! Which programs run and which profiles are locked: a client that is open would overwrite what we write.

use std::path::Path;

mod closing;
#[doc(hidden)]
pub mod invented;
mod live;
mod memory;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

pub use closing::Asked;
pub use live::RunningSystem;
pub use memory::{Ending, MemoryProcesses, Program};

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Process id, where the system tells it.
    pub pid: Option<u32>,
}

/// Looking at processes and locks.
pub trait Processes: Send + Sync {
    /// Process ids of programs with one of these names (compared without case and without `.exe`), of the same user.
    fn running(&self, names: &[&str]) -> Vec<u32>;
    /// Who holds the lock on this file as Mozilla programs take it: an exclusive open on Windows, an
    /// `fcntl` write lock elsewhere. A file that merely exists is not a lock.
    fn lock_holder(&self, file: &Path) -> Option<Holder>;
    /// Does something accept connections on this Unix socket?
    fn socket_answers(&self, socket: &Path) -> bool;
    /// Asks these programs of the same user to close, as the user would, and returns at once. Never ends one.
    fn ask_to_close(&self, _pids: &[u32]) -> Asked {
        Asked::NoWay
    }
}

/// The name of a program without case and without `.exe`.
fn bare(name: &str) -> String {
    let name = name.to_lowercase();
    name.strip_suffix(".exe").map(str::to_owned).unwrap_or(name)
}

/// A home folder that is not the running user's. Whose programs these are cannot be told by their names, but a lock or
/// a socket in that very folder is held by somebody on this machine: `--home` may name a user who is logged in.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocksOnly;

impl Processes for LocksOnly {
    fn running(&self, _names: &[&str]) -> Vec<u32> {
        Vec::new()
    }
    fn lock_holder(&self, file: &Path) -> Option<Holder> {
        RunningSystem.lock_holder(file)
    }
    fn socket_answers(&self, socket: &Path) -> bool {
        RunningSystem.socket_answers(socket)
    }
}

/// A machine where nothing runs: the disk of another system.
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingRuns;

impl Processes for NothingRuns {
    fn running(&self, _names: &[&str]) -> Vec<u32> {
        Vec::new()
    }
    fn lock_holder(&self, _file: &Path) -> Option<Holder> {
        None
    }
    fn socket_answers(&self, _socket: &Path) -> bool {
        false
    }
}
