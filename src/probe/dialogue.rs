//! One conversation by phases: what was seen goes into the [`PortFinding`] as it is seen, so that a deadline loses
//! nothing.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::dial::{Connected, Race, Wait};
use super::finding::{
    Attempt, Connect, ControlFinding, Ehlo, End, Phase, PortFinding, Reply, Resolution, TlsFinding, TlsTrouble,
};
use super::held::Held;
use super::login::{Leaves, Session};
use super::reached::Reached;
use super::recording::{Wire, ehlo, millis, unwelcome};
use super::resolve::Host;
use super::{Inner, Target, Turns};
use crate::account::TlsMode;

/// A port that has not answered after this long gives its turn at the host to another.
const UNHEARD: Duration = Duration::from_millis(400);

impl Inner {
    /// A whole conversation with one port, up to the last EHLO.
    pub(super) async fn converse(
        self: Arc<Self>,
        host: Arc<Host>,
        target: Target,
        wait: Wait,
        reached: Reached,
    ) -> (PortFinding, Option<Session>) {
        let began = Instant::now();
        let mut finding = PortFinding::unasked(&host.name, &target);
        let addresses = match self.names.destinations(&host, target.port).await {
            Ok(addresses) => addresses,
            Err(resolution) => {
                let silent = matches!(resolution, Resolution::Silent { .. });
                finding.end = if silent { End::TimedOut } else { End::Refused };
                finding.ms = millis(began);
                return (finding, None);
            }
        };
        finding.phase = Phase::Connect;
        let (mut race, turn) = self.in_turn(&host.name, &addresses, &wait, &reached).await;
        let started = race.started;
        let Some(Connected { stream, socket }) = race.stream.take() else {
            finding.attempts = race.settle(Duration::ZERO, 0).await;
            let silent = finding.attempts.iter().any(|attempt| attempt.outcome == Connect::Silent);
            finding.end = if silent { End::TimedOut } else { End::Refused };
            finding.ms = millis(started);
            return (finding, None);
        };
        finding.round_trips = 1;
        let config = &self.config;
        let tries = u32::try_from(config.syn_offsets.len()).unwrap_or(u32::MAX);
        let patience = config.early_silence.unwrap_or(config.deadline).min(config.deadline);
        let (wire, attempts) =
            futures::future::join(self.talk(&target, stream, started, &mut finding), race.settle(patience, tries))
                .await;
        finding.attempts = attempts;
        let place = Held { _turn: turn, _socket: socket };
        let leaves = Leaves { host: Arc::clone(&self.turns(&host.name).stay), run: Arc::clone(&self.stay) };
        let session = wire.map(|wire| Session::new(wire, finding.clone(), config.login_patience, place, leaves));
        (finding, session)
    }

    async fn talk(&self, target: &Target, stream: TcpStream, started: Instant, seen: &mut PortFinding) -> Option<Wire> {
        let wire = self.phases(target, stream, started, seen).await;
        seen.ms = millis(started);
        match wire {
            Ok(wire) => {
                seen.phase = Phase::Done;
                seen.end = End::Complete;
                Some(wire)
            }
            Err(end) => {
                seen.end = end;
                None
            }
        }
    }

    async fn phases(
        &self,
        target: &Target,
        stream: TcpStream,
        started: Instant,
        seen: &mut PortFinding,
    ) -> Result<Wire, End> {
        // Without Nagle's algorithm; where that cannot be set the conversation is only slower.
        let _ = stream.set_nodelay(true);
        let helo = self.helo(&stream);
        let patience = target.greeting_patience.unwrap_or(self.config.greeting_patience);
        if target.tls == TlsMode::Implicit {
            let mut wire = self.secure(stream, started, false, seen).await?;
            self.greeted(&mut wire, patience, seen).await?;
            return self.hello(wire, &helo, Phase::EhloAfterTls, seen).await;
        }
        let mut wire = Wire::tcp(stream, started);
        seen.phase = Phase::Greeting;
        self.greeted(&mut wire, patience, seen).await?;
        let wire = self.hello(wire, &helo, Phase::Ehlo, seen).await?;
        if target.tls == TlsMode::None || !seen.ehlo.as_ref().is_some_and(|ehlo| ehlo.starttls) {
            return Ok(wire);
        }
        let stream = self.starttls(wire, started, seen).await?;
        let wire = self.secure(stream, started, true, seen).await?;
        self.hello(wire, &helo, Phase::EhloAfterTls, seen).await
    }

