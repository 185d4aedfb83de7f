//! Which ports of which hosts are tried: each host once, however many accounts share it. Where an account's own port does
//! not answer at once, what tells a blocking network from a closed host is asked beside it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use port26_platform::network::vpn_towards;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Tools;
use super::answered_before::AnsweredBefore;
use super::conversation::Progress;
use super::known_network::LastSeen;
use super::ports::probe_mode;
use super::second_look::{look_again, whose_network};
use super::strangers::{self, Around};
use super::turns::{Worth, leads_through, turns, worth};
use crate::account::{Account, TlsMode};
use crate::clients::abilities::Abilities;
use crate::diagnosis::local::is_this_computer;
use crate::diagnosis::{NetworkView, in_doubt};
use crate::probe::finding::{Connect, HttpFinding, PortFinding, Resolution};
use crate::probe::silence::REPEAT;
use crate::probe::{Course, Own, Question, Survey, Witnessing};

/// Hosts in flight at once: all that wait for a silent port wait together. The prober bounds sockets, and turns at each.
const HOSTS_AT_ONCE: usize = 64;

/// Ports of the same host that say whether it answers at all: IMAPS, HTTPS, IMAP, POP3S, POP3.
const CONTROL_PORTS: [u16; 5] = [993, 443, 143, 995, 110];

/// What was seen of every host, by lower-case name.
pub(super) struct Seen {
    pub(super) hosts: BTreeMap<String, Survey>,
    around: Around,
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
            relays: self.around.relays.clone(),
            relay_refusals: self.relay_refusals.clone(),
            http: self.http.clone(),
            local_roots_allowed: self.local_roots_allowed,
            another_host_answered: self.hosts.iter().any(answered),
            second_hosts: self.around.second_hosts.clone(),
            strangers: self.around.talks.clone(),
            now: jiff::Timestamp::now().as_second(),
        }
    }
}

/// What is known of the accounts' own ports while others are still being asked.
#[derive(Debug, Clone, Copy, Default)]
struct SoFar {
    /// One of them did not answer at once.
    any: bool,
    /// One that is 25 did not.
    port_25: bool,
    /// One that is 25 was answered as somebody else might.
    doubted: bool,
}

/// Tries the ports of all hosts of these accounts. Others are asked only on behalf of accounts whose own port does not
/// answer at once, or answers as somebody else might.
pub(super) async fn survey(tools: &Tools, accounts: &[&Account]) -> Seen {
    let mut by_host: BTreeMap<String, Vec<&Account>> = BTreeMap::new();
    for &account in accounts {
        by_host.entry(account.outgoing.host.to_lowercase()).or_default().push(account);
    }
    let before = AnsweredBefore::of(tools);
    tools.talk.progress(&Progress::Testing { hosts: by_host.len() });
    let last_seen = LastSeen::of(tools);
    let (so_far, told) = watch::channel(SoFar::default());
    let (for_25, for_page) = (told.clone(), told.clone());
    let (shut, shut_elsewhere) = watch::channel(false);
    let pace = if last_seen.blocked(25) { tools.prober.known_pace() } else { tools.prober.pace() };
    let witnessing = Witnessing { pace, stood: Arc::new(watch::Sender::new(false)), shut_elsewhere };
    let (mut hosts, mut around, http) = tokio::join!(
        all_hosts(tools, &last_seen, by_host, &witnessing, so_far),
        around_if_late(tools, for_25, &witnessing, shut),
        page_if_late(tools, for_page)
    );
    // That nothing of a host answers says nothing of the host unless others do.
    if around.second_hosts.is_empty() && hosts.iter().any(|(host, survey)| nothing_answers(host, survey)) {
        around = strangers::around_port_25(tools, &witnessing, watch::Sender::new(false)).await;
    }
    for (host, survey) in &mut hosts {
        survey.findings.answered_s_ago = before.seconds_ago(&survey.findings);
        survey.findings.named_by_policy = tools.policy.names_host(host);
    }
    if told.borrow().doubted {
        strangers::talk(tools, &mut around).await;
    }
    let has_route = tools.prober.has_route();
    let local_roots_allowed = tools.policy.allow_local_interception.value;
    let mut seen = Seen { hosts, around, relay_refusals: BTreeMap::new(), http, has_route, local_roots_allowed };
    seen.relay_refusals = relay_refusals(tools, &seen, accounts).await;
    seen
}

