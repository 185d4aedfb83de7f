//! Which ports of which hosts are tried: each host once, however many accounts share it. And, at the same time, what
//! tells a blocking network from a closed host: port 25 of unrelated hosts, the provider's own relay, a known page.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, join_all, select};
use futures::stream::{self, StreamExt};
use port26_platform::network::{NetworkSigns, vpn_towards};

use super::known_network::{Memory, expectations};
use super::second_look::{REPEAT, look_again};
use super::{Event, Tools};
use crate::account::{Account, AuthSetting, TlsMode};
use crate::diagnosis::NetworkView;
use crate::probe::finding::{Connect, ControlFinding, HttpFinding, PortFinding, Resolution};
use crate::probe::{Question, Survey};
use crate::relay;

/// Hosts in flight at once: all that wait for a silent port wait together. The prober bounds sockets, and turns at each.
const HOSTS_AT_ONCE: usize = 64;

/// Ports of the same host that say whether it answers at all: IMAPS, IMAP, HTTPS, POP3S, POP3.
const CONTROL_PORTS: [u16; 5] = [993, 143, 443, 995, 110];

/// The provider's relay is looked for only if port 25 has not answered anywhere by then.
const RELAY_DELAY: Duration = Duration::from_millis(600);

/// All there is time for to find it. A relay that is there needs this only where packets are lost: its name asked for twice,
/// a connection with a fresh SYN, a greeting that is sent again. One that is not there is known sooner.
const RELAY_PATIENCE: Duration = Duration::from_millis(3400);

/// A relay that has not greeted by then is asked over a second connection as well: one whose handshake lost its last packet
/// twice says nothing for three seconds.
const RELAY_AGAIN: Duration = Duration::from_millis(1300);

/// What was seen of every host, by lower-case name.
pub(super) struct Seen {
    pub(super) hosts: BTreeMap<String, Survey>,
    second_hosts: Vec<ControlFinding>,
    relays: Vec<ControlFinding>,
    /// Why mail by the relay would be refused, by domain of the sender.
    relay_refusals: BTreeMap<String, String>,
    http: Option<HttpFinding>,
    has_route: bool,
    local_roots_allowed: bool,
}

impl Seen {
    /// The network as the accounts of this host see it.
    pub(super) fn network(&self, host: &str) -> NetworkView {
        let answered = |(name, survey): (&String, &Survey)| {
            name != host
                && (survey.findings.ports.iter().any(PortFinding::connected)
                    || survey.findings.controls.iter().any(|control| control.outcome == Connect::Open))
        };
        NetworkView {
            has_route: self.has_route,
            vpn: self.hosts.get(host).and_then(first_address).and_then(vpn_towards),
            relays: self.relays.clone(),
            relay_refusals: self.relay_refusals.clone(),
            http: self.http.clone(),
            local_roots_allowed: self.local_roots_allowed,
            another_host_answered: self.hosts.iter().any(answered),
            second_hosts: self.second_hosts.clone(),
            now: jiff::Timestamp::now().as_second(),
        }
    }
}

/// Tries the ports of all hosts of these accounts, and at the same time port 25 of the control hosts.
pub(super) async fn survey(tools: &Tools, accounts: &[&Account]) -> Seen {
    let mut wanted: BTreeMap<String, Vec<(u16, TlsMode)>> = BTreeMap::new();
    for account in accounts {
        let ports = wanted.entry(account.outgoing.host.to_lowercase()).or_default();
        push_new(ports, (account.outgoing.port, probe_mode(account)));
    }
    let configured = wanted.clone();
    let memory = Memory::of(tools);
    for ports in wanted.values_mut() {
        for &port in &tools.policy.target_ports.value {
            push_new(ports, (port, target_mode(port)));
        }
    }
    tools.events.on(&Event::Testing { hosts: wanted.len() });
    let someone_on_25 = accounts.iter().any(|account| account.outgoing.port == 25);
    let check_url = tools.policy.captive_check_url.value.as_deref();
    let hosts = stream::iter(wanted)
        .map(|(host, ports)| {
            let configured = configured.get(&host).cloned().unwrap_or_default();
            let mine: Vec<&Account> = accounts.iter().copied().filter(|account| is_at(account, &host)).collect();
            let expected = expectations(&memory, &mine, &ports, &tools.policy);
            let questions: Vec<Question> = ports
                .iter()
                .zip(expected)
                .map(|(&port, expected)| {
                    let knock_again = configured.contains(&port).then_some(REPEAT);
                    Question { target: port.into(), expected, knock_again }
                })
                .collect();
            async move {
                let mut survey = tools.prober.survey_expecting(&host, &questions, &CONTROL_PORTS).await;
                look_again(&tools.prober, &mut survey, &configured, check_url).await;
                tools.events.on(&Event::HostTested { host: host.clone() });
                (host, survey)
            }
        })
        .buffer_unordered(HOSTS_AT_ONCE)
        .collect::<Vec<_>>();
    let controls = async { if someone_on_25 { around_port_25(tools).await } else { Default::default() } };
    let page = async {
        match check_url {
            Some(url) => Some(tools.prober.http(url).await),
            None => None,
        }
    };
    let (hosts, (second_hosts, relays), http) = tokio::join!(hosts, controls, page);
    let mut seen = Seen {
        hosts: hosts.into_iter().collect(),
        second_hosts,
        relays,
        relay_refusals: BTreeMap::new(),
        http,
        has_route: tools.prober.has_route(),
        local_roots_allowed: tools.policy.allow_local_interception.value,
    };
    seen.relay_refusals = relay_refusals(tools, &seen, accounts).await;
    seen
}

