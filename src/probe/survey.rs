//! A host as a whole: its ports and its controls at once, resolved once; with the conversations that may go on.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{FutureExt, join_all};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::dial::{Reached, Wait, sharpened};
use super::finding::{Connect, ControlFinding, HostFindings, PortFinding, Resolution};
use super::login::Session;
use super::resolve::Host;
use super::{Prober, Target};
use crate::account::TlsMode;

/// The other ports of a host are knocked at only if no outgoing one has answered by then.
const CONTROL_DELAY: Duration = Duration::from_millis(400);

/// Those of them that are knocked at first; the others only if these do not answer either.
const FIRST_CONTROLS: usize = 2;

/// What the ports of one turn have until one of them is connected, before the next turn comes.
const HEAD_START: Duration = Duration::from_millis(400);

/// What they have for their conversation after that.
const TALK: Duration = Duration::from_millis(600);

/// The port that is asked first may be the one that nobody answers. With this lead the waits for such ports of many hosts
/// begin together, before conversations with others take all sockets.
const LEAD: Duration = Duration::from_millis(10);

/// A host with so many connections that it has not ended is heard out before it gets another.
const AT_FIRST: usize = 2;

/// Fresh SYNs when a silent port is dialled once more.
const KNOCKS: u32 = 5;

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

/// A port of a host that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The port, and how TLS is tried there.
    pub target: Target,
    /// An account is set to it. If it is silent it is knocked at once more, for this long.
    pub knock_again: Option<Duration>,
}

/// In which order the ports of a host are asked, so that no more of them are asked than needed.
pub struct Course<'a> {
    /// The questions by turns. A turn comes when the one before has ended, or is late.
    pub turns: &'a [Vec<Question>],
    /// Ports that say whether the host is there at all; knocked at only if no question is answered.
    pub control_ports: &'a [u16],
    /// These findings tell all there is to know, whatever the turns that are left would show.
    pub enough: &'a (dyn Fn(&[&PortFinding]) -> bool + Sync),
    /// Told what becomes of the ports that accounts are set to.
    pub own: Option<watch::Sender<Own>>,
}

/// What has become of the ports of a host that accounts are set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// Not known yet.
    Awaited,
    /// All of them have been connected.
    Connected,
    /// One of them cannot be connected to.
    Shut,
}

/// One task's share of the findings.
enum Part {
    Port(usize, Box<PortFinding>, Option<Box<Session>>, Option<ControlFinding>),
    Control(usize, ControlFinding, Vec<IpAddr>),
    NotNeeded,
}

/// The questions to one host that are under way.
struct Questions {
    prober: Prober,
    name: Arc<Host>,
    reached: Reached,
    tasks: JoinSet<Part>,
}

impl Questions {
    fn ports(&mut self, ports: &[(usize, Question)]) {
        for &(at, question) in ports {
            let (prober, name, reached) = (self.prober.clone(), Arc::clone(&self.name), self.reached.by(at));
            let lead = if at == 0 { Duration::ZERO } else { LEAD };
            self.tasks.spawn(async move {
                sleep(lead).await;
                let (finding, session) = Arc::clone(&prober.inner).converse(name, question.target, reached).await;
                let again = match question.knock_again {
                    Some(patience) if silent(&finding) => {
                        Some(prober.knock_again(&finding.host, finding.port, patience).await)
                    }
                    _ => None,
                };
                Part::Port(at, Box::new(finding), session.map(Box::new), again)
            });
        }
    }

    fn controls(&mut self, ports: &[u16]) {
        // Decided once for several: the first control that gets through must not make its neighbours look needless.
        let within = |patience: Duration| {
            let told = self.reached.clone();
            async move { timeout(patience, told.any()).await.is_ok() }.shared()
        };
        let (first, later) = (within(CONTROL_DELAY), within(CONTROL_DELAY * 2));
        for (at, port) in ports.iter().enumerate() {
            let (inner, name, reached) = (&self.prober.inner, Arc::clone(&self.name), self.reached.clone());
            let needless = if at < FIRST_CONTROLS { first.clone() } else { later.clone() };
            let (inner, port) = (Arc::clone(inner), *port);
            self.tasks.spawn(async move {
                // A host that talks on an outgoing port needs no second witness.
                if needless.await {
                    return Part::NotNeeded;
                }
                let wait = inner.dialler.wait(inner.config.deadline);
                let (control, addresses) = inner.check(name, port, false, &wait, reached).await;
                Part::Control(at, control, addresses)
            });
        }
    }
}

/// Ends when the ports of a turn have had time enough: one connection, and one conversation.
async fn late(reached: Reached, turn: Vec<usize>) {
    if timeout(HEAD_START, reached.one_of(&turn)).await.is_ok() {
        sleep(TALK).await;
    }
}

impl Prober {
    /// Talks to all `ports` of `host` and knocks at its `control_ports`, everything at once. The same port may be
    /// asked for in two TLS modes. Needs a Tokio runtime with time and network.
    pub async fn survey<T: Into<Target> + Copy>(&self, host: &str, ports: &[T], control_ports: &[u16]) -> Survey {
        let at_once = |port: &T| Question { target: (*port).into(), knock_again: None };
        let turns = [ports.iter().map(at_once).collect()];
        self.survey_by_turns(host, Course { turns: &turns, control_ports, enough: &|_| false, own: None }).await
    }

