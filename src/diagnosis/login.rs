//! Causes at login and sender, from the one proof that is made with the present settings.

use super::words;
use super::{Case, Verdict, VerdictCode};
use crate::account::AuthSetting;
use crate::probe::finding::{End, LoginFinding, Reply};

/// The verdict if the present settings reach the host and it says no to the login or the sender.
pub(super) fn verdict(case: Case<'_>) -> Option<Verdict> {
    let login = case.login?;
    let code = refusal(login, case.account.outgoing.auth)
        // Cut off before an answer: nothing is known, and nothing known is not "works".
        .or((login.end != End::Complete).then_some(VerdictCode::Uncertain))?;
    let mut evidence = words::login(login);
    if login.end != End::Complete {
        evidence.push(words::login_end(login));
    }
    Some(words::verdict(case, code, evidence))
}

/// What a refused login or sender means (RFC 4954 section 6, RFC 5321 4.2, RFC 6409). `None`: nothing was refused.
pub fn refusal(login: &LoginFinding, auth: AuthSetting) -> Option<VerdictCode> {
    if let Some(reply) = login.auth.as_ref().filter(|reply| reply.code >= 400) {
        return Some(auth_refusal(reply));
    }
    let reply = login.mail_from.as_ref().filter(|reply| reply.code >= 400)?;
    Some(match reply.code {
        400..=499 => VerdictCode::TemporaryFailure,
        530 | 550 | 554 if auth == AuthSetting::None => VerdictCode::AuthRequired,
        _ => VerdictCode::FromNotAllowed,
    })
}

fn auth_refusal(reply: &Reply) -> VerdictCode {
    match reply.code {
        535 => VerdictCode::BadCredentials,
        504 | 534 | 538 => VerdictCode::AuthMethod,
        400..=499 => VerdictCode::TemporaryFailure,
        500..=503 => VerdictCode::AuthMethod,
        _ => VerdictCode::BadCredentials,
    }
}
