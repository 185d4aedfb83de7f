//! Locks on Windows, where Mozilla programs hold `parent.lock` open for themselves alone. There are no sockets in
//! files that a mail client would listen on.

use std::fs::OpenOptions;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

use super::Holder;

const ERROR_SHARING_VIOLATION: i32 = 32;
const FILE_SHARE_ALL: u32 = 0x7;
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;

/// Tries to read the file while allowing everybody everything: only an owner that allows nothing stands in the way.
pub(super) fn lock_holder(file: &Path) -> Option<Holder> {
    let opened =
        OpenOptions::new().read(true).share_mode(FILE_SHARE_ALL).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(file);
    match opened {
        Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Some(Holder { pid: None }),
        _ => None,
    }
}

/// No mail client of Windows listens on a socket in a file.
pub(super) fn socket_answers(_socket: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_open_for_one_alone_is_a_lock_and_a_file_left_behind_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("parent.lock");
        assert_eq!(lock_holder(&file), None, "no file");
        let owner =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).share_mode(0).open(&file).unwrap();
        assert_eq!(lock_holder(&file), Some(Holder { pid: None }));
        drop(owner);
        assert_eq!(lock_holder(&file), None, "a file that was left behind");
    }
}
