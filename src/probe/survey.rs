//! A host as a whole: its ports and its controls at once, resolved once; with the conversations that may go on.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{FutureExt, join_all};
use tokio::task::JoinSet;

use super::dial::{Reached, sharpened};
use super::finding::{ControlFinding, HostFindings, PortFinding, Resolution};
use super::login::Session;
use super::resolve::Host;
use super::{Prober, Target};
use crate::account::TlsMode;

/// The other ports of a host are knocked at only if no outgoing one has answered by then.
const CONTROL_DELAY: Duration = Duration::from_millis(400);

/// Conversations with one host that stay open for the proofs after the survey.
const KEPT: usize = 2;

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
        let _ = tokio::time::timeout(Duration::from_secs(1), all).await;
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
        self.sessions.extend(session);
    }
}

/// One task's share of the findings.
enum Part {
    Port(usize, Box<PortFinding>, Option<Box<Session>>),
    Control(usize, ControlFinding, Vec<IpAddr>),
    NotNeeded,
}

impl Prober {
    /// Talks to all `ports` of `host` and knocks at its `control_ports`, everything at once. The same port may be
    /// asked for in two TLS modes. Needs a Tokio runtime with time and network.
    pub async fn survey<T: Into<Target> + Copy>(&self, host: &str, ports: &[T], control_ports: &[u16]) -> Survey {
        let name = Arc::new(Host::new(host));
        let reached = Reached::new();
        let mut tasks = JoinSet::new();
        for (at, port) in ports.iter().enumerate() {
            let talk = Arc::clone(&self.inner).converse(Arc::clone(&name), (*port).into(), reached.clone());
            tasks.spawn(async move {
                let (finding, session) = talk.await;
                Part::Port(at, Box::new(finding), session.map(Box::new))
            });
        }
        // Decided once for all of them: the first control that gets through must not make the others look needless.
        let told = reached.clone();
        let needless = async move { tokio::time::timeout(CONTROL_DELAY, told.any()).await.is_ok() }.shared();
        for (at, port) in control_ports.iter().enumerate() {
            let deadline = self.inner.config.deadline;
            let check = Arc::clone(&self.inner).check(Arc::clone(&name), *port, false, deadline, reached.clone());
            let needless = needless.clone();
            tasks.spawn(async move {
                // A host that talks on an outgoing port needs no second witness.
                if needless.await {
                    return Part::NotNeeded;
                }
                let (control, addresses) = check.await;
                Part::Control(at, control, addresses)
            });
        }
        let mut found = (Vec::new(), Vec::new());
        let mut sessions = Vec::new();
        while let Some(part) = tasks.join_next().await {
            match part {
                Ok(Part::Port(at, finding, session)) => {
                    found.0.push((at, *finding));
                    if let Some(session) = session {
                        self.keep(&mut sessions, at, *session);
                    }
                }
                Ok(Part::NotNeeded) => {}
                Ok(Part::Control(at, control, addresses)) => found.1.push((at, (control, addresses))),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                // Only a runtime that is being shut down cancels tasks that nobody aborted.
                Err(_) => {}
            }
        }
        let mut ports = in_order(found.0);
        for attempt in ports.iter_mut().flat_map(|port| &mut port.attempts) {
            attempt.outcome = sharpened(attempt.outcome, attempt.address, &reached);
        }
        let controls = in_order(found.1)
            .into_iter()
            .map(|(mut control, addresses)| {
                for address in addresses {
                    control.outcome = sharpened(control.outcome, address, &reached);
                }
                control
            })
            .collect();
        let resolution = self.resolution(&name, &ports).await;
        let sessions = sessions.into_iter().map(|(_, session)| session).collect();
        let findings = HostFindings {
            host: host.to_owned(),
            resolution,
            ports,
            controls,
            second_hosts: Vec::new(),
            repeats: Vec::new(),
            dates: Vec::new(),
            same_address_names: Vec::new(),
        };
        Survey { findings, sessions }
    }

    /// Keeps the sessions that were asked for first, two at most, in their order: the port of an account, and the one
    /// that it may move to. The others are closed at once, as each takes up one of the host's turns.
    fn keep(&self, kept: &mut Vec<(usize, Session)>, at: usize, mut session: Session) {
        let mut surplus = None;
        if session.may_stay(&self.inner.stay) {
            kept.push((at, session));
            kept.sort_by_key(|(at, _)| *at);
            if kept.len() > KEPT {
                surplus = kept.pop().map(|(_, session)| session);
            }
        } else {
            surplus = Some(session);
        }
        if let Some(session) = surplus {
            tokio::spawn(session.close());
        }
    }

    /// A fresh conversation with one port, for the next account of a host that has been surveyed.
    pub async fn open(&self, host: &str, port: u16, tls: TlsMode) -> (PortFinding, Option<Session>) {
        self.open_target(host, (port, tls)).await
    }

    /// The same, with a patience of its own.
    pub async fn open_target(&self, host: &str, target: impl Into<Target>) -> (PortFinding, Option<Session>) {
        let name = Arc::new(Host::new(host));
        Arc::clone(&self.inner).converse(name, target.into(), Reached::new()).await
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
        Arc::clone(&self.inner).check(name, port, wait_greeting, patience, Reached::new()).await.0
    }

    /// How long a silent port is waited for when something else has answered.
    pub fn early_silence(&self) -> Duration {
        let config = &self.inner.config;
        config.early_silence.unwrap_or(config.deadline).min(config.deadline)
    }

    /// Of these names, those that lead to one of `addresses`.
    pub async fn leading_to(&self, names: &[String], addresses: &[IpAddr]) -> Vec<String> {
        let asked = names.iter().filter(|name| !name.starts_with('*')).take(8).map(|name| async move {
            let found = self.inner.names.destinations(&Host::new(name), 25).await.ok()?;
            found.iter().any(|at| addresses.contains(&at.ip())).then(|| name.clone())
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn resolution(&self, host: &Host, ports: &[PortFinding]) -> Resolution {
        let dialled = ports.iter().flat_map(|port| port.attempts.iter().map(|attempt| attempt.address));
        let resolution = self.inner.names.resolution(host, dialled);
        // A host that talks is the host, whoever named it.
        if !ports.is_empty()
            && !ports.iter().any(PortFinding::connected)
            && let Ok(Some(address)) = tokio::time::timeout(LIAR_PATIENCE, self.inner.names.hijacked(host)).await
        {
            return Resolution::Hijacked { address };
        }
        resolution
    }
}

fn in_order<T>(mut found: Vec<(usize, T)>) -> Vec<T> {
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, part)| part).collect()
}
