//! What wins over `prefs.js`: `user.js` at each start, `policies.json`, a group policy of the user, and
//! the `mozilla.cfg` of the installation. port26 says so and does not fight them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use port26_platform::files;
use port26_platform::host::{Host, Os};
use port26_platform::registry::Registry;

use super::profiles::LastUse;
use crate::change::Slot;
use crate::formats::prefs_js::{self, PrefValue, PrefsJs};
use crate::formats::{Document, FileFormat};

/// A preference that something else sets at each start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fixed {
    /// Its raw literal; `None` if it is computed.
    pub raw: Option<String>,
    /// Who sets it.
    pub slot: Slot,
}

/// Everything that wins, and the defaults that administrators chose.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Overrides {
    fixed: HashMap<String, Fixed>,
    defaults: HashMap<String, String>,
}

impl Overrides {
    /// Looks at all places that count on this host for this profile.
    pub fn of(host: &Host, profile: &Path, last_use: &LastUse) -> Self {
        let mut overrides = Self::default();
        overrides.user_js(&profile.join("user.js"));
        // the installation seen from here is only the profile's own in the user's own session
        if host.own_session {
            for folder in &last_use.program {
                overrides.autoconfig(folder);
                overrides.policies_file(&folder.join("distribution").join("policies.json"));
            }
            if host.os == Os::Linux {
                overrides.policies_file(Path::new("/etc/thunderbird/policies/policies.json"));
            }
        }
        if let Some(registry) = host.registry.as_deref() {
            overrides.group_policy(registry);
        }
        overrides
    }

    /// Who fixes this preference.
    pub fn fixed(&self, name: &str) -> Option<&Fixed> {
        self.fixed.get(name)
    }

    /// An administrator's default for it.
    pub fn suggested(&self, name: &str) -> Option<&str> {
        self.defaults.get(name).map(String::as_str)
    }

    fn fix(&mut self, name: &str, raw: Option<String>, file: &Path) {
        let slot = Slot::Setting { file: file.to_owned(), format: FileFormat::PrefsJs, name: name.to_owned() };
        self.fixed.insert(name.to_owned(), Fixed { raw, slot });
    }

    fn user_js(&mut self, file: &Path) {
        let Some(bytes) = files::read(file).ok().flatten() else { return };
        match PrefsJs::parse(&bytes) {
            Ok(doc) => {
                for name in doc.names().filter(|name| name.starts_with("mail.")) {
                    self.fix(name, doc.get(name).ok().flatten(), file);
                }
            }
            // the program skips what it cannot read and takes the rest
            Err(_) => {
                for call in calls(&String::from_utf8_lossy(&bytes)) {
                    if matches!(call.function, "user_pref" | "pref" | "sticky_pref") {
                        self.fix(&call.name, call.raw, file);
                    }
                }
            }
        }
    }

    fn policies_file(&mut self, file: &Path) {
        let Some(bytes) = files::read(file).ok().flatten() else { return };
        let Ok(root) = serde_json::from_slice::<serde_json::Value>(&bytes) else { return };
        let file = file.to_owned();
        self.policy(&root["policies"]["Preferences"], |name| Slot::Setting {
            file: file.clone(),
            format: FileFormat::PrefsJs,
            name: name.to_owned(),
        });
    }

    fn group_policy(&mut self, registry: &dyn Registry) {
        let key = r"Software\Policies\Mozilla\Thunderbird";
        let text = registry.value(key, "Preferences").ok().flatten().and_then(|value| value.as_text());
        let Some(root) = text.and_then(|text| serde_json::from_str(&text).ok()) else { return };
        self.policy(&root, |_| Slot::Registry { key: key.to_owned(), value: "Preferences".to_owned() });
    }

    fn policy(&mut self, preferences: &serde_json::Value, slot: impl Fn(&str) -> Slot) {
        for (name, setting) in
            preferences.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("mail."))
        {
            // the first form of this policy was a bare value, which locks
            let (value, status) = match setting.as_object() {
                Some(object) => {
                    (object.get("Value"), object.get("Status").and_then(|status| status.as_str()).unwrap_or("default"))
                }
                None => (Some(setting), "locked"),
            };
            let raw = value.and_then(literal);
            match (status, raw) {
                ("default", Some(raw)) => {
                    self.defaults.insert(name.clone(), raw);
                }
                ("default", None) => {}
                (_, raw) => {
                    self.fixed.insert(name.clone(), Fixed { raw, slot: slot(name) });
                }
            }
        }
    }

    fn autoconfig(&mut self, program: &Path) {
        let mut names: Vec<PathBuf> = std::fs::read_dir(program.join("defaults").join("pref"))
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "js"))
            .collect();
        names.sort();
        let (mut config, mut shift) = (None, 13u8);
        for path in names {
            let Some(bytes) = files::read(&path).ok().flatten() else { continue };
            for call in all_calls(&String::from_utf8_lossy(&bytes)) {
                match (call.name.as_str(), call.raw.as_deref().and_then(prefs_js::decode)) {
                    ("general.config.filename", Some(PrefValue::Text(name))) => config = Some(name),
                    ("general.config.obscure_value", Some(PrefValue::Int(value))) => shift = (value & 0xff) as u8,
                    _ => {}
                }
            }
        }
        let Some(file) = config.map(|name| program.join(name)) else { return };
        let Some(bytes) = files::read(&file).ok().flatten() else { return };
        let plain: Vec<u8> = bytes.iter().map(|byte| byte.wrapping_sub(shift)).collect();
        let text = String::from_utf8_lossy(&plain);
        // its first line is never read
        for call in calls(text.split_once('\n').map_or("", |(_, rest)| rest)) {
            match (call.function, call.raw) {
                ("defaultPref", Some(raw)) => {
                    self.defaults.insert(call.name, raw);
                }
                ("defaultPref", None) => {}
                (_, raw) => self.fix(&call.name, raw, &file),
            }
        }
    }
}

