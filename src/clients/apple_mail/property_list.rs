//! Apple Mail up to OS X 10.10: its accounts are arrays in one property list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::fields::{Receiver, bounded, flag, number, place, refused, text};
use super::plan::{self, IDENTIFIERS};
use super::without_server;
use super::words::{shared_words, trouble, unreadable};
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingProtocol, IncomingServer, NotOurs, Notice, Setting,
    SubmissionServer,
};
use crate::change::{Content, Slot};
use crate::clients::providers::owner_of;
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

pub(super) fn server(
    doc: &PlistDoc,
    file: &Path,
    path: &str,
    receivers: &[Receiver],
) -> Result<Option<Account>, FormatError> {
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
            mechanism: None,
        },
        incoming: mine.first().and_then(|receiver| receiver.server.clone()),
        not_ours,
        // The keychain item of a server that never logged in is not there.
        password_in_client: logs_in,
        settings,
    }))
}

pub(super) fn shared_notice(mine: &[&Receiver], emails: &[String]) -> Vec<Notice> {
    if mine.len() < 2 {
        return Vec::new();
    }
    vec![Notice { code: "shared_server".to_owned(), message: shared_words(mine.len(), emails) }]
}
