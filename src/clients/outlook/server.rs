//! What the outgoing server's values in the registry mean to Outlook, and which of them to change.

use crate::account::{Account, AuthSetting, ClientId, CredentialSource, Notice, SubmissionServer, TlsMode};
use crate::change::{Change, Slot};
use crate::clients::PlanError;
use crate::clients::registry_settings::{Edits, Settings, Unexpected, dword, port, text};

pub(super) const HOST: &str = "SMTP Server";
const PORT: &str = "SMTP Port";
const SECURE: &str = "SMTP Secure Connection";
const SSL: &str = "SMTP Use SSL";
const AUTH: &str = "SMTP Use Auth";
const METHOD: &str = "SMTP Auth Method";
const SPA: &str = "SMTP Use SPA";
const USER: &str = "SMTP User";

/// The values that an edit could touch, and the user name that decides one.
pub(super) const WRITTEN: &[&str] = &[HOST, PORT, SECURE, SSL, AUTH, METHOD, SPA, USER];

const DEFAULT_PORT: u16 = 25;
const IMPLICIT_TLS_PORT: u16 = 465;

/// The values, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    host: String,
    port: u16,
    port_is_default: bool,
    secure: Option<u32>,
    ssl: Option<u32>,
    auth: Option<u32>,
    method: Option<u32>,
    spa: Option<u32>,
    user: Option<String>,
}

impl Server {
    /// `Ok(None)`: no outgoing server is written.
    pub(super) fn read(settings: &Settings) -> Result<Option<Self>, Unexpected> {
        let Some(host) = text(settings, HOST)? else { return Ok(None) };
        let (port, port_is_default) = port(settings, PORT, DEFAULT_PORT)?;
        let server = Self {
            host,
            port,
            port_is_default,
            secure: dword(settings, SECURE)?,
            ssl: dword(settings, SSL)?,
            auth: dword(settings, AUTH)?,
            method: dword(settings, METHOD)?,
            spa: dword(settings, SPA)?,
            user: text(settings, USER)?,
        };
        if let Some(mode) = server.secure.filter(|mode| *mode > 3) {
            return Err(Unexpected::new(SECURE, format!("{mode} is no way of encryption known to us")));
        }
        if let Some(method) = server.method.filter(|method| *method > 2) {
            return Err(Unexpected::new(METHOD, format!("{method} is no way to log in known to us")));
        }
        Ok(Some(server))
    }

    pub(super) fn outgoing(&self, incoming_user: Option<String>) -> SubmissionServer {
        let (credential, user) = match (self.logs_in(), self.method) {
            (false, _) | (true, Some(2)) => (CredentialSource::None, None),
            (true, Some(1)) => (CredentialSource::Own, self.user.clone()),
            (true, _) => (CredentialSource::SameAsIncoming, incoming_user),
        };
        let auth = match credential {
            CredentialSource::None => AuthSetting::None,
            _ if is_on(self.spa) => AuthSetting::Ntlm,
            _ => AuthSetting::Password,
        };
        SubmissionServer {
            host: self.host.clone(),
            port: self.port,
            port_is_default: self.port_is_default,
            tls: self.tls(),
            auth,
            credential,
            user,
            mechanism: None,
        }
    }

    pub(super) fn notices(&self) -> Vec<Notice> {
        let notice = |code: &str, message: &str| Notice { code: code.to_owned(), message: message.to_owned() };
        let mut notices = Vec::new();
        if self.secure == Some(3) {
            notices.push(notice("tls_automatic", "Outlook decides by itself whether to encrypt for this account."));
        }
        if self.logs_in() && self.method == Some(2) {
            notices.push(notice(
                "login_by_receiving",
                "This account logs in by receiving mail first; it does not log in to the outgoing server.",
            ));
        }
        notices
    }

    /// Any non-zero number is on: 2 is seen beside 1.
    fn logs_in(&self) -> bool {
        is_on(self.auth)
    }

    /// The newer value wins; the older flag alone means STARTTLS except on port 465.
    fn tls(&self) -> TlsMode {
        match self.secure {
            Some(0) => TlsMode::None,
            Some(1) => TlsMode::Implicit,
            Some(_) => TlsMode::Starttls,
            None if !is_on(self.ssl) => TlsMode::None,
            None if self.port == IMPLICIT_TLS_PORT => TlsMode::Implicit,
            None => TlsMode::Starttls,
        }
    }
}

fn is_on(flag: Option<u32>) -> bool {
    flag.is_some_and(|flag| flag != 0)
}

fn cannot(why: &str) -> PlanError {
    PlanError::CannotExpress { client: ClientId::Outlook, why: why.to_owned() }
}

