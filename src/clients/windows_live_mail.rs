//! Windows Mail (Vista) and Windows Live Mail: one `.oeaccount` file an account, below the store folder that
//! the registry names. Both programs read the same format in the same way.

use std::path::{Path, PathBuf};

use port26_platform::computer::written_path::{Located, Profile, descend};
use port26_platform::computer::{Computer, Os};

use self::account_file::{AccountFile, FileTrouble, dword, sicily};
use super::abilities::{Abilities, table, windows};
use super::providers::{https_server, owner_of};
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt};
use crate::account::{Account, AuthSetting, ClientId, CredentialSource, NotOurs, Setting, SubmissionServer, TlsMode};
use crate::change::{Change, Content};
use crate::past_mail::KeptMail;

mod account_file;
mod kept_mail;
mod store;

/// Deepest folder, below the store, in which account files are looked for.
const DEPTH: usize = 3;

/// Windows Live Mail, all versions.
pub static WINDOWS_LIVE_MAIL: WindowsMail = WindowsMail {
    id: ClientId::WindowsLiveMail,
    word: "windows_live_mail",
    name: "Windows Live Mail",
    process: "wlmail.exe",
};

/// Windows Mail of Windows Vista.
pub static WINDOWS_MAIL: WindowsMail =
    WindowsMail { id: ClientId::WindowsMail, word: "windows_mail", name: "Windows Mail", process: "winmail.exe" };

/// One of the two programs.
#[derive(Debug)]
pub struct WindowsMail {
    id: ClientId,
    /// First part of account ids.
    word: &'static str,
    /// Registry key and default folder below `Microsoft`.
    name: &'static str,
    process: &'static str,
}

impl MailClient for WindowsMail {
    fn id(&self) -> ClientId {
        self.id
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        if computer.os != Os::Windows {
            return Ok(None);
        }
        let Some(root) = self.store(computer)? else { return Ok(None) };
        // One store can serve one program only; the newer one takes it over.
        if self.id == ClientId::WindowsMail
            && WINDOWS_LIVE_MAIL.store(computer).is_ok_and(|other| other.as_ref() == Some(&root))
        {
            return Ok(None);
        }
        let profile = ProfileAt { name: profile_name(&root), path: Some(root), key: None };
        Ok(Some(Installation { profiles: vec![profile], ..Installation::of(self.id) }))
    }

