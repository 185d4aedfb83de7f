//! What port26 keeps for itself: folders and files that only their owner may read, and a journal file whose
//! every line is on the disk before the next step is taken.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{FileError, READ_LIMIT, sync, system};

/// Makes a folder (and those above it) that only its owner may enter. One that is there is ours to use only if it belongs
/// to the user who runs this and nobody else can write there; whoever could, could lead us anywhere by what they put in.
pub fn private_dir(path: &Path) -> Result<(), FileError> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            system::may_make_below(path)?;
            let io = |source| FileError::Io { doing: "making", path: path.to_owned(), source };
            system::make_private_dir(path).map_err(io)
        }
        Err(source) => Err(FileError::Io { doing: "looking at", path: path.to_owned(), source }),
        Ok(meta) if meta.file_type().is_symlink() => {
            Err(FileError::NotOurs { path: path.to_owned(), why: "it is a link" })
        }
        Ok(meta) if !meta.is_dir() => Err(FileError::NotOurs { path: path.to_owned(), why: "it is no folder" }),
        Ok(meta) => {
            let narrow = is_ours_by_name(path) || system::others_write(&meta) && holds_only_ours(path);
            system::keep_private_dir(path, &meta, narrow)
        }
    }
}

/// A folder that nobody but port26 makes.
fn is_ours_by_name(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "port26" || name == "receipts")
}

/// One that nothing else is in: its access may be narrowed. Somebody's home, or the folder of all temporary files, may not.
fn holds_only_ours(path: &Path) -> bool {
    path.join("receipts").is_dir() || std::fs::read_dir(path).is_ok_and(|mut within| within.next().is_none())
}

/// A file of our own that is made if it is not there (a lock, a list): no link is followed, nobody else may read it. What
/// is in it stays.
pub fn open_private(path: &Path) -> Result<File, FileError> {
    let io = |source| FileError::Io { doing: "opening", path: path.to_owned(), source };
    let file = system::open_private(path).map_err(|error| not_opened(error, path))?;
    let meta = file.metadata().map_err(io)?;
    system::is_own(&file, &meta, path).map_err(|why| FileError::NotOurs { path: path.to_owned(), why })?;
    Ok(file)
}

/// Reads a file of our own. `None` if it does not exist. No link is followed, and what another user left is not believed.
pub fn read_private(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let io = |source| FileError::Io { doing: "reading", path: path.to_owned(), source };
    let file = match system::look_private(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| not_opened(error, path))?,
    };
    let meta = file.metadata().map_err(io)?;
    if !meta.is_file() {
        return Err(FileError::NotAFile { path: path.to_owned() });
    }
    system::is_own(&file, &meta, path).map_err(|why| FileError::NotOurs { path: path.to_owned(), why })?;
    if meta.len() > READ_LIMIT {
        return Err(FileError::TooLarge { path: path.to_owned(), size: meta.len(), limit: READ_LIMIT });
    }
    let mut bytes = Vec::new();
    file.take(READ_LIMIT).read_to_end(&mut bytes).map_err(io)?;
    Ok(Some(bytes))
}

/// For adding to a log: what the person named, be it a pipe or a terminal, but no link when root or the system runs this.
/// Readable by its owner alone if it is new.
pub fn append_private(path: &Path) -> Result<File, FileError> {
    system::append_private(path).map_err(|error| not_opened(error, path))
}

/// Why a file of our own could not be opened. What the system says of a link or a folder differs from one system to the
/// next (Windows: access denied, for both), so what lies there is looked at.
fn not_opened(source: io::Error, path: &Path) -> FileError {
    let path = path.to_owned();
    match std::fs::symlink_metadata(&path) {
        Ok(meta) if meta.file_type().is_symlink() => FileError::NotOurs { path, why: "it is a link" },
        Ok(meta) if meta.is_dir() => FileError::NotAFile { path },
        _ => FileError::Io { doing: "opening", path, source },
    }
}

/// Puts a whole file of our own in place in one step, readable by its owner alone.
pub fn replace_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let write = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
        fresh.write_all(bytes)?;
        sync::all(fresh.as_file())?;
        // An empty folder in the file's place has nothing to lose; one with something in it is told.
        let _ = std::fs::remove_dir(path);
        fresh.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|source| FileError::Io { doing: "writing", path: path.to_owned(), source })
}

/// A file that grows by whole lines, each on the disk when [`Appender::append`] returns.
#[derive(Debug)]
pub struct Appender {
    file: File,
    path: PathBuf,
    /// Bytes of the lines that are complete.
    length: u64,
}

impl Appender {
    /// A new file that only its owner may read. An error if there is one of this name.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let file = system::create_private(path).map_err(|source| FileError::Io {
            doing: "creating",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { file, path: path.to_owned(), length: 0 })
    }

    /// An existing file. A last line that a crash left without its end, or as zeros, is cut off first.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let open = || -> io::Result<(File, u64)> {
            let mut file = system::open_private(path)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let whole = whole_lines(&bytes);
            if whole < bytes.len() {
                file.set_len(whole as u64)?;
                sync::all(&file)?;
            }
            Ok((file, whole as u64))
        };
        let (file, length) = open().map_err(|source| not_opened(source, path))?;
        Ok(Self { file, path: path.to_owned(), length })
    }

    /// Gives the file another name in the same folder, on the disk when this returns. An error if there is one of that name.
    pub fn take_name(&mut self, path: &Path) -> Result<(), FileError> {
        let io = |source| FileError::Io { doing: "naming", path: path.to_owned(), source };
        if std::fs::symlink_metadata(path).is_ok() {
            return Err(io(io::ErrorKind::AlreadyExists.into()));
        }
        std::fs::rename(&self.path, path).and_then(|()| system::sync_folder_of(path)).map_err(io)?;
        self.path = path.to_owned();
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes are whole lines. What stands behind them is cut off before the next line.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Adds a line and waits until it is on the disk.
    pub fn append(&mut self, line: &[u8]) -> Result<(), FileError> {
        let mut whole = Vec::with_capacity(line.len() + 1);
        whole.extend_from_slice(line);
        whole.push(b'\n');
        // A full disk leaves a piece of a line. The next one must not run into it: it would be unreadable too.
        let written = self.cut_back().and_then(|()| self.file.write_all(&whole)).and_then(|()| sync::data(&self.file));
        match written {
            Ok(()) => {
                self.length += whole.len() as u64;
                Ok(())
            }
            Err(source) => {
                // The first error is the one to tell; the next line tries again.
                let _ = self.cut_back();
                Err(FileError::Io { doing: "writing", path: self.path.clone(), source })
            }
        }
    }

    /// Takes away what stands behind the complete lines, and goes there.
    fn cut_back(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() > self.length {
            self.file.set_len(self.length)?;
        }
        self.file.seek(SeekFrom::Start(self.length)).map(drop)
    }
}

/// Length of the lines that were written completely.
fn whole_lines(bytes: &[u8]) -> usize {
    let mut end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    while end > 0 {
        let start = bytes[..end - 1].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        if !bytes[start..end].contains(&0) {
            break;
        }
        end = start;
    }
    end
}
