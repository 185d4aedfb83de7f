//! Stages 2 to 4: probe every host once, prove the login at most once per account, diagnose, decide.

use futures::stream::{self, StreamExt};

use super::ask_hello::decided;
use super::conversation::Progress;
use super::log_in::in_background;
use super::ports::probe_mode;
use super::prove::{prove_present, prove_target};
use super::rename::by_other_name;
use super::survey::survey;
use super::tested::Tested;
use super::{Tools, answered_before, still_shut};
use crate::account::{Account, AuthSetting, Mechanism, Notice};
use crate::credentials::Credential;
use crate::diagnosis::local::is_this_computer;
use crate::diagnosis::{Case, NetworkView, Verdict, diagnose};
use crate::plan::meeting::mechanisms;
use crate::plan::{self, Decision, Outcome, Reason};
use crate::probe::Survey;
use crate::probe::finding::{HostFindings, LoginFinding};

/// Accounts of different hosts that are proven at once. The prober bounds sockets.
const HOSTS_AT_ONCE: usize = 64;

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
            true => without_login(tools, &mut survey, &network, account).await,
            false => test_account(tools, &mut survey, &network, account).await,
        };
        tested.answered = answered_before::answering(&survey.findings, &network);
        tested.short_wait = still_shut::after_a_short_wait(&survey.findings, &tested.report.account);
        done.push((place, tested));
    }
    survey.close().await;
    done
}

async fn test_account(tools: &Tools, survey: &mut Survey, network: &NetworkView, account: Account) -> Tested {
    let lending = plan::lending(&account, &survey.findings);
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
    let verdict = verdict(survey, network, &account, proof.as_ref());
    tracing::info!(account = %account.id, verdict = ?verdict.code, "diagnosed");
    match decided(tools, survey, &account, &verdict).await {
        Decision::Leave { outcome: Outcome::AlreadyWorks, reason } => {
            let doubt = begins_with_cram_md5(tools, &survey.findings, &account);
            let mut tested = Tested::left(account, Some(verdict), Outcome::AlreadyWorks, reason);
            tested.logged_in = proof.is_some_and(|proof| proof.auth.is_some_and(|reply| reply.code < 300));
            tested.report.account.notices.extend(doubt);
            tested
        }
        Decision::Leave { outcome, reason } => {
            match by_other_name(tools, survey, &account, &verdict, &reason, credential).await {
                Some(renamed) => renamed,
                None => Tested::left(account, Some(verdict), outcome, reason),
            }
        }
        Decision::Move { to, because } => {
            let tested = prove_target(tools, survey, account, verdict, to, credential).await;
            tested.because(because)
        }
    }
}

/// Said of an account that works: its program takes CRAM-MD5 by itself, which was not tried, since there is one login a run.
/// A host that keeps its passwords hashed announces it, and refuses everybody.
fn begins_with_cram_md5(tools: &Tools, host: &HostFindings, account: &Account) -> Option<Notice> {
    let out = &account.outgoing;
    let seen = host.ports.iter().find(|seen| (seen.port, seen.tls_mode) == (out.port, out.tls))?;
    let abilities = tools.abilities(account);
    let by_itself = abilities.mechanism(out.auth, out.mechanism, &mechanisms(&abilities, out.tls, seen));
    (out.auth == AuthSetting::Password && by_itself == Some(Mechanism::CramMd5)).then(|| Notice {
        code: "cram_md5_first".to_owned(),
        message: format!(
            "{} takes CRAM-MD5 by itself on this server, which was not tried. If it says that the password is wrong although it is right, choose PLAIN or LOGIN as its authentication method.",
            abilities.program
        ),
    })
}

fn verdict(survey: &Survey, network: &NetworkView, account: &Account, login: Option<&LoginFinding>) -> Verdict {
    let findings = &survey.findings;
    let own = (account.outgoing.port, probe_mode(account));
    let present = findings.ports.iter().find(|seen| (seen.port, seen.tls_mode) == own);
    diagnose(Case { account, host: findings, present, login, network })
}

/// An account of a host that has refused enough logins in this run. What needs no login is judged as ever.
async fn without_login(tools: &Tools, survey: &mut Survey, network: &NetworkView, account: Account) -> Tested {
    let verdict = verdict(survey, network, &account, None);
    match decided(tools, survey, &account, &verdict).await {
        Decision::Leave { outcome, reason } if outcome != Outcome::AlreadyWorks => {
            Tested::left(account, Some(verdict), outcome, reason)
        }
        _ => {
            let reason = logins_stopped(&account.outgoing.host);
            Tested::left(account, Some(verdict), Outcome::NeedsUser, reason)
        }
    }
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
