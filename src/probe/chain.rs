//! What a certificate says, and what is wrong with a chain that is not believed: in words that name whose fault it is,
//! since "untrusted" sends people to the wrong person.

use std::net::IpAddr;

use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::finding::{TlsFinding, TlsTrouble};

/// Signatures that nobody accepts any more, and their names.
const WEAK_SIGNATURES: [(&str, &str); 6] = [
    ("1.2.840.113549.1.1.2", "MD2"),
    ("1.2.840.113549.1.1.4", "MD5"),
    ("1.2.840.113549.1.1.5", "SHA-1"),
    ("1.2.840.10040.4.3", "SHA-1"),
    ("1.2.840.10045.4.1", "SHA-1"),
    ("1.3.14.3.2.29", "SHA-1"),
];
/// CA/Browser Forum, Baseline Requirements 7.1.6.1: one of these stands in every certificate of a public issuer.
const PUBLIC_POLICIES: [&str; 4] = ["2.23.140.1.1", "2.23.140.1.2.1", "2.23.140.1.2.2", "2.23.140.1.2.3"];
/// RFC 6962 3.3: timestamps of certificate logs.
const TIMESTAMPS: &str = "1.3.6.1.4.1.11129.2.4.2";
/// The least that is accepted (NIST SP 800-131A, and ring).
const LEAST_RSA_BITS: usize = 2048;

/// The server's certificate and those of its issuers that it sent, in order up to the highest.
pub(super) struct Chain<'a> {
    path: Vec<X509Certificate<'a>>,
}

impl<'a> Chain<'a> {
    /// `None` if the server's own cannot be read.
    pub(super) fn new(leaf: &'a CertificateDer<'_>, sent: &'a [CertificateDer<'_>]) -> Option<Self> {
        let (_, leaf) = X509Certificate::from_der(leaf).ok()?;
        let mut others: Vec<_> = sent.iter().filter_map(|one| Some(X509Certificate::from_der(one).ok()?.1)).collect();
        let mut path = vec![leaf];
        while let Some(top) = path.last()
            && !is_own_issuer(top)
            && let Some(at) = others.iter().position(|one| one.subject().as_raw() == top.issuer().as_raw())
        {
            path.push(others.swap_remove(at));
        }
        Some(Self { path })
    }

    fn leaf(&self) -> &X509Certificate<'a> {
        &self.path[0]
    }

    fn top(&self) -> &X509Certificate<'a> {
        &self.path[self.path.len() - 1]
    }

    /// The name of the highest issuer that is spoken of.
    pub(super) fn ends_in(&self) -> &[u8] {
        self.top().issuer().as_raw()
    }

    /// It ends in somebody who was not sent.
    pub(super) fn is_open(&self) -> bool {
        !is_own_issuer(self.top())
    }

    /// What is wrong, if it is not believed because of `error`. `is_root` tells of the name of an issuer whether it is a
    /// root that is known, and `organisations` are those of the roots that the person gave.
    pub(super) fn trouble(
        &self,
        error: &CertificateError,
        now: i64,
        is_root: impl Fn(&[u8]) -> bool,
        organisations: &[String],
    ) -> TlsTrouble {
        use CertificateError as Wrong;
        match error {
            Wrong::Expired | Wrong::ExpiredContext { .. } => self.expired(now).unwrap_or_else(|| {
                // A root out of date, which servers do not send.
                TlsTrouble::IssuerExpired { issuer: self.top().issuer().to_string() }
            }),
            Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => TlsTrouble::NotYetValid,
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
                if has_names(self.leaf()) {
                    TlsTrouble::WrongName
                } else {
                    TlsTrouble::NoNames
                }
            }
            Wrong::UnknownIssuer => self.unknown_issuer(is_root, organisations),
            // Apple's and Windows' verifiers have no code of their own for dates, weakness and chains that end nowhere: the
            // certificates tell.
            Wrong::Other(_) => {
                let dated = self.expired(now).or_else(|| self.in_date(now).err());
                dated.or_else(|| self.too_weak()).unwrap_or_else(|| self.unknown_issuer(is_root, organisations))
            }
            _ => self.too_weak().unwrap_or(TlsTrouble::Untrusted),
        }
    }

    /// The server does not send the certificate that leads on to a root, or there is none that anybody knows.
    fn unknown_issuer(&self, is_root: impl Fn(&[u8]) -> bool, organisations: &[String]) -> TlsTrouble {
        let public = is_public(self.leaf());
        let ours = organisation(self.top().issuer()).is_some_and(|name| organisations.contains(&name));
        let incomplete = self.is_open() && !is_root(self.ends_in()) && (public || ours);
        if incomplete { TlsTrouble::ChainIncomplete } else { TlsTrouble::Untrusted }
    }

    fn expired(&self, now: i64) -> Option<TlsTrouble> {
        let late = |one: &&X509Certificate<'_>| one.validity().not_after.timestamp() < now;
        if late(&self.leaf()) {
            return Some(TlsTrouble::Expired);
        }
        let issuer = self.path.iter().find(late)?.subject().to_string();
        Some(TlsTrouble::IssuerExpired { issuer })
    }

    /// A key or a signature on the way that is too weak. Nobody looks at the signature of a root.
    pub(super) fn too_weak(&self) -> Option<TlsTrouble> {
        let weak = |one: &X509Certificate<'_>| {
            if let Ok(PublicKey::RSA(key)) = one.public_key().parsed()
                && key.key_size() < LEAST_RSA_BITS
            {
                return Some(format!("the key is RSA with {} bits", key.key_size()));
            }
            let oid = one.signature_algorithm.algorithm.to_id_string();
            let (_, name) = WEAK_SIGNATURES.iter().find(|(weak, _)| *weak == oid && !is_own_issuer(one))?;
            Some(format!("it is signed with {name}"))
        };
        self.path.iter().enumerate().find_map(|(at, one)| {
            let whose = if at == 0 { "the server's certificate".to_owned() } else { one.subject().to_string() };
            weak(one).map(|why| TlsTrouble::TooWeak { why: format!("{whose}: {why}") })
        })
    }

    /// Is it for this host? By its names if it has any; an old one without names by its common name.
    pub(super) fn fits(&self, host: &str) -> bool {
        let leaf = self.leaf();
        if let Ok(address) = host.parse::<IpAddr>() {
            return addresses(leaf).contains(&address)
                || (!has_names(leaf) && common_name(leaf).as_deref() == Some(host));
        }
        let names = if has_names(leaf) { dns_names(leaf) } else { common_name(leaf).into_iter().collect() };
        names.iter().any(|name| matches(name, host))
    }

    /// Writes into the finding what the server's certificate says.
    pub(super) fn describe(&self, finding: &mut TlsFinding) {
        let leaf = self.leaf();
        finding.names = dns_names(leaf);
        finding.common_name = common_name(leaf);
        finding.issuer = Some(leaf.issuer().to_string());
        finding.not_before = Some(leaf.validity().not_before.timestamp());
        finding.not_after = Some(leaf.validity().not_after.timestamp());
        finding.key_sha256 = Some(hex::encode(Sha256::digest(leaf.public_key().raw)));
    }

    /// The server's own is in date.
    pub(super) fn in_date(&self, now: i64) -> Result<(), TlsTrouble> {
        let validity = self.leaf().validity();
        if validity.not_after.timestamp() < now {
            Err(TlsTrouble::Expired)
        } else if now < validity.not_before.timestamp() {
            Err(TlsTrouble::NotYetValid)
        } else {
            Ok(())
        }
    }
}

