//! Somebody sits between this machine and the host: a proxy that answers in its place, or one that takes STARTTLS out.
//! That it answers otherwise than the host's other ports proves nothing: many hosts have another machine on their port
//! 25. What gives it away is that unrelated hosts do not answer as themselves there either.

use super::case::Case;
use super::signs::proves;
use super::verdict::{Verdict, VerdictCode};
use super::{conclude, words};
use crate::operator;
use crate::probe::finding::{Connect, ControlFinding, Ehlo, End, HostFindings, Phase, PortFinding, Reply, TlsTrouble};

/// The verdict if the conversation with the present port was not with the host, or not undisturbed.
pub(super) fn verdict(case: Case<'_>) -> Option<Verdict> {
    let present = case.present?;
    // Only a port that proves itself (verified TLS) says what the host is really like.
    let clean = case.others().find(|other| proves(other))?;
    silent_for_everybody(case, present, clean)
        .or_else(|| same_for_everybody(case, present, clean))
        .or_else(|| stranger(case, present, clean))
        .or_else(|| without_starttls(case, present, clean))
}

/// The present port is answered by another machine than the host's other ports, and nothing says that it is not the
/// host's own: a mail filter, a gateway.
pub(super) fn another_machine(case: Case<'_>) -> Option<String> {
    let present = case.present?;
    let clean = case.others().find(|other| proves(other))?;
    let name = other_name(present, clean)?;
    Some(words::another_machine(present.port, &name))
}

/// Port 25 answered in a way that somebody else might answer in the host's place: only what unrelated hosts do on their
/// port 25 can tell.
pub(super) fn in_doubt(host: &HostFindings) -> bool {
    pairs(host).any(|(present, clean)| {
        let bare = present.ehlo.as_ref().is_none_or(|ehlo| !ehlo.starttls);
        let odd = present.greeting.as_ref().is_none_or(|greeting| greeting.code != 220) || present.phase != Phase::Done;
        let foreign = present.tls.as_ref().is_some_and(|tls| tls.trouble.is_some());
        !present.tls_verified() && (bare || odd || foreign || other_name(present, clean).is_some())
    })
}

/// The names that answered on port 25 though they are not the host's.
pub(super) fn other_names(host: &HostFindings) -> Vec<String> {
    pairs(host).filter_map(|(present, clean)| other_name(present, clean)).collect()
}

/// Conversations with port 25, each beside one with a port that proves itself.
fn pairs(host: &HostFindings) -> impl Iterator<Item = (&PortFinding, &PortFinding)> {
    let clean = host.ports.iter().find(|seen| seen.port != 25 && proves(seen));
    let open = host.ports.iter().filter(|seen| seen.port == 25 && seen.connected());
    open.filter_map(move |present| Some((present, clean?)))
}

/// What an unrelated host shows on port 25.
enum Shown {
    /// It answers as itself.
    Itself,
    /// It greets as the one in doubt does.
    Alike,
    /// It does not answer, or not as a mail server does.
    Nothing,
}

/// What the unrelated hosts that could be asked show on port 25, beside `present`.
fn unrelated<'a>(case: Case<'a>, present: &PortFinding) -> Vec<(&'a ControlFinding, Shown)> {
    let asked = case.network.second_hosts.iter().filter(|other| other.resolved && other.port == 25);
    asked.map(|other| (other, shown(case, other, present))).collect()
}

fn shown(case: Case<'_>, other: &ControlFinding, present: &PortFinding) -> Shown {
    let talk = case.network.strangers.iter().find(|talk| talk.host == other.host);
    let Some(greeting) = other.greeting.as_ref().or(talk.and_then(|talk| talk.greeting.as_ref())) else {
        return Shown::Nothing;
    };
    let ehlo = talk.and_then(|talk| talk.ehlo.as_ref());
    let name = name(Some(greeting), ehlo);
    let same_words = |mine: &Reply| (mine.code, &mine.lines) == (greeting.code, &greeting.lines);
    let mine = self::name(present.greeting.as_ref(), present.ehlo.as_ref());
    if present.greeting.as_ref().is_some_and(same_words) {
        Shown::Alike
    } else if starred(greeting) {
        Shown::Nothing
    } else if same_people(&name, &other.host) || !same_people(&name, &mine) {
        Shown::Itself
    } else {
        Shown::Alike
    }
}

/// It picks up and says nothing, and an unrelated host does the same: the network that answers there lets nothing on.
/// A greeting that is let through, and silence from then on, is a proxy that holds the conversation up.
fn silent_for_everybody(case: Case<'_>, present: &PortFinding, clean: &PortFinding) -> Option<Verdict> {
    if present.port != 25 || present.end != End::TimedOut {
        return None;
    }
    let open = |other: &&ControlFinding| other.outcome == Connect::Open;
    let talk = |other: &ControlFinding| case.network.strangers.iter().find(|talk| talk.host == other.host);
    let mut others = case.network.second_hosts.iter().filter(open);
    let (code, other) = match present.phase {
        Phase::Greeting => (VerdictCode::PortBlockedNetwork, others.find(|other| other.greeting.is_none())?),
        Phase::Ehlo => {
            let mute = |talk: &PortFinding| talk.phase <= Phase::Ehlo && talk.end == End::TimedOut;
            (VerdictCode::Intercepted, others.find(|other| talk(other).is_some_and(mute))?)
        }
        _ => return None,
    };
    let mut evidence = words::comparison(present, clean);
    evidence.push(words::stranger(&other.host, "picks up and then is silent as well"));
    Some(conclude::verdict(case, code, evidence))
}

