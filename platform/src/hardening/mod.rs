//! What a process does for itself before it holds passwords: as far as the system lets it, no memory of it is written to the
//! disk when it crashes, and on Windows no library is taken from the folder that it was downloaded to.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

/// To be called first in a program. Where the system refuses, the program runs as it would have without.
pub fn before_anything() {
    system::before_anything();
}
