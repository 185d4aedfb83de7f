//! What every editor promises (`support/lossless.rs`), on the files of every fixture and on damaged copies of them.
//! (Files made up for one format: beside each editor.)

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use port26::change::{Change, Content, Slot};
use port26::formats::{Document, FileFormat};
use port26_platform::computer::Os;
use proptest::prelude::*;

use crate::support::case;
use crate::support::lossless::{Sample, check, check_settings};

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
    samples.into_iter().step_by(each()).collect()
});

/// How many samples one is taken of.
fn each() -> usize {
    if case::every_fixture(Os::here()) { 1 } else { 3 }
}

#[test]
fn every_setting_of_every_fixture_is_edited_alone() {
    let mut settings = 0;
    for sample in SAMPLES.iter() {
        settings += sample.names().len();
        check(sample, <[String]>::to_vec);
    }
    assert!(settings > 500 / each(), "only {settings} settings");
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
    assert!(edits > 40 / each(), "only {edits} edits: this proves little");
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
    #![proptest_config(ProptestConfig { cases: 2000 / each() as u32, failure_persistence: None, ..ProptestConfig::default() })]

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
