//! Data that programs seal for the user who runs them, so that no other user and no other computer can open it: DPAPI on
//! Windows. No window ever opens. Elsewhere a face that says it cannot; a twin in memory for tests.

use secrecy::SecretSlice;

#[doc(hidden)]
pub mod contract;
#[cfg(not(windows))]
mod elsewhere;
mod memory;
#[cfg(windows)]
mod windows;

#[cfg(not(windows))]
use elsewhere as system;
#[cfg(windows)]
use windows as system;

pub use memory::MemorySeal;

/// Why data was not sealed or not opened. Never shows any of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// This system seals nothing for its users.
    #[error("only Windows can open what Windows sealed for a user")]
    NotHere,
    /// Sealed for another user or on another computer, or not as it was when it was sealed.
    #[error("Windows does not open it for this user ({why})")]
    Refused {
        /// What the system said.
        why: String,
    },
}

/// Sealing for the running user, and opening again.
pub trait Seal: Send + Sync {
    /// Opens what was sealed for this user, without any question. What comes out is wiped when it is dropped.
    fn open(&self, sealed: &[u8]) -> Result<SecretSlice<u8>, SealError>;
    /// Seals for this user.
    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, SealError>;
}

/// The running user's own seal.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserSeal;

impl Seal for UserSeal {
    fn open(&self, sealed: &[u8]) -> Result<SecretSlice<u8>, SealError> {
        system::open(sealed)
    }

    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        system::seal(plain)
    }
}
