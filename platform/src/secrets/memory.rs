//! A keychain that forgets everything at the end of the run: for tests and for the rehearsal.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;

use super::{Secrets, SecretsError};

type Items = HashMap<(String, String), SecretString>;

/// Passwords in memory, behind the same trait as the keychain.
#[derive(Debug, Default)]
pub struct MemorySecrets {
    items: Mutex<Items>,
}

impl MemorySecrets {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many passwords it holds.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Does it hold none?
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Items> {
        // A panic elsewhere leaves whole items behind: each is replaced in one step.
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Secrets for MemorySecrets {
    fn get(&self, service: &str, account: &str) -> Result<Option<SecretString>, SecretsError> {
        Ok(self.lock().get(&(service.to_owned(), account.to_owned())).cloned())
    }

    fn set(&self, service: &str, account: &str, password: &SecretString) -> Result<(), SecretsError> {
        self.lock().insert((service.to_owned(), account.to_owned()), password.clone());
        Ok(())
    }

    fn forget(&self, service: &str, account: &str) -> Result<bool, SecretsError> {
        Ok(self.lock().remove(&(service.to_owned(), account.to_owned())).is_some())
    }
}
