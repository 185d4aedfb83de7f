//! Folders of settings that a group policy or the user moved: what the user's registry says about them, for a profile
//! that is seen from outside. The running user's own are asked of Windows itself.

use std::path::PathBuf;

use super::Folders;
use super::written_path::{Located, Profile};
use crate::registry::Registry;

const USER_SHELL_FOLDERS: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders";

/// Where the folders really are. What cannot be read or reached stays in its usual place.
pub(super) fn folders(usual: Folders, registry: &dyn Registry) -> Folders {
    let written =
        |name: &str| registry.value(USER_SHELL_FOLDERS, name).ok().flatten().and_then(|value| value.as_text());
    let located = |name: &str| {
        let text = written(name).filter(|text| !text.trim().is_empty())?;
        let profile = Profile { folders: &usual, registry: Some(registry), own_session: false };
        Some((profile.locate(&text), text))
    };
    let mut folders = usual.clone();
    // On a copy of a profile the usual folder may be there and the written one not.
    let better = |new: &PathBuf, old: &PathBuf| new.is_dir() || !old.is_dir();
    match located("AppData") {
        Some((Located::At(path), _)) if better(&path, &usual.roaming) => folders.roaming = path,
        Some((Located::Elsewhere, text)) => folders.roaming_elsewhere = Some(text),
        _ => {}
    }
    match located("Local AppData") {
        Some((Located::At(path), _)) if better(&path, &usual.local) => {
            folders.cache.clone_from(&path);
            folders.local = path;
        }
        _ => {}
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::computer::Os;
    use crate::registry::memory::MemoryRegistry;
    use crate::registry::{Value, ValueKind};

    fn moved(home: &std::path::Path, values: &[(&str, &str)]) -> Folders {
        let mut registry =
            MemoryRegistry::new().with("Volatile Environment", "USERPROFILE", Value::sz(r"C:\Users\jan"));
        for (name, text) in values {
            let value = Value { kind: ValueKind::ExpandSz, ..Value::sz(text) };
            registry = registry.with(USER_SHELL_FOLDERS, name, value);
        }
        folders(Folders::below(home, Os::Windows), &registry)
    }

    #[test]
    fn what_was_moved_within_the_profile_is_found_there() {
        let home = tempfile::tempdir().unwrap();
        let at = |below: &str| home.path().join(below);
        std::fs::create_dir_all(at("Documents/Réglages")).unwrap();
        for text in [
            r"%USERPROFILE%\documents\Réglages",
            r"C:\Users\jan\Documents\Réglages\",
            r"c:/users/JAN/Documents/Réglages",
        ] {
            let folders = moved(home.path(), &[("AppData", text), ("Local AppData", r"%USERPROFILE%\AppData\Local")]);
            // Where names have no case the written one is as good.
            let folded = |path: PathBuf| PathBuf::from(path.to_string_lossy().to_lowercase());
            assert_eq!(folded(folders.roaming), folded(at("Documents/Réglages")), "{text}");
            assert_eq!((folders.local, folders.roaming_elsewhere), (at("AppData/Local"), None));
        }
        let folders = moved(home.path(), &[("Local AppData", r"%USERPROFILE%\Documents\Réglages")]);
        assert_eq!((folders.local.clone(), folders.cache), (at("Documents/Réglages"), folders.local));
    }

    #[test]
    fn the_old_names_and_nothing_written_mean_the_usual_places() {
        let home = tempfile::tempdir().unwrap();
        let usual = Folders::below(home.path(), Os::Windows);
        assert_eq!(moved(home.path(), &[]), usual);
        assert_eq!(moved(home.path(), &[("AppData", " ")]), usual);
        assert_eq!(moved(home.path(), &[("AppData", r"%USERPROFILE%\AppData\Roaming")]), usual);
        assert_eq!(moved(home.path(), &[("AppData", r"%USERPROFILE%\Application Data")]), usual);
    }

    #[test]
    fn a_copy_of_a_profile_is_used_where_it_is() {
        let home = tempfile::tempdir().unwrap();
        let usual = Folders::below(home.path(), Os::Windows);
        std::fs::create_dir_all(&usual.roaming).unwrap();
        assert_eq!(moved(home.path(), &[("AppData", r"%USERPROFILE%\Gone")]).roaming, usual.roaming);
    }

    #[test]
    fn another_drive_is_told_and_not_guessed_at() {
        let home = tempfile::tempdir().unwrap();
        let folders = moved(home.path(), &[("AppData", r"D:\profiles\jan")]);
        assert_eq!(folders.roaming_elsewhere.as_deref(), Some(r"D:\profiles\jan"));
        assert_eq!(folders.roaming, home.path().join("AppData/Roaming"));
    }

    #[test]
    fn a_share_of_another_server_is_told_and_not_opened() {
        let home = tempfile::tempdir().unwrap();
        let share = r"\\server\users$\jan\AppData";
        assert_eq!(moved(home.path(), &[("AppData", share)]).roaming_elsewhere.as_deref(), Some(share));
    }
}
