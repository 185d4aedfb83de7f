//! Outlook Express 5 and 6: accounts in the user's registry, below an identity or, for the first identity of most
//! machines, in the place shared by all.

#[cfg(test)]
mod tests;

use port26_platform::computer::Computer;
use port26_platform::registry::Registry;

use super::abilities::Abilities;
use super::abilities::table::OUTLOOK_EXPRESS as OUTLOOK_EXPRESS_ABILITIES;
use super::providers::owner_of;
use super::registry_settings::{Edits, KeyValues, Settings, Unexpected, dword, port, text, unreadable};
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt};
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingProtocol, IncomingServer, SubmissionServer, TlsMode,
};
use crate::change::Change;

/// The adapter.
pub static OUTLOOK_EXPRESS: OutlookExpress = OutlookExpress;

/// Outlook Express.
#[derive(Debug, Clone, Copy)]
pub struct OutlookExpress;

const IDENTITIES: &str = "Identities";
const ACCOUNTS: &str = r"Software\Microsoft\Internet Account Manager\Accounts";
/// The profile name of the place shared by all identities.
const SHARED: &str = "main";

const HOST: &str = "SMTP Server";
const PORT: &str = "SMTP Port";
const SECURE: &str = "SMTP Secure Connection";
const SICILY: &str = "SMTP Use Sicily";
const USER: &str = "SMTP User Name";
const WRITTEN: &[&str] = &[HOST, PORT, SECURE, SICILY, USER];

const DEFAULT_PORT: u16 = 25;
/// The one port on which it speaks STARTTLS (T. Finch, NANOG 2010-04-22).
const STARTTLS_PORT: u16 = 25;

impl MailClient for OutlookExpress {
    fn id(&self) -> ClientId {
        ClientId::OutlookExpress
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        let Some(registry) = computer.registry.as_deref() else { return Ok(None) };
        let profiles = places(registry).map_err(|error| unreadable(ClientId::OutlookExpress, IDENTITIES, &error))?;
        let found = Installation { profiles, ..Installation::of(ClientId::OutlookExpress) };
        Ok((!found.profiles.is_empty()).then_some(found))
    }

    fn accounts(&self, computer: &Computer, at: &Installation) -> Found {
        let mut found = Found::default();
        let Some(registry) = computer.registry.as_deref() else { return found };
        for profile in &at.profiles {
            let Some(key) = &profile.key else { continue };
            match registry.subkeys(key) {
                Err(error) => found.problems.push(unreadable(ClientId::OutlookExpress, &profile.name, &error)),
                Ok(names) => {
                    for name in &names {
                        match read_account(registry, key, name, &profile.name) {
                            Ok(account) => found.accounts.extend(account),
                            Err(problem) => found.problems.push(problem),
                        }
                    }
                }
            }
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        changes(account, to)
    }

    fn abilities(&self, _computer: &Computer, _account: &Account) -> Abilities {
        OUTLOOK_EXPRESS_ABILITIES
    }

    fn in_use(&self, computer: &Computer, _account: &Account) -> InUse {
        InUse::while_runs(computer, &["msimn"])
    }
}

/// The default identity, the others, and the shared place: those that have accounts.
fn places(registry: &dyn Registry) -> Result<Vec<ProfileAt>, port26_platform::registry::RegistryError> {
    let default = registry.value(IDENTITIES, "Default User ID")?.and_then(|value| value.as_text()).unwrap_or_default();
    let mut identities = registry.subkeys(IDENTITIES)?;
    identities.sort_by_key(|name| !name.eq_ignore_ascii_case(&default));
    let mut places = Vec::new();
    for identity in identities {
        let key = format!("{IDENTITIES}\\{identity}\\{ACCOUNTS}");
        if !registry.subkeys(&key)?.is_empty() {
            places.push(ProfileAt { name: identity, path: None, key: Some(key) });
        }
    }
    if !registry.subkeys(ACCOUNTS)?.is_empty() {
        places.push(ProfileAt { name: SHARED.to_owned(), path: None, key: Some(ACCOUNTS.to_owned()) });
    }
    Ok(places)
}

/// `Ok(None)`: an address book, a news server, HTTPMail, or an account that only receives.
fn read_account(registry: &dyn Registry, place: &str, name: &str, profile: &str) -> Result<Option<Account>, Problem> {
    let id = format!("outlook_express/{profile}/{name}");
    let values = KeyValues::read(registry, &format!("{place}\\{name}"))
        .map_err(|error| unreadable(ClientId::OutlookExpress, &id, &error))?;
    let settings = values.settings(WRITTEN);
    let problem = |unexpected: Unexpected| unexpected.problem(ClientId::OutlookExpress, &id, "Outlook Express");
    let skipped = values.shown("HTTPMail Server").is_some() || values.shown("LDAP Server").is_some();
    let Some(server) = Server::read(&settings).map_err(problem)?.filter(|_| !skipped) else { return Ok(None) };
    let incoming = incoming(&values);
    let outgoing = server.outgoing(incoming.as_ref().and_then(|incoming| incoming.user.clone()));
    let password_in_client = match outgoing.credential {
        CredentialSource::Own => values.holds("SMTP Password2") && values.number("SMTP Prompt for Password") != Some(1),
        CredentialSource::SameAsIncoming | CredentialSource::None => ["POP3", "IMAP"].iter().any(|protocol| {
            values.holds(&format!("{protocol} Password2"))
                && values.number(&format!("{protocol} Prompt for Password")) != Some(1)
        }),
    };
    let email = values.shown("SMTP Email Address");
    Ok(Some(Account {
        not_ours: owner_of(&outgoing.host),
        incoming,
        password_in_client,
        settings,
        ..Account::found(id, ClientId::OutlookExpress, profile, outgoing).with_emails(email)
    }))
}

fn incoming(values: &KeyValues) -> Option<IncomingServer> {
    let of = |prefix: &str, protocol, plain, tls| {
        let value = |name: &str| format!("{prefix} {name}");
        let encrypted = values.number(&value("Secure Connection")).is_some_and(|flag| flag != 0);
        let written = values.number(&value("Port")).and_then(|port| u16::try_from(port).ok());
        Some(IncomingServer {
            protocol,
            host: values.shown(&value("Server"))?,
            port: Some(written.unwrap_or(if encrypted { tls } else { plain })),
            user: values.shown(&value("User Name")),
        })
    };
    of("POP3", IncomingProtocol::Pop3, 110, 995).or_else(|| of("IMAP", IncomingProtocol::Imap, 143, 993))
}

/// The outgoing server's values, read.
struct Server {
    host: String,
    port: u16,
    port_is_default: bool,
    secure: bool,
    sicily: u32,
    user: Option<String>,
}

impl Server {
    fn read(settings: &Settings) -> Result<Option<Self>, Unexpected> {
        let Some(host) = text(settings, HOST)? else { return Ok(None) };
        let (port, port_is_default) = port(settings, PORT, DEFAULT_PORT)?;
        let secure = match dword(settings, SECURE)? {
            None | Some(0) => false,
            Some(1) => true,
            Some(mode) => return Err(Unexpected::new(SECURE, format!("{mode} is neither 0 nor 1"))),
        };
        let sicily = dword(settings, SICILY)?.unwrap_or(0);
        if sicily > 3 {
            return Err(Unexpected::new(SICILY, format!("{sicily} is no way to log in known to us")));
        }
        Ok(Some(Self { host, port, port_is_default, secure, sicily, user: text(settings, USER)? }))
    }

