//! What a ciphertext of NSS tells without the key: how long the text may be. Two user names of different lengths can so be
//! told apart, and nothing else is.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How many bytes NSS encrypted: of `SEQUENCE { key id, SEQUENCE { cipher, iv }, text }` the last part is filled up to the
/// next whole block, of which it always adds some. 3DES has blocks of 8 bytes, AES of 16, and so have their ivs.
pub(super) fn plain_bytes(ciphertext: &str) -> Option<RangeInclusive<usize>> {
    let der = STANDARD.decode(ciphertext).ok()?;
    let (whole, _) = element(&der, 0x30)?;
    let (_key, rest) = element(whole, 0x04)?;
    let (cipher, rest) = element(rest, 0x30)?;
    let (_name, parameters) = element(cipher, 0x06)?;
    let (iv, _) = element(parameters, 0x04)?;
    let (text, _) = element(rest, 0x04)?;
    let (block, length) = (iv.len(), text.len());
    let fits = matches!(block, 8 | 16) && length > 0 && length % block == 0;
    fits.then(|| length - block..=length - 1)
}

/// The DER element at the beginning, and what comes behind it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 | 0x82 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (bytes.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), rest)
        }
        _ => return None,
    };
    (first == tag).then(|| rest.split_at_checked(length)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by Thunderbird 153.8, which has AES.
    #[test]
    fn the_length_is_known_to_a_block() {
        for (ciphertext, bytes) in [
            // "", "jan", "jan@hosting.example"
            (
                "MEMEEPgAAAAAAAAAAAAAAAAAAAEwHQYJYIZIAWUDBAEqBBCc3uN6aacrUbH24OaYxHlJBBCsYFA/oYm/oqGmVuTxmgum",
                Some(0..=15),
            ),
            (
                "MEMEEPgAAAAAAAAAAAAAAAAAAAEwHQYJYIZIAWUDBAEqBBCZvUfXuh6CZvBH3VVXAxanBBAGqTR4EDIMzYZDPm+qsUT5",
                Some(0..=15),
            ),
            (
                "MFMEEPgAAAAAAAAAAAAAAAAAAAEwHQYJYIZIAWUDBAEqBBCtIfuUyqMnJXui4xnyIzY+BCCn4jI8k10s0y+SBYHhy4Gf1fxvBUnc1hnpj+3Kp0aVZw==",
                Some(16..=31),
            ),
            ("not a ciphertext", None),
            ("", None),
            ("MEMEEPgA", None),
        ] {
            assert_eq!(plain_bytes(ciphertext), bytes, "{ciphertext}");
        }
    }

    /// As older versions wrote it, with 3DES: 8 bytes of iv, 16 of text.
    #[test]
    fn blocks_of_older_versions_are_smaller() {
        let mut old = vec![0x30, 0x3a, 0x04, 0x10];
        old.extend([0xf8; 16]);
        old.extend([0x30, 0x14, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x03, 0x07, 0x04, 0x08]);
        old.extend([1; 8]);
        old.extend([0x04, 0x10]);
        old.extend([2; 16]);
        assert_eq!(plain_bytes(&STANDARD.encode(&old)), Some(8..=15));
        old.truncate(old.len() - 1);
        assert_eq!(plain_bytes(&STANDARD.encode(&old)), None);
    }
}
