//! TLS over a connection we already have. The handshake is always brought to its end, so that it can be left as it should
//! be; whether there is a session behind it is decided by the certificate alone, which is kept as evidence.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, Error, HandshakeKind, InvalidMessage, PeerIncompatible,
    ProtocolVersion, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio::time::{timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::chain::Chain;
use super::finding::{End, TlsFinding, TlsTrouble};
use super::recording::{Wire, millis};
use super::trust::{Anchors, Vouched};

/// How long a server whose certificate is not believed may take to greet, so that it can be told QUIT.
const FAREWELL: Duration = Duration::from_millis(500);

/// Whom we believe.
#[derive(Debug)]
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    anchors: Arc<Anchors>,
}

/// How a handshake ended.
pub(super) struct Handshake {
    /// What it showed; `None` if nothing came before the deadline.
    pub(super) finding: Option<TlsFinding>,
    /// The session, only if it is verified.
    pub(super) stream: Option<TlsStream<TcpStream>>,
    /// How it ended, if there is no session.
    pub(super) end: End,
    /// 1, or 2 for TLS 1.2 and for a second hello.
    pub(super) round_trips: u32,
}

impl Trust {
    /// The platform's anchors and these.
    pub(super) fn new(extra: &[CertificateDer<'static>]) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let anchors = Arc::new(Anchors::new(extra, &provider)?);
        Ok(Self { provider, anchors })
    }

    /// Bytes that nobody can guess, for a hello.
    pub(super) fn random(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        // They protect nothing: there is no session behind such a hello.
        let _ = self.provider.secure_random.fill(&mut bytes);
        bytes
    }

    /// Shakes hands as a client that asked for `host`; `greeted` where the server has greeted before TLS.
    pub(super) async fn handshake(
        &self,
        host: &str,
        stream: TcpStream,
        until: Instant,
        started: Instant,
        greeted: bool,
    ) -> Handshake {
        let witness = Arc::new(Witness {
            anchors: Arc::clone(&self.anchors),
            algorithms: self.provider.signature_verification_algorithms,
            seen: Mutex::new(None),
        });
        let failed = |why: String, ms| Handshake {
            finding: Some(evidence(&witness, Some(TlsTrouble::Handshake { why }), None, ms)),
            stream: None,
            end: End::Left,
            round_trips: 0,
        };
        let name = match server_name(host) {
            Ok(name) => name,
            Err(why) => return failed(why, millis(started)),
        };
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.dangerous().with_custom_certificate_verifier(Arc::clone(&witness) as Arc<_>));
        let mut config = match config {
            Ok(builder) => builder.with_no_client_auth(),
            Err(error) => return failed(error.to_string(), millis(started)),
        };
        // A resumed session shows no certificate.
        config.resumption = Resumption::disabled();
        let shake = TlsConnector::from(Arc::new(config)).connect(name, stream);
        match timeout_at(until.into(), shake).await {
            Err(_) => Handshake { finding: None, stream: None, end: End::TimedOut, round_trips: 1 },
            Ok(Ok(stream)) => {
                let session = stream.get_ref().1;
                let version = session.protocol_version();
                let twice = version == Some(ProtocolVersion::TLSv1_2)
                    || session.handshake_kind() == Some(HandshakeKind::FullWithHelloRetryRequest);
                let mut finding = evidence(&witness, None, version, millis(started));
                finding.suite = session.negotiated_cipher_suite().map(|suite| suite.suite().into());
                let round_trips = if twice { 2 } else { 1 };
                if finding.verified {
                    return Handshake { finding: Some(finding), stream: Some(stream), end: End::Complete, round_trips };
                }
                part(stream, started, greeted).await;
                Handshake { finding: Some(finding), stream: None, end: End::Left, round_trips }
            }
            Ok(Err(error)) => {
                let finding = evidence(&witness, Some(trouble(&error)), None, millis(started));
                let end = if they_ended(&error) { End::Closed } else { End::Left };
                Handshake { finding: Some(finding), stream: None, end, round_trips: 1 }
            }
        }
    }
}

/// Leaves a server whose certificate is not believed: QUIT, and the end of TLS. Hosts write down, and ban, who breaks off.
/// Nothing else is ever said to it.
async fn part(stream: TlsStream<TcpStream>, started: Instant, greeted: bool) {
    let mut wire = Wire::tls(stream, started);
    // Who speaks before the greeting is taken for a spammer.
    if greeted || wire.hear_within(0, FAREWELL).await.is_ok() {
        let _ = timeout(FAREWELL, wire.say(b"QUIT\r\n")).await;
    }
    wire.shut().await;
    // To close over what was not read would reset the connection, and take the QUIT along.
    let _ = wire.hear_within(usize::MAX, FAREWELL).await;
}

/// The other side closed, reset or said no. Any other error is an answer of theirs that we do not accept.
fn they_ended(error: &io::Error) -> bool {
    let ours = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    ours.is_none_or(|error| matches!(error, Error::AlertReceived(_)))
}

fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => Ok(ServerName::IpAddress(address.into())),
        Err(_) => ServerName::try_from(bare.to_owned()).map_err(|error| format!("{bare}: {error}")),
    }
}

