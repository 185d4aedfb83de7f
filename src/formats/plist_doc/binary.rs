//! The binary form (`bplist00`). No object is ever overwritten: an edit appends new objects and points the
//! table of offsets to them, so a value that other dictionaries share stays as it is for them.

use super::super::FormatError;
use super::super::xml::malformed;
use super::refused::{FORMAT, no_way, refused};
use super::scalar::Scalar;
use super::tree::{End, Shape, Tree, find};

const MAGIC: &[u8] = b"bplist00";
const TRAILER: usize = 32;
const CUT_SHORT: &str = "an object that is cut short";

/// A binary property list.
#[derive(Debug, Clone)]
pub(super) struct BinaryPlist {
    /// The header and all objects.
    area: Vec<u8>,
    /// Where each object begins in `area`.
    offsets: Vec<usize>,
    offset_size: usize,
    ref_size: usize,
    top: usize,
    /// The first six bytes of the trailer, which mean nothing to readers.
    unused: [u8; 6],
    /// How many containers (and places in them) hold each object.
    uses: Vec<u32>,
}

/// An object as stored.
enum Object<'a> {
    Null,
    Bool(bool),
    Integer(i128),
    Real(f64),
    Date(f64),
    Data(&'a [u8]),
    Ascii(&'a [u8]),
    Utf16(&'a [u8]),
    Uid,
    Array(Vec<usize>),
    /// Keys, then their values.
    Dict(Vec<usize>),
}

impl BinaryPlist {
    /// Reads and checks a file: every object that can be reached is whole, inside the file and not inside itself.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let fail = |at: usize, why: &str| Err(malformed(FORMAT, at, why));
        if !bytes.starts_with(MAGIC) {
            return fail(0, "this version of the binary form is not known");
        }
        let Some(trailer_at) = bytes.len().checked_sub(TRAILER).filter(|&at| at > MAGIC.len()) else {
            return fail(bytes.len(), "the file is cut short");
        };
        let (body, trailer) = bytes.split_at(trailer_at);
        let mut unused = [0; 6];
        unused.copy_from_slice(&trailer[..6]);
        let (offset_size, ref_size) = (usize::from(trailer[6]), usize::from(trailer[7]));
        let number = |at: usize| usize::try_from(big_endian(&trailer[at..at + 8])).unwrap_or(usize::MAX);
        let (count, top, table_at) = (number(8), number(16), number(24));
        if !(1..=8).contains(&offset_size) || !(1..=8).contains(&ref_size) {
            return fail(trailer_at + 6, "the sizes in the trailer make no sense");
        }
        let table = count.checked_mul(offset_size).and_then(|size| table_at.checked_add(size));
        if table_at <= MAGIC.len() || table != Some(trailer_at) || top >= count {
            return fail(trailer_at + 8, "the table of objects is not where the trailer says");
        }
        let mut offsets = Vec::with_capacity(count);
        for (entry, packed) in body[table_at..].chunks_exact(offset_size).enumerate() {
            match usize::try_from(big_endian(packed)) {
                Ok(offset) if (MAGIC.len()..table_at).contains(&offset) => offsets.push(offset),
                _ => return fail(table_at + entry * offset_size, "an object that is outside the file"),
            }
        }
        let area = body[..table_at].to_vec();
        let mut doc = Self { area, offsets, offset_size, ref_size, top, unused, uses: Vec::new() };
        doc.uses = doc.count_uses()?;
        Ok(doc)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.area.clone();
        for &offset in &self.offsets {
            push_number(&mut bytes, offset as u64, self.offset_size);
        }
        bytes.extend(self.unused);
        bytes.extend([self.offset_size as u8, self.ref_size as u8]);
        for number in [self.offsets.len(), self.top, self.area.len()] {
            bytes.extend((number as u64).to_be_bytes());
        }
        bytes
    }

    pub fn set(&mut self, name: &str, value: &Scalar) -> Result<(), FormatError> {
        let place = find(self, name)?;
        let encoded = encode(value);
        match place.end {
            End::Nothing => return Err(no_way(name)),
            End::Value(node) if self.is_own(node, &place.trail) => self.offsets[node] = self.append(&encoded),
            End::Value(_) => {
                self.make_room(1 + place.trail.len())?;
                let new = self.add(&encoded);
                self.rewire(place.trail, new)?;
            }
            End::NoKey { dict, key } => {
                self.make_room(2 + place.trail.len())?;
                let key = self.add(&encode(&Scalar::String(key)));
                let new = self.add(&encoded);
                let mut refs = self.refs(dict)?;
                refs.insert(refs.len() / 2, key);
                refs.push(new);
                self.store(dict, 0xd0, &refs, place.trail)?;
            }
        }
        self.settle()
    }

    pub fn remove(&mut self, name: &str) -> Result<(), FormatError> {
        let mut place = find(self, name)?;
        let (End::Value(_), Some((parent, at))) = (place.end, place.trail.pop()) else { return Ok(()) };
        if !matches!(self.object(parent)?, Object::Dict(_)) {
            return Err(refused(name, "elements of an array are not removed"));
        }
        self.make_room(place.trail.len() + 1)?;
        let mut refs = self.refs(parent)?;
        refs.remove(refs.len() / 2 + at);
        refs.remove(at);
        self.store(parent, 0xd0, &refs, place.trail)?;
        self.settle()
    }

    /// Puts `new` in the last place of the trail.
    fn rewire(&mut self, mut trail: Vec<(usize, usize)>, new: usize) -> Result<(), FormatError> {
        let Some((container, at)) = trail.pop() else {
            self.top = new;
            return Ok(());
        };
        let (marker, mut refs, first) = match self.object(container)? {
            Object::Dict(refs) => (0xd0, refs.clone(), refs.len() / 2),
            Object::Array(refs) => (0xa0, refs, 0),
            _ => return Ok(()),
        };
        refs[first + at] = new;
        self.store(container, marker, &refs, trail)
    }

    /// Gives a container new contents. If others share it they keep the old one, and this path gets its own.
    fn store(
        &mut self,
        container: usize,
        marker: u8,
        refs: &[usize],
        trail: Vec<(usize, usize)>,
    ) -> Result<(), FormatError> {
        let encoded = self.encode_container(marker, refs);
        if self.is_own(container, &trail) {
            self.offsets[container] = self.append(&encoded);
            return Ok(());
        }
        let new = self.add(&encoded);
        self.rewire(trail, new)
    }

    /// It stands in one place: neither it nor a container above it is in use elsewhere.
    fn is_own(&self, object: usize, trail: &[(usize, usize)]) -> bool {
        std::iter::once(object).chain(trail.iter().map(|(container, _)| *container)).all(|one| self.uses[one] <= 1)
    }

    fn encode_container(&self, marker: u8, refs: &[usize]) -> Vec<u8> {
        let count = if marker == 0xd0 { refs.len() / 2 } else { refs.len() };
        let mut bytes = Vec::new();
        push_marker(&mut bytes, marker, count);
        for &index in refs {
            push_number(&mut bytes, index as u64, self.ref_size);
        }
        bytes
    }

    fn append(&mut self, object: &[u8]) -> usize {
        let at = self.area.len();
        self.area.extend(object);
        at
    }

    fn add(&mut self, object: &[u8]) -> usize {
        let at = self.append(object);
        self.offsets.push(at);
        self.uses.push(0);
        self.offsets.len() - 1
    }

    /// Widens references if that many new objects would not fit: each container gets a wider copy.
    fn make_room(&mut self, more: usize) -> Result<(), FormatError> {
        let wider = size_for(self.offsets.len() + more);
        if wider <= self.ref_size {
            return Ok(());
        }
        let mut containers = Vec::new();
        for index in (0..self.offsets.len()).filter(|&index| index == self.top || self.uses[index] > 0) {
            match self.object(index)? {
                Object::Dict(refs) => containers.push((index, 0xd0, refs)),
                Object::Array(refs) => containers.push((index, 0xa0, refs)),
                _ => {}
            }
        }
        self.ref_size = wider;
        for (index, marker, refs) in containers {
            let encoded = self.encode_container(marker, &refs);
            self.offsets[index] = self.append(&encoded);
        }
        Ok(())
    }

    /// After an edit: offsets as wide as they must be, uses counted again.
    fn settle(&mut self) -> Result<(), FormatError> {
        self.offset_size = self.offset_size.max(size_for(self.area.len()));
        self.uses = self.count_uses()?;
        Ok(())
    }

    /// Walks everything that can be reached from the top, each object once, and checks it on the way.
    fn count_uses(&self) -> Result<Vec<u32>, FormatError> {
        let mut uses = vec![0_u32; self.offsets.len()];
        // 0 not seen, 1 being walked, 2 done.
        let mut seen = vec![0_u8; self.offsets.len()];
        // Containers do not overlap in an honest file, so it cannot have more references than bytes.
        let mut left = self.area.len();
        let mut open = vec![(self.top, self.enter(self.top, &mut left)?.into_iter())];
        seen[self.top] = 1;
        while let Some((index, children)) = open.last_mut() {
            let Some(child) = children.next() else {
                seen[*index] = 2;
                open.pop();
                continue;
            };
            uses[child] = uses[child].saturating_add(1);
            match seen[child] {
                0 => {
                    seen[child] = 1;
                    open.push((child, self.enter(child, &mut left)?.into_iter()));
                }
                1 => return Err(malformed(FORMAT, self.offsets[child], "a container that is inside itself")),
                _ => {}
            }
        }
        Ok(uses)
    }

    fn enter(&self, index: usize, left: &mut usize) -> Result<Vec<usize>, FormatError> {
        let fail = |why: &str| malformed(FORMAT, self.offsets[index], why);
        let refs = match self.object(index)? {
            Object::Array(refs) => refs,
            Object::Dict(refs) => {
                for &key in &refs[..refs.len() / 2] {
                    // The first byte tells; the key itself is read when it is visited.
                    if !matches!(self.area[self.offsets[key]] >> 4, 5 | 6) {
                        return Err(fail("a dictionary with a key that is not text"));
                    }
                }
                refs
            }
            _ => Vec::new(),
        };
        *left = left.checked_sub(refs.len()).ok_or_else(|| fail("containers that lie over each other"))?;
        Ok(refs)
    }

    fn refs(&self, index: usize) -> Result<Vec<usize>, FormatError> {
        match self.object(index)? {
            Object::Array(refs) | Object::Dict(refs) => Ok(refs),
            _ => Ok(Vec::new()),
        }
    }

    fn object(&self, index: usize) -> Result<Object<'_>, FormatError> {
        let at = self.offsets[index];
        let marker = self.area[at];
        let low = usize::from(marker & 0x0f);
        let fixed = |size: usize| self.bytes(at, 1, size);
        Ok(match (marker >> 4, low) {
            (0x0, 0x0) => Object::Null,
            (0x0, 0x8) => Object::Bool(false),
            (0x0, 0x9) => Object::Bool(true),
            (0x1, 0..=2) => Object::Integer(i128::from(big_endian(fixed(1 << low)?))),
            (0x1, 3) => Object::Integer(i128::from(big_endian(fixed(8)?).cast_signed())),
            (0x1, 4) => {
                let (high, low) = fixed(16)?.split_at(8);
                Object::Integer(i128::from(big_endian(high).cast_signed()) << 64 | i128::from(big_endian(low)))
            }
            (0x2, 2) => Object::Real(f64::from(f32::from_bits(big_endian(fixed(4)?) as u32))),
            (0x2, 3) => Object::Real(f64::from_bits(big_endian(fixed(8)?))),
            (0x3, 3) => Object::Date(f64::from_bits(big_endian(fixed(8)?))),
            (0x4, _) => Object::Data(self.counted(at, 1)?),
            (0x5, _) => Object::Ascii(self.counted(at, 1)?),
            (0x6, _) => Object::Utf16(self.counted(at, 2)?),
            (0x8, 0..=7) => fixed(low + 1).map(|_| Object::Uid)?,
            (0xa, _) => Object::Array(self.references(at, 1)?),
            (0xd, _) => Object::Dict(self.references(at, 2)?),
            _ => return Err(malformed(FORMAT, at, "a kind of object that is not known")),
        })
    }

    /// So many bytes of the object at this offset, without the first ones.
    fn bytes(&self, at: usize, skip: usize, size: usize) -> Result<&[u8], FormatError> {
        let end = (at + skip).checked_add(size);
        let bytes = end.and_then(|end| self.area.get(at + skip..end));
        bytes.ok_or_else(|| malformed(FORMAT, at, CUT_SHORT))
    }

    /// The contents of an object that tells how many items it has, each of `size` bytes.
    fn counted(&self, at: usize, size: usize) -> Result<&[u8], FormatError> {
        let (count, skip) = match self.area[at] & 0x0f {
            15 => self.long_count(at)?,
            low => (usize::from(low), 1),
        };
        let size = count.checked_mul(size).ok_or_else(|| malformed(FORMAT, at, CUT_SHORT))?;
        self.bytes(at, skip, size)
    }

    /// A count that does not fit the first byte, and where the contents begin behind it.
    fn long_count(&self, at: usize) -> Result<(usize, usize), FormatError> {
        let width = self.bytes(at, 1, 1)?[0];
        if width & 0xf0 != 0x10 || width & 0x0f > 3 {
            return Err(malformed(FORMAT, at, "a count that is not a number"));
        }
        let width = 1 << (width & 0x0f);
        let count = usize::try_from(big_endian(self.bytes(at, 2, width)?));
        Ok((count.map_err(|_| malformed(FORMAT, at, CUT_SHORT))?, 2 + width))
    }

    /// The objects in a container, of which each item names so many.
    fn references(&self, at: usize, each: usize) -> Result<Vec<usize>, FormatError> {
        let mut refs = Vec::new();
        for packed in self.counted(at, each * self.ref_size)?.chunks_exact(self.ref_size) {
            match usize::try_from(big_endian(packed)) {
                Ok(index) if index < self.offsets.len() => refs.push(index),
                _ => return Err(malformed(FORMAT, at, "a container of objects that are not there")),
            }
        }
        Ok(refs)
    }

    fn text(&self, index: usize) -> Result<String, FormatError> {
        let text = match self.object(index)? {
            Object::Ascii(bytes) => String::from_utf8(bytes.to_vec()).ok(),
            Object::Utf16(bytes) => {
                let units: Vec<u16> =
                    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
                String::from_utf16(&units).ok()
            }
            _ => None,
        };
        text.ok_or_else(|| malformed(FORMAT, self.offsets[index], "text that cannot be read"))
    }
}

