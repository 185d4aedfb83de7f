//! Passwords for the proof by login: given on standard input, found in the OS keychain, borrowed from the mail client,
//! or asked for, in this order. Nothing here writes to a mail client, and nothing here ever shows a password.

mod ask;
mod book;
mod borrowed;
mod given;
mod index;
mod ledger;
mod refused;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::account::Account;

pub use ask::{Ask, Nobody, PasswordFor};
pub use book::{CredentialBook, CredentialError, Kept, KeychainUse, Trouble};
pub use borrowed::{BorrowError, Borrowing};
pub use given::{Given, GivenError, Withheld};
pub use index::{Index, IndexError};
pub use ledger::{AlreadyTried, AttemptLedger, Outcome, Ticket};
pub use refused::{Refusals, Refused};

/// Where a credential comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// `--credential-stdin`.
    Given,
    /// The OS keychain.
    Keychain,
    /// The mail client keeps it, sealed for the user.
    Borrowed,
    /// The user typed it.
    Asked,
}

/// A user name and its password. `Debug` shows no password, and memory is wiped when it is dropped.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The name to log in with.
    pub user: String,
    /// The password.
    pub password: SecretString,
    /// Where it comes from.
    pub origin: Origin,
}

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
    fn folded(host: &str, user: &str) -> Self {
        Self::new(host, &user.to_lowercase())
    }

    /// The host it belongs to.
    pub fn host(&self) -> &str {
        self.service.strip_prefix(SERVICE).unwrap_or(&self.service)
    }
}

/// The items that may hold an account's password, the surest first.
pub fn logins_of(account: &Account) -> Vec<Item> {
    given::names_of(account).map(|user| Item::new(&account.outgoing.host, user)).collect()
}

/// A host name as it is compared: without case and without the closing dot.
fn same_host(host: &str) -> String {
    host.trim().trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_password() {
        let credential = Credential {
            user: "anna@hosting.test".into(),
            password: SecretString::from("hunter2"),
            origin: Origin::Given,
        };
        for shown in [format!("{credential:?}"), format!("{credential:#?}")] {
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("anna@hosting.test"), "{shown}");
        }
    }

    #[test]
    fn one_item_a_user_and_host_however_the_host_is_written() {
        let item = Item::new("Mail.Hosting.TEST.", "anna@hosting.test");
        assert_eq!(item, Item::new("mail.hosting.test", "anna@hosting.test"));
        assert_eq!(item.service, "port26:smtp://mail.hosting.test");
        assert_eq!(item.host(), "mail.hosting.test");
        assert_ne!(item, Item::new("mail.hosting.test", "bert@hosting.test"));
    }
}
