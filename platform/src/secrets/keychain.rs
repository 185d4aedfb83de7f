//! The keychain of the running user: Credential Manager on Windows, Keychain on macOS, the Secret Service
//! elsewhere. The store is one a process (the keyring crate opens it once and keeps the answer).

use std::time::Duration;

use keyring::{Entry, Error};
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretString};

use super::bounded::{NoResult, Unanswered, within};
use super::{Secrets, SecretsError};

/// Opening the store talks to the bus and asks nobody: it is quick or it is broken.
const OPENING: Duration = Duration::from_secs(5);
/// An item without questions.
const QUIET: Duration = Duration::from_secs(5);
/// An item for which the system may ask the user to unlock: time to find and type a password.
const PATIENT: Duration = Duration::from_secs(60);

static OPENINGS: Unanswered = Unanswered::new();
static QUESTIONS: Unanswered = Unanswered::new();

/// May the system ask the user to unlock the keychain?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlock {
    /// Yes: somebody sits there. Calls wait up to a minute.
    Allowed,
    /// No (`--silent`, the agent): a locked keychain is [`SecretsError::Refused`] within seconds, and where the
    /// system lets us see the lock (Secret Service) no window opens.
    Never,
}

/// The running user's own keychain. All calls block, but never longer than about a minute.
#[derive(Debug, Clone, Copy)]
pub struct Keychain {
    unlock: Unlock,
}

impl Keychain {
    /// The keychain; nothing is opened before the first call.
    pub fn new(unlock: Unlock) -> Self {
        Self { unlock }
    }

    /// Is there one that answers? Does not touch any item.
    pub fn available(&self) -> Result<(), SecretsError> {
        let silent = || SecretsError::NoKeychain {
            why: format!("the program that keeps passwords gave no answer within {} seconds", OPENING.as_secs()),
        };
        if OPENINGS.any() {
            return Err(silent());
        }
        let opened = within(OPENING, &OPENINGS, || {
            Entry::store_status().as_ref().map(|_| ()).map_err(|error| plain(error, &error.to_string()))
        });
        match opened {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(SecretsError::NoKeychain { why }),
            Err(NoResult::TooLate) => Err(silent()),
            Err(NoResult::Broke) => Err(SecretsError::NoKeychain { why: "it could not be opened".into() }),
        }
    }

    fn item<T: Send + 'static>(
        &self,
        service: &str,
        account: &str,
        action: Action,
        work: impl FnOnce(&Entry) -> Result<T, Error> + Send + 'static,
    ) -> Result<Option<T>, SecretsError> {
        let names = || (service.to_owned(), account.to_owned());
        let refused = |why: String| {
            let (service, account) = names();
            SecretsError::Refused { service, account, why }
        };
        if QUESTIONS.any() {
            return Err(refused("it still waits for an answer to its earlier question".into()));
        }
        self.available()?;

        let (unlock, wanted) = (self.unlock, names());
        let limit = if unlock == Unlock::Allowed { PATIENT } else { QUIET };
        let result = within(limit, &QUESTIONS, move || {
            let (service, account) = (wanted.0.as_str(), wanted.1.as_str());
            if unlock == Unlock::Never {
                would_ask(service, account, action).map_or(Ok(()), Err)?;
            }
            Entry::new(service, account).and_then(|entry| work(&entry)).map(Some).or_else(no_item)
        });
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(No::Keychain(why))) => Err(refused(why)),
            Ok(Err(No::Item(why))) => Err(unusable(service, account, why)),
            Err(NoResult::TooLate) => Err(refused(format!("it gave no answer within {} seconds", limit.as_secs()))),
            Err(NoResult::Broke) => Err(refused("it stopped in the middle of the call".into())),
        }
    }
}

/// Why there is no answer.
enum No {
    /// The keychain as a whole says no.
    Keychain(String),
    /// Only this item is of no use.
    Item(String),
}

/// What an item's error means: there is none, or the answer is no.
fn no_item<T>(error: Error) -> Result<Option<T>, No> {
    match error {
        Error::NoEntry => Ok(None),
        Error::BadEncoding(mut bytes) => {
            bytes.zeroize();
            Err(No::Item("what is kept there is not text in UTF-8".to_owned()))
        }
        Error::Ambiguous(items) => Err(No::Item(format!(
            "there are {} items for it; remove all but one in the password program of this desktop",
            items.len()
        ))),
        error => Err(No::Keychain(plain(&error, &error.to_string()))),
    }
}

fn unusable(service: &str, account: &str, why: String) -> SecretsError {
    SecretsError::Unusable { service: service.to_owned(), account: account.to_owned(), why }
}

/// The password in what another program may have kept: `echo` puts a line end behind it, and nobody's password is empty.
fn password_in(mut kept: String) -> Option<SecretString> {
    let length = kept.trim_end_matches(['\r', '\n']).len();
    let found = (length > 0).then(|| SecretString::from(&kept[..length]));
    kept.zeroize();
    found
}

/// What is about to happen to an item: a new item needs the default keyring, an old one only its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Look,
    Keep,
}