/// An unrelated host says word for word the same on port 25: it is the network that answers there.
fn same_for_everybody(case: Case<'_>, present: &PortFinding, clean: &PortFinding) -> Option<Verdict> {
    if present.port != 25 || present.tls_verified() {
        return None;
    }
    let mine = present.greeting.as_ref().filter(|greeting| !starred(greeting))?;
    let same = |other: &&ControlFinding| {
        other.greeting.as_ref().is_some_and(|said| (said.code, &said.lines) == (mine.code, &mine.lines))
    };
    let twin = case.network.second_hosts.iter().find(same)?;
    let mut evidence = words::comparison(present, clean);
    evidence.push(words::stranger(&twin.host, "greets with the same words"));
    Some(conclude::verdict(case, VerdictCode::Intercepted, evidence))
}

/// Another name than that of the host's other ports, without a certificate that vouches for it, while no unrelated host
/// answers as itself.
fn stranger(case: Case<'_>, present: &PortFinding, clean: &PortFinding) -> Option<Verdict> {
    let name = other_name(present, clean)?;
    let own = case.host.own_names.iter().any(|own| own.eq_ignore_ascii_case(&name));
    let unrelated = unrelated(case, present);
    let themselves = unrelated.iter().any(|(_, shown)| matches!(shown, Shown::Itself));
    if present.port != 25 || own || themselves || unrelated.is_empty() {
        return None;
    }
    let mut evidence = match &present.tls {
        Some(tls) => words::tls(present, tls),
        None => Vec::new(),
    };
    evidence.extend(words::comparison(present, clean));
    evidence.extend(unrelated.iter().map(|(other, shown)| match shown {
        Shown::Alike => words::stranger(&other.host, "is answered by the same server"),
        _ => words::stranger(&other.host, "does not answer as itself"),
    }));
    Some(conclude::verdict(case, VerdictCode::Intercepted, evidence))
}

/// The name that the present port gives itself, if it is neither the operator's of the host's other ports nor vouched
/// for by a certificate.
fn other_name(present: &PortFinding, clean: &PortFinding) -> Option<String> {
    if present.tls_verified() {
        return None;
    }
    // Under a certificate that is the host's own, or only out of date, it is the host.
    if let (Some(shown), Some(real)) = (&present.tls, &clean.tls) {
        let foreign = matches!(shown.trouble, Some(TlsTrouble::Untrusted | TlsTrouble::WrongName));
        if !foreign || (shown.key_sha256.is_some() && shown.key_sha256 == real.key_sha256) {
            return None;
        }
    }
    let greeting = present.greeting.as_ref().filter(|greeting| greeting.code == 220 && !starred(greeting))?;
    let name = name(Some(greeting), present.ehlo.as_ref());
    let real = clean.last_ehlo().map(|ehlo| ehlo.name.clone()).unwrap_or_default();
    // One that names itself as the host does, in one of the two places, is the host's.
    let said_first = self::name(Some(greeting), None);
    let host = &clean.host;
    let is_host = |said: &str| same_people(said, &real) || same_people(said, host);
    (is_name(&name) && !is_host(&name) && !is_host(&said_first)).then_some(name)
}

fn without_starttls(case: Case<'_>, present: &PortFinding, clean: &PortFinding) -> Option<Verdict> {
    let offered = present.ehlo.as_ref().is_some_and(|ehlo| ehlo.starttls);
    let heard = present.ehlo.is_some() || present.helo;
    if present.tls.is_some() || offered || !heard {
        return None;
    }
    let keywords = present.ehlo.iter().flat_map(|ehlo| &ehlo.keywords);
    let mangled =
        present.greeting.as_ref().is_some_and(starred) || keywords.into_iter().any(|word| word.starts_with("XXXX"));
    let mut evidence = words::comparison(present, clean);
    if !mangled {
        // A host may have no encryption on 25; that nobody has it there is the network's doing.
        let mut told = case.network.strangers.iter().filter_map(|talk| Some((talk, talk.ehlo.as_ref()?))).peekable();
        told.peek()?;
        if present.port != 25 || told.any(|(_, ehlo)| ehlo.starttls) {
            return None;
        }
        let bare = case.network.strangers.iter().filter(|talk| talk.ehlo.is_some());
        evidence.extend(bare.map(|talk| words::stranger(&talk.host, "offers no encryption either")));
    }
    Some(conclude::verdict(case, VerdictCode::StarttlsStripped, evidence))
}

fn starred(greeting: &Reply) -> bool {
    greeting.lines.first().is_some_and(|line| line.contains("****"))
}

/// What a server calls itself: in EHLO, else in its greeting (RFC 5321 4.2, 4.3.1).
fn name(greeting: Option<&Reply>, ehlo: Option<&Ehlo>) -> String {
    let greeted = || greeting.and_then(|greeting| greeting.lines.first()?.split_whitespace().next());
    let said = ehlo.map(|ehlo| ehlo.name.as_str()).filter(|name| is_name(name)).or_else(greeted);
    said.unwrap_or_default().trim_end_matches('.').to_ascii_lowercase()
}

fn is_name(name: &str) -> bool {
    name.contains('.') && !name.starts_with('[') && !name.contains('*')
}

/// Large hosts have a machine for each port: mx1.hosting.test and submit.hosting.test are the same people.
fn same_people(one: &str, other: &str) -> bool {
    is_name(one) && is_name(other) && operator::same_operator(one, other)
}
