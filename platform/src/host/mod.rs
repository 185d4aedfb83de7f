//! The machine (or the folder that looks like one) that port26 works on: which system's layout it has,
//! where its folders are, and the facilities behind it.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::processes::Processes;
use crate::registry::Registry;

/// The system whose layout a home folder has. A value, so that every adapter runs in tests everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Os {
    /// Windows: `AppData` below the profile folder, a registry.
    Windows,
    /// macOS: `Library` below the home folder.
    Macos,
    /// Linux: dot folders and XDG folders.
    Linux,
}

/// Where the user's things are. All absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// The home folder (Windows: the profile folder).
    pub home: PathBuf,
    /// Windows `%APPDATA%`, macOS `~/Library/Application Support`, Linux `$XDG_CONFIG_HOME`.
    pub roaming: PathBuf,
    /// Windows `%LOCALAPPDATA%`, macOS `~/Library/Application Support`, Linux `$XDG_DATA_HOME`.
    pub local: PathBuf,
    /// Windows `%LOCALAPPDATA%`, macOS `~/Library/Caches`, Linux `$XDG_CACHE_HOME`.
    pub cache: PathBuf,
}

impl Folders {
    /// The folders of a home folder that is not (or need not be) the running user's: fixed names below it.
    pub fn below(home: impl Into<PathBuf>, os: Os) -> Self {
        let home = home.into();
        let (roaming, local, cache) = match os {
            Os::Windows => ("AppData/Roaming", "AppData/Local", "AppData/Local"),
            Os::Macos => ("Library/Application Support", "Library/Application Support", "Library/Caches"),
            Os::Linux => (".config", ".local/share", ".cache"),
        };
        Self { roaming: home.join(roaming), local: home.join(local), cache: home.join(cache), home }
    }
}

/// Everything an adapter may look at. It has no way to write.
#[derive(Clone)]
pub struct Host {
    /// Whose layout this is.
    pub os: Os,
    /// Where the user's files are.
    pub folders: Folders,
    /// The user's registry (`HKEY_CURRENT_USER`), if there is one: live, or a `.reg` file.
    pub registry: Option<Arc<dyn Registry>>,
    /// What runs, for "is the client open?". For a mounted disk or another user's home: nothing does.
    pub processes: Arc<dyn Processes>,
    /// True when this is the running user's own session on this machine, not a folder given by `--home`.
    pub own_session: bool,
}
