//! From a host name to addresses, with "there is no such name" told from "nobody answers", and a resolver that
//! gives everybody the same address found out.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::rr::{RData, RecordType};
use tokio::sync::{OnceCell, oneshot};
use tokio::time::{Instant, timeout_at};

use super::connect_to::{ConnectTo, Destination};
use super::finding::Resolution;
use super::name_servers::{direct, records};
use super::network::{Lookup, Network};

/// The system's resolver has this long before its servers are asked beside it.
const HURRY: Duration = Duration::from_millis(700);

/// How names become addresses in this run.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) rules: Vec<ConnectTo>,
    pub(super) network: Option<Arc<dyn Network>>,
    pub(super) deadline: Duration,
}

/// A host that is resolved at most once, however many ports are asked for.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: String,
    known: OnceCell<Resolution>,
}

impl Host {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), known: OnceCell::new() }
    }
}

impl Names {
    /// Where `host`:`port` is dialled, in order. The error is a resolution without addresses.
    pub(super) async fn destinations(&self, host: &Host, port: u16) -> Result<Vec<SocketAddr>, Resolution> {
        let rule = ConnectTo::find(&self.rules, &host.name, port);
        let dialled = rule.map_or(port, |rule| rule.port_for(port));
        let resolution = match rule.and_then(ConnectTo::destination) {
            Some(Destination::Address(address)) => {
                return Ok(vec![SocketAddr::new(*address, dialled)]);
            }
            Some(Destination::Name(name)) => self.resolve(name).await,
            None => host.known.get_or_init(|| self.resolve(&host.name)).await.clone(),
        };
        match resolution {
            Resolution::Addresses { addresses, .. } => {
                Ok(addresses.into_iter().map(|address| SocketAddr::new(address, dialled)).collect())
            }
            other => Err(other),
        }
    }

    /// How the host resolved, for the findings: the resolver's answer if it was asked, else what took its place.
    pub(super) fn resolution(&self, host: &Host, dialled: impl IntoIterator<Item = IpAddr>) -> Resolution {
        match host.known.get() {
            Some(known) => known.clone(),
            None => {
                let mut seen = HashSet::new();
                let addresses = dialled.into_iter().filter(|address| seen.insert(*address)).collect();
                Resolution::Addresses { addresses, mapped: true }
            }
        }
    }

    /// The text records of a name; `None` if nobody says what they are.
    pub(super) async fn texts(&self, name: &str) -> Option<Vec<String>> {
        self.records(name, RecordType::TXT, |data| match data {
            RData::TXT(text) => {
                Some(text.txt_data.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect())
            }
            _ => None,
        })
        .await
    }

    /// The mail exchangers of a domain, in any order; `None` if nobody says what they are.
    pub(super) async fn exchangers(&self, name: &str) -> Option<Vec<String>> {
        self.records(name, RecordType::MX, |data| match data {
            RData::MX(exchanger) => Some(exchanger.exchange.to_utf8()),
            _ => None,
        })
        .await
    }

    async fn records(
        &self,
        name: &str,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<String>,
    ) -> Option<Vec<String>> {
        let asked = async { Some(records(name, kind).await?.iter().filter_map(read).collect()) };
        timeout_at(Instant::now() + self.deadline, asked).await.ok().flatten()
    }

    async fn resolve(&self, name: &str) -> Resolution {
        let bare = name.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(name);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Resolution::Addresses { addresses: vec![address], mapped: true };
        }
        if let Some(answer) = self.network.as_ref().and_then(|network| network.lookup(name)) {
            return match answer {
                Lookup::Addresses(addresses) => found(addresses),
                Lookup::NoSuchName => Resolution::NoSuchName,
                Lookup::Silent => {
                    tokio::time::sleep(self.deadline).await;
                    Resolution::Silent { why: "no answer".to_owned() }
                }
            };
        }
        let until = Instant::now() + self.deadline;
        let mut asked = Box::pin(system(name));
        let why = match timeout_at(until.min(Instant::now() + HURRY), &mut asked).await {
            Ok(Ok(addresses)) if !addresses.is_empty() => return found(addresses),
            Ok(Ok(_)) => return Resolution::NoSuchName,
            Ok(Err(error)) => error.to_string(),
            // A lost packet costs the system's resolver five seconds; asking its servers ourselves costs less.
            Err(_) => {
                let answer = tokio::select! {
                    Ok(Ok(addresses)) = timeout_at(until, &mut asked) => Some(Lookup::Addresses(addresses)),
                    Ok(Some(lookup)) = timeout_at(until, direct(name)) => Some(lookup),
                    else => None,
                };
                return match answer {
                    Some(Lookup::Addresses(addresses)) => found(addresses),
                    Some(Lookup::NoSuchName) => Resolution::NoSuchName,
                    _ => Resolution::Silent { why: "no answer from the system's resolver".to_owned() },
                };
            }
        };
        // The system's resolver does not say why; asking its servers directly tells "no such name" from silence.
        match timeout_at(until, direct(name)).await {
            Ok(Some(Lookup::NoSuchName)) => Resolution::NoSuchName,
            Ok(Some(Lookup::Addresses(addresses))) if !addresses.is_empty() => found(addresses),
            _ => Resolution::Silent { why },
        }
    }

    /// The resolver gives invented names one of the addresses of `host` too. Two names are asked for: one beside the
    /// host, and one under a domain that nobody can own, since a wildcard record of the host's own domain is no crime.
    pub(super) async fn hijacked(&self, host: &Host) -> Option<IpAddr> {
        let Some(Resolution::Addresses { addresses, mapped: false }) = host.known.get() else { return None };
        let parent = host.name.trim_end_matches('.').split_once('.').map_or("example", |(_, parent)| parent);
        let label = made_up();
        let (beside, nowhere) = (format!("port26-{label}.{parent}"), format!("port26-{label}.example"));
        let (beside, nowhere) = futures::future::join(self.resolve(&beside), self.resolve(&nowhere)).await;
        let (Resolution::Addresses { addresses: beside, .. }, Resolution::Addresses { addresses: nowhere, .. }) =
            (beside, nowhere)
        else {
            return None;
        };
        addresses.iter().find(|address| beside.contains(address) && nowhere.contains(address)).copied()
    }
}