/// All hosts at once. `so_far` lives as long as one of them may still be late.
async fn all_hosts(
    tools: &Tools,
    last_seen: &LastSeen,
    by_host: BTreeMap<String, Vec<&Account>>,
    witnessing: &Witnessing,
    so_far: watch::Sender<SoFar>,
) -> BTreeMap<String, Survey> {
    stream::iter(by_host)
        .map(|(host, mine)| one_host(tools, last_seen, host, mine, witnessing, &so_far))
        .buffer_unordered(HOSTS_AT_ONCE)
        .collect()
        .await
}

/// What is around port 25, as soon as an account's own port 25 is late. `shut` is told if nobody else's answers either.
async fn around_if_late(
    tools: &Tools,
    mut told: watch::Receiver<SoFar>,
    witnessing: &Witnessing,
    shut: watch::Sender<bool>,
) -> Around {
    // What `wait_for` returns is a lock: it is let go before anything else is waited for, or the next host that is late
    // waits for it for ever.
    let is_late = told.wait_for(|so_far| so_far.port_25).await.is_ok();
    if is_late { strangers::around_port_25(tools, witnessing, shut).await } else { Around::default() }
}

/// The policy's page, as soon as any account's own port is late.
async fn page_if_late(tools: &Tools, mut told: watch::Receiver<SoFar>) -> Option<HttpFinding> {
    let url = tools.policy.captive_check_url.value.as_deref()?;
    told.wait_for(|so_far| so_far.any).await.is_ok().then_some(())?;
    Some(tools.prober.http(url).await)
}

/// The host has an address, and nothing answers there.
fn nothing_answers(host: &str, survey: &Survey) -> bool {
    let found = &survey.findings;
    matches!(found.resolution, Resolution::Addresses { .. })
        && !is_this_computer(host)
        && !found.ports.iter().any(PortFinding::connected)
        && !found.controls.iter().any(|control| control.outcome == Connect::Open)
}

/// The survey of one host for the sake of these accounts.
async fn one_host(
    tools: &Tools,
    last_seen: &LastSeen,
    host: String,
    mine: Vec<&Account>,
    witnessing: &Witnessing,
    so_far: &watch::Sender<SoFar>,
) -> (String, Survey) {
    let configured: Vec<(u16, TlsMode)> =
        mine.iter().map(|account| (account.outgoing.port, probe_mode(account))).collect();
    let question = |port: (u16, TlsMode)| {
        let knock_again = configured.contains(&port).then_some(REPEAT);
        Question { target: port.into(), knock_again }
    };
    let turns: Vec<Vec<Question>> = turns(last_seen, &mine, &tools.policy)
        .into_iter()
        .map(|turn| turn.into_iter().map(question).collect())
        .collect();
    let able: Vec<Abilities> = mine.iter().map(|account| tools.abilities(account)).collect();
    let enough = |found: &[&PortFinding]| {
        let known =
            |(account, able): (&&Account, &Abilities)| worth(account, &tools.policy, able, found) != Worth::Little;
        mine.iter().zip(&able).all(known)
    };
    let heard = |seen: &PortFinding| {
        if leads_through(seen) {
            tools.talk.progress(&Progress::GetsThrough { host: host.clone(), port: seen.port });
        }
    };
    let here = is_this_computer(&host);
    let (own, mut told) = watch::channel(Own::Awaited);
    let course = Course {
        turns: &turns,
        control_ports: if here { &[] } else { &CONTROL_PORTS },
        enough: &enough,
        own: Some(own),
        heard: &heard,
        witnessing: Some(witnessing.clone()),
    };
    let watch = async {
        let known = timeout(witnessing.pace.late, told.wait_for(|own| *own != Own::Awaited)).await;
        let connected = known.is_ok_and(|own| own.is_ok_and(|own| *own == Own::Connected));
        if !connected && !here {
            let at_25 = mine.iter().any(|account| account.outgoing.port == 25);
            so_far.send_modify(|so_far| (so_far.any, so_far.port_25) = (true, so_far.port_25 || at_25));
        }
    };
    let (mut survey, ()) = tokio::join!(tools.prober.survey_by_turns(&host, course), watch);
    if !here {
        look_again(tools, &mut survey, &configured).await;
    }
    if in_doubt(&survey.findings) {
        so_far.send_modify(|so_far| so_far.doubted = true);
        whose_network(&tools.prober, &mut survey).await;
    }
    tools.talk.progress(&Progress::HostTested { host: host.clone() });
    (host, survey)
}

/// Only where no port of a host gets through, so that the relay is what is left.
async fn relay_refusals(tools: &Tools, seen: &Seen, accounts: &[&Account]) -> BTreeMap<String, String> {
    let mut refusals = BTreeMap::new();
    let Some(relay) = seen.around.relays.first() else { return refusals };
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
