//! Thunderbird's enterprise policy `Preferences`, read from where `EnterprisePoliciesParent.sys.mjs` reads it (Thunderbird
//! 153): group policy (`WindowsGPOParser.sys.mjs`), managed preferences of macOS (`macOSPoliciesParser.sys.mjs`), policies.json.

mod in_order;

use std::path::{Path, PathBuf};

use port26_platform::computer::{Computer, Os};
use port26_platform::files;
use port26_platform::registry::{self, View};
use serde_json::{Map, Value};

use self::in_order::Entries;
use super::places;
use super::store::{Store, is_read};
use crate::change::Slot;
use crate::formats::prefs_js::{self, PrefValue};
use crate::formats::{FileFormat, plist_value};

/// Below both hives.
const KEY: &str = r"Software\Policies\Mozilla\Thunderbird";

/// The policy, which is the value or the key of this name.
const POLICY: &str = "Preferences";

/// Separates the levels of a name in managed preferences.
const LEVELS: &str = "__";

/// The policy's entries, and where they are.
struct Preferences {
    /// In the order in which they are set.
    entries: Vec<(String, Value)>,
    place: Place,
}

enum Place {
    UsersRegistry,
    /// A file, or a key of the machine's registry, which is named like one: nothing of port26 writes there.
    Named(PathBuf),
}

impl Place {
    fn slot(&self, name: &str) -> Slot {
        match self {
            Self::UsersRegistry => Slot::Registry { key: KEY.to_owned(), value: POLICY.to_owned() },
            Self::Named(file) => {
                Slot::Setting { file: file.clone(), format: FileFormat::PrefsJs, name: name.to_owned() }
            }
        }
    }
}

/// Puts what the policies for this profile say into the store. `programs` are folders of the installation.
pub(super) fn apply(computer: &Computer, profile: &Path, programs: &[PathBuf], store: &mut Store) {
    // What the system manages wins over the file, as a whole.
    let managed = match computer.os {
        Os::Windows => group_policy(computer),
        Os::Macos => managed_preferences(computer),
        Os::Linux => None,
    };
    if let Some(preferences) = managed.or_else(|| policies_file(computer, profile, programs)) {
        preferences.apply(store);
    }
}

