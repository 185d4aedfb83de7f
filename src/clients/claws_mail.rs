//! Claws Mail: accounts in `accountrc`, saved passwords in `passwordstorerc` (looked at only to see whether
//! one is there), certificates' policy in `clawsrc`.

mod rc;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use port26_platform::computer::{Computer, Os};
use port26_platform::files;

use super::abilities::table::CLAWS_MAIL as CLAWS;
use super::abilities::{Abilities, Source, Told, gnutls};
use super::providers::owner_of;
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt};
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingProtocol, IncomingServer, Mechanism, NotOurs, Notice,
    Setting, SubmissionServer, TlsMode,
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

/// `smtp_port` where it is not written.
const DEFAULT_SMTP_PORT: u16 = 25;

/// Which versions of TLS the account may use, in GnuTLS' words; read where it is switched on, and never written.
const PRIORITY: &str = "gnutls_priority";

/// Which version of the settings a section is in.
const VERSION: &str = "config_version";

/// The settings that an edit may touch, as the file names them.
const SETTINGS: [&str; 7] =
    ["smtp_server", "set_smtpport", "smtp_port", "ssl_smtp", "use_smtp_auth", "smtp_auth_method", "smtp_user_id"];

// `smtp_auth_method`: one of these numbers, never a sum of them
const AUTOMATIC: i64 = 0;
const LOGIN: i64 = 1;
const CRAM_MD5: i64 = 2;
const PLAIN: i64 = 16;
const OAUTH2: i64 = 32;
/// Beyond these no version is known; up to here every other number means that it does not log in at all.
const KNOWN_METHODS: std::ops::RangeInclusive<i64> = AUTOMATIC..=63;

fn folder(computer: &Computer) -> PathBuf {
    match computer.os {
        Os::Windows => computer.folders.roaming.join("Claws-mail"),
        Os::Macos | Os::Linux => computer.folders.home.join(".claws-mail"),
    }
}

