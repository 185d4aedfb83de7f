//! A file of another user, reached through open folders: none of them is a link, and while they are held none can be
//! renamed, removed, or made into a link.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::windows::ffi::OsStringExt;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use windows::Win32::Foundation::HANDLE;
use windows::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_DELETE_ON_CLOSE, FILE_FLAG_OPEN_REPARSE_POINT,
    FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES, FILE_SHARE_READ, FILE_SHARE_WRITE, GetFileInformationByHandle,
    GetFinalPathNameByHandleW, READ_CONTROL, VOLUME_NAME_DOS,
};

use super::super::{FileError, READ_LIMIT};
use super::owner;

const SHARING_VIOLATION: i32 = 32;

/// The folders on the way to a file, from the first that is not taken on trust to the one that the file is in.
pub(super) struct Trail {
    folders: Vec<File>,
    /// Where the last of them is.
    pub(super) folder: PathBuf,
}

/// Walks from a folder, which is followed if it is a link, to the one that a file is in. `None` if there is no such folder.
pub(super) fn walk(start: &Path, rest: &Path, path: &Path) -> Result<Option<Trail>, FileError> {
    let io = |at: &Path, source| FileError::Io { doing: "reading", path: at.to_owned(), source };
    let mut at = start.to_owned();
    let mut folders = match open_folder(start) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => vec![opened.map_err(|error| io(start, error))?],
    };
    for name in rest.parent().unwrap_or(Path::new("")).components() {
        let Component::Normal(name) = name else { return Err(FileError::Link { path: path.to_owned() }) };
        at.push(name);
        let next = match hold(&at) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| io(&at, error))?,
        };
        let meta = next.metadata().map_err(|error| io(&at, error))?;
        // A folder that was emptied and made into a link for this very moment led elsewhere.
        let straight = folders.last().is_none_or(|folder| is_within(folder, &next));
        if meta.file_type().is_symlink() || !straight {
            return Err(FileError::Link { path: at });
        }
        if !meta.is_dir() {
            return Ok(None);
        }
        folders.push(next);
    }
    let folder = folders.last().and_then(final_path).unwrap_or(at);
    Ok(Some(Trail { folders, folder }))
}

/// What a path has below a folder, however its letters are written.
pub(super) fn below(folder: &Path, path: &Path) -> Option<PathBuf> {
    let whole = std::path::absolute(path).ok()?;
    let mut rest = whole.components();
    let folded = |part: Component| part.as_os_str().to_string_lossy().to_lowercase();
    folder.components().all(|part| rest.next().map(folded) == Some(folded(part))).then(|| rest.as_path().to_owned())
}

/// Opens a folder, following links, to hold it or to ask about it.
pub(super) fn open_folder(path: &Path) -> io::Result<File> {
    opened(path, FILE_FLAG_BACKUP_SEMANTICS.0)
}

/// Opens the folder of this very name, or the link.
fn hold(path: &Path) -> io::Result<File> {
    opened(path, FILE_FLAG_BACKUP_SEMANTICS.0 | FILE_FLAG_OPEN_REPARSE_POINT.0)
}

/// Nobody may rename or remove what is open so. Only a right to its contents makes that count: a look at the attributes
/// alone keeps nobody out.
fn opened(path: &Path, flags: u32) -> io::Result<File> {
    let open = |access: u32| {
        let share = FILE_SHARE_READ | FILE_SHARE_WRITE;
        OpenOptions::new().access_mode(access).share_mode(share.0).custom_flags(flags).open(path)
    };
    let mut tries = 0;
    loop {
        match open(FILE_LIST_DIRECTORY.0 | READ_CONTROL.0) {
            // Somebody is about to rename or remove it, or looks as if.
            Err(error) if error.raw_os_error() == Some(SHARING_VIOLATION) && tries < 20 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(50));
            }
            // A user without rights to give away may pass through folders that they may not list.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !owner::is_elevated() => {
                return open(FILE_READ_ATTRIBUTES.0);
            }
            result => return result,
        }
    }
}

