//! `[section]` and `key=value` files as Claws Mail (`accountrc`) and Mozilla (`profiles.ini`) keep them.
//! Comments, unknown lines and line ends stay as they are. Names are `section/key`.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::lines::{self, BOM, Splice};
use super::{Document, FormatError};

#[derive(Debug, Clone)]
struct KeyLine {
    block: usize,
    key: String,
    value: Range<usize>,
    line: Range<usize>,
}

/// A section header with the lines up to the next one. Block 0 is what stands before any header.
#[derive(Debug, Clone)]
struct Block {
    section: String,
    /// Behind its last key, or behind its header: where a new key goes.
    tail: usize,
}

/// A parsed key file.
#[derive(Debug, Clone)]
pub struct KeyFile {
    source: Vec<u8>,
    blocks: Vec<Block>,
    entries: Vec<KeyLine>,
    /// Positions in `entries` by `section/key`, in file order.
    index: HashMap<String, Vec<usize>>,
    /// Positions in `blocks` by section.
    sections: HashMap<String, Vec<usize>>,
    edits: BTreeMap<usize, Option<String>>,
    /// By place in the source and key.
    inserted: BTreeMap<(usize, String), String>,
}

impl KeyFile {
    /// Parses a file. Only text with NUL bytes (UTF-16, binary) is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        if let Some(offset) = bytes.iter().position(|&byte| byte == 0) {
            return Err(FormatError::Malformed { format: "key file", offset, why: "a NUL byte".to_owned() });
        }
        let start = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
        let mut doc = Self {
            source: bytes.to_vec(),
            blocks: vec![Block { section: String::new(), tail: start }],
            entries: Vec::new(),
            index: HashMap::new(),
            sections: HashMap::from([(String::new(), vec![0])]),
            edits: BTreeMap::new(),
            inserted: BTreeMap::new(),
        };
        let mut at = start;
        while at < bytes.len() {
            let next = bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |length| at + length + 1);
            let text = trim_line_end(&bytes[at..next]);
            doc.line(at..next, text.len());
            at = next;
        }
        Ok(doc)
    }

    fn line(&mut self, line: Range<usize>, length: usize) {
        let text = &self.source[line.start..line.start + length];
        let trimmed = text.trim_ascii_start();
        if let (Some(b'['), Some(close)) = (trimmed.first(), trimmed.iter().position(|&byte| byte == b']')) {
            let section = String::from_utf8_lossy(&trimmed[1..close]).into_owned();
            self.sections.entry(section.clone()).or_default().push(self.blocks.len());
            self.blocks.push(Block { section, tail: line.end });
            return;
        }
        let Some(equals) = text.iter().position(|&byte| byte == b'=') else { return };
        let key = String::from_utf8_lossy(text[..equals].trim_ascii()).into_owned();
        if !is_key(&key) {
            return;
        }
        let block = self.blocks.len() - 1;
        let name = format!("{}/{key}", self.blocks[block].section);
        let value = line.start + equals + 1..line.start + length;
        self.blocks[block].tail = line.end;
        self.index.entry(name).or_default().push(self.entries.len());
        self.entries.push(KeyLine { block, key, value, line });
    }

    /// The sections in the file's order, each once.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.blocks
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(at, block)| self.sections.get(&block.section).and_then(|blocks| blocks.first()) == Some(at))
            .map(|(_, block)| block.section.as_str())
    }

    /// The keys of a section in the file's order, as parsed.
    pub fn keys<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a str> {
        self.entries
            .iter()
            .filter(move |entry| self.blocks[entry.block].section == section)
            .map(|entry| entry.key.as_str())
    }

    /// Where the setting is written; the last counts. Refused if sections of the same name quarrel about it.
    fn places(&self, name: &str) -> Result<&[usize], FormatError> {
        let places = self.index.get(name).map_or(&[][..], Vec::as_slice);
        if places.windows(2).any(|pair| self.entries[pair[0]].block != self.entries[pair[1]].block) {
            return Err(refused(name, "its section is there more than once"));
        }
        Ok(places)
    }

    fn place_for(&self, name: &str) -> Result<(usize, String), FormatError> {
        let Some((section, key)) = name.rsplit_once('/').filter(|(_, key)| is_key(key)) else {
            return Err(refused(name, "not a section/key name"));
        };
        match self.sections.get(section).map_or(&[][..], Vec::as_slice) {
            [block] => Ok((self.blocks[*block].tail, key.to_owned())),
            [] => Err(refused(name, "the file has no such section")),
            _ => Err(refused(name, "its section is there more than once")),
        }
    }
}

