//! Stage 1: which mail clients are here and what they hold. One that cannot be read never hides the others.

use port26_platform::computer::{Computer, Unread};

use crate::account::Account;
use crate::clients::installed::{Program, programs};
use crate::clients::{Installation, MailClient, Problem};

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Discovery {
    /// Mail programs.
    pub clients: Vec<Installation>,
    /// Their outgoing servers.
    pub accounts: Vec<Account>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// An account was named that is not there.
#[derive(Debug, thiserror::Error)]
#[error("there is no account {name} on this computer")]
pub struct UnknownAccount {
    /// What was named.
    pub name: String,
    /// The ids and addresses that there are.
    pub known: Vec<String>,
}

/// Looks for every client, and keeps the accounts that are named by id or address; all of them if none is named.
pub fn discover_named(
    computer: &Computer,
    clients: &[&dyn MailClient],
    names: &[String],
) -> Result<Discovery, UnknownAccount> {
    let mut found = discover(computer, clients);
    let known = || found.accounts.iter().flat_map(|one| one.emails.iter().chain([&one.id])).cloned().collect();
    let known: Vec<String> = if names.is_empty() { Vec::new() } else { known() };
    found.accounts = select(found.accounts, names).map_err(|name| UnknownAccount { name, known })?;
    Ok(found)
}

/// Looks for every client.
pub fn discover(computer: &Computer, clients: &[&dyn MailClient]) -> Discovery {
    let mut discovery = Discovery { problems: computer.unread.iter().map(unread).collect(), ..Discovery::default() };
    let mut installed = programs(computer);
    for client in clients {
        let programs = installed.remove(&client.id()).unwrap_or_default();
        match client.detect(computer) {
            // Installed, and never set up by this user.
            Ok(None) if !programs.is_empty() => {
                let (version, by_hand) = (version_of(&programs), client.by_hand());
                tracing::info!(client = ?client.id(), "installed, without profiles");
                discovery.clients.push(Installation { version, by_hand, programs, ..Installation::of(client.id()) });
            }
            Ok(None) => {}
            Ok(Some(mut installation)) => {
                installation.version = installation.version.or_else(|| version_of(&programs));
                installation.programs = programs;
                let found = client.accounts(computer, &installation);
                tracing::info!(client = ?client.id(), accounts = found.accounts.len(), problems = found.problems.len(), "found");
                discovery.accounts.extend(found.accounts);
                discovery.problems.extend(found.problems);
                discovery.clients.push(installation);
            }
            Err(problem) => discovery.problems.push(problem),
        }
    }
    discovery
}

/// What is nobody's own, and was not to be read.
fn unread(unread: &Unread) -> Problem {
    let Unread { at, code, message, hint } = unread.clone();
    Problem { client: None, at, code: code.to_owned(), message, hint }
}

/// The version that is told where the profiles tell none: of the first program that has one.
fn version_of(programs: &[Program]) -> Option<String> {
    programs.iter().find_map(|program| program.version.clone())
}

/// The accounts named by id or address; all if none is named. `Err` is the name that fits nothing.
pub fn select(accounts: Vec<Account>, wanted: &[String]) -> Result<Vec<Account>, String> {
    if wanted.is_empty() {
        return Ok(accounts);
    }
    let fits = |account: &Account, name: &String| {
        account.id == *name || account.emails.iter().any(|email| email.eq_ignore_ascii_case(name))
    };
    if let Some(nobody) = wanted.iter().find(|name| !accounts.iter().any(|account| fits(account, name))) {
        return Err(nobody.clone());
    }
    Ok(accounts.into_iter().filter(|account| wanted.iter().any(|name| fits(account, name))).collect())
}
