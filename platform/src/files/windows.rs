//! Windows: `ReplaceFileW`, which keeps attributes, access list and streams of the file it replaces.
//! It moves the old file aside before the new one takes its name, so a kill between the two leaves a gap;
//! `clean_up` closes it from the file set aside, which is kept until what is in its place is known (`aside.rs`).

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::windows::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use windows::Win32::Storage::FileSystem::{REPLACE_FILE_FLAGS, ReplaceFileW};
use windows::core::PCWSTR;

use super::aside::{Found, InPlace, Step, steps};
use super::{FileError, Files, sync};
use crate::computer::known_folders::{self, Known};

mod another;
mod owner;
mod private;
mod profile;
#[cfg(test)]
mod tests;
mod walk;

pub(super) use another::{open_of_another, read_of_another};
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
        let written = write_new(&temp, new).map_err(|error| self.shut(error)).and_then(|()| {
            // As late as it gets: what another program wrote meanwhile must not be lost.
            if self.read()?.as_deref() != Some(old) {
                return Err(FileError::Changed { path: self.path.clone() });
            }
            swap(&self.real, &temp, &aside).map_err(self.io("replacing"))
        });
        if let Err(error) = written {
            // The first error is the one to tell; a leftover is dealt with at the next start.
            let is_ours = || self.holds(&|bytes| bytes == old || bytes == new);
            let _ = settle(&self.real, &temp, &aside, &is_ours);
            return Err(error);
        }
        let _ = std::fs::remove_file(&aside);
        File::options().write(true).open(&self.real).and_then(|file| sync::all(&file)).map_err(self.io("syncing"))
    }

    /// Are these the bytes in it?
    fn holds(&self, ours: &dyn Fn(&[u8]) -> bool) -> bool {
        self.read().is_ok_and(|bytes| bytes.is_some_and(|bytes| ours(&bytes)))
    }

    /// Could it be replaced? Opened as a replacement opens it, and a file beside it is made, which is gone when it is
    /// closed.
    pub(super) fn look(&self, temp: &str) -> Result<(), FileError> {
        use std::os::windows::fs::OpenOptionsExt;
        const DELETE_ON_CLOSE: u32 = 0x0400_0000;
        self.glance()?;
        if !self.real.exists() {
            return Ok(());
        }
        let stays = self.held.as_ref().map(|held| held.stay(temp, &self.path)).transpose();
        let _stays = stays.map_err(|error| match error {
            FileError::Io { source, .. } => self.shut(source),
            other => other,
        })?;
        let (temp, _) = beside(&self.real, temp);
        match File::options().write(true).create_new(true).custom_flags(DELETE_ON_CLOSE).open(temp) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(self.shut(error)),
            _ => Ok(()),
        }
    }

    /// The same as far as it shows without anything written: what its folder lets be made shows only by making it.
    pub(super) fn glance(&self) -> Result<(), FileError> {
        use std::os::windows::fs::OpenOptionsExt;
        const READ_AND_DELETE: u32 = 0x8000_0000 | 0x0001_0000;
        let denied = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
        };
        let Ok(meta) = std::fs::metadata(&self.real) else { return Ok(()) };
        if meta.permissions().readonly() {
            return Err(FileError::ReadOnly { path: self.path.clone() });
        }
        // Who has it open for a moment is no reason.
        if let Err(source) = File::options().access_mode(READ_AND_DELETE).open(&self.real)
            && denied(&source)
        {
            return Err(FileError::Shut { at: self.path.clone(), source });
        }
        Ok(())
    }

    /// Writing beside the file failed: is it the folder?
    fn shut(&self, source: io::Error) -> FileError {
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                FileError::Shut { at: self.path.parent().unwrap_or(&self.path).to_owned(), source }
            }
            _ => self.io("writing beside")(source),
        }
    }
}

pub(super) fn clean_up(files: &Files, path: &Path, temp: &str, ours: &dyn Fn(&[u8]) -> bool) -> Result<(), FileError> {
    // Kept to the end, and with it the folders that lead there.
    let spot = locate(files, path)?;
    let real = spot.as_ref().map_or(path, |spot| &spot.real);
    let (temp, aside) = beside(real, temp);
    let is_ours = || spot.as_ref().is_some_and(|spot| spot.holds(ours));
    settle(real, &temp, &aside, &is_ours).map_err(|source| FileError::Io {
        doing: "cleaning up beside",
        path: path.to_owned(),
        source,
    })
}

/// Puts the file that was set aside back if its place is empty, keeps it if the place is taken by something strange, and
/// takes the leftovers away.
fn settle(real: &Path, temp: &Path, aside: &Path, is_ours: &dyn Fn() -> bool) -> io::Result<()> {
    let found = Found {
        in_place: match real.try_exists()? {
            false => InPlace::Nothing,
            true if is_ours() => InPlace::Ours,
            true => InPlace::Strange,
        },
        temp: temp.try_exists()?,
        aside: aside.try_exists()?,
    };
    for step in steps(found) {
        match step {
            Step::PutBack => std::fs::rename(aside, real)?,
            Step::Keep => {
                let kept = free_name(real);
                std::fs::rename(aside, &kept)?;
                tracing::warn!(
                    "{} was made anew by another program; the old one is {}",
                    real.display(),
                    kept.display()
                );
            }
            Step::RemoveTemp => gone(temp)?,
            Step::RemoveAside => gone(aside)?,
        }
    }
    Ok(())
}

fn gone(leftover: &Path) -> io::Result<()> {
    match std::fs::remove_file(leftover) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A name beside the file that people find, and that is not taken.
fn free_name(real: &Path) -> PathBuf {
    let name = |number: u32| {
        let mut name = real.file_name().unwrap_or_default().to_owned();
        name.push(if number == 0 { ".before-port26".to_owned() } else { format!(".before-port26-{number}") });
        real.with_file_name(name)
    };
    (0..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0))
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
    sync::all(&file)
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
