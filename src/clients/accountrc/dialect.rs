//! What one program makes of `accountrc` differently from the other, as plain data.

use std::ops::RangeInclusive;

use super::rc::Keys;
use crate::account::{ClientId, Mechanism};

/// One program's way to read and write the file.
#[derive(Debug)]
pub(in crate::clients) struct Dialect {
    pub client: ClientId,
    /// What it is called by people, and what its one profile is called: all accounts lie in one file and are written in one
    /// transaction.
    pub name: &'static str,
    pub keys: Keys,
    /// Its file of marks beside the messages of a folder.
    pub marks: &'static str,
    /// The numbers of `smtp_auth_method` by which it logs in: one of them, never a sum.
    pub methods: &'static [(i64, Way)],
    /// Beyond these no version is known; up to here every other number means that it does not log in at all.
    pub known_methods: RangeInclusive<i64>,
}

/// What a number of `smtp_auth_method` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::clients) enum Way {
    /// The program chooses among what is offered.
    Automatic,
    Named(Mechanism),
    Oauth2,
}

/// `smtp_auth_method` where it is not written.
pub(super) const DEFAULT_METHOD: i64 = 0;

impl Dialect {
    pub(super) fn way(&self, number: i64) -> Option<Way> {
        self.methods.iter().find(|(method, _)| *method == number).map(|(_, way)| *way)
    }

    pub(super) fn number(&self, way: Way) -> Option<i64> {
        self.methods.iter().find(|(_, known)| *known == way).map(|(method, _)| *method)
    }
}
