//! Causes at the host's door: its greeting, its TLS, whether it offers authentication.

use super::clock::{self, Clock};
use super::words;
use super::{Case, Verdict, VerdictCode, offers_password, proves};
use crate::account::{AuthSetting, TlsMode};
use crate::probe::finding::{End, Phase, PortFinding, TlsTrouble};

/// The verdict if the host itself is the trouble.
pub(super) fn verdict(case: Case<'_>) -> Option<Verdict> {
    let present = case.present?;
    at_the_door(case, present).or_else(|| tls(case, present)).or_else(|| authentication(case, present))
}

fn at_the_door(case: Case<'_>, present: &PortFinding) -> Option<Verdict> {
    let code = match (present.phase, &present.end) {
        (Phase::Greeting, End::TimedOut) if waits_for_tls(case, present) => VerdictCode::WrongTlsMode,
        (Phase::Greeting, End::TimedOut) => VerdictCode::SlowServer,
        (Phase::Greeting, End::Closed | End::Refused) => VerdictCode::ServerRefusedClient,
        (Phase::Greeting | Phase::Ehlo | Phase::EhloAfterTls, End::Garbage { .. }) => VerdictCode::Uncertain,
        (Phase::Ehlo | Phase::EhloAfterTls | Phase::Starttls, End::TimedOut) => VerdictCode::Uncertain,
        (Phase::Ehlo | Phase::EhloAfterTls, End::Closed | End::Refused) => VerdictCode::ServerRefusedClient,
        _ => return None,
    };
    Some(words::verdict(case, code, words::conversation(present)))
}

/// A plain or STARTTLS account on 465 hears nothing because the server waits for TLS (RFC 8314).
fn waits_for_tls(case: Case<'_>, present: &PortFinding) -> bool {
    present.port == 465 && case.account.outgoing.tls != TlsMode::Implicit
}

fn tls(case: Case<'_>, present: &PortFinding) -> Option<Verdict> {
    if let Some(found) = &present.tls {
        if let Some(trouble) = &found.trouble {
            let clock = clock::compared(case);
            let mut evidence = words::tls(present, found);
            evidence.extend(words::clock(clock));
            return Some(words::verdict(case, tls_code(trouble, clock), evidence));
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

/// Dates are the host's business unless this machine's clock is known to be wrong. A certificate from the future is
/// one that nobody issues: where no host tells its time, the clock is the likelier cause.
fn tls_code(trouble: &TlsTrouble, clock: Clock) -> VerdictCode {
    match (trouble, clock) {
        (TlsTrouble::NotYetValid | TlsTrouble::Expired, Clock::OffBy(_)) => VerdictCode::ClockWrong,
        (TlsTrouble::NotYetValid, Clock::Unknown) => VerdictCode::ClockWrong,
        (TlsTrouble::NotYetValid, Clock::Right) => VerdictCode::CertUntrusted,
        (TlsTrouble::Expired, _) => VerdictCode::CertExpired,
        (TlsTrouble::WrongName, _) => VerdictCode::CertName,
        (TlsTrouble::Untrusted, _) => VerdictCode::CertUntrusted,
        (TlsTrouble::WrongMode, _) => VerdictCode::WrongTlsMode,
        (TlsTrouble::Handshake { .. } | TlsTrouble::TooOld, _) => VerdictCode::TlsHandshake,
    }
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
