//! The proof by login: of the settings that an account has, and of the port that it would be moved to.

use super::ask_hello::doubt;
use super::log_in::{Login, Proof, as_proven, in_background, log_in};
use super::once_more::once_more;
use super::ports::probe_mode;
use super::second_look::LATEST_GREETING;
use super::tested::{Tested, moved};
use super::{Tools, no_password};
use crate::account::{Account, AuthSetting, Mechanism, SubmissionServer, TlsMode};
use crate::clients::abilities::Abilities;
use crate::codes::code_of;
use crate::credentials::{Credential, CredentialBook, Outcome as LoginOutcome};
use crate::diagnosis::{Verdict, VerdictCode, denied_sender, login, service_down};
use crate::operator::Lending;
use crate::plan::meeting::mechanisms;
use crate::plan::{self, Decision, Outcome, Reason};
use crate::probe::finding::{LoginFinding, Phase, PortFinding};
use crate::probe::{PlaintextAuth, Session, Survey, Target};

/// A host that took this long to greet is given the longest wait when it is spoken to again.
const SLOW_MS: u64 = 2_000;

/// Tries the present settings as far as RCPT: without a login as they are, with a login only if a password is at hand.
pub(super) async fn prove_present(
    tools: &Tools,
    survey: &mut Survey,
    account: &Account,
    credential: Option<&Credential>,
) -> Option<LoginFinding> {
    let mode = probe_mode(account);
    let sender = account.email.as_deref();
    match (account.outgoing.auth, credential) {
        (AuthSetting::None, _) => {
            let session = session(tools, survey, &account.outgoing.host, account.outgoing.port, mode).await?;
            let sender = sender?;
            let recipient = tools.policy.recipient_for(&account.outgoing.host, Some(sender));
            Some(session.try_sender(sender, recipient.as_deref()).await)
        }
        (AuthSetting::Password | AuthSetting::Encrypted, Some(credential)) if mode != TlsMode::None => {
            let session = session(tools, survey, &account.outgoing.host, account.outgoing.port, mode).await?;
            let mechanism = by_its_setting(&tools.abilities(account), &account.outgoing, session.finding());
            let login = Login { credential, mechanism, sender, plaintext: PlaintextAuth::Refused };
            match log_in(tools, &survey.findings, session, login).await {
                Proof::Fresh(finding) => Some(finding),
                // What is said of the port rests on what it showed last.
                Proof::ReadAlong(seen) => {
                    survey.replace(*seen, None);
                    None
                }
                // A password that was refused is refused on every port; that it was taken says nothing of this port.
                Proof::Before { outcome: Some(LoginOutcome::Rejected), finding } => finding,
                Proof::Before { .. } | Proof::None => None,
            }
        }
        _ => None,
    }
}

/// What the present settings are proven with: the program's own way. One that would begin with CRAM-MD5 by itself is proven
/// with the password as it is, since there is one login a run, and it must tell whether that is right.
fn by_its_setting(abilities: &Abilities, now: &SubmissionServer, seen: &PortFinding) -> Option<Mechanism> {
    let offered = mechanisms(abilities, TlsMode::Starttls, seen);
    let its_own = abilities.mechanism(now.auth, now.mechanism, &offered);
    match now.auth {
        AuthSetting::Encrypted => Some(Mechanism::CramMd5),
        _ => its_own.filter(|one| *one != Mechanism::CramMd5),
    }
}

/// The living conversation from the survey, or a fresh one for the second account of a host.
async fn session(tools: &Tools, survey: &mut Survey, host: &str, port: u16, mode: TlsMode) -> Option<Session> {
    // What ended before its last EHLO would end there again, at the cost of the same wait.
    let talked = |seen: &PortFinding| seen.port == port && seen.tls_mode == mode && seen.phase == Phase::Done;
    if !survey.findings.ports.iter().any(talked) {
        return None;
    }
    match survey.take_session(port) {
        Some(session) if session.finding().tls_mode == mode => return Some(session),
        // It may have banned this address: it is left in peace for the rest of the run.
        _ if survey.findings.fell_silent => return None,
        _ => {}
    }
    let slow = survey.findings.ports.iter().filter_map(|seen| seen.greeting.as_ref()).any(|said| said.ms >= SLOW_MS);
    let target = Target { port, tls: mode, greeting_patience: slow.then_some(LATEST_GREETING) };
    let (seen, session) = tools.prober.open_target(host, target).await;
    survey.findings.fell_silent = !seen.connected();
    session
}

