//! Claws Mail: accounts in `accountrc`, saved passwords in `passwordstorerc` (looked at only to see whether
//! one is there), certificates' policy in `clawsrc`.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use port26_platform::files;
use port26_platform::host::{Host, Os};

use super::providers::owner_of;
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt};
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingProtocol, IncomingServer, NotOurs, Notice, Setting,
    SubmissionServer, TlsMode,
};
use crate::change::{Change, Content, Slot};
use crate::formats::key_file::KeyFile;
use crate::formats::{Document, FileFormat};

/// Claws Mail.
pub struct ClawsMail;

/// Claws Mail.
pub static CLAWS_MAIL: ClawsMail = ClawsMail;

/// It has one profile, whose accounts all lie in one file: they are written in one transaction.
const PROFILE: &str = "Claws Mail";

/// The settings that an edit may touch, as the file names them.
const SETTINGS: [&str; 7] =
    ["smtp_server", "set_smtpport", "smtp_port", "ssl_smtp", "use_smtp_auth", "smtp_auth_method", "smtp_user_id"];

// bits of `smtp_auth_method`
const LOGIN: u32 = 1;
const CRAM_MD5: u32 = 1 << 1;
const DIGEST_MD5: u32 = 1 << 2;
const PLAIN: u32 = 1 << 4;
const OAUTH2: u32 = 1 << 5;

fn folder(host: &Host) -> PathBuf {
    match host.os {
        Os::Windows => host.folders.roaming.join("Claws-mail"),
        Os::Macos | Os::Linux => host.folders.home.join(".claws-mail"),
    }
}

fn default_port(tls: TlsMode) -> u16 {
    if tls == TlsMode::Implicit { 465 } else { 25 }
}

fn problem(file: &Path, why: &str) -> Problem {
    Problem {
        client: Some(ClientId::ClawsMail),
        at: file.display().to_string(),
        code: "unreadable_profile".to_owned(),
        message: format!("Claws Mail's accounts could not be read: {why}."),
        hint: "Start Claws Mail, see that your accounts are there, close it and run port26 again.".to_owned(),
    }
}

