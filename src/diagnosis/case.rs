//! All that a verdict may rest on: the account, what was seen of its host, and the network around.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::account::{Account, TlsMode};
use crate::probe::finding::{Connect, ControlFinding, HostFindings, HttpFinding, LoginFinding, PortFinding};

/// What is known about the network beyond one host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkView {
    /// The system has a route to the outside.
    pub has_route: bool,
    /// Another mail host answered in this run: the internet is fine.
    pub another_host_answered: bool,
    /// Port 25 of unrelated hosts.
    pub second_hosts: Vec<ControlFinding>,
    /// The whole conversations with port 25 of unrelated hosts, up to EHLO; had only where it is in doubt who answers on
    /// port 25 of the account's host.
    pub strangers: Vec<PortFinding>,
    /// Relays of the provider that greet on port 25; looked for only where nobody else's port 25 answers.
    pub relays: Vec<ControlFinding>,
    /// Why receivers would refuse mail that comes by the relay, by domain of the sender.
    pub relay_refusals: BTreeMap<String, String>,
    /// The page that the policy names, over plain HTTP.
    pub http: Option<HttpFinding>,
    /// The VPN interface through which packets to the host leave.
    pub vpn: Option<String>,
    /// The policy allows roots that only this machine has.
    pub local_roots_allowed: bool,
    /// Now, in seconds since 1970, to judge dates in certificates.
    pub now: i64,
}

/// All that the verdict on one account may rest on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The account.
    pub account: &'a Account,
    /// What was seen of its host.
    pub host: &'a HostFindings,
    /// The conversation with the port it uses now.
    pub present: Option<&'a PortFinding>,
    /// The proof with the present settings, if the conversation got so far.
    pub login: Option<&'a LoginFinding>,
    /// The network around.
    pub network: &'a NetworkView,
}

impl<'a> Case<'a> {
    /// Conversations with the other outgoing ports of the same host.
    pub(super) fn others(&self) -> impl Iterator<Item = &'a PortFinding> {
        let port = self.account.outgoing.port;
        self.host.ports.iter().filter(move |finding| finding.port != port)
    }

    /// Anything of this host answered: another outgoing port or a control.
    pub(super) fn host_answers(&self) -> bool {
        self.host.ports.iter().any(PortFinding::connected)
            || self.host.controls.iter().any(|control| control.outcome == Connect::Open)
    }

    /// The best outcome over second hosts whose name resolved; `None` if none could be asked.
    pub(super) fn second_host(&self) -> Option<Connect> {
        let mut outcomes =
            self.network.second_hosts.iter().filter(|control| control.resolved).map(|control| control.outcome);
        let first = outcomes.next()?;
        Some(outcomes.fold(first, |best, next| if next == Connect::Open { next } else { best }))
    }

    /// The domain that mail of this account comes from.
    pub(super) fn sender_domain(&self) -> Option<&'a str> {
        self.account.email.as_deref().and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain)
    }

    /// The account wants TLS on its present port.
    pub(super) fn wants_tls(&self) -> bool {
        self.account.outgoing.tls != TlsMode::None
    }
}

/// The outcome that tells most about a port: open, else the clearest "no".
pub fn best_outcome(finding: &PortFinding) -> Connect {
    let rank = |outcome: Connect| match outcome {
        Connect::Open => 0,
        Connect::LocalDenied => 1,
        Connect::Refused => 2,
        Connect::Prohibited => 3,
        Connect::Silent => 4,
        Connect::Other => 5,
        Connect::Unreachable => 6,
        Connect::Superseded => 7,
    };
    finding
        .attempts
        .iter()
        .map(|attempt| attempt.outcome)
        .min_by_key(|&outcome| rank(outcome))
        .unwrap_or(Connect::Other)
}
