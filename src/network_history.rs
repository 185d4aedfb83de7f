//! What each network did to each port, and since when: "but my mail used to work", with dates. Kept in
//! the state folder; of a network only an id is kept, never a name or an address.

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

/// The id of a network; `None` if it shows no sign by which it can be known again.
pub fn network_id(signs: &NetworkSigns) -> Option<String> {
    (!signs.is_empty()).then(|| {
        let text = format!("{}|{:?}", signs.search_suffixes.join(","), signs.ipv6_prefix);
        hex::encode(&Sha256::digest(text.as_bytes())[..6])
    })
}

impl History {
    /// Reads the history; a missing file is an empty history.
    pub fn load(state: &Path) -> Result<Self, HistoryError> {
        let path = state.join("history.json");
        match files::read(&path)? {
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

    #[test]
    fn an_id_tells_nothing_of_the_network() {
        let signs = NetworkSigns { search_suffixes: vec!["home.isp.test".into()], ipv6_prefix: None };
        let id = network_id(&signs).unwrap();
        assert_eq!(id.len(), 12);
        assert!(!id.contains("isp"));
        assert_eq!(network_id(&NetworkSigns::default()), None);
    }
}
