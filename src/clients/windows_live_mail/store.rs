//! Where the store folder is: the registry's path brought to this machine's view of the profile, also when
//! the profile is a mounted disk, and the account files below it.

use std::path::{Path, PathBuf};

use port26_platform::host::Host;

const SHELL_FOLDERS: &str = "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\Shell Folders";

/// Where a path of the registry leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Located {
    /// To this folder, which need not exist.
    At(PathBuf),
    /// Out of the profile, where nothing can be reached from here.
    Elsewhere,
}

/// Brings a path as Windows writes it to this machine's view.
pub(super) fn locate(host: &Host, written: &str) -> Located {
    let folders = &host.folders;
    let written = written.trim().trim_end_matches(['\\', '/']);
    for (variable, folder) in [
        ("%USERPROFILE%", &folders.home),
        ("%HOMEDRIVE%%HOMEPATH%", &folders.home),
        ("%LOCALAPPDATA%", &folders.local),
        ("%APPDATA%", &folders.roaming),
    ] {
        if let Some(rest) = strip_front(written, variable) {
            return if *folder == folders.home { At(in_profile(host, rest)) } else { At(below(folder, rest)) };
        }
    }
    let mut profiles: Vec<String> = Vec::new();
    if host.own_session {
        profiles.push(folders.home.display().to_string());
    }
    profiles.extend(profile_in_registry(host));
    if profiles.is_empty() {
        profiles.extend(guessed_profile(written));
    }
    for profile in profiles {
        if let Some(rest) = strip_front(written, profile.trim_end_matches(['\\', '/'])) {
            return At(in_profile(host, rest));
        }
    }
    // On the user's own machine any other path is reachable as it is written.
    if host.own_session && !written.contains('%') { At(PathBuf::from(written)) } else { Located::Elsewhere }
}

use Located::At;

/// A path below the profile folder. The old names of the data folders are links that a mounted disk does not follow.
fn in_profile(host: &Host, rest: &str) -> PathBuf {
    for (old, folder) in [
        ("Local Settings\\Application Data", &host.folders.local),
        ("AppData\\Local", &host.folders.local),
        ("Application Data", &host.folders.roaming),
        ("AppData\\Roaming", &host.folders.roaming),
    ] {
        if let Some(rest) = strip_front(rest, old) {
            return below(folder, rest);
        }
    }
    below(&host.folders.home, rest)
}

fn below(folder: &Path, rest: &str) -> PathBuf {
    let names = || rest.split(['\\', '/']).filter(|name| !name.is_empty() && *name != ".." && *name != ".");
    descend(folder, names()).unwrap_or_else(|| folder.join(names().collect::<PathBuf>()))
}

/// Walks down by names without regard to case, as Windows does. `None` if there is no such folder.
pub(super) fn descend<'a>(from: &Path, names: impl Iterator<Item = &'a str>) -> Option<PathBuf> {
    let mut at = from.to_owned();
    for name in names {
        let exact = at.join(name);
        at = if exact.exists() {
            exact
        } else {
            let same = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().eq_ignore_ascii_case(name);
            std::fs::read_dir(&at).ok()?.flatten().find(same)?.path()
        };
    }
    Some(at)
}

/// What follows `front`, if the path begins with it, compared without case and with either separator.
fn strip_front<'a>(path: &'a str, front: &str) -> Option<&'a str> {
    let same = |a: char, b: char| a.eq_ignore_ascii_case(&b) || (is_separator(a) && is_separator(b));
    let mut rest = path.chars();
    for wanted in front.chars() {
        if !rest.next().is_some_and(|c| same(c, wanted)) {
            return None;
        }
    }
    let rest = rest.as_str();
    (rest.is_empty() || rest.starts_with(is_separator)).then(|| rest.trim_start_matches(is_separator))
}

fn is_separator(c: char) -> bool {
    matches!(c, '\\' | '/')
}

/// The profile folder as that Windows called it.
fn profile_in_registry(host: &Host) -> Option<String> {
    let registry = host.registry.as_ref()?;
    let text = |key: &str, name: &str| registry.value(key, name).ok().flatten()?.as_text();
    if let Some(profile) = text("Volatile Environment", "USERPROFILE") {
        return Some(profile);
    }
    for (name, tail) in [("Local AppData", "\\AppData\\Local"), ("AppData", "\\AppData\\Roaming")] {
        if let Some(path) = text(SHELL_FOLDERS, name)
            && let Some(at) = path.len().checked_sub(tail.len())
            && path.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(tail))
        {
            return Some(path[..at].to_owned());
        }
    }
    None
}

/// `C:\Users\name` of a path that begins like that.
fn guessed_profile(written: &str) -> Option<String> {
    let mut parts = written.splitn(4, is_separator);
    let (drive, users, name) = (parts.next()?, parts.next()?, parts.next()?);
    let is_drive = drive.len() == 2 && drive.ends_with(':');
    let is_users = users.eq_ignore_ascii_case("Users") || users.eq_ignore_ascii_case("Documents and Settings");
    (is_drive && is_users && !name.is_empty()).then(|| format!("{drive}\\{users}\\{name}"))
}

/// Everything called `account{..}.oeaccount` below the store, in order of the paths, be it a file or not. Links are not
/// followed; the program's own backup is not looked into. With them, the folders that could not be listed.
pub(super) fn account_files(root: &Path, depth: usize) -> (Vec<PathBuf>, Vec<(PathBuf, std::io::Error)>) {
    let mut found = Vec::new();
    let mut closed = Vec::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, level)) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                closed.push((folder, error));
                continue;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
            match entry.file_type() {
                _ if name.starts_with("account{") && name.ends_with("}.oeaccount") => found.push(entry.path()),
                Ok(kind) if kind.is_dir() && level < depth && !(level == 0 && name == "backup") => {
                    folders.push((entry.path(), level + 1));
                }
                _ => {}
            }
        }
    }
    found.sort();
    (found, closed)
}
