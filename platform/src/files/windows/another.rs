//! Files of a home that is not the running user's: found without a link and held; with the rights of SYSTEM or an
//! administrator only what is that user's.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::super::{FileError, Files};
use super::walk::{self, Trail, walk};
use super::{owner, profile};

/// Finds a file of another user's home. Inside the home no other right is asked for than that the file is there under one
/// name, or is the user's; outside it must be theirs, since a list of profiles can name any path.
pub(super) fn locate(files: &Files, path: &Path) -> Result<Option<(Trail, PathBuf)>, FileError> {
    let io = |source| FileError::Io { doing: "reading", path: path.to_owned(), source };
    let whole = std::path::absolute(path).map_err(io)?;
    let (start, rest) = match walk::below(&files.home, &whole) {
        Some(rest) => (files.home.clone(), rest),
        None => from_root(&whole),
    };
    let Some((trail, real)) = find(&start, &rest, path)? else { return Ok(None) };
    if owner::is_elevated() {
        let home = walk::open_folder(&files.home).map_err(io)?;
        let home_path = walk::final_path(&home).unwrap_or_else(|| files.home.clone());
        let inside = start == files.home || walk::below(&home_path, &real).is_some();
        if !is_theirs(&trail, &real, path, profile::user_of(&home).as_deref(), inside)? {
            return Err(FileError::Outside { path: path.to_owned() });
        }
    }
    Ok(Some((trail, real)))
}

/// What SYSTEM or an administrator reads in the profile of another user of this machine: that user could have put a link
/// there to what only the reader may read. `None`: it is not that case.
pub(in super::super) fn read_of_another(path: &Path) -> Option<Result<Option<Vec<u8>>, FileError>> {
    let found = found_of_another(path)?;
    Some(found.and_then(|found| found.map_or(Ok(None), |(trail, real)| trail.read(&real, path))))
}

/// The same, only opened.
pub(in super::super) fn open_of_another(path: &Path) -> Option<Result<Option<File>, FileError>> {
    let found = found_of_another(path)?;
    Some(found.and_then(|found| found.map_or(Ok(None), |(trail, real)| trail.open(&real, path))))
}

fn found_of_another(path: &Path) -> Option<Result<Option<(Trail, PathBuf)>, FileError>> {
    let profile = profile::profile_of_another(path)?;
    let rest = walk::below(&profile, path)?;
    owner::is_elevated().then(|| find_without_links(&profile, &rest, path))
}

fn find_without_links(profile: &Path, rest: &Path, path: &Path) -> Result<Option<(Trail, PathBuf)>, FileError> {
    let Some((trail, real)) = find(profile, rest, path)? else { return Ok(None) };
    let io = |source| FileError::Io { doing: "reading", path: path.to_owned(), source };
    let user = profile::user_of(&walk::open_folder(profile).map_err(io)?);
    if is_theirs(&trail, &real, path, user.as_deref(), true)? {
        Ok(Some((trail, real)))
    } else {
        Err(FileError::Outside { path: path.to_owned() })
    }
}

fn from_root(whole: &Path) -> (PathBuf, PathBuf) {
    let root = whole.ancestors().last().unwrap_or(whole).to_owned();
    let rest = whole.strip_prefix(&root).unwrap_or(whole).to_owned();
    (root, rest)
}

fn find(start: &Path, rest: &Path, path: &Path) -> Result<Option<(Trail, PathBuf)>, FileError> {
    let Some(leaf) = rest.file_name() else { return Err(FileError::NotAFile { path: path.to_owned() }) };
    let Some(trail) = walk(start, rest, path)? else { return Ok(None) };
    let real = trail.folder.join(leaf);
    Ok(Some((trail, real)))
}

/// May it be touched for this user? A second name for somebody else's file must not be: where the system lets everybody
/// give one, it may lie anywhere. A file that is not there is nobody's.
fn is_theirs(trail: &Trail, real: &Path, path: &Path, user: Option<&str>, inside: bool) -> Result<bool, FileError> {
    let io = |source| FileError::Io { doing: "reading", path: path.to_owned(), source };
    let Some(file) = trail.open(real, path)? else { return Ok(true) };
    let found = Found {
        owner: owner::of(&file).map_err(io)?,
        names: walk::names(&file).map_err(io)?,
        folders_owner: trail.owner(),
    };
    Ok(found.is_of(user, inside))
}

/// What shows whose a file is.
struct Found {
    owner: Option<String>,
    names: u32,
    folders_owner: Option<String>,
}

impl Found {
    fn is_of(&self, user: Option<&str>, inside: bool) -> bool {
        if user.is_some() && self.owner.as_deref() == user {
            return true;
        }
        // What an administrator replaced there belongs to the administrators now; the folder is still the user's.
        let was_theirs = || user.is_some() && self.folders_owner.as_deref() == user;
        self.names == 1 && (inside || was_theirs() && self.owner.as_deref().is_some_and(owner::is_ours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_touched_for_the_user_it_belongs_to() {
        const ANNA: &str = "S-1-5-21-1-2-3-1001";
        const BOB: &str = "S-1-5-21-1-2-3-1002";
        const ADMINISTRATORS: &str = "S-1-5-32-544";
        let found = |owner: &str, names, folders_owner: &str| Found {
            owner: Some(owner.to_owned()),
            names,
            folders_owner: Some(folders_owner.to_owned()),
        };
        let everywhere = |found: Found, user| (found.is_of(user, true), found.is_of(user, false));
        let anna = Some(ANNA);
        assert_eq!(everywhere(found(ANNA, 2, BOB), anna), (true, true), "hers, whatever it is called elsewhere");
        assert_eq!(everywhere(found(BOB, 1, ANNA), anna), (true, false), "a home that was moved keeps old owners");
        assert_eq!(everywhere(found(BOB, 2, ANNA), anna), (false, false), "a second name for somebody else's");
        assert_eq!(everywhere(found(ADMINISTRATORS, 2, ANNA), anna), (false, false));
        assert_eq!(everywhere(found(ADMINISTRATORS, 1, ANNA), anna), (true, true), "what port26 itself replaced");
        assert_eq!(
            everywhere(found(ADMINISTRATORS, 1, ADMINISTRATORS), anna),
            (true, false),
            "named by a settings file"
        );
        assert_eq!(
            everywhere(found(ADMINISTRATORS, 1, ADMINISTRATORS), None),
            (true, false),
            "nobody knows whose home"
        );
        let without_owners = Found { owner: None, names: 1, folders_owner: None };
        assert_eq!(everywhere(without_owners, None), (true, false));
    }
}
