//! Whom we believe: the trust store of the operating system, and beside it what was given with `--ca`. The two are asked
//! apart, since not every system takes anchors of others into its own decision (Windows before 8.1, Wine).

use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::chain::{Chain, is_subject, subject_organisation};
use super::finding::TlsTrouble;

type Roots = Option<Arc<WebPkiServerVerifier>>;

/// The platform's anchors and those that were given.
#[derive(Debug)]
pub(super) struct Anchors {
    provider: Arc<CryptoProvider>,
    /// `None`: this machine has no trust store.
    platform: Option<Verifier>,
    /// `None`: no anchors were given.
    extra: Roots,
    given: Vec<CertificateDer<'static>>,
    /// The public roots and those that were given: what is verified beyond them rests on this machine alone. Built when
    /// first needed; `None` inside if it cannot be built, and then everything rests on this machine.
    known: OnceLock<Roots>,
    /// The roots that this machine has, to be asked without what it knows from elsewhere.
    machine: OnceLock<Roots>,
}

/// Who vouches for a certificate that is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vouched {
    /// A public root, or what was given with `--ca`.
    Known,
    /// Only a root that this machine has.
    ThisMachine,
}

impl Anchors {
    /// Fails if something given is no certificate at all. One that cannot be an anchor is believed by its bytes.
    pub(super) fn new(given: &[CertificateDer<'static>], provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let platform = Verifier::new(Arc::clone(provider))
            .inspect_err(|error| tracing::warn!("this machine's trust store cannot be used: {error}"))
            .ok();
        let mut roots = RootCertStore::empty();
        for anchor in given {
            let added = roots.add(anchor.clone());
            if Chain::new(anchor, &[]).is_none() {
                added?;
            }
        }
        let extra = match roots.is_empty() {
            true => None,
            false => Some(
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                    .build()
                    .map_err(|error| Error::General(error.to_string()))?,
            ),
        };
        let (known, machine) = (OnceLock::new(), OnceLock::new());
        Ok(Self { provider: Arc::clone(provider), platform, extra, given: given.to_vec(), known, machine })
    }

    /// This very certificate was given.
    pub(super) fn is_given(&self, leaf: &CertificateDer<'_>) -> bool {
        self.given.iter().any(|given| given.as_ref() == leaf.as_ref())
    }

    /// Who vouches for it, or what is wrong.
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<Vouched, TlsTrouble> {
        let chain = Chain::new(leaf, sent).ok_or(TlsTrouble::Untrusted)?;
        if self.is_given(leaf) {
            return by_its_bytes(&chain, name, now);
        }
        self.verify(&chain, leaf, sent, name, ocsp, now)?.map_err(|error| match error {
            Error::InvalidCertificate(error) => {
                let organisations: Vec<_> = self.given.iter().filter_map(subject_organisation).collect();
                chain.trouble(&error, seconds(now), |name| self.is_root(name), &organisations)
            }
            other => TlsTrouble::Handshake { why: other.to_string() },
        })
    }

    /// Good if either believes it. Otherwise the answer of whoever knows the issuer.
    fn verify(
        &self,
        chain: &Chain<'_>,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<Result<Vouched, Error>, TlsTrouble> {
        let by_platform = match &self.platform {
            Some(platform) => platform.verify_server_cert(leaf, sent, name, ocsp, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        let refused = match by_platform {
            Ok(_) => return self.vouched(chain, leaf, sent, name, now).map(Ok),
            Err(refused) => refused,
        };
        let Some(extra) = &self.extra else { return Ok(Err(refused)) };
        Ok(match extra.verify_server_cert(leaf, sent, name, ocsp, now) {
            Ok(_) => Ok(Vouched::Known),
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Err(refused),
            Err(error) => Err(error),
        })
    }

    /// Who vouches for what the platform believes. A mark in the certificate is no voucher: anybody can write one.
    fn vouched(
        &self,
        chain: &Chain<'_>,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<Vouched, TlsTrouble> {
        let verify =
            |roots: &Arc<WebPkiServerVerifier>| roots.verify_server_cert(leaf, sent, name, &[], now).map(|_| ());
        let public = || webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().chain(&self.given).cloned().collect();
        if self.known.get_or_init(|| self.roots(public)).as_ref().is_some_and(|known| verify(known).is_ok()) {
            return Ok(Vouched::Known);
        }
        let own = || rustls_native_certs::load_native_certs().certs;
        let by_machine = self.machine.get_or_init(|| self.roots(own)).as_ref().map(verify);
        match by_machine {
            // The system has filled in what the server did not send. Others cannot, and nobody knows for whom it stands.
            Some(Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))) if chain.is_open() => {
                Err(TlsTrouble::ChainIncomplete)
            }
            _ => Ok(Vouched::ThisMachine),
        }
    }

    fn roots(&self, certificates: impl FnOnce() -> Vec<CertificateDer<'static>>) -> Roots {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates());
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider)).build().ok()
    }

    /// A root that is public or was given has this name.
    fn is_root(&self, name: &[u8]) -> bool {
        webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().chain(&self.given).any(|root| is_subject(root, name))
    }
}