    /// STARTTLS: the connection as it is where the handshake begins.
    async fn starttls(&self, mut wire: Wire, started: Instant, seen: &mut PortFinding) -> Result<TcpStream, End> {
        seen.phase = Phase::Starttls;
        seen.round_trips += 1;
        let at = wire.count();
        let agreed = wire.ask(b"STARTTLS\r\n", self.config.deadline).await?;
        let goes_on = agreed.code == 220;
        seen.starttls = Some(agreed);
        if !goes_on {
            wire.leave().await;
            return Err(End::Refused);
        }
        // Anything in the clear behind the 220 was put there by somebody who hopes that it counts as said inside TLS.
        if wire.transcript.has_more() || wire.count() > at + 1 {
            seen.phase = Phase::Tls;
            let why = "the server, or somebody before it, went on in the clear after agreeing to TLS".to_owned();
            seen.tls = Some(TlsFinding::bare(Some(TlsTrouble::Handshake { why }), millis(started)));
            return Err(End::Left);
        }
        wire.into_tcp().ok_or(End::Closed)
    }

    /// The connection as it is where TLS begins in this mode, for a hello that is not ours.
    pub(super) async fn up_to_tls(&self, target: &Target, stream: TcpStream, host: &str) -> Result<TcpStream, End> {
        let _ = stream.set_nodelay(true);
        if target.tls == TlsMode::Implicit {
            return Ok(stream);
        }
        let started = Instant::now();
        let helo = self.helo(&stream);
        let patience = target.greeting_patience.unwrap_or(self.config.greeting_patience);
        let mut seen = PortFinding::unasked(host, target);
        let mut wire = Wire::tcp(stream, started);
        self.greeted(&mut wire, patience, &mut seen).await?;
        let wire = self.hello(wire, &helo, Phase::Ehlo, &mut seen).await?;
        if !seen.ehlo.as_ref().is_some_and(|ehlo| ehlo.starttls) {
            wire.leave().await;
            return Err(End::Refused);
        }
        self.starttls(wire, started, &mut seen).await
    }

    /// The TLS handshake; there is a stream behind it only if the certificate is verified.
    async fn secure(
        &self,
        stream: TcpStream,
        started: Instant,
        greeted: bool,
        seen: &mut PortFinding,
    ) -> Result<Wire, End> {
        seen.phase = Phase::Tls;
        let until = Instant::now() + self.config.deadline;
        let shaken = self.trust.handshake(&seen.host, stream, until, started, greeted).await;
        seen.round_trips += shaken.round_trips;
        seen.tls = shaken.finding;
        if let Some(TlsFinding { trouble: Some(trouble @ TlsTrouble::WrongMode), .. }) = &mut seen.tls
            && greeted
        {
            // It has agreed to TLS, so the mode is right; the handshake is what broke.
            *trouble = TlsTrouble::Handshake { why: "an answer that is not TLS".to_owned() };
        }
        match shaken.stream {
            Some(stream) if seen.tls_verified() => {
                seen.phase = if greeted { Phase::EhloAfterTls } else { Phase::Greeting };
                Ok(Wire::tls(stream, started))
            }
            _ => Err(shaken.end),
        }
    }

    /// Waits for the greeting, and for one that was begun as long as it takes.
    async fn greeted(&self, wire: &mut Wire, patience: Duration, seen: &mut PortFinding) -> Result<(), End> {
        seen.round_trips += 1;
        match wire.greeting(patience, self.config.begun_patience).await {
            Ok(greeting) => {
                // Whatever its code is, if it is no refusal a server goes on after it.
                let welcome = (200..400).contains(&greeting.code);
                let end = unwelcome(&greeting);
                seen.greeting = Some(greeting);
                if welcome { Ok(()) } else { Err(end) }
            }
            Err(end) => {
                seen.greeting = wire.transcript.begun_greeting();
                Err(end)
            }
        }
    }

    /// EHLO, or HELO where the server does not know EHLO (RFC 5321 3.2); in `phase`, which is in the clear or after TLS.
    async fn hello(&self, mut wire: Wire, helo: &str, phase: Phase, seen: &mut PortFinding) -> Result<Wire, End> {
        seen.phase = phase;
        seen.round_trips += 1;
        let mut answer = wire.ask(format!("EHLO {helo}\r\n").as_bytes(), self.config.deadline).await?;
        if answer.code == 220 {
            // A second greeting, for whatever reason: the answer to EHLO comes behind it.
            answer = wire.hear_within(wire.count(), self.config.deadline).await?;
        }
        let offered = if is_taken(&answer) {
            ehlo(&answer)
        } else {
            if matches!(answer.code, 500 | 501 | 502 | 504 | 550) {
                seen.round_trips += 1;
                answer = wire.ask(format!("HELO {helo}\r\n").as_bytes(), self.config.deadline).await?;
                seen.helo = is_taken(&answer);
            }
            if !seen.helo {
                let end = unwelcome(&answer);
                seen.refusal = Some(answer);
                wire.leave().await;
                return Err(end);
            }
            // Nothing is offered to somebody who says HELO.
            Ehlo { name: ehlo(&answer).name, ..Ehlo::default() }
        };
        if phase == Phase::EhloAfterTls {
            seen.ehlo_tls = Some(offered);
        } else if !seen.helo {
            seen.ehlo = Some(offered);
        }
        Ok(wire)
    }

