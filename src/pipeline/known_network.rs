//! A network that was seen before: what it did to a port then says which port is worth asking first. The verdict rests on
//! what is seen now, either way.

use std::collections::BTreeMap;

use super::Tools;
use crate::network_history::{History, PortState};

/// What this network did to each port the last time.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastSeen(BTreeMap<u16, PortState>);

impl LastSeen {
    /// What is remembered of the network that the computer is on now. A history that cannot be read is none.
    pub(super) fn of(tools: &Tools) -> Self {
        match History::load(tools.kit.state()) {
            Ok(history) => match history.network_id(&tools.prober.signs()) {
                Some(network) => Self::from_history(&history, &network),
                None => Self::default(),
            },
            Err(error) => {
                tracing::warn!("nothing is remembered of this network: {error}");
                Self::default()
            }
        }
    }

    fn from_history(history: &History, network: &str) -> Self {
        let ports = history.spans.iter().filter(|span| span.network == network).map(|span| span.port);
        Self(ports.filter_map(|port| Some((port, history.last(network, port)?))).collect())
    }

    /// Of these ports, for tests.
    #[cfg(test)]
    pub(crate) fn of_ports(ports: impl IntoIterator<Item = (u16, PortState)>) -> Self {
        Self(ports.into_iter().collect())
    }

    /// It blocked this port.
    pub(super) fn blocked(&self, port: u16) -> bool {
        self.0.get(&port) == Some(&PortState::Blocked)
    }
}
