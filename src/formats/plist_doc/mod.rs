//! Property lists, XML and binary, edited in place: a binary file stays binary, an XML file keeps its encoding,
//! comments and indentation. Settings are named by path and given as XML elements for both.
//!
//! A path is keys joined by `/` (`~1` stands for `/`, `~0` for `~`). In an array, `#0` is the first element and
//! `#uniqueId=AB-12` is the one dictionary whose `uniqueId` is that text, wherever it stands by now.

mod binary;
mod refused;
mod scalar;
mod tree;
mod xml;

pub use scalar::Scalar;

use self::tree::{count, get, must_fit};
use super::{Document, FormatError};

/// A property list.
#[derive(Debug, Clone)]
pub struct PlistDoc {
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Xml(xml::XmlPlist),
    Binary(binary::BinaryPlist),
}

impl PlistDoc {
    /// Reads a file's bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let form = if bytes.starts_with(b"bplist") {
            Form::Binary(binary::BinaryPlist::parse(bytes)?)
        } else {
            Form::Xml(xml::XmlPlist::parse(bytes)?)
        };
        Ok(Self { form })
    }

    /// Is it the binary form?
    pub fn is_binary(&self) -> bool {
        matches!(self.form, Form::Binary(_))
    }

    /// How many elements the array of that name has; `None` if it is not written.
    pub fn count(&self, name: &str) -> Result<Option<usize>, FormatError> {
        match &self.form {
            Form::Xml(doc) => count(doc, name),
            Form::Binary(doc) => count(doc, name),
        }
    }

    /// Refuses a list that is larger than `most` bytes with every value written out wherever it is used, or nested
    /// deeper than any settings are: a small binary file can stand for more than there is memory.
    pub fn must_fit(&self, most: usize) -> Result<(), FormatError> {
        match &self.form {
            Form::Xml(doc) => must_fit(doc, most),
            Form::Binary(doc) => must_fit(doc, most),
        }
    }

    /// The value of a setting, read; `None` if it is not written.
    pub fn scalar(&self, name: &str) -> Result<Option<Scalar>, FormatError> {
        self.get(name)?.map(|raw| Scalar::from_raw(name, &raw)).transpose()
    }
}

impl Document for PlistDoc {
    fn to_bytes(&self) -> Vec<u8> {
        match &self.form {
            Form::Xml(doc) => doc.to_bytes(),
            Form::Binary(doc) => doc.to_bytes(),
        }
    }

    fn get(&self, name: &str) -> Result<Option<String>, FormatError> {
        match &self.form {
            Form::Xml(doc) => get(doc, name),
            Form::Binary(doc) => get(doc, name),
        }
    }

    fn set(&mut self, name: &str, raw: &str) -> Result<(), FormatError> {
        let value = Scalar::from_raw(name, raw)?;
        if self.get(name)?.as_deref() == Some(raw) {
            return Ok(());
        }
        match &mut self.form {
            Form::Xml(doc) => doc.set(name, raw),
            Form::Binary(doc) => doc.set(name, &value),
        }
    }

    fn remove(&mut self, name: &str) -> Result<(), FormatError> {
        if self.get(name)?.is_none() {
            return Ok(());
        }
        match &mut self.form {
            Form::Xml(doc) => doc.remove(name),
            Form::Binary(doc) => doc.remove(name),
        }
    }
}

/// The name of a setting as a path: `/` and `~` in a key are written `~1` and `~0`.
pub fn path_segment(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
