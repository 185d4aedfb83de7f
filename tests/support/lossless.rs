//! What every editor promises, as a check on any bytes: what parses prints the same bytes; an edit is read back, changes
//! nothing outside its span and no other setting; what was inserted goes away again without a trace.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, reason = "a promise that is broken is a panic")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use plist::Value;
use port26::formats::key_file::KeyFile;
use port26::formats::mozilla_logins::{MozillaLogins, copy_raw, deterministic_guid};
use port26::formats::oeaccount::OeAccount;
use port26::formats::open::{AllEditors, Editors};
use port26::formats::plist_doc::path_segment;
use port26::formats::prefs_js::PrefsJs;
use port26::formats::reg_file::setting_name;
use port26::formats::{Document, FileFormat, FormatError, plist_value};
use port26_platform::registry::reg_text::RegText;

/// Bytes that should be of a format.
pub struct Sample {
    pub name: PathBuf,
    pub format: FileFormat,
    pub bytes: Vec<u8>,
}

/// Each setting with what an editor says about it.
pub type Settings = BTreeMap<String, Result<Option<String>, FormatError>>;

impl Sample {
    pub fn open(&self) -> Result<Box<dyn Document>, FormatError> {
        AllEditors.open(self.format, &self.bytes)
    }

    pub fn with(&self, bytes: Vec<u8>) -> Self {
        Self { name: self.name.clone(), format: self.format, bytes }
    }

    pub fn is_binary(&self) -> bool {
        self.bytes.starts_with(b"bplist")
    }

    /// Bytes of an ASCII character.
    pub fn unit(&self) -> usize {
        let wide = matches!(self.bytes[..], [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'<', 0, ..]);
        if wide { 2 } else { 1 }
    }

    pub fn names(&self) -> Vec<String> {
        let bytes = &self.bytes;
        match self.format {
            FileFormat::PrefsJs => PrefsJs::parse(bytes).unwrap().names().map(str::to_owned).collect(),
            FileFormat::MozillaLogins => {
                MozillaLogins::parse(bytes).unwrap().logins().map(|login| login.guid.clone()).collect()
            }
            FileFormat::KeyFile => {
                let doc = KeyFile::parse(bytes).unwrap();
                let keys = |section| doc.keys(section).map(move |key| format!("{section}/{key}"));
                doc.sections().flat_map(keys).collect()
            }
            FileFormat::OeAccount => OeAccount::parse(bytes).unwrap().names().map(str::to_owned).collect(),
            FileFormat::Plist => {
                let mut names = Vec::new();
                if let Ok(top) = plist_value::read(bytes) {
                    plist_names(&top, &mut Vec::new(), &mut names);
                }
                names
            }
            FileFormat::RegFile => {
                let text = RegText::parse(bytes).unwrap();
                let (mut names, mut keys) = (Vec::new(), vec![String::new()]);
                while let Some(key) = keys.pop() {
                    names.extend(text.values(&key).iter().map(|(value, _)| setting_name(&key, value)));
                    let below = |name: &String| if key.is_empty() { name.clone() } else { format!("{key}\\{name}") };
                    keys.extend(text.subkeys(&key).iter().map(below));
                }
                names
            }
        }
    }

    pub fn settings(&self, names: &[String]) -> Settings {
        let doc = self.open().unwrap();
        names.iter().map(|name| (name.clone(), doc.get(name))).collect()
    }

    /// What the file sets beside its settings: defaults of preferences, which no edit of a user's value changes.
    fn defaults(&self) -> Vec<(String, String)> {
        let owned = |(name, raw): (&str, &str)| (name.to_owned(), raw.to_owned());
        match self.format {
            FileFormat::PrefsJs => PrefsJs::parse(&self.bytes).unwrap().defaults().map(owned).collect(),
            _ => Vec::new(),
        }
    }

    /// A value that the setting does not have, and a name that is not there, beside this one.
    fn other(&self, name: &str) -> (&'static str, String) {
        let beside = |separator: char, new: &str| match name.rsplit_once(separator) {
            Some((front, _)) => format!("{front}{separator}{new}"),
            None => new.to_owned(),
        };
        match self.format {
            FileFormat::PrefsJs => ("\"26 and \\\"more\\\"\"", "port26.new".to_owned()),
            FileFormat::KeyFile => ("26 = more", beside('/', "port26_new")),
            FileFormat::OeAccount => ("SZ:26 &amp; more", "SMTP_Port26".to_owned()),
            FileFormat::Plist => ("<string>26 &amp; more</string>", beside('/', "port26New")),
            FileFormat::RegFile => ("\"26 \\\"and\\\" more\"", beside('\n', "port26 new")),
            // The one edit that logins know is another: see `copy_a_login`.
            FileFormat::MozillaLogins => ("copy:{} origin:smtp://new.hosting.test", String::new()),
        }
    }
}

