//! A certificate that is for another name of the same server: that name is offered in the place of the account's own.
//! Since it changes whom the mail program trusts, it is written only if somebody agrees, or the policy allows it.

use super::Tools;
use super::ask_hello::kept_apart;
use super::prove::prove_target;
use super::tested::{Tested, moved};
use crate::account::{Account, AuthSetting, TlsMode};
use crate::codes::code_of;
use crate::credentials::{Credential, Origin};
use crate::diagnosis::{Verdict, VerdictCode, proves, read_along};
use crate::operator::{Lending, same_operator};
use crate::plan::{self, Outcome, Reason};
use crate::probe::Survey;
use crate::probe::finding::{PortFinding, TlsTrouble};

/// So many names of a certificate are tried.
const NAMES: usize = 2;

/// The account as it would be under the name in its host's certificate. `None` if there is no such name, or none that
/// proves itself on the same port: verified TLS for that name, and a password login inside it.
pub(super) async fn by_other_name(
    tools: &Tools,
    survey: &Survey,
    account: &Account,
    verdict: &Verdict,
    reason: &Reason,
    credential: Option<Credential>,
) -> Option<Tested> {
    let password = matches!(account.outgoing.auth, AuthSetting::None | AuthSetting::Password | AuthSetting::Encrypted);
    if reason.code != code_of(&VerdictCode::CertName) || !password || survey.findings.fell_silent {
        return None;
    }
    let (port, mode) = misnamed(tools, survey, account, verdict)?;
    let old = &account.outgoing.host;
    let mut tries = 0..NAMES;
    for name in survey.findings.same_address_names.iter().filter(|name| !name.eq_ignore_ascii_case(old)) {
        if !tools.policy.allows_host(name) || tries.next().is_none() {
            continue;
        }
        let mut there = tools.prober.survey(name, &[(port, mode)], &[]).await;
        there.findings.named_by_policy = tools.policy.names_host(name);
        let found = &there.findings;
        let able = tools.abilities(account);
        let fits = |seen: &&PortFinding| proves(seen) && !read_along(found, seen);
        let proven = found.ports.iter().find(fits);
        let Some(to) = proven.map(|seen| plan::server_at(account, name, (found, seen), &able)) else {
            there.close().await;
            continue;
        };
        if kept_apart(tools, &mut there.findings, account, &to).await.is_some() {
            there.close().await;
            continue;
        }
        // The other name may be another operator's: what is lent is judged by it, and what was given for one host stays there.
        let mut renamed = account.clone();
        renamed.outgoing.host.clone_from(name);
        let lent = account.logs_in() || plan::lending(&renamed, &there.findings) == Lending::OneOperator;
        let given = credential.as_ref().is_some_and(|credential| credential.origin == Origin::Given);
        let bound = given && !same_operator(old, name);
        // Mail programs keep passwords by the name of the server.
        let account = Account { password_in_client: false, ..account.clone() };
        let tested = match tools.policy.allow_host_rename.value && lent && !bound {
            true => prove_target(tools, &mut there, account, verdict.clone(), to, credential).await,
            // A name that nobody has agreed to is given no password.
            false => agreed_to_first(moved(account, verdict.clone(), to, None), old, name),
        };
        there.close().await;
        return Some(tested);
    }
    None
}

/// The port whose certificate is for other names: the account's own, or the first that it would be moved to.
fn misnamed(tools: &Tools, survey: &Survey, account: &Account, verdict: &Verdict) -> Option<(u16, TlsMode)> {
    let own = account.outgoing.port;
    let is = |seen: &&PortFinding| seen.tls.as_ref().is_some_and(|tls| tls.trouble == Some(TlsTrouble::WrongName));
    let at = |port: u16| survey.findings.ports.iter().filter(is).find(|seen| seen.port == port);
    let seen = match verdict.code {
        VerdictCode::CertName => at(own),
        _ => tools.policy.target_ports.value.iter().filter(|port| **port != own).find_map(|port| at(*port)),
    };
    seen.map(|seen| (seen.port, seen.tls_mode))
}

fn agreed_to_first(mut tested: Tested, old: &str, name: &str) -> Tested {
    let reason = Reason::new(
        code_of(&VerdictCode::CertName),
        format!(
            "The certificate of {old} is for {name}. That name leads to the same server and proves itself there. The \
             login was not tried."
        ),
        "Run `port26 fix` and agree to the new name of the server, or let the policy allow it (allow_host_rename).",
    );
    tested.report.result = Some(Outcome::NeedsUser);
    tested.report.reason = Some(reason.clone());
    tested.consent = Some(reason);
    tested
}
