//! What is installed on a Windows machine, as its registry tells: the entries of "Apps and features", the registered
//! places of programs (App Paths) and packaged apps. Read-only, for the machine (both views) and for the user.

mod image;
mod package;

use serde::{Deserialize, Serialize};

pub use image::bits_of_file;
pub use package::Package;

use crate::computer::{Computer, Os};
use crate::registry::{RegistryError, Value, View};

const CURRENT_VERSION: &str = r"Software\Microsoft\Windows\CurrentVersion";

/// For whom something is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// For everybody.
    Machine,
    /// For this user alone.
    User,
}

/// A part of the registry where programs are registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `HKEY_LOCAL_MACHINE`, as programs of this kind see it.
    Machine(View),
    /// `HKEY_CURRENT_USER`.
    User,
}

impl Place {
    /// For whom.
    pub fn scope(self) -> Scope {
        match self {
            Self::Machine(_) => Scope::Machine,
            Self::User => Scope::User,
        }
    }
}

/// An entry of "Apps and features" (`..\Uninstall\<key>`), where it has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key: a name, or a product code of Windows Installer.
    pub key: String,
    /// `DisplayName`.
    pub name: String,
    /// `DisplayVersion`.
    pub version: Option<String>,
    /// `InstallLocation`.
    pub folder: Option<String>,
    /// The program that `DisplayIcon` shows the icon of.
    pub icon: Option<String>,
    /// Where it is registered.
    pub place: Place,
    /// Windows Installer put it there.
    pub by_windows_installer: bool,
}

/// The registries of a Windows machine, as far as they are at hand.
#[derive(Clone, Copy)]
pub struct Programs<'a> {
    computer: &'a Computer,
}

impl<'a> Programs<'a> {
    /// `None` where no Windows is looked at.
    pub fn of(computer: &'a Computer) -> Option<Self> {
        (computer.os == Os::Windows).then_some(Self { computer })
    }

    /// The places that are at hand; a Windows of 32 bits has one of the machine.
    pub fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        if let Some(machine) = &self.computer.machine {
            places.push(Place::Machine(View::Native));
            if machine.is_64_bit() {
                places.push(Place::Machine(View::Wow64));
            }
        }
        if self.computer.registry.is_some() {
            places.push(Place::User);
        }
        places
    }

    /// How many bits the programs have that register in this place; the user's is for all.
    pub fn bits(&self, place: Place) -> Option<u8> {
        match place {
            Place::Machine(View::Native) => {
                self.computer.machine.as_ref().map(|machine| if machine.is_64_bit() { 64 } else { 32 })
            }
            Place::Machine(View::Wow64) => Some(32),
            Place::User => None,
        }
    }

    /// Names of the direct subkeys. What cannot be read counts as not there: nothing is decided by it.
    pub fn subkeys(&self, place: Place, key: &str) -> Vec<String> {
        readable(match (place, &self.computer.machine, &self.computer.registry) {
            (Place::Machine(view), Some(machine), _) => machine.subkeys(view, key),
            (Place::User, _, Some(registry)) => registry.subkeys(key),
            _ => Ok(Vec::new()),
        })
    }

    /// All values of a key.
    pub fn values(&self, place: Place, key: &str) -> Vec<(String, Value)> {
        readable(match (place, &self.computer.machine, &self.computer.registry) {
            (Place::Machine(view), Some(machine), _) => machine.values(view, key),
            (Place::User, _, Some(registry)) => registry.values(key),
            _ => Ok(Vec::new()),
        })
    }

    /// The text of one value; `None` if it is empty.
    pub fn text(&self, place: Place, key: &str, name: &str) -> Option<String> {
        let value = readable(match (place, &self.computer.machine, &self.computer.registry) {
            (Place::Machine(view), Some(machine), _) => machine.value(view, key, name),
            (Place::User, _, Some(registry)) => registry.value(key, name),
            _ => Ok(None),
        });
        value.and_then(|value| value.as_text()).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The entries of "Apps and features", without updates and parts of other programs.
    pub fn entries(&self) -> Vec<Entry> {
        let uninstall = format!(r"{CURRENT_VERSION}\Uninstall");
        let mut entries = Vec::new();
        for place in self.places() {
            for key in self.subkeys(place, &uninstall) {
                let values = self.values(place, &format!(r"{uninstall}\{key}"));
                entries.extend(entry(key, place, &values));
            }
        }
        entries
    }

    /// Where this program file is, as registered with App Paths.
    pub fn app_paths(&self, file: &str) -> Vec<(Place, String)> {
        let key = format!(r"{CURRENT_VERSION}\App Paths\{file}");
        let found = |place| Some((place, program_of(&self.text(place, &key, "")?)?));
        self.places().into_iter().filter_map(found).collect()
    }

    /// A path with its variables (`%ProgramFiles%`) replaced; `None` where that is another machine's.
    pub fn here(&self, path: &str) -> Option<std::path::PathBuf> {
        if !self.computer.own_session {
            return None;
        }
        let mut pieces = path.split('%');
        let mut whole = pieces.next().unwrap_or_default().to_owned();
        while let Some(name) = pieces.next() {
            whole.push_str(&std::env::var(name).ok()?);
            whole.push_str(pieces.next()?);
        }
        Some(whole.into())
    }

    /// Packaged apps that are registered for this user.
    pub fn packages(&self) -> Vec<Package> {
        const PACKAGES: &str =
            r"Software\Classes\Local Settings\Software\Microsoft\Windows\CurrentVersion\AppModel\Repository\Packages";
        self.subkeys(Place::User, PACKAGES).iter().filter_map(|name| Package::of_full_name(name)).collect()
    }
}

