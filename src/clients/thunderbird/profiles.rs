//! Where the profiles of a Mozilla mail program are: `profiles.ini` of both generations, relative and
//! absolute paths, and what `compatibility.ini` tells about the program that used a profile last.

use std::path::{Path, PathBuf};

use port26_platform::files;
use port26_platform::host::{Host, Os};

use super::Family;
use crate::clients::{Problem, ProfileAt};
use crate::formats::Document;
use crate::formats::key_file::KeyFile;

/// What was found below the roots of one program.
pub(super) struct Profiles {
    /// There is a `profiles.ini`, readable or not.
    pub any_root: bool,
    /// Profiles that have (or may have) a `prefs.js`, each once.
    pub list: Vec<ProfileAt>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// All profiles of a program.
pub(super) fn discover(family: &Family, host: &Host) -> Profiles {
    let mut found = Profiles { any_root: false, list: Vec::new(), problems: Vec::new() };
    for root in (family.roots)(host) {
        let file = root.join("profiles.ini");
        let parsed = match files::read(&file) {
            Ok(None) => continue,
            Ok(Some(bytes)) => KeyFile::parse(&bytes).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        found.any_root = true;
        match parsed {
            Ok(ini) => {
                let installs = root.join("installs.ini");
                let installs = files::read(&installs).ok().flatten().and_then(|bytes| KeyFile::parse(&bytes).ok());
                for (name, path) in listed(host, &root, &ini, installs.as_ref()) {
                    if host.own_session || !leads_out(host, &path) {
                        add(&mut found.list, name, path);
                    }
                }
            }
            Err(why) => found.problems.push(Problem {
                client: Some(family.id),
                at: file.display().to_string(),
                code: "unreadable_profile_list".to_owned(),
                message: format!("The list of {}'s profiles could not be read: {why}.", family.name),
                hint: format!("Start {} and close it again, then run port26 once more.", family.name),
            }),
        }
    }
    found
}

/// A link in somebody else's home may point anywhere.
fn leads_out(host: &Host, path: &Path) -> bool {
    // not there: there is nothing to follow
    let Ok(path) = std::fs::canonicalize(path) else { return false };
    // the folder of settings may have been moved to another place of that user
    let places = [&host.folders.home, &host.folders.roaming].map(std::fs::canonicalize);
    let known = places.iter().any(Result::is_ok);
    known && !places.iter().flatten().any(|place| path.starts_with(place))
}

fn add(list: &mut Vec<ProfileAt>, name: Option<String>, path: PathBuf) {
    let missing = |file: &Path| matches!(std::fs::symlink_metadata(file), Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory));
    // a profile that was never used, or whose folder is gone
    if missing(&path.join("prefs.js")) {
        return;
    }
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let here = real(&path);
    if list.iter().any(|known| known.path.as_deref().is_some_and(|known| real(known) == here)) {
        return;
    }
    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| folder_name(&path));
    list.push(ProfileAt { name, path: Some(path), key: None });
}

/// The last part of a profile's path.
pub(super) fn folder_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn listed(host: &Host, root: &Path, ini: &KeyFile, installs: Option<&KeyFile>) -> Vec<(Option<String>, PathBuf)> {
    let value = |file: &KeyFile, section: &str, key: &str| {
        file.get(&format!("{section}/{key}")).ok().flatten().map(|value| value.trim().to_owned())
    };
    let mut list = Vec::new();
    for section in ini.sections().filter(|section| section.starts_with("Profile")) {
        let Some(text) = value(ini, section, "Path") else { continue };
        let relative = value(ini, section, "IsRelative").map_or(!is_absolute(&text), |flag| flag != "0");
        list.extend(resolve(host, root, &text, relative).map(|path| (value(ini, section, "Name"), path)));
    }
    // the second generation names each installation's default profile once more
    let defaults = ini.sections().filter(|section| section.starts_with("Install")).map(|section| (ini, section));
    let more = installs.into_iter().flat_map(|file| file.sections().map(move |section| (file, section)));
    for (file, section) in defaults.chain(more) {
        let Some(text) = value(file, section, "Default") else { continue };
        list.extend(resolve(host, root, &text, !is_absolute(&text)).map(|path| (None, path)));
    }
    list
}

fn is_absolute(text: &str) -> bool {
    text.starts_with(['/', '\\']) || text.as_bytes().get(1) == Some(&b':')
}

fn resolve(host: &Host, root: &Path, text: &str, relative: bool) -> Option<PathBuf> {
    let separators: &[char] = if host.os == Os::Windows { &['/', '\\'] } else { &['/'] };
    let parts: Vec<&str> = text.split(separators).filter(|part| !part.is_empty() && *part != ".").collect();
    // in somebody else's home nothing may lead out of it
    if parts.is_empty() || (!host.own_session && parts.contains(&"..")) {
        return None;
    }
    if relative {
        return Some(root.join(parts.iter().collect::<PathBuf>()));
    }
    if host.own_session {
        return Some(PathBuf::from(text));
    }
    // a home seen from outside (a mounted disk): the same folder under its present place
    (0..parts.len())
        .map(|skipped| host.folders.home.join(parts[skipped..].iter().collect::<PathBuf>()))
        .find(|path| path.is_dir())
}

/// What `compatibility.ini` says about the program that used the profile last.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct LastUse {
    /// `115.6.0`
    pub version: Option<String>,
    /// Folders of the program.
    pub program: Vec<PathBuf>,
}

impl LastUse {
    /// Reads it; a missing or odd file says nothing.
    pub fn of(profile: &Path) -> Self {
        let file = files::read(&profile.join("compatibility.ini")).ok().flatten();
        let Some(ini) = file.and_then(|bytes| KeyFile::parse(&bytes).ok()) else { return Self::default() };
        let value = |key: &str| ini.get(&format!("Compatibility/{key}")).ok().flatten();
        let mut program: Vec<PathBuf> =
            ["LastPlatformDir", "LastAppDir"].iter().filter_map(|key| value(key)).map(PathBuf::from).collect();
        program.dedup();
        let version = value("LastVersion").map(|text| text.split(['_', '/']).next().unwrap_or_default().to_owned());
        Self { version: version.filter(|version| !version.is_empty()), program }
    }

    /// `115` of `115.6.0`.
    pub fn major(&self) -> Option<u32> {
        self.version.as_deref()?.split('.').next()?.parse().ok()
    }
}
