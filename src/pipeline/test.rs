//! Stages 2 to 4: probe every host once, prove the login at most once per account, diagnose, decide.

use std::net::IpAddr;
use std::sync::Arc;

use futures::stream::{self, StreamExt};

use super::conversation::Progress;
use super::fix::client_name;
use super::once_more::once_more;
use super::ports::probe_mode;
use super::rename::by_other_name;
use super::second_look::LATEST_GREETING;
use super::survey::survey;
use super::{Tools, answered_before, no_password};
use crate::account::{Account, AuthSetting, Notice, SubmissionServer, TlsMode};
use crate::clients::abilities::Abilities;
use crate::credentials::{Credential, CredentialBook, Origin, Outcome as LoginOutcome};
use crate::diagnosis::local::is_this_computer;
use crate::diagnosis::{Case, NetworkView, Verdict, VerdictCode, diagnose, login, read_along};
use crate::operator::Lending;
use crate::plan::{self, Decision, Outcome, Reason};
use crate::probe::finding::{HostFindings, LoginFinding, Phase, PortFinding};
use crate::probe::login::Mechanism;
use crate::probe::{PlaintextAuth, Session, Survey, Target};
use crate::report::AccountReport;

/// Accounts of different hosts that are proven at once. The prober bounds sockets.
const HOSTS_AT_ONCE: usize = 64;

/// A host that took this long to greet is given the longest wait when it is spoken to again.
const SLOW_MS: u64 = 2_000;

/// A tested account: what was seen of it and what shall be done.
pub struct Tested {
    /// What is told.
    pub report: AccountReport,
    /// What shall be done.
    pub decision: Decision,
    /// The password that the server accepted, to be kept once the account is moved.
    pub accepted: Option<Credential>,
    /// What is told if nobody agrees to the move: it goes to another name of the host.
    pub consent: Option<Reason>,
    /// Addresses of its host that have answered in this run.
    pub answered: Vec<IpAddr>,
}

impl Tested {
    fn left(account: Account, verdict: Option<Verdict>, outcome: Outcome, reason: Reason) -> Self {
        let mut report = AccountReport::found(account).with_result(outcome, reason.clone());
        report.verdict = verdict;
        let decision = Decision::Leave { outcome, reason };
        Self { report, decision, accepted: None, consent: None, answered: Vec::new() }
    }
}

