//! The plain sentences of the evidence: what was seen, a line each. With the summaries beside it, everything a person
//! reads about a verdict is made here, so that it can be translated in one place.

use super::case::Case;
use super::signs::denied_sender;
use crate::account::{AuthSetting, TlsMode};
use crate::probe::finding::{
    Attempt, Connect, ControlFinding, End, HostFindings, HttpFinding, LoginFinding, Phase, PortFinding, Reply,
    Resolution, TlsFinding, TlsTrouble,
};

pub(super) const NO_ROUTE: &str = "this computer has no route to the internet";

pub(super) const BANNED: &str =
    "it answered a moment ago in this run and does not any more: it may have banned this address, and is left in peace";

/// The same over two runs.
pub(super) fn banned_since(seconds: u64) -> String {
    format!(
        "it answered here {} and does not any more: it may have banned this address, and is left in peace",
        ago(seconds)
    )
}

pub(super) fn ago(seconds: u64) -> String {
    match seconds / 60 {
        0 => "less than a minute ago".to_owned(),
        1 => "a minute ago".to_owned(),
        minutes => format!("{minutes} minutes ago"),
    }
}

pub(super) const LOGIN_SERVICE: &str =
    "a mail server ends the conversation like this when its own login service is not there";

pub(super) fn resolution(host: &HostFindings) -> String {
    match &host.resolution {
        Resolution::Addresses { addresses, mapped: true } => format!("{} is dialled at {}", host.host, list(addresses)),
        Resolution::Addresses { addresses, .. } => format!("{} is at {}", host.host, list(addresses)),
        Resolution::NoSuchName => format!("the name {} does not exist", host.host),
        Resolution::Silent { why } => format!("no answer to where {} is ({why})", host.host),
        Resolution::Hijacked { address } => format!("a made-up name has the same address {address} as {}", host.host),
    }
}

