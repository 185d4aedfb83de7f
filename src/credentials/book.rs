//! The credential of an account, from wherever it is to be had; and keeping it in the keychain afterwards.
//! Calls into the keychain block (it may ask the user to unlock): from async code use `spawn_blocking`.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use port26_platform::secrets::{Secrets, SecretsError};

use crate::account::Account;
use crate::operator::{Lending, lending_by_names};

use super::item::{login_of, names_of};
use super::{Ask, BorrowError, Borrowing, Credential, Given, Index, IndexError, Item, Origin, PasswordFor, Withheld};

/// What may be done with this user's keychain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeychainUse {
    /// Read and written: the user's own session, or `--keychain`.
    Full,
    /// Read only: the home folder is somebody else's, and nothing of theirs goes into this user's keychain.
    ReadOnly,
    /// Not touched at all.
    Off,
}

/// Whether a credential was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// In the keychain, in this item.
    Kept(Item),
    /// Not, and why: one plain sentence, without a full stop.
    NotKept {
        /// Why.
        why: String,
    },
}

/// Why a kept password could not be listed or forgotten.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The keychain refused.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The list of kept passwords could not be read or written.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// All the places a credential may come from, for one run.
pub struct CredentialBook {
    given: Given,
    secrets: Arc<dyn Secrets>,
    keychain: KeychainUse,
    index: Index,
    borrowing: Option<Borrowing>,
    ask: Box<dyn Ask>,
    /// What was typed in this run, by keychain item; `None`: the user passed over this login.
    typed: Mutex<HashMap<Item, Option<Credential>>>,
    /// What was said before a question in this run.
    said: Mutex<BTreeSet<String>>,
    /// Why the keychain as a whole is not asked again.
    trouble: Mutex<Option<Trouble>>,
    /// Items that are of no use, and why.
    odd: Mutex<HashMap<Item, String>>,
}

/// What keeps a password in the keychain from being used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// There is no keychain here.
    NoKeychain(String),
    /// It is locked, or it said no: whether it has the password, nobody knows.
    Shut(String),
    /// It has an item for this login that cannot be used.
    Item(String),
}

impl Trouble {
    /// What the keychain said, without a full stop.
    pub fn why(&self) -> &str {
        let (Self::NoKeychain(why) | Self::Shut(why) | Self::Item(why)) = self;
        why
    }
}

impl From<SecretsError> for Trouble {
    fn from(error: SecretsError) -> Self {
        match error {
            SecretsError::Refused { why, .. } => Self::Shut(why),
            SecretsError::Unusable { why, .. } => Self::Item(why),
            none => Self::NoKeychain(none.to_string()),
        }
    }
}

impl CredentialBook {
    /// A book over these sources.
    pub fn new(
        given: Given,
        secrets: Arc<dyn Secrets>,
        keychain: KeychainUse,
        index: Index,
        ask: Box<dyn Ask>,
    ) -> Self {
        let (typed, said) = (Mutex::default(), Mutex::default());
        let (trouble, odd) = (Mutex::default(), Mutex::default());
        Self { given, secrets, keychain, index, borrowing: None, ask, typed, said, trouble, odd }
    }

    /// Also what the mail clients themselves keep for this user, if that can be opened here.
    #[must_use]
    pub fn borrowing(self, borrowing: Option<Borrowing>) -> Self {
        Self { borrowing, ..self }
    }

    /// What was given on standard input.
    pub fn given(&self) -> &Given {
        &self.given
    }

    /// The credential that is there without asking: given, typed before, in the keychain, else in the mail client. The
    /// keychain's belongs to the very host, whoever's that is; the mailbox's own is only for whom it may be lent to.
    pub fn find(&self, account: &Account, lending: Lending) -> Option<Credential> {
        let here = self.given.find(account, lending).ok().flatten().or_else(|| self.typed_before(account));
        here.or_else(|| self.in_keychain(account)).or_else(|| self.borrowed(account, lending).ok().flatten())
    }

    /// The same for a server that was not looked at in this run: what it is lent is judged by names alone.
    pub fn find_by_names(&self, account: &Account) -> Option<Credential> {
        self.find(account, lending_by_names(account))
    }

