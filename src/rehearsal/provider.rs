//! The embedded internet provider: it knows the names of the rehearsal and nothing else, blocks what its
//! rules say, and leads everything else to the mail host on loopback. No packet leaves this computer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use port26_platform::network::NetworkSigns;

use super::isp::{Isp, Verdict};
use crate::probe::network::{Lookup, Network, Route};

/// Where the invented hosts seem to be (RFC 5737: documentation, nobody is there).
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 26));
/// For documentation (RFC 7042).
const GATEWAY: [u8; 6] = [0x00, 0x00, 0x5e, 0x00, 0x53, 0x26];
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 25));

/// The provider.
#[derive(Debug, Clone)]
pub struct Provider {
    rules: Isp,
    hosts: Vec<String>,
    ports: Vec<(u16, SocketAddr)>,
}

impl Provider {
    /// A provider with these rules, for these names of one mail host that really listens at these addresses.
    pub fn new(rules: Isp, hosts: impl IntoIterator<Item = impl Into<String>>, ports: &[(u16, SocketAddr)]) -> Self {
        Self { rules, hosts: hosts.into_iter().map(Into::into).collect(), ports: ports.to_vec() }
    }

    fn knows(&self, name: &str) -> bool {
        self.hosts.iter().any(|host| host.eq_ignore_ascii_case(name.trim_end_matches('.')))
    }
}

impl Network for Provider {
    /// The names of the mail host, and every name outside `.test`, which stands for an unrelated host.
    fn lookup(&self, name: &str) -> Option<Lookup> {
        let name = name.trim_end_matches('.');
        Some(match (self.knows(name), name.ends_with(".test")) {
            (true, _) => Lookup::Addresses(vec![HOST]),
            (false, true) => Lookup::NoSuchName,
            (false, false) => Lookup::Addresses(vec![ELSEWHERE]),
        })
    }

    /// The invented network is always there, also on a computer without one.
    fn has_route(&self) -> Option<bool> {
        Some(true)
    }

    /// The invented provider's router: what a machine remembers of this network is not about the one around it.
    fn signs(&self) -> Option<NetworkSigns> {
        Some(NetworkSigns { search_suffixes: Vec::new(), ipv6_prefix: None, gateway: Some(GATEWAY) })
    }

    fn route(&self, host: &str, address: SocketAddr) -> Route {
        let at_host = self.ports.iter().find(|(port, _)| *port == address.port()).filter(|_| self.knows(host));
        match (self.rules.verdict(host, address.port()), at_host) {
            (Verdict::Drop, _) => Route::Drop,
            (Verdict::Reject, _) => Route::Reject,
            (Verdict::Open, Some((_, real))) => Route::To(*real),
            (Verdict::Open, None) => Route::Reject,
        }
    }
}
