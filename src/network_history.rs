//! What each network did to each port, and since when: "but my mail used to work", with dates. Kept in
//! the state folder; of a network only an id is kept, never a name or an address.
//!
//! A network is known by the hardware address of its gateway. Names like "lan" or "fritz.box" are those of half the
//! world, and many networks hand out none. The id is a hash with a salt of this computer: from the file alone nobody
//! can tell which router it was, and two computers give one network two ids.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use port26_platform::files::{self, FileError};
use port26_platform::network::NetworkSigns;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a network does to a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortState {
    /// It lets the port through.
    Open,
    /// It blocks the port.
    Blocked,
}

/// A span of time in which a port was in one state on one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Id of the network.
    pub network: String,
    /// The port.
    pub port: u16,
    /// What the network did to it.
    pub state: PortState,
    /// First seen so.
    pub first: Timestamp,
    /// Last seen so.
    pub last: Timestamp,
}

/// Everything remembered, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History {
    /// What makes the ids of networks this computer's own: random, hex. Empty until something is kept.
    #[serde(default)]
    salt: String,
    /// The spans.
    pub spans: Vec<Span>,
}

/// What went wrong with the history file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// Reading or writing it.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not ours.
    #[error("{path} is not a history of port26: {source}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
}

/// Spans that are kept; the oldest go first.
const KEPT: usize = 500;

/// Gateways that share one address on purpose: VRRP (RFC 5798 section 7.3), Cisco's HSRP (RFC 2281) and GLBP.
const SHARED_GATEWAYS: [[u8; 3]; 3] = [[0x00, 0x00, 0x5e], [0x00, 0x00, 0x0c], [0x00, 0x07, 0xb4]];

/// The gateway's address where it is one of a kind: given by the maker (IEEE 802, the second bit is clear), and not shared.
/// What virtual machines and telephones make up stands beside the other signs only.
fn one_of_a_kind(gateway: [u8; 6]) -> bool {
    gateway[0] & 0b10 == 0 && !SHARED_GATEWAYS.iter().any(|shared| gateway.starts_with(shared))
}

