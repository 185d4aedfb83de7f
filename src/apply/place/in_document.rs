//! A slot inside a document: registry values in a `.reg` file are compared as values, however they are spelled.

use crate::apply::receipt::in_words;
use crate::change::{Content, Slot};
use crate::formats::open::Editors;
use crate::formats::{Document, FormatError};

/// The name of a slot in the document that holds it; `None` for what no file holds.
pub(super) fn name_in_file(slot: &Slot) -> Option<String> {
    match slot {
        Slot::Setting { name, .. } => Some(name.clone()),
        Slot::Registry { key, value } => Some(format!("{key}\n{value}")),
        Slot::Script { .. } | Slot::Secret { .. } => None,
    }
}

fn name_or_refuse(slot: &Slot) -> Result<String, FormatError> {
    name_in_file(slot)
        .ok_or_else(|| FormatError::Refused { name: in_words(slot), why: "it is not in a file".to_owned() })
}

/// What the slot holds.
pub(super) fn read(doc: &dyn Document, editors: &dyn Editors, slot: &Slot) -> Result<Option<Content>, FormatError> {
    let raw = doc.get(&name_or_refuse(slot)?)?;
    Ok(match (slot, raw) {
        (_, None) => None,
        (Slot::Registry { .. }, Some(raw)) => Some(Content::Registry(editors.raw_to_value(&raw)?)),
        (_, Some(raw)) => Some(Content::Raw(raw)),
    })
}

/// Writes the slot; `None` removes it.
pub(super) fn write(
    doc: &mut dyn Document,
    editors: &dyn Editors,
    slot: &Slot,
    content: Option<&Content>,
) -> Result<(), FormatError> {
    let name = name_or_refuse(slot)?;
    match (slot, content) {
        (_, None) => doc.remove(&name),
        (Slot::Registry { .. }, Some(Content::Registry(value))) => doc.set(&name, &editors.value_to_raw(value)),
        (Slot::Setting { .. }, Some(Content::Raw(raw))) => doc.set(&name, raw),
        _ => Err(FormatError::Refused { name, why: "it cannot hold a content of that kind".to_owned() }),
    }
}
