//! Mozilla's `logins.json`, every byte kept. The one edit it knows is to copy a saved login to another
//! origin with the same ciphertexts, which needs no key; the ciphertexts themselves never leave here.

mod ciphertext;

use std::collections::{BTreeSet, HashMap};
use std::ops::{Range, RangeInclusive};

use sha2::{Digest, Sha256};

use self::ciphertext::plain_bytes;
use super::lines::BOM;
use super::{Document, FormatError};

/// A saved login as far as it can be told without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Its guid, braces included.
    pub guid: String,
    /// Origin: `imap://imap.hosting.test`.
    pub hostname: String,
    /// Realm; mail logins repeat the origin.
    pub http_realm: Option<String>,
    /// A user name is kept (encrypted).
    pub has_username: bool,
    /// A password is kept (encrypted).
    pub has_password: bool,
    /// How many bytes the user name has, as far as its ciphertext tells. `None`: it tells nothing.
    user_bytes: Option<RangeInclusive<usize>>,
}

impl Login {
    /// Does the program find it by its origin? It asks for the realm that repeats it, and takes no other. Without a
    /// ciphertext for the user name it is nobody's, not even the one's with an empty name.
    pub fn is_of_mail(&self) -> bool {
        self.has_password && self.has_username && self.http_realm.as_deref() == Some(self.hostname.as_str())
    }

    /// May it be this user's? Without the key only the length of the name says no. Beyond ASCII programs have written a
    /// name in more than one way, so there nothing does.
    pub fn may_be_of(&self, user: &str) -> bool {
        !user.is_ascii() || self.user_bytes.as_ref().is_none_or(|bytes| bytes.contains(&user.len()))
    }
}

#[derive(Clone)]
struct SavedLogin {
    login: Login,
    id: Option<u64>,
    text: Vec<u8>,
    /// Of the values in `text`, for copying.
    spans: Option<CopySpans>,
    ciphertexts: Option<(String, String)>,
}

#[derive(Debug, Clone)]
struct CopySpans {
    id: Range<usize>,
    hostname: Range<usize>,
    http_realm: Range<usize>,
    guid: Range<usize>,
}

/// A parsed `logins.json`.
#[derive(Clone)]
pub struct MozillaLogins {
    source: Vec<u8>,
    /// Those of the file first, then copies made here.
    entries: Vec<SavedLogin>,
    /// Where the file's entries are.
    places: Vec<Range<usize>>,
    gone: BTreeSet<usize>,
    by_guid: HashMap<String, Vec<usize>>,
    by_ciphertexts: HashMap<(String, String), Vec<usize>>,
    next_id: Option<(Range<usize>, u64)>,
    next_id_now: u64,
    freed_ids: BTreeSet<u64>,
}

impl std::fmt::Debug for MozillaLogins {
    /// Without the ciphertexts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MozillaLogins").field("logins", &self.logins().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

/// The guid of the login made by copying `source_guid` to `origin`: always the same, so that a plan is.
pub fn deterministic_guid(source_guid: &str, origin: &str) -> String {
    let digest = hex::encode(Sha256::digest(format!("login copy\n{source_guid}\n{origin}").as_bytes()));
    format!("{{{}-{}-{}-{}-{}}}", &digest[..8], &digest[8..12], &digest[12..16], &digest[16..20], &digest[20..32])
}

/// The raw text of a login copied from `source_guid` to `origin`.
pub fn copy_raw(source_guid: &str, origin: &str) -> String {
    format!("copy:{source_guid} origin:{origin}")
}

impl MozillaLogins {
    /// Parses a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let start = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
        serde_json::from_slice::<serde::de::IgnoredAny>(&bytes[start..])
            .map_err(|error| malformed(start, &format!("not JSON: {error}")))?;
        let text = std::str::from_utf8(bytes).map_err(|error| malformed(error.valid_up_to(), "not UTF-8"))?;
        let root = Members::of(text, start)?;
        let mut doc = Self {
            source: bytes.to_vec(),
            entries: Vec::new(),
            places: Vec::new(),
            gone: BTreeSet::new(),
            by_guid: HashMap::new(),
            by_ciphertexts: HashMap::new(),
            next_id: None,
            next_id_now: 0,
            freed_ids: BTreeSet::new(),
        };
        if let Some(span) = root.find("nextId") {
            doc.next_id = text[span.clone()].parse().ok().map(|id| (span, id));
            doc.next_id_now = doc.next_id.as_ref().map_or(0, |(_, id)| *id);
        }
        let logins = root.find("logins").ok_or_else(|| malformed(start, "no \"logins\""))?;
        for place in elements(text, logins)? {
            let entry = SavedLogin::read(&text[place.clone()])
                .map_err(|_| malformed(place.start, "a login is not an object"))?;
            doc.push(entry);
            doc.places.push(place);
        }
        Ok(doc)
    }

