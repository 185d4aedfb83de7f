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

mod another;
mod owner;
mod private;
#[cfg(test)]
mod tests;
mod walk;

pub(super) use another::read_of_another;
pub(super) use private::{
    append_private, create_private, is_own, keep_private_dir, look_private, make_private_dir, may_make_below,
    only_root_writes, open_private, others_write,
};
use walk::Trail;

/// A file, its links resolved; of another user's home with the folders that lead to it, held.
pub(super) struct Spot {
    real: PathBuf,
    path: PathBuf,
    held: Option<Trail>,
}

/// Finds the real file behind a path. `None` if there is no such file.
pub(super) fn locate(files: &Files, path: &Path) -> Result<Option<Spot>, FileError> {
    if is_foreign(files) && !files.named.iter().any(|named| named == path) {
        let found = another::locate(files, path)?;
        return Ok(found.map(|(held, real)| Spot { real, path: path.to_owned(), held: Some(held) }));
    }
    match std::fs::canonicalize(path) {
        Ok(real) => Ok(Some(Spot { real, path: path.to_owned(), held: None })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => match without_links(path) {
            Some(real) => Ok(Some(Spot { real, path: path.to_owned(), held: None })),
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

impl Spot {
    fn io(&self, doing: &'static str) -> impl Fn(io::Error) -> FileError + '_ {
        move |source| FileError::Io { doing, path: self.path.clone(), source }
    }

    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, FileError> {
        if let Some(held) = &self.held {
            return held.read(&self.real, &self.path);
        }
        if std::fs::metadata(&self.real).is_ok_and(|meta| !meta.is_file()) {
            return Err(FileError::NotAFile { path: self.path.clone() });
        }
        super::read(&self.real)
    }

    pub(super) fn replace(&self, old: &[u8], new: &[u8], temp: &str) -> Result<(), FileError> {
        if std::fs::metadata(&self.real).map_err(self.io("replacing"))?.permissions().readonly() {
            return Err(FileError::ReadOnly { path: self.path.clone() });
        }
        let _stays = self.held.as_ref().map(|held| held.stay(temp, &self.path)).transpose()?;
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
    // Kept to the end, and with it the folders that lead there.
    let spot = locate(files, path)?;
    let real = spot.as_ref().map_or(path, |spot| &spot.real);
    let (temp, aside) = beside(real, temp);
    settle(real, &temp, &aside).map_err(|source| FileError::Io {
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

/// NTFS keeps its own journal of names; there is no call for a folder.
pub(super) fn sync_folder_of(_path: &Path) -> io::Result<()> {
    Ok(())
}
