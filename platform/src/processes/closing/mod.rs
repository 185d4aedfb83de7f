//! Asking a program to close, as its user would: it may ask the user something first, or refuse. Nothing is ever ended.

#[cfg(not(any(windows, target_os = "macos")))]
mod elsewhere;
#[cfg(any(target_os = "macos", test))]
mod macos;
#[cfg(windows)]
mod windows;

#[cfg(not(any(windows, target_os = "macos")))]
use elsewhere as system;
#[cfg(target_os = "macos")]
use macos as system;
#[cfg(windows)]
use windows as system;

/// What became of the wish that programs close. Whether they do is theirs and their user's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// They were told.
    Told,
    /// They have no window that could be told, or a question stands open in front of it.
    NoWindow,
    /// This system has no polite way, or the programs are another user's.
    NoWay,
}

pub(super) fn ask_to_close(pids: &[u32]) -> Asked {
    if pids.is_empty() { Asked::NoWay } else { system::ask_to_close(pids) }
}
