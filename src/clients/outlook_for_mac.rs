//! Outlook for Mac, the classic one: Outlook itself is asked, by scripting, and sets what is to change, as with Apple
//! Mail. Where its profiles are tells only that it is there, and whether it is the new Outlook, which takes no such
//! settings: that one is found and explained. `scan` and `test` never launch it, so they explain it too.
//!
//! The names of the properties are those of a header that Apple's `sdp` made from the dictionary of Outlook
//! (`smtpServer`, `smtpPort`, `smtpUseSsl`, `smtpNeedsAuthentication`, `smtpUseAccountAuthentication`, `smtpUserName`,
//! `smtpPassword`, on `pop account` and `imap account` alike). **None of it was ever seen on a Mac.** A property that an
//! Outlook does not know reads as missing, and an account without its port, its TLS or its login is told and left alone.
//!
//! TLS is one switch. That it means STARTTLS on 587 is how Microsoft's own servers are set up in Outlook, and on 465 TLS
//! from the first byte; that it means STARTTLS on port 26 as on 25 was never tried, and people are told to try. On any
//! other port nobody knows, and an account there is left alone. The switch is turned on, and never off.

use std::collections::BTreeMap;
use std::path::PathBuf;

use port26_platform::computer::{Computer, Os};
use port26_platform::scripts::{App, Object, ObjectKey, ScriptError, Visit, Wanted};

use super::abilities::{self, Abilities};
use super::providers::{exchange_server, owner_of};
use super::scripted::{self, NEW_PASSWORD, Plan};
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt};
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingProtocol, IncomingServer, NotOurs, Notice,
    SubmissionServer, TlsMode,
};
use crate::change::Change;

/// The adapter.
pub static OUTLOOK_FOR_MAC: OutlookForMac = OutlookForMac;

/// Outlook for Mac.
#[derive(Debug, Clone, Copy)]
pub struct OutlookForMac;

const PROFILES: &str = "Library/Group Containers/UBF8T346G9.Office/Outlook/Outlook 15 Profiles";
const PROGRAM: &str = "Microsoft Outlook";
/// Scripting knows the profile that Outlook opens, and no name of it.
const PROFILE: &str = "Outlook";

/// The elements that have an outgoing server, and their protocol.
const KINDS: [(&str, &str, IncomingProtocol); 2] =
    [("popAccounts", "pop", IncomingProtocol::Pop3), ("imapAccounts", "imap", IncomingProtocol::Imap)];
const EXCHANGE: &str = "exchangeAccounts";

/// The settings of an account that a change may touch: short name and property.
const PROPERTIES: [(&str, &str); 7] = [
    ("host", "smtpServer"),
    ("ssl", "smtpUseSsl"),
    ("auth", "smtpNeedsAuthentication"),
    ("as_incoming", "smtpUseAccountAuthentication"),
    ("user", "smtpUserName"),
    ("port", "smtpPort"),
    // It is set and never read.
    (NEW_PASSWORD, "smtpPassword"),
];

/// What the folder of profiles tells.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Profiles {
    /// One that the classic Outlook keeps (its database), and whether the new one is there as well.
    Classic { database: PathBuf, and_new: bool },
    /// Only such as the new Outlook keeps, or none that is known.
    NotClassic(PathBuf),
    /// There is a folder, and macOS does not show what is in it.
    Hidden(PathBuf),
}

impl MailClient for OutlookForMac {
    fn id(&self) -> ClientId {
        ClientId::OutlookMac
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        let Some(profiles) = profiles(computer) else { return Ok(None) };
        let visit = computer.scripts.visit(&outlook());
        let (path, is_classic) = match profiles {
            Profiles::Classic { database, .. } => (database, true),
            Profiles::Hidden(folder) => (folder, true),
            Profiles::NotClassic(folder) => (folder, false),
        };
        let mut here = Installation::of(ClientId::OutlookMac);
        here.profiles = vec![ProfileAt { name: PROFILE.to_owned(), path: Some(path), key: None }];
        if !is_classic || visit != Visit::Allowed {
            here.by_hand = self.by_hand();
        }
        if is_classic && visit != Visit::Allowed {
            let place = if visit == Visit::Nowhere { " on that Mac, as the user whose mail it is" } else { "" };
            here.by_hand.push(format!(
                "Or run `port26 fix`{place}: it asks the classic Outlook for its accounts, and you before it changes one."
            ));
        }
        Ok(Some(here))
    }

