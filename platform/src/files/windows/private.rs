//! What port26 keeps for itself on Windows: below the profile folder the access list of that decides; elsewhere a folder gets
//! one of its own, and what is there already is looked at for its owner.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

use windows::Win32::Foundation::HLOCAL;
use windows::Win32::Security::Authorization::{ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1};
use windows::Win32::Security::{PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES};
use windows::Win32::Storage::FileSystem::{
    CreateDirectoryW, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_READ_ATTRIBUTES, READ_CONTROL,
};
use windows::core::{HSTRING, Owned};

use super::super::FileError;
use super::{owner, profile};

/// Opens the link itself where there is one, which is then refused.
const OPEN_REPARSE_POINT: u32 = FILE_FLAG_OPEN_REPARSE_POINT.0;

const ANOTHERS: &str = "it belongs to another user";

/// A folder below the user's profile is private by its inherited access list; elsewhere for SYSTEM, administrators and this
/// user alone, whatever the folder above allows.
pub(in super::super) fn make_private_dir(path: &Path) -> io::Result<()> {
    if profile::is_in_own_profile(path) {
        return std::fs::create_dir_all(path);
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    make_for_us_alone(path)
}

fn make_for_us_alone(path: &Path) -> io::Result<()> {
    let path = HSTRING::from(std::path::absolute(path)?.as_os_str());
    let list = HSTRING::from(format!("D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;{})", owner::me()?));
    let mut descriptor = PSECURITY_DESCRIPTOR::default();
    // SAFETY: all texts end with NUL; the descriptor outlives the call that uses it, and is freed once.
    unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(&list, SDDL_REVISION_1, &mut descriptor, None)?;
        let _descriptor = Owned::new(HLOCAL(descriptor.0));
        let attributes = SECURITY_ATTRIBUTES {
            nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or_default(),
            lpSecurityDescriptor: descriptor.0,
            bInheritHandle: false.into(),
        };
        Ok(CreateDirectoryW(&path, Some(&raw const attributes))?)
    }
}

/// May this user make a folder of their own there? With the rights of an administrator not in somebody else's profile: it
/// would be in that user's hands.
pub(in super::super) fn may_make_below(path: &Path) -> Result<(), FileError> {
    if owner::is_elevated() && profile::profile_of_another(path).is_some() {
        return Err(FileError::NotOurs { path: path.to_owned(), why: "it is in the profile folder of another user" });
    }
    Ok(())
}

/// A folder that is there: this user's, or the machine's own.
pub(in super::super) fn keep_private_dir(path: &Path, _meta: &Metadata, _narrow: bool) -> Result<(), FileError> {
    may_make_below(path)?;
    let io = |source| FileError::Io { doing: "looking at", path: path.to_owned(), source };
    let folder = OpenOptions::new()
        .access_mode(READ_CONTROL.0 | FILE_READ_ATTRIBUTES.0)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS.0 | OPEN_REPARSE_POINT)
        .open(path)
        .map_err(io)?;
    owned_by_us(&folder, path).map_err(|why| FileError::NotOurs { path: path.to_owned(), why })
}

/// In one's own profile everything is: one that moved here from another machine or domain keeps its old owner.
fn owned_by_us(file: &File, path: &Path) -> Result<(), &'static str> {
    if profile::is_in_own_profile(path) {
        return Ok(());
    }
    match owner::of(file) {
        Ok(Some(owner)) if owner::is_ours(&owner) => Ok(()),
        // No owners on this disk: whoever carries it decides.
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err(ANOTHERS),
        Err(_) => Err("Windows does not tell whose it is"),
    }
}

/// The access list decides, and is not read here.
pub(in super::super) fn others_write(_meta: &Metadata) -> bool {
    false
}

/// Is it a regular file, no link, and this user's or the machine's own?
pub(in super::super) fn is_own(file: &File, meta: &Metadata, path: &Path) -> Result<(), &'static str> {
    if !meta.is_file() || meta.file_type().is_symlink() {
        return Err("it is a link, or no regular file");
    }
    owned_by_us(file, path)
}

/// A new file; private by the access list it inherits.
pub(in super::super) fn create_private(path: &Path) -> io::Result<File> {
    // Not for appending alone: that access may not cut off a line that could not be completed.
    File::options().write(true).create_new(true).open(path)
}

pub(in super::super) fn open_private(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).custom_flags(OPEN_REPARSE_POINT).open(path)
}

pub(in super::super) fn look_private(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(OPEN_REPARSE_POINT).open(path)
}

/// For adding at the end, and not to what a link leads to.
pub(in super::super) fn append_private(path: &Path) -> io::Result<File> {
    let file = File::options().create(true).append(true).custom_flags(OPEN_REPARSE_POINT).open(path)?;
    // What has no such data is a device or a pipe, which somebody named.
    if file.metadata().is_ok_and(|meta| meta.file_type().is_symlink()) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(file)
}

pub(in super::super) fn only_root_writes(_path: &Path) -> bool {
    true
}
