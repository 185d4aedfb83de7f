//! The password that a mail client keeps sealed for the running user, borrowed to prove the login without asking. It is
//! read where it lies, opened by the system, and goes nowhere but into the proof and the keychain.
//!
//! Outlook's form: one byte `0x02`, then what Windows sealed; inside UTF-16LE with a closing NUL.

use std::sync::Arc;

use port26_platform::computer::Computer;
use port26_platform::registry::{Registry, RegistryError, Value, ValueKind};
use port26_platform::sealed::{Seal, SealError};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::{Credential, Origin};
use crate::account::{Account, ClientId};
use crate::clients::{MailClient, SealedPassword};

/// The first byte of a password that was sealed; others mean forms that are long gone.
const SEALED: u8 = 0x02;

/// Why a password that a mail client keeps could not be used. Never shows any of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BorrowError {
    /// The registry would not show it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Not what the client writes.
    #[error("\"{value}\" has a form that port26 does not know: {why}")]
    Form {
        /// The name of the registry value.
        value: String,
        /// What is unexpected.
        why: &'static str,
    },
    /// The system does not open it.
    #[error("\"{value}\": {source}")]
    Seal {
        /// The name of the registry value.
        value: String,
        /// What the system said.
        source: SealError,
    },
}

/// The passwords that the clients of this machine keep for the running user.
pub struct Borrowing {
    registry: Arc<dyn Registry>,
    clients: &'static [&'static dyn MailClient],
    seal: Arc<dyn Seal>,
}

impl Borrowing {
    /// `None` where nothing can be opened: only the running user's own session with its live registry has the user's
    /// seal. An exported registry and another user's home were sealed for somebody else.
    pub fn of(computer: &Computer, clients: &'static [&'static dyn MailClient], seal: Arc<dyn Seal>) -> Option<Self> {
        let registry = computer.registry.clone().filter(|registry| registry.backing_file().is_none())?;
        computer.own_session.then_some(Self { registry, clients, seal })
    }

    /// The credential that the account's client keeps for the login of its outgoing server. `Ok(None)`: it keeps none
    /// in this way, or for another user.
    pub fn find(&self, account: &Account) -> Result<Option<Credential>, BorrowError> {
        let Some(SealedPassword { user, key, value }) = self.place(account.client, account) else { return Ok(None) };
        if account.login_user() != Some(user.as_str()) {
            return Ok(None);
        }
        match self.registry.value(&key, &value)? {
            // A password that is not kept is no trouble.
            None => Ok(None),
            Some(stored) if stored.data.iter().all(|&byte| byte == 0) => Ok(None),
            Some(stored) => {
                let password = open(&value, &stored, self.seal.as_ref())?;
                Ok(Some(Credential { user, password, origin: Origin::Borrowed }))
            }
        }
    }

    fn place(&self, client: ClientId, account: &Account) -> Option<SealedPassword> {
        self.clients.iter().find(|known| known.id() == client)?.sealed_password(account)
    }
}

/// The password in a registry value as Outlook stores it.
fn open(name: &str, stored: &Value, seal: &dyn Seal) -> Result<SecretString, BorrowError> {
    let form = |why| BorrowError::Form { value: name.to_owned(), why };
    if stored.kind != ValueKind::Binary {
        return Err(form("it is not binary"));
    }
    let sealed = match stored.data.as_slice() {
        [SEALED, sealed @ ..] => sealed,
        _ => return Err(form("its first byte is not 2")),
    };
    let plain = seal.open(sealed).map_err(|source| BorrowError::Seal { value: name.to_owned(), source })?;
    text(plain.expose_secret()).map_err(form)
}

/// UTF-16LE up to its NUL, in one buffer that does not grow: a string that grows would leave copies behind.
fn text(plain: &[u8]) -> Result<SecretString, &'static str> {
    if !plain.len().is_multiple_of(2) {
        return Err("what is inside has an odd length");
    }
    let mut units = plain.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let mut text = Zeroizing::new(String::with_capacity(plain.len() / 2 * 3));
    for letter in char::decode_utf16(units.by_ref().take_while(|&unit| unit != 0)) {
        match letter {
            Ok('\r' | '\n') => return Err("what is inside has more than one line"),
            Ok(letter) => text.push(letter),
            Err(_) => return Err("what is inside is not UTF-16"),
        }
    }
    if text.is_empty() {
        return Err("what is inside is empty");
    }
    if units.any(|unit| unit != 0) {
        return Err("what is inside goes on after its end");
    }
    Ok(SecretString::from(text.as_str()))
}