/// The organisation in the subject of a certificate.
pub(super) fn subject_organisation(certificate: &CertificateDer<'_>) -> Option<String> {
    organisation(X509Certificate::from_der(certificate).ok()?.1.subject())
}

/// It is a certificate whose subject has this name.
pub(super) fn is_subject(certificate: &CertificateDer<'_>, name: &[u8]) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, one)| one.subject().as_raw() == name)
}

fn is_own_issuer(one: &X509Certificate<'_>) -> bool {
    one.subject().as_raw() == one.issuer().as_raw()
}

fn organisation(name: &x509_parser::x509::X509Name<'_>) -> Option<String> {
    name.iter_organization().next().and_then(|one| one.as_str().ok()).map(str::to_owned)
}

/// A public issuer has made it, or somebody who wants to look like one: this names a fault, and is no reason to believe.
fn is_public(leaf: &X509Certificate<'_>) -> bool {
    leaf.extensions().iter().any(|one| match one.parsed_extension() {
        ParsedExtension::CertificatePolicies(policies) => {
            policies.iter().any(|policy| PUBLIC_POLICIES.contains(&policy.policy_id.to_id_string().as_str()))
        }
        _ => one.oid.to_id_string() == TIMESTAMPS,
    })
}

fn general_names<'a>(leaf: &'a X509Certificate<'_>) -> impl Iterator<Item = &'a GeneralName<'a>> {
    let names = leaf.subject_alternative_name().ok().flatten();
    names.into_iter().flat_map(|names| names.value.general_names.iter())
}

fn dns_names(leaf: &X509Certificate<'_>) -> Vec<String> {
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    };
    general_names(leaf).filter_map(dns).collect()
}

fn addresses(leaf: &X509Certificate<'_>) -> Vec<IpAddr> {
    let address = |name: &GeneralName<'_>| match name {
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(IpAddr::from)
            .or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from))
            .ok(),
        _ => None,
    };
    general_names(leaf).filter_map(address).collect()
}

/// Names of hosts; an e-mail address among its names makes no difference.
fn has_names(leaf: &X509Certificate<'_>) -> bool {
    general_names(leaf).any(|name| matches!(name, GeneralName::DNSName(_) | GeneralName::IPAddress(_)))
}

fn common_name(leaf: &X509Certificate<'_>) -> Option<String> {
    leaf.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).map(str::to_owned)
}

/// RFC 9525 6.3: a star stands for the whole first label, and for no other.
fn matches(name: &str, host: &str) -> bool {
    let (name, host) = (name.strip_suffix('.').unwrap_or(name), host.strip_suffix('.').unwrap_or(host));
    match (name.strip_prefix("*."), host.split_once('.')) {
        (Some(domain), Some((label, rest))) => {
            !label.is_empty() && domain.contains('.') && domain.eq_ignore_ascii_case(rest)
        }
        _ => !name.is_empty() && name.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_label() {
        let fits = ["mail.hosting.test", "MAIL.hosting.test.", "*.hosting.test"];
        assert!(fits.iter().all(|name| matches(name, "mail.hosting.test")));
        for name in ["hosting.test", "*.test", "*", "*.mail.hosting.test", "m*.hosting.test", "", "*.hosting.test.x"] {
            assert!(!matches(name, "mail.hosting.test"), "{name}");
        }
        assert!(!matches("*.test", "hosting.test") && !matches("", ""));
    }
}