    fn outgoing(&self, incoming_user: Option<String>) -> SubmissionServer {
        let (auth, credential, user) = match self.sicily {
            0 => (AuthSetting::None, CredentialSource::None, None),
            1 => (AuthSetting::Ntlm, CredentialSource::SameAsIncoming, incoming_user),
            2 => (AuthSetting::Password, CredentialSource::SameAsIncoming, incoming_user),
            _ => (AuthSetting::Password, CredentialSource::Own, self.user.clone()),
        };
        SubmissionServer {
            host: self.host.clone(),
            port: self.port,
            port_is_default: self.port_is_default,
            tls: tls(self.secure, self.port),
            auth,
            credential,
            user,
            mechanism: None,
        }
    }
}

/// The program speaks STARTTLS on port 25 only, and TLS from the first byte on every other port.
fn tls(secure: bool, port: u16) -> TlsMode {
    match (secure, port) {
        (false, _) => TlsMode::None,
        (true, STARTTLS_PORT) => TlsMode::Starttls,
        (true, _) => TlsMode::Implicit,
    }
}

fn cannot(why: &str) -> PlanError {
    PlanError::CannotExpress { client: ClientId::OutlookExpress, why: why.to_owned() }
}

fn changes(account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
    let from = &account.outgoing;
    let Some(mut edits) = Edits::towards(account, to, (HOST, PORT))? else { return Ok(Vec::new()) };
    let server =
        Server::read(&account.settings)?.ok_or_else(|| Unexpected::new(HOST, "the account has no outgoing server"))?;
    let secure = to.tls != TlsMode::None;
    if tls(secure, to.port) != to.tls {
        return Err(cannot("it encrypts with STARTTLS on port 25 and from the first byte on every other port"));
    }
    if secure != server.secure {
        edits.dword(SECURE, u32::from(secure))?;
    }
    if (to.auth, to.credential, &to.user) != (from.auth, from.credential, &from.user) {
        let incoming_user = account.incoming.as_ref().and_then(|incoming| incoming.user.as_ref());
        let agrees = |there: Option<&String>| match (there, &to.user) {
            (Some(there), Some(wanted)) => there.eq_ignore_ascii_case(wanted),
            (there, None) => there.is_some(),
            (None, Some(_)) => false,
        };
        let sicily = match (to.auth, to.credential) {
            (AuthSetting::None, _) => 0,
            (AuthSetting::Password, CredentialSource::SameAsIncoming) if agrees(incoming_user) => 2,
            (AuthSetting::Ntlm, CredentialSource::SameAsIncoming) if agrees(incoming_user) => 1,
            (_, CredentialSource::SameAsIncoming) if !agrees(incoming_user) => {
                return Err(cannot("the user name wanted is not that of the incoming server"));
            }
            (AuthSetting::Password, CredentialSource::Own) if server.sicily == 3 && agrees(server.user.as_ref()) => 3,
            (AuthSetting::Password | AuthSetting::Ntlm, _) => {
                return Err(cannot("only Outlook Express itself can store a password for the outgoing server"));
            }
            _ => return Err(cannot("it logs in to outgoing servers with a password or with SPA, with nothing else")),
        };
        if server.sicily != sicily {
            edits.dword(SICILY, sicily)?;
        }
    }
    Ok(edits.done())
}
