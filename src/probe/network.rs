//! An invented network: what the embedded internet provider of `port26 try` does to names and packets, so that a
//! dropped port can be rehearsed (and tested) without touching a firewall. Without one, the real network is used.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use port26_platform::network::NetworkSigns;

/// What becomes of a connection attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// It goes where it was sent.
    Through,
    /// It ends up here.
    To(SocketAddr),
    /// The SYN is dropped.
    Drop,
    /// RST.
    Reject,
    /// ICMP prohibited.
    Prohibit,
    /// No route.
    Unreachable,
    /// This machine's own firewall says no.
    Deny,
}

/// What a name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// These addresses.
    Addresses(Vec<IpAddr>),
    /// NXDOMAIN.
    NoSuchName,
    /// No answer at all.
    Silent,
}

/// The provider.
pub trait Network: fmt::Debug + Send + Sync {
    /// Resolves a name; `None` leaves it to the real resolver.
    fn lookup(&self, name: &str) -> Option<Lookup>;
    /// Does this machine know a way out at all? `None` asks the real routing table.
    fn has_route(&self) -> Option<bool> {
        None
    }

    /// By what it can be known again. `None` asks the real one.
    fn signs(&self) -> Option<NetworkSigns> {
        None
    }

    /// What becomes of an attempt to reach `address` for the sake of `host`.
    fn route(&self, host: &str, address: SocketAddr) -> Route;
}