impl History {
    /// Reads the history; a missing file is an empty history.
    pub fn load(state: &Path) -> Result<Self, HistoryError> {
        let path = state.join("history.json");
        match files::read_private(&path)? {
            None => Ok(Self::default()),
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|source| HistoryError::Malformed { path, source }),
        }
    }

    /// Writes it.
    pub fn save(&self, state: &Path) -> Result<(), HistoryError> {
        let path = state.join("history.json");
        let bytes =
            serde_json::to_vec_pretty(self).map_err(|source| HistoryError::Malformed { path: path.clone(), source })?;
        files::private_dir(state)?;
        Ok(files::replace_private(&path, &bytes)?)
    }

    /// What is remembered, and why it had to begin anew if the file could not be read or understood. What is kept later
    /// takes the place of such a file.
    pub fn load_or_begin(state: &Path) -> (Self, Option<HistoryError>) {
        match Self::load(state) {
            Ok(history) => (history, None),
            Err(error) => (Self::default(), Some(error)),
        }
    }

    /// The id of a network; `None` if it shows no sign by which it can be known again, or nothing was kept yet.
    pub fn network_id(&self, signs: &NetworkSigns) -> Option<String> {
        if signs.is_empty() || self.salt.is_empty() {
            return None;
        }
        let mut hash = Sha256::new_with_prefix(self.salt.as_bytes());
        if let Some(gateway) = signs.gateway {
            hash.update(gateway);
        }
        // Providers give another prefix each day: beside a gateway that is one of a kind it would only hide the network.
        if !signs.gateway.is_some_and(one_of_a_kind) {
            hash.update(format!("|{}|{:?}", signs.search_suffixes.join(","), signs.ipv6_prefix));
        }
        Some(hex::encode(&hash.finalize()[..6]))
    }

    /// The same, for a history that is about to be kept.
    pub fn id_to_keep(&mut self, signs: &NetworkSigns) -> Option<String> {
        if self.salt.is_empty() {
            // Ids from before there was a salt fit no network any more.
            self.spans.clear();
            self.salt = (0..2).map(|_| format!("{:016x}", RandomState::new().build_hasher().finish())).collect();
        }
        self.network_id(signs)
    }

    /// Remembers what was seen: lengthens the last span of this port on this network, or begins a new one.
    pub fn note(&mut self, network: &str, port: u16, state: PortState, now: Timestamp) {
        let last = self.spans.iter_mut().rev().find(|span| span.network == network && span.port == port);
        match last {
            Some(span) if span.state == state => span.last = now,
            _ => self.spans.push(Span { network: network.to_owned(), port, state, first: now, last: now }),
        }
        let surplus = self.spans.len().saturating_sub(KEPT);
        self.spans.drain(..surplus);
    }

    /// What this network did to this port when it was last seen.
    pub fn last(&self, network: &str, port: u16) -> Option<PortState> {
        self.spans.iter().rev().find(|span| span.network == network && span.port == port).map(|span| span.state)
    }

    /// Why a port that is blocked now used to work, in one sentence with dates; `None` if it was never seen to work.
    pub fn explain(&self, network: &str, port: u16) -> Option<String> {
        let worked = |span: &&Span| span.port == port && span.state == PortState::Open;
        let date = |stamp: Timestamp| stamp.strftime("%Y-%m-%d").to_string();
        let since = self
            .spans
            .iter()
            .rev()
            .find(|span| span.network == network && span.port == port && span.state == PortState::Blocked)?;
        let here =
            self.spans.iter().rev().filter(worked).find(|span| span.network == network && span.last <= since.first);
        let elsewhere = self.spans.iter().rev().filter(worked).find(|span| span.network != network);
        match (here, elsewhere) {
            (Some(here), _) => Some(format!(
                "Port {port} worked on this network until {}; it has been blocked here since {}.",
                date(here.last),
                date(since.first)
            )),
            (None, Some(elsewhere)) => Some(format!(
                "Port {port} last worked on another network on {}; this network was first seen to block it on {}.",
                date(elsewhere.last),
                date(since.first)
            )),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Timestamp {
        format!("{text}T12:00:00Z").parse().unwrap()
    }

    #[test]
    fn tells_since_when() {
        let mut history = History::default();
        history.note("home", 25, PortState::Open, day("2026-09-01"));
        history.note("home", 25, PortState::Open, day("2026-10-02"));
        assert_eq!(history.explain("home", 25), None);
        history.note("home", 25, PortState::Blocked, day("2026-10-05"));
        history.note("home", 25, PortState::Blocked, day("2026-11-20"));
        assert_eq!(history.spans.len(), 2);
        assert_eq!(history.last("home", 25), Some(PortState::Blocked));
        assert_eq!((history.last("home", 26), history.last("hotel", 25)), (None, None));
        let told = history.explain("home", 25).unwrap();
        assert_eq!(told, "Port 25 worked on this network until 2026-10-02; it has been blocked here since 2026-10-05.");
        history.note("hotel", 25, PortState::Blocked, day("2026-11-22"));
        assert!(history.explain("hotel", 25).unwrap().contains("another network on 2026-10-02"));
    }

    #[test]
    fn survives_the_disk_and_reports_garbage() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::default();
        history.note("home", 25, PortState::Open, day("2026-09-01"));
        history.save(dir.path()).unwrap();
        assert_eq!(History::load(dir.path()).unwrap(), history);
        std::fs::write(dir.path().join("history.json"), "{").unwrap();
        assert!(matches!(History::load(dir.path()), Err(HistoryError::Malformed { .. })));
    }

    fn signs(suffix: &str, gateway: Option<[u8; 6]>, prefix: Option<[u16; 3]>) -> NetworkSigns {
        let search_suffixes = if suffix.is_empty() { Vec::new() } else { vec![suffix.to_owned()] };
        NetworkSigns { search_suffixes, ipv6_prefix: prefix, gateway }
    }

    const ROUTER: Option<[u8; 6]> = Some([0x3c, 0xa6, 0x2f, 1, 2, 3]);

    #[test]
    fn an_id_tells_nothing_of_the_network() {
        let (mut one, mut other) = (History::default(), History::default());
        let home = signs("home.isp.test", ROUTER, None);
        assert_eq!(one.network_id(&home), None, "nothing is kept yet");
        let id = one.id_to_keep(&home).unwrap();
        assert_eq!(id.len(), 12);
        assert!(!id.contains("isp"));
        assert_eq!(one.network_id(&home), Some(id.clone()));
        assert_ne!(other.id_to_keep(&home).unwrap(), id, "each computer has a salt of its own");
        assert_eq!(one.id_to_keep(&NetworkSigns::default()), None);
    }

    #[test]
    fn a_gateway_tells_networks_with_one_name_apart() {
        let mut history = History::default();
        let mut id = |suffix, gateway, prefix| history.id_to_keep(&signs(suffix, gateway, prefix)).unwrap();
        let home = id("fritz.box", ROUTER, Some([0x2001, 0xdb8, 1]));
        assert_ne!(home, id("fritz.box", Some([0x3c, 0xa6, 0x2f, 1, 2, 4]), Some([0x2001, 0xdb8, 1])));
        // The provider's prefix of today is not that of tomorrow.
        assert_eq!(home, id("fritz.box", ROUTER, Some([0x2001, 0xdb8, 7])));
        assert_eq!(id("", ROUTER, None), home);
        // What is made up or shared is a sign only beside the others.
        for common in [[0x52, 0x54, 0, 0x12, 0x35, 2], [0, 0, 0x5e, 0, 1, 1], [0, 0, 0x0c, 7, 0xac, 1]] {
            assert_ne!(id("one.test", Some(common), None), id("other.test", Some(common), None), "{common:x?}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("history.json"), "{").unwrap();
        let (mut history, trouble) = History::load_or_begin(dir.path());
        assert!(matches!(trouble, Some(HistoryError::Malformed { .. })));
        let id = history.id_to_keep(&signs("lan", ROUTER, None)).unwrap();
        history.note(&id, 25, PortState::Open, day("2026-09-01"));
        history.save(dir.path()).unwrap();
        assert_eq!(History::load(dir.path()).unwrap(), history);
    }
}
