//! From a format's name to its editor: what the writer asks when it meets a file.

use port26_platform::registry::Value;

use super::key_file::KeyFile;
use super::mozilla_logins::MozillaLogins;
use super::oeaccount::OeAccount;
use super::plist_doc::PlistDoc;
use super::prefs_js::PrefsJs;
use super::reg_file::{self, RegFile};
use super::{Document, FileFormat, FormatError};

/// The editors of all formats.
pub trait Editors: Send + Sync {
    /// Reads bytes as a document of this format.
    fn open(&self, format: FileFormat, bytes: &[u8]) -> Result<Box<dyn Document>, FormatError>;
    /// A registry value as the text that stands after `=` in a `.reg` file.
    fn value_to_raw(&self, value: &Value) -> String;
    /// The registry value that such a text stands for, however it is spelled.
    fn raw_to_value(&self, raw: &str) -> Result<Value, FormatError>;
}

/// The editors of every format that port26 knows.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllEditors;

impl Editors for AllEditors {
    fn open(&self, format: FileFormat, bytes: &[u8]) -> Result<Box<dyn Document>, FormatError> {
        Ok(match format {
            FileFormat::PrefsJs => Box::new(PrefsJs::parse(bytes)?),
            FileFormat::MozillaLogins => Box::new(MozillaLogins::parse(bytes)?),
            FileFormat::KeyFile => Box::new(KeyFile::parse(bytes)?),
            FileFormat::OeAccount => Box::new(OeAccount::parse(bytes)?),
            FileFormat::Plist => Box::new(PlistDoc::parse(bytes)?),
            FileFormat::RegFile => Box::new(RegFile::parse(bytes)?),
        })
    }

    fn value_to_raw(&self, value: &Value) -> String {
        reg_file::value_to_raw(value)
    }

    fn raw_to_value(&self, raw: &str) -> Result<Value, FormatError> {
        reg_file::raw_to_value(raw).ok_or_else(|| FormatError::Refused {
            name: raw.to_owned(),
            why: "it is not a value of a .reg file".to_owned(),
        })
    }
}