/// Paths of all plain values.
fn plist_names(value: &Value, path: &mut Vec<String>, names: &mut Vec<String>) {
    let mut step = |segment: String, value: &Value| {
        path.push(segment);
        plist_names(value, path, names);
        path.pop();
    };
    match value {
        Value::Dictionary(entries) => entries.iter().for_each(|(key, value)| step(path_segment(key), value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| step(format!("#{at}"), value)),
        _ => names.push(path.join("/")),
    }
}

/// How many items two lists have in common at their beginnings and then at their ends.
fn ends<T: PartialEq>(old: &[T], new: &[T]) -> (usize, usize) {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    (head, old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count())
}

/// The same, both together.
fn shared<T: PartialEq>(old: &[T], new: &[T]) -> usize {
    let (head, tail) = ends(old, new);
    head + tail
}

/// The lines of a text, by its letters: of two bytes each, half of one may look like the end of a line.
fn lines_of(bytes: &[u8], sample: &Sample) -> Vec<Vec<u16>> {
    let letter = |bytes: &[u8]| match (bytes, sample.bytes.starts_with(&[0xfe, 0xff])) {
        (&[low, high], false) | (&[high, low], true) => u16::from_le_bytes([low, high]),
        _ => u16::from(bytes[0]),
    };
    let letters: Vec<u16> = bytes.chunks(sample.unit()).map(letter).collect();
    letters.split(|&letter| letter == u16::from(b'\n')).map(<[u16]>::to_vec).collect()
}

/// Each of these lines goes on in the next one (the first does not begin inside of quotes, since no value is edited whose
/// name goes over lines): by a backslash at its end or before a comment, or since a text in quotes does not end in it.
fn one_entry(lines: &[Vec<u16>]) -> bool {
    let mut quoted = false;
    lines.iter().enumerate().all(|(at, line)| {
        let mut letters = line.iter().map(|&letter| u8::try_from(letter).unwrap_or(u8::MAX));
        let mut last = 0;
        while let Some(letter) = letters.next() {
            match letter {
                b'"' => quoted = !quoted,
                b';' if !quoted => break,
                b'\\' if quoted => drop(letters.next()),
                _ => {}
            }
            last = if letter.is_ascii_whitespace() { last } else { letter };
        }
        at + 1 == lines.len() || quoted || last == b'\\'
    })
}

/// Does an edit of `name`, which had `was`, leave everything outside its span?
fn only_the_span(sample: &Sample, was: Option<&str>, printed: &[u8]) -> bool {
    let old = &sample.bytes[..];
    if sample.is_binary() {
        // Objects are never overwritten: all of them, up to the table of their places, stay where they are.
        let table = u64::from_be_bytes(old[old.len() - 8..].try_into().unwrap()) as usize;
        return printed.starts_with(&old[..table]);
    }
    match (sample.format, was) {
        (_, None) => shared(old, printed) == old.len(),
        (FileFormat::RegFile, Some(_)) => {
            // However many lines a value goes over.
            let (lines, after) = (lines_of(old, sample), lines_of(printed, sample));
            let (head, tail) = ends(&lines, &after);
            one_entry(&lines[head..lines.len() - tail])
        }
        // The type of an element stands before its text: between the two nothing changes either, and there may be blanks.
        (FileFormat::OeAccount, Some(was)) => {
            let (head, tail) = ends(old, printed);
            let blanks = old[head..old.len() - tail].iter().filter(|byte| byte.is_ascii_whitespace()).count();
            let span = "DWORD\">".len() + was.len() + blanks;
            shared(old, printed) + span * sample.unit() >= old.len()
        }
        (_, Some(was)) => shared(old, printed) + was.len() * sample.unit() >= old.len(),
    }
}

/// Everything that is promised about editing this setting.
fn check_edit(sample: &Sample, names: &[String], before: &Settings, name: &str) {
    let label = || format!("{}: {name}", sample.name.display());
    let (raw, fresh) = sample.other(name);
    if let Some(Ok(Some(was))) = before.get(name) {
        let mut doc = sample.open().unwrap();
        if doc.set(name, was).is_ok() {
            assert!(doc.to_bytes() == sample.bytes, "{}: set to what it was", label());
        }
        if doc.set(name, raw).is_ok() {
            let after = sample.with(doc.to_bytes());
            assert_eq!(doc.get(name), Ok(Some(raw.to_owned())), "{}", label());
            check_settings(&after, names, before, &[(name, Some(raw))], &label());
            assert_eq!(after.defaults(), sample.defaults(), "{}: defaults", label());
            assert!(only_the_span(sample, Some(was), &after.bytes), "{}: more than its span", label());
            // Back again, where the file's own spelling is what the editor shows.
            let mut back = after.open().unwrap();
            let spelled = sample.format != FileFormat::RegFile && !sample.is_binary() && was != "SZ:";
            if spelled && back.set(name, was).is_ok() {
                assert!(back.to_bytes() == sample.bytes, "{}: it does not come back", label());
            }
        } else {
            assert!(doc.to_bytes() == sample.bytes, "{}: refused and changed", label());
        }
        // Of preferences the earlier values of one name go, too.
        let mut doc = sample.open().unwrap();
        if sample.format == FileFormat::PrefsJs && doc.remove(name).is_ok() {
            let after = sample.with(doc.to_bytes());
            check_settings(&after, names, before, &[(name, None)], &label());
            assert_eq!(after.defaults(), sample.defaults(), "{}: defaults without it", label());
        }
    }
    let mut doc = sample.open().unwrap();
    if doc.get(&fresh) == Ok(None) && doc.set(&fresh, raw).is_ok() {
        let after = sample.with(doc.to_bytes());
        check_settings(&after, names, before, &[(&fresh, Some(raw))], &label());
        assert_eq!(after.defaults(), sample.defaults(), "{}: defaults beside {fresh}", label());
        assert!(only_the_span(sample, None, &after.bytes), "{}: more than {fresh}", label());
        let mut again = after.open().unwrap();
        for doc in [&mut doc, &mut again] {
            doc.remove(&fresh).unwrap();
            let back = sample.with(doc.to_bytes());
            check_settings(&back, names, before, &[(&fresh, None)], &label());
            assert!(sample.is_binary() || back.bytes == sample.bytes, "{}: {fresh} left a trace", label());
        }
    }
}

/// All settings are as before, but for these.
pub fn check_settings(
    after: &Sample,
    names: &[String],
    before: &Settings,
    edits: &[(&str, Option<&str>)],
    label: &str,
) {
    let doc = after.open().unwrap_or_else(|error| panic!("{label}: what was written cannot be read: {error}"));
    assert!(doc.to_bytes() == after.bytes, "{label}: prints something else");
    for (name, raw) in edits {
        assert_eq!(doc.get(name), Ok(raw.map(str::to_owned)), "{label}");
    }
    // One name may stand for the same place in two spellings.
    let same = |a: &str, b: &str| a == b || (after.format == FileFormat::RegFile && a.eq_ignore_ascii_case(b));
    for name in names.iter().filter(|name| !edits.iter().any(|(edited, _)| same(edited, name))) {
        assert_eq!(doc.get(name), before[name], "{label}: {name} has changed, too");
    }
}

/// The one edit that saved logins know: a copy for another origin.
fn copy_a_login(sample: &Sample, names: &[String], before: &Settings, source: &str) {
    let label = format!("{}: a copy of {source}", sample.name.display());
    let origin = "smtp://new.hosting.test";
    let guid = deterministic_guid(source, origin);
    let mut doc = sample.open().unwrap();
    if doc.get(&guid) != Ok(None) || doc.set(&guid, &copy_raw(source, origin)).is_err() {
        return;
    }
    let after = sample.with(doc.to_bytes());
    let copy = after.open().unwrap_or_else(|error| panic!("{label} cannot be read: {error}"));
    assert!(copy.get(&guid).is_ok_and(|raw| raw.is_some()), "{label}");
    let logins = |sample: &Sample| MozillaLogins::parse(&sample.bytes).unwrap().logins().cloned().collect::<Vec<_>>();
    let (old, new) = (logins(sample), logins(&after));
    assert_eq!((&new[..old.len()], new.len()), (&old[..], old.len() + 1), "{label}");
    let mut again = after.open().unwrap();
    again.remove(&guid).unwrap();
    assert!(again.to_bytes() == sample.bytes, "{label} left a trace");
    check_settings(sample, names, before, &[], &label);
}

/// All of it, for the settings that are picked.
pub fn check(sample: &Sample, picks: impl Fn(&[String]) -> Vec<String>) {
    let doc = sample.open().unwrap();
    assert!(doc.to_bytes() == sample.bytes, "{}: prints something else", sample.name.display());
    let names = sample.names();
    let before = sample.settings(&names);
    for name in picks(&names) {
        match sample.format {
            FileFormat::MozillaLogins => copy_a_login(sample, &names, &before, &name),
            _ => check_edit(sample, &names, &before, &name),
        }
    }
}
