//! One `[Account: N]` section: its servers, and the settings that an edit may touch.

use std::collections::BTreeMap;
use std::path::Path;

use super::dialect::{DEFAULT_METHOD, Dialect, Way};
use super::rc;
use crate::account::{
    AuthSetting, CredentialSource, IncomingProtocol, IncomingServer, Mechanism, NotOurs, Setting, SubmissionServer,
    TlsMode,
};
use crate::change::{Content, Slot};
use crate::clients::Problem;
use crate::clients::providers::owner_of;
use crate::formats::key_file::KeyFile;
use crate::formats::{Document, FileFormat};

/// `smtp_port` where it is not written.
pub(super) const DEFAULT_SMTP_PORT: u16 = 25;

/// The settings that an edit may touch, as the file names them.
const SETTINGS: [&str; 7] =
    ["smtp_server", "set_smtpport", "smtp_port", "ssl_smtp", "use_smtp_auth", "smtp_auth_method", "smtp_user_id"];

/// Without a number of its own the program goes by the TLS mode.
pub(super) fn default_port(tls: TlsMode) -> u16 {
    if tls == TlsMode::Implicit { 465 } else { DEFAULT_SMTP_PORT }
}

/// How an account receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::clients) enum Protocol {
    Pop3,
    Imap,
    News,
    /// A local mailbox, or sending only.
    None,
}

impl Protocol {
    /// As Sylpheed numbers them, and Claws Mail once did: with two more kinds of POP3 (APOP, RPOP).
    pub fn of_sylpheed(number: i64) -> Self {
        match number {
            0..=2 => Self::Pop3,
            3 => Self::Imap,
            4 => Self::News,
            _ => Self::None,
        }
    }
}

/// One account's section.
pub(in crate::clients) struct Section<'a> {
    pub(super) dialect: &'static Dialect,
    pub(super) file: &'a Path,
    pub(super) doc: &'a KeyFile,
    pub read: &'a rc::Section,
    pub number: &'a str,
}

/// The login and, where there is one, its user name.
type Login = (AuthSetting, CredentialSource, Option<String>);

impl Section<'_> {
    pub fn text(&self, key: &str) -> Option<String> {
        self.read.text(key).map(str::to_owned)
    }

    pub fn incoming(&self, protocol: Protocol) -> Option<IncomingServer> {
        let port = |flag: &str, key: &str, default: u16| match u16::try_from(self.read.number(key, 0)) {
            Ok(port) if self.read.flag(flag) && port != 0 => port,
            _ => default,
        };
        let tunnel = |key: &str| self.read.number(key, 0) == 1;
        let (protocol, server, port) = match protocol {
            Protocol::Pop3 => {
                let default = if tunnel("ssl_pop") { 995 } else { 110 };
                (IncomingProtocol::Pop3, "receive_server", Some(port("set_popport", "pop_port", default)))
            }
            Protocol::Imap => {
                let default = if tunnel("ssl_imap") { 993 } else { 143 };
                (IncomingProtocol::Imap, "receive_server", Some(port("set_imapport", "imap_port", default)))
            }
            Protocol::News => (IncomingProtocol::Other, "nntp_server", None),
            Protocol::None => return None,
        };
        Some(IncomingServer { protocol, host: self.text(server)?, port, user: self.text("user_id") })
    }

    pub fn outgoing(&self) -> Result<SubmissionServer, Problem> {
        let tls = match self.read.number("ssl_smtp", 0) {
            1 => TlsMode::Implicit,
            2 => TlsMode::Starttls,
            // Any other number is plain text there.
            _ => TlsMode::None,
        };
        let written = self.read.flag("set_smtpport").then(|| self.read.raw("smtp_port")).flatten();
        let port = match written {
            None if self.read.flag("set_smtpport") => DEFAULT_SMTP_PORT,
            None => default_port(tls),
            Some(raw) => match u16::try_from(rc::number(raw)) {
                Ok(port) if port != 0 => port,
                _ => return Err(self.dialect.no_port(self.file, &self.read.name, raw)),
            },
        };
        let (auth, credential, user) = self.login();
        let host = self.text("smtp_server").unwrap_or_default();
        Ok(SubmissionServer {
            host,
            port,
            port_is_default: written.is_none(),
            tls,
            auth,
            credential,
            user,
            mechanism: self.mechanism().filter(|_| auth == AuthSetting::Password),
        })
    }

    fn method(&self) -> i64 {
        self.read.number("smtp_auth_method", DEFAULT_METHOD)
    }

    /// The one that a number names.
    fn mechanism(&self) -> Option<Mechanism> {
        match self.dialect.way(self.method()) {
            Some(Way::Named(mechanism)) => Some(mechanism),
            _ => None,
        }
    }

    fn login(&self) -> Login {
        let auth = match self.dialect.way(self.method()) {
            _ if !self.read.flag("use_smtp_auth") => AuthSetting::None,
            Some(Way::Named(Mechanism::CramMd5)) => AuthSetting::Encrypted,
            Some(Way::Automatic | Way::Named(_)) => AuthSetting::Password,
            Some(Way::Oauth2) => AuthSetting::Oauth2,
            None if self.dialect.known_methods.contains(&self.method()) => AuthSetting::None,
            None => AuthSetting::Encrypted,
        };
        match self.text("smtp_user_id") {
            _ if auth == AuthSetting::None => (auth, CredentialSource::None, None),
            Some(own) => (auth, CredentialSource::Own, Some(own)),
            None => (auth, CredentialSource::SameAsIncoming, self.text("user_id")),
        }
    }

    /// Whose account it is by what its outgoing server tells.
    pub fn not_ours(&self, outgoing: &SubmissionServer) -> Option<NotOurs> {
        owner_of(&outgoing.host).or((outgoing.auth == AuthSetting::Oauth2).then_some(NotOurs::Oauth2))
    }

    pub fn setting(&self, key: &str) -> Setting {
        let name = format!("{}/{key}", self.read.name);
        // A value that the program reads and the editor does not, or the other way round, shows as a lone NUL, which
        // planning refuses.
        let content = match self.doc.get(&name) {
            Ok(value) if !self.read.is_cut && value.as_deref() == self.read.raw(key) => value,
            _ => Some("\0".to_owned()),
        };
        let slot = Slot::Setting { file: self.file.to_owned(), format: FileFormat::KeyFile, name };
        Setting { slot, content: content.map(Content::Raw) }
    }

    /// What planning needs. `user_id` is never written: it is what the credentials "same as incoming" stand for.
    pub fn settings(&self) -> BTreeMap<&'static str, Setting> {
        SETTINGS.iter().chain(&["user_id"]).map(|key| (*key, self.setting(key))).collect()
    }
}