fn list(addresses: &[std::net::IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// One line a port: what became of it.
pub(super) fn ports(case: Case<'_>) -> Vec<String> {
    let mut lines: Vec<String> = case.host.ports.iter().map(port).collect();
    let open: Vec<String> = case
        .host
        .controls
        .iter()
        .filter(|control| control.outcome == Connect::Open)
        .map(|control| control.port.to_string())
        .collect();
    if !open.is_empty() {
        lines.push(format!("other ports of {} answer: {}", case.host.host, open.join(", ")));
    } else if !case.host.controls.is_empty() {
        lines.push(format!("no other port of {} answers", case.host.host));
    }
    lines
}

/// The answer of somebody in the place of a known page.
pub(super) fn http(page: &HttpFinding) -> String {
    let status = page.status.unwrap_or_default();
    match &page.location {
        Some(place) => format!("{} answers {status} and sends the browser to {place}", page.host),
        None => format!("{} answers {status} where it should answer 204", page.host),
    }
}

/// A second dial that was answered.
pub(super) fn repeat(again: &ControlFinding) -> String {
    format!("port {} of {}: open when it was dialled again, so the line loses packets", again.port, again.host)
}

pub(super) fn vpn(name: &str) -> String {
    format!("the way to the server leads through the VPN interface {name}")
}

pub(super) fn relay(relay: &ControlFinding) -> String {
    format!("port {} of the provider's own server, {}: open", relay.port, relay.host)
}

/// What date it is by this computer, and by others.
pub(super) fn dates(case: Case<'_>) -> Vec<String> {
    let mut lines: Vec<String> = case
        .host
        .dates
        .iter()
        .map(|told| format!("{} says it is{}", told.source, date(" ", Some(told.seconds))))
        .collect();
    if !lines.is_empty() {
        lines.push(format!("this computer says it is{}", date(" ", Some(case.network.now))));
    }
    lines
}

/// Names that would fit the certificate, where it is the name that does not.
pub(super) fn same_address_names(case: Case<'_>, trouble: &TlsTrouble) -> Option<String> {
    let names = &case.host.same_address_names;
    (*trouble == TlsTrouble::WrongName && !names.is_empty())
        .then(|| format!("at the same address, and named in the certificate: {}", names.join(", ")))
}

fn port(finding: &PortFinding) -> String {
    if finding.connected() {
        return conversation(finding).join("; ");
    }
    finding.attempts.iter().map(|attempt| outcome_words(finding.port, attempt)).collect::<Vec<_>>().join("; ")
}

pub(super) fn outcome_words(port: u16, attempt: &Attempt) -> String {
    let at = attempt.address;
    match attempt.outcome {
        Connect::Open => format!("port {port} at {at}: open after {} ms", attempt.ms),
        Connect::Silent => format!("port {port} at {at}: no answer to {} attempts in {} ms", attempt.tries, attempt.ms),
        Connect::Refused => format!("port {port} at {at}: refused after {} ms", attempt.ms),
        Connect::Prohibited => format!("port {port} at {at}: forbidden by a router on the way"),
        Connect::Unreachable => format!("port {port} at {at}: no way to this address"),
        Connect::LocalDenied => format!("port {port} at {at}: this computer did not let the connection out"),
        Connect::Superseded => format!("port {port} at {at}: another address was faster"),
        Connect::Other => format!("port {port} at {at}: failed"),
    }
}

pub(super) fn second_host(case: Case<'_>) -> String {
    case.network
        .second_hosts
        .iter()
        .map(|control| {
            let what = match (control.resolved, control.outcome) {
                (false, _) => "could not be asked",
                (true, Connect::Open) => "open",
                (true, Connect::Silent) => "no answer",
                (true, Connect::Refused) => "refused",
                (true, Connect::Prohibited) => "forbidden on the way",
                (true, Connect::Unreachable) => "no way to it",
                (true, _) => "failed",
            };
            format!("port {} of another host, {}: {what}", control.port, control.host)
        })
        .collect::<Vec<_>>()
        .join("; ")
}

/// How far the conversation came, with the server's own words.
pub(super) fn conversation(finding: &PortFinding) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(greeting) = &finding.greeting {
        let late = if greeting.ms > 5_000 { format!(" (after {} s)", greeting.ms / 1000) } else { String::new() };
        lines.push(format!("port {} greets: {}{late}", finding.port, reply(greeting)));
    }
    if let Some(ehlo) = finding.last_ehlo() {
        let login = if ehlo.mechanisms.is_empty() { "none".to_owned() } else { ehlo.mechanisms.join(" ") };
        let tls = match (&finding.tls, finding.tls_mode) {
            (Some(tls), _) if tls.verified => "verified",
            (Some(_), _) => "not verified",
            (None, TlsMode::None) if ehlo.starttls => "offered",
            (None, _) => "none",
        };
        lines.push(format!("port {}: encryption {tls}, login {login}", finding.port));
    }
    match &finding.end {
        End::Complete => {}
        End::TimedOut if finding.phase == Phase::Greeting => {
            lines.push(format!("port {}: open, but no greeting in {} s", finding.port, finding.ms.div_ceil(1000)));
        }
        End::TimedOut => lines.push(format!("port {}: silence {}", finding.port, phase(finding.phase))),
        End::Closed => lines.push(format!("port {}: closed {}", finding.port, phase(finding.phase))),
        End::Left => lines.push(format!("port {}: left {}", finding.port, phase(finding.phase))),
        End::Refused => {
            let said = finding.refusal.as_ref().map(|said| format!(": {}", reply(said))).unwrap_or_default();
            lines.push(format!("port {}: refused {}{said}", finding.port, phase(finding.phase)));
        }
        End::Garbage { seen } if seen.starts_with(|first: char| first.is_ascii_digit()) => lines.push(format!(
            "port {}: an answer that could not be read to its end, it begins with {seen:?}",
            finding.port
        )),
        End::Garbage { seen } => lines.push(format!("port {}: not a mail server, it said {seen:?}", finding.port)),
    }
    lines
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve => "at the name",
        Phase::Connect => "at the connection",
        Phase::Greeting => "before the greeting",
        Phase::Ehlo | Phase::EhloAfterTls => "after EHLO",
        Phase::Starttls => "after STARTTLS",
        Phase::Tls => "during the handshake",
        Phase::Auth => "at the login",
        Phase::MailFrom | Phase::Done => "after the login",
    }
}

pub(super) fn reply(reply: &Reply) -> String {
    format!("{} {}", reply.code, reply.lines.join(" / "))
}

pub(super) fn tls(finding: &PortFinding, tls: &TlsFinding) -> Vec<String> {
    let port = finding.port;
    let what = match &tls.trouble {
        None if tls.local_root => format!(
            "port {port}: certificate issued by {}, whom only this computer trusts",
            tls.issuer.as_deref().unwrap_or("an unknown issuer")
        ),
        None => format!("port {port}: certificate verified"),
        Some(TlsTrouble::Expired) => format!("port {port}: certificate expired{}", date(" on ", tls.not_after)),
        Some(TlsTrouble::NotYetValid) => {
            format!("port {port}: certificate valid only{}", date(" from ", tls.not_before))
        }
        Some(TlsTrouble::WrongName) => format!("port {port}: certificate is for {}", tls.names.join(", ")),
        Some(TlsTrouble::Untrusted) => {
            format!("port {port}: certificate issued by {}", tls.issuer.as_deref().unwrap_or("an unknown issuer"))
        }
        Some(TlsTrouble::Handshake { why }) => format!("port {port}: {why}"),
        Some(TlsTrouble::WrongMode) => format!("port {port}: the other side does not speak TLS at this point"),
        Some(TlsTrouble::ChainIncomplete) => format!(
            "port {port}: the server does not send the certificate of its issuer, {}",
            tls.issuer.as_deref().unwrap_or("who is not named")
        ),
        Some(TlsTrouble::IssuerExpired { issuer }) => {
            format!("port {port}: the certificate of the issuer {issuer} is out of date")
        }
        Some(TlsTrouble::TooWeak { why }) => format!("port {port}: the certificate is too weak ({why})"),
        Some(TlsTrouble::NoNames) => format!(
            "port {port}: the certificate has no DNS name, only the common name {}",
            tls.common_name.as_deref().unwrap_or("of nobody")
        ),
        Some(TlsTrouble::TooOld) => format!("port {port}: only TLS 1.0 or 1.1, which no current program accepts"),
    };
    vec![what]
}

