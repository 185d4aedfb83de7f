//! A host as a whole: its ports and its controls at once, resolved once; with the conversations that may go on.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;

use super::beats::Beside;
use super::by_turns::{Course, Gathered, Question, gather, in_order};
use super::dial::{Wait, sharpened};
use super::finding::{ControlFinding, HostFindings, PortFinding, Resolution};
use super::login::Session;
use super::reached::Reached;
use super::resolve::Host;
use super::silence::{Pace, knocks};
use super::witness::Witnessing;
use super::{Prober, Target};
use crate::account::TlsMode;

/// A resolver that lies to everybody does it at once.
const LIAR_PATIENCE: Duration = Duration::from_secs(1);

/// What was seen of a host, and the sessions that are past their last EHLO without an error.
pub struct Survey {
    /// What was seen. The caller adds second hosts.
    pub findings: HostFindings,
    sessions: Vec<Session>,
}

impl Survey {
    /// The session with this port, if it got that far; one inside verified TLS before one in the clear.
    pub fn take_session(&mut self, port: u16) -> Option<Session> {
        let here = |session: &&Session| session.finding().port == port;
        let secure = |session: &Session| here(&session) && session.finding().tls_verified();
        let at = self.sessions.iter().position(secure).or_else(|| self.sessions.iter().position(|s| here(&s)))?;
        Some(self.sessions.remove(at))
    }

    /// QUIT on every session that nobody took, for a second at most. A survey that is merely dropped closes them too,
    /// but less politely.
    pub async fn close(self) {
        let all = join_all(self.sessions.into_iter().map(Session::close));
        let _ = timeout(Duration::from_secs(1), all).await;
    }
}

impl Survey {
    /// Puts a later conversation with a port in the place of the earlier one in the same TLS mode, or beside those in
    /// another.
    pub fn replace(&mut self, finding: PortFinding, session: Option<Session>) {
        let same = |seen: &&mut PortFinding| seen.port == finding.port && seen.tls_mode == finding.tls_mode;
        match self.findings.ports.iter_mut().find(same) {
            Some(seen) => *seen = finding,
            None => self.findings.ports.push(finding),
        }
        match session.map(|mut session| (session.may_stay(), session)) {
            Some((true, session)) => self.sessions.push(session),
            Some((false, session)) => drop(tokio::spawn(session.close())),
            None => {}
        }
    }
}

impl Prober {
    /// Talks to all `ports` of `host` and knocks at its `control_ports`, everything at once. The same port may be
    /// asked for in two TLS modes. Needs a Tokio runtime with time and network.
    pub async fn survey<T: Into<Target> + Copy>(&self, host: &str, ports: &[T], control_ports: &[u16]) -> Survey {
        let at_once = |port: &T| Question { target: (*port).into(), knock_again: None };
        let turns = [ports.iter().map(at_once).collect()];
        self.survey_by_turns(
            host,
            Course { turns: &turns, control_ports, enough: &|_| false, own: None, heard: &|_| {}, witnessing: None },
        )
        .await
    }

    /// The same turn by turn, until it is enough.
    pub async fn survey_by_turns(&self, host: &str, course: Course<'_>) -> Survey {
        let name = Arc::new(Host::new(host));
        let (gathered, reached) = gather(self, Arc::clone(&name), &course).await;
        let Gathered { ports, controls, sessions, repeats } = gathered;
        let mut ports = in_order(ports);
        for attempt in ports.iter_mut().flat_map(|port| &mut port.attempts) {
            attempt.outcome = sharpened(attempt.outcome, attempt.address, &reached);
        }
        let known = |(mut control, addresses): (ControlFinding, Vec<IpAddr>)| {
            for address in addresses {
                control.outcome = sharpened(control.outcome, address, &reached);
            }
            control
        };
        let controls = in_order(controls).into_iter().map(known).collect();
        let resolution = self.resolution(&name, &ports).await;
        let repeats = in_order(repeats);
        let findings = HostFindings { ports, controls, repeats, ..HostFindings::nothing_of(host, resolution) };
        Survey { findings, sessions: sessions.into_iter().map(|(_, session)| session).collect() }
    }

    /// A fresh conversation with one port, for the next account of a host that has been surveyed.
    pub async fn open(&self, host: &str, port: u16, tls: TlsMode) -> (PortFinding, Option<Session>) {
        self.open_target(host, (port, tls)).await
    }

