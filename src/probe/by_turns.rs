//! The ports of a host are asked turn by turn, so that no more of them are asked than needed: what each turn is made of, when
//! the next one comes, and what all of them have shown.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::FutureExt;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::beats::Beside;
use super::dial::Wait;
use super::finding::{Connect, ControlFinding, PortFinding};
use super::login::Session;
use super::reached::Reached;
use super::resolve::Host;
use super::witness::{Witnessing, may_witness, witness};
use super::{Prober, Target};

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
    /// Told of each port as soon as its conversation has come to its end.
    pub heard: &'a (dyn Fn(&PortFinding) + Sync),
    /// What may shorten the wait where an account's port is 25.
    pub witnessing: Option<Witnessing>,
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
    /// A conversation that was a witness, if it can go on.
    Witness(usize, Option<Box<Session>>),
    NotNeeded,
}

/// The questions to one host that are under way.
struct Questions {
    prober: Prober,
    name: Arc<Host>,
    reached: Reached,
    witnessing: Option<Witnessing>,
    /// Accounts' own ports that are still waited for and for which a witness may speak.
    silent: Vec<usize>,
    begun: Instant,
    tasks: JoinSet<Part>,
}

/// Unrelated hosts are asked about this port only.
const WITNESSED: u16 = 25;

impl Questions {
    fn ports(&mut self, ports: &[(usize, Question)]) {
        for &(at, question) in ports {
            let (prober, name, reached) = (self.prober.clone(), Arc::clone(&self.name), self.reached.by(at));
            let lead = if at == 0 { Duration::ZERO } else { LEAD };
            let witnessed = question.knock_again.is_some() && question.target.port == WITNESSED;
            let beside = if witnessed && self.witnessing.is_some() {
                self.silent.push(at);
                Beside::Witness
            } else {
                Beside::Nothing
            };
            self.tasks.spawn(async move {
                sleep(lead).await;
                let wait = Wait { beside, ..prober.inner.dialler.wait(prober.inner.config.deadline) };
                let conversing = Arc::clone(&prober.inner).converse(name, question.target, wait, reached.clone());
                let (finding, session) = conversing.await;
                let again = match question.knock_again {
                    Some(patience) => knock_again(&prober, &finding, patience, &reached).await,
                    None => None,
                };
                Part::Port(at, Box::new(finding), session.map(Box::new), again)
            });
        }
    }

    /// Asks this conversation to be the witness of a port that is still silent, if there is one. Otherwise it comes back.
    fn witness(&mut self, at: usize, mut session: Box<Session>) -> Option<Box<Session>> {
        let fits = !self.silent.is_empty() && may_witness(session.finding(), self.begun.elapsed());
        let Some(witnessing) = self.witnessing.take_if(|_| fits && session.may_stay()) else { return Some(session) };
        let reached = self.reached.clone();
        self.tasks.spawn(async move { Part::Witness(at, witness(*session, witnessing, reached).await.map(Box::new)) });
        None
    }

