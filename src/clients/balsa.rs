//! Balsa for Linux: outgoing servers in `~/.balsa/config`, their users in `config-private` beside it. Passwords are in the session's
//! keyring under protocol, host with port, and user: after a change of port Balsa asks for the password.
//!
//! Facts are from the public source (`net-client-smtp.c`, `server.c`) and from the real 2.6.4 of Debian 12. Both files are written when
//! Balsa ends, from what it has in memory. In somebody else's home nothing tells that it is open: it locks no file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use port26_platform::computer::{Computer, Os};

use super::abilities::Abilities;
use super::abilities::table::BALSA as ABILITIES;
use super::key_file_settings::{Edits, Sheet, TlsWords, Unexpected, is_there, unreadable};
use super::providers::owner_of;
use super::receivers::receiver_of;
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt};
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingProtocol, IncomingServer, Notice, SubmissionServer,
    TlsMode,
};
use crate::change::Change;

/// Balsa.
pub struct Balsa;

/// Balsa.
pub static BALSA: Balsa = Balsa;

const NAME: &str = "Balsa";
const SECTION: &str = "smtp-server-";

/// `Security`. 3 is STARTTLS where it is offered, 0 what the first start leaves: nothing was chosen yet.
const TLS: TlsWords = TlsWords { none: "4", starttls: "2", implicit: "1" };
const STARTTLS_IF_OFFERED: &str = "3";
const NOT_CHOSEN: &str = "0";

fn folder(computer: &Computer) -> Option<PathBuf> {
    (computer.os == Os::Linux).then(|| computer.folders.home.join(".balsa"))
}

/// Both files.
struct Files {
    config: Sheet,
    /// Users, and passwords, which are passed over.
    private: Option<Sheet>,
}

impl Files {
    fn open(folder: &Path) -> Result<Option<Self>, Problem> {
        let open = |name: &str| {
            let file = folder.join(name);
            Sheet::open(&file).map_err(|why| unreadable(ClientId::Balsa, NAME, &file, &why))
        };
        let Some(config) = open("config")? else { return Ok(None) };
        Ok(Some(Self { config, private: open("config-private")? }))
    }

    fn user(&self, section: &str) -> Result<Option<String>, Unexpected> {
        self.private.as_ref().map_or(Ok(None), |private| private.text(section, "Username"))
    }

    /// The addresses of the identities that name this server. A name that is nobody's stands for the first
    /// (`find_smtp_server_by_name`).
    fn emails(&self, server: &str) -> Vec<String> {
        let identities = self.config.sections().filter(|section| section.starts_with("identity-"));
        let servers: Vec<&str> = self.config.sections().filter_map(|section| section.strip_prefix(SECTION)).collect();
        let of = |section: &str| {
            let named = self.config.text(section, "SmtpServer").ok().flatten();
            let address = self.config.text(section, "Address").ok().flatten()?;
            let named = named.as_deref().unwrap_or("Default");
            let meant = if servers.contains(&named) { Some(named) } else { servers.first().copied() };
            (meant == Some(server)).then_some(address)
        };
        identities.filter_map(of).collect()
    }

    fn receivers(&self) -> Vec<IncomingServer> {
        let sections =
            self.config.sections().filter(|name| name.starts_with("mailbox-") || name.starts_with("folder-"));
        let of = |section: &str| {
            let kind = self.config.text(section, "Type").ok().flatten().unwrap_or_default();
            let protocol = match kind.as_str() {
                "LibBalsaMailboxPOP3" => IncomingProtocol::Pop3,
                _ if kind.to_ascii_lowercase().contains("imap") || section.starts_with("folder-") => {
                    IncomingProtocol::Imap
                }
                _ => IncomingProtocol::Other,
            };
            let server = self.config.text(section, "Server").ok().flatten()?;
            let (host, port) = split(&server);
            Some(IncomingServer { protocol, host, port, user: self.user(section).ok().flatten() })
        };
        sections.filter_map(of).collect()
    }

    fn account(&self, section: &str, name: &str) -> Result<Option<Account>, Unexpected> {
        let Some(outgoing) = self.outgoing(section)? else { return Ok(None) };
        let emails = self.emails(name);
        let mut settings: BTreeMap<_, _> = ["Server", "Security", "Anonymous"]
            .into_iter()
            .map(|key| (key, self.config.setting(section, key)))
            .collect();
        if let Some(private) = &self.private {
            settings.insert("Username", private.setting(section, "Username"));
        }
        let id = format!("balsa/{name}");
        Ok(Some(Account {
            used: !emails.is_empty(),
            incoming: receiver_of(&self.receivers(), &emails),
            not_ours: owner_of(&outgoing.host),
            notices: vec![password_question()],
            // That of the port before is of no use to it.
            password_in_client: false,
            settings,
            ..Account::found(id, ClientId::Balsa, NAME, outgoing).with_emails(emails)
        }))
    }

