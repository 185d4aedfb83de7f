//! Passwords that a host refused in the last day, over all runs: whoever sends them again every hour gets somebody locked
//! out. A small file in the state folder, with names, times and the host's words; of the password one byte of a salted
//! hash, enough to see that it is another one now (255 times of 256) and far too little to find it by.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use port26_platform::files;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Credential, Item};
use crate::probe::finding::{End, LoginFinding, Reply};

const SCHEMA: &str = "port26-refused/1";

/// How long a refusal counts: longer than hosts look back when they count failed logins.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// So many passwords of one login may be refused in that time; after that no other is tried without somebody who types it.
const MOST: usize = 3;

/// More are not kept; the oldest go first.
const KEPT: usize = 200;

/// A refusal that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// When.
    pub at: Timestamp,
    /// What was seen then.
    pub finding: LoginFinding,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RefusalEntry {
    host: String,
    user: String,
    at: Timestamp,
    salt: String,
    trace: u8,
    port: u16,
    mechanism: Option<String>,
    code: u16,
    said: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RefusalsFile {
    schema: String,
    refused: Vec<RefusalEntry>,
}

/// What is remembered. Of two programs that write at once one may forget a refusal; it is told by the next one.
#[derive(Debug)]
pub struct Refusals {
    path: PathBuf,
    written: Writing,
    trouble: Mutex<Option<String>>,
}

/// What may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    Allowed,
    /// A dry run leaves the state folder as it is.
    Never,
}

impl Refusals {
    /// Those in this state folder. Nothing is read or made yet.
    pub fn in_state(state: &Path) -> Self {
        Self { path: state.join("refused.json"), written: Writing::Allowed, trouble: Mutex::default() }
    }

    /// The same, and nothing is added.
    #[must_use]
    pub fn only_read(self) -> Self {
        Self { written: Writing::Never, ..self }
    }

    /// Was this password refused for this login, or too many others, less than a day ago? The latest of them.
    pub(super) fn known(&self, host: &str, credential: &Credential, now: Timestamp) -> Option<Refused> {
        let login = login(host, &credential.user);
        let mut of_login = self.entries(now);
        of_login.retain(|entry| (&entry.host, &entry.user) == (&login.0, &login.1));
        let same = |entry: &&RefusalEntry| trace(&entry.salt, credential) == entry.trace;
        let last = if of_login.len() >= MOST { of_login.last() } else { of_login.iter().rfind(same) };
        last.map(|entry| Refused { at: entry.at, finding: entry.finding() })
    }

    /// Remembers that this password was refused.
    pub(super) fn note(&self, host: &str, credential: &Credential, finding: &LoginFinding, now: Timestamp) {
        let Some(reply) = finding.auth.as_ref() else { return };
        let (host, user) = login(host, &credential.user);
        // Not the time alone: a clock that stands still must not make two salts alike.
        let salt = hex::encode(&Sha256::digest(format!("{now}{}{host}{user}", std::process::id()))[..8]);
        let trace = trace(&salt, credential);
        let said = reply.lines.iter().take(5).map(|line| line.chars().take(200).collect()).collect();
        let mut entries = self.entries(now);
        let (port, mechanism, code) = (finding.port, finding.mechanism.clone(), reply.code);
        entries.push(RefusalEntry { host, user, at: now, salt, trace, port, mechanism, code, said });
        self.write(entries);
    }

    /// Forgets what was refused for this login: the host took a password, or somebody typed a new one.
    pub fn forget(&self, host: &str, user: &str, now: Timestamp) {
        let login = login(host, user);
        let mut entries = self.entries(now);
        let before = entries.len();
        entries.retain(|entry| (&entry.host, &entry.user) != (&login.0, &login.1));
        if entries.len() != before {
            self.write(entries);
        }
    }

