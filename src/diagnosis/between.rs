//! Somebody sits between this machine and the host: a proxy that answers in its place, or one that takes STARTTLS out.
//! What gives it away is that it answers otherwise than the host's other ports, or just as it answers for other hosts.

use super::words;
use super::{Case, Verdict, VerdictCode, proves};
use crate::operator;
use crate::probe::finding::{Connect, ControlFinding, Ehlo, End, Phase, PortFinding, TlsTrouble};

/// The verdict if the conversation with the present port was not with the host, or not undisturbed.
pub(super) fn verdict(case: Case<'_>) -> Option<Verdict> {
    let present = case.present?;
    // Only a port that proves itself (verified TLS) says what the host is really like.
    let clean = case.others().find(|other| proves(other))?;
    same_for_everybody(case, present, clean)
        .or_else(|| other_certificate(case, present, clean))
        .or_else(|| without_starttls(case, present, clean))
}

/// An unrelated host says word for word the same on port 25, or is as silent after the connection: it is the network
/// that answers there.
fn same_for_everybody(case: Case<'_>, present: &PortFinding, clean: &PortFinding) -> Option<Verdict> {
    if present.port != 25 || present.tls_verified() {
        return None;
    }
    let mut others = case.network.second_hosts.iter().filter(|other| other.outcome == Connect::Open);
    let mut evidence = words::comparison(present, clean);
    if present.phase == Phase::Greeting && present.end == End::TimedOut {
        let silent = others.find(|other| other.greeting.is_none())?;
        evidence.push(words::greets_nobody(silent));
        return Some(words::verdict(case, VerdictCode::PortBlockedNetwork, evidence));
    }
    let said = |other: &&ControlFinding| {
        let mine = present.greeting.as_ref().map(|greeting| (greeting.code, &greeting.lines));
        mine.is_some() && other.greeting.as_ref().map(|greeting| (greeting.code, &greeting.lines)) == mine
    };
    let twin = others.find(said)?;
    evidence.push(words::greets_alike(twin));
    Some(words::verdict(case, VerdictCode::Intercepted, evidence))
}

/// A certificate that is neither the host's key nor for the host's name, under another name in EHLO.
fn other_certificate(case: Case<'_>, present: &PortFinding, clean: &PortFinding) -> Option<Verdict> {
    let (shown, real) = (present.tls.as_ref()?, clean.tls.as_ref()?);
    let stranger = matches!(shown.trouble, Some(TlsTrouble::Untrusted | TlsTrouble::WrongName));
    let other_key = shown.key_sha256.is_some() && shown.key_sha256 != real.key_sha256;
    let (ehlo, clean_ehlo) = (present.ehlo.as_ref()?, clean.last_ehlo()?);
    (stranger && other_key && !same_operator(ehlo, clean_ehlo)).then(|| {
        let mut evidence = words::tls(present, shown);
        evidence.extend(words::comparison(present, clean));
        words::verdict(case, VerdictCode::Intercepted, evidence)
    })
}

fn without_starttls(case: Case<'_>, present: &PortFinding, clean: &PortFinding) -> Option<Verdict> {
    let ehlo = present.ehlo.as_ref()?;
    if present.tls.is_some() || ehlo.starttls {
        return None;
    }
    let starred = |line: &String| line.contains("****");
    let mangled = present.greeting.as_ref().is_some_and(|greeting| greeting.lines.first().is_some_and(starred))
        || ehlo.keywords.iter().any(|word| word.starts_with("XXXX"));
    let same = clean.last_ehlo().is_some_and(|clean| same_operator(ehlo, clean));
    let code = if mangled || same { VerdictCode::StarttlsStripped } else { VerdictCode::Intercepted };
    Some(words::verdict(case, code, words::comparison(present, clean)))
}

/// Large hosts have a machine for each port: mx1.hosting.test and submit.hosting.test are the same people.
fn same_operator(one: &Ehlo, other: &Ehlo) -> bool {
    operator::same_operator(&one.name, &other.name)
}