/// Where what is open really is. `None` where the system cannot tell (RAM disks, some shares, Wine beyond 260 characters).
pub(super) fn final_path(file: &File) -> Option<PathBuf> {
    let mut text = vec![0_u16; 512];
    loop {
        // SAFETY: the handle is open; the buffer is as long as the call is told.
        let length =
            unsafe { GetFinalPathNameByHandleW(HANDLE(file.as_raw_handle()), &mut text, VOLUME_NAME_DOS) } as usize;
        match length {
            0 => return None,
            _ if length < text.len() => return Some(std::ffi::OsString::from_wide(&text[..length]).into()),
            _ => text.resize(length + 1, 0),
        }
    }
}

/// Is this in that very folder? Where the system cannot tell, the look at each part of the path must do.
fn is_within(folder: &File, child: &File) -> bool {
    match (final_path(folder), final_path(child)) {
        (Some(folder), Some(child)) => child.parent() == Some(&folder),
        _ => true,
    }
}

impl Trail {
    /// The folder that the file is in.
    fn last(&self) -> Option<&File> {
        self.folders.last()
    }

    /// Whose the folder is that the file is in.
    pub(super) fn owner(&self) -> Option<String> {
        self.last().and_then(|folder| owner::of(folder).ok().flatten())
    }

    /// The file of this name, open for reading, and never one that a link in its place leads to. `None` if there is none.
    pub(super) fn open(&self, real: &Path, path: &Path) -> Result<Option<File>, FileError> {
        let io = |source| FileError::Io { doing: "reading", path: path.to_owned(), source };
        let link = || FileError::Link { path: path.to_owned() };
        match OpenOptions::new()
            .access_mode(FILE_READ_ATTRIBUTES.0)
            .custom_flags(FILE_FLAG_BACKUP_SEMANTICS.0 | FILE_FLAG_OPEN_REPARSE_POINT.0)
            .open(real)
            .and_then(|file| file.metadata())
        {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
            Ok(meta) if meta.file_type().is_symlink() => return Err(link()),
            Ok(meta) if !meta.is_file() => return Err(FileError::NotAFile { path: path.to_owned() }),
            Ok(_) => {}
        }
        // Opened anew as usual: what lies in a cloud or is deduplicated has no contents of its own.
        let file = match File::open(real) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(io)?,
        };
        if self.last().is_none_or(|folder| is_within(folder, &file)) { Ok(Some(file)) } else { Err(link()) }
    }

    pub(super) fn read(&self, real: &Path, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        let io = |source| FileError::Io { doing: "reading", path: path.to_owned(), source };
        let Some(file) = self.open(real, path)? else { return Ok(None) };
        let size = file.metadata().map_err(io)?.len();
        if size > READ_LIMIT {
            return Err(FileError::TooLarge { path: path.to_owned(), size, limit: READ_LIMIT });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        file.take(READ_LIMIT).read_to_end(&mut bytes).map_err(io)?;
        Ok(Some(bytes))
    }

    /// Keeps the last folder from being emptied, which it would have to be to become a link: a file in it that nobody can
    /// remove, and that goes when it is closed, however this process ends.
    pub(super) fn stay(&self, temp: &str, path: &Path) -> Result<File, FileError> {
        let io = |source| FileError::Io { doing: "writing beside", path: path.to_owned(), source };
        let flags = FILE_FLAG_DELETE_ON_CLOSE.0 | FILE_FLAG_OPEN_REPARSE_POINT.0;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .share_mode(0)
            .custom_flags(flags)
            .open(self.folder.join(format!("{temp}.hold")))
            .map_err(io)?;
        if self.last().is_none_or(|folder| is_within(folder, &file)) {
            Ok(file)
        } else {
            Err(FileError::Link { path: path.to_owned() })
        }
    }
}

/// How many names a file has.
pub(super) fn names(file: &File) -> io::Result<u32> {
    let mut told = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open; the place lives through the call.
    unsafe { GetFileInformationByHandle(HANDLE(file.as_raw_handle()), &mut told) }?;
    Ok(told.nNumberOfLinks)
}
