//! MailMate for macOS: found and explained, and its outgoing servers are listed, so that people see which of them to
//! change by hand. `Submission.plist` holds `smtpServers`, each with `serverURL` (`smtp://user@host`) and, as text, a
//! `port`. How MailMate protects the connection is not in what is known of the file: told by the port alone.
//!
//! It is not written, since too little is known for a safe change: which key of a server says that TLS is required or that
//! a login is used, whether a user name in `serverURL` makes MailMate log in, and whether a MailMate that starts takes a file
//! that another program wrote. A port of 26 alone could send a password in the clear, or none at all.

use std::collections::BTreeSet;
use std::path::Path;

use plist::{Dictionary, Value};
use port26_platform::computer::Computer;
use port26_platform::files;

use super::abilities::Abilities;
use super::providers::owner_of;
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, explained};
use crate::account::{Account, AuthSetting, ClientId, CredentialSource, NotOurs, SubmissionServer, TlsMode};
use crate::change::Change;
use crate::formats::plist_value;

/// The adapter.
pub static MAILMATE: MailMate = MailMate;

/// MailMate.
#[derive(Debug, Clone, Copy)]
pub struct MailMate;

const IMPLICIT_TLS_PORT: u16 = 465;
/// Without a port MailMate tries 25 and 587.
const FIRST_PORT: u16 = 25;

impl MailClient for MailMate {
    fn id(&self) -> ClientId {
        ClientId::Mailmate
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        explained::MAILMATE.detect(computer)
    }

    fn is_written(&self) -> bool {
        false
    }

    fn by_hand(&self) -> Vec<String> {
        explained::MAILMATE.by_hand()
    }

    fn accounts(&self, _host: &Computer, at: &Installation) -> Found {
        let mut found = Found::default();
        for file in at.profiles.iter().filter_map(|profile| profile.path.as_deref()) {
            if let Err(why) = read(file, &mut found) {
                let message = format!("MailMate's outgoing servers cannot be read: {why}.");
                found.problems.push(problem(file.display().to_string(), "accounts_unreadable", message));
            }
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        if *to == account.outgoing {
            return Ok(Vec::new());
        }
        explained::MAILMATE.changes(account, to)
    }

    fn abilities(&self, computer: &Computer, account: &Account) -> Abilities {
        explained::MAILMATE.abilities(computer, account)
    }

    fn in_use(&self, computer: &Computer, account: &Account) -> InUse {
        explained::MAILMATE.in_use(computer, account)
    }
}

fn problem(at: String, code: &str, message: String) -> Problem {
    Problem {
        client: Some(ClientId::Mailmate),
        at,
        code: code.to_owned(),
        message,
        hint: "Open MailMate, look at Settings > SMTP, close it, and try again.".to_owned(),
    }
}

fn read(file: &Path, found: &mut Found) -> Result<(), String> {
    let Some(bytes) = files::read(file).map_err(|error| error.to_string())? else { return Ok(()) };
    let list = plist_value::read(&bytes).map_err(|error| error.to_string())?;
    let list = list.as_dictionary().ok_or("it is not a dictionary")?;
    let servers = match list.get("smtpServers") {
        None => return Ok(()),
        Some(servers) => servers.as_array().ok_or("smtpServers is not a list")?,
    };
    let mut seen = BTreeSet::new();
    for (index, server) in servers.iter().enumerate() {
        match server.as_dictionary().ok_or_else(|| "it is not a dictionary".to_owned()).and_then(account) {
            // The same server twice is one for whoever reads the list.
            Ok(account) if !seen.insert(account.id.clone()) => {}
            Ok(account) => found.accounts.push(account),
            Err(why) => {
                let at = format!("{}, smtpServers/#{index}", file.display());
                let message = format!("This outgoing server of MailMate is not understood: {why}.");
                found.problems.push(problem(at, "server_unreadable", message));
            }
        }
    }
    Ok(())
}

fn account(server: &Dictionary) -> Result<Account, String> {
    let url = server.get("serverURL").and_then(Value::as_string).ok_or("it has no serverURL")?;
    let (scheme, rest) = url.split_once("://").ok_or_else(|| format!("{url} is not an address"))?;
    let rest = rest.split('/').next().unwrap_or_default();
    let (user, host) = match rest.rsplit_once('@') {
        Some((user, host)) => (decoded(user).filter(|user| !user.is_empty()), host),
        None => (None, rest),
    };
    if host.is_empty() {
        return Err(format!("{url} names no server"));
    }
    let (port, port_is_default) = match written_port(server)? {
        Some(port) => (port, false),
        None => (FIRST_PORT, true),
    };
    let implicit = scheme.eq_ignore_ascii_case("smtps") || port == IMPLICIT_TLS_PORT;
    let email = user.clone().filter(|user| user.contains('@'));
    let id = format!("mailmate/{}@{host}:{port}", user.as_deref().unwrap_or_default());
    let outgoing = SubmissionServer {
        host: host.to_owned(),
        port,
        port_is_default,
        tls: if implicit { TlsMode::Implicit } else { TlsMode::Starttls },
        auth: if user.is_some() { AuthSetting::Password } else { AuthSetting::None },
        credential: if user.is_some() { CredentialSource::Own } else { CredentialSource::None },
        user,
        mechanism: None,
    };
    Ok(Account {
        not_ours: owner_of(host).or(Some(NotOurs::ClosedStore)),
        // It is in the keychain, if anywhere.
        password_in_client: false,
        ..Account::found(id, ClientId::Mailmate, "MailMate", outgoing).with_emails(email)
    })
}

/// The port, also one that is written as text; `None`: it begins with the first that it knows.
fn written_port(server: &Dictionary) -> Result<Option<u16>, String> {
    let number = match server.get("port") {
        None => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Value::String(text)) => text.trim().parse::<u16>().ok(),
        Some(number) => number.as_unsigned_integer().and_then(|number| u16::try_from(number).ok()),
    };
    let port = number.filter(|&port| port != 0).ok_or("its port is not a port number")?;
    Ok(Some(port))
}

