//! KMail and Kontact for Linux: outgoing servers in `mailtransports`, of which only what is not the default is written. Passwords
//! are in KWallet or the session's keyring, under the transport's number: another port needs no other password.
//!
//! Facts are from the public source (`mailtransport.kcfg`, `kcoreconfigskeleton`), and from the real 22.12.3 of Debian 12: the
//! words of `encryption`, the numbers of `authtype`. An open KMail is no obstacle: `akonadi_maildispatcher_agent`, which sends, reads
//! the file anew for each message, and nothing writes it when KMail ends.

use std::collections::BTreeMap;
use std::path::PathBuf;

use port26_platform::computer::Computer;

use super::abilities::Abilities;
use super::abilities::table::KMAIL as ABILITIES;
use super::key_file_settings::{Edits, Sheet, TlsWords, Unexpected, Unread, is_there, listed, unreadable};
use super::linux_homes::{Home, homes};
use super::providers::owner_of;
use super::receivers::receiver_of;
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt};
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingProtocol, IncomingServer, Mechanism, NotOurs,
    SubmissionServer,
};
use crate::change::Change;

/// KMail.
pub struct KMail;

/// KMail.
pub static KMAIL: KMail = KMail;

const NAME: &str = "KMail";

/// Where no port is written, whatever the encryption.
const DEFAULT_PORT: u16 = 25;

/// The settings that an edit may touch, as the file names them.
const SETTINGS: [&str; 6] = ["host", "port", "encryption", "auth", "authtype", "user"];

const TLS: TlsWords = TlsWords { none: "None", starttls: "TLS", implicit: "SSL" };

/// Its places. Kontact is KMail in another window, with the same files; its Flatpak has its own.
fn places(computer: &Computer) -> Vec<Home> {
    let mut places = homes(computer, "org.kde.kmail", "kmail");
    let kontact = homes(computer, "org.kde.kontact", "kontact").into_iter().filter(|home| !home.kind.is_empty());
    places.extend(
        kontact.map(|home| Home { kind: if home.kind == "snap" { "kontact snap" } else { "kontact flatpak" }, ..home }),
    );
    places
}

/// What a number or word of `authtype` stands for, in the order of the program's own list; `None`: nobody knows.
fn login_of(word: &str) -> Option<(AuthSetting, Option<Mechanism>)> {
    let word = word.to_ascii_uppercase();
    Some(match word.as_str() {
        "0" | "LOGIN" => (AuthSetting::Password, Some(Mechanism::Login)),
        "1" | "PLAIN" => (AuthSetting::Password, Some(Mechanism::Plain)),
        "2" | "CRAM_MD5" => (AuthSetting::Encrypted, Some(Mechanism::CramMd5)),
        "4" | "GSSAPI" => (AuthSetting::Kerberos, None),
        "5" | "NTLM" => (AuthSetting::Ntlm, None),
        "9" | "XOAUTH2" => (AuthSetting::Oauth2, None),
        _ => return None,
    })
}

/// The number that a mechanism is written as.
fn authtype(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Login => "0",
        Mechanism::Plain => "1",
        Mechanism::CramMd5 => "2",
    }
}

/// Who sends through which transport, by its number; without one it is the default's.
#[derive(Default)]
struct Identities {
    list: Vec<(Option<String>, String)>,
}

impl Identities {
    fn read(home: &Home) -> Self {
        let Ok(Some(sheet)) = Sheet::open(&home.config.join("emailidentities")) else { return Self::default() };
        let of = |section: &str| {
            let email = sheet.text(section, "Email Address").ok().flatten()?;
            Some((sheet.text(section, "Transport").ok().flatten(), email))
        };
        let sections = sheet.sections().filter(|section| section.starts_with("Identity #"));
        Self { list: sections.filter_map(of).collect() }
    }

    fn of(&self, id: &str, is_default: bool) -> Vec<String> {
        let here = |transport: &Option<String>| transport.as_deref().map_or(is_default, |transport| transport == id);
        self.list.iter().filter(|(transport, _)| here(transport)).map(|(_, email)| email.clone()).collect()
    }
}

