//! A registry hive (`NTUSER.DAT`) in memory, only read. Every offset is checked and all work is bounded by the size of the
//! file, since a hive from a strange disk may say anything.
//!
//! Facts: M. Suhanov, "Windows registry file format specification"; compared with what hivex and reged make of the same
//! files. Why not a crate: `notatin` 1.0.1 (Apache-2.0) does not build with the `nom` that cargo resolves for it, brings 60
//! crates with a terminal library among them, believes the sizes that a log states, and does not know the logs of Windows 7;
//! `nt_hive2` and `nt-hive` are GPL.

#[doc(hidden)]
pub mod build;
mod checksum;
mod recovery;

pub use recovery::{Freshness, recovered};

use super::{Value, ValueKind, fold};

/// How every hive begins.
pub const MAGIC: &[u8] = b"regf";
/// The block before the hive bins, in bytes.
const HEAD: usize = 4096;
/// "Nothing there", where an offset is expected.
const NONE: u32 = u32::MAX;
/// Longest data in one cell; longer data is in pieces of this size.
const PIECE: usize = 16_344;
/// Longest name of a key, in bytes: 255 letters and a little more.
const LONGEST_NAME: usize = 512;

/// Why a hive cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HiveError {
    /// It does not begin as a hive.
    #[error("it is not a registry hive")]
    NotAHive,
    /// Something in it leads nowhere.
    #[error("the hive is damaged: {why} (at byte {at})")]
    Damaged {
        /// Offset in the file, in bytes.
        at: usize,
        /// What is wrong there.
        why: &'static str,
    },
}

/// A hive, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hive {
    /// Everything after the first block; offsets in the hive count from here.
    bins: Vec<u8>,
    /// Where the root key is.
    root: u32,
    /// Minor version; data in pieces exists from 4 on.
    minor: u32,
}

/// A key's cell.
struct Node<'a> {
    parent: u32,
    subkeys: u32,
    list: u32,
    values: u32,
    value_list: u32,
    name: &'a [u8],
    /// One byte a letter (Latin-1) instead of UTF-16.
    narrow: bool,
}

impl Hive {
    /// Does the key exist?
    pub fn has_key(&self, key: &str) -> Result<bool, HiveError> {
        Ok(self.find(key)?.is_some())
    }

    /// Names of the direct subkeys in the hive's order; none for a missing key.
    pub fn subkeys(&self, key: &str) -> Result<Vec<String>, HiveError> {
        let Some(at) = self.find(key)? else { return Ok(Vec::new()) };
        let (mut names, mut size) = (Vec::new(), 0);
        for at in self.children(at)? {
            let name = self.node(at)?.shown_name();
            size += name.len();
            names.push(name);
            if size > 2 * self.bins.len() {
                return Err(damaged(at, "the names of the subkeys are larger than the file"));
            }
        }
        Ok(names)
    }

    /// Names and contents of all values; none for a missing key.
    pub fn values(&self, key: &str) -> Result<Vec<(String, Value)>, HiveError> {
        let Some(at) = self.find(key)? else { return Ok(Vec::new()) };
        let (mut found, mut size) = (Vec::new(), 0);
        for at in self.value_places(&self.node(at)?)? {
            let (name, value) = (self.value_name(at)?, self.data(at)?);
            // Cells that lie in each other would be a small file and a large answer.
            size += name.len() + value.data.len();
            if size > 2 * self.bins.len() {
                return Err(damaged(at, "the values of a key are larger than the file"));
            }
            found.push((name, value));
        }
        Ok(found)
    }

    /// One value; `None` if it or its key is missing.
    pub fn value(&self, key: &str, name: &str) -> Result<Option<Value>, HiveError> {
        let Some(at) = self.find(key)? else { return Ok(None) };
        let folded = fold(name);
        for at in self.value_places(&self.node(at)?)? {
            if fold(&self.value_name(at)?) == folded {
                return self.data(at).map(Some);
            }
        }
        Ok(None)
    }

