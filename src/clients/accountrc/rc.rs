//! The files read as the programs read them (Claws Mail's `prefs_gtk.c`, tried with 4.1.1; Sylpheed's `prefs.c`, tried with
//! 3.8.0beta1): a key begins its line, `=` stands right behind it, the last one counts, any line that begins with `[` ends a
//! section. Of a password nothing is kept but that there is one.

use std::collections::HashMap;

/// How the name of a key is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::clients) enum Keys {
    /// In capitals or not.
    AnyCase,
    /// As it is written.
    Exact,
}

/// What stands for a password.
const HIDDEN: &str = "*";

/// One section, in the file's order. A name may be there twice; the programs read the first each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::clients) struct Section {
    /// Between the brackets; the whole line where it does not end in one.
    pub name: String,
    /// Some line in it begins with `[` and is no heading: the rest belongs to nobody.
    pub is_cut: bool,
    values: HashMap<String, String>,
}

impl Section {
    /// What is written; `None` if the key is missing.
    pub fn raw(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Text that is not empty.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.raw(key).filter(|value| !value.is_empty())
    }

    /// A number; `default` where the key is missing.
    pub fn number(&self, key: &str, default: i64) -> i64 {
        self.raw(key).map_or(default, number)
    }

    /// Yes or no; no where the key is missing.
    pub fn flag(&self, key: &str) -> bool {
        self.raw(key).is_some_and(flag)
    }
}

/// As C's `atoi`: blanks, a sign, digits, and whatever follows; 0 where there is no digit.
pub(in crate::clients) fn number(raw: &str) -> i64 {
    let text = raw.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.bytes().take_while(u8::is_ascii_digit);
    sign * digits.fold(0_i64, |all, digit| all.saturating_mul(10).saturating_add(i64::from(digit - b'0')))
}

/// Everything but an empty value and one that begins with 0 is yes.
pub(in crate::clients) fn flag(raw: &str) -> bool {
    !raw.is_empty() && !raw.starts_with('0')
}

fn hidden<'a>(key: &str, value: &'a str) -> &'a str {
    let is_secret = key.to_ascii_lowercase().contains("pass");
    if is_secret && !value.is_empty() { HIDDEN } else { value }
}

/// All sections. Lines before the first belong to none.
pub(in crate::clients) fn read(bytes: &[u8], keys: Keys) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches('\r');
        if let Some(heading) = line.strip_prefix('[') {
            if !heading.contains(']')
                && let Some(section) = sections.last_mut()
            {
                section.is_cut = true;
            }
            let name = heading.strip_suffix(']').unwrap_or(line).to_owned();
            sections.push(Section { name, is_cut: false, values: HashMap::new() });
        } else if let (Some(section), Some((key, value))) = (sections.last_mut(), line.split_once('=')) {
            let key = match keys {
                Keys::AnyCase => key.to_ascii_lowercase(),
                Keys::Exact => key.to_owned(),
            };
            let value = hidden(&key, value).to_owned();
            section.values.insert(key, value);
        }
    }
    sections
}