/// Without a number of its own Claws Mail goes by the TLS mode.
fn default_port(tls: TlsMode) -> u16 {
    if tls == TlsMode::Implicit { 465 } else { DEFAULT_SMTP_PORT }
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

fn duplicate(file: &Path, name: &str) -> Problem {
    Problem {
        client: Some(ClientId::ClawsMail),
        at: format!("{}, {name}", file.display()),
        code: "duplicate_account".to_owned(),
        message: format!(
            "Two accounts have the same number ([{name}]): Claws Mail reads the first of them twice, and port26 changes neither."
        ),
        hint: "In Claws Mail remove the account that stands there twice and set the other one up again.".to_owned(),
    }
}

fn section_problem(file: &Path, name: &str) -> Problem {
    Problem {
        client: Some(ClientId::ClawsMail),
        at: format!("{}, {name}", file.display()),
        code: "account_unreadable".to_owned(),
        message: format!(
            "The heading of an account is not as Claws Mail reads it ({name:?}), so Claws Mail does not see that account."
        ),
        hint: "Set the account up again in Claws Mail.".to_owned(),
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

/// The accounts of one profile, with what its other files say of them.
struct Profile<'a> {
    file: &'a Path,
    doc: &'a KeyFile,
    saved: HashSet<(String, String)>,
    accepts_certificates: bool,
    /// Of the settings of an account that says none: written by a version that kept one for all.
    version: i64,
}

impl<'a> Profile<'a> {
    fn read(folder: &Path, file: &'a Path, doc: &'a KeyFile) -> Self {
        let common = rc::read(&files::read(&folder.join("clawsrc")).ok().flatten().unwrap_or_default());
        let common = common.into_iter().find(|section| section.name == "Common");
        Self {
            file,
            doc,
            saved: saved_passwords(&folder.join("passwordstorerc")),
            accepts_certificates: common.as_ref().is_some_and(|common| common.flag("ssl_certs_auto_accept")),
            version: common.map_or(0, |common| common.number(VERSION, 0)),
        }
    }

    fn accounts(&self, found: &mut Found) {
        let mut seen = HashSet::new();
        for read in rc::read(&self.doc.to_bytes()) {
            let Some(number) = read.name.strip_prefix("Account: ") else {
                let is_meant = read.name.trim_start_matches('[').starts_with("Account:");
                found.problems.extend(is_meant.then(|| section_problem(self.file, &read.name)));
                continue;
            };
            if !seen.insert(read.name.clone()) {
                found.problems.push(duplicate(self.file, &read.name));
                continue;
            }
            let version = match read.number(VERSION, -1) {
                -1 => self.version,
                version => version,
            };
            let section = Section { profile: self, read: &read, number: number.trim(), version };
            match section.account() {
                Ok(account) => found.accounts.extend(account),
                Err(problem) => found.problems.push(problem),
            }
        }
    }
}

/// One `[Account: N]` section.
struct Section<'a> {
    profile: &'a Profile<'a>,
    read: &'a rc::Section,
    number: &'a str,
    /// Of the settings that `protocol` is written in.
    version: i64,
}

/// The login and, where there is one, its user name.
type Login = (AuthSetting, CredentialSource, Option<String>);

impl Section<'_> {
    fn text(&self, key: &str) -> Option<String> {
        self.read.text(key).map(str::to_owned)
    }

    fn incoming(&self) -> Option<IncomingServer> {
        let port = |flag: &str, key: &str, default: u16| match u16::try_from(self.read.number(key, 0)) {
            Ok(port) if self.read.flag(flag) && port != 0 => port,
            _ => default,
        };
        let tunnel = |key: &str| self.read.number(key, 0) == 1;
        let (protocol, server, port) = match protocol(self.read.number("protocol", 0), self.version) {
            Protocol::Pop3 => {
                let default = if tunnel("ssl_pop") { 995 } else { 110 };
                (IncomingProtocol::Pop3, "receive_server", Some(port("set_popport", "pop_port", default)))
            }
            Protocol::Imap => {
                let default = if tunnel("ssl_imap") { 993 } else { 143 };
                (IncomingProtocol::Imap, "receive_server", Some(port("set_imapport", "imap_port", default)))
            }
            Protocol::News => (IncomingProtocol::Other, "nntp_server", None),
            Protocol::None => return None,
        };
        Some(IncomingServer { protocol, host: self.text(server)?, port, user: self.text("user_id") })
    }

    fn outgoing(&self) -> Result<SubmissionServer, Problem> {
        let tls = match self.read.number("ssl_smtp", 0) {
            1 => TlsMode::Implicit,
            2 => TlsMode::Starttls,
            // Any other number is plain text there.
            _ => TlsMode::None,
        };
        let written = self.read.flag("set_smtpport").then(|| self.read.raw("smtp_port")).flatten();
        let port = match written {
            None if self.read.flag("set_smtpport") => DEFAULT_SMTP_PORT,
            None => default_port(tls),
            Some(raw) => match u16::try_from(rc::number(raw)) {
                Ok(port) if port != 0 => port,
                _ => return Err(self.no_port(raw)),
            },
        };
        let (auth, credential, user) = self.login();
        let host = self.text("smtp_server").unwrap_or_default();
        Ok(SubmissionServer {
            host,
            port,
            port_is_default: written.is_none(),
            tls,
            auth,
            credential,
            user,
            mechanism: self.mechanism().filter(|_| auth == AuthSetting::Password),
        })
    }

    /// The one that a number names.
    fn mechanism(&self) -> Option<Mechanism> {
        match self.read.number("smtp_auth_method", AUTOMATIC) {
            LOGIN => Some(Mechanism::Login),
            PLAIN => Some(Mechanism::Plain),
            _ => None,
        }
    }

    fn login(&self) -> Login {
        let auth = match self.read.number("smtp_auth_method", AUTOMATIC) {
            _ if !self.read.flag("use_smtp_auth") => AuthSetting::None,
            AUTOMATIC | LOGIN | PLAIN => AuthSetting::Password,
            CRAM_MD5 => AuthSetting::Encrypted,
            OAUTH2 => AuthSetting::Oauth2,
            method if KNOWN_METHODS.contains(&method) => AuthSetting::None,
            _ => AuthSetting::Encrypted,
        };
        match self.text("smtp_user_id") {
            _ if auth == AuthSetting::None => (auth, CredentialSource::None, None),
            Some(own) => (auth, CredentialSource::Own, Some(own)),
            None => (auth, CredentialSource::SameAsIncoming, self.text("user_id")),
        }
    }

    fn no_port(&self, raw: &str) -> Problem {
        Problem {
            client: Some(ClientId::ClawsMail),
            at: format!("{}, {}", self.profile.file.display(), self.read.name),
            code: "port_out_of_range".to_owned(),
            message: format!("The outgoing port of this account is written as {raw:?}; a port is a number from 1 to 65535."),
            hint: "In Claws Mail open this account's preferences, correct the SMTP port under Advanced, and close the program."
                .to_owned(),
        }
    }

    fn setting(&self, key: &str) -> Setting {
        let name = format!("{}/{key}", self.read.name);
        // A value that Claws reads and the editor does not, or the other way round, shows as a lone NUL, which planning
        // refuses.
        let content = match self.profile.doc.get(&name) {
            Ok(value) if !self.read.is_cut && value.as_deref() == self.read.raw(key) => value,
            _ => Some("\0".to_owned()),
        };
        let slot = Slot::Setting { file: self.profile.file.to_owned(), format: FileFormat::KeyFile, name };
        Setting { slot, content: content.map(Content::Raw) }
    }

    /// `Ok(None)`: it sends nothing.
    fn account(&self) -> Result<Option<Account>, Problem> {
        let local = self.read.flag("use_mail_command") && self.read.raw("mail_command") != Some("");
        if self.text("smtp_server").is_none() && !local {
            return Ok(None);
        }
        let outgoing = self.outgoing()?;
        let not_ours = if local { Some(NotOurs::LocalCommand) } else { not_ours(&outgoing) };
        let asks = not_ours.is_none() && !self.profile.accepts_certificates;
        let id = format!("claws_mail/{}", self.number);
        Ok(Some(Account {
            incoming: self.incoming(),
            not_ours,
            notices: asks.then(certificate_question).into_iter().collect(),
            password_in_client: self.has_password(),
            settings: self.settings(),
            ..Account::found(id, ClientId::ClawsMail, PROFILE, outgoing).with_emails(self.text("address"))
        }))
    }

    fn settings(&self) -> BTreeMap<&'static str, Setting> {
        // never written; what the credentials "same as incoming" stand for
        let also = ["user_id"];
        let priority = self.read.flag("gnutls_set_priority") && self.text(PRIORITY).is_some();
        let keys = SETTINGS.iter().copied().chain(also).chain(priority.then_some(PRIORITY));
        keys.map(|key| (key, self.setting(key))).collect()
    }

    /// A login of its own has a password of its own.
    fn has_password(&self) -> bool {
        let own = self.text("smtp_user_id").is_some();
        let (kind, legacy) = if own { ("send", "smtp_password") } else { ("recv", "password") };
        self.profile.saved.contains(&(self.number.to_owned(), kind.to_owned())) || self.text(legacy).is_some()
    }
}

