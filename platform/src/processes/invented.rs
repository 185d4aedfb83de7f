//! A program that behaves like a mail client that is open: it holds a lock, shows a window, and closes when it is asked
//! or will not. For tests, which run themselves under the client's name.

use std::fs::File;
use std::io;
use std::path::Path;

#[cfg(windows)]
mod window;

/// How the program takes the wish that it close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// It closes.
    Closes,
    /// It stays.
    Refuses,
}

/// What is open, until it is dropped.
#[derive(Debug)]
pub struct Open {
    _lock: Option<File>,
    #[cfg(windows)]
    window: Option<window::Window>,
}

/// Opens the program: takes the lock on this file as Mozilla programs do, and shows a window where the system has them.
pub fn open(lock: Option<&Path>, window: Option<Manners>) -> io::Result<Open> {
    let lock = lock.map(take).transpose()?;
    #[cfg(windows)]
    return Ok(Open { _lock: lock, window: window.map(window::Window::show).transpose()? });
    #[cfg(not(windows))]
    {
        let _ = window;
        Ok(Open { _lock: lock })
    }
}

impl Open {
    /// Waits until its window is closed, or without one until standard input ends.
    pub fn until_closed(&mut self) {
        #[cfg(windows)]
        if let Some(window) = &mut self.window {
            return window.until_closed();
        }
        let _ = io::stdin().read_line(&mut String::new());
    }
}

#[cfg(unix)]
fn take(file: &Path) -> io::Result<File> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(file)?;
    rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

#[cfg(windows)]
fn take(file: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    File::options().read(true).write(true).create(true).truncate(false).share_mode(0).open(file)
}
