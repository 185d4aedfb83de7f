//! Whom we believe: the trust store of the operating system, and beside it the anchors given with `--ca`. The two are
//! asked apart, since not every system takes anchors of others into its own decision (Windows before 8.1, Wine).

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};
use rustls_platform_verifier::Verifier;

/// The platform's anchors and these.
#[derive(Debug)]
pub(super) struct Anchors {
    /// `None`: this machine has no trust store.
    platform: Option<Verifier>,
    /// `None`: no anchors were given.
    extra: Option<Arc<WebPkiServerVerifier>>,
}

impl Anchors {
    /// Fails if an extra anchor is not a certificate that can be one.
    pub(super) fn new(extra: &[CertificateDer<'static>], provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let platform = Verifier::new(Arc::clone(provider))
            .inspect_err(|error| tracing::warn!("this machine's trust store cannot be used: {error}"))
            .ok();
        let mut roots = RootCertStore::empty();
        for anchor in extra {
            roots.add(anchor.clone())?;
        }
        let extra = match roots.is_empty() {
            true => None,
            false => Some(
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                    .build()
                    .map_err(|error| Error::General(error.to_string()))?,
            ),
        };
        Ok(Self { platform, extra })
    }

    /// Good if either believes it. Otherwise the answer of whoever knows the issuer.
    pub(super) fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let by_platform = match &self.platform {
            Some(platform) => platform.verify_server_cert(leaf, intermediates, name, ocsp, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        let (Err(refused), Some(extra)) = (&by_platform, &self.extra) else { return by_platform };
        match extra.verify_server_cert(leaf, intermediates, name, ocsp, now) {
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Err(refused.clone()),
            by_extra => by_extra,
        }
    }
}
