//! Mozilla's `prefs.js` and `user.js`: the whole grammar of Gecko's preference parser, every byte kept.
//! Edits are remembered beside the source and printed once, so that ten thousand accounts cost one pass.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::lines::{self, BOM, Splice};
use super::{Document, FormatError};

/// What a preference holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrefValue {
    /// A string.
    Text(String),
    /// A whole number of 32 bits.
    Int(i32),
    /// `true` or `false`.
    Bool(bool),
}

/// Reads a raw literal as the editor returns it; `None` if it is not one, or is text that is not Unicode.
pub fn decode(raw: &str) -> Option<PrefValue> {
    let mut scanner = Scanner { bytes: raw.as_bytes(), at: 0 };
    let literal = scanner.literal().ok()?;
    if scanner.at != raw.len() {
        return None;
    }
    Some(match literal {
        Literal::Text(bytes) => PrefValue::Text(String::from_utf8(bytes).ok()?),
        Literal::Int(number) => PrefValue::Int(number),
        Literal::Bool(truth) => PrefValue::Bool(truth),
    })
}

/// Writes a value as Thunderbird itself would.
pub fn encode(value: &PrefValue) -> String {
    match value {
        PrefValue::Text(text) => {
            let mut raw = String::with_capacity(text.len() + 2);
            raw.push('"');
            for c in text.chars() {
                match c {
                    '\n' => raw.push_str("\\n"),
                    '\r' => raw.push_str("\\r"),
                    '"' => raw.push_str("\\\""),
                    '\\' => raw.push_str("\\\\"),
                    other => raw.push(other),
                }
            }
            raw.push('"');
            raw
        }
        PrefValue::Int(number) => number.to_string(),
        PrefValue::Bool(truth) => truth.to_string(),
    }
}

/// Writes a string as Thunderbird itself would.
pub fn encode_text(text: &str) -> String {
    encode(&PrefValue::Text(text.to_owned()))
}

#[derive(Debug, Clone)]
struct Pref {
    name: Arc<[u8]>,
    /// From `user_pref` to behind the semicolon.
    statement: Range<usize>,
    value: Range<usize>,
    /// An earlier definition of the same preference, which this one overrules.
    overrules: Option<usize>,
}

#[derive(Debug, Clone)]
enum Edit {
    Replaced(String),
    Removed,
}

/// A parsed preference file.
#[derive(Debug, Clone)]
pub struct PrefsJs {
    source: Vec<u8>,
    prefs: Vec<Pref>,
    /// The definition that wins: the last.
    index: HashMap<Arc<[u8]>, usize>,
    /// Each preference has its own line and they stand in Thunderbird's order.
    sorted: bool,
    edits: BTreeMap<usize, Edit>,
    /// By place in the source and [`sort_key`].
    inserted: BTreeMap<(usize, Vec<u8>), String>,
}

impl PrefsJs {
    /// Parses a file. Anything that Gecko would skip as an error is an error here: better left alone.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let start = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
        let mut scanner = Scanner { bytes, at: start };
        let mut prefs: Vec<Pref> = Vec::new();
        let mut index: HashMap<Arc<[u8]>, usize> = HashMap::new();
        let mut sorted = true;
        while let Some(mut pref) = scanner.statement()? {
            if sorted {
                sorted = lines::own_lines(bytes, start, &pref.statement).is_some()
                    && prefs.last().is_none_or(|before| in_order(&before.name, &pref.name));
            }
            pref.overrules = index.insert(Arc::clone(&pref.name), prefs.len());
            prefs.push(pref);
        }
        Ok(Self { source: bytes.to_vec(), prefs, index, sorted, edits: BTreeMap::new(), inserted: BTreeMap::new() })
    }

    /// The value of a preference; `Ok(None)` if it is not set.
    pub fn value(&self, name: &str) -> Result<Option<PrefValue>, FormatError> {
        match self.get(name)? {
            None => Ok(None),
            Some(raw) => decode(&raw).map(Some).ok_or_else(|| refused(name, "its value is not Unicode")),
        }
    }

    /// Names in the file, in its order, each once, as far as they are Unicode.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.prefs
            .iter()
            .enumerate()
            .filter(|(at, pref)| self.index.get(&pref.name) == Some(at))
            .filter_map(|(_, pref)| std::str::from_utf8(&pref.name).ok())
    }

    fn place_of(&self, name: &str) -> (usize, Vec<u8>) {
        let name = name.as_bytes();
        let behind =
            if self.sorted { self.prefs.partition_point(|pref| in_order(&pref.name, name)) } else { self.prefs.len() };
        let floor = if self.source.starts_with(BOM) { BOM.len() } else { 0 };
        let offset = self
            .prefs
            .get(behind)
            .and_then(|pref| lines::own_lines(&self.source, floor, &pref.statement))
            .map_or(self.source.len(), |line| line.start);
        (offset, sort_key(name).collect())
    }
}

