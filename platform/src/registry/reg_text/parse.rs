//! One pass over the text into sections and values, then the index of the user's keys.

use super::data::{self, Dialect, Form, next_line, quoted_end, skip_blanks};
use super::encoding::{self, Encoding};
use super::keys::Keys;
use super::roots::{Root, Roots};
use super::{Entry, Piece, RegText, RegTextError, Section, Text, fold};

/// Windows lets keys lie no deeper below each other.
const DEEPEST: usize = 512;

/// A key line, read.
struct KeyLine {
    section: usize,
    deletes: bool,
    root: Root,
    path: String,
}

type Trouble = (usize, &'static str);

/// Whose keys of a file are indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hive {
    User,
    Machine,
}

pub(super) fn parse(bytes: &[u8], hive: Hive) -> Result<RegText, RegTextError> {
    let whole = |why: &str| RegTextError::Malformed { line: 1, offset: 0, why: why.to_owned() };
    let (encoding, source) = encoding::decode(bytes).map_err(whole)?;
    let trouble = |(at, why): Trouble| {
        let before = &source[..at.min(source.len())];
        let mut written = encoding::begin(encoding);
        encoding::append(encoding, before, &mut written);
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        RegTextError::Malformed { line, offset: written.len(), why: why.to_owned() }
    };
    let body = next_line(&source, 0);
    let old = match source[..body].trim_ascii() {
        b"Windows Registry Editor Version 5.00" => false,
        b"REGEDIT4" => true,
        _ => return Err(trouble((0, "does not begin as a registry export does"))),
    };
    let eight = matches!(encoding, Encoding::Eight { .. });
    let ascii_only = eight && (old || std::str::from_utf8(&source).is_err());
    let dialect = Dialect { encoding, old, ascii_only };
    let mut roots = Roots::default();
    let (preamble, sections, lines) = read_lines(&source, body, encoding, &mut roots).map_err(trouble)?;
    let root = match hive {
        Hive::User => roots.users()?,
        Hive::Machine => roots.machine(),
    };
    let mut keys = Keys::none();
    if let Some(root) = root {
        keys = Keys::root();
        for line in lines.iter().filter(|line| line.root == root) {
            match line.deletes {
                true => keys.delete(&line.path),
                false => keys.add(&line.path, line.section),
            }
        }
    }
    Ok(RegText { dialect, preamble: 0..preamble, source, sections, keys, roots: roots.shown() })
}

/// End of the preamble, the sections, and what their key lines say.
#[allow(clippy::type_complexity)]
fn read_lines(
    text: &[u8],
    body: usize,
    encoding: Encoding,
    roots: &mut Roots,
) -> Result<(usize, Vec<Section>, Vec<KeyLine>), Trouble> {
    let (mut preamble, mut sections, mut lines): (usize, Vec<Section>, Vec<KeyLine>) = (body, Vec::new(), Vec::new());
    let mut at = body;
    while at < text.len() {
        let first = skip_blanks(text, at);
        let end;
        match text.get(first) {
            Some(b'[') => {
                end = next_line(text, first);
                let (deletes, written) = key_line(&text[first..end], encoding).map_err(|why| (first, why))?;
                let (root, path) = Root::of(&written);
                roots.see(&root, &written, &path);
                lines.push(KeyLine { section: sections.len(), deletes, root, path });
                sections.push(Section { head: at..end, pieces: Vec::new() });
            }
            Some(b'"' | b'@') => {
                let section = sections.last_mut().ok_or((first, "a value before any key"))?;
                let (entry, after) = value_line(text, at, first, encoding)?;
                section.pieces.push(Piece::Value(entry));
                end = after;
            }
            None | Some(b'\n' | b';') => {
                end = next_line(text, first.min(text.len()));
                match sections.last_mut() {
                    None => preamble = end,
                    Some(section) => match section.pieces.last_mut() {
                        Some(Piece::Other(range)) => range.end = end,
                        _ => section.pieces.push(Piece::Other(at..end)),
                    },
                }
            }
            Some(_) => return Err((first, "neither a key, a value nor a comment")),
        }
        at = end;
    }
    Ok((preamble, sections, lines))
}

/// Does the line delete its key, and the key as it is written.
fn key_line(line: &[u8], encoding: Encoding) -> Result<(bool, String), &'static str> {
    // A key's name may have brackets in it: the last one closes.
    let close = line.iter().rposition(|&b| b == b']').ok_or("a key without a closing bracket")?;
    let inside = line[1..close].trim_ascii();
    let (deletes, path) = inside.strip_prefix(b"-").map_or((false, inside), |path| (true, path));
    let path = encoding::string(encoding, path);
    if path.bytes().filter(|&b| b == b'\\').count() > DEEPEST {
        return Err("a key deeper than Windows can have one");
    }
    Ok((deletes, path))
}

/// The value that begins at `first` on the line that begins at `at`, and where the next line begins.
fn value_line(text: &[u8], at: usize, first: usize, encoding: Encoding) -> Result<(Entry, usize), Trouble> {
    let (name, after) = if text[first] == b'@' {
        (first..first, first + 1)
    } else {
        let end = quoted_end(text, first).ok_or((first, "a name without a closing quote"))?;
        (first + 1..end - 1, end)
    };
    let equals = skip_blanks(text, after);
    if text.get(equals) != Some(&b'=') {
        return Err((first, "a name without ="));
    }
    let start = skip_blanks(text, equals + 1);
    let (form, end) = data::scan(text, start)?;
    let rest = skip_blanks(text, end);
    // reged writes no line end after a value without bytes: `"none"=hex(0):"next"=..`
    let runs_on = matches!(form, Form::Hex(_)) && text[start..end].ends_with(b":");
    let next = match text.get(rest) {
        None | Some(b'\n' | b';') => next_line(text, rest),
        Some(b'"' | b'@' | b'[') if runs_on => rest,
        Some(_) => return Err((rest, "more on the line than one value")),
    };
    let folded = fold(&encoding::string(encoding, &data::unescape(&text[name.clone()])));
    let within = |range: std::ops::Range<usize>| range.start - at..range.end - at;
    let entry = Entry { text: Text::Source(at..next), folded, name: within(name), data: within(start..end), form };
    Ok((entry, next))
}
