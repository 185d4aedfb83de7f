//! The rehearsal itself: the real pipeline on four invented machines, from the blocked port to the message
//! that arrives, and back to the last byte.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use futures::stream::FuturesOrdered;
use port26_platform::computer::{Computer, Os};
use port26_platform::registry::{RegFile, Registry, RegistryError};
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::certificates::{Authority, CertificateError};
use super::isp::Isp;
use super::machines::{HostNames, Machine, MachineError, accounts_on_host, build_all};
use super::mail_host::{MailHost, MailHostConfig, MailHostError, Service};
use super::provider::Provider;
use crate::apply::{ApplyError, RunId, Selector};
use crate::clients::scripted;
use crate::credentials::{Given, GivenError};
use crate::pipeline::{Alone, Consent, RepairError, Request, Setup, TestMailError, Tools, repair, send_test};
use crate::plan::Outcome;
use crate::probe::{Config, ProbeError, Prober};
use crate::report::AccountReport;

/// How long a message may take to arrive.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection to this computer itself may take.
const LOOPBACK: Duration = Duration::from_secs(2);

/// Why a rehearsal could not be held.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum RehearsalError {
    #[error("the temporary folder of the rehearsal")]
    Folder(#[source] std::io::Error),
    #[error("programs on this computer cannot reach each other over the network (loopback, 127.0.0.1)")]
    NoLoopback(#[source] std::io::Error),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    MailHost(#[from] MailHostError),
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("the words of scriptable programs: {0}")]
    Scripted(#[from] serde_json::Error),
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error(transparent)]
    Credentials(#[from] GivenError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Repair(#[from] RepairError),
    #[error("{account}: {source}")]
    Send { account: String, source: TestMailError },
}

impl RehearsalError {
    /// Stable code and next step, where there is one of its own.
    pub fn code_and_hint(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::NoLoopback(_) => Some((
                "no_loopback",
                "Switch the loopback interface on (Linux: `ip link set lo up`) and let the firewall pass it, then run this again.",
            )),
            _ => None,
        }
    }
}

/// What was seen on one machine.
#[derive(Debug, Clone, Serialize)]
pub struct MachineReport {
    /// What its owner calls it.
    pub name: String,
    /// Whose layout it has.
    pub os: Os,
    /// Its accounts after the fix.
    pub accounts: Vec<AccountReport>,
    /// Accounts that were moved.
    pub moved: usize,
    /// Messages that arrived through port 26, logged in and encrypted.
    pub messages_arrived: usize,
    /// After undo every byte was what it had been.
    pub bytes_restored: bool,
}

/// What was seen in the whole rehearsal.
#[derive(Debug, Clone, Serialize)]
pub struct RehearsalReport {
    /// One entry a machine.
    pub machines: Vec<MachineReport>,
    /// Over all machines.
    pub messages_arrived: usize,
    /// Over all machines.
    pub bytes_restored: bool,
    /// A password was sent before TLS was verified. Must be false.
    pub password_before_tls: bool,
}

impl RehearsalReport {
    /// Everything went as it should: each moved account sent, nothing leaked, every byte is back.
    pub fn succeeded(&self) -> bool {
        let moved: usize = self.machines.iter().map(|machine| machine.moved).sum();
        moved > 0 && self.messages_arrived == moved && self.bytes_restored && !self.password_before_tls
    }
}

/// Holds the rehearsal in a temporary folder that is gone afterwards, also when this is dropped half way. All machines are
/// worked on at once; `done` hears of each as soon as it and those before it are done, so always in the same order.
pub async fn rehearse(done: impl Fn(&MachineReport)) -> Result<RehearsalReport, RehearsalError> {
    loopback().await.map_err(RehearsalError::NoLoopback)?;
    let stage = Stage::build().await?;
    let at_once = stage.machines.iter().map(|machine| stage.one_machine(machine));
    let mut in_order = at_once.collect::<FuturesOrdered<_>>();
    let mut machines = Vec::with_capacity(stage.machines.len());
    while let Some(report) = in_order.try_next().await? {
        done(&report);
        machines.push(report);
    }
    drop(in_order);
    let record = stage.mail_host.stop().await;
    Ok(RehearsalReport {
        messages_arrived: machines.iter().map(|machine| machine.messages_arrived).sum(),
        bytes_restored: machines.iter().all(|machine| machine.bytes_restored),
        password_before_tls: record.any_password_before_tls(),
        machines,
    })
}

