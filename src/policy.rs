//! What port26 may do and how: default < file < managed < flag. Each value knows where it came from. The names of
//! the fields are the names in policy files and in the templates of device management.

mod file;
mod managed;
mod read;
mod recipient;
mod value;

use std::path::{Path, PathBuf};

use port26_platform::computer::Os;
use port26_platform::files::FileError;
use serde::{Deserialize, Serialize};

pub use managed::{PROFILE_DOMAIN, REGISTRY_NAME, managed_sources};
use recipient::recipient;
pub use value::{HostPort, Mode, MoveWhen, PolicyValue, Schedule};
use value::{Reading, boolean, control_hosts, days, host_patterns, ports, seconds, url, word};

/// Where a value comes from, the weakest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "at", rename_all = "snake_case")]
pub enum Source {
    /// Built in.
    Default,
    /// A policy file that the user named.
    File(PathBuf),
    /// The machine's owner: a managed file, a registry key, a configuration profile.
    Managed(String),
    /// The command line.
    Flag(String),
}

impl Source {
    fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File(_) => 1,
            Self::Managed(_) => 2,
            Self::Flag(_) => 3,
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Managed(place) => write!(f, "{place} (managed)"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting<T> {
    /// The value in effect.
    pub value: T,
    /// Who set it.
    pub from: Source,
}

impl<T> Setting<T> {
    /// Takes the new value unless a stronger source has spoken: the order of merging does not matter.
    fn offer(&mut self, value: T, from: &Source) {
        if from.rank() >= self.from.rank() {
            *self = Self { value, from: from.clone() };
        }
    }
}

/// What is wrong with a policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file that was named is not there.
    #[error("there is no policy file {path}")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is not TOML.
    #[error("{at}: {why}")]
    Malformed {
        /// File and line.
        at: Place,
        /// What the parser said.
        why: String,
    },
    /// There is no such setting.
    #[error("{at}: there is no setting {name}; {}", advice(.nearest))]
    Unknown {
        /// Where it was named.
        at: Place,
        /// The name.
        name: String,
        /// The setting that was probably meant.
        nearest: Option<&'static str>,
    },
    /// The value is of the wrong type or out of range.
    #[error("{at}: {name} {why}")]
    Wrong {
        /// Where it was set.
        at: Place,
        /// The setting.
        name: &'static str,
        /// "must be .., not ..".
        why: String,
    },
}

fn advice(nearest: &Option<&'static str>) -> String {
    match nearest {
        Some(name) => format!("did you mean {name}?"),
        None => format!("the settings are {}", Policy::NAMES.join(", ")),
    }
}

/// Where in the sources something is: the source, and the line if it is a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The source.
    pub source: Source,
    /// The line, from 1.
    pub line: Option<usize>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.source)?;
        self.line.map_or(Ok(()), |line| write!(f, ", line {line}"))
    }
}

/// One line of `policy show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The setting.
    pub name: &'static str,
    /// Its value in effect.
    pub value: serde_json::Value,
    /// Where it comes from.
    pub from: Source,
}

impl Row {
    /// The value as it is written in a policy file, where an empty text says that there is none.
    pub fn text(&self) -> String {
        match &self.value {
            serde_json::Value::Null => "\"\"".to_owned(),
            serde_json::Value::Array(items) => {
                format!("[{}]", items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            }
            other => other.to_string(),
        }
    }
}

/// One table for the struct, its defaults, its names, reading and showing: none of them can miss a field.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr, $read:expr;)*) => {
        /// Every setting with its value in effect. See the fields.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Policy {
            $($(#[$doc])* pub $name: Setting<$type>,)*
        }

        impl Default for Policy {
            fn default() -> Self {
                Self { $($name: Setting { value: $default, from: Source::Default },)* }
            }
        }

        impl Policy {
            /// The names of all settings, in the order they are shown.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Every setting for `policy show`.
            pub fn rows(&self) -> Vec<Row> {
                vec![$(Row {
                    name: stringify!($name),
                    value: serde_json::json!(self.$name.value),
                    from: self.$name.from.clone(),
                }),*]
            }

            fn set(&mut self, name: &str, value: &PolicyValue, reading: Reading, at: Place) -> Result<(), PolicyError> {
                match renamed(name) {
                    $(stringify!($name) => match $read(value, reading) {
                        Ok(value) => self.$name.offer(value, &at.source),
                        Err(why) => return Err(PolicyError::Wrong { at, name: stringify!($name), why }),
                    },)*
                    _ => return Err(PolicyError::Unknown { at, name: name.to_owned(), nearest: nearest(name) }),
                }
                Ok(())
            }
        }
    };
}