/// The one proof by login on the target port, and what is not known of the program that is led there.
pub(super) async fn prove_target(
    tools: &Tools,
    survey: &mut Survey,
    account: Account,
    verdict: Verdict,
    to: SubmissionServer,
    credential: Option<Credential>,
) -> Tested {
    let abilities = tools.abilities(&account);
    let seen = survey.findings.ports.iter().find(|seen| (seen.port, seen.tls_mode) == (to.port, to.tls));
    let doubt = doubt(&abilities, &to, &seen.map_or_else(Vec::new, |seen| mechanisms(&abilities, to.tls, seen)));
    let mut tested = by_login(tools, survey, account, verdict, to, credential).await;
    if matches!(tested.decision, Decision::Move { .. }) {
        tested.report.account.notices.extend(doubt);
    }
    tested
}

/// Without a password at hand the move rests on the client having it.
async fn by_login(
    tools: &Tools,
    survey: &mut Survey,
    mut account: Account,
    verdict: Verdict,
    mut to: SubmissionServer,
    credential: Option<Credential>,
) -> Tested {
    let lending = plan::lending(&account, &survey.findings);
    // What the client has is the mailbox's password, and this server is not to have it.
    account.password_in_client &= account.logs_in() || lending == Lending::OneOperator;
    let credential = match password(tools, &account, (&verdict, &to), lending, credential).await {
        Password::Known(credential) => credential,
        Password::InClientOnly => return moved(account, verdict, to, None),
        Password::Missing(reason) => return Tested::left(account, Some(verdict), Outcome::NeedsUser, reason),
    };
    to.user = Some(credential.user.clone());
    let attempt = match tried(tools, survey, &account, &to, &credential).await {
        Ok(attempt) => attempt,
        Err(reason) => return Tested::left(account, Some(verdict), Outcome::Refused, reason),
    };
    let way = (&tools.abilities(&account), &*attempt.offered);
    match attempt.seen {
        Seen::Now(proof) => match once_more(tools, &account, &to, &credential, &proof).await {
            Some((typed, proof)) => by_proof(account, verdict, to, typed, &proof, way),
            None => by_proof(account, verdict, to, credential, &proof, way),
        },
        Seen::TakenBefore(finding) => {
            as_proven(&mut to, finding.as_ref(), way.0, way.1);
            moved(account, verdict, to, Some(credential))
        }
    }
}

/// The password for a proof.
enum Password {
    Known(Credential),
    /// The mail program has it and nobody else does.
    InClientOnly,
    /// And why.
    Missing(Reason),
}

async fn password(
    tools: &Tools,
    account: &Account,
    what_for: (&Verdict, &SubmissionServer),
    lending: Lending,
    at_hand: Option<Credential>,
) -> Password {
    let unusable = match &at_hand {
        Some(_) => None,
        None => in_background(tools, account, move |book, account| book.unusable(account, lending)).await,
    };
    // What the system does not open for us it does not open for the client either.
    if at_hand.is_none() && account.password_in_client && unusable.is_none() {
        return Password::InClientOnly;
    }
    if let Some(credential) = credential_for(tools, account, what_for, lending, at_hand).await {
        return Password::Known(credential);
    }
    let withheld = in_background(tools, account, move |book, account| book.withheld(account, lending)).await;
    let keychain = tools.credentials.trouble_with(account);
    Password::Missing(no_password::reason(account, lending, withheld, unusable.as_ref(), keychain.as_ref()))
}

/// One login, as it ended.
struct Attempt {
    /// The mechanisms that were offered.
    offered: Vec<String>,
    seen: Seen,
}

enum Seen {
    /// The answer to it.
    Now(LoginFinding),
    /// The same login was taken by this host a moment ago; one attempt a run is all there is.
    TakenBefore(Option<LoginFinding>),
}

/// Tries the login on the target port. The error is why it came to no answer.
async fn tried(
    tools: &Tools,
    survey: &mut Survey,
    account: &Account,
    to: &SubmissionServer,
    credential: &Credential,
) -> Result<Attempt, Reason> {
    let plain = to.tls == TlsMode::None;
    let plaintext = if plain { PlaintextAuth::Allowed } else { PlaintextAuth::Refused };
    let mode = if plain { TlsMode::Starttls } else { to.tls };
    let Some(session) = session(tools, survey, &to.host, to.port, mode).await else {
        return Err(if survey.findings.fell_silent { fell_silent(&to.host) } else { uncertain() });
    };
    let abilities = tools.abilities(account);
    let offered = mechanisms(&abilities, to.tls, session.finding());
    let mechanism = abilities.mechanism(to.auth, to.mechanism, &offered);
    let login = Login { credential, mechanism, sender: account.email.as_deref(), plaintext };
    let seen = match log_in(tools, &survey.findings, session, login).await {
        Proof::Fresh(finding) => Seen::Now(finding),
        Proof::ReadAlong(seen) => return Err(is_read_along(&seen)),
        Proof::Before { outcome: Some(LoginOutcome::Accepted), finding } => Seen::TakenBefore(finding),
        Proof::Before { outcome: Some(LoginOutcome::Rejected), finding: Some(finding) } => Seen::Now(finding),
        Proof::Before { .. } | Proof::None => return Err(uncertain()),
    };
    Ok(Attempt { offered, seen })
}