impl Preferences {
    fn apply(&self, store: &mut Store) {
        for (name, entry) in &self.entries {
            let by = self.place.slot(name);
            let Value::Object(entry) = entry else {
                // the first form of this policy: a bare value, which locks
                if matches!(entry, Value::Null | Value::Array(_)) || !is_read(name) {
                    continue;
                }
                store.unlock(name);
                match literal(entry, store.is_number(name)) {
                    Some(raw) if !store.refuses(name, &raw) => store.set_default(name, Some(raw), Some(by.clone())),
                    // the program stumbles, and leaves the rest of the policy
                    _ => return,
                }
                store.lock(name, by);
                continue;
            };
            // the program does not look at an entry whose value is none of these
            if matches!(entry.get("Value"), Some(Value::Null | Value::Array(_) | Value::Object(_))) {
                continue;
            }
            let status = match entry.get("Status") {
                None => "default",
                Some(Value::String(status)) => status,
                Some(_) => continue,
            };
            let raw = entry.get("Value").and_then(|value| literal(value, store.is_number(name)));
            match status {
                "clear" => store.clear(name, by),
                "user" if raw.is_some() => store.set_user(name, raw, Some(by)),
                "locked" | "default" => {
                    if raw.is_some() {
                        store.set_default(name, raw, Some(by.clone()));
                    }
                    if status == "locked" {
                        store.lock(name, by);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Registry and managed preferences know no truth values: there 0 and 1 are numbers only for a preference that holds one.
fn literal(value: &Value, is_number: bool) -> Option<String> {
    match value {
        Value::Bool(truth) => Some(prefs_js::encode(&PrefValue::Bool(*truth))),
        Value::Number(number) => {
            let whole = number.as_i64().or_else(|| number.as_f64().filter(|n| n.fract() == 0.0).map(|n| n as i64));
            let number = whole.and_then(|number| i32::try_from(number).ok())?;
            let value = match number {
                0 | 1 if !is_number => PrefValue::Bool(number == 1),
                _ => PrefValue::Int(number),
            };
            Some(prefs_js::encode(&value))
        }
        Value::String(text) => Some(prefs_js::encode_text(text)),
        _ => None,
    }
}

/// The policy may be given as an object or as the text of one.
fn entries(policy: Value) -> Vec<(String, Value)> {
    match policy {
        Value::String(text) => serde_json::from_str::<Entries>(&text).unwrap_or_default().0,
        Value::Object(entries) => entries.into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Either hive, as far as it is asked here.
trait Hive {
    fn values(&self, key: &str) -> Vec<(String, registry::Value)>;
    fn subkeys(&self, key: &str) -> Vec<String>;
}

struct Users<'a>(&'a dyn registry::Registry);
struct Machines<'a>(&'a dyn registry::MachineRegistry);

impl Hive for Users<'_> {
    fn values(&self, key: &str) -> Vec<(String, registry::Value)> {
        self.0.values(key).unwrap_or_default()
    }
    fn subkeys(&self, key: &str) -> Vec<String> {
        self.0.subkeys(key).unwrap_or_default()
    }
}

impl Hive for Machines<'_> {
    fn values(&self, key: &str) -> Vec<(String, registry::Value)> {
        // `Policies` is one for programs of either kind.
        self.0.values(View::Native, key).unwrap_or_default()
    }
    fn subkeys(&self, key: &str) -> Vec<String> {
        self.0.subkeys(View::Native, key).unwrap_or_default()
    }
}

fn group_policy(computer: &Computer) -> Option<Preferences> {
    let machine = computer.machine.as_deref().and_then(|registry| in_hive(&Machines(registry)));
    if let Some(entries) = machine {
        let place = Place::Named(PathBuf::from(format!(r"HKEY_LOCAL_MACHINE\{KEY}")));
        return Some(Preferences { entries, place });
    }
    let entries = in_hive(&Users(computer.registry.as_deref()?))?;
    Some(Preferences { entries, place: Place::UsersRegistry })
}

fn in_hive(hive: &dyn Hive) -> Option<Vec<(String, Value)>> {
    // the key wins over the value of the same name
    if hive.subkeys(KEY).iter().any(|name| name == POLICY) {
        return Some(entries(object(hive, &format!(r"{KEY}\{POLICY}"), 0)));
    }
    let (_, value) = hive.values(KEY).into_iter().find(|(name, _)| name == POLICY)?;
    plain(&value).map(entries)
}

/// A key as an object: its values, and its keys as objects of their own. One whose first name is `1` is a list.
fn object(hive: &dyn Hive, key: &str, depth: usize) -> Value {
    let values = hive.values(key);
    let subkeys = if depth < 2 { hive.subkeys(key) } else { Vec::new() };
    let is_list = |first: Option<&String>| first.is_some_and(|name| name == "1");
    if is_list(values.first().map(|(name, _)| name)) || is_list(subkeys.first()) {
        return Value::Null;
    }
    let mut object: Map<String, Value> =
        values.into_iter().filter_map(|(name, value)| Some((name, plain(&value)?))).collect();
    for name in subkeys {
        let below = self::object(hive, &format!(r"{key}\{name}"), depth + 1);
        object.insert(name, below);
    }
    Value::Object(object)
}

/// Several strings are always JSON, written over several lines. `None`: Thunderbird cannot read it either.
fn plain(value: &registry::Value) -> Option<Value> {
    if let Some(lines) = value.as_texts() {
        return serde_json::from_str(&lines.join("\n")).ok();
    }
    let number = value.as_dword().map(u64::from).or_else(|| value.as_qword());
    number.map(Value::from).or_else(|| value.as_text().map(Value::from))
}

/// What a configuration profile lays down for Thunderbird, and what `defaults write` does, the weakest first: the order in
/// which macOS itself looks (`NSUserDefaults`), reversed.
fn managed_preferences(computer: &Computer) -> Option<Preferences> {
    const FILE: &str = "org.mozilla.thunderbird.plist";
    let mut files = vec![computer.folders.home.join("Library/Preferences").join(FILE)];
    if let Some(root) = computer.system_root() {
        let library = root.join("Library");
        files.insert(0, library.join("Preferences").join(FILE));
        files.push(library.join("Managed Preferences").join(FILE));
        if let Some(user) = computer.folders.home.file_name() {
            files.push(library.join("Managed Preferences").join(user).join(FILE));
        }
    }
    let mut enabled = false;
    let mut policy = Map::new();
    let mut place = None;
    for file in files {
        let Some(bytes) = files::read(&file).ok().flatten() else { continue };
        let Ok(plist::Value::Dictionary(top)) = plist_value::read(&bytes) else { continue };
        if let Some(switch) = top.get("EnterprisePoliciesEnabled") {
            enabled =
                switch.as_boolean().unwrap_or_else(|| switch.as_signed_integer().is_some_and(|number| number != 0));
        }
        for (name, value) in top {
            let mut levels = name.split(LEVELS);
            if levels.next() != Some(POLICY) {
                continue;
            }
            put(&mut policy, &levels.collect::<Vec<_>>(), json(value));
            place = Some(file.clone());
        }
    }
    let place = Place::Named(place.filter(|_| enabled)?);
    Some(Preferences { entries: policy.into_iter().collect(), place })
}

/// `Preferences__mail.x__Value` is `Value` of `mail.x` in `Preferences`.
fn put(policy: &mut Map<String, Value>, levels: &[&str], value: Value) {
    match levels {
        [] => policy.extend(entries(value)),
        [name] => drop(policy.insert((*name).to_owned(), value)),
        [name, member, ..] => {
            let entry = policy.entry(*name).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(entry) = entry {
                entry.insert((*member).to_owned(), value);
            }
        }
    }
}

fn json(value: plist::Value) -> Value {
    match value {
        plist::Value::Boolean(truth) => Value::from(truth),
        plist::Value::Integer(number) => number.as_signed().map_or(Value::Null, Value::from),
        plist::Value::String(text) => Value::from(text),
        plist::Value::Dictionary(entries) => {
            Value::Object(entries.into_iter().map(|(name, value)| (name, json(value))).collect())
        }
        _ => Value::Null,
    }
}

/// The first policies.json that is there: the system's own (Linux), else the one beside the program.
fn policies_file(computer: &Computer, profile: &Path, programs: &[PathBuf]) -> Option<Preferences> {
    let mut folders: Vec<PathBuf> = Vec::new();
    if computer.os == Os::Linux {
        folders.extend(places::system_policies(computer, profile));
    }
    folders.extend(programs.iter().map(|program| program.join("distribution")));
    folders.into_iter().find_map(|folder| in_file(&folder.join("policies.json")))
}

fn in_file(file: &Path) -> Option<Preferences> {
    let bytes = files::read(file).ok().flatten()?;
    Some(Preferences { entries: in_order::of_file(&bytes), place: Place::Named(file.to_owned()) })
}

#[cfg(test)]
mod tests;
