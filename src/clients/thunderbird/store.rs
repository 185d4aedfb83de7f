//! Gecko's store of preferences after a start: defaults, user values and locks, each with who set it. The rules are those
//! of `Pref::SetUserValue`, `SetDefaultValue` and `GetValue` in `modules/libpref/Preferences.cpp`.

use std::collections::HashMap;

use crate::change::Slot;
use crate::formats::Document;
use crate::formats::prefs_js::{self, PrefValue, PrefsJs};

/// A value and who set it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    /// Its literal; `None` if a script computes it.
    raw: Option<String>,
    value: Option<PrefValue>,
    /// `None`: the profile's own prefs.js.
    by: Option<Slot>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Pref {
    default: Option<Held>,
    user: Option<Held>,
    /// Who takes the user value away at each start.
    cleared: Option<Slot>,
    /// Who locked it: then the default counts, whatever the user value is.
    locked: Option<Slot>,
}

/// A preference that something else than prefs.js sets at each start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fixed<'a> {
    /// Its literal; `None` if it has none or a script computes it.
    pub raw: Option<&'a str>,
    /// Who sets it.
    pub by: &'a Slot,
}

/// How often the accounts of an installation have been added.
pub(super) const ACCOUNTS_ADDED: &str = "mailnews.append_preconfig_accounts.version";

/// The oldest and the newest TLS that the program may use: 1 to 4 for TLS 1.0 to 1.3.
pub(super) const TLS_RANGE: [&str; 2] = ["security.tls.version.min", "security.tls.version.max"];

/// The names that are read: those about mail, and the few others that decide how it goes out.
pub(super) fn is_read(name: &str) -> bool {
    name.starts_with("mail.") || name == ACCOUNTS_ADDED || TLS_RANGE.contains(&name)
}

/// The preferences about mail.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Store {
    prefs: HashMap<String, Pref>,
}

impl Held {
    fn new(raw: Option<String>, by: Option<Slot>) -> Self {
        let value = raw.as_deref().and_then(prefs_js::decode);
        Self { raw, value, by }
    }

    fn same_type(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Some(one), Some(two)) => std::mem::discriminant(one) == std::mem::discriminant(two),
            // not known what it will be
            _ => true,
        }
    }
}

impl Pref {
    /// The value of which the preference has its type.
    fn typed(&self) -> Option<&Held> {
        self.user.as_ref().or(self.default.as_ref())
    }

    fn in_effect(&self) -> Option<&Held> {
        if self.locked.is_some() { self.default.as_ref() } else { self.typed() }
    }
}

impl Store {
    /// As the program brings it along.
    pub fn built_in() -> Self {
        let mut store = Self::default();
        for (name, raw) in prefs_js::BUILT_IN {
            store.set_default(name, Some(raw.to_owned()), None);
        }
        store
    }

    fn pref(&mut self, name: &str) -> Option<&mut Pref> {
        if !is_read(name) {
            return None;
        }
        if !self.prefs.contains_key(name) {
            self.prefs.insert(name.to_owned(), Pref::default());
        }
        self.prefs.get_mut(name)
    }

    /// Reads prefs.js (`by` is nothing) or user.js.
    pub fn file(&mut self, doc: &PrefsJs, by: impl Fn(&str) -> Option<Slot>) {
        for (name, raw) in doc.defaults() {
            self.set_default(name, Some(raw.to_owned()), by(name));
        }
        for name in doc.names() {
            // text that is not Unicode counts, and cannot be shown
            self.set_user(name, doc.get(name).unwrap_or_default(), by(name));
        }
    }

    /// Sets a user value.
    pub fn set_user(&mut self, name: &str, raw: Option<String>, by: Option<Slot>) {
        let Some(pref) = self.pref(name) else { return };
        let held = Held::new(raw, by);
        if pref.default.as_ref().is_none_or(|default| default.same_type(&held)) {
            pref.cleared = None;
            pref.user = Some(held);
        }
    }

    /// Sets a default. It is no use where the preference is locked or has another type.
    pub fn set_default(&mut self, name: &str, raw: Option<String>, by: Option<Slot>) {
        let Some(pref) = self.pref(name) else { return };
        let held = Held::new(raw, by);
        if pref.locked.is_none() && pref.typed().is_none_or(|known| known.same_type(&held)) {
            pref.default = Some(held);
        }
    }

    /// Sets a user value as the program itself does at a start. Who set the old one sets that again at the next.
    pub fn migrate(&mut self, name: &str, raw: &str) {
        let by = self.prefs.get(name).and_then(|pref| pref.user.as_ref()?.by.clone());
        self.set_user(name, Some(raw.to_owned()), by);
    }

