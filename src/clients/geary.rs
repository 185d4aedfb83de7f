//! Geary for Linux: `geary.ini` in a folder for each account. Passwords are in the session's keyring, under protocol, host and
//! login, so that another port needs no other password.
//!
//! Facts are from the public source (`accounts-manager.vala`, `util-config-file.vala`), tried with the real 43.0 of Debian 12. The
//! file is read when Geary starts, and written whenever its account window changes the account, from what was read then. In
//! somebody else's home nothing tells that it is open: it locks no file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use port26_platform::computer::Computer;

use super::abilities::Abilities;
use super::abilities::table::GEARY as ABILITIES;
use super::key_file_settings::{Edits, Sheet, TlsWords, Unexpected, Unread, is_there, listed, unreadable};
use super::linux_homes::{Home, homes};
use super::providers::{https_server, owner_of};
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt};
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingProtocol, IncomingServer, NotOurs, SubmissionServer,
    TlsMode,
};
use crate::change::Change;

/// Geary.
pub struct Geary;

/// Geary.
pub static GEARY: Geary = Geary;

const NAME: &str = "Geary";
const INCOMING: &str = "Incoming";
const OUTGOING: &str = "Outgoing";
const METADATA: &str = "Metadata";

/// The settings that an edit may touch, as the file names them.
const SETTINGS: [&str; 5] = ["host", "port", "transport_security", "credentials", "login"];

/// Its places, each with the folder of the accounts.
fn places(computer: &Computer) -> impl Iterator<Item = (Home, PathBuf)> {
    homes(computer, "org.gnome.Geary", "geary").into_iter().map(|home| {
        let folder = home.config.join("geary");
        (home, folder)
    })
}

/// The accounts of a folder: each a folder with its file, in the order of their names.
fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, Unread> {
    let of = |path: PathBuf| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        Some((name, path.join("geary.ini"))).filter(|(_, file)| is_there(file))
    };
    Ok(listed(folder)?.into_iter().filter_map(of).collect())
}

const TLS: TlsWords = TlsWords { none: "none", starttls: "start-tls", implicit: "transport" };

fn tls_of(sheet: &Sheet, section: &str) -> Result<TlsMode, Unexpected> {
    let word = sheet.text(section, "transport_security")?.unwrap_or_default();
    let unknown = || Unexpected::new(&format!("{section}/transport_security"), format!("{word:?} is no word for it"));
    TLS.mode(&word).ok_or_else(unknown)
}

/// Where no port is written it goes by the TLS mode and the login (`get_default_port`).
fn default_port(tls: TlsMode, auth: AuthSetting) -> u16 {
    match (tls, auth) {
        (TlsMode::Implicit, _) => 465,
        (_, AuthSetting::None) => 25,
        _ => 587,
    }
}

fn incoming(sheet: &Sheet) -> Result<Option<IncomingServer>, Unexpected> {
    let Some(host) = sheet.text(INCOMING, "host")? else { return Ok(None) };
    let default = if tls_of(sheet, INCOMING)? == TlsMode::Implicit { 993 } else { 143 };
    let port = sheet.port(INCOMING, "port")?.unwrap_or(default);
    let user = sheet.text(INCOMING, "login")?;
    Ok(Some(IncomingServer { protocol: IncomingProtocol::Imap, host, port: Some(port), user }))
}

fn outgoing(sheet: &Sheet, incoming: Option<&IncomingServer>) -> Result<SubmissionServer, Unexpected> {
    let host = sheet.text(OUTGOING, "host")?.ok_or_else(|| Unexpected::new("Outgoing/host", "it is not there"))?;
    let tls = tls_of(sheet, OUTGOING)?;
    let port = sheet.port(OUTGOING, "port")?;
    let (auth, credential, user) = match sheet.text(OUTGOING, "credentials")?.unwrap_or_default().as_str() {
        "none" => (AuthSetting::None, CredentialSource::None, None),
        "use-incoming" => {
            let user = incoming.and_then(|incoming| incoming.user.clone());
            (AuthSetting::Password, CredentialSource::SameAsIncoming, user)
        }
        "custom" => (AuthSetting::Password, CredentialSource::Own, sheet.text(OUTGOING, "login")?),
        word => return Err(Unexpected::new("Outgoing/credentials", format!("{word:?} is no word for it"))),
    };
    let (port, port_is_default) = (port.unwrap_or_else(|| default_port(tls, auth)), port.is_none());
    Ok(SubmissionServer { host, port, port_is_default, tls, auth, credential, user, mechanism: None })
}

/// Whose account it is where the file names no server: that of a provider, or of the desktop's Online Accounts.
fn of_others(sheet: &Sheet) -> Result<Option<(NotOurs, &'static str)>, Unexpected> {
    if sheet.text(METADATA, "goa")?.is_some() {
        return Ok(Some((NotOurs::OnlineAccounts, "online-accounts")));
    }
    Ok(match sheet.text("Account", "service_provider")?.as_deref() {
        Some("gmail") => Some((NotOurs::Google, "smtp.gmail.com")),
        Some("outlook") => Some((NotOurs::Microsoft, "smtp-mail.outlook.com")),
        Some("yahoo") => Some((NotOurs::Yahoo, "smtp.mail.yahoo.com")),
        _ => None,
    })
}

