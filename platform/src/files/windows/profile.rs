//! Whose profile a folder is, and in whose profile a path lies.

use std::fs::File;
use std::path::Path;

use windows_registry::LOCAL_MACHINE;

use super::owner::{is_the_machines, of};
use super::walk;
use crate::computer::known_folders::{self, Known};

const PROFILES: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";

/// The user whose home this is: of a profile of this machine who Windows says; else the folder's owner. A profile folder
/// itself usually belongs to SYSTEM, which tells nothing.
pub(super) fn user_of(home: &File) -> Option<String> {
    profile_of(home).or_else(|| of(home).ok().flatten().filter(|owner| !is_the_machines(owner)))
}

fn profile_of(home: &File) -> Option<String> {
    let home = walk::final_path(home)?;
    let profiles = LOCAL_MACHINE.open(PROFILES).ok()?;
    profiles.keys().ok()?.filter(|sid| !sid.ends_with(".bak")).find(|sid| {
        let folder = profiles.open(sid).and_then(|profile| profile.get_string("ProfileImagePath"));
        folder.is_ok_and(|folder| {
            let folder =
                folder.to_lowercase().replace("%systemdrive%", &std::env::var("SystemDrive").unwrap_or_default());
            walk::open_folder(Path::new(&folder)).ok().and_then(|folder| walk::final_path(&folder))
                == Some(home.clone())
        })
    })
}

/// Below the profile folder of whoever runs this, where its access list decides.
pub(super) fn is_in_own_profile(path: &Path) -> bool {
    known_folders::path(Known::Profile).is_some_and(|own| walk::below(&own, path).is_some())
}

/// The profile folder of another user of this machine that a path lies in.
pub(super) fn profile_of_another(path: &Path) -> Option<std::path::PathBuf> {
    let all = known_folders::path(Known::Profiles)?;
    let rest = walk::below(&all, path)?;
    let name = rest.components().next()?;
    let nobodys = name.as_os_str().eq_ignore_ascii_case("Public");
    (!nobodys && !is_in_own_profile(path)).then(|| all.join(name))
}
