//! Causes at login and sender, from the one proof that is made with the present settings.

use super::case::Case;
use super::signs::{denied_sender, names_the_owner, service_down};
use super::verdict::{Verdict, VerdictCode};
use super::{conclude, says, words};
use crate::account::{AuthSetting, Mechanism};
use crate::probe::finding::{End, LoginFinding, Reply};

/// The verdict if the present settings reach the host and it says no to the login, the sender or the recipient.
pub(super) fn verdict(case: Case<'_>) -> Option<Verdict> {
    let login = case.login?;
    let code = refusal(login, case.account.outgoing.auth)
        .or_else(|| service_down(login).then_some(VerdictCode::TemporaryFailure))
        // Cut off before an answer: nothing is known, and nothing known is not "works".
        .or((login.end != End::Complete).then_some(VerdictCode::Uncertain))?;
    let mut evidence = words::login(login);
    evidence.extend(words::login_end(login));
    if service_down(login) {
        evidence.push(words::LOGIN_SERVICE.to_owned());
    }
    Some(conclude::verdict(case, code, evidence))
}

/// What a refused login, sender or recipient means (RFC 4954 section 6, RFC 5321 4.2, RFC 6409). `None`: nothing was
/// refused.
pub fn refusal(login: &LoginFinding, auth: AuthSetting) -> Option<VerdictCode> {
    if let Some(reply) = login.auth.as_ref().filter(|reply| reply.code >= 400) {
        let by_digest = login.mechanism.as_deref() == Some(Mechanism::CramMd5.name());
        return Some(match auth_refusal(reply) {
            VerdictCode::BadCredentials if by_digest => VerdictCode::CramMd5Refused,
            other => other,
        });
    }
    let without_login = auth == AuthSetting::None && login.auth.is_none();
    if let Some(reply) = login.mail_from.as_ref().filter(|reply| reply.code >= 400) {
        return Some(match reply.code {
            400..=499 => VerdictCode::TemporaryFailure,
            _ if login.auth.is_some() && !names_the_owner(reply) && says::sending_is_stopped(reply) => {
                VerdictCode::AccountHeld
            }
            530 | 535 | 503 | 505 | 550 | 553 | 554 | 571 if without_login && !names_the_owner(reply) => {
                VerdictCode::AuthRequired
            }
            _ => VerdictCode::FromNotAllowed,
        });
    }
    if denied_sender(login).is_some() {
        return Some(VerdictCode::FromNotAllowed);
    }
    // The recipient is at somebody else's domain: a server that refuses it does not relay without a login.
    let reply = login.recipient.as_ref().filter(|reply| reply.code >= 400 && without_login)?;
    Some(if reply.code < 500 { VerdictCode::TemporaryFailure } else { VerdictCode::AuthRequired })
}

/// By the words first: hosts tell with one and the same code (535) of a wrong password, one of the wrong kind and an account
/// that is locked.
fn auth_refusal(reply: &Reply) -> VerdictCode {
    match reply.code {
        400..=499 => VerdictCode::TemporaryFailure,
        _ if says::password_logins_have_ended(reply) => VerdictCode::PasswordLoginEnded,
        _ if says::an_app_password_is_needed(reply) => VerdictCode::AppPasswordNeeded,
        _ if says::the_account_is_held(reply) => VerdictCode::AccountHeld,
        500..=504 | 530 | 534 | 538 => VerdictCode::AuthMethod,
        _ => VerdictCode::BadCredentials,
    }
}
