//! Signs by which a network can be known again without asking anybody: the DNS search suffix that it
//! hands out, and its global IPv6 prefix; and whether the way to an address leads through a VPN. Nothing here sends
//! a packet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use sysinfo::Networks;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

/// What tells one network from another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkSigns {
    /// DNS search suffixes in the system's order, lower case.
    pub search_suffixes: Vec<String>,
    /// The first 48 bits of this computer's global IPv6 address, if it has one.
    pub ipv6_prefix: Option<[u16; 3]>,
}

impl NetworkSigns {
    /// The signs of the network this computer is on now.
    pub fn now() -> Self {
        Self { search_suffixes: system::search_suffixes(), ipv6_prefix: ipv6_prefix() }
    }

    /// No sign at all: this network cannot be known again.
    pub fn is_empty(&self) -> bool {
        self.search_suffixes.is_empty() && self.ipv6_prefix.is_none()
    }
}

/// The name of the VPN interface through which packets to `address` leave, if they do.
pub fn vpn_towards(address: IpAddr) -> Option<String> {
    let from = source_towards(address)?;
    let networks = Networks::new_with_refreshed_list().ok()?;
    let name = networks
        .iter()
        .find(|(_, data)| data.ip_networks().iter().any(|network| network.addr == from))
        .map(|(name, _)| name.to_string_lossy().into_owned())?;
    system::is_vpn(&name).then_some(name)
}

/// Connecting a UDP socket asks the routing table which source address it would use and sends nothing.
fn source_towards(address: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(SocketAddr::new(address, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The target is a documentation address (RFC 3849).
fn ipv6_prefix() -> Option<[u16; 3]> {
    match source_towards(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into())? {
        // 2000::/3 is what is routed globally (RFC 4291).
        IpAddr::V6(address) if address.segments()[0] & 0xe000 == 0x2000 => {
            let parts = address.segments();
            Some([parts[0], parts[1], parts[2]])
        }
        _ => None,
    }
}
