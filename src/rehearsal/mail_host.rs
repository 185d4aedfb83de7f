//! An embedded mail host: real listeners on loopback, each standing for a public port, good enough for
//! real mail clients. It remembers who did what, so that "it arrived", "one login attempt" and "no
//! password before TLS" are things seen on the other end, not things claimed.

mod lines;
mod old_hello;
mod record;
mod service;
mod session;
mod shared;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::account::TlsMode;
use crate::rehearsal::certificates::ServerCertificate;

use lines::{DataEnd, Line, read_data, read_line};
pub use record::{ConnectionRecord, Login, Message, Record};
pub use service::{AuthOffer, Behaviour, Service};
use session::{Next, Session};
use shared::{MAX_MESSAGE, Shared};

/// Longest command line read (RFC 4954 section 4: AUTH lines may have 12288 octets).
const MAX_LINE: usize = 12_288;
/// Connections at once on one port; more wait in the system's queue.
const MAX_SESSIONS: usize = 64;
/// A client that says nothing for so long is sent away (RFC 5321 section 4.5.3.2.7).
const IDLE: Duration = Duration::from_secs(300);
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// How long `stop` waits for open connections to say goodbye.
const GRACE: Duration = Duration::from_secs(1);

/// What a mail host needs to start.
pub struct MailHostConfig {
    /// The name in its greeting and in its answer to EHLO.
    pub host_name: String,
    /// The domains it takes mail for without a login.
    pub domains: Vec<String>,
    /// Users and their passwords.
    pub accounts: Vec<(String, String)>,
    /// Its ports.
    pub services: Vec<Service>,
    /// What it shows in TLS.
    pub certificate: ServerCertificate,
}

/// Why the host did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailHostError {
    /// Loopback gave no port.
    #[error("no loopback port to stand for port {public_port}: {source}")]
    Listen {
        /// The port it should have stood for.
        public_port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// Certificate and key do not fit.
    #[error("certificate of {host}: {source}")]
    Certificate {
        /// The host.
        host: String,
        /// What the library said.
        source: rustls::Error,
    },
    /// Two services want the same port.
    #[error("port {public_port} is there twice")]
    PortTwice {
        /// The port.
        public_port: u16,
    },
}

/// A running mail host. Dropping it ends every connection at once; [`MailHost::stop`] says goodbye first.
pub struct MailHost {
    shared: Arc<Shared>,
    addresses: Vec<(u16, SocketAddr)>,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
}

impl MailHost {
    /// Opens all its ports on loopback, in the caller's runtime.
    pub async fn start(config: MailHostConfig) -> Result<Self, MailHostError> {
        let MailHostConfig { host_name, domains, accounts, services, certificate } = config;
        let mut seen = BTreeSet::new();
        if let Some(twice) = services.iter().find(|service| !seen.insert(service.public_port)) {
            return Err(MailHostError::PortTwice { public_port: twice.public_port });
        }
        let acceptor =
            acceptor(certificate).map_err(|source| MailHostError::Certificate { host: host_name.clone(), source })?;
        let record = Mutex::new(Record::default());
        let shared = Arc::new(Shared { host_name, domains, accounts, record, arrived: watch::Sender::new(0) });
        let stop = watch::Sender::new(false);
        let mut addresses = Vec::new();
        let mut opened = Vec::new();
        for service in services {
            let failed = |source| MailHostError::Listen { public_port: service.public_port, source };
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
            addresses.push((service.public_port, listener.local_addr().map_err(failed)?));
            opened.push((listener, service));
        }
        let listeners = opened
            .into_iter()
            .map(|(listener, service)| {
                let connections = Connections {
                    service: Arc::new(service),
                    shared: Arc::clone(&shared),
                    acceptor: acceptor.clone(),
                    stop: stop.subscribe(),
                };
                tokio::spawn(connections.listen(listener))
            })
            .collect();
        Ok(Self { shared, addresses, stop, listeners })
    }

