//! Whose keys are in an export. regedit writes them below `HKEY_CURRENT_USER` or `HKEY_USERS`; who exports a hive of
//! another disk gives them a root of his own choice (`reg load HKLM\Offline`), or none (`hivexregedit` without a prefix).

use std::collections::HashMap;

use super::{RegTextError, fold};

/// What the user's hive alone has right below its root: a machine's hives have neither.
const USERS_OWN: [&str; 2] = ["SOFTWARE", "IDENTITIES"];
/// What lies below `HKEY_LOCAL_MACHINE` by itself; anything else there was loaded by somebody.
const MACHINES_OWN: [&str; 11] = [
    "SOFTWARE",
    "SYSTEM",
    "SAM",
    "SECURITY",
    "HARDWARE",
    "BCD00000000",
    "COMPONENTS",
    "DRIVERS",
    "SCHEMA",
    "ELAM",
    "WINDOWSAPPLOCKERCACHE",
];

/// The hive that a key belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Root {
    CurrentUser,
    /// `HKEY_USERS` and this, folded.
    User(String),
    Machine,
    /// A hive that was loaded below `HKEY_LOCAL_MACHINE` under this name, folded.
    Loaded(String),
    /// Some other first word, folded; empty for none.
    Other(String),
}

impl Root {
    /// The root of a key as it is written, and the path below it, without empty parts (Wine's regedit doubles the
    /// backslash behind a root that was asked for with one).
    pub fn of(path: &str) -> (Self, String) {
        let (word, below) = path.split_once('\\').unwrap_or((path, ""));
        let mut parts = below.split('\\').filter(|name| !name.is_empty());
        let root = match fold(word).as_str() {
            "HKEY_CURRENT_USER" | "HKCU" => Self::CurrentUser,
            "HKEY_USERS" | "HKU" => match parts.next() {
                Some(user) => Self::User(fold(user)),
                None => Self::Other("HKEY_USERS".to_owned()),
            },
            "HKEY_LOCAL_MACHINE" | "HKLM" => match parts.clone().next().map(fold) {
                Some(name) if !MACHINES_OWN.contains(&name.as_str()) => {
                    parts.next();
                    Self::Loaded(name)
                }
                _ => Self::Machine,
            },
            other => Self::Other(other.to_owned()),
        };
        (root, parts.collect::<Vec<_>>().join("\\"))
    }
}

/// One root that was seen.
#[derive(Debug)]
struct Seen {
    root: Root,
    /// Below it lies what only a user's hive has.
    like_a_users: bool,
    /// As it is told, for each of its own hives (`HKEY_LOCAL_MACHINE\SYSTEM`).
    shown: Vec<String>,
}

/// All roots of a file.
#[derive(Debug, Default)]
pub(super) struct Roots {
    seen: Vec<Seen>,
    places: HashMap<Root, usize>,
}

/// So many are told of.
const MOST_SHOWN: usize = 50;

impl Roots {
    /// A key below this root was seen: as it is written, and its path below the root.
    pub fn see(&mut self, root: &Root, written: &str, below: &str) {
        let at = *self.places.entry(root.clone()).or_insert_with(|| {
            self.seen.push(Seen { root: root.clone(), like_a_users: false, shown: Vec::new() });
            self.seen.len() - 1
        });
        let seen = &mut self.seen[at];
        seen.like_a_users |= USERS_OWN.contains(&fold(below.split('\\').next().unwrap_or_default()).as_str());
        let words = if *root == Root::CurrentUser { 1 } else { 2 };
        let shown = written.split('\\').take(words).collect::<Vec<_>>().join("\\");
        if seen.shown.len() < MOST_SHOWN && !seen.shown.contains(&shown) {
            seen.shown.push(shown);
        }
    }

    /// Below what the keys stand.
    pub fn shown(&self) -> Vec<String> {
        self.seen.iter().flat_map(|seen| seen.shown.iter().cloned()).take(MOST_SHOWN).collect()
    }

    /// The machine's own hive, if there is anything of it.
    pub fn machine(&self) -> Option<Root> {
        self.seen.iter().find(|seen| seen.root == Root::Machine).map(|seen| seen.root.clone())
    }

    /// Whose keys count as the user's. `None`: no user's are there.
    pub fn users(&self) -> Result<Option<Root>, RegTextError> {
        if self.seen.iter().any(|seen| seen.root == Root::CurrentUser) {
            return Ok(Some(Root::CurrentUser));
        }
        let people: Vec<&Seen> = self.seen.iter().filter(|seen| seen.is_a_users()).collect();
        match people.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one.root.clone())),
            several => Err(RegTextError::SeveralUsers {
                roots: several.iter().filter_map(|seen| seen.shown.first().cloned()).take(MOST_SHOWN).collect(),
            }),
        }
    }
}

impl Seen {
    fn is_a_users(&self) -> bool {
        match &self.root {
            Root::CurrentUser => true,
            // Of what was loaded under some name it is seen, of an account it is known.
            Root::User(name) => is_a_person(name) && (self.like_a_users || name.starts_with("S-1-")),
            Root::Loaded(_) | Root::Other(_) => self.like_a_users,
            Root::Machine => false,
        }
    }
}

/// Accounts of people: of a machine or a domain (`S-1-5-21-`), of Entra ID (`S-1-12-1-`), or a hive that was loaded under
/// some name. Services have other numbers, and `_CLASSES` is the other half of a user.
fn is_a_person(name: &str) -> bool {
    let a_services = name.starts_with("S-1-") && !name.starts_with("S-1-5-21-") && !name.starts_with("S-1-12-1-");
    !a_services && name != ".DEFAULT" && !name.ends_with("_CLASSES")
}