fn found(addresses: Vec<IpAddr>) -> Resolution {
    if addresses.is_empty() {
        return Resolution::NoSuchName;
    }
    Resolution::Addresses { addresses: interleave(addresses), mapped: false }
}

/// RFC 8305 section 4: the families in turn, IPv6 first.
fn interleave(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut seen = HashSet::new();
    let (six, four): (Vec<_>, Vec<_>) =
        addresses.into_iter().filter(|address| seen.insert(*address)).partition(IpAddr::is_ipv6);
    let longest = six.len().max(four.len());
    (0..longest).flat_map(|at| [six.get(at), four.get(at)]).flatten().copied().collect()
}

/// Eight hexadecimal digits that nobody has seen before.
fn made_up() -> String {
    format!("{:08x}", RandomState::new().build_hasher().finish() as u32)
}

/// The resolver of the operating system. On a thread of its own: it may hang for half a minute, and a thread that
/// is nobody's does not hold up the end of the program.
async fn system(name: &str) -> io::Result<Vec<IpAddr>> {
    let (tell, told) = oneshot::channel();
    let name = name.to_owned();
    std::thread::Builder::new().name("resolve".to_owned()).spawn(move || {
        let addresses = (name.as_str(), 0).to_socket_addrs().map(|all| all.map(|address| address.ip()).collect());
        // Nobody listens any more once the deadline has passed.
        let _ = tell.send(addresses);
    })?;
    told.await.unwrap_or_else(|_| Err(io::Error::other("the resolver gave up")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_take_turns() {
        let all = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "192.0.2.1"].map(|text| text.parse().unwrap());
        let order: Vec<_> = interleave(all.to_vec()).iter().map(ToString::to_string).collect();
        assert_eq!(order, ["2001:db8::1", "192.0.2.1", "192.0.2.2"]);
    }

    #[test]
    fn invented_names_differ() {
        assert_eq!(made_up().len(), 8);
        assert_ne!(made_up(), made_up());
    }

    fn names(rules: &[&str]) -> Names {
        let rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        Names { rules, network: None, deadline: Duration::from_millis(200) }
    }

    #[tokio::test]
    async fn a_mapped_name_is_not_resolved() {
        let names = names(&["mail.hosting.test:25:127.0.0.1:2525", "mail.hosting.test:26:[::1]:"]);
        let host = Host::new("mail.hosting.test");
        let mut dialled = names.destinations(&host, 25).await.unwrap();
        dialled.extend(names.destinations(&host, 26).await.unwrap());
        assert_eq!(dialled.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1:2525", "[::1]:26"]);
        let resolution = names.resolution(&host, dialled.iter().map(SocketAddr::ip));
        assert!(matches!(resolution, Resolution::Addresses { mapped: true, addresses } if addresses.len() == 2));
    }

    #[tokio::test]
    async fn a_literal_is_not_resolved() {
        let names = names(&[]);
        let dialled = names.destinations(&Host::new("[2001:db8::1]"), 25).await.unwrap();
        assert_eq!(dialled[0].to_string(), "[2001:db8::1]:25");
    }

    #[tokio::test]
    async fn localhost_is_what_the_system_says() {
        let dialled = names(&[]).destinations(&Host::new("localhost"), 25).await.unwrap();
        assert!(dialled.iter().all(|address| address.ip().is_loopback()));
    }
}
