//! Lossless editor of the files regedit exports: bytes in, bytes out, no I/O. Every byte that is not edited
//! stays; keys are indexed once, so that a hive with thousands of accounts is read in one pass.
//!
//! The user's hive in the file is what stands below `HKEY_CURRENT_USER` (or `HKCU`) or, if there is none, below the one
//! root that holds a user ([`roots`] says which do). Other roots are kept and not looked at, but for `HKEY_LOCAL_MACHINE`,
//! which can be read instead.

mod data;
mod encoding;
mod keys;
mod parse;
mod roots;

use std::collections::HashMap;
use std::ops::Range;

use data::{Dialect, Form};
pub use data::{name_to_raw, raw_to_value, value_to_raw};
use keys::Keys;

use super::{Value, fold};

/// Why a text could not be read or edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegTextError {
    /// Not what regedit exports.
    #[error("line {line}: {why}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Byte offset in the file.
        offset: usize,
        /// What is wrong there.
        why: String,
    },
    /// More than one user's hive.
    #[error("it holds the registry of several users: {}", roots.join(", "))]
    SeveralUsers {
        /// Below what each stands.
        roots: Vec<String>,
    },
    /// The value cannot be written without touching more than itself.
    #[error("{key}, value \"{name}\": {why}")]
    Refused {
        /// The key, below the user's root.
        key: String,
        /// The value's name.
        name: String,
        /// Why it is left alone.
        why: &'static str,
    },
}

/// A parsed `.reg` file that remembers every byte.
#[derive(Debug, Clone)]
pub struct RegText {
    dialect: Dialect,
    /// The text as it was parsed; pieces point into it.
    source: Vec<u8>,
    /// Header, and comments before the first key.
    preamble: Range<usize>,
    sections: Vec<Section>,
    /// Keys of the hive.
    keys: Keys,
    /// Below what the file's keys stand, whoever's they are.
    roots: Vec<String>,
}

/// A piece of the file.
#[derive(Debug, Clone)]
enum Text {
    Source(Range<usize>),
    Own(Vec<u8>),
}

#[derive(Debug, Clone)]
struct Section {
    /// The line with the key, with its line end.
    head: Range<usize>,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    /// Blank lines and comments.
    Other(Range<usize>),
    Value(Entry),
}

/// A value's lines. Ranges are within its text.
#[derive(Debug, Clone)]
struct Entry {
    text: Text,
    folded: String,
    /// Between the quotes; empty for `@`.
    name: Range<usize>,
    data: Range<usize>,
    form: Form,
}

impl RegText {
    /// Reads a file for its user's hive.
    pub fn parse(bytes: &[u8]) -> Result<Self, RegTextError> {
        parse::parse(bytes, parse::Hive::User)
    }

    /// Reads a file for the machine's hive, `HKEY_LOCAL_MACHINE` (or `HKLM`).
    pub fn parse_machine(bytes: &[u8]) -> Result<Self, RegTextError> {
        parse::parse(bytes, parse::Hive::Machine)
    }

    /// Is there anything of the hive in the file?
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Below what the keys in the file stand, each once, in the file's order: `HKEY_LOCAL_MACHINE\SYSTEM`, `HKEY_CURRENT_USER`.
    pub fn roots(&self) -> &[String] {
        &self.roots
    }

