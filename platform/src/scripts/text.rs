//! The text that a script runner is given: a program and its request. The request is JSON inside a string of JavaScript and
//! not JavaScript itself, to which `__proto__` and U+2028 mean something.

use std::io::{self, Write};

use serde::Serialize;
use zeroize::Zeroizing;

/// The program, and the call of its function with this request.
pub(super) fn calling(program: &str, function: &str, request: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, String> {
    // Both are as large as they will be from the start: a move would leave a copy of a password behind.
    let mut length = Length(0);
    serde_json::to_writer(&mut length, request).map_err(|error| error.to_string())?;
    let mut json = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *json, request).map_err(|error| error.to_string())?;
    let json = std::str::from_utf8(&json).map_err(|error| error.to_string())?;
    let literal = literal(json);
    let pieces = [program, "\n", function, "(JSON.parse(\"", &literal, "\"));\n"];
    let mut text = Zeroizing::new(Vec::with_capacity(pieces.iter().map(|piece| piece.len()).sum()));
    for piece in pieces {
        text.extend_from_slice(piece.as_bytes());
    }
    Ok(text)
}

/// What stands between the quotation marks of a string that JavaScript and JSON read alike: nothing but printable ASCII.
pub(super) fn literal(words: &str) -> Zeroizing<String> {
    // No character gets longer than six for each of its bytes.
    let mut literal = Zeroizing::new(String::with_capacity(6 * words.len()));
    for letter in words.chars() {
        match letter {
            '"' | '\\' => literal.extend(['\\', letter]),
            ' '..='~' => literal.push(letter),
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    literal.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    literal
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_request_is_one_string_of_printable_ascii_and_means_the_same() {
        let request =
            json!({"__proto__": {"a": 1}, "text": "\"\\\n\u{7f}\u{e4}\u{2028}\u{2029}\u{1f511}</script>${x}`'"});
        let text = calling("program", "run", &request).unwrap();
        assert_eq!(text.capacity(), text.len(), "it was made in its full size");
        let text = std::str::from_utf8(&text).unwrap();
        let literal = text.strip_prefix("program\nrun(JSON.parse(").unwrap().strip_suffix("));\n").unwrap();
        assert!(literal.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{literal}");
        let inner: String = serde_json::from_str(literal).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&inner).unwrap(), request);
    }
}
