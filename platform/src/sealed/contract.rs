//! What every seal must do, as one test that runs on each of them.

use secrecy::ExposeSecret;

use super::{Seal, SealError};

/// Checks a seal: what was sealed comes back, and nothing else is opened. Panics with what is wrong.
pub fn check(seal: &dyn Seal) {
    for plain in [&b"K"[..], b"Kiezel:1907", &[0; 64], &[0xFF; 3], &vec![7; 5000]] {
        let sealed = seal.seal(plain).unwrap_or_else(|error| panic!("{error}"));
        assert!(plain.len() < 8 || !sealed.windows(plain.len()).any(|part| part == plain), "it lies open");
        let opened = seal.open(&sealed).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(opened.expose_secret(), plain);
        assert!(!format!("{opened:?}").contains("1907"), "Debug shows it");

        refused(seal, &sealed[..sealed.len() - 1], "cut at the end");
        refused(seal, &sealed[1..], "cut at the beginning");
        // The body, away from descriptions that may lie about freely.
        for at in [sealed.len() - 1, sealed.len() - 10] {
            let mut other = sealed.clone();
            other[at] ^= 1;
            refused(seal, &other, "changed");
        }
    }
    refused(seal, &[], "empty");
    refused(seal, b"not sealed at all", "something else");
}

fn refused(seal: &dyn Seal, sealed: &[u8], what: &str) {
    assert!(matches!(seal.open(sealed), Err(SealError::Refused { .. })), "{what}: it was opened");
}
