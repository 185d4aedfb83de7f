//! A console window of its own for a program that a person started by a double click and that has none. Only Windows has
//! programs without a console; elsewhere there is nothing to open.

#[cfg(not(windows))]
mod elsewhere;
#[cfg(windows)]
mod windows;
#[cfg(not(windows))]
use elsewhere as system;
#[cfg(windows)]
use windows as system;

use std::io;
use std::path::Path;

/// Does this process belong to somebody who sees windows? False for services, for what device management starts as
/// SYSTEM, and on systems without such windows.
pub fn somebody_sees_windows() -> bool {
    system::somebody_sees_windows()
}

/// Runs `program argument` in a new console window, which stays open for the person to read and to type in, and does not
/// wait for it. The window starts in the program's folder. `argument` is one plain word.
pub fn open(title: &str, program: &Path, argument: &str) -> io::Result<()> {
    system::open(title, program, argument)
}
