//! From flags to the things the stages work with: the machine, the policy, the prober, passwords, the writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use port26_platform::host::{Host, Os};
use port26_platform::sealed::UserSeal;
use port26_platform::secrets::{Asking, Keychain};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::UsageError;
pub(super) use super::another_machine::host;
use super::args::{Global, Selection};
use super::output::Manner;
use super::progress::{BesideSpinner, HiddenOnly, Lines, Spinner};
use crate::account::Notice;
use crate::apply::{ApplyError, RunTurn};
use crate::clients::CLIENTS;
use crate::credentials::{Ask, AttemptLedger, Borrowing, CredentialBook, Given, Index, KeychainUse, Nobody, Refusals};
use crate::diagnosis::VerdictCode;
use crate::network_history::{History, PortState};
use crate::pipeline::{Desk, Discovery, Events, Quiet, Tested, Tools, discover, select};
use crate::plan::Decision;
use crate::policy::Policy;
use crate::probe::connect_to::ConnectTo;
use crate::probe::{Config, Prober};

/// Where journal and receipts are kept.
pub(super) fn state_dir(global: &Global) -> anyhow::Result<PathBuf> {
    match &global.state {
        Some(state) => std::path::absolute(state).with_context(|| format!("--state {}", state.display())),
        None => port26_platform::host::state_dir().context("finding the folder for receipts; give one with --state"),
    }
}

/// How to speak.
pub(super) fn manner(global: &Global) -> Manner {
    match (global.silent, global.json, global.quiet) {
        (_, true, _) => Manner::Json,
        (true, ..) => Manner::Silent,
        (_, _, true) => Manner::Quiet,
        _ if global.verbose > 0 => Manner::Detailed,
        _ => Manner::People,
    }
}

/// The policy: default < file < managed; flags of a verb are merged by the verb.
pub(super) fn policy(global: &Global) -> anyhow::Result<Policy> {
    Policy::load(Os::here(), global.policy.as_deref())
        .map_err(|error| UsageError::new(error.to_string(), "`port26 policy show` lists the settings.").into())
}

/// Everything the stages need. Whoever is asked for passwords is the verb's choice.
pub(super) fn tools(global: &Global, ask: Box<dyn Ask>) -> anyhow::Result<Tools> {
    tools_on(host(global)?, global, ask)
}

/// The same for a verb that changes settings: programs that are set by scripting may be launched for it. A dry run
/// disturbs nobody.
pub(super) fn tools_to_change(global: &Global, ask: Box<dyn Ask>) -> anyhow::Result<Tools> {
    tools_on(host_to_change(global)?, global, ask)
}

/// The machine, for whoever changes settings.
pub(super) fn host_to_change(global: &Global) -> anyhow::Result<Host> {
    let host = host(global)?;
    Ok(if global.dry_run { host } else { host.to_be_changed() })
}

/// The same on this machine.
pub(super) fn tools_on(host: Host, global: &Global, ask: Box<dyn Ask>) -> anyhow::Result<Tools> {
    let state = state_dir(global)?;
    let policy = policy(global)?;
    let config = probe_config(global, &policy)?;
    let shows_progress = matches!(manner(global), Manner::People | Manner::Detailed) && super::prompt::interactive();
    let (events, ask): (Arc<dyn Events>, Box<dyn Ask>) = if shows_progress {
        let spinner = Arc::new(Spinner::default());
        (spinner.clone(), Box::new(BesideSpinner::new(spinner, ask)))
    } else if matches!(manner(global), Manner::People | Manner::Detailed) {
        (Arc::new(Lines), ask)
    } else if manner(global) == Manner::Quiet && super::prompt::interactive() {
        (Arc::new(HiddenOnly::default()), ask)
    } else {
        (Arc::new(Quiet), ask)
    };
    Ok(Tools {
        clients: CLIENTS,
        prober: Prober::new(config).context("preparing TLS")?,
        credentials: Arc::new(credentials(global, &host, ask)?),
        attempts: AttemptLedger::remembering(refusals(global, &state)),
        desk: Desk::new(state, &host, CLIENTS),
        policy,
        host,
        events,
    })
}

