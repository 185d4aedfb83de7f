//! The plain sentences: one summary a verdict, and the evidence lines. Everything a person reads about
//! a verdict is made here, so that it can be translated in one place.

use super::{Case, Verdict, VerdictCode};
use crate::account::{AuthSetting, TlsMode};
use crate::probe::finding::{
    Attempt, Connect, ControlFinding, End, HostFindings, HttpFinding, LoginFinding, Phase, PortFinding, Reply,
    Resolution, TlsFinding, TlsTrouble,
};

pub(super) const NO_ROUTE: &str = "this computer has no route to the internet";

/// Puts code, sentence and evidence together.
pub(super) fn verdict(case: Case<'_>, code: VerdictCode, mut evidence: Vec<String>) -> Verdict {
    if code == VerdictCode::Ok {
        evidence.extend(case.present.map(|present| {
            let reply = present.last_ehlo().map(|ehlo| ehlo.name.clone()).unwrap_or_default();
            format!("port {} answers as {reply} in {} ms", present.port, present.ms)
        }));
        evidence.extend(case.login.map(login).unwrap_or_default());
    }
    evidence.retain(|line| !line.is_empty());
    Verdict { code, summary: summary(case, code), evidence }
}

fn summary(case: Case<'_>, code: VerdictCode) -> String {
    let host = &case.account.outgoing.host;
    let port = case.account.outgoing.port;
    match code {
        VerdictCode::Ok => format!("Sending through {host} port {port} works."),
        VerdictCode::Offline => "This computer is not connected to the internet.".to_owned(),
        VerdictCode::CaptivePortal => {
            "The network wants you to log in on its own web page before it lets anything through.".to_owned()
        }
        VerdictCode::BadHostname => format!("There is no mail server called {host}."),
        VerdictCode::DnsFault => format!("The network could not say where {host} is."),
        VerdictCode::PortBlockedNetwork => format!(
            "The network you are on blocks port {port}. Providers do this against spam, or when they think a computer is infected; it is not a fault of your mail program."
        ),
        VerdictCode::PortBlockedExceptRelay => format!(
            "The network you are on blocks port {port} to all servers but its own. Providers do this against spam; it is not a fault of your mail program."
        ),
        VerdictCode::VpnBlock => {
            let name = case.network.vpn.as_deref().unwrap_or("in use");
            format!("The VPN ({name}) that this computer uses blocks port {port}. Your own network is not the cause.")
        }
        VerdictCode::ServerPortClosed => {
            format!("{host} no longer takes mail on port {port}. Your internet provider is not the cause.")
        }
        VerdictCode::ServerUnreachable => format!("{host} does not answer at all, while the internet works."),
        VerdictCode::Ipv6Broken => {
            format!("The network promises IPv6 to {host} but does not deliver it. Sending works, after a wait.")
        }
        VerdictCode::Intercepted => {
            format!("Another server answers on port {port} in the place of {host}. Your mail would pass through it.")
        }
        VerdictCode::StarttlsStripped => {
            format!("Something on the way removes the encryption from port {port} of {host}.")
        }
        VerdictCode::UseSubmission => {
            format!("Ports {port} and 26 of {host} do not get through from here; its submission port does.")
        }
        VerdictCode::NetworkBlocksMail => {
            "The network you are on lets no outgoing mail through, on any port.".to_owned()
        }
        VerdictCode::RelayUnsafe => {
            let domain = case.sender_domain().unwrap_or("your domain");
            format!("No port of {host} gets through, and mail of {domain} by your provider's own server would be refused.")
        }
        VerdictCode::LocalInterception => {
            format!("A security program on this computer, or your organisation, reads the connection to {host}.")
        }
        VerdictCode::LocalFirewall => {
            format!("A firewall or security program on this computer blocks port {port}.")
        }
        VerdictCode::NoTls => format!("{host} offers no encryption for outgoing mail on any port."),
        VerdictCode::TlsHandshake => format!("{host} breaks off when encryption begins on port {port}."),
        VerdictCode::CertExpired => {
            format!("The certificate of {host} is not valid on this day. Its operator must renew it.")
        }
        VerdictCode::CertUntrusted => format!("The certificate of {host} was not issued by anybody this computer trusts."),
        VerdictCode::ClockWrong => "The date of this computer and the certificate of the mail server do not fit together. Check the date first.".to_owned(),
        VerdictCode::CertName => format!("The certificate that {host} shows is for another name."),
        VerdictCode::WrongTlsMode => {
            format!("The kind of encryption set in the mail program does not fit port {port} of {host}.")
        }
        VerdictCode::SlowServer => {
            format!("{host} picks up on port {port} but takes long to greet. Some servers wait up to 30 seconds on purpose.")
        }
        VerdictCode::ServerRefusedClient => format!("{host} turns this connection away before anything is said."),
        VerdictCode::PortRefusedByHost => {
            format!("{host} turns this connection away on port {port} only; another port of it takes mail with a login.")
        }
        VerdictCode::LocalProgram => {
            format!("This account sends through a program on this computer ({host} port {port}), not straight to a mail host.")
        }
        VerdictCode::AuthUnavailable => format!("{host} does not offer a login on port {port}."),
        VerdictCode::BadCredentials => format!("{host} does not accept the password."),
        VerdictCode::AuthMethod => format!("{host} wants another way to log in than a password."),
        VerdictCode::AuthRequired => format!("{host} takes mail on port {port} only after a login."),
        VerdictCode::FromNotAllowed => format!("{host} does not let this login send from this address."),
        VerdictCode::TemporaryFailure => format!("{host} says: try again later."),
        VerdictCode::Uncertain => "What was seen does not fit together, so nothing is changed.".to_owned(),
    }
}

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

pub(super) fn greets_alike(other: &ControlFinding) -> String {
    format!("port {} of another host, {}, greets with the same words", other.port, other.host)
}

pub(super) fn greets_nobody(other: &ControlFinding) -> String {
    format!("port {} of another host, {}, picks up and does not greet either", other.port, other.host)
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
        End::Refused => lines.push(format!("port {}: refused {}", finding.port, phase(finding.phase))),
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

/// The server's answers to login and sender.
pub(super) fn login(login: &LoginFinding) -> Vec<String> {
    let auth = login.auth.as_ref().map(|answer| format!("port {} to the login: {}", login.port, reply(answer)));
    let mail = login.mail_from.as_ref().map(|answer| format!("port {} to the sender: {}", login.port, reply(answer)));
    auth.into_iter().chain(mail).collect()
}

/// What a proof without a login leaves open: many servers refuse to relay only when they hear the recipient, and no
/// recipient is named to a server in a test.
pub(super) fn not_asked(case: Case<'_>) -> Vec<String> {
    let port = case.account.outgoing.port;
    let offers = case.present.and_then(PortFinding::last_ehlo).is_some_and(|ehlo| !ehlo.mechanisms.is_empty());
    (case.account.outgoing.auth == AuthSetting::None && offers)
        .then(|| format!("port {port} offers a login that is not used: it may still refuse mail to other hosts"))
        .into_iter()
        .collect()
}

/// A proof that was cut off before any answer.
pub(super) fn login_end(login: &LoginFinding) -> String {
    let how = if login.end == End::TimedOut { "no answer came" } else { "the server broke off" };
    format!("port {} to the login or the sender: {how}", login.port)
}
