//! The files that mail programs keep: read, edited and printed as every editor promises.

use std::path::PathBuf;

use port26::formats::{FileFormat, keyed_archive, plist_value, reg_import};
use port26::past_mail::outside;
use port26_platform::registry::reg_text::{RegText, raw_to_value, value_to_raw};
use port26_platform::registry::{Value, ValueWrite};

use super::lossless::{Sample, check};

/// Settings that are edited in one run: each is an edit, its way back and a look at all others.
const PICKS: usize = 2;

/// The promises, for some settings that the bytes themselves choose.
fn edits(format: FileFormat, data: &[u8]) {
    let sample = Sample { name: PathBuf::from("fuzz"), format, bytes: data.to_vec() };
    if sample.open().is_err() {
        return;
    }
    let sum = data.iter().fold(data.len(), |sum, &byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    check(&sample, |names| match names.len() {
        0..=PICKS => names.to_vec(),
        count => [sum % count, sum / count % count].map(|at| names[at].clone()).to_vec(),
    });
}

/// Mozilla's preferences.
pub fn prefs_js(data: &[u8]) {
    edits(FileFormat::PrefsJs, data);
}

/// Mozilla's saved logins.
pub fn mozilla_logins(data: &[u8]) {
    edits(FileFormat::MozillaLogins, data);
}

/// `[section]` and `key=value`.
pub fn key_file(data: &[u8]) {
    edits(FileFormat::KeyFile, data);
}

/// What is written in XML: property lists, and accounts of Windows Mail.
pub fn xml(data: &[u8]) {
    edits(FileFormat::OeAccount, data);
    if !data.starts_with(b"bplist") {
        let _ = plist_value::read(data);
        edits(FileFormat::Plist, data);
    }
}

/// Property lists in the binary form, and what an archiver wraps into them.
pub fn plist_binary(data: &[u8]) {
    let _ = keyed_archive::scalar(data);
    let _ = plist_value::read(data);
    if data.starts_with(b"bplist") {
        edits(FileFormat::Plist, data);
    }
}

/// Exports of the registry: the user's part, the machine's, and what a person would import.
pub fn reg_file(data: &[u8]) {
    edits(FileFormat::RegFile, data);
    if let Ok(text) = std::str::from_utf8(data)
        && let Some(value) = raw_to_value(text)
    {
        assert_eq!(raw_to_value(&value_to_raw(&value)).as_ref(), Some(&value), "a value is not its own text");
    }
    if let Ok(machine) = RegText::parse_machine(data) {
        assert!(machine.to_bytes() == data, "the machine's part prints something else");
        values(&machine);
    }
    if let Ok(user) = RegText::parse(data) {
        imported(&values(&user));
    }
}

/// Every value of a registry, with its key and its name.
fn values(registry: &RegText) -> Vec<(String, String, Value)> {
    let (mut found, mut keys) = (Vec::new(), vec![String::new()]);
    while let Some(key) = keys.pop() {
        assert!(registry.has_key(&key) || key.is_empty(), "{key:?} is listed and not there");
        let of_key = registry.values(&key).into_iter();
        found.extend(of_key.map(|(name, value)| (key.clone(), name, value)));
        let below = |name: &String| if key.is_empty() { name.clone() } else { format!("{key}\\{name}") };
        keys.extend(registry.subkeys(&key).iter().map(below));
    }
    found
}

/// What is handed out for an import says what was meant, and nothing else.
fn imported(values: &[(String, String, Value)]) {
    let write = |(key, value, content): &(String, String, Value)| ValueWrite {
        key: key.clone(),
        value: value.clone(),
        content: Some(content.clone()),
    };
    let Ok(bytes) = reg_import::print(&values.iter().map(write).collect::<Vec<_>>()) else { return };
    let read = RegText::parse(&bytes);
    assert!(read.is_ok(), "what is to be imported cannot be read: {:?}", read.err());
    let Ok(read) = read else { return };
    for (key, name, value) in values.iter().filter(|(key, ..)| !key.is_empty()) {
        assert_eq!(read.value(key, name).as_ref(), Some(value), "{key:?} {name:?} is imported as something else");
    }
}

/// A mailbox, and the marks and folders beside the messages of a mail program.
pub fn kept_mail(data: &[u8]) {
    let lines = data.iter().filter(|byte| **byte == b'\n').count();
    assert!(outside::messages_in(data) <= lines + 1);
    let _ = outside::beside_each_other(data);
}
