//! Which profiles a Mozilla mail program has: `profiles.ini` of both generations, and what `compatibility.ini` tells about
//! the program that used a profile last. As `nsToolkitProfileService` reads them.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use port26_platform::computer::Computer;

use super::bounds;
use super::family::Family;
use super::gecko_ini::GeckoIni;
use super::profile_path::{self, Place};
use crate::clients::{Problem, ProfileAt};
use crate::formats::Document;
use crate::formats::key_file::KeyFile;

/// What was found below the roots of one program.
pub(super) struct Profiles {
    /// There is a `profiles.ini`, readable or not.
    pub any_root: bool,
    /// Profiles that have (or may have) a `prefs.js`, each once.
    pub list: Vec<ProfileAt>,
    /// What could not be read, or reached.
    pub problems: Vec<Problem>,
    /// A list of profiles could not be read.
    pub unread: bool,
}

/// A profile as a list names it.
struct Listed {
    name: Option<String>,
    /// Its path as it is written.
    text: String,
    relative: bool,
}

/// All profiles of a program.
pub(super) fn discover(family: &Family, computer: &Computer) -> Profiles {
    let mut search = Search { family, computer, seen: HashSet::new(), told: HashSet::new(), found: Profiles::none() };
    for root in (family.roots)(computer) {
        search.look_in(&root);
    }
    search.found
}

impl Profiles {
    fn none() -> Self {
        Self { any_root: false, list: Vec::new(), problems: Vec::new(), unread: false }
    }
}

struct Search<'a> {
    family: &'a Family,
    computer: &'a Computer,
    /// Folders, links resolved.
    seen: HashSet<PathBuf>,
    /// Paths that are told to be out of reach.
    told: HashSet<String>,
    found: Profiles,
}

impl Search<'_> {
    fn look_in(&mut self, root: &Path) {
        let file = root.join("profiles.ini");
        let listed = match bounds::read(&file) {
            Ok(None) => return,
            Ok(Some(bytes)) => match listed(&GeckoIni::parse(&bytes)) {
                listed if listed.is_empty() => nothing_in(&bytes).map_or(Ok(listed), Err),
                listed => Ok(listed),
            },
            Err(why) => Err(why),
        };
        self.found.any_root = true;
        match listed {
            Ok(mut listed) => {
                if listed.len() > bounds::MOST_PROFILES {
                    listed.truncate(bounds::MOST_PROFILES);
                    self.found.problems.push(bounds::too_many(self.family, &file, "profiles", bounds::MOST_PROFILES));
                }
                for profile in listed {
                    self.add(root, profile);
                }
            }
            Err(why) => {
                self.found.unread = true;
                self.found.problems.push(Problem {
                    client: Some(self.family.id),
                    at: file.display().to_string(),
                    code: "unreadable_profile_list".to_owned(),
                    message: format!("The list of {}'s profiles could not be read: {why}.", self.family.name),
                    hint: format!("Start {} and close it again, then run port26 once more.", self.family.name),
                });
            }
        }
    }

    fn add(&mut self, root: &Path, profile: Listed) {
        let path = match profile_path::resolve(self.computer, root, &profile.text, profile.relative) {
            Place::At(path) => path,
            Place::Nowhere => return,
            Place::OutOfReach => return self.out_of_reach(&profile),
        };
        if !self.computer.own_session && leads_out(self.computer, &path) {
            return self.out_of_reach(&profile);
        }
        match std::fs::symlink_metadata(path.join("prefs.js")) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                // A profile that was never used or was deleted is none. One elsewhere may be on a drive that is not there.
                if profile_path::is_elsewhere(self.computer, root, &path) && std::fs::metadata(&path).is_err() {
                    self.out_of_reach(&profile);
                }
                return;
            }
            // whatever is the matter with it is told where it is read
            _ => {}
        }
        let real = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        if self.seen.insert(real) {
            let name = profile.name.filter(|name| !name.is_empty()).unwrap_or_else(|| folder_name(&path));
            self.found.list.push(ProfileAt { name, path: Some(path), key: None });
        }
    }

    /// Never a reason to take a folder of the same name from elsewhere.
    fn out_of_reach(&mut self, profile: &Listed) {
        let text = bounds::shortened(&profile.text);
        if !self.told.insert(text.clone()) {
            return;
        }
        let called = match profile.name.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => format!("The profile \"{}\" of {}", bounds::shortened(name), self.family.name),
            None => format!("A profile of {}", self.family.name),
        };
        self.found.problems.push(Problem {
            client: Some(self.family.id),
            at: text.clone(),
            code: "profile_not_reachable".to_owned(),
            message: format!("{called} is kept in {text}, which cannot be reached from here."),
            hint: "Connect the drive or share that it is on and run port26 again; or run port26 on that computer, signed in as that user.".to_owned(),
        });
    }
}

/// A link in somebody else's home may point anywhere.
fn leads_out(computer: &Computer, path: &Path) -> bool {
    // not there: there is nothing to follow
    let Ok(path) = std::fs::canonicalize(path) else { return false };
    // the folder of settings may have been moved to another place of that user
    let places = [&computer.folders.home, &computer.folders.roaming].map(std::fs::canonicalize);
    let known = places.iter().any(Result::is_ok);
    known && !places.iter().flatten().any(|place| path.starts_with(place))
}

/// The last part of a profile's path.
pub(super) fn folder_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Why a list without profiles is not one of a program that has none yet.
fn nothing_in(bytes: &[u8]) -> Option<String> {
    let ini = match KeyFile::parse(bytes) {
        Ok(ini) => ini,
        Err(error) => return Some(error.to_string()),
    };
    let named = ini.sections().any(|section| section.starts_with("Profile"));
    named.then(|| "none of the profiles in it is written as the program reads them".to_owned())
}

/// As `nsToolkitProfileService::Init` does it: Profile0, Profile1, and so on, until one is missing or does not say whether it
/// is relative. The sections of installations only name profiles of this list once more.
fn listed(ini: &GeckoIni) -> Vec<Listed> {
    let mut list = Vec::new();
    for number in 0.. {
        let section = format!("Profile{number}");
        let Some(relative) = ini.get(&section, "IsRelative") else { break };
        let (Some(name), Some(text)) = (ini.get(&section, "Name"), ini.get(&section, "Path")) else { continue };
        let relative = relative == "1";
        if relative || profile_path::is_absolute(text) {
            list.push(Listed { name: Some(name.to_owned()), text: text.to_owned(), relative });
        }
    }
    list
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
        let file = bounds::read(&profile.join("compatibility.ini")).ok().flatten();
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

#[cfg(test)]
mod tests;