/// The addresses in a list like `Jan de Vries <jan@hosting.test>;office@hosting.test;`.
fn addresses(list: &str) -> Vec<String> {
    let bare = |one: &str| {
        let address = one.rsplit_once('<').map_or(one, |(_, rest)| rest.split('>').next().unwrap_or_default());
        Some(address.trim().to_owned()).filter(|address| address.contains('@'))
    };
    list.split(';').filter_map(bare).collect()
}

/// `Ok(None)`: it is of an account that is gone.
fn account(home: &Home, name: &str, sheet: &Sheet) -> Result<Option<Account>, Unexpected> {
    let status = sheet.text(METADATA, "status")?;
    if status.as_deref() == Some("removed") {
        return Ok(None);
    }
    if sheet.text(METADATA, "version")?.as_deref() != Some("1") {
        return Err(Unexpected::new("Metadata/version", "it is of another version than 1"));
    }
    let (not_ours, incoming, outgoing) = match of_others(sheet)? {
        Some((owner, host)) => (Some(owner), None, https_server(host.to_owned())),
        None => {
            let incoming = incoming(sheet)?;
            let outgoing = outgoing(sheet, incoming.as_ref())?;
            (owner_of(&outgoing.host), incoming, outgoing)
        }
    };
    // Whether the keyring has it is not looked up: Geary says that it was told to keep it there.
    let keeper = if outgoing.credential == CredentialSource::Own { OUTGOING } else { INCOMING };
    // A list has an escape of its own (`\;`), for names that hold its separator: such a list tells no address.
    let emails = addresses(&sheet.text("Account", "sender_mailboxes").ok().flatten().unwrap_or_default());
    let settings: BTreeMap<_, _> = SETTINGS.into_iter().map(|key| (key, sheet.setting(OUTGOING, key))).collect();
    Ok(Some(Account {
        used: status.as_deref() != Some("disabled"),
        incoming,
        not_ours,
        password_in_client: sheet.flag(keeper, "remember_password", true),
        settings,
        ..Account::found(home.id("geary", name), ClientId::Geary, home.profile(NAME), outgoing).with_emails(emails)
    }))
}

impl MailClient for Geary {
    fn id(&self) -> ClientId {
        ClientId::Geary
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        let profiles: Vec<ProfileAt> = places(computer)
            // one that cannot be listed is told with its accounts
            .filter(|(_, folder)| files(folder).map_or(true, |files| !files.is_empty()))
            .map(|(home, folder)| ProfileAt { name: home.profile(NAME), path: Some(folder), key: None })
            .collect();
        Ok((!profiles.is_empty()).then(|| Installation { profiles, ..Installation::of(ClientId::Geary) }))
    }

    fn accounts(&self, computer: &Computer, at: &Installation) -> Found {
        let mut found = Found::default();
        for (home, folder) in places(computer) {
            if !at.profiles.iter().any(|profile| profile.path.as_deref() == Some(&folder)) {
                continue;
            }
            let files = files(&folder).unwrap_or_else(|why| {
                found.problems.push(unreadable(ClientId::Geary, NAME, &folder, &why));
                Vec::new()
            });
            for (name, file) in files {
                let read = match Sheet::open(&file) {
                    Ok(None) => continue,
                    Ok(Some(sheet)) => {
                        account(&home, &name, &sheet).map_err(|why| sheet.problem(ClientId::Geary, NAME, &why))
                    }
                    Err(why) => Err(unreadable(ClientId::Geary, NAME, &file, &why)),
                };
                match read {
                    Ok(account) => found.accounts.extend(account),
                    Err(problem) => found.problems.push(problem),
                }
            }
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        let now = &account.outgoing;
        let Some(mut edits) = Edits::towards(account, to)? else { return Ok(Vec::new()) };
        if to.mechanism.is_some() || !matches!(to.auth, AuthSetting::None | AuthSetting::Password) {
            return Err(edits.cannot("it chooses between PLAIN and LOGIN by itself"));
        }
        if to.host != now.host {
            edits.set("host", &to.host)?;
        }
        if to.port != now.port || now.port_is_default && default_port(to.tls, to.auth) != to.port {
            edits.set("port", &to.port.to_string())?;
        }
        if to.tls != now.tls {
            edits.set("transport_security", TLS.word(to.tls))?;
        }
        let shared = account.incoming.as_ref().and_then(|incoming| incoming.user.as_deref());
        match (to.auth, to.credential, to.user.as_deref()) {
            (AuthSetting::None, ..) => edits.set("credentials", "none")?,
            (_, CredentialSource::SameAsIncoming, user) if shared.is_some() && (user.is_none() || user == shared) => {
                edits.set("credentials", "use-incoming")?;
            }
            (_, _, Some(user)) => {
                edits.set("credentials", "custom")?;
                edits.set("login", user)?;
            }
            (_, _, None) if now.credential == CredentialSource::Own => {}
            (_, _, None) => return Err(edits.cannot("no user name is known to log in with")),
        }
        Ok(edits.done())
    }

    fn abilities(&self, _computer: &Computer, _account: &Account) -> Abilities {
        ABILITIES
    }

    /// It would not see the change, and puts the old values back when its account window is used.
    fn in_use(&self, computer: &Computer, _account: &Account) -> InUse {
        InUse::while_runs(computer, &["geary"])
    }
}

#[cfg(test)]
mod tests;
