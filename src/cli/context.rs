//! From flags to what a run is set up with, and what is asked of it: the machine, the policy, the prober, passwords,
//! consent, patience.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use port26_platform::computer::{Computer, Os};
use port26_platform::sealed::UserSeal;
use port26_platform::secrets::{Keychain, Secrets, Unlock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::UsageError;
pub(super) use super::another_machine::computer;
use super::args::{Global, Selection, Waits};
use super::output_mode::OutputMode;
use super::terminal::{Asks, Terminal};
use crate::clients::CLIENTS;
use crate::credentials::{AttemptLedger, Borrowing, CredentialBook, Given, Index, KeychainUse, Nobody, Refusals};
use crate::pipeline::{self, Consent, Discovery, Keeps, Patience, RepairError, Setup, Tools, discover_named};
use crate::policy::Policy;
use crate::probe::connect_to::ConnectTo;
use crate::probe::{Config, Prober};
use crate::report::Report;

/// Where journal and receipts are kept.
pub(super) fn state_dir(global: &Global) -> anyhow::Result<PathBuf> {
    match &global.state {
        Some(state) => std::path::absolute(state).with_context(|| format!("--state {}", state.display())),
        None => {
            port26_platform::computer::state_dir().context("finding the folder for receipts; give one with --state")
        }
    }
}

/// How to speak.
pub(super) fn manner(global: &Global) -> OutputMode {
    match (global.silent, global.json, global.quiet) {
        (_, true, _) => OutputMode::Json,
        (true, ..) => OutputMode::Silent,
        (_, _, true) => OutputMode::Quiet,
        _ if global.verbose > 0 => OutputMode::Detailed,
        _ => OutputMode::People,
    }
}

/// The policy: default < file < managed; flags of a verb are merged by the verb.
pub(super) fn policy(global: &Global) -> anyhow::Result<Policy> {
    Policy::load(Os::here(), global.policy.as_deref())
        .map_err(|error| UsageError::new(error.to_string(), "`port26 policy show` lists the settings.").into())
}

/// What a run works with on this machine, with whoever is at the terminal.
pub(super) fn tools(global: &Global, asks: Asks) -> anyhow::Result<Tools> {
    Ok(Tools::new(setup(global, computer(global)?, policy(global)?)?, Arc::new(Terminal::new(manner(global), asks))))
}

/// The same for a verb that changes settings: programs that are set by scripting may be launched for it. A dry run
/// disturbs nobody.
pub(super) fn tools_to_change(global: &Global, consent: Consent) -> anyhow::Result<Tools> {
    let computer = computer(global)?;
    let computer = if consent == Consent::DryRun { computer } else { computer.to_be_changed() };
    let asks = if consent == Consent::AskFirst { Asks::Somebody } else { Asks::Nobody };
    Ok(Tools::new(setup(global, computer, policy(global)?)?, Arc::new(Terminal::new(manner(global), asks))))
}

/// What the flags say of this machine, under this policy.
pub(super) fn setup(global: &Global, computer: Computer, policy: Policy) -> anyhow::Result<Setup> {
    let state = state_dir(global)?;
    let prober = Prober::new(probe_config(global, &policy)?).context("preparing TLS")?;
    let attempts = AttemptLedger::remembering(refusals(global, &state));
    let Passwords { given, secrets, keychain, borrowing } = passwords(global, &computer)?;
    Ok(Setup { computer, state, policy, prober, given, secrets, keychain, borrowing, attempts })
}

/// Passwords that were refused lately. A dry run adds none.
pub(super) fn refusals(global: &Global, state: &Path) -> Refusals {
    let refusals = Refusals::in_state(state);
    if global.dry_run { refusals.only_read() } else { refusals }
}

/// Where passwords come from.
struct Passwords {
    given: Given,
    secrets: Arc<dyn Secrets>,
    keychain: KeychainUse,
    borrowing: Option<Borrowing>,
}

/// Passwords at hand: standard input, the keychain, and what mail programs keep.
fn passwords(global: &Global, computer: &Computer) -> anyhow::Result<Passwords> {
    let given = if global.credential_stdin { given(&mut std::io::stdin().lock())? } else { Given::default() };
    // A profile that says which host gets whose password must not choose among several people's.
    if global.home.is_some() && given.is_open_list() {
        let message = "standard input has several passwords, and --home is one person's";
        return Err(UsageError::new(message, "Give that person's alone, or each as USER@@HOST:PASSWORD.").into());
    }
    let unlock = if super::prompt::interactive() && !global.silent { Unlock::Allowed } else { Unlock::Never };
    // Somebody else's home neither fills this user's keychain nor is opened with it, unless that is asked for.
    let keychain = if computer.own_session || global.keychain { KeychainUse::Full } else { KeychainUse::Off };
    let borrowing = Borrowing::of(computer, CLIENTS, Arc::new(UserSeal));
    Ok(Passwords { given, secrets: Arc::new(Keychain::new(unlock)), keychain, borrowing })
}

/// The passwords that are kept, with nobody to ask for others.
pub(super) fn kept_passwords(global: &Global, computer: &Computer) -> anyhow::Result<CredentialBook> {
    let Passwords { given, secrets, keychain, borrowing } = passwords(global, computer)?;
    let index = Index::in_state(&state_dir(global)?);
    Ok(CredentialBook::new(given, secrets, keychain, index, Box::new(Nobody)).borrowing(borrowing))
}

/// The passwords on standard input.
pub(super) fn given(input: &mut dyn std::io::Read) -> Result<Given, UsageError> {
    Given::read(input).map_err(|error| {
        UsageError::new(error.to_string(), "Give one USER:PASSWORD a line; it is split at the first colon.")
    })
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
    discover_named(&tools.computer, tools.clients, &selection.accounts).map_err(|unknown| told(unknown.into()))
}

/// Runs it to its end; why it could not go on is told as the command line tells it.
pub(super) fn run(work: impl Future<Output = Result<Report, RepairError>>) -> anyhow::Result<Report> {
    runtime()?.block_on(work).map_err(told)
}

fn told(error: RepairError) -> anyhow::Error {
    match error {
        RepairError::UnknownAccount(unknown) => {
            let hint = match nearest(&unknown.name, unknown.known.iter().map(String::as_str)) {
                Some(near) => format!("Did you mean {near}? `port26 scan` lists the accounts."),
                None => "`port26 scan` lists the accounts; name one by its id or its address.".to_owned(),
            };
            UsageError::new(unknown.to_string(), hint).into()
        }
        RepairError::NobodyToAsk => nobody_to_ask(error.to_string()).into(),
        RepairError::Writer(error) => error.into(),
        other => other.into(),
    }
}

/// How a verb that writes settings asks before it does; an error where it must and cannot.
pub(super) fn consent(global: &Global, verb: &str) -> Result<Consent, UsageError> {
    if global.dry_run {
        return Ok(Consent::DryRun);
    }
    if global.yes || global.silent {
        return Ok(Consent::Agreed);
    }
    if manner(global) == OutputMode::Json || !super::prompt::interactive() {
        return Err(nobody_to_ask(format!("{verb} must ask before it changes settings, and nobody can be asked here")));
    }
    Ok(Consent::AskFirst)
}

fn nobody_to_ask(message: String) -> UsageError {
    UsageError::new(message, "Add --yes to change without a question, or --dry-run to see what would change.")
}

/// A program that was asked to close has this long: time to answer whether a draft shall be kept.
const AFTER_ASKING: Duration = Duration::from_secs(60);

/// How long an open program is waited for. `None`: not at all.
pub(super) fn patience(waits: &Waits) -> Result<Option<Patience>, UsageError> {
    if !waits.wait && !waits.close {
        return match waits.wait_max {
            None => Ok(None),
            Some(_) => Err(UsageError::new(
                "--wait-max says how long to wait, and nothing is waited for",
                "Add --wait, or --close.",
            )),
        };
    }
    let given = waits.wait_max.map(|seconds| Duration::from_secs(seconds.into()));
    let limit = given.or_else(|| (!waits.wait).then_some(AFTER_ASKING));
    Ok(Some(Patience { close: waits.close, limit }))
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
    pipeline::runtime().context("starting the network runtime")
}

/// What a run with these flags may leave in the state folder.
pub(super) fn keeps(global: &Global) -> Keeps {
    if global.dry_run { Keeps::Nothing } else { Keeps::State }
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

    #[test]
    fn how_long_is_waited() {
        let patience =
            |wait, close, wait_max| patience(&Waits { wait, close, wait_max }).map_err(|error| error.to_string());
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(patience(false, false, None), Ok(None));
        assert_eq!(patience(true, false, None), Ok(Some(Patience { close: false, limit: None })));
        assert_eq!(patience(true, false, Some(5)), Ok(Some(Patience { close: false, limit: seconds(5) })));
        assert_eq!(patience(false, true, None), Ok(Some(Patience { close: true, limit: seconds(60) })));
        assert_eq!(patience(true, true, None), Ok(Some(Patience { close: true, limit: None })));
        assert_eq!(patience(false, true, Some(0)), Ok(Some(Patience { close: true, limit: seconds(0) })));
        assert!(patience(false, false, Some(5)).unwrap_err().contains("--wait-max"));
    }
}
