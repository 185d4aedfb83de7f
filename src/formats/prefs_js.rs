//! Mozilla's `prefs.js` and `user.js`: read as Gecko's preference parser reads them, every byte kept. An edit touches
//! `user_pref` lines only. Edits are remembered beside the source and printed once: ten thousand accounts, one pass.

mod reader;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

pub use self::reader::Damage;
use self::reader::{Literal, Reader, Sets, Statement};
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
    let literal = reader::literal(raw)?;
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

/// Where a line that has no place of its own goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    /// Behind everything.
    Append,
    /// To a line of its own, from this offset.
    Line(usize),
    /// Right behind the statement that ends at this offset.
    Behind(usize),
    /// Wherever it went, it might not be read.
    Nowhere,
}

impl Tail {
    /// Behind the last statement: there the reader is where a new one may begin, whatever is lost further on.
    fn behind(source: &[u8], floor: usize, statement: Option<Range<usize>>) -> Self {
        let Some(span) = statement else { return Self::Nowhere };
        lines::own_lines(source, floor, &span).map_or(Self::Behind(span.end), |line| Self::Line(line.end))
    }
}

/// A parsed preference file.
#[derive(Debug, Clone)]
pub struct PrefsJs {
    source: Vec<u8>,
    /// User values, in the file's order.
    prefs: Vec<Pref>,
    /// The definition that wins: the last.
    index: HashMap<Arc<[u8]>, usize>,
    /// Values of the defaults that the file sets, in its order.
    defaults: Vec<(Arc<[u8]>, Range<usize>)>,
    /// Each user value has its own line and they stand in Thunderbird's order.
    sorted: bool,
    types: Types,
    damage: Option<Damage>,
    tail: Tail,
    edits: BTreeMap<usize, Edit>,
    /// By place in the source and [`sort_key`].
    inserted: BTreeMap<(usize, Vec<u8>), String>,
}

type Kind = std::mem::Discriminant<Literal>;

/// What decides the type of a preference. Gecko refuses a user value of another type than the default, and a default of
/// another type than whatever is there (`Pref::SetUserValue` and `SetDefaultValue`).
#[derive(Debug, Clone)]
struct Typed {
    kind: Kind,
    has_default: bool,
    /// A default was refused for the type of a user value before it: without that it would be taken.
    lost_default: bool,
}

/// By name, each preference so far; kept of those that have a default.
#[derive(Debug, Clone)]
struct Types(HashMap<Arc<[u8]>, Typed>);

/// Defaults that the mail programs bring along, name and literal, as far as port26 asks for them: what has another type
/// than these is refused.
pub const BUILT_IN: [(&str, &str); 7] = [
    ("mail.accountmanager.accounts", "\"\""),
    ("mail.server.default.hidden", "false"),
    ("mail.server.default.port", "-1"),
    ("mail.server.default.socketType", "0"),
    ("mail.smtpserver.default.authMethod", "3"),
    ("mail.smtpserver.default.try_ssl", "0"),
    ("mail.smtpservers", "\"\""),
];

impl Types {
    fn built_in() -> Self {
        let typed = |raw| {
            let kind = std::mem::discriminant(&reader::literal(raw)?);
            Some(Typed { kind, has_default: true, lost_default: false })
        };
        Self(BUILT_IN.iter().filter_map(|(name, raw)| Some((name.as_bytes().into(), typed(raw)?))).collect())
    }

    fn take(&mut self, statement: &Statement, name: &Arc<[u8]>) -> bool {
        let kind = std::mem::discriminant(&statement.literal);
        let is_default = statement.sets == Sets::Default;
        match self.0.get_mut(name) {
            None => {
                self.0.insert(Arc::clone(name), Typed { kind, has_default: is_default, lost_default: false });
                true
            }
            Some(known) => {
                let fits = known.kind == kind || !(is_default || known.has_default);
                if fits {
                    known.kind = kind;
                    known.has_default |= is_default;
                } else if !known.has_default {
                    known.lost_default = true;
                }
                fits
            }
        }
    }

    /// Only these decide about an edit: of any other preference the last value counts, whatever its type.
    fn with_defaults(mut self) -> Self {
        self.0.retain(|_, typed| typed.has_default || typed.lost_default);
        self
    }
}

