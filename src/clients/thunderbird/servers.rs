//! From the preferences of one profile to its outgoing servers: who sends through which, with what, and
//! whether the program itself has the password.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::bounds;
use super::family::Family;
use super::part::{LOGIN, LOGIN_SOURCE, Part, smtp_origin};
use super::preferences::Preferences;
use super::senders::{Missing, Sender, Senders, Servers, senders};
use super::store::{Store, TLS_RANGE};
use super::versions::{MAJOR, NEEDS_TLS_1_2, RANGE};
use crate::account::{
    Account, AuthSetting, CredentialSource, IncomingProtocol, IncomingServer, NotOurs, Notice, Setting,
    SubmissionServer, TlsMode,
};
use crate::change::{Content, Slot};
use crate::clients::providers::{https_server, owner_of};
use crate::clients::{Found, Problem};
use crate::formats::mozilla_logins::{Login, MozillaLogins, deterministic_guid};
use crate::formats::prefs_js::PrefsJs;
use crate::formats::{Document, FileFormat};

/// Since this version "STARTTLS, if available" is no choice.
pub(super) const STARTTLS_IS_SURE: u32 = 132;

/// A profile with everything read.
pub(super) struct Profile<'a> {
    pub family: &'a Family,
    /// As the program shows it.
    pub name: &'a str,
    /// Part of the account's id.
    pub id: String,
    pub path: &'a Path,
    /// prefs.js, which is what an edit changes.
    pub prefs: &'a PrefsJs,
    /// What the program has after a start.
    pub store: &'a Store,
    pub logins: Option<&'a MozillaLogins>,
    /// Major version of the program that used it last.
    pub major: Option<u32>,
}

struct Server {
    key: String,
    host: String,
    outgoing: SubmissionServer,
    /// What the `username` preference holds, used or not.
    user_written: Option<String>,
    starttls_if_offered: bool,
    kind: String,
}

/// A server that cannot be dialled.
struct NoPort {
    host: String,
    port: i32,
}

impl Servers for Profile<'_> {
    fn has_host(&self, key: &str) -> bool {
        self.kind(key) != "smtp" || self.part(key, Part::Host.pref()).is_some()
    }
}