    /// The saved logins, in the file's order.
    pub fn logins(&self) -> impl Iterator<Item = &Login> {
        self.present().map(|(_, entry)| &entry.login)
    }

    /// The saved logins of an origin (`smtp://mail.hosting.test`) that have a password.
    pub fn for_origin(&self, origin: &str) -> impl Iterator<Item = &Login> {
        self.logins().filter(move |login| login.is_of_mail() && login.hostname == origin)
    }

    fn push(&mut self, entry: SavedLogin) {
        self.by_guid.entry(entry.login.guid.clone()).or_default().push(self.entries.len());
        if let Some(ciphertexts) = &entry.ciphertexts {
            self.by_ciphertexts.entry(ciphertexts.clone()).or_default().push(self.entries.len());
        }
        self.entries.push(entry);
    }

    fn present(&self) -> impl Iterator<Item = (usize, &SavedLogin)> {
        self.entries.iter().enumerate().filter(|(at, _)| !self.gone.contains(at))
    }

    /// The one login of this guid.
    fn only(&self, guid: &str) -> Result<Option<usize>, FormatError> {
        let places = self.by_guid.get(guid).map_or(&[][..], Vec::as_slice);
        let mut present = places.iter().copied().filter(|at| !self.gone.contains(at));
        match (present.next(), present.next()) {
            (_, Some(_)) => Err(refused(guid, "two logins have this guid")),
            (only, None) => Ok(only),
        }
    }

    /// What of the source is replaced by what.
    fn cuts(&self) -> Vec<(Range<usize>, Vec<u8>)> {
        let mut cuts: Vec<(Range<usize>, Vec<u8>)> = Vec::new();
        let mut kept_before: Option<usize> = None;
        for (at, place) in self.places.iter().enumerate() {
            if !self.gone.contains(&at) {
                kept_before = Some(at);
            } else if kept_before.is_some() {
                cuts.push((self.places[at - 1].end..place.end, Vec::new()));
            } else {
                // up to the next login, so that no comma is left before it
                let end = self.places.get(at + 1).map_or(place.end, |next| next.start);
                cuts.push((place.start..end, Vec::new()));
            }
        }
        if let Some(last) = self.places.last() {
            let mut added = Vec::new();
            for (_, entry) in self.present().skip_while(|(at, _)| *at < self.places.len()) {
                if kept_before.is_some() || !added.is_empty() {
                    added.push(b',');
                }
                added.extend_from_slice(&entry.text);
            }
            cuts.push((last.end..last.end, added));
        }
        if let Some((span, id)) = &self.next_id
            && *id != self.next_id_now
        {
            cuts.push((span.clone(), self.next_id_now.to_string().into_bytes()));
        }
        cuts
    }
}

fn malformed(offset: usize, why: &str) -> FormatError {
    FormatError::Malformed { format: "logins.json", offset, why: why.to_owned() }
}

