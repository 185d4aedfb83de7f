//! The sessions of an invented computer, for tests.

use std::sync::{Mutex, PoisonError};

use super::{Me, Person, SessionError, Sessions};

/// An invented computer.
#[derive(Debug)]
pub struct MemorySessions {
    /// Who runs this process.
    pub me: Me,
    /// Who sits there.
    pub person: Result<Option<Person>, SessionError>,
    /// How the command ends in their session.
    pub ends: Result<u32, SessionError>,
    ran: Mutex<Vec<Person>>,
    given: Mutex<Vec<Option<String>>>,
}

impl MemorySessions {
    /// A computer where commands end well.
    pub fn new(me: Me, person: Option<Person>) -> Self {
        Self { me, person: Ok(person), ends: Ok(0), ran: Mutex::default(), given: Mutex::default() }
    }

    /// What the commands were given on standard input in place of our own.
    pub fn given(&self) -> Vec<Option<String>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As whom the command was run again.
    pub fn ran(&self) -> Vec<Person> {
        self.ran.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sessions for MemorySessions {
    fn me(&self) -> Me {
        self.me
    }

    fn at_the_computer(&self) -> Result<Option<Person>, SessionError> {
        self.person.clone()
    }

    fn run_again_as(&self, person: &Person, given: Option<&[u8]>) -> Result<u32, SessionError> {
        let given = given.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        self.given.lock().unwrap_or_else(PoisonError::into_inner).push(given);
        self.ran.lock().unwrap_or_else(PoisonError::into_inner).push(person.clone());
        self.ends.clone()
    }
}
