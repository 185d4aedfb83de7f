//! Causes at the host's door: its greeting, its TLS, whether it offers authentication.

use std::net::IpAddr;

use super::words;
use super::{Case, Verdict, VerdictCode, offers_password, proves};
use crate::account::{AuthSetting, TlsMode};
use crate::probe::finding::{End, HostFindings, Phase, PortFinding, Resolution, ServerDate, TlsFinding, TlsTrouble};

/// A greeting later than this is worth a word, though mail goes out.
const SLOW_GREETING_MS: u64 = 5_000;

/// A port that was waited for this long and said nothing will not greet.
const WAITED_MS: u64 = 20_000;

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

/// The verdict if the host itself is the trouble.
pub(super) fn verdict(case: Case<'_>) -> Option<Verdict> {
    let present = case.present?;
    at_the_door(case, present).or_else(|| tls(case, present)).or_else(|| authentication(case, present))
}

fn at_the_door(case: Case<'_>, present: &PortFinding) -> Option<Verdict> {
    let code = match (present.phase, &present.end) {
        (_, End::Complete) if greeted_late(present) => VerdictCode::SlowServer,
        (Phase::Greeting, End::TimedOut) if waits_for_tls(case, present) => VerdictCode::WrongTlsMode,
        (Phase::Greeting, End::TimedOut) if present.ms >= WAITED_MS => VerdictCode::Uncertain,
        (Phase::Greeting, End::TimedOut) => VerdictCode::SlowServer,
        (Phase::Greeting, End::Closed | End::Refused) => VerdictCode::ServerRefusedClient,
        (Phase::Greeting | Phase::Ehlo | Phase::EhloAfterTls, End::Garbage { .. }) => VerdictCode::Uncertain,
        (Phase::Ehlo | Phase::EhloAfterTls | Phase::Starttls, End::TimedOut) => VerdictCode::Uncertain,
        (Phase::Ehlo | Phase::EhloAfterTls, End::Closed | End::Refused) => VerdictCode::ServerRefusedClient,
        _ => return None,
    };
    Some(words::verdict(case, code, words::conversation(present)))
}

fn greeted_late(present: &PortFinding) -> bool {
    present.greeting.as_ref().is_some_and(|greeting| greeting.ms > SLOW_GREETING_MS)
}

/// A plain or STARTTLS account hears nothing where the server waits for TLS: on 465 always (RFC 8314), elsewhere if
/// the same port spoke TLS when it was asked to.
fn waits_for_tls(case: Case<'_>, present: &PortFinding) -> bool {
    let spoke =
        |seen: &PortFinding| seen.port == present.port && seen.tls_mode == TlsMode::Implicit && seen.tls_verified();
    case.account.outgoing.tls != TlsMode::Implicit && (present.port == 465 || case.host.ports.iter().any(spoke))
}

/// A move would lead to ports that only a root of this machine vouches for: that is said instead, and nothing moved.
pub(super) fn behind_a_local_root(case: Case<'_>, verdict: &Verdict) -> Option<Verdict> {
    if !verdict.code.may_change() || case.network.local_roots_allowed {
        return None;
    }
    let mut proven = case.host.ports.iter().filter(|seen| proves(seen)).peekable();
    let first = *proven.peek()?;
    let tls = first.tls.as_ref()?;
    proven.all(|seen| made_here(case.host, seen.tls.as_ref())).then(|| {
        let mut evidence = words::tls(first, tls);
        evidence.extend(verdict.evidence.clone());
        words::verdict(case, VerdictCode::LocalInterception, evidence)
    })
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

/// Every address of the host is one that only its own network has (RFC 1918, RFC 4193) or this machine's own.
fn at_home(host: &HostFindings) -> bool {
    let private = |address: &IpAddr| match address {
        IpAddr::V4(four) => four.is_private() || four.is_loopback() || four.is_link_local(),
        IpAddr::V6(six) => six.is_loopback() || six.is_unique_local() || six.is_unicast_link_local(),
    };
    matches!(&host.resolution, Resolution::Addresses { addresses, .. } if addresses.iter().all(private))
}

fn tls(case: Case<'_>, present: &PortFinding) -> Option<Verdict> {
    if let Some(found) = &present.tls {
        if made_here(case.host, Some(found)) && !case.network.local_roots_allowed {
            return Some(words::verdict(case, VerdictCode::LocalInterception, words::tls(present, found)));
        }
        if let Some(trouble) = &found.trouble {
            let mut evidence = words::tls(present, found);
            evidence.extend(words::dates(case));
            evidence.extend(words::same_address_names(case, trouble));
            return Some(words::verdict(case, tls_code(case, trouble), evidence));
        }
        return None;
    }
    let refused_starttls = present.starttls.as_ref().is_some_and(|reply| reply.code != 220);
    if present.phase == Phase::Starttls && refused_starttls && case.wants_tls() {
        return Some(words::verdict(case, VerdictCode::TlsHandshake, words::conversation(present)));
    }
    let needs_it = case.wants_tls() || case.account.outgoing.auth == AuthSetting::Password;
    let has_none = present.ehlo.as_ref().is_some_and(|ehlo| !ehlo.starttls);
    (needs_it && has_none && !case.others().any(proves))
        .then(|| words::verdict(case, VerdictCode::NoTls, words::ports(case)))
}

fn tls_code(case: Case<'_>, trouble: &TlsTrouble) -> VerdictCode {
    match (trouble, clock_is_off(case)) {
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
fn clock_is_off(case: Case<'_>) -> Option<bool> {
    let off = |date: &ServerDate| (date.seconds - case.network.now).abs() > CLOCK_OFF_BY;
    (!case.host.dates.is_empty()).then(|| case.host.dates.iter().all(off))
}

fn authentication(case: Case<'_>, present: &PortFinding) -> Option<Verdict> {
    let ehlo = present.last_ehlo()?;
    let wants = case.account.outgoing.auth == AuthSetting::Password;
    let code = match (wants, ehlo.mechanisms.is_empty(), offers_password(ehlo)) {
        (true, true, _) => VerdictCode::AuthUnavailable,
        (true, false, false) => VerdictCode::AuthMethod,
        _ => return None,
    };
    Some(words::verdict(case, code, words::conversation(present)))
}