/// Looks at the certificate, and keeps it with what is thought of it. It never ends the handshake itself.
#[derive(Debug)]
struct Witness {
    anchors: Arc<Anchors>,
    algorithms: WebPkiSupportedAlgorithms,
    seen: Mutex<Option<Shown>>,
}

/// The certificates that were shown, and what was thought of them.
#[derive(Debug)]
struct Shown {
    leaf: CertificateDer<'static>,
    sent: Vec<CertificateDer<'static>>,
    judged: Result<Vouched, TlsTrouble>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judged = self.anchors.judge(leaf, sent, name, ocsp, now);
        let sent = sent.iter().map(|one| one.clone().into_owned()).collect();
        let seen = Shown { leaf: leaf.clone().into_owned(), sent, judged };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        // The session is for `handshake` to give out, and it asks what was judged.
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms).or_else(|error| {
            match self.anchors.is_given(certificate) && signed_with(&self.algorithms, message, certificate, signature) {
                true => Ok(HandshakeSignatureValid::assertion()),
                false => Err(error),
            }
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms).or_else(|error| {
            // The library does not read certificates of version 1. One that was given is known without that.
            match (self.anchors.is_given(certificate), X509Certificate::from_der(certificate)) {
                (true, Ok((_, read))) => {
                    let key = SubjectPublicKeyInfoDer::from(read.public_key().raw);
                    verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
                }
                _ => Err(error),
            }
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The same for TLS 1.2, for which the library has no such function: the key of the certificate has signed the message.
fn signed_with(
    algorithms: &WebPkiSupportedAlgorithms,
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
) -> bool {
    let Ok((_, read)) = X509Certificate::from_der(certificate) else { return false };
    let key = read.public_key().subject_public_key.data.as_ref();
    algorithms
        .mapping
        .iter()
        .filter(|(scheme, _)| *scheme == signature.scheme)
        .flat_map(|(_, possible)| possible.iter())
        .any(|algorithm| algorithm.verify_signature(key, message, signature.signature()).is_ok())
}

/// What is known after the handshake, which ended in `broken` if it did not come to its end. A certificate that is not
/// believed tells more than what broke after it.
fn evidence(witness: &Witness, broken: Option<TlsTrouble>, version: Option<ProtocolVersion>, ms: u64) -> TlsFinding {
    let seen = witness.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    let chain = seen.as_ref().and_then(|shown| Chain::new(&shown.leaf, &shown.sent));
    let judged = seen.as_ref().map(|shown| shown.judged.clone());
    let trouble = match (&judged, broken) {
        (Some(Err(trouble)), _) => Some(trouble.clone()),
        // A key that is too small is noticed by what it signs.
        (Some(Ok(_)), Some(TlsTrouble::Untrusted)) => {
            chain.as_ref().and_then(Chain::too_weak).or(Some(TlsTrouble::Untrusted))
        }
        (Some(Ok(_)), broken) => broken,
        (None, broken) => broken.or(Some(TlsTrouble::Untrusted)),
    };
    let verified = trouble.is_none();
    let mut finding = TlsFinding {
        verified,
        protocol: version.and_then(|version| version.as_str()).map(|name| name.replace('_', ".")),
        local_root: verified && judged == Some(Ok(Vouched::ThisMachine)),
        ..TlsFinding::bare(trouble, ms)
    };
    if let Some(chain) = &chain {
        chain.describe(&mut finding);
    }
    finding
}

/// What broke in a handshake, by the library's error.
fn trouble(error: &io::Error) -> TlsTrouble {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return TlsTrouble::Handshake { why: error.to_string() };
    };
    match tls {
        // Its certificate was judged already; what is left is the proof that the key is its own.
        Error::InvalidCertificate(_) => TlsTrouble::Untrusted,
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            TlsTrouble::WrongMode
        }
        Error::AlertReceived(AlertDescription::ProtocolVersion)
        | Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        ) => TlsTrouble::TooOld,
        other => TlsTrouble::Handshake { why: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    fn classified(error: Error) -> TlsTrouble {
        trouble(&io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn each_trouble_has_its_name() {
        assert_eq!(classified(CertificateError::BadSignature.into()), TlsTrouble::Untrusted);
        assert_eq!(classified(InvalidMessage::InvalidContentType.into()), TlsTrouble::WrongMode);
        assert_eq!(classified(Error::AlertReceived(AlertDescription::ProtocolVersion)), TlsTrouble::TooOld);
        let alert = classified(Error::AlertReceived(AlertDescription::HandshakeFailure));
        assert!(matches!(alert, TlsTrouble::Handshake { .. }));
        let reset = trouble(&io::ErrorKind::ConnectionReset.into());
        assert!(matches!(reset, TlsTrouble::Handshake { .. }));
    }

    #[test]
    fn the_name_asked_for_may_be_a_literal() {
        assert!(matches!(server_name("[2001:db8::1]"), Ok(ServerName::IpAddress(_))));
        assert_eq!(server_name("mail.hosting.test.").unwrap().to_str(), "mail.hosting.test");
        assert!(server_name("not a name").is_err());
    }
}
