//! TLS over a connection we already have: the trust store of the operating system decides, and what it decided
//! on is kept as evidence, and whether it rests on a root that only this machine has. A session that is not verified ends with its handshake.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, HandshakeKind, InvalidMessage,
    PeerIncompatible, ProtocolVersion, RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::finding::{End, TlsFinding, TlsTrouble};
use super::recording::millis;
use super::trust::Anchors;

/// Whom we believe.
#[derive(Debug)]
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    anchors: Arc<Anchors>,
    /// The public roots and those that were given: what is verified beyond them rests on this machine alone. Built
    /// when first needed; `None` inside if it cannot be built, and then nothing is called local.
    known: Arc<OnceLock<Option<Arc<WebPkiServerVerifier>>>>,
    given: Vec<CertificateDer<'static>>,
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
        Ok(Self { provider, anchors, known: Arc::default(), given: extra.to_vec() })
    }

    /// Shakes hands as a client that asked for `host`.
    pub(super) async fn handshake(&self, host: &str, stream: TcpStream, until: Instant, started: Instant) -> Handshake {
        let witness = Arc::new(Witness {
            anchors: Arc::clone(&self.anchors),
            provider: Arc::clone(&self.provider),
            known: Arc::clone(&self.known),
            given: self.given.clone(),
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
        match tokio::time::timeout_at(until.into(), shake).await {
            Err(_) => Handshake { finding: None, stream: None, end: End::TimedOut, round_trips: 1 },
            Ok(Ok(stream)) => {
                let session = stream.get_ref().1;
                let version = session.protocol_version();
                let twice = version == Some(ProtocolVersion::TLSv1_2)
                    || session.handshake_kind() == Some(HandshakeKind::FullWithHelloRetryRequest);
                let finding = evidence(&witness, None, version, millis(started));
                Handshake {
                    finding: Some(finding),
                    stream: Some(stream),
                    end: End::Complete,
                    round_trips: if twice { 2 } else { 1 },
                }
            }
            Ok(Err(error)) => {
                let trouble = trouble(&error);
                let finding = evidence(&witness, Some(trouble), None, millis(started));
                let end = if they_ended(&error) { End::Closed } else { End::Left };
                Handshake { finding: Some(finding), stream: None, end, round_trips: 1 }
            }
        }
    }
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

/// Asks whether the certificate is believed, and keeps certificate and answer.
#[derive(Debug)]
struct Witness {
    anchors: Arc<Anchors>,
    provider: Arc<CryptoProvider>,
    known: Arc<OnceLock<Option<Arc<WebPkiServerVerifier>>>>,
    given: Vec<CertificateDer<'static>>,
    seen: Mutex<Option<Shown>>,
}

/// The certificate that was shown, and what was thought of it.
#[derive(Debug)]
struct Shown {
    leaf: CertificateDer<'static>,
    verified: bool,
    local_root: bool,
}

impl Witness {
    /// Does a chain that this machine accepts lead to no root that others know? Certificates that are logged in public
    /// (RFC 6962) come from a public issuer, also where the server forgot to send the chain.
    fn rests_on_this_machine(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> bool {
        let Some(known) = self.known.get_or_init(|| known_roots(&self.provider, &self.given)) else { return false };
        known.verify_server_cert(leaf, intermediates, name, &[], now).is_err() && !is_logged(leaf)
    }
}

fn known_roots(provider: &Arc<CryptoProvider>, given: &[CertificateDer<'static>]) -> Option<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().chain(given).cloned());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build().ok()
}

/// It carries timestamps of certificate logs.
fn is_logged(leaf: &CertificateDer<'_>) -> bool {
    const TIMESTAMPS: &str = "1.3.6.1.4.1.11129.2.4.2";
    X509Certificate::from_der(leaf)
        .is_ok_and(|(_, certificate)| certificate.extensions().iter().any(|one| one.oid.to_id_string() == TIMESTAMPS))
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.anchors.verify(leaf, intermediates, name, ocsp, now);
        let verdict = verdict.map_err(|error| by_date(error, leaf));
        let verified = verdict.is_ok();
        let local_root = verified && self.rests_on_this_machine(leaf, intermediates, name, now);
        let seen = Shown { leaf: leaf.clone().into_owned(), verified, local_root };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Apple's verifier has no code of its own for dates: it says so in words. The certificate itself tells.
fn by_date(error: Error, leaf: &CertificateDer<'_>) -> Error {
    let Error::InvalidCertificate(CertificateError::Other(_)) = &error else { return error };
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else { return error };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64);
    if now > certificate.validity().not_after.timestamp() {
        CertificateError::Expired.into()
    } else if now < certificate.validity().not_before.timestamp() {
        CertificateError::NotValidYet.into()
    } else {
        error
    }
}

fn evidence(witness: &Witness, trouble: Option<TlsTrouble>, version: Option<ProtocolVersion>, ms: u64) -> TlsFinding {
    let seen = witness.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut finding = TlsFinding {
        verified: trouble.is_none() && seen.as_ref().is_some_and(|shown| shown.verified),
        trouble,
        protocol: version.and_then(|version| version.as_str()).map(|name| name.replace('_', ".")),
        names: Vec::new(),
        common_name: None,
        issuer: None,
        not_before: None,
        not_after: None,
        key_sha256: None,
        local_root: seen.as_ref().is_some_and(|shown| shown.local_root),
        ms,
    };
    if let Some(shown) = &seen
        && let Ok((_, certificate)) = X509Certificate::from_der(&shown.leaf)
    {
        if let Ok(Some(names)) = certificate.subject_alternative_name() {
            finding.names = names
                .value
                .general_names
                .iter()
                .filter_map(|name| match name {
                    GeneralName::DNSName(name) => Some((*name).to_owned()),
                    _ => None,
                })
                .collect();
        }
        finding.issuer = Some(certificate.issuer().to_string());
        finding.not_before = Some(certificate.validity().not_before.timestamp());
        finding.not_after = Some(certificate.validity().not_after.timestamp());
        finding.key_sha256 = Some(hex::encode(Sha256::digest(certificate.public_key().raw)));
    }
    finding
}

fn trouble(error: &io::Error) -> TlsTrouble {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return TlsTrouble::Handshake { why: error.to_string() };
    };
    match tls {
        Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsTrouble::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsTrouble::NotYetValid,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsTrouble::WrongName
            }
            _ => TlsTrouble::Untrusted,
        },
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
    use super::*;

    fn classified(error: Error) -> TlsTrouble {
        trouble(&io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn each_trouble_has_its_name() {
        assert_eq!(classified(CertificateError::Expired.into()), TlsTrouble::Expired);
        assert_eq!(classified(CertificateError::NotValidYet.into()), TlsTrouble::NotYetValid);
        assert_eq!(classified(CertificateError::NotValidForName.into()), TlsTrouble::WrongName);
        assert_eq!(classified(CertificateError::UnknownIssuer.into()), TlsTrouble::Untrusted);
        assert_eq!(classified(CertificateError::Revoked.into()), TlsTrouble::Untrusted);
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