#[cfg(test)]
mod tests {
    use port26_platform::computer::{Folders, Os};
    use port26_platform::processes::NothingRuns;
    use port26_platform::registry::memory::MemoryRegistry;
    use port26_platform::sealed::MemorySeal;
    use proptest::prelude::*;

    use super::*;
    use crate::account::CredentialSource;
    use crate::clients::CLIENTS;

    const KEY: &str =
        r"Software\Microsoft\Office\16.0\Outlook\Profiles\Outlook\9375CFF0413111d3B88A00104B2A6676\00000002";

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn sealed(seal: &MemorySeal, plain: &[u8]) -> Value {
        Value { kind: ValueKind::Binary, data: [&[SEALED], seal.seal(plain).unwrap().as_slice()].concat() }
    }

    /// An account that receives as anna and sends as somebody of its own only if `own` says who.
    fn machine(values: &[(&str, Value)], own: Option<&str>) -> (Computer, Account) {
        let mut registry = MemoryRegistry::new()
            .with(KEY, "clsid", Value::sz("{ED475411-B0D6-11D2-8C3B-00104B2A6676}"))
            .with(KEY, "Email", Value::sz("anna@hosting.test"))
            .with(KEY, "POP3 Server", Value::sz("pop.hosting.test"))
            .with(KEY, "POP3 User", Value::sz("anna"))
            .with(KEY, "SMTP Server", Value::sz("smtp.hosting.test"));
        if let Some(user) = own {
            registry = registry
                .with(KEY, "SMTP Use Auth", Value::dword(1))
                .with(KEY, "SMTP Auth Method", Value::dword(1))
                .with(KEY, "SMTP User", Value::sz(user));
        }
        for (name, value) in values {
            registry = registry.with(KEY, name, value.clone());
        }
        let computer = Computer {
            os: Os::Windows,
            folders: Folders::below("/nowhere", Os::Windows),
            registry: Some(Arc::new(registry)),
            machine: None,
            processes: Arc::new(NothingRuns),
            scripts: Arc::new(port26_platform::scripts::NoScripts),
            unread: Vec::new(),
            own_session: true,
        };
        let client = CLIENTS.iter().find(|client| client.id() == ClientId::Outlook).unwrap();
        let at = client.detect(&computer).unwrap().unwrap();
        let account = client.accounts(&computer, &at).accounts.remove(0);
        (computer, account)
    }

    fn found(computer: &Computer, account: &Account, seal: MemorySeal) -> Result<Option<(String, String)>, String> {
        let borrowing = Borrowing::of(computer, CLIENTS, Arc::new(seal)).unwrap();
        let found = borrowing.find(account).map_err(|error| error.to_string())?;
        Ok(found.map(|found| {
            assert_eq!(found.origin, Origin::Borrowed);
            (found.user, found.password.expose_secret().to_owned())
        }))
    }

    fn pair(user: &str, password: &str) -> Result<Option<(String, String)>, String> {
        Ok(Some((user.to_owned(), password.to_owned())))
    }

    #[test]
    fn the_password_of_the_login_that_will_be_used() {
        let seal = MemorySeal::new();
        let incoming = ("POP3 Password", sealed(&seal, &utf16("incoming \u{e4}\u{1f511}\0")));
        let outgoing = ("SMTP Password", sealed(&seal, &utf16("outgoing\0")));
        let (computer, account) = machine(&[incoming.clone(), outgoing.clone()], Some("anna-out"));
        assert_eq!(account.outgoing.credential, CredentialSource::Own);
        assert_eq!(found(&computer, &account, seal), pair("anna-out", "outgoing"));

        let seal = MemorySeal::new();
        let incoming = ("POP3 Password", sealed(&seal, &utf16("incoming \u{e4}\u{1f511}\0")));
        let outgoing = ("SMTP Password", sealed(&seal, &utf16("outgoing\0")));
        let (computer, account) = machine(&[incoming, outgoing], None);
        assert_eq!(account.outgoing.credential, CredentialSource::None);
        assert_eq!(found(&computer, &account, seal), pair("anna", "incoming \u{e4}\u{1f511}"));
    }

