//! policies.json with its entries in the order of the file: where the program stumbles over one, those behind it do not count.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The entries of the policy, each name once: its first place and its last value, as in JavaScript.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Entries(pub Vec<(String, Value)>);

#[derive(Deserialize)]
struct File {
    policies: Policies,
}

#[derive(Deserialize)]
struct Policies {
    #[serde(rename = "Preferences", default)]
    preferences: Entries,
    #[serde(rename = "SSLVersionMin")]
    tls_oldest: Option<Value>,
    #[serde(rename = "SSLVersionMax")]
    tls_newest: Option<Value>,
}

/// Of a whole file: the entries of `Preferences`, and what the policies for TLS say. One that is no JSON has neither.
pub(super) fn of_file(bytes: &[u8]) -> (Vec<(String, Value)>, [Option<Value>; 2]) {
    let Ok(File { policies }) = serde_json::from_slice(bytes) else { return Default::default() };
    (policies.preferences.0, [policies.tls_oldest, policies.tls_newest])
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, or the text of one")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries: Vec<(String, Value)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            match places.get(&name) {
                Some(&at) => entries[at].1 = value,
                None => {
                    places.insert(name.clone(), entries.len());
                    entries.push((name, value));
                }
            }
        }
        Ok(Entries(entries))
    }

    fn visit_str<E>(self, text: &str) -> Result<Entries, E> {
        Ok(serde_json::from_str(text).unwrap_or_default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entries::default())
    }

    fn visit_unit<E>(self) -> Result<Entries, E> {
        Ok(Entries::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Entries, E> {
        Ok(Entries::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Entries, E> {
        Ok(Entries::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Entries, E> {
        Ok(Entries::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Entries, E> {
        Ok(Entries::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_file_stays() {
        let file = br#"{"policies":{"Other":[1],"Preferences":{"mail.z":1,"mail.a":{"Value":2},"mail.z":3}}}"#;
        let names: Vec<String> = of_file(file).0.into_iter().map(|(name, value)| format!("{name} {value}")).collect();
        assert_eq!(names, ["mail.z 3", "mail.a {\"Value\":2}"]);
        assert_eq!(of_file(br#"{"policies":{"Preferences":"{\"mail.a\":1}"}}"#).0.len(), 1);
        for nothing in [
            "[]",
            "{}",
            "{\"policies\":{}}",
            "{\"policies\":{\"Preferences\":[1,{}]}}",
            "{\"policies\":{\"Preferences\":1}}",
            "\u{feff}{}",
            "",
        ] {
            assert_eq!(of_file(nothing.as_bytes()), (vec![], [None, None]), "{nothing}");
        }
    }
}
