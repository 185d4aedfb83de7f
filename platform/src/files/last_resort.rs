//! The call that is left where a file system does not know the usual one, and how it says so.

use std::fs::File;
use std::io;

/// The call that `sync_all` goes beyond on macOS: some network file systems know only this one.
#[cfg(unix)]
pub(super) fn plain_sync(file: &File) -> io::Result<()> {
    rustix::fs::fsync(file).map_err(io::Error::from)
}

/// Errors that the kinds of the standard library do not tell.
#[cfg(unix)]
pub(super) fn is_no_such_call(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let number = error.raw_os_error().map(Errno::from_raw_os_error);
    // The last two are one on Linux and two on macOS.
    number.is_some_and(|number| [Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP].contains(&number))
}

/// There is no other call.
#[cfg(windows)]
pub(super) fn plain_sync(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Invalid function, not supported: what redirectors say that cannot flush.
#[cfg(windows)]
pub(super) fn is_no_such_call(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(1 | 50))
}
