//! Is what `--home` names a home folder, and of which system? A wrong folder would be "no mail accounts were found", so
//! it is refused, with what is seen there and the homes that are near.

use std::path::{Path, PathBuf};

use port26_platform::computer::Os;

use super::UsageError;

/// Folders beside the users' own in which nobody keeps mail.
const NOBODYS: [&str; 7] =
    ["public", "default", "all users", "default user", "localservice", "networkservice", "lost+found"];
/// What systems and tools of developers leave in any folder, home or not.
const ANYWHERE: [&str; 21] = [
    ".keep",
    ".ds_store",
    ".git",
    ".github",
    ".svn",
    ".hg",
    ".idea",
    ".vscode",
    ".venv",
    ".ci",
    ".spotlight-v100",
    ".fseventsd",
    ".trashes",
    ".snapshots",
    ".dockerenv",
    ".ecryptfs",
    ".x11-unix",
    ".ice-unix",
    ".font-unix",
    ".xim-unix",
    ".test-unix",
];
/// What shells, desktops and mail programs put into a home and nowhere else: one of them is enough.
const OF_A_PERSON: [&str; 34] = [
    ".profile",
    ".bashrc",
    ".bash_profile",
    ".bash_logout",
    ".bash_history",
    ".bash_login",
    ".zshrc",
    ".zsh_history",
    ".cshrc",
    ".login",
    ".config",
    ".local",
    ".cache",
    ".mozilla",
    ".thunderbird",
    ".mozilla-thunderbird",
    ".icedove",
    ".claws-mail",
    ".sylpheed-2.0",
    ".balsa",
    ".evolution",
    ".kde",
    ".kde4",
    ".gnome",
    ".gnome2",
    ".gconf",
    ".ssh",
    ".gnupg",
    ".pki",
    ".xauthority",
    ".iceauthority",
    ".xsession-errors",
    ".cfusertextencoding",
    ".var",
];
/// Folders that a desktop makes for its user, also where nothing hidden was copied along. Two of them are enough.
const USUAL: [&str; 14] = [
    "desktop",
    "documents",
    "downloads",
    "music",
    "pictures",
    "videos",
    "movies",
    "templates",
    "my documents",
    "favorites",
    "links",
    "contacts",
    "saved games",
    "searches",
];
/// Of these, what only Windows makes.
const OF_WINDOWS: [&str; 6] = ["my documents", "favorites", "links", "contacts", "saved games", "searches"];
/// Folders of a system, each with names that stand together in it. What says less than [`OF_A_PERSON`] is no sign there.
const OF_A_SYSTEM: [&[&str]; 9] = [
    &["passwd", "group"],
    &["bin", "lib", "share"],
    &["log", "lib", "spool"],
    &["dpkg", "systemd"],
    &[".x11-unix"],
    &["microsoft", "package cache"],
    &["microsoft", "start menu"],
    &["$recycle.bin"],
    &["system volume information"],
];
/// Where disks have their homes.
const HOMES: [&str; 4] = ["", "Users", "home", "Documents and Settings"];
/// So many entries of a folder are looked at.
const MOST: usize = 5_000;
/// So many are named.
const NAMED: usize = 5;

/// What a folder looks like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Looks {
    windows: bool,
    macos: bool,
    /// A home of Linux, or of any system with what tells them apart left behind.
    person: bool,
    /// The root of a system's disk.
    disk: bool,
    names: Vec<String>,
}

impl Looks {
    fn of(folder: &Path) -> Self {
        let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).take(MOST);
        // A dot file alone is left in many folders (`.updated`, `.pwd.lock`), a dot folder in fewer.
        let read = |entry: std::fs::DirEntry| {
            let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            (entry.file_name().to_string_lossy().into_owned(), folder)
        };
        let mut here: Vec<(String, bool)> = entries.map(read).collect();
        here.sort();
        let lower: Vec<(String, bool)> = here.iter().map(|(name, folder)| (name.to_lowercase(), *folder)).collect();
        let has = |name: &str| lower.iter().any(|(here, _)| here == name);
        let several = |names: &[&str]| names.iter().filter(|name| has(name)).count() > 1;
        let disk = (has("windows") && (has("users") || has("documents and settings") || has("program files")))
            || (has("system") && has("library") && has("users"))
            || (has("etc") && (has("usr") || has("home")));
        let systems = OF_A_SYSTEM.iter().any(|names| names.iter().all(|name| has(name)));
        let hidden = has("snap") || lower.iter().any(|(name, folder)| *folder && is_a_dot_name(name));
        let of_a_person = OF_A_PERSON.iter().any(|name| has(name));
        Self {
            windows: has("appdata")
                || has("ntuser.dat")
                || has("ntuser.man")
                // Below ProgramData there is a link of this name.
                || (has("application data") && !systems)
                || (several(&OF_WINDOWS) && !systems),
            // `/System` has one as well, of the system's own.
            macos: has("library") && !is_the_systems(&folder.join("Library")),
            person: of_a_person || (!systems && (hidden || several(&USUAL))),
            disk,
            names: here.into_iter().map(|(name, _)| name).collect(),
        }
    }

    fn is_a_home(&self) -> bool {
        !self.disk && (self.windows || self.macos || self.person)
    }

    /// Whose layout it has, when exactly one fits.
    pub(super) fn os(&self, home: &Path, with_registry: bool) -> Result<Os, UsageError> {
        match (self.windows, self.macos) {
            (true, false) => Ok(Os::Windows),
            (false, true) => Ok(Os::Macos),
            // Only Windows has a registry.
            (false, false) if with_registry => Ok(Os::Windows),
            (false, false) => Ok(Os::Linux),
            (true, true) => Err(UsageError::new(
                format!("--home {} looks like Windows and like macOS", home.display()),
                "Say which with --os windows or --os macos.",
            )),
        }
    }

    fn seen(&self) -> String {
        match self.names.as_slice() {
            [] => "It is empty.".to_owned(),
            names => format!("It holds {}.", listed(names.iter().map(String::as_str))),
        }
    }
}