impl Profile<'_> {
    pub fn pref(&self) -> Preferences<'_> {
        Preferences(self.store)
    }

    /// Who sends through which server.
    pub fn senders(&self) -> Senders {
        senders(&self.pref(), self, !self.is_old())
    }

    fn part(&self, key: &str, part: &str) -> Option<String> {
        self.pref().text(&format!("mail.smtpserver.{key}.{part}"))
    }

    fn kind(&self, key: &str) -> String {
        self.part(key, "type").unwrap_or_else(|| "smtp".to_owned())
    }

    fn is_old(&self) -> bool {
        self.major.map_or(self.family.old_rules, |major| self.family.old_rules || major < 91)
    }

    fn default_port(&self, tls: TlsMode) -> u16 {
        match tls {
            TlsMode::Implicit => 465,
            _ if self.is_old() => 25,
            _ => 587,
        }
    }

    fn tls(&self, key: &str) -> (TlsMode, bool) {
        let old = self.major.map_or(self.family.old_rules, |major| major < STARTTLS_IS_SURE);
        match self.pref().smtp_int(key, Part::TrySsl.pref()) {
            Some(1) if old => (TlsMode::Starttls, true),
            Some(1) => (TlsMode::None, true),
            Some(2) => (TlsMode::Starttls, false),
            Some(3) => (TlsMode::Implicit, false),
            _ => (TlsMode::None, false),
        }
    }

    /// `None`: there is no server of that key.
    fn server(&self, key: &str) -> Option<Result<Server, NoPort>> {
        let kind = self.kind(key);
        if kind != "smtp" {
            return Some(Ok(self.exchange_server(key, kind)));
        }
        let host = self.part(key, Part::Host.pref())?;
        let written = match self.written_port(key) {
            Ok(written) => written,
            Err(port) => return Some(Err(NoPort { host, port })),
        };
        let (tls, starttls_if_offered) = self.tls(key);
        let auth = self.auth(key);
        let user_written = self.part(key, Part::User.pref());
        let outgoing = SubmissionServer {
            host: host.clone(),
            port: written.unwrap_or_else(|| self.default_port(tls)),
            port_is_default: written.is_none(),
            tls,
            auth,
            credential: if auth == AuthSetting::None { CredentialSource::None } else { CredentialSource::Own },
            user: user_written.clone().filter(|_| auth != AuthSetting::None),
            mechanism: None,
        };
        Some(Ok(Server { key: key.to_owned(), host, outgoing, user_written, starttls_if_offered, kind }))
    }

    /// A server of another kind than SMTP, which is Exchange's.
    fn exchange_server(&self, key: &str, kind: String) -> Server {
        let url = self.part(key, "ews_url").or_else(|| self.part(key, "hostname")).unwrap_or_default();
        let host = url.split("://").last().unwrap_or_default().split(['/', ':']).next().unwrap_or_default().to_owned();
        let oauth2 = self.pref().smtp_int(key, Part::Auth.pref()) == Some(10);
        let outgoing = SubmissionServer {
            auth: if oauth2 { AuthSetting::Oauth2 } else { AuthSetting::Password },
            credential: CredentialSource::Own,
            user: self.part(key, "username"),
            ..https_server(host.clone())
        };
        Server { key: key.to_owned(), host, outgoing, user_written: None, starttls_if_offered: false, kind }
    }

    /// `Err`: a number that is no port.
    fn written_port(&self, key: &str) -> Result<Option<u16>, i32> {
        match self.pref().int(&format!("mail.smtpserver.{key}.{}", Part::Port.pref())) {
            None | Some(0) => Ok(None),
            Some(number) => u16::try_from(number).map(Some).map_err(|_| number),
        }
    }

    fn auth(&self, key: &str) -> AuthSetting {
        match self.pref().smtp_int(key, Part::Auth.pref()) {
            Some(1) => AuthSetting::None,
            Some(4 | 8) => AuthSetting::Encrypted,
            Some(5) => AuthSetting::Kerberos,
            Some(6) => AuthSetting::Ntlm,
            Some(7) => AuthSetting::External,
            Some(10) => AuthSetting::Oauth2,
            // a number for which SmtpClient.sys.mjs has no list of mechanisms: it sends without a login
            Some(number) if number != 3 && !self.is_old() => AuthSetting::None,
            _ => AuthSetting::Password,
        }
    }

    fn incoming(&self, server: &str) -> Option<IncomingServer> {
        let part = |part: &str| self.pref().text(&format!("mail.server.{server}.{part}"));
        let protocol = match part("type")?.as_str() {
            "imap" => IncomingProtocol::Imap,
            "pop3" => IncomingProtocol::Pop3,
            _ => IncomingProtocol::Other,
        };
        // an edited server keeps its first name in `hostname`; the `real` ones are what it uses
        Some(IncomingServer {
            protocol,
            host: part("realhostname").or_else(|| part("hostname"))?,
            port: self.pref().incoming_port(server).and_then(|port| u16::try_from(port).ok()),
            user: part("realuserName").or_else(|| part("userName")),
        })
    }

    /// Origins under which the incoming server's password may be kept.
    fn incoming_origins(&self, server: &str) -> Vec<String> {
        let part = |part: &str| self.pref().text(&format!("mail.server.{server}.{part}"));
        let scheme = match part("type").as_deref() {
            Some("imap") => "imap",
            Some("pop3") => "mailbox",
            _ => return Vec::new(),
        };
        let mut seen = HashSet::new();
        let hosts = [part("hostname"), part("realhostname")].into_iter().flatten();
        hosts.flat_map(|host| spellings(scheme, &host)).filter(|origin| seen.insert(origin.clone())).collect()
    }

    fn slot(&self, name: String) -> Slot {
        Slot::Setting { file: self.path.join("prefs.js"), format: FileFormat::PrefsJs, name }
    }

    fn settings(&self, key: &str) -> BTreeMap<&'static str, Setting> {
        let mut settings = BTreeMap::new();
        for part in Part::ALL {
            let name = format!("mail.smtpserver.{key}.{}", part.pref());
            // a value that is not Unicode shows as an empty literal, which planning refuses
            let content = self.prefs.get(&name).unwrap_or_else(|_| Some(String::new())).map(Content::Raw);
            if let Some(fixed) = self.store.fixed(&name) {
                let content = Some(Content::Raw(fixed.raw.unwrap_or_default().to_owned()));
                settings.insert(part.fixed(), Setting { slot: fixed.by.clone(), content });
            } else if let Some(raw) = self.store.by_default(&name) {
                let content = Some(Content::Raw(raw.to_owned()));
                settings.insert(part.suggested(), Setting { slot: self.slot(name.clone()), content });
            }
            settings.insert(part.setting(), Setting { slot: self.slot(name), content });
        }
        settings.extend(self.of_tls());
        settings
    }

    /// What decides which TLS the program has; only what is not as in a program of today.
    fn of_tls(&self) -> impl Iterator<Item = (&'static str, Setting)> {
        let major = self.major.filter(|major| *major < NEEDS_TLS_1_2 && !self.family.old_rules).map(|major| {
            let file = self.path.join("compatibility.ini");
            let name = "Compatibility/LastVersion".to_owned();
            let slot = Slot::Setting { file, format: FileFormat::KeyFile, name };
            (MAJOR, Setting { slot, content: Some(Content::Raw(major.to_string())) })
        });
        let range = RANGE.into_iter().zip(TLS_RANGE).filter_map(|(setting, pref)| {
            let raw = self.pref().int(pref)?.to_string();
            Some((setting, Setting { slot: self.slot(pref.to_owned()), content: Some(Content::Raw(raw)) }))
        });
        major.into_iter().chain(range)
    }

    /// All outgoing servers of the profile, and the addresses that have none.
    pub fn read(&self, found: &mut Found) {
        let senders = self.senders();
        if let Some(what) = senders.too_many {
            let file = self.path.join("prefs.js");
            found.problems.push(bounds::too_many(self.family, &file, what, bounds::MOST_ENTRIES));
        }
        let mut servers = Vec::new();
        for key in &senders.keys {
            match self.server(key) {
                Some(Ok(server)) => servers.push(server),
                Some(Err(no_port)) => found.problems.extend(self.port_out_of_range(key, &no_port, &senders)),
                None => {}
            }
        }
        found.problems.extend(self.without_server(&senders));
        found.accounts.extend(self.accounts(&servers, &senders));
    }

    /// Told only where somebody sends through it.
    fn port_out_of_range(&self, key: &str, server: &NoPort, senders: &Senders) -> Option<Problem> {
        let email = senders.by_key.get(key)?.iter().find_map(|sender| sender.email.clone());
        let id = format!("{}/{}/{key}", self.family.prefix, self.id);
        let NoPort { host, port } = server;
        let program = self.family.name;
        Some(Problem {
            client: Some(self.family.id),
            at: email.unwrap_or(id),
            code: "port_out_of_range".to_owned(),
            message: format!(
                "{program}'s outgoing server {host} is set to port {port}. Ports go from 1 to 65535, so nothing can be sent through it."
            ),
            hint: format!(
                "Open the account settings of {program}, choose Outgoing Server (SMTP), and enter the port that your mail host names."
            ),
        })
    }

    fn without_server(&self, senders: &Senders) -> Vec<Problem> {
        let program = self.family.name;
        let told = senders.without.iter().take(bounds::MOST_TOLD).map(|(email, missing)| {
            let why = match missing {
                Missing::Unlisted(key) => {
                    format!("its identity names the outgoing server \"{}\", which {program} does not have", bounds::shortened(key))
                }
                Missing::DefaultUnlisted(key) => {
                    format!("it uses the default outgoing server, and that is set to \"{}\", which {program} does not have", bounds::shortened(key))
                }
                Missing::NoServers => format!("{program} has no outgoing server at all"),
                Missing::UnknownType(key) => {
                    format!("the outgoing server \"{}\" is of a kind that {program} does not know, so it uses none", bounds::shortened(key))
                }
                Missing::NoHost(key) => format!("its outgoing server \"{}\" has no host name", bounds::shortened(key)),
            };
            Problem {
                client: Some(self.family.id),
                at: email.clone(),
                code: "no_outgoing_server".to_owned(),
                message: format!("{email} has no outgoing server in {program} and cannot send: {why}."),
                hint: format!("Open the account settings of {program}, choose this address and pick its outgoing server (SMTP). If the right one is missing, add it there first."),
            }
        });
        told.collect()
    }

    fn accounts(&self, servers: &[Server], senders: &Senders) -> Vec<Account> {
        let mut saved: HashMap<&str, Vec<&Login>> = HashMap::new();
        for login in self.logins.into_iter().flat_map(MozillaLogins::logins).filter(|login| login.is_of_mail()) {
            saved.entry(&login.hostname).or_default().push(login);
        }
        let mut copied: HashSet<String> = HashSet::new();
        let nobody = Vec::new();
        servers
            .iter()
            .map(|server| {
                let senders = senders.by_key.get(&server.key).unwrap_or(&nobody);
                let mut account = self.account(server, senders);
                let user = server.user_written.as_deref().or(account.outgoing.user.as_deref());
                let incoming = account.incoming.as_ref().and_then(|incoming| incoming.user.as_deref());
                // without one of its own it gets the incoming one with the move
                let login_user = user.or(incoming).unwrap_or_default();
                let there = logins_of(&server.host, login_user, &saved);
                let authenticates = account.outgoing.auth != AuthSetting::None;
                if user.is_some() && (authenticates || there > 0) {
                    account.password_in_client = there >= wanted_there(server, login_user, servers, &saved).max(1);
                } else if there == 0
                    && account.used
                    && let Some((guid, from, to)) = self.login_copy(server, senders, &account, &saved)
                    && copied.insert(guid)
                {
                    account.settings.extend([(LOGIN_SOURCE, from), (LOGIN, to)]);
                    account.password_in_client = true;
                }
                account
            })
            .collect()
    }

    /// The incoming server's saved login, copied to the outgoing server: only if it is surely the same user's.
    fn login_copy(
        &self,
        server: &Server,
        senders: &[Sender],
        account: &Account,
        saved: &HashMap<&str, Vec<&Login>>,
    ) -> Option<(String, Setting, Setting)> {
        let user = account.incoming.as_ref()?.user.as_deref()?;
        if server.user_written.as_deref().is_some_and(|written| written != user) {
            return None;
        }
        let incoming = self.incoming_key(senders)?;
        let origins = self.incoming_origins(incoming);
        let candidates = origins.iter().filter_map(|origin| saved.get(origin.as_str())).flatten();
        let mut candidates = candidates.filter(|login| login.may_be_of(user));
        let (Some(source), None) = (candidates.next(), candidates.next()) else { return None };
        if source.guid.is_empty() {
            return None;
        }
        let origin = smtp_origin(&server.host);
        let guid = deterministic_guid(&source.guid, &origin);
        let file: PathBuf = self.path.join("logins.json");
        let at =
            |name: &str| Slot::Setting { file: file.clone(), format: FileFormat::MozillaLogins, name: name.to_owned() };
        let content = self.logins?.get(&source.guid).ok().flatten().map(Content::Raw);
        let from = Setting { slot: at(&source.guid), content };
        Some((guid.clone(), from, Setting { slot: at(&guid), content: None }))
    }

    /// The incoming server of the first account that has a mailbox.
    fn incoming_key<'s>(&self, senders: &'s [Sender]) -> Option<&'s str> {
        let mailbox =
            |server: &&str| self.incoming(server).is_some_and(|incoming| incoming.protocol != IncomingProtocol::Other);
        senders.iter().map(|sender| sender.server.as_str()).find(mailbox)
    }

    fn account(&self, server: &Server, senders: &[Sender]) -> Account {
        let emails = senders.iter().filter_map(|sender| sender.email.clone());
        let id = format!("{}/{}/{}", self.family.prefix, self.id, server.key);
        let account = Account::found(id, self.family.id, self.name, server.outgoing.clone()).with_emails(emails);
        let settings = if server.kind == "smtp" { self.settings(&server.key) } else { BTreeMap::new() };
        let notices = [shared(senders, &account.emails), self.damaged()].into_iter().flatten();
        let notices = notices.chain(set_elsewhere(&settings));
        Account {
            used: !senders.is_empty(),
            incoming: self.incoming_key(senders).and_then(|key| self.incoming(key)),
            not_ours: not_ours(&server.kind, &server.host, server.outgoing.auth),
            notices: notices.chain(server.starttls_if_offered.then(starttls_if_offered)).collect(),
            settings,
            ..account
        }
    }

    fn damaged(&self) -> Option<Notice> {
        let damage = self.prefs.damage()?;
        Some(Notice {
            code: "settings_damaged".to_owned(),
            message: format!(
                "A part of this profile's prefs.js cannot be read (from byte {}: {}); {} leaves it out, and so does port26.",
                damage.offset, damage.why, self.family.name
            ),
        })
    }
}

