//! One of Mail's outgoing servers as an account, whoever tells of it: a property list, the accounts database or Mail itself.

use super::plan;
use super::words::shared_words;
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingServer, NotOurs, Notice, SubmissionServer, TlsMode,
};
use crate::clients::providers::owner_of;

/// Without a port Mail tries 25, 465 and 587 in turn: this is what it begins with.
pub(super) const FIRST_PORT: u16 = 25;

/// A receiving account, as far as sending needs it.
#[derive(Debug, Clone, Default)]
pub(super) struct Receiver {
    pub(super) icloud: bool,
    pub(super) emails: Vec<String>,
    pub(super) server: Option<IncomingServer>,
}

/// What is told of an outgoing server.
pub(super) struct Outgoing {
    /// What it is known by, if it has a name of its own.
    pub(super) key: Option<String>,
    pub(super) host: String,
    pub(super) user: Option<String>,
    /// `None`: Mail chooses one.
    pub(super) port: Option<u16>,
    pub(super) tls: TlsMode,
    pub(super) auth: AuthSetting,
    /// Who sends through it.
    pub(super) receivers: Vec<Receiver>,
    /// Whose it is, as far as its name does not tell.
    pub(super) not_ours: Option<NotOurs>,
}

impl Outgoing {
    /// The account, without settings.
    pub(super) fn account(self) -> Account {
        let emails = self.receivers.iter().flat_map(|receiver| receiver.emails.iter().cloned());
        let id = format!("apple_mail/{}", self.known_by());
        let account = Account::found(id, ClientId::AppleMail, "Mail", self.server()).with_emails(emails);
        Account {
            used: !self.receivers.is_empty(),
            notices: shared(self.receivers.len(), &account.emails).into_iter().collect(),
            incoming: self.receivers.first().and_then(|receiver| receiver.server.clone()),
            not_ours: self.owner(),
            // The keychain item of a server that never logged in is not there.
            password_in_client: self.auth != AuthSetting::None,
            ..account
        }
    }

    /// A move may add the incoming user name; the id is the same before and after.
    fn known_by(&self) -> String {
        let incoming = || self.receivers.iter().find_map(|receiver| receiver.server.as_ref()?.user.clone());
        let named = || plan::identifier(&self.host, self.user.clone().or_else(incoming).as_deref());
        self.key.clone().unwrap_or_else(named)
    }

    fn server(&self) -> SubmissionServer {
        let logs_in = self.auth != AuthSetting::None;
        SubmissionServer {
            host: self.host.clone(),
            port: self.port.unwrap_or(FIRST_PORT),
            port_is_default: self.port.is_none(),
            tls: self.tls,
            auth: self.auth,
            credential: if logs_in { CredentialSource::Own } else { CredentialSource::None },
            user: self.user.clone().filter(|_| logs_in),
            mechanism: None,
        }
    }

    fn owner(&self) -> Option<NotOurs> {
        if self.receivers.iter().any(|receiver| receiver.icloud) {
            Some(NotOurs::Icloud)
        } else if self.auth == AuthSetting::Oauth2 {
            owner_of(&self.host).or(Some(NotOurs::Oauth2))
        } else {
            self.not_ours.or_else(|| owner_of(&self.host))
        }
    }
}

/// Told of a server through which more than one account sends.
fn shared(count: usize, emails: &[String]) -> Option<Notice> {
    (count > 1).then(|| Notice { code: "shared_server".to_owned(), message: shared_words(count, emails) })
}
