//! Which item of the OS keychain an account's password is, and under which names its person may be known.

use serde::{Deserialize, Serialize};

use crate::account::Account;

/// The item of the OS keychain that holds one password.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Item {
    /// `port26:smtp://mail.hosting.test`: the same for all ports of a host, since the move changes the port.
    pub service: String,
    /// The user name.
    pub account: String,
}

const SERVICE: &str = "port26:smtp://";

impl Item {
    /// The item of this user at this host.
    pub fn new(host: &str, user: &str) -> Self {
        Self { service: format!("{SERVICE}{}", same_host(host)), account: user.to_owned() }
    }

    /// The same for every spelling of the user: hosts count failures of ANNA and anna as one.
    pub(super) fn folded(host: &str, user: &str) -> Self {
        Self::new(host, &user.to_lowercase())
    }

    /// The host it belongs to.
    pub fn host(&self) -> &str {
        self.service.strip_prefix(SERVICE).unwrap_or(&self.service)
    }
}

/// The items that may hold an account's password, the surest first.
pub fn logins_of(account: &Account) -> Vec<Item> {
    names_of(account).map(|user| Item::new(&account.outgoing.host, user)).collect()
}

/// A host name as it is compared: without case and without the closing dot.
pub(super) fn same_host(host: &str) -> String {
    host.trim().trim_end_matches('.').to_ascii_lowercase()
}

/// The user that the outgoing server is given now.
pub(super) fn login_of(account: &Account) -> Option<&str> {
    account.outgoing.user.as_deref().filter(|user| !user.is_empty())
}

/// Every name that tells this account, the surest first.
pub(super) fn names_of(account: &Account) -> impl Iterator<Item = &str> {
    let login = login_of(account);
    let incoming = account.incoming.as_ref().and_then(|incoming| incoming.user.as_deref());
    let incoming = incoming.filter(|user| login.is_none() && !user.is_empty());
    login.into_iter().chain(incoming).chain(account.email.as_deref()).chain(account.emails.iter().map(String::as_str))
}