fn literal(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::Bool(truth) => Some(prefs_js::encode(&PrefValue::Bool(*truth))),
        serde_json::Value::Number(number) => {
            let number = number.as_i64().and_then(|number| i32::try_from(number).ok())?;
            Some(prefs_js::encode(&PrefValue::Int(number)))
        }
        serde_json::Value::String(text) => Some(prefs_js::encode_text(text)),
        _ => None,
    }
}

struct Call<'a> {
    function: &'a str,
    name: String,
    raw: Option<String>,
}

/// Calls about mail in a script that is more than a list of preferences. Conditions around them are not weighed: what
/// may be set counts as set.
fn calls(script: &str) -> impl Iterator<Item = Call<'_>> {
    all_calls(script).into_iter().filter(|call| call.name.starts_with("mail."))
}

fn all_calls(script: &str) -> Vec<Call<'_>> {
    const FUNCTIONS: [&str; 5] = ["user_pref", "pref", "sticky_pref", "lockPref", "defaultPref"];
    let mut found = Vec::new();
    let mut rest = script;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        if rest.starts_with("//") || rest.starts_with('#') {
            rest = rest.find(['\n', '\r']).map_or("", |end| &rest[end..]);
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
        } else if word > 0 {
            let (function, behind) = rest.split_at(word);
            rest = behind;
            if FUNCTIONS.contains(&function)
                && let Some((name, raw)) = arguments(behind)
            {
                found.push(Call { function, name, raw });
            }
        } else if let Some(text) = quoted(rest) {
            rest = &rest[text.len()..];
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    found
}

fn arguments(text: &str) -> Option<(String, Option<String>)> {
    let text = text.trim_start().strip_prefix('(')?.trim_start();
    let name = quoted(text)?;
    let value = text[name.len()..].trim_start().strip_prefix(',')?.trim_start();
    let Some(PrefValue::Text(name)) = prefs_js::decode(name) else { return None };
    let end = quoted(value).map_or_else(|| value.find([',', ')', ';']).unwrap_or(value.len()), str::len);
    let closed = value[end..].trim_start().starts_with([',', ')']);
    let raw = value[..end].trim_end();
    Some((name, (closed && prefs_js::decode(raw).is_some()).then(|| raw.to_owned())))
}

/// The string literal that the text begins with, quotes included.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(&text[..at + 1]),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        folder
    }

    fn raw<'a>(overrides: &'a Overrides, name: &str) -> Option<&'a str> {
        overrides.fixed(name).and_then(|fixed| fixed.raw.as_deref())
    }

    #[test]
    fn user_js_counts_even_where_part_of_it_is_garbage() {
        let folder = folder(&[("user.js", b"garbage (\nuser_pref(\"mail.x.port\", 25);\n// user_pref(\"mail.y\", 1);\nuser_pref(\"mail.z\", x());\nuser_pref('other', 1);")]);
        let mut overrides = Overrides::default();
        overrides.user_js(&folder.path().join("user.js"));
        assert_eq!(raw(&overrides, "mail.x.port"), Some("25"));
        assert_eq!(overrides.fixed("mail.y"), None);
        assert_eq!(overrides.fixed("mail.z").map(|fixed| &fixed.raw), Some(&None));
        assert_eq!(overrides.fixed("other"), None);
    }

    #[test]
    fn policies_lock_set_and_suggest() {
        let folder = folder(&[(
            "policies.json",
            br#"{"policies":{"Preferences":{"mail.a":{"Value":25,"Status":"locked"},"mail.b":{"Value":"h","Status":"user"},
                "mail.c":{"Value":1},"mail.d":true,"mail.e":{"Status":"clear"},"x":1}}}"#,
        )]);
        let mut overrides = Overrides::default();
        overrides.policies_file(&folder.path().join("policies.json"));
        assert_eq!(raw(&overrides, "mail.a"), Some("25"));
        assert_eq!(raw(&overrides, "mail.b"), Some("\"h\""));
        assert_eq!((overrides.fixed("mail.c"), overrides.suggested("mail.c")), (None, Some("1")));
        assert_eq!(raw(&overrides, "mail.d"), Some("true"));
        assert!(overrides.fixed("mail.e").is_some() && overrides.fixed("x").is_none());
    }

    #[test]
    fn a_shifted_mozilla_cfg_is_read() {
        let plain = b"lockPref(\"mail.first\", 1);\nif (x) { lockPref('mail.smtpserver.smtp1.port', 25); }\ndefaultPref(\"mail.d\", \"a,b\"); lockPref(\"mail.env\", getenv(\"X\"));";
        let shifted: Vec<u8> = plain.iter().map(|byte| byte.wrapping_add(13)).collect();
        let folder = folder(&[
            ("defaults/pref/auto.js", b"pref(\"general.config.filename\", \"mozilla.cfg\");"),
            ("mozilla.cfg", &shifted),
        ]);
        let mut overrides = Overrides::default();
        overrides.autoconfig(folder.path());
        assert_eq!(overrides.fixed("mail.first"), None);
        assert_eq!(raw(&overrides, "mail.smtpserver.smtp1.port"), Some("25"));
        assert_eq!(overrides.suggested("mail.d"), Some("\"a,b\""));
        assert_eq!(overrides.fixed("mail.env").map(|fixed| &fixed.raw), Some(&None));
    }
}
