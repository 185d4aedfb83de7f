//! The machine (or the folder that looks like one) that port26 works on: which system's layout it has,
//! where its folders are, and the facilities behind it.

use std::path::PathBuf;
use std::sync::Arc;

use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};

use crate::processes::{LocksOnly, NothingRuns, Processes, RunningSystem};
use crate::registry::{MachineRegistry, Registry};
use crate::scripts::{self, NoScripts, Scripts, Visit};

#[cfg(windows)]
pub(crate) mod known_folders;
mod redirected;
mod unread;
pub mod written_path;

pub use unread::Unread;

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

impl Os {
    /// The system that runs. Everything that is neither Windows nor macOS is laid out like Linux.
    pub fn here() -> Self {
        match std::env::consts::OS {
            "windows" => Self::Windows,
            "macos" => Self::Macos,
            _ => Self::Linux,
        }
    }
}

/// Why the machine's own folders are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComputerError {
    /// Neither the environment nor the user database knows a home folder.
    #[error("the home folder of this user is not known; set {variable} or name it with --home")]
    NoHome {
        /// The variable that would tell it.
        variable: &'static str,
    },
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
    /// Windows, seen from outside: where the registry puts the roaming folder, if that cannot be reached from here. Then
    /// `roaming` is the usual place, which need not hold what is in use.
    pub roaming_elsewhere: Option<String>,
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
        let (roaming, local, cache) = (home.join(roaming), home.join(local), home.join(cache));
        Self { home, roaming, local, cache, roaming_elsewhere: None }
    }

    /// The running user's folders, as this system names them. Windows: its known folders, wherever they were moved to;
    /// elsewhere the environment first, then the user database.
    pub fn of_this_user() -> Result<Self, ComputerError> {
        let os = Os::here();
        let own = own_folders(os)?;
        let home = own.home_dir().to_owned();
        let data = own.data_dir();
        let cache = own.cache_dir();
        let folders = match os {
            Os::Windows => Self { roaming: data, local: cache.clone(), cache, home, roaming_elsewhere: None },
            Os::Macos => Self { roaming: data.clone(), local: data, cache, home, roaming_elsewhere: None },
            Os::Linux => Self { roaming: own.config_dir(), local: data, cache, home, roaming_elsewhere: None },
        };
        Ok(folders.known())
    }

    /// What Windows itself says wins over the variables of whoever started this program.
    #[cfg(windows)]
    fn known(mut self) -> Self {
        use known_folders::Known;
        let places = [(Known::Profile, &mut self.home), (Known::Roaming, &mut self.roaming)];
        for (known, place) in places.into_iter().chain([(Known::Local, &mut self.local)]) {
            if let Some(path) = known_folders::path(known) {
                *place = path;
            }
        }
        self.cache.clone_from(&self.local);
        self
    }

    #[cfg(not(windows))]
    fn known(self) -> Self {
        self
    }
}

fn own_folders(os: Os) -> Result<impl BaseStrategy, ComputerError> {
    let variable = if os == Os::Windows { "USERPROFILE" } else { "HOME" };
    let own = etcetera::base_strategy::choose_native_strategy().map_err(|_| ComputerError::NoHome { variable })?;
    if own.home_dir().is_absolute() { Ok(own) } else { Err(ComputerError::NoHome { variable }) }
}

/// Where port26 keeps its own things (receipts, history, the list of kept passwords) for the running user: Windows
/// `%LOCALAPPDATA%\port26`, macOS `~/Library/Application Support/port26`, Linux `$XDG_STATE_HOME/port26`. Not made here.
pub fn state_dir() -> Result<PathBuf, ComputerError> {
    let os = Os::here();
    let own = own_folders(os)?;
    Ok(state_dir_of(&Folders::of_this_user()?, os, own.state_dir()))
}

/// `state` is `$XDG_STATE_HOME` where the system has it.
fn state_dir_of(folders: &Folders, os: Os, state: Option<PathBuf>) -> PathBuf {
    let parent = match os {
        Os::Windows | Os::Macos => folders.local.clone(),
        Os::Linux => state.unwrap_or_else(|| folders.home.join(".local/state")),
    };
    parent.join("port26")
}

/// Everything an adapter may look at. It has no way to write.
#[derive(Clone)]
pub struct Computer {
    /// Whose layout this is.
    pub os: Os,
    /// Where the user's files are.
    pub folders: Folders,
    /// The user's registry (`HKEY_CURRENT_USER`), if there is one: live, or a `.reg` file.
    pub registry: Option<Arc<dyn Registry>>,
    /// What is installed for everybody (`HKEY_LOCAL_MACHINE`), if that is known: live, or a `.reg` file.
    pub machine: Option<Arc<dyn MachineRegistry>>,
    /// What runs, for "is the client open?". For a mounted disk or another user's home: nothing does.
    pub processes: Arc<dyn Processes>,
    /// Programs that are set by scripting (macOS). For a folder given by `--home` there are none: they would be this user's.
    pub scripts: Arc<dyn Scripts>,
    /// What of it could not be read. It hides nothing else.
    pub unread: Vec<Unread>,
    /// True when this is the running user's own session on this machine, not a folder given by `--home`.
    pub own_session: bool,
}

impl Computer {
    /// The running user's own session on this machine: live folders, registry and processes.
    pub fn this_machine() -> Result<Self, ComputerError> {
        Ok(Self {
            os: Os::here(),
            folders: Folders::of_this_user()?,
            registry: crate::registry::live(),
            machine: crate::registry::live_machine(),
            processes: Arc::new(RunningSystem),
            scripts: scripts::live(Visit::NotNow),
            unread: Vec::new(),
            own_session: true,
        })
    }

