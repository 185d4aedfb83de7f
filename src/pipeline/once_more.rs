//! A password that a person typed and the server refused may be typed once more: one more AUTH, which is said, and no third.
//! What came from a keychain, a file or a mail program is not a matter of typing.

use super::Tools;
use super::log_in::{in_background, may_not_be_read};
use super::send::alone;
use crate::account::{Account, SubmissionServer, TlsMode};
use crate::credentials::{Credential, Origin};
use crate::plan::meeting::mechanisms;
use crate::probe::PlaintextAuth;
use crate::probe::finding::LoginFinding;

/// The second attempt and what was seen of it; `None`: there was none.
pub(super) async fn once_more(
    tools: &Tools,
    account: &Account,
    to: &SubmissionServer,
    refused: &Credential,
    seen: &LoginFinding,
) -> Option<(Credential, LoginFinding)> {
    let reply = seen.auth.as_ref().filter(|reply| (500..600).contains(&reply.code))?;
    if refused.origin != Origin::Asked
        || tools.attempts.stopped(&to.host)
        || !tools.attempts.may_repeat(&to.host, &refused.user)
    {
        return None;
    }
    let said = format!("{} did not take that password: {} {}", to.host, reply.code, reply.lines.join(" "));
    let (host, user) = (to.host.clone(), refused.user.clone());
    let typed =
        in_background(tools, account, move |book, _| book.prompt_again(&host, &user, &said).ok().flatten()).await?;
    let plain = to.tls == TlsMode::None;
    let mode = if plain { TlsMode::Starttls } else { to.tls };
    let session = tools.prober.open(&to.host, to.port, mode).await.1?;
    let abilities = tools.abilities(account);
    let offered = mechanisms(&abilities, to.tls, session.finding());
    let mechanism = abilities.mechanism(to.auth, to.mechanism, &offered);
    if may_not_be_read(tools, &alone(tools, session.finding()), &session) {
        session.close().await;
        return None;
    }
    let Some(ticket) = tools.attempts.repeat(&to.host, &typed) else {
        session.close().await;
        return None;
    };
    let plaintext = if plain { PlaintextAuth::Allowed } else { PlaintextAuth::Refused };
    let sender = account.email.as_deref();
    match session.log_in(&typed.user, &typed.password, mechanism, sender, plaintext).await {
        Ok(finding) => {
            ticket.ended(&finding);
            Some((typed, finding))
        }
        Err(error) => {
            tracing::warn!("no second login was tried at {}: {error}", to.host);
            ticket.not_sent();
            None
        }
    }
}