fn trim_line_end(line: &[u8]) -> &[u8] {
    match line.strip_suffix(b"\n") {
        Some(text) => text.strip_suffix(b"\r").unwrap_or(text),
        None => line,
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty()
        && !key.starts_with(['#', ';', '['])
        && !key.contains(['=', '/', '\n', '\r', '\u{fffd}', '\0'])
        && key.trim_ascii() == key
}

fn refused(name: &str, why: &str) -> FormatError {
    FormatError::Refused { name: name.to_owned(), why: why.to_owned() }
}

impl Document for KeyFile {
    fn to_bytes(&self) -> Vec<u8> {
        let floor = if self.source.starts_with(BOM) { BOM.len() } else { 0 };
        let open_end = self.source.len() > floor && self.source.last() != Some(&b'\n');
        // a lone CR at the very end would merge with a LF behind it
        let eol: &[u8] = match self.source.iter().position(|&byte| byte == b'\n') {
            _ if open_end && self.source.last() == Some(&b'\r') => b"\r\n",
            Some(at) if at > 0 && self.source[at - 1] == b'\r' => b"\r\n",
            _ => b"\n",
        };
        let mut splices = Vec::new();
        for (&at, edit) in &self.edits {
            let entry = &self.entries[at];
            splices.push(match edit {
                Some(raw) => Splice { range: entry.value.clone(), text: raw.clone().into_bytes(), whole_lines: false },
                None => Splice { range: entry.line.clone(), text: Vec::new(), whole_lines: true },
            });
        }
        let mut appended = Vec::new();
        for ((offset, key), raw) in &self.inserted {
            let mut line = format!("{key}={raw}").into_bytes();
            if *offset == self.source.len() {
                appended.push(line);
            } else {
                line.extend_from_slice(eol);
                splices.push(Splice { range: *offset..*offset, text: line, whole_lines: true });
            }
        }
        lines::print(&self.source, splices, &appended, eol, open_end)
    }

    fn get(&self, name: &str) -> Result<Option<String>, FormatError> {
        let Some(at) = self.places(name)?.last() else {
            return Ok(self.place_for(name).ok().and_then(|place| self.inserted.get(&place).cloned()));
        };
        match self.edits.get(at) {
            Some(edit) => Ok(edit.clone()),
            None => std::str::from_utf8(&self.source[self.entries[*at].value.clone()])
                .map(|raw| Some(raw.to_owned()))
                .map_err(|_| refused(name, "its value is not UTF-8")),
        }
    }

    fn set(&mut self, name: &str, raw: &str) -> Result<(), FormatError> {
        if raw.contains(['\n', '\r', '\0']) {
            return Err(refused(name, "the new value is more than one line"));
        }
        match self.places(name)?.last().copied() {
            None => {
                let place = self.place_for(name)?;
                self.inserted.insert(place, raw.to_owned());
            }
            Some(at) if self.source[self.entries[at].value.clone()] == *raw.as_bytes() => {
                self.edits.remove(&at);
            }
            Some(at) => {
                self.edits.insert(at, Some(raw.to_owned()));
            }
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), FormatError> {
        for at in self.places(name)?.to_vec() {
            self.edits.insert(at, None);
        }
        if let Ok(place) = self.place_for(name) {
            self.inserted.remove(&place);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAMPLE: &str = "# claws\n[Account: 1]\naccount_name=Ada=x\nsmtp_port=25\n\n[Account: a/b]\n; note\nunknown line\nsmtp_port = 26\n";

    #[test]
    fn reads_sections_keys_and_values() {
        let doc = KeyFile::parse(SAMPLE.as_bytes()).unwrap();
        assert_eq!(doc.sections().collect::<Vec<_>>(), ["Account: 1", "Account: a/b"]);
        assert_eq!(doc.keys("Account: 1").collect::<Vec<_>>(), ["account_name", "smtp_port"]);
        assert_eq!(doc.get("Account: 1/account_name").unwrap().as_deref(), Some("Ada=x"));
        assert_eq!(doc.get("Account: a/b/smtp_port").unwrap().as_deref(), Some(" 26"));
        assert_eq!(doc.get("Account: 2/smtp_port").unwrap(), None);
    }

    #[test]
    fn a_new_key_stands_behind_the_last_of_its_section() {
        let mut doc = KeyFile::parse(SAMPLE.as_bytes()).unwrap();
        doc.set("Account: 1/set_smtpport", "1").unwrap();
        assert_eq!(doc.get("Account: 1/set_smtpport").unwrap().as_deref(), Some("1"));
        let printed = String::from_utf8(doc.to_bytes()).unwrap();
        assert!(printed.contains("smtp_port=25\nset_smtpport=1\n\n[Account: a/b]"), "{printed}");
    }

    #[test]
    fn the_last_of_two_wins_in_one_section_and_two_sections_are_refused() {
        let mut doc = KeyFile::parse(b"[a]\r\np=1\r\np=2\r\n[b]\r\nq=1\r\n[b]\r\nq=2\r\n").unwrap();
        assert_eq!(doc.get("a/p").unwrap().as_deref(), Some("2"));
        doc.set("a/p", "3").unwrap();
        assert!(doc.get("b/q").is_err() && doc.set("b/q", "1").is_err() && doc.set("b/new", "1").is_err());
        assert_eq!(doc.to_bytes(), b"[a]\r\np=1\r\np=3\r\n[b]\r\nq=1\r\n[b]\r\nq=2\r\n");
    }

    #[test]
    fn a_lone_cr_at_the_end_stays_one() {
        let source = b"[a]\np=1\r";
        let mut doc = KeyFile::parse(source).unwrap();
        doc.set("a/q", "2").unwrap();
        let mut again = KeyFile::parse(&doc.to_bytes()).unwrap();
        assert_eq!(again.get("a/p").unwrap().as_deref(), Some("1\r"));
        again.remove("a/q").unwrap();
        assert_eq!(again.to_bytes(), source);
    }

    #[test]
    fn refuses_what_would_break_the_file() {
        let mut doc = KeyFile::parse(SAMPLE.as_bytes()).unwrap();
        assert!(doc.set("Account: 1/smtp_port", "26\nx=1").is_err());
        assert!(doc.set("Account: 1/a=b", "26").is_err());
        assert!(doc.set("Account: 9/smtp_port", "26").is_err());
        assert!(doc.set("smtp_port", "26").is_err());
        assert_eq!(doc.to_bytes(), SAMPLE.as_bytes());
        assert!(KeyFile::parse(b"[\0a\0]\0").is_err());
    }

    fn file() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            Just(b"[s]".to_vec()),
            Just(b"[Account: 1]".to_vec()),
            Just(b"# note=1".to_vec()),
            Just(b"".to_vec()),
            Just(b"odd \xff line".to_vec()),
            "[a-c] ?=[a-z=\\]\r ]{0,4}".prop_map(String::into_bytes),
        ];
        let eol = prop_oneof![Just("\n"), Just("\r\n")];
        (prop::collection::vec((line, eol), 0..10), any::<bool>(), any::<bool>()).prop_map(|(lines, bom, open)| {
            let mut bytes = if bom { BOM.to_vec() } else { Vec::new() };
            let last = lines.len();
            for (at, (line, eol)) in lines.into_iter().enumerate() {
                bytes.extend_from_slice(&line);
                if at + 1 < last || !open {
                    bytes.extend_from_slice(eol.as_bytes());
                }
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn parse_and_print_is_the_identity(source in file()) {
            prop_assert_eq!(KeyFile::parse(&source).unwrap().to_bytes(), source);
        }

        #[test]
        fn set_touches_one_setting_and_can_be_taken_back(
            source in file(), section in prop_oneof![Just("s"), Just("Account: 1"), Just("")], key in "[a-e]", raw in "[a-z0-9 ]{0,5}",
        ) {
            let before = KeyFile::parse(&source).unwrap();
            let name = format!("{section}/{key}");
            let mut doc = before.clone();
            if doc.set(&name, &raw).is_err() {
                return Ok(());
            }
            let printed = doc.to_bytes();
            let mut after = KeyFile::parse(&printed).unwrap();
            prop_assert_eq!(after.get(&name).unwrap(), Some(raw.clone()));
            prop_assert_eq!(doc.get(&name).unwrap(), Some(raw.clone()));
            for other in before.index.keys().filter(|other| **other != name) {
                prop_assert_eq!(after.get(other), before.get(other));
            }
            match before.places(&name).unwrap().last() {
                Some(&at) => {
                    let span = before.entries[at].value.clone();
                    prop_assert_eq!(&printed, &[&source[..span.start], raw.as_bytes(), &source[span.end..]].concat());
                    after.set(&name, &before.get(&name).unwrap().unwrap_or_default()).unwrap_or_default();
                    doc.edits.clear();
                    // a value with a CR inside cannot be written by us, so it is not put back by us either
                    if !before.get(&name).unwrap().is_some_and(|was| was.contains('\r')) {
                        prop_assert_eq!(after.to_bytes(), &source[..]);
                    }
                }
                None => {
                    after.remove(&name).unwrap();
                    doc.remove(&name).unwrap();
                    prop_assert_eq!(after.to_bytes(), &source[..]);
                }
            }
            prop_assert_eq!(doc.to_bytes(), source);
        }
    }
}
