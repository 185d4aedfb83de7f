//! How the bytes of a `.reg` file become the text that is parsed, and back, exactly.
//! Inside, text is bytes in which all syntax is ASCII: a UTF-16 file becomes UTF-8 in which a lone surrogate has its
//! three bytes (so nothing is lost), an 8-bit file stays as it is, whatever its code page.

/// How the file spells characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-16LE.
    Utf16 {
        /// Begins with a byte order mark.
        mark: bool,
    },
    /// UTF-8 or an old code page.
    Eight {
        /// Begins with a byte order mark.
        mark: bool,
    },
}

const MARK_16: &[u8] = &[0xFF, 0xFE];
const MARK_8: &[u8] = &[0xEF, 0xBB, 0xBF];

/// The encoding and the text inside. Errs with why not.
pub(super) fn decode(bytes: &[u8]) -> Result<(Encoding, Vec<u8>), &'static str> {
    let utf16 = |body: &[u8], mark| {
        if !body.len().is_multiple_of(2) {
            return Err("UTF-16 with an odd number of bytes");
        }
        let mut text = Vec::with_capacity(body.len() / 2 + 16);
        let units = body.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        push_units(units, &mut text);
        Ok((Encoding::Utf16 { mark }, text))
    };
    if let Some(body) = bytes.strip_prefix(MARK_16) {
        utf16(body, true)
    } else if bytes.len() >= 2 && bytes[0] != 0 && bytes[1] == 0 {
        utf16(bytes, false)
    } else if let Some(body) = bytes.strip_prefix(MARK_8) {
        Ok((Encoding::Eight { mark: true }, body.to_vec()))
    } else {
        Ok((Encoding::Eight { mark: false }, bytes.to_vec()))
    }
}

/// The byte order mark with which a file of this encoding begins.
pub(super) fn begin(encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Utf16 { mark: true } => MARK_16.to_vec(),
        Encoding::Eight { mark: true } => MARK_8.to_vec(),
        _ => Vec::new(),
    }
}

/// Adds a piece of text as the file spells it.
pub(super) fn append(encoding: Encoding, text: &[u8], out: &mut Vec<u8>) {
    match encoding {
        Encoding::Utf16 { .. } => {
            out.reserve(text.len() * 2);
            for_each_unit(text, |unit| out.extend_from_slice(&unit.to_le_bytes()));
        }
        Encoding::Eight { .. } => out.extend_from_slice(text),
    }
}

/// The UTF-16 units of a piece of text, as the registry holds strings.
pub(super) fn units(encoding: Encoding, text: &[u8]) -> Vec<u16> {
    let mut units = Vec::with_capacity(text.len());
    match encoding {
        Encoding::Eight { .. } if std::str::from_utf8(text).is_err() => {
            units.extend(text.iter().map(|&b| u16::from(b)))
        }
        _ => for_each_unit(text, |unit| units.push(unit)),
    }
    units
}

/// A piece of text for people and for comparing names. Text in an unknown code page is read as Latin-1.
pub(super) fn string(encoding: Encoding, text: &[u8]) -> String {
    match (std::str::from_utf8(text), encoding) {
        (Ok(text), _) => text.to_owned(),
        (Err(_), Encoding::Eight { .. }) => text.iter().map(|&b| char::from(b)).collect(),
        (Err(_), Encoding::Utf16 { .. }) => String::from_utf16_lossy(&units(encoding, text)),
    }
}

fn push_units(units: impl Iterator<Item = u16>, text: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    for decoded in char::decode_utf16(units) {
        match decoded {
            Ok(c) => text.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()),
            Err(lone) => {
                let unit = lone.unpaired_surrogate();
                text.extend_from_slice(&[0xE0 | (unit >> 12) as u8, continuation(unit >> 6), continuation(unit)]);
            }
        }
    }
}

fn continuation(bits: u16) -> u8 {
    0x80 | (bits & 0x3F) as u8
}

/// Text here is UTF-8, but for lone surrogates: lead bytes tell the length.
fn for_each_unit(text: &[u8], mut each: impl FnMut(u16)) {
    let mut at = 0;
    while let Some(&lead) = text.get(at) {
        let (length, first) = match lead {
            0..0x80 => (1, u32::from(lead)),
            0x80..0xE0 => (2, u32::from(lead & 0x1F)),
            0xE0..0xF0 => (3, u32::from(lead & 0x0F)),
            _ => (4, u32::from(lead & 0x07)),
        };
        let tail = text.get(at + 1..at + length).unwrap_or_default();
        let code = tail.iter().fold(first, |code, &b| code << 6 | u32::from(b & 0x3F));
        if code < 0x1_0000 {
            each(code as u16);
        } else {
            each(0xD800 + ((code - 0x1_0000) >> 10) as u16);
            each(0xDC00 + (code & 0x3FF) as u16);
        }
        at += length;
    }
}
