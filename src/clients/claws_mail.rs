//! Claws Mail: accounts in `accountrc`, saved passwords in `passwordstorerc` (looked at only to see whether
//! one is there), certificates' policy in `clawsrc`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use port26_platform::computer::{Computer, Os};
use port26_platform::files;

use super::abilities::table::CLAWS_MAIL as CLAWS;
use super::abilities::{Abilities, Source, Told, gnutls};
use super::accountrc::rc::Keys;
use super::accountrc::{self, Dialect, Protocol, Section, Way};
use super::{Found, InUse, Installation, MailClient, PlanError, Problem};
use crate::account::{Account, ClientId, Mechanism, NotOurs, Notice, SubmissionServer};
use crate::change::{Change, Content};
use crate::past_mail::KeptMail;

/// Claws Mail.
pub struct ClawsMail;

/// Claws Mail.
pub static CLAWS_MAIL: ClawsMail = ClawsMail;

static DIALECT: Dialect = Dialect {
    client: ClientId::ClawsMail,
    name: "Claws Mail",
    keys: Keys::AnyCase,
    marks: ".claws_mark",
    methods: &[
        (0, Way::Automatic),
        (1, Way::Named(Mechanism::Login)),
        (2, Way::Named(Mechanism::CramMd5)),
        (16, Way::Named(Mechanism::Plain)),
        (32, Way::Oauth2),
    ],
    known_methods: 0..=63,
};

/// Which versions of TLS the account may use, in GnuTLS' words; read where it is switched on, and never written.
const PRIORITY: &str = "gnutls_priority";

/// Which version of the settings a section is in.
const VERSION: &str = "config_version";

fn folder(computer: &Computer) -> PathBuf {
    match computer.os {
        Os::Windows => computer.folders.roaming.join("Claws-mail"),
        Os::Macos | Os::Linux => computer.folders.home.join(".claws-mail"),
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

/// What the other files of a profile say of its accounts.
struct Profile {
    saved: HashSet<(String, String)>,
    accepts_certificates: bool,
    /// Of the settings of an account that says none: written by a version that kept one for all.
    version: i64,
}

impl Profile {
    fn read(folder: &Path) -> Self {
        let common = accountrc::section_of(&DIALECT, &folder.join("clawsrc"), "Common");
        Self {
            saved: saved_passwords(&folder.join("passwordstorerc")),
            accepts_certificates: common.as_ref().is_some_and(|common| common.flag("ssl_certs_auto_accept")),
            version: common.map_or(0, |common| common.number(VERSION, 0)),
        }
    }

    /// The numbers of settings of version 0 had two more kinds of POP3 (`prefs_migration.c`).
    fn protocol(&self, section: &Section) -> Protocol {
        let version = match section.read.number(VERSION, -1) {
            -1 => self.version,
            version => version,
        };
        match (version, section.read.number("protocol", 0)) {
            (..=0, number) => Protocol::of_sylpheed(number),
            (_, 0) => Protocol::Pop3,
            (_, 1) => Protocol::Imap,
            (_, 2) => Protocol::News,
            _ => Protocol::None,
        }
    }

    /// `Ok(None)`: it sends nothing.
    fn account(&self, section: &Section) -> Result<Option<Account>, Problem> {
        let local = section.read.flag("use_mail_command") && section.read.raw("mail_command") != Some("");
        if section.text("smtp_server").is_none() && !local {
            return Ok(None);
        }
        let outgoing = section.outgoing()?;
        let not_ours = if local { Some(NotOurs::LocalCommand) } else { section.not_ours(&outgoing) };
        let asks = not_ours.is_none() && !self.accepts_certificates;
        let mut settings = section.settings();
        if section.read.flag("gnutls_set_priority") && section.text(PRIORITY).is_some() {
            settings.insert(PRIORITY, section.setting(PRIORITY));
        }
        let id = format!("claws_mail/{}", section.number);
        Ok(Some(Account {
            incoming: section.incoming(self.protocol(section)),
            not_ours,
            notices: asks.then(certificate_question).into_iter().collect(),
            password_in_client: self.has_password(section),
            settings,
            ..Account::found(id, ClientId::ClawsMail, DIALECT.name, outgoing).with_emails(section.text("address"))
        }))
    }

    /// A login of its own has a password of its own.
    fn has_password(&self, section: &Section) -> bool {
        let own = section.text("smtp_user_id").is_some();
        let (kind, legacy) = if own { ("send", "smtp_password") } else { ("recv", "password") };
        self.saved.contains(&(section.number.to_owned(), kind.to_owned())) || section.text(legacy).is_some()
    }
}

fn certificate_question() -> Notice {
    Notice {
        code: "certificate_question".to_owned(),
        message: "After a change of port Claws Mail shows the server's certificate once and asks you to accept it."
            .to_owned(),
    }
}

impl MailClient for ClawsMail {
    fn id(&self) -> ClientId {
        ClientId::ClawsMail
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        accountrc::detect(&DIALECT, folder(computer))
    }

    fn accounts(&self, _host: &Computer, at: &Installation) -> Found {
        let mut found = Found::default();
        for folder in at.profiles.iter().filter_map(|profile| profile.path.as_deref()) {
            let profile = Profile::read(folder);
            let here = accountrc::accounts(&DIALECT, folder, |section| profile.account(section));
            found.accounts.extend(here.accounts);
            found.problems.extend(here.problems);
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        accountrc::changes(&DIALECT, account, to)
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

    fn kept_mail(&self, computer: &Computer, accounts: &[&Account]) -> Vec<KeptMail> {
        accountrc::kept_mail(&DIALECT, computer, accounts)
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