/// The changes that make the account's outgoing server `to`.
pub(super) fn changes(account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
    let from = &account.outgoing;
    let Some(mut edits) = Edits::towards(account, to, (HOST, PORT))? else { return Ok(Vec::new()) };
    let server =
        Server::read(&account.settings)?.ok_or_else(|| Unexpected::new(HOST, "the account has no outgoing server"))?;
    if (&to.host, to.port, to.tls) != (&from.host, from.port, from.tls) {
        protect(&mut edits, account, &server, to.tls)?;
    }
    if (to.auth, to.credential, &to.user) != (from.auth, from.credential, &from.user) {
        log_in(&mut edits, account, &server, to)?;
    }
    Ok(edits.done())
}

/// At a new address encryption is written out, not left to "automatic" or to the older flag, whose meaning hangs
/// on the port: an account must never fall back to sending its password in the clear.
fn protect(edits: &mut Edits<'_>, account: &Account, server: &Server, tls: TlsMode) -> Result<(), PlanError> {
    let wanted = match tls {
        TlsMode::None => 0,
        TlsMode::Implicit => 1,
        TlsMode::Starttls => 2,
    };
    if server.tls() == tls && (server.secure == Some(wanted) || tls == TlsMode::None) {
        return Ok(());
    }
    if server.secure.unwrap_or(0) != wanted {
        edits.dword(SECURE, wanted)?;
    }
    let flag = u32::from(wanted != 0);
    let disagrees = server.ssl.is_some_and(|ssl| (ssl != 0) != (flag != 0));
    // Outlook up to 2003 knows only the older flag; its profiles are in the same place as those of 2007 and 2010.
    let only_flag = flag == 1 && server.ssl.is_none() && server.secure.is_none() && in_shared_place(account);
    if disagrees || only_flag {
        edits.dword(SSL, flag)?;
    }
    Ok(())
}

pub(super) fn in_shared_place(account: &Account) -> bool {
    let slot = account.settings.get(HOST).map(|setting| &setting.slot);
    matches!(slot, Some(Slot::Registry { key, .. }) if key.to_lowercase().contains("windows messaging subsystem"))
}

/// The profile is where Outlook 2016 and later keep theirs.
pub(super) fn is_of_2016(account: &Account) -> bool {
    let slot = account.settings.get(HOST).map(|setting| &setting.slot);
    matches!(slot, Some(Slot::Registry { key, .. }) if key.to_lowercase().contains(r"\office\16.0\"))
}

/// TLS is on by the older flag alone: 2007 and later write the newer value beside it.
pub(super) fn has_only_the_old_flag(account: &Account) -> bool {
    let number = |name| dword(&account.settings, name).ok().flatten();
    is_on(number(SSL)) && number(SECURE).is_none()
}

fn log_in(edits: &mut Edits<'_>, account: &Account, server: &Server, to: &SubmissionServer) -> Result<(), PlanError> {
    let spa = match to.auth {
        AuthSetting::None if server.logs_in() => return edits.dword(AUTH, 0),
        AuthSetting::None => return Ok(()),
        AuthSetting::Password => false,
        AuthSetting::Ntlm => true,
        AuthSetting::Encrypted | AuthSetting::Kerberos | AuthSetting::Oauth2 | AuthSetting::External => {
            return Err(cannot("it logs in to outgoing servers with a password or with SPA, with nothing else"));
        }
    };
    let agrees = |there: Option<&String>| match (there, &to.user) {
        (Some(there), Some(wanted)) => there.eq_ignore_ascii_case(wanted),
        (there, None) => there.is_some(),
        (None, Some(_)) => false,
    };
    match to.credential {
        CredentialSource::SameAsIncoming => {
            if !agrees(account.incoming.as_ref().and_then(|incoming| incoming.user.as_ref())) {
                return Err(cannot("the user name wanted is not that of the incoming server"));
            }
            if server.method.is_some_and(|method| method != 0) {
                edits.dword(METHOD, 0)?;
            }
        }
        CredentialSource::Own if server.method == Some(1) && agrees(server.user.as_ref()) => {}
        CredentialSource::Own => {
            return Err(cannot(
                "it keeps no such user name for the outgoing server, and only Outlook can store its password",
            ));
        }
        CredentialSource::None => return Err(cannot("a login needs somebody's user name and password")),
    }
    if !server.logs_in() {
        edits.dword(AUTH, 1)?;
    }
    if is_on(server.spa) != spa {
        edits.dword(SPA, u32::from(spa))?;
    }
    Ok(())
}
