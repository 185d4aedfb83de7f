//! Whole property lists as values, for files that port26 only reads. Checked by our own reader first: the library
//! writes shared values out wherever they are used, so a few hundred bytes can ask for more memory than there is.

use std::io::Cursor;

use super::FormatError;
use super::plist_doc::PlistDoc;

/// Larger is no list of settings.
pub const MOST_BYTES: usize = 256 * 1024;

/// The same, with every value written out.
const MOST_WRITTEN_OUT: usize = 16 * MOST_BYTES;

/// Reads a property list, XML or binary.
pub fn read(bytes: &[u8]) -> Result<plist::Value, FormatError> {
    let malformed = |offset, why| FormatError::Malformed { format: "property list", offset, why };
    if bytes.len() > MOST_BYTES {
        return Err(malformed(MOST_BYTES, "it is larger than settings are".to_owned()));
    }
    PlistDoc::parse(bytes)?.must_fit(MOST_WRITTEN_OUT).map_err(|error| match error {
        FormatError::Refused { why, .. } => malformed(0, why),
        other => other,
    })?;
    plist::Value::from_reader(Cursor::new(bytes)).map_err(|error| malformed(0, error.to_string()))
}

#[cfg(test)]
mod tests {
    use plist::Value;

    use super::*;

    /// `[[..[x, x].., ..], ..]`: each object is used twice by the next one.
    fn bomb(levels: u8, core: &[u8]) -> Vec<u8> {
        let mut bytes = b"bplist00".to_vec();
        let mut table = Vec::new();
        for level in 0..levels {
            table.extend((bytes.len() as u32).to_be_bytes());
            bytes.extend([0xa2, level + 1, level + 1]);
        }
        table.extend((bytes.len() as u32).to_be_bytes());
        bytes.extend(core);
        let at = bytes.len() as u64;
        bytes.extend(table);
        bytes.extend([0, 0, 0, 0, 0, 0, 4, 1]);
        bytes.extend([u64::from(levels) + 1, 0, at].map(u64::to_be_bytes).concat());
        bytes
    }

    #[test]
    fn both_forms_are_read() {
        let value = Value::Array(vec![Value::from("26"), Value::from(26), Value::from(true)]);
        let (mut xml, mut binary) = (Vec::new(), Vec::new());
        value.to_writer_xml(&mut xml).unwrap();
        value.to_writer_binary(&mut binary).unwrap();
        assert_eq!(read(&xml), Ok(value.clone()));
        assert_eq!(read(&binary), Ok(value));
        let small = read(&bomb(3, b"\x5225")).unwrap();
        assert_eq!(small.as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn a_small_file_that_stands_for_a_huge_list_is_refused() {
        let long = [&b"\x5f\x12\0\x03\0\0"[..], &vec![b'x'; 0x3_0000]].concat();
        for bytes in [bomb(60, b"\x5225"), bomb(6, &long), bomb(101, b"\xa0")] {
            let error = read(&bytes).unwrap_err().to_string();
            assert!(error.contains("too large") || error.contains("too deep"), "{error}");
        }
        let deep = ["<plist>", &"<array>".repeat(15_000), &"</array>".repeat(15_000), "</plist>"].concat();
        assert!(read(deep.as_bytes()).unwrap_err().to_string().contains("too deep"));
        assert!(read(&vec![b' '; MOST_BYTES + 1]).unwrap_err().to_string().contains("larger"));
    }

    #[test]
    fn what_is_no_property_list_is_an_error() {
        for bytes in [&b""[..], b"bplist00", b"<plist>", b"{ a = 1; }", b"\0\0\0\0"] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
    }
}
