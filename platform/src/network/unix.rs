//! Search suffixes from `/etc/resolv.conf` (resolv.conf(5)); macOS keeps a copy there too.

/// The suffixes of the last `search` or `domain` line.
pub(super) fn search_suffixes() -> Vec<String> {
    std::fs::read_to_string("/etc/resolv.conf").map(|text| parse(&text)).unwrap_or_default()
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
    use super::parse;

    #[test]
    fn the_last_line_wins() {
        let text = "# comment\nnameserver 192.0.2.1\ndomain old.test\nsearch Home.ISP.test. lan\n";
        assert_eq!(parse(text), ["home.isp.test", "lan"]);
        assert!(parse("nameserver 192.0.2.1\nsearch .\n").is_empty());
    }
}
