//! Folders in which the programs of the family keep their list of profiles, and where they are installed. From
//! `nsXREDirProvider::GetUserDataDirectory` (Gecko 147 and later know `$XDG_CONFIG_HOME`), the packages' own manifests,
//! and Microsoft's rule that a Store program's AppData is below `Packages`.

use std::path::{Path, PathBuf};

use port26_platform::computer::{Computer, Os};

use super::profiles::LastUse;

/// Thunderbird's.
pub(super) fn thunderbird(computer: &Computer) -> Vec<PathBuf> {
    match computer.os {
        Os::Windows => {
            let mut roots = windows(computer, &["Thunderbird"]);
            roots.extend(store_packages(&computer.folders.local.join("Packages"), "MozillaThunderbird"));
            roots
        }
        Os::Macos => vec![computer.folders.home.join("Library").join("Thunderbird")],
        Os::Linux => {
            let home = &computer.folders.home;
            let forced =
                computer.variable("MOZ_LEGACY_HOME").is_some_and(|value| value.to_string_lossy().starts_with('1'));
            let mut roots = vec![linux_root(home, &computer.folders.roaming, forced)];
            let snap = home.join("snap/thunderbird");
            roots.push(linux_root(&snap.join("common"), &snap.join("common/.config"), false));
            roots.push(snap.join("current/.config/thunderbird"));
            let flatpaks = [
                "org.mozilla.Thunderbird",
                "org.mozilla.thunderbird",
                "org.mozilla.thunderbird_esr",
                "net.thunderbird.Thunderbird",
            ];
            roots.extend(flatpaks.map(|id| flatpak_root(home, id)));
            roots
        }
    }
}

/// Betterbird's own.
pub(super) fn betterbird(computer: &Computer) -> Vec<PathBuf> {
    match computer.os {
        Os::Linux => vec![flatpak_root(&computer.folders.home, "eu.betterbird.Betterbird")],
        Os::Windows | Os::Macos => Vec::new(),
    }
}

/// SeaMonkey's.
pub(super) fn seamonkey(computer: &Computer) -> Vec<PathBuf> {
    match computer.os {
        Os::Windows => windows(computer, &["Mozilla/SeaMonkey"]),
        Os::Macos => vec![computer.folders.roaming.join("SeaMonkey")],
        Os::Linux => vec![computer.folders.home.join(".mozilla/seamonkey")],
    }
}

/// Postbox's newer and older one.
pub(super) fn postbox(computer: &Computer) -> Vec<PathBuf> {
    let names = ["Postbox", "PostboxApp"];
    match computer.os {
        Os::Windows => windows(computer, &names),
        Os::Macos => names.map(|name| computer.folders.roaming.join(name)).to_vec(),
        Os::Linux => Vec::new(),
    }
}

fn windows(computer: &Computer, names: &[&str]) -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> = names.iter().map(|name| computer.folders.roaming.join(name)).collect();
    // Later systems have a link of this name, which leads to the folder looked at already.
    if !computer.folders.home.join("AppData").exists() {
        roots.extend(names.iter().map(|name| computer.folders.home.join("Application Data").join(name)));
    }
    roots
}

/// What a Store program sees as its roaming folder. The name's last part is the publisher's.
fn store_packages(packages: &Path, name: &str) -> Vec<PathBuf> {
    let ours = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(name);
    let entries = std::fs::read_dir(packages).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.filter(ours).map(|entry| entry.path()).collect();
    found.sort();
    found.into_iter().map(|package| package.join("LocalCache/Roaming/Thunderbird")).collect()
}

/// The old folder while it is there or is asked for, else the one of the XDG specification.
fn linux_root(home: &Path, config: &Path, forced: bool) -> PathBuf {
    let old = home.join(".thunderbird");
    if forced || old.exists() { old } else { config.join("thunderbird") }
}

fn flatpak_root(home: &Path, id: &str) -> PathBuf {
    let own = home.join(".var/app").join(id);
    linux_root(&own, &own.join("config"), false)
}

/// Folders of the program that uses the profile: those that it noted there itself, else the usual ones of the system that
/// the home belongs to. A note in somebody else's home is not followed.
pub(super) fn programs(computer: &Computer, profile: &Path, last_use: &LastUse) -> Vec<PathBuf> {
    // it sees its own files instead
    if flatpak_id(profile).is_some() {
        return Vec::new();
    }
    if computer.own_session && !last_use.program.is_empty() {
        return last_use.program.clone();
    }
    let Some(root) = computer.system_root() else { return Vec::new() };
    let usual: &[&str] = match computer.os {
        Os::Windows => &["Program Files/Mozilla Thunderbird", "Program Files (x86)/Mozilla Thunderbird"],
        Os::Macos => &["Applications/Thunderbird.app/Contents/Resources"],
        Os::Linux => &["usr/lib/thunderbird", "usr/lib64/thunderbird", "opt/thunderbird"],
    };
    usual.iter().map(|folder| root.join(folder)).filter(|folder| folder.is_dir()).collect()
}

/// Where the system keeps policies for the program that uses the profile (Linux). A Flatpak has its own `/etc`.
pub(super) fn system_policies(computer: &Computer, profile: &Path) -> Option<PathBuf> {
    let root = computer.system_root()?;
    let etc = match flatpak_id(profile) {
        Some(id) => root.join("var/lib/flatpak/app").join(id).join("current/active/files/etc"),
        None => root.join("etc"),
    };
    Some(etc.join("thunderbird/policies"))
}

/// `org.mozilla.thunderbird` of `~/.var/app/org.mozilla.thunderbird/..`.
fn flatpak_id(profile: &Path) -> Option<&std::ffi::OsStr> {
    let mut parts = profile.iter().skip_while(|part| *part != ".var");
    (parts.next().is_some() && parts.next()? == "app").then(|| parts.next()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn computer(home: &Path, os: Os) -> Computer {
        Computer::folder(home, os, None)
    }

    #[test]
    fn the_old_folder_on_linux_is_used_while_it_is_there_or_asked_for() {
        let home = tempfile::tempdir().unwrap();
        let (old, new) = (home.path().join(".thunderbird"), home.path().join(".config/thunderbird"));
        assert_eq!(thunderbird(&computer(home.path(), Os::Linux))[0], new);
        assert_eq!(linux_root(home.path(), &home.path().join(".config"), true), old);
        std::fs::create_dir(&old).unwrap();
        assert_eq!(thunderbird(&computer(home.path(), Os::Linux))[0], old);
    }

    #[test]
    fn a_flatpak_has_its_own_policies() {
        let computer = computer(Path::new("/disk/home/ola"), Os::Linux);
        let of = |profile: &str| system_policies(&computer, Path::new(profile)).unwrap();
        assert!(of("/disk/home/ola/.thunderbird/p").ends_with("disk/etc/thunderbird/policies"));
        assert!(
            of("/disk/home/ola/.var/app/a.b/.thunderbird/p")
                .ends_with("app/a.b/current/active/files/etc/thunderbird/policies")
        );
    }

    #[test]
    fn windows_has_had_several_places() {
        let home = tempfile::tempdir().unwrap();
        let of_xp = home.path().join("Application Data/Thunderbird");
        assert!(thunderbird(&computer(home.path(), Os::Windows)).contains(&of_xp));
        let package = home.path().join("AppData/Local/Packages/MozillaThunderbird.MZLA_h5892qc0xkpca");
        std::fs::create_dir_all(&package).unwrap();
        let roots = thunderbird(&computer(home.path(), Os::Windows));
        assert!(!roots.contains(&of_xp) && roots.contains(&package.join("LocalCache/Roaming/Thunderbird")));
    }
}
