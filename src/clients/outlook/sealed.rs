//! Where Outlook keeps the password of the login that an account's outgoing server will be given: beside the settings,
//! sealed by Windows for the user.

use super::server::HOST;
use crate::account::{Account, CredentialSource, IncomingProtocol};
use crate::change::Slot;
use crate::clients::SealedPassword;
use crate::operator::same_operator;

/// `None`: the account is not ours, or its login is nobody's that Outlook knows.
pub(super) fn password(account: &Account) -> Option<SealedPassword> {
    let Slot::Registry { key, .. } = &account.settings.get(HOST)?.slot else { return None };
    let incoming = account.incoming.as_ref();
    let of_incoming = || {
        let incoming = incoming?;
        let value = match incoming.protocol {
            IncomingProtocol::Pop3 => "POP3 Password",
            IncomingProtocol::Imap => "IMAP Password",
            IncomingProtocol::Other => return None,
        };
        Some((incoming.user.clone()?, value))
    };
    let (user, value) = match account.outgoing.credential {
        CredentialSource::Own => (account.outgoing.user.clone()?, "SMTP Password"),
        CredentialSource::SameAsIncoming => of_incoming()?,
        // Outlook has not given this host the password before: it is only for whoever has it already.
        CredentialSource::None if same_operator(&account.outgoing.host, &incoming?.host) => of_incoming()?,
        CredentialSource::None => return None,
    };
    Some(SealedPassword { user, key: key.clone(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::outlook::OUTLOOK;
    use crate::clients::registry_fixture::Fixture;

    fn place(case: &str, id: &str) -> Option<(String, String)> {
        let fixture = Fixture::open(&format!("outlook/{case}"), &OUTLOOK);
        let account = fixture.account(id);
        let place = password(account)?;
        assert!(place.key.ends_with(&id[id.len() - 8..]), "{place:?}");
        assert_eq!(account.login_user(), Some(place.user.as_str()), "{id}");
        Some((place.user, place.value))
    }

    fn pair(user: &str, value: &str) -> Option<(String, String)> {
        Some((user.to_owned(), value.to_owned()))
    }

    #[test]
    fn beside_the_login_that_is_used() {
        assert_eq!(place("2013", "outlook/B\u{fc}ro/00000002"), pair("ben-out", "SMTP Password"));
        assert_eq!(place("2013", "outlook/B\u{fc}ro/00000006"), pair("shop", "IMAP Password"));
        assert_eq!(place("2016", "outlook/Outlook/00000002"), pair("cleo@hosting.test", "POP3 Password"));
        assert_eq!(place("2016", "outlook/Outlook/00000004"), None, "Exchange");
    }
}
