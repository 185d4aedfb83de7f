//! Causes at the host's door: its greeting, its TLS, whether it offers authentication.

use super::words;
use super::{Case, Verdict, VerdictCode, offers_password, proves};
use crate::account::{AuthSetting, TlsMode};
use crate::probe::finding::{End, Phase, PortFinding, TlsFinding, TlsTrouble};

/// Seconds that a certificate may be "not yet valid" before the clock is blamed rather than the host: none.
/// Dates of an expired certificate older than this are the host's neglect, not a wrong clock (one year).
const CLOCK_OFF_BY: i64 = 366 * 24 * 3600;

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
            let code = tls_code(trouble, found, case.network.now);
            return Some(words::verdict(case, code, words::tls(present, found)));
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

fn tls_code(trouble: &TlsTrouble, found: &TlsFinding, now: i64) -> VerdictCode {
    match trouble {
        TlsTrouble::NotYetValid => VerdictCode::ClockWrong,
        // Expired for years while the host still serves people: more likely this machine's clock runs ahead.
        TlsTrouble::Expired if found.not_after.is_some_and(|end| now - end > CLOCK_OFF_BY) => VerdictCode::ClockWrong,
        TlsTrouble::Expired => VerdictCode::CertExpired,
        TlsTrouble::WrongName => VerdictCode::CertName,
        TlsTrouble::Untrusted => VerdictCode::CertUntrusted,
        TlsTrouble::WrongMode => VerdictCode::WrongTlsMode,
        TlsTrouble::Handshake { .. } | TlsTrouble::TooOld => VerdictCode::TlsHandshake,
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
