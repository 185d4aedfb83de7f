//! Whose an account of a receipt is: receipts name accounts by id, people by address.

use std::collections::BTreeMap;

use port26_platform::computer::Computer;

use super::discover::discover;
use crate::apply::{Machine, Receipt};
use crate::clients::CLIENTS;
use crate::shown::Shown;

/// The addresses of the accounts that are set up on a machine now.
pub struct Who {
    machine: Machine,
    emails: BTreeMap<String, Vec<String>>,
}

impl Who {
    /// Reads them. No program is launched for it.
    pub fn of(computer: &Computer) -> Self {
        let accounts = discover(computer, CLIENTS).accounts.into_iter();
        Self { machine: Machine::of(computer), emails: accounts.map(|account| (account.id, account.emails)).collect() }
    }

    /// The first address of an account of this machine.
    pub fn email(&self, id: &str) -> Option<&str> {
        self.emails.get(id)?.first().map(String::as_str)
    }

    /// An account of this machine: its address, or its id if it has none or is gone.
    pub fn name(&self, id: &str) -> String {
        Shown(self.email(id).unwrap_or(id)).to_string()
    }

    /// Is this account called so, by id or by one of its addresses?
    pub fn is_called(&self, id: &str, name: &str) -> bool {
        let mut emails = self.emails.get(id).into_iter().flatten();
        id == name || emails.any(|email| email.eq_ignore_ascii_case(name))
    }

    /// Is the receipt about this machine?
    pub fn here(&self, receipt: &Receipt) -> bool {
        receipt.machine == self.machine
    }
}
