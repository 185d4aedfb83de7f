//! Pure: what was seen -> why mail does not go out, with the evidence. Decides nothing about changes
//! except whether a verdict may lead to one; a verdict that is not sure never does.
//!
//! Where two causes fit, the earlier one wins: no network, then the name, then the path, then the host,
//! then login and sender.

mod between;
pub mod certificate;
mod host;
pub mod local;
pub mod login;
mod path;
mod summary;
pub mod target;
mod words;

pub(crate) use host::only_inside_tls;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::account::{Account, TlsMode};
use crate::probe::finding::{Connect, ControlFinding, HostFindings, HttpFinding, LoginFinding, PortFinding};

/// Every verdict port26 knows. The names are part of the JSON contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum VerdictCode {
    Ok,
    Offline,
    CaptivePortal,
    BadHostname,
    DnsFault,
    PortBlockedNetwork,
    PortBlockedExceptRelay,
    VpnBlock,
    ServerPortClosed,
    ServerUnreachable,
    Ipv6Broken,
    Intercepted,
    StarttlsStripped,
    UseSubmission,
    NetworkBlocksMail,
    RelayUnsafe,
    LocalFirewall,
    LocalInterception,
    NoTls,
    TlsHandshake,
    CertExpired,
    CertUntrusted,
    ClockWrong,
    CertName,
    WrongTlsMode,
    SlowServer,
    ServerRefusedClient,
    PortRefusedByHost,
    LocalProgram,
    AuthUnavailable,
    BadCredentials,
    AuthMethod,
    AuthRequired,
    FromNotAllowed,
    TemporaryFailure,
    Uncertain,
}

impl VerdictCode {
    /// May an account with this verdict be changed at all? Everything not named here is a "no change" row.
    pub fn may_change(self) -> bool {
        matches!(
            self,
            Self::PortBlockedNetwork
                | Self::PortBlockedExceptRelay
                | Self::VpnBlock
                | Self::ServerPortClosed
                | Self::Intercepted
                | Self::StarttlsStripped
                | Self::UseSubmission
                | Self::NoTls
                | Self::TlsHandshake
                | Self::WrongTlsMode
                | Self::PortRefusedByHost
                | Self::AuthUnavailable
                | Self::AuthRequired
        )
    }
}

/// Why mail does or does not go out, for one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Stable code.
    pub code: VerdictCode,
    /// One plain sentence.
    pub summary: String,
    /// What was seen that led to it, a line each.
    pub evidence: Vec<String>,
}

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
    /// The policy names this host: it is one of the organisation's own.
    #[serde(default)]
    pub own_host: bool,
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

/// The verdict on one account.
pub fn diagnose(case: Case<'_>) -> Verdict {
    let mut verdict = local::verdict(case)
        .or_else(|| path::verdict(case))
        .or_else(|| between::verdict(case))
        .or_else(|| host::verdict(case))
        .or_else(|| login::verdict(case))
        .unwrap_or_else(|| words::verdict(case, VerdictCode::Ok, words::not_asked(case)));
    if verdict.code != VerdictCode::Intercepted {
        verdict.evidence.extend(between::another_machine(case));
    }
    host::behind_a_local_root(case, &verdict).unwrap_or(verdict)
}

/// A conversation that proves its port: TLS verified and a password mechanism offered inside it.
pub fn proves(finding: &PortFinding) -> bool {
    finding.proves()
}

/// Port 25 of the host answers as somebody else might in its place, so unrelated hosts must be looked at.
pub fn in_doubt(host: &HostFindings) -> bool {
    between::in_doubt(host)
}

/// The names that answer on port 25 of the host and are not its own.
pub fn other_names(host: &HostFindings) -> Vec<String> {
    between::other_names(host)
}

/// What this port shows was vouched for by this machine alone: a security program or an organisation reads along.
/// `own_host`: the policy names the host as one of the organisation's own.
pub fn read_along(host: &HostFindings, finding: &PortFinding, own_host: bool) -> bool {
    certificate::made_here(host, finding.tls.as_ref(), own_host)
}

/// PLAIN or LOGIN is offered (RFC 4616; LOGIN is what Outlook speaks).
pub fn offers_password(ehlo: &crate::probe::finding::Ehlo) -> bool {
    ehlo.offers_password()
}

impl<'a> Case<'a> {
    /// Conversations with the other outgoing ports of the same host.
    fn others(&self) -> impl Iterator<Item = &'a PortFinding> {
        let port = self.account.outgoing.port;
        self.host.ports.iter().filter(move |finding| finding.port != port)
    }

    /// Anything of this host answered: another outgoing port or a control.
    fn host_answers(&self) -> bool {
        self.host.ports.iter().any(PortFinding::connected)
            || self.host.controls.iter().any(|control| control.outcome == Connect::Open)
    }

    /// The best outcome over second hosts whose name resolved; `None` if none could be asked.
    fn second_host(&self) -> Option<Connect> {
        let mut outcomes =
            self.network.second_hosts.iter().filter(|control| control.resolved).map(|control| control.outcome);
        let first = outcomes.next()?;
        Some(outcomes.fold(first, |best, next| if next == Connect::Open { next } else { best }))
    }

    /// The domain that mail of this account comes from.
    fn sender_domain(&self) -> Option<&'a str> {
        self.account.email.as_deref().and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain)
    }

    /// The account wants TLS on its present port.
    fn wants_tls(&self) -> bool {
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

#[cfg(test)]
pub(crate) mod tests;
