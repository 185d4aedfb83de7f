//! The embedded mail host as its clients see it: raw dialogues over real sockets and TLS, and lettre.

#![allow(clippy::expect_used, reason = "helpers of tests may panic")]

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use port26::account::TlsMode;
use port26::rehearsal::certificates::Authority;
use port26::rehearsal::mail_host::{AuthOffer, Behaviour, MailHost, MailHostConfig, MailHostError, Record, Service};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const HOST: &str = "mail.hosting.test";
const USER: &str = "jan@hosting.test";
const PASSWORD: &str = "Kiezel-1907 z";
const SOON: Duration = Duration::from_secs(5);

struct World {
    host: MailHost,
    authority: Authority,
}

async fn world(services: Vec<Service>) -> World {
    let authority = Authority::new("Rehearsal CA").unwrap();
    let config = config(services, &authority);
    World { host: MailHost::start(config).await.unwrap(), authority }
}

fn config(services: Vec<Service>, authority: &Authority) -> MailHostConfig {
    MailHostConfig {
        host_name: HOST.to_owned(),
        domains: vec!["hosting.test".to_owned()],
        accounts: vec![(USER.to_owned(), PASSWORD.to_owned())],
        services,
        certificate: authority.server(&[HOST]).unwrap(),
    }
}

impl World {
    async fn dial(&self, public_port: u16) -> TcpStream {
        TcpStream::connect(self.host.address_of(public_port).unwrap()).await.unwrap()
    }

    async fn shake_hands(&self, stream: TcpStream) -> TlsStream<TcpStream> {
        self.try_to_shake_hands(stream).await.unwrap()
    }

