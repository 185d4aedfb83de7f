//! Where a program for Linux keeps its settings: in the user's own folders, and in those that a Flatpak or a snap of it has
//! instead of them. Each is an installation of its own, with accounts of its own.

use std::path::{Component, Path, PathBuf};

use port26_platform::computer::{Computer, Os};

/// One place where a program may keep its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Home {
    /// `flatpak` or `snap`; empty for the user's own.
    pub kind: &'static str,
    /// What is the home folder for the program.
    pub home: PathBuf,
    /// Its folder of settings.
    pub config: PathBuf,
}

impl Home {
    /// What the profile in this place is called.
    pub fn profile(&self, program: &str) -> String {
        match self.kind {
            "" => program.to_owned(),
            kind => format!("{program} ({kind})"),
        }
    }

    /// The id of an account in this place.
    pub fn id(&self, client: &str, account: &str) -> String {
        match self.kind {
            "" => format!("{client}/{account}"),
            kind => format!("{client}/{kind}/{account}"),
        }
    }
}

/// The places of a program whose Flatpak and snap have these names; the user's own first.
pub(super) fn homes(computer: &Computer, flatpak: &str, snap: &str) -> Vec<Home> {
    if computer.os != Os::Linux {
        return Vec::new();
    }
    let home = &computer.folders.home;
    let own = Home { kind: "", home: home.clone(), config: computer.folders.roaming.clone() };
    let flatpak = home.join(".var/app").join(flatpak);
    let snap = current(&home.join("snap").join(snap));
    vec![
        own,
        // Only the folders of settings are a Flatpak's own; what a program keeps beside them is the user's.
        Home { kind: "flatpak", home: flatpak.clone(), config: flatpak.join("config") },
        Home { kind: "snap", home: snap.clone(), config: snap.join(".config") },
    ]
}

/// The revision of a snap that is used. `current` is a link to it, and root follows no link below a home: what it names is looked at,
/// if that is a folder beside it.
fn current(snap: &Path) -> PathBuf {
    chosen(snap, std::fs::read_link(snap.join("current")).ok())
}

/// `named`: where `current` leads.
fn chosen(snap: &Path, named: Option<PathBuf>) -> PathBuf {
    let beside = |to: &PathBuf| matches!(to.components().collect::<Vec<_>>()[..], [Component::Normal(_)]);
    snap.join(named.filter(beside).unwrap_or_else(|| PathBuf::from("current")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flatpak_and_a_snap_have_places_and_names_of_their_own() {
        let computer = Computer::folder("/home/ola", Os::Linux, None);
        let homes = homes(&computer, "org.gnome.Geary", "geary");
        let told: Vec<_> = homes.iter().map(|home| (home.profile("Geary"), home.id("geary", "account_01"))).collect();
        let of = |profile: &str, id: &str| (profile.to_owned(), id.to_owned());
        assert_eq!(
            told,
            [
                of("Geary", "geary/account_01"),
                of("Geary (flatpak)", "geary/flatpak/account_01"),
                of("Geary (snap)", "geary/snap/account_01")
            ]
        );
        assert!(homes[1].config.ends_with(".var/app/org.gnome.Geary/config"));
        assert!(homes[2].config.ends_with("snap/geary/current/.config"));
        assert!(super::homes(&Computer::folder("/Users/ola", Os::Macos, None), "a", "b").is_empty());
    }

    #[test]
    fn a_snap_is_where_its_link_leads_if_that_is_beside_it() {
        let snap = Path::new("/home/ola/snap/geary");
        let leads = |to: Option<&str>| chosen(snap, to.map(PathBuf::from));
        assert_eq!(leads(Some("42")), snap.join("42"));
        for elsewhere in [None, Some("/root/42"), Some("../other/42"), Some(".."), Some("42/..")] {
            assert_eq!(leads(elsewhere), snap.join("current"), "{elsewhere:?}");
        }
    }
}