settings! {
    /// What to do at all: `fix`, `test` (look and explain, change nothing), `off`.
    mode: Mode = Mode::Fix, word;
    /// When to move an account: `failing` (it cannot send), `any_on_25` (it uses port 25, working or not).
    when: MoveWhen = MoveWhen::Failing, word;
    /// Ports to move to, the best first.
    target_ports: Vec<u16> = vec![26, 587, 465, 2525], ports;
    /// Hosts whose accounts may be changed: names, or `*.hosting.test` for every name below. Empty: all.
    host_allow_list: Vec<String> = Vec::new(), host_patterns;
    /// May a password go over a connection without TLS, where the host has none?
    plaintext_auth: bool = false, boolean;
    /// May an account be moved to another name of its host without anybody being asked, when the certificate is for that
    /// name and it has the same address? Was called `allow_cert_name_change`, which is read as well.
    allow_host_rename: bool = false, boolean;
    /// May accounts be moved though a program on this machine (antivirus) stands in the connection?
    allow_local_interception: bool = false, boolean;
    /// Unrelated mail hosts whose port 25 tells a blocking network from a closed server.
    control_hosts: Vec<HostPort> = HostPort::defaults(), control_hosts;
    /// Whom a host is asked about that is set up without a login: would it take mail for this address of somebody else's
    /// domain? Nothing is sent. None: the postmaster of the first control host's domain.
    probe_recipient: Option<String> = None, recipient;
    /// A page over plain HTTP that answers 204 on a free network; another answer means a captive portal. None by
    /// default: whoever runs the page sees the address of every computer that asks, so it should be the page of whoever
    /// manages the computer. The request carries no cookie and names neither program nor computer.
    captive_check_url: Option<String> = None, url;
    /// Seconds until a silent port is called silent.
    max_wait_s: u32 = 3, seconds;
    /// May the headers of mail that the programs keep on this computer be read, to tell of an account that cannot send when it
    /// last sent, and what waits to go out?
    read_past_mail: bool = true, boolean;
    /// Send a message to the account's own address after a move?
    send_test: bool = false, boolean;
    /// How often the background agent looks: `logon` (once), `hourly`, `daily`. With the last two it stays, and also looks
    /// when the network changes and when a mail program that was open has closed.
    schedule: Schedule = Schedule::Logon, word;
    /// Days until a receipt that nothing can be undone by any more is removed: undone, rolled back, or of a profile that is
    /// gone. 0: never. One that is in effect stays.
    keep_receipts_days: u32 = 365, days;
}

impl Policy {
    /// The policy of this run before its flags: the file that was named, else what the machine's owner laid down.
    pub fn load(os: Os, named: Option<&Path>) -> Result<Self, PolicyError> {
        let mut policy = Self::default();
        if let Some(path) = named {
            let bytes = read::bounded(path)?.ok_or_else(|| PolicyError::Missing { path: path.to_owned() })?;
            policy.merge_bytes(&bytes, Source::File(path.to_owned()))?;
            return Ok(policy);
        }
        policy.merge_machine(os)?;
        Ok(policy)
    }

    /// Takes in a policy file; all of it or, with an error, nothing.
    pub fn merge_file(&mut self, text: &str, path: &Path) -> Result<(), PolicyError> {
        self.merge_toml(text, Source::File(path.to_owned()))
    }

    /// Takes in what device management laid down (registry values, keys of a profile), where a list may also be one
    /// text and a truth value a 0 or 1; all of it or, with an error, nothing.
    pub fn merge_managed<N: AsRef<str>>(
        &mut self,
        place: &str,
        values: impl IntoIterator<Item = (N, PolicyValue)>,
    ) -> Result<(), PolicyError> {
        let mut merged = self.clone();
        for (name, value) in values {
            let at = Place { source: Source::Managed(place.to_owned()), line: None };
            merged.set(name.as_ref(), &value, Reading::Managed, at)?;
        }
        *self = merged;
        Ok(())
    }

    /// Takes in a flag, named as the user typed it (`--send-test`).
    pub fn merge_flag(&mut self, flag: &str, name: &str, value: impl Into<PolicyValue>) -> Result<(), PolicyError> {
        let at = Place { source: Source::Flag(flag.to_owned()), line: None };
        self.set(name, &value.into(), Reading::Strict, at)
    }

    /// Does `host_allow_list` name this host? Then it is one of those that whoever manages the computer knows.
    pub fn names_host(&self, host: &str) -> bool {
        !self.host_allow_list.value.is_empty() && self.allows_host(host)
    }

    /// May accounts at this host be changed?
    pub fn allows_host(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let matches = |pattern: &String| match pattern.strip_prefix('*') {
            Some(below) => host.len() > below.len() && host.ends_with(below),
            None => *pattern == host,
        };
        self.host_allow_list.value.is_empty() || self.host_allow_list.value.iter().any(matches)
    }
}

/// What a setting is called now.
fn renamed(name: &str) -> &str {
    match name {
        "allow_cert_name_change" => "allow_host_rename",
        kept => kept,
    }
}

/// The setting whose name is closest, if one is close.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase().replace('-', "_");
    let closest = Policy::NAMES.iter().map(|known| (distance(&name, known), *known)).min()?;
    (closest.0 <= (name.len() / 3).max(2)).then_some(closest.1)
}

/// How many letters must be added, left out or replaced (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