/// Tests these accounts, in their order.
pub(super) async fn test(tools: &Tools, accounts: Vec<Account>) -> Vec<Tested> {
    let mut tested: Vec<Option<Tested>> = Vec::with_capacity(accounts.len());
    let mut open: Vec<(usize, Account)> = Vec::new();
    for (place, account) in accounts.into_iter().enumerate() {
        match plan::before_testing(&account, &tools.policy) {
            Some(Decision::Leave { outcome, reason }) => {
                tested.push(Some(Tested::left(account, None, outcome, reason)))
            }
            _ => {
                tested.push(None);
                open.push((place, account));
            }
        }
    }
    tools.credentials.given().meet(open.iter().map(|(_, account)| account));
    let mut seen = survey(tools, &open.iter().map(|(_, account)| account).collect::<Vec<_>>()).await;
    let networks: Vec<(String, NetworkView)> =
        seen.hosts.keys().map(|host| (host.clone(), seen.network(host))).collect();
    let mut by_host = Vec::new();
    for (host, network) in networks {
        let (mine, rest) = open.into_iter().partition(|(_, account)| account.outgoing.host.to_lowercase() == host);
        open = rest;
        by_host.extend(seen.hosts.remove(&host).map(|survey| (survey, network, mine)));
    }
    let done = stream::iter(by_host)
        .map(|(survey, network, mine)| host_accounts(tools, survey, network, mine))
        .buffer_unordered(HOSTS_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    for (place, one) in done.into_iter().flatten() {
        tested[place] = Some(one);
    }
    tools.talk.progress(&Progress::Tested);
    tested.into_iter().flatten().collect()
}

/// The accounts of one host, one after the other: a host that counts logins sees one conversation at a time.
async fn host_accounts(
    tools: &Tools,
    mut survey: Survey,
    network: NetworkView,
    accounts: Vec<(usize, Account)>,
) -> Vec<(usize, Tested)> {
    let mut done = Vec::with_capacity(accounts.len());
    for (place, account) in accounts {
        let mut tested = match tools.attempts.stopped(&account.outgoing.host) {
            true => without_login(tools, &survey, &network, account),
            false => one(tools, &mut survey, &network, account).await,
        };
        tested.answered = answered_before::answering(&survey.findings, &network);
        done.push((place, tested));
    }
    survey.close().await;
    done
}

async fn one(tools: &Tools, survey: &mut Survey, network: &NetworkView, account: Account) -> Tested {
    let lending = plan::lending(&account, &survey.findings, &tools.policy);
    // What a program on this computer does with a login is its own business.
    let here = is_this_computer(&account.outgoing.host);
    let credential = match here {
        true => None,
        false => in_background(tools, &account, move |book, account| book.find(account, lending)).await,
    };
    let refused = credential.as_ref().and_then(|known| tools.attempts.refused_before(&account.outgoing.host, known));
    let mut tested = judged(tools, survey, network, account, credential).await;
    let notices = &mut tested.report.account.notices;
    notices.extend(refused.map(|refused| Notice {
        code: "refused_before".to_owned(),
        message: format!(
            "The server refused this password on {}. It is not sent again for a day, unless it changes or is typed anew.",
            refused.at.strftime("%Y-%m-%d at %H:%M UTC")
        ),
    }));
    notices.extend(tools.attempts.trouble().map(|why| Notice {
        code: "refusals_forgotten".to_owned(),
        message: format!("Which passwords were refused lately is not known: {why}."),
    }));
    tested
}

async fn judged(
    tools: &Tools,
    survey: &mut Survey,
    network: &NetworkView,
    account: Account,
    credential: Option<Credential>,
) -> Tested {
    let proof = match is_this_computer(&account.outgoing.host) {
        true => None,
        false => prove_present(tools, survey, &account, credential.as_ref()).await,
    };
    let verdict = {
        let findings: &HostFindings = &survey.findings;
        let mode = probe_mode(&account);
        let present = findings.ports.iter().find(|port| port.port == account.outgoing.port && port.tls_mode == mode);
        diagnose(Case { account: &account, host: findings, present, login: proof.as_ref(), network })
    };
    tracing::info!(account = %account.id, verdict = ?verdict.code, "diagnosed");
    match plan::decide(&account, &verdict, &survey.findings, &tools.policy, &abilities(tools, &account)) {
        Decision::Leave { outcome, reason } => {
            match by_other_name(tools, survey, &account, &verdict, &reason, credential).await {
                Some(renamed) => renamed,
                None => Tested::left(account, Some(verdict), outcome, reason),
            }
        }
        Decision::Move { to } => prove_target(tools, survey, account, verdict, to, credential).await,
    }
}

/// An account of a host that has refused enough logins in this run. What needs no login is judged as ever.
fn without_login(tools: &Tools, survey: &Survey, network: &NetworkView, account: Account) -> Tested {
    let own = (account.outgoing.port, probe_mode(&account));
    let findings = &survey.findings;
    let present = findings.ports.iter().find(|seen| (seen.port, seen.tls_mode) == own);
    let verdict = diagnose(Case { account: &account, host: findings, present, login: None, network });
    match plan::decide(&account, &verdict, findings, &tools.policy, &abilities(tools, &account)) {
        Decision::Leave { outcome, reason } if outcome != Outcome::AlreadyWorks => {
            Tested::left(account, Some(verdict), outcome, reason)
        }
        _ => {
            let reason = logins_stopped(&account.outgoing.host);
            Tested::left(account, Some(verdict), Outcome::NeedsUser, reason)
        }
    }
}

/// What the program of this account can do.
pub(super) fn abilities(tools: &Tools, account: &Account) -> Abilities {
    let client = tools.clients.iter().find(|client| client.id() == account.client);
    client.map_or(Abilities::UNLIMITED, |client| client.abilities(&tools.computer, account))
}

/// Tries the present settings as far as RCPT: without a login as they are, with a login only if a password is at hand.
async fn prove_present(
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
            let login = Login { credential, auth: account.outgoing.auth, sender, plaintext: PlaintextAuth::Refused };
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

/// The one proof by login on the target port. Without a password at hand the move rests on the client having it.
pub(super) async fn prove_target(
    tools: &Tools,
    survey: &mut Survey,
    mut account: Account,
    verdict: Verdict,
    mut to: SubmissionServer,
    credential: Option<Credential>,
) -> Tested {
    let lending = plan::lending(&account, &survey.findings, &tools.policy);
    // What the client has is the mailbox's password, and this server is not to have it.
    account.password_in_client &= account.logs_in() || lending == Lending::OneOperator;
    let unusable = match &credential {
        Some(_) => None,
        None => in_background(tools, &account, move |book, account| book.unusable(account, lending)).await,
    };
    // Who is asked for a password hears first what it is for.
    let finding = format!("{} Port {} of {} gets through, and needs a login.", verdict.summary, to.port, to.host);
    let credential = match credential {
        // What the system does not open for us it does not open for the client either.
        None if account.password_in_client && unusable.is_none() => return moved(account, verdict, to, None),
        None => {
            let ask = move |book: &CredentialBook, account: &Account| {
                book.prompt_after(account, lending, Some(&finding)).ok().flatten()
            };
            in_background(tools, &account, ask).await
        }
        // Whoever is there may know a better one than the server has refused already.
        Some(known) if tools.attempts.refused_before(&to.host, &known).is_some() => {
            let finding = format!("{finding} The server has refused the password at hand before.");
            let typed = move |book: &CredentialBook, account: &Account| {
                book.prompt_after(account, lending, Some(&finding)).ok().flatten()
            };
            in_background(tools, &account, typed).await.or(Some(known))
        }
        given => given,
    };
    let Some(mut credential) = credential else {
        let withheld = in_background(tools, &account, move |book, account| book.withheld(account, lending)).await;
        let keychain = tools.credentials.trouble_with(&account);
        let reason = no_password::reason(&account, lending, withheld, unusable.as_ref(), keychain.as_ref());
        return Tested::left(account, Some(verdict), Outcome::NeedsUser, reason);
    };
    to.user = Some(credential.user.clone());
    let plaintext = if to.tls == TlsMode::None { PlaintextAuth::Allowed } else { PlaintextAuth::Refused };
    let mode = if to.tls == TlsMode::None { TlsMode::Starttls } else { to.tls };
    let Some(session) = session(tools, survey, &to.host, to.port, mode).await else {
        let reason = if survey.findings.fell_silent { fell_silent(&to.host) } else { uncertain() };
        return Tested::left(account, Some(verdict), Outcome::Refused, reason);
    };
    let sender = account.email.as_deref();
    let mut proof = match log_in(
        tools,
        &survey.findings,
        session,
        Login { credential: &credential, auth: to.auth, sender, plaintext },
    )
    .await
    {
        Proof::Fresh(finding) => finding,
        Proof::ReadAlong(seen) => {
            return Tested::left(account, Some(verdict), Outcome::Refused, is_read_along(&seen));
        }
        // The same login was taken by this host a moment ago; one attempt a run is all there is.
        Proof::Before { outcome: Some(LoginOutcome::Accepted), finding } => {
            to.auth = as_proven(to.auth, finding.as_ref());
            return moved(account, verdict, to, Some(credential));
        }
        Proof::Before { outcome: Some(LoginOutcome::Rejected), finding: Some(finding) } => finding,
        Proof::Before { .. } | Proof::None => {
            return Tested::left(account, Some(verdict), Outcome::Refused, uncertain());
        }
    };
    if let Some((typed, seen)) = once_more(tools, &account, &to, &credential, &proof).await {
        (credential, proof) = (typed, seen);
    }
    match login::refusal(&proof, to.auth) {
        Some(code) => {
            let needs_user = code == VerdictCode::BadCredentials;
            let outcome = if needs_user { Outcome::NeedsUser } else { Outcome::Refused };
            let reason = Reason::new(plan::code_of(&code), login_words(&proof), plan::hint(code));
            Tested::left(account, Some(verdict), outcome, reason)
        }
        None if proof.auth.as_ref().is_some_and(|reply| reply.code == 235) => {
            to.auth = as_proven(to.auth, Some(&proof));
            moved(account, verdict, to, Some(credential))
        }
        None if login::service_down(&proof) => {
            Tested::left(account, Some(verdict), Outcome::Refused, login_service_down(&to))
        }
        None => Tested::left(account, Some(verdict), Outcome::Refused, uncertain()),
    }
}

/// CRAM-MD5 is only written where CRAM-MD5 was proven: hosts keep what it needs beside the password, or not at all.
fn as_proven(auth: AuthSetting, proof: Option<&LoginFinding>) -> AuthSetting {
    let digest = proof.and_then(|proof| proof.mechanism.as_deref()) == Some(Mechanism::CramMd5.name());
    if auth == AuthSetting::Encrypted && !digest { AuthSetting::Password } else { auth }
}

/// A login as it is to be tried: the way the program is set, or will be.
struct Login<'a> {
    credential: &'a Credential,
    auth: AuthSetting,
    sender: Option<&'a str>,
    plaintext: PlaintextAuth,
}

/// What is known about a login.
enum Proof {
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
async fn log_in(tools: &Tools, seen: &HostFindings, session: Session, login: Login<'_>) -> Proof {
    let Login { credential, auth, sender, plaintext } = login;
    if may_not_be_read(tools, seen, &session) {
        let seen = Box::new(session.finding().clone());
        session.close().await;
        return Proof::ReadAlong(seen);
    }
    let host = session.finding().host.clone();
    let ticket = match tools.attempts.begin(&host, credential) {
        Ok(ticket) => ticket,
        Err(before) => {
            session.close().await;
            return Proof::Before { outcome: before.outcome, finding: before.finding.map(|finding| *finding) };
        }
    };
    let mechanism = mechanism_of(auth);
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

/// How a program with this setting logs in; `None`: with the password itself, in whatever way is offered.
pub(super) fn mechanism_of(auth: AuthSetting) -> Option<Mechanism> {
    (auth == AuthSetting::Encrypted).then_some(Mechanism::CramMd5)
}

/// Asked of the very conversation before each AUTH: a later one may be answered by somebody else than the first.
pub(super) fn may_not_be_read(tools: &Tools, seen: &HostFindings, session: &Session) -> bool {
    let own_host = tools.policy.names_host(&seen.host);
    !tools.policy.allow_local_interception.value && read_along(seen, session.finding(), own_host)
}

fn is_read_along(seen: &PortFinding) -> Reason {
    let issuer = seen.tls.as_ref().and_then(|tls| tls.issuer.as_deref()).unwrap_or("unknown");
    Reason::new(
        plan::code_of(&VerdictCode::LocalInterception),
        format!(
            "A program on this computer, or a gateway that it trusts, reads along on port {} of {} (its certificate is by {issuer}), so no password is sent there.",
            seen.port, seen.host
        ),
        plan::hint(VerdictCode::LocalInterception),
    )
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

pub(super) fn moved(account: Account, verdict: Verdict, to: SubmissionServer, accepted: Option<Credential>) -> Tested {
    let proven = match &accepted {
        Some(_) => format!("Port {} of {} works with a login.", to.port, to.host),
        None => format!(
            "Port {} of {} is encrypted and offers a login. The login was not tried, since only {} has the password.",
            to.port,
            to.host,
            client_name(&account)
        ),
    };
    let reason = Reason::new(plan::code_of(&verdict.code), verdict.summary.clone(), proven);
    let mut report = AccountReport::found(account).with_result(Outcome::WouldFix, reason);
    if accepted.as_ref().is_some_and(|credential| credential.origin == Origin::Borrowed) {
        let message = format!("The login was proven with the password that {} keeps.", client_name(&report.account));
        report.account.notices.push(Notice { code: "password_borrowed".to_owned(), message });
    }
    report.before = Some(report.account.outgoing.clone());
    report.after = Some(to.clone());
    report.verdict = Some(verdict);
    Tested { report, decision: Decision::Move { to }, accepted, consent: None, answered: Vec::new() }
}

fn login_words(proof: &LoginFinding) -> String {
    let refused = proof.auth.iter().chain(&proof.mail_from).find(|reply| reply.code >= 400);
    let reply = refused.or_else(|| login::denied_sender(proof));
    let said = reply.map(|reply| format!("{} {}", reply.code, reply.lines.join(" "))).unwrap_or_default();
    format!("Port {} answered: {said}", proof.port)
}

fn fell_silent(host: &str) -> Reason {
    Reason::new(
        plan::code_of(&VerdictCode::ServerUnreachable),
        format!("{host} answered a moment ago and does not any more. It may have banned this address for a while."),
        "Leave it in peace for an hour, then run this again; or ask your mail host.",
    )
}

fn logins_stopped(host: &str) -> Reason {
    Reason::new(
        "logins_stopped",
        format!(
            "{host} refused two logins in this run. This account was not tried, so that the host does not ban this address."
        ),
        "Put the passwords of the other accounts right, then run this again.",
    )
}

fn login_service_down(to: &SubmissionServer) -> Reason {
    Reason::new(
        plan::code_of(&VerdictCode::TemporaryFailure),
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
