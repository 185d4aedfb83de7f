//! What stands after `=` in a `.reg` file: found, read and written as regedit does it.

use super::encoding::{self, Encoding};
use crate::registry::{Value, ValueKind};

/// Longest line that regedit begins another byte on.
const WRAP: usize = 76;

/// How a file writes its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// How it spells characters.
    pub encoding: Encoding,
    /// `REGEDIT4`: strings inside `hex(2):` are 8-bit text.
    pub old: bool,
    /// Text other than ASCII cannot be written: its code page is not known.
    pub ascii_only: bool,
}

/// The form of the data on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `"text"`
    Text,
    /// `dword:0000001a`
    Dword,
    /// `hex:..` (type 3) or `hex(n):..`
    Hex(u32),
    /// `-`: removes the value.
    Delete,
}

/// First byte at or after `at` that is not a blank.
pub(super) fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\r')) {
        at += 1;
    }
    at
}

/// First byte of the next line.
pub(super) fn next_line(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|&b| b == b'\n').map_or(text.len(), |n| at + n + 1)
}

/// The end of a quoted string that begins at `at`; the byte after its closing quote.
pub(super) fn quoted_end(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Form and end of the data at `at`, or where it goes wrong and why.
pub(super) fn scan(text: &[u8], at: usize) -> Result<(Form, usize), (usize, &'static str)> {
    let rest = &text[at..];
    if rest.first() == Some(&b'"') {
        return quoted_end(text, at).map(|end| (Form::Text, end)).ok_or((at, "text without a closing quote"));
    }
    if rest.first() == Some(&b'-') {
        return Ok((Form::Delete, at + 1));
    }
    if starts_with(rest, b"dword:") {
        let digits = rest[6..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        return match digits {
            1..=8 => Ok((Form::Dword, at + 6 + digits)),
            _ => Err((at, "dword: needs one to eight hexadecimal digits")),
        };
    }
    if starts_with(rest, b"hex") {
        let (number, colon) = hex_head(rest).ok_or((at, "hex needs a type in brackets or a colon"))?;
        let end = hex_bytes(text, at + colon + 1, |_| ())?;
        return Ok((Form::Hex(number), end));
    }
    Err((at, "neither text, dword:, hex: nor -"))
}

/// The value that this data stands for. The data has been scanned.
pub(super) fn read(dialect: Dialect, form: Form, data: &[u8]) -> Option<Value> {
    match form {
        Form::Delete => None,
        Form::Text => {
            let units = encoding::units(dialect.encoding, &unescape(data.get(1..data.len().checked_sub(1)?)?));
            Some(Value { kind: ValueKind::Sz, data: bytes_of(units.into_iter().chain([0])) })
        }
        Form::Dword => {
            let digits = std::str::from_utf8(data.get(6..)?).ok()?;
            Some(Value::dword(u32::from_str_radix(digits, 16).ok()?))
        }
        Form::Hex(number) => {
            let (_, colon) = hex_head(data)?;
            let mut bytes = Vec::with_capacity(data.len() / 3);
            hex_bytes(data, colon + 1, |byte| bytes.push(byte)).ok()?;
            if dialect.old && is_text(number) {
                bytes = bytes_of(encoding::units(Encoding::Eight { mark: false }, &bytes).into_iter());
            }
            Some(Value { kind: ValueKind::from_number(number), data: bytes })
        }
    }
}

/// The data as this file writes it, long ones over several lines. `column` is where the data begins.
pub(super) fn print(dialect: Dialect, value: &Value, column: usize, eol: &[u8]) -> Result<Vec<u8>, &'static str> {
    const UNKNOWN: &str = "this file is in an old code page, only ASCII text can be written to it";
    if let Some(text) = plain_text(value) {
        if dialect.ascii_only && !text.is_ascii() {
            return Err(UNKNOWN);
        }
        return Ok(format!("\"{}\"", escape(&text)).into_bytes());
    }
    if let Some(number) = value.as_dword() {
        return Ok(format!("dword:{number:08x}").into_bytes());
    }
    let number = value.kind.number();
    let narrow: Vec<u8>;
    let bytes = if dialect.old && is_text(number) {
        if !value.data.len().is_multiple_of(2) || value.data.chunks_exact(2).any(|unit| unit[1] != 0 || unit[0] > 127) {
            return Err(UNKNOWN);
        }
        narrow = value.data.iter().step_by(2).copied().collect();
        &narrow
    } else {
        &value.data
    };
    Ok(hex_list(number, bytes, Some((column, eol))))
}

/// The canonical text of a value, on one line, as regedit 5 writes it.
pub fn value_to_raw(value: &Value) -> String {
    if let Some(text) = plain_text(value) {
        return format!("\"{}\"", escape(&text));
    }
    if let Some(number) = value.as_dword() {
        return format!("dword:{number:08x}");
    }
    hex_list(value.kind.number(), &value.data, None).into_iter().map(char::from).collect()
}

/// Reads what [`value_to_raw`] writes (and every other way regedit 5 understands). `None` if it is something else.
pub fn raw_to_value(raw: &str) -> Option<Value> {
    let dialect = Dialect { encoding: Encoding::Eight { mark: false }, old: false, ascii_only: false };
    let (form, end) = scan(raw.as_bytes(), 0).ok()?;
    if end != raw.len() { None } else { read(dialect, form, raw.as_bytes()) }
}

/// A value's name as it stands before `=`; `@` for the default value.
pub fn name_to_raw(name: &str) -> String {
    if name.is_empty() { "@".to_owned() } else { format!("\"{}\"", escape(name)) }
}

/// `text` between quotes, as names and texts are written.
pub(super) fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// What [`escape`] did, taken back. Wine also writes line ends that way; Windows writes them as they are.
pub(super) fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = match (byte, bytes.peek()) {
            (b'\\', Some(b'\\')) => Some(b'\\'),
            (b'\\', Some(b'"')) => Some(b'"'),
            (b'\\', Some(b'n')) => Some(b'\n'),
            (b'\\', Some(b'r')) => Some(b'\r'),
            _ => None,
        };
        if escaped.is_some() {
            bytes.next();
        }
        out.push(escaped.unwrap_or(byte));
    }
    out
}