impl Tree for BinaryPlist {
    type Node = usize;

    fn top(&self) -> usize {
        self.top
    }

    fn shape(&self, node: usize) -> Result<Shape<usize>, FormatError> {
        Ok(match self.object(node)? {
            Object::Array(items) => Shape::Array(items),
            Object::Dict(refs) => {
                let (keys, values) = refs.split_at(refs.len() / 2);
                let pairs = keys.iter().zip(values).map(|(&key, &value)| Ok((self.text(key)?, value)));
                Shape::Dict(pairs.collect::<Result<_, FormatError>>()?)
            }
            _ => Shape::Scalar,
        })
    }

    fn raw(&self, name: &str, node: usize) -> Result<String, FormatError> {
        let scalar = match self.object(node)? {
            Object::Bool(value) => Some(Scalar::Bool(value)),
            Object::Integer(n) => Some(Scalar::Integer(n)),
            Object::Real(x) => Some(Scalar::Real(x)),
            Object::Date(seconds) => Some(Scalar::Date(seconds)),
            Object::Data(bytes) => Some(Scalar::Data(bytes.to_vec())),
            Object::Ascii(_) | Object::Utf16(_) => Some(Scalar::String(self.text(node)?)),
            Object::Null | Object::Uid | Object::Array(_) | Object::Dict(_) => None,
        };
        scalar.and_then(|scalar| scalar.to_raw()).ok_or_else(|| refused(name, "its value cannot be written as XML"))
    }
}

