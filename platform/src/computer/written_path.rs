//! Paths as one Windows wrote them into its registry, brought to where they are seen from here: on that Windows itself,
//! or where its profile folder is a mounted disk, a share or a copy.

use std::path::{Path, PathBuf};

use super::{Computer, Folders, Os};
use crate::registry::Registry;

const SHELL_FOLDERS: &str = "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\Shell Folders";

/// Where a path of the registry leads.
#[derive(Debug, PartialEq, Eq)]
pub enum Located {
    /// To this folder, which need not exist.
    At(PathBuf),
    /// Out of the profile, where nothing can be reached from here.
    Elsewhere,
}

use Located::At;

/// Whose paths they are.
#[derive(Clone, Copy)]
pub struct Profile<'a> {
    /// Where the profile's folders are seen.
    pub folders: &'a Folders,
    /// That user's registry.
    pub registry: Option<&'a dyn Registry>,
    /// The running user's own, on this machine: every path is good as it is written.
    pub own_session: bool,
}

impl<'a> Profile<'a> {
    /// The user's profile on this computer.
    pub fn of(computer: &'a Computer) -> Self {
        Self { folders: &computer.folders, registry: computer.registry.as_deref(), own_session: computer.own_session }
    }

    /// Brings a path as Windows writes it to this machine's view.
    pub fn locate(&self, written: &str) -> Located {
        let folders = self.folders;
        let written = written.trim().trim_end_matches(['\\', '/']);
        for (variable, folder) in [
            ("%USERPROFILE%", &folders.home),
            ("%HOMEDRIVE%%HOMEPATH%", &folders.home),
            ("%LOCALAPPDATA%", &folders.local),
            ("%APPDATA%", &folders.roaming),
        ] {
            if let Some(rest) = strip_front(written, variable) {
                return if *folder == folders.home { At(self.in_profile(rest)) } else { At(below(folder, rest)) };
            }
        }
        let mut profiles: Vec<String> = Vec::new();
        if self.own_session {
            profiles.push(folders.home.display().to_string());
        }
        profiles.extend(self.profile_in_registry());
        if profiles.is_empty() {
            profiles.extend(guessed_profile(written));
        }
        for profile in profiles {
            if let Some(rest) = strip_front(written, profile.trim_end_matches(['\\', '/'])) {
                return At(self.in_profile(rest));
            }
        }
        // On the user's own machine any other path is reachable as it is written.
        let reachable = self.own_session && !written.contains('%');
        if reachable || self.same_server(written) { At(PathBuf::from(written)) } else { Located::Elsewhere }
    }

    /// A share of the server that the profile itself is on. To any other server, named by somebody else's registry,
    /// Windows would send a proof of this user's password.
    fn same_server(&self, written: &str) -> bool {
        let home = self.folders.home.to_string_lossy();
        Os::here() == Os::Windows && server_of(written).is_some_and(|server| server_of(&home) == Some(server))
    }

    /// A path below the profile folder. The old names of the data folders are links that a mounted disk does not follow.
    fn in_profile(&self, rest: &str) -> PathBuf {
        for (old, folder) in [
            ("Local Settings\\Application Data", &self.folders.local),
            ("AppData\\Local", &self.folders.local),
            ("Application Data", &self.folders.roaming),
            ("AppData\\Roaming", &self.folders.roaming),
        ] {
            if let Some(rest) = strip_front(rest, old) {
                return below(folder, rest);
            }
        }
        below(&self.folders.home, rest)
    }

    /// The profile folder as that Windows called it.
    fn profile_in_registry(&self) -> Option<String> {
        let registry = self.registry?;
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
}

/// The server of a share, in lower case: `server` of `\\\\server\\share`.
fn server_of(path: &str) -> Option<String> {
    let rest = path.strip_prefix(r"\\?\UNC\").or_else(|| {
        let mut front = path.chars();
        (front.next().is_some_and(is_separator) && front.next().is_some_and(is_separator)).then_some(front.as_str())
    })?;
    let server = rest.split(is_separator).next()?.to_lowercase();
    // `\\\\?\\` and `\\\\.\\` lead to devices.
    (!server.is_empty() && server != "?" && server != ".").then_some(server)
}

fn below(folder: &Path, rest: &str) -> PathBuf {
    let names = || rest.split(['\\', '/']).filter(|name| !name.is_empty() && *name != ".." && *name != ".");
    descend(folder, names()).unwrap_or_else(|| folder.join(names().collect::<PathBuf>()))
}

/// Walks down by names without regard to case, as Windows does. `None` if there is no such folder.
pub fn descend<'a>(from: &Path, names: impl Iterator<Item = &'a str>) -> Option<PathBuf> {
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

/// `C:\Users\name` of a path that begins like that.
fn guessed_profile(written: &str) -> Option<String> {
    let mut parts = written.splitn(4, is_separator);
    let (drive, users, name) = (parts.next()?, parts.next()?, parts.next()?);
    let is_drive = drive.len() == 2 && drive.ends_with(':');
    let is_users = users.eq_ignore_ascii_case("Users") || users.eq_ignore_ascii_case("Documents and Settings");
    (is_drive && is_users && !name.is_empty()).then(|| format!("{drive}\\{users}\\{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_a_share() {
        for (path, server) in [
            (r"\\Server\users$\jan", Some("server")),
            ("//server/share", Some("server")),
            (r"\\?\UNC\SERVER\share", Some("server")),
            (r"\\?\C:\Users", None),
            (r"\\.\pipe\x", None),
            (r"C:\Users", None),
            ("", None),
        ] {
            assert_eq!(server_of(path).as_deref(), server, "{path}");
        }
    }

    #[test]
    fn of_somebody_elses_paths_only_shares_of_the_same_server_are_opened() {
        let folders = Folders::below(r"\\server\profiles$\jan.V6", Os::Windows);
        let profile = Profile { folders: &folders, registry: None, own_session: false };
        let same = r"\\SERVER\users$\jan\AppData";
        let expected = if Os::here() == Os::Windows { At(PathBuf::from(same)) } else { Located::Elsewhere };
        assert_eq!(profile.locate(same), expected);
        for other in [r"\\elsewhere\users$\jan", r"\\?\C:\x", r"\\.\C:\x", r"D:\x", "x", "%SystemDrive%\\x"] {
            assert_eq!(profile.locate(other), Located::Elsewhere, "{other}");
        }
    }
}