/// A certificate that was given for this very host needs nothing but its name and its dates: what libraries ask of the
/// certificates of authorities (a version, names, not to be an authority itself) is no reason to refuse it.
fn by_its_bytes(chain: &Chain<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<Vouched, TlsTrouble> {
    chain.in_date(seconds(now))?;
    if chain.fits(&name.to_str()) { Ok(Vouched::Known) } else { Err(TlsTrouble::WrongName) }
}

fn seconds(now: UnixTime) -> i64 {
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `tests/certificates`, good until 2046.
    macro_rules! certificate {
        ($name:literal) => {
            CertificateDer::from(&include_bytes!(concat!("../../tests/certificates/", $name, ".der"))[..])
        };
    }

    const HOST: &str = "mail.hosting.test";
    /// January 2027.
    const NOW: UnixTime = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));

    fn anchors(given: &[CertificateDer<'static>]) -> Anchors {
        Anchors::new(given, &Arc::new(rustls::crypto::ring::default_provider())).unwrap()
    }

    fn judged(
        given: &[CertificateDer<'static>],
        shown: &[CertificateDer<'static>],
        host: &str,
    ) -> Result<Vouched, TlsTrouble> {
        let name = ServerName::try_from(host.to_owned()).unwrap();
        anchors(given).judge(&shown[0], &shown[1..], &name, &[], NOW)
    }

    #[test]
    fn what_is_wrong_has_its_own_name() {
        let root = [certificate!("root")];
        let wrong = |shown: &[CertificateDer<'static>]| judged(&root, shown, HOST).unwrap_err();
        let why = "the server's certificate: it is signed with SHA-1".to_owned();
        assert_eq!(wrong(&[certificate!("sha1")]), TlsTrouble::TooWeak { why });
        assert_eq!(wrong(&[certificate!("cn-only")]), TlsTrouble::NoNames);
        assert_eq!(wrong(&[certificate!("below")]), TlsTrouble::ChainIncomplete);
        assert_eq!(wrong(&[certificate!("private")]), TlsTrouble::Untrusted);
        assert_eq!(wrong(&[certificate!("private"), certificate!("other")]), TlsTrouble::Untrusted);
        assert_eq!(wrong(&[certificate!("v1")]), TlsTrouble::Untrusted);
        assert_eq!(wrong(&[CertificateDer::from(&b"rubbish"[..])]), TlsTrouble::Untrusted);
        let issuer = "O=Hosting Test, CN=Hosting Test Old Issuer".to_owned();
        assert_eq!(wrong(&[certificate!("under-old"), certificate!("old")]), TlsTrouble::IssuerExpired { issuer });
        // A public issuer that was not sent, and its look: no reason to believe, but the better name for the fault.
        assert_eq!(judged(&[], &[certificate!("public")], HOST), Err(TlsTrouble::ChainIncomplete));
        assert_eq!(judged(&[], &[certificate!("logged"), certificate!("other")], HOST), Err(TlsTrouble::Untrusted));

        let whole = [certificate!("below"), certificate!("mid")];
        assert_eq!(judged(&root, &whole, HOST), Ok(Vouched::Known));
        assert_eq!(judged(&root, &whole, "smtp.hosting.test"), Err(TlsTrouble::WrongName));
        // Its chain is right. That its key is weak shows in the handshake.
        assert_eq!(judged(&root, &[certificate!("rsa1024")], HOST), Ok(Vouched::Known));
        let weak = Chain::new(&certificate!("rsa1024"), &[]).unwrap().too_weak();
        let why = "the server's certificate: the key is RSA with 1024 bits".to_owned();
        assert_eq!(weak, Some(TlsTrouble::TooWeak { why }));
    }

    /// The person has given this certificate for this host: nothing but name and date is asked of it.
    #[test]
    fn what_was_given_is_believed_by_its_bytes() {
        for given in [certificate!("v1"), certificate!("selfca"), certificate!("below"), certificate!("cn-only")] {
            let shown = std::slice::from_ref(&given);
            assert_eq!(judged(shown, shown, HOST), Ok(Vouched::Known));
            assert_eq!(judged(shown, shown, "mail.elsewhere.test"), Err(TlsTrouble::WrongName));
            let later = UnixTime::since_unix_epoch(std::time::Duration::from_secs(3_000_000_000));
            let name = ServerName::try_from(HOST).unwrap();
            assert_eq!(anchors(shown).judge(&given, &[], &name, &[], later), Err(TlsTrouble::Expired));
            // Another one with the same name is another one.
            assert!(judged(shown, &[certificate!("sha1")], HOST).is_err());
        }
        let rubbish = CertificateDer::from(&b"rubbish"[..]);
        assert!(Anchors::new(&[rubbish], &Arc::new(rustls::crypto::ring::default_provider())).is_err());
    }

    /// What the platform believes, and only this machine vouches for, is told as that, whatever marks it carries.
    #[test]
    fn a_mark_in_a_certificate_is_no_voucher() {
        let vouched = |given: &[CertificateDer<'static>],
                       machine: &[CertificateDer<'static>],
                       shown: &[CertificateDer<'static>]| {
            let anchors = anchors(given);
            anchors.machine.get_or_init(|| anchors.roots(|| machine.to_vec()));
            let chain = Chain::new(&shown[0], &shown[1..]).unwrap();
            anchors.vouched(&chain, &shown[0], &shown[1..], &ServerName::try_from(HOST).unwrap(), NOW)
        };
        let (root, other) = ([certificate!("root")], [certificate!("other")]);
        assert_eq!(vouched(&[], &other, &[certificate!("logged")]), Ok(Vouched::ThisMachine));
        assert_eq!(vouched(&[], &root, &[certificate!("public"), certificate!("mid")]), Ok(Vouched::ThisMachine));
        assert_eq!(vouched(&other, &other, &[certificate!("logged")]), Ok(Vouched::Known));
        // The system knew an issuer that the server did not send.
        assert_eq!(vouched(&[], &root, &[certificate!("public")]), Err(TlsTrouble::ChainIncomplete));
        // Without roots to hold it against, it is this machine alone.
        assert_eq!(vouched(&[], &[], &[certificate!("logged")]), Ok(Vouched::ThisMachine));
        let closed = anchors(&other);
        closed.known.get_or_init(|| None);
        closed.machine.get_or_init(|| None);
        let leaf = certificate!("logged");
        let chain = Chain::new(&leaf, &[]).unwrap();
        let by = closed.vouched(&chain, &leaf, &[], &ServerName::try_from(HOST).unwrap(), NOW);
        assert_eq!(by, Ok(Vouched::ThisMachine));
    }
}
