//! Single signs that more than one verdict, or its sentence, rests on.

use super::case::Case;
use crate::account::{Account, AuthSetting, TlsMode};
use crate::probe::finding::{Connect, ControlFinding, Ehlo, End, LoginFinding, PortFinding, Reply};

/// The account logs in without TLS, and the host takes its login inside TLS only: the program never sees that offer, and sends
/// without a login or not at all.
pub(crate) fn only_inside_tls(account: &Account, present: &PortFinding) -> bool {
    let Some(plain) = &present.ehlo else { return false };
    let is_offered = match account.outgoing.auth {
        AuthSetting::Password => offers_password(plain),
        AuthSetting::Encrypted => !plain.mechanisms.is_empty(),
        _ => return false,
    };
    account.outgoing.tls == TlsMode::None && !is_offered && proves(present)
}

/// Nothing that was asked in this run answered: not the host, and nobody else.
pub(super) fn all_is_silent(case: Case<'_>) -> bool {
    let elsewhere = case.network.another_host_answered || case.second_host() == Some(Connect::Open);
    !elsewhere && !case.host_answers() && !is_up(case)
}

/// It answered: somebody is there to take the mail.
pub(super) fn is_up(case: Case<'_>) -> bool {
    case.present.is_some_and(PortFinding::connected)
}

/// Programs whose documentation names this port as their own for outgoing mail.
pub(super) fn known_for(port: u16) -> Option<&'static str> {
    match port {
        1025 => Some("Proton Mail Bridge and DavMail"),
        1026 => Some("Proton Mail Bridge"),
        _ => None,
    }
}

/// No port of the host answers, and it did so many seconds ago on this very network. By a VPN it is another address.
pub(super) fn may_be_banned(case: Case<'_>) -> Option<u64> {
    case.host.answered_s_ago.filter(|_| case.network.vpn.is_none())
}

/// The present port was silent, and when it was dialled again it was not: a lossy line, or a host under load.
pub(super) fn answered_again<'a>(case: Case<'a>) -> Option<&'a ControlFinding> {
    let here = |again: &&ControlFinding| again.port == case.account.outgoing.port && again.outcome == Connect::Open;
    case.host.repeats.iter().find(here)
}

/// The refusal of the sender in answer to RCPT with the account's own address. Postfix says there what it has against a
/// sender, unless told not to (`smtpd_delay_reject`). Whatever else is refused there is about the recipient: greylisting, a
/// full mailbox, an unknown user.
pub fn denied_sender(login: &LoginFinding) -> Option<&Reply> {
    let taken = login.auth.as_ref().is_some_and(|reply| reply.code < 400);
    login.to_itself.as_ref().filter(|reply| taken && reply.code >= 500 && names_the_owner(reply))
}

/// The host closed the connection in answer to AUTH, without a word: so do servers whose own login service is away
/// (Postfix without its Dovecot).
pub fn service_down(login: &LoginFinding) -> bool {
    login.mechanism.is_some() && login.auth.is_none() && login.end == End::Closed
}

/// It is not the missing login but whose address this is (Postfix, Exchange, iRedMail).
pub(super) fn names_the_owner(reply: &Reply) -> bool {
    let said = reply.lines.join(" ").to_ascii_lowercase();
    let known = [
        "not owned by",
        "sendasdenied",
        "send as this",
        "not allowed to send as",
        "not permitted to send as",
        "not same as smtp authenticate",
    ];
    known.iter().any(|words| said.contains(words))
}

/// A conversation that proves its port: TLS verified and a password mechanism offered inside it.
pub fn proves(finding: &PortFinding) -> bool {
    finding.proves()
}

/// PLAIN or LOGIN is offered (RFC 4616; LOGIN is what Outlook speaks).
pub fn offers_password(ehlo: &Ehlo) -> bool {
    ehlo.offers_password()
}
