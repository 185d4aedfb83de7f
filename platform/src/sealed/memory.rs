//! A seal for tests: keeps what it sealed in itself, and gives out tickets. One seal is one user.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretSlice};

use super::{Seal, SealError};

/// Tells the tickets of one seal from those of another.
static SEALS: AtomicU64 = AtomicU64::new(0);

/// What a real seal's blob is longer than its content, about.
const TICKET: usize = 32;

/// The seal of an invented user.
#[derive(Debug)]
pub struct MemorySeal {
    user: u64,
    sealed: Mutex<HashMap<Vec<u8>, SecretSlice<u8>>>,
}

impl Default for MemorySeal {
    fn default() -> Self {
        Self { user: SEALS.fetch_add(1, Ordering::Relaxed), sealed: Mutex::default() }
    }
}

impl MemorySeal {
    /// The seal of a user of their own.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, SecretSlice<u8>>> {
        // A panic elsewhere leaves whole entries behind: each is added in one step.
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seal for MemorySeal {
    fn open(&self, sealed: &[u8]) -> Result<SecretSlice<u8>, SealError> {
        let refused = || SealError::Refused { why: "the data is invalid".to_owned() };
        let copy = |plain: &SecretSlice<u8>| SecretSlice::from(plain.expose_secret().to_vec());
        self.lock().get(sealed).map(copy).ok_or_else(refused)
    }

    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut all = self.lock();
        let number = all.len() as u64;
        let ticket: Vec<u8> = [b"sealed..".as_slice(), &self.user.to_le_bytes(), &number.to_le_bytes()].concat();
        let ticket: Vec<u8> = ticket.into_iter().cycle().take(TICKET).collect();
        all.insert(ticket.clone(), SecretSlice::from(plain.to_vec()));
        Ok(ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract;
    use super::*;

    #[test]
    fn keeps_the_contract() {
        contract::check(&MemorySeal::new());
    }

    #[test]
    fn another_user_opens_nothing() {
        let sealed = MemorySeal::new().seal(b"Kiezel:1907").unwrap();
        assert!(MemorySeal::new().open(&sealed).is_err());
    }
}
