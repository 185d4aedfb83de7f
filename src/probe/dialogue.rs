//! One conversation by phases: what was seen goes into the [`PortFinding`] as it is seen, so that a deadline loses
//! nothing. lettre speaks SMTP; STARTTLS and TLS are done here, on the stream below it.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{timeout, timeout_at};

use super::dial::{Connected, Race, Reached, Socket, Wait};
use super::finding::{Attempt, Connect, ControlFinding, End, Phase, PortFinding, Resolution, TlsFinding, TlsTrouble};
use super::login::Session;
use super::recording::{Wire, ehlo, millis};
use super::resolve::Host;
use super::{Inner, Target};
use crate::account::TlsMode;

/// A port that has not answered after this long gives its turn at the host to another.
const UNHEARD: Duration = Duration::from_millis(400);

/// lettre and our handle to the stream it speaks over.
pub(super) struct Line {
    pub(super) smtp: AsyncSmtpConnection,
    pub(super) wire: Wire,
}

/// What an open connection takes up: one of the run's sockets, and a turn at its host.
pub(super) struct Place {
    _turn: Option<OwnedSemaphorePermit>,
    _socket: Socket,
}

impl Inner {
    /// A whole conversation with one port, up to the last EHLO.
    pub(super) async fn converse(
        self: Arc<Self>,
        host: Arc<Host>,
        target: Target,
        reached: Reached,
    ) -> (PortFinding, Option<Session>) {
        let began = Instant::now();
        let mut finding = PortFinding {
            host: host.name.clone(),
            port: target.port,
            tls_mode: target.tls,
            attempts: Vec::new(),
            greeting: None,
            ehlo: None,
            helo: false,
            starttls: None,
            tls: None,
            ehlo_tls: None,
            phase: Phase::Resolve,
            end: End::Complete,
            round_trips: 0,
            ms: 0,
        };
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
        let (mut race, turn) =
            self.in_turn(&host.name, &addresses, &self.dialler.wait(self.config.deadline), &reached).await;
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
        let (line, attempts) =
            futures::future::join(self.talk(&target, stream, started, &mut finding), race.settle(patience, tries))
                .await;
        finding.attempts = attempts;
        let place = Place { _turn: turn, _socket: socket };
        let session = line.map(|line| Session::new(line, finding.clone(), config.login_patience, place));
        (finding, session)
    }

    async fn talk(&self, target: &Target, stream: TcpStream, started: Instant, seen: &mut PortFinding) -> Option<Line> {
        let line = self.phases(target, stream, started, seen).await;
        seen.ms = millis(started);
        match line {
            Ok(line) => {
                seen.phase = Phase::Done;
                seen.end = End::Complete;
                Some(line)
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
    ) -> Result<Line, End> {
        // Without Nagle's algorithm; where that cannot be set the conversation is only slower.
        let _ = stream.set_nodelay(true);
        let helo = self.helo(&stream);
        let patience = target.greeting_patience.unwrap_or(self.config.greeting_patience);
        if target.tls == TlsMode::Implicit {
            let wire = self.secure(stream, started, false, seen).await?;
            return self.enter(wire, &helo, Some(patience), seen).await;
        }
        let wire = Wire::tcp(stream, started).map_err(|_| End::Closed)?;
        seen.phase = Phase::Greeting;
        let mut line = self.enter(wire, &helo, Some(patience), seen).await?;
        if target.tls == TlsMode::None || !seen.ehlo.as_ref().is_some_and(|ehlo| ehlo.starttls) {
            return Ok(line);
        }
        seen.phase = Phase::Starttls;
        seen.round_trips += 1;
        let at = line.wire.count();
        let asked = timeout_at((Instant::now() + self.config.deadline).into(), line.smtp.command("STARTTLS\r\n")).await;
        seen.starttls = line.wire.reply(at);
        match asked {
            Err(_) => return Err(End::TimedOut),
            Ok(Ok(reply)) if reply.has_code(220) => {}
            Ok(_) => {
                let end = match &seen.starttls {
                    Some(_) => End::Refused,
                    None => line.wire.why(at),
                };
                line.leave().await;
                return Err(end);
            }
        }
        // Anything in the clear behind the 220 was put there by somebody who hopes that it counts as said inside TLS.
        if line.wire.has_more() || line.wire.count() > at + 1 {
            seen.phase = Phase::Tls;
            let why = "the server, or somebody before it, went on in the clear after agreeing to TLS".to_owned();
            seen.tls = Some(without_certificate(TlsTrouble::Handshake { why }, millis(started)));
            return Err(End::Closed);
        }
        let stream = line.wire.take_tcp().ok_or(End::Closed)?;
        let wire = self.secure(stream, started, true, seen).await?;
        self.enter(wire, &helo, None, seen).await
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
        let shaken = self.trust.handshake(&seen.host, stream, until, started).await;
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
                Wire::tls(stream, started, greeted).map_err(|_| End::Closed)
            }
            _ => Err(shaken.end),
        }
    }

