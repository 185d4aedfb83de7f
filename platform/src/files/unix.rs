//! Unix: everything through an open folder, so that a path swapped in between changes nothing.

use std::ffi::OsString;
use std::fs::{File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags, accessat, openat, renameat, statat, unlinkat};

use super::{FileError, Files, READ_LIMIT, sync};

/// A file's name in its folder, which is held open.
pub(super) struct Spot {
    folder: File,
    leaf: OsString,
    path: PathBuf,
}

/// Finds the folder and name behind a path. `None` if there is no such file.
pub(super) fn locate(files: &Files, path: &Path) -> Result<Option<Spot>, FileError> {
    let io = |source| FileError::Io { doing: "reading", path: path.to_owned(), source };
    if is_foreign(files, path) {
        return locate_without_links(files, path);
    }
    let real = match std::fs::canonicalize(path) {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let (Some(parent), Some(leaf)) = (real.parent(), real.file_name()) else {
        return Err(FileError::NotAFile { path: path.to_owned() });
    };
    let folder = File::open(parent).map_err(io)?;
    Ok(Some(Spot { folder, leaf: leaf.to_owned(), path: path.to_owned() }))
}

/// Root at work on something that is not all root's own.
fn is_foreign(files: &Files, path: &Path) -> bool {
    if !rustix::process::geteuid().is_root() {
        return false;
    }
    let owned_by_another = |meta: io::Result<Metadata>| meta.is_ok_and(|meta| meta.uid() != 0);
    if owned_by_another(std::fs::metadata(&files.home)) || owned_by_another(std::fs::metadata(path)) {
        return true;
    }
    let start = if path.starts_with(&files.home) { files.home.as_path() } else { Path::new("/") };
    path.ancestors()
        .take_while(|&at| at != start && !at.as_os_str().is_empty())
        .any(|at| owned_by_another(std::fs::symlink_metadata(at)))
}

/// Finds a file of another user's home without following a link.
fn locate_without_links(files: &Files, path: &Path) -> Result<Option<Spot>, FileError> {
    let below_home = path.starts_with(&files.home);
    // The home itself was named by whoever runs this; elsewhere the leading folders that root owns are safe.
    let start = if below_home { files.home.clone() } else { roots_own_prefix(path) };
    let Some(spot) = walk(&start, path)? else { return Ok(None) };
    if !below_home && !files.named.iter().any(|named| named == path) {
        // A profile list can name any path: outside the home only what its own user owns is theirs.
        let io = |source| FileError::Io { doing: "reading", path: files.home.clone(), source };
        let home_owner = std::fs::metadata(&files.home).map_err(io)?.uid();
        match spot.open()? {
            Some((_, meta)) if meta.uid() != home_owner => return Err(FileError::Outside { path: path.to_owned() }),
            _ => {}
        }
    }
    Ok(Some(spot))
}

/// What root reads below a folder of another user: that user could have put a link there to what only root may read. `None`:
/// it is not that case.
pub(super) fn read_of_another(path: &Path) -> Option<Result<Option<Vec<u8>>, FileError>> {
    let start = begins_without_links(path)?;
    Some(open_without_links(&start, path).and_then(|opened| {
        let read = |(spot, file, meta): (Spot, File, Metadata)| spot.read_open(file, &meta);
        opened.map(read).transpose()
    }))
}

/// The same, only opened.
pub(super) fn open_of_another(path: &Path) -> Option<Result<Option<File>, FileError>> {
    let start = begins_without_links(path)?;
    Some(open_without_links(&start, path).map(|opened| opened.map(|(_, file, _)| file)))
}

/// From which folder on root follows no link on the way there; `None`: it is not that case.
fn begins_without_links(path: &Path) -> Option<PathBuf> {
    if !rustix::process::geteuid().is_root() || !path.is_absolute() {
        return None;
    }
    let start = roots_own_prefix(path);
    let roots_own =
        path.parent() == Some(&start) && std::fs::symlink_metadata(path).map_or(true, |meta| meta.uid() == 0);
    (!roots_own).then_some(start)
}

fn open_without_links(start: &Path, path: &Path) -> Result<Option<(Spot, File, Metadata)>, FileError> {
    let Some(spot) = walk(start, path)? else { return Ok(None) };
    let Some((file, meta)) = spot.open()? else { return Ok(None) };
    let folder = spot.folder.metadata().map_err(spot.io("reading"))?;
    // A second name for somebody else's file, where the system lets everybody give it one.
    if meta.uid() != folder.uid() && meta.nlink() > 1 {
        return Err(FileError::Outside { path: path.to_owned() });
    }
    Ok(Some((spot, file, meta)))
}

/// Walks from a folder to the file one name at a time and refuses every link on the way.
fn walk(start: &Path, path: &Path) -> Result<Option<Spot>, FileError> {
    let io = |at: &Path, source| FileError::Io { doing: "reading", path: at.to_owned(), source };
    let mut at = start.to_owned();
    let mut folder = File::open(start).map_err(|error| io(start, error))?;
    let names: Vec<Component> = path.strip_prefix(start).unwrap_or(path).components().collect();
    let Some((leaf, folders)) = names.split_last() else {
        return Err(FileError::NotAFile { path: path.to_owned() });
    };
    for name in folders {
        let Component::Normal(name) = name else { return Err(FileError::Link { path: path.to_owned() }) };
        at.push(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        folder = match openat(&folder, *name, flags, Mode::empty()) {
            Ok(next) => File::from(next),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => {
                let found = statat(&folder, *name, AtFlags::SYMLINK_NOFOLLOW);
                if found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Symlink) {
                    return Err(FileError::Link { path: at });
                }
                return Err(io(&at, error.into()));
            }
        };
    }
    let Component::Normal(leaf) = leaf else { return Err(FileError::NotAFile { path: path.to_owned() }) };
    Ok(Some(Spot { folder, leaf: (*leaf).to_owned(), path: path.to_owned() }))
}

/// The leading folders of a path that belong to root, links among them resolved.
fn roots_own_prefix(path: &Path) -> PathBuf {
    let mut owned = PathBuf::from("/");
    for name in path.parent().unwrap_or(path).components() {
        let next = owned.join(name);
        match std::fs::symlink_metadata(&next) {
            Ok(meta) if meta.uid() == 0 => owned = next,
            _ => break,
        }
    }
    owned
}

impl Spot {
    fn io(&self, doing: &'static str) -> impl Fn(io::Error) -> FileError + '_ {
        move |source| FileError::Io { doing, path: self.path.clone(), source }
    }

    fn open(&self) -> Result<Option<(File, Metadata)>, FileError> {
        // Non-blocking: a pipe in the file's place must not make us wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.folder, &self.leaf, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(rustix::io::Errno::LOOP) => return Err(FileError::Link { path: self.path.clone() }),
            Err(error) => return Err(self.io("reading")(error.into())),
        };
        let meta = file.metadata().map_err(self.io("reading"))?;
        if !meta.is_file() {
            return Err(FileError::NotAFile { path: self.path.clone() });
        }
        Ok(Some((file, meta)))
    }

    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, FileError> {
        let Some((file, meta)) = self.open()? else { return Ok(None) };
        self.read_open(file, &meta).map(Some)
    }

    fn read_open(&self, file: File, meta: &Metadata) -> Result<Vec<u8>, FileError> {
        if meta.len() > READ_LIMIT {
            return Err(FileError::TooLarge { path: self.path.clone(), size: meta.len(), limit: READ_LIMIT });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
        file.take(READ_LIMIT).read_to_end(&mut bytes).map_err(self.io("reading"))?;
        Ok(bytes)
    }

    pub(super) fn replace(&self, old: &[u8], new: &[u8], temp: &str) -> Result<(), FileError> {
        let changed = || FileError::Changed { path: self.path.clone() };
        let (_, meta) = self.open()?.ok_or_else(changed)?;
        if meta.mode() & 0o200 == 0 {
            return Err(FileError::ReadOnly { path: self.path.clone() });
        }
        let written = self.write_temp(new, temp, &meta).and_then(|()| {
            // As late as it gets: what another program wrote meanwhile must not be lost.
            if self.read()?.as_deref() != Some(old) {
                return Err(changed());
            }
            renameat(&self.folder, temp, &self.folder, &self.leaf).map_err(|e| self.io("replacing")(e.into()))
        });
        if written.is_err() {
            // The first error is the one to tell; a leftover is taken away at the next start.
            let _ = unlinkat(&self.folder, temp, AtFlags::empty());
        }
        written?;
        sync::all(&self.folder).map_err(self.io("syncing the folder of"))
    }

    /// Could it be replaced? What a real replacement does first is done, and taken back.
    pub(super) fn look(&self, temp: &str) -> Result<(), FileError> {
        let Some(meta) = self.seems_replaceable()? else { return Ok(()) };
        let made = self.create(temp).and_then(|file| self.give(&file, &meta));
        // Empty, and of a name that the replacement takes over.
        let _ = unlinkat(&self.folder, temp, AtFlags::empty());
        made
    }

    /// The same as far as it shows without anything written.
    pub(super) fn glance(&self) -> Result<(), FileError> {
        let Some(_) = self.seems_replaceable()? else { return Ok(()) };
        match accessat(&self.folder, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
            Err(error) if is_shut(error) => {
                let at = self.path.parent().unwrap_or(&self.path).to_owned();
                Err(FileError::Shut { at, source: error.into() })
            }
            _ => Ok(()),
        }
    }

    /// By what the file itself says; `None`: it is gone, which whoever reads it tells.
    fn seems_replaceable(&self) -> Result<Option<Metadata>, FileError> {
        let Some((_, meta)) = self.open()? else { return Ok(None) };
        if meta.mode() & 0o200 == 0 {
            return Err(FileError::ReadOnly { path: self.path.clone() });
        }
        let me = rustix::process::geteuid();
        if !me.is_root() && meta.uid() != me.as_raw() {
            return Err(FileError::Owner { path: self.path.clone() });
        }
        // A file that is marked immutable lets nobody take its name either. A system that cannot tell is no reason.
        if let Err(error) = accessat(&self.folder, &self.leaf, Access::WRITE_OK, AtFlags::EACCESS)
            && is_shut(error)
        {
            return Err(FileError::Shut { at: self.path.clone(), source: error.into() });
        }
        Ok(Some(meta))
    }

    /// A new file in the folder, in the place of what a killed run left under this name.
    fn create(&self, temp: &str) -> Result<File, FileError> {
        let io = |error: rustix::io::Errno| match is_shut(error) {
            true => {
                let at = self.path.parent().unwrap_or(&self.path).to_owned();
                FileError::Shut { at, source: error.into() }
            }
            false => self.io("writing beside")(error.into()),
        };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let create = || openat(&self.folder, temp, flags, Mode::RUSR | Mode::WUSR);
        let created = match create() {
            Err(rustix::io::Errno::EXIST) => {
                unlinkat(&self.folder, temp, AtFlags::empty()).map_err(io)?;
                create()
            }
            created => created,
        };
        created.map(File::from).map_err(io)
    }

    /// Gives it to the user and group of the file that it is to replace.
    fn give(&self, file: &File, like: &Metadata) -> Result<(), FileError> {
        let own = file.metadata().map_err(self.io("writing beside"))?;
        let user = (own.uid() != like.uid()).then_some(like.uid());
        let group = (own.gid() != like.gid()).then_some(like.gid());
        if user.is_some() || group.is_some() {
            std::os::unix::fs::fchown(file, user, group).map_err(|_| FileError::Owner { path: self.path.clone() })?;
        }
        Ok(())
    }

    fn write_temp(&self, bytes: &[u8], temp: &str, like: &Metadata) -> Result<(), FileError> {
        let mut file = self.create(temp)?;
        self.give(&file, like)?;
        // After the owner: changing that clears some bits of the mode.
        file.set_permissions(Permissions::from_mode(like.mode() & 0o777)).map_err(self.io("writing beside"))?;
        file.write_all(bytes).and_then(|()| sync::all(&file)).map_err(self.io("writing beside"))
    }
}

/// A rename never leaves a gap, so that nothing is set aside here.
pub(super) fn clean_up(files: &Files, path: &Path, temp: &str, _ours: &dyn Fn(&[u8]) -> bool) -> Result<(), FileError> {
    let io = |source| FileError::Io { doing: "cleaning up beside", path: path.to_owned(), source };
    let folder = match (locate(files, path)?, path.parent()) {
        (Some(spot), _) => spot.folder,
        // The file is gone, and its folder may not be.
        (None, Some(parent)) if !is_foreign(files, path) => match File::open(parent) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io(error)),
        },
        (None, _) => return Ok(()),
    };
    // A folder that cannot be written refuses to remove also what is not there.
    if matches!(statat(&folder, temp, AtFlags::SYMLINK_NOFOLLOW), Err(rustix::io::Errno::NOENT)) {
        return Ok(());
    }
    match unlinkat(&folder, temp, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(io(error.into())),
    }
}

