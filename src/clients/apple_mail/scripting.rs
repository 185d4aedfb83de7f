//! Apple Mail from OS X 10.11 on: Mail itself is asked, by scripting, and sets what is to change. It has no id for an
//! outgoing server and names are not unique, so a server is known by its host, its user name and its port; two that are
//! alike in the first two are left alone.
//!
//! `scan` and `test` never speak to Mail, since that launches it and makes the system ask the person: they read the
//! system's accounts database ([`super::accounts_db`]). What changes settings (`fix`, `undo`) launches Mail in the
//! background, quits it again after each visit, and so reads back what Mail has kept. Mail that is open is not spoken to
//! for a change: as with every other client it is to be closed first.
//!
//! The dictionary is Mail's own as Apple's header names it ("smtp server": server name, port, uses ssl, authentication,
//! user name, password; "account": delivery account). The JavaScript names of the properties, and what Mail makes of a new
//! port while it manages the connection by itself, were never seen on a Mac.

use std::collections::BTreeMap;

use port26_platform::computer::Computer;
use port26_platform::scripts::{App, Object, ObjectKey, Wanted};
use serde_json::{Value, json};

use super::accounts_db::Extra;
use super::{Found, plan, shared_words, trouble};
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingProtocol, IncomingServer, NotOurs, Notice, Setting,
    SubmissionServer, TlsMode,
};
use crate::change::Change;
use crate::clients::providers::owner_of;
use crate::clients::scripted::{self, NEW_PASSWORD, Plan};
use crate::clients::{PlanError, Problem};

const SERVERS: &str = "smtpServers";