    /// Hands the stream to lettre, which waits for the greeting and sends EHLO. `patience` is `None` where the
    /// greeting has been given already.
    async fn enter(
        &self,
        wire: Wire,
        helo: &ClientId,
        patience: Option<Duration>,
        seen: &mut PortFinding,
    ) -> Result<Line, End> {
        let in_tls = seen.tls.is_some();
        let greetings = usize::from(patience.is_some());
        let connecting = AsyncSmtpConnection::connect_with_transport(Box::new(wire.clone()), helo);
        let entered = within(connecting, patience, self.config.deadline, wire.spoken()).await;
        if greetings == 1 {
            seen.greeting = wire.reply(0);
            seen.round_trips += 1;
        }
        if seen.greeting.as_ref().is_some_and(|greeting| greeting.code < 400) {
            seen.phase = if in_tls { Phase::EhloAfterTls } else { Phase::Ehlo };
            seen.round_trips += 1;
        }
        let offered = wire.reply(greetings).filter(|reply| reply.code == 250).map(|reply| ehlo(&reply));
        if in_tls {
            seen.ehlo_tls = offered;
        } else {
            seen.ehlo = offered;
        }
        match entered {
            Some(Ok(smtp)) => Ok(Line { smtp, wire }),
            Some(Err(_)) if seen.phase == Phase::Greeting => Err(wire.why(0)),
            Some(Err(_)) => Err(wire.why(greetings)),
            // A refusal that was followed by silence is still a refusal.
            None if matches!(seen.phase, Phase::Greeting) && wire.count() == 0 => Err(End::TimedOut),
            None if wire.count() > greetings => Err(wire.why(greetings)),
            None => Err(End::TimedOut),
        }
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
            if wait_greeting && let Ok(mut wire) = Wire::tcp(stream, started) {
                let until = Instant::now() + self.config.greeting_patience;
                // Whatever came is in the transcript, whether the rest came or not.
                let _ = timeout_at(until.into(), wire.read_past(0)).await;
                control.greeting = wire.reply(0);
                let _ = timeout_at(until.into(), wire.write(b"QUIT\r\n")).await;
            }
        } else {
            control.outcome = best(&race.settle(Duration::ZERO, 0).await);
        }
        (control, addresses.iter().map(SocketAddr::ip).collect())
    }

    fn helo(&self, stream: &TcpStream) -> ClientId {
        match (&self.config.helo_name, stream.local_addr().map(|address| address.ip().to_canonical())) {
            (Some(name), _) => ClientId::Domain(name.clone()),
            (None, Ok(IpAddr::V4(address))) => ClientId::Ipv4(address),
            (None, Ok(IpAddr::V6(address))) => ClientId::Ipv6(address),
            (None, Err(_)) => ClientId::Domain("localhost.localdomain".to_owned()),
        }
    }

    /// The race for one port, when its turn at the host has come; with the turn, to be held while the connection is open.
    async fn in_turn(
        &self,
        host: &str,
        addresses: &[SocketAddr],
        wait: &Wait,
        reached: &Reached,
    ) -> (Race, Option<OwnedSemaphorePermit>) {
        let turns = self.turns(host);
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
    fn turns(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let turns = hosts
            .entry(host.to_ascii_lowercase())
            .or_insert_with(|| Arc::new(Semaphore::new(self.config.max_per_host.max(1))));
        Arc::clone(turns)
    }
}

impl Line {
    /// Says QUIT and leaves without waiting for the answer: nothing more is wanted from this host.
    pub(super) async fn leave(mut self) {
        let _ = timeout(Duration::from_millis(200), self.wire.write(b"QUIT\r\n")).await;
    }
}

/// Lets `future` run: until `greeted` for `patience` at most, and from then on for `deadline`. `None` is too late.
async fn within<T>(
    future: impl Future<Output = Result<T, SmtpError>>,
    patience: Option<Duration>,
    deadline: Duration,
    greeted: impl Future<Output = ()>,
) -> Option<Result<T, SmtpError>> {
    tokio::pin!(future);
    if let Some(patience) = patience {
        tokio::select! {
            biased;
            done = &mut future => return Some(done),
            greeted = timeout(patience, greeted) => greeted.ok()?,
        }
    }
    timeout(deadline, future).await.ok()
}

fn without_certificate(trouble: TlsTrouble, ms: u64) -> TlsFinding {
    TlsFinding {
        verified: false,
        trouble: Some(trouble),
        protocol: None,
        names: Vec::new(),
        common_name: None,
        issuer: None,
        not_before: None,
        not_after: None,
        key_sha256: None,
        local_root: false,
        ms,
    }
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
