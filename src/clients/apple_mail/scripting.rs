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

use port26_platform::computer::Computer;
use port26_platform::scripts::{Object, Wanted};
use serde_json::Value;

use super::asked::{Extra, PROPERTIES, SERVERS, Server, auth_of, finish, key, mail, named, word_of};
use super::outgoing::Receiver;
use super::plan;
use super::words::trouble;
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingProtocol, IncomingServer, SubmissionServer, TlsMode,
};
use crate::change::Change;
use crate::clients::scripted::{self, Plan};
use crate::clients::{Found, PlanError, Problem};

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
    let mine = receivers.iter().filter(|receiver| sends_through(receiver, server));
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

/// One that is switched off sends nothing.
fn sends_through(receiver: &Object, server: &Object) -> bool {
    let same = |name| receiver.get(&format!("deliveryAccount.{name}")) == server.get(name);
    ["serverName", "userName", "port"].into_iter().all(same) && scripted::switch(receiver, "enabled") != Some(false)
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
