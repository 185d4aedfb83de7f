//! A VPN by the name of its adapter; search suffixes from the TCP/IP parameters of the registry (`SearchList`, `Domain`, `DhcpDomain`).

use windows_registry::LOCAL_MACHINE;

const PARAMETERS: &str = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";

/// Words in the names that VPN programs give to their adapters.
const VPN_WORDS: [&str; 12] = [
    "vpn",
    "wireguard",
    "tailscale",
    "zerotier",
    "nordlynx",
    "mullvad",
    "proton",
    "openvpn",
    "anyconnect",
    "fortinet",
    "tap-windows",
    "wintun",
];

/// Is this interface a VPN's?
pub(super) fn is_vpn(name: &str) -> bool {
    let name = name.to_lowercase();
    VPN_WORDS.iter().any(|word| name.contains(word))
}

/// The suffixes that the system appends to short names.
pub(super) fn search_suffixes() -> Vec<String> {
    let Ok(key) = LOCAL_MACHINE.open(PARAMETERS) else { return Vec::new() };
    ["SearchList", "Domain", "DhcpDomain"]
        .iter()
        .filter_map(|name| key.get_string(name).ok())
        .flat_map(|list| list.split([',', ' ']).map(|word| word.trim_matches('.').to_lowercase()).collect::<Vec<_>>())
        .filter(|word| !word.is_empty())
        .collect()
}
