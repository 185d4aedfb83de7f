//! Apple Mail up to OS X 10.10: its accounts are arrays in one property list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::fields::{Receiver, bounded, flag, number, place, refused, text};
use super::outgoing::{self, FIRST_PORT, Outgoing};
use super::plan::{self, IDENTIFIERS};
use super::without_server;
use super::words::{trouble, unreadable};
use crate::account::{Account, AuthSetting, IncomingProtocol, IncomingServer, Setting};
use crate::change::{Content, Slot};
use crate::clients::{Found, Problem};
use crate::formats::plist_doc::PlistDoc;
use crate::formats::{Document, FileFormat, FormatError};

/// The settings of a server that an edit may touch: short name and key.
pub(super) const KEYS: [(&str, &str); 9] = [
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

pub(super) fn read(doc: &PlistDoc, file: &Path, found: &mut Found) -> Result<(), FormatError> {
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

/// The receiving accounts. A setting of one that is not understood is told of and hides nothing else, not even that
/// account: it still names the server it sends through.
pub(super) fn receivers(
    doc: &PlistDoc,
    file: &Path,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Receiver>, FormatError> {
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
pub(super) fn receiver(
    doc: &PlistDoc,
    path: String,
    odd: &mut Vec<FormatError>,
) -> Result<Option<Receiver>, FormatError> {
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

pub(super) fn unless_odd<T>(read: Result<Option<T>, FormatError>, odd: &mut Vec<FormatError>) -> Option<T> {
    read.unwrap_or_else(|error| {
        odd.push(error);
        None
    })
}

/// `Ok(None)`: it is no SMTP server, or one without a name.
fn server(doc: &PlistDoc, file: &Path, path: &str, receivers: &[Receiver]) -> Result<Option<Account>, FormatError> {
    let name = |key: &str| format!("{path}/{key}");
    if text(doc, &name("AccountType"))?.is_some_and(|kind| kind != "SMTPAccount") {
        return Ok(None);
    }
    let Some(host) = text(doc, &name("Hostname"))? else { return Ok(None) };
    let user = text(doc, &name("Username"))?;
    let mine = senders(receivers, &host, user.as_deref());
    let port = port(doc, path)?;
    let (ssl, layer) = (flag(doc, &name("SSLEnabled"))?, number(doc, &name("SecurityLayerType"))?);
    let tls = plan::tls_mode(ssl, layer, port.unwrap_or(FIRST_PORT));
    let auth = auth(doc, path)?;
    let key = text(doc, &name("uniqueId"))?;
    let settings = settings(doc, file, path, &mine)?;
    let receivers = mine.into_iter().map(as_told).collect();
    let told = Outgoing { key, host, user, port, tls, auth, receivers, not_ours: None };
    Ok(Some(Account { settings, ..told.account() }))
}

/// Those that send through this server. Without a user name the colon is seen with and without.
fn senders<'a>(receivers: &'a [Receiver], host: &str, user: Option<&str>) -> Vec<&'a Receiver> {
    let identifier = plan::identifier(host, user);
    let names_it = |named: &str| named == identifier || (user.is_none() && named == format!("{host}:"));
    receivers.iter().filter(|receiver| names_it(&receiver.sends_through)).collect()
}

/// `None`: Mail uses its default ports.
fn port(doc: &PlistDoc, path: &str) -> Result<Option<u16>, FormatError> {
    let name = format!("{path}/PortNumber");
    let Some(written) = number(doc, &name)? else { return Ok(None) };
    if flag(doc, &format!("{path}/UseDefaultPorts"))? == Some(true) {
        return Ok(None);
    }
    let port = u16::try_from(written).ok().filter(|&port| port != 0);
    port.map(Some).ok_or_else(|| refused(&name, "it is not a port number"))
}

fn auth(doc: &PlistDoc, path: &str) -> Result<AuthSetting, FormatError> {
    let name = format!("{path}/AuthenticationScheme");
    let scheme = text(doc, &name)?;
    let logs_in = flag(doc, &format!("{path}/ShouldUseAuthentication"))?.unwrap_or(scheme.is_some());
    if logs_in { plan::auth_of(&name, scheme.as_deref()) } else { Ok(AuthSetting::None) }
}

/// What an edit may touch: the server's own, and how those that send through it name it.
fn settings(
    doc: &PlistDoc,
    file: &Path,
    path: &str,
    senders: &[&Receiver],
) -> Result<BTreeMap<&'static str, Setting>, FormatError> {
    let own = KEYS.into_iter().map(|(short, key)| (short, format!("{path}/{key}")));
    let names = senders.iter().map(|sender| format!("{}/SMTPIdentifier", sender.path));
    // Planning needs all of them or none.
    let shorts = if senders.len() > IDENTIFIERS.len() { &[] } else { IDENTIFIERS.as_slice() };
    let one = |(short, name): (&'static str, String)| {
        let content = doc.get(&name)?.map(Content::Raw);
        let slot = Slot::Setting { file: file.to_owned(), format: FileFormat::Plist, name };
        Ok((short, Setting { slot, content }))
    };
    own.chain(shorts.iter().copied().zip(names)).map(one).collect()
}

fn as_told(receiver: &Receiver) -> outgoing::Receiver {
    let icloud = ["iTools", "iCloud", "MobileMe"].iter().any(|word| receiver.kind.contains(word));
    outgoing::Receiver { icloud, emails: receiver.emails.clone(), server: receiver.server.clone() }
}
