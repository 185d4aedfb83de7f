//! What a start of the program makes of a profile: prefs.js, then user.js, then the `mozilla.cfg` of the installation, then
//! policies. port26 says who wins over prefs.js and does not fight them.

use std::path::{Path, PathBuf};

use port26_platform::computer::Computer;
use port26_platform::files;

use super::profiles::LastUse;
use super::store::{Store, is_read};
use super::{places, policies};
use crate::change::Slot;
use crate::formats::FileFormat;
use crate::formats::prefs_js::{self, PrefValue, PrefsJs};

/// Whose policies and scripts a profile gets.
pub(super) struct Start<'a> {
    /// The machine.
    pub computer: &'a Computer,
    /// The profile's folder.
    pub profile: &'a Path,
    /// The program that used it last.
    pub last_use: &'a LastUse,
    /// The program reads Thunderbird's policies.
    pub policies: bool,
}

impl Start<'_> {
    /// All preferences about mail as they are after a start.
    pub fn store(&self, prefs: &PrefsJs) -> Store {
        let mut store = Store::built_in();
        store.file(prefs, |_| None);
        let user_js = self.profile.join("user.js");
        if let Some(Ok(doc)) = files::read(&user_js).ok().flatten().map(|bytes| PrefsJs::parse(&bytes)) {
            store.file(&doc, |name| Some(in_file(&user_js, name)));
        }
        let programs = places::programs(self.computer, self.profile, self.last_use);
        for program in &programs {
            autoconfig(program, &mut store);
        }
        if self.policies {
            policies::apply(self.computer, self.profile, &programs, &mut store);
        }
        store
    }
}

fn in_file(file: &Path, name: &str) -> Slot {
    Slot::Setting { file: file.to_owned(), format: FileFormat::PrefsJs, name: name.to_owned() }
}

fn autoconfig(program: &Path, store: &mut Store) {
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
        let by = in_file(&file, &call.name);
        match call.function {
            "defaultPref" => store.set_default(&call.name, call.raw, Some(by)),
            "lockPref" => {
                store.unlock(&call.name);
                store.set_default(&call.name, call.raw, Some(by.clone()));
                store.lock(&call.name, by);
            }
            _ => store.set_user(&call.name, call.raw, Some(by)),
        }
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
    all_calls(script).into_iter().filter(|call| is_read(&call.name))
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

    #[test]
    fn a_shifted_mozilla_cfg_is_read() {
        let plain = b"lockPref(\"mail.first\", 1);\nif (x) { lockPref('mail.smtpserver.smtp1.port', 25); }\ndefaultPref(\"mail.d\", \"a,b\"); lockPref(\"mail.env\", getenv(\"X\"));";
        let shifted: Vec<u8> = plain.iter().map(|byte| byte.wrapping_add(13)).collect();
        let folder = folder(&[
            ("defaults/pref/auto.js", b"pref(\"general.config.filename\", \"mozilla.cfg\");"),
            ("mozilla.cfg", &shifted),
        ]);
        let mut store = Store::default();
        autoconfig(folder.path(), &mut store);
        assert_eq!(store.fixed("mail.first"), None);
        assert_eq!(store.fixed("mail.smtpserver.smtp1.port").and_then(|fixed| fixed.raw), Some("25"));
        assert_eq!(store.by_default("mail.d"), Some("\"a,b\""));
        assert_eq!(store.fixed("mail.env").map(|fixed| fixed.raw), Some(None));
    }
}