/// Text that can stand between quotes on one line: closed by its only NUL, without line ends.
fn plain_text(value: &Value) -> Option<String> {
    if value.kind != ValueKind::Sz || !value.data.len().is_multiple_of(2) {
        return None;
    }
    let units: Vec<u16> = value.data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let (&last, units) = units.split_last()?;
    let text = String::from_utf16(units).ok()?;
    (last == 0 && !text.contains(['\0', '\r', '\n'])).then_some(text)
}

fn is_text(number: u32) -> bool {
    matches!(number, 1 | 2 | 7)
}

fn bytes_of(units: impl Iterator<Item = u16>) -> Vec<u8> {
    units.flat_map(u16::to_le_bytes).collect()
}

fn starts_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Type number and place of the colon of `hex:` and `hex(n):`.
fn hex_head(text: &[u8]) -> Option<(u32, usize)> {
    match text.get(3)? {
        b':' => Some((3, 3)),
        b'(' => {
            let close = text.iter().take(16).position(|&b| b == b')')?;
            let digits = std::str::from_utf8(text.get(4..close)?).ok()?;
            let number =
                digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())??;
            (text.get(close + 1) == Some(&b':')).then_some((number, close + 1))
        }
        _ => None,
    }
}

/// Walks the bytes of a hex list that may go on over several lines. Returns its end.
fn hex_bytes(text: &[u8], mut at: usize, mut each: impl FnMut(u8)) -> Result<usize, (usize, &'static str)> {
    let mut end = at;
    loop {
        at = skip_blanks(text, at);
        match text.get(at) {
            Some(b'\\') => {
                let after = skip_blanks(text, at + 1);
                if !matches!(text.get(after), Some(b'\n' | b';')) {
                    return Err((at, "a backslash that does not end the line"));
                }
                at = next_line(text, after);
            }
            Some(byte) if byte.is_ascii_hexdigit() => {
                let digits = text[at..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
                let number =
                    std::str::from_utf8(&text[at..at + digits]).ok().and_then(|d| u8::from_str_radix(d, 16).ok());
                each(number.filter(|_| digits <= 2).ok_or((at, "a byte of more than two digits"))?);
                end = at + digits;
                at = skip_blanks(text, end);
                if text.get(at) != Some(&b',') {
                    return Ok(end);
                }
                at += 1;
                end = at;
            }
            _ => return Ok(end),
        }
    }
}

fn hex_list(number: u32, bytes: &[u8], wrap: Option<(usize, &[u8])>) -> Vec<u8> {
    let mut out = if number == 3 { b"hex:".to_vec() } else { format!("hex({number:x}):").into_bytes() };
    let mut column = wrap.map_or(0, |(start, _)| start + out.len());
    for (n, byte) in bytes.iter().enumerate() {
        out.extend_from_slice(format!("{byte:02x}").as_bytes());
        if n + 1 == bytes.len() {
            break;
        }
        out.push(b',');
        column += 3;
        if let Some((_, eol)) = wrap
            && column > WRAP
        {
            out.push(b'\\');
            out.extend_from_slice(eol);
            out.extend_from_slice(b"  ");
            column = 2;
        }
    }
    out
}
