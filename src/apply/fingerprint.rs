//! What a file's content is recognised by.

use sha2::{Digest, Sha256};

pub(super) fn fingerprint(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
