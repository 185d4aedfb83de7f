//! Programs that start when the user logs in: the user's own entry (written, removed, looked up) and the one for all users
//! (looked up only: it belongs to whoever manages the machine). One way of keeping it a system: a LaunchAgent on macOS,
//! the `Run` key on Windows, an XDG autostart entry elsewhere. Each text is built and tested on every system.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::computer::ComputerError;
use crate::files::FileError;

pub mod desktop_entry;
pub mod launch_agent;
pub mod run_value;

#[cfg(target_os = "macos")]
mod macos;
#[cfg(windows)]
mod windows;
#[cfg(all(unix, not(target_os = "macos")))]
mod xdg;

#[cfg(target_os = "macos")]
use macos as system;
#[cfg(windows)]
use windows as system;
#[cfg(all(unix, not(target_os = "macos")))]
use xdg as system;

/// What an entry is called on each system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// The value below `Run`, and the `.desktop` file's name without its ending.
    pub name: &'static str,
    /// The LaunchAgent's label, in reverse domain form.
    pub label: &'static str,
    /// What it is for, in a line that people read in their list of login items.
    pub comment: &'static str,
}

/// A program and its arguments, started at login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its names.
    pub names: Names,
    /// The program, absolute.
    pub program: PathBuf,
    /// Its arguments: plain words.
    pub arguments: Vec<String>,
}

impl Entry {
    /// The program as text; an error if no login entry can hold it.
    fn program_text(&self) -> Result<&str, AutostartError> {
        let wrong = |why| AutostartError::Program { program: self.program.clone(), why };
        let text = self.program.to_str().ok_or_else(|| wrong("its path is not Unicode"))?;
        match text.chars().any(|c| c.is_control() || c == '"') {
            true => Err(wrong("its path has a quotation mark or a control character in it")),
            false => Ok(text),
        }
    }
}

/// Whose logins an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The running user's.
    ThisUser,
    /// Everybody's on this machine.
    AllUsers,
}

/// An entry that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Whose logins it is for.
    pub scope: Scope,
    /// The file, or the registry value as people write it.
    pub place: String,
    /// What it starts, as it stands there.
    pub command: String,
    /// False when the user or the system switched it off without removing it.
    pub enabled: bool,
}

/// When an entry that was just written takes effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// The system has started it already.
    Now,
    /// At the next login.
    AtNextLogin {
        /// Why not now, where the system was asked for that and refused.
        why: Option<String>,
    },
}

/// What became of an entry that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// There was none.
    Nothing,
    /// It is gone.
    Gone,
}

/// What went wrong with an entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AutostartError {
    /// The user's folders are not known.
    #[error(transparent)]
    Computer(#[from] ComputerError),
    /// The entry's file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The program cannot be named in an entry.
    #[error("{program} cannot be started at login: {why}")]
    Program {
        /// The program.
        program: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// The registry refused.
    #[error("registry value {place}: {why}")]
    Registry {
        /// The value.
        place: String,
        /// What the system said.
        why: String,
    },
    /// A tool of the system could not be run.
    #[error("running {tool}: {source}")]
    Tool {
        /// The tool.
        tool: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl AutostartError {
    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Computer(_) => "Set the variable that it names and run this again.",
            Self::File(error) => error.hint(),
            Self::Program { .. } => "Put the program into a folder with a plain name and run this again.",
            Self::Registry { .. } => "Ask whoever manages this computer whether entries at logon are allowed.",
            Self::Tool { .. } => "Run this in a session at the screen of this computer.",
        }
    }
}

/// Writes the user's own entry, in the place of one that is there.
pub fn install(entry: &Entry) -> Result<Started, AutostartError> {
    system::install(entry)
}

/// Removes the user's own entry, and nothing else.
pub fn remove(names: &Names) -> Result<Removed, AutostartError> {
    system::remove(names)
}

/// The entries of these names that are there: the user's own, then the one for all users.
pub fn found(names: &Names) -> Result<Vec<Found>, AutostartError> {
    system::found(names)
}

/// Removes a file; false if there was none.
fn remove_file(path: &Path) -> Result<bool, AutostartError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(FileError::Io { doing: "removing", path: path.to_owned(), source }.into()),
    }
}

/// Puts an entry's file in place, with the folder that it needs.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), AutostartError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| FileError::Io {
            doing: "making",
            path: folder.to_owned(),
            source,
        })?;
    }
    Ok(crate::files::replace_private(path, bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_no_entry_can_name_is_refused() {
        let entry = |program: &str| Entry { names: sample().names, program: program.into(), arguments: Vec::new() };
        for program in ["/opt/a\nb", "/opt/a\"b", "/opt/a\u{1b}b"] {
            let error = entry(program).program_text().unwrap_err();
            assert!(matches!(error, AutostartError::Program { .. }), "{error}");
        }
        assert_eq!(entry("/opt/Käse & Wein/port26").program_text().unwrap(), "/opt/Käse & Wein/port26");
    }

    /// The entry that the tests of each text write.
    pub(super) fn sample() -> Entry {
        Entry {
            names: Names { name: "sample", label: "org.sample.agent", comment: "Looks after <samples>" },
            program: "/Applications/My $ample & 100%.app/Contents/MacOS/sample".into(),
            arguments: ["agent", "run", "--silent"].map(str::to_owned).to_vec(),
        }
    }
}
