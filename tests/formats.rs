//! All editors on the files of all fixtures, whole and damaged: parse and print is the identity on whatever parses; an
//! edit shows its value, leaves every other setting as it was, and can be taken back.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/case.rs"]
mod case;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::LazyLock;

use case::{Case, fixtures};
use port26::change::{Content, Slot};
use port26::formats::FileFormat;
use port26::formats::open::{AllEditors, Editors};
use proptest::prelude::*;
use proptest::sample::Index;

/// A file of a fixture, with the settings that a move writes and what it writes.
#[derive(Debug)]
struct Sample {
    name: String,
    format: FileFormat,
    bytes: Vec<u8>,
    edits: Vec<(String, Option<String>, Option<String>)>,
}

fn folders(at: PathBuf) -> BTreeSet<PathBuf> {
    std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
}

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let mut samples = Vec::new();
    for fixture in folders(fixtures()).into_iter().flat_map(folders) {
        let case = Case::copy(&fixture);
        let mut files: BTreeMap<PathBuf, Sample> = BTreeMap::new();
        let changes = case.transactions().into_iter().flat_map(|(_, one)| one.accounts).flat_map(|one| one.changes);
        for change in changes {
            let (file, format, name) = match change.slot {
                Slot::Setting { file, format, name } => (file, format, name),
                _ => continue,
            };
            let raw = |content: Option<Content>| match content {
                Some(Content::Raw(raw)) => Some(raw),
                _ => None,
            };
            let sample = files.entry(file.clone()).or_insert_with(|| Sample {
                name: format!("{}: {}", case.name, file.file_name().unwrap().display()),
                format,
                bytes: std::fs::read(&file).unwrap(),
                edits: Vec::new(),
            });
            sample.edits.push((name, raw(change.before), raw(change.after)));
        }
        samples.extend(files.into_values());
        let registry = case.home.path().join("user.reg");
        if registry.is_file() {
            let bytes = std::fs::read(registry).unwrap();
            let name = format!("{}: user.reg", case.name);
            samples.push(Sample { name, format: FileFormat::RegFile, bytes, edits: Vec::new() });
        }
    }
    let formats: BTreeSet<String> = samples.iter().map(|sample| format!("{:?}", sample.format)).collect();
    assert!(formats.len() >= 6, "formats are missing: {formats:?}");
    samples
});

#[test]
fn every_file_prints_as_it_was_read() {
    for sample in SAMPLES.iter() {
        let document = AllEditors.open(sample.format, &sample.bytes).unwrap();
        assert!(document.to_bytes() == sample.bytes, "{}", sample.name);
    }
}

#[test]
fn each_edit_is_its_own_and_can_be_taken_back() {
    let mut edits = 0;
    for sample in SAMPLES.iter() {
        let names: BTreeSet<&str> = sample.edits.iter().map(|(name, ..)| name.as_str()).collect();
        for (name, before, after) in &sample.edits {
            let mut document = AllEditors.open(sample.format, &sample.bytes).unwrap();
            let others = |document: &dyn port26::formats::Document| -> Vec<_> {
                names.iter().filter(|other| **other != name).map(|other| document.get(other).unwrap()).collect()
            };
            let untouched = others(document.as_ref());
            assert_eq!(&document.get(name).unwrap(), before, "{}: {name}", sample.name);
            match after {
                Some(raw) => document.set(name, raw).unwrap(),
                None => document.remove(name).unwrap(),
            }
            let edited = document.to_bytes();
            let read = AllEditors.open(sample.format, &edited).unwrap();
            assert_eq!(&read.get(name).unwrap(), after, "{}: {name}", sample.name);
            assert_eq!(others(read.as_ref()), untouched, "{}: {name}", sample.name);
            match before {
                Some(raw) => document.set(name, raw).unwrap(),
                None => document.remove(name).unwrap(),
            }
            // A binary property list may share one object among settings: an edit appends, which only undo's splices take
            // back to the byte.
            let binary = sample.bytes.starts_with(b"bplist");
            assert!(binary || document.to_bytes() == sample.bytes, "{}: {name} taken back", sample.name);
            assert_eq!(&document.get(name).unwrap(), before, "{}: {name} taken back", sample.name);
            edits += 1;
        }
    }
    assert!(edits > 40, "only {edits} edits: this proves little");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn damaged_files_print_as_they_were_read_or_are_refused(
        pick in any::<Index>(),
        at in any::<Index>(),
        length in 0..40_usize,
        piece in proptest::collection::vec(any::<u8>(), 0..12),
    ) {
        let sample = pick.get(&SAMPLES);
        let mut bytes = sample.bytes.clone();
        let start = at.index(bytes.len());
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, piece);
        let Ok(mut document) = AllEditors.open(sample.format, &bytes) else { return Ok(()) };
        prop_assert_eq!(document.to_bytes(), bytes.clone(), "{}", sample.name);
        for (name, ..) in &sample.edits {
            let Ok(Some(raw)) = document.get(name) else { continue };
            if document.set(name, &raw).is_ok() {
                prop_assert_eq!(document.to_bytes(), bytes.clone(), "{}: {} set to what it was", sample.name, name);
            }
        }
    }
}
