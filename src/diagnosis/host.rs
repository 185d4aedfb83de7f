//! Causes at the host's door: its greeting, its TLS, whether it offers authentication.

use super::case::Case;
use super::certificate::{self, made_here};
use super::signs::{offers_password, only_inside_tls, proves};
use super::verdict::{Verdict, VerdictCode};
use super::{conclude, words};
use crate::account::{AuthSetting, TlsMode};
use crate::probe::finding::{End, Phase, PortFinding};

/// A greeting later than this is worth a word, though mail goes out.
const SLOW_GREETING_MS: u64 = 5_000;

/// A port that was waited for this long and said nothing will not greet.
const WAITED_MS: u64 = 20_000;

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
        (Phase::Greeting, End::Closed) | (Phase::Greeting | Phase::Ehlo | Phase::EhloAfterTls, End::Refused) => {
            turned_away(case, present)
        }
        (Phase::Greeting | Phase::Ehlo | Phase::EhloAfterTls, End::Garbage { .. }) => VerdictCode::Uncertain,
        (Phase::Ehlo | Phase::EhloAfterTls | Phase::Starttls, End::TimedOut) => VerdictCode::Uncertain,
        (Phase::Ehlo | Phase::EhloAfterTls, End::Closed) => VerdictCode::TemporaryFailure,
        _ => return None,
    };
    let mut evidence = words::conversation(present);
    if code == VerdictCode::PortRefusedByHost {
        evidence.extend(case.others().filter(|other| proves(other)).flat_map(words::conversation));
    }
    if words::login_service_down(present) {
        evidence.push(words::LOGIN_SERVICE.to_owned());
    }
    Some(conclude::verdict(case, code, evidence))
}

/// "Later" (RFC 5321 4.2.1) is not "no". And many hosts take no mail on 25 from addresses of homes or from those on a
/// list, while all their other ports do: only 25 is refused then.
fn turned_away(case: Case<'_>, present: &PortFinding) -> VerdictCode {
    match words::turned_away(present).map(|said| said.code) {
        Some(400..=499) => VerdictCode::TemporaryFailure,
        Some(500..) if present.port == 25 && case.others().any(proves) => VerdictCode::PortRefusedByHost,
        _ => VerdictCode::ServerRefusedClient,
    }
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
        conclude::verdict(case, VerdictCode::LocalInterception, evidence)
    })
}

fn tls(case: Case<'_>, present: &PortFinding) -> Option<Verdict> {
    if let Some(found) = &present.tls {
        if made_here(case.host, Some(found)) && !case.network.local_roots_allowed {
            return Some(conclude::verdict(case, VerdictCode::LocalInterception, words::tls(present, found)));
        }
        if let Some(trouble) = &found.trouble {
            let mut evidence = words::tls(present, found);
            evidence.extend(words::dates(case));
            evidence.extend(words::same_address_names(case, trouble));
            let code = certificate::code(case.host, trouble, case.network.now);
            return Some(conclude::verdict(case, code, evidence));
        }
        return None;
    }
    let refused_starttls = present.starttls.as_ref().is_some_and(|reply| reply.code != 220);
    if present.phase == Phase::Starttls && refused_starttls && case.wants_tls() {
        return Some(conclude::verdict(case, VerdictCode::TlsHandshake, words::conversation(present)));
    }
    if bare(case, present) {
        return Some(conclude::verdict(case, VerdictCode::AuthUnavailable, words::conversation(present)));
    }
    let needs_it = case.wants_tls() || case.account.outgoing.auth == AuthSetting::Password;
    let has_none = present.ehlo.as_ref().is_some_and(|ehlo| !ehlo.starttls);
    (needs_it && has_none && !case.others().any(proves))
        .then(|| conclude::verdict(case, VerdictCode::NoTls, words::ports(case)))
}

/// The account logs in inside STARTTLS only, which this port does not have, while others of the host do.
fn bare(case: Case<'_>, present: &PortFinding) -> bool {
    let logs_in = !matches!(case.account.outgoing.auth, AuthSetting::None);
    let has_none = present.phase == Phase::Done && present.ehlo.as_ref().is_some_and(|ehlo| !ehlo.starttls);
    logs_in && has_none && case.wants_tls() && case.others().any(proves)
}

fn authentication(case: Case<'_>, present: &PortFinding) -> Option<Verdict> {
    if only_inside_tls(case.account, present) {
        return Some(conclude::verdict(case, VerdictCode::AuthUnavailable, words::conversation(present)));
    }
    let ehlo = present.last_ehlo()?;
    let wants = case.account.outgoing.auth == AuthSetting::Password;
    let code = match (wants, ehlo.mechanisms.is_empty(), offers_password(ehlo)) {
        (true, true, _) => VerdictCode::AuthUnavailable,
        (true, false, false) => VerdictCode::AuthMethod,
        _ => return None,
    };
    Some(conclude::verdict(case, code, words::conversation(present)))
}
