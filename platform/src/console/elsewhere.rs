//! Systems on which a program started by a click has no console to open, or has one already.

use std::io;
use std::path::Path;

pub(super) fn somebody_sees_windows() -> bool {
    false
}

pub(super) fn open(_title: &str, _program: &Path, _argument: &str) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system opens no console windows"))
}
