//! The user's registry hive as a small trait, with three ways to stand behind it: a `.reg` file that is
//! edited in place, a hive (`NTUSER.DAT`) that is only read, and the live registry of Windows. Keys are paths below `HKEY_CURRENT_USER`. The machine's hive has
//! a face of its own, [`machine`], which cannot write.

use std::path::Path;
use std::sync::Arc;

pub use error::RegistryError;
pub use hive::Freshness;
pub use hive_file::HiveFile;
pub use machine::{MachineRegFile, MachineRegistry, View};
pub use reg_file::RegFile;
use serde::{Deserialize, Serialize};

pub mod below;
#[doc(hidden)]
pub mod contract;
mod error;
pub mod hive;
pub mod hive_file;
pub mod machine;
pub mod machine_hive;
pub mod memory;
pub mod reg_file;
pub mod reg_text;
#[cfg(windows)]
pub mod windows;

/// The type of a value, as regedit names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// `REG_SZ`: UTF-16LE, usually with a closing NUL.
    Sz,
    /// `REG_EXPAND_SZ`: the same, with `%NAME%` inside.
    ExpandSz,
    /// `REG_BINARY`.
    Binary,
    /// `REG_DWORD`: 4 bytes, little endian.
    Dword,
    /// `REG_QWORD`: 8 bytes, little endian.
    Qword,
    /// `REG_MULTI_SZ`.
    MultiSz,
    /// Any other type number.
    Other(u32),
}

impl ValueKind {
    /// The number Windows gives the type.
    pub fn number(self) -> u32 {
        match self {
            Self::Sz => 1,
            Self::ExpandSz => 2,
            Self::Binary => 3,
            Self::Dword => 4,
            Self::MultiSz => 7,
            Self::Qword => 11,
            Self::Other(number) => number,
        }
    }

    /// The type with this number.
    pub fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Sz,
            2 => Self::ExpandSz,
            3 => Self::Binary,
            4 => Self::Dword,
            7 => Self::MultiSz,
            11 => Self::Qword,
            other => Self::Other(other),
        }
    }
}

/// A value: its type and its bytes exactly as stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Value {
    /// The stored type.
    pub kind: ValueKind,
    /// The stored bytes.
    pub data: Vec<u8>,
}

impl Value {
    /// A `REG_DWORD`.
    pub fn dword(n: u32) -> Self {
        Self { kind: ValueKind::Dword, data: n.to_le_bytes().to_vec() }
    }

    /// A `REG_SZ` with its closing NUL.
    pub fn sz(text: &str) -> Self {
        Self { kind: ValueKind::Sz, data: utf16_with_nul(text) }
    }

    /// Text in a `REG_BINARY` (UTF-16LE with NUL), as Outlook up to 2013 stores it.
    pub fn text_in_binary(text: &str) -> Self {
        Self { kind: ValueKind::Binary, data: utf16_with_nul(text) }
    }

    /// The number of a `REG_DWORD` of exactly four bytes; `None` for anything else.
    pub fn as_dword(&self) -> Option<u32> {
        match (self.kind, <[u8; 4]>::try_from(self.data.as_slice())) {
            (ValueKind::Dword, Ok(bytes)) => Some(u32::from_le_bytes(bytes)),
            _ => None,
        }
    }

    /// The text of a string, or of UTF-16LE kept in a `REG_BINARY`; `None` if it is not valid UTF-16 or another type.
    pub fn as_text(&self) -> Option<String> {
        if !matches!(self.kind, ValueKind::Sz | ValueKind::ExpandSz | ValueKind::Binary)
            || !self.data.len().is_multiple_of(2)
        {
            return None;
        }
        let units = self.units();
        let end = units.iter().position(|&unit| unit == 0).unwrap_or(units.len());
        String::from_utf16(&units[..end]).ok()
    }

    /// The strings of a `REG_MULTI_SZ`, empty ones left out; `None` if one is not valid UTF-16 or for another type.
    pub fn as_texts(&self) -> Option<Vec<String>> {
        if self.kind != ValueKind::MultiSz {
            return None;
        }
        let units = self.units();
        let texts = units.split(|&unit| unit == 0).filter(|text| !text.is_empty());
        texts.map(|text| String::from_utf16(text).ok()).collect()
    }

