//! Stage 1: which mail clients are here and what they hold. One that cannot be read never hides the others.

use port26_platform::host::Host;

use crate::account::Account;
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

/// Looks for every client.
pub fn discover(host: &Host, clients: &[&dyn MailClient]) -> Discovery {
    let mut discovery = Discovery::default();
    for client in clients {
        match client.detect(host) {
            Ok(None) => {}
            Ok(Some(installation)) => {
                let found = client.accounts(host, &installation);
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