/// The invented hosts listen on this computer's loopback address. Where that leads nowhere (a fresh network namespace, a
/// firewall), every port would look shut, and the rehearsal would blame its invented provider.
async fn loopback() -> std::io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    timeout(LOOPBACK, TcpStream::connect(address))
        .await
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    Ok(())
}

/// The invented machines, and the invented world around them.
struct Stage {
    machines: Vec<Machine>,
    mail_host: MailHost,
    config: Config,
    /// Gone with the rehearsal.
    folder: tempfile::TempDir,
}

impl Stage {
    async fn build() -> Result<Self, RehearsalError> {
        let folder = tempfile::Builder::new().prefix("port26-try-").tempdir().map_err(RehearsalError::Folder)?;
        let names = HostNames::default();
        let authority = Authority::new("Rehearsal CA")?;
        let mail_host = MailHost::start(MailHostConfig {
            host_name: names.hosting.clone(),
            domains: names.domains().map(str::to_owned).to_vec(),
            accounts: accounts_on_host(&names),
            services: Service::usual(),
            certificate: authority.server(&names.names())?,
        })
        .await?;
        let provider = Provider::new(Isp::that_blocks_25(), names.names(), mail_host.addresses());
        let config =
            Config { extra_anchors: vec![authority.der()], network: Some(Arc::new(provider)), ..Config::default() };
        let machines = build_all(folder.path(), &names)?;
        Ok(Self { machines, mail_host, config, folder })
    }

    fn state_of(&self, machine: &Machine) -> PathBuf {
        self.folder.path().join(format!("state of {}", machine.name))
    }

    async fn one_machine(&self, machine: &Machine) -> Result<MachineReport, RehearsalError> {
        // Each computer has its own prober: they would wait for each other's conversations.
        let tools = tools(machine, &self.state_of(machine), Prober::new(self.config.clone())?)?;
        let before = machine.fingerprint()?;
        let accounts = repair(&tools, &Request::fix(Consent::Agreed)).await?.accounts;
        let mut arrived = 0;
        let mut moved = 0;
        for report in accounts.iter().filter(|report| report.result == Some(Outcome::Fixed)) {
            moved += 1;
            let Some(server) = &report.after else { continue };
            let subject = format!("Sent again by {}", report.account.id);
            send_test(&tools, &report.account, server, &subject)
                .await
                .map_err(|source| RehearsalError::Send { account: report.account.id.clone(), source })?;
            let message = self.mail_host.wait_for(&subject, PATIENCE).await;
            let as_meant = |message: &super::mail_host::Message| {
                message.public_port == 26 && message.tls.is_some() && message.user.is_some()
            };
            arrived += usize::from(message.as_ref().is_some_and(as_meant));
        }
        tools.kit.writer().undo(&Selector::All, &RunId::start())?;
        let after = machine.fingerprint()?;
        Ok(MachineReport {
            name: machine.name.clone(),
            os: machine.os,
            accounts,
            moved,
            messages_arrived: arrived,
            bytes_restored: before == after,
        })
    }
}

fn tools(machine: &Machine, state: &Path, prober: Prober) -> Result<Tools, RehearsalError> {
    let registry = match &machine.registry {
        None => None,
        Some(file) => Some(Arc::new(RegFile::open(file)?) as Arc<dyn Registry>),
    };
    let mut computer = Computer::folder(&machine.home, machine.os, registry);
    if let Some(file) = &machine.scripted {
        computer.scripts = Arc::new(scripted::twin(file)?);
    }
    let typed: String = machine.credentials.iter().map(|(user, password)| format!("{user}:{password}\n")).collect();
    let given = Given::read(&mut typed.as_bytes())?;
    Ok(Tools::new(Setup { given, ..Setup::apart(computer, state, prober) }, Arc::new(Alone)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network_history::{History, PortState};

    /// It goes the way of `fix`: a machine also remembers what the network did to its ports.
    #[tokio::test]
    async fn what_is_rehearsed_is_the_whole_of_fix() {
        let stage = Stage::build().await.unwrap();
        let machine = stage.machines.iter().find(|machine| machine.os == Os::Linux).unwrap();
        stage.one_machine(machine).await.unwrap();
        let history = History::load(&stage.state_of(machine)).unwrap();
        let seen: Vec<(u16, PortState)> = history.spans.iter().map(|span| (span.port, span.state)).collect();
        assert!(seen.contains(&(25, PortState::Blocked)) && seen.contains(&(26, PortState::Open)), "{seen:?}");
    }
}
