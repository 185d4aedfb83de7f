//! From flags to the things the stages work with: the machine, the policy, the prober, passwords, the writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use port26_platform::host::{Host, Os};
use port26_platform::registry::RegFile;
use port26_platform::registry::Registry;

use super::UsageError;
use super::args::{Global, OsName, Selection};
use super::output::Manner;
use super::progress::Spinner;
use crate::apply::Writer;
use crate::clients::CLIENTS;
use crate::credentials::{CredentialBook, Keychain, StdinCredentials};
use crate::pipeline::{Discovery, Events, Quiet, Tools, discover, select};
use crate::policy::Policy;
use crate::probe::{Config, ConnectTo, Prober};

/// The machine to work on.
pub(super) fn host(global: &Global) -> anyhow::Result<Host> {
    let registry = global.registry.as_deref().map(registry_file).transpose()?;
    match &global.home {
        None => {
            let mut host = Host::this_machine().context("finding this user's folders")?;
            if let Some(registry) = registry {
                host.registry = Some(registry);
            }
            Ok(host)
        }
        Some(home) => {
            if !home.is_dir() {
                let message = format!("--home {}: there is no such folder", home.display());
                return Err(UsageError::new(message, "Give the user's home folder, e.g. /mnt/disk/Users/jan.").into());
            }
            let home = std::path::absolute(home).with_context(|| format!("--home {}", home.display()))?;
            let os = global.os.map_or_else(|| guess_os(&home), |name| Ok(os(name)))?;
            Ok(Host::folder(home, os, registry))
        }
    }
}

fn os(name: OsName) -> Os {
    match name {
        OsName::Windows => Os::Windows,
        OsName::Macos => Os::Macos,
        OsName::Linux => Os::Linux,
    }
}

/// Whose layout a home folder has, when exactly one fits.
fn guess_os(home: &Path) -> anyhow::Result<Os> {
    let windows = home.join("AppData").is_dir();
    let macos = home.join("Library").is_dir();
    match (windows, macos) {
        (true, false) => Ok(Os::Windows),
        (false, true) => Ok(Os::Macos),
        (false, false) => Ok(Os::Linux),
        (true, true) => Err(UsageError::new(
            format!("--home {} looks like Windows and like macOS", home.display()),
            "Say which with --os windows or --os macos.",
        )
        .into()),
    }
}

fn registry_file(path: &Path) -> anyhow::Result<Arc<dyn Registry>> {
    if !path.is_file() {
        let message = format!("--registry {}: there is no such file", path.display());
        return Err(UsageError::new(message, "Export HKEY_CURRENT_USER with regedit and give that .reg file.").into());
    }
    let path = std::path::absolute(path).with_context(|| format!("--registry {}", path.display()))?;
    Ok(Arc::new(RegFile::open(&path).context("reading the exported registry")?))
}

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
        _ => Manner::People,
    }
}

/// The policy: default < file < managed.
pub(super) fn policy(global: &Global) -> anyhow::Result<Policy> {
    Policy::load(global.policy.as_deref()).map_err(|error| UsageError::new(error.to_string(), error.hint()).into())
}

/// The writer on this machine, after putting right what an interrupted run left.
pub(super) fn writer(global: &Global, host: &Host) -> anyhow::Result<Writer> {
    Ok(Writer::new(&state_dir(global)?, host)?)
}

/// Everything the stages need.
pub(super) fn tools(global: &Global) -> anyhow::Result<Tools> {
    let host = host(global)?;
    let given = if global.credential_stdin {
        let given = StdinCredentials::read(std::io::stdin().lock());
        given.map_err(|error| UsageError::new(error.to_string(), "One USER:PASSWORD a line, split at the first colon."))?
    } else {
        StdinCredentials::default()
    };
    let shows_progress = manner(global) == Manner::People && super::prompt::interactive();
    let events: Arc<dyn Events> = if shows_progress { Arc::new(Spinner::new()) } else { Arc::new(Quiet) };
    Ok(Tools {
        clients: CLIENTS,
        policy: policy(global)?,
        prober: Arc::new(Prober::new(probe_config(global)?).context("preparing TLS")?),
        credentials: CredentialBook::new(given, keychain(global, &host)?),
        writer: writer(global, &host)?,
        host,
        events,
    })
}

/// The keychain that may be used: somebody else's home never fills this user's, unless asked to.
pub(super) fn keychain(global: &Global, host: &Host) -> anyhow::Result<Keychain> {
    let state = state_dir(global)?;
    Ok(if host.own_session || global.keychain { Keychain::of_this_user(&state) } else { Keychain::closed() })
}

fn probe_config(global: &Global) -> anyhow::Result<Config> {
    let mut config = Config::default();
    for rule in &global.connect_to {
        let parsed: ConnectTo = rule.parse().map_err(|error| {
            UsageError::new(format!("--connect-to {rule}: {error}"), "Write it as HOST:PORT:ADDR:PORT, as for curl.")
        })?;
        config.connect_to.push(parsed);
    }
    if let Some(path) = &global.ca {
        let anchors = std::fs::read(path).with_context(|| format!("--ca {}", path.display()))?;
        config.add_anchors_pem(&anchors).map_err(|error| {
            UsageError::new(format!("--ca {}: {error}", path.display()), "Give a file with certificates in PEM form.")
        })?;
    }
    Ok(config)
}

/// Finds the accounts and keeps those named on the command line.
pub(super) fn discover_selected(tools: &Tools, selection: &Selection) -> anyhow::Result<Discovery> {
    let mut found = discover(&tools.host, tools.clients);
    found.accounts = select(found.accounts, &selection.accounts).map_err(|nobody| {
        UsageError::new(
            format!("there is no account {nobody} on this computer"),
            "`port26 scan` lists the accounts; name one by its id or its address.",
        )
    })?;
    Ok(found)
}

/// The runtime of the probe.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("starting the network runtime")
}
