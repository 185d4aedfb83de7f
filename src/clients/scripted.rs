//! What the adapters of scriptable programs have in common: properties as settings, and the model of those programs
//! that tests and `port26 try` work on. What is in their dictionaries is in `dictionaries.json`; no program was ever asked.

#[cfg(test)]
pub(crate) mod untouchable;

use std::collections::BTreeMap;
use std::path::PathBuf;

use port26_platform::scripts::{App, Dictionary, Object, ObjectKey, Twin};
use serde_json::Value;

use super::PlanError;
use crate::account::{Account, Setting};
use crate::change::{Change, Content, Slot};

/// The setting of an account that takes a new password for its outgoing server. It is set, and never read.
pub const NEW_PASSWORD: &str = "new_password";

/// The model of Apple Mail and Outlook for Mac whose state is in this file.
pub fn twin(file: impl Into<PathBuf>) -> Result<Twin, serde_json::Error> {
    Ok(Twin::new(file, Dictionary::parse(include_str!("scripted/dictionaries.json"))?))
}

/// A text of an object; `None` if it is missing or something else.
pub(super) fn text(object: &Object, property: &str) -> Option<String> {
    object.get(property).and_then(Value::as_str).map(str::to_owned)
}

/// A number of an object that is a port.
pub(super) fn port(object: &Object, property: &str) -> Option<u16> {
    object.get(property).and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok())
}

/// A switch of an object.
pub(super) fn switch(object: &Object, property: &str) -> Option<bool> {
    object.get(property).and_then(Value::as_bool)
}

/// Texts of a list.
pub(super) fn texts(object: &Object, property: &str) -> Vec<String> {
    let list = object.get(property).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The content of a slot that holds this.
pub(super) fn content(value: &Value) -> Option<Content> {
    (!value.is_null() && *value != "").then(|| Content::Raw(value.to_string()))
}

/// The settings of an object, by their short names: where they are and what they held.
pub(super) fn settings(
    app: &App,
    key: &ObjectKey,
    names: &[(&'static str, &str)],
    object: &Object,
) -> BTreeMap<&'static str, Setting> {
    let one = |&(short, property): &(&'static str, &str)| {
        let slot = Slot::Script { app: app.clone(), object: key.clone(), property: property.to_owned() };
        (short, Setting { slot, content: object.get(property).and_then(content) })
    };
    names.iter().map(one).collect()
}

/// Changes to the object of one account, in the order in which they shall be made.
pub(super) struct Plan<'a> {
    account: &'a Account,
    known_by: &'static str,
    also: Option<String>,
    changes: Vec<Change>,
}

impl<'a> Plan<'a> {
    /// An object is known, among others, by the property `known_by`; from now on that may also be `also`, since it is to
    /// be found before and after the change.
    pub(super) fn new(account: &'a Account, known_by: &'static str, also: Option<String>) -> Self {
        Self { account, known_by, also, changes: Vec::new() }
    }

    /// What discovery saw.
    pub(super) fn held(&self, short: &str) -> Result<Value, PlanError> {
        let unexpected = |why: &str| PlanError::Unexpected { setting: short.to_owned(), why: why.to_owned() };
        let setting =
            self.account.settings.get(short).ok_or_else(|| unexpected("it can only be read on its own Mac"))?;
        match &setting.content {
            None => Ok(Value::Null),
            Some(Content::Raw(raw)) => serde_json::from_str(raw).map_err(|_| unexpected("it makes no sense")),
            Some(_) => Err(unexpected("it makes no sense")),
        }
    }

    /// Sets a property, if it is not so already.
    pub(super) fn set(&mut self, short: &str, value: impl Into<Value>) -> Result<(), PlanError> {
        let value = value.into();
        if self.held(short)? == value {
            return Ok(());
        }
        let Some(setting) = self.account.settings.get(short) else { return Ok(()) };
        let mut slot = setting.slot.clone();
        if let (Slot::Script { object, .. }, Some(also)) = (&mut slot, &self.also) {
            let values = object.keys.entry(self.known_by.to_owned()).or_default();
            if !values.contains(&Some(also.clone())) {
                values.push(Some(also.clone()));
            }
        }
        self.changes.push(Change { slot, before: setting.content.clone(), after: content(&value) });
        Ok(())
    }

    pub(super) fn done(self) -> Vec<Change> {
        self.changes
    }
}