    /// This question has come to its end.
    fn ended(&mut self, at: usize) {
        let before = self.silent.len();
        self.silent.retain(|silent| *silent != at);
        if self.silent.is_empty() && before > 0 {
            self.reached.settle();
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

/// The turns of a host.
struct Turns {
    left: VecDeque<Vec<(usize, Question)>>,
    /// Of the turn that came last, what has not been answered.
    awaited: Vec<usize>,
    /// Ends when that turn has had time enough.
    overdue: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The next one may come.
    due: bool,
    /// Whether `overdue` still counts.
    waits: bool,
}

impl Turns {
    /// Each question is known by its place among all of them.
    fn of(course: &Course<'_>) -> Self {
        let mut at = 0;
        let mut left = VecDeque::new();
        for turn in course.turns.iter().filter(|turn| !turn.is_empty()) {
            left.push_back((at..).zip(turn.iter().copied()).collect());
            at += turn.len();
        }
        Self { left, awaited: Vec::new(), overdue: Box::pin(std::future::pending()), due: true, waits: false }
    }

    /// The places of the ports that accounts are set to.
    fn own_ports(&self) -> Vec<usize> {
        let is_own = |(at, question): &(usize, Question)| question.knock_again.map(|_| *at);
        self.left.iter().flatten().filter_map(is_own).collect()
    }

    /// What ends next of all that is under way, after the next turn was asked if it is due; `None`: all has ended.
    async fn next_part(&mut self, asking: &mut Questions) -> Option<Part> {
        loop {
            if self.due
                && let Some(turn) = self.left.pop_front()
            {
                asking.ports(&turn);
                self.awaited = turn.iter().map(|(at, _)| *at).collect();
                self.overdue = Box::pin(late(asking.reached.clone(), self.awaited.clone()));
                (self.due, self.waits) = (false, true);
            }
            let ended = tokio::select! {
                biased;
                ended = asking.tasks.join_next() => ended?,
                () = &mut self.overdue, if self.waits && !self.left.is_empty() => {
                    self.due = asking.reached.questions() < AT_FIRST;
                    self.waits = self.due;
                    continue;
                }
            };
            match ended {
                Ok(part) => return Some(part),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                // Only a runtime that is being shut down cancels tasks that nobody aborted.
                Err(_) => {}
            }
        }
    }

    /// This one was answered. The next turn is due when that was the last of its turn.
    fn answered(&mut self, at: usize) {
        self.awaited.retain(|awaited| *awaited != at);
        self.due = self.awaited.is_empty();
    }
}

/// Ends when the ports of a turn have had time enough: one connection, and one conversation.
async fn late(reached: Reached, turn: Vec<usize>) {
    if timeout(HEAD_START, reached.one_of(&turn)).await.is_ok() {
        sleep(TALK).await;
    }
}

/// What was seen of a host, each part with its place among the questions.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) ports: Vec<(usize, PortFinding)>,
    /// With the addresses that were dialled.
    pub(super) controls: Vec<(usize, (ControlFinding, Vec<IpAddr>))>,
    pub(super) sessions: Vec<(usize, Session)>,
    pub(super) repeats: Vec<(usize, ControlFinding)>,
}

/// Asks all that is to be asked of a host, and how its connections went.
pub(super) async fn gather(prober: &Prober, name: Arc<Host>, course: &Course<'_>) -> (Gathered, Reached) {
    let reached = Reached::new();
    let mut asking = Questions {
        prober: prober.clone(),
        name,
        reached: reached.clone(),
        witnessing: course.witnessing.clone(),
        silent: Vec::new(),
        begun: Instant::now(),
        tasks: JoinSet::new(),
    };
    let mut turns = Turns::of(course);
    let own_ports = turns.own_ports();
    if let Some(own) = course.own.clone() {
        tokio::spawn(tell_when_connected(own, reached.clone(), own_ports.clone()));
    }
    asking.controls(course.control_ports);
    let mut gathered = Gathered::default();
    while let Some(part) = turns.next_part(&mut asking).await {
        match part {
            Part::Port(at, finding, session, again) => {
                let shut = own_ports.contains(&at) && !finding.connected();
                if let Some(own) = course.own.as_ref().filter(|_| shut) {
                    own.send_replace(Own::Shut);
                }
                (course.heard)(&finding);
                gathered.repeats.extend(again.map(|again| (at, again)));
                gathered.ports.push((at, *finding));
                asking.ended(at);
                if let Some(session) = session.and_then(|session| asking.witness(at, session)) {
                    keep(&mut gathered.sessions, at, *session);
                }
                if (course.enough)(&gathered.ports.iter().map(|(_, finding)| finding).collect::<Vec<_>>()) {
                    turns.left.clear();
                }
                turns.answered(at);
            }
            Part::Witness(at, session) => {
                if let Some(session) = session {
                    keep(&mut gathered.sessions, at, *session);
                }
            }
            Part::NotNeeded => {}
            Part::Control(at, control, addresses) => gathered.controls.push((at, (control, addresses))),
        }
    }
    (gathered, reached)
}

async fn tell_when_connected(own: watch::Sender<Own>, reached: Reached, ports: Vec<usize>) {
    if timeout(HEAD_START, reached.all_of(&ports)).await.is_ok() {
        own.send_replace(Own::Connected);
    }
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

/// Knocks once more at a port of which some address was silent, unless the witness speaks for all of these, or does so
/// meanwhile.
async fn knock_again(
    prober: &Prober,
    finding: &PortFinding,
    patience: Duration,
    reached: &Reached,
) -> Option<ControlFinding> {
    let silent = finding.attempts.iter().filter(|attempt| attempt.outcome == Connect::Silent);
    let silent: Vec<IpAddr> = silent.map(|attempt| attempt.address).collect();
    if finding.connected() || silent.is_empty() {
        return None;
    }
    tokio::select! {
        biased;
        () = reached.confirmed(&silent) => None,
        again = prober.knock_again(&finding.host, finding.port, patience) => Some(again),
    }
}

/// The parts in the order in which they were asked for.
pub(super) fn in_order<T>(mut found: Vec<(usize, T)>) -> Vec<T> {
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, part)| part).collect()
}
