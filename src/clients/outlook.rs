//! Classic Outlook for Windows, 2003 to 2024: POP3 and IMAP accounts in the user's registry. Exchange and OAuth
//! accounts are found and left alone. Microsoft supports no writing here but through Extended MAPI, so only values that
//! must change are touched.

pub(super) mod installed;
mod sealed;
mod server;
#[cfg(test)]
mod tests;

use port26_platform::computer::Computer;
use port26_platform::registry::Registry;

use self::server::{Server, WRITTEN};
use super::abilities::table::{OUTLOOK_2003, OUTLOOK_2007, OUTLOOK_2016};
use super::abilities::{Abilities, windows};
use super::providers::{exchange_server, owner_of};
use super::registry_settings::{KeyValues, Unexpected, unreadable};
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt, SealedPassword};
use crate::account::{
    Account, ClientId, CredentialSource, IncomingProtocol, IncomingServer, NotOurs, Notice, SubmissionServer,
};
use crate::change::Change;

/// The adapter.
pub static OUTLOOK: Outlook = Outlook;

/// Classic Outlook.
#[derive(Debug, Clone, Copy)]
pub struct Outlook;

/// Where profiles are, newest first, with the version that uses them.
const PLACES: &[(Option<&str>, &str)] = &[
    (Some("16.0"), r"Software\Microsoft\Office\16.0\Outlook\Profiles"),
    (Some("15.0"), r"Software\Microsoft\Office\15.0\Outlook\Profiles"),
    // 2003, 2007 and 2010 share this one.
    (None, r"Software\Microsoft\Windows NT\CurrentVersion\Windows Messaging Subsystem\Profiles"),
];

/// The key of a profile that has its accounts.
const ACCOUNTS: &str = "9375CFF0413111d3B88A00104B2A6676";

const POP3: &str = "{ED475411-B0D6-11D2-8C3B-00104B2A6676}";
const IMAP: &str = "{ED475412-B0D6-11D2-8C3B-00104B2A6676}";
const MAPI: &str = "{ED475414-B0D6-11D2-8C3B-00104B2A6676}";

/// What is set when the user has gone over to the new Outlook.
pub(super) const NEW_OUTLOOK_SWITCH: (&str, &str) =
    (r"Software\Microsoft\Office\16.0\Outlook\Preferences", "UseNewOutlook");

impl MailClient for Outlook {
    fn id(&self) -> ClientId {
        ClientId::Outlook
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        let Some(registry) = computer.registry.as_deref() else { return Ok(None) };
        let (mut profiles, mut newest): (Vec<ProfileAt>, Option<&str>) = (Vec::new(), None);
        for &(version, key) in PLACES {
            let names = registry.subkeys(key).map_err(|error| unreadable(ClientId::Outlook, key, &error))?;
            for name in names {
                newest = newest.or(version);
                let taken = profiles.iter().any(|other| other.name.eq_ignore_ascii_case(&name));
                let key = Some(format!("{key}\\{name}"));
                // An upgrade leaves the older version's profile of the same name behind.
                let name = if taken { format!("{name} ({})", version.unwrap_or("2010 or earlier")) } else { name };
                profiles.push(ProfileAt { name, path: None, key });
            }
        }
        let version = newest.map(str::to_owned);
        let found = Installation { version, profiles, ..Installation::of(ClientId::Outlook) };
        Ok((!found.profiles.is_empty()).then_some(found))
    }

