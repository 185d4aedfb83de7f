//! Whose an account of a receipt is: receipts name accounts by id, people by address.

use std::collections::BTreeMap;

use port26_platform::computer::Computer;

use super::words::server_words;
use crate::apply::{AccountRecord, Machine, Receipt};
use crate::clients::CLIENTS;
use crate::pipeline::discover;
use crate::shown::shown;

/// The addresses of the accounts that are set up on a machine now.
pub(super) struct Who {
    machine: Machine,
    emails: BTreeMap<String, Vec<String>>,
}

impl Who {
    /// Reads them. No program is launched for it.
    pub(super) fn of(computer: &Computer) -> Self {
        let accounts = discover(computer, CLIENTS).accounts.into_iter();
        Self { machine: Machine::of(computer), emails: accounts.map(|account| (account.id, account.emails)).collect() }
    }

    /// The first address of an account of this machine.
    pub(super) fn email(&self, id: &str) -> Option<&str> {
        self.emails.get(id)?.first().map(String::as_str)
    }

    /// An account of this machine: its address, or its id if it has none or is gone.
    pub(super) fn name(&self, id: &str) -> String {
        shown(self.email(id).unwrap_or(id)).into_owned()
    }

    /// Is this account called so, by id or by one of its addresses?
    pub(super) fn is_called(&self, id: &str, name: &str) -> bool {
        let mut emails = self.emails.get(id).into_iter().flatten();
        id == name || emails.any(|email| email.eq_ignore_ascii_case(name))
    }

    /// Is the receipt about this machine?
    pub(super) fn here(&self, receipt: &Receipt) -> bool {
        receipt.machine == self.machine
    }

    /// What a receipt did to an account: `anna@hosting.test: mail.hosting.test port 25, .. -> port 26, ..`.
    pub(super) fn change_words(&self, receipt: &Receipt, account: &AccountRecord) -> String {
        let id = &account.account_id;
        let name = if self.here(receipt) { self.name(id) } else { shown(id).into_owned() };
        format!("{name}: {} -> {}", server_words(&account.before), server_words(&account.after))
    }
}