    /// The same machine for a verb that changes settings: its own user's programs may be launched and spoken to.
    #[must_use]
    pub fn to_be_changed(self) -> Self {
        if self.own_session { Self { scripts: scripts::live(Visit::Allowed), ..self } } else { self }
    }

    /// A folder that is some user's home: a mounted disk, a roaming profile, another user of this machine, a rehearsal.
    /// On Windows the user's registry says where the folders of settings were moved to.
    pub fn folder(home: impl Into<PathBuf>, os: Os, registry: Option<Arc<dyn Registry>>) -> Self {
        let home = home.into();
        let home = std::path::absolute(&home).unwrap_or(home);
        // Only programs of this system leave locks that this system can see.
        let processes: Arc<dyn Processes> = if os == Os::here() { Arc::new(LocksOnly) } else { Arc::new(NothingRuns) };
        let mut folders = Folders::below(home, os);
        if let (Os::Windows, Some(registry)) = (os, registry.as_deref()) {
            folders = redirected::folders(folders, registry);
        }
        let scripts = Arc::new(NoScripts);
        Self { os, folders, registry, machine: None, processes, scripts, unread: Vec::new(), own_session: false }
    }

    /// A variable of the running user's own session. A folder has none, whatever those of this process say.
    pub fn variable(&self, name: &str) -> Option<std::ffi::OsString> {
        if self.own_session { std::env::var_os(name) } else { None }
    }

    /// The root of the system that the user's home belongs to, as it is seen from here: `/` (Windows: the drive that the
    /// home is on) in the user's own session, else the folder above `home`, `Users` or `Documents and Settings`. `None`
    /// where a folder does not show to which system it belongs.
    pub fn system_root(&self) -> Option<PathBuf> {
        let home = &self.folders.home;
        if self.own_session {
            return home.ancestors().last().map(PathBuf::from);
        }
        let above = home.parent()?;
        let name = above.file_name()?.to_str()?;
        let homes: &[&str] = match self.os {
            Os::Windows => &["Users", "Documents and Settings"],
            Os::Macos => &["Users"],
            Os::Linux => &["home"],
        };
        if homes.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            above.parent().map(PathBuf::from)
        } else {
            None
        }
    }

    /// The same with what is installed on that machine.
    #[must_use]
    pub fn with_machine(mut self, machine: Option<Arc<dyn MachineRegistry>>) -> Self {
        self.machine = machine;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_the_running_users_and_all_its_folders_are_absolute() {
        let computer = Computer::this_machine().unwrap();
        assert!(computer.own_session);
        assert_eq!(computer.os, Os::here());
        assert_eq!(computer.registry.is_some(), computer.os == Os::Windows);
        let Folders { home, roaming, local, cache, roaming_elsewhere } = &computer.folders;
        assert_eq!(*roaming_elsewhere, None);
        assert_eq!(computer.machine.is_some(), computer.os == Os::Windows);
        assert!([home, roaming, local, cache].iter().all(|folder| folder.is_absolute()), "{:?}", computer.folders);
        assert_eq!(Some(home), std::env::home_dir().as_ref());
        assert!(state_dir().unwrap().ends_with("port26"));
    }

    #[test]
    fn a_folder_is_absolute_and_nothing_runs_in_it() {
        let computer = Computer::folder("some/home", Os::Windows, None);
        assert!(!computer.own_session);
        // Whoever's home it is, this user's programs are not spoken to.
        let mail = crate::scripts::App::new("Mail", "com.apple.mail");
        assert_eq!(computer.scripts.visit(&mail), Visit::Nowhere);
        assert_eq!(computer.clone().to_be_changed().scripts.visit(&mail), Visit::Nowhere);
        assert!(computer.folders.home.is_absolute());
        assert_eq!(computer.folders.roaming, computer.folders.home.join("AppData/Roaming"));
        assert!(computer.processes.running(&["thunderbird", "outlook"]).is_empty());
    }

    #[test]
    fn a_home_shows_to_which_system_it_belongs() {
        let root = |home: &str, os| Computer::folder(home, os, None).system_root();
        for (home, os) in
            [("/disk/home/ola", Os::Linux), ("/disk/Users/ola", Os::Macos), ("/disk/Users/ola", Os::Windows)]
        {
            assert!(root(home, os).unwrap().ends_with("disk"), "{home}");
        }
        assert_eq!(root("/disk/copies/ola", Os::Linux), None);
        assert_eq!(Computer::folder("/home/ola", Os::Linux, None).variable("PATH"), None);
        assert!(Computer::this_machine().unwrap().system_root().unwrap().parent().is_none());
    }

    #[test]
    fn each_system_has_its_place_for_our_state() {
        let at = |os| state_dir_of(&Folders::below("/home/anna", os), os, None);
        assert_eq!(at(Os::Windows), PathBuf::from("/home/anna/AppData/Local/port26"));
        assert_eq!(at(Os::Macos), PathBuf::from("/home/anna/Library/Application Support/port26"));
        assert_eq!(at(Os::Linux), PathBuf::from("/home/anna/.local/state/port26"));
        let folders = Folders::below("/home/anna", Os::Linux);
        assert_eq!(state_dir_of(&folders, Os::Linux, Some("/state".into())), PathBuf::from("/state/port26"));
    }
}