/// Told of a server through which more than one account sends.
fn shared(senders: &[Sender], emails: &[String]) -> Option<Notice> {
    const SHOWN: usize = 10;
    let accounts = senders.iter().map(|sender| sender.account.as_str()).collect::<HashSet<_>>().len();
    if accounts < 2 {
        return None;
    }
    let mut who = emails[..emails.len().min(SHOWN)].join(", ");
    if emails.len() > SHOWN {
        who.push_str(", ..");
    }
    Some(Notice {
        code: "shared_server".to_owned(),
        message: format!("{accounts} accounts send through this server ({who}); one change moves them all."),
    })
}

/// What somebody else than the user sets at each start.
fn set_elsewhere(settings: &BTreeMap<&'static str, Setting>) -> impl Iterator<Item = Notice> {
    Part::ALL.into_iter().filter_map(|part| {
        let fixed = settings.get(part.fixed())?;
        Some(Notice {
            code: "set_elsewhere".to_owned(),
            message: format!("{} sets its {} at each start.", super::part::place(&fixed.slot), part.words()),
        })
    })
}

fn starttls_if_offered() -> Notice {
    Notice {
        code: "starttls_if_offered".to_owned(),
        message: "It is set to \"STARTTLS, if available\", which protects nothing against somebody in between and \
                  which newer versions treat as no encryption."
            .to_owned(),
    }
}

