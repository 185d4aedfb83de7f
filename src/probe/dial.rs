//! Connecting: the addresses of a host in a staggered race (RFC 8305), each with fresh SYNs, since a lost packet
//! must not look like a blocked port, and each error under the name of what caused it.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep_until, timeout_at};

use super::beats::{Beat, Beats, Beside};
use super::finding::{Attempt, Connect};
use super::network::{Network, Route};
use super::reached::Reached;
use super::recording::millis;
use super::silence::ON_TIME;

/// How connections are made in this run.
#[derive(Debug)]
pub(super) struct Dialler {
    pub(super) network: Option<Arc<dyn Network>>,
    pub(super) syn_offsets: Vec<Duration>,
    pub(super) stagger: Duration,
    pub(super) early_silence: Option<Duration>,
    /// One permit a socket, from its SYN until it is closed.
    pub(super) sockets: Arc<Semaphore>,
    /// How many of them repeated SYNs leave free.
    pub(super) reserve: usize,
    /// Connections that were made so far, by host.
    pub(super) made: Mutex<BTreeMap<String, usize>>,
}

/// An open connection, with its share of the run's sockets.
pub(super) struct Connected {
    pub(super) stream: TcpStream,
    /// Held as long as the stream is open.
    pub(super) socket: Socket,
}

/// One of the run's sockets; `None` only while the runtime shuts down.
pub(super) type Socket = Option<OwnedSemaphorePermit>;

/// The end of the race for one port.
pub(super) struct Race {
    /// The connection.
    pub(super) stream: Option<Connected>,
    attempts: Vec<Option<Attempt>>,
    /// When the first SYN was sent: not before there was a socket for it.
    pub(super) started: Instant,
    addresses: Vec<SocketAddr>,
    running: Running,
    winner: usize,
}

/// How long an address has to answer, and when fresh SYNs are sent to it.
#[derive(Debug, Clone)]
pub(super) struct Wait {
    pub(super) patience: Duration,
    pub(super) syns: Vec<Duration>,
    pub(super) beside: Beside,
}

/// One address of a race.
struct Dial<'a> {
    host: &'a str,
    address: SocketAddr,
    /// When the race began.
    started: Instant,
    /// When its patience ends.
    latest: Instant,
    /// When fresh SYNs are sent.
    syns: &'a [Duration],
    /// And beside what its silence is judged.
    beside: &'a Beside,
}

type Running = FuturesUnordered<BoxFuture<'static, (usize, Attempt, Option<Connected>)>>;

impl Dialler {
    /// The wait that is usual in this run, with a patience of its own.
    pub(super) fn wait(&self, patience: Duration) -> Wait {
        Wait { patience, syns: self.syn_offsets.clone(), beside: Beside::Nothing }
    }

    /// Dials `addresses` in order until one answers.
    pub(super) async fn race(
        self: &Arc<Self>,
        host: &str,
        addresses: &[SocketAddr],
        wait: &Wait,
        reached: &Reached,
    ) -> Race {
        let patience = wait.patience;
        let mut first = Some(self.socket().await);
        let started = Instant::now();
        let mut race = Race {
            stream: None,
            attempts: addresses.iter().map(|_| None).collect(),
            started,
            addresses: addresses.to_vec(),
            running: FuturesUnordered::new(),
            winner: 0,
        };
        let mut waiting = addresses.iter().copied().enumerate();
        loop {
            match waiting.next() {
                Some((at, address)) => {
                    let (dialler, host, reached) = (Arc::clone(self), host.to_owned(), reached.clone());
                    let (socket, turn, wait) = (first.take(), Instant::now(), wait.clone());
                    race.running.push(Box::pin(async move {
                        let socket = match socket {
                            Some(socket) => socket,
                            None => dialler.socket().await,
                        };
                        // Waiting for a socket is no silence of the network.
                        let latest = started + patience + turn.elapsed();
                        let dial =
                            Dial { host: &host, address, started, latest, syns: &wait.syns, beside: &wait.beside };
                        let (attempt, stream) = dialler.attempt(dial, socket, &reached).await;
                        (at, attempt, stream)
                    }));
                }
                None if race.running.is_empty() => return race,
                None => {}
            }
            let next = Instant::now() + if waiting.len() > 0 { self.stagger } else { patience };
            while let Ok(Some((at, attempt, stream))) = timeout_at(next.into(), race.running.next()).await {
                race.attempts[at] = Some(attempt);
                if stream.is_some() {
                    race.stream = stream;
                    race.winner = at;
                    return race;
                }
                if waiting.len() > 0 {
                    break;
                }
            }
        }
    }

