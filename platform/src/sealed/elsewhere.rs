//! macOS and Linux seal nothing for a user but by their keychains.

use secrecy::SecretSlice;

use super::SealError;

pub(super) fn open(_sealed: &[u8]) -> Result<SecretSlice<u8>, SealError> {
    Err(SealError::NotHere)
}

pub(super) fn seal(_plain: &[u8]) -> Result<Vec<u8>, SealError> {
    Err(SealError::NotHere)
}

#[cfg(test)]
mod tests {
    use super::super::{Seal, UserSeal};
    use super::*;

    #[test]
    fn says_that_it_cannot() {
        assert_eq!(UserSeal.open(b"x").unwrap_err(), SealError::NotHere);
        assert_eq!(UserSeal.seal(b"x").unwrap_err(), SealError::NotHere);
    }
}