fn open(file: &Path) -> Result<Option<KeyFile>, String> {
    match files::read(file) {
        Ok(None) => Ok(None),
        // The program never leaves it so; a full disk does.
        Ok(Some(bytes)) if bytes.is_empty() => Err("the file is empty".to_owned()),
        Ok(Some(bytes)) => KeyFile::parse(&bytes).map(Some).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Which accounts have a saved password, as `(number, recv or send)`. The passwords themselves are passed over.
fn saved_passwords(file: &Path) -> HashSet<(String, String)> {
    let bytes = files::read(file).ok().flatten().unwrap_or_default();
    let mut saved = HashSet::new();
    let mut account = None;
    for line in String::from_utf8_lossy(&bytes).lines() {
        if let Some(section) = line.strip_prefix('[') {
            account =
                section.trim_end().strip_suffix(']').and_then(|name| name.strip_prefix("account:")).map(str::to_owned);
        } else if let (Some(account), Some((kind, password))) = (&account, line.split_once(' '))
            && !password.trim().is_empty()
        {
            saved.insert((account.clone(), kind.to_owned()));
        }
    }
    saved
}

/// One `[Account: N]` section.
struct Section<'a> {
    file: &'a Path,
    doc: &'a KeyFile,
    name: &'a str,
    number: &'a str,
}

impl Section<'_> {
    fn text(&self, key: &str) -> Option<String> {
        let value = self.doc.get(&format!("{}/{key}", self.name)).ok().flatten()?;
        (!value.is_empty()).then_some(value)
    }

    fn number(&self, key: &str) -> u32 {
        self.text(key).and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    fn incoming(&self) -> Option<IncomingServer> {
        let port = |flag: &str, key: &str, default: u16| match u16::try_from(self.number(key)) {
            Ok(port) if self.number(flag) == 1 && port != 0 => port,
            _ => default,
        };
        let (protocol, server, port) = match self.number("protocol") {
            // POP3 and its old APOP variant
            0 | 1 => {
                let default = if self.number("ssl_pop") == 1 { 995 } else { 110 };
                (IncomingProtocol::Pop3, "receive_server", Some(port("set_popport", "pop_port", default)))
            }
            3 => {
                let default = if self.number("ssl_imap") == 1 { 993 } else { 143 };
                (IncomingProtocol::Imap, "receive_server", Some(port("set_imapport", "imap_port", default)))
            }
            4 => (IncomingProtocol::Other, "nntp_server", None),
            // a local mailbox, or sending only
            _ => return None,
        };
        Some(IncomingServer { protocol, host: self.text(server)?, port, user: self.text("user_id") })
    }

    fn outgoing(&self) -> SubmissionServer {
        let tls = match self.number("ssl_smtp") {
            1 => TlsMode::Implicit,
            2 => TlsMode::Starttls,
            _ => TlsMode::None,
        };
        let written =
            if self.number("set_smtpport") == 1 { u16::try_from(self.number("smtp_port")).ok() } else { None };
        let (auth, credential, user) = if self.number("use_smtp_auth") == 0 {
            (AuthSetting::None, CredentialSource::None, None)
        } else {
            let method = self.number("smtp_auth_method");
            let auth = if method & OAUTH2 != 0 {
                AuthSetting::Oauth2
            } else if method & (CRAM_MD5 | DIGEST_MD5) != 0 && method & (LOGIN | PLAIN) == 0 {
                AuthSetting::Encrypted
            } else {
                AuthSetting::Password
            };
            match self.text("smtp_user_id") {
                Some(own) => (auth, CredentialSource::Own, Some(own)),
                None => (auth, CredentialSource::SameAsIncoming, self.text("user_id")),
            }
        };
        SubmissionServer {
            host: self.text("smtp_server").unwrap_or_default(),
            port: written.unwrap_or_else(|| default_port(tls)),
            port_is_default: written.is_none(),
            tls,
            auth,
            credential,
            user,
        }
    }

    fn setting(&self, key: &str) -> Setting {
        let name = format!("{}/{key}", self.name);
        // a value that cannot be read shows as a lone NUL, which planning refuses
        let content = self.doc.get(&name).unwrap_or_else(|_| Some("\0".to_owned())).map(Content::Raw);
        Setting { slot: Slot::Setting { file: self.file.to_owned(), format: FileFormat::KeyFile, name }, content }
    }

    fn account(&self, saved: &HashSet<(String, String)>, accepts_certificates: bool) -> Option<Account> {
        let outgoing = self.outgoing();
        let local = self.number("use_mail_command") == 1;
        if outgoing.host.is_empty() && !local {
            return None;
        }
        let not_ours = if local { Some(NotOurs::LocalCommand) } else { not_ours(&outgoing) };
        let mut settings: BTreeMap<&'static str, Setting> =
            SETTINGS.iter().map(|key| (*key, self.setting(key))).collect();
        // never written; what the credentials "same as incoming" stand for
        settings.insert("user_id", self.setting("user_id"));
        let mut notices = Vec::new();
        if not_ours.is_none() && !accepts_certificates {
            notices.push(Notice {
                code: "certificate_question".to_owned(),
                message:
                    "After a change of port Claws Mail shows the server's certificate once and asks you to accept it."
                        .to_owned(),
            });
        }
        let own = self.text("smtp_user_id").is_some();
        let kind = if own { "send" } else { "recv" };
        let legacy = if own { "smtp_password" } else { "password" };
        let email = self.text("address");
        Some(Account {
            id: format!("claws_mail/{}", self.number),
            client: ClientId::ClawsMail,
            profile: PROFILE.to_owned(),
            emails: email.iter().cloned().collect(),
            email,
            used: true,
            incoming: self.incoming(),
            not_ours,
            notices,
            password_in_client: saved.contains(&(self.number.to_owned(), kind.to_owned()))
                || self.text(legacy).is_some(),
            outgoing,
            settings,
        })
    }
}

fn not_ours(outgoing: &SubmissionServer) -> Option<NotOurs> {
    owner_of(&outgoing.host).or((outgoing.auth == AuthSetting::Oauth2).then_some(NotOurs::Oauth2))
}

/// Collects changes to one account's settings.
struct Planner<'a> {
    account: &'a Account,
    changes: Vec<Change>,
}

