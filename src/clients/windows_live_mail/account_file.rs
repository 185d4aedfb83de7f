//! One `.oeaccount` file, read: its values with their types checked, and the two servers that they make.

use std::collections::BTreeMap;
use std::path::Path;

use port26_platform::files::{self, FileError};

use crate::account::{
    AuthSetting, CredentialSource, IncomingProtocol, IncomingServer, Setting, SubmissionServer, TlsMode,
};
use crate::change::{Content, Slot};
use crate::formats::oeaccount::OeAccount;
use crate::formats::{Document, FileFormat, FormatError};

/// What SMTP_Use_Sicily says.
pub(super) mod sicily {
    pub const NONE: u32 = 0;
    pub const SPA: u32 = 1;
    pub const SAME_AS_INCOMING: u32 = 2;
    pub const OWN: u32 = 3;
}

/// The settings that an edit may touch, but for the one that is the incoming server's: short name and name in the file.
const SETTINGS: [(&str, &str); 5] = [
    ("server", "SMTP_Server"),
    ("port", "SMTP_Port"),
    ("secure", "SMTP_Secure_Connection"),
    ("auth", "SMTP_Use_Sicily"),
    ("user", "SMTP_User_Name"),
];

/// Why one account file could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileTrouble {
    #[error(transparent)]
    File(#[from] files::FileError),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error("{name}: {why}")]
    Value { name: &'static str, why: &'static str },
}

/// The incoming server, and what sending takes from it.
pub(super) struct Incoming {
    pub(super) server: IncomingServer,
    has_password: bool,
    spa: bool,
}

/// How the outgoing server is logged in to, and whether the program has the password for it.
struct Login {
    auth: AuthSetting,
    credential: CredentialSource,
    user: Option<String>,
    has_password: bool,
}

/// An account file.
pub(super) struct AccountFile<'a> {
    path: &'a Path,
    doc: OeAccount,
}

