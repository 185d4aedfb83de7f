//! Search suffixes from `/etc/resolv.conf` (resolv.conf(5)); macOS keeps a copy there too. A VPN by the kind of its
//! interface where Linux tells it, else by its name.

use std::path::Path;

/// The suffixes of the last `search` or `domain` line.
pub(super) fn search_suffixes() -> Vec<String> {
    std::fs::read_to_string("/etc/resolv.conf").map(|text| parse(&text)).unwrap_or_default()
}

/// Is this interface a VPN's?
pub(super) fn is_vpn(name: &str) -> bool {
    let told = Path::new("/sys/class/net").join(name);
    if let Ok(kind) = std::fs::read_to_string(told.join("type")) {
        // ARPHRD_NONE is what tun and WireGuard interfaces are; ppp0 is as often a DSL line as a VPN, and is not said.
        return kind.trim() == "65534" || told.join("tun_flags").exists();
    }
    // macOS: utun by every VPN app, ipsec and ppp by its own.
    ["utun", "ipsec", "ppp", "tun", "wg"].iter().any(|kind| is_numbered(name, kind))
}

fn is_numbered(name: &str, kind: &str) -> bool {
    name.strip_prefix(kind).is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn parse(text: &str) -> Vec<String> {
    let mut suffixes = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if matches!(words.next(), Some("search" | "domain")) {
            suffixes =
                words.map(|word| word.trim_end_matches('.').to_lowercase()).filter(|word| !word.is_empty()).collect();
        }
    }
    suffixes
}

#[cfg(test)]
mod tests {
    use super::{is_numbered, is_vpn, parse};

    #[test]
    fn a_vpn_has_a_name_of_its_own() {
        assert!(is_vpn("utun4") && is_vpn("ipsec0"));
        assert!(!is_vpn("lo") && !is_vpn("en0") && !is_vpn("no-such-interface"));
        assert!(!is_numbered("tunnel", "tun") && !is_numbered("tun", "tun"));
    }

    #[test]
    fn the_last_line_wins() {
        let text = "# comment\nnameserver 192.0.2.1\ndomain old.test\nsearch Home.ISP.test. lan\n";
        assert_eq!(parse(text), ["home.isp.test", "lan"]);
        assert!(parse("nameserver 192.0.2.1\nsearch .\n").is_empty());
    }
}
