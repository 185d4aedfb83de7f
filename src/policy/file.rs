//! Policy files: TOML, flat. Every complaint names the line.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::value::{PolicyValue, Reading};
use super::{Place, Policy, PolicyError, Source};

impl Policy {
    pub(super) fn merge_bytes(&mut self, bytes: &[u8], source: Source) -> Result<(), PolicyError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.merge_toml(text, source),
            Err(error) => {
                let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
                let at = Place { source, line: Some(line_of(&good, good.len())) };
                Err(PolicyError::Malformed { at, why: "not text in UTF-8; save it as UTF-8".into() })
            }
        }
    }

    pub(super) fn merge_toml(&mut self, text: &str, source: Source) -> Result<(), PolicyError> {
        // Notepad puts a mark in front.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let at = |offset: usize| Place { source: source.clone(), line: Some(line_of(text, offset)) };
        let table = DeTable::parse(text).map_err(|error| PolicyError::Malformed {
            at: at(error.span().map_or(0, |span| span.start)),
            why: error.message().to_owned(),
        })?;
        let mut entries: Vec<_> = table.get_ref().iter().collect();
        // The first complaint should be about the first line.
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut merged = self.clone();
        for (name, value) in entries {
            let start = name.span().start;
            merged.set(name.get_ref(), &plain(value), Reading::Strict, at(start))?;
        }
        *self = merged;
        Ok(())
    }

    /// The policy that this file alone gives.
    pub fn from_file(text: &str, path: &Path) -> Result<Self, PolicyError> {
        let mut policy = Self::default();
        policy.merge_file(text, path)?;
        Ok(policy)
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

fn plain(value: &Spanned<DeValue<'_>>) -> PolicyValue {
    match value.get_ref() {
        DeValue::String(text) => PolicyValue::Text(text.to_string()),
        DeValue::Boolean(yes) => PolicyValue::Bool(*yes),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => PolicyValue::Integer(number),
            Err(_) => PolicyValue::Other("a number that large"),
        },
        DeValue::Array(items) => PolicyValue::List(items.iter().map(plain).collect()),
        DeValue::Float(_) => PolicyValue::Other("a fraction"),
        DeValue::Datetime(_) => PolicyValue::Other("a date"),
        DeValue::Table(_) => PolicyValue::Other("a table"),
    }
}
