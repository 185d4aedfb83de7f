//! Windows: `ReplaceFileW`, which keeps attributes, access list and streams of the file it replaces.
//! It moves the old file aside before the new one takes its name, so a kill between the two leaves a gap;
//! `clean_up` closes it from the file set aside.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::windows::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use windows::Win32::Storage::FileSystem::{REPLACE_FILE_FLAGS, ReplaceFileW};
use windows::core::PCWSTR;

use super::{FileError, Files};
use crate::host::known_folders::{self, Known};

/// A file, its links resolved.
pub(super) struct Spot {
    real: PathBuf,
    path: PathBuf,
}

/// Finds the real file behind a path. `None` if there is no such file.
pub(super) fn locate(files: &Files, path: &Path) -> Result<Option<Spot>, FileError> {
    if is_foreign(files) && !files.named.iter().any(|named| named == path) {
        refuse_links(files, path)?;
    }
    match std::fs::canonicalize(path) {
        Ok(real) => Ok(Some(Spot { real, path: path.to_owned() })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => match without_links(path) {
            Some(real) => Ok(Some(Spot { real, path: path.to_owned() })),
            None => Err(FileError::Io { doing: "reading", path: path.to_owned(), source }),
        },
    }
}

/// Where the system cannot tell the final path (RAM disks, some shares, Wine beyond 260 characters), a path without
/// links is its own.
fn without_links(path: &Path) -> Option<PathBuf> {
    let whole = std::path::absolute(path).ok()?;
    let plain = |at: &Path| std::fs::symlink_metadata(at).is_ok_and(|meta| !meta.file_type().is_symlink());
    whole.ancestors().filter(|at| at.file_name().is_some()).all(plain).then_some(whole)
}

/// A home folder that is not the running user's.
fn is_foreign(files: &Files) -> bool {
    let own = known_folders::path(Known::Profile).and_then(|own| std::fs::canonicalize(own).ok());
    let home = std::fs::canonicalize(&files.home).ok();
    own.is_none() || own != home
}

fn refuse_links(files: &Files, path: &Path) -> Result<(), FileError> {
    for at in path.ancestors().take_while(|&at| at != files.home) {
        // Junctions count as links here too.
        if std::fs::symlink_metadata(at).is_ok_and(|meta| meta.file_type().is_symlink()) {
            return Err(FileError::Link { path: at.to_owned() });
        }
    }
    Ok(())
}

impl Spot {
    fn io(&self, doing: &'static str) -> impl Fn(io::Error) -> FileError + '_ {
        move |source| FileError::Io { doing, path: self.path.clone(), source }
    }

    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, FileError> {
        if std::fs::metadata(&self.real).is_ok_and(|meta| !meta.is_file()) {
            return Err(FileError::NotAFile { path: self.path.clone() });
        }
        super::read(&self.real)
    }

    pub(super) fn replace(&self, old: &[u8], new: &[u8], temp: &str) -> Result<(), FileError> {
        if std::fs::metadata(&self.real).map_err(self.io("replacing"))?.permissions().readonly() {
            return Err(FileError::ReadOnly { path: self.path.clone() });
        }
        let (temp, aside) = beside(&self.real, temp);
        let written = write_new(&temp, new).map_err(self.io("writing beside")).and_then(|()| {
            // As late as it gets: what another program wrote meanwhile must not be lost.
            if self.read()?.as_deref() != Some(old) {
                return Err(FileError::Changed { path: self.path.clone() });
            }
            swap(&self.real, &temp, &aside).map_err(self.io("replacing"))
        });
        if let Err(error) = written {
            // The first error is the one to tell; a leftover is dealt with at the next start.
            let _ = settle(&self.real, &temp, &aside);
            return Err(error);
        }
        let _ = std::fs::remove_file(&aside);
        File::options().write(true).open(&self.real).and_then(|file| file.sync_all()).map_err(self.io("syncing"))
    }
}

pub(super) fn clean_up(files: &Files, path: &Path, temp: &str) -> Result<(), FileError> {
    let real = match locate(files, path)? {
        Some(spot) => spot.real,
        None => path.to_owned(),
    };
    let (temp, aside) = beside(&real, temp);
    settle(&real, &temp, &aside).map_err(|source| FileError::Io {
        doing: "cleaning up beside",
        path: path.to_owned(),
        source,
    })
}

/// Puts the file that was set aside back if its place is empty, and takes the leftovers away.
fn settle(real: &Path, temp: &Path, aside: &Path) -> io::Result<()> {
    if !real.try_exists()? && aside.try_exists()? {
        std::fs::rename(aside, real)?;
    }
    for leftover in [temp, aside] {
        match std::fs::remove_file(leftover) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn beside(real: &Path, temp: &str) -> (PathBuf, PathBuf) {
    let mut aside = OsString::from(temp);
    aside.push(".old");
    (real.with_file_name(temp), real.with_file_name(aside))
}

fn write_new(temp: &Path, bytes: &[u8]) -> io::Result<()> {
    let create = || File::options().write(true).create_new(true).open(temp);
    let mut file = match create() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            std::fs::remove_file(temp)?;
            create()?
        }
        created => created?,
    };
    file.write_all(bytes)?;
    file.sync_all()
}

/// Virus scanners and indexers open new files for a moment; that is not worth an error.
fn swap(real: &Path, temp: &Path, aside: &Path) -> io::Result<()> {
    const SHARING_VIOLATION: i32 = 32;
    const UNABLE_TO_REMOVE_REPLACED: i32 = 1175;
    let mut tries = 0;
    loop {
        match replace_file(real, temp, aside) {
            Err(error)
                if tries < 20
                    && matches!(error.raw_os_error(), Some(SHARING_VIOLATION | UNABLE_TO_REMOVE_REPLACED)) =>
            {
                tries += 1;
                std::thread::sleep(Duration::from_millis(50));
            }
            result => return result,
        }
    }
}

fn replace_file(real: &Path, temp: &Path, aside: &Path) -> io::Result<()> {
    let wide = |path: &Path| -> Vec<u16> { path.as_os_str().encode_wide().chain([0]).collect() };
    let (real, temp, aside) = (wide(real), wide(temp), wide(aside));
    // SAFETY: three strings that end in NUL and outlive the call; the reserved pointers are null.
    let replaced = unsafe {
        ReplaceFileW(
            PCWSTR(real.as_ptr()),
            PCWSTR(temp.as_ptr()),
            PCWSTR(aside.as_ptr()),
            REPLACE_FILE_FLAGS(0),
            None,
            None,
        )
    };
    // The HRESULT of a system error carries its number in the low half, which is what io::Error knows.
    replaced.map_err(|error| io::Error::from_raw_os_error(error.code().0 & 0xffff))
}

/// A folder below the user's profile is private by its inherited access list.
pub(super) fn make_private_dir(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// A new file; private by the access list it inherits.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    // Not for appending alone: that access may not cut off a line that could not be completed.
    File::options().write(true).create_new(true).open(path)
}

/// The access lists of the folders above decide.
pub(super) fn may_make_below(_path: &Path) -> Result<(), FileError> {
    Ok(())
}

/// Private by the access list that it inherits from the profile folder.
pub(super) fn keep_private_dir(_path: &Path, _meta: &std::fs::Metadata, _narrow: bool) -> Result<(), FileError> {
    Ok(())
}

pub(super) fn others_write(_meta: &std::fs::Metadata) -> bool {
    false
}

/// A regular file that is no link: who owns it is for the access list of its folder.
pub(super) fn is_own(meta: &std::fs::Metadata) -> Result<(), &'static str> {
    if meta.is_file() && !meta.file_type().is_symlink() { Ok(()) } else { Err("it is a link, or no regular file") }
}

/// Opens the link itself where there is one, which [`is_own`] then refuses.
const OPEN_REPARSE_POINT: u32 = 0x0020_0000;

pub(super) fn open_private(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    File::options().read(true).write(true).create(true).truncate(false).custom_flags(OPEN_REPARSE_POINT).open(path)
}

pub(super) fn look_private(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    File::options().read(true).custom_flags(OPEN_REPARSE_POINT).open(path)
}

pub(super) fn only_root_writes(_path: &Path) -> bool {
    true
}

/// For adding at the end; a link is opened itself, which cannot be written.
pub(super) fn append_private(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    File::options().create(true).append(true).custom_flags(OPEN_REPARSE_POINT).open(path)
}

/// Rights are by access list, and the account of the system follows links only as its caller asks it to: read as usual.
pub(super) fn read_of_another(_path: &Path) -> Option<Result<Option<Vec<u8>>, FileError>> {
    None
}

/// NTFS keeps its own journal of names; there is no call for a folder.
pub(super) fn sync_folder_of(_path: &Path) -> io::Result<()> {
    Ok(())
}
