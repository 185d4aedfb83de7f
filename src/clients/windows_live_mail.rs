//! Windows Mail (Vista) and Windows Live Mail: one `.oeaccount` file an account, below the store folder that
//! the registry names. Both programs read the same format in the same way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use port26_platform::computer::written_path::{Located, Profile, descend};
use port26_platform::computer::{Computer, Os};
use port26_platform::files::{self, FileError};

use super::abilities::{Abilities, table, windows};
use super::providers::owner_of;
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt};
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingProtocol, IncomingServer, NotOurs, Setting,
    SubmissionServer, TlsMode,
};
use crate::change::{Change, Content, Slot};
use crate::formats::oeaccount::OeAccount;
use crate::formats::{Document, FileFormat, FormatError};

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

/// What SMTP_Use_Sicily says.
mod sicily {
    pub const NONE: u32 = 0;
    pub const SPA: u32 = 1;
    pub const SAME_AS_INCOMING: u32 = 2;
    pub const OWN: u32 = 3;
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

    fn in_use(&self, computer: &Computer, _account: &Account) -> InUse {
        match computer.processes.running(&[self.process]).first() {
            Some(&pid) => InUse::Yes(Some(pid)),
            None => InUse::No,
        }
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
    fn read(&self, root: &Path, file: &Path) -> Result<Option<Account>, FileTrouble> {
        if std::fs::symlink_metadata(file).is_ok_and(|meta| !meta.is_file()) {
            return Err(FileError::NotAFile { path: file.to_owned() }.into());
        }
        let Some(bytes) = files::read(file)? else { return Ok(None) };
        let doc = OeAccount::parse(&bytes)?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let email = text(&doc, "SMTP_Email_Address")?;
        let mut account = Account {
            id: format!("{}/{stem}", self.word),
            client: self.id,
            profile: profile_name(root),
            emails: email.iter().cloned().collect(),
            used: email.is_some(),
            email,
            outgoing: SubmissionServer {
                host: String::new(),
                port: 25,
                port_is_default: true,
                tls: TlsMode::None,
                auth: AuthSetting::None,
                credential: CredentialSource::None,
                user: None,
                mechanism: None,
            },
            incoming: None,
            not_ours: None,
            notices: Vec::new(),
            password_in_client: false,
            settings: BTreeMap::new(),
        };
        let Some(server) = text(&doc, "SMTP_Server")? else {
            let Some(web) = web_account(&doc)? else { return Ok(None) };
            account.outgoing = SubmissionServer { host: web, port: 443, tls: TlsMode::Implicit, ..account.outgoing };
            account.not_ours = Some(NotOurs::Microsoft);
            return Ok(Some(account));
        };
        let incoming = incoming(&doc)?;
        let port = number(&doc, "SMTP_Port")?;
        account.not_ours = owner_of(&server);
        let out = &mut account.outgoing;
        out.host = server;
        out.port_is_default = port.is_none();
        out.port = match u16::try_from(port.unwrap_or(25)) {
            Ok(port) if port != 0 => port,
            _ => return Err(FileTrouble::Value { name: "SMTP_Port", why: "it is not a port number" }),
        };
        out.tls = match (number(&doc, "SMTP_Secure_Connection")?.unwrap_or(0), out.port) {
            (0, _) => TlsMode::None,
            (_, 465) => TlsMode::Implicit,
            _ => TlsMode::Starttls,
        };
        let incoming_user = incoming.as_ref().and_then(|incoming| incoming.server.user.clone());
        let incoming_password = incoming.as_ref().is_some_and(|incoming| incoming.has_password);
        let incoming_spa = incoming.as_ref().is_some_and(|incoming| incoming.spa);
        // Without a name of its own the program logs in with the incoming one.
        let own_user = text(&doc, "SMTP_User_Name")?.or_else(|| incoming_user.clone());
        let own_password = has_password(&doc, "SMTP")?;
        (out.auth, out.credential, out.user, account.password_in_client) = match number(&doc, "SMTP_Use_Sicily")?
            .unwrap_or(sicily::NONE)
        {
            sicily::NONE => (AuthSetting::None, CredentialSource::None, None, incoming_password),
            sicily::SPA => (AuthSetting::Ntlm, CredentialSource::Own, own_user, own_password),
            sicily::SAME_AS_INCOMING => {
                let auth = if incoming_spa { AuthSetting::Ntlm } else { AuthSetting::Password };
                (auth, CredentialSource::SameAsIncoming, incoming_user, incoming_password)
            }
            sicily::OWN => (AuthSetting::Password, CredentialSource::Own, own_user, own_password),
            _ => return Err(FileTrouble::Value { name: "SMTP_Use_Sicily", why: "this kind of login is not known" }),
        };
        let spa_name = match incoming.as_ref().map(|incoming| incoming.server.protocol) {
            Some(IncomingProtocol::Imap) => "IMAP_Use_Sicily",
            _ => "POP3_Use_Sicily",
        };
        for (short, name) in [
            ("server", "SMTP_Server"),
            ("port", "SMTP_Port"),
            ("secure", "SMTP_Secure_Connection"),
            ("auth", "SMTP_Use_Sicily"),
            ("user", "SMTP_User_Name"),
            ("incoming_spa", spa_name),
        ] {
            let slot = Slot::Setting { file: file.to_owned(), format: FileFormat::OeAccount, name: name.to_owned() };
            account.settings.insert(short, Setting { slot, content: doc.get(name)?.map(Content::Raw) });
        }
        account.incoming = incoming.map(|incoming| incoming.server);
        Ok(Some(account))
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

/// Why one account file could not be read.
#[derive(Debug, thiserror::Error)]
enum FileTrouble {
    #[error(transparent)]
    File(#[from] files::FileError),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error("{name}: {why}")]
    Value { name: &'static str, why: &'static str },
}

struct Incoming {
    server: IncomingServer,
    has_password: bool,
    spa: bool,
}

fn incoming(doc: &OeAccount) -> Result<Option<Incoming>, FileTrouble> {
    for (prefix, protocol, port_name, spa_name, default) in [
        ("IMAP", IncomingProtocol::Imap, "IMAP_Port", "IMAP_Use_Sicily", 143),
        ("POP3", IncomingProtocol::Pop3, "POP3_Port", "POP3_Use_Sicily", 110),
    ] {
        let Some(host) = text(doc, &format!("{prefix}_Server"))? else { continue };
        let port = number(doc, port_name)?.unwrap_or(default);
        let server = IncomingServer {
            protocol,
            host,
            port: u16::try_from(port).ok(),
            user: text(doc, &format!("{prefix}_User_Name"))?,
        };
        let spa = number(doc, spa_name)?.unwrap_or(0) != 0;
        return Ok(Some(Incoming { server, has_password: has_password(doc, prefix)?, spa }));
    }
    Ok(None)
}

/// The server of a Hotmail account, which is read and sent over the web.
fn web_account(doc: &OeAccount) -> Result<Option<String>, FileTrouble> {
    let is_web = |name: &str| ["HTTP", "Hotmail", "DeltaSync"].iter().any(|front| name.starts_with(front));
    let Some(server) = doc.names().find(|name| is_web(name) && name.ends_with("Server")) else { return Ok(None) };
    let Some(address) = text(doc, server)? else { return Ok(None) };
    let host = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
    Ok(Some(host.split(['/', ':']).next().unwrap_or_default().to_owned()))
}

/// A string; the documented templates write `0` or `FALSE` for an empty one.
fn text(doc: &OeAccount, name: &str) -> Result<Option<String>, FileTrouble> {
    let Some(raw) = doc.get(name)? else { return Ok(None) };
    let Some(written) = raw.strip_prefix("SZ:") else { return Ok(None) };
    let text = quick_xml::escape::unescape(written)
        .map_err(|error| FormatError::Refused { name: name.to_owned(), why: error.to_string() })?;
    let text = text.trim();
    Ok((!matches!(text, "" | "0" | "FALSE")).then(|| text.to_owned()))
}

fn number(doc: &OeAccount, name: &'static str) -> Result<Option<u32>, FileTrouble> {
    let Some(raw) = doc.get(name)? else { return Ok(None) };
    dword(&raw).map(Some).ok_or(FileTrouble::Value { name, why: "it is not 1 to 8 hexadecimal digits" })
}

fn dword(raw: &str) -> Option<u32> {
    match raw.strip_prefix("DWORD:")? {
        "TRUE" => Some(1),
        "FALSE" => Some(0),
        digits if digits.len() <= 8 && !digits.starts_with('+') => u32::from_str_radix(digits, 16).ok(),
        _ => None,
    }
}

fn has_password(doc: &OeAccount, prefix: &str) -> Result<bool, FileTrouble> {
    let asks = doc.get(&format!("{prefix}_Prompt_for_Password"))?.and_then(|raw| dword(&raw)).unwrap_or(0) != 0;
    let kept = doc.get(&format!("{prefix}_Password2"))?;
    // One digit is the documented way to write "none".
    let kept = kept.as_deref().and_then(|raw| raw.strip_prefix("BINARY:")).is_some_and(|hex| hex.trim().len() > 2);
    Ok(kept && !asks)
}

fn profile_name(root: &Path) -> String {
    root.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
