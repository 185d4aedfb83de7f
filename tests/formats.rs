//! What every editor promises, on the files of every fixture and on damaged copies of them: what parses prints the
//! same bytes; an edit is read back, changes nothing outside its span and no other setting; what was inserted goes
//! away again without a trace. (Files made up for one format: beside each editor.)

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/case.rs"]
mod case;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use plist::Value;
use port26::change::{Change, Content, Slot};
use port26::formats::key_file::KeyFile;
use port26::formats::mozilla_logins::{MozillaLogins, copy_raw, deterministic_guid};
use port26::formats::oeaccount::OeAccount;
use port26::formats::open::{AllEditors, Editors};
use port26::formats::plist_doc::path_segment;
use port26::formats::prefs_js::PrefsJs;
use port26::formats::reg_file::setting_name;
use port26::formats::{Document, FileFormat, FormatError, plist_value};
use port26_platform::registry::reg_text::RegText;
use proptest::prelude::*;

struct Sample {
    name: PathBuf,
    format: FileFormat,
    bytes: Vec<u8>,
}

const FORMATS: [FileFormat; 6] = [
    FileFormat::PrefsJs,
    FileFormat::MozillaLogins,
    FileFormat::KeyFile,
    FileFormat::OeAccount,
    FileFormat::Plist,
    FileFormat::RegFile,
];

fn format_of(path: &Path) -> Option<FileFormat> {
    let name = path.file_name()?.to_str()?;
    Some(match (name, path.extension().and_then(|extension| extension.to_str())) {
        (_, Some("js")) => FileFormat::PrefsJs,
        ("logins.json", _) => FileFormat::MozillaLogins,
        ("accountrc" | "clawsrc" | "passwordstorerc", _) | (_, Some("ini")) => FileFormat::KeyFile,
        (_, Some("oeaccount")) => FileFormat::OeAccount,
        (_, Some("plist")) => FileFormat::Plist,
        (_, Some("reg")) => FileFormat::RegFile,
        _ => return None,
    })
}

/// Every file of the fixtures that has a format of ours and is not broken on purpose.
static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let files = case::read_tree(&case::fixtures()).into_iter();
    let samples: Vec<Sample> = files
        .filter_map(|(name, bytes)| Some(Sample { format: format_of(&name)?, name, bytes }))
        .filter(|sample| sample.open().is_ok())
        .collect();
    for format in FORMATS {
        let count = samples.iter().filter(|sample| sample.format == format).count();
        assert!(count >= 3, "{format:?}: only {count} samples");
    }
    assert!(samples.iter().any(Sample::is_binary) && samples.iter().any(|sample| sample.unit() == 2));
    samples
});

/// Each setting with what an editor says about it.
type Settings = BTreeMap<String, Result<Option<String>, FormatError>>;

impl Sample {
    fn open(&self) -> Result<Box<dyn Document>, FormatError> {
        AllEditors.open(self.format, &self.bytes)
    }

    fn with(&self, bytes: Vec<u8>) -> Self {
        Self { name: self.name.clone(), format: self.format, bytes }
    }

    fn is_binary(&self) -> bool {
        self.bytes.starts_with(b"bplist")
    }

    /// Bytes of an ASCII character.
    fn unit(&self) -> usize {
        let wide = matches!(self.bytes[..], [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'<', 0, ..]);
        if wide { 2 } else { 1 }
    }

