//! Apple Mail. Up to OS X 10.10 its accounts are arrays in one property list, edited like any file. Later versions keep
//! them in a database of the system that nobody else may write: Mail itself sets them, asked by scripting ([`scripting`]).

use std::path::Path;

use port26_platform::computer::{Computer, Os};
use port26_platform::files;
use port26_platform::scripts::{App, Visit};

use self::property_list::read;
use self::words::{by_hand, unreadable};
use super::abilities::Abilities;
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt};
use crate::account::{Account, ClientId, SubmissionServer};
use crate::change::Change;
use crate::formats::plist_doc::PlistDoc;

mod accounts_db;
mod asked;
mod fields;
mod outgoing;
mod plan;
mod property_list;
mod scripting;
mod system;
mod without_server;
mod words;

/// The files of that era, the newest layout first.
const FILES: [&str; 3] = [
    "Library/Mail/V2/MailData/Accounts.plist",
    "Library/Containers/com.apple.mail/Data/Library/Preferences/com.apple.mail.plist",
    "Library/Preferences/com.apple.mail.plist",
];

/// Apple Mail.
pub static APPLE_MAIL: AppleMail = AppleMail;

/// Apple Mail.
#[derive(Debug)]
pub struct AppleMail;

impl MailClient for AppleMail {
    fn id(&self) -> ClientId {
        ClientId::AppleMail
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        if computer.os != Os::Macos {
            return Ok(None);
        }
        let home = &computer.folders.home;
        let mut here = Installation::of(ClientId::AppleMail);
        if keeps_accounts_itself(home) {
            here.profiles = vec![ProfileAt { name: "Mail".to_owned(), path: Some(accounts_db::file(home)), key: None }];
            if computer.scripts.visit(&asked::mail()) == Visit::Nowhere {
                here.by_hand = by_hand();
            }
            return Ok(Some(here));
        }
        let mut any = false;
        for file in FILES.map(|file| home.join(file)) {
            let Some(bytes) = files::read(&file).map_err(|error| unreadable(&file, &error))? else { continue };
            any = true;
            // A file that cannot be read is taken as well, so that `accounts` can say what is wrong with it.
            let has_servers = PlistDoc::parse(&bytes).and_then(|doc| doc.count("DeliveryAccounts"));
            if has_servers.as_ref().map_or(true, |count| count.is_some_and(|count| count > 0)) {
                here.profiles = vec![ProfileAt { name: "Mail".to_owned(), path: Some(file), key: None }];
                return Ok(Some(here));
            }
        }
        // Window settings without any account: the accounts are elsewhere, or there are none yet.
        here.by_hand = by_hand();
        Ok(any.then_some(here))
    }

    fn scripted_app(&self) -> Option<App> {
        Some(asked::mail())
    }

    fn accounts(&self, computer: &Computer, at: &Installation) -> Found {
        let mut found = Found::default();
        for file in at.profiles.iter().filter_map(|profile| profile.path.as_deref()) {
            if file.extension().is_some_and(|extension| extension == "sqlite") {
                return keeps_itself(computer, file);
            }
            let doc = match files::read(file) {
                Ok(Some(bytes)) => PlistDoc::parse(&bytes).map_err(|error| unreadable(file, &error)),
                Ok(None) => continue,
                Err(error) => Err(unreadable(file, &error)),
            };
            match doc.and_then(|doc| read(&doc, file, &mut found).map_err(|error| unreadable(file, &error))) {
                Ok(()) => {}
                Err(problem) => found.problems.push(problem),
            }
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        if account.settings.contains_key("default_ports") {
            plan::changes(account, to)
        } else {
            scripting::changes(account, to)
        }
    }

    fn abilities(&self, computer: &Computer, account: &Account) -> Abilities {
        system::abilities(computer, account)
    }

    fn in_use(&self, computer: &Computer, _account: &Account) -> InUse {
        InUse::while_runs(computer, &["Mail"])
    }

    /// Whatever is in it: Mail has one profile, and reading it may launch Mail.
    fn profile_in_use(&self, computer: &Computer, _profile: &str) -> InUse {
        InUse::while_runs(computer, &["Mail"])
    }
}

/// The accounts of a Mail that keeps them itself: from the database, and from Mail where something is to be changed.
fn keeps_itself(computer: &Computer, file: &Path) -> Found {
    let read = accounts_db::read(file);
    if computer.scripts.visit(&asked::mail()) != Visit::Allowed {
        return accounts_db::accounts_found(computer, file, read);
    }
    let database = match read {
        // Nobody here uses Mail: it is not launched for nothing, and shows nobody its welcome.
        Ok(Some(database)) if database.is_empty() => return database.without_server(),
        Ok(database) => database,
        // Without the permission to look, Mail's own folder tells that it was used.
        Err(_) => None,
    };
    if database.is_none() && !computer.folders.home.join("Library/Mail").exists() {
        return Found::default();
    }
    let database = database.unwrap_or_default();
    let mut found = scripting::accounts(computer, |name, user| database.extra(name, user));
    found.problems.extend(database.without_server().problems);
    found
}

/// Is this a Mac whose Mail has its accounts in the system's database?
fn keeps_accounts_itself(home: &Path) -> bool {
    let denied = |error: &std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    match std::fs::metadata(home.join("Library/Accounts/Accounts4.sqlite")) {
        Ok(_) => return true,
        // Only systems of that kind keep programs out of these folders.
        Err(error) if denied(&error) => return true,
        Err(_) => {}
    }
    let is_later = |name: &str| name.strip_prefix('V').and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n >= 3);
    match std::fs::read_dir(home.join("Library/Mail")) {
        Ok(entries) => entries.flatten().any(|entry| is_later(&entry.file_name().to_string_lossy())),
        Err(error) => denied(&error),
    }
}

#[cfg(test)]
mod tests;
