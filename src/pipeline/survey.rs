//! Which ports of which hosts are tried: each host once, however many accounts share it.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};

use super::{Event, Tools};
use crate::account::{Account, AuthSetting, TlsMode};
use crate::diagnosis::NetworkView;
use crate::probe::Survey;
use crate::probe::finding::{Connect, ControlFinding, PortFinding};

/// Hosts in flight at once. With the prober's own bound on sockets this keeps a login storm from feeding ban lists.
const HOSTS_AT_ONCE: usize = 16;

/// Ports of the same host that say whether it answers at all: IMAPS, IMAP, HTTPS, POP3S, POP3.
const CONTROL_PORTS: [u16; 5] = [993, 143, 443, 995, 110];

/// What was seen of every host, by lower-case name.
pub(super) struct Seen {
    pub(super) hosts: BTreeMap<String, Survey>,
    second_hosts: Vec<ControlFinding>,
    has_route: bool,
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
    for ports in wanted.values_mut() {
        for &port in &tools.policy.target_ports.value {
            push_new(ports, (port, target_mode(port)));
        }
    }
    tools.events.on(&Event::Testing { hosts: wanted.len() });
    let someone_on_25 = accounts.iter().any(|account| account.outgoing.port == 25);
    let hosts = stream::iter(wanted)
        .map(|(host, ports)| async move {
            let survey = tools.prober.survey(&host, &ports, &CONTROL_PORTS).await;
            tools.events.on(&Event::HostTested { host: host.clone() });
            (host, survey)
        })
        .buffer_unordered(HOSTS_AT_ONCE)
        .collect::<Vec<_>>();
    let controls = async {
        if !someone_on_25 {
            return Vec::new();
        }
        let dials = tools
            .policy
            .control_hosts
            .value
            .iter()
            .map(|control| async { tools.prober.control(&control.host, control.port, false).await });
        futures::future::join_all(dials).await
    };
    let (hosts, second_hosts) = tokio::join!(hosts, controls);
    Seen { hosts: hosts.into_iter().collect(), second_hosts, has_route: tools.prober.has_route() }
}

fn push_new(ports: &mut Vec<(u16, TlsMode)>, port: (u16, TlsMode)) {
    if !ports.contains(&port) {
        ports.push(port);
    }
}

/// A plain account that logs in is tried with STARTTLS, so that its password can be proven without being sent in the clear.
pub(super) fn probe_mode(account: &Account) -> TlsMode {
    match (account.outgoing.tls, account.outgoing.auth) {
        (TlsMode::None, AuthSetting::None) => TlsMode::None,
        (TlsMode::None, _) => TlsMode::Starttls,
        (mode, _) => mode,
    }
}

/// 465 is "submissions" (implicit TLS, RFC 8314); every other target port speaks STARTTLS.
fn target_mode(port: u16) -> TlsMode {
    if port == 465 { TlsMode::Implicit } else { TlsMode::Starttls }
}
