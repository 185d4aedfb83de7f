//! Single fields of the property list, each read as what it has to be, and who receives with which server.

use crate::account::IncomingServer;
use crate::formats::plist_doc::{PlistDoc, Scalar, path_segment};
use crate::formats::{Document as _, FormatError};

/// More servers or accounts than anybody has: beyond it the file is not believed.
pub(super) const MOST: usize = 500;

/// A receiving account, as far as sending needs it.
pub(super) struct Receiver {
    /// Its place in `MailAccounts`.
    pub(super) path: String,
    pub(super) kind: String,
    /// Which server it sends through.
    pub(super) sends_through: String,
    pub(super) emails: Vec<String>,
    pub(super) server: Option<IncomingServer>,
}

pub(super) fn bounded(doc: &PlistDoc, array: &str) -> Result<usize, FormatError> {
    match doc.count(array)?.unwrap_or(0) {
        count if count > MOST => Err(refused(array, "it has more elements than any person has accounts")),
        count => Ok(count),
    }
}

/// The path of an element: by its `uniqueId` if that finds it, so that it is still found after Mail has changed the order.
pub(super) fn place(doc: &PlistDoc, array: &str, index: usize) -> Result<String, FormatError> {
    let by_index = format!("{array}/#{index}");
    if let Some(Scalar::String(id)) = doc.scalar(&format!("{by_index}/uniqueId"))? {
        let by_id = format!("{array}/#uniqueId={}", path_segment(&id));
        if doc.get(&format!("{by_id}/uniqueId")).is_ok_and(|found| found.is_some()) {
            return Ok(by_id);
        }
    }
    Ok(by_index)
}

/// A text that is not empty.
pub(super) fn text(doc: &PlistDoc, name: &str) -> Result<Option<String>, FormatError> {
    match doc.scalar(name)? {
        None => Ok(None),
        Some(Scalar::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(_) => Err(refused(name, "it is not text")),
    }
}

/// A number, also one that is written as text.
pub(super) fn number(doc: &PlistDoc, name: &str) -> Result<Option<i128>, FormatError> {
    match doc.scalar(name)? {
        None => Ok(None),
        Some(Scalar::Integer(n)) => Ok(Some(n)),
        Some(Scalar::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Scalar::String(text)) => text.trim().parse().map(Some).map_err(|_| refused(name, "it is not a number")),
        Some(_) => Err(refused(name, "it is not a number")),
    }
}

/// Yes or no, in each way that Mail writes it.
pub(super) fn flag(doc: &PlistDoc, name: &str) -> Result<Option<bool>, FormatError> {
    doc.scalar(name)?.map_or(Ok(None), |scalar| match flag_of(&scalar) {
        Some(flag) => Ok(Some(flag)),
        None => Err(refused(name, "it is neither yes nor no")),
    })
}

pub(super) fn refused(name: &str, why: &str) -> FormatError {
    FormatError::Refused { name: name.to_owned(), why: why.to_owned() }
}

/// Yes or no, in each way that Mail writes it.
pub(super) fn flag_of(scalar: &Scalar) -> Option<bool> {
    match scalar {
        Scalar::Bool(flag) => Some(*flag),
        Scalar::Integer(n @ (0 | 1)) => Some(*n == 1),
        Scalar::String(text) if text.eq_ignore_ascii_case("YES") || text == "1" => Some(true),
        Scalar::String(text) if text.eq_ignore_ascii_case("NO") || text.is_empty() || text == "0" => Some(false),
        _ => None,
    }
}
