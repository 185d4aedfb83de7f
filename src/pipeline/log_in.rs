//! The one AUTH of a login in a run: not where somebody on this machine reads along, and not a second time.

use std::sync::Arc;

use super::Tools;
use crate::account::{Account, AuthSetting, Mechanism, SubmissionServer};
use crate::clients::abilities::Abilities;
use crate::credentials::{Credential, CredentialBook, Outcome as LoginOutcome};
use crate::diagnosis::read_along;
use crate::probe::finding::{HostFindings, LoginFinding, PortFinding};
use crate::probe::{PlaintextAuth, Session};

/// The login as it is to be written, after this proof. CRAM-MD5 is only written where CRAM-MD5 was proven: hosts keep what
/// it needs beside the password, or not at all. Then a setting names what the program would not take by itself.
pub(super) fn as_proven(
    to: &mut SubmissionServer,
    proof: Option<&LoginFinding>,
    abilities: &Abilities,
    offered: &[String],
) {
    let digest = proof.and_then(|proof| proof.mechanism.as_deref()) == Some(Mechanism::CramMd5.name());
    if to.auth == AuthSetting::Encrypted && !digest {
        to.auth = AuthSetting::Password;
        to.mechanism = abilities.to_be_named(None, offered);
    }
}

/// A login as it is to be tried: the way the program is set, or will be.
pub(super) struct Login<'a> {
    pub(super) credential: &'a Credential,
    /// The one that the program will use; `None`: PLAIN, or LOGIN.
    pub(super) mechanism: Option<Mechanism>,
    pub(super) sender: Option<&'a str>,
    pub(super) plaintext: PlaintextAuth,
}

/// What is known about a login.
pub(super) enum Proof {
    /// It was tried now.
    Fresh(LoginFinding),
    /// It was tried before in this run, for another account or port of the same host.
    Before { outcome: Option<LoginOutcome>, finding: Option<LoginFinding> },
    /// A program of this computer, or a gateway that it trusts, would read the password.
    ReadAlong(Box<PortFinding>),
    /// No password was sent.
    None,
}

/// The one AUTH of this login in this run.
pub(super) async fn log_in(tools: &Tools, seen: &HostFindings, session: Session, login: Login<'_>) -> Proof {
    let Login { credential, mechanism, sender, plaintext } = login;
    if may_not_be_read(tools, seen, &session) {
        let seen = Box::new(session.finding().clone());
        session.close().await;
        return Proof::ReadAlong(seen);
    }
    let host = session.finding().host.clone();
    let ticket = match tools.attempts.begin(&host, credential, mechanism) {
        Ok(ticket) => ticket,
        Err(before) => {
            session.close().await;
            return Proof::Before { outcome: before.outcome, finding: before.finding.map(|finding| *finding) };
        }
    };
    match session.log_in(&credential.user, &credential.password, mechanism, sender, plaintext).await {
        Ok(finding) => {
            ticket.ended(&finding);
            Proof::Fresh(finding)
        }
        Err(refused) => {
            tracing::warn!("no login was tried at {host}: {refused}");
            ticket.not_sent();
            Proof::None
        }
    }
}

/// Asked of the very conversation before each AUTH: a later one may be answered by somebody else than the first.
pub(super) fn may_not_be_read(tools: &Tools, seen: &HostFindings, session: &Session) -> bool {
    !tools.policy.allow_local_interception.value && read_along(seen, session.finding())
}

/// Keychains and people take their time: they are asked where waiting holds nobody else up.
pub(super) async fn in_background<T: Send + 'static>(
    tools: &Tools,
    account: &Account,
    ask: impl FnOnce(&CredentialBook, &Account) -> Option<T> + Send + 'static,
) -> Option<T> {
    let (book, account) = (Arc::clone(&tools.credentials), account.clone());
    tokio::task::spawn_blocking(move || ask(&book, &account)).await.ok().flatten()
}
