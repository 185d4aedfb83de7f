//! What the stages work with, built in one place, and the kit of the one writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use port26_platform::computer::Computer;
use port26_platform::secrets::{MemorySecrets, Secrets};

use super::OpenClients;
use super::conversation::{Conversation, OneAtATime};
use crate::account::{Account, ClientId};
use crate::apply::{Machine, MachineStore, OpenCheck, Unbelieved, Writer};
use crate::clients::abilities::Abilities;
use crate::clients::abilities::table::UNKNOWN;
use crate::clients::{CLIENTS, InUse, MailClient};
use crate::credentials::{AttemptLedger, Borrowing, CredentialBook, Given, Index, KeychainUse};
use crate::formats::open::AllEditors;
use crate::policy::Policy;
use crate::probe::Prober;

/// What a run is set up with. [`Setup::apart`] has nothing of the person's own; whoever starts a run names what it gets.
pub struct Setup {
    /// The machine.
    pub computer: Computer,
    /// Where journals, receipts and the history are kept.
    pub state: PathBuf,
    /// What is allowed, as it was read: a run reads no policy by itself.
    pub policy: Policy,
    /// Talks to mail servers.
    pub prober: Prober,
    /// The passwords on standard input.
    pub given: Given,
    /// The keychain.
    pub secrets: Arc<dyn Secrets>,
    /// What the keychain may be used for.
    pub keychain: KeychainUse,
    /// What the mail clients keep for the user.
    pub borrowing: Option<Borrowing>,
    /// Who was logged in where, and who was refused lately.
    pub attempts: AttemptLedger,
}

impl Setup {
    /// With the default policy, a keychain in memory, and no passwords.
    pub fn apart(computer: Computer, state: impl Into<PathBuf>, prober: Prober) -> Self {
        Self {
            computer,
            state: state.into(),
            policy: Policy::default(),
            prober,
            given: Given::default(),
            secrets: Arc::new(MemorySecrets::new()),
            keychain: KeychainUse::Full,
            borrowing: None,
            attempts: AttemptLedger::new(),
        }
    }
}

/// What the stages work with.
pub struct Tools {
    /// The machine.
    pub computer: Computer,
    /// The mail clients to look for.
    pub clients: &'static [&'static dyn MailClient],
    /// What is allowed.
    pub policy: Policy,
    /// Talks to mail servers.
    pub prober: Prober,
    /// Passwords at hand.
    pub credentials: Arc<CredentialBook>,
    /// Who was logged in where, so that no login is tried twice in a run.
    pub attempts: AttemptLedger,
    /// What the writer needs.
    pub kit: WriterKit,
    /// Whoever has started the run.
    pub talk: Arc<dyn Conversation>,
}

impl Tools {
    /// From what a run is set up with, for whoever has started it.
    pub fn new(setup: Setup, talk: Arc<dyn Conversation>) -> Self {
        let Setup { computer, state, policy, prober, given, secrets, keychain, borrowing, attempts } = setup;
        let ask = Box::new(OneAtATime::new(Arc::clone(&talk)));
        let book = CredentialBook::new(given, secrets, keychain, Index::in_state(&state), ask).borrowing(borrowing);
        Self {
            clients: CLIENTS,
            policy,
            prober,
            credentials: Arc::new(book),
            attempts,
            kit: WriterKit::new(state, &computer, CLIENTS),
            computer,
            talk,
        }
    }

    /// The adapter of this account.
    pub(super) fn client_of(&self, account: &Account) -> Option<&'static dyn MailClient> {
        self.clients.iter().copied().find(|client| client.id() == account.client)
    }

    /// What the program of this account can do.
    pub(super) fn abilities(&self, account: &Account) -> Abilities {
        let client = self.client_of(account);
        client.map_or(UNKNOWN, |client| client.abilities(&self.computer, account))
    }
}

/// What the one writer works with on a machine: where it keeps its journals, where settings are, who is open.
pub struct WriterKit {
    state: PathBuf,
    machine: Machine,
    store: MachineStore,
    open_check: OpenClients,
}

impl WriterKit {
    /// The kit of this machine, with its journals in this state folder.
    pub fn new(state: impl Into<PathBuf>, computer: &Computer, clients: &'static [&'static dyn MailClient]) -> Self {
        Self {
            state: state.into(),
            machine: Machine::of(computer),
            store: MachineStore::of(computer),
            open_check: OpenClients::new(computer.clone(), clients),
        }
    }

    /// The writer.
    pub fn writer(&self) -> Writer<'_> {
        Writer::new(self.state.clone(), self.machine.clone(), &self.store, &AllEditors, &self.open_check)
    }

    /// Is this client open on this profile?
    pub fn is_open(&self, client: ClientId, profile: &str) -> bool {
        matches!(self.open_check.in_use(client, profile), InUse::Yes(_))
    }

    /// Does a receipt that is not believed speak of this profile?
    pub(super) fn is_about(&self, receipt: &Unbelieved, client: ClientId, profile: &str) -> bool {
        receipt.is_about(&self.machine, client, profile)
    }

    /// The state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }
}

/// The runtime of the probe. The thread that drives a run is the caller's, and may be kept waiting by questions.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}
