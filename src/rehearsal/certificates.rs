//! A private certificate authority and server certificates, made in memory at each start: nothing on
//! disk to steal or to expire. Besides the good certificate there are the ones that must be refused.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rcgen::{KeyUsagePurpose, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The key or the certificate could not be made.
    #[error("certificate for {name}: {source}")]
    Make {
        /// The authority or the first name of the server.
        name: String,
        /// What the library said.
        source: rcgen::Error,
    },
    /// A server certificate needs a name.
    #[error("a server certificate needs at least one name")]
    NoName,
}

/// What is wrong with a server certificate, for those who must notice it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// Nothing: in date, for the names asked for.
    None,
    /// Its last day was a month ago.
    Expired,
    /// Its first day is in a month.
    NotYetValid,
}

/// A certificate chain and its key: what a TLS server needs.
#[derive(Debug)]
pub struct ServerCertificate {
    /// The server's certificate, then its issuer's.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key of the first one.
    pub key: PrivateKeyDer<'static>,
}

impl Clone for ServerCertificate {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

/// A private certificate authority that lives as long as this value.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// A new authority with a new key. Another one of the same name is still another authority.
    pub fn new(name: &str) -> Result<Self, CertificateError> {
        let failed = |source| CertificateError::Make { name: name.to_owned(), source };
        let mut params = CertificateParams::new(Vec::<String>::new()).map_err(failed)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        set_dates(&mut params, SystemTime::now() - 90 * DAY, SystemTime::now() + 365 * DAY);
        let key = KeyPair::generate().map_err(failed)?;
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, key).map_err(failed)? })
    }

    /// The authority's own certificate, as `--ca` takes it.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The authority's own certificate, as a trust anchor.
    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A good certificate for these DNS names.
    pub fn server(&self, names: &[&str]) -> Result<ServerCertificate, CertificateError> {
        self.server_with(names, Flaw::None)
    }

    /// A certificate for these DNS names with something wrong about it.
    pub fn server_with(&self, names: &[&str], flaw: Flaw) -> Result<ServerCertificate, CertificateError> {
        let first = (*names.first().ok_or(CertificateError::NoName)?).to_owned();
        let failed = |source| CertificateError::Make { name: first.clone(), source };
        let now = SystemTime::now();
        let (from, to) = match flaw {
            // Yesterday: a clock that is some hours slow is no fault of the rehearsal.
            Flaw::None => (now - DAY, now + 30 * DAY),
            Flaw::Expired => (now - 60 * DAY, now - 30 * DAY),
            Flaw::NotYetValid => (now + 30 * DAY, now + 60 * DAY),
        };
        let owned: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(owned).map_err(failed)?;
        params.distinguished_name.push(DnType::CommonName, first.as_str());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        set_dates(&mut params, from, to);
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(ServerCertificate {
            chain: vec![certificate.der().clone(), self.der()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        })
    }
}

fn set_dates(params: &mut CertificateParams, from: SystemTime, to: SystemTime) {
    let epoch = date_time_ymd(1970, 1, 1);
    let since_epoch = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    params.not_before = epoch + Duration::from_secs(since_epoch(from));
    params.not_after = epoch + Duration::from_secs(since_epoch(to));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::{CertificateError as Refusal, Error, RootCertStore};

    use super::*;

    /// What a verifier that trusts `anchor` says about `shown` for `name`.
    fn verify(anchor: &Authority, shown: &ServerCertificate, name: &str) -> Result<(), Error> {
        let mut roots = RootCertStore::empty();
        roots.add(anchor.der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier.verify_server_cert(&shown.chain[0], &shown.chain[1..], &name, &[], UnixTime::now()).map(|_| ())
    }

    fn refusal(result: Result<(), Error>) -> Refusal {
        match result.unwrap_err() {
            Error::InvalidCertificate(refusal) => refusal,
            other => panic!("refused for another reason: {other}"),
        }
    }

    #[test]
    fn good_for_each_of_its_names_and_for_no_other() {
        let authority = Authority::new("Rehearsal CA").unwrap();
        let shown = authority.server(&["mail.hosting.test", "smtp.atelier.test"]).unwrap();
        verify(&authority, &shown, "mail.hosting.test").unwrap();
        verify(&authority, &shown, "smtp.atelier.test").unwrap();
        let other = refusal(verify(&authority, &shown, "mail.other.test"));
        assert!(matches!(other, Refusal::NotValidForName | Refusal::NotValidForNameContext { .. }), "{other:?}");
    }

    #[test]
    fn out_of_date_in_both_directions() {
        let authority = Authority::new("Rehearsal CA").unwrap();
        let expired = authority.server_with(&["mail.hosting.test"], Flaw::Expired).unwrap();
        let seen = refusal(verify(&authority, &expired, "mail.hosting.test"));
        assert!(matches!(seen, Refusal::Expired | Refusal::ExpiredContext { .. }), "{seen:?}");
        let early = authority.server_with(&["mail.hosting.test"], Flaw::NotYetValid).unwrap();
        let seen = refusal(verify(&authority, &early, "mail.hosting.test"));
        assert!(matches!(seen, Refusal::NotValidYet | Refusal::NotValidYetContext { .. }), "{seen:?}");
    }

    #[test]
    fn another_authority_of_the_same_name_is_not_trusted() {
        let authority = Authority::new("Rehearsal CA").unwrap();
        let stranger = Authority::new("Rehearsal CA").unwrap();
        let shown = stranger.server(&["mail.hosting.test"]).unwrap();
        let seen = refusal(verify(&authority, &shown, "mail.hosting.test"));
        assert!(matches!(seen, Refusal::UnknownIssuer | Refusal::BadSignature), "{seen:?}");
    }

    #[test]
    fn a_certificate_without_a_name_is_refused() {
        let authority = Authority::new("Rehearsal CA").unwrap();
        assert!(matches!(authority.server(&[]), Err(CertificateError::NoName)));
        assert!(authority.pem().starts_with("-----BEGIN CERTIFICATE-----"));
    }
}