/// Thunderbird sorts the finished lines by bytes; behind the name stands its closing quote.
fn sort_key(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().copied().chain([b'"'])
}

fn in_order(before: &[u8], behind: &[u8]) -> bool {
    sort_key(before).le(sort_key(behind))
}

fn refused(name: &str, why: impl Into<String>) -> FormatError {
    FormatError::Refused { name: name.to_owned(), why: why.into() }
}

impl Document for PrefsJs {
    fn to_bytes(&self) -> Vec<u8> {
        let eol = lines::line_end(&self.source);
        let floor = if self.source.starts_with(BOM) { BOM.len() } else { 0 };
        let open_end = self.source.len() > floor && !matches!(self.source.last(), Some(b'\n' | b'\r'));
        let mut splices = Vec::with_capacity(self.edits.len() + self.inserted.len());
        for (&at, edit) in &self.edits {
            let pref = &self.prefs[at];
            splices.push(match edit {
                Edit::Replaced(raw) => {
                    Splice { range: pref.value.clone(), text: raw.clone().into_bytes(), whole_lines: false }
                }
                Edit::Removed => match lines::own_lines(&self.source, floor, &pref.statement) {
                    Some(range) => Splice { range, text: Vec::new(), whole_lines: true },
                    None => Splice { range: pref.statement.clone(), text: Vec::new(), whole_lines: false },
                },
            });
        }
        let mut appended = Vec::new();
        for ((offset, key), raw) in &self.inserted {
            let mut line = b"user_pref(\"".to_vec();
            for &byte in &key[..key.len() - 1] {
                match byte {
                    b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
                    b'\n' => line.extend_from_slice(b"\\n"),
                    b'\r' => line.extend_from_slice(b"\\r"),
                    other => line.push(other),
                }
            }
            line.extend_from_slice(b"\", ");
            line.extend_from_slice(raw.as_bytes());
            line.extend_from_slice(b");");
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
        let Some(at) = self.index.get(name.as_bytes()) else {
            return Ok(self.inserted.get(&self.place_of(name)).cloned());
        };
        match self.edits.get(at) {
            Some(Edit::Removed) => Ok(None),
            Some(Edit::Replaced(raw)) => Ok(Some(raw.clone())),
            None => std::str::from_utf8(&self.source[self.prefs[*at].value.clone()])
                .map(|raw| Some(raw.to_owned()))
                .map_err(|_| refused(name, "its value is not UTF-8")),
        }
    }

    fn set(&mut self, name: &str, raw: &str) -> Result<(), FormatError> {
        if name.is_empty() || name.contains('\0') {
            return Err(refused(name, "not the name of a preference"));
        }
        let mut scanner = Scanner { bytes: raw.as_bytes(), at: 0 };
        if scanner.literal().is_err() || scanner.at != raw.len() {
            return Err(refused(name, "the new value is not a literal of a preference file"));
        }
        match self.index.get(name.as_bytes()) {
            None => {
                self.inserted.insert(self.place_of(name), raw.to_owned());
            }
            Some(&at) if self.source[self.prefs[at].value.clone()] == *raw.as_bytes() => {
                self.edits.remove(&at);
            }
            Some(&at) => {
                self.edits.insert(at, Edit::Replaced(raw.to_owned()));
            }
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), FormatError> {
        self.inserted.remove(&self.place_of(name));
        let mut next = self.index.get(name.as_bytes()).copied();
        while let Some(at) = next {
            self.edits.insert(at, Edit::Removed);
            next = self.prefs[at].overrules;
        }
        Ok(())
    }
}

enum Literal {
    Text(Vec<u8>),
    Int(i32),
    Bool(bool),
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn trouble<T>(&self, why: &str) -> Result<T, FormatError> {
        Err(FormatError::Malformed { format: "Mozilla preference file", offset: self.at, why: why.to_owned() })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_blank(&mut self) -> Result<(), FormatError> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | 0x0b | 0x0c | b'\n' | b'\r') => self.at += 1,
                Some(b'#') => self.skip_line(),
                Some(b'/') => match self.bytes.get(self.at + 1) {
                    Some(b'/') => self.skip_line(),
                    Some(b'*') => match self.bytes[self.at + 2..].windows(2).position(|pair| pair == b"*/") {
                        Some(length) => self.at += length + 4,
                        None => return self.trouble("a comment that does not end"),
                    },
                    _ => return self.trouble("a lone slash"),
                },
                _ => return Ok(()),
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
    }

    fn word(&mut self) -> &[u8] {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            self.at += 1;
        }
        &self.bytes[start..self.at]
    }