    async fn try_to_shake_hands(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(HOST).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// Greeting, EHLO, STARTTLS, handshake.
    async fn starttls(&self, public_port: u16) -> TlsStream<TcpStream> {
        let mut clear = Client::new(self.dial(public_port).await);
        clear.hear(220).await;
        clear.say("EHLO laptop.test", 250).await;
        clear.say("STARTTLS", 220).await;
        self.shake_hands(clear.stream.into_inner()).await
    }

    /// The record once every connection of this port has ended.
    async fn record_when_ended(&self, public_port: u16) -> Record {
        let began = Instant::now();
        loop {
            let record = self.host.record();
            if record.connections_to(public_port).all(|connection| connection.ended) {
                return record;
            }
            assert!(began.elapsed() < SOON, "connections did not end: {record:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

struct Client<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    /// Reads a reply, every line of which must have this code.
    async fn hear(&mut self, code: u16) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).await.unwrap();
            assert!(line.starts_with(&code.to_string()) && line.ends_with("\r\n"), "wanted {code}, heard {line:?}");
            reply.push_str(&line);
            if line.as_bytes()[3] == b' ' {
                return reply;
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    async fn say(&mut self, line: &str, code: u16) -> String {
        self.send(format!("{line}\r\n").as_bytes()).await;
        self.hear(code).await
    }

    async fn send_message(&mut self, to: &str, subject: &str) {
        self.say(&format!("MAIL FROM:<{USER}>"), 250).await;
        self.say(&format!("RCPT TO:<{to}>"), 250).await;
        self.say("DATA", 354).await;
        let text = format!("From: {USER}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\n..dots\r\n.");
        self.say(&text, 250).await;
    }
}

fn plain(password: &str) -> String {
    BASE64.encode(format!("\0{USER}\0{password}"))
}

#[tokio::test]
async fn starttls_auth_plain_and_the_message_arrives() {
    let world = world(Service::usual()).await;
    let mut client = Client::new(world.starttls(26).await);
    let offer = client.say("EHLO laptop.test", 250).await;
    for keyword in ["SIZE ", "8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES", "AUTH PLAIN LOGIN"] {
        assert!(offer.contains(keyword), "{keyword} is missing in {offer}");
    }
    client.say("AUTH PLAIN", 334).await;
    client.say(&plain(PASSWORD), 235).await;
    client.send_message("friend@elsewhere.test", "hello").await;
    client.say("QUIT", 221).await;

    let message = world.host.wait_for("hello", SOON).await.expect("the message arrives");
    assert_eq!((message.public_port, message.user.as_deref()), (26, Some(USER)));
    assert_eq!(message.tls.as_deref(), Some("TLSv1.3"));
    assert_eq!((message.from.as_str(), message.to.as_slice()), (USER, &["friend@elsewhere.test".to_owned()][..]));
    assert!(message.data.ends_with(b"\r\n\r\n.dots\r\n"), "{:?}", String::from_utf8_lossy(&message.data));
    let record = world.record_when_ended(26).await;
    let commands = record.connections[0].commands.join("; ");
    assert_eq!(
        commands,
        "EHLO laptop.test; STARTTLS; EHLO laptop.test; AUTH PLAIN; MAIL FROM:<jan@hosting.test>; \
         RCPT TO:<friend@elsewhere.test>; DATA; QUIT"
    );
    assert!(!record.any_password_before_tls());
    assert_eq!(record.attempts_of(USER), 1);
}

#[tokio::test]
async fn auth_login_and_implicit_tls() {
    let world = world(Service::usual()).await;
    let mut client = Client::new(world.shake_hands(world.dial(465).await).await);
    client.hear(220).await;
    client.say("EHLO laptop.test", 250).await;
    assert_eq!(client.say("AUTH LOGIN", 334).await, "334 VXNlcm5hbWU6\r\n");
    assert_eq!(client.say(&BASE64.encode(USER), 334).await, "334 UGFzc3dvcmQ6\r\n");
    client.say(&BASE64.encode(PASSWORD), 235).await;
    client.send_message("friend@elsewhere.test", "implicit").await;
    assert_eq!(world.host.wait_for("implicit", SOON).await.unwrap().public_port, 465);
    assert_eq!(world.host.record().logins[0].mechanism, "LOGIN");
}

#[tokio::test]
async fn a_wrong_password_is_535_and_counted() {
    let world = world(Service::usual()).await;
    let mut client = Client::new(world.starttls(587).await);
    client.say("EHLO laptop.test", 250).await;
    client.say(&format!("AUTH PLAIN {}", plain("guess")), 535).await;
    client.say(&format!("MAIL FROM:<{USER}>"), 530).await;
    client.say(&format!("AUTH PLAIN {}", plain(PASSWORD)), 235).await;
    let record = world.host.record();
    let accepted: Vec<bool> = record.logins.iter().map(|login| login.accepted).collect();
    assert_eq!((record.attempts_of(USER), accepted), (2, vec![false, true]));
    assert_eq!(record.attempts_of("somebody@hosting.test"), 0);
}

#[tokio::test]
async fn submission_wants_a_login_and_25_relays_to_its_own_domain_only() {
    let world = world(Service::usual()).await;
    let mut client = Client::new(world.dial(26).await);
    client.hear(220).await;
    client.say("EHLO laptop.test", 250).await;
    client.say(&format!("MAIL FROM:<{USER}>"), 530).await;

    let mut client = Client::new(world.dial(25).await);
    client.hear(220).await;
    client.say("EHLO laptop.test", 250).await;
    client.say(&format!("MAIL FROM:<{USER}>"), 250).await;
    client.say("RCPT TO:<friend@elsewhere.test>", 550).await;
    client.say("RSET", 250).await;
    client.send_message("info@hosting.test", "inside").await;
    let message = world.host.wait_for("inside", SOON).await.unwrap();
    assert_eq!((message.public_port, message.user, message.tls), (25, None, None));
}

#[tokio::test]
async fn a_password_in_the_clear_is_seen() {
    let open = Service { tls: TlsMode::None, auth: AuthOffer::Always, ..Service::submission(26) };
    let world = world(vec![open, Service::submission(587)]).await;
    for (port, answer) in [(26, 235), (587, 538)] {
        let mut client = Client::new(world.dial(port).await);
        client.hear(220).await;
        client.say("EHLO laptop.test", 250).await;
        client.say(&format!("AUTH PLAIN {}", plain(PASSWORD)), answer).await;
    }
    let record = world.host.record();
    assert!(record.connections.iter().all(|connection| connection.password_before_tls), "{record:?}");
    assert!(!format!("{record:?}").contains(PASSWORD));
}

#[tokio::test]
async fn commands_sent_behind_starttls_are_forgotten() {
    let world = world(Service::usual()).await;
    let mut clear = Client::new(world.dial(25).await);
    clear.hear(220).await;
    clear.say("EHLO laptop.test", 250).await;
    clear.send(b"STARTTLS\r\nEHLO injected.test\r\nMAIL FROM:<injected@hosting.test>\r\n").await;
    clear.hear(220).await;
    let mut inside = Client::new(world.shake_hands(clear.stream.into_inner()).await);
    // The first reply inside TLS answers the first command inside TLS, and EHLO from before does not count.
    inside.say("MAIL FROM:<jan@hosting.test>", 503).await;
    inside.say("EHLO laptop.test", 250).await;
    inside.say("QUIT", 221).await;
    let record = world.record_when_ended(25).await;
    assert!(record.connections[0].commands.iter().all(|command| !command.contains("injected")), "{record:?}");
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order() {
    let world = world(Service::usual()).await;
    let mut client = Client::new(world.dial(25).await);
    client.hear(220).await;
    client.say("EHLO laptop.test", 250).await;
    client.send(b"MAIL FROM:<>\r\nRCPT TO:<a@elsewhere.test>\r\nRCPT TO:<a@hosting.test>\r\nDATA\r\n").await;
    for code in [250, 550, 250, 354] {
        client.hear(code).await;
    }
    client.send(b"Subject: piped\r\n\r\nx\r\n.\r\nNOOP\r\nQUIT\r\n").await;
    for code in [250, 250, 221] {
        client.hear(code).await;
    }
    assert_eq!(world.host.wait_for("piped", SOON).await.unwrap().to, ["a@hosting.test"]);
}

#[tokio::test]
async fn garbage_long_lines_and_vanishing_clients_do_no_harm() {
    let world = world(Service::usual()).await;
    for port in [25, 143, 465] {
        // Noise, half a line, nothing at all; a TLS hello where plain text is spoken and the reverse.
        for noise in [&b"\x16\x03\x01\x00\xff\xfe\x00GET / HTTP/1.1\r\n\r\n"[..], b"EHLO half", b""] {
            let mut stream = world.dial(port).await;
            stream.write_all(noise).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut rest = Vec::new();
            // A reset is as good an end as a close.
            let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut rest)).await.expect("the host closes too");
        }
    }
    let mut client = Client::new(world.dial(25).await);
    client.hear(220).await;
    client.send(&[b'x'; 100_000]).await;
    client.say("", 500).await;
    client.say("EHLO laptop.test", 250).await;
    client.say("MAIL FROM:<a@b.test>", 250).await;
    client.say("RCPT TO:<a@hosting.test>", 250).await;
    client.say("DATA", 354).await;
    client.send(b"Subject: never finished\r\n").await;
    drop(client);
    assert!(world.record_when_ended(25).await.messages.is_empty());

    let mut client = Client::new(world.dial(25).await);
    client.hear(220).await;
    client.say("EHLO laptop.test", 250).await;
    client.send_message("a@hosting.test", "still here").await;
    assert!(world.host.wait_for("still here", SOON).await.is_some());
}

#[tokio::test]
async fn unusual_behaviours() {
    let world = world(vec![
        Service::relay(1).behaving(Behaviour::Silent),
        Service::relay(2).behaving(Behaviour::Refuses("554 5.7.1 Your address is listed".to_owned())),
        Service::relay(3).behaving(Behaviour::Closes),
        Service::relay(4).behaving(Behaviour::SlowGreeting(Duration::from_millis(150))),
        Service::relay(5).behaving(Behaviour::TlsBreaks),
        Service::relay(6).behaving(Behaviour::TriesLater),
        Service::imap(143),
        Service::imaps(993),
    ])
    .await;
    let mut byte = [0];
    let silent = tokio::time::timeout(Duration::from_millis(200), world.dial(1).await.read(&mut byte)).await;
    assert!(silent.is_err(), "a silent port stays open and says nothing");

    let mut refused = Client::new(world.dial(2).await);
    assert_eq!(refused.hear(554).await, "554 5.7.1 Your address is listed\r\n");
    assert_eq!(refused.stream.read(&mut byte).await.unwrap(), 0);

    assert_eq!(world.dial(3).await.read(&mut byte).await.unwrap(), 0);

    let began = Instant::now();
    Client::new(world.dial(4).await).hear(220).await;
    assert!(began.elapsed() >= Duration::from_millis(150));

    let mut breaks = Client::new(world.dial(5).await);
    breaks.hear(220).await;
    breaks.say("EHLO laptop.test", 250).await;
    breaks.say("STARTTLS", 220).await;
    assert!(world.try_to_shake_hands(breaks.stream.into_inner()).await.is_err());

    let mut later = Client::new(world.dial(6).await);
    later.hear(220).await;
    later.say("EHLO laptop.test", 250).await;
    later.say("MAIL FROM:<a@b.test>", 451).await;

    let (mut clear, mut inside) = (String::new(), String::new());
    BufReader::new(world.dial(143).await).read_line(&mut clear).await.unwrap();
    let stream = world.shake_hands(world.dial(993).await).await;
    BufReader::new(stream).read_line(&mut inside).await.unwrap();
    assert!(clear.starts_with("* OK ") && inside == clear, "{clear} {inside}");
}

#[tokio::test]
async fn stop_says_goodbye_and_drop_frees_the_ports() {
    let world = world(Service::usual()).await;
    let mut client = Client::new(world.dial(25).await);
    client.hear(220).await;
    let address = world.host.address_of(25).unwrap();
    let (goodbye, record) = tokio::join!(client.hear(421), world.host.stop());
    assert!(goodbye.contains("shutting down"));
    assert!(record.connections[0].ended);
    assert!(TcpStream::connect(address).await.is_err());

    let authority = Authority::new("Rehearsal CA").unwrap();
    let host = MailHost::start(config(Service::usual(), &authority)).await.unwrap();
    let address = host.address_of(26).unwrap();
    drop(host);
    let began = Instant::now();
    while TcpStream::connect(address).await.is_ok() {
        assert!(began.elapsed() < SOON, "the port stays open");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn addresses_and_rules() {
    let world = world(vec![Service::relay(25), Service::submission(26)]).await;
    let at = world.host.address_of(26).unwrap();
    assert!(at.ip().is_loopback());
    assert_eq!(
        world.host.connect_to_rules("smtp.atelier.test")[1],
        format!("smtp.atelier.test:26:127.0.0.1:{}", at.port())
    );
    assert_eq!(world.host.address_of(587), None);
    assert_eq!(world.host.wait_for("nothing", Duration::from_millis(20)).await, None);
    let twice = MailHost::start(config(vec![Service::relay(25), Service::submission(25)], &world.authority)).await;
    assert!(matches!(twice.err(), Some(MailHostError::PortTwice { public_port: 25 })));
}

/// A stream for lettre: TLS is ours, and after STARTTLS lettre still wants a greeting first.
#[derive(Debug)]
struct ForLettre {
    greeting: &'static [u8],
    stream: TlsStream<TcpStream>,
}

impl AsyncTokioStream for ForLettre {
    fn peer_addr(&self) -> std::io::Result<SocketAddr> {
        self.stream.get_ref().0.peer_addr()
    }
}

impl AsyncRead for ForLettre {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if !self.greeting.is_empty() {
            let part = self.greeting.len().min(buf.remaining());
            buf.put_slice(&self.greeting[..part]);
            self.greeting = &self.greeting[part..];
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for ForLettre {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn lettre_sends_through_26_and_465() {
    let world = world(Service::usual()).await;
    for (port, mechanism, greeting) in [(26, Mechanism::Plain, &b"220 ready\r\n"[..]), (465, Mechanism::Login, b"")] {
        let stream = match port {
            26 => world.starttls(26).await,
            _ => world.shake_hands(world.dial(port).await).await,
        };
        let name = ClientId::Domain("laptop.test".to_owned());
        let stream = Box::new(ForLettre { greeting, stream });
        let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &name).await.unwrap();
        connection.auth(&[mechanism], &Credentials::new(USER.to_owned(), PASSWORD.to_owned())).await.unwrap();
        let subject = format!("lettre over {port}");
        let email = lettre::Message::builder()
            .from(USER.parse().unwrap())
            .to("friend@elsewhere.test".parse().unwrap())
            .subject(subject.clone())
            .body(".a line with a dot\n".to_owned())
            .unwrap();
        let envelope = Envelope::new(Some(USER.parse().unwrap()), vec!["friend@elsewhere.test".parse().unwrap()]);
        connection.send(&envelope.unwrap(), &email.formatted()).await.unwrap();
        connection.quit().await.unwrap();
        let message = world.host.wait_for(&subject, SOON).await.expect("it arrives");
        assert_eq!((message.public_port, message.user.as_deref()), (port, Some(USER)));
        // lettre ends every message with one CRLF more.
        let rest = message.data.strip_prefix(&email.formatted()[..]).expect("it arrives unchanged");
        assert_eq!(rest, b"\r\n");
    }
}