    /// Connections that were made so far, by host.
    pub(super) fn made(&self) -> BTreeMap<String, usize> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// For one more SYN to the same address; the last half of the sockets is for those who have none yet.
    fn spare_socket(&self) -> Option<OwnedSemaphorePermit> {
        let enough = self.sockets.available_permits() > self.reserve;
        enough.then(|| Arc::clone(&self.sockets).try_acquire_owned().ok()).flatten()
    }

    async fn socket(&self) -> Socket {
        Arc::clone(&self.sockets).acquire_owned().await.ok()
    }

    /// One address: fresh SYNs until something decides. Each has a socket of its own, whose SYN the system repeats,
    /// while there are enough to spare; else it takes the place of the one before.
    async fn attempt(&self, dial: Dial<'_>, socket: Socket, reached: &Reached) -> (Attempt, Option<Connected>) {
        let (begun, ip) = (Instant::now(), dial.address.ip());
        // Past that its answer is one that came when it was dialled again.
        let overdue = AtomicBool::new(false);
        let silence = async {
            self.silence(ip, begun, dial.latest, reached).await;
            if matches!(dial.beside, Beside::Witness) {
                // It may say soon what would take another look without it.
                overdue.store(true, Relaxed);
                reached.witness_has_spoken().await;
            }
        };
        tokio::pin!(silence);
        let mut beats = Beats::of(dial.beside, reached, ip, begun);
        let mut offsets = dial.syns.iter().copied();
        let mut next = Some(offsets.next().unwrap_or_default());
        // Dropped in reverse: no permit is given back before its socket is closed.
        let mut spare = Vec::new();
        let mut sockets = FuturesUnordered::new();
        let (mut tries, mut last) = (0, begun);
        let (outcome, stream) = loop {
            let due = begun + next.unwrap_or_default();
            let beat = tokio::select! {
                biased;
                Some(ended) = sockets.next(), if !sockets.is_empty() => match ended {
                    Ok(_) if overdue.load(Relaxed) => break (Connect::Silent, None),
                    Ok(stream) => {
                        reached.note(ip, begun.elapsed());
                        break (Connect::Open, Some(Connected { stream, socket }));
                    }
                    Err(outcome) => break (outcome, None),
                },
                () = &mut silence => break (Connect::Silent, None),
                () = sleep_until(due.into()), if next.is_some() => {
                    next = offsets.next();
                    false
                }
                beat = beats.next() => match beat {
                    Beat::Another => true,
                    Beat::Enough => break (Connect::Silent, None),
                },
            };
            if tries > 0 {
                match self.spare_socket() {
                    Some(permit) => spare.push(permit),
                    // One that was sent a moment ago is not given up for another.
                    None if beats.beat() && last.elapsed() < ON_TIME => continue,
                    None => {
                        sockets.clear();
                        spare.clear();
                    }
                }
            }
            sockets.push(self.connect(dial.host, dial.address));
            (tries, last) = (tries + 1, Instant::now());
            if beat {
                beats.sent();
            }
        };
        (Attempt { address: ip, outcome, tries, ms: millis(dial.started) }, stream)
    }

