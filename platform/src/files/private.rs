//! What port26 keeps for itself: folders and files that only their owner may read, and a journal file whose
//! every line is on the disk before the next step is taken.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{FileError, system};

/// Folders that nobody but port26 makes.
const OURS: [&str; 2] = ["port26", "receipts"];

/// Makes a folder (and those above it) that only its owner may enter. One that is there and is ours by its name and its
/// owner is closed to others; any other, which somebody named, stays as it is.
pub fn private_dir(path: &Path) -> Result<(), FileError> {
    if path.is_dir() {
        let ours = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| OURS.contains(&name));
        let closed = if ours { system::close_to_others(path) } else { Ok(()) };
        return closed.map_err(|source| FileError::Io { doing: "closing to others", path: path.to_owned(), source });
    }
    system::make_private_dir(path).map_err(|source| FileError::Io { doing: "making", path: path.to_owned(), source })
}

/// Puts a whole file of our own in place in one step, readable by its owner alone.
pub fn replace_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let write = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
        fresh.write_all(bytes)?;
        fresh.as_file().sync_all()?;
        fresh.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|source| FileError::Io { doing: "writing", path: path.to_owned(), source })
}

/// Opens a file of our own to read and write, made if it is not there: a lock, or what says who holds it. Only its owner
/// may read it, also if it was made by something that cared less.
pub fn open_private(path: &Path) -> io::Result<File> {
    system::open_private(path)
}

/// Opens a file to add to it. One that is made for it may be read by its owner alone; one that is there stays as it is.
pub fn append_private(path: &Path) -> io::Result<File> {
    system::append_private(path)
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
            let mut file = File::options().read(true).write(true).open(path)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let whole = whole_lines(&bytes);
            if whole < bytes.len() {
                file.set_len(whole as u64)?;
                file.sync_all()?;
            }
            Ok((file, whole as u64))
        };
        let (file, length) =
            open().map_err(|source| FileError::Io { doing: "opening", path: path.to_owned(), source })?;
        Ok(Self { file, path: path.to_owned(), length })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line and waits until it is on the disk.
    pub fn append(&mut self, line: &[u8]) -> Result<(), FileError> {
        let mut whole = Vec::with_capacity(line.len() + 1);
        whole.extend_from_slice(line);
        whole.push(b'\n');
        // A full disk leaves a piece of a line. The next one must not run into it: it would be unreadable too.
        let written = self.cut_back().and_then(|()| self.file.write_all(&whole)).and_then(|()| self.file.sync_data());
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
