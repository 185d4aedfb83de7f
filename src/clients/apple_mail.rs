//! Apple Mail. Up to OS X 10.10 its accounts are arrays in one property list, edited like any file. Later versions keep
//! them in a database of the system that nobody else may write: Mail itself sets them, asked by scripting ([`scripting`]).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use port26_platform::computer::{Computer, Os};
use port26_platform::files;
use port26_platform::scripts::{App, Visit};

use super::providers::owner_of;
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt};
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingProtocol, IncomingServer, NotOurs, Notice, Setting,
    SubmissionServer,
};
use crate::change::{Change, Content, Slot};
use crate::formats::plist_doc::{PlistDoc, Scalar, path_segment};
use crate::formats::{Document, FileFormat, FormatError};

mod accounts_db;
mod plan;
mod scripting;
mod without_server;

/// The files of that era, the newest layout first.
const FILES: [&str; 3] = [
    "Library/Mail/V2/MailData/Accounts.plist",
    "Library/Containers/com.apple.mail/Data/Library/Preferences/com.apple.mail.plist",
    "Library/Preferences/com.apple.mail.plist",
];

/// More servers or accounts than anybody has: beyond it the file is not believed.
const MOST: usize = 500;

/// Accounts that can share one server and still be moved together; a setting has one of these names.
const IDENTIFIERS: [&str; 8] = [
    "identifier_0",
    "identifier_1",
    "identifier_2",
    "identifier_3",
    "identifier_4",
    "identifier_5",
    "identifier_6",
    "identifier_7",
];

/// The settings of a server that an edit may touch: short name and key.
const KEYS: [(&str, &str); 9] = [
    ("host", "Hostname"),
    ("user", "Username"),
    ("port", "PortNumber"),
    ("default_ports", "UseDefaultPorts"),
    ("automatic", "ConfigureDynamically"),
    ("ssl", "SSLEnabled"),
    ("layer", "SecurityLayerType"),
    ("auth", "ShouldUseAuthentication"),
    ("scheme", "AuthenticationScheme"),
];

/// Apple Mail.
pub static APPLE_MAIL: AppleMail = AppleMail;

/// Apple Mail.
#[derive(Debug)]
pub struct AppleMail;

impl MailClient for AppleMail {
    fn id(&self) -> ClientId {
        ClientId::AppleMail
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        if computer.os != Os::Macos {
            return Ok(None);
        }
        let home = &computer.folders.home;
        let mut here = Installation::of(ClientId::AppleMail);
        if keeps_accounts_itself(home) {
            here.profiles = vec![ProfileAt { name: "Mail".to_owned(), path: Some(accounts_db::file(home)), key: None }];
            if computer.scripts.visit(&scripting::mail()) == Visit::Nowhere {
                here.by_hand = by_hand();
            }
            return Ok(Some(here));
        }
        let mut any = false;
        for file in FILES.map(|file| home.join(file)) {
            let Some(bytes) = files::read(&file).map_err(|error| unreadable(&file, &error))? else { continue };
            any = true;
            // A file that cannot be read is taken as well, so that `accounts` can say what is wrong with it.
            let has_servers = PlistDoc::parse(&bytes).and_then(|doc| doc.count("DeliveryAccounts"));
            if has_servers.as_ref().map_or(true, |count| count.is_some_and(|count| count > 0)) {
                here.profiles = vec![ProfileAt { name: "Mail".to_owned(), path: Some(file), key: None }];
                return Ok(Some(here));
            }
        }
        // Window settings without any account: the accounts are elsewhere, or there are none yet.
        here.by_hand = by_hand();
        Ok(any.then_some(here))
    }

    fn asked(&self) -> Option<App> {
        Some(scripting::mail())
    }