impl<'a> AccountFile<'a> {
    /// `None`: it has gone meanwhile.
    pub(super) fn open(path: &'a Path) -> Result<Option<Self>, FileTrouble> {
        if std::fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_file()) {
            return Err(FileError::NotAFile { path: path.to_owned() }.into());
        }
        let Some(bytes) = files::read(path)? else { return Ok(None) };
        Ok(Some(Self { path, doc: OeAccount::parse(&bytes)? }))
    }

    /// The address that sends.
    pub(super) fn email(&self) -> Result<Option<String>, FileTrouble> {
        self.text("SMTP_Email_Address")
    }

    /// The outgoing server's name.
    pub(super) fn host(&self) -> Result<Option<String>, FileTrouble> {
        self.text("SMTP_Server")
    }

    /// The server of a Hotmail account, which is read and sent over the web.
    pub(super) fn web_host(&self) -> Result<Option<String>, FileTrouble> {
        let is_web = |name: &str| ["HTTP", "Hotmail", "DeltaSync"].iter().any(|front| name.starts_with(front));
        let mut names = self.doc.names();
        let Some(server) = names.find(|name| is_web(name) && name.ends_with("Server")) else { return Ok(None) };
        let Some(address) = self.text(server)? else { return Ok(None) };
        let host = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
        Ok(Some(host.split(['/', ':']).next().unwrap_or_default().to_owned()))
    }

    pub(super) fn incoming(&self) -> Result<Option<Incoming>, FileTrouble> {
        for (prefix, protocol, port_name, spa_name, default) in [
            ("IMAP", IncomingProtocol::Imap, "IMAP_Port", "IMAP_Use_Sicily", 143),
            ("POP3", IncomingProtocol::Pop3, "POP3_Port", "POP3_Use_Sicily", 110),
        ] {
            let Some(host) = self.text(&format!("{prefix}_Server"))? else { continue };
            let port = self.number(port_name)?.unwrap_or(default);
            let server = IncomingServer {
                protocol,
                host,
                port: u16::try_from(port).ok(),
                user: self.text(&format!("{prefix}_User_Name"))?,
            };
            let spa = self.number(spa_name)?.unwrap_or(0) != 0;
            return Ok(Some(Incoming { server, has_password: self.has_password(prefix)?, spa }));
        }
        Ok(None)
    }

    /// The outgoing server of this name, and whether the program has the password for it.
    pub(super) fn outgoing(
        &self,
        host: String,
        incoming: Option<&Incoming>,
    ) -> Result<(SubmissionServer, bool), FileTrouble> {
        let written = self.number("SMTP_Port")?;
        let port = match u16::try_from(written.unwrap_or(25)) {
            Ok(port) if port != 0 => port,
            _ => return Err(FileTrouble::Value { name: "SMTP_Port", why: "it is not a port number" }),
        };
        let port_is_default = written.is_none();
        let tls = match (self.number("SMTP_Secure_Connection")?.unwrap_or(0), port) {
            (0, _) => TlsMode::None,
            (_, 465) => TlsMode::Implicit,
            _ => TlsMode::Starttls,
        };
        let Login { auth, credential, user, has_password } = self.login(incoming)?;
        let server = SubmissionServer { host, port, port_is_default, tls, auth, credential, user, mechanism: None };
        Ok((server, has_password))
    }

    fn login(&self, incoming: Option<&Incoming>) -> Result<Login, FileTrouble> {
        let incoming_user = incoming.and_then(|incoming| incoming.server.user.clone());
        let incoming_password = incoming.is_some_and(|incoming| incoming.has_password);
        // Without a name of its own the program logs in with the incoming one.
        let own_user = self.text("SMTP_User_Name")?.or_else(|| incoming_user.clone());
        let own_password = self.has_password("SMTP")?;
        let (auth, credential, user, has_password) = match self.number("SMTP_Use_Sicily")?.unwrap_or(sicily::NONE) {
            sicily::NONE => (AuthSetting::None, CredentialSource::None, None, incoming_password),
            sicily::SPA => (AuthSetting::Ntlm, CredentialSource::Own, own_user, own_password),
            sicily::SAME_AS_INCOMING => {
                let spa = incoming.is_some_and(|incoming| incoming.spa);
                let auth = if spa { AuthSetting::Ntlm } else { AuthSetting::Password };
                (auth, CredentialSource::SameAsIncoming, incoming_user, incoming_password)
            }
            sicily::OWN => (AuthSetting::Password, CredentialSource::Own, own_user, own_password),
            _ => return Err(FileTrouble::Value { name: "SMTP_Use_Sicily", why: "this kind of login is not known" }),
        };
        Ok(Login { auth, credential, user, has_password })
    }

    /// The settings that an edit may touch.
    pub(super) fn settings(&self, incoming: Option<&Incoming>) -> Result<BTreeMap<&'static str, Setting>, FileTrouble> {
        let spa = match incoming.map(|incoming| incoming.server.protocol) {
            Some(IncomingProtocol::Imap) => "IMAP_Use_Sicily",
            _ => "POP3_Use_Sicily",
        };
        let one = |(short, name): (&'static str, &str)| {
            let (file, name) = (self.path.to_owned(), name.to_owned());
            let content = self.doc.get(&name)?.map(Content::Raw);
            Ok((short, Setting { slot: Slot::Setting { file, format: FileFormat::OeAccount, name }, content }))
        };
        SETTINGS.into_iter().chain([("incoming_spa", spa)]).map(one).collect()
    }

    /// A string; the documented templates write `0` or `FALSE` for an empty one.
    fn text(&self, name: &str) -> Result<Option<String>, FileTrouble> {
        let Some(raw) = self.doc.get(name)? else { return Ok(None) };
        let Some(written) = raw.strip_prefix("SZ:") else { return Ok(None) };
        let text = quick_xml::escape::unescape(written)
            .map_err(|error| FormatError::Refused { name: name.to_owned(), why: error.to_string() })?;
        let text = text.trim();
        Ok((!matches!(text, "" | "0" | "FALSE")).then(|| text.to_owned()))
    }

    fn number(&self, name: &'static str) -> Result<Option<u32>, FileTrouble> {
        let Some(raw) = self.doc.get(name)? else { return Ok(None) };
        dword(&raw).map(Some).ok_or(FileTrouble::Value { name, why: "it is not 1 to 8 hexadecimal digits" })
    }

    fn has_password(&self, prefix: &str) -> Result<bool, FileTrouble> {
        let asks =
            self.doc.get(&format!("{prefix}_Prompt_for_Password"))?.and_then(|raw| dword(&raw)).unwrap_or(0) != 0;
        let kept = self.doc.get(&format!("{prefix}_Password2"))?;
        // One digit is the documented way to write "none".
        let kept = kept.as_deref().and_then(|raw| raw.strip_prefix("BINARY:")).is_some_and(|hex| hex.trim().len() > 2);
        Ok(kept && !asks)
    }
}

/// A number as it is written, also as yes or no.
pub(super) fn dword(raw: &str) -> Option<u32> {
    match raw.strip_prefix("DWORD:")? {
        "TRUE" => Some(1),
        "FALSE" => Some(0),
        digits if digits.len() <= 8 && !digits.starts_with('+') => u32::from_str_radix(digits, 16).ok(),
        _ => None,
    }
}
