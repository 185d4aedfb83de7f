//! `profiles.ini` and `installs.ini` as Gecko reads them (`nsINIParser.cpp`): blanks around `=` belong to the key and the
//! value, so a list that somebody has made prettier names nothing.

use std::collections::HashMap;

/// Sections and their values.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct GeckoIni(HashMap<String, HashMap<String, String>>);

impl GeckoIni {
    /// Reads a file; what makes no sense is passed over.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = match bytes {
            [0xff, 0xfe, rest @ ..] => {
                let units: Vec<u16> = rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
                String::from_utf16_lossy(&units)
            }
            [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
            all => String::from_utf8_lossy(all).into_owned(),
        };
        let text = text.split('\0').next().unwrap_or_default();
        let mut ini = Self::default();
        let mut section = None;
        for line in text.split(['\r', '\n']).filter(|line| !line.starts_with(['#', ';'])) {
            let line = line.trim_start_matches([' ', '\t']);
            if let Some(name) = line.strip_prefix('[') {
                section = section_named(name);
                continue;
            }
            let line = line.trim_start_matches('=');
            if let (Some(section), Some((key, value))) = (section, line.split_once('=')) {
                let values = ini.0.entry(section.to_owned()).or_default();
                values.insert(key.to_owned(), value.to_owned());
            }
        }
        ini
    }

    /// A value, blanks and all.
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.0.get(section)?.get(key).map(String::as_str)
    }
}

/// The name behind a `[`: up to the bracket, behind which only blanks may stand, or without one the whole line.
fn section_named(line: &str) -> Option<&str> {
    match line.split_once(']') {
        Some((name, rest)) => Some(name).filter(|_| rest.trim_matches([' ', '\t']).is_empty()),
        None => Some(line).filter(|name| !name.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_belong_to_keys_and_values() {
        let ini = GeckoIni::parse(
            b"\xef\xbb\xbf[A] \t\r\n  x= 1 \r\ny =2\n#z=3\n ;w=4\n=v=5\nnonsense\nu=\nx=6=7\n[B] c\nx=8\n[A]\nt=9\0s=1",
        );
        let get = |key| ini.get("A", key);
        assert_eq!((get("x"), get("y"), get("y "), get("z")), (Some("6=7"), None, Some("2"), None));
        assert_eq!(
            (get(";w"), get("v"), get("u"), get("t"), get("s")),
            (Some("4"), Some("5"), Some(""), Some("9"), None)
        );
        assert_eq!((ini.get("B", "x"), ini.get("B] c", "x")), (None, None));
        let utf16: Vec<u8> = "\u{feff}[A]\nx=1".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(GeckoIni::parse(&utf16).get("A", "x"), Some("1"));
        assert_eq!(GeckoIni::parse(b""), GeckoIni::default());
    }

    /// Thunderbird 153.8 finds the profiles of a list whose `[Profile0` is not closed.
    #[test]
    fn a_section_needs_no_second_bracket() {
        let ini = GeckoIni::parse(b"[A\nx=1\n[B \ny=2\n[\nz=3\n[C\t]\nw=4");
        assert_eq!((ini.get("A", "x"), ini.get("B", "y"), ini.get("B ", "y")), (Some("1"), None, Some("2")));
        assert_eq!((ini.get("", "z"), ini.get("C\t", "w")), (None, Some("4")));
    }
}