/// Is this a `Library` of macOS itself?
fn is_the_systems(library: &Path) -> bool {
    library.join("CoreServices").is_dir() || library.join("LaunchDaemons").is_dir()
}

/// A dot folder that a person's programs make.
fn is_a_dot_name(name: &str) -> bool {
    name.starts_with('.') && name.len() > 1 && !ANYWHERE.contains(&name) && !name.starts_with(".trash-")
}

/// What is there, if it is a home or, with a registry or a system given beside it, at least nothing else.
pub(super) fn look(home: &Path, with_registry: bool, with_os: bool) -> Result<Looks, UsageError> {
    let refused = |what: &str, hint: String| UsageError::new(format!("--home {}: {what}", home.display()), hint);
    const EXAMPLE: &str = "Give the user's home folder, e.g. /mnt/disk/Users/jan.";
    if home.is_file() {
        let hive = home.file_name().is_some_and(|name| name.eq_ignore_ascii_case("ntuser.dat"));
        let hint = if hive { "Give the folder that it lies in, or give it with --registry." } else { EXAMPLE };
        return Err(refused("this is a file, not a folder.", hint.to_owned()));
    }
    if !home.is_dir() {
        return Err(refused("there is no such folder", EXAMPLE.to_owned()));
    }
    if let Err(error) = std::fs::read_dir(home) {
        return Err(refused(
            &format!("it cannot be looked into ({error})"),
            "Run port26 as somebody who may.".to_owned(),
        ));
    }
    let looks = Looks::of(home);
    if looks.is_a_home() {
        return Ok(looks);
    }
    let mut near = homes_inside(home);
    if !looks.disk && near.is_empty() && (with_registry || (with_os && !looks.names.is_empty())) {
        return Ok(looks);
    }
    near.extend(home_above(home));
    let what = if looks.disk { "this is the root of a disk, not a home folder." } else { "this is no home folder." };
    let hint = match near.as_slice() {
        [] => EXAMPLE.to_owned(),
        near => format!("Give one of these: {}", listed(near.iter().map(String::as_str))),
    };
    Err(refused(&format!("{what} {}", looks.seen()), hint))
}

/// Homes inside, in the places where a disk has them.
fn homes_inside(folder: &Path) -> Vec<String> {
    let mut found: Vec<PathBuf> = Vec::new();
    // What lies right below the root of a disk are the system's own folders.
    let disk = Looks::of(folder).disk;
    for place in HOMES.into_iter().filter(|place| !(disk && place.is_empty())) {
        let at = if place.is_empty() { folder.to_owned() } else { folder.join(place) };
        let inside = std::fs::read_dir(at).into_iter().flatten().filter_map(Result::ok).take(MOST);
        let somebodys = inside.filter(|entry| {
            let name = entry.file_name().to_string_lossy().to_lowercase();
            // A link would lead to the homes of this machine; nobody's home is hidden.
            let folder = entry.file_type().is_ok_and(|kind| kind.is_dir()) && !name.starts_with('.');
            folder && !NOBODYS.contains(&name.as_str())
        });
        found.extend(somebodys.map(|entry| entry.path()).filter(|path| Looks::of(path).is_a_home()).take(2 * NAMED));
    }
    // The same folder may go by two names where case does not matter.
    found.sort();
    found.dedup();
    found.into_iter().map(|path| path.display().to_string()).collect()
}

/// The home that it lies in, where that is beyond doubt: dots are in many folders.
fn home_above(folder: &Path) -> Option<String> {
    let looks_so = |above: &&Path| {
        let looks = Looks::of(above);
        !looks.disk && (looks.windows || looks.macos)
    };
    folder.ancestors().skip(1).take(4).find(looks_so).map(|above| above.display().to_string())
}

