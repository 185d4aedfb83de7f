//! For accounts that no port of their host gets through for: the internet provider's own outgoing server in its place,
//! proven by a login there. The From address stays, so it is asked first whether receivers would refuse such mail.

use super::Tools;
use super::ask_hello::kept_apart;
use super::log_in::in_background;
use super::prove::prove_target;
use super::tested::Tested;
use crate::account::{Account, AuthSetting, CredentialSource, SubmissionServer, TlsMode};
use crate::codes::code_of;
use crate::diagnosis::{VerdictCode, proves};
use crate::plan::meeting::mechanisms;
use crate::plan::{self, Decision, Outcome, Reason};

/// The provider's server and the name to log in with there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderServer {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How it is protected; never without TLS.
    pub tls: TlsMode,
    /// The login name that the provider gave.
    pub user: String,
}

/// Decides anew for the accounts that have no route; the others stay as they are. Each login is tried at most once.
pub(super) async fn by_relay(tools: &Tools, tested: Vec<Tested>, servers: &[ProviderServer]) -> Vec<Tested> {
    let mut done = Vec::with_capacity(tested.len());
    for one in tested {
        let no_route = matches!(&one.decision, Decision::Leave { outcome: Outcome::NoRoute, .. });
        done.push(if no_route { moved_to_one_of(tools, one, servers).await } else { one });
    }
    done
}

async fn moved_to_one_of(tools: &Tools, tested: Tested, servers: &[ProviderServer]) -> Tested {
    let account = &tested.report.account;
    // What logs in by other means than a password would have to be taught another login, not just another server.
    if !matches!(account.outgoing.auth, AuthSetting::None | AuthSetting::Password | AuthSetting::Encrypted) {
        return tested;
    }
    let Some(server) = servers.first() else { return tested };
    if !tools.policy.allows_host(&server.host) {
        let message = format!("The policy does not allow accounts to be moved to {}.", server.host);
        let hint = "Ask whoever manages this computer to add the server to host_allow_list.";
        return left(tested, Outcome::Refused, Reason::new("host_not_allowed", message, hint));
    }
    let domain = account.email.as_deref().and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain);
    if let Some(domain) = domain
        && let Some(why) = tools.prober.refused_by(domain, &server.host).await
    {
        let reason = Reason::new(
            code_of(&VerdictCode::RelayUnsafe),
            format!("Receivers would refuse mail that comes by {}: {why}.", server.host),
            plan::hint(VerdictCode::RelayUnsafe),
        );
        return left(tested, Outcome::Refused, reason);
    }
    for server in servers {
        let mut survey = tools.prober.survey(&server.host, &[(server.port, server.tls)], &[]).await;
        survey.findings.named_by_policy = tools.policy.names_host(&server.host);
        if survey.findings.ports.iter().any(proves) {
            let proven = prove(tools, &mut survey, tested, server).await;
            survey.close().await;
            return proven;
        }
        survey.close().await;
    }
    let reason = Reason::new(
        "relay_unreachable",
        format!("{} offers no login inside verified encryption from here, so nothing is changed.", server.host),
        "Ask your internet provider for its outgoing mail server, and name it with --server HOST:PORT.",
    );
    left(tested, Outcome::NoRoute, reason)
}

async fn prove(tools: &Tools, survey: &mut crate::probe::Survey, tested: Tested, server: &ProviderServer) -> Tested {
    let Some(verdict) = tested.report.verdict.clone() else { return tested };
    let present = tested.report.account.clone();
    let seen = survey.findings.ports.iter().find(|seen| proves(seen));
    let abilities = tools.abilities(&present);
    let offered = seen.map_or_else(Vec::new, |seen| mechanisms(&abilities, server.tls, seen));
    let to = SubmissionServer {
        host: server.host.clone(),
        port: server.port,
        port_is_default: false,
        tls: server.tls,
        auth: AuthSetting::Password,
        credential: CredentialSource::Own,
        user: Some(server.user.clone()),
        mechanism: abilities.to_be_named(present.outgoing.mechanism, &offered),
    };
    if let Some(reason) = kept_apart(tools, &mut survey.findings, &present, &to).await {
        return left(tested, Outcome::Refused, reason);
    }
    // The mail program's password is the mail host's: it neither goes to the provider nor proves anything there.
    let there = Account { outgoing: to.clone(), password_in_client: false, ..present.clone() };
    let (host, user) = (server.host.clone(), server.user.clone());
    let credential = in_background(tools, &there, move |book, _| book.find_login(&host, &user)).await;
    let mut proven = prove_target(tools, survey, there, verdict, to, credential).await;
    proven.report.account = Account { password_in_client: false, ..present };
    proven.report.before = proven.report.after.is_some().then(|| proven.report.account.outgoing.clone());
    proven
}

fn left(mut tested: Tested, outcome: Outcome, reason: Reason) -> Tested {
    tested.report = tested.report.with_result(outcome, reason.clone());
    tested.decision = Decision::Leave { outcome, reason };
    tested
}
