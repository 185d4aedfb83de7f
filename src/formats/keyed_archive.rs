//! Values that Foundation's `NSKeyedArchiver` wraps into a binary property list: `$top.root` points into `$objects`.
//! Read only, and only scalars: texts, numbers and switches.

use plist::Value;

use super::{FormatError, plist_value};

/// What is inside. `None`: something else than a scalar.
pub fn scalar(bytes: &[u8]) -> Result<Option<Value>, FormatError> {
    let whole = plist_value::read(bytes)?;
    let Some(archive) = whole.as_dictionary().filter(|archive| archive.contains_key("$archiver")) else {
        return Ok(plain(&whole));
    };
    let malformed = |why: &str| FormatError::Malformed { format: "keyed archive", offset: 0, why: why.to_owned() };
    if archive.get("$archiver").and_then(Value::as_string) != Some("NSKeyedArchiver") {
        return Err(malformed("it is of another archiver"));
    }
    let objects = archive.get("$objects").and_then(Value::as_array).ok_or_else(|| malformed("it has no objects"))?;
    let top = archive.get("$top").and_then(Value::as_dictionary);
    let root =
        top.and_then(|top| top.get("root")).and_then(Value::as_uid).ok_or_else(|| malformed("it has no root"))?;
    let at = |uid: &plist::Uid| {
        let place = usize::try_from(uid.get()).ok();
        place.and_then(|place| objects.get(place)).ok_or_else(|| malformed("its root is not there"))
    };
    let object = at(root)?;
    // A text that could be changed is an object of its own.
    Ok(match object.as_dictionary().and_then(|object| object.get("NS.string")) {
        Some(Value::Uid(uid)) => plain(at(uid)?),
        Some(text) => plain(text),
        None => plain(object),
    })
}

fn plain(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if text == "$null" => None,
        Value::String(_) | Value::Integer(_) | Value::Boolean(_) | Value::Real(_) => Some(value.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive as Foundation writes it, by hand: the integer in so many bytes, the top keys in either order.
    fn archive(root: &[u8], archiver_first: bool) -> Vec<u8> {
        let text = |text: &str| [&[0x5f, 0x10, text.len() as u8], text.as_bytes()].concat();
        let keys: [(Vec<u8>, Vec<u8>); 4] = [
            (text("$version"), vec![0x12, 0x00, 0x01, 0x86, 0xa0]),
            (text("$archiver"), text("NSKeyedArchiver")),
            (text("$top"), vec![0xd1, 9, 10]),
            (text("$objects"), vec![0xa2, 11, 12]),
        ];
        let order = if archiver_first { [1, 3, 2, 0] } else { [0, 1, 2, 3] };
        let mut objects = vec![[&[0xd4][..], &[1, 2, 3, 4, 5, 6, 7, 8]].concat()];
        objects.extend(order.map(|at: usize| keys[at].0.clone()));
        objects.extend(order.map(|at: usize| keys[at].1.clone()));
        objects.extend([text("root"), vec![0x80, 1], text("$null"), root.to_vec()]);
        let mut bytes = b"bplist00".to_vec();
        let mut table = Vec::new();
        for object in &objects {
            table.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
            bytes.extend(object);
        }
        let at = bytes.len() as u64;
        bytes.extend(table);
        bytes.extend([0, 0, 0, 0, 0, 0, 2, 1]);
        bytes.extend([objects.len() as u64, 0, at].map(u64::to_be_bytes).concat());
        bytes
    }

    #[test]
    fn numbers_of_every_size_in_both_orders() {
        let sizes: [&[u8]; 5] = [
            &[0x10, 25],
            &[0x11, 0, 25],
            &[0x12, 0, 0, 0, 25],
            &[0x13, 0, 0, 0, 0, 0, 0, 0, 25],
            &[0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25],
        ];
        for first in [false, true] {
            for size in sizes {
                let value = scalar(&archive(size, first)).unwrap_or_else(|error| panic!("{size:?}: {error}"));
                assert_eq!(value.and_then(|value| value.as_unsigned_integer()), Some(25), "{size:?} {first}");
            }
            assert_eq!(scalar(&archive(&[0x11, 0x02, 0x4b], first)).unwrap(), Some(Value::from(587)));
            assert_eq!(scalar(&archive(&[0x09], first)).unwrap(), Some(Value::Boolean(true)));
            assert_eq!(scalar(&archive(b"\x5225", first)).unwrap(), Some(Value::from("25")));
            // $null, and a list.
            assert_eq!(scalar(&archive(b"\x55$null", first)).unwrap(), None);
            assert_eq!(scalar(&archive(&[0xa0], first)).unwrap(), None);
        }
    }

    #[test]
    fn others_are_refused() {
        assert!(scalar(b"").is_err());
        assert!(scalar(b"bplist00 and no more").is_err());
        let whole = archive(&[0x10, 25], false);
        for length in 0..whole.len() {
            assert!(scalar(&whole[..length]).is_err(), "{length}");
        }
        // The root points beyond the objects.
        let at = whole.windows(2).position(|pair| pair == [0x80, 1]).unwrap();
        let mut wild = whole;
        wild[at + 1] = 7;
        assert!(scalar(&wild).is_err());
    }
}