    /// The number of a `REG_QWORD` of exactly eight bytes; `None` for anything else.
    pub fn as_qword(&self) -> Option<u64> {
        match (self.kind, <[u8; 8]>::try_from(self.data.as_slice())) {
            (ValueKind::Qword, Ok(bytes)) => Some(u64::from_le_bytes(bytes)),
            _ => None,
        }
    }

    /// The bytes as UTF-16, an odd one at the end left out.
    fn units(&self) -> Vec<u16> {
        self.data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
    }
}

/// A key or value name as Windows compares it: one character to one, so that names of different length never meet.
pub(crate) fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_uppercase();
    }
    let upper = |c: char| {
        let mut up = c.to_uppercase();
        match (up.next(), up.next()) {
            // Windows folds only true pairs: not the long s, not the dotless i.
            (Some(one), None) if one == c || one.to_lowercase().eq([c]) => one,
            _ => c,
        }
    };
    name.chars().map(upper).collect()
}

fn utf16_with_nul(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// A write to one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueWrite {
    /// Key path below `HKEY_CURRENT_USER`, with backslashes.
    pub key: String,
    /// Value name; empty is the default value.
    pub value: String,
    /// What to store; `None` removes the value.
    pub content: Option<Value>,
}

/// Reading and writing one user's hive. Key and value names are matched without regard to case.
/// Writing never creates or removes a key: port26 only ever touches keys that are there.
pub trait Registry: Send + Sync {
    /// Does the key exist?
    fn has_key(&self, key: &str) -> Result<bool, RegistryError>;
    /// Names of the direct subkeys, in the registry's order. A missing key has none.
    fn subkeys(&self, key: &str) -> Result<Vec<String>, RegistryError>;
    /// Names and contents of all values of a key. A missing key has none.
    fn values(&self, key: &str) -> Result<Vec<(String, Value)>, RegistryError>;
    /// One value; `None` if the value or its key is missing.
    fn value(&self, key: &str, value: &str) -> Result<Option<Value>, RegistryError>;
    /// Writes all of them or, where the backing store can do that (a file), none.
    fn write(&self, writes: &[ValueWrite]) -> Result<(), RegistryError>;
    /// The file that holds this registry, when it is a `.reg` file: then the writer treats it as a file.
    fn backing_file(&self) -> Option<&Path> {
        None
    }
    /// The hive that this registry is read from, when nothing can be written to it.
    fn read_only(&self) -> Option<OnlyRead<'_>> {
        None
    }
}

/// A hive that is only read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnlyRead<'a> {
    /// The file.
    pub file: &'a Path,
    /// How it was left.
    pub freshness: Freshness,
}

/// A user's registry in a file: an export of it, or the hive itself. What it is is told by how it begins.
pub fn open(path: &Path) -> Result<(Arc<dyn Registry>, Freshness), RegistryError> {
    if !reg_file::begins_with(path, hive::MAGIC)? {
        return Ok((Arc::new(RegFile::open(path)?), Freshness::Clean));
    }
    let hive = HiveFile::open(path)?;
    if !hive.is_a_users()? {
        return Err(RegistryError::NoUser { path: path.display().to_string(), roots: hive.subkeys("")? });
    }
    let freshness = hive.freshness();
    Ok((Arc::new(hive), freshness))
}

/// A machine's registry in a file: an export of it, or its hive `SOFTWARE`. `None` if there is nothing of it in the file.
pub fn open_machine(path: &Path) -> Result<Option<Arc<dyn MachineRegistry>>, RegistryError> {
    Ok(match reg_file::begins_with(path, hive::MAGIC)? {
        true => machine_hive::MachineHive::open(path)?.map(|hive| Arc::new(hive) as Arc<dyn MachineRegistry>),
        false => MachineRegFile::open(path)?.map(|file| Arc::new(file) as Arc<dyn MachineRegistry>),
    })
}

/// The running machine's registry, `HKEY_LOCAL_MACHINE`. Only Windows has one.
pub fn live_machine() -> Option<Arc<dyn MachineRegistry>> {
    #[cfg(windows)]
    {
        Some(Arc::new(windows::LiveMachine))
    }
    #[cfg(not(windows))]
    {
        None
    }
}

/// The running user's registry. Only Windows has one.
pub fn live() -> Option<Arc<dyn Registry>> {
    #[cfg(windows)]
    {
        Some(Arc::new(windows::LiveRegistry))
    }
    #[cfg(not(windows))]
    {
        None
    }
}