    /// Why what was remembered could not be read or kept, if it could not.
    pub fn trouble(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Those that still count, the oldest first. What cannot be read begins anew.
    fn entries(&self, now: Timestamp) -> Vec<RefusalEntry> {
        let read = || -> Result<Vec<RefusalEntry>, String> {
            let Some(bytes) = files::read_private(&self.path).map_err(|error| error.to_string())? else {
                return Ok(Vec::new());
            };
            let document: RefusalsFile = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
            let known = document.schema == SCHEMA;
            known.then_some(document.refused).ok_or_else(|| format!("its schema is {}, not {SCHEMA}", document.schema))
        };
        let mut entries = read().unwrap_or_else(|why| {
            self.in_trouble(format!("{} could not be read and begins anew: {why}", self.path.display()));
            // It is told once: the next run finds a list.
            self.write(Vec::new());
            Vec::new()
        });
        // A time to come is a clock that was wrong, then or now: it does not count for ever.
        entries.retain(|entry| now.duration_since(entry.at).abs() < REMEMBERED);
        entries.sort_by_key(|entry| entry.at);
        entries
    }

    fn write(&self, mut entries: Vec<RefusalEntry>) {
        if self.written == Writing::Never {
            return;
        }
        let surplus = entries.len().saturating_sub(KEPT);
        entries.drain(..surplus);
        let document = RefusalsFile { schema: SCHEMA.to_owned(), refused: entries };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let written = serde_json::to_vec_pretty(&document).map_err(|error| error.to_string()).and_then(|bytes| {
            files::private_dir(folder)
                .and_then(|()| files::replace_private(&self.path, &bytes))
                .map_err(|error| error.to_string())
        });
        if let Err(why) = written {
            self.in_trouble(format!("{} could not be written: {why}", self.path.display()));
        }
    }

    fn in_trouble(&self, why: String) {
        tracing::warn!("{why}");
        self.lock().get_or_insert(why);
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RefusalEntry {
    fn finding(&self) -> LoginFinding {
        LoginFinding {
            port: self.port,
            mechanism: self.mechanism.clone(),
            auth: Some(Reply { code: self.code, lines: self.said.clone(), ms: 0 }),
            mail_from: None,
            recipient: None,
            to_itself: None,
            end: End::Refused,
            round_trips: 0,
        }
    }
}

/// As logins are told apart: hosts and most servers' users have no case.
fn login(host: &str, user: &str) -> (String, String) {
    let item = Item::folded(host, user);
    (item.host().to_owned(), item.account)
}

fn trace(salt: &str, credential: &Credential) -> u8 {
    let mut hash = Sha256::new();
    hash.update(salt.as_bytes());
    hash.update([0]);
    hash.update(credential.password.expose_secret().as_bytes());
    hash.finalize()[0]
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::credentials::Origin;

    const HOST: &str = "mail.hosting.test";

    fn anna(password: &str) -> Credential {
        Credential { user: "anna".into(), password: SecretString::from(password), origin: Origin::Keychain }
    }

    fn said_no() -> LoginFinding {
        let reply = Reply { code: 535, lines: vec!["5.7.8 no".into()], ms: 7 };
        LoginFinding {
            port: 26,
            mechanism: Some("PLAIN".into()),
            auth: Some(reply),
            mail_from: None,
            recipient: None,
            to_itself: None,
            end: End::Refused,
            round_trips: 1,
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A password whose one byte is not the same.
    fn another(refusals: &Refusals, now: Timestamp) -> Credential {
        let new = |n: &i32| refusals.known(HOST, &anna(&format!("new{n}")), now).is_none();
        anna(&format!("new{}", (0..9).find(new).unwrap()))
    }

    #[test]
    fn a_refused_password_is_known_for_a_day_and_another_is_not() {
        let state = tempfile::tempdir().unwrap();
        let (noon, evening) = (at("2026-11-01T12:00:00Z"), at("2026-11-01T20:00:00Z"));
        Refusals::in_state(state.path()).note("MAIL.hosting.test.", &anna("old"), &said_no(), noon);
        let refusals = Refusals::in_state(state.path());
        let spelled = Credential { user: "ANNA".into(), ..anna("old") };
        for credential in [anna("old"), spelled] {
            let known = refusals.known(HOST, &credential, evening).unwrap();
            assert_eq!(known.at, noon);
            assert_eq!(known.finding.auth.unwrap().lines, ["5.7.8 no"]);
        }
        another(&refusals, evening);
        assert_eq!(refusals.known("other.test", &anna("old"), evening), None);
        assert_eq!(refusals.known(HOST, &anna("old"), at("2026-11-02T12:00:01Z")), None, "a day is over");
        refusals.forget(HOST, "Anna", evening);
        assert_eq!(refusals.known(HOST, &anna("old"), evening), None);
        assert_eq!(refusals.trouble(), None);
    }

    #[test]
    fn after_three_passwords_no_other_is_tried_that_day() {
        let state = tempfile::tempdir().unwrap();
        let refusals = Refusals::in_state(state.path());
        let now = at("2026-11-01T12:00:00Z");
        for _ in 0..MOST {
            let new = another(&refusals, now);
            refusals.note(HOST, &new, &said_no(), now);
        }
        assert!(refusals.known(HOST, &anna("never tried"), now).is_some());
    }

    #[test]
    fn the_file_holds_no_password_and_is_its_owners_alone() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("not/yet/there");
        let now = at("2026-11-01T12:00:00Z");
        Refusals::in_state(&folder).only_read().note(HOST, &anna("hunter2"), &said_no(), now);
        assert!(!folder.exists(), "a dry run writes nothing");
        Refusals::in_state(&folder).note(HOST, &anna("hunter2"), &said_no(), now);
        let text = std::fs::read_to_string(folder.join("refused.json")).unwrap();
        assert!(text.contains("anna") && !text.contains("hunter2"), "{text}");
        if port26_platform::computer::Os::here() != port26_platform::computer::Os::Windows {
            let listed = std::process::Command::new("ls").arg("-l").arg(folder.join("refused.json")).output();
            let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
            assert!(listed.starts_with("-rw-------"), "{listed}");
        }
    }

    #[test]
    fn a_damaged_file_begins_anew_and_is_told() {
        let now = at("2026-11-01T12:00:00Z");
        for text in ["{", "", r#"{"schema":"port26-refused/9","refused":[]}"#, "\0\0"] {
            let state = tempfile::tempdir().unwrap();
            std::fs::write(state.path().join("refused.json"), text).unwrap();
            let refusals = Refusals::in_state(state.path());
            assert_eq!(refusals.known(HOST, &anna("old"), now), None);
            assert!(refusals.trouble().unwrap().contains("refused.json"), "{text}");
            refusals.note(HOST, &anna("old"), &said_no(), now);
            assert!(Refusals::in_state(state.path()).known(HOST, &anna("old"), now).is_some());
        }
    }
}