/// Passwords that were refused lately. A dry run adds none.
pub(super) fn refusals(global: &Global, state: &Path) -> Refusals {
    let refusals = Refusals::in_state(state);
    if global.dry_run { refusals.only_read() } else { refusals }
}

/// Passwords at hand: standard input, the keychain, and whoever may be asked.
pub(super) fn credentials(global: &Global, host: &Host, ask: Box<dyn Ask>) -> anyhow::Result<CredentialBook> {
    let given = if global.credential_stdin { given(&mut std::io::stdin().lock())? } else { Given::default() };
    // A profile that says which host gets whose password must not choose among several people's.
    if global.home.is_some() && given.is_open_list() {
        let message = "standard input has several passwords, and --home is one person's";
        return Err(UsageError::new(message, "Give that person's alone, or each as USER@@HOST:PASSWORD.").into());
    }
    let asking = if super::prompt::interactive() && !global.silent { Asking::Allowed } else { Asking::Never };
    // Somebody else's home neither fills this user's keychain nor is opened with it, unless that is asked for.
    let keychain = if host.own_session || global.keychain { KeychainUse::Full } else { KeychainUse::Off };
    let index = Index::in_state(&state_dir(global)?);
    let book = CredentialBook::new(given, Arc::new(Keychain::new(asking)), keychain, index, ask);
    Ok(book.borrowing(Borrowing::of(host, CLIENTS, Arc::new(UserSeal))))
}

/// The passwords on standard input.
pub(super) fn given(input: &mut dyn std::io::Read) -> Result<Given, UsageError> {
    Given::read(input).map_err(|error| {
        UsageError::new(error.to_string(), "Give one USER:PASSWORD a line; it is split at the first colon.")
    })
}

/// Nobody is asked.
pub(super) fn nobody() -> Box<dyn Ask> {
    Box::new(Nobody)
}

fn probe_config(global: &Global, policy: &Policy) -> anyhow::Result<Config> {
    let deadline = Duration::from_secs(policy.max_wait_s.value.into());
    let mut config = Config { deadline, greeting_patience: deadline, ..Config::default() };
    for rule in &global.connect_to {
        let parsed: ConnectTo = rule.parse().map_err(|error| {
            UsageError::new(format!("--connect-to {rule}: {error}"), "Write it as HOST:PORT:ADDR:PORT, as for curl.")
        })?;
        config.connect_to.push(parsed);
    }
    if let Some(path) = &global.ca {
        config.extra_anchors = anchors(path).map_err(|error| {
            UsageError::new(format!("--ca {}: {error}", path.display()), "Give a file with certificates in PEM form.")
        })?;
    }
    Ok(config)
}

fn anchors(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let anchors = CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>()?;
    anyhow::ensure!(!anchors.is_empty(), "there is no certificate in it");
    Ok(anchors)
}

/// Finds the accounts and keeps those named on the command line.
pub(super) fn discover_selected(tools: &Tools, selection: &Selection) -> anyhow::Result<Discovery> {
    let mut found = discover(&tools.host, tools.clients);
    let names: Vec<String> =
        found.accounts.iter().flat_map(|one| one.emails.iter().chain([&one.id])).cloned().collect();
    found.accounts = select(found.accounts, &selection.accounts).map_err(|nobody| {
        let known = names.iter().map(String::as_str);
        let hint = match nearest(&nobody, known) {
            Some(near) => format!("Did you mean {near}? `port26 scan` lists the accounts."),
            None => "`port26 scan` lists the accounts; name one by its id or its address.".to_owned(),
        };
        UsageError::new(format!("there is no account {nobody} on this computer"), hint)
    })?;
    Ok(found)
}