fn refused(name: &str, why: &str) -> FormatError {
    FormatError::Refused { name: name.to_owned(), why: why.to_owned() }
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl SavedLogin {
    fn read(text: &str) -> Result<Self, FormatError> {
        let members = Members::of(text, 0)?;
        let value =
            |key: &str| members.find(key).and_then(|span| serde_json::from_str::<serde_json::Value>(&text[span]).ok());
        let string = |key: &str| value(key).and_then(|value| value.as_str().map(str::to_owned));
        let (user, password) = (string("encryptedUsername"), string("encryptedPassword"));
        let kept = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let spans =
            match (members.find("id"), members.find("hostname"), members.find("httpRealm"), members.find("guid")) {
                (Some(id), Some(hostname), Some(http_realm), Some(guid)) => {
                    Some(CopySpans { id, hostname, http_realm, guid })
                }
                _ => None,
            };
        Ok(Self {
            login: Login {
                guid: string("guid").unwrap_or_default(),
                hostname: string("hostname").unwrap_or_default(),
                http_realm: string("httpRealm"),
                has_username: kept(&user),
                has_password: kept(&password),
                user_bytes: user.as_deref().and_then(plain_bytes),
            },
            id: value("id").and_then(|id| id.as_u64()),
            text: text.as_bytes().to_vec(),
            spans,
            ciphertexts: user.zip(password).filter(|(_, password)| !password.is_empty()),
        })
    }

    fn copied(&self, id: u64, guid: &str, origin: &str) -> Option<Vec<u8>> {
        let spans = self.spans.as_ref()?;
        let origin = json_text(origin);
        let mut edits = [
            (spans.id.clone(), id.to_string()),
            (spans.hostname.clone(), origin.clone()),
            (spans.http_realm.clone(), origin),
            (spans.guid.clone(), json_text(guid)),
        ];
        edits.sort_by_key(|(span, _)| span.start);
        let mut out = Vec::with_capacity(self.text.len() + 64);
        let mut at = 0;
        for (span, text) in edits {
            out.extend_from_slice(&self.text[at..span.start]);
            out.extend_from_slice(text.as_bytes());
            at = span.end;
        }
        out.extend_from_slice(&self.text[at..]);
        Some(out)
    }
}

impl Document for MozillaLogins {
    fn to_bytes(&self) -> Vec<u8> {
        let mut cuts = self.cuts();
        cuts.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = Vec::with_capacity(self.source.len() + 1024);
        let mut at = 0;
        for (range, text) in cuts {
            if range.start > at {
                out.extend_from_slice(&self.source[at..range.start]);
            }
            out.extend_from_slice(&text);
            at = at.max(range.end);
        }
        out.extend_from_slice(&self.source[at..]);
        out
    }

    fn get(&self, name: &str) -> Result<Option<String>, FormatError> {
        let Some(at) = self.only(name)? else { return Ok(None) };
        let entry = &self.entries[at];
        let equals = entry.ciphertexts.as_ref().and_then(|ciphertexts| self.by_ciphertexts.get(ciphertexts));
        let twin = equals.into_iter().flatten().find(|other| **other != at && !self.gone.contains(other));
        Ok(Some(match twin {
            Some(&twin) if entry.login.http_realm.as_deref() == Some(&entry.login.hostname) => {
                copy_raw(&self.entries[twin].login.guid, &entry.login.hostname)
            }
            _ => "changed".to_owned(),
        }))
    }

    fn set(&mut self, name: &str, raw: &str) -> Result<(), FormatError> {
        let Some((source, origin)) = raw.strip_prefix("copy:").and_then(|rest| rest.split_once(" origin:")) else {
            return Err(refused(name, "not of the form copy:GUID origin:ORIGIN"));
        };
        if self.only(name)?.is_some() {
            return match self.get(name)? {
                Some(present) if present == raw => Ok(()),
                _ => Err(refused(name, "another login has this guid")),
            };
        }
        let Some(from) = self.only(source)? else { return Err(refused(source, "there is no such login")) };
        if self.entries[from].ciphertexts.is_none() {
            return Err(refused(source, "it has no saved password"));
        }
        let in_use = |id| self.present().any(|(_, entry)| entry.id == Some(id));
        if self.next_id.is_none() || in_use(self.next_id_now) {
            return Err(refused("nextId", "not a free number"));
        }
        let Some(text) = self.entries[from].copied(self.next_id_now, name, origin) else {
            return Err(refused(source, "it lacks id, hostname, httpRealm or guid"));
        };
        let text = String::from_utf8(text).map_err(|_| refused(source, "not UTF-8"))?;
        self.freed_ids.remove(&self.next_id_now);
        self.next_id_now += 1;
        self.push(SavedLogin::read(&text)?);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), FormatError> {
        let Some(at) = self.only(name)? else { return Ok(()) };
        self.gone.insert(at);
        self.freed_ids.extend(self.entries[at].id);
        // in whatever order several copies are taken out, the number ends where it began
        while self.next_id_now.checked_sub(1).is_some_and(|last| self.freed_ids.remove(&last)) {
            self.next_id_now -= 1;
        }
        Ok(())
    }
}

/// The members of a JSON object by byte span. The text is known to be JSON.
struct Members {
    list: Vec<(String, Range<usize>)>,
}

impl Members {
    fn of(text: &str, start: usize) -> Result<Self, FormatError> {
        let bytes = text.as_bytes();
        let mut at = blank(bytes, start);
        if bytes.get(at) != Some(&b'{') {
            return Err(malformed(at, "not an object"));
        }
        let mut list = Vec::new();
        at = blank(bytes, at + 1);
        while bytes.get(at) == Some(&b'"') {
            let key_end = skip_value(bytes, at);
            let key = serde_json::from_str(&text[at..key_end]).map_err(|_| malformed(at, "an odd name"))?;
            let value = blank(bytes, blank(bytes, key_end) + 1);
            let end = skip_value(bytes, value);
            list.push((key, value..end));
            at = blank(bytes, end);
            if bytes.get(at) == Some(&b',') {
                at = blank(bytes, at + 1);
            }
        }
        Ok(Self { list })
    }

    /// The value of a member; JSON parsers take the last of several.
    fn find(&self, key: &str) -> Option<Range<usize>> {
        self.list.iter().rev().find(|(name, _)| name == key).map(|(_, span)| span.clone())
    }
}

fn elements(text: &str, span: Range<usize>) -> Result<Vec<Range<usize>>, FormatError> {
    let bytes = text.as_bytes();
    if bytes[span.start] != b'[' {
        return Err(malformed(span.start, "\"logins\" is not a list"));
    }
    let mut list = Vec::new();
    let mut at = blank(bytes, span.start + 1);
    while bytes.get(at).is_some_and(|&byte| byte != b']') {
        let end = skip_value(bytes, at);
        list.push(at..end);
        at = blank(bytes, end);
        if bytes.get(at) == Some(&b',') {
            at = blank(bytes, at + 1);
        }
    }
    Ok(list)
}

fn blank(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// Behind the value that begins at `at`.
fn skip_value(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0usize;
    loop {
        match bytes.get(at) {
            None => return at,
            Some(b'"') => {
                at += 1;
                while bytes.get(at).is_some_and(|&byte| byte != b'"') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(bytes.len());
            }
            Some(b'{' | b'[') => {
                depth += 1;
                at += 1;
            }
            Some(b'}' | b']') if depth > 0 => {
                depth -= 1;
                at += 1;
            }
            Some(b',' | b':' | b' ' | b'\t' | b'\n' | b'\r') if depth > 0 => {
                at += 1;
                continue;
            }
            Some(_) => {
                let rest = &bytes[at..];
                let end = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':' | b' ' | b'\t' | b'\n' | b'\r');
                at += rest.iter().position(end).unwrap_or(rest.len()).max(1);
            }
        }
        if depth == 0 {
            return at;
        }
    }
}

#[cfg(test)]
mod tests;