    /// Ends when silence may be called silence: at the deadline; or earlier, once the same address has answered
    /// on another port so quickly that an answer would have been here three times over.
    async fn silence(&self, address: IpAddr, begun: Instant, latest: Instant, reached: &Reached) {
        let Some(early) = self.early_silence else { return sleep_until(latest.into()).await };
        if let Ok(after) = timeout_at(latest.into(), reached.answered(address)).await {
            sleep_until(latest.min(begun + early.max(after * 3)).into()).await;
        }
    }

    async fn connect(&self, host: &str, address: SocketAddr) -> Result<TcpStream, Connect> {
        let route = self.network.as_ref().map_or(Route::Through, |network| network.route(host, address));
        let to = match route {
            Route::Through => address,
            Route::To(elsewhere) => elsewhere,
            Route::Drop => return std::future::pending().await,
            Route::Reject => return Err(Connect::Refused),
            Route::Prohibit => return Err(Connect::Prohibited),
            Route::Unreachable => return Err(Connect::Unreachable),
            Route::Deny => return Err(Connect::LocalDenied),
        };
        let connecting = TcpStream::connect(to);
        tokio::pin!(connecting);
        // An error of the call itself is this machine's own; one that came later came over the network.
        let (result, local) = match futures::poll!(&mut connecting) {
            std::task::Poll::Ready(result) => (result, true),
            std::task::Poll::Pending => (connecting.await, false),
        };
        if result.is_ok() {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            *made.entry(host.to_ascii_lowercase()).or_default() += 1;
        }
        result.map_err(|error| outcome(&error, to.ip(), local))
    }
}

fn outcome(error: &io::Error, address: IpAddr, local: bool) -> Connect {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            Connect::Refused
        }
        // ICMPv6 "administratively prohibited" arrives as EACCES; its IPv4 twin as "host unreachable".
        io::ErrorKind::PermissionDenied if address.is_ipv6() && !local => Connect::Prohibited,
        io::ErrorKind::PermissionDenied => Connect::LocalDenied,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable => Connect::Unreachable,
        io::ErrorKind::TimedOut => Connect::Silent,
        _ => Connect::Other,
    }
}

impl Race {
    /// What became of every address that was dialled. Addresses that were tried before the winner are given until
    /// `patience` after the start: only so can a black hole be told from an address that was merely slower.
    pub(super) async fn settle(mut self, patience: Duration, tries: u32) -> Vec<Attempt> {
        let until = self.started + patience;
        while self.attempts[..self.winner].iter().any(Option::is_none) {
            match timeout_at(until.into(), self.running.next()).await {
                Ok(Some((at, mut attempt, stream))) => {
                    if stream.is_some() {
                        attempt.outcome = Connect::Superseded;
                    }
                    self.attempts[at] = Some(attempt);
                }
                Ok(None) | Err(_) => break,
            }
        }
        // Those after the winner were begun only if their turn came before it connected.
        let begun = self.attempts.len().min(self.winner + 1);
        let ms = millis(self.started);
        self.attempts
            .into_iter()
            .zip(&self.addresses)
            .enumerate()
            .filter_map(|(at, (attempt, address))| {
                attempt.or_else(|| {
                    (at < begun).then(|| Attempt { address: address.ip(), outcome: Connect::Silent, tries, ms })
                })
            })
            .collect()
    }
}