/// Text of an address: `ann%40hosting.test`. `None` if that is not text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut pieces = text.split('%');
    bytes.extend(pieces.next().unwrap_or_default().bytes());
    for piece in pieces {
        let code = piece.get(..2).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend(piece.bytes().skip(2));
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use port26_platform::computer::Os;

    use super::*;

    fn found(home: &Path) -> Found {
        let computer = Computer::folder(home, Os::Macos, None);
        let installation = MAILMATE.detect(&computer).unwrap().unwrap();
        assert!(installation.by_hand.len() >= 3);
        MAILMATE.accounts(&computer, &installation)
    }

    #[test]
    fn its_servers_are_listed_and_never_planned() {
        let found = found(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mailmate/submission"));
        let shown: Vec<_> = found
            .accounts
            .iter()
            .map(|account| {
                let now = &account.outgoing;
                (account.id.as_str(), now.port_is_default, now.tls, account.email.as_deref(), account.not_ours)
            })
            .collect();
        let (ours, ann) = (Some(NotOurs::ClosedStore), Some("ann@hosting.test"));
        assert_eq!(
            shown,
            [
                ("mailmate/ann@hosting.test@mail.hosting.test:25", false, TlsMode::Starttls, ann, ours),
                ("mailmate/bo@smtp.hosting.test:25", true, TlsMode::Starttls, None, ours),
                ("mailmate/@relay.hosting.test:465", false, TlsMode::Implicit, None, ours),
                ("mailmate/bo@smtp.gmail.com:587", false, TlsMode::Starttls, None, Some(NotOurs::Google)),
            ]
        );
        assert_eq!(found.problems.len(), 2, "{:?}", found.problems);
        assert!(found.problems.iter().all(|problem| problem.code == "server_unreadable"));
        for account in &found.accounts {
            assert_eq!(MAILMATE.changes(account, &account.outgoing), Ok(Vec::new()));
            let to = SubmissionServer { port: 26, ..account.outgoing.clone() };
            assert!(matches!(MAILMATE.changes(account, &to), Err(PlanError::CannotExpress { .. })));
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_problem() {
        for bytes in [
            &b""[..],
            b"bplist00",
            b"<plist><array/></plist>",
            b"<plist><dict><key>smtpServers</key><true/></dict></plist>",
        ] {
            let home = tempfile::tempdir().unwrap();
            let folder = home.path().join("Library/Application Support/MailMate");
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("Submission.plist"), bytes).unwrap();
            let found = found(home.path());
            assert_eq!((found.accounts.len(), found.problems.len()), (0, 1), "{bytes:?}");
        }
    }

    #[test]
    fn user_names_are_decoded() {
        assert_eq!(decoded("ann%40hosting.test").as_deref(), Some("ann@hosting.test"));
        assert_eq!(decoded("b%C3%BCro").as_deref(), Some("b\u{fc}ro"));
        for bad in ["%", "%4", "%zz", "%+1", "%ff"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }
}
