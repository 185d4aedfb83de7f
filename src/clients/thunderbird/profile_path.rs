//! Where a path of `profiles.ini` leads. In somebody else's home only the home's own prefix is replaced: a profile on
//! another drive is out of reach, and a folder of the same name elsewhere is never taken for it.

use std::path::{Path, PathBuf};

use port26_platform::computer::written_path::{Located, Profile};
use port26_platform::computer::{Computer, Os};

use super::bounds::LONGEST_PATH;

/// Where a profile is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In this folder, which need not exist.
    At(PathBuf),
    /// Somewhere that is not seen from here.
    OutOfReach,
    /// The list names nothing.
    Nowhere,
}

/// Is the path written from the root of a system?
pub(super) fn is_absolute(text: &str) -> bool {
    text.starts_with(['/', '\\']) || text.as_bytes().get(1) == Some(&b':')
}

/// Brings a path of the list in `root` to what is seen from here.
pub(super) fn resolve(computer: &Computer, root: &Path, text: &str, relative: bool) -> Place {
    let (most_bytes, most_parts) = LONGEST_PATH;
    let separators: &[char] = if computer.os == Os::Windows { &['/', '\\'] } else { &['/'] };
    let parts = || text.split(separators).filter(|part| !part.is_empty() && *part != ".");
    if text.len() > most_bytes || parts().count() > most_parts {
        return Place::OutOfReach;
    }
    if parts().next().is_none() {
        return Place::Nowhere;
    }
    // in somebody else's home nothing may lead out of it
    if !computer.own_session && parts().any(|part| part == "..") {
        return Place::OutOfReach;
    }
    if relative {
        return Place::At(root.join(parts().collect::<PathBuf>()));
    }
    if computer.own_session {
        return Place::At(PathBuf::from(text));
    }
    match computer.os {
        Os::Windows => windows(computer, text),
        Os::Macos | Os::Linux => {
            let parts: Vec<&str> = parts().collect();
            let home = &computer.folders.home;
            below_home(computer, &parts)
                .map_or(Place::OutOfReach, |rest| Place::At(home.join(rest.iter().collect::<PathBuf>())))
        }
    }
}

/// Is the folder neither in the home, nor in the folder of settings, nor beside the list?
pub(super) fn is_elsewhere(computer: &Computer, root: &Path, path: &Path) -> bool {
    let climbs = path.components().any(|part| part == std::path::Component::ParentDir);
    climbs || ![root, &computer.folders.home, &computer.folders.roaming].iter().any(|place| path.starts_with(place))
}

fn windows(computer: &Computer, text: &str) -> Place {
    // a home that still stands among homes has its own name, so another name is somebody else
    let names: Vec<&str> = text.split(['/', '\\']).collect();
    let of_somebody = names.first().is_some_and(|drive| drive.ends_with(':'))
        && names.get(1).is_some_and(|homes| is_folder_of_homes(homes));
    if of_somebody && computer.registry.is_none() && !names.get(2).is_some_and(|name| may_be_own(computer, name)) {
        return Place::OutOfReach;
    }
    match Profile::of(computer).locate(text) {
        Located::At(path) => Place::At(path),
        Located::Elsewhere => Place::OutOfReach,
    }
}

fn is_folder_of_homes(name: &str) -> bool {
    ["home", "Users", "Documents and Settings"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// May a home of this name be the one that is looked at? A copy of a home may have any name.
fn may_be_own(computer: &Computer, name: &str) -> bool {
    let own = computer.folders.home.file_name();
    computer.system_root().is_none() || own.is_some_and(|own| own.eq_ignore_ascii_case(name))
}

/// What follows the home's own prefix: the home as it is called from here, the same below its system's root, or a home where
/// systems have them.
fn below_home<'t>(computer: &Computer, parts: &'t [&'t str]) -> Option<&'t [&'t str]> {
    let home: Vec<&str> =
        computer.folders.home.iter().filter_map(|part| part.to_str()).filter(|part| *part != "/").collect();
    let own = (0..home.len().saturating_sub(1)).map(|skipped| &home[skipped..]).find(|own| parts.starts_with(own));
    if let Some(own) = own {
        return Some(&parts[own.len()..]);
    }
    match parts {
        ["root", rest @ ..] | ["var", "root", rest @ ..] => {
            home.last().is_some_and(|name| *name == "root").then_some(rest)
        }
        ["home" | "Users", name, rest @ ..] | ["var", "home", name, rest @ ..] => {
            may_be_own(computer, name).then_some(rest)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(home: &str, os: Os, text: &str) -> Option<String> {
        let computer = Computer::folder(home, os, None);
        match resolve(&computer, &computer.folders.home.join(".thunderbird"), text, !is_absolute(text)) {
            Place::At(path) => {
                let home = &computer.folders.home;
                Some(
                    path.strip_prefix(home)
                        .map_or_else(|_| path.display().to_string(), |rest| rest.display().to_string())
                        .replace('\\', "/"),
                )
            }
            Place::OutOfReach => None,
            Place::Nowhere => Some("nowhere".to_owned()),
        }
    }

    #[test]
    fn only_the_homes_own_prefix_is_replaced() {
        for (home, text, expected) in [
            ("/disk/home/ola", "/home/ola/tb", Some("tb")),
            ("/disk/home/ola", "/disk/home/ola/tb", Some("tb")),
            ("/disk/export/homes/ola", "/export/homes/ola/mail/tb", Some("mail/tb")),
            ("/disk/home/ola", "/var/home/ola/tb", Some("tb")),
            ("/copy", "/home/ola/tb", Some("tb")),
            ("/disk/root", "/root/tb", Some("tb")),
            // somebody else's, another mount, a drive
            ("/disk/home/ola", "/home/eva/tb", None),
            ("/disk/home/ola", "/media/ola/USB/tb", None),
            ("/disk/home/ola", "/root/tb", None),
            ("/disk/home/ola", "/ola/tb", None),
            ("/disk/home/ola", "../../eva/tb", None),
            ("/disk/home/ola", "p/./q", Some(".thunderbird/p/q")),
            ("/disk/home/ola", "./", Some("nowhere")),
        ] {
            assert_eq!(at(home, Os::Linux, text).as_deref(), expected, "{home} {text}");
        }
        for (home, text, expected) in [
            ("/disk/Users/ola", r"C:\Users\ola\AppData\Roaming\Thunderbird\p", Some("AppData/Roaming/Thunderbird/p")),
            ("/copy", r"C:\Users\ola\Documents\tb", Some("Documents/tb")),
            ("/disk/Users/ola", r"C:\Users\eva\Documents\tb", None),
            ("/disk/Users/ola", r"D:\Thunderbird\Profiles\p", None),
            ("/disk/Users/ola", r"\\server\share\tb", None),
        ] {
            assert_eq!(at(home, Os::Windows, text).as_deref(), expected, "{home} {text}");
        }
    }

    #[test]
    fn a_path_that_no_system_has_costs_nothing() {
        let text = format!("/{}", "a/".repeat(200_000));
        assert_eq!(at("/disk/home/ola", Os::Linux, &text), None);
        assert_eq!(at("/disk/home/ola", Os::Linux, &"a/".repeat(65)), None);
    }
}
