//! A `.reg` file that only sets or deletes a few values: what a person imports into a registry that port26 does not write.
//! Plain ASCII where that is enough, since every tool takes that (regedit, `reg import`, hivexregedit); else UTF-16, which
//! regedit takes.

use std::fmt::Write;

use port26_platform::registry::reg_text::{name_to_raw, value_to_raw};
use port26_platform::registry::{Value, ValueWrite};

/// The file that makes these writes below `HKEY_CURRENT_USER`. `Err` is the name that cannot stand in such a file: with a
/// line end in it, somebody else's line would be imported.
pub fn print(writes: &[ValueWrite]) -> Result<Vec<u8>, String> {
    let mut text = "Windows Registry Editor Version 5.00\r\n".to_owned();
    let mut key = None;
    for write in writes {
        if let Some(odd) = [&write.key, &write.value].into_iter().find(|name| name.contains(char::is_control)) {
            return Err(odd.escape_debug().to_string());
        }
        if key != Some(&write.key) {
            key = Some(&write.key);
            let _ = write!(text, "\r\n[HKEY_CURRENT_USER\\{}]\r\n", write.key);
        }
        let content = write.content.as_ref().map_or_else(|| "-".to_owned(), |value: &Value| value_to_raw(value));
        let _ = write!(text, "{}={content}\r\n", name_to_raw(&write.value));
    }
    text.push_str("\r\n");
    Ok(match text.is_ascii() {
        true => text.into_bytes(),
        false => "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
    })
}

#[cfg(test)]
mod tests {
    use port26_platform::registry::ValueKind;
    use port26_platform::registry::reg_text::RegText;

    use super::*;

    fn write(key: &str, value: &str, content: Option<Value>) -> ValueWrite {
        ValueWrite { key: key.to_owned(), value: value.to_owned(), content }
    }

    #[test]
    fn sets_and_deletes_by_key() {
        let writes = [
            write(r"Software\A", "SMTP Port", Some(Value::dword(26))),
            write(r"Software\A", "Quo\"te", Some(Value::text_in_binary("a"))),
            write(r"Software\B", "SMTP Use Auth", None),
        ];
        let expected = "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\Software\\A]\r\n\
                        \"SMTP Port\"=dword:0000001a\r\n\"Quo\\\"te\"=hex:61,00,00,00\r\n\r\n\
                        [HKEY_CURRENT_USER\\Software\\B]\r\n\"SMTP Use Auth\"=-\r\n\r\n";
        assert_eq!(String::from_utf8(print(&writes).unwrap()).unwrap(), expected);
    }

    #[test]
    fn other_letters_are_utf16_and_read_back() {
        let odd = Value { kind: ValueKind::Sz, data: vec![0x3D, 0xD8, 0, 0] };
        let writes = [
            write(r"Profile\Büro", "日本", Some(odd.clone())),
            write(r"Profile\Büro", "line", Some(Value::sz("a\r\nb"))),
        ];
        let bytes = print(&writes).unwrap();
        assert!(bytes.starts_with(&[0xFF, 0xFE]));
        let read = RegText::parse(&bytes).unwrap();
        assert_eq!(read.value(r"Profile\Büro", "日本"), Some(odd));
        assert_eq!(read.value(r"Profile\Büro", "line"), Some(Value::sz("a\r\nb")));
    }

    #[test]
    fn a_name_brings_no_lines_of_its_own() {
        for (key, value) in [("A]\r\n[HKEY_LOCAL_MACHINE\\B", "x"), ("A", "x\"=-\n\"y"), ("A\0", "x")] {
            assert!(print(&[write(key, value, None)]).is_err(), "{key:?} {value:?}");
        }
    }
}