/// Nothing can be written, whoever tries again.
fn is_shut(error: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    matches!(error, Errno::ROFS | Errno::ACCESS | Errno::PERM)
}

/// The folder that a file is in.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => sync::all(&File::open(parent)?),
        None => Ok(()),
    }
}

/// A folder that only its owner may enter.
pub(super) fn make_private_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    sync_folder_of(path)?;
    Ok(())
}

/// May this user make a folder of their own there? Root with the home of somebody else in its environment (sudo that keeps
/// it) may not: what it made there would be in that user's way, and what it kept there in their hands.
pub(super) fn may_make_below(path: &Path) -> Result<(), FileError> {
    let above = path.ancestors().skip(1).find_map(|at| std::fs::metadata(at).ok());
    match above {
        Some(meta) if rustix::process::geteuid().is_root() && meta.uid() != 0 => {
            Err(FileError::NotOurs { path: path.to_owned(), why: "the folder above it belongs to another user" })
        }
        _ => Ok(()),
    }
}

/// A folder that is there: ours, and writable for us alone. Access that is too wide is narrowed where that is nobody's loss.
pub(super) fn keep_private_dir(path: &Path, meta: &Metadata, narrow: bool) -> Result<(), FileError> {
    let no = |why| FileError::NotOurs { path: path.to_owned(), why };
    // The folder of all temporary files has the sticky bit.
    let narrow = narrow && meta.mode() & 0o1000 == 0;
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(no("it belongs to another user"));
    }
    if meta.mode() & 0o077 != 0 && narrow {
        let io = |source| FileError::Io { doing: "closing to others", path: path.to_owned(), source };
        return std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(io);
    }
    if others_write(meta) { Err(no("other users can write there")) } else { Ok(()) }
}