    /// Would a value be refused for its type?
    pub fn refuses(&self, name: &str, raw: &str) -> bool {
        let held = Held::new(Some(raw.to_owned()), None);
        self.prefs.get(name).and_then(Pref::typed).is_some_and(|known| !known.same_type(&held))
    }

    /// The literal of a default, in effect or not, beside which no user value of the type of `raw` can be set.
    pub fn default_against(&self, name: &str, raw: &str) -> Option<&str> {
        let default = self.prefs.get(name)?.default.as_ref()?;
        default.raw.as_deref().filter(|_| !default.same_type(&Held::new(Some(raw.to_owned()), None)))
    }

    /// Takes the user value away.
    pub fn clear(&mut self, name: &str, by: Slot) {
        if let Some(pref) = self.pref(name) {
            pref.user = None;
            pref.cleared = Some(by);
        }
    }

    /// Locks it at its default.
    pub fn lock(&mut self, name: &str, by: Slot) {
        if let Some(pref) = self.pref(name) {
            pref.locked = Some(by);
        }
    }

    /// Lets it be set again.
    pub fn unlock(&mut self, name: &str) {
        if let Some(pref) = self.pref(name) {
            pref.locked = None;
        }
    }

    /// The value in effect.
    pub fn value(&self, name: &str) -> Option<&PrefValue> {
        self.prefs.get(name)?.in_effect()?.value.as_ref()
    }

    /// Is its value, in effect or not, a number?
    pub fn is_number(&self, name: &str) -> bool {
        let typed = self.prefs.get(name).and_then(Pref::typed);
        typed.is_some_and(|held| matches!(held.value, Some(PrefValue::Int(_))))
    }

    /// Who sets it at each start, so that what is written to prefs.js is of no use.
    pub fn fixed(&self, name: &str) -> Option<Fixed<'_>> {
        let pref = self.prefs.get(name)?;
        if let Some(by) = &pref.locked {
            return Some(Fixed { raw: pref.default.as_ref().and_then(|held| held.raw.as_deref()), by });
        }
        if let Some(by) = &pref.cleared {
            return Some(Fixed { raw: pref.in_effect().and_then(|held| held.raw.as_deref()), by });
        }
        let user = pref.user.as_ref()?;
        Some(Fixed { raw: user.raw.as_deref(), by: user.by.as_ref()? })
    }

    /// The literal of a default that is in effect since nothing else is set.
    pub fn by_default(&self, name: &str) -> Option<&str> {
        let pref = self.prefs.get(name)?;
        if pref.user.is_some() { None } else { pref.default.as_ref()?.raw.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(name: &str) -> Slot {
        Slot::Registry { key: name.to_owned(), value: String::new() }
    }

    fn int(store: &Store, name: &str) -> Option<i32> {
        match store.value(name) {
            Some(PrefValue::Int(number)) => Some(*number),
            _ => None,
        }
    }

    #[test]
    fn a_user_value_beats_a_default_and_a_lock_beats_both() {
        let mut store = Store::default();
        store.set_default("mail.p", Some("25".into()), None);
        assert_eq!((int(&store, "mail.p"), store.by_default("mail.p")), (Some(25), Some("25")));
        store.set_user("mail.p", Some("587".into()), None);
        store.set_default("mail.p", Some("465".into()), None);
        assert_eq!((int(&store, "mail.p"), store.by_default("mail.p"), store.fixed("mail.p")), (Some(587), None, None));
        store.lock("mail.p", by("policy"));
        store.set_default("mail.p", Some("26".into()), None);
        assert_eq!(int(&store, "mail.p"), Some(465));
        assert_eq!(store.fixed("mail.p"), Some(Fixed { raw: Some("465"), by: &by("policy") }));
        store.unlock("mail.p");
        assert_eq!(int(&store, "mail.p"), Some(587));
        store.clear("mail.p", by("policy"));
        assert_eq!((int(&store, "mail.p"), store.fixed("mail.p").is_some()), (Some(465), true));
    }

    #[test]
    fn types_must_fit() {
        let mut store = Store::default();
        store.set_user("mail.p", Some("\"x\"".into()), None);
        store.set_default("mail.p", Some("25".into()), None);
        assert_eq!(store.value("mail.p"), Some(&PrefValue::Text("x".into())));
        store.set_default("mail.q", Some("25".into()), None);
        store.set_user("mail.q", Some("\"x\"".into()), None);
        assert!(int(&store, "mail.q") == Some(25) && store.is_number("mail.q"));
        store.set_user("other", Some("1".into()), None);
        assert_eq!(store.value("other"), None);
    }
}