    fn names(&self) -> Vec<String> {
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

    fn settings(&self, names: &[String]) -> Settings {
        let doc = self.open().unwrap();
        names.iter().map(|name| (name.clone(), doc.get(name))).collect()
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
fn shared<T: PartialEq>(old: &[T], new: &[T]) -> usize {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    head + tail
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
        (FileFormat::RegFile, Some(was)) => {
            // Long values go over several lines, shorter ones must not.
            let lines: Vec<&[u8]> = old.split(|&byte| byte == b'\n').collect();
            let after: Vec<&[u8]> = printed.split(|&byte| byte == b'\n').collect();
            let own = if was.contains(',') { 2 + was.len() / 45 } else { 1 };
            shared(&lines, &after) + own >= lines.len()
        }
        // The type of an element stands before its text: between the two nothing changes either.
        (FileFormat::OeAccount, Some(was)) => {
            let span = "DWORD\">".len() + was.len();
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
    }
    let mut doc = sample.open().unwrap();
    if doc.get(&fresh) == Ok(None) && doc.set(&fresh, raw).is_ok() {
        let after = sample.with(doc.to_bytes());
        check_settings(&after, names, before, &[(&fresh, Some(raw))], &label());
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
fn check_settings(after: &Sample, names: &[String], before: &Settings, edits: &[(&str, Option<&str>)], label: &str) {
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

fn check(sample: &Sample, picks: impl Fn(&[String]) -> Vec<String>) {
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

#[test]
fn every_setting_of_every_fixture_is_edited_alone() {
    let mut settings = 0;
    for sample in SAMPLES.iter() {
        settings += sample.names().len();
        check(sample, <[String]>::to_vec);
    }
    assert!(settings > 500, "only {settings} settings");
}

/// The edits that moves are made of, with the values that the adapters write.
#[test]
fn each_edit_of_a_move_is_its_own_and_can_be_taken_back() {
    let mut edits = 0;
    for sample in SAMPLES.iter() {
        let mut parts = sample.name.components();
        let fixture: PathBuf = case::fixtures().join(parts.by_ref().take(2).collect::<PathBuf>());
        // A registry without a home: `tests/technicians.rs` moves its accounts.
        if fixture.is_file() {
            continue;
        }
        let case = case::Case::copy(&fixture);
        let file = case.home.path().join(parts.as_path());
        let accounts = case.transactions().into_iter().flat_map(|(_, one)| one.accounts);
        let name_of = |change: &Change| match &change.slot {
            Slot::Setting { file: of, name, .. } if *of == file => Some(name.clone()),
            _ => None,
        };
        let changes = accounts.flat_map(|account| account.changes);
        let changes: Vec<(String, Change)> = changes.filter_map(|change| Some((name_of(&change)?, change))).collect();
        // As the adapters name them: a property list has other names for the same places.
        let names: Vec<String> = changes.iter().map(|(name, _)| name.clone()).collect();
        let before = sample.settings(&names);
        for (name, change) in &changes {
            let raw = |content: &Option<Content>| match content {
                Some(Content::Raw(raw)) => Some(raw.clone()),
                _ => None,
            };
            let (was, is) = (raw(&change.before), raw(&change.after));
            let write = |doc: &mut dyn Document, raw: &Option<String>| match raw {
                Some(raw) => doc.set(name, raw).unwrap(),
                None => doc.remove(name).unwrap(),
            };
            let label = format!("{}: {name}", sample.name.display());
            let mut doc = sample.open().unwrap();
            assert_eq!(doc.get(name), Ok(was.clone()), "{label}");
            write(doc.as_mut(), &is);
            check_settings(&sample.with(doc.to_bytes()), &names, &before, &[(name, is.as_deref())], &label);
            write(doc.as_mut(), &was);
            assert_eq!(doc.get(name), Ok(was), "{label}: taken back");
            assert!(sample.is_binary() || doc.to_bytes() == sample.bytes, "{label}: taken back");
            edits += 1;
        }
    }
    assert!(edits > 40, "only {edits} edits: this proves little");
}

#[test]
fn files_cut_off_anywhere_print_the_same_or_are_refused() {
    for sample in SAMPLES.iter() {
        for length in (0..sample.bytes.len()).step_by(29) {
            let cut = sample.with(sample.bytes[..length].to_vec());
            if let Ok(doc) = cut.open() {
                assert!(doc.to_bytes() == cut.bytes, "{} cut off at {length}", sample.name.display());
            }
        }
    }
}

/// One kind of damage: a byte changed, a piece cut out, bytes put in, a piece written a second time somewhere else.
#[derive(Debug, Clone)]
enum Damage {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Repeat(prop::sample::Index, prop::sample::Index, usize),
    /// The same with whole lines, which leaves more files readable.
    CutLines(prop::sample::Index, usize),
    RepeatLines(prop::sample::Index, prop::sample::Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<prop::sample::Index>;
    // What the formats are made of hits harder than any byte.
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..6),
        prop::sample::select(&b"<>&\"'\\/=[]{}();,#:\r\n\t\0- "[..]).prop_map(|byte| vec![byte]),
        prop::sample::select(
            &["\r\n", "/*", "*/", "//", "<!--", "-->", "]]>", "&amp;", "\\\n", "\u{feff}", "[-", "\u{e4}"][..]
        )
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop_oneof![
        3 => (place(), any::<u8>()).prop_map(|(at, byte)| Damage::Flip(at, byte)),
        2 => (place(), 1..40_usize).prop_map(|(at, length)| Damage::Cut(at, length)),
        4 => (place(), bytes).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        2 => (place(), place(), 1..120_usize).prop_map(|(from, to, length)| Damage::Repeat(from, to, length)),
        4 => (place(), 1..4_usize).prop_map(|(at, count)| Damage::CutLines(at, count)),
        4 => (place(), place(), 1..4_usize).prop_map(|(from, to, count)| Damage::RepeatLines(from, to, count)),
    ]
}

/// Some whole lines.
fn lines(bytes: &[u8], index: &prop::sample::Index, count: usize, unit: usize) -> std::ops::Range<usize> {
    let ends = |at: &usize| bytes[*at] == b'\n' && (unit == 1 || bytes.get(at + 1) == Some(&0));
    let mut starts: Vec<usize> = vec![0];
    starts.extend((0..bytes.len()).filter(ends).map(|at| (at + unit).min(bytes.len())));
    starts.push(bytes.len());
    let first = index.index(starts.len() - 1);
    starts[first]..starts[(first + count).min(starts.len() - 1)]
}

impl Damage {
    fn to(&self, bytes: &mut Vec<u8>, unit: usize) {
        let len = bytes.len();
        // In texts of two bytes a character, most damage keeps to whole characters, or nothing would parse.
        let at = |index: &prop::sample::Index| index.index(len + 1) / unit * unit;
        match self {
            Self::Flip(index, byte) => bytes[index.index(len)] = *byte,
            Self::Cut(index, length) => drop(bytes.drain(at(index)..(at(index) + length * unit).min(len))),
            Self::Insert(index, new) => {
                let wide = new.iter().flat_map(|&byte| [byte, 0].into_iter().take(unit)).collect::<Vec<_>>();
                bytes.splice(at(index)..at(index), wide);
            }
            Self::Repeat(from, to, length) => {
                let piece = bytes[at(from)..(at(from) + length * unit).min(len)].to_vec();
                bytes.splice(at(to)..at(to), piece);
            }
            Self::CutLines(index, count) => drop(bytes.drain(lines(bytes, index, *count, unit))),
            Self::RepeatLines(from, to, count) => {
                let piece = bytes[lines(bytes, from, *count, unit)].to_vec();
                let to = lines(bytes, to, 1, unit).start;
                bytes.splice(to..to, piece);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_refused_or_edited_as_exactly_as_others(
        format in prop::sample::select(&FORMATS[..]),
        which in any::<prop::sample::Index>(),
        damages in prop::collection::vec(damage(), 1..4),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 2),
    ) {
        let samples: Vec<&Sample> = SAMPLES.iter().filter(|sample| sample.format == format).collect();
        let sample = samples[which.index(samples.len())];
        let mut bytes = sample.bytes.clone();
        for damage in damages {
            if !bytes.is_empty() {
                damage.to(&mut bytes, sample.unit());
            }
        }
        let damaged = sample.with(bytes);
        if damaged.open().is_ok() {
            check(&damaged, |names| match names {
                [] => Vec::new(),
                _ => picks.iter().map(|pick| names[pick.index(names.len())].clone()).collect(),
            });
        }
    }
}
