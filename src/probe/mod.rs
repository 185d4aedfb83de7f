//! One conversation by phases with each outgoing port (resolve, connect, greeting, EHLO, STARTTLS, TLS,
//! EHLO), everything seen recorded; and the proof by login on one of them.

mod beats;
mod by_turns;
mod chain;
pub mod connect_to;
mod dial;
mod dialogue;
pub mod finding;
mod held;
pub(crate) mod hello;
pub mod http;
pub mod login;
mod name_servers;
pub mod network;
#[doc(hidden)]
pub mod outside;
mod reached;
mod recording;
mod resolve;
mod secrets;
pub mod sender_policy;
mod sending;
pub mod silence;
mod survey;
mod tls;
mod transcript;
mod trust;
mod witness;

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use port26_platform::network::NetworkSigns;
use rustls::pki_types::CertificateDer;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::account::TlsMode;
use connect_to::ConnectTo;
use dial::Dialler;
use network::Network;
use resolve::Names;
use silence::Pace;
use tls::Trust;

pub use crate::account::Mechanism;
pub use by_turns::{Course, Own, Question};
pub use login::{LoginRefused, PlaintextAuth, Session};
pub use sending::{MessageLogin, SendError};
pub use survey::Survey;
pub use witness::Witnessing;

/// How the probe goes about it. The defaults are those of the design; tests shorten them.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where hosts and ports are dialled instead.
    pub connect_to: Vec<ConnectTo>,
    /// Trust anchors beside those of the operating system.
    pub extra_anchors: Vec<CertificateDer<'static>>,
    /// What to say in EHLO. `None`: the address literal of our end of the connection, so that the name of this
    /// computer is told to nobody.
    pub helo_name: Option<String>,
    /// Resolving, connecting, the TLS handshake and each of our commands get this long; so a silent port costs this much.
    pub deadline: Duration,
    /// How long an open port may keep its greeting to itself, from the connection on.
    pub greeting_patience: Duration,
    /// How long a greeting that was begun (`220-`) may take to its end, from its beginning on: its server is alive and
    /// makes newcomers wait, as postscreen does.
    pub begun_patience: Duration,
    /// How long an answer to AUTH, MAIL FROM and DATA may take: hosts look things up, and punish with slowness.
    pub login_patience: Duration,
    /// When fresh SYNs are sent to an address that does not answer.
    pub syn_offsets: Vec<Duration>,
    /// RFC 8305: how long one address has before the next is tried as well.
    pub stagger: Duration,
    /// Silence is final this early if the same address answered on another port, and did so in a third of it.
    /// `None` waits for `deadline` always.
    pub early_silence: Option<Duration>,
    /// How fast the witness of a silent port is asked.
    pub pace: Pace,
    /// The same on a network that blocked that port the last time.
    pub known_pace: Pace,
    /// Sockets at a time, over all hosts: connections that are being made, and open ones.
    pub max_sockets: usize,
    /// Connections open with one host at a time, so that it is not taken for an attack. A port that does not answer
    /// passes its turn on at once, or silent ports would add up.
    pub max_per_host: usize,
    /// An invented network, for `port26 try` and for tests.
    pub network: Option<Arc<dyn Network>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect_to: Vec::new(),
            extra_anchors: Vec::new(),
            helo_name: None,
            deadline: Duration::from_secs(3),
            greeting_patience: Duration::from_secs(3),
            begun_patience: Duration::from_secs(30),
            login_patience: Duration::from_secs(20),
            syn_offsets: [0, 250, 500].map(Duration::from_millis).to_vec(),
            stagger: Duration::from_millis(250),
            early_silence: Some(Duration::from_millis(1500)),
            pace: Pace::NEW,
            known_pace: Pace::KNOWN,
            max_sockets: 64,
            max_per_host: 4,
            network: None,
        }
    }
}

/// A port to talk to. `(port, mode)` converts into one with the patience of the [`Config`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The port.
    pub port: u16,
    /// How TLS is tried.
    pub tls: TlsMode,
    /// How long to wait for the greeting, if not as long as the [`Config`] says. The configured port of an account may
    /// be worth 30 s: some hosts greet that late on purpose.
    pub greeting_patience: Option<Duration>,
}

impl From<(u16, TlsMode)> for Target {
    fn from((port, tls): (u16, TlsMode)) -> Self {
        Self { port, tls, greeting_patience: None }
    }
}

/// The probe could not be set up.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// An extra anchor is not a certificate that can be one.
    #[error("an extra trust anchor cannot be used")]
    Anchor(#[source] rustls::Error),
}

/// One socket in so many may be kept open for later.
const STAYING: usize = 8;

/// Conversations with one host that stay open for the proofs after the survey, over all surveys of this host.
const KEPT: usize = 2;

/// The turns at one host.
#[derive(Debug)]
struct Turns {
    /// One for each connection.
    all: Arc<Semaphore>,
    /// Leave to keep one for later. There is always one turn more than leaves: whoever waits for a turn waits for a
    /// conversation that goes on, never for one that is kept until somebody else is done.
    stay: Arc<Semaphore>,
}

impl Turns {
    fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { all: Arc::new(Semaphore::new(most)), stay: Arc::new(Semaphore::new(KEPT.min(most - 1))) }
    }
}

/// Makes the conversations of one run. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Prober {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    names: Names,
    dialler: Arc<Dialler>,
    trust: Trust,
    /// Leave for conversations to stay open until they are needed.
    stay: Arc<Semaphore>,
    hosts: Mutex<std::collections::HashMap<String, Arc<Turns>>>,
}

impl Prober {
    /// Sets it up; reads the trust store of the operating system.
    pub fn new(config: Config) -> Result<Self, ProbeError> {
        let trust = Trust::new(&config.extra_anchors).map_err(ProbeError::Anchor)?;
        let names =
            Names { rules: config.connect_to.clone(), network: config.network.clone(), deadline: config.deadline };
        let dialler = Arc::new(Dialler {
            network: config.network.clone(),
            syn_offsets: config.syn_offsets.clone(),
            stagger: config.stagger,
            early_silence: config.early_silence,
            sockets: Arc::new(Semaphore::new(config.max_sockets.max(1))),
            reserve: config.max_sockets / 2,
            made: Mutex::default(),
        });
        // The others are opened once more when they are needed, so that silent ports and new conversations find room.
        let most = config.max_sockets.max(1);
        let stay = Arc::new(Semaphore::new((most / STAYING).max(1).min(most - 1)));
        Ok(Self { inner: Arc::new(Inner { config, names, dialler, trust, stay, hosts: Default::default() }) })
    }

    /// Does the system know a way out? Connecting a UDP socket sends nothing; it only asks the routing table. The
    /// addresses are documentation prefixes (RFC 5737, RFC 3849).
    pub fn has_route(&self) -> bool {
        let asks = |bind: &str, to: &str| UdpSocket::bind(bind).and_then(|socket| socket.connect(to)).is_ok();
        let invented = self.inner.config.network.as_ref().and_then(|network| network.has_route());
        invented.unwrap_or_else(|| asks("0.0.0.0:0", "192.0.2.1:9") || asks("[::]:0", "[2001:db8::1]:9"))
    }

    /// Connections that were made so far, by the host's name in lower case: what this run has cost its hosts.
    pub fn connections(&self) -> BTreeMap<String, usize> {
        self.inner.dialler.made()
    }

    /// By what this network can be known again.
    pub fn signs(&self) -> NetworkSigns {
        let invented = self.inner.config.network.as_ref().and_then(|network| network.signs());
        invented.unwrap_or_else(NetworkSigns::now)
    }
}