    /// Why a password that was given is not used for this account, if one is not.
    pub fn withheld(&self, account: &Account, lending: Lending) -> Option<Withheld> {
        self.given.find(account, lending).err()
    }

    /// Why the password that the mail client keeps for this account cannot be used, if it keeps one that cannot.
    pub fn unusable(&self, account: &Account, lending: Lending) -> Option<BorrowError> {
        self.borrowed(account, lending).err()
    }

    fn borrowed(&self, account: &Account, lending: Lending) -> Result<Option<Credential>, BorrowError> {
        if !account.logs_in() && lending == Lending::Strangers {
            return Ok(None);
        }
        self.borrowing.as_ref().map_or(Ok(None), |borrowing| borrowing.find(account))
    }

    /// The credential of a login at a host that no account is set to yet: given under that very name, typed before,
    /// else in the keychain. What belongs to an account's own host is never taken for it.
    pub fn find_login(&self, host: &str, user: &str) -> Option<Credential> {
        let typed = || self.typed.lock().unwrap_or_else(PoisonError::into_inner).get(&Item::new(host, user)).cloned();
        self.given.find_login(host, user).or_else(|| typed().flatten()).or_else(|| self.kept(host, user).ok().flatten())
    }

    /// Asks the user, once for each login in a run. `None`: nobody is there, nothing was typed, or the account tells
    /// no user name.
    pub fn prompt(&self, account: &Account, lending: Lending) -> io::Result<Option<Credential>> {
        self.prompt_after(account, lending, None)
    }

    /// The same after what was found, which is said once, however many accounts it is about.
    pub fn prompt_after(
        &self,
        account: &Account,
        lending: Lending,
        finding: Option<&str>,
    ) -> io::Result<Option<Credential>> {
        let Some(user) = names_of(account).next() else {
            return Ok(None);
        };
        let host = &account.outgoing.host;
        // Held while the user types: two accounts with one login are one question.
        let mut typed = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = typed.get(&Item::new(host, user)) {
            return Ok(before.clone());
        }
        let other = account.incoming.as_ref().filter(|_| !account.logs_in() && lending == Lending::Strangers);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let finding = finding.filter(|finding| said.insert((*finding).to_owned()));
        let other_than = other.map(|incoming| incoming.host.as_str());
        let password = self.ask.password(&PasswordFor { user, host, finding, other_than, refused: None })?;
        let credential = password.map(|password| Credential { user: user.to_owned(), password, origin: Origin::Asked });
        typed.insert(Item::new(host, user), credential.clone());
        Ok(credential)
    }

    /// Asks once more for a login whose password the server refused, after what it said. `None`: nothing was typed.
    pub fn prompt_again(&self, host: &str, user: &str, said: &str) -> io::Result<Option<Credential>> {
        let mut typed = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = PasswordFor { user, host, finding: None, other_than: None, refused: Some(said) };
        let Some(password) = self.ask.password(&asked)? else { return Ok(None) };
        let credential = Credential { user: user.to_owned(), password, origin: Origin::Asked };
        typed.insert(Item::new(host, user), Some(credential.clone()));
        Ok(Some(credential))
    }

    fn typed_before(&self, account: &Account) -> Option<Credential> {
        let user = names_of(account).next()?;
        let typed = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        typed.get(&Item::new(&account.outgoing.host, user)).cloned().flatten()
    }

    /// Keeps the credential for the account's own host. See [`keep_at`](Self::keep_at).
    pub fn keep(&self, account: &Account, credential: &Credential) -> Kept {
        self.keep_at(&account.outgoing.host, credential)
    }