pub(super) fn others_write(meta: &Metadata) -> bool {
    meta.mode() & 0o022 != 0
}

/// Is it a regular file of this user's with one name? A second name may be in a folder that others can reach.
pub(super) fn is_own(_file: &File, meta: &Metadata, _path: &Path) -> Result<(), &'static str> {
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err("it belongs to another user");
    }
    match (meta.is_file(), meta.nlink()) {
        (false, _) => Err("it is no regular file"),
        (true, 0 | 1) => Ok(()),
        (true, _) => Err("it has a second name elsewhere (a hard link)"),
    }
}

/// For reading and writing, made if it is not there, without following a link or waiting for a pipe's other end.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags)
        .open(path)?;
    let meta = file.metadata()?;
    // From a version that left it readable for others.
    if meta.is_file() && meta.mode() & 0o077 != 0 && is_own(&file, &meta, path).is_ok() {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// For reading, without following a link or waiting for a pipe's other end.
pub(super) fn look_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().read(true).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32).open(path)
}

/// For adding at the end. Root follows only root's own links (`/dev/stderr` is one): who owns another would choose what
/// root writes to.
pub(super) fn append_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let led = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_symlink() && meta.uid() != 0);
    let root = rustix::process::geteuid().is_root();
    let follow = if root && led { OFlags::NOFOLLOW } else { OFlags::empty() };
    File::options().create(true).append(true).mode(0o600).custom_flags(follow.bits() as i32).open(path)
}

pub(super) fn only_root_writes(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.uid() == 0 && meta.mode() & 0o022 == 0)
}

/// A new file that only its owner may read, known to its folder before anything is in it.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    sync_folder_of(path)?;
    Ok(file)
}
