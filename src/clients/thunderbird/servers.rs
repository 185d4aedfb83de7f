//! From the preferences of one profile to its outgoing servers: who sends through which, with what, and
//! whether the program itself has the password.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::overrides::Overrides;
use super::{Family, LOGIN, LOGIN_SOURCE, Part, smtp_origin};
use crate::account::{
    Account, AuthSetting, CredentialSource, IncomingProtocol, IncomingServer, NotOurs, Notice, Setting,
    SubmissionServer, TlsMode,
};
use crate::change::{Content, Slot};
use crate::clients::providers::owner_of;
use crate::formats::mozilla_logins::{Login, MozillaLogins, deterministic_guid};
use crate::formats::prefs_js::{self, PrefValue, PrefsJs};
use crate::formats::{Document, FileFormat};

/// A profile with everything read.
pub(super) struct Profile<'a> {
    pub family: &'a Family,
    /// As the program shows it.
    pub name: &'a str,
    /// Part of the account's id.
    pub id: String,
    pub path: &'a Path,
    pub prefs: &'a PrefsJs,
    pub overrides: &'a Overrides,
    pub logins: Option<&'a MozillaLogins>,
    /// Major version of the program that used it last.
    pub major: Option<u32>,
}

struct Sender {
    account: String,
    email: Option<String>,
    server: Option<String>,
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

fn not_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl Profile<'_> {
    fn value(&self, name: &str) -> Option<PrefValue> {
        if let Some(fixed) = self.overrides.fixed(name) {
            return fixed.raw.as_deref().and_then(prefs_js::decode);
        }
        match self.prefs.get(name) {
            Ok(None) => self.overrides.suggested(name).and_then(prefs_js::decode),
            Ok(Some(raw)) => prefs_js::decode(&raw),
            Err(_) => None,
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            PrefValue::Text(text) => not_empty(text),
            _ => None,
        }
    }

    fn int(&self, name: &str) -> Option<i32> {
        match self.value(name)? {
            PrefValue::Int(number) => Some(number),
            _ => None,
        }
    }

    fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        let mut seen = HashSet::new();
        text.split([',', ' '])
            .filter(|key| !key.is_empty() && seen.insert(key.to_string()))
            .map(str::to_owned)
            .collect()
    }

    /// A number of an outgoing server, else the one for all outgoing servers.
    fn smtp_int(&self, key: &str, part: &str) -> Option<i32> {
        self.int(&format!("mail.smtpserver.{key}.{part}"))
            .or_else(|| self.int(&format!("mail.smtpserver.default.{part}")))
    }

    fn default_port(&self, tls: TlsMode) -> u16 {
        let old = self.family.old_default_port || self.major.is_some_and(|major| major < 91);
        match tls {
            TlsMode::Implicit => 465,
            _ if old => 25,
            _ => 587,
        }
    }

    fn tls(&self, key: &str) -> (TlsMode, bool) {
        let old = self.major.map_or(self.family.old_default_port, |major| major < 132);
        match self.smtp_int(key, Part::TrySsl.pref()) {
            Some(1) if old => (TlsMode::Starttls, true),
            Some(1) => (TlsMode::None, true),
            Some(2) => (TlsMode::Starttls, false),
            Some(3) => (TlsMode::Implicit, false),
            _ => (TlsMode::None, false),
        }
    }

    fn server(&self, key: &str) -> Option<Server> {
        let part = |part: &str| self.text(&format!("mail.smtpserver.{key}.{part}"));
        let kind = part("type").unwrap_or_else(|| "smtp".to_owned());
        if kind != "smtp" {
            let url = part("ews_url").or_else(|| part("hostname")).unwrap_or_default();
            let host =
                url.split("://").last().unwrap_or_default().split(['/', ':']).next().unwrap_or_default().to_owned();
            let outgoing = SubmissionServer {
                host: host.clone(),
                port: 443,
                port_is_default: true,
                tls: TlsMode::Implicit,
                auth: if self.smtp_int(key, Part::Auth.pref()) == Some(10) {
                    AuthSetting::Oauth2
                } else {
                    AuthSetting::Password
                },
                credential: CredentialSource::Own,
                user: part("username"),
            };
            return Some(Server {
                key: key.to_owned(),
                host,
                outgoing,
                user_written: None,
                starttls_if_offered: false,
                kind,
            });
        }
        let host = part(Part::Host.pref())?;
        let (tls, starttls_if_offered) = self.tls(key);
        let written =
            self.smtp_int(key, Part::Port.pref()).and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
        let auth = match self.smtp_int(key, Part::Auth.pref()) {
            Some(1) => AuthSetting::None,
            Some(4 | 8) => AuthSetting::Encrypted,
            Some(5) => AuthSetting::Kerberos,
            Some(6) => AuthSetting::Ntlm,
            Some(7) => AuthSetting::External,
            Some(10) => AuthSetting::Oauth2,
            _ => AuthSetting::Password,
        };
        let user_written = part(Part::User.pref());
        let outgoing = SubmissionServer {
            host: host.clone(),
            port: written.unwrap_or_else(|| self.default_port(tls)),
            port_is_default: written.is_none(),
            tls,
            auth,
            credential: if auth == AuthSetting::None { CredentialSource::None } else { CredentialSource::Own },
            user: user_written.clone().filter(|_| auth != AuthSetting::None),
        };
        Some(Server { key: key.to_owned(), host, outgoing, user_written, starttls_if_offered, kind })
    }

    /// Who sends through which server. Keys that no list names but that identities use come last in `keys`.
    fn senders(&self, keys: &mut Vec<String>) -> HashMap<String, Vec<Sender>> {
        let default =
            self.text("mail.smtp.defaultserver").filter(|key| keys.contains(key)).or_else(|| keys.first().cloned());
        let mut known: HashSet<String> = keys.iter().cloned().collect();
        let mut senders: HashMap<String, Vec<Sender>> = HashMap::new();
        for account in self.list("mail.accountmanager.accounts") {
            let server = self.text(&format!("mail.account.{account}.server"));
            for identity in self.list(&format!("mail.account.{account}.identities")) {
                let own = self.text(&format!("mail.identity.{identity}.smtpServer"));
                let Some(key) = own.or_else(|| default.clone()) else { continue };
                if known.insert(key.clone()) {
                    keys.push(key.clone());
                }
                senders.entry(key).or_default().push(Sender {
                    account: account.clone(),
                    email: self.text(&format!("mail.identity.{identity}.useremail")),
                    server: server.clone(),
                });
            }
        }
        senders
    }

    fn incoming(&self, server: &str) -> Option<IncomingServer> {
        let part = |part: &str| self.text(&format!("mail.server.{server}.{part}"));
        let protocol = match part("type")?.as_str() {
            "imap" => IncomingProtocol::Imap,
            "pop3" => IncomingProtocol::Pop3,
            _ => IncomingProtocol::Other,
        };
        let number = |part: &str| self.int(&format!("mail.server.{server}.{part}"));
        let implicit = number("socketType") == Some(3);
        let default = match (protocol, implicit) {
            (IncomingProtocol::Imap, false) => Some(143),
            (IncomingProtocol::Imap, true) => Some(993),
            (IncomingProtocol::Pop3, false) => Some(110),
            (IncomingProtocol::Pop3, true) => Some(995),
            (IncomingProtocol::Other, _) => None,
        };
        let port = number("port").and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
        // an edited server keeps its first name in `hostname`; the `real` ones are what it uses
        Some(IncomingServer {
            protocol,
            host: part("realhostname").or_else(|| part("hostname"))?,
            port: port.or(default),
            user: part("realuserName").or_else(|| part("userName")),
        })
    }

    /// Origins under which the incoming server's password may be kept.
    fn incoming_origins(&self, server: &str) -> Vec<String> {
        let part = |part: &str| self.text(&format!("mail.server.{server}.{part}"));
        let scheme = match part("type").as_deref() {
            Some("imap") => "imap",
            Some("pop3") => "mailbox",
            _ => return Vec::new(),
        };
        let mut origins: Vec<String> = [part("hostname"), part("realhostname")]
            .into_iter()
            .flatten()
            .map(|host| format!("{scheme}://{host}"))
            .collect();
        origins.dedup();
        origins
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
            if let Some(fixed) = self.overrides.fixed(&name) {
                let content = Some(Content::Raw(fixed.raw.clone().unwrap_or_default()));
                settings.insert(part.fixed(), Setting { slot: fixed.slot.clone(), content });
            }
            settings.insert(part.setting(), Setting { slot: self.slot(name), content });
        }
        settings
    }

    /// All outgoing servers of the profile.
    pub fn accounts(&self) -> Vec<Account> {
        let mut keys = self.list("mail.smtpservers");
        let senders = self.senders(&mut keys);
        let servers: Vec<Server> = keys.iter().filter_map(|key| self.server(key)).collect();
        let mut saved: HashMap<&str, Vec<&Login>> = HashMap::new();
        for login in self.logins.into_iter().flat_map(MozillaLogins::logins) {
            let realm_fits = login.http_realm.as_ref().is_none_or(|realm| *realm == login.hostname);
            if login.has_password && realm_fits {
                saved.entry(&login.hostname).or_default().push(login);
            }
        }
        // how many user names want a saved login of the same host: they are encrypted, so they can only be counted
        let mut wanting: HashMap<&str, HashSet<Option<&str>>> = HashMap::new();
        for server in servers.iter().filter(|server| server.outgoing.auth != AuthSetting::None) {
            wanting.entry(&server.host).or_default().insert(server.outgoing.user.as_deref());
        }
        let mut copied: HashSet<String> = HashSet::new();
        let nobody = Vec::new();
        servers
            .iter()
            .map(|server| {
                let senders = senders.get(&server.key).unwrap_or(&nobody);
                let mut account = self.account(server, senders);
                let origin = smtp_origin(&server.host);
                let there = saved.get(origin.as_str()).map_or(0, Vec::len);
                let wanted = wanting.get(server.host.as_str()).map_or(0, HashSet::len);
                let authenticates = account.outgoing.auth != AuthSetting::None && account.outgoing.user.is_some();
                if authenticates {
                    account.password_in_client = there >= wanted.max(1);
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
        let mut candidates = origins.iter().filter_map(|origin| saved.get(origin.as_str())).flatten();
        let (Some(source), None) = (candidates.next(), candidates.next()) else { return None };
        if !source.has_username || source.guid.is_empty() {
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
        senders.iter().filter_map(|sender| sender.server.as_deref()).find(mailbox)
    }

    fn account(&self, server: &Server, senders: &[Sender]) -> Account {
        let mut emails: Vec<String> = Vec::new();
        let mut accounts: Vec<&str> = Vec::new();
        for sender in senders {
            emails.extend(sender.email.iter().filter(|email| !emails.contains(email)).cloned().collect::<Vec<_>>());
            if !accounts.contains(&sender.account.as_str()) {
                accounts.push(&sender.account);
            }
        }
        let settings = if server.kind == "smtp" { self.settings(&server.key) } else { BTreeMap::new() };
        Account {
            id: format!("{}/{}/{}", self.family.prefix, self.id, server.key),
            client: self.family.id,
            profile: self.name.to_owned(),
            email: emails.first().cloned(),
            used: !senders.is_empty(),
            incoming: self.incoming_key(senders).and_then(|key| self.incoming(key)),
            not_ours: not_ours(&server.kind, &server.host, server.outgoing.auth),
            notices: self.notices(server, &accounts, &emails, &settings),
            password_in_client: false,
            outgoing: server.outgoing.clone(),
            emails,
            settings,
        }
    }

    fn notices(
        &self,
        server: &Server,
        accounts: &[&str],
        emails: &[String],
        settings: &BTreeMap<&'static str, Setting>,
    ) -> Vec<Notice> {
        let mut notices = Vec::new();
        if accounts.len() > 1 {
            notices.push(Notice {
                code: "shared_server".to_owned(),
                message: format!(
                    "{} accounts send through this server ({}); one change moves them all.",
                    accounts.len(),
                    emails.join(", ")
                ),
            });
        }
        for part in Part::ALL {
            if let Some(fixed) = settings.get(part.fixed()) {
                notices.push(Notice {
                    code: "set_elsewhere".to_owned(),
                    message: format!("{} sets its {} at each start.", super::place(&fixed.slot), part.words()),
                });
            }
        }
        if server.starttls_if_offered {
            notices.push(Notice {
                code: "starttls_if_offered".to_owned(),
                message:
                    "It is set to \"STARTTLS, if available\", which protects nothing against somebody in between and \
                          which newer versions treat as no encryption."
                        .to_owned(),
            });
        }
        notices
    }
}

fn not_ours(kind: &str, host: &str, auth: AuthSetting) -> Option<NotOurs> {
    if kind != "smtp" {
        return Some(NotOurs::Exchange);
    }
    owner_of(host).or((auth == AuthSetting::Oauth2).then_some(NotOurs::Oauth2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_large_providers_are_told_by_their_hosts() {
        assert_eq!(not_ours("smtp", "smtp.gmail.com", AuthSetting::Password), Some(NotOurs::Google));
        assert_eq!(not_ours("smtp", "SMTP.office365.com.", AuthSetting::Oauth2), Some(NotOurs::Microsoft));
        assert_eq!(not_ours("smtp", "smtp.mail.yahoo.com", AuthSetting::Oauth2), Some(NotOurs::Yahoo));
        assert_eq!(not_ours("smtp", "mail.notgmail.com", AuthSetting::Password), None);
        assert_eq!(not_ours("smtp", "mail.hosting.test", AuthSetting::Oauth2), Some(NotOurs::Oauth2));
        assert_eq!(not_ours("ews", "mail.hosting.test", AuthSetting::Password), Some(NotOurs::Exchange));
    }
}
