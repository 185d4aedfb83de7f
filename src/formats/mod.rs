//! Lossless editors, one format a file: bytes in, bytes out, no I/O. Parse and print is the identity on
//! any input that parses; an edit changes only the span of its setting; `remove` right after the `set`
//! that inserted a setting gives back the bytes that were there.

pub mod key_file;
pub mod keyed_archive;
mod lines;
pub mod mozilla_logins;
pub mod oeaccount;
pub mod open;
pub mod plist_doc;
pub mod plist_value;
pub mod prefs_js;
pub mod reg_file;
pub mod reg_import;
mod xml;

use serde::{Deserialize, Serialize};

/// Which editor understands a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Mozilla's `prefs.js`. Name: the preference. Raw: the JavaScript literal.
    PrefsJs,
    /// Mozilla's `logins.json`. Name: guid of a login made by copying. Raw: `copy:{source guid} origin:{origin}`.
    MozillaLogins,
    /// `[section]` and `key=value` files (Claws Mail's `accountrc`). Name: `section/key`. Raw: what follows `=`.
    KeyFile,
    /// `.oeaccount` of Windows Mail and Windows Live Mail. Name: the element. Raw: `TYPE:text`, as `DWORD:1a`.
    OeAccount,
    /// Property list, XML or binary, kept as it is. Name: path as `DeliveryAccounts/#0/PortNumber`.
    /// Raw: the XML element, also for binary files: `<string>26</string>`.
    Plist,
    /// regedit's export. Name: `key\path` + `\n` + value name. Raw: what follows `=`, lines joined.
    RegFile,
}

/// Why a text could not be read or edited as this format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The bytes are not this format.
    #[error("not a readable {format}: {why} (at byte {offset})")]
    Malformed {
        /// Name of the format for people.
        format: &'static str,
        /// Byte offset of the trouble.
        offset: usize,
        /// What is wrong.
        why: String,
    },
    /// The setting is there in a shape that we do not edit (twice with different values, another type, ..).
    #[error("{name}: {why}")]
    Refused {
        /// The setting.
        name: String,
        /// Why it is left alone.
        why: String,
    },
}

/// A parsed document that remembers every byte.
pub trait Document {
    /// The document's bytes, edits included.
    fn to_bytes(&self) -> Vec<u8>;
    /// The raw text of a setting; `None` if it is not written.
    fn get(&self, name: &str) -> Result<Option<String>, FormatError>;
    /// Writes a setting: replaces the span of its value, or inserts it where the format's own program would.
    fn set(&mut self, name: &str, raw: &str) -> Result<(), FormatError>;
    /// Removes a setting; not an error if it is not there.
    fn remove(&mut self, name: &str) -> Result<(), FormatError>;
}