    /// Where a public port really is; `None` if the host has no such port.
    pub fn address_of(&self, public_port: u16) -> Option<SocketAddr> {
        self.addresses.iter().find(|(port, _)| *port == public_port).map(|(_, address)| *address)
    }

    /// All its public ports and where they really are.
    pub fn addresses(&self) -> &[(u16, SocketAddr)] {
        &self.addresses
    }

    /// `HOST:PORT:ADDR:PORT` for each of its ports, as `--connect-to` takes them.
    pub fn connect_to_rules(&self, host: &str) -> Vec<String> {
        self.addresses.iter().map(|(port, at)| format!("{host}:{port}:{}:{}", at.ip(), at.port())).collect()
    }

    /// Everything that happened so far.
    pub fn record(&self) -> Record {
        self.shared.with_record(|record| record.clone())
    }

    /// Every message that arrived so far, in that order.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.with_record(|record| record.messages.clone())
    }

    /// The first message with this subject; waits for it until the timeout.
    pub async fn wait_for(&self, subject: &str, patience: Duration) -> Option<Message> {
        // Subscribed before looking: a message that comes in between is not missed.
        let mut arrived = self.shared.arrived.subscribe();
        let arrives = async {
            loop {
                let here = self.messages().into_iter().find(|message| message.subject().as_deref() == Some(subject));
                if here.is_some() || arrived.changed().await.is_err() {
                    return here;
                }
            }
        };
        timeout(patience, arrives).await.ok().flatten()
    }

    /// Stops listening, lets open connections end with 421, and returns what happened.
    pub async fn stop(mut self) -> Record {
        self.stop.send_replace(true);
        for listener in std::mem::take(&mut self.listeners) {
            // A listener ends by itself within its grace; how it ended changes nothing here.
            let _ = listener.await;
        }
        self.record()
    }
}

impl Drop for MailHost {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.abort();
        }
    }
}

fn acceptor(certificate: ServerCertificate) -> Result<TlsAcceptor, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificate.chain, certificate.key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What the connections of one port need.
#[derive(Clone)]
struct Connections {
    service: Arc<Service>,
    shared: Arc<Shared>,
    acceptor: TlsAcceptor,
    stop: watch::Receiver<bool>,
}

/// How a conversation on one stream ended.
enum Ended {
    Closed,
    Starttls,
}