    #[test]
    fn a_password_of_another_user_or_for_another_operator_is_not_borrowed() {
        let seal = MemorySeal::new();
        let values = [("POP3 Password", sealed(&seal, &utf16("incoming\0")))];
        let (computer, mut account) = machine(&values, None);
        account.outgoing.user = Some("bert".into());
        assert_eq!(found(&computer, &account, seal), Ok(None), "bert logs in, not anna");

        let seal = MemorySeal::new();
        let values =
            [("POP3 Password", sealed(&seal, &utf16("x\0"))), ("POP3 Server", Value::sz("pop.elsewhere.test"))];
        let (computer, account) = machine(&values, None);
        assert_eq!(found(&computer, &account, seal), Ok(None), "the password would go to a stranger");

        // Where Outlook is set to do the same, nobody new gets it.
        let seal = MemorySeal::new();
        let values = [
            ("POP3 Password", sealed(&seal, &utf16("x\0"))),
            ("POP3 Server", Value::sz("pop.elsewhere.test")),
            ("SMTP Use Auth", Value::dword(1)),
        ];
        let (computer, account) = machine(&values, None);
        assert_eq!(found(&computer, &account, seal), pair("anna", "x"));
    }

    #[test]
    fn nothing_kept_is_nothing_found() {
        for values in [vec![], vec![("POP3 Password", Value { kind: ValueKind::Binary, data: vec![0; 4] })]] {
            let (computer, account) = machine(&values, None);
            assert_eq!(found(&computer, &account, MemorySeal::new()), Ok(None));
        }
    }

    #[test]
    fn what_cannot_be_opened_is_told_and_nothing_of_it_shown() {
        let seal = MemorySeal::new();
        let binary = |data: Vec<u8>| Value { kind: ValueKind::Binary, data };
        let good = sealed(&seal, &utf16("hunter2\0")).data;
        let mut wrong_lead = good.clone();
        wrong_lead[0] = 1;
        let mut tampered = good.clone();
        *tampered.last_mut().unwrap() ^= 1;
        let cases = [
            (binary(vec![2]), "does not open it"),
            (binary(wrong_lead), "its first byte is not 2"),
            (binary(tampered), "does not open it"),
            (binary(good[..good.len() - 1].to_vec()), "does not open it"),
            (sealed(&MemorySeal::new(), &utf16("hunter2\0")), "does not open it"),
            (sealed(&seal, b"hunter2"), "odd length"),
            (sealed(&seal, &[0x00, 0xD8, 0x41, 0x00]), "not UTF-16"),
            (sealed(&seal, &utf16("\0")), "is empty"),
            (sealed(&seal, &utf16("hunter2\nx\0")), "more than one line"),
            (sealed(&seal, &utf16("hunter2\0more\0")), "goes on after its end"),
            (Value::sz("hunter2"), "not binary"),
        ];
        let seal = Arc::new(seal);
        for (value, why) in cases {
            let (computer, account) = machine(&[("POP3 Password", value.clone())], None);
            let error = Borrowing::of(&computer, CLIENTS, seal.clone()).unwrap().find(&account).unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(said.contains(why), "{value:?}: {said}");
            assert!(said.contains("POP3 Password") && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn only_in_the_users_own_session_with_a_live_registry() {
        let (computer, _) = machine(&[], None);
        let may = |computer: &Computer| Borrowing::of(computer, CLIENTS, Arc::new(MemorySeal::new())).is_some();
        assert!(may(&computer));
        assert!(!may(&Computer { own_session: false, ..computer.clone() }), "another's home");
        assert!(!may(&Computer { registry: None, ..computer.clone() }), "no registry");
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/outlook/2016/user.reg");
        let exported: Arc<dyn Registry> = Arc::new(port26_platform::registry::RegFile::open(&file).unwrap());
        assert!(!may(&Computer { registry: Some(exported), ..computer }), "an exported registry");
    }

    proptest! {
        #[test]
        fn any_password_comes_back(password in "[^\\x00\r\n]{1,40}", closed: bool) {
            let seal = MemorySeal::new();
            let end = if closed { "\0" } else { "" };
            let value = sealed(&seal, &utf16(&format!("{password}{end}")));
            let opened = open("x", &value, &seal).unwrap();
            prop_assert_eq!(opened.expose_secret(), password);
        }

        #[test]
        fn no_content_panics(plain in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = text(&plain);
        }
    }
}