    /// The same turn by turn, until it is enough.
    pub async fn survey_by_turns(&self, host: &str, course: Course<'_>) -> Survey {
        let name = Arc::new(Host::new(host));
        let reached = Reached::new();
        let mut asking = Questions {
            prober: self.clone(),
            name: Arc::clone(&name),
            reached: reached.clone(),
            tasks: JoinSet::new(),
        };
        let mut at = 0;
        let mut turns: VecDeque<Vec<(usize, Question)>> = VecDeque::new();
        for turn in course.turns.iter().filter(|turn| !turn.is_empty()) {
            turns.push_back((at..).zip(turn.iter().copied()).collect());
            at += turn.len();
        }
        let is_own = |(at, question): &(usize, Question)| question.knock_again.map(|_| *at);
        let own_ports: Vec<usize> = turns.iter().flatten().filter_map(is_own).collect();
        if let Some(own) = course.own.clone() {
            let (reached, ports) = (reached.clone(), own_ports.clone());
            tokio::spawn(async move {
                if timeout(HEAD_START, reached.all_of(&ports)).await.is_ok() {
                    own.send_replace(Own::Connected);
                }
            });
        }
        asking.controls(course.control_ports);
        let mut found: (Vec<(usize, PortFinding)>, Vec<_>) = (Vec::new(), Vec::new());
        let (mut sessions, mut repeats) = (Vec::new(), Vec::new());
        let mut awaited: Vec<usize> = Vec::new();
        let mut overdue = Box::pin(late(reached.clone(), Vec::new()));
        let (mut due, mut waits) = (true, true);
        loop {
            if due && let Some(turn) = turns.pop_front() {
                asking.ports(&turn);
                awaited = turn.iter().map(|(at, _)| *at).collect();
                overdue = Box::pin(late(reached.clone(), awaited.clone()));
                (due, waits) = (false, true);
            }
            let part = tokio::select! {
                biased;
                part = asking.tasks.join_next() => part,
                () = &mut overdue, if waits && !turns.is_empty() => {
                    due = reached.questions() < AT_FIRST;
                    waits = due;
                    continue;
                }
            };
            match part {
                None => break,
                Some(Ok(Part::Port(at, finding, session, again))) => {
                    repeats.extend(again.map(|again| (at, again)));
                    awaited.retain(|awaited| *awaited != at);
                    let shut = own_ports.contains(&at) && !finding.connected();
                    if let Some(own) = course.own.as_ref().filter(|_| shut) {
                        own.send_replace(Own::Shut);
                    }
                    found.0.push((at, *finding));
                    if let Some(session) = session {
                        Self::keep(&mut sessions, at, *session);
                    }
                    if (course.enough)(&found.0.iter().map(|(_, finding)| finding).collect::<Vec<_>>()) {
                        turns.clear();
                    }
                    due = awaited.is_empty();
                }
                Some(Ok(Part::NotNeeded)) => {}
                Some(Ok(Part::Control(at, control, addresses))) => found.1.push((at, (control, addresses))),
                Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                // Only a runtime that is being shut down cancels tasks that nobody aborted.
                Some(Err(_)) => {}
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
            repeats: in_order(repeats),
            dates: Vec::new(),
            same_address_names: Vec::new(),
            own_names: Vec::new(),
            fell_silent: false,
            answered_s_ago: None,
            hellos: Vec::new(),
        };
        Survey { findings, sessions }
    }

    /// Keeps the sessions that were asked for first, two at most, in their order: the port of an account, and the one
    /// that it may move to. The others are closed at once, as each takes up one of the host's turns. One that was asked
    /// for later gives its leave to one that was asked for earlier.
    fn keep(kept: &mut Vec<(usize, Session)>, at: usize, mut session: Session) {
        let mut surplus = None;
        if !session.may_stay() && kept.last().is_some_and(|(last, _)| *last > at) {
            surplus = kept.pop().map(|(_, mut later)| {
                session.stay_instead_of(&mut later);
                later
            });
        }
        if session.may_stay() {
            kept.push((at, session));
            kept.sort_by_key(|(at, _)| *at);
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
        let wait = self.inner.dialler.wait(patience);
        Arc::clone(&self.inner).check(name, port, wait_greeting, &wait, Reached::new()).await.0
    }

    /// Knocks once more at a port that was silent, with a SYN every fifth of `patience`: whether a lossy line lets one of
    /// them through is all that this is for.
    async fn knock_again(&self, host: &str, port: u16, patience: Duration) -> ControlFinding {
        let syns = (0..KNOCKS).map(|number| patience * number / KNOCKS).collect();
        let wait = Wait { patience, syns };
        Arc::clone(&self.inner).check(Arc::new(Host::new(host)), port, false, &wait, Reached::new()).await.0
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

/// Nobody answered, on some address at least.
fn silent(finding: &PortFinding) -> bool {
    !finding.connected() && finding.attempts.iter().any(|attempt| attempt.outcome == Connect::Silent)
}

fn in_order<T>(mut found: Vec<(usize, T)>) -> Vec<T> {
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, part)| part).collect()
}
