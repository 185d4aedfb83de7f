//! One file a mail client behind one trait. An adapter reads and plans; it has no way to write.
//! To add a client: one file, one line in [`CLIENTS`], fixtures (see CONTRIBUTING.md).

pub mod abilities;
pub mod apple_mail;
pub mod claws_mail;
pub mod explained;
pub mod installed;
pub mod mailmate;
pub mod outlook;
pub mod outlook_express;
pub mod outlook_for_mac;
mod providers;
#[cfg(test)]
mod registry_fixture;
mod registry_settings;
pub mod scripted;
pub mod thunderbird;
pub mod windows_live_mail;

use std::path::PathBuf;

use port26_platform::computer::Computer;
use port26_platform::scripts::App;
use serde::{Deserialize, Serialize};

use self::abilities::Abilities;
use self::installed::Program;
use crate::account::{Account, ClientId, SubmissionServer};
use crate::change::Change;

/// A client found on the machine: what `accounts` reads from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// Which client.
    pub client: ClientId,
    /// Version, where the machine tells it.
    pub version: Option<String>,
    /// Profile folders or registry keys, in the client's order.
    pub profiles: Vec<ProfileAt>,
    /// For clients that are explained, not written: how to do it by hand, in steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_hand: Vec<String>,
    /// The programs that are installed of it, where the machine registers them (Windows). Profiles may be left of a
    /// program that is gone, and a program may have none yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<Program>,
}

impl Installation {
    /// Of this client, with nothing known about it.
    pub fn of(client: ClientId) -> Self {
        Self { client, version: None, profiles: Vec::new(), by_hand: Vec::new(), programs: Vec::new() }
    }

    /// Only this profile of it; all of them where none has that name.
    pub fn only(mut self, profile: &str) -> Self {
        if self.profiles.iter().any(|at| at.name == profile) {
            self.profiles.retain(|at| at.name == profile);
        }
        self
    }
}

/// Where one profile is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct ProfileAt {
    /// Name as the client shows it, or the folder's name.
    pub name: String,
    /// A folder or file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// A registry key below `HKEY_CURRENT_USER`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Something that could not be read. It never hides the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Which client; `None` where what could not be read is no client's own (an exported registry, the home folder).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// Which profile or file.
    pub at: String,
    /// Stable code, snake_case.
    pub code: String,
    /// One plain sentence.
    pub message: String,
    /// The next step.
    pub hint: String,
}

impl Problem {
    /// Is it something that was read well and that only the person can put right, in the program or at the computer? Then
    /// the run did not fail.
    pub fn is_for_the_user(&self) -> bool {
        matches!(self.code.as_str(), "no_outgoing_server" | "port_out_of_range" | "profile_not_reachable")
    }
}

/// What one client holds: the accounts that could be read and the problems with the rest.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// One entry for each outgoing server.
    pub accounts: Vec<Account>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// Why an account cannot be moved by an edit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A file or policy that wins over the setting: `user.js`, `policies.json`, a configuration profile.
    #[error("{setting} is set by {by}, which wins over anything written to the account")]
    Overridden {
        /// The setting.
        setting: String,
        /// Who sets it.
        by: String,
    },
    /// The client cannot express the target (no STARTTLS in this version, ..).
    #[error("{client:?} cannot be set to that: {why}")]
    CannotExpress {
        /// The client.
        client: ClientId,
        /// Why.
        why: String,
    },
    /// A setting has a type or shape we do not know: better left alone.
    #[error("{setting} has an unexpected form: {why}")]
    Unexpected {
        /// The setting.
        setting: String,
        /// What was seen.
        why: String,
    },
}

/// Is the client open, so that it would overwrite what is written?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum InUse {
    /// No.
    No,
    /// Yes; process id where known.
    Yes(Option<u32>),
}

/// Where a client keeps a password that the system sealed for the user. The password itself is nowhere in here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPassword {
    /// The user whose password it is.
    pub user: String,
    /// The registry key, below `HKEY_CURRENT_USER`.
    pub key: String,
    /// The name of the value.
    pub value: String,
}

/// A mail client. All methods are read-only; `changes` is pure.
pub trait MailClient: Sync {
    /// Its name in the JSON contract (for a family, the first).
    fn id(&self) -> ClientId;
    /// Is it here? `Ok(None)`: no. A problem: it is, and cannot be read.
    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem>;
    /// How to do it by hand, in steps, for a client that is explained and not written.
    fn by_hand(&self) -> Vec<String> {
        Vec::new()
    }
    /// Its outgoing servers, each with the settings an edit would touch.
    fn accounts(&self, computer: &Computer, at: &Installation) -> Found;
    /// What to change so that the account's outgoing server is `to`. Empty if it already is. Only settings that must
    /// change are in it.
    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError>;
    /// What the program of this account can do by itself, whatever its settings say.
    fn abilities(&self, _host: &Computer, _account: &Account) -> Abilities {
        Abilities::UNLIMITED
    }
    /// The program that is asked for its settings by scripting, for a client that has such ones. Its name is also what
    /// its process is called.
    fn asked(&self) -> Option<App> {
        None
    }
    /// Is the program open on this account's profile?
    fn in_use(&self, computer: &Computer, account: &Account) -> InUse;
    /// What its programs are called, for a client that is told to be open by a lock whose holder the system does not name.
    fn programs(&self) -> &'static [&'static str] {
        &[]
    }
    /// Where it keeps, sealed for the user, the password of the login that the account's outgoing server will be given.
    /// `None`: it keeps none in that way.
    fn sealed_password(&self, _account: &Account) -> Option<SealedPassword> {
        None
    }
    /// The same for a whole profile, asked right before something is written to it or put back. Where finding that out by
    /// the accounts would disturb the program, the adapter knows a shorter way.
    fn profile_in_use(&self, computer: &Computer, profile: &str) -> InUse {
        let Ok(Some(installation)) = self.detect(computer) else { return InUse::No };
        let found = self.accounts(computer, &installation.only(profile));
        // Two profiles may have the same name (two installations of one program): one that is open is enough.
        let mut here = found.accounts.iter().filter(|account| account.profile == profile);
        here.find_map(|account| match self.in_use(computer, account) {
            InUse::No => None,
            open => Some(open),
        })
        .unwrap_or(InUse::No)
    }
}

/// Every client, in the order they are reported.
pub static CLIENTS: &[&dyn MailClient] = &[
    &outlook::OUTLOOK,
    &outlook_express::OUTLOOK_EXPRESS,
    &windows_live_mail::WINDOWS_LIVE_MAIL,
    &windows_live_mail::WINDOWS_MAIL,
    &apple_mail::APPLE_MAIL,
    &outlook_for_mac::OUTLOOK_FOR_MAC,
    &thunderbird::THUNDERBIRD,
    &thunderbird::BETTERBIRD,
    &thunderbird::SEAMONKEY,
    &thunderbird::POSTBOX,
    &claws_mail::CLAWS_MAIL,
    &explained::NEW_OUTLOOK,
    &explained::WINDOWS_MAIL_APP,
    &mailmate::MAILMATE,
    &explained::SPARK,
    &explained::AIRMAIL,
    &explained::CANARY,
    &explained::MIMESTREAM,
    &explained::EVOLUTION,
    &explained::SYLPHEED,
    &explained::KMAIL,
    &explained::GEARY,
    &explained::BALSA,
    &explained::EM_CLIENT,
    &explained::MAILBIRD,
    &explained::THE_BAT,
    &explained::FOXMAIL,
    &explained::PEGASUS,
    &explained::BECKY,
    &explained::EUDORA,
];
