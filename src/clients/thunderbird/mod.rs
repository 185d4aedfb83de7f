//! Thunderbird and its relatives (Betterbird, SeaMonkey, Postbox): one adapter, since they keep their
//! outgoing servers in the same preferences and differ in where the profiles are and in the default port.

mod bounds;
mod changes;
mod family;
mod gecko_ini;
mod kept_mail;
mod mail_folders;
mod migrations;
mod overrides;
mod part;
mod places;
mod policies;
mod preferences;
mod profile_path;
mod profiles;
mod senders;
mod servers;
mod store;
mod versions;

use std::collections::HashMap;
use std::path::Path;

use port26_platform::computer::{Computer, Os};

pub use family::Family;

use self::overrides::Start;
use self::part::Part;
use self::profiles::LastUse;
use self::store::Store;
use super::abilities::Abilities;
use super::{Found, InUse, Installation, MailClient, PlanError, Problem};
use crate::account::{Account, ClientId, SubmissionServer};
use crate::change::{Change, Slot};
use crate::formats::mozilla_logins::MozillaLogins;
use crate::formats::prefs_js::PrefsJs;
use crate::past_mail::KeptMail;

/// Mozilla Thunderbird; also the profiles that Betterbird shares with it.
pub static THUNDERBIRD: Family = Family {
    id: ClientId::Thunderbird,
    name: "Thunderbird",
    prefix: "thunderbird",
    roots: places::thunderbird,
    old_rules: false,
    policies: true,
    processes: &["thunderbird", "thunderbird-bin", "thunderbird-esr", "betterbird", "betterbird-bin"],
};

/// Betterbird from its own Flatpak. Elsewhere it uses Thunderbird's profiles, which are reported there.
pub static BETTERBIRD: Family = Family {
    id: ClientId::Betterbird,
    name: "Betterbird",
    prefix: "betterbird",
    roots: places::betterbird,
    old_rules: false,
    policies: true,
    processes: &["betterbird", "betterbird-bin"],
};

/// SeaMonkey.
pub static SEAMONKEY: Family = Family {
    id: ClientId::Seamonkey,
    name: "SeaMonkey",
    prefix: "seamonkey",
    roots: places::seamonkey,
    old_rules: true,
    policies: false,
    processes: &["seamonkey", "seamonkey-bin"],
};

/// Postbox, under its newer and its older folder.
pub static POSTBOX: Family = Family {
    id: ClientId::Postbox,
    name: "Postbox",
    prefix: "postbox",
    roots: places::postbox,
    old_rules: true,
    policies: false,
    processes: &["postbox", "postbox-bin"],
};

/// The process in the target of the symbolic link `lock`: `127.0.1.1:+12345`.
fn lock_pid(target: &str) -> Option<u32> {
    target.rsplit_once('+').and_then(|(_, pid)| pid.parse().ok())
}

impl Family {
    /// Nothing was found, and the place where it would be cannot be looked at. Told once for the family.
    fn out_of_reach(&self, computer: &Computer) -> Option<Problem> {
        let place = computer.folders.roaming_elsewhere.as_deref().filter(|_| self.id == ClientId::Thunderbird)?;
        Some(Problem {
            client: Some(self.id),
            at: place.to_owned(),
            code: "folder_not_reachable".to_owned(),
            message: format!("This user's settings folder (AppData) was moved to {place}, which cannot be reached from here."),
            hint: "Run port26 on that computer, signed in as that user; or copy the folder to AppData\\Roaming below the one given with --home.".to_owned(),
        })
    }

    fn profile_accounts(&self, computer: &Computer, name: &str, id: String, path: &Path, found: &mut Found) {
        let Some(prefs) = self.prefs(path, &mut found.problems) else { return };
        let logins = self.logins(path, &mut found.problems);
        self.started(computer, path, &prefs, |store, major| {
            let logins = logins.as_ref();
            servers::Profile { family: self, name, id, path, prefs: &prefs, store, logins, major }.read(found);
        });
    }

    /// What a start of the program makes of a profile, for whoever asks about it.
    fn started<T>(
        &self,
        computer: &Computer,
        path: &Path,
        prefs: &PrefsJs,
        ask: impl FnOnce(&Store, Option<u32>) -> T,
    ) -> T {
        let last_use = LastUse::of(path);
        let mut store = Start { computer, profile: path, last_use: &last_use, policies: self.policies }.store(prefs);
        if !self.old_rules && last_use.major().is_none_or(|major| major >= servers::STARTTLS_IS_SURE) {
            migrations::apply(&mut store);
        }
        ask(&store, last_use.major())
    }

