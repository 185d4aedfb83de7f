//! Bytes to the disk, as far as the file system can. Some (of FUSE, of SMB) know no such call and say so: what was
//! written is there all the same, and only a loss of power could take it.

use std::fs::File;
use std::io;
use std::sync::Once;

use super::last_resort;

/// Content and everything about the file.
pub(crate) fn all(file: &File) -> io::Result<()> {
    settled(file.sync_all(), || last_resort::plain_sync(file))
}

/// The content, and what it takes to read it.
pub(super) fn data(file: &File) -> io::Result<()> {
    settled(file.sync_data(), || last_resort::plain_sync(file))
}

/// Goes on where no call is known; any other failure counts. `plain` is a call that is known more widely.
fn settled(first: io::Result<()>, plain: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    match first {
        Err(error) if is_no_such_call(&error) => match plain() {
            Err(error) if is_no_such_call(&error) => {
                tell_once(&error);
                Ok(())
            }
            result => result,
        },
        result => result,
    }
}

fn is_no_such_call(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
        || last_resort::is_no_such_call(error)
}

fn tell_once(error: &io::Error) {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        tracing::warn!("this file system cannot be told to write to the disk at once ({error}); going on without that");
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_without_the_call_is_no_failure_and_a_broken_disk_is() {
        use io::ErrorKind::{InvalidInput, StorageFull, Unsupported};
        let fails = |kind: io::ErrorKind| Err(io::Error::from(kind));
        for kind in [Unsupported, InvalidInput] {
            assert!(settled(fails(kind), || fails(kind)).is_ok());
            assert!(settled(fails(kind), || Ok(())).is_ok());
            assert_eq!(settled(fails(kind), || fails(StorageFull)).unwrap_err().kind(), StorageFull);
        }
        assert!(settled(fails(StorageFull), || Ok(())).is_err());
        assert!(settled(Err(io::Error::other("disk error")), || Ok(())).is_err());
    }

    /// A pipe knows no such call on any Unix: the system's own answer, not one that we made up.
    #[cfg(unix)]
    #[test]
    fn what_the_system_itself_says_is_understood() {
        let (_reader, writer) = io::pipe().unwrap();
        let pipe = File::from(std::os::fd::OwnedFd::from(writer));
        assert!(pipe.sync_all().is_err() && pipe.sync_data().is_err(), "a pipe that can be synced proves nothing");
        all(&pipe).unwrap();
        data(&pipe).unwrap();
    }
}
