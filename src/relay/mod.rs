//! When no port of the host gets through: the internet provider's own outgoing server. Who the provider
//! is comes from the network's own search suffix or from the user; what it offers, from a table in the program.
//! Only servers with encryption and a login are offered.

use std::borrow::Cow;
use std::sync::LazyLock;

use port26_platform::network::NetworkSigns;
use serde::Serialize;

use crate::account::TlsMode;

static TABLE: &str = include_str!("submission-servers.tsv");

/// An outgoing server of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Relay {
    /// The provider's main name.
    pub provider: Cow<'static, str>,
    /// Host.
    pub host: Cow<'static, str>,
    /// Port.
    pub port: u16,
    /// How it is protected.
    pub tls: TlsMode,
    /// Mail domains of the provider.
    #[serde(skip)]
    pub domains: Vec<&'static str>,
}

static RELAYS: LazyLock<Vec<Relay>> = LazyLock::new(|| TABLE.lines().filter_map(parse).collect());

fn parse(line: &'static str) -> Option<Relay> {
    let mut cells = line.split('\t');
    let provider = cells.next().filter(|cell| !cell.starts_with('#'))?;
    let host = cells.next()?;
    let port = cells.next()?.parse().ok()?;
    let tls = match cells.next()? {
        "implicit" => TlsMode::Implicit,
        "starttls" => TlsMode::Starttls,
        _ => TlsMode::None,
    };
    Some(Relay { provider: provider.into(), host: host.into(), port, tls, domains: cells.next()?.split(' ').collect() })
}

/// The servers of a provider named by one of its domains, the encrypted ones only.
pub fn of_provider(domain: &str) -> Vec<&'static Relay> {
    let domain = domain.trim_end_matches('.').to_lowercase();
    let fits = |relay: &&Relay| relay.provider == domain || relay.domains.contains(&domain.as_str());
    RELAYS.iter().filter(|relay| relay.tls != TlsMode::None).filter(fits).collect()
}

/// The servers of the provider whose network this is, as far as the network's own search suffix tells.
pub fn of_network(signs: &NetworkSigns) -> Vec<&'static Relay> {
    signs
        .search_suffixes
        .iter()
        .flat_map(|suffix| parents(suffix))
        .map(of_provider)
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// `home.isp.example` -> itself and `isp.example`; never a lone top-level domain.
fn parents(suffix: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(suffix), |name| name.split_once('.').map(|(_, parent)| parent))
        .filter(|name| name.contains('.'))
}

/// What the user should do with a relay, in steps; the From address stays.
pub fn steps(relay: &Relay) -> Vec<String> {
    let tls = if relay.tls == TlsMode::Implicit { "SSL/TLS" } else { "STARTTLS" };
    vec![
        "Open the account's outgoing server in your mail program.".to_owned(),
        format!("Set the server to {}, port {}, {tls}.", relay.host, relay.port),
        format!("Switch the login on, with the user name and password that {} gave you.", relay.provider),
        "Leave your own address as the sender.".to_owned(),
        "Send a message to yourself at another provider first: some receivers refuse mail that comes by a server your domain does not name (SPF, DMARC).".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_parses() {
        assert_eq!(RELAYS.len(), TABLE.lines().filter(|line| !line.starts_with('#')).count());
        assert!(RELAYS.iter().all(|relay| relay.host.contains('.') && !relay.domains.is_empty()));
    }

    #[test]
    fn finds_by_domain_and_by_suffix() {
        let found = of_provider("1und1.de");
        assert!(!found.is_empty() && found.iter().all(|relay| relay.tls != TlsMode::None));
        let signs = NetworkSigns {
            search_suffixes: vec!["lan".into(), "dsl.1und1.de".into()],
            ipv6_prefix: None,
            gateway: None,
        };
        assert_eq!(of_network(&signs), found);
        assert!(of_provider("nobody.test").is_empty());
        assert!(of_network(&NetworkSigns::default()).is_empty());
    }
}