    /// Where the key's cell is.
    fn find(&self, key: &str) -> Result<Option<u32>, HiveError> {
        let mut at = self.root;
        self.node(at)?;
        for name in key.split('\\').filter(|name| !name.is_empty()) {
            let folded = fold(name);
            let mut below = None;
            for child in self.children(at)? {
                if self.node(child)?.is_called(name, &folded) {
                    below = Some(child);
                    break;
                }
            }
            match below {
                Some(child) => at = child,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    fn node(&self, at: u32) -> Result<Node<'_>, HiveError> {
        let cell = self.cell(at)?;
        let part = |from: usize| u32_at(cell, from).ok_or(damaged(at, "a key is cut off"));
        if !cell.starts_with(b"nk") {
            return Err(damaged(at, "there is no key where one is named"));
        }
        let flags = u16_at(cell, 2).unwrap_or_default();
        let length = usize::from(u16_at(cell, 72).ok_or(damaged(at, "a key is cut off"))?);
        let name = cell.get(76..76 + length).filter(|name| name.len() <= LONGEST_NAME);
        let name = name.ok_or(damaged(at, "the name of a key is cut off, or too long"))?;
        // Keys that stand for something the system holds ready have no values of their own.
        let predefined = flags & 0x40 != 0;
        Ok(Node {
            parent: part(16)?,
            subkeys: part(20)?,
            list: part(28)?,
            values: if predefined { 0 } else { part(36)? },
            value_list: part(40)?,
            name,
            narrow: flags & 0x20 != 0,
        })
    }

    /// Where the direct subkeys are. Each knows its parent and is named once: so the keys are a tree, and no small file
    /// is an endless one.
    fn children(&self, parent: u32) -> Result<Vec<u32>, HiveError> {
        let node = self.node(parent)?;
        let mut found = Vec::new();
        if node.subkeys == 0 || node.list == NONE {
            return Ok(found);
        }
        let list = self.cell(node.list)?;
        if list.starts_with(b"ri") {
            for n in 0..usize::from(u16_at(list, 2).unwrap_or_default()) {
                let at = u32_at(list, 4 + 4 * n).ok_or(damaged(node.list, "a list of keys is cut off"))?;
                self.leaf(at, &mut found)?;
            }
        } else {
            self.leaf(node.list, &mut found)?;
        }
        named_once(&found)?;
        match found.iter().find(|&&at| self.node(at).is_ok_and(|child| child.parent != parent)) {
            Some(&stray) => Err(damaged(stray, "a key is listed below another one than its own parent")),
            None => Ok(found),
        }
    }

    fn leaf(&self, at: u32, found: &mut Vec<u32>) -> Result<(), HiveError> {
        let list = self.cell(at)?;
        let step = match list.get(..2) {
            Some(b"li") => 4,
            Some(b"lf" | b"lh") => 8,
            _ => return Err(damaged(at, "there is no list of keys where one is named")),
        };
        for n in 0..usize::from(u16_at(list, 2).unwrap_or_default()) {
            found.push(u32_at(list, 4 + step * n).ok_or(damaged(at, "a list of keys is cut off"))?);
        }
        // The same leaf named again and again: every key takes 80 bytes at least.
        if found.len() > self.bins.len() / 80 {
            return Err(damaged(at, "a key has more subkeys than the file can hold"));
        }
        Ok(())
    }

    fn value_places(&self, node: &Node) -> Result<Vec<u32>, HiveError> {
        if node.values == 0 || node.value_list == NONE {
            return Ok(Vec::new());
        }
        let list = self.cell(node.value_list)?;
        let cut = damaged(node.value_list, "a list of values is cut off");
        let length = usize::try_from(node.values).ok().and_then(|n| n.checked_mul(4)).ok_or(cut)?;
        let list = list.get(..length).ok_or(cut)?;
        let places = list.chunks_exact(4).map(|part| u32::from_le_bytes([part[0], part[1], part[2], part[3]]));
        let places: Vec<u32> = places.collect();
        named_once(&places)?;
        Ok(places)
    }

    fn value_cell(&self, at: u32) -> Result<&[u8], HiveError> {
        let cell = self.cell(at)?;
        match cell.starts_with(b"vk") && cell.len() >= 20 {
            true => Ok(cell),
            false => Err(damaged(at, "there is no value where one is named")),
        }
    }

    fn value_name(&self, at: u32) -> Result<String, HiveError> {
        let cell = self.value_cell(at)?;
        let length = usize::from(u16_at(cell, 2).unwrap_or_default());
        let name = cell.get(20..20 + length).ok_or(damaged(at, "the name of a value is cut off"))?;
        Ok(text(name, u16_at(cell, 16).unwrap_or_default() & 1 != 0))
    }

    fn data(&self, at: u32) -> Result<Value, HiveError> {
        let cell = self.value_cell(at)?;
        let (size, place) = (u32_at(cell, 4).unwrap_or_default(), u32_at(cell, 8).unwrap_or_default());
        let kind = ValueKind::from_number(u32_at(cell, 12).unwrap_or_default());
        let cut = damaged(at, "the data of a value is cut off");
        let length = usize::try_from(size & 0x7FFF_FFFF).map_err(|_| cut)?;
        let data = match size {
            // Up to four bytes stand where the offset would.
            0x8000_0000.. => cell[8..12].get(..length).ok_or(cut)?.to_vec(),
            0 => Vec::new(),
            _ if length > PIECE && self.minor > 3 => self.in_pieces(place, length)?,
            _ => self.cell(place)?.get(..length).ok_or(cut)?.to_vec(),
        };
        Ok(Value { kind, data })
    }

    fn in_pieces(&self, at: u32, length: usize) -> Result<Vec<u8>, HiveError> {
        let cut = damaged(at, "the data of a value is cut off");
        let cell = self.cell(at)?;
        if !cell.starts_with(b"db") || length > self.bins.len() {
            return Err(cut);
        }
        let (count, list) = (u16_at(cell, 2).ok_or(cut)?, self.cell(u32_at(cell, 4).ok_or(cut)?)?);
        let mut data = Vec::with_capacity(length);
        for n in 0..usize::from(count) {
            let wanted = PIECE.min(length - data.len());
            let piece = self.cell(u32_at(list, 4 * n).ok_or(cut)?)?;
            data.extend_from_slice(piece.get(..wanted).ok_or(cut)?);
        }
        if data.len() == length { Ok(data) } else { Err(cut) }
    }

    /// What a cell in use holds.
    fn cell(&self, at: u32) -> Result<&[u8], HiveError> {
        let nowhere = damaged(at, "something is named that is not there");
        let start = usize::try_from(at).map_err(|_| nowhere)?;
        // Cells in use say their size as a negative number.
        let size = i32::from_le_bytes(u32_at(&self.bins, start).ok_or(nowhere)?.to_le_bytes());
        let size = usize::try_from(size.checked_neg().ok_or(nowhere)?).map_err(|_| nowhere)?;
        if size < 4 {
            return Err(nowhere);
        }
        self.bins.get(start + 4..start.checked_add(size).ok_or(nowhere)?).ok_or(nowhere)
    }
}

impl Node<'_> {
    fn shown_name(&self) -> String {
        text(self.name, self.narrow)
    }

    fn is_called(&self, name: &str, folded: &str) -> bool {
        // Nearly all names are plain letters: thousands of accounts are looked through without copying.
        if self.narrow && self.name.is_ascii() {
            return self.name.eq_ignore_ascii_case(name.as_bytes());
        }
        fold(&self.shown_name()) == folded
    }
}

fn named_once(places: &[u32]) -> Result<(), HiveError> {
    let mut sorted = places.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(damaged(pair[0], "the same thing is listed twice")),
        None => Ok(()),
    }
}

fn damaged(at: u32, why: &'static str) -> HiveError {
    HiveError::Damaged { at: usize::try_from(at).unwrap_or(usize::MAX).saturating_add(HEAD), why }
}

fn text(name: &[u8], narrow: bool) -> String {
    if narrow {
        return name.iter().map(|&byte| char::from(byte)).collect();
    }
    let units: Vec<u16> = name.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|part| u16::from_le_bytes(*part))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|part| u32::from_le_bytes(*part))
}

#[cfg(test)]
mod tests;