impl Planner<'_> {
    fn raw(&self, key: &'static str) -> Result<Option<&str>, PlanError> {
        let unexpected = |why: &str| PlanError::Unexpected { setting: key.to_owned(), why: why.to_owned() };
        match self.account.settings.get(key) {
            None => Err(unexpected("it was not read")),
            Some(setting) => match &setting.content {
                None => Ok(None),
                Some(Content::Raw(raw)) if !raw.contains('\0') => Ok(Some(raw)),
                Some(_) => Err(unexpected("it cannot be read as text, or is there more than once")),
            },
        }
    }

    fn number(&self, key: &'static str) -> Result<u32, PlanError> {
        match self.raw(key)? {
            None | Some("") => Ok(0),
            Some(raw) => raw.trim().parse().map_err(|_| PlanError::Unexpected {
                setting: key.to_owned(),
                why: format!("{raw:?} is not a number"),
            }),
        }
    }

    fn set(&mut self, key: &'static str, after: &str) -> Result<(), PlanError> {
        if self.raw(key)? != Some(after)
            && let Some(setting) = self.account.settings.get(key)
        {
            let after = Some(Content::Raw(after.to_owned()));
            self.changes.push(Change { slot: setting.slot.clone(), before: setting.content.clone(), after });
        }
        Ok(())
    }

    fn set_number(&mut self, key: &'static str, after: u32) -> Result<(), PlanError> {
        if self.number(key)? == after { Ok(()) } else { self.set(key, &after.to_string()) }
    }

    fn cannot(&self, why: &str) -> PlanError {
        PlanError::CannotExpress { client: ClientId::ClawsMail, why: why.to_owned() }
    }

    fn plan(&mut self, to: &SubmissionServer) -> Result<(), PlanError> {
        let now = &self.account.outgoing;
        if to.host != now.host {
            self.set("smtp_server", &to.host)?;
        }
        if to.tls != now.tls {
            self.number("ssl_smtp")?;
            self.set_number(
                "ssl_smtp",
                match to.tls {
                    TlsMode::None => 0,
                    TlsMode::Implicit => 1,
                    TlsMode::Starttls => 2,
                },
            )?;
        }
        let port_then = if now.port_is_default { default_port(to.tls) } else { now.port };
        if to.port != port_then {
            self.set_number("set_smtpport", 1)?;
            self.set_number("smtp_port", u32::from(to.port))?;
        }
        if to.auth == AuthSetting::None {
            return self.set_number("use_smtp_auth", 0);
        }
        let method = self.number("smtp_auth_method")?;
        let only_encrypted = method & (CRAM_MD5 | DIGEST_MD5) != 0 && method & (LOGIN | PLAIN) == 0;
        match to.auth {
            AuthSetting::Password if only_encrypted || method & OAUTH2 != 0 => {
                self.set_number("smtp_auth_method", 0)?
            }
            AuthSetting::Password => {}
            AuthSetting::Encrypted if only_encrypted && method & OAUTH2 == 0 => {}
            AuthSetting::Encrypted => self.set_number("smtp_auth_method", CRAM_MD5)?,
            _ => return Err(self.cannot("it logs in with a password, CRAM-MD5 or DIGEST-MD5")),
        }
        if now.auth == AuthSetting::None {
            self.set_number("use_smtp_auth", 1)?;
        }
        self.plan_user(to)
    }

    fn plan_user(&mut self, to: &SubmissionServer) -> Result<(), PlanError> {
        let own = self.raw("smtp_user_id")?.unwrap_or_default().to_owned();
        let shared = self.raw("user_id")?.unwrap_or_default().to_owned();
        let wanted = match (to.credential, &to.user) {
            (CredentialSource::SameAsIncoming, None) => String::new(),
            (CredentialSource::SameAsIncoming, Some(user)) if *user == shared => String::new(),
            // Without a name of its own the outgoing server gets the incoming server's password.
            (CredentialSource::Own, Some(user)) if own.is_empty() => user.clone(),
            (_, Some(user)) if *user == own || (own.is_empty() && *user == shared) => return Ok(()),
            (_, Some(user)) => user.clone(),
            (_, None) => return if own.is_empty() && shared.is_empty() { Err(self.nobody()) } else { Ok(()) },
        };
        if wanted.is_empty() && shared.is_empty() {
            return Err(self.nobody());
        }
        if wanted == own { Ok(()) } else { self.set("smtp_user_id", &wanted) }
    }

    fn nobody(&self) -> PlanError {
        self.cannot("no user name is known to log in with")
    }
}

