//! Evolution for Linux: each account, identity and outgoing server in a `.source` file of its own. The password of an outgoing server
//! is an item of the session's keyring under the name of that file: another port needs no other password.
//!
//! Facts are from the real 3.46.4 of Debian 12. Evolution is waited for. `evolution-source-registry`, which a session of GNOME
//! always runs and nobody can close, is not: it takes over what is written beside it after about three seconds, and loses it only if
//! a program writes the very same server within these, which is what Evolution's own window would do. In somebody else's home
//! nothing tells that Evolution is open: it locks none of these files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use port26_platform::computer::Computer;

use super::abilities::Abilities;
use super::abilities::table::EVOLUTION as ABILITIES;
use super::key_file_settings::{Edits, Sheet, TlsWords, Unexpected, listed, unreadable};
use super::linux_homes::{Home, homes};
use super::providers::{exchange_server, owner_of};
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt};
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingProtocol, IncomingServer, Mechanism, NotOurs,
    SubmissionServer, TlsMode,
};
use crate::change::Change;

/// Evolution.
pub struct Evolution;

/// Evolution.
pub static EVOLUTION: Evolution = Evolution;

const NAME: &str = "Evolution";
const LOGIN: &str = "Authentication";
const SECURITY: &str = "Security";
const TRANSPORT: &str = "Mail Transport";
const IDENTITY: &str = "Mail Identity";
const SUBMISSION: &str = "Mail Submission";
const ACCOUNT: &str = "Mail Account";
const SOURCE: &str = "Data Source";

const TLS: TlsWords =
    TlsWords { none: "none", starttls: "starttls-on-standard-port", implicit: "ssl-on-alternate-port" };

/// The settings that an edit may touch, by our names, and where they are.
const SETTINGS: [(&str, &str, &str); 5] = [
    ("host", LOGIN, "Host"),
    ("port", LOGIN, "Port"),
    ("method", LOGIN, "Method"),
    ("user", LOGIN, "User"),
    ("security", SECURITY, "Method"),
];

fn places(computer: &Computer) -> Vec<(Home, PathBuf)> {
    let with_folder = |home: Home| {
        let folder = home.config.join("evolution/sources");
        (home, folder)
    };
    homes(computer, "org.gnome.Evolution", "evolution").into_iter().map(with_folder).collect()
}

/// The sources of a folder, by their names, and what cannot be read.
struct Sources {
    all: BTreeMap<String, Sheet>,
    problems: Vec<Problem>,
}

impl Sources {
    fn read(folder: &Path) -> Self {
        let mut sources = Self { all: BTreeMap::new(), problems: Vec::new() };
        let listed = listed(folder).unwrap_or_else(|why| {
            sources.problems.push(unreadable(ClientId::Evolution, NAME, folder, &why));
            Vec::new()
        });
        for path in listed {
            if path.extension().is_none_or(|extension| extension != "source") {
                continue;
            }
            let Some(name) = path.file_stem().map(|name| name.to_string_lossy().into_owned()) else { continue };
            match Sheet::open(&path) {
                Ok(Some(sheet)) => {
                    sources.all.insert(name, sheet);
                }
                Ok(None) => {}
                Err(why) => sources.problems.push(unreadable(ClientId::Evolution, NAME, &path, &why)),
            }
        }
        sources
    }

    fn text(&self, source: &str, section: &str, key: &str) -> Option<String> {
        self.all.get(source)?.text(section, key).ok().flatten()
    }

    /// The identities that send through a server.
    fn identities<'a>(&'a self, transport: &'a str) -> impl Iterator<Item = &'a str> {
        let names = move |source: &&str| self.text(source, SUBMISSION, "TransportUid").as_deref() == Some(transport);
        self.all.keys().map(String::as_str).filter(names)
    }