    fn expect(&mut self, byte: u8) -> Result<(), FormatError> {
        self.skip_blank()?;
        if self.peek() != Some(byte) {
            return self.trouble(&format!("'{}' expected", byte as char));
        }
        self.at += 1;
        Ok(())
    }

    fn statement(&mut self) -> Result<Option<Pref>, FormatError> {
        self.skip_blank()?;
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let start = self.at;
        if !matches!(self.word(), b"user_pref" | b"pref" | b"sticky_pref") {
            self.at = start;
            return self.trouble("neither a preference nor a comment");
        }
        self.expect(b'(')?;
        self.skip_blank()?;
        let name = match self.literal()? {
            Literal::Text(name) => name,
            _ => return self.trouble("the name of a preference is not in quotes"),
        };
        self.expect(b',')?;
        self.skip_blank()?;
        let value_start = self.at;
        self.literal()?;
        let value = value_start..self.at;
        self.skip_blank()?;
        while self.peek() == Some(b',') {
            self.at += 1;
            self.skip_blank()?;
            if !matches!(self.word(), b"sticky" | b"locked") {
                return self.trouble("an unknown attribute");
            }
            self.skip_blank()?;
        }
        self.expect(b')')?;
        self.expect(b';')?;
        Ok(Some(Pref { name: name.into(), statement: start..self.at, value, overrules: None }))
    }

    fn literal(&mut self) -> Result<Literal, FormatError> {
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.text(quote).map(Literal::Text),
            Some(b'+' | b'-' | b'0'..=b'9') => self.number().map(Literal::Int),
            _ => {
                let start = self.at;
                match self.word() {
                    b"true" => Ok(Literal::Bool(true)),
                    b"false" => Ok(Literal::Bool(false)),
                    _ => {
                        self.at = start;
                        self.trouble("a string, a number, true or false expected")
                    }
                }
            }
        }
    }

    fn number(&mut self) -> Result<i32, FormatError> {
        let negative = self.peek() == Some(b'-');
        if matches!(self.peek(), Some(b'+' | b'-')) {
            self.at += 1;
        }
        let digits = std::str::from_utf8(self.word()).unwrap_or_default().to_owned();
        let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok()).flatten();
        let signed = number.map(|number| if negative { -number } else { number });
        match signed.and_then(|number| i32::try_from(number).ok()) {
            Some(number) => Ok(number),
            None => self.trouble("not a whole number of 32 bits"),
        }
    }

    fn text(&mut self, quote: u8) -> Result<Vec<u8>, FormatError> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let rest = &self.bytes[self.at..];
            let plain = rest.iter().position(|&byte| byte == quote || byte == b'\\' || byte == 0).unwrap_or(rest.len());
            text.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                None => return self.trouble("a string that does not end"),
                Some(0) => return self.trouble("a NUL byte in a string"),
                Some(byte) if byte == quote => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(_) => {
                    self.at += 1;
                    self.escape(&mut text)?;
                }
            }
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), FormatError> {
        let kind = self.peek();
        self.at += usize::from(kind.is_some());
        match kind {
            Some(byte @ (b'"' | b'\'' | b'\\')) => text.push(byte),
            Some(b'n') => text.push(b'\n'),
            Some(b'r') => text.push(b'\r'),
            Some(b'x') => match self.hex(2)? {
                0 => return self.trouble("an escaped NUL"),
                unit => text.push(unit as u8),
            },
            Some(b'u') => {
                let first = self.hex(4)?;
                let units = if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
                    self.at += 2;
                    vec![first, self.hex(4)?]
                } else {
                    vec![first]
                };
                match String::from_utf16(&units) {
                    Ok(decoded) if first != 0 => text.extend_from_slice(decoded.as_bytes()),
                    _ => return self.trouble("half a surrogate pair, or an escaped NUL"),
                }
            }
            _ => return self.trouble("an unknown escape"),
        }
        Ok(())
    }

    fn hex(&mut self, digits: usize) -> Result<u16, FormatError> {
        let taken = self.bytes.get(self.at..self.at + digits).filter(|taken| taken.iter().all(u8::is_ascii_hexdigit));
        match taken.and_then(|taken| std::str::from_utf8(taken).ok()).and_then(|hex| u16::from_str_radix(hex, 16).ok())
        {
            Some(unit) => {
                self.at += digits;
                Ok(unit)
            }
            None => self.trouble("hexadecimal digits expected"),
        }
    }
}

#[cfg(test)]
mod tests;