    /// `None`: there are none, or they cannot be read, which is told.
    fn prefs(&self, profile: &Path, problems: &mut Vec<Problem>) -> Option<PrefsJs> {
        let file = profile.join("prefs.js");
        let read = bounds::read(&file).and_then(|bytes| match bytes.map(|bytes| PrefsJs::parse(&bytes)) {
            // The program never leaves it so; a full disk or a power cut does.
            Some(Ok(prefs)) if prefs.is_empty() => Err("there are no settings in the file".to_owned()),
            parsed => parsed.transpose().map_err(|error| error.to_string()),
        });
        self.or_told(read, &file, "unreadable_profile", "The settings", problems)
    }

    /// The same for the saved passwords.
    fn logins(&self, profile: &Path, problems: &mut Vec<Problem>) -> Option<MozillaLogins> {
        let file = profile.join("logins.json");
        let read = bounds::read(&file).and_then(|bytes| {
            bytes.map(|bytes| MozillaLogins::parse(&bytes)).transpose().map_err(|error| error.to_string())
        });
        self.or_told(read, &file, "unreadable_logins", "The saved passwords", problems)
    }

    fn or_told<T>(
        &self,
        read: Result<Option<T>, String>,
        file: &Path,
        code: &str,
        what: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        read.unwrap_or_else(|why| {
            let problem = self.problem(file, code, what, &why);
            problems.push(match bounds::not_allowed(file) {
                Some(error) => Problem { code: error.code().to_owned(), hint: error.hint().to_owned(), ..problem },
                None => problem,
            });
            None
        })
    }
}

impl MailClient for Family {
    fn id(&self) -> ClientId {
        self.id
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        let mut found = profiles::discover(self, computer);
        if !found.any_root {
            return self.out_of_reach(computer).map_or(Ok(None), Err);
        }
        // with other profiles at hand the problem is told along with their accounts
        if found.list.is_empty() && found.unread {
            return Err(found.problems.swap_remove(0));
        }
        let version = found.list.iter().filter_map(|at| at.path.as_deref()).find_map(|path| LastUse::of(path).version);
        Ok(Some(Installation { version, profiles: found.list, ..Installation::of(self.id) }))
    }

    fn accounts(&self, computer: &Computer, at: &Installation) -> Found {
        let mut found = Found { accounts: Vec::new(), problems: profiles::discover(self, computer).problems };
        let mut folders: HashMap<String, usize> = HashMap::new();
        for profile in &at.profiles {
            let Some(path) = profile.path.as_deref() else { continue };
            let folder = profiles::folder_name(path);
            // a snap or Flatpak starts with a copy of the older profile, under the same name
            let twins = folders.entry(folder.clone()).or_default();
            *twins += 1;
            let id = if *twins == 1 { folder } else { format!("{folder}~{twins}") };
            self.profile_accounts(computer, &profile.name, id, path, &mut found);
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        changes::changes(account, to)
    }

    fn abilities(&self, _computer: &Computer, account: &Account) -> Abilities {
        versions::abilities(account)
    }

    fn in_use(&self, computer: &Computer, account: &Account) -> InUse {
        let file = account.settings.get(Part::Port.setting()).map(|setting| &setting.slot);
        let Some(Slot::Setting { file, .. }) = file else { return InUse::No };
        let Some(profile) = file.parent() else { return InUse::No };
        let lock = if computer.os == Os::Windows { "parent.lock" } else { ".parentlock" };
        if let Some(holder) = computer.processes.lock_holder(&profile.join(lock)) {
            return InUse::Yes(holder.pid);
        }
        if computer.os == Os::Linux
            && let Ok(target) = std::fs::read_link(profile.join("lock"))
            && let Some(pid) = lock_pid(&target.to_string_lossy())
            && computer.processes.running(self.processes).contains(&pid)
        {
            return InUse::Yes(Some(pid));
        }
        InUse::No
    }

    fn kept_mail(&self, computer: &Computer, accounts: &[&Account]) -> Vec<KeptMail> {
        kept_mail::of(self, computer, accounts)
    }

    fn process_names(&self) -> &'static [&'static str] {
        self.processes
    }
}

#[cfg(test)]
mod tests;
