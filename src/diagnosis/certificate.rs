//! Certificates and handshakes: what a trouble means for the account, and whether somebody on this machine made it.

use std::net::IpAddr;

use super::verdict::VerdictCode;
use crate::operator::is_public_name;
use crate::probe::finding::{HostFindings, Resolution, ServerDate, TlsFinding, TlsTrouble};

/// Clocks that differ by more than this are wrong (one day): certificates count in days.
const CLOCK_OFF_BY: i64 = 24 * 3600;

/// Words in the names of roots that security programs and filtering gateways put on the machines they guard.
const GUARDS: [&str; 15] = [
    "avast",
    "avg ",
    "kaspersky",
    "eset ",
    "bitdefender",
    "norton",
    "mcafee",
    "sophos",
    "dr.web",
    "g data",
    "f-secure",
    "zscaler",
    "fortinet",
    "netskope",
    "mail shield",
];

/// The certificate itself is what is wrong: the other ports of the host are likely to show the same.
pub fn is_of_the_certificate(trouble: &TlsTrouble) -> bool {
    !matches!(trouble, TlsTrouble::Handshake { .. } | TlsTrouble::WrongMode | TlsTrouble::TooOld)
}

/// What a trouble with TLS means.
pub(super) fn code(host: &HostFindings, trouble: &TlsTrouble, now: i64) -> VerdictCode {
    match (trouble, clock_is_off(host, now)) {
        (TlsTrouble::Expired | TlsTrouble::NotYetValid, Some(true)) => VerdictCode::ClockWrong,
        // Nobody puts up next year's certificate; a clock that fell back to its first day is common.
        (TlsTrouble::NotYetValid, None) => VerdictCode::ClockWrong,
        (TlsTrouble::NotYetValid, Some(false)) => VerdictCode::CertUntrusted,
        (TlsTrouble::Expired | TlsTrouble::IssuerExpired { .. }, _) => VerdictCode::CertExpired,
        (TlsTrouble::WrongName | TlsTrouble::NoNames, _) => VerdictCode::CertName,
        (TlsTrouble::Untrusted | TlsTrouble::ChainIncomplete | TlsTrouble::TooWeak { .. }, _) => {
            VerdictCode::CertUntrusted
        }
        (TlsTrouble::WrongMode, _) => VerdictCode::WrongTlsMode,
        (TlsTrouble::Handshake { .. } | TlsTrouble::TooOld, _) => VerdictCode::TlsHandshake,
    }
}

/// This computer's clock against those of servers; `None` if none of them told. One server may be wrong itself, so
/// a single one that agrees with this computer settles it.
fn clock_is_off(host: &HostFindings, now: i64) -> Option<bool> {
    let off = |date: &ServerDate| (date.seconds - now).abs() > CLOCK_OFF_BY;
    (!host.dates.is_empty()).then(|| host.dates.iter().all(off))
}

/// The certificate was made on this machine, or by a gateway that its owner trusts. A host within the own network may
/// well have its certificate from its own organisation: that is nobody in the middle.
pub(super) fn made_here(host: &HostFindings, tls: Option<&TlsFinding>) -> bool {
    let Some(tls) = tls else { return false };
    let issuer = tls.issuer.as_deref().unwrap_or_default().to_lowercase();
    let guard = GUARDS.iter().any(|word| issuer.contains(word));
    let untrusted_guard = guard && tls.trouble == Some(TlsTrouble::Untrusted);
    untrusted_guard || (tls.verified && tls.local_root && (guard || !at_home(host)))
}

/// Every address of the host is one that only its own network has (RFC 1918, RFC 4193) or this machine's own, and its name
/// is one that only its own network knows, or that the policy names: whoever reads along may answer for a public name, too.
fn at_home(host: &HostFindings) -> bool {
    if !host.named_by_policy && is_public_name(&host.host) {
        return false;
    }
    let private = |address: &IpAddr| match address {
        IpAddr::V4(four) => four.is_private() || four.is_loopback() || four.is_link_local(),
        IpAddr::V6(six) => six.is_loopback() || six.is_unique_local() || six.is_unicast_link_local(),
    };
    matches!(&host.resolution, Resolution::Addresses { addresses, .. } if addresses.iter().all(private))
}