/// Port 25 of unrelated hosts, with what they say there, since a proxy says the same for all of them; and, where
/// nobody's port 25 answers, the provider's own relay.
async fn around_port_25(tools: &Tools) -> (Vec<ControlFinding>, Vec<ControlFinding>) {
    let patience = tools.prober.early_silence();
    let dials = tools
        .policy
        .control_hosts
        .value
        .iter()
        .map(|control| tools.prober.control_within(&control.host, control.port, true, patience));
    let seconds = join_all(dials);
    tokio::pin!(seconds);
    let early = tokio::time::timeout(RELAY_DELAY, &mut seconds).await.ok();
    if early.iter().flatten().any(|control| control.outcome == Connect::Open) {
        return (early.unwrap_or_default(), Vec::new());
    }
    let rest = async {
        match early {
            Some(seen) => seen,
            None => seconds.await,
        }
    };
    let relays = async {
        let names = relay_names(&tools.prober.signs());
        // Each has its own time: a name that nobody answers for must not hide a relay that is there.
        let dials =
            names.iter().map(|name| tokio::time::timeout(RELAY_PATIENCE, greeting_of_relay(tools, name, patience)));
        join_all(dials).await.into_iter().filter_map(Result::ok).collect::<Vec<_>>()
    };
    let (seconds, relays) = tokio::join!(rest, relays);
    let greets = |relay: &ControlFinding| relay.greeting.as_ref().is_some_and(|said| said.code == 220);
    (seconds, relays.into_iter().filter(greets).collect())
}

/// The first of two conversations to be greeted; the second is begun only where the first is still waiting.
async fn greeting_of_relay(tools: &Tools, name: &str, patience: Duration) -> ControlFinding {
    let first = tools.prober.control_within(name, 25, true, patience);
    let again = async {
        tokio::time::sleep(RELAY_AGAIN).await;
        tools.prober.control_within(name, 25, true, patience).await
    };
    let (first, again) = (pin!(first), pin!(again));
    match select(first, again).await {
        Either::Left((seen, again)) if seen.greeting.is_none() && seen.outcome == Connect::Open => again.await,
        Either::Left((seen, _)) => seen,
        Either::Right((seen, _)) if seen.greeting.is_some() => seen,
        Either::Right((_, first)) => first.await,
    }
}

/// What the provider's relay may be called: as the table of providers says, or by custom below the suffix that the
/// network itself hands out. Nobody but that network is asked.
fn relay_names(signs: &NetworkSigns) -> Vec<String> {
    let known = relay::of_network(signs).into_iter().map(|relay| relay.host.to_owned());
    let below = signs.search_suffixes.iter().filter(|suffix| suffix.contains('.')).take(2);
    let custom = below.flat_map(|suffix| ["relay", "smtp", "mail"].map(|name| format!("{name}.{suffix}")));
    known.chain(custom).fold(Vec::new(), |mut names, name| {
        if !names.contains(&name) {
            names.push(name);
        }
        names
    })
}

/// Only where no port of a host gets through, so that the relay is what is left.
async fn relay_refusals(tools: &Tools, seen: &Seen, accounts: &[&Account]) -> BTreeMap<String, String> {
    let mut refusals = BTreeMap::new();
    let Some(relay) = seen.relays.first() else { return refusals };
    for account in accounts {
        let shut_out = seen
            .hosts
            .get(&account.outgoing.host.to_lowercase())
            .is_some_and(|survey| !survey.findings.ports.iter().any(PortFinding::connected));
        let domain = account.email.as_deref().and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain);
        if let Some(domain) = domain.filter(|domain| shut_out && !refusals.contains_key(*domain))
            && let Some(why) = tools.prober.refused_by(domain, &relay.host).await
        {
            refusals.insert(domain.to_owned(), why);
        }
    }
    refusals
}

fn first_address(survey: &Survey) -> Option<IpAddr> {
    match &survey.findings.resolution {
        Resolution::Addresses { addresses, .. } => addresses.first().copied(),
        _ => None,
    }
}

fn is_at(account: &Account, host: &str) -> bool {
    account.outgoing.host.to_lowercase() == host
}

fn push_new(ports: &mut Vec<(u16, TlsMode)>, port: (u16, TlsMode)) {
    if !ports.contains(&port) {
        ports.push(port);
    }
}

/// A plain account that logs in is tried with STARTTLS, so that its password can be proven without being sent in the clear.
pub(crate) fn probe_mode(account: &Account) -> TlsMode {
    match (account.outgoing.tls, account.outgoing.auth) {
        (TlsMode::None, AuthSetting::None) => TlsMode::None,
        (TlsMode::None, _) => TlsMode::Starttls,
        (mode, _) => mode,
    }
}

/// 465 is "submissions" (implicit TLS, RFC 8314); every other target port speaks STARTTLS.
pub(crate) fn target_mode(port: u16) -> TlsMode {
    if port == 465 { TlsMode::Implicit } else { TlsMode::Starttls }
}
