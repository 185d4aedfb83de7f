//! One plain sentence a verdict, with the server's own words wherever it refused.

use super::case::Case;
use super::signs;
use super::verdict::VerdictCode;
use super::words::{ago, login_service_down, reply, turned_away};
use crate::account::{SubmissionServer, TlsMode};
use crate::probe::finding::{End, Phase, PortFinding, Reply};

/// More of what a server says than this is not worth reading in a sentence.
const LONGEST_WORDS: usize = 300;

/// What the verdict means.
pub(super) fn summary(case: Case<'_>, code: VerdictCode) -> String {
    let sentence = sentence(case, code);
    match refusal(case, code) {
        Some(said) => format!("{sentence} It says: {}", short(&reply(said))),
        None => sentence,
    }
}

fn short(said: &str) -> String {
    match said.char_indices().nth(LONGEST_WORDS) {
        Some((end, _)) => format!("{}..", &said[..end]),
        None => said.to_owned(),
    }
}

/// The refusal that the verdict rests on.
fn refusal<'a>(case: Case<'a>, code: VerdictCode) -> Option<&'a Reply> {
    use VerdictCode::*;
    let at_the_door = || case.present.and_then(turned_away);
    let at_login = || {
        let login = case.login?;
        let said =
            [&login.auth, &login.mail_from, &login.recipient].into_iter().flatten().find(|said| said.code >= 400);
        said.or_else(|| signs::denied_sender(login))
    };
    match code {
        ServerRefusedClient | PortRefusedByHost => at_the_door(),
        TemporaryFailure => at_the_door().or_else(at_login),
        BadCredentials | CramMd5Refused | AppPasswordNeeded | AccountHeld | AuthMethod | PasswordLoginEnded
        | AuthRequired | FromNotAllowed => at_login(),
        TlsHandshake => case.present.and_then(|present| present.starttls.as_ref()).filter(|said| said.code >= 400),
        _ => None,
    }
}

/// It was waited for as long as mail servers take at most, and did not greet.
fn says_nothing(present: &PortFinding) -> bool {
    present.phase == Phase::Greeting && present.end == End::TimedOut && present.greeting.is_none()
}

/// It has no encryption on this port, and the account wants it.
fn unprotected(case: Case<'_>) -> bool {
    let bare = case.present.and_then(|present| present.ehlo.as_ref()).is_some_and(|ehlo| !ehlo.starttls);
    bare && case.account.outgoing.tls == TlsMode::Starttls && case.present.is_some_and(|present| present.tls.is_none())
}

/// The host's own login service is what fails, not the account.
fn login_is_away(case: Case<'_>) -> bool {
    let says_later = |login: &crate::probe::finding::LoginFinding| {
        login.auth.as_ref().is_some_and(|said| (400..500).contains(&said.code))
    };
    case.present.is_some_and(login_service_down)
        || case.login.is_some_and(|proof| signs::service_down(proof) || says_later(proof))
}

/// A verdict's sentence, or the function that has it.
fn sentence(case: Case<'_>, code: VerdictCode) -> String {
    use VerdictCode::*;
    let host = case.account.outgoing.host.as_str();
    let port = case.account.outgoing.port;
    match code {
        Ok => works(case),
        Offline => "This computer is not connected to the internet.".to_owned(),
        CaptivePortal => captive_portal(),
        BadHostname => format!("There is no mail server called {host}."),
        DnsFault => format!("The network could not say where {host} is."),
        PortBlockedNetwork => network_blocks(port),
        PortBlockedExceptRelay => network_blocks_all_but_its_own(port),
        VpnBlock => vpn_blocks(case),
        ServerPortClosed => port_is_closed(host, port),
        ServerUnreachable => does_not_answer(case),
        Ipv6Broken => ipv6_is_broken(host),
        Intercepted => somebody_else_answers(host, port),
        StarttlsStripped => format!("Something on the way removes the encryption from port {port} of {host}."),
        UseSubmission => submission_gets_through(host, port),
        NetworkBlocksMail => "The network you are on lets no outgoing mail through, on any port.".to_owned(),
        RelayUnsafe => relay_is_refused(case),
        LocalInterception => read_on_this_side(host),
        LocalFirewall => format!("A firewall or security program on this computer blocks port {port}."),
        NoTls => format!("{host} offers no encryption for outgoing mail on any port."),
        TlsHandshake => format!("{host} breaks off when encryption begins on port {port}."),
        CertExpired => format!("The certificate of {host} is not valid on this day. Its operator must renew it."),
        CertUntrusted => format!("The certificate of {host} was not issued by anybody this computer trusts."),
        ClockWrong => date_is_in_doubt(),
        CertName => format!("The certificate that {host} shows is for another name."),
        WrongTlsMode => format!("The kind of encryption set in the mail program does not fit port {port} of {host}."),
        SlowServer => greets_late(host, port),
        ServerRefusedClient => format!("{host} turns this connection away before anything is said."),
        PortRefusedByHost => refused_on_this_port(host, port),
        LocalProgram => local_program(case),
        AuthUnavailable => no_login_offered(case),
        BadCredentials => format!("{host} does not accept the password."),
        CramMd5Refused => digest_refused(host),
        AppPasswordNeeded => app_password_needed(host),
        AccountHeld => format!("{host} knows this account and does not let it send from a mail program at the moment."),
        AuthMethod => format!("{host} wants another way to log in than a password."),
        PasswordLoginEnded => password_logins_ended(host),
        AuthRequired => format!("{host} takes mail on port {port} only after a login."),
        FromNotAllowed => format!("{host} does not let this login send from this address."),
        TemporaryFailure => not_at_the_moment(case),
        Uncertain => uncertain(case),
    }
}

