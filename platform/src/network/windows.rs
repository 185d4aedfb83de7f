//! Search suffixes from the TCP/IP parameters of the registry (`SearchList`, `Domain`, `DhcpDomain`).

use windows_registry::LOCAL_MACHINE;

const PARAMETERS: &str = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";

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
