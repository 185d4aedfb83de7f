//! What Mail says, or its database tells, of an outgoing server and of who receives: made into accounts, with the settings
//! that an edit would touch.

use std::collections::BTreeMap;

use port26_platform::scripts::{App, Object, ObjectKey};
use serde_json::json;

use super::outgoing::{FIRST_PORT, Outgoing, Receiver};
use super::plan;
use super::words::trouble;
use crate::account::{Account, AuthSetting, NotOurs, Notice, Setting};
use crate::clients::scripted::{self, NEW_PASSWORD};
use crate::clients::{Found, Problem};

/// What only the database knows of an outgoing server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Extra {
    /// TLS begins with the first byte. `None`: not said, which is no proof of STARTTLS.
    pub(super) direct: Option<bool>,
    /// "Automatically manage connection settings" is on.
    pub(super) automatic: bool,
    /// Whose it is, if not ours.
    pub(super) not_ours: Option<NotOurs>,
}

pub(super) const SERVERS: &str = "smtpServers";

/// The settings of a server that a change may touch: short name and property.
pub(super) const PROPERTIES: [(&str, &str); 5] = [
    ("ssl", "usesSsl"),
    ("scheme", "authentication"),
    ("user", "userName"),
    ("port", "port"),
    // It is set and never read.
    (NEW_PASSWORD, "password"),
];

/// Mail.
pub(super) fn mail() -> App {
    App::new("Mail", "com.apple.mail")
}

/// An outgoing server, whoever told of it.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) user: Option<String>,
    /// `None`: nothing is written.
    pub(super) port: Option<u16>,
    pub(super) ssl: bool,
    pub(super) auth: AuthSetting,
    pub(super) receivers: Vec<Receiver>,
    /// What only the database knows.
    pub(super) extra: Extra,
    pub(super) settings: BTreeMap<&'static str, Setting>,
}

/// The object of a server.
pub(super) fn key(host: &str, user: Option<&str>) -> ObjectKey {
    ObjectKey {
        elements: SERVERS.to_owned(),
        keys: BTreeMap::from([
            ("serverName".to_owned(), vec![Some(host.to_owned())]),
            ("userName".to_owned(), vec![user.map(str::to_owned)]),
        ]),
    }
}

/// The settings of a server as Mail would tell them, from what the database says: enough to plan with, and compared
/// before anything is set.
pub(super) fn expected_settings(
    host: &str,
    user: Option<&str>,
    port: u16,
    ssl: bool,
    auth: AuthSetting,
) -> BTreeMap<&'static str, Setting> {
    let object: Object = [
        ("usesSsl", json!(ssl)),
        ("authentication", json!(word_of(auth))),
        ("userName", json!(user)),
        ("port", json!(port)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    scripted::settings(&mail(), &key(host, user), &PROPERTIES, &object)
}

/// Servers to accounts; those that cannot be told apart are problems.
pub(super) fn finish(servers: Vec<Server>, problems: Vec<Problem>) -> Found {
    let mut found = Found { accounts: Vec::new(), problems };
    let read: Vec<Account> = servers.into_iter().map(account).collect();
    let alike = |one: &Account| {
        let same = |other: &&Account| {
            other.id == one.id || (other.outgoing.host == one.outgoing.host && named(other) == named(one))
        };
        read.iter().filter(same).count() > 1
    };
    for account in &read {
        if alike(account) {
            let message = format!(
                "Two outgoing servers of Mail cannot be told apart ({}, user name {}), so both are left alone.",
                account.outgoing.host,
                named(account).unwrap_or_else(|| "none".to_owned())
            );
            let hint = "In Mail, remove the one that is not needed from the list of outgoing servers.";
            let problem = trouble(account.id.clone(), "duplicate_server", message, hint);
            if !found.problems.contains(&problem) {
                found.problems.push(problem);
            }
        } else {
            found.accounts.push(account.clone());
        }
    }
    found
}

/// The user name that is written, whether or not it is used.
pub(super) fn named(account: &Account) -> Option<String> {
    let content = account.settings.get("user").and_then(|setting| setting.content.clone());
    match content {
        Some(crate::change::Content::Raw(raw)) => serde_json::from_str(&raw).ok(),
        _ => account.outgoing.user.clone(),
    }
}

pub(super) fn account(server: Server) -> Account {
    let Server { host, user, port, ssl, auth, receivers, extra, settings } = server;
    let tls = plan::tls_mode(Some(ssl), extra.direct.map(|_| 3), port.unwrap_or(FIRST_PORT));
    let not_ours = extra.not_ours;
    let mut account = Outgoing { key: None, host, user, port, tls, auth, receivers, not_ours }.account();
    account.notices.extend(extra.automatic.then(automatic_management));
    Account { settings, ..account }
}

fn automatic_management() -> Notice {
    Notice {
        code: "automatic_management".to_owned(),
        message:
            "Mail manages the connection settings of this server by itself and may change the port again; to keep \
                  it, switch off \"Automatically manage connection settings\" in Mail's server settings."
                .to_owned(),
    }
}

pub(super) fn auth_of(word: &str) -> Option<AuthSetting> {
    Some(match word {
        "none" => AuthSetting::None,
        "password" => AuthSetting::Password,
        "apop" | "md5" => AuthSetting::Encrypted,
        "kerberos 5" => AuthSetting::Kerberos,
        "ntlm" => AuthSetting::Ntlm,
        "external" => AuthSetting::External,
        "Apple token" => AuthSetting::Oauth2,
        _ => return None,
    })
}

pub(super) fn word_of(auth: AuthSetting) -> Option<&'static str> {
    Some(match auth {
        AuthSetting::None => "none",
        AuthSetting::Password => "password",
        AuthSetting::Encrypted => "md5",
        AuthSetting::Kerberos => "kerberos 5",
        AuthSetting::Ntlm => "ntlm",
        AuthSetting::External => "external",
        AuthSetting::Oauth2 => return None,
    })
}