/// What the account of a transport needs to know of the other files of its home.
struct Around {
    identities: Identities,
    receivers: Vec<IncomingServer>,
}

/// The receiving servers, each in a file of an Akonadi resource.
fn receivers(home: &Home) -> Vec<IncomingServer> {
    let server = |path: &PathBuf| {
        let name = path.file_name()?.to_str().filter(|name| name.ends_with("rc"))?;
        if !name.starts_with("akonadi_imap_") && !name.starts_with("akonadi_pop3_") {
            return None;
        }
        let sheet = Sheet::open(path).ok().flatten()?;
        let (protocol, section, [host, port, user]) = match name.starts_with("akonadi_imap_") {
            true => (IncomingProtocol::Imap, "network", ["ImapServer", "ImapPort", "UserName"]),
            false => (IncomingProtocol::Pop3, "General", ["host", "port", "login"]),
        };
        let host = sheet.text(section, host).ok().flatten()?;
        let user = sheet.text(section, user).ok().flatten();
        Some(IncomingServer { protocol, host, port: sheet.port(section, port).ok().flatten(), user })
    };
    listed(&home.config).unwrap_or_default().iter().filter_map(server).collect()
}

/// What KDE's own marks lock (`[$i]`), or a program computes (`[$e]`), is not a value to be edited.
fn has_marks(sheet: &Sheet, section: &str) -> bool {
    sheet
        .keys(section)
        .any(|key| SETTINGS.iter().any(|ours| key.strip_prefix(ours).is_some_and(|rest| rest.starts_with('['))))
}

/// An administrator's file of the same name, whose values count wherever the user's file has none or is locked by it (`XDG_CONFIG_DIRS`,
/// without which it is `/etc/xdg`). What both make together is not known here.
fn administrators(computer: &Computer) -> Option<PathBuf> {
    computer.folders.home.ancestors().map(|root| root.join("etc/xdg/mailtransports")).find(|file| is_there(file))
}

fn outgoing(sheet: &Sheet, section: &str, host: String) -> Result<SubmissionServer, Unexpected> {
    let unexpected =
        |key: &str, word: &str| Unexpected::new(&format!("{section}/{key}"), format!("{word:?} is not known"));
    let tls = match sheet.text(section, "encryption")? {
        None => crate::account::TlsMode::None,
        Some(word) => TLS.mode(&word).ok_or_else(|| unexpected("encryption", &word))?,
    };
    let port = sheet.port(section, "port")?;
    let (auth, mechanism) = match (sheet.flag(section, "auth", false), sheet.text(section, "authtype")?) {
        (false, _) => (AuthSetting::None, None),
        (true, None) => (AuthSetting::Password, Some(Mechanism::Plain)),
        (true, Some(word)) => login_of(&word).ok_or_else(|| unexpected("authtype", &word))?,
    };
    let logs_in = auth != AuthSetting::None;
    Ok(SubmissionServer {
        host,
        port: port.unwrap_or(DEFAULT_PORT),
        port_is_default: port.is_none(),
        tls,
        auth,
        credential: if logs_in { CredentialSource::Own } else { CredentialSource::None },
        user: sheet.text(section, "user")?.filter(|_| logs_in),
        mechanism: mechanism.filter(|_| auth == AuthSetting::Password),
    })
}

/// `Ok(None)`: it has no server.
fn account(
    home: &Home,
    around: &Around,
    sheet: &Sheet,
    section: &str,
    id: &str,
) -> Result<Option<Account>, Unexpected> {
    let smtp = sheet.text(section, "identifier")?.is_none_or(|kind| kind.eq_ignore_ascii_case("SMTP"));
    let Some(host) = sheet.text(section, "host")?.filter(|_| smtp) else { return Ok(None) };
    if has_marks(sheet, section) {
        return Err(Unexpected::new(section, "some of its lines have marks of KDE's ([$i], [$e])"));
    }
    let outgoing = outgoing(sheet, section, host)?;
    let default = sheet.text("General", "default-transport")?;
    let emails = around.identities.of(id, default.as_deref() == Some(id));
    let not_ours = if sheet.text(section, "precommand")?.is_some() {
        Some(NotOurs::LocalCommand)
    } else {
        owner_of(&outgoing.host).or((outgoing.auth == AuthSetting::Oauth2).then_some(NotOurs::Oauth2))
    };
    let settings: BTreeMap<_, _> = SETTINGS.into_iter().map(|key| (key, sheet.setting(section, key))).collect();
    Ok(Some(Account {
        incoming: receiver_of(&around.receivers, &emails),
        not_ours,
        password_in_client: outgoing.auth != AuthSetting::None && sheet.flag(section, "storepass", false),
        settings,
        ..Account::found(home.id("kmail", id), ClientId::Kmail, home.profile(NAME), outgoing).with_emails(emails)
    }))
}

