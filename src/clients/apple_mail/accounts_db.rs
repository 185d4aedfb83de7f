//! The accounts database of OS X 10.9 and later (`~/Library/Accounts/Accounts3.sqlite`, `Accounts4.sqlite`): what Mail will
//! use, and whether it manages the connection by itself. Only ever read, from a copy: the system keeps its rows in memory
//! and counts them elsewhere, so a row that is written here would be overwritten or break it.
//!
//! `ZACCOUNTTYPE` names the kinds, whose numbers differ from Mac to Mac. A setting is a row of `ZACCOUNTPROPERTY`, its
//! value a keyed archive. No `PortNumber` means "automatic", and is no proof of 25. An account below another one (iCloud)
//! belongs to that one. The names of the tables and keys were read in files and programs of others, never on a Mac.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use plist::Value;
use port26_platform::computer::Computer;
use port26_platform::files::{FileError, Snapshot};
use port26_platform::scripts::Visit;
use rusqlite::{Connection, OpenFlags};

use super::asked::{self, Extra, Server};
use super::outgoing::{FIRST_PORT, Receiver};
use super::plan;
use super::without_server::{self, Homeless};
use super::words::trouble;
use crate::account::{AuthSetting, IncomingProtocol, IncomingServer, NotOurs};
use crate::clients::{Found, Problem};
use crate::formats::keyed_archive;

/// The newest first.
const FILES: [&str; 2] = ["Library/Accounts/Accounts4.sqlite", "Library/Accounts/Accounts3.sqlite"];

const SMTP: &str = "com.apple.account.SMTP";

/// More rows than any Mac has; beyond it the database is not believed.
const MOST_ROWS: usize = 100_000;

/// Why the database tells nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum DatabaseError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{0}")]
    Database(#[from] rusqlite::Error),
    #[error("it has no {0}, so it is of a version that port26 does not know")]
    Schema(String),
    #[error("it has more than {MOST_ROWS} rows")]
    TooLarge,
}

