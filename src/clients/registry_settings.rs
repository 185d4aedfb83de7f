//! Accounts that are registry keys: their values with the types checked, and changes that keep the type
//! that is there. A type nobody expects is reported, never guessed at.

use std::collections::{BTreeMap, HashMap};

use port26_platform::registry::{Registry, RegistryError, Value, ValueKind};

use super::{PlanError, Problem};
use crate::account::{Account, ClientId, Setting, SubmissionServer};
use crate::change::{Change, Content, Slot};

/// The settings of an account, by the names of their values.
pub(super) type Settings = BTreeMap<&'static str, Setting>;

/// A value of a type or size that we do not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unexpected {
    pub setting: String,
    pub why: String,
}

impl From<Unexpected> for PlanError {
    fn from(Unexpected { setting, why }: Unexpected) -> Self {
        Self::Unexpected { setting, why }
    }
}

impl Unexpected {
    pub(super) fn new(setting: &str, why: impl Into<String>) -> Self {
        Self { setting: setting.to_owned(), why: why.into() }
    }

    pub(super) fn problem(self, client: ClientId, at: &str, program: &str) -> Problem {
        Problem {
            client: Some(client),
            at: at.to_owned(),
            code: "unexpected_form".to_owned(),
            message: format!(
                "\"{}\" of this account has a form that port26 does not know: {}.",
                self.setting, self.why
            ),
            hint: format!(
                "The account was left alone. Open its settings in {program}, save them there, and try again."
            ),
        }
    }
}

/// A key that the registry would not show.
pub(super) fn unreadable(client: ClientId, at: &str, error: &RegistryError) -> Problem {
    Problem {
        client: Some(client),
        at: at.to_owned(),
        code: "registry_unreadable".to_owned(),
        message: format!("The registry could not be read: {error}."),
        hint: "Run port26 as the user whose mail it is, or check the file given with --registry.".to_owned(),
    }
}

/// All values of one key.
pub(super) struct KeyValues {
    key: String,
    values: HashMap<String, (String, Value)>,
}

impl KeyValues {
    pub(super) fn read(registry: &dyn Registry, key: &str) -> Result<Self, RegistryError> {
        let values = registry.values(key)?.into_iter().map(|(name, value)| (name.to_lowercase(), (name, value)));
        Ok(Self { key: key.to_owned(), values: values.collect() })
    }

    fn get(&self, name: &str) -> Option<&(String, Value)> {
        self.values.get(&name.to_lowercase())
    }

    /// Text for showing; anything else than text counts as absent, and so does empty text.
    pub(super) fn shown(&self, name: &str) -> Option<String> {
        self.get(name)
            .and_then(|(_, value)| value.as_text())
            .map(|text| text.trim().to_owned())
            .filter(|t| !t.is_empty())
    }

    /// A number for showing; anything else counts as absent.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.get(name).and_then(|(_, value)| value.as_dword())
    }

    /// Is there anything in this value? For passwords, which are never looked at.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.get(name).is_some_and(|(_, value)| value.data.iter().any(|&byte| byte != 0))
    }

    pub(super) fn settings(&self, names: &[&'static str]) -> Settings {
        let setting = |name: &'static str| {
            let found = self.get(name);
            let value = found.map_or(name, |(spelled, _)| spelled).to_owned();
            let slot = Slot::Registry { key: self.key.clone(), value };
            (name, Setting { slot, content: found.map(|(_, value)| Content::Registry(value.clone())) })
        };
        names.iter().map(|&name| setting(name)).collect()
    }
}

fn stored<'a>(settings: &'a Settings, name: &str) -> Option<&'a Value> {
    match settings.get(name)?.content.as_ref()? {
        Content::Registry(value) => Some(value),
        _ => None,
    }
}

/// A `REG_DWORD`; `None` if it is absent.
pub(super) fn dword(settings: &Settings, name: &str) -> Result<Option<u32>, Unexpected> {
    let Some(value) = stored(settings, name) else { return Ok(None) };
    let why = || Unexpected::new(name, format!("type {} with {} bytes", value.kind.number(), value.data.len()));
    value.as_dword().map(Some).ok_or_else(why)
}

/// Text, also in a `REG_BINARY`; `None` if it is absent or empty.
pub(super) fn text(settings: &Settings, name: &str) -> Result<Option<String>, Unexpected> {
    let Some(value) = stored(settings, name) else { return Ok(None) };
    let why = || Unexpected::new(name, format!("type {} that is not text", value.kind.number()));
    Ok(Some(value.as_text().ok_or_else(why)?.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// A port; `default` if it is absent.
pub(super) fn port(settings: &Settings, name: &str, default: u16) -> Result<(u16, bool), Unexpected> {
    match dword(settings, name)? {
        None => Ok((default, true)),
        Some(number) => match u16::try_from(number) {
            Ok(port) if port > 0 => Ok((port, false)),
            _ => Err(Unexpected::new(name, format!("{number} is not a port"))),
        },
    }
}

/// Collects changes against what discovery saw.
pub(super) struct Edits<'a> {
    account: &'a Account,
    changes: Vec<Change>,
}

impl<'a> Edits<'a> {
    /// Of an account that goes to another server: its name and its port, which have these values. `None`: it is there already.
    pub(super) fn towards(
        account: &'a Account,
        to: &SubmissionServer,
        (host, port): (&'static str, &'static str),
    ) -> Result<Option<Self>, PlanError> {
        let from = &account.outgoing;
        if to == from {
            return Ok(None);
        }
        if let Some(reason) = account.not_ours {
            let why = format!("this account is left alone ({reason:?})");
            return Err(PlanError::CannotExpress { client: account.client, why });
        }
        let mut edits = Self { account, changes: Vec::new() };
        if to.host != from.host {
            edits.text(host, &to.host)?;
        }
        if to.port != from.port {
            edits.dword(port, u32::from(to.port))?;
        }
        Ok(Some(edits))
    }

    pub(super) fn dword(&mut self, name: &'static str, number: u32) -> Result<(), PlanError> {
        if dword(&self.account.settings, name)? == Some(number) {
            return Ok(());
        }
        self.put(name, Value::dword(number))
    }

    /// Writes text in the type that is there.
    pub(super) fn text(&mut self, name: &'static str, new: &str) -> Result<(), PlanError> {
        if text(&self.account.settings, name)?.as_deref() == Some(new) {
            return Ok(());
        }
        let value = match stored(&self.account.settings, name).map(|value| value.kind) {
            Some(ValueKind::Binary) => Value::text_in_binary(new),
            _ => Value::sz(new),
        };
        self.put(name, value)
    }

    fn put(&mut self, name: &'static str, value: Value) -> Result<(), PlanError> {
        let unread = || PlanError::Unexpected { setting: name.to_owned(), why: "it was not read".to_owned() };
        let setting = self.account.settings.get(name).ok_or_else(unread)?;
        let after = Some(Content::Registry(value));
        self.changes.push(Change { slot: setting.slot.clone(), before: setting.content.clone(), after });
        Ok(())
    }

    pub(super) fn done(self) -> Vec<Change> {
        self.changes
    }
}