    /// The same, with a patience of its own.
    pub async fn open_target(&self, host: &str, target: impl Into<Target>) -> (PortFinding, Option<Session>) {
        let name = Arc::new(Host::new(host));
        let wait = self.inner.dialler.wait(self.inner.config.deadline);
        Arc::clone(&self.inner).converse(name, target.into(), wait, Reached::new()).await
    }

    /// Does this get through? With `wait_greeting`, is it a mail server that answers?
    pub async fn control(&self, host: &str, port: u16, wait_greeting: bool) -> ControlFinding {
        self.control_within(host, port, wait_greeting, self.inner.config.deadline).await
    }

    /// The same, with a patience of its own for the connection.
    pub async fn control_within(
        &self,
        host: &str,
        port: u16,
        wait_greeting: bool,
        patience: Duration,
    ) -> ControlFinding {
        let name = Arc::new(Host::new(host));
        let wait = self.inner.dialler.wait(patience);
        Arc::clone(&self.inner).check(name, port, wait_greeting, &wait, Reached::new()).await.0
    }

    /// The same for port 25 of an unrelated host beside a witness: with more SYNs, and its silence is called as soon as the
    /// witness has stood.
    pub async fn control_beside(
        &self,
        host: &str,
        port: u16,
        patience: Duration,
        beside: &Witnessing,
    ) -> ControlFinding {
        let name = Arc::new(Host::new(host));
        let beside = Beside::Another { pace: beside.pace, stood: beside.stood.subscribe() };
        let wait = Wait { beside, ..self.inner.dialler.wait(patience) };
        Arc::clone(&self.inner).check(name, port, true, &wait, Reached::new()).await.0
    }

    /// Knocks once more at a port that was silent, as long as `patience`.
    pub async fn knock_again(&self, host: &str, port: u16, patience: Duration) -> ControlFinding {
        let wait = Wait { patience, syns: knocks(patience), beside: Beside::Nothing };
        Arc::clone(&self.inner).check(Arc::new(Host::new(host)), port, false, &wait, Reached::new()).await.0
    }

    /// How long a silent port is waited for when something else has answered.
    pub fn early_silence(&self) -> Duration {
        let config = &self.inner.config;
        config.early_silence.unwrap_or(config.deadline).min(config.deadline)
    }

    /// How fast a witness is asked on a network that is new, or did not block its port.
    pub fn pace(&self) -> Pace {
        self.inner.config.pace
    }

    /// How fast it is asked where the port was blocked before.
    pub fn known_pace(&self) -> Pace {
        self.inner.config.known_pace
    }

    /// Of these names, those that lead to one of `addresses`.
    pub async fn leading_to(&self, names: &[String], addresses: &[IpAddr]) -> Vec<String> {
        let asked = names.iter().filter(|name| !name.starts_with('*')).take(8).map(|name| async move {
            let found = self.inner.names.destinations(&Host::new(name), 25).await.ok()?;
            found.iter().any(|at| addresses.contains(&at.ip())).then(|| name.clone())
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// Does this name lead into the network of one of `addresses`: the same /24 of IPv4, or /48 of IPv6, which one holder
    /// has as a rule?
    pub async fn leads_near(&self, name: &str, addresses: &[IpAddr]) -> bool {
        let Ok(found) = self.inner.names.destinations(&Host::new(name), 25).await else { return false };
        let network = |address: IpAddr| match address.to_canonical() {
            IpAddr::V4(four) => (4, four.octets()[..3].to_vec()),
            IpAddr::V6(six) => (6, six.octets()[..6].to_vec()),
        };
        found.iter().any(|at| addresses.iter().any(|address| network(*address) == network(at.ip())))
    }

    async fn resolution(&self, host: &Host, ports: &[PortFinding]) -> Resolution {
        let dialled = ports.iter().flat_map(|port| port.attempts.iter().map(|attempt| attempt.address));
        let resolution = self.inner.names.resolution(host, dialled);
        // A host that talks is the host, whoever named it.
        if !ports.is_empty()
            && !ports.iter().any(PortFinding::connected)
            && let Ok(Some(address)) = timeout(LIAR_PATIENCE, self.inner.names.hijacked(host)).await
        {
            return Resolution::Hijacked { address };
        }
        resolution
    }
}
