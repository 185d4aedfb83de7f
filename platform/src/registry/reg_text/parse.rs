//! One pass over the text into sections and values, then the index of the user's keys.

use std::collections::{BTreeSet, HashMap};

use super::data::{self, Dialect, next_line, quoted_end, skip_blanks};
use super::encoding::{self, Encoding};
use super::{Entry, Key, Piece, RegText, RegTextError, Section, Text, fold};

/// A key line, read.
struct KeyLine {
    section: usize,
    deletes: bool,
    root: Root,
    path: String,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
enum Root {
    CurrentUser,
    User(String),
    Machine,
    Other,
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
    let (preamble, sections, lines) = read_lines(&source, body, encoding).map_err(trouble)?;
    let root = match hive {
        Hive::User => users_root(&lines).map_err(trouble)?,
        Hive::Machine => lines.iter().any(|line| line.root == Root::Machine).then_some(Root::Machine),
    };
    let mut keys = HashMap::new();
    if let Some(root) = root {
        keys.insert(String::new(), Key::default());
        for line in lines.iter().filter(|line| line.root == root) {
            if line.deletes { delete_key(&mut keys, &line.path) } else { add_key(&mut keys, line) }
        }
    }
    Ok(RegText { dialect, preamble: 0..preamble, source, sections, keys })
}

/// End of the preamble, the sections, and what their key lines say.
#[allow(clippy::type_complexity)]
fn read_lines(text: &[u8], body: usize, encoding: Encoding) -> Result<(usize, Vec<Section>, Vec<KeyLine>), Trouble> {
    let (mut preamble, mut sections, mut lines): (usize, Vec<Section>, Vec<KeyLine>) = (body, Vec::new(), Vec::new());
    let mut at = body;
    while at < text.len() {
        let first = skip_blanks(text, at);
        let end;
        match text.get(first) {
            Some(b'[') => {
                end = next_line(text, first);
                let (deletes, root, path) = key_line(&text[first..end], encoding).map_err(|why| (first, why))?;
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

fn key_line(line: &[u8], encoding: Encoding) -> Result<(bool, Root, String), &'static str> {
    // A key's name may have brackets in it: the last one closes.
    let close = line.iter().rposition(|&b| b == b']').ok_or("a key without a closing bracket")?;
    let inside = line[1..close].trim_ascii();
    let (deletes, path) = inside.strip_prefix(b"-").map_or((false, inside), |path| (true, path));
    let path = encoding::string(encoding, path);
    let path = path.trim_end_matches('\\');
    let (root, below) = path.split_once('\\').unwrap_or((path, ""));
    Ok(match fold(root).as_str() {
        "HKEY_LOCAL_MACHINE" | "HKLM" => (deletes, Root::Machine, below.to_owned()),
        "HKEY_CURRENT_USER" | "HKCU" => (deletes, Root::CurrentUser, below.to_owned()),
        "HKEY_USERS" | "HKU" if !below.is_empty() => {
            let (user, below) = below.split_once('\\').unwrap_or((below, ""));
            (deletes, Root::User(fold(user)), below.to_owned())
        }
        _ => (deletes, Root::Other, below.to_owned()),
    })
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
    if !matches!(text.get(rest), None | Some(b'\n' | b';')) {
        return Err((rest, "more on the line than one value"));
    }
    let next = next_line(text, rest);
    let folded = fold(&encoding::string(encoding, &data::unescape(&text[name.clone()])));
    let within = |range: std::ops::Range<usize>| range.start - at..range.end - at;
    let entry = Entry { text: Text::Source(at..next), folded, name: within(name), data: within(start..end), form };
    Ok((entry, next))
}

/// Whose keys count. `None`: no user's.
fn users_root(lines: &[KeyLine]) -> Result<Option<Root>, Trouble> {
    let roots: BTreeSet<&Root> = lines.iter().map(|line| &line.root).collect();
    if roots.contains(&Root::CurrentUser) {
        return Ok(Some(Root::CurrentUser));
    }
    let people = |pick: fn(&str) -> bool| -> Vec<&Root> {
        let picked = |root: &&&Root| matches!(root, Root::User(name) if !name.ends_with("_CLASSES") && pick(name));
        roots.iter().filter(picked).copied().collect()
    };
    match (people(|_| true).as_slice(), people(|name| name.starts_with("S-1-5-21-")).as_slice()) {
        ([], _) => Ok(None),
        (&[one], _) | (_, &[one]) => Ok(Some(one.clone())),
        _ => Err((0, "it holds the registry of several users; export one user's alone")),
    }
}

fn add_key(keys: &mut HashMap<String, Key>, line: &KeyLine) {
    let folded = fold(&line.path);
    if !keys.contains_key(&folded) {
        // Missing parents come into being with their child.
        let mut parent = String::new();
        for name in line.path.split('\\') {
            let child = if parent.is_empty() { fold(name) } else { format!("{parent}\\{}", fold(name)) };
            if !keys.contains_key(&child) {
                keys.insert(child.clone(), Key::default());
                keys.entry(parent).or_default().children.push(name.to_owned());
            }
            parent = child;
        }
    }
    keys.entry(folded).or_default().sections.push(line.section);
}

fn delete_key(keys: &mut HashMap<String, Key>, path: &str) {
    let folded = fold(path);
    if path.is_empty() || !keys.contains_key(&folded) {
        return;
    }
    let (parent, name) = folded.rsplit_once('\\').unwrap_or(("", &folded));
    if let Some(parent) = keys.get_mut(parent) {
        parent.children.retain(|child| fold(child) != name);
    }
    let mut doomed = vec![folded.clone()];
    while let Some(key) = doomed.pop() {
        if let Some(gone) = keys.remove(&key) {
            doomed.extend(gone.children.iter().map(|child| format!("{key}\\{}", fold(child))));
        }
    }
}