fn readable<T: Default>(read: Result<T, RegistryError>) -> T {
    read.unwrap_or_default()
}

fn entry(key: String, place: Place, values: &[(String, Value)]) -> Option<Entry> {
    let value =
        |wanted: &str| values.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value);
    let text = |wanted: &str| {
        let text = value(wanted)?.as_text()?.trim().trim_matches('"').to_owned();
        (!text.is_empty()).then_some(text)
    };
    // An update, or a part that another entry stands for.
    if text("ParentKeyName").is_some() {
        return None;
    }
    Some(Entry {
        name: text("DisplayName")?,
        version: text("DisplayVersion"),
        folder: text("InstallLocation").map(|folder| folder.trim_end_matches('\\').to_owned()),
        icon: text("DisplayIcon").and_then(|icon| program_of(&icon)),
        by_windows_installer: value("WindowsInstaller").and_then(Value::as_dword) == Some(1),
        key,
        place,
    })
}

/// The program of a command or of an icon's place: `"C:\A B\x.exe" /mail`, `C:\A B\x.exe,0`.
pub fn program_of(command: &str) -> Option<String> {
    let command = command.trim();
    if let Some(rest) = command.strip_prefix('"') {
        return rest.split_once('"').map(|(program, _)| program.to_owned()).filter(|program| !program.is_empty());
    }
    let end = command.to_ascii_lowercase().find(".exe")? + 4;
    command.get(..end).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::registry::memory::MemoryRegistry;
    use crate::registry::{MachineRegFile, MachineRegistry};

    fn machine(text: &str) -> Arc<dyn MachineRegistry> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("machine.reg");
        std::fs::write(&path, format!("Windows Registry Editor Version 5.00\n\n{text}")).unwrap();
        Arc::new(MachineRegFile::open(&path).unwrap().unwrap())
    }

    fn computer(machine_text: &str, registry: MemoryRegistry) -> Computer {
        Computer::folder("/nowhere", Os::Windows, Some(Arc::new(registry))).with_machine(Some(machine(machine_text)))
    }

    const UNINSTALL: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";
    const UNINSTALL_32: &str = r"SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall";

    #[test]
    fn entries_of_both_views_and_of_the_user() {
        let text = format!(
            "[HKEY_LOCAL_MACHINE\\{UNINSTALL}\\Birdy 2 (x64)]\n\"DisplayName\"=\"Birdy (x64)\"\n\
             \"DisplayVersion\"=\"2.0\"\n\"InstallLocation\"=\"C:\\\\Program Files\\\\Birdy\\\\\"\n\
             \"DisplayIcon\"=\"C:\\\\Program Files\\\\Birdy\\\\birdy.exe,0\"\n\
             [HKEY_LOCAL_MACHINE\\{UNINSTALL}\\KB1]\n\"DisplayName\"=\"Update\"\n\"ParentKeyName\"=\"Birdy\"\n\
             [HKEY_LOCAL_MACHINE\\{UNINSTALL}\\Nameless]\n\"DisplayVersion\"=\"1\"\n\
             [HKEY_LOCAL_MACHINE\\{UNINSTALL_32}\\{{0001}}]\n\"DisplayName\"=\"Old\"\n\"WindowsInstaller\"=dword:1\n"
        );
        let own = r"Software\Microsoft\Windows\CurrentVersion\Uninstall\mine";
        let computer = computer(&text, MemoryRegistry::new().with(own, "DisplayName", Value::sz("Mine")));
        let programs = Programs::of(&computer).unwrap();
        let entries = programs.entries();
        let told: Vec<_> =
            entries.iter().map(|one| (one.name.as_str(), programs.bits(one.place), one.place.scope())).collect();
        let expected =
            [("Birdy (x64)", Some(64), Scope::Machine), ("Old", Some(32), Scope::Machine), ("Mine", None, Scope::User)];
        assert_eq!(told, expected);
        let birdy = &entries[0];
        assert_eq!((birdy.version.as_deref(), birdy.folder.as_deref()), (Some("2.0"), Some(r"C:\Program Files\Birdy")));
        assert_eq!(birdy.icon.as_deref(), Some(r"C:\Program Files\Birdy\birdy.exe"));
        assert!(!birdy.by_windows_installer && entries[1].by_windows_installer);
    }

    #[test]
    fn app_paths_are_found_in_each_place() {
        let text = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\App Paths\\birdy.exe]\n\
                    @=\"\\\"C:\\\\Birdy\\\\birdy.exe\\\"\"\n";
        let own = r"Software\Microsoft\Windows\CurrentVersion\App Paths\BIRDY.EXE";
        let computer = computer(text, MemoryRegistry::new().with(own, "", Value::sz(r"D:\Birdy\birdy.exe")));
        let found = Programs::of(&computer).unwrap().app_paths("Birdy.exe");
        assert_eq!(
            found,
            [(Place::Machine(View::Native), r"C:\Birdy\birdy.exe".into()), (Place::User, r"D:\Birdy\birdy.exe".into())]
        );
    }

    #[test]
    fn a_machine_without_registries_has_nothing_and_another_system_no_programs() {
        let computer = Computer::folder("/nowhere", Os::Windows, None);
        let programs = Programs::of(&computer).unwrap();
        assert_eq!((programs.entries(), programs.packages().len(), programs.places().len()), (Vec::new(), 0, 0));
        assert!(Programs::of(&Computer::folder("/nowhere", Os::Linux, None)).is_none());
    }

    #[test]
    fn programs_of_commands() {
        for (command, program) in [
            (r#""C:\A B\x.exe" /mail"#, Some(r"C:\A B\x.exe")),
            (r"C:\A B\X.EXE,0", Some(r"C:\A B\X.EXE")),
            (r"C:\A\x.exe -a b.exe", Some(r"C:\A\x.exe")),
            (r#""C:\A B"#, None),
            (r"C:\A\x.dll", None),
            ("", None),
        ] {
            assert_eq!(program_of(command).as_deref(), program, "{command}");
        }
    }

    #[test]
    fn another_machines_paths_are_not_looked_at_here() {
        let computer = Computer::folder("/nowhere", Os::Windows, None);
        assert_eq!(Programs::of(&computer).unwrap().here(r"C:\x.exe"), None);
        let own = Computer { own_session: true, ..computer };
        let programs = Programs::of(&own).unwrap();
        assert_eq!(programs.here(r"C:\x.exe"), Some(r"C:\x.exe".into()));
        assert_eq!(programs.here(r"%port26 has no such variable%\x.exe"), None);
        assert_eq!(programs.here("100%"), None, "a lone sign");
        let path = std::env::var("PATH").unwrap();
        assert_eq!(programs.here(r"%PATH%\x"), Some(format!(r"{path}\x").into()));
    }
}
