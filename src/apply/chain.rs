//! The check at the end of each line of a journal: over the text of the line and the check of the line before it. A line
//! that was changed, lost, doubled or moved is noticed by it. It is no signature: whoever may write the file can make it anew.

use sha2::{Digest, Sha256};

/// What stands before the check, and after it.
const LEAD: &[u8] = b",\"check\":\"";
const TAIL: &[u8] = b"\"}";
/// A SHA-256 as hexadecimal digits.
const DIGITS: usize = 64;

/// The check of a line; that of the next one rests on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check(Vec<u8>);

impl Check {
    /// What the first line rests on.
    pub(super) fn first() -> Self {
        Self(Vec::new())
    }

    /// The check that a line carries, whether it holds or not.
    pub(super) fn carried_by(line: &[u8]) -> Option<Self> {
        parts(line).map(|(_, check)| Self(check.to_vec()))
    }

    /// The line for this JSON object, and its check.
    pub(super) fn seal(&self, object: &str) -> (Vec<u8>, Self) {
        self.seal_anew(object.as_bytes())
    }

    /// The check of the line after this one; `None`: it is not the line that was written there.
    pub(super) fn next(&self, line: &[u8]) -> Option<Self> {
        let (open, carried) = parts(line)?;
        let check = self.over(open);
        (check.0 == carried).then_some(check)
    }

    /// A line of whatever text, with the check that it would have here.
    pub(super) fn seal_anew(&self, line: &[u8]) -> (Vec<u8>, Self) {
        let open = match parts(line) {
            Some((open, _)) => open,
            None => line.strip_suffix(b"}").unwrap_or(line),
        };
        let check = self.over(open);
        ([open, LEAD, &check.0, TAIL].concat(), check)
    }

    fn over(&self, open: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(&self.0).chain_update(b"\n").chain_update(open).finalize();
        Self(hex::encode(digest).into_bytes())
    }
}

/// A line as the object without its closing brace, and the digits of its check.
fn parts(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, digits) = line.strip_suffix(TAIL)?.split_last_chunk::<DIGITS>()?;
    Some((rest.strip_suffix(LEAD)?, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_readable_and_any_other_in_its_place_is_noticed() {
        let (first, check) = Check::first().seal(r#"{"record":"begin","n":1}"#);
        let (second, _) = check.seal(r#"{"record":"done"}"#);
        let read: serde_json::Value = serde_json::from_slice(&first).unwrap();
        assert_eq!((&read["record"], &read["n"]), (&"begin".into(), &1.into()));
        assert_eq!(Check::first().next(&first), Some(check.clone()));
        assert_eq!(Check::carried_by(&first), Some(check.clone()));
        assert!(check.next(&second).is_some());
        assert_eq!(Check::first().next(&second), None, "the line before it is gone");
        assert_eq!(check.next(&first), None, "it stands there twice");
        for at in 0..first.len() {
            for bit in 0..8 {
                let mut flipped = first.clone();
                flipped[at] ^= 1 << bit;
                assert_eq!(Check::first().next(&flipped), None, "bit {bit} of byte {at}");
            }
        }
    }
}