    /// Keeps the credential in the keychain for this host, unless the keychain is not to be written. Only for
    /// passwords that a server accepted, or that the user told us to keep.
    pub fn keep_at(&self, host: &str, credential: &Credential) -> Kept {
        let item = Item::new(host, &credential.user);
        let no = |why: String| Kept::NotKept { why };
        match self.keychain {
            KeychainUse::Full => {}
            KeychainUse::ReadOnly => {
                return no("the home folder is not this user's; --keychain keeps it in this user's keychain".into());
            }
            KeychainUse::Off => return no("this run leaves the keychain alone".into()),
        }
        // What it holds already need not be written again.
        if credential.origin == Origin::Keychain {
            return Kept::Kept(item);
        }
        // After one refusal the user is not asked to unlock again for each account.
        if let Some(trouble) = self.trouble() {
            return no(trouble.why().to_owned());
        }
        // The list first: a password that nobody can find again would be worse than a name without one.
        let new = match self.index.add(&item) {
            Ok(new) => new,
            Err(error) => return no(error.to_string()),
        };
        match self.secrets.set(&item.service, &item.account, &credential.password) {
            Ok(()) => Kept::Kept(item),
            Err(error) => {
                let mut why = error.to_string();
                self.note(&item, error);
                if new && let Err(error) = self.index.remove(&item) {
                    why = format!("{why}; and {error}");
                }
                no(why)
            }
        }
    }

    /// What is kept, by the list of names.
    pub fn list(&self) -> Result<Vec<Item>, CredentialError> {
        Ok(self.index.items()?.into_iter().collect())
    }

    /// Takes an item out of the keychain and the list. Returns whether there was a password.
    pub fn forget(&self, item: &Item) -> Result<bool, CredentialError> {
        let was = self.secrets.forget(&item.service, &item.account)?;
        self.index.remove(item)?;
        Ok(was)
    }

    /// What the keychain as a whole said when it failed in this run; it is not asked again after that.
    pub fn trouble(&self) -> Option<Trouble> {
        self.lock().clone()
    }

    /// Why the keychain gave no password for this account, if it was not for want of one.
    pub fn trouble_with(&self, account: &Account) -> Option<Trouble> {
        let odd = self.odd.lock().unwrap_or_else(PoisonError::into_inner);
        let item = names_of(account).find_map(|user| odd.get(&Item::new(&account.outgoing.host, user)).cloned());
        item.map(Trouble::Item).or_else(|| self.trouble())
    }

    /// An item of no use says nothing of the next one.
    fn note(&self, item: &Item, error: SecretsError) {
        match Trouble::from(error) {
            Trouble::Item(why) => {
                self.odd.lock().unwrap_or_else(PoisonError::into_inner).insert(item.clone(), why);
            }
            whole => {
                self.lock().get_or_insert(whole);
            }
        }
    }

    fn in_keychain(&self, account: &Account) -> Option<Credential> {
        // With an SMTP user there is one login; without one, whichever of its names was kept.
        let only = login_of(account).is_some();
        let mut tried = Vec::new();
        for user in names_of(account).take(if only { 1 } else { usize::MAX }) {
            if tried.contains(&user) {
                continue;
            }
            tried.push(user);
            match self.kept(&account.outgoing.host, user) {
                Ok(None) => {}
                Ok(found) => return found,
                Err(()) => return None,
            }
        }
        None
    }

