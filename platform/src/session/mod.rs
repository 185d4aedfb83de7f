//! Whose eyes this process looks with: a user's, or those of the computer itself (SYSTEM on Windows, root on macOS), which
//! has settings of its own and not the user's; who sits at the computer; and running this same command as they.

#[cfg(not(any(windows, target_os = "macos")))]
mod elsewhere;
#[cfg(any(target_os = "macos", test))]
mod macos;
mod memory;
#[cfg(windows)]
mod windows;

#[cfg(not(any(windows, target_os = "macos")))]
use elsewhere as system;
#[cfg(target_os = "macos")]
use macos as system;
#[cfg(windows)]
use windows as system;

pub use memory::MemorySessions;

/// Who runs this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Me {
    /// A user. On Linux root too: whoever becomes root there means to be.
    User,
    /// The computer: SYSTEM and the other accounts of services on Windows, root on macOS. Management tools run things so.
    System,
}

/// Somebody who is logged in and sits at the computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The user's short name.
    pub name: String,
    /// On Windows the number of the session, on macOS that of the user.
    pub number: u32,
}

/// Why the session of the person at the computer could not be found or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The system does not tell who is logged in.
    #[error("who is logged in cannot be told: {why}")]
    Unknown {
        /// What the system said.
        why: String,
    },
    /// The command could not be started in that session.
    #[error("it could not be run in the session of the user who is logged in: {why}")]
    Refused {
        /// What the system said.
        why: String,
    },
}

/// The sessions of a computer.
pub trait Sessions: Send + Sync {
    /// Who runs this process.
    fn me(&self) -> Me;
    /// The person at the computer; `None`: nobody is logged in there.
    fn at_the_computer(&self) -> Result<Option<Person>, SessionError>;
    /// Runs this same command, with the same arguments and streams, in that person's session and waits for its end. Its
    /// exit code. With `given`, that is its standard input, and ours stays here.
    fn run_again_as(&self, person: &Person, given: Option<&[u8]>) -> Result<u32, SessionError>;
}

/// The computer that this process runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThisComputer;

impl Sessions for ThisComputer {
    fn me(&self) -> Me {
        system::me()
    }

    fn at_the_computer(&self) -> Result<Option<Person>, SessionError> {
        system::at_the_computer()
    }

    fn run_again_as(&self, person: &Person, given: Option<&[u8]>) -> Result<u32, SessionError> {
        system::run_again_as(person, given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Under Wine and on Linux; on a Mac only for who is not root.
    #[test]
    fn whoever_runs_the_tests_is_a_user_and_looking_breaks_nothing() {
        if cfg!(not(target_os = "macos")) {
            assert_eq!(ThisComputer.me(), Me::User);
        }
        let seen = ThisComputer.at_the_computer();
        println!("at the computer: {seen:?}");
        if let Ok(Some(person)) = seen {
            assert!(!person.name.is_empty());
        }
    }
}