impl DatabaseError {
    fn is_denied(&self) -> bool {
        matches!(self, Self::File(FileError::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied)
    }

    fn problem(&self, file: &Path, visit: Visit) -> Problem {
        let at = file.display().to_string();
        if !self.is_denied() {
            let message = format!("The accounts of this Mac cannot be read: {self}.");
            let hint = match visit {
                Visit::Nowhere => "Run port26 on that Mac, as the user whose mail it is.",
                _ => "Run `port26 fix`, which asks Mail itself. Please report this with the version of macOS.",
            };
            return trouble(at, "accounts_unreadable", message, hint);
        }
        trouble(
            at,
            "full_disk_access",
            "macOS does not let port26 read the accounts of this Mac.".to_owned(),
            "Open System Settings > Privacy & Security > Full Disk Access (before macOS 13: System Preferences > Security & \
             Privacy > Privacy > Full Disk Access), switch on port26, or the program it is started from (Terminal), and try \
             again. Without it, `port26 fix` asks Mail itself.",
        )
    }
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Database {
    servers: Vec<Row>,
    homeless: Vec<Homeless>,
}

/// An outgoing server.
#[derive(Debug)]
struct Row {
    host: String,
    user: Option<String>,
    port: Result<Option<u16>, ()>,
    ssl: bool,
    auth: Option<AuthSetting>,
    extra: Extra,
    receivers: Vec<Receiver>,
}

impl Database {
    /// What it says of the one server with this host and user name.
    pub(super) fn extra(&self, host: &str, user: Option<&str>) -> Extra {
        let mut fitting = self.servers.iter().filter(|row| row.host == host && row.user.as_deref() == user);
        match (fitting.next(), fitting.next()) {
            (Some(row), None) => row.extra,
            _ => Extra::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// Only the addresses that cannot send for want of a server.
    pub(super) fn without_server(&self) -> Found {
        let problems = without_server::problems(self.homeless.clone()).collect();
        Found { accounts: Vec::new(), problems }
    }
}

/// The database that is in use.
pub(super) fn file(home: &Path) -> PathBuf {
    let there = |file: &PathBuf| std::fs::symlink_metadata(file).is_ok();
    FILES.map(|file| home.join(file)).into_iter().find(there).unwrap_or_else(|| home.join(FILES[0]))
}

/// Reads a database. `None` if there is none.
pub(super) fn read(file: &Path) -> Result<Option<Database>, DatabaseError> {
    let beside = |suffix: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    // What was written last is in the -wal.
    let Some(copy) = Snapshot::of(&[file.to_owned(), beside("-wal"), beside("-shm")])? else { return Ok(None) };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(copy.file(file), flags)?;
    must_have(&database, "ZACCOUNT", &["Z_PK", "ZACCOUNTTYPE", "ZIDENTIFIER", "ZPARENTACCOUNT", "ZUSERNAME"])?;
    must_have(&database, "ZACCOUNTTYPE", &["Z_PK", "ZIDENTIFIER"])?;
    must_have(&database, "ZACCOUNTPROPERTY", &["ZOWNER", "ZKEY", "ZVALUE"])?;
    let accounts = accounts(&database)?;
    Ok(Some(Database { servers: rows(&accounts)?, homeless: homeless(&accounts) }))
}

fn must_have(database: &Connection, table: &str, columns: &[&str]) -> Result<(), DatabaseError> {
    let mut statement = database.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let there: Vec<String> = statement.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?;
    match columns.iter().find(|column| !there.iter().any(|name| name == *column)) {
        Some(column) => Err(DatabaseError::Schema(format!("{table}.{column}"))),
        None => Ok(()),
    }
}

/// A row of `ZACCOUNT` with its properties.
struct Account {
    kind: String,
    identifier: Option<String>,
    parent: Option<i64>,
    user: Option<String>,
    /// Those that are scalars.
    properties: BTreeMap<String, Value>,
}

impl Account {
    fn text(&self, key: &str) -> Option<String> {
        self.properties.get(key).and_then(Value::as_string).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn flag(&self, key: &str) -> Option<bool> {
        match self.properties.get(key)? {
            Value::Boolean(flag) => Some(*flag),
            Value::Integer(number) => number.as_unsigned().map(|number| number != 0),
            _ => None,
        }
    }

    /// A port, also one that is written as text. `Err`: it is none.
    fn port(&self) -> Result<Option<u16>, ()> {
        let number = match self.properties.get("PortNumber") {
            None => return Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
            Some(Value::String(text)) => text.trim().parse::<u16>().ok(),
            Some(value) => value.as_unsigned_integer().and_then(|number| u16::try_from(number).ok()),
        };
        match number {
            Some(0) => Ok(None),
            Some(port) => Ok(Some(port)),
            None => Err(()),
        }
    }

    fn user(&self) -> Option<String> {
        self.text("Username").or_else(|| self.user.clone()).filter(|user| !user.is_empty())
    }

    /// Set by a configuration profile.
    fn is_managed(&self) -> bool {
        let mut keys = self.properties.keys();
        keys.any(|key| key.contains("ConfigurationProfile") || key.contains("MCAccount") || key == "ProfileUUID")
    }
}

fn accounts(database: &Connection) -> Result<BTreeMap<i64, Account>, DatabaseError> {
    let mut statement = database.prepare(
        "SELECT a.Z_PK, t.ZIDENTIFIER, a.ZIDENTIFIER, a.ZPARENTACCOUNT, a.ZUSERNAME
         FROM ZACCOUNT a JOIN ZACCOUNTTYPE t ON t.Z_PK = a.ZACCOUNTTYPE",
    )?;
    let mut accounts = BTreeMap::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let account = Account {
            kind: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
            identifier: row.get(2)?,
            parent: row.get(3)?,
            user: row.get(4)?,
            properties: BTreeMap::new(),
        };
        accounts.insert(row.get::<_, i64>(0)?, account);
        if accounts.len() > MOST_ROWS {
            return Err(DatabaseError::TooLarge);
        }
    }
    let mut statement = database.prepare("SELECT ZOWNER, ZKEY, ZVALUE FROM ZACCOUNTPROPERTY")?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += 1;
        if count > MOST_ROWS {
            return Err(DatabaseError::TooLarge);
        }
        let owner: Option<i64> = row.get(0)?;
        let (key, value): (Option<String>, Option<Vec<u8>>) = (row.get(1)?, row.get(2)?);
        let (Some(account), Some(key), Some(value)) = (owner.and_then(|owner| accounts.get_mut(&owner)), key, value)
        else {
            continue;
        };
        // Other programs keep lists and dates with their accounts; those are none of ours.
        if let Ok(Some(value)) = keyed_archive::scalar(&value) {
            account.properties.insert(key, value);
        }
    }
    Ok(accounts)
}

fn rows(accounts: &BTreeMap<i64, Account>) -> Result<Vec<Row>, DatabaseError> {
    let one = |server: &Account| -> Option<Row> {
        let receivers: Vec<&Account> = accounts
            .values()
            .filter(|one| server.identifier.is_some() && one.text("SendingAccountIdentifier") == server.identifier)
            .collect();
        let parents = receivers.iter().filter_map(|one| one.parent).chain(server.parent);
        let mut owners = parents.filter_map(|parent| accounts.get(&parent)).map(|parent| owner_of_kind(&parent.kind));
        let managed = server.is_managed() || receivers.iter().any(|one| one.is_managed());
        let host = server.text("Hostname")?;
        let scheme = server.text("AuthenticationScheme");
        let written = server.properties.contains_key("AuthenticationScheme");
        let logs_in = server.flag("ShouldUseAuthentication").unwrap_or(written || server.user().is_some());
        let auth = if logs_in {
            plan::auth_of("AuthenticationScheme", scheme.as_deref()).ok()
        } else {
            Some(AuthSetting::None)
        };
        Some(Row {
            user: server.user(),
            port: server.port(),
            ssl: server.flag("SSLEnabled").unwrap_or(false),
            auth,
            extra: Extra {
                direct: server.flag("SSLIsDirect").filter(|&direct| direct),
                automatic: server.flag("DisableDynamicConfiguration") != Some(true),
                not_ours: if managed { Some(NotOurs::Managed) } else { owners.find_map(|owner| owner) },
            },
            receivers: receivers.iter().map(|one| receiver(one)).collect(),
            host,
        })
    };
    Ok(accounts.values().filter(|account| account.kind == SMTP).filter_map(one).collect())
}

/// Receiving accounts that name a server which is in no row, of whatever kind.
fn homeless(accounts: &BTreeMap<i64, Account>) -> Vec<Homeless> {
    let there = |named: &String| accounts.values().any(|one| one.identifier.as_ref() == Some(named));
    let receives = |one: &&Account| one.kind.contains("IMAP") || one.kind.contains("POP");
    let lost = |one: &&Account| one.text("SendingAccountIdentifier").is_some_and(|named| !there(&named));
    let (lost, others): (Vec<_>, Vec<_>) = accounts.values().filter(receives).partition(lost);
    // The same address may send through another account.
    let sends = |email: &String| others.iter().any(|one| receiver(one).emails.contains(email));
    let lost = lost.into_iter().flat_map(|one| receiver(one).emails).filter(|email| !sends(email));
    lost.map(|email| Homeless { email, named: None }).collect()
}

/// Whose accounts those below one of this kind are.
fn owner_of_kind(kind: &str) -> Option<NotOurs> {
    Some(match kind.strip_prefix("com.apple.account.").unwrap_or(kind) {
        "AppleAccount" | "iCloud" | "AppleIDAuthentication" => NotOurs::Icloud,
        "Google" => NotOurs::Google,
        "Yahoo" | "aol" => NotOurs::Yahoo,
        "Exchange" => NotOurs::Exchange,
        "Hotmail" | "Microsoft" => NotOurs::Microsoft,
        // An ordinary account that keeps its two halves below one roof.
        "IMAP" | "POP" | "IMAPMail" | "POPMail" => return None,
        _ => NotOurs::ClosedStore,
    })
}

fn receiver(account: &Account) -> Receiver {
    let protocol = match account.kind.as_str() {
        kind if kind.contains("IMAP") => IncomingProtocol::Imap,
        kind if kind.contains("POP") => IncomingProtocol::Pop3,
        _ => IncomingProtocol::Other,
    };
    let user = account.user();
    let address = account.text("IdentityEmailAddress").or_else(|| user.clone().filter(|user| user.contains('@')));
    let port = account.port().ok().flatten();
    Receiver {
        icloud: false,
        emails: address.into_iter().collect(),
        server: account.text("Hostname").map(|host| IncomingServer { protocol, host, port, user }),
    }
}

/// The accounts as the database tells them, when Mail is not to be asked.
pub(super) fn accounts_found(computer: &Computer, file: &Path, read: Result<Option<Database>, DatabaseError>) -> Found {
    let visit = computer.scripts.visit(&asked::mail());
    let database = match read {
        Ok(database) => database.unwrap_or_default(),
        Err(error) => return Found { accounts: Vec::new(), problems: vec![error.problem(file, visit)] },
    };
    let (mut servers, mut problems) = (Vec::new(), database.without_server().problems);
    for Row { host: name, user, port, ssl, auth, extra, receivers } in database.servers {
        let (Ok(port), Some(auth)) = (port, auth) else {
            problems.push(trouble(
                format!("{}, outgoing server {name}", file.display()),
                "server_unreadable",
                "This outgoing server has a port or a login that is not understood.".to_owned(),
                "The other servers are not affected. Look at this one in Mail's list of outgoing servers.",
            ));
            continue;
        };
        let settings = match visit {
            // Only Mail itself can set them, and that is not here.
            Visit::Nowhere => BTreeMap::new(),
            _ => asked::expected_settings(&name, user.as_deref(), port.unwrap_or(FIRST_PORT), ssl, auth),
        };
        servers.push(Server { host: name, user, port, ssl, auth, receivers, extra, settings });
    }
    asked::finish(servers, problems)
}

#[cfg(test)]
mod tests;