    /// The receiving server of the account that has one of these identities.
    fn incoming(&self, identities: &[&str]) -> Option<IncomingServer> {
        let of_account = |source: &&String| {
            let identity = self.text(source, ACCOUNT, "IdentityUid");
            identity.is_some_and(|identity| identities.contains(&identity.as_str()))
        };
        let source = self.all.keys().find(of_account)?;
        let protocol = match self.text(source, ACCOUNT, "BackendName")?.as_str() {
            "imap" | "imapx" => IncomingProtocol::Imap,
            "pop" => IncomingProtocol::Pop3,
            _ => IncomingProtocol::Other,
        };
        let host = self.text(source, LOGIN, "Host")?;
        let port = self.all.get(source)?.port(LOGIN, "Port").ok().flatten();
        Some(IncomingServer { protocol, host, port, user: self.text(source, LOGIN, "User") })
    }

    /// It and all that it belongs to, from below. No chain is longer than there are sources.
    fn chain<'a>(&'a self, source: &'a str) -> impl Iterator<Item = &'a Sheet> {
        let mut next = Some(source.to_owned());
        (0..self.all.len()).map_while(move |_| {
            let sheet = self.all.get(&next.take()?)?;
            next = sheet.text(SOURCE, "Parent").ok().flatten();
            Some(sheet)
        })
    }

    fn is_enabled(&self, source: &str) -> bool {
        self.chain(source).all(|sheet| sheet.flag(SOURCE, "Enabled", true))
    }

    fn is_of_the_desktop(&self, source: &str) -> bool {
        let desktops = ["GNOME Online Accounts", "Ubuntu Online Accounts"];
        self.chain(source).any(|sheet| sheet.sections().any(|section| desktops.contains(&section)))
    }

    /// `Ok(None)`: it is no outgoing server, or hands mail to a program of the system.
    fn account(&self, home: &Home, source: &str, sheet: &Sheet) -> Result<Option<Account>, Unexpected> {
        let outgoing = match sheet.text(TRANSPORT, "BackendName")?.as_deref() {
            Some("smtp") => outgoing(sheet)?,
            Some("ews" | "microsoft365" | "mapi") => exchange_server(),
            _ => return Ok(None),
        };
        let identities: Vec<&str> = self.identities(source).collect();
        let emails: Vec<String> =
            identities.iter().filter_map(|identity| self.text(identity, IDENTITY, "Address")).collect();
        let not_ours = if sheet.text(TRANSPORT, "BackendName")?.as_deref() != Some("smtp") {
            Some(NotOurs::Exchange)
        } else if self.is_of_the_desktop(source) {
            Some(NotOurs::OnlineAccounts)
        } else {
            owner_of(&outgoing.host).or((outgoing.auth == AuthSetting::Oauth2).then_some(NotOurs::Oauth2))
        };
        let settings = SETTINGS.into_iter().map(|(ours, section, key)| (ours, sheet.setting(section, key)));
        let id = home.id("evolution", source);
        Ok(Some(Account {
            used: !emails.is_empty() && self.is_enabled(source),
            incoming: self.incoming(&identities),
            not_ours,
            password_in_client: outgoing.auth != AuthSetting::None && sheet.flag(LOGIN, "RememberPassword", true),
            settings: settings.collect(),
            ..Account::found(id, ClientId::Evolution, home.profile(NAME), outgoing).with_emails(emails)
        }))
    }
}

/// The words of `Method`; `None`: nobody knows.
fn login_of(word: &str) -> Option<(AuthSetting, Option<Mechanism>)> {
    Some(match word {
        "none" => (AuthSetting::None, None),
        "PLAIN" => (AuthSetting::Password, Some(Mechanism::Plain)),
        "LOGIN" => (AuthSetting::Password, Some(Mechanism::Login)),
        "CRAM-MD5" => (AuthSetting::Encrypted, None),
        "GSSAPI" => (AuthSetting::Kerberos, None),
        "NTLM" => (AuthSetting::Ntlm, None),
        "XOAUTH2" | "OAuth2" | "Google" | "Outlook" | "Yahoo!" => (AuthSetting::Oauth2, None),
        _ => return None,
    })
}