/// The password at hand, or one that is typed: where there is none, and where the server has refused the one at hand before.
async fn credential_for(
    tools: &Tools,
    account: &Account,
    (verdict, to): (&Verdict, &SubmissionServer),
    lending: Lending,
    at_hand: Option<Credential>,
) -> Option<Credential> {
    // Who is asked for a password hears first what it is for.
    let mut finding = format!("{} Port {} of {} gets through, and needs a login.", verdict.summary, to.port, to.host);
    if let Some(known) = &at_hand {
        if tools.attempts.refused_before(&to.host, known).is_none() {
            return at_hand;
        }
        finding.push_str(" The server has refused the password at hand before.");
    }
    let typed = move |book: &CredentialBook, account: &Account| {
        book.prompt_after(account, lending, Some(&finding)).ok().flatten()
    };
    in_background(tools, account, typed).await.or(at_hand)
}

/// What the answer to the login means for the move.
fn by_proof(
    account: Account,
    verdict: Verdict,
    mut to: SubmissionServer,
    credential: Credential,
    proof: &LoginFinding,
    (abilities, offered): (&Abilities, &[String]),
) -> Tested {
    match login::refusal(proof, to.auth) {
        Some(code) => {
            let needs_user = matches!(
                code,
                VerdictCode::BadCredentials
                    | VerdictCode::CramMd5Refused
                    | VerdictCode::AppPasswordNeeded
                    | VerdictCode::AccountHeld
            );
            let outcome = if needs_user { Outcome::NeedsUser } else { Outcome::Refused };
            let reason = Reason::new(code_of(&code), login_words(proof), plan::hint(code));
            Tested::left(account, Some(verdict), outcome, reason)
        }
        None if proof.auth.as_ref().is_some_and(|reply| reply.code == 235) => {
            as_proven(&mut to, Some(proof), abilities, offered);
            moved(account, verdict, to, Some(credential))
        }
        None if service_down(proof) => Tested::left(account, Some(verdict), Outcome::Refused, login_service_down(&to)),
        None => Tested::left(account, Some(verdict), Outcome::Refused, uncertain()),
    }
}

fn is_read_along(seen: &PortFinding) -> Reason {
    let issuer = seen.tls.as_ref().and_then(|tls| tls.issuer.as_deref()).unwrap_or("unknown");
    Reason::new(
        code_of(&VerdictCode::LocalInterception),
        format!(
            "A program on this computer, or a gateway that it trusts, reads along on port {} of {} (its certificate is by {issuer}), so no password is sent there.",
            seen.port, seen.host
        ),
        plan::hint(VerdictCode::LocalInterception),
    )
}

fn login_words(proof: &LoginFinding) -> String {
    let refused = proof.auth.iter().chain(&proof.mail_from).find(|reply| reply.code >= 400);
    let reply = refused.or_else(|| denied_sender(proof));
    let said = reply.map(|reply| format!("{} {}", reply.code, reply.lines.join(" "))).unwrap_or_default();
    format!("Port {} answered: {said}", proof.port)
}

fn fell_silent(host: &str) -> Reason {
    Reason::new(
        code_of(&VerdictCode::ServerUnreachable),
        format!("{host} answered a moment ago and does not any more. It may have banned this address for a while."),
        "Leave it in peace for an hour, then run this again; or ask your mail host.",
    )
}

fn login_service_down(to: &SubmissionServer) -> Reason {
    Reason::new(
        code_of(&VerdictCode::TemporaryFailure),
        format!(
            "Port {} of {} closed the connection at the login without an answer, as a server does whose own login \
             service is down.",
            to.port, to.host
        ),
        plan::hint(VerdictCode::TemporaryFailure),
    )
}

fn uncertain() -> Reason {
    Reason::new(
        "uncertain",
        "The port that answered a moment ago did not take the login to its end, so nothing is changed.",
        plan::hint(VerdictCode::Uncertain),
    )
}