/// The name that was probably meant: a letter or two beside it, more in a long one.
fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let near = known.map(|name| (strsim::damerau_levenshtein(&typed, &name.to_lowercase()), name));
    let (distance, name) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= typed.chars().count().div_ceil(6).max(2)).then_some(name)
}

/// The runtime of the probe.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the network runtime")
}

/// What a run may leave in the state folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    /// What it has seen and done.
    State,
    /// Nothing (`--dry-run`).
    Nothing,
}

impl Keeps {
    /// As the flags say.
    pub(super) fn of(global: &Global) -> Self {
        if global.dry_run { Self::Nothing } else { Self::State }
    }
}

/// Another run at a terminal may wait for an answer of its user; this long is waited for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for the turn of this run, before any settings are read. A run that writes nothing needs none.
pub(super) fn turn(desk: &Desk, keeps: Keeps) -> Result<Option<RunTurn>, ApplyError> {
    if keeps == Keeps::Nothing {
        return Ok(None);
    }
    let waiting = |holder: &str| {
        tracing::info!("waiting for {holder}");
        super::page::remark(format_args!("{holder} is at work here; waiting for it, a minute at most"));
    };
    desk.writer().begin_run(PATIENCE, &waiting).map(Some)
}

/// Keeps in the state folder what this network did to the ports, and adds to each account why it used to work.
/// A history that cannot be kept is no reason to fail: it is logged.
pub(super) fn remember(tools: &Tools, tested: &mut [Tested], keeps: Keeps) {
    let signs = tools.prober.signs();
    let kept = History::load_or_begin(tools.desk.state()).and_then(|(mut history, damaged)| {
        if let Some(error) = damaged {
            tracing::warn!("what was remembered of networks is begun anew: {error}");
        }
        let Some(network) = history.id_to_keep(&signs) else { return Ok(()) };
        let now = jiff::Timestamp::now();
        for one in tested {
            let port = one.report.account.outgoing.port;
            let Some(state) = one.report.verdict.as_ref().and_then(|verdict| port_state(verdict.code)) else {
                continue;
            };
            history.note(&network, port, state, now);
            // It proved itself a moment ago, so it got through.
            if let Decision::Move { to } = &one.decision {
                history.note(&network, to.port, PortState::Open, now);
            }
            if let Some(told) = history.explain(&network, port).filter(|_| state == PortState::Blocked) {
                one.report.account.notices.push(Notice { code: "used_to_work".to_owned(), message: told });
            }
        }
        match keeps {
            Keeps::State => history.save(tools.desk.state()),
            Keeps::Nothing => Ok(()),
        }
    });
    if let Err(error) = kept {
        tracing::warn!("the history of this network was not kept: {error}");
    }
}

/// What a verdict says about the network; `None` if it says nothing.
fn port_state(code: VerdictCode) -> Option<PortState> {
    match code {
        VerdictCode::Ok | VerdictCode::AuthRequired | VerdictCode::BadCredentials => Some(PortState::Open),
        VerdictCode::PortBlockedNetwork
        | VerdictCode::PortBlockedExceptRelay
        | VerdictCode::UseSubmission
        | VerdictCode::NetworkBlocksMail
        | VerdictCode::RelayUnsafe => Some(PortState::Blocked),
        // What a VPN does is not what the network does.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_probably_meant() {
        let known = ["anna@hosting.test", "bert@hosting.test", "thunderbird/abcd.default/smtp1"];
        let meant = |typed| nearest(typed, known.into_iter());
        assert_eq!(meant("ana@hosting.test"), Some("anna@hosting.test"));
        assert_eq!(meant("ANNA@hostign.test"), Some("anna@hosting.test"));
        assert_eq!(meant("thunderbird/abcd.defaut/smtp1"), Some("thunderbird/abcd.default/smtp1"));
        assert_eq!(meant("carla@elsewhere.test"), None);
        assert_eq!(meant("b"), None);
    }
}