impl Secrets for Keychain {
    fn get(&self, service: &str, account: &str) -> Result<Option<SecretString>, SecretsError> {
        match self.item(service, account, Action::Look, |entry| entry.get_password().map(password_in))? {
            Some(None) => Err(unusable(service, account, "it is empty".to_owned())),
            found => Ok(found.flatten()),
        }
    }

    fn set(&self, service: &str, account: &str, password: &SecretString) -> Result<(), SecretsError> {
        let password = password.clone();
        let kept =
            self.item(service, account, Action::Keep, move |entry| entry.set_password(password.expose_secret()))?;
        kept.ok_or_else(|| SecretsError::Refused {
            service: service.to_owned(),
            account: account.to_owned(),
            why: "it has no place for a new item".into(),
        })
    }

    fn forget(&self, service: &str, account: &str) -> Result<bool, SecretsError> {
        Ok(self.item(service, account, Action::Look, |entry| entry.delete_credential())?.is_some())
    }
}

/// The error in words for people where we know what it means, else as the system put it. Never uses `Debug`: that
/// of some errors holds the secret.
fn plain(error: &Error, said: &str) -> String {
    let known = [
        ("object locked", LOCKED),
        ("prompt dismissed", "the question to unlock it was closed; run port26 again and answer it"),
        (
            "result not returned",
            "it has no default keyring yet; make one in the password program of this desktop and run port26 again",
        ),
        ("no secret service provider", "no program on this session's bus keeps passwords (Secret Service)"),
        ("ServiceUnknown", "no program on this session's bus keeps passwords (Secret Service)"),
    ];
    let words = known.iter().find(|(part, _)| said.contains(part)).map(|(_, words)| (*words).to_owned());
    words.unwrap_or_else(|| match error {
        Error::PlatformFailure(source) | Error::NoStorageAccess(source) => source.to_string(),
        _ => said.to_owned(),
    })
}

const LOCKED: &str = "it is locked; unlock it and run port26 again";

/// Why this item cannot be had without a question to the user, if so. A search over all of the service is a question
/// already for KeePassXC, which then opens its window: each collection is asked whether it is locked first, and only one
/// that is open is searched. What is in the others nobody can tell.
#[cfg(all(unix, not(target_os = "macos")))]
fn would_ask(service: &str, account: &str, action: Action) -> Option<No> {
    use secret_service::EncryptionType;
    use secret_service::blocking::SecretService;

    let look = || -> Result<Option<No>, secret_service::Error> {
        let bus = SecretService::connect(EncryptionType::Plain)?;
        let (mut locked, mut open) = (false, false);
        for collection in bus.get_all_collections()? {
            if collection.is_locked()? {
                locked = true;
                continue;
            }
            // What is for this session only is open always.
            open |= !collection.collection_path.as_str().ends_with("/session");
            let found = collection.search_items([("service", service), ("username", account)].into())?;
            if let Some(item) = found.first() {
                let asks = "the program that keeps passwords wants to be asked before it hands this one out; allow port26 there";
                return Ok(item.is_locked()?.then(|| No::Item(asks.to_owned())));
            }
        }
        // An item that is there and open is written in place; a new one goes to the default keyring.
        let shut = match action {
            Action::Look => locked,
            Action::Keep => locked && bus.get_default_collection()?.is_locked()?,
        };
        // One that is open may well have the next password.
        let no = if open && action == Action::Look { No::Item } else { No::Keychain };
        Ok(shut.then(|| no(LOCKED.to_owned())))
    };
    match look() {
        Ok(why) => why,
        Err(error) => {
            let said = error.to_string();
            Some(No::Keychain(plain(&Error::PlatformFailure(Box::new(error)), &said)))
        }
    }
}

/// Credential Manager never asks; Keychain asks only about items that another program made.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn would_ask(_service: &str, _account: &str, _action: Action) -> Option<No> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_said_in_plain_words() {
        let locked = Error::NoStorageAccess("SS Error: object locked".into());
        assert_eq!(plain(&locked, &locked.to_string()), "it is locked; unlock it and run port26 again");
        let other = Error::PlatformFailure("disk on fire".into());
        assert_eq!(plain(&other, &other.to_string()), "disk on fire");
    }

    #[test]
    fn a_line_end_is_no_part_of_a_password() {
        let of = |kept: &str| password_in(kept.to_owned()).map(|found| found.expose_secret().to_owned());
        assert_eq!(of("open sesame\n").as_deref(), Some("open sesame"));
        assert_eq!(of(" two words \r\n").as_deref(), Some(" two words "));
        assert_eq!(of("a\nb").as_deref(), Some("a\nb"));
        assert_eq!((of(""), of("\n")), (None, None));
    }

    #[test]
    fn an_unreadable_secret_is_not_in_the_message() {
        let error = Error::BadDataFormat(b"hunter2".to_vec(), "not base64".into());
        assert!(!plain(&error, &error.to_string()).contains("hunter2"));
        assert!(!plain(&error, &error.to_string()).contains("104, 117"));
    }
}
