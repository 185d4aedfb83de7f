//! The OS keychain: Credential Manager, Keychain, Secret Service; and a twin in memory.
//! Every call may block (the system may ask the user to unlock): from async code use `spawn_blocking`.

use secrecy::SecretString;

mod bounded;
mod keychain;
mod memory;

pub use keychain::{Keychain, Unlock};
pub use memory::MemorySecrets;

/// What went wrong with the keychain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretsError {
    /// There is no keychain here: no Secret Service on this session's bus, for instance.
    #[error("this machine has no keychain that port26 can reach: {why}")]
    NoKeychain {
        /// What the system said.
        why: String,
    },
    /// It is locked, or the user said no, or it gave no answer: another item would be refused as well.
    #[error("the keychain refused {service}/{account}: {why}")]
    Refused {
        /// Service of the item.
        service: String,
        /// Account of the item.
        account: String,
        /// What the system said.
        why: String,
    },
    /// This one item is of no use: there are two, it is empty, it is not text.
    #[error("the keychain's {service}/{account} cannot be used: {why}")]
    Unusable {
        /// Service of the item.
        service: String,
        /// Account of the item.
        account: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Keeping and finding passwords.
pub trait Secrets: Send + Sync {
    /// The password kept for this service and account; `None` if there is none. Other programs may have made the item: a
    /// line end behind the password, as `echo` leaves it, is not part of it.
    fn get(&self, service: &str, account: &str) -> Result<Option<SecretString>, SecretsError>;
    /// Keeps a password, replacing the one that is there.
    fn set(&self, service: &str, account: &str, password: &SecretString) -> Result<(), SecretsError>;
    /// Forgets it. Returns whether there was one.
    fn forget(&self, service: &str, account: &str) -> Result<bool, SecretsError>;
}