    fn accounts(&self, _host: &Computer, at: &Installation) -> Found {
        let mut found = Found::default();
        for root in at.profiles.iter().filter_map(|profile| profile.path.as_deref()) {
            let mut seen = std::collections::BTreeSet::new();
            let (files, closed) = store::account_files(root, DEPTH);
            for (folder, error) in closed {
                found.problems.push(self.problem(
                    &folder,
                    "folder_unreadable",
                    format!("This folder cannot be listed: {error}."),
                    "Give the user who runs port26 the right to read it.",
                ));
            }
            for file in files {
                match self.read(root, &file) {
                    Ok(Some(account)) if seen.insert(account.id.clone()) => found.accounts.push(account),
                    Ok(Some(_)) => found.problems.push(self.problem(
                        &file,
                        "duplicate_account_file",
                        "A second file describes the same account; it is left alone.".to_owned(),
                        "Open the mail program once, close it, and look again.",
                    )),
                    Ok(None) => {}
                    Err(why) => found.problems.push(self.problem(
                        &file,
                        "account_file_unreadable",
                        format!("This account file cannot be read: {why}."),
                        "The other accounts are not affected. Open this account's properties in the mail program and save them.",
                    )),
                }
            }
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        let now = &account.outgoing;
        let mut plan = Plan { account, changes: Vec::new() };
        let cannot = |why: &str| Err(PlanError::CannotExpress { client: self.id, why: why.to_owned() });
        match (to.tls, to.port) {
            (TlsMode::Starttls, 465) => return cannot("it never uses STARTTLS on port 465"),
            (TlsMode::Implicit, port) if port != 465 => {
                return cannot("it uses TLS from the first byte only on port 465, and STARTTLS on every other port");
            }
            _ => {}
        }
        if to.host != now.host {
            plan.write("server", format!("SZ:{}", quick_xml::escape::partial_escape(to.host.as_str())))?;
        }
        if to.port != now.port {
            plan.number("port", u32::from(to.port))?;
        }
        let (secure, was_secure) = (to.tls != TlsMode::None, now.tls != TlsMode::None);
        if secure != was_secure {
            plan.number("secure", u32::from(secure))?;
        }
        if (to.auth, to.credential, &to.user) != (now.auth, now.credential, &now.user) {
            let wanted = self.login(account, to)?;
            if plan.written("auth")? != Some(wanted) && !(wanted == sicily::NONE && plan.raw("auth")?.is_none()) {
                plan.number("auth", wanted)?;
            }
            if matches!(wanted, sicily::OWN | sicily::SPA)
                && let Some(user) = to.user.as_deref()
            {
                let raw = format!("SZ:{}", quick_xml::escape::partial_escape(user));
                if plan.raw("user")?.as_deref() != Some(raw.as_str()) {
                    plan.write("user", raw)?;
                }
            }
        }
        Ok(plan.changes)
    }

    fn abilities(&self, computer: &Computer, _account: &Account) -> Abilities {
        match self.id {
            // Vista's own, and on no other Windows.
            ClientId::WindowsMail => table::WINDOWS_MAIL,
            _ => Abilities { tls: windows::schannel(computer), ..table::WINDOWS_LIVE_MAIL },
        }
    }

    fn kept_mail(&self, computer: &Computer, accounts: &[&Account]) -> Vec<KeptMail> {
        let store = self.store(computer).ok().flatten();
        accounts.iter().map(|account| kept_mail::of(account, store.as_deref())).collect()
    }

    fn in_use(&self, computer: &Computer, _account: &Account) -> InUse {
        InUse::while_runs(computer, &[self.process])
    }
}

impl WindowsMail {
    fn problem(&self, at: &Path, code: &str, message: String, hint: &str) -> Problem {
        Problem {
            client: Some(self.id),
            at: at.display().to_string(),
            code: code.to_owned(),
            message,
            hint: hint.to_owned(),
        }
    }

    /// The store folder, if it is there.
    fn store(&self, computer: &Computer) -> Result<Option<PathBuf>, Problem> {
        let default = descend(&computer.folders.local, ["Microsoft", self.name].into_iter());
        let key = format!("Software\\Microsoft\\{}", self.name);
        let written = match &computer.registry {
            None => None,
            Some(registry) => registry.value(&key, "Store Root").map_err(|error| Problem {
                client: Some(self.id),
                at: key.clone(),
                code: "registry_unreadable".to_owned(),
                message: format!("The folder of {} cannot be looked up: {error}.", self.name),
                hint: "Check that the registry file is an export of this user's HKEY_CURRENT_USER.".to_owned(),
            })?,
        };
        let Some(written) = written.and_then(|value| value.as_text()).filter(|text| !text.trim().is_empty()) else {
            return Ok(default.filter(|folder| folder.is_dir()));
        };
        match Profile::of(computer).locate(&written) {
            Located::At(folder) if folder.is_dir() => Ok(Some(folder)),
            // Windows leaves the key of Windows Mail behind where the program never ran.
            Located::At(_) => Ok(default.filter(|folder| folder.is_dir())),
            Located::Elsewhere => Err(self.problem(
                Path::new(&written),
                "store_not_reachable",
                format!("{} keeps its mail in {written}, which is not in this user's folder.", self.name),
                "Run port26 on that computer, signed in as that user.",
            )),
        }
    }

    /// Reads one file. `None`: it sends no mail (news, address book).
    fn read(&self, root: &Path, path: &Path) -> Result<Option<Account>, FileTrouble> {
        let Some(file) = AccountFile::open(path)? else { return Ok(None) };
        let email = file.email()?;
        let found = |outgoing: SubmissionServer| {
            let id = format!("{}/{}", self.word, path.file_stem().unwrap_or_default().to_string_lossy());
            let used = email.is_some();
            Account { used, ..Account::found(id, self.id, profile_name(root), outgoing).with_emails(email.clone()) }
        };
        let Some(host) = file.host()? else {
            let web = file.web_host()?.map(https_server);
            return Ok(web.map(|server| Account { not_ours: Some(NotOurs::Microsoft), ..found(server) }));
        };
        let incoming = file.incoming()?;
        let (outgoing, password_in_client) = file.outgoing(host, incoming.as_ref())?;
        Ok(Some(Account {
            not_ours: owner_of(&outgoing.host),
            password_in_client,
            settings: file.settings(incoming.as_ref())?,
            incoming: incoming.map(|incoming| incoming.server),
            ..found(outgoing)
        }))
    }