    fn by_hand(&self) -> Vec<String> {
        [
            "Open Outlook and choose Outlook, then Settings, then Accounts, then the account.",
            "Under Outgoing server set the port to 26 (tick Override default port if it is shown).",
            "Tick Use SSL to connect; Outlook should begin with STARTTLS on port 26, as on 25 and 587.",
            "Choose More Options and set Authentication to Use Incoming Server Info.",
            "Close the window, and send a message to yourself.",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn scripted_app(&self) -> Option<App> {
        Some(outlook())
    }

    fn accounts(&self, computer: &Computer, _at: &Installation) -> Found {
        if computer.scripts.visit(&outlook()) != Visit::Allowed {
            return Found::default();
        }
        match profiles(computer) {
            None | Some(Profiles::NotClassic(_)) => Found::default(),
            Some(Profiles::Classic { and_new, .. }) => asked(computer, and_new),
            Some(Profiles::Hidden(_)) => asked(computer, true),
        }
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        changes(account, to)
    }

    fn abilities(&self, _computer: &Computer, _account: &Account) -> Abilities {
        abilities::table::OUTLOOK_FOR_MAC
    }

    fn in_use(&self, computer: &Computer, _account: &Account) -> InUse {
        self.profile_in_use(computer, PROFILE)
    }

    /// Whatever is in it: scripting knows one profile, and reading it may launch Outlook.
    fn profile_in_use(&self, computer: &Computer, _profile: &str) -> InUse {
        InUse::while_runs(computer, &[PROGRAM])
    }
}

/// Outlook.
fn outlook() -> App {
    App::new(PROGRAM, "com.microsoft.Outlook")
}

fn profiles(computer: &Computer) -> Option<Profiles> {
    if computer.os != Os::Macos {
        return None;
    }
    let folder = computer.folders.home.join(PROFILES);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        // From macOS 15 on the folders of other programs can be seen from outside only.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return Some(Profiles::Hidden(folder)),
        Err(_) => return None,
    };
    let mut all: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    all.sort();
    let and_new =
        all.iter().any(|profile| ["HxStore.hxd", "Data/HxStore.hxd"].iter().any(|at| profile.join(at).exists()));
    let database = all.iter().map(|profile| profile.join("Data/Outlook.sqlite")).find(|file| file.exists());
    Some(match database {
        Some(database) => Profiles::Classic { database, and_new },
        None => Profiles::NotClassic(folder),
    })
}

/// The accounts as Outlook tells them.
fn asked(computer: &Computer, new_is_here: bool) -> Found {
    let common = ["emailAddress", "userName", "server"];
    let mut properties = common.to_vec();
    properties.push("port");
    properties.extend(PROPERTIES.iter().filter(|(short, _)| *short != NEW_PASSWORD).map(|(_, property)| *property));
    let mut wanted: Vec<Wanted> = KINDS.iter().map(|(elements, ..)| Wanted::new(elements, &properties)).collect();
    wanted.push(Wanted::new(EXCHANGE, &common));
    let lists = match computer.scripts.read(&outlook(), &wanted) {
        Ok(lists) => lists,
        // Its profile outlives a program that was thrown away.
        Err(ScriptError::NotInstalled { .. }) => return Found::default(),
        Err(error) => {
            let message = format!("Outlook's accounts cannot be read: {error}.");
            return Found {
                accounts: Vec::new(),
                problems: vec![trouble(PROGRAM.to_owned(), error.code(), message, error.hint())],
            };
        }
    };
    let mut found = Found::default();
    for ((elements, kind, protocol), objects) in KINDS.iter().zip(&lists) {
        for object in objects {
            match account(elements, kind, *protocol, object) {
                Ok(account) => found.accounts.push(account),
                Err(problem) => found.problems.push(problem),
            }
        }
    }
    found.accounts.extend(lists.get(KINDS.len()).into_iter().flatten().map(exchange_account));
    leave_what_is_alike(&mut found);
    if found.accounts.is_empty() && found.problems.is_empty() && new_is_here {
        found.problems.push(trouble(
            PROGRAM.to_owned(),
            "new_outlook",
            "Outlook tells other programs of no account; the new Outlook does so, whatever it has.".to_owned(),
            "If it has accounts that cannot send, set them by hand; `port26 scan` lists the steps.",
        ));
    }
    found
}

fn trouble(at: String, code: &str, message: String, hint: &str) -> Problem {
    Problem { client: Some(ClientId::OutlookMac), at, code: code.to_owned(), message, hint: hint.to_owned() }
}

/// Accounts that no property of ours tells apart are problems.
fn leave_what_is_alike(found: &mut Found) {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for account in &found.accounts {
        *times.entry(account.id.clone()).or_default() += 1;
    }
    found.accounts.retain(|account| times.get(&account.id).is_none_or(|&times| times == 1));
    for (id, _) in times.into_iter().filter(|&(_, times)| times > 1) {
        let message =
            "Two accounts of Outlook cannot be told apart (the same incoming server and user name), so both are \
                       left alone."
                .to_owned();
        let hint = "In Outlook, remove the one that is not needed, or set them by hand; `port26 scan` lists the steps.";
        found.problems.push(trouble(id, "duplicate_account", message, hint));
    }
}

/// What Outlook does not tell of an account, in words.
type Untold = String;

fn account(elements: &str, kind: &str, protocol: IncomingProtocol, object: &Object) -> Result<Account, Problem> {
    let email = scripted::text(object, "emailAddress");
    let left_alone = |what: Untold| left_alone(kind, email.as_deref(), &what);
    let (server, user) = known_by(object).map_err(left_alone)?;
    let outgoing = outgoing(object, &user).map_err(left_alone)?;
    let id = format!("outlook_mac/{kind}/{server}:{user}");
    let key = key(elements, &server, &user);
    Ok(Account {
        not_ours: owner_of(&outgoing.host),
        notices: vec![tls_by_port()],
        // Without a user name of its own there is no password for it either.
        password_in_client: outgoing.credential != CredentialSource::Own || outgoing.user.is_some(),
        incoming: Some(IncomingServer { protocol, host: server, port: port(object, "port"), user: Some(user) }),
        settings: scripted::settings(&outlook(), &key, &PROPERTIES, object),
        ..Account::found(id, ClientId::OutlookMac, PROFILE, outgoing).with_emails(email)
    })
}

fn left_alone(kind: &str, email: Option<&str>, what: &str) -> Problem {
    trouble(
        format!("{PROGRAM}, {kind} account {}", email.unwrap_or("without an address")),
        "cannot_read",
        format!("Outlook does not tell {what} of this account, so it is left alone."),
        "The other accounts are not affected. Set this one by hand; `port26 scan` lists the steps.",
    )
}

/// The incoming server and its user name, which tell an account from others.
fn known_by(object: &Object) -> Result<(String, String), Untold> {
    let server = scripted::text(object, "server").ok_or("the incoming server")?;
    let user = scripted::text(object, "userName").ok_or("the user name")?;
    Ok((server, user))
}

/// The same as scripting finds it by.
fn key(elements: &str, server: &str, user: &str) -> ObjectKey {
    let keys = [("server", server), ("userName", user)];
    let keys = keys.map(|(property, value)| (property.to_owned(), vec![Some(value.to_owned())]));
    ObjectKey { elements: elements.to_owned(), keys: BTreeMap::from(keys) }
}

fn outgoing(object: &Object, incoming_user: &str) -> Result<SubmissionServer, Untold> {
    let switch = |property: &str| scripted::switch(object, property);
    let host = scripted::text(object, "smtpServer").ok_or("the outgoing server")?;
    let port = port(object, "smtpPort").ok_or("the port of the outgoing server")?;
    let ssl = switch("smtpUseSsl").ok_or("whether sending uses TLS")?;
    let logs_in = switch("smtpNeedsAuthentication").ok_or("whether sending needs a login")?;
    let as_incoming = switch("smtpUseAccountAuthentication").ok_or("whose login is used for sending")?;
    let tls = tls_mode(ssl, port).ok_or_else(|| format!("how TLS begins on port {port}"))?;
    let (credential, user) = match (logs_in, as_incoming) {
        (false, _) => (CredentialSource::None, None),
        (true, true) => (CredentialSource::SameAsIncoming, Some(incoming_user.to_owned())),
        (true, false) => (CredentialSource::Own, scripted::text(object, "smtpUserName")),
    };
    let auth = if logs_in { AuthSetting::Password } else { AuthSetting::None };
    Ok(SubmissionServer { host, port, port_is_default: false, tls, auth, credential, user, mechanism: None })
}

fn port(object: &Object, property: &str) -> Option<u16> {
    scripted::port(object, property).filter(|&port| port != 0)
}

fn tls_by_port() -> Notice {
    Notice {
        code: "tls_by_port".to_owned(),
        message: "Outlook has one switch for TLS. That it means STARTTLS on port 26 has not been tried yet: after a \
                  move send a message to yourself, and if it does not go out, `port26 undo` puts the old settings back."
            .to_owned(),
    }
}

fn exchange_account(object: &Object) -> Account {
    let email = scripted::text(object, "emailAddress");
    let known_by = email.clone().or_else(|| scripted::text(object, "userName")).unwrap_or_default();
    let id = format!("outlook_mac/exchange/{known_by}");
    Account {
        not_ours: Some(NotOurs::Exchange),
        ..Account::found(id, ClientId::OutlookMac, PROFILE, exchange_server()).with_emails(email)
    }
}

/// How TLS begins. `None`: nobody knows.
fn tls_mode(ssl: bool, port: u16) -> Option<TlsMode> {
    match (ssl, port) {
        (false, _) => Some(TlsMode::None),
        (true, 465) => Some(TlsMode::Implicit),
        (true, 25 | 26 | 587) => Some(TlsMode::Starttls),
        (true, _) => None,
    }
}

/// The changes that make the account's outgoing server `to`. The port is the last: Outlook may choose one of its own when
/// TLS is switched.
fn changes(account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
    let now = &account.outgoing;
    if to == now {
        return Ok(Vec::new());
    }
    if let Some(reason) = account.not_ours {
        return Err(cannot(format!("this account is left alone ({reason:?})")));
    }
    // What an object is known by is not among what is set.
    let mut plan = Plan::new(account, "userName", None);
    if to.host != now.host {
        plan.set("host", to.host.as_str())?;
    }
    if (to.tls, to.port) != (now.tls, now.port) {
        if to.tls == TlsMode::None && now.tls != TlsMode::None {
            return Err(cannot("TLS is not switched off".to_owned()));
        }
        let wanted = to.tls != TlsMode::None;
        if tls_mode(wanted, to.port) != Some(to.tls) {
            return Err(cannot(format!(
                "it has one switch for TLS, which does not mean {:?} on port {} as far as is known",
                to.tls, to.port
            )));
        }
        plan.set("ssl", wanted)?;
    }
    if (to.auth, to.credential, &to.user) != (now.auth, now.credential, &now.user) {
        log_in(&mut plan, account, to)?;
    }
    if to.port != now.port {
        plan.set("port", to.port)?;
    }
    Ok(plan.done())
}

fn log_in(plan: &mut Plan<'_>, account: &Account, to: &SubmissionServer) -> Result<(), PlanError> {
    match to.auth {
        AuthSetting::None => return plan.set("auth", false),
        AuthSetting::Password => {}
        _ => return Err(cannot("it has no other login for outgoing servers than a password".to_owned())),
    }
    match (to.credential, &to.user) {
        (CredentialSource::SameAsIncoming, wanted) => {
            let incoming = account.incoming.as_ref().and_then(|incoming| incoming.user.as_ref());
            if wanted.as_ref().is_some_and(|wanted| incoming.is_none_or(|user| !user.eq_ignore_ascii_case(wanted))) {
                return Err(cannot("the user name wanted is not that of the incoming server".to_owned()));
            }
            plan.set("auth", true)?;
            plan.set("as_incoming", true)
        }
        (CredentialSource::Own, Some(user)) => {
            plan.set("auth", true)?;
            plan.set("as_incoming", false)?;
            plan.set("user", user.as_str())
        }
        _ => Err(cannot("a login needs somebody's user name and password".to_owned())),
    }
}

fn cannot(why: String) -> PlanError {
    PlanError::CannotExpress { client: ClientId::OutlookMac, why }
}

#[cfg(test)]
mod tests;