    fn accounts(&self, computer: &Computer, at: &Installation) -> Found {
        let mut found = Found::default();
        for file in at.profiles.iter().filter_map(|profile| profile.path.as_deref()) {
            if file.extension().is_some_and(|extension| extension == "sqlite") {
                return keeps_itself(computer, file);
            }
            let doc = match files::read(file) {
                Ok(Some(bytes)) => PlistDoc::parse(&bytes).map_err(|error| unreadable(file, &error)),
                Ok(None) => continue,
                Err(error) => Err(unreadable(file, &error)),
            };
            match doc.and_then(|doc| read(&doc, file, &mut found).map_err(|error| unreadable(file, &error))) {
                Ok(()) => {}
                Err(problem) => found.problems.push(problem),
            }
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        if account.settings.contains_key("default_ports") {
            plan::changes(account, to)
        } else {
            scripting::changes(account, to)
        }
    }

    fn in_use(&self, computer: &Computer, _account: &Account) -> InUse {
        match computer.processes.running(&["Mail"]).first() {
            Some(&pid) => InUse::Yes(Some(pid)),
            None => InUse::No,
        }
    }

    /// Whatever is in it: Mail has one profile, and reading it may launch Mail.
    fn profile_in_use(&self, computer: &Computer, _profile: &str) -> InUse {
        computer.processes.running(&["Mail"]).first().map_or(InUse::No, |&pid| InUse::Yes(Some(pid)))
    }
}

/// The accounts of a Mail that keeps them itself: from the database, and from Mail where something is to be changed.
fn keeps_itself(computer: &Computer, file: &Path) -> Found {
    let read = accounts_db::read(file);
    if computer.scripts.visit(&scripting::mail()) != Visit::Allowed {
        return accounts_db::accounts_found(computer, file, read);
    }
    let database = match read {
        // Nobody here uses Mail: it is not launched for nothing, and shows nobody its welcome.
        Ok(Some(database)) if database.is_empty() => return database.without_server(),
        Ok(database) => database,
        // Without the permission to look, Mail's own folder tells that it was used.
        Err(_) => None,
    };
    if database.is_none() && !computer.folders.home.join("Library/Mail").exists() {
        return Found::default();
    }
    let database = database.unwrap_or_default();
    let mut found = scripting::accounts(computer, |name, user| database.extra(name, user));
    found.problems.extend(database.without_server().problems);
    found
}

fn by_hand() -> Vec<String> {
    [
        "Open Mail, then Mail > Settings (or Preferences) > Accounts, and choose the account.",
        "Choose Server Settings. Under Outgoing Mail Server, open the menu and choose Edit SMTP Server List if the fields below are not shown.",
        "Switch off \"Automatically manage connection settings\".",
        "Write 26 as the port and switch on \"Use TLS/SSL\".",
        "As Authentication choose Password, and write the user name and password of your incoming server.",
        "Choose Save, close the window, and send a message to yourself.",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Is this a Mac whose Mail has its accounts in the system's database?
fn keeps_accounts_itself(home: &Path) -> bool {
    let denied = |error: &std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    match std::fs::metadata(home.join("Library/Accounts/Accounts4.sqlite")) {
        Ok(_) => return true,
        // Only systems of that kind keep programs out of these folders.
        Err(error) if denied(&error) => return true,
        Err(_) => {}
    }
    let is_later = |name: &str| name.strip_prefix('V').and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n >= 3);
    match std::fs::read_dir(home.join("Library/Mail")) {
        Ok(entries) => entries.flatten().any(|entry| is_later(&entry.file_name().to_string_lossy())),
        Err(error) => denied(&error),
    }
}

fn unreadable(file: &Path, why: &dyn std::fmt::Display) -> Problem {
    Problem {
        client: Some(ClientId::AppleMail),
        at: file.display().to_string(),
        code: "accounts_unreadable".to_owned(),
        message: format!("Mail's accounts cannot be read: {why}."),
        hint: "Open Mail once, look at its account settings, close it, and try again.".to_owned(),
    }
}

fn trouble(at: String, code: &str, message: String, hint: &str) -> Problem {
    Problem { client: Some(ClientId::AppleMail), at, code: code.to_owned(), message, hint: hint.to_owned() }
}

/// A receiving account, as far as sending needs it.
struct Receiver {
    /// Its place in `MailAccounts`.
    path: String,
    kind: String,
    /// Which server it sends through.
    sends_through: String,
    emails: Vec<String>,
    server: Option<IncomingServer>,
}

fn read(doc: &PlistDoc, file: &Path, found: &mut Found) -> Result<(), FormatError> {
    // A list that cannot be gone through leaves its servers without senders, not unseen.
    let receivers = match receivers(doc, file, &mut found.problems) {
        Ok(receivers) => receivers,
        Err(error) => {
            found.problems.push(unreadable(file, &error));
            Vec::new()
        }
    };
    let mut seen = BTreeSet::new();
    let count = bounded(doc, "DeliveryAccounts")?;
    found.problems.extend(without_server::problems(without_server::in_list(doc, count, &receivers)));
    for index in 0..count {
        let path = place(doc, "DeliveryAccounts", index).unwrap_or_else(|_| format!("DeliveryAccounts/#{index}"));
        let at = || format!("{}, {path}", file.display());
        match server(doc, file, &path, &receivers) {
            Ok(Some(account)) if seen.insert(account.id.clone()) => found.accounts.push(account),
            Ok(Some(account)) => found.problems.push(trouble(
                at(),
                "duplicate_server",
                format!(
                    "Two outgoing servers cannot be told apart ({}); the second is left alone.",
                    account.outgoing.host
                ),
                "In Mail, remove the one that is not needed from the list of outgoing servers.",
            )),
            Ok(None) => {}
            Err(error) => found.problems.push(trouble(
                at(),
                "server_unreadable",
                format!("This outgoing server has a setting that is not understood: {error}."),
                "The other servers are not affected. Look at this one in Mail's list of outgoing servers.",
            )),
        }
    }
    Ok(())
}

fn bounded(doc: &PlistDoc, array: &str) -> Result<usize, FormatError> {
    match doc.count(array)?.unwrap_or(0) {
        count if count > MOST => Err(refused(array, "it has more elements than any person has accounts")),
        count => Ok(count),
    }
}

/// The path of an element: by its `uniqueId` if that finds it, so that it is still found after Mail has changed the order.
fn place(doc: &PlistDoc, array: &str, index: usize) -> Result<String, FormatError> {
    let by_index = format!("{array}/#{index}");
    if let Some(Scalar::String(id)) = doc.scalar(&format!("{by_index}/uniqueId"))? {
        let by_id = format!("{array}/#uniqueId={}", path_segment(&id));
        if doc.get(&format!("{by_id}/uniqueId")).is_ok_and(|found| found.is_some()) {
            return Ok(by_id);
        }
    }
    Ok(by_index)
}

/// The receiving accounts. A setting of one that is not understood is told of and hides nothing else, not even that
/// account: it still names the server it sends through.
fn receivers(doc: &PlistDoc, file: &Path, problems: &mut Vec<Problem>) -> Result<Vec<Receiver>, FormatError> {
    let mut all = Vec::new();
    for index in 0..bounded(doc, "MailAccounts")? {
        let mut odd = Vec::new();
        match place(doc, "MailAccounts", index).and_then(|path| receiver(doc, path, &mut odd)) {
            Ok(receiver) => all.extend(receiver),
            Err(error) => odd.push(error),
        }
        problems.extend(odd.first().map(|error| {
            trouble(
                format!("{}, MailAccounts/#{index}", file.display()),
                "account_unreadable",
                format!("This receiving account has a setting that is not understood: {error}."),
                "The other accounts are not affected. Look at this one in Mail's account settings.",
            )
        }));
    }
    Ok(all)
}

/// `Ok(None)`: it sends through no server. What it is besides may be odd.
fn receiver(doc: &PlistDoc, path: String, odd: &mut Vec<FormatError>) -> Result<Option<Receiver>, FormatError> {
    let name = |key: &str| format!("{path}/{key}");
    let Some(sends_through) = text(doc, &name("SMTPIdentifier"))? else { return Ok(None) };
    let list = name("EmailAddresses");
    let mut emails = Vec::new();
    for index in 0..unless_odd(bounded(doc, &list).map(Some), odd).unwrap_or(0) {
        emails.extend(unless_odd(text(doc, &format!("{list}/#{index}")), odd));
    }
    let kind = unless_odd(text(doc, &name("AccountType")), odd).unwrap_or_default();
    let protocol = match kind.as_str() {
        "POPAccount" => IncomingProtocol::Pop3,
        kind if kind.contains("IMAP") => IncomingProtocol::Imap,
        _ => IncomingProtocol::Other,
    };
    let port = unless_odd(number(doc, &name("PortNumber")), odd).and_then(|port| u16::try_from(port).ok());
    let user = unless_odd(text(doc, &name("Username")), odd);
    let host = unless_odd(text(doc, &name("Hostname")), odd);
    let server = host.map(|host| IncomingServer { protocol, host, port, user });
    Ok(Some(Receiver { path, kind, sends_through, emails, server }))
}

fn unless_odd<T>(read: Result<Option<T>, FormatError>, odd: &mut Vec<FormatError>) -> Option<T> {
    read.unwrap_or_else(|error| {
        odd.push(error);
        None
    })
}

fn server(doc: &PlistDoc, file: &Path, path: &str, receivers: &[Receiver]) -> Result<Option<Account>, FormatError> {
    let name = |key: &str| format!("{path}/{key}");
    if text(doc, &name("AccountType"))?.is_some_and(|kind| kind != "SMTPAccount") {
        return Ok(None);
    }
    let Some(host) = text(doc, &name("Hostname"))? else { return Ok(None) };
    let user = text(doc, &name("Username"))?;
    let identifier = plan::identifier(&host, user.as_deref());
    let mine: Vec<&Receiver> = receivers
        .iter()
        // Without a user name the colon is seen with and without.
        .filter(|receiver| {
            receiver.sends_through == identifier || (user.is_none() && receiver.sends_through == format!("{host}:"))
        })
        .collect();

    let written = number(doc, &name("PortNumber"))?;
    let port_is_default = written.is_none() || flag(doc, &name("UseDefaultPorts"))?.unwrap_or(false);
    // With its default ports Mail tries 25, 465 and 587 in turn: 25 is what it begins with.
    let port = if port_is_default { Some(25) } else { written.and_then(|port| u16::try_from(port).ok()) };
    let Some(port) = port.filter(|&port| port != 0) else {
        return Err(refused(&name("PortNumber"), "it is not a port number"));
    };
    let tls = plan::tls_mode(flag(doc, &name("SSLEnabled"))?, number(doc, &name("SecurityLayerType"))?, port);
    let scheme = text(doc, &name("AuthenticationScheme"))?;
    let logs_in = flag(doc, &name("ShouldUseAuthentication"))?.unwrap_or(scheme.is_some());
    let auth =
        if logs_in { plan::auth_of(&name("AuthenticationScheme"), scheme.as_deref())? } else { AuthSetting::None };
    let logs_in = auth != AuthSetting::None;

    // A move may add the incoming user name; the id is the same before and after.
    let incoming_user = || mine.iter().find_map(|receiver| receiver.server.as_ref()?.user.clone());
    let key = text(doc, &name("uniqueId"))?
        .unwrap_or_else(|| plan::identifier(&host, user.clone().or_else(incoming_user).as_deref()));
    let mut emails: Vec<String> = Vec::new();
    for email in mine.iter().flat_map(|receiver| &receiver.emails) {
        if !emails.contains(email) {
            emails.push(email.clone());
        }
    }
    let mut settings = BTreeMap::new();
    let mut capture = |short: &'static str, name: String| -> Result<(), FormatError> {
        let content = doc.get(&name)?.map(Content::Raw);
        let slot = Slot::Setting { file: file.to_owned(), format: FileFormat::Plist, name };
        settings.insert(short, Setting { slot, content });
        Ok(())
    };
    for (short, key) in KEYS {
        capture(short, name(key))?;
    }
    for (short, receiver) in IDENTIFIERS.into_iter().zip(&mine) {
        capture(short, format!("{}/SMTPIdentifier", receiver.path))?;
    }
    if mine.len() > IDENTIFIERS.len() {
        // Planning needs all of them or none.
        settings.retain(|short, _| !IDENTIFIERS.contains(short));
    }
    let is_icloud = |kind: &str| ["iTools", "iCloud", "MobileMe"].iter().any(|word| kind.contains(word));
    let not_ours = if mine.iter().any(|receiver| is_icloud(&receiver.kind)) {
        Some(NotOurs::Icloud)
    } else if auth == AuthSetting::Oauth2 {
        owner_of(&host).or(Some(NotOurs::Oauth2))
    } else {
        owner_of(&host)
    };
    Ok(Some(Account {
        id: format!("apple_mail/{key}"),
        client: ClientId::AppleMail,
        profile: "Mail".to_owned(),
        email: emails.first().cloned(),
        used: !mine.is_empty(),
        notices: shared_notice(&mine, &emails),
        emails,
        outgoing: SubmissionServer {
            host,
            port,
            port_is_default,
            tls,
            auth,
            credential: if logs_in { CredentialSource::Own } else { CredentialSource::None },
            user: user.filter(|_| logs_in),
        },
        incoming: mine.first().and_then(|receiver| receiver.server.clone()),
        not_ours,
        // The keychain item of a server that never logged in is not there.
        password_in_client: logs_in,
        settings,
    }))
}

fn shared_notice(mine: &[&Receiver], emails: &[String]) -> Vec<Notice> {
    if mine.len() < 2 {
        return Vec::new();
    }
    vec![Notice { code: "shared_server".to_owned(), message: shared_words(mine.len(), emails) }]
}

fn shared_words(count: usize, emails: &[String]) -> String {
    format!("{count} accounts send through this server ({}); they all move with it.", emails.join(", "))
}

/// A text that is not empty.
fn text(doc: &PlistDoc, name: &str) -> Result<Option<String>, FormatError> {
    match doc.scalar(name)? {
        None => Ok(None),
        Some(Scalar::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(_) => Err(refused(name, "it is not text")),
    }
}

/// A number, also one that is written as text.
fn number(doc: &PlistDoc, name: &str) -> Result<Option<i128>, FormatError> {
    match doc.scalar(name)? {
        None => Ok(None),
        Some(Scalar::Integer(n)) => Ok(Some(n)),
        Some(Scalar::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Scalar::String(text)) => text.trim().parse().map(Some).map_err(|_| refused(name, "it is not a number")),
        Some(_) => Err(refused(name, "it is not a number")),
    }
}

/// Yes or no, in each way that Mail writes it.
fn flag(doc: &PlistDoc, name: &str) -> Result<Option<bool>, FormatError> {
    doc.scalar(name)?.map_or(Ok(None), |scalar| match plan::flag_of(&scalar) {
        Some(flag) => Ok(Some(flag)),
        None => Err(refused(name, "it is neither yes nor no")),
    })
}

fn refused(name: &str, why: &str) -> FormatError {
    FormatError::Refused { name: name.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests;