    /// The file's bytes, edits included.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = encoding::begin(self.dialect.encoding);
        let mut add = |text: &[u8]| encoding::append(self.dialect.encoding, text, &mut out);
        add(&self.source[self.preamble.clone()]);
        for section in &self.sections {
            add(&self.source[section.head.clone()]);
            for piece in &section.pieces {
                add(self.piece_text(piece));
            }
        }
        out
    }

    /// Does the key exist? A key exists if something below it does.
    pub fn has_key(&self, key: &str) -> bool {
        self.keys.find(key).is_some()
    }

    /// Names of the direct subkeys in the file's order.
    pub fn subkeys(&self, key: &str) -> &[String] {
        self.keys.find(key).map_or(&[], |key| key.children())
    }

    /// All values of a key, each once, in the file's order.
    pub fn values(&self, key: &str) -> Vec<(String, Value)> {
        let mut found: Vec<(String, Option<Value>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for entry in self.entries(key) {
            let value = self.read(entry);
            let place = *places.entry(entry.folded.as_str()).or_insert_with(|| {
                found.push((self.shown_name(entry), None));
                found.len() - 1
            });
            found[place].1 = value;
        }
        found.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// One value.
    pub fn value(&self, key: &str, name: &str) -> Option<Value> {
        let (section, piece) = self.last(key, &fold(name))?;
        match &self.sections[section].pieces[piece] {
            Piece::Value(entry) => self.read(entry),
            Piece::Other(_) => None,
        }
    }

    /// Writes a value: in the place where it is, or after the last value of its key. The key must be there.
    pub fn set(&mut self, key: &str, name: &str, value: &Value) -> Result<(), RegTextError> {
        let refused = |why| RegTextError::Refused { key: key.to_owned(), name: name.to_owned(), why };
        check_name(name).map_err(refused)?;
        if let Some((section, piece)) = self.last(key, &fold(name))
            && let Piece::Value(entry) = &self.sections[section].pieces[piece]
            && entry.form != Form::Delete
        {
            if self.read(entry).as_ref() == Some(value) {
                return Ok(());
            }
            let old = self.text(&entry.text);
            let line = old[..entry.data.start].iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
            let column = characters(&old[line..entry.data.start]);
            let eol = self.line_end(section, piece);
            let data = data::print(self.dialect, value, column, eol).map_err(refused)?;
            let text = [&old[..entry.data.start], &data, &old[entry.data.end..]].concat();
            let (start, form) = (entry.data.start, form_of(&data));
            // reged leaves out the line end after a value without bytes. One with bytes needs it.
            let runs_on = !text.ends_with(b"\n") && !self.is_last(section, piece) && !data.ends_with(b":");
            let text = if runs_on { [text.as_slice(), eol].concat() } else { text };
            if let Piece::Value(entry) = &mut self.sections[section].pieces[piece] {
                *entry = Entry { text: Text::Own(text), data: start..start + data.len(), form, ..entry.clone() };
            }
            return Ok(());
        }
        self.insert(key, name, value).map_err(refused)
    }

    /// Removes a value with its lines. Returns whether there was one.
    pub fn remove(&mut self, key: &str, name: &str) -> Result<bool, RegTextError> {
        let refused = |why| RegTextError::Refused { key: key.to_owned(), name: name.to_owned(), why };
        let folded = fold(name);
        let written = |form: Option<Form>| form.is_some_and(|form| form != Form::Delete);
        let (last, before) = {
            let mut forms = self.entries(key).filter(|entry| entry.folded == folded).map(|entry| entry.form);
            (forms.next_back(), forms.next_back())
        };
        if !written(last) {
            return Ok(false);
        }
        check_name(name).map_err(refused)?;
        if written(before) {
            return Err(refused("it is written more than once in this file"));
        }
        let Some((section, piece)) = self.last(key, &folded) else { return Ok(false) };
        let text = self.piece_text(&self.sections[section].pieces[piece]);
        let closes_file = self.is_last(section, piece)
            && !text.ends_with(b"\n")
            && !text.starts_with(b"\n")
            && !text.starts_with(b"\r\n");
        if closes_file {
            self.strip_line_end_before(section, piece);
        }
        self.sections[section].pieces.remove(piece);
        Ok(true)
    }

    fn insert(&mut self, key: &str, name: &str, value: &Value) -> Result<(), &'static str> {
        let live = self.keys.find(key).ok_or("its key is not there")?;
        let &section = live.sections.last().ok_or("its key has no section of its own in this file")?;
        if self.dialect.ascii_only && !name.is_ascii() {
            return Err(NAME);
        }
        let pieces = &self.sections[section].pieces;
        let mut place = pieces.iter().rposition(|piece| matches!(piece, Piece::Value(_))).map_or(0, |n| n + 1);
        // Not behind a value that has no line end of its own: before it, so that taking it out again leaves no trace.
        let runs_on = |place: usize| {
            let before = place.checked_sub(1).filter(|&n| !self.is_last(section, n)).and_then(|n| pieces.get(n));
            before.is_some_and(|piece| !self.piece_text(piece).ends_with(b"\n"))
        };
        while runs_on(place) {
            place -= 1;
        }
        let eol = self.line_end(section, place).to_vec();
        let before = match place.checked_sub(1) {
            Some(n) => self.piece_text(&pieces[n]),
            None => &self.source[self.sections[section].head.clone()],
        };
        let open = !before.ends_with(b"\n");
        // A line end would make one of the two, and taking the new line out again would take both.
        if before.ends_with(b"\r") {
            return Err("the file is cut off in the middle of a line end");
        }
        let quoted = name_to_raw(name);
        let mut text = if open { eol.clone() } else { Vec::new() };
        let start = text.len();
        text.extend_from_slice(quoted.as_bytes());
        text.push(b'=');
        let data = data::print(self.dialect, value, quoted.chars().count() + 1, &eol)?;
        let from = text.len();
        text.extend_from_slice(&data);
        let to = text.len();
        if !open {
            text.extend_from_slice(&eol);
        }
        let name_at = if name.is_empty() { start..start } else { start + 1..start + quoted.len() - 1 };
        let entry =
            Entry { text: Text::Own(text), folded: fold(name), name: name_at, data: from..to, form: form_of(&data) };
        self.sections[section].pieces.insert(place, Piece::Value(entry));
        Ok(())
    }

    /// All entries of a key, deletions too, in the file's order.
    fn entries(&self, key: &str) -> impl DoubleEndedIterator<Item = &Entry> {
        let sections = self.keys.find(key).map_or(&[][..], |key| &key.sections);
        sections.iter().flat_map(|&section| &self.sections[section].pieces).filter_map(|piece| match piece {
            Piece::Value(entry) => Some(entry),
            Piece::Other(_) => None,
        })
    }

    /// Section and piece of the entry that counts.
    fn last(&self, key: &str, folded: &str) -> Option<(usize, usize)> {
        let sections = &self.keys.find(key)?.sections;
        sections.iter().rev().find_map(|&section| {
            let found = |piece: &Piece| matches!(piece, Piece::Value(entry) if entry.folded == folded);
            Some((section, self.sections[section].pieces.iter().rposition(found)?))
        })
    }

    /// Does nothing come after this piece in the file?
    fn is_last(&self, section: usize, piece: usize) -> bool {
        section + 1 == self.sections.len() && piece + 1 == self.sections[section].pieces.len()
    }

    fn read(&self, entry: &Entry) -> Option<Value> {
        data::read(self.dialect, entry.form, &self.text(&entry.text)[entry.data.clone()])
    }

    fn shown_name(&self, entry: &Entry) -> String {
        let name = data::unescape(&self.text(&entry.text)[entry.name.clone()]);
        encoding::string(self.dialect.encoding, &name)
    }

    fn text<'a>(&'a self, text: &'a Text) -> &'a [u8] {
        match text {
            Text::Source(range) => &self.source[range.clone()],
            Text::Own(bytes) => bytes,
        }
    }

    fn piece_text<'a>(&'a self, piece: &'a Piece) -> &'a [u8] {
        match piece {
            Piece::Other(range) => &self.source[range.clone()],
            Piece::Value(entry) => self.text(&entry.text),
        }
    }

    /// The line end used where `piece` is or goes: that of the line before, else that of the header.
    fn line_end(&self, section: usize, piece: usize) -> &'static [u8] {
        let head = &self.sections[section].head;
        let before =
            piece.checked_sub(1).and_then(|n| self.sections[section].pieces.get(n)).map(|p| self.piece_text(p));
        let lines = [before.unwrap_or_default(), &self.source[head.clone()], &self.source[self.preamble.clone()]];
        match lines.into_iter().find(|line| line.ends_with(b"\n")) {
            Some(line) if !line.ends_with(b"\r\n") => b"\n",
            _ => b"\r\n",
        }
    }

    /// The last line of a file without a closing line end goes: so does the line end that led to it.
    fn strip_line_end_before(&mut self, section: usize, piece: usize) {
        let strip = |text: &[u8]| text.strip_suffix(b"\r\n").or(text.strip_suffix(b"\n")).unwrap_or(text).len();
        match piece.checked_sub(1) {
            None => {
                let head = self.sections[section].head.clone();
                let length = strip(&self.source[head.clone()]);
                self.sections[section].head.end = head.start + length;
            }
            Some(n) => {
                let length = strip(self.piece_text(&self.sections[section].pieces[n]));
                if let Piece::Value(entry) = &mut self.sections[section].pieces[n] {
                    match &mut entry.text {
                        Text::Source(range) => range.end = range.start + length,
                        Text::Own(text) => text.truncate(length),
                    }
                }
            }
        }
    }
}

const NAME: &str = "its name cannot be written in this file";

/// What regedit takes for the name that goes on in the next line is not known; Wine's takes no such value at all.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.contains(['\r', '\n', '\0']) { Err(NAME) } else { Ok(()) }
}

fn form_of(data: &[u8]) -> Form {
    data::scan(data, 0).map_or(Form::Text, |(form, _)| form)
}

fn characters(text: &[u8]) -> usize {
    text.iter().filter(|&&b| b & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests;