    /// A connection to something else, to see whether anything gets through; and the addresses it was tried at.
    pub(super) async fn check(
        self: Arc<Self>,
        host: Arc<Host>,
        port: u16,
        wait_greeting: bool,
        wait: &Wait,
        reached: Reached,
    ) -> (ControlFinding, Vec<IpAddr>) {
        let mut control =
            ControlFinding { host: host.name.clone(), port, resolved: false, outcome: Connect::Other, greeting: None };
        let Ok(addresses) = self.names.destinations(&host, port).await else { return (control, Vec::new()) };
        control.resolved = true;
        let (mut race, _turn) = self.in_turn(&host.name, &addresses, wait, &reached).await;
        let started = race.started;
        if let Some(Connected { stream, socket: _held }) = race.stream.take() {
            control.outcome = Connect::Open;
            if wait_greeting {
                let mut wire = Wire::tcp(stream, started);
                // Whatever came is in the transcript, whether the rest came or not.
                let heard = wire.hear_within(0, self.config.greeting_patience).await;
                control.greeting = heard.ok().or_else(|| wire.transcript.begun_greeting());
                // Who speaks before the greeting is whole is taken for a spammer.
                if wire.count() > 0 {
                    wire.leave().await;
                }
            }
        } else {
            control.outcome = best(&race.settle(Duration::ZERO, 0).await);
        }
        (control, addresses.iter().map(SocketAddr::ip).collect())
    }

    fn helo(&self, stream: &TcpStream) -> String {
        match (&self.config.helo_name, stream.local_addr().map(|address| address.ip().to_canonical())) {
            (Some(name), _) => name.clone(),
            (None, Ok(IpAddr::V4(address))) => format!("[{address}]"),
            (None, Ok(IpAddr::V6(address))) => format!("[IPv6:{address}]"),
            (None, Err(_)) => "localhost.localdomain".to_owned(),
        }
    }

    /// The race for one port, when its turn at the host has come; with the turn, to be held while the connection is open.
    pub(super) async fn in_turn(
        &self,
        host: &str,
        addresses: &[SocketAddr],
        wait: &Wait,
        reached: &Reached,
    ) -> (Race, Option<OwnedSemaphorePermit>) {
        let turns = Arc::clone(&self.turns(host).all);
        let turn = Arc::clone(&turns).acquire_owned().await.ok();
        let racing = self.dialler.race(host, addresses, wait, reached);
        tokio::pin!(racing);
        if let Ok(race) = timeout(UNHEARD, &mut racing).await {
            return (race, turn);
        }
        // Packets that nobody answers are no burden to the host: the turn goes to another port.
        drop(turn);
        let race = racing.await;
        let turn = if race.stream.is_some() { turns.acquire_owned().await.ok() } else { None };
        (race, turn)
    }

    /// Turns at one host, so that it is not taken for an attack.
    fn turns(&self, host: &str) -> Arc<Turns> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let turns =
            hosts.entry(host.to_ascii_lowercase()).or_insert_with(|| Arc::new(Turns::new(self.config.max_per_host)));
        Arc::clone(turns)
    }
}

impl PortFinding {
    /// Of a port that nobody has spoken to yet.
    fn unasked(host: &str, target: &Target) -> Self {
        Self {
            host: host.to_owned(),
            port: target.port,
            tls_mode: target.tls,
            attempts: Vec::new(),
            greeting: None,
            ehlo: None,
            helo: false,
            refusal: None,
            starttls: None,
            tls: None,
            ehlo_tls: None,
            phase: Phase::Resolve,
            end: End::Complete,
            round_trips: 0,
            ms: 0,
        }
    }
}

/// The server has taken what was said.
fn is_taken(answer: &Reply) -> bool {
    (200..300).contains(&answer.code)
}

/// The outcome that says most about the path: an answer, then a refusal by somebody, then silence.
fn best(attempts: &[Attempt]) -> Connect {
    let rank = |outcome: Connect| match outcome {
        Connect::Open => 0,
        Connect::Refused => 1,
        Connect::Prohibited => 2,
        Connect::LocalDenied => 3,
        Connect::Silent => 4,
        Connect::Unreachable => 5,
        Connect::Superseded | Connect::Other => 6,
    };
    attempts.iter().map(|attempt| attempt.outcome).min_by_key(|outcome| rank(*outcome)).unwrap_or(Connect::Other)
}
