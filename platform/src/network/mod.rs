//! Signs by which a network can be known again without asking anybody: the hardware address of its gateway, the DNS
//! search suffix that it hands out, and its global IPv6 prefix; and whether the way to an address leads through a VPN. Nothing here sends
//! a packet.

use std::collections::BTreeSet;
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
    /// The hardware address (EUI-48) of the default gateway, if the system has it in its table of neighbours.
    pub gateway: Option<[u8; 6]>,
}

impl NetworkSigns {
    /// The signs of the network this computer is on now.
    pub fn now() -> Self {
        Self { search_suffixes: system::search_suffixes(), ipv6_prefix: ipv6_prefix(), gateway: gateway() }
    }

    /// No sign at all: this network cannot be known again.
    pub fn is_empty(&self) -> bool {
        self.search_suffixes.is_empty() && self.ipv6_prefix.is_none() && self.gateway.is_none()
    }
}

/// The default gateway's own address, where the system knows it. A VPN has none.
fn gateway() -> Option<[u8; 6]> {
    let found = netdev::get_default_gateway().ok()?.mac_addr;
    (found != netdev::MacAddr::zero() && found.is_unicast()).then(|| found.octets())
}

/// By what addresses this computer is on its networks now: of IPv4 the address, of IPv6 the first 64 bits, since the rest
/// of it changes every day (RFC 8981). Neither loopback nor link-local. None: it is on no network.
pub fn addresses() -> BTreeSet<IpAddr> {
    let Ok(networks) = Networks::new_with_refreshed_list() else { return BTreeSet::new() };
    networks.values().flat_map(|data| data.ip_networks()).filter_map(|network| sign_of(network.addr)).collect()
}

fn sign_of(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) if v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() => None,
        IpAddr::V4(_) => Some(address),
        IpAddr::V6(v6) if v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified() => None,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Some(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_sign_of_its_network_and_not_of_the_day() {
        let sign = |text: &str| sign_of(text.parse().unwrap()).map(|address| address.to_string());
        assert_eq!(sign("192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(sign("2001:db8:1:2:3:4:5:6").as_deref(), Some("2001:db8:1:2::"));
        assert_eq!(sign("2001:db8:1:2:aaaa::1"), sign("2001:db8:1:2:3:4:5:6"));
        for nowhere in ["127.0.0.1", "169.254.3.4", "0.0.0.0", "::1", "fe80::1"] {
            assert_eq!(sign(nowhere), None, "{nowhere}");
        }
        assert!(addresses().iter().all(|address| !address.is_loopback()));
    }
}