impl Connections {
    async fn listen(mut self, listener: TcpListener) {
        // Each connection is a task of its own: neither an error nor a panic in one reaches the others.
        let mut sessions = JoinSet::new();
        loop {
            tokio::select! {
                () = stopped(&mut self.stop) => break,
                Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
                accepted = listener.accept(), if sessions.len() < MAX_SESSIONS => match accepted {
                    Ok((stream, _)) => { sessions.spawn(self.clone().serve(stream)); }
                    // Out of descriptors, most likely: that passes.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
            }
        }
        drop(listener);
        let goodbye = async { while sessions.join_next().await.is_some() {} };
        let _ = timeout(GRACE, goodbye).await;
    }

    async fn serve(mut self, stream: TcpStream) {
        let mut session = Session::new(Arc::clone(&self.shared), Arc::clone(&self.service));
        // The client may vanish at any moment; that ends this connection and nothing else.
        let _ = self.hold(stream, &mut session).await;
        session.closed();
    }

    async fn hold(&mut self, mut stream: TcpStream, session: &mut Session) -> std::io::Result<()> {
        // Replies are small and waited for.
        let _ = stream.set_nodelay(true);
        match &self.service.behaviour {
            Behaviour::Closes => return Ok(()),
            Behaviour::Silent => return self.only_listen(stream).await,
            Behaviour::OtherProtocol(line) => {
                let line = format!("{line}\r\n");
                if self.service.tls == TlsMode::Implicit {
                    let mut stream = timeout(HANDSHAKE, self.acceptor.accept(stream)).await??;
                    session.tls_stands(protocol_name(stream.get_ref().1.protocol_version()));
                    stream.write_all(line.as_bytes()).await?;
                    return self.only_listen(stream).await;
                }
                stream.write_all(line.as_bytes()).await?;
                return self.only_listen(stream).await;
            }
            Behaviour::SlowGreeting(wait) => {
                let wait = *wait;
                tokio::select! {
                    () = stopped(&mut self.stop) => return Ok(()),
                    () = tokio::time::sleep(wait) => {}
                }
            }
            _ => {}
        }
        if self.service.tls == TlsMode::Implicit {
            return self.inside_tls(stream, session, true).await;
        }
        match self.converse(&mut stream, session, true).await? {
            Ended::Starttls if self.service.behaviour == Behaviour::TlsBreaks => Ok(()),
            Ended::Starttls => self.inside_tls(stream, session, false).await,
            Ended::Closed => Ok(()),
        }
    }

    async fn inside_tls(&mut self, mut stream: TcpStream, session: &mut Session, greet: bool) -> std::io::Result<()> {
        if timeout(HANDSHAKE, old_hello::waits(&stream)).await?? {
            return old_hello::take(&mut stream).await;
        }
        let mut stream = timeout(HANDSHAKE, self.acceptor.accept(stream)).await??;
        session.tls_stands(protocol_name(stream.get_ref().1.protocol_version()));
        self.converse(&mut stream, session, greet).await?;
        stream.shutdown().await
    }

    async fn only_listen<S: AsyncRead + Unpin>(&mut self, mut stream: S) -> std::io::Result<()> {
        let mut sink = [0; 1024];
        loop {
            tokio::select! {
                () = stopped(&mut self.stop) => return Ok(()),
                read = stream.read(&mut sink) => if read? == 0 { return Ok(()) },
            }
        }
    }

    async fn converse<S>(&mut self, stream: &mut S, session: &mut Session, greet: bool) -> std::io::Result<Ended>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // Whatever is left in this buffer when STARTTLS has been answered is dropped with it: commands smuggled in
        // behind STARTTLS never count as said inside TLS.
        let mut stream = BufReader::new(stream);
        if greet {
            let step = session.greeting();
            stream.write_all(step.reply.as_bytes()).await?;
            if step.next == Next::Close {
                return Ok(Ended::Closed);
            }
        }
        let mut in_data = false;
        loop {
            let read = async {
                if in_data {
                    read_data(&mut stream, MAX_MESSAGE).await.map(Read::Data)
                } else {
                    read_line(&mut stream, MAX_LINE).await.map(Read::Line)
                }
            };
            let step = tokio::select! {
                () = stopped(&mut self.stop) => session.goodbye("service is shutting down"),
                read = timeout(IDLE, read) => match read {
                    Err(_) => session.goodbye("idle for too long"),
                    Ok(read) => match read? {
                        Read::Line(Line::Ended) | Read::Data(DataEnd::Ended) => return Ok(Ended::Closed),
                        Read::Line(Line::TooLong) => session.line_too_long(),
                        Read::Line(Line::Whole(line)) => session.line(&line),
                        Read::Data(DataEnd::TooBig) => session.data(None),
                        Read::Data(DataEnd::Whole(data)) => session.data(Some(data)),
                    },
                },
            };
            stream.write_all(step.reply.as_bytes()).await?;
            stream.flush().await?;
            match step.next {
                Next::Close => return Ok(Ended::Closed),
                Next::Starttls => return Ok(Ended::Starttls),
                Next::Line => in_data = false,
                Next::Data => in_data = true,
            }
        }
    }
}

enum Read {
    Line(Line),
    Data(DataEnd),
}

/// Ends when the host is told to stop, or is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn protocol_name(version: Option<rustls::ProtocolVersion>) -> String {
    match version {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
        other => format!("{other:?}"),
    }
}
