//! Thunderbird's enterprise policies `Preferences`, `SSLVersionMin` and `SSLVersionMax`, read from where `EnterprisePoliciesParent.sys.mjs` reads it (Thunderbird
//! 153): group policy (`WindowsGPOParser.sys.mjs`), managed preferences of macOS (`macOSPoliciesParser.sys.mjs`), policies.json.

mod in_order;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use port26_platform::computer::{Computer, Os};
use port26_platform::files;
use port26_platform::registry::{self, View};
use serde_json::{Map, Value};

use self::in_order::Entries;
use super::places;
use super::store::{Store, TLS_RANGE, is_read};
use crate::change::Slot;
use crate::formats::prefs_js::{self, PrefValue};
use crate::formats::{FileFormat, plist_value};

/// Below both hives.
const KEY: &str = r"Software\Policies\Mozilla\Thunderbird";

/// The policy, which is the value or the key of this name.
const POLICY: &str = "Preferences";

/// Separates the levels of a name in managed preferences.
const LEVELS: &str = "__";

/// The policies for the oldest and the newest TLS. Each sets its preference and locks it (`Policies.sys.mjs`).
const TLS: [&str; 2] = ["SSLVersionMin", "SSLVersionMax"];

/// What they may say, and the number of the preference for it; anything else is no such policy.
const TLS_NUMBERS: [(&str, &str); 4] = [("tls1", "1"), ("tls1.1", "2"), ("tls1.2", "3"), ("tls1.3", "4")];

/// The policy's entries, and where they are.
struct Preferences {
    /// In the order in which they are set.
    entries: Vec<(String, Value)>,
    /// What the policies for TLS say.
    tls: [Option<Value>; 2],
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
        for (name, version) in TLS_RANGE.into_iter().zip(&self.tls) {
            let said = version.as_ref().and_then(Value::as_str);
            let number = TLS_NUMBERS.into_iter().find(|(known, _)| Some(*known) == said);
            if let Some((_, number)) = number {
                let by = self.place.slot(name);
                store.unlock(name);
                store.set_default(name, Some(number.to_owned()), Some(by.clone()));
                store.lock(name, by);
            }
        }
        for (name, entry) in &self.entries {
            let by = self.place.slot(name);
            let Value::Object(entry) = entry else {
                match lock_bare(store, name, entry, by) {
                    ControlFlow::Continue(()) => continue,
                    ControlFlow::Break(()) => return,
                }
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

/// The first form of this policy: a bare value, which locks. `Break`: the program stumbles, and leaves the rest of the
/// policy.
fn lock_bare(store: &mut Store, name: &str, value: &Value, by: Slot) -> ControlFlow<()> {
    if matches!(value, Value::Null | Value::Array(_)) || !is_read(name) {
        return ControlFlow::Continue(());
    }
    store.unlock(name);
    let Some(raw) = literal(value, store.is_number(name)).filter(|raw| !store.refuses(name, raw)) else {
        return ControlFlow::Break(());
    };
    store.set_default(name, Some(raw), Some(by.clone()));
    store.lock(name, by);
    ControlFlow::Continue(())
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
    let machine = computer.machine.as_deref().map(Machines);
    let user = computer.registry.as_deref().map(Users);
    // Each policy by itself: what the machine says wins over what is said for the user.
    let of_machine = machine.as_ref().and_then(|hive| in_hive(hive));
    let is_the_machines = of_machine.is_some();
    let entries = of_machine.or_else(|| in_hive(user.as_ref()?));
    let said = |hive: &dyn Hive, policy: &str| {
        let (_, value) = hive.values(KEY).into_iter().find(|(name, _)| name == policy)?;
        plain(&value)
    };
    let tls_of_machine = TLS.map(|policy| said(machine.as_ref()?, policy));
    let tls_of_user = TLS.map(|policy| said(user.as_ref()?, policy));
    if entries.is_none() && tls_of_machine == [None, None] && tls_of_user == [None, None] {
        return None;
    }
    let by_machine = is_the_machines || entries.is_none() && tls_of_machine != [None, None];
    let mut both = tls_of_machine.into_iter().zip(tls_of_user).map(|(machine, user)| machine.or(user));
    let tls = [both.next().flatten(), both.next().flatten()];
    let place = match by_machine {
        true => Place::Named(PathBuf::from(format!(r"HKEY_LOCAL_MACHINE\{KEY}"))),
        false => Place::UsersRegistry,
    };
    Some(Preferences { entries: entries.unwrap_or_default(), tls, place })
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
    let mut tls = [None, None];
    let mut place = None;
    for file in files {
        let Some(bytes) = files::read(&file).ok().flatten() else { continue };
        let Ok(plist::Value::Dictionary(top)) = plist_value::read(&bytes) else { continue };
        if let Some(switch) = top.get("EnterprisePoliciesEnabled") {
            enabled =
                switch.as_boolean().unwrap_or_else(|| switch.as_signed_integer().is_some_and(|number| number != 0));
        }
        for (name, value) in top {
            if let Some(at) = TLS.iter().position(|policy| *policy == name) {
                tls[at] = Some(json(value));
                place = Some(file.clone());
                continue;
            }
            let mut levels = name.split(LEVELS);
            if levels.next() != Some(POLICY) {
                continue;
            }
            put(&mut policy, &levels.collect::<Vec<_>>(), json(value));
            place = Some(file.clone());
        }
    }
    let place = Place::Named(place.filter(|_| enabled)?);
    Some(Preferences { entries: policy.into_iter().collect(), tls, place })
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
    let (entries, tls) = in_order::of_file(&bytes);
    Some(Preferences { entries, tls, place: Place::Named(file.to_owned()) })
}

#[cfg(test)]
mod tests;