    fn accounts(&self, computer: &Computer, at: &Installation) -> Found {
        let mut found = Found::default();
        let Some(registry) = computer.registry.as_deref() else { return found };
        let (key, value) = NEW_OUTLOOK_SWITCH;
        let gone_over = registry.value(key, value).ok().flatten().and_then(|value| value.as_dword()) == Some(1);
        for profile in &at.profiles {
            let Some(key) = &profile.key else { continue };
            let accounts = format!("{key}\\{ACCOUNTS}");
            match registry.subkeys(&accounts) {
                Err(error) => found.problems.push(unreadable(ClientId::Outlook, &profile.name, &error)),
                Ok(names) => {
                    for name in names.iter().filter(|name| is_account(name)) {
                        match read_account(registry, &accounts, name, &profile.name) {
                            Ok(account) => found.accounts.extend(account),
                            Err(problem) => found.problems.push(problem),
                        }
                    }
                }
            }
        }
        if gone_over {
            found.accounts.iter_mut().for_each(|account| account.notices.push(new_outlook_notice()));
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        server::changes(account, to)
    }

    fn abilities(&self, computer: &Computer, account: &Account) -> Abilities {
        let old =
            server::in_shared_place(account) && (server::has_only_the_old_flag(account) || only_old_ones(computer));
        if old {
            return OUTLOOK_2003;
        }
        let row = if server::is_of_2016(account) { OUTLOOK_2016 } else { OUTLOOK_2007 };
        Abilities { tls: windows::schannel(computer), ..row }
    }

    fn in_use(&self, computer: &Computer, _account: &Account) -> InUse {
        InUse::while_runs(computer, &["outlook"])
    }

    fn sealed_password(&self, account: &Account) -> Option<SealedPassword> {
        sealed::password(account)
    }
}

/// Of the versions that keep their profiles in the shared place, only ones up to 2003 have left settings of this user.
fn only_old_ones(computer: &Computer) -> bool {
    let Some(registry) = computer.registry.as_deref() else { return false };
    let any = |versions: &[&str]| {
        let key = |version| format!(r"Software\Microsoft\Office\{version}\Outlook");
        versions.iter().any(|version| registry.has_key(&key(version)).unwrap_or(false))
    };
    any(&["10.0", "11.0"]) && !any(&["12.0", "14.0", "15.0", "16.0"])
}

fn is_account(name: &str) -> bool {
    name.len() == 8 && name.bytes().all(|b| b.is_ascii_hexdigit())
}

/// `Ok(None)`: an address book, a store, an account that only receives.
fn read_account(
    registry: &dyn Registry,
    accounts: &str,
    name: &str,
    profile: &str,
) -> Result<Option<Account>, Problem> {
    let id = format!("outlook/{profile}/{name}");
    let key = format!("{accounts}\\{name}");
    let values = KeyValues::read(registry, &key).map_err(|error| unreadable(ClientId::Outlook, &id, &error))?;
    let class = values.shown("clsid").unwrap_or_default().to_ascii_uppercase();
    match class.as_str() {
        POP3 => read_internet_account(&values, id.clone(), profile, "POP3"),
        IMAP => read_internet_account(&values, id.clone(), profile, "IMAP"),
        MAPI => Ok(exchange_account(&values, id.clone(), profile)),
        _ => Ok(None),
    }
    .map_err(|unexpected: Unexpected| unexpected.problem(ClientId::Outlook, &id, "Outlook"))
}

fn read_internet_account(
    values: &KeyValues,
    id: String,
    profile: &str,
    protocol: &str,
) -> Result<Option<Account>, Unexpected> {
    let settings = values.settings(WRITTEN);
    let Some(server) = Server::read(&settings)? else { return Ok(None) };
    let incoming = incoming(values, protocol);
    let outgoing = server.outgoing(incoming.as_ref().and_then(|incoming| incoming.user.clone()));
    let incoming_password =
        values.holds(&format!("{protocol} Password")) || values.holds(&format!("{protocol} Password2"));
    let password_in_client = match outgoing.credential {
        CredentialSource::Own => values.holds("SMTP Password") || values.holds("SMTP Password2"),
        CredentialSource::SameAsIncoming | CredentialSource::None => incoming_password,
    };
    Ok(Some(Account {
        not_ours: not_ours(&outgoing, incoming.as_ref(), password_in_client),
        notices: server.notices(),
        password_in_client,
        incoming,
        settings,
        ..Account::found(id, ClientId::Outlook, profile, outgoing).with_emails(address(values))
    }))
}

fn incoming(values: &KeyValues, protocol: &str) -> Option<IncomingServer> {
    let value = |name: &str| format!("{protocol} {name}");
    let (kind, plain, tls) =
        if protocol == "IMAP" { (IncomingProtocol::Imap, 143, 993) } else { (IncomingProtocol::Pop3, 110, 995) };
    let encrypted = values.number(&value("Use SSL")).is_some_and(|flag| flag != 0);
    let written = values.number(&value("Port")).and_then(|port| u16::try_from(port).ok());
    Some(IncomingServer {
        protocol: kind,
        host: values.shown(&value("Server"))?,
        port: Some(written.unwrap_or(if encrypted { tls } else { plain })),
        user: values.shown(&value("User")).or_else(|| values.shown(&value("User Name"))),
    })
}

fn address(values: &KeyValues) -> Option<String> {
    values.shown("Email").or_else(|| values.shown("Account Name").filter(|name| name.contains('@')))
}

/// OAuth is only assumed where both signs agree: a provider that asks for it, and no password kept.
fn not_ours(outgoing: &SubmissionServer, incoming: Option<&IncomingServer>, password: bool) -> Option<NotOurs> {
    let owner = owner_of(&outgoing.host);
    let borrowed = (outgoing.credential == CredentialSource::SameAsIncoming)
        .then(|| incoming.and_then(|incoming| owner_of(&incoming.host)))
        .flatten();
    match owner.or(borrowed) {
        Some(NotOurs::Google | NotOurs::Microsoft | NotOurs::Yahoo) if !password => Some(NotOurs::Oauth2),
        _ => owner,
    }
}

fn exchange_account(values: &KeyValues, id: String, profile: &str) -> Option<Account> {
    if !values.shown("Service Name")?.eq_ignore_ascii_case("MSEMS") {
        return None;
    }
    Some(Account {
        not_ours: Some(NotOurs::Exchange),
        ..Account::found(id, ClientId::Outlook, profile, exchange_server()).with_emails(address(values))
    })
}

fn new_outlook_notice() -> Notice {
    Notice {
        code: "new_outlook_in_use".to_owned(),
        message: "The new Outlook is switched on; it has its own settings and does not use this one.".to_owned(),
    }
}
