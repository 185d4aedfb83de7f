//! Which addresses send through which outgoing server, by the rules of the program itself: `nsMsgAccountManager::LoadAccounts`
//! (an account without its incoming server is dropped) and `OutgoingServerService.sys.mjs` (only listed servers exist).

use std::collections::{HashMap, HashSet};

use super::bounds::MOST_ENTRIES;
use super::preferences::Preferences;
use super::store::ACCOUNTS_ADDED;

/// An identity that sends.
pub(super) struct Sender {
    /// Its key.
    pub identity: String,
    /// The account it belongs to.
    pub account: String,
    pub email: Option<String>,
    /// Key of the account's incoming server.
    pub server: String,
}

/// Why an address has no outgoing server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Missing {
    /// Its identity names this key, which is not in the list.
    Unlisted(String),
    /// It uses the default, and this key is not in the list.
    DefaultUnlisted(String),
    /// The list is empty.
    NoServers,
    /// The program cannot make this server, and gives up the whole list.
    UnknownType(String),
    /// The server of this key has no host name.
    NoHost(String),
}

const DEFAULT_SERVER: &str = "mail.smtp.defaultserver";

/// The outgoing servers and who uses them.
#[derive(Default)]
pub(super) struct Senders {
    /// Keys, each once, in the program's order.
    pub keys: Vec<String>,
    pub by_key: HashMap<String, Vec<Sender>>,
    /// Addresses that nothing sends for, each once.
    pub without: Vec<(String, Missing)>,
    /// More entries than are looked at.
    pub too_many: Option<&'static str>,
}

/// What a profile says of a server, as far as it matters here.
pub(super) trait Servers {
    /// Does it have a host name (or what stands for one)?
    fn has_host(&self, key: &str) -> bool;
}

/// Incoming servers that the program can make. `movemail` ended with 78.
const INCOMING: [&str; 9] = ["imap", "pop3", "nntp", "none", "rss", "im", "ews", "graph", "movemail"];

/// Outgoing ones.
const OUTGOING: [&str; 3] = ["smtp", "ews", "graph"];

/// Keys of a list: separated by commas alone, so that a space belongs to the key.
fn keys(text: Option<String>, seen: &mut HashSet<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    text.split(',').filter(|key| !key.is_empty() && seen.insert((*key).to_owned())).map(str::to_owned).collect()
}

/// Has the outgoing server of this key a type that the program cannot make?
pub(super) fn is_unknown(prefs: &Preferences<'_>, key: &str) -> bool {
    let kind = prefs.written_text(&format!("mail.smtpserver.{key}.type"));
    kind.is_some_and(|kind| !OUTGOING.contains(&kind.as_str()))
}

/// In some lists blanks do not count.
fn without_blanks(list: String) -> String {
    list.replace([' ', '\t', '\r', '\n'], "")
}

/// May a host on the net have this name? Two names with a blank are the program's own.
fn is_host(host: &str) -> bool {
    !host.contains(|c: char| c.is_ascii_control() || " #%*/:<>?@[\\]^|".contains(c))
}

/// Finds out who sends through what. Up to 90, and in the relatives that go on from there, a key that is used is a server
/// whether it is listed or not, and blanks separate keys as well (`nsSmtpService.cpp`).
pub(super) fn senders(prefs: &Preferences<'_>, servers: &impl Servers, listed_only: bool) -> Senders {
    let mut all = Senders::default();
    let mut known = HashSet::new();
    let list = prefs.text("mail.smtpservers");
    let list = if listed_only { list } else { list.map(|list| list.replace(' ', ",")) };
    all.keys = all.bounded(keys(list, &mut known), "outgoing servers");
    let odd = all.keys.iter().find(|key| listed_only && is_unknown(prefs, key)).cloned();
    if let Some(key) = odd {
        all.keys.clear();
        all.each_identity(prefs, |_| Err(Missing::UnknownType(key.clone())));
        return all;
    }
    let mut also_known = known.clone();
    let choice = Choice {
        prefs,
        servers,
        listed: listed_only.then_some(known),
        default: prefs.text(DEFAULT_SERVER),
        first: all.keys.first().cloned(),
        in_the_way: prefs.0.default_against(DEFAULT_SERVER, "\"\"").filter(|_| listed_only).map(str::to_owned),
    };
    let mut more = Vec::new();
    all.each_identity(prefs, |identity| {
        let key = choice.of(identity)?;
        if also_known.insert(key.clone()) {
            more.push(key.clone());
        }
        Ok(key)
    });
    all.keys.extend(more);
    all
}

/// How an identity comes to its outgoing server.
struct Choice<'a, S> {
    prefs: &'a Preferences<'a>,
    servers: &'a S,
    /// Only one of these is a server, if this is known.
    listed: Option<HashSet<String>>,
    default: Option<String>,
    first: Option<String>,
    /// Without a default the program writes the first server there, and stops where that cannot be written
    /// (`OutgoingServerService`): this stands there.
    in_the_way: Option<String>,
}

