//! Makes hives and their logs, for tests: what Windows writes, in its simplest form (one hive bin).

use std::collections::BTreeMap;

use super::{HEAD, NONE, PIECE, checksum};
use crate::registry::{Value, fold};

/// Most subkeys in one list.
const LEAF: usize = 500;

/// A hive to be.
#[derive(Debug, Default)]
pub struct HiveBuilder {
    root: Key,
}

#[derive(Debug, Default)]
struct Key {
    name: String,
    below: BTreeMap<String, Key>,
    values: Vec<(String, Value)>,
}

impl HiveBuilder {
    /// With a root key and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this key, and the keys above it.
    #[must_use]
    pub fn key(mut self, path: &str) -> Self {
        self.at(path);
        self
    }

    /// With this value, its key included.
    #[must_use]
    pub fn value(mut self, path: &str, name: &str, value: Value) -> Self {
        self.at(path).values.push((name.to_owned(), value));
        self
    }

    fn at(&mut self, path: &str) -> &mut Key {
        path.split('\\').filter(|name| !name.is_empty()).fold(&mut self.root, |key, name| {
            let fresh = || Key { name: name.to_owned(), ..Key::default() };
            key.below.entry(fold(name)).or_insert_with(fresh)
        })
    }

    /// The file. `sequence`: how often it was written.
    pub fn bytes(&self, sequence: u32) -> Vec<u8> {
        // The head of the hive bin comes first.
        let mut cells = Cells(vec![0; 32]);
        let mut security = vec![b's', b'k', 0, 0];
        // To itself and from itself; used once; 52 bytes: owner and group are the administrators (S-1-5-32-544).
        for number in [32, 32, 1, 52_u32] {
            security.extend(number.to_le_bytes());
        }
        security.extend([1, 0, 0, 0x80, 20, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let administrators = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        security.extend(administrators.into_iter().chain(administrators));
        let security = cells.add(&security);
        let root = cells.key(&self.root, NONE, security, true);
        let mut bins = cells.0;
        let used = bins.len();
        let size = (used + 8).next_multiple_of(4096);
        bins.resize(size, 0);
        put(&mut bins, used, &u32_of(size - used).to_le_bytes());
        put(&mut bins, 0, b"hbin");
        put(&mut bins, 8, &u32_of(size).to_le_bytes());
        let mut file = vec![0; HEAD];
        put(&mut file, 0, b"regf");
        for (at, number) in [(4, sequence), (8, sequence), (20, 1), (24, 5), (32, 1), (36, root), (44, 1)] {
            put(&mut file, at, &number.to_le_bytes());
        }
        put(&mut file, 12, &u64::from(sequence).to_le_bytes());
        put(&mut file, 40, &u32_of(size).to_le_bytes());
        sign(&mut file);
        file.extend(bins);
        file
    }
}

/// `old` as it lies on the disk when Windows has begun to write `new` and not come to its end.
pub fn unfinished(old: &[u8]) -> Vec<u8> {
    let mut file = old.to_vec();
    let sequence = u32::from_le_bytes([file[4], file[5], file[6], file[7]]);
    put(&mut file, 4, &(sequence + 1).to_le_bytes());
    sign(&mut file);
    file
}

/// The log (Windows 8.1 and later) that makes `new` of `old`, with one entry of this number.
pub fn log(old: &[u8], new: &[u8], number: u32) -> Vec<u8> {
    let (old, new) = (&old[HEAD..], &new[HEAD..]);
    let changed: Vec<usize> =
        (0..new.len()).step_by(4096).filter(|&at| old.get(at..at + 4096) != new.get(at..at + 4096)).collect();
    let mut entry = b"HvLE".to_vec();
    entry.resize(40, 0);
    for (at, number) in [(12, number), (16, u32_of(new.len())), (20, u32_of(changed.len()))] {
        put(&mut entry, at, &number.to_le_bytes());
    }
    for &at in &changed {
        entry.extend(u32_of(at).to_le_bytes());
        entry.extend(4096_u32.to_le_bytes());
    }
    changed.iter().for_each(|&at| entry.extend(&new[at..at + 4096]));
    entry.resize(entry.len().next_multiple_of(512), 0);
    let length = u32_of(entry.len()).to_le_bytes();
    put(&mut entry, 4, &length);
    sign_entry(&mut entry);
    let mut file = log_head(6, number, new.len(), 0);
    file.extend(entry);
    file
}

/// Puts the sums of a log entry right.
pub fn sign_entry(entry: &mut [u8]) {
    let sum = checksum::of_entry(&entry[40..]).to_le_bytes();
    put(entry, 24, &sum);
    let sum = checksum::of_entry(&entry[..32]).to_le_bytes();
    put(entry, 32, &sum);
}

/// The log (up to Windows 8) that makes `new` of `old`.
pub fn old_log(old: &[u8], new: &[u8]) -> Vec<u8> {
    let time = u64::from_le_bytes([old[12], old[13], old[14], old[15], old[16], old[17], old[18], old[19]]);
    let (old, new) = (&old[HEAD..], &new[HEAD..]);
    let differs = |at: usize| old.get(at..at + 512) != new.get(at..at + 512);
    let mut file = log_head(1, 1, new.len(), time);
    file.extend(b"DIRT");
    for byte in 0..new.len() / 4096 {
        file.push((0..8).fold(0, |map, bit| map | u8::from(differs((byte * 8 + bit) * 512)) << bit));
    }
    file.resize(file.len().next_multiple_of(512), 0);
    let sectors = (0..new.len()).step_by(512).filter(|&at| differs(at));
    sectors.for_each(|at| file.extend(&new[at..at + 512]));
    file
}

fn log_head(kind: u32, sequence: u32, bins: usize, time: u64) -> Vec<u8> {
    let mut head = vec![0; 512];
    put(&mut head, 0, b"regf");
    for (at, number) in [(4, sequence), (8, sequence), (20, 1), (24, 5), (28, kind), (32, 1), (40, u32_of(bins))] {
        put(&mut head, at, &number.to_le_bytes());
    }
    put(&mut head, 12, &time.to_le_bytes());
    sign(&mut head);
    head
}

/// Puts the sum of a first block right.
pub fn sign(head: &mut [u8]) {
    let sum = checksum::of_head(head).to_le_bytes();
    put(head, 508, &sum);
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    bytes[at..at + what.len()].copy_from_slice(what);
}

fn u32_of(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The bytes of a name, and whether it takes one byte a letter.
fn name_bytes(name: &str) -> (Vec<u8>, bool) {
    match name.chars().map(u8::try_from).collect::<Result<Vec<u8>, _>>() {
        Ok(narrow) => (narrow, true),
        Err(_) => (name.encode_utf16().flat_map(u16::to_le_bytes).collect(), false),
    }
}

struct Cells(Vec<u8>);

impl Cells {
    fn add(&mut self, content: &[u8]) -> u32 {
        let at = self.0.len();
        let size = (content.len() + 4).next_multiple_of(8);
        self.0.extend((-i32::try_from(size).unwrap_or(i32::MAX)).to_le_bytes());
        self.0.extend(content);
        self.0.resize(at + size, 0);
        u32_of(at)
    }

    fn key(&mut self, key: &Key, parent: u32, security: u32, root: bool) -> u32 {
        let (name, narrow) = name_bytes(if root { "ROOT" } else { &key.name });
        let mut cell = vec![0; 76];
        put(&mut cell, 0, b"nk");
        put(&mut cell, 2, &(if root { 12_u16 } else { 0 } | if narrow { 0x20 } else { 0 }).to_le_bytes());
        for (at, number) in [(16, parent), (20, u32_of(key.below.len())), (28, NONE), (32, NONE)] {
            put(&mut cell, at, &number.to_le_bytes());
        }
        for (at, number) in [(36, u32_of(key.values.len())), (40, NONE), (44, security), (48, NONE)] {
            put(&mut cell, at, &number.to_le_bytes());
        }
        put(&mut cell, 72, &u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        cell.extend(name);
        let at = self.add(&cell);
        let children: Vec<(u32, u32)> =
            key.below.iter().map(|(folded, child)| (self.key(child, at, security, false), hash(folded))).collect();
        let leaves: Vec<u32> = children.chunks(LEAF).map(|part| self.leaf(part)).collect();
        let list = match leaves.as_slice() {
            [] => NONE,
            [one] => *one,
            many => {
                let mut index =
                    [b"ri".as_slice(), &u16::try_from(many.len()).unwrap_or(u16::MAX).to_le_bytes()].concat();
                many.iter().for_each(|at| index.extend(at.to_le_bytes()));
                self.add(&index)
            }
        };
        let start = usize::try_from(at).unwrap_or(usize::MAX) + 4;
        put(&mut self.0, start + 28, &list.to_le_bytes());
        if !key.values.is_empty() {
            let places: Vec<u8> =
                key.values.iter().flat_map(|(name, value)| self.value(name, value).to_le_bytes()).collect();
            let list = self.add(&places);
            put(&mut self.0, start + 40, &list.to_le_bytes());
        }
        at
    }

    fn leaf(&mut self, children: &[(u32, u32)]) -> u32 {
        let mut list = [b"lh".as_slice(), &u16::try_from(children.len()).unwrap_or(u16::MAX).to_le_bytes()].concat();
        for (at, hash) in children {
            list.extend(at.to_le_bytes());
            list.extend(hash.to_le_bytes());
        }
        self.add(&list)
    }

    fn value(&mut self, name: &str, value: &Value) -> u32 {
        let (name, narrow) = name_bytes(name);
        let data = &value.data;
        let (size, place) = match data.len() {
            // Nothing at all is stored so too.
            length @ 0..=4 => {
                let mut inline = [0; 4];
                inline[..length].copy_from_slice(data);
                (0x8000_0000 | u32_of(length), u32::from_le_bytes(inline))
            }
            length if length > PIECE => (u32_of(length), self.pieces(data)),
            length => (u32_of(length), self.add(data)),
        };
        let mut cell = b"vk".to_vec();
        cell.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        for number in [size, place, value.kind.number(), u32::from(narrow)] {
            cell.extend(number.to_le_bytes());
        }
        cell.extend(name);
        self.add(&cell)
    }

    fn pieces(&mut self, data: &[u8]) -> u32 {
        let places: Vec<u8> = data.chunks(PIECE).flat_map(|piece| self.add(piece).to_le_bytes()).collect();
        let list = self.add(&places);
        let mut cell = [b"db".as_slice(), &u16::try_from(places.len() / 4).unwrap_or(u16::MAX).to_le_bytes()].concat();
        cell.extend(list.to_le_bytes());
        self.add(&cell)
    }
}

/// What Windows finds a key by.
fn hash(folded: &str) -> u32 {
    folded.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(37).wrapping_add(unit.into()))
}