/// How many saved logins of a host may be this user's: the names are encrypted.
fn logins_of(host: &str, user: &str, saved: &HashMap<&str, Vec<&Login>>) -> usize {
    let origins = spellings("smtp", host);
    let logins = origins.iter().filter_map(|origin| saved.get(origin.as_str())).flatten();
    logins.filter(|login| login.may_be_of(user)).count()
}

/// How many user names want one of them: every name of this host that at least one of them may belong to.
fn wanted_there(server: &Server, user: &str, servers: &[Server], saved: &HashMap<&str, Vec<&Login>>) -> usize {
    let origins = spellings("smtp", &server.host);
    let logins = origins.iter().filter_map(|origin| saved.get(origin.as_str())).flatten();
    let mine: Vec<_> = logins.filter(|login| login.may_be_of(user)).collect();
    let same_host = servers.iter().filter(|other| other.host.eq_ignore_ascii_case(&server.host));
    let authenticating = same_host.filter(|other| other.outgoing.auth != AuthSetting::None);
    // one without a user name always asks
    let mut names: HashSet<&str> = authenticating.filter_map(|other| other.outgoing.user.as_deref()).collect();
    names.insert(user);
    names.into_iter().filter(|name| mine.iter().any(|login| login.may_be_of(name))).count()
}

/// The program looks for a saved login under the host as it is written and under it in lower case, and no other.
fn spellings(scheme: &str, host: &str) -> Vec<String> {
    // an address of IPv6 stands in brackets
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let mut origins = vec![format!("{scheme}://{host}")];
    let lower = format!("{scheme}://{}", host.to_lowercase());
    if lower != origins[0] {
        origins.push(lower);
    }
    origins
}

fn not_ours(kind: &str, host: &str, auth: AuthSetting) -> Option<NotOurs> {
    if kind != "smtp" {
        return Some(NotOurs::Exchange);
    }
    owner_of(host).or((auth == AuthSetting::Oauth2).then_some(NotOurs::Oauth2))
}

#[cfg(test)]
mod tests;
