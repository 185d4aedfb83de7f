//! Causes between this machine and the host: the network, the name, the way to the port.

use super::words::{self, outcome_words};
use super::{Case, Verdict, VerdictCode, best_outcome, proves};
use crate::probe::finding::{Connect, PortFinding, Resolution};

/// The verdict if the way to the present port is the trouble.
pub(super) fn verdict(case: Case<'_>) -> Option<Verdict> {
    network(case).or_else(|| name(case)).or_else(|| to_the_port(case)).or_else(|| between(case))
}

fn network(case: Case<'_>) -> Option<Verdict> {
    let nothing = !case.host_answers() && !case.network.another_host_answered;
    let second_open = case.second_host() == Some(Connect::Open);
    (nothing && !second_open && !case.network.has_route).then(|| {
        let evidence = vec![words::NO_ROUTE.to_owned(), words::resolution(case.host)];
        words::verdict(case, VerdictCode::Offline, evidence)
    })
}

fn name(case: Case<'_>) -> Option<Verdict> {
    let code = match case.host.resolution {
        Resolution::Addresses { .. } => return None,
        Resolution::NoSuchName => VerdictCode::BadHostname,
        Resolution::Silent { .. } | Resolution::Hijacked { .. } => VerdictCode::DnsFault,
    };
    Some(words::verdict(case, code, vec![words::resolution(case.host)]))
}

/// The port cannot be connected to.
fn to_the_port(case: Case<'_>) -> Option<Verdict> {
    let present = case.present?;
    let outcome = best_outcome(present);
    let mut evidence = words::ports(case);
    if present.connected() {
        return broken_ipv6(case, present);
    }
    if outcome == Connect::LocalDenied {
        return Some(words::verdict(case, VerdictCode::LocalFirewall, evidence));
    }
    let second = case.second_host();
    evidence.push(words::second_host(case));
    let another_outgoing = case.others().any(PortFinding::connected);
    let internet = case.network.another_host_answered || second == Some(Connect::Open);
    let code = match (another_outgoing, case.host_answers()) {
        (_, false) if internet => VerdictCode::ServerUnreachable,
        (_, false) => VerdictCode::Uncertain,
        (false, true) => match second {
            Some(Connect::Silent | Connect::Refused | Connect::Prohibited) => VerdictCode::NetworkBlocksMail,
            Some(Connect::Open) => VerdictCode::ServerPortClosed,
            _ if outcome == Connect::Silent => VerdictCode::NetworkBlocksMail,
            _ => VerdictCode::Uncertain,
        },
        (true, _) => blocked_here(case, outcome, second),
    };
    Some(words::verdict(case, code, evidence))
}

/// The present port is shut while another outgoing port of the host is not: who shut it?
fn blocked_here(case: Case<'_>, outcome: Connect, second: Option<Connect>) -> VerdictCode {
    let alternate_shut = case.others().any(|other| other.port == 26 && !other.connected());
    let submission_proves = case.others().any(|other| matches!(other.port, 587 | 465) && proves(other));
    if case.account.outgoing.port == 25 && alternate_shut && submission_proves {
        return VerdictCode::UseSubmission;
    }
    // Port 25 of a second host tells who shut port 25; about another port it tells nothing.
    match (case.account.outgoing.port, outcome, second) {
        (25, _, Some(Connect::Open)) => VerdictCode::ServerPortClosed,
        (_, Connect::Silent | Connect::Prohibited, _) => VerdictCode::PortBlockedNetwork,
        (25, Connect::Refused, Some(Connect::Refused | Connect::Prohibited | Connect::Silent)) => {
            VerdictCode::PortBlockedNetwork
        }
        (_, Connect::Refused, _) => VerdictCode::ServerPortClosed,
        _ => VerdictCode::Uncertain,
    }
}

fn broken_ipv6(case: Case<'_>, present: &PortFinding) -> Option<Verdict> {
    let dead = |outcome| matches!(outcome, Connect::Silent | Connect::Prohibited);
    let v6_dead = present.attempts.iter().any(|attempt| attempt.address.is_ipv6() && dead(attempt.outcome));
    let v4_open = present.attempts.iter().any(|attempt| attempt.address.is_ipv4() && attempt.outcome == Connect::Open);
    (v6_dead && v4_open).then(|| {
        let evidence = present.attempts.iter().map(|attempt| outcome_words(present.port, attempt)).collect();
        words::verdict(case, VerdictCode::Ipv6Broken, evidence)
    })
}

/// Somebody sits between: a proxy answers in the host's place, or STARTTLS was taken out.
fn between(case: Case<'_>) -> Option<Verdict> {
    let present = case.present?;
    // Only a port that proves itself (verified TLS) says what the host is really like.
    let clean = case.others().find(|other| proves(other))?;
    let ehlo = present.ehlo.as_ref()?;
    if present.tls.is_some() || ehlo.starttls {
        return None;
    }
    let mangled = present
        .greeting
        .as_ref()
        .is_some_and(|greeting| greeting.lines.first().is_some_and(|line| line.contains("****")))
        || ehlo.keywords.iter().any(|word| word.starts_with("XXXX"));
    let clean_name = clean.last_ehlo().map(|ehlo| ehlo.name.as_str()).unwrap_or_default();
    let same_name = ehlo.name.eq_ignore_ascii_case(clean_name);
    let code = if mangled || same_name { VerdictCode::StarttlsStripped } else { VerdictCode::Intercepted };
    Some(words::verdict(case, code, words::comparison(present, clean)))
}