/// The settings of a server that a change may touch: short name and property.
const PROPERTIES: [(&str, &str); 5] = [
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

/// A receiving account, as far as sending needs it.
#[derive(Debug, Clone, Default)]
pub(super) struct Receiver {
    pub(super) icloud: bool,
    pub(super) emails: Vec<String>,
    pub(super) server: Option<IncomingServer>,
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

/// The accounts as Mail tells them, with what the database adds to them.
pub(super) fn accounts(computer: &Computer, extra_of: impl Fn(&str, Option<&str>) -> Extra) -> Found {
    let wanted = [
        Wanted::new(SERVERS, &["serverName", "userName", "port", "usesSsl", "authentication"]),
        Wanted::new(
            "accounts",
            &[
                "accountType",
                "emailAddresses",
                "enabled",
                "serverName",
                "port",
                "userName",
                "deliveryAccount.serverName",
                "deliveryAccount.userName",
                "deliveryAccount.port",
            ],
        ),
    ];
    let lists = match computer.scripts.read(&mail(), &wanted) {
        Ok(lists) => lists,
        Err(error) => {
            let message = format!("Mail's accounts cannot be read: {error}.");
            let problem = trouble("Mail".to_owned(), error.code(), message, error.hint());
            return Found { accounts: Vec::new(), problems: vec![problem] };
        }
    };
    let [servers, receivers] = lists.as_slice() else { return Found::default() };
    let (mut read, mut problems) = (Vec::new(), Vec::new());
    for server in servers {
        match server_of(server, receivers, &extra_of) {
            Ok(server) => read.extend(server),
            Err(problem) => problems.push(problem),
        }
    }
    finish(read, problems)
}

fn server_of(
    server: &Object,
    receivers: &[Object],
    extra_of: impl Fn(&str, Option<&str>) -> Extra,
) -> Result<Option<Server>, Problem> {
    let Some(host) = scripted::text(server, "serverName") else { return Ok(None) };
    let unreadable = |what: &str| {
        trouble(
            format!("Mail, outgoing server {host}"),
            "server_unreadable",
            format!("This outgoing server has a setting that is not understood: {what}."),
            "The other servers are not affected. Look at this one in Mail's list of outgoing servers.",
        )
    };
    let user = scripted::text(server, "userName");
    let ssl = scripted::switch(server, "usesSsl").ok_or_else(|| unreadable("whether it uses TLS"))?;
    let word = scripted::text(server, "authentication").ok_or_else(|| unreadable("its login"))?;
    let auth = auth_of(&word).ok_or_else(|| unreadable(&format!("the login {word}")))?;
    let port = match server.get("port") {
        None | Some(Value::Null) => None,
        Some(value) if *value == 0 => None,
        Some(_) => Some(scripted::port(server, "port").ok_or_else(|| unreadable("its port"))?),
    };
    let sends_through = |receiver: &&Object| {
        ["serverName", "userName", "port"]
            .iter()
            .all(|name| receiver.get(&format!("deliveryAccount.{name}")) == server.get(*name))
    };
    let mine = receivers.iter().filter(sends_through).filter(|one| scripted::switch(one, "enabled") != Some(false));
    let key = key(&host, user.as_deref());
    Ok(Some(Server {
        receivers: mine.map(receiver_of).collect(),
        extra: extra_of(&host, user.as_deref()),
        settings: scripted::settings(&mail(), &key, &PROPERTIES, server),
        host,
        user,
        port,
        ssl,
        auth,
    }))
}

fn receiver_of(receiver: &Object) -> Receiver {
    let kind = scripted::text(receiver, "accountType").unwrap_or_default();
    let protocol = match kind.as_str() {
        "pop" => IncomingProtocol::Pop3,
        "imap" => IncomingProtocol::Imap,
        _ => IncomingProtocol::Other,
    };
    let (port, user) = (scripted::port(receiver, "port"), scripted::text(receiver, "userName"));
    let server = scripted::text(receiver, "serverName");
    Receiver {
        icloud: kind == "iCloud",
        emails: scripted::texts(receiver, "emailAddresses"),
        server: server.map(|host| IncomingServer { protocol, host, port, user }),
    }
}

/// The object of a server.
fn key(host: &str, user: Option<&str>) -> ObjectKey {
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
fn named(account: &Account) -> Option<String> {
    let content = account.settings.get("user").and_then(|setting| setting.content.clone());
    match content {
        Some(crate::change::Content::Raw(raw)) => serde_json::from_str(&raw).ok(),
        _ => account.outgoing.user.clone(),
    }
}

fn account(server: Server) -> Account {
    let Server { host, user, port, ssl, auth, receivers, extra, settings } = server;
    let logs_in = auth != AuthSetting::None;
    // A change may add the incoming user name; the id is the same before and after.
    let incoming_user = receivers.iter().find_map(|receiver| receiver.server.as_ref()?.user.clone());
    let known_by = plan::identifier(&host, user.clone().or(incoming_user).as_deref());
    let mut emails: Vec<String> = Vec::new();
    for email in receivers.iter().flat_map(|receiver| &receiver.emails) {
        if !emails.contains(email) {
            emails.push(email.clone());
        }
    }
    let not_ours = if receivers.iter().any(|receiver| receiver.icloud) {
        Some(NotOurs::Icloud)
    } else if auth == AuthSetting::Oauth2 {
        owner_of(&host).or(Some(NotOurs::Oauth2))
    } else {
        extra.not_ours.or_else(|| owner_of(&host))
    };
    let mut notices = Vec::new();
    if receivers.len() > 1 {
        notices.push(Notice { code: "shared_server".to_owned(), message: shared_words(receivers.len(), &emails) });
    }
    if extra.automatic {
        notices.push(Notice {
            code: "automatic_management".to_owned(),
            message:
                "Mail manages the connection settings of this server by itself and may change the port again; to keep \
                      it, switch off \"Automatically manage connection settings\" in Mail's server settings."
                    .to_owned(),
        });
    }
    // Without a port Mail tries several in turn: 25 is what it begins with.
    let effective = port.unwrap_or(25);
    Account {
        id: format!("apple_mail/{known_by}"),
        client: ClientId::AppleMail,
        profile: "Mail".to_owned(),
        email: emails.first().cloned(),
        used: !receivers.is_empty(),
        notices,
        emails,
        outgoing: SubmissionServer {
            port: effective,
            port_is_default: port.is_none(),
            tls: plan::tls_mode(Some(ssl), extra.direct.map(|_| 3), effective),
            auth,
            credential: if logs_in { CredentialSource::Own } else { CredentialSource::None },
            user: user.filter(|_| logs_in),
            host,
        },
        incoming: receivers.first().and_then(|receiver| receiver.server.clone()),
        not_ours,
        password_in_client: logs_in,
        settings,
    }
}

fn auth_of(word: &str) -> Option<AuthSetting> {
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

fn word_of(auth: AuthSetting) -> Option<&'static str> {
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

/// The changes that make the account's outgoing server `to`. The port is the last: Mail may choose one of its own when
/// TLS is switched.
pub(super) fn changes(account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
    let now = &account.outgoing;
    if to == now {
        return Ok(Vec::new());
    }
    let cannot = |why: &str| PlanError::CannotExpress { client: ClientId::AppleMail, why: why.to_owned() };
    if !account.settings.contains_key("port") {
        return Err(cannot("Mail sets it itself, on its own Mac and for its own user; run port26 there"));
    }
    if to.host != now.host {
        return Err(cannot("the name of the server is changed in Mail itself"));
    }
    let wanted_user = if to.auth == AuthSetting::None { None } else { user_for(account, to) };
    if to.auth != AuthSetting::None && wanted_user.is_none() {
        return Err(cannot("a login needs a user name, and neither server has one"));
    }
    let mut plan = Plan::new(account, "userName", wanted_user.clone());
    if to.tls != now.tls || to.port != now.port {
        let direct = now.tls == TlsMode::Implicit && now.port != 465;
        let wanted = to.tls != TlsMode::None;
        if direct && to.tls == TlsMode::Starttls || plan::tls_mode(Some(wanted), None, to.port) != to.tls {
            return Err(cannot("Mail uses TLS from the first byte on port 465 and STARTTLS on every other port"));
        }
        plan.set("ssl", wanted)?;
    }
    if to.auth != now.auth {
        let word = word_of(to.auth).ok_or_else(|| cannot("this kind of login is set up in Mail itself"))?;
        plan.set("scheme", word)?;
    }
    if let Some(user) = wanted_user {
        plan.set("user", user)?;
    }
    if to.port != now.port || (now.port_is_default && !to.port_is_default) {
        plan.set("port", to.port)?;
    }
    Ok(plan.done())
}

fn user_for(account: &Account, to: &SubmissionServer) -> Option<String> {
    let incoming = account.incoming.as_ref().and_then(|incoming| incoming.user.clone());
    match to.credential {
        // Mail has no such setting: the outgoing server gets the same user name.
        CredentialSource::SameAsIncoming => to.user.clone().or(incoming),
        _ => to.user.clone().or_else(|| named(account)).or(incoming),
    }
}
