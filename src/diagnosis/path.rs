//! Causes between this machine and the host: the network, the name, the way to the port.

use super::case::{Case, best_outcome};
use super::conclude;
use super::signs::{answered_again, may_be_banned, proves};
use super::verdict::{Verdict, VerdictCode};
use super::words::{self, outcome_words};
use crate::probe::finding::{Connect, HttpFinding, PortFinding, Resolution};

/// The verdict if the way to the present port is the trouble.
pub(super) fn verdict(case: Case<'_>) -> Option<Verdict> {
    network(case).or_else(|| name(case)).or_else(|| portal(case)).or_else(|| banned(case)).or_else(|| to_the_port(case))
}

/// It answered in this run and now it does not: many hosts shut out an address that has knocked too often.
fn banned(case: Case<'_>) -> Option<Verdict> {
    case.host.fell_silent.then(|| {
        let mut evidence = words::ports(case);
        evidence.push(words::BANNED.to_owned());
        conclude::verdict(case, VerdictCode::ServerUnreachable, evidence)
    })
}

fn network(case: Case<'_>) -> Option<Verdict> {
    let nothing = !case.host_answers() && !case.network.another_host_answered;
    let second_open = case.second_host() == Some(Connect::Open);
    (nothing && !second_open && !case.network.has_route).then(|| {
        let evidence = vec![words::NO_ROUTE.to_owned(), words::resolution(case.host)];
        conclude::verdict(case, VerdictCode::Offline, evidence)
    })
}

fn name(case: Case<'_>) -> Option<Verdict> {
    let code = match case.host.resolution {
        Resolution::Addresses { .. } => return None,
        Resolution::NoSuchName => VerdictCode::BadHostname,
        // A portal's resolver gives everybody the portal's address.
        Resolution::Hijacked { .. } if answered_by_another(case).is_some() => VerdictCode::CaptivePortal,
        Resolution::Silent { .. } | Resolution::Hijacked { .. } => VerdictCode::DnsFault,
    };
    let mut evidence = vec![words::resolution(case.host)];
    evidence.extend(answered_by_another(case).map(words::http));
    Some(conclude::verdict(case, code, evidence))
}

/// The page that the policy names answers 204; anything else is said by somebody in its place.
fn answered_by_another<'a>(case: Case<'a>) -> Option<&'a HttpFinding> {
    case.network.http.as_ref().filter(|page| page.status.is_some_and(|status| status != 204))
}

/// A network that wants a click on a page first. A port that proves itself is not behind one.
fn portal(case: Case<'_>) -> Option<Verdict> {
    let page = answered_by_another(case)?;
    (!case.host.ports.iter().any(proves))
        .then(|| conclude::verdict(case, VerdictCode::CaptivePortal, vec![words::http(page)]))
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
        return Some(conclude::verdict(case, VerdictCode::LocalFirewall, evidence));
    }
    let second = case.second_host();
    evidence.push(words::second_host(case));
    if let Some(again) = answered_again(case) {
        evidence.push(words::repeat(again));
        return Some(conclude::verdict(case, VerdictCode::Uncertain, evidence));
    }
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
    if code == VerdictCode::ServerUnreachable {
        evidence.extend(may_be_banned(case).map(words::banned_since));
    }
    let code = by_whom(case, code, &mut evidence);
    Some(conclude::verdict(case, code, evidence))
}

/// A block is somebody's: the VPN's if the packets leave through one, else the network's; and some networks let mail
/// out by their own relay only.
fn by_whom(case: Case<'_>, code: VerdictCode, evidence: &mut Vec<String>) -> VerdictCode {
    use VerdictCode::{NetworkBlocksMail, PortBlockedNetwork, UseSubmission};
    if !matches!(code, PortBlockedNetwork | NetworkBlocksMail | UseSubmission) {
        return code;
    }
    if let Some(vpn) = &case.network.vpn {
        evidence.push(words::vpn(vpn));
        return VerdictCode::VpnBlock;
    }
    let Some(relay) = case.network.relays.first() else { return code };
    evidence.push(words::relay(relay));
    let refusal = case.sender_domain().and_then(|domain| case.network.relay_refusals.get(domain));
    match (code, refusal) {
        (NetworkBlocksMail, Some(why)) => {
            evidence.push(why.clone());
            VerdictCode::RelayUnsafe
        }
        (PortBlockedNetwork, _) if case.account.outgoing.port == 25 => VerdictCode::PortBlockedExceptRelay,
        _ => code,
    }
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
        conclude::verdict(case, VerdictCode::Ipv6Broken, evidence)
    })
}