    /// One item of the keychain; `Err`: it gave none, see [`trouble_with`](Self::trouble_with).
    fn kept(&self, host: &str, user: &str) -> Result<Option<Credential>, ()> {
        if self.keychain == KeychainUse::Off || self.trouble().is_some() {
            return Err(());
        }
        let item = Item::new(host, user);
        let password = self.secrets.get(&item.service, &item.account).map_err(|error| self.note(&item, error))?;
        Ok(password.map(|password| Credential { user: user.to_owned(), password, origin: Origin::Keychain }))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use port26_platform::secrets::MemorySecrets;
    use secrecy::{ExposeSecret, SecretString};

    use super::super::Nobody;
    use super::super::given::tests::account;
    use super::*;

    /// A user who answers every question alike, and remembers the last one.
    struct Answers(&'static str, Arc<Mutex<String>>);
    impl Ask for Answers {
        fn password(&self, asked: &PasswordFor<'_>) -> io::Result<Option<SecretString>> {
            *self.1.lock().unwrap() = format!("{} at {}", asked.user, asked.host);
            Ok(Some(SecretString::from(self.0)))
        }
    }

    /// A keychain that is locked.
    #[derive(Default)]
    struct Locked(AtomicUsize);
    impl Locked {
        fn no<T>(&self, service: &str, account: &str) -> Result<T, SecretsError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(SecretsError::Refused { service: service.into(), account: account.into(), why: "it is locked".into() })
        }
    }
    impl Secrets for Locked {
        fn get(&self, service: &str, account: &str) -> Result<Option<SecretString>, SecretsError> {
            self.no(service, account)
        }
        fn set(&self, service: &str, account: &str, _: &SecretString) -> Result<(), SecretsError> {
            self.no(service, account)
        }
        fn forget(&self, service: &str, account: &str) -> Result<bool, SecretsError> {
            self.no(service, account)
        }
    }

    struct Setup {
        state: tempfile::TempDir,
        secrets: Arc<MemorySecrets>,
    }

    impl Setup {
        fn new() -> Self {
            Self { state: tempfile::tempdir().unwrap(), secrets: Arc::new(MemorySecrets::new()) }
        }

        fn book(&self, given: &str, keychain: KeychainUse) -> CredentialBook {
            let given = Given::read(&mut given.as_bytes()).unwrap();
            let index = Index::in_state(self.state.path());
            CredentialBook::new(given, self.secrets.clone(), keychain, index, Box::new(Nobody))
        }
    }

    fn anna(password: &str, origin: Origin) -> Credential {
        Credential { user: "anna".into(), password: SecretString::from(password), origin }
    }

    fn shown(found: Option<Credential>) -> Option<(String, String, Origin)> {
        found.map(|found| (found.user, found.password.expose_secret().to_owned(), found.origin))
    }

    #[test]
    fn given_goes_before_kept_and_kept_outlives_the_run() {
        let setup = Setup::new();
        let account = account(Some("anna"), None, &["anna@hosting.test"]);
        let book = setup.book("", KeychainUse::Full);
        assert_eq!(shown(book.find(&account, Lending::OneOperator)), None);
        let item = Item::new("mail.hosting.test", "anna");
        assert_eq!(book.keep(&account, &anna("kept", Origin::Asked)), Kept::Kept(item.clone()));
        assert_eq!(book.list().unwrap(), std::slice::from_ref(&item));

        let later = setup.book("", KeychainUse::Full);
        assert_eq!(
            shown(later.find(&account, Lending::OneOperator)),
            Some(("anna".into(), "kept".into(), Origin::Keychain))
        );
        let given = setup.book("anna@hosting.test:given", KeychainUse::Full);
        assert_eq!(
            shown(given.find(&account, Lending::OneOperator)),
            Some(("anna".into(), "given".into(), Origin::Given))
        );

        assert!(later.forget(&item).unwrap());
        assert!(!later.forget(&item).unwrap());
        assert!(later.list().unwrap().is_empty());
        assert!(setup.secrets.is_empty());
        assert_eq!(shown(later.find(&account, Lending::OneOperator)), None);
    }

    #[test]
    fn a_kept_password_is_for_its_own_user_and_host() {
        let setup = Setup::new();
        let book = setup.book("", KeychainUse::Full);
        book.keep_at("mail.hosting.test", &anna("kept", Origin::Given));
        let mut elsewhere = account(Some("anna"), None, &[]);
        elsewhere.outgoing.host = "mail.other.test".into();
        assert_eq!(shown(book.find(&elsewhere, Lending::OneOperator)), None);
        assert_eq!(
            shown(book.find(&account(Some("bert"), None, &["anna"]), Lending::OneOperator)),
            None,
            "bert logs in, not anna"
        );
        // Without authentication yet, any of its names will do.
        let silent = account(None, Some("a"), &["anna"]);
        assert_eq!(
            shown(book.find(&silent, Lending::OneOperator)),
            Some(("anna".into(), "kept".into(), Origin::Keychain))
        );
    }

    #[test]
    fn somebody_elses_home_puts_nothing_into_this_keychain() {
        let setup = Setup::new();
        for keychain in [KeychainUse::ReadOnly, KeychainUse::Off] {
            let book = setup.book("", keychain);
            let kept = book.keep_at("mail.hosting.test", &anna("x", Origin::Given));
            assert!(matches!(kept, Kept::NotKept { .. }), "{kept:?}");
            assert!(setup.secrets.is_empty());
            assert!(book.list().unwrap().is_empty());
        }
        setup.book("", KeychainUse::Full).keep_at("mail.hosting.test", &anna("kept", Origin::Given));
        let account = account(Some("anna"), None, &[]);
        assert!(setup.book("", KeychainUse::ReadOnly).find(&account, Lending::OneOperator).is_some());
        assert!(setup.book("", KeychainUse::Off).find(&account, Lending::OneOperator).is_none());
    }

    #[test]
    fn a_locked_keychain_is_asked_once_and_leaves_no_name_behind() {
        let state = tempfile::tempdir().unwrap();
        let secrets = Arc::new(Locked::default());
        let book = CredentialBook::new(
            Given::default(),
            secrets.clone(),
            KeychainUse::Full,
            Index::in_state(state.path()),
            Box::new(Nobody),
        );
        let account = account(Some("anna"), None, &[]);
        assert_eq!(book.trouble(), None);
        for _ in 0..3 {
            assert!(book.find(&account, Lending::OneOperator).is_none());
        }
        assert_eq!(secrets.0.load(Ordering::Relaxed), 1);
        assert_eq!(book.trouble(), Some(Trouble::Shut("it is locked".into())));

        let fresh = CredentialBook { trouble: Mutex::new(None), ..book };
        for _ in 0..2 {
            match fresh.keep(&account, &anna("hunter2", Origin::Asked)) {
                Kept::NotKept { why } => assert!(why.contains("it is locked") && !why.contains("hunter2"), "{why}"),
                kept => panic!("{kept:?}"),
            }
        }
        assert_eq!(secrets.0.load(Ordering::Relaxed), 2);
        assert!(fresh.list().unwrap().is_empty());
        assert!(fresh.forget(&Item::new("mail.hosting.test", "anna")).is_err());
    }

    #[test]
    fn the_user_is_asked_for_the_login_that_is_or_will_be() {
        let setup = Setup::new();
        let asked = Arc::new(Mutex::new(String::new()));
        let book =
            CredentialBook { ask: Box::new(Answers("typed", asked.clone())), ..setup.book("", KeychainUse::Full) };
        let ask = |account: &Account| shown(book.prompt(account, Lending::OneOperator).unwrap()).map(|(user, ..)| user);
        assert_eq!(ask(&account(Some("anna"), Some("in"), &["anna@hosting.test"])).as_deref(), Some("anna"));
        insta::assert_snapshot!(asked.lock().unwrap(), @"anna at mail.hosting.test");
        assert_eq!(ask(&account(None, Some("in"), &["anna@hosting.test"])).as_deref(), Some("in"));
        assert_eq!(ask(&account(None, None, &["anna@hosting.test"])).as_deref(), Some("anna@hosting.test"));
        assert_eq!(ask(&account(None, None, &[])), None);
        assert!(
            setup
                .book("", KeychainUse::Full)
                .prompt(&account(Some("anna"), None, &[]), Lending::OneOperator)
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn what_was_typed_is_known_for_the_rest_of_the_run() {
        let setup = Setup::new();
        let asked = Arc::new(Mutex::new(String::new()));
        let answers = Box::new(Answers("typed", asked.clone()));
        let book = CredentialBook { ask: answers, ..setup.book("", KeychainUse::Off) };
        let anna = account(Some("anna"), None, &[]);
        assert!(book.find(&anna, Lending::OneOperator).is_none());
        assert!(book.prompt(&anna, Lending::OneOperator).unwrap().is_some());
        asked.lock().unwrap().clear();
        assert_eq!(shown(book.find(&anna, Lending::OneOperator)).map(|(user, ..)| user).as_deref(), Some("anna"));
        assert!(book.prompt(&anna, Lending::OneOperator).unwrap().is_some());
        assert!(asked.lock().unwrap().is_empty(), "one question for one login");
        assert!(book.find(&account(Some("bert"), None, &[]), Lending::OneOperator).is_none());
    }
}