    /// What SMTP_Use_Sicily has to be for a login.
    fn login(&self, account: &Account, to: &SubmissionServer) -> Result<u32, PlanError> {
        let cannot = |why: &str| Err(PlanError::CannotExpress { client: self.id, why: why.to_owned() });
        let plan = Plan { account, changes: Vec::new() };
        let spa = plan.written("incoming_spa")?.unwrap_or(0) != 0;
        match (to.auth, to.credential) {
            (AuthSetting::None, _) => Ok(sicily::NONE),
            (AuthSetting::Password | AuthSetting::Ntlm, CredentialSource::None) => {
                cannot("a login needs a user name and a password")
            }
            (AuthSetting::Password | AuthSetting::Ntlm, CredentialSource::SameAsIncoming) => {
                let Some(incoming) = &account.incoming else { return cannot("this account has no incoming server") };
                if to.user.is_some() && to.user != incoming.user {
                    return cannot("the user name is not the one of the incoming server");
                }
                match (to.auth, spa) {
                    (AuthSetting::Password, true) => cannot(
                        "its incoming server is set to Secure Password Authentication, which would be used for sending too",
                    ),
                    (AuthSetting::Ntlm, false) => {
                        cannot("its incoming server is not set to Secure Password Authentication")
                    }
                    _ => Ok(sicily::SAME_AS_INCOMING),
                }
            }
            (AuthSetting::Password | AuthSetting::Ntlm, CredentialSource::Own) if to.user.is_none() => {
                cannot("a login of its own needs a user name")
            }
            (AuthSetting::Password, CredentialSource::Own) => Ok(sicily::OWN),
            (AuthSetting::Ntlm, CredentialSource::Own) => Ok(sicily::SPA),
            _ => cannot("it logs in with a password or with Secure Password Authentication only"),
        }
    }
}

/// Changes being collected from what discovery saw.
struct Plan<'a> {
    account: &'a Account,
    changes: Vec<Change>,
}

impl Plan<'_> {
    fn setting(&self, short: &str) -> Result<&Setting, PlanError> {
        self.account.settings.get(short).ok_or_else(|| PlanError::Unexpected {
            setting: short.to_owned(),
            why: "discovery did not read it".to_owned(),
        })
    }

    fn raw(&self, short: &str) -> Result<Option<String>, PlanError> {
        match &self.setting(short)?.content {
            None => Ok(None),
            Some(Content::Raw(raw)) => Ok(Some(raw.clone())),
            Some(_) => Err(PlanError::Unexpected { setting: short.to_owned(), why: "it is not text".to_owned() }),
        }
    }

    /// The number that is written, if one is.
    fn written(&self, short: &str) -> Result<Option<u32>, PlanError> {
        let Some(raw) = self.raw(short)? else { return Ok(None) };
        dword(&raw)
            .map(Some)
            .ok_or_else(|| PlanError::Unexpected { setting: short.to_owned(), why: format!("{raw} is not a number") })
    }

    /// Writes a number with as many digits as the number there has, or as its neighbours have.
    fn number(&mut self, short: &'static str, value: u32) -> Result<(), PlanError> {
        let mut padded = false;
        for neighbour in [short, "auth", "secure", "port"] {
            if let Some(raw) = self.raw(neighbour)? {
                padded = raw.len() == "DWORD:".len() + 8;
                break;
            }
        }
        self.write(short, if padded { format!("DWORD:{value:08x}") } else { format!("DWORD:{value:x}") })
    }

    fn write(&mut self, short: &str, raw: String) -> Result<(), PlanError> {
        let Setting { slot, content } = self.setting(short)?.clone();
        self.changes.push(Change { slot, before: content, after: Some(Content::Raw(raw)) });
        Ok(())
    }
}

fn profile_name(root: &Path) -> String {
    root.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