impl<S: Servers> Choice<'_, S> {
    fn of(&self, identity: &str) -> Result<String, Missing> {
        let own = format!("mail.identity.{identity}.smtpServer");
        if let Some(own) = self.prefs.text_or(&own, "mail.identity.default.smtpServer") {
            return self.usable(own, Missing::Unlisted);
        }
        match (&self.default, &self.first, &self.in_the_way) {
            (Some(key), _, _) => self.usable(key.clone(), Missing::DefaultUnlisted),
            (None, Some(_), Some(odd)) => Err(Missing::DefaultUnlisted(odd.clone())),
            (None, Some(key), None) => self.usable(key.clone(), Missing::Unlisted),
            (None, None, _) => Err(Missing::NoServers),
        }
    }

    fn usable(&self, key: String, missing: fn(String) -> Missing) -> Result<String, Missing> {
        if self.listed.as_ref().is_some_and(|listed| !listed.contains(&key)) {
            Err(missing(key))
        } else if self.servers.has_host(&key) {
            Ok(key)
        } else {
            Err(Missing::NoHost(key))
        }
    }
}

impl Senders {
    fn bounded(&mut self, mut list: Vec<String>, what: &'static str) -> Vec<String> {
        if list.len() > MOST_ENTRIES {
            list.truncate(MOST_ENTRIES);
            self.too_many.get_or_insert(what);
        }
        list
    }

    fn accounts(&mut self, prefs: &Preferences<'_>) -> Vec<String> {
        let mut seen = HashSet::new();
        let mut accounts = keys(prefs.text("mail.accountmanager.accounts"), &mut seen);
        // accounts that an installation adds to those of its users, once
        if prefs.int(ACCOUNTS_ADDED).is_none_or(|times| times <= 1) {
            accounts.extend(keys(prefs.text("mail.accountmanager.appendaccounts").map(without_blanks), &mut seen));
        }
        self.bounded(accounts, "accounts")
    }

    fn each_identity(&mut self, prefs: &Preferences<'_>, mut key_of: impl FnMut(&str) -> Result<String, Missing>) {
        let mut incoming = Incoming::default();
        let mut left = MOST_ENTRIES;
        let mut told = HashSet::new();
        for account in self.accounts(prefs) {
            let Some(server) = prefs.written_text(&format!("mail.account.{account}.server")) else { continue };
            // nobody is offered the addresses of a hidden account
            if !incoming.takes(prefs, &server) || prefs.incoming_is(&server, "hidden") {
                continue;
            }
            let identities = prefs.text(&format!("mail.account.{account}.identities")).map(without_blanks);
            for identity in keys(identities, &mut HashSet::new()) {
                let Some(rest) = left.checked_sub(1) else {
                    self.too_many.get_or_insert("identities");
                    return;
                };
                left = rest;
                let email =
                    prefs.text_or(&format!("mail.identity.{identity}.useremail"), "mail.identity.default.useremail");
                match (key_of(&identity), email) {
                    (Ok(key), email) => {
                        let (account, server) = (account.clone(), server.clone());
                        let sender = Sender { identity, account, email, server };
                        self.by_key.entry(key).or_default().push(sender);
                    }
                    (Err(missing), Some(email)) if told.insert(email.to_lowercase()) => {
                        self.without.push((email, missing))
                    }
                    (Err(_), _) => {}
                }
            }
        }
        self.forget_those_that_send();
    }

    /// Another identity of the same address may have a server.
    fn forget_those_that_send(&mut self) {
        let senders = self.by_key.values().flatten();
        let sends: HashSet<&str> = senders.filter_map(|sender| sender.email.as_deref()).collect();
        self.without.retain(|(email, _)| !sends.contains(email.as_str()));
    }
}

/// The incoming servers so far: each belongs to one account, and no two are the same.
#[derive(Default)]
struct Incoming {
    keys: HashSet<String>,
    any_imap: bool,
    /// Users by type, host in lower case, port.
    users: HashMap<(String, String, i32), HashSet<String>>,
}

impl Incoming {
    /// As Thunderbird 153.7 was seen to do it: a name that no host may have loses an account of IMAP, and behind one of IMAP
    /// any other account with a mailbox.
    fn takes_host(&self, host: &str, kind: &str) -> bool {
        match kind {
            _ if matches!(host, "Local%20Folders" | "smart%20mailboxes" | "") => false,
            _ if matches!(host, "Local Folders" | "smart mailboxes") => kind == "none",
            "none" | "rss" => true,
            _ => is_host(host) || (kind != "imap" && !self.any_imap),
        }
    }

    /// Can the program make it, and is there none like it?
    fn takes(&mut self, prefs: &Preferences<'_>, key: &str) -> bool {
        let text = |part: &str| prefs.written_text(&format!("mail.server.{key}.{part}"));
        let (Some(kind), Some(host)) = (text("type"), text("hostname")) else { return false };
        if !INCOMING.contains(&kind.as_str()) || !self.takes_host(&host, &kind) || self.keys.contains(key) {
            return false;
        }
        self.any_imap |= kind == "imap";
        let port = prefs.incoming_port(key).unwrap_or_default();
        let user = text("userName").unwrap_or_default();
        let users = self.users.entry((kind, host.to_lowercase(), port)).or_default();
        // a search without a user finds any
        if users.contains(&user) || (user.is_empty() && !users.is_empty()) {
            return false;
        }
        users.insert(user);
        self.keys.insert(key.to_owned());
        true
    }
}

#[cfg(test)]
mod tests;