fn outgoing(sheet: &Sheet) -> Result<SubmissionServer, Unexpected> {
    let missing = |key: &str| Unexpected::new(&format!("{LOGIN}/{key}"), "it is not there");
    let unknown = |name: &str, word: &str| Unexpected::new(name, format!("{word:?} is no word for it"));
    let host = sheet.text(LOGIN, "Host")?.ok_or_else(|| missing("Host"))?;
    let port = sheet.port(LOGIN, "Port")?.ok_or_else(|| missing("Port"))?;
    let tls = match sheet.text(SECURITY, "Method")? {
        None => TlsMode::None,
        Some(word) => TLS.mode(&word).ok_or_else(|| unknown("Security/Method", &word))?,
    };
    let method = sheet.text(LOGIN, "Method")?.unwrap_or_else(|| "none".to_owned());
    let (auth, mechanism) = login_of(&method).ok_or_else(|| unknown("Authentication/Method", &method))?;
    // A user is written also where it does not log in.
    let logs_in = auth != AuthSetting::None;
    let user = sheet.text(LOGIN, "User")?.filter(|_| logs_in);
    let credential = if logs_in { CredentialSource::Own } else { CredentialSource::None };
    Ok(SubmissionServer { host, port, port_is_default: false, tls, auth, credential, user, mechanism })
}

impl MailClient for Evolution {
    fn id(&self) -> ClientId {
        ClientId::Evolution
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        let profiles: Vec<ProfileAt> = places(computer)
            .into_iter()
            .filter(|(_, folder)| folder.is_dir())
            .map(|(home, folder)| ProfileAt { name: home.profile(NAME), path: Some(folder), key: None })
            .collect();
        Ok((!profiles.is_empty()).then(|| Installation { profiles, ..Installation::of(ClientId::Evolution) }))
    }

    fn accounts(&self, computer: &Computer, at: &Installation) -> Found {
        let mut found = Found::default();
        for (home, folder) in places(computer) {
            if !at.profiles.iter().any(|profile| profile.path.as_deref() == Some(&folder)) {
                continue;
            }
            let mut sources = Sources::read(&folder);
            found.problems.append(&mut sources.problems);
            for (name, sheet) in &sources.all {
                match sources.account(&home, name, sheet) {
                    Ok(account) => found.accounts.extend(account),
                    Err(why) => found.problems.push(sheet.problem(ClientId::Evolution, NAME, &why)),
                }
            }
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        let now = &account.outgoing;
        let Some(mut edits) = Edits::towards(account, to)? else { return Ok(Vec::new()) };
        edits.server(to, ("security", &TLS))?;
        let method = match (to.auth, to.mechanism) {
            (AuthSetting::None, _) => "none",
            // What its account editor writes where nobody chooses another.
            (AuthSetting::Password, None) => Mechanism::Plain.name(),
            (AuthSetting::Password, Some(named)) => named.name(),
            (AuthSetting::Encrypted, _) => Mechanism::CramMd5.name(),
            _ => return Err(edits.cannot("it logs in with a password or CRAM-MD5")),
        };
        if (to.auth, to.mechanism) != (now.auth, now.mechanism) {
            edits.set("method", method)?;
        }
        match (to.auth, &to.user) {
            (AuthSetting::None, _) => {}
            (_, Some(user)) => edits.set("user", user)?,
            (_, None) if now.user.is_some() => {}
            _ => return Err(edits.cannot("no user name is known to log in with")),
        }
        Ok(edits.done())
    }

    fn abilities(&self, _computer: &Computer, _account: &Account) -> Abilities {
        ABILITIES
    }

    /// Its window would write the account from what it has in memory.
    fn in_use(&self, computer: &Computer, _account: &Account) -> InUse {
        InUse::while_runs(computer, &["evolution"])
    }
}

#[cfg(test)]
mod tests;
