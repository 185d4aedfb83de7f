//! Passwords for the proof by login: given on standard input, found in the OS keychain, borrowed from the mail client,
//! or asked for, in this order. Nothing here writes to a mail client, and nothing here ever shows a password.

mod ask;
mod book;
mod borrowed;
mod credential;
mod given;
mod index;
mod item;
mod ledger;
mod refused;

pub use ask::{Ask, Nobody, PasswordFor};
pub use book::{CredentialBook, CredentialError, Kept, KeychainUse, Trouble};
pub use borrowed::{BorrowError, Borrowing};
pub use credential::{Credential, Origin};
pub use given::{Given, GivenError, Withheld};
pub use index::{Index, IndexError};
pub use item::{Item, logins_of};
pub use ledger::{AlreadyTried, AttemptLedger, Outcome, Ticket};
pub use refused::{Refusals, Refused};

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

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
