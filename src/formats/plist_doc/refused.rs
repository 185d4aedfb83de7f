//! Why something cannot be done to a property list.

use super::super::FormatError;

pub(super) const FORMAT: &str = "property list";

pub(super) fn no_way(name: &str) -> FormatError {
    refused(name, "the dictionary it would be in is not there")
}

pub(super) fn refused(name: &str, why: impl Into<String>) -> FormatError {
    FormatError::Refused { name: name.to_owned(), why: why.into() }
}
