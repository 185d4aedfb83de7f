//! regedit's export as a [`Document`]. Name: key path below the user's root, a line feed, the value's name.
//! Raw: the value on one line as regedit 5 writes it, whatever way the file itself spells it.

use port26_platform::registry::reg_text::{RegText, RegTextError};
pub use port26_platform::registry::reg_text::{raw_to_value, value_to_raw};

use super::{Document, FormatError};

const FORMAT: &str = "registry export";

/// A `.reg` file being edited.
#[derive(Debug, Clone)]
pub struct RegFile(RegText);

impl RegFile {
    /// Reads a file's bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        RegText::parse(bytes).map(Self).map_err(format_error)
    }
}

/// The [`Document`] name of a value.
pub fn setting_name(key: &str, value: &str) -> String {
    format!("{key}\n{value}")
}

fn split(name: &str) -> Result<(&str, &str), FormatError> {
    let why = || FormatError::Refused { name: name.to_owned(), why: "it names no key and value".to_owned() };
    name.split_once('\n').ok_or_else(why)
}

fn format_error(error: RegTextError) -> FormatError {
    match error {
        RegTextError::Malformed { line, offset, why } => {
            FormatError::Malformed { format: FORMAT, offset, why: format!("line {line}: {why}") }
        }
        RegTextError::Refused { key, name, why } => {
            FormatError::Refused { name: setting_name(&key, &name), why: why.to_owned() }
        }
        other => FormatError::Malformed { format: FORMAT, offset: 0, why: other.to_string() },
    }
}

impl Document for RegFile {
    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    fn get(&self, name: &str) -> Result<Option<String>, FormatError> {
        let (key, value) = split(name)?;
        Ok(self.0.value(key, value).map(|value| value_to_raw(&value)))
    }

    fn set(&mut self, name: &str, raw: &str) -> Result<(), FormatError> {
        let (key, value) = split(name)?;
        let content = raw_to_value(raw).ok_or_else(|| FormatError::Refused {
            name: name.to_owned(),
            why: format!("{raw} is not a registry value"),
        })?;
        self.0.set(key, value, &content).map_err(format_error)
    }

    fn remove(&mut self, name: &str) -> Result<(), FormatError> {
        let (key, value) = split(name)?;
        self.0.remove(key, value).map(drop).map_err(format_error)
    }
}

#[cfg(test)]
mod tests {
    use port26_platform::registry::{Value, ValueKind};
    use proptest::prelude::*;

    use super::*;

    fn kind() -> impl Strategy<Value = ValueKind> {
        prop_oneof![
            Just(ValueKind::Sz),
            Just(ValueKind::ExpandSz),
            Just(ValueKind::Binary),
            Just(ValueKind::Dword),
            Just(ValueKind::Qword),
            Just(ValueKind::MultiSz),
            Just(ValueKind::Other(0)),
            Just(ValueKind::Other(0x2_0000)),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            ".{0,40}".prop_map(|text| Value::sz(&text)),
            any::<u32>().prop_map(Value::dword),
            (kind(), proptest::collection::vec(any::<u8>(), 0..120)).prop_map(|(kind, data)| Value { kind, data }),
        ]
    }

    fn file(values: &[(String, Value)], utf16: bool, eol: &str) -> Vec<u8> {
        let mut text = format!("Windows Registry Editor Version 5.00{eol}{eol}[HKEY_CURRENT_USER\\Software\\A]{eol}");
        for (name, value) in values {
            text += &format!("\"{}\"={}{eol}", name.replace('\\', "\\\\").replace('"', "\\\""), value_to_raw(value));
        }
        text += &format!("{eol}[HKEY_CURRENT_USER\\Software\\B]{eol}");
        let units = || "\u{feff}".encode_utf16().chain(text.encode_utf16());
        if utf16 { units().flat_map(u16::to_le_bytes).collect() } else { text.into_bytes() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn raw_and_value_are_the_same_thing(value in value()) {
            prop_assert_eq!(raw_to_value(&value_to_raw(&value)), Some(value.clone()));
            prop_assert!(!value_to_raw(&value).contains('\n'));
        }

        #[test]
        fn edits_touch_one_value_and_are_taken_back(
            names in proptest::collection::hash_set("[a-z\"\\\\=;\\]\u{e4} ]{1,8}", 1..6),
            contents in proptest::collection::vec(value(), 6),
            new in value(),
            utf16: bool,
            crlf: bool,
        ) {
            let values: Vec<(String, Value)> = names.into_iter().zip(contents).collect();
            let bytes = file(&values, utf16, if crlf { "\r\n" } else { "\n" });
            let mut document = RegFile::parse(&bytes).unwrap();
            prop_assert_eq!(document.to_bytes(), bytes.clone());

            let fresh = setting_name("software\\a", "New Value");
            prop_assert_eq!(document.get(&fresh), Ok(None));
            document.set(&fresh, &value_to_raw(&new)).unwrap();
            let again = RegFile::parse(&document.to_bytes()).unwrap();
            prop_assert_eq!(again.get(&fresh), Ok(Some(value_to_raw(&new))));
            for (name, value) in &values {
                prop_assert_eq!(again.get(&setting_name("Software\\A", name)), Ok(Some(value_to_raw(value))));
            }
            let mut again = again;
            again.remove(&fresh).unwrap();
            prop_assert_eq!(again.to_bytes(), bytes.clone());
            document.remove(&fresh).unwrap();

            let (name, old) = &values[0];
            let first = setting_name("Software\\A", name);
            document.set(&first, &value_to_raw(&new)).unwrap();
            let mut again = RegFile::parse(&document.to_bytes()).unwrap();
            prop_assert_eq!(again.get(&first), Ok(Some(value_to_raw(&new))));
            again.set(&first, &value_to_raw(old)).unwrap();
            for (name, value) in &values {
                prop_assert_eq!(again.get(&setting_name("Software\\A", name)), Ok(Some(value_to_raw(value))));
            }
        }

        #[test]
        fn garbage_never_panics(text in "(REGEDIT4\n)?(\\[HKCU\\\\A\\]\n)?[\\[\\]\"=@;:hexdword(),\\\\ \n\u{e4}0-9-]{0,60}") {
            if let Ok(document) = RegFile::parse(text.as_bytes()) {
                prop_assert_eq!(document.to_bytes(), text.into_bytes());
            }
        }
    }

    #[test]
    fn a_value_in_another_spelling_has_the_canonical_raw() {
        let bytes = b"REGEDIT4\n[HKEY_CURRENT_USER\\A]\n\"Port\"=dword:1A\n\"Text\"=hex:61,\\\n  00,00,00\n";
        let mut document = RegFile::parse(bytes).unwrap();
        assert_eq!(document.get("A\nport").unwrap().as_deref(), Some("dword:0000001a"));
        assert_eq!(document.get("A\ntext").unwrap().as_deref(), Some("hex:61,00,00,00"));
        document.set("A\nPort", "dword:0000001a").unwrap();
        assert_eq!(document.to_bytes(), bytes);
    }

    #[test]
    fn refuses_what_is_not_a_value() {
        let mut document = RegFile::parse(b"REGEDIT4\n[HKEY_CURRENT_USER\\A]\n").unwrap();
        for (name, raw) in [("A\nPort", "26"), ("A\nPort", "-"), ("A", "dword:1"), ("B\nPort", "dword:1")] {
            assert!(matches!(document.set(name, raw), Err(FormatError::Refused { .. })), "{name} {raw}");
        }
        assert!(matches!(RegFile::parse(b"user_pref"), Err(FormatError::Malformed { .. })));
    }
}
