//! A mail account as port26 sees it: who sends, through which submission server, how it logs in.
//! These are the values of `accounts[]` in `--json`.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::change::{Content, Slot};

/// Which mail client. The names are part of the JSON contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum ClientId {
    Outlook,
    NewOutlook,
    OutlookExpress,
    WindowsMail,
    WindowsLiveMail,
    WindowsMailApp,
    Thunderbird,
    Betterbird,
    Seamonkey,
    Postbox,
    AppleMail,
    OutlookMac,
    Mailmate,
    Spark,
    Airmail,
    Canary,
    Mimestream,
    ClawsMail,
    Evolution,
    Sylpheed,
    Kmail,
    Geary,
    Balsa,
    EmClient,
    Mailbird,
    TheBat,
    Foxmail,
    Pegasus,
    Becky,
    Eudora,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// No TLS.
    None,
    /// STARTTLS, RFC 3207.
    Starttls,
    /// TLS from the first byte, RFC 8314 ("submissions").
    Implicit,
}

/// How the account logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthSetting {
    /// It does not.
    None,
    /// PLAIN or LOGIN.
    Password,
    /// CRAM-MD5 and the like.
    Encrypted,
    /// GSSAPI.
    Kerberos,
    /// NTLM, SPA.
    Ntlm,
    /// OAuth 2.
    Oauth2,
    /// A client certificate.
    External,
}

/// How a password is proven (a SASL mechanism).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    /// RFC 4616: user and password in one line.
    Plain,
    /// The same in two lines; what Outlook speaks.
    Login,
    /// RFC 2195: a digest of the password and of what the server made up. The password itself is not sent.
    #[serde(rename = "cram_md5")]
    CramMd5,
}

impl Mechanism {
    /// Its name in SASL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
        }
    }

    /// Is it among these, as EHLO lists them?
    pub fn is_in(self, offered: &[String]) -> bool {
        offered.iter().any(|name| name == self.name())
    }
}

/// Whose password is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialSource {
    /// The outgoing server has its own user and password.
    Own,
    /// The incoming server's are used.
    SameAsIncoming,
    /// None: there is no authentication.
    None,
}

/// The outgoing server of an account: what is written now, or what is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SubmissionServer {
    /// Host name as written in the client.
    pub host: String,
    /// The port in effect.
    pub port: u16,
    /// Nothing is written; this is the client's own default.
    pub port_is_default: bool,
    /// TLS mode in effect.
    pub tls: TlsMode,
    /// Authentication in effect.
    pub auth: AuthSetting,
    /// Whose credential is used.
    pub credential: CredentialSource,
    /// The user name in effect; `None` without authentication.
    pub user: Option<String>,
    /// The mechanism that a setting names; `None`: the program chooses one by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<Mechanism>,
}

/// Protocol of the incoming server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncomingProtocol {
    /// POP3
    Pop3,
    /// IMAP
    Imap,
    /// Anything else.
    Other,
}

/// The incoming server: where "same as incoming" points, and a control for the probe.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IncomingServer {
    /// POP3 or IMAP.
    pub protocol: IncomingProtocol,
    /// Host name.
    pub host: String,
    /// Port in effect, where known.
    pub port: Option<u16>,
    /// User name.
    pub user: Option<String>,
}

/// Why an account is found and explained but never written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotOurs {
    /// Logs in with OAuth 2.
    Oauth2,
    /// Exchange, EWS, MAPI, Graph.
    Exchange,
    /// iCloud.
    Icloud,
    /// Google's servers: port 587 or 465 with OAuth or app passwords.
    Google,
    /// Yahoo's servers.
    Yahoo,
    /// Microsoft's servers (Outlook.com, Office 365).
    Microsoft,
    /// The client keeps its accounts where no other program may write.
    ClosedStore,
    /// It sends through a program, not a server.
    LocalCommand,
    /// It sends through a proxy: what is seen from here is not what the program sees.
    Proxy,
    /// The desktop's Online Accounts keep it, and hand its servers to the program.
    OnlineAccounts,
    /// A configuration profile or policy owns it.
    Managed,
}

/// Something to tell the user about an account, besides the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Notice {
    /// Stable code, snake_case.
    pub code: String,
    /// One plain sentence.
    pub message: String,
}

/// A setting as discovery saw it: what planning builds its changes from, without reading again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Where it is.
    pub slot: Slot,
    /// What was there; `None` if nothing is written.
    pub content: Option<Content>,
}

/// One outgoing server that a client keeps, with everybody who sends through it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Client + profile + the client's own key: the same before and after a fix. `thunderbird/abcd.default/smtp1`.
    pub id: String,
    /// Which client.
    pub client: ClientId,
    /// Its profile, as the client names it.
    pub profile: String,
    /// The first address that sends through it.
    pub email: Option<String>,
    /// All addresses that send through it.
    pub emails: Vec<String>,
    /// False: no identity sends through it; never touched.
    pub used: bool,
    /// What is written now.
    pub outgoing: SubmissionServer,
    /// The incoming server of the (first) account that uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incoming: Option<IncomingServer>,
    /// Why it is left alone, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ours: Option<NotOurs>,
    /// Things to tell: shared by several accounts, automatic management, a certificate question to expect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// The client itself has the password that the new settings will use (its own saved login, or same as incoming):
    /// after the move it can log in without asking.
    pub password_in_client: bool,
    /// The settings an edit would touch, by the adapter's own short names, as discovery saw them.
    #[serde(skip)]
    pub settings: BTreeMap<&'static str, Setting>,
}

impl Account {
    /// One that sends through this server and of which no more is known: nobody's, and with nothing to edit. Whoever knows
    /// more says so.
    pub fn found(id: String, client: ClientId, profile: impl Into<String>, outgoing: SubmissionServer) -> Self {
        Self {
            id,
            client,
            profile: profile.into(),
            email: None,
            emails: Vec::new(),
            used: true,
            outgoing,
            incoming: None,
            not_ours: None,
            notices: Vec::new(),
            password_in_client: false,
            settings: BTreeMap::new(),
        }
    }

    /// With the addresses that send through it, each once.
    #[must_use]
    pub fn with_emails(mut self, emails: impl IntoIterator<Item = String>) -> Self {
        let mut seen = HashSet::new();
        self.emails = emails.into_iter().filter(|email| seen.insert(email.clone())).collect();
        self.email = self.emails.first().cloned();
        self
    }

    /// The name to log in with: the outgoing server's own, else the incoming one's, else the address.
    pub fn login_user(&self) -> Option<&str> {
        let incoming = self.incoming.as_ref().and_then(|incoming| incoming.user.as_deref());
        self.outgoing.user.as_deref().or(incoming).or(self.email.as_deref()).filter(|user| !user.is_empty())
    }

    /// The program is set to give the outgoing server a login already: its own, or the incoming server's. Whatever else
    /// it were given would be new to that server.
    pub fn logs_in(&self) -> bool {
        let out = &self.outgoing;
        let own = out.credential == CredentialSource::Own && out.user.as_deref().is_some_and(|user| !user.is_empty());
        out.auth != AuthSetting::None && (own || out.credential == CredentialSource::SameAsIncoming)
    }
}
