//! What every adapter answers to: the trait of a mail client, and why an account cannot be moved. An adapter reads and
//! plans; it has no way to write.

use port26_platform::computer::Computer;
use port26_platform::scripts::App;
use serde::{Deserialize, Serialize};

use super::abilities::Abilities;
use super::found::{Found, Installation, Problem};
use crate::account::{Account, ClientId, SubmissionServer};
use crate::change::Change;
use crate::past_mail::KeptMail;

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
    #[error("the setting {setting} has an unexpected form: {why}")]
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

impl InUse {
    /// It is open as long as a program of one of these names runs.
    pub(super) fn while_runs(computer: &Computer, names: &[&str]) -> Self {
        computer.processes.running(names).first().map_or(Self::No, |&pid| Self::Yes(Some(pid)))
    }
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
    /// Does port26 write its settings? One that is only explained never leads to a change.
    fn is_written(&self) -> bool {
        true
    }
    /// Its outgoing servers, each with the settings an edit would touch.
    fn accounts(&self, computer: &Computer, at: &Installation) -> Found;
    /// What to change so that the account's outgoing server is `to`. Empty if it already is. Only settings that must
    /// change are in it.
    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError>;
    /// What the program of this account can do by itself, whatever its settings say: one of the rows of
    /// [`abilities::table`](super::abilities::table), with what this computer and the account's settings change of it.
    fn abilities(&self, computer: &Computer, account: &Account) -> Abilities;
    /// The program that is asked for its settings by scripting, for a client that has such ones. Its name is also what
    /// its process is called.
    fn scripted_app(&self) -> Option<App> {
        None
    }
    /// Is the program open on this account's profile?
    fn in_use(&self, computer: &Computer, account: &Account) -> InUse;
    /// What its programs are called, for a client that is told to be open by a lock whose holder the system does not name.
    fn process_names(&self) -> &'static [&'static str] {
        &[]
    }
    /// Where it keeps, sealed for the user, the password of the login that the account's outgoing server will be given.
    /// `None`: it keeps none in that way.
    fn sealed_password(&self, _account: &Account) -> Option<SealedPassword> {
        None
    }
    /// Where it keeps what each of these accounts has sent, and what waits to go out: one answer an account. All at once, so
    /// that settings that many share are read once. Without an answer that is not known.
    fn kept_mail(&self, _computer: &Computer, accounts: &[&Account]) -> Vec<KeptMail> {
        vec![KeptMail::default(); accounts.len()]
    }
    /// `in_use` for a whole profile, asked right before something is written to it or put back. Where finding that out by
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
