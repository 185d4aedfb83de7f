//! Sylpheed: accounts in `accountrc`, in the clear with their passwords, of which it is only seen whether one is there.
//!
//! Facts are from the public source of 3.8 (`libsylph/prefs.c`, `prefs_account.c`, `smtp.c`, `src/send_message.c`), each tried with the
//! real 3.8.0beta1 of Debian 12 and a host that tells what it hears: which keys and numbers count, which port, which login. Where
//! the folder lies on Windows and macOS is from the source alone (`libsylph/utils.c`). A folder that is named on the command line
//! (`--configdir`) is not found.

use std::path::{Path, PathBuf};

use port26_platform::computer::{Computer, Os};

use super::abilities::Abilities;
use super::abilities::table::SYLPHEED as ABILITIES;
use super::accountrc::rc::Keys;
use super::accountrc::{self, Dialect, Protocol, Section, Way};
use super::{Found, InUse, Installation, MailClient, PlanError, Problem};
use crate::account::{Account, AuthSetting, ClientId, CredentialSource, Mechanism, NotOurs, SubmissionServer};
use crate::change::Change;
use crate::past_mail::KeptMail;

/// Sylpheed.
pub struct Sylpheed;

/// Sylpheed.
pub static SYLPHEED: Sylpheed = Sylpheed;

static DIALECT: Dialect = Dialect {
    client: ClientId::Sylpheed,
    name: "Sylpheed",
    keys: Keys::Exact,
    marks: ".sylpheed_mark",
    // 16 takes a token (OAuth). Any other number sends without a login, and says nothing of it.
    methods: &[
        (0, Way::Automatic),
        (1, Way::Named(Mechanism::Login)),
        (2, Way::Named(Mechanism::CramMd5)),
        (8, Way::Named(Mechanism::Plain)),
        (16, Way::Oauth2),
    ],
    known_methods: 0..=31,
};

/// Its programs.
const PROGRAMS: &[&str] = &["sylpheed"];

/// Where it looks, the newest place first. On a Mac it was a folder with a dot once, as on Linux.
fn folders(computer: &Computer) -> Vec<PathBuf> {
    let dotted = || computer.folders.home.join(".sylpheed-2.0");
    let named = || computer.folders.roaming.join("Sylpheed");
    match computer.os {
        Os::Windows => vec![named()],
        Os::Macos => vec![named(), dotted()],
        Os::Linux => vec![dotted()],
    }
}

/// Does it hand all mail to a program? An empty command counts as none; one that is not written is sendmail.
fn sends_by_command(folder: &Path) -> bool {
    accountrc::section_of(&DIALECT, &folder.join("sylpheedrc"), "Common")
        .is_some_and(|common| common.flag("use_ext_sendmail") && common.raw("ext_sendmail_cmd") != Some(""))
}

fn sends_by_proxy(section: &Section) -> bool {
    section.read.flag("use_socks")
        && section.read.raw("use_socks_for_send").is_none_or(|_| section.read.flag("use_socks_for_send"))
}

/// `Ok(None)`: it sends no mail. An account of a news server hands mail to another one.
fn account(section: &Section, by_command: bool) -> Result<Option<Account>, Problem> {
    let protocol = Protocol::of_sylpheed(section.read.number("protocol", 0));
    if section.text("smtp_server").is_none() || protocol == Protocol::News {
        return Ok(None);
    }
    let mut outgoing = section.outgoing()?;
    // Nobody to log in as: then it sends without a login. A name that is not written is that of the system's user.
    if outgoing.user.is_none() && section.read.raw("user_id").is_some() {
        outgoing.auth = AuthSetting::None;
        outgoing.credential = CredentialSource::None;
        outgoing.mechanism = None;
    }
    let not_ours = if by_command {
        Some(NotOurs::LocalCommand)
    } else if sends_by_proxy(section) {
        Some(NotOurs::Proxy)
    } else {
        section.not_ours(&outgoing)
    };
    let password = if outgoing.credential == CredentialSource::Own { "smtp_password" } else { "password" };
    let id = format!("sylpheed/{}", section.number);
    Ok(Some(Account {
        incoming: section.incoming(protocol),
        not_ours,
        password_in_client: section.text(password).is_some(),
        settings: section.settings(),
        ..Account::found(id, ClientId::Sylpheed, DIALECT.name, outgoing).with_emails(section.text("address"))
    }))
}

/// In somebody else's home nothing of Sylpheed is locked. It is known by the socket that it leaves among the temporary files of that
/// system, as `sylpheed-` and the number of its user: whose that is is not told from here, so each counts.
fn a_socket_answers(computer: &Computer) -> bool {
    let Some(root) = computer.system_root() else { return false };
    std::fs::read_dir(root.join("tmp"))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("sylpheed-")))
        .any(|path| computer.processes.socket_answers(&path))
}

impl MailClient for Sylpheed {
    fn id(&self) -> ClientId {
        ClientId::Sylpheed
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        for folder in folders(computer) {
            if let Some(found) = accountrc::detect(&DIALECT, folder)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn accounts(&self, _host: &Computer, at: &Installation) -> Found {
        let mut found = Found::default();
        for folder in at.profiles.iter().filter_map(|profile| profile.path.as_deref()) {
            let by_command = sends_by_command(folder);
            let here = accountrc::accounts(&DIALECT, folder, |section| account(section, by_command));
            found.accounts.extend(here.accounts);
            found.problems.extend(here.problems);
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        accountrc::changes(&DIALECT, account, to)
    }

    fn abilities(&self, _computer: &Computer, _account: &Account) -> Abilities {
        ABILITIES
    }

    fn kept_mail(&self, computer: &Computer, accounts: &[&Account]) -> Vec<KeptMail> {
        accountrc::kept_mail(&DIALECT, computer, accounts)
    }

    /// It writes the file when it ends, and whenever the window of an account is opened, also if that is cancelled.
    fn in_use(&self, computer: &Computer, _account: &Account) -> InUse {
        match computer.processes.running(PROGRAMS).first() {
            Some(&pid) => InUse::Yes(Some(pid)),
            None if !computer.own_session && a_socket_answers(computer) => InUse::Yes(None),
            None => InUse::No,
        }
    }
}

#[cfg(test)]
mod tests;