/// The first few.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let shown = names.take(NAMED).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(paths: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in paths {
            match path.strip_suffix('/') {
                Some(inside) => std::fs::create_dir_all(folder.path().join(inside)).unwrap(),
                None => std::fs::write(folder.path().join(path), "").unwrap(),
            }
        }
        folder
    }

    fn os_of(paths: &[&str], with_registry: bool) -> Option<Os> {
        let folder = folder(paths);
        look(folder.path(), with_registry, false).ok()?.os(folder.path(), with_registry).ok()
    }

    #[test]
    fn homes_are_told_by_what_is_in_them() {
        assert_eq!(os_of(&["AppData/"], false), Some(Os::Windows));
        assert_eq!(os_of(&["NTUSER.DAT"], false), Some(Os::Windows));
        assert_eq!(os_of(&["Application Data/"], false), Some(Os::Windows));
        assert_eq!(os_of(&["Library/", ".zshrc"], false), Some(Os::Macos));
        assert_eq!(os_of(&[".thunderbird/"], false), Some(Os::Linux));
        assert_eq!(os_of(&["AppData/", "Library/"], false), None, "which?");
        assert_eq!(os_of(&[".keep"], true), Some(Os::Windows), "there is a registry");
    }

    #[test]
    fn a_true_home_passes_with_or_without_a_mail_program() {
        for (home, os) in [
            (&["AppData/", "NTUSER.DAT", "Documents/", "ntuser.ini"][..], Os::Windows),
            (&["NTUSER.MAN", "AppData/"], Os::Windows),
            // Windows XP, and a copy of what its user sees.
            (&["Application Data/", "Local Settings/", "My Documents/"], Os::Windows),
            (&["Contacts/", "Desktop/", "Documents/", "Favorites/", "Links/"], Os::Windows),
            // On a drive of its own.
            (&["AppData/", "$RECYCLE.BIN/", "System Volume Information/"], Os::Windows),
            (&["Library/Preferences/", "Desktop/", "Documents/", ".CFUserTextEncoding", "Users/"], Os::Macos),
            (&[".bashrc", ".profile"], Os::Linux),
            (&["Desktop/", "Documents/", "Downloads/"], Os::Linux),
            (&[".config/", "Schreibtisch/", "Bilder/"], Os::Linux),
            (&[".claws-mail/"], Os::Linux),
            (&[".thunderbird/", "alter-rechner/.bashrc/"], Os::Linux),
            // Programs built below the home.
            (&[".profile", "bin/", "lib/", "share/"], Os::Linux),
            (&["snap/", "lost+found/"], Os::Linux),
        ] {
            assert_eq!(os_of(home, false), Some(os), "{home:?}");
        }
    }

    #[test]
    fn folders_of_a_system_are_no_homes_whatever_dots_are_in_them() {
        for place in [
            &["passwd", "group", "fstab", ".pwd.lock", ".updated", ".java/"][..],
            &["bin/", "lib/", "share/", ".hidden/"],
            &["syslog", "dpkg.log", "journal/"],
            &["log/", "lib/", "spool/", ".updated"],
            &[".X11-unix/", ".org.chromium.x/"],
            &[".git/", ".github/", "src/"],
            // ProgramData, a drive for data, /System.
            &["Application Data/", "Desktop/", "Documents/", "Microsoft/", "Package Cache/", "Start Menu/"],
            &["$RECYCLE.BIN/", "System Volume Information/", ".cache-of-a-tool/", "Music/", "Videos/"],
            &["Library/CoreServices/", "Applications/"],
            &["Windows/", "Program Files/", "ProgramData/"],
        ] {
            assert_eq!(os_of(place, false), None, "{place:?}");
            assert!(refusal(place).contains("It holds "), "{place:?}");
        }
        // Those of this machine, where there are such.
        for place in ["/etc", "/usr", "/var/log", "/"].map(Path::new).into_iter().filter(|place| place.is_dir()) {
            assert!(look(place, false, false).is_err(), "{}", place.display());
        }
    }

    fn refusal(paths: &[&str]) -> String {
        let folder = folder(paths);
        let error = look(folder.path(), false, false).unwrap_err();
        error.to_string().replace(&folder.path().display().to_string(), "DISK").replace('\\', "/")
    }

    #[test]
    fn what_is_no_home_is_refused_with_what_was_seen() {
        assert!(refusal(&[]).contains("It is empty."), "{}", refusal(&[]));
        assert!(refusal(&[".DS_Store", "photos/"]).contains("It holds .DS_Store, photos."));
        let disk = ["Windows/", "Users/jan/AppData/", "Users/Public/AppData/", "Users/eva/AppData/", "Program Files/"];
        let told = refusal(&disk);
        assert!(told.contains("the root of a disk"), "{told}");
        let folder = folder(&disk);
        let near = homes_inside(folder.path());
        let jan = folder.path().join("Users").join("jan").display().to_string();
        assert!(near.len() == 2 && near[1] == jan, "{near:?}");
        // Also with the system said: a disk is no home.
        assert!(look(folder.path(), true, true).is_err());
        // From too deep inside, the home above is named.
        assert_eq!(home_above(&folder.path().join("Users").join("jan").join("AppData")), Some(jan));
    }

    #[test]
    fn a_linux_disk_is_no_home_whatever_dots_it_has() {
        let told = refusal(&["etc/", "usr/", "home/ola/.claws-mail/", ".cache/"]);
        assert!(told.contains("the root of a disk"), "{told}");
    }
}