impl MailClient for ClawsMail {
    fn id(&self) -> ClientId {
        ClientId::ClawsMail
    }

    fn detect(&self, host: &Host) -> Result<Option<Installation>, Problem> {
        let folder = folder(host);
        let file = folder.join("accountrc");
        match open(&file) {
            Ok(None) => Ok(None),
            Ok(Some(_)) => Ok(Some(Installation {
                profiles: vec![ProfileAt { name: PROFILE.to_owned(), path: Some(folder), key: None }],
                ..Installation::of(ClientId::ClawsMail)
            })),
            Err(why) => Err(problem(&file, &why)),
        }
    }

    fn accounts(&self, _host: &Host, at: &Installation) -> Found {
        let mut found = Found::default();
        for folder in at.profiles.iter().filter_map(|profile| profile.path.as_deref()) {
            let file = folder.join("accountrc");
            let doc = match open(&file) {
                Ok(None) => continue,
                Ok(Some(doc)) => doc,
                Err(why) => {
                    found.problems.push(problem(&file, &why));
                    continue;
                }
            };
            let saved = saved_passwords(&folder.join("passwordstorerc"));
            let common = open(&folder.join("clawsrc")).ok().flatten();
            let accepts = common.and_then(|common| common.get("Common/ssl_certs_auto_accept").ok().flatten());
            let accepts = accepts.as_deref().map(str::trim) == Some("1");
            for name in doc.sections() {
                let Some(number) = name.strip_prefix("Account:").map(str::trim) else { continue };
                let section = Section { file: &file, doc: &doc, name, number };
                found.accounts.extend(section.account(&saved, accepts));
            }
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        if *to == account.outgoing {
            return Ok(Vec::new());
        }
        let mut planner = Planner { account, changes: Vec::new() };
        if let Some(reason) = account.not_ours {
            return Err(planner.cannot(&format!("this account is not one that port26 writes ({reason:?})")));
        }
        planner.plan(to)?;
        Ok(planner.changes)
    }

    fn in_use(&self, host: &Host, _account: &Account) -> InUse {
        let running = host.processes.running(&["claws-mail"]);
        // with --alternate-config-dir or an old version the socket is elsewhere, so a process alone counts too
        let answers = || {
            std::fs::read_dir(host.folders.cache.join("claws-mail"))
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .any(|path| host.processes.socket_answers(&path))
        };
        match running.first() {
            Some(pid) => InUse::Yes(Some(*pid)),
            None if host.os != Os::Windows && answers() => InUse::Yes(None),
            None => InUse::No,
        }
    }
}

#[cfg(test)]
mod tests;