fn date(lead: &str, seconds: Option<i64>) -> String {
    let stamp = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    stamp.map(|stamp| format!("{lead}{}", stamp.strftime("%Y-%m-%d"))).unwrap_or_default()
}

pub(super) fn comparison(present: &PortFinding, clean: &PortFinding) -> Vec<String> {
    let mut lines = conversation(present);
    lines.extend(conversation(clean));
    lines
}

/// The server's answers to login, sender and recipient.
pub(super) fn login(login: &LoginFinding) -> Vec<String> {
    let answers = [("login", &login.auth), ("sender", &login.mail_from), ("recipient elsewhere", &login.recipient)];
    let line = |(what, answer): (&str, &Option<Reply>)| {
        answer.as_ref().map(|answer| format!("port {} to the {what}: {}", login.port, reply(answer)))
    };
    // What is not about the sender says nothing of the account.
    let denied =
        denied_sender(login).map(|said| format!("port {} to the sender, at RCPT: {}", login.port, reply(said)));
    answers.into_iter().filter_map(line).chain(denied).collect()
}

/// What a proof without a login leaves open where no recipient could be asked about: many servers refuse to relay only
/// when they hear the recipient.
pub(super) fn not_asked(case: Case<'_>) -> Vec<String> {
    let port = case.account.outgoing.port;
    let offers = case.present.and_then(PortFinding::last_ehlo).is_some_and(|ehlo| !ehlo.mechanisms.is_empty());
    let asked = case.login.is_some_and(|login| login.recipient.is_some());
    (case.account.outgoing.auth == AuthSetting::None && offers && !asked)
        .then(|| format!("port {port} offers a login that is not used: it may still refuse mail to other hosts"))
        .into_iter()
        .collect()
}

/// A proof that was cut off before an answer.
pub(super) fn login_end(login: &LoginFinding) -> Option<String> {
    let how = match &login.end {
        End::Complete | End::Refused | End::Left => return None,
        End::TimedOut => "no answer came".to_owned(),
        End::Closed => "the server closed the connection without an answer".to_owned(),
        End::Garbage { seen } => format!("the server said {seen:?}, which is no answer"),
    };
    Some(format!("port {} to the login or the sender: {how}", login.port))
}

/// A port that greets, and closes instead of saying what it offers.
pub(super) fn login_service_down(finding: &PortFinding) -> bool {
    finding.end == End::Closed
        && matches!(finding.phase, Phase::Ehlo | Phase::EhloAfterTls)
        && (finding.greeting.as_ref().is_some_and(|greeting| greeting.code == 220))
}

/// The words with which a port turned the connection away: in its greeting, or in answer to EHLO.
pub(super) fn turned_away(finding: &PortFinding) -> Option<&Reply> {
    finding.refusal.as_ref().or(finding.greeting.as_ref()).filter(|said| said.code >= 400)
}

/// What is wrong with the TLS of a port that gets through, as one sentence.
pub(super) fn tls_in_the_way(host: &HostFindings, finding: &PortFinding, found: &TlsFinding) -> String {
    let what = tls(finding, found).join("; ");
    let what = what.strip_prefix(&format!("port {}: ", finding.port)).unwrap_or(&what);
    format!("Port {} of {} gets through, but it cannot be used: {what}.", finding.port, host.host)
}

/// How a port that gets through ended the conversation, as one sentence.
pub(super) fn in_the_way(host: &HostFindings, finding: &PortFinding) -> String {
    let (port, name) = (finding.port, &host.host);
    if let Some(said) = turned_away(finding) {
        return format!("Port {port} of {name} turns this connection away: {}", reply(said));
    }
    match (&finding.greeting, finding.end == End::TimedOut) {
        (None, true) => format!("Port {port} of {name} is open, but did not greet in {} s.", finding.ms.div_ceil(1000)),
        (None, false) => format!("Port {port} of {name} closes the connection without a word."),
        (Some(_), _) => format!(
            "Port {port} of {name} greets and then closes the connection, as a server does whose own login service is down."
        ),
    }
}

pub(super) fn another_machine(port: u16, name: &str) -> String {
    format!("another server of the host answers on port {port}: {name}")
}

/// What an unrelated host does on port 25, beside one that is in doubt.
pub(super) fn stranger(host: &str, what: &str) -> String {
    format!("port 25 of another host, {host}, {what}")
}