impl PrefsJs {
    /// Reads a file as Gecko does, so it never fails: what Gecko passes over is passed over, and told by
    /// [`damage`](Self::damage).
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let start = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
        let mut reader = Reader::new(bytes, start);
        let mut prefs: Vec<Pref> = Vec::new();
        let mut index: HashMap<Arc<[u8]>, usize> = HashMap::new();
        let mut defaults = Vec::new();
        let mut types = Types::built_in();
        let mut sorted = true;
        let mut last: Option<Range<usize>> = None;
        while let Some(statement) = reader.statement() {
            let name: Arc<[u8]> = statement.name.as_slice().into();
            let taken = types.take(&statement, &name);
            last = Some(statement.span.clone());
            match (statement.sets, taken) {
                (Sets::Default, true) => defaults.push((name, statement.value)),
                (Sets::User, true) => {
                    if sorted {
                        sorted = lines::own_lines(bytes, start, &statement.span).is_some()
                            && prefs.last().is_none_or(|before| in_order(&before.name, &name));
                    }
                    let overrules = index.insert(Arc::clone(&name), prefs.len());
                    prefs.push(Pref { name, statement: statement.span, value: statement.value, overrules });
                }
                (_, false) => {}
            }
        }
        let reads_on = !reader.open && !reader.ends_early();
        let tail = if reads_on { Tail::Append } else { Tail::behind(bytes, start, last) };
        let sorted = sorted && reader.damage.is_none();
        Ok(Self {
            source: bytes.to_vec(),
            prefs,
            index,
            defaults,
            sorted,
            types: types.with_defaults(),
            damage: reader.damage,
            tail,
            edits: BTreeMap::new(),
            inserted: BTreeMap::new(),
        })
    }

    /// The first part that Gecko cannot read and leaves out.
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// Nothing in the file sets anything: it is empty, or not a preference file.
    pub fn is_empty(&self) -> bool {
        self.prefs.is_empty() && self.defaults.is_empty()
    }

    /// Name and literal of each default that the file sets (`pref`, `sticky_pref`), in its order, as far as they are
    /// Unicode. A user value beats it; the program does not keep it.
    pub fn defaults(&self) -> impl Iterator<Item = (&str, &str)> {
        self.defaults.iter().filter_map(|(name, value)| {
            let raw = std::str::from_utf8(&self.source[value.clone()]).ok()?;
            Some((std::str::from_utf8(name).ok()?, raw))
        })
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

    fn splice(&self, pref: &Pref, edit: &Edit, floor: usize) -> Splice {
        match edit {
            Edit::Replaced(raw) => {
                Splice { range: pref.value.clone(), text: raw.clone().into_bytes(), whole_lines: false }
            }
            Edit::Removed => match lines::own_lines(&self.source, floor, &pref.statement) {
                Some(range) => Splice { range, text: Vec::new(), whole_lines: true },
                None => Splice { range: pref.statement.clone(), text: Vec::new(), whole_lines: false },
            },
        }
    }

    fn place_of(&self, name: &str) -> (usize, Vec<u8>) {
        let name = name.as_bytes();
        let behind =
            if self.sorted { self.prefs.partition_point(|pref| in_order(&pref.name, name)) } else { self.prefs.len() };
        let floor = if self.source.starts_with(BOM) { BOM.len() } else { 0 };
        let line = self.prefs.get(behind).and_then(|pref| lines::own_lines(&self.source, floor, &pref.statement));
        let offset = match (line, self.tail) {
            (Some(line), _) => line.start,
            (None, Tail::Append | Tail::Nowhere) => self.source.len(),
            (None, Tail::Line(offset) | Tail::Behind(offset)) => offset,
        };
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

/// The line of a new preference, without a line end.
fn line_of(name: &[u8], raw: &str) -> Vec<u8> {
    let mut line = b"user_pref(\"".to_vec();
    for &byte in name {
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
    line
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
        splices.extend(self.edits.iter().map(|(&at, edit)| self.splice(&self.prefs[at], edit, floor)));
        let mut appended = Vec::new();
        for ((offset, key), raw) in &self.inserted {
            let mut line = line_of(&key[..key.len() - 1], raw);
            match self.tail {
                Tail::Append if *offset == self.source.len() => appended.push(line),
                Tail::Behind(end) if *offset == end => {
                    splices.push(Splice { range: end..end, text: line, whole_lines: false });
                }
                _ => {
                    line.extend_from_slice(eol);
                    splices.push(Splice { range: *offset..*offset, text: line, whole_lines: true });
                }
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
        let Some(literal) = reader::literal(raw) else {
            return Err(refused(name, "the new value is not a literal of a preference file"));
        };
        if self.types.0.get(name.as_bytes()).is_some_and(|typed| typed.kind != std::mem::discriminant(&literal)) {
            return Err(refused(name, "the type of a preference that has a default cannot change"));
        }
        match self.index.get(name.as_bytes()) {
            None if self.tail == Tail::Nowhere => {
                return Err(refused(name, "the file has no place where it would be read"));
            }
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
        if next.is_some() && self.types.0.get(name.as_bytes()).is_some_and(|typed| typed.lost_default) {
            return Err(refused(name, "a default of another type in this file would take its place"));
        }
        while let Some(at) = next {
            self.edits.insert(at, Edit::Removed);
            next = self.prefs[at].overrules;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