fn encode(value: &Scalar) -> Vec<u8> {
    let mut bytes = Vec::new();
    match value {
        Scalar::Bool(value) => bytes.push(if *value { 0x09 } else { 0x08 }),
        Scalar::Integer(n) => match *n {
            0..=0xff => bytes.extend([0x10, *n as u8]),
            0x100..=0xffff => bytes.extend([&[0x11][..], &(*n as u16).to_be_bytes()].concat()),
            0x1_0000..=0xffff_ffff => bytes.extend([&[0x12][..], &(*n as u32).to_be_bytes()].concat()),
            // Eight bytes are signed; above that come sixteen.
            n if n <= i128::from(i64::MAX) => bytes.extend([&[0x13][..], &(n as i64).to_be_bytes()].concat()),
            n => bytes.extend([&[0x14][..], &n.to_be_bytes()].concat()),
        },
        Scalar::Real(x) => bytes.extend([&[0x23][..], &x.to_be_bytes()].concat()),
        Scalar::Date(seconds) => bytes.extend([&[0x33][..], &seconds.to_be_bytes()].concat()),
        Scalar::Data(data) => {
            push_marker(&mut bytes, 0x40, data.len());
            bytes.extend(data);
        }
        Scalar::String(text) if text.is_ascii() => {
            push_marker(&mut bytes, 0x50, text.len());
            bytes.extend(text.as_bytes());
        }
        Scalar::String(text) => {
            push_marker(&mut bytes, 0x60, text.encode_utf16().count());
            bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        }
    }
    bytes
}

fn push_marker(bytes: &mut Vec<u8>, kind: u8, count: usize) {
    match count {
        0..15 => bytes.push(kind | count as u8),
        15..0x100 => bytes.extend([kind | 0x0f, 0x10, count as u8]),
        0x100..0x1_0000 => {
            bytes.extend([kind | 0x0f, 0x11]);
            push_number(bytes, count as u64, 2);
        }
        _ => {
            bytes.extend([kind | 0x0f, 0x13]);
            push_number(bytes, count as u64, 8);
        }
    }
}

/// The last `size` bytes of a number, the most significant first.
fn push_number(bytes: &mut Vec<u8>, number: u64, size: usize) {
    bytes.extend(&number.to_be_bytes()[8 - size..]);
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// Bytes needed so that Apple's reader takes a table (or an area) of that size: strictly below the next power.
fn size_for(size: usize) -> usize {
    match size {
        0..0x100 => 1,
        0x100..0x1_0000 => 2,
        0x1_0000..0x1_0000_0000 => 4,
        _ => 8,
    }
}