/// What nobody has tried is not said to work.
fn works(case: Case<'_>) -> String {
    let SubmissionServer { host, port, .. } = &case.account.outgoing;
    if case.account.logs_in() && case.login.is_none() {
        format!("{host} answers on port {port} and offers a login. The login itself was not tried.")
    } else {
        format!("Sending through {host} port {port} works.")
    }
}

fn captive_portal() -> String {
    "The network wants you to log in on its own web page before it lets anything through.".to_owned()
}

fn network_blocks(port: u16) -> String {
    format!(
        "The network you are on blocks port {port}. Providers do this against spam, or when they think a computer is \
         infected; it is not a fault of your mail program."
    )
}

fn network_blocks_all_but_its_own(port: u16) -> String {
    format!(
        "The network you are on blocks port {port} to all servers but its own. Providers do this against spam; it is not \
         a fault of your mail program."
    )
}

fn vpn_blocks(case: Case<'_>) -> String {
    let port = case.account.outgoing.port;
    let name = case.network.vpn.as_deref().unwrap_or("in use");
    format!("The VPN ({name}) that this computer uses blocks port {port}. Your own network is not the cause.")
}

fn port_is_closed(host: &str, port: u16) -> String {
    format!("{host} no longer takes mail on port {port}. Your internet provider is not the cause.")
}

fn does_not_answer(case: Case<'_>) -> String {
    let host = &case.account.outgoing.host;
    let in_this_run = case.host.fell_silent.then(|| "a moment ago".to_owned());
    match in_this_run.or_else(|| signs::may_be_banned(case).map(ago)) {
        Some(ago) => {
            format!("{host} answered {ago} and does not any more. It may have banned this address for a while.")
        }
        None => format!("{host} does not answer at all, while the internet works."),
    }
}

fn ipv6_is_broken(host: &str) -> String {
    format!("The network promises IPv6 to {host} but does not deliver it. Sending works, after a wait.")
}

fn somebody_else_answers(host: &str, port: u16) -> String {
    format!("Another server answers on port {port} in the place of {host}. Your mail would pass through it.")
}

fn submission_gets_through(host: &str, port: u16) -> String {
    format!("Ports {port} and 26 of {host} do not get through from here; its submission port does.")
}

fn relay_is_refused(case: Case<'_>) -> String {
    let host = &case.account.outgoing.host;
    let domain = case.sender_domain().unwrap_or("your domain");
    format!("No port of {host} gets through, and mail of {domain} by your provider's own server would be refused.")
}

fn read_on_this_side(host: &str) -> String {
    format!("A security program on this computer, or your organisation, reads the connection to {host}.")
}

fn date_is_in_doubt() -> String {
    "The date of this computer and the certificate of the mail server do not fit together. Check the date first."
        .to_owned()
}

fn greets_late(host: &str, port: u16) -> String {
    format!("{host} picks up on port {port} but takes long to greet. Some servers wait up to 30 seconds on purpose.")
}

fn refused_on_this_port(host: &str, port: u16) -> String {
    format!("{host} turns this connection away on port {port} only; another port of it takes mail with a login.")
}

fn local_program(case: Case<'_>) -> String {
    let SubmissionServer { host, port, .. } = &case.account.outgoing;
    if signs::is_up(case) {
        return format!("This account sends through a program on this computer ({host} port {port}), and it answers.");
    }
    let which = signs::known_for(*port).map(|programs| format!("; {programs} use this port")).unwrap_or_default();
    format!(
        "This account sends through a program on this computer ({host} port {port}{which}), which does not answer. Start it."
    )
}

fn no_login_offered(case: Case<'_>) -> String {
    let SubmissionServer { host, port, .. } = &case.account.outgoing;
    if case.present.is_some_and(|present| signs::only_inside_tls(case.account, present)) {
        format!("{host} takes a login on port {port} only with encryption, and this account is set to use none.")
    } else if unprotected(case) {
        format!("{host} offers no encryption on port {port}, so no login that is protected.")
    } else {
        format!("{host} does not offer a login on port {port}.")
    }
}

fn digest_refused(host: &str) -> String {
    format!(
        "{host} refuses the password in the form of CRAM-MD5. It is wrong, or {host} cannot check this form: servers that \
         keep only hashes of passwords cannot."
    )
}

fn app_password_needed(host: &str) -> String {
    format!(
        "{host} takes from mail programs only a password that was made for them (an app password), and not the one of its \
         web page."
    )
}

fn password_logins_ended(host: &str) -> String {
    format!(
        "{host} no longer takes a login with a password for sending. Microsoft switches it off for Exchange Online at the \
         end of December 2026, and earlier where an organisation wants it. No port helps."
    )
}

fn not_at_the_moment(case: Case<'_>) -> String {
    let host = &case.account.outgoing.host;
    if login_is_away(case) {
        format!("The login service of {host} does not work at the moment. Only its operator can mend that.")
    } else {
        format!("{host} cannot take mail at the moment.")
    }
}

/// A port that was silent and is not any more.
pub(super) fn answers_now_and_then(host: &str, port: u16) -> String {
    format!("The line loses packets: port {port} of {host} answers one time and not the other. Nothing is changed.")
}

fn uncertain(case: Case<'_>) -> String {
    let SubmissionServer { host, port, .. } = &case.account.outgoing;
    if signs::answered_again(case).is_some() {
        answers_now_and_then(host, *port)
    } else if case.present.is_some_and(says_nothing) {
        format!("{host} picks up on port {port} and then says nothing, so nothing is changed.")
    } else if signs::all_is_silent(case) {
        "Nothing that was asked answers: this computer seems to be offline, or this network lets nothing out. Nothing is \
         changed."
            .to_owned()
    } else {
        "What was seen does not fit together, so nothing is changed.".to_owned()
    }
}