    /// `Ok(None)`: it has no server.
    fn outgoing(&self, section: &str) -> Result<Option<SubmissionServer>, Unexpected> {
        let Some(server) = self.config.text(section, "Server")? else { return Ok(None) };
        let name = |key: &str| format!("{section}/{key}");
        if self.config.text(section, "AuthMode")?.is_some() {
            return Err(Unexpected::new(
                &name("AuthMode"),
                "a newer Balsa keeps its login so, which port26 does not know",
            ));
        }
        let (host, Some(port)) = split(&server) else {
            return Err(Unexpected::new(&name("Server"), format!("{server:?} has no port")));
        };
        let tls = match self.config.text(section, "Security")?.as_deref() {
            // An older Balsa wrote it in other ways.
            None => return Err(Unexpected::new(&name("Security"), "it is not there")),
            Some(NOT_CHOSEN) => TlsMode::None,
            Some(STARTTLS_IF_OFFERED) => TlsMode::Starttls,
            Some(number) => TLS
                .mode(number)
                .ok_or_else(|| Unexpected::new(&name("Security"), format!("{number:?} is not known")))?,
        };
        // Without a user it has nothing to log in with, whatever is ticked.
        let user = self.user(section)?.filter(|_| !self.config.flag(section, "Anonymous", false));
        let (auth, credential) = match user {
            Some(_) => (AuthSetting::Password, CredentialSource::Own),
            None => (AuthSetting::None, CredentialSource::None),
        };
        Ok(Some(SubmissionServer { host, port, port_is_default: false, tls, auth, credential, user, mechanism: None }))
    }
}

/// `mail.hosting.test:25`.
fn split(server: &str) -> (String, Option<u16>) {
    match server.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() => (host.to_owned(), port.parse().ok().filter(|&port: &u16| port != 0)),
        _ => (server.to_owned(), None),
    }
}

fn password_question() -> Notice {
    Notice {
        code: "password_question".to_owned(),
        message: "Balsa keeps the password of this server together with its port: after a change of port it asks for the password once."
            .to_owned(),
    }
}

impl MailClient for Balsa {
    fn id(&self) -> ClientId {
        ClientId::Balsa
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        let Some(folder) = folder(computer) else { return Ok(None) };
        // A newer one takes the old folder over once, and never looks at it again.
        let newer = computer.folders.roaming.join("balsa/config");
        if is_there(&newer) {
            return Err(Problem {
                client: Some(ClientId::Balsa),
                at: newer.display().to_string(),
                code: "newer_program".to_owned(),
                message: "This Balsa keeps its settings in a way that port26 does not know yet.".to_owned(),
                hint: "Set the outgoing server's port in Balsa by hand: Settings, Preferences, Mail Options."
                    .to_owned(),
            });
        }
        let folder = Some(folder).filter(|folder| is_there(&folder.join("config")));
        Ok(folder.map(|folder| Installation {
            profiles: vec![ProfileAt { name: NAME.to_owned(), path: Some(folder), key: None }],
            ..Installation::of(ClientId::Balsa)
        }))
    }

    fn accounts(&self, _computer: &Computer, at: &Installation) -> Found {
        let mut found = Found::default();
        for folder in at.profiles.iter().filter_map(|profile| profile.path.as_deref()) {
            let files = match Files::open(folder) {
                Ok(Some(files)) => files,
                Ok(None) => continue,
                Err(problem) => {
                    found.problems.push(problem);
                    continue;
                }
            };
            for section in files.config.sections() {
                let Some(name) = section.strip_prefix(SECTION) else { continue };
                match files.account(section, name) {
                    Ok(account) => found.accounts.extend(account),
                    Err(why) => found.problems.push(files.config.problem(ClientId::Balsa, NAME, &why)),
                }
            }
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        let now = &account.outgoing;
        let Some(mut edits) = Edits::towards(account, to)? else { return Ok(Vec::new()) };
        if to.mechanism.is_some() {
            return Err(edits.cannot("it chooses the way to log in by itself"));
        }
        if (&to.host, to.port) != (&now.host, now.port) {
            edits.set("Server", &format!("{}:{}", to.host, to.port))?;
        }
        // "If offered" is not what was proven: encryption that is there.
        if to.tls != now.tls || to.tls == TlsMode::Starttls {
            edits.set("Security", TLS.word(to.tls))?;
        }
        match (to.auth, &to.user) {
            (AuthSetting::None, _) if now.auth == AuthSetting::None => {}
            (AuthSetting::None, _) => edits.set("Anonymous", "true")?,
            (AuthSetting::Password | AuthSetting::Encrypted, Some(user)) => {
                edits.set("Anonymous", "false")?;
                edits.set("Username", user)?;
            }
            (AuthSetting::Password | AuthSetting::Encrypted, None) => {
                return Err(edits.cannot("no user name is known to log in with"));
            }
            _ => return Err(edits.cannot("it logs in with a password")),
        }
        Ok(edits.done())
    }

    fn abilities(&self, _computer: &Computer, _account: &Account) -> Abilities {
        ABILITIES
    }

    fn in_use(&self, computer: &Computer, _account: &Account) -> InUse {
        InUse::while_runs(computer, &["balsa"])
    }
}

#[cfg(test)]
mod tests;