/// Linux reports an IPv4 "administratively prohibited" as "no route". If the same address answers on another port,
/// there is a route, and somebody prohibits this port. Only known once everything has been tried.
pub(super) fn sharpened(outcome: Connect, address: IpAddr, reached: &Reached) -> Connect {
    match outcome {
        Connect::Unreachable if reached.after(address).is_some() => Connect::Prohibited,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_name_of_their_cause() {
        let of = |kind: io::ErrorKind, address: &str, local| outcome(&kind.into(), address.parse().unwrap(), local);
        assert_eq!(of(io::ErrorKind::ConnectionRefused, "192.0.2.1", false), Connect::Refused);
        assert_eq!(of(io::ErrorKind::PermissionDenied, "192.0.2.1", true), Connect::LocalDenied);
        assert_eq!(of(io::ErrorKind::PermissionDenied, "2001:db8::1", true), Connect::LocalDenied);
        assert_eq!(of(io::ErrorKind::PermissionDenied, "2001:db8::1", false), Connect::Prohibited);
        assert_eq!(of(io::ErrorKind::HostUnreachable, "192.0.2.1", false), Connect::Unreachable);
        assert_eq!(of(io::ErrorKind::NetworkUnreachable, "2001:db8::1", true), Connect::Unreachable);
        assert_eq!(of(io::ErrorKind::TimedOut, "192.0.2.1", false), Connect::Silent);
    }

    #[test]
    fn no_route_to_one_port_only_is_a_prohibition() {
        let reached = Reached::new();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(sharpened(Connect::Unreachable, address, &reached), Connect::Unreachable);
        reached.note(address, Duration::from_millis(9));
        assert_eq!(sharpened(Connect::Unreachable, address, &reached), Connect::Prohibited);
        assert_eq!(sharpened(Connect::Silent, address, &reached), Connect::Silent);
    }

    #[derive(Debug)]
    struct Hole;

    impl Network for Hole {
        fn lookup(&self, _: &str) -> Option<super::super::network::Lookup> {
            None
        }
        fn route(&self, _: &str, _: SocketAddr) -> Route {
            Route::Drop
        }
    }

    fn hole(sockets: usize) -> Arc<Dialler> {
        Arc::new(Dialler {
            network: Some(Arc::new(Hole)),
            syn_offsets: [0, 10, 20].map(Duration::from_millis).to_vec(),
            stagger: Duration::from_millis(10),
            early_silence: Some(Duration::from_millis(100)),
            sockets: Arc::new(Semaphore::new(sockets)),
            reserve: sockets / 2,
            made: Mutex::default(),
        })
    }

    /// A dial that waits for a socket has not been answered by silence: it has not asked yet.
    #[tokio::test]
    async fn waiting_for_a_socket_is_no_silence() {
        let dialler = hole(1);
        let started = Instant::now();
        let dials = [1, 2, 3].map(|last| {
            let dialler = Arc::clone(&dialler);
            async move {
                let address = SocketAddr::from(([192, 0, 2, last], 25));
                let (addresses, reached) = ([address], Reached::new());
                let wait = dialler.wait(Duration::from_millis(200));
                let race = dialler.race("mail.hosting.test", &addresses, &wait, &reached).await;
                race.settle(Duration::ZERO, 3).await.remove(0)
            }
        });
        for attempt in futures::future::join_all(dials).await {
            assert_eq!((attempt.outcome, attempt.tries), (Connect::Silent, 3));
            assert!(attempt.ms >= 200, "{attempt:?}");
        }
        // One socket, so one after the other.
        assert!(started.elapsed() >= Duration::from_millis(600));
        assert_eq!(dialler.sockets.available_permits(), 1);
    }

    /// A control that answers shortens the wait for silence, but never below what its own slowness asks for.
    #[tokio::test]
    async fn silence_is_called_early_beside_a_control() {
        let dialler = hole(64);
        let address: SocketAddr = "192.0.2.1:25".parse().unwrap();
        let took = async |after: Option<u64>| {
            let (reached, started) = (Reached::new(), Instant::now());
            if let Some(after) = after {
                reached.note(address.ip(), Duration::from_millis(after));
            }
            let wait = dialler.wait(Duration::from_secs(4));
            let race = dialler.race("mail.hosting.test", &[address], &wait, &reached).await;
            let attempts = race.settle(Duration::ZERO, 3).await;
            assert_eq!((attempts[0].outcome, attempts[0].tries), (Connect::Silent, 3));
            started.elapsed().as_millis()
        };
        assert!((100..4000).contains(&took(Some(10)).await));
        assert!((450..4000).contains(&took(Some(150)).await));
        assert!(took(None).await >= 4000);
    }
}