fn certificate_question() -> Notice {
    Notice {
        code: "certificate_question".to_owned(),
        message: "After a change of port Claws Mail shows the server's certificate once and asks you to accept it."
            .to_owned(),
    }
}

/// How an account receives.
enum Protocol {
    Pop3,
    Imap,
    News,
    /// A local mailbox, or sending only.
    None,
}

/// The numbers of settings of version 0 had two more kinds of POP3 (`prefs_migration.c`).
fn protocol(number: i64, version: i64) -> Protocol {
    match (version, number) {
        (..=0, 0..=2) | (_, 0) => Protocol::Pop3,
        (..=0, 3) | (1.., 1) => Protocol::Imap,
        (..=0, 4) | (1.., 2) => Protocol::News,
        _ => Protocol::None,
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

    /// Strict: what Claws would take for 0 and is no number is better left alone.
    fn number(&self, key: &'static str) -> Result<Option<i64>, PlanError> {
        self.raw(key)?
            .map(|raw| {
                raw.trim().parse().map_err(|_| PlanError::Unexpected {
                    setting: key.to_owned(),
                    why: format!("{raw:?} is not a number"),
                })
            })
            .transpose()
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

    /// `default` is what the program takes for a missing key.
    fn set_number(&mut self, key: &'static str, after: i64, default: i64) -> Result<(), PlanError> {
        if self.number(key)?.unwrap_or(default) == after { Ok(()) } else { self.set(key, &after.to_string()) }
    }

    fn flag(&self, key: &'static str) -> Result<bool, PlanError> {
        Ok(self.raw(key)?.is_some_and(rc::flag))
    }

    fn set_flag(&mut self, key: &'static str, after: bool) -> Result<(), PlanError> {
        if self.flag(key)? == after { Ok(()) } else { self.set(key, if after { "1" } else { "0" }) }
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
            let mode = match to.tls {
                TlsMode::None => 0,
                TlsMode::Implicit => 1,
                TlsMode::Starttls => 2,
            };
            self.set_number("ssl_smtp", mode, 0)?;
        }
        let port_then = if self.flag("set_smtpport")? { now.port } else { default_port(to.tls) };
        if to.port != port_then {
            self.set_flag("set_smtpport", true)?;
            self.set_number("smtp_port", i64::from(to.port), i64::from(DEFAULT_SMTP_PORT))?;
        }
        if to.auth == AuthSetting::None {
            return if now.auth == AuthSetting::None { Ok(()) } else { self.set_flag("use_smtp_auth", false) };
        }
        let method = self.number("smtp_auth_method")?.unwrap_or(AUTOMATIC);
        if !KNOWN_METHODS.contains(&method) {
            let why = format!("{method} is no way to log in known to us");
            return Err(PlanError::Unexpected { setting: "smtp_auth_method".to_owned(), why });
        }
        let method = match (to.auth, to.mechanism) {
            (AuthSetting::Password, Some(Mechanism::Plain)) => PLAIN,
            (AuthSetting::Password, Some(Mechanism::Login)) => LOGIN,
            (AuthSetting::Password, None) => AUTOMATIC,
            (AuthSetting::Encrypted, _) | (AuthSetting::Password, Some(Mechanism::CramMd5)) => CRAM_MD5,
            _ => return Err(self.cannot("it logs in with a password or CRAM-MD5")),
        };
        self.set_number("smtp_auth_method", method, AUTOMATIC)?;
        self.set_flag("use_smtp_auth", true)?;
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

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        let folder = folder(computer);
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

    fn accounts(&self, _host: &Computer, at: &Installation) -> Found {
        let mut found = Found::default();
        for folder in at.profiles.iter().filter_map(|profile| profile.path.as_deref()) {
            let file = folder.join("accountrc");
            match open(&file) {
                Ok(None) => {}
                Ok(Some(doc)) => Profile::read(folder, &file, &doc).accounts(&mut found),
                Err(why) => found.problems.push(problem(&file, &why)),
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

    fn abilities(&self, _computer: &Computer, account: &Account) -> Abilities {
        let Some(setting) = account.settings.get(PRIORITY) else { return CLAWS };
        let range = match &setting.content {
            Some(Content::Raw(priority)) => gnutls::versions(priority),
            _ => None,
        };
        let tls = match range {
            Some((oldest, newest)) => {
                Told { is: CLAWS.tls.is.within(oldest, newest), by: Source::Setting("its gnutls_priority") }
            }
            None => Told::unverified(CLAWS.tls.is),
        };
        Abilities { tls, ..CLAWS }
    }

    fn in_use(&self, computer: &Computer, _account: &Account) -> InUse {
        let running = computer.processes.running(&["claws-mail"]);
        // with --alternate-config-dir or an old version the socket is elsewhere, so a process alone counts too
        let answers = || {
            std::fs::read_dir(computer.folders.cache.join("claws-mail"))
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .any(|path| computer.processes.socket_answers(&path))
        };
        match running.first() {
            Some(pid) => InUse::Yes(Some(*pid)),
            None if computer.os != Os::Windows && answers() => InUse::Yes(None),
            None => InUse::No,
        }
    }
}

#[cfg(test)]
mod tests;