impl MailClient for KMail {
    fn id(&self) -> ClientId {
        ClientId::Kmail
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        let profiles: Vec<ProfileAt> = places(computer)
            .into_iter()
            .map(|home| ProfileAt {
                name: home.profile(NAME),
                path: Some(home.config.join("mailtransports")),
                key: None,
            })
            .filter(|profile| profile.path.as_deref().is_some_and(is_there))
            .collect();
        Ok((!profiles.is_empty()).then(|| Installation { profiles, ..Installation::of(ClientId::Kmail) }))
    }

    fn accounts(&self, computer: &Computer, at: &Installation) -> Found {
        let mut found = Found::default();
        for home in places(computer) {
            let file = home.config.join("mailtransports");
            if !at.profiles.iter().any(|profile| profile.path.as_deref() == Some(&file)) {
                continue;
            }
            let sheet = match Sheet::open(&file) {
                Ok(Some(sheet)) => sheet,
                Ok(None) => continue,
                Err(why) => {
                    found.problems.push(unreadable(ClientId::Kmail, NAME, &file, &why));
                    continue;
                }
            };
            let held = administrators(computer)
                .map(|file| format!("an administrator's {} has a say in it", file.display()))
                .or_else(|| sheet.has_locked_sections().then(|| "a heading of it is locked ([$i])".to_owned()));
            if let Some(why) = held {
                found.problems.push(unreadable(ClientId::Kmail, NAME, &file, &Unread::Form(why)));
                continue;
            }
            let around = Around { identities: Identities::read(&home), receivers: receivers(&home) };
            for section in sheet.sections() {
                let Some(id) = section.strip_prefix("Transport ") else { continue };
                match account(&home, &around, &sheet, section, id) {
                    Ok(account) => found.accounts.extend(account),
                    Err(why) => found.problems.push(sheet.problem(ClientId::Kmail, NAME, &why)),
                }
            }
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        let now = &account.outgoing;
        let Some(mut edits) = Edits::towards(account, to)? else { return Ok(Vec::new()) };
        edits.server(to, ("encryption", &TLS))?;
        // It takes none by itself: without a name here it is the one that its list begins with for a new login.
        let mechanism = match to.auth {
            AuthSetting::None => {
                if now.auth != AuthSetting::None {
                    edits.set("auth", "false")?;
                }
                return Ok(edits.done());
            }
            AuthSetting::Password => to.mechanism.unwrap_or(Mechanism::Plain),
            AuthSetting::Encrypted => Mechanism::CramMd5,
            _ => return Err(edits.cannot("it logs in with a password or CRAM-MD5")),
        };
        if now.auth == AuthSetting::None {
            edits.set("auth", "true")?;
        }
        if now.auth == AuthSetting::None || (to.auth, to.mechanism) != (now.auth, now.mechanism) {
            edits.set("authtype", authtype(mechanism))?;
        }
        match (&to.user, &now.user) {
            (Some(user), now) if now.as_ref() != Some(user) => edits.set("user", user)?,
            (None, None) => return Err(edits.cannot("no user name is known to log in with")),
            _ => {}
        }
        Ok(edits.done())
    }

    fn abilities(&self, _computer: &Computer, _account: &Account) -> Abilities {
        ABILITIES
    }

    /// It neither writes the file when it ends nor sends by what it has in memory.
    fn in_use(&self, _computer: &Computer, _account: &Account) -> InUse {
        InUse::No
    }
}

#[cfg(test)]
mod tests;
