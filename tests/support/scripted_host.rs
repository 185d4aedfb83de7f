//! A mail host on 127.0.0.1 that says what its script says, and remembers every line it was given, in the clear and
//! inside TLS.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test host that cannot start fails its test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What happens when somebody connects.
#[derive(Clone, Debug)]
pub enum Greeting {
    /// This line is said.
    Say(&'static str),
    /// This line is said, after a while.
    Late(&'static str, Duration),
    /// The connection is closed.
    Close,
    /// Nothing is ever said.
    Never,
    /// The first connection hears nothing, as if its packets were lost; later ones hear this line.
    HeldUp(&'static str),
    /// One more line of a greeting that does not end, every so often.
    Drip(Duration),
    /// The first line at once, the last one after a while: postscreen.
    Teaser(&'static str, Duration, &'static str),
    /// This, again and again, as long as anybody reads it.
    Flood(&'static str),
}

/// What follows the answer to STARTTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// TLS.
    Proper,
    /// The connection is closed.
    Close,
    /// Text that is not TLS.
    Garbage,
    /// TLS, but with a command's answer smuggled in before it.
    Injected,
    /// The alert of a host that only knows TLS 1.0.
    TooOld,
    /// These bytes, to whatever hello; then the connection is closed.
    Says(&'static [u8]),
    /// Nothing, to whatever hello.
    Silence,
    /// TLS 1.0 as well: a hello that ends there is answered, any other one gets what the library has.
    OldToo,
}

/// Makes bytes of a line.
pub type Voice = fn(&str) -> Vec<u8>;

/// What the host says. Answers are whole, without the line end. An empty answer to EHLO or AUTH: it closes instead.
#[derive(Clone, Debug)]
pub struct Script {
    pub greeting: Greeting,
    pub ehlo: Vec<&'static str>,
    pub ehlo_tls: Vec<&'static str>,
    pub starttls: &'static str,
    pub handshake: Handshake,
    pub tls: Option<Arc<ServerConfig>>,
    pub implicit: bool,
    /// The answer to HELO.
    pub helo: &'static str,
    /// Asked for after AUTH PLAIN, though the command has it all.
    pub plain_prompt: Option<&'static str>,
    /// What AUTH LOGIN asks for.
    pub prompts: [&'static str; 2],
    pub auth: &'static str,
    pub mail: &'static str,
    pub rcpt: &'static str,
    /// The answer to RSET.
    pub rset: &'static str,
    /// The answer to NOOP. Empty: it closes instead.
    pub noop: &'static str,
    /// Waits before that answer.
    pub slow_noop: Duration,
    /// Waits before each answer to a command.
    pub slowness: Duration,
    /// Makes bytes of each line of an answer; the usual way is to put CR LF behind it.
    pub voice: Voice,
}

impl Script {
    /// STARTTLS, AUTH only inside TLS, and everything is accepted.
    pub fn new(tls: Arc<ServerConfig>) -> Self {
        Self {
            greeting: Greeting::Say("220 mail.hosting.test ESMTP ready"),
            ehlo: vec!["mail.hosting.test", "SIZE 1000000", "X-UNHEARD-OF yes", "STARTTLS"],
            ehlo_tls: vec!["mail.hosting.test", "SIZE 1000000", "PIPELINING", "AUTH CRAM-MD5 LOGIN PLAIN"],
            starttls: "220 go ahead",
            handshake: Handshake::Proper,
            tls: Some(tls),
            implicit: false,
            helo: "500 what?",
            plain_prompt: None,
            prompts: ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"],
            auth: "235 2.7.0 welcome",
            mail: "250 2.1.0 fine",
            rcpt: "250 2.1.5 fine",
            rset: "250 fine",
            noop: "250 2.0.0 fine",
            slow_noop: Duration::ZERO,
            slowness: Duration::ZERO,
            voice: |line| format!("{line}\r\n").into_bytes(),
        }
    }

    /// No TLS at all; AUTH in the clear.
    pub fn plain() -> Self {
        let mut script = Self::new(Authority::new().server(&["mail.hosting.test"], Dates::Now));
        script.ehlo = vec!["mail.hosting.test", "AUTH PLAIN"];
        script.tls = None;
        script
    }
}

/// What it was given.
#[derive(Debug, Default)]
pub struct Log {
    pub connections: usize,
    pub open: usize,
    pub most_open: usize,
    pub clear: Vec<String>,
    pub inside: Vec<String>,
    /// Bytes of a flood that were taken.
    pub poured: usize,
}

impl Log {
    fn opened(&mut self) {
        self.connections += 1;
        self.open += 1;
        self.most_open = self.most_open.max(self.open);
    }
}

/// The host. It lives as long as the test program.
#[derive(Debug)]
pub struct ScriptedHost {
    pub address: SocketAddr,
    log: Arc<Mutex<Log>>,
}

impl ScriptedHost {
    pub fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::<Mutex<Log>>::default();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, log) = (script.clone(), Arc::clone(&log));
                log.lock().unwrap().opened();
                std::thread::spawn(move || {
                    // A client that goes away is no error.
                    let _ = serve(&script, stream, &log);
                    log.lock().unwrap().open -= 1;
                });
            }
        });
        Self { address, log: kept }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Lines given in the clear.
    pub fn clear(&self) -> Vec<String> {
        self.log.lock().unwrap().clear.clone()
    }

    /// Lines given inside TLS.
    pub fn inside(&self) -> Vec<String> {
        self.log.lock().unwrap().inside.clone()
    }

    pub fn connections(&self) -> usize {
        self.log.lock().unwrap().connections
    }

    /// Connections at a time, at most. A connection that was closed counts until the host notices.
    pub fn most_open(&self) -> usize {
        self.log.lock().unwrap().most_open
    }

    /// Waits until every connection is closed: what was said last has been heard then.
    pub fn all_gone(&self) {
        for _ in 0..500 {
            if self.log.lock().unwrap().open == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Bytes of a flood that were taken.
    pub fn poured(&self) -> usize {
        self.log.lock().unwrap().poured
    }

    /// The verbs of what was given, clear and inside.
    pub fn verbs(&self) -> Vec<String> {
        let all = [self.clear(), self.inside()].concat();
        all.iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
    }
}

fn serve(script: &Script, stream: TcpStream, log: &Mutex<Log>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    if script.implicit && script.handshake == Handshake::Proper {
        return talk(script, BufReader::new(accept(script, stream)?), true, log).map(|_| ());
    }
    if script.implicit {
        return shake_hands(script, stream, log);
    }
    let reader = BufReader::new(stream);
    let Some(stream) = talk(script, reader, false, log)? else { return Ok(()) };
    shake_hands(script, stream, log)
}

/// A ServerHello of TLS 1.0 with a suite that Windows XP has (0x000a): what a host says that goes on.
pub const SERVER_HELLO_1_0: &[u8] = &[
    22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 0, 0, 10, 0,
];

/// Of a hello that was not taken out of the stream: the newest version of a client that names none beyond TLS 1.2.
fn newest_offered(stream: &TcpStream) -> std::io::Result<[u8; 2]> {
    let mut front = [0; 11];
    while stream.peek(&mut front)? < front.len() {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok([front[9], front[10]])
}

fn shake_hands(script: &Script, stream: TcpStream, log: &Mutex<Log>) -> std::io::Result<()> {
    let says = |bytes: &[u8]| -> std::io::Result<()> {
        // The hello must be read first: closing over unread data would reset the connection.
        let mut hello = [0; 4096];
        let _ = (&stream).read(&mut hello)?;
        (&stream).write_all(bytes)
    };
    match script.handshake {
        Handshake::Says(bytes) => says(bytes),
        Handshake::Silence => {
            std::thread::sleep(Duration::from_secs(4));
            Ok(())
        }
        Handshake::OldToo if newest_offered(&stream)? == [3, 1] => says(SERVER_HELLO_1_0),
        Handshake::Close => Ok(()),
        Handshake::Garbage => {
            (&stream).write_all(b"I have no idea what that was\r\n")?;
            std::thread::sleep(Duration::from_millis(50));
            Ok(())
        }
        Handshake::TooOld => says(&[0x15, 3, 1, 0, 2, 2, 70]),
        Handshake::Proper | Handshake::Injected | Handshake::OldToo => {
            let mut script = script.clone();
            if !script.implicit {
                script.greeting = Greeting::Say("");
            }
            script.ehlo = script.ehlo_tls.clone();
            talk(&script, BufReader::new(accept(&script, stream)?), true, log).map(|_| ())
        }
    }
}

type Tls = StreamOwned<ServerConnection, TcpStream>;

fn accept(script: &Script, stream: TcpStream) -> std::io::Result<Tls> {
    let config = script.tls.clone().unwrap();
    let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    // The handshake at once: the greeting comes after it.
    let shaken = tls.conn.complete_io(&mut tls.sock);
    if shaken.is_err() {
        let _ = tls.conn.write_tls(&mut tls.sock);
    }
    shaken?;
    Ok(tls)
}

/// Talks until QUIT or the end. Returns the stream if STARTTLS was agreed to.
fn talk<S: Read + Write>(
    script: &Script,
    mut stream: BufReader<S>,
    inside: bool,
    log: &Mutex<Log>,
) -> std::io::Result<Option<S>> {
    match &script.greeting {
        Greeting::Say("") => {}
        Greeting::Say(line) => say(&mut stream, script, line)?,
        Greeting::Late(line, after) => {
            std::thread::sleep(*after);
            say(&mut stream, script, line)?;
        }
        Greeting::Teaser(first, after, last) => {
            say(&mut stream, script, first)?;
            std::thread::sleep(*after);
            say(&mut stream, script, last)?;
        }
        Greeting::Flood(words) => {
            let block = words.repeat(64 * 1024 / words.len());
            loop {
                stream.get_mut().write_all(block.as_bytes())?;
                log.lock().unwrap().poured += block.len();
            }
        }
        Greeting::Close => return Ok(None),
        Greeting::HeldUp(line) if log.lock().unwrap().connections > 1 => say(&mut stream, script, line)?,
        Greeting::HeldUp(_) | Greeting::Never => {
            stream.read_line(&mut String::new())?;
            return Ok(None);
        }
        Greeting::Drip(every) => loop {
            say(&mut stream, script, "220-patience")?;
            std::thread::sleep(*every);
        },
    }
    let heard = |stream: &mut BufReader<S>| -> std::io::Result<Option<String>> {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_owned();
        let mut log = log.lock().unwrap();
        if inside { &mut log.inside } else { &mut log.clear }.push(line.clone());
        Ok(Some(line))
    };
    while let Some(line) = heard(&mut stream)? {
        std::thread::sleep(script.slowness);
        let mut words = line.split(' ');
        match words.next().unwrap_or_default() {
            "EHLO" => {
                let offers = if inside { &script.ehlo_tls } else { &script.ehlo };
                if offers.is_empty() {
                    return Ok(None);
                }
                if let [refusal] = offers[..]
                    && refusal.starts_with(['4', '5'])
                {
                    say(&mut stream, script, refusal)?;
                    continue;
                }
                let (last, first) = offers.split_last().unwrap();
                let lines = first.iter().map(|offer| format!("250-{offer}")).chain([format!("250 {last}")]);
                // in one piece, as servers do
                let all: Vec<u8> = lines.flat_map(|line| (script.voice)(&line)).collect();
                stream.get_mut().write_all(&all)?;
                stream.get_mut().flush()?;
            }
            "HELO" => say(&mut stream, script, script.helo)?,
            "STARTTLS" if !inside => {
                let smuggled = if script.handshake == Handshake::Injected { "\r\n250 fine" } else { "" };
                say(&mut stream, script, &format!("{}{smuggled}", script.starttls))?;
                if script.starttls.starts_with("220") {
                    return Ok(Some(stream.into_inner()));
                }
            }
            "AUTH" if script.auth.is_empty() => return Ok(None),
            "AUTH" => {
                let prompts = match words.next() {
                    Some("LOGIN") => script.prompts.to_vec(),
                    Some("CRAM-MD5") => vec!["334 PDEyM0BtYWlsLmhvc3RpbmcudGVzdD4="],
                    _ => script.plain_prompt.into_iter().collect(),
                };
                let mut given_up = false;
                for prompt in prompts {
                    say(&mut stream, script, prompt)?;
                    given_up |= heard(&mut stream)?.is_some_and(|line| line == "*");
                }
                say(&mut stream, script, if given_up { "501 5.7.0 cancelled" } else { script.auth })?;
            }
            "MAIL" => say(&mut stream, script, script.mail)?,
            // As servers do: no recipient without a sender.
            "RCPT" if !script.mail.starts_with('2') => say(&mut stream, script, "503 5.5.1 MAIL first")?,
            "RCPT" => say(&mut stream, script, script.rcpt)?,
            "RSET" => say(&mut stream, script, script.rset)?,
            "NOOP" if script.noop.is_empty() => return Ok(None),
            "NOOP" => {
                std::thread::sleep(script.slow_noop);
                say(&mut stream, script, script.noop)?;
            }
            "DATA" => {
                say(&mut stream, script, "354 go on")?;
                while heard(&mut stream)?.is_some_and(|line| line != ".") {}
                say(&mut stream, script, "250 2.0.0 queued as 1")?;
            }
            "QUIT" => {
                say(&mut stream, script, "221 bye")?;
                return Ok(None);
            }
            _ => say(&mut stream, script, "500 what?")?,
        }
    }
    Ok(None)
}

fn say<S: Write>(stream: &mut BufReader<S>, script: &Script, line: &str) -> std::io::Result<()> {
    stream.get_mut().write_all(&(script.voice)(line))?;
    stream.get_mut().flush()
}

/// When a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dates {
    Now,
    Past,
    Future,
}

/// A certificate authority of our own.
pub struct Authority {
    pub anchor: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Hosting Test Authority");
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().unwrap();
        let anchor = params.self_signed(&key).unwrap().der().clone();
        Self { anchor, issuer: Issuer::new(params, key) }
    }

    /// The TLS side of a host with a certificate for these names.
    pub fn server(&self, names: &[&str], dates: Dates) -> Arc<ServerConfig> {
        self.server_with(names, dates, rustls::DEFAULT_VERSIONS)
    }

    pub fn server_with(
        &self,
        names: &[&str],
        dates: Dates,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        // Apple believes no certificate that is good for more than 825 days.
        let year = i32::from(jiff::Zoned::now().year());
        let (from, to) = match dates {
            Dates::Now => (year - 1, year + 1),
            Dates::Past => (year - 3, year - 1),
            Dates::Future => (year + 1, year + 2),
        };
        params.not_before = date_time_ymd(from, 12, 30);
        params.not_after = date_time_ymd(to, 1, 2);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}

/// A certificate that signed itself and calls itself an authority, and the TLS side of its host.
pub fn self_signed(
    name: &str,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> (CertificateDer<'static>, Arc<ServerConfig>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    (certificate, Arc::new(config))
}
