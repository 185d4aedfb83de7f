//! Databases made here, with invented accounts, in the layout that is known of `Accounts4.sqlite`.

use std::sync::Arc;

use plist::{Dictionary, Uid};
use port26_platform::computer::Os;
use port26_platform::processes::NothingRuns;
use port26_platform::scripts::{NoScripts, Scripts};

use super::*;
use crate::account::{SubmissionServer, TlsMode};
use crate::clients::MailClient;
use crate::clients::apple_mail::APPLE_MAIL;
use crate::clients::scripted::untouchable::Untouchable;

/// An archive as Foundation makes it.
fn archive(value: Value) -> Vec<u8> {
    let mut top = Dictionary::new();
    top.insert("root".to_owned(), Value::Uid(Uid::new(1)));
    let mut whole = Dictionary::new();
    whole.insert("$version".to_owned(), Value::from(100_000));
    whole.insert("$archiver".to_owned(), Value::from("NSKeyedArchiver"));
    whole.insert("$top".to_owned(), Value::Dictionary(top));
    whole.insert("$objects".to_owned(), Value::Array(vec![Value::from("$null"), value]));
    let mut bytes = Vec::new();
    Value::Dictionary(whole).to_writer_binary(&mut bytes).unwrap();
    bytes
}

struct Maker {
    home: tempfile::TempDir,
    database: Connection,
    accounts: i64,
}

const KINDS: &str = "
    PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
    CREATE TABLE ZACCOUNTTYPE (Z_PK INTEGER PRIMARY KEY, Z_ENT INTEGER, Z_OPT INTEGER, ZIDENTIFIER VARCHAR);
    CREATE TABLE ZACCOUNT (Z_PK INTEGER PRIMARY KEY, Z_ENT INTEGER, Z_OPT INTEGER, ZACTIVE INTEGER, ZACCOUNTTYPE INTEGER,
      ZPARENTACCOUNT INTEGER, ZACCOUNTDESCRIPTION VARCHAR, ZIDENTIFIER VARCHAR, ZUSERNAME VARCHAR);
    CREATE TABLE ZACCOUNTPROPERTY (Z_PK INTEGER PRIMARY KEY, Z_ENT INTEGER, Z_OPT INTEGER, ZOWNER INTEGER, ZKEY VARCHAR,
      ZVALUE BLOB);
    INSERT INTO ZACCOUNTTYPE (Z_PK, ZIDENTIFIER) VALUES (7, 'com.apple.account.IMAP'), (11, 'com.apple.account.POP'),
      (31, 'com.apple.account.SMTP'), (2, 'com.apple.account.AppleAccount'), (5, 'com.apple.account.Google');";

const SMTP_KIND: i64 = 31;

impl Maker {
    /// A home whose database has the kinds of accounts, numbered as on no other Mac, and is being written to.
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join("Library/Accounts")).unwrap();
        let database = Connection::open(home.path().join(FILES[0])).unwrap();
        database.execute_batch(KINDS).unwrap();
        Self { home, database, accounts: 0 }
    }

    fn add(&mut self, kind: i64, parent: Option<i64>, user: Option<&str>, properties: &[(&str, Value)]) -> i64 {
        self.accounts += 1;
        let insert = "INSERT INTO ZACCOUNT (Z_PK, ZACCOUNTTYPE, ZPARENTACCOUNT, ZIDENTIFIER, ZUSERNAME)
                      VALUES (?1, ?2, ?3, ?4, ?5)";
        let identifier = format!("ID-{}", self.accounts);
        self.database.execute(insert, rusqlite::params![self.accounts, kind, parent, identifier, user]).unwrap();
        for (key, value) in properties {
            let insert = "INSERT INTO ZACCOUNTPROPERTY (ZOWNER, ZKEY, ZVALUE) VALUES (?1, ?2, ?3)";
            self.database.execute(insert, rusqlite::params![self.accounts, key, archive(value.clone())]).unwrap();
        }
        self.accounts
    }

    fn smtp(&mut self, parent: Option<i64>, user: Option<&str>, host: &str, more: &[(&str, Value)]) {
        let properties: Vec<(&str, Value)> = [("Hostname", host.into())].into_iter().chain(more.to_vec()).collect();
        self.add(SMTP_KIND, parent, user, &properties);
    }

    fn typical() -> Self {
        let mut maker = Self::new();
        let silent = [("SSLEnabled", false.into()), ("ShouldUseAuthentication", false.into())];
        maker.smtp(None, None, "mail.hosting.test", &silent);
        let incoming = [
            ("Hostname", "mail.hosting.test".into()),
            ("PortNumber", 993.into()),
            ("SendingAccountIdentifier", "ID-1".into()),
            ("IdentityEmailAddress", "ann@hosting.test".into()),
        ];
        maker.add(7, None, Some("ann@hosting.test"), &incoming);
        let plain = [
            ("PortNumber", "25".into()),
            ("SSLEnabled", true.into()),
            ("AuthenticationScheme", "PLAIN".into()),
            ("DisableDynamicConfiguration", true.into()),
        ];
        maker.smtp(None, Some("bob"), "smtp.office.test", &plain);
        maker.add(11, None, Some("bob@office.test"), &[("SendingAccountIdentifier", "ID-3".into())]);
        let icloud = maker.add(2, None, Some("ann@icloud.test"), &[]);
        maker.smtp(Some(icloud), Some("ann"), "relay.icloud.test", &[("PortNumber", 587.into())]);
        let managed = [
            ("PortNumber", 2465.into()),
            ("SSLEnabled", true.into()),
            ("SSLIsDirect", true.into()),
            ("AuthenticationScheme", "".into()),
            ("ConfigurationProfileIdentifier", "test.mdm".into()),
        ];
        maker.smtp(None, Some("cy"), "smtp.direct.test", &managed);
        maker.smtp(None, Some("dee"), "smtp.odd.test", &[("PortNumber", "many".into())]);
        maker
    }

    fn computer(&self, scripts: impl Scripts + 'static) -> Computer {
        let mut computer = Computer::folder(self.home.path(), Os::Macos, None);
        computer.processes = Arc::new(NothingRuns);
        computer.scripts = Arc::new(scripts);
        computer
    }

    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = std::fs::read_dir(self.home.path().join("Library/Accounts")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = paths.map(|at| (at.clone(), std::fs::read(at).unwrap())).collect();
        files.sort();
        files
    }
}

fn found(computer: &Computer) -> Found {
    let at = APPLE_MAIL.detect(computer).unwrap().unwrap();
    APPLE_MAIL.accounts(computer, &at)
}

#[test]
fn what_mail_will_use_is_read_without_speaking_to_it_and_without_touching_the_database() {
    let maker = Maker::typical();
    let host = maker.computer(Untouchable(Visit::NotNow));
    let before = maker.files();
    assert!(before.iter().any(|(file, bytes)| file.to_string_lossy().ends_with("-wal") && !bytes.is_empty()));
    let found = found(&host);
    assert_eq!(maker.files(), before);

    let account = |at: usize| {
        let Some(account) = found.accounts.get(at) else { panic!("{found:?}") };
        let now = &account.outgoing;
        (account.id.as_str(), now.port, now.port_is_default, now.tls, now.auth, account.email.as_deref())
    };
    let (none, password) = (AuthSetting::None, AuthSetting::Password);
    // The id is that which Mail's own answer leads to, and it stays when the user name is added.
    let hosting = "apple_mail/mail.hosting.test:ann@hosting.test";
    assert_eq!(account(0), (hosting, 25, true, TlsMode::None, none, Some("ann@hosting.test")));
    let office = "apple_mail/smtp.office.test:bob";
    assert_eq!(account(1), (office, 25, false, TlsMode::Starttls, password, Some("bob@office.test")));
    assert_eq!(account(2), ("apple_mail/relay.icloud.test:ann", 587, false, TlsMode::None, password, None));
    assert_eq!(account(3), ("apple_mail/smtp.direct.test:cy", 2465, false, TlsMode::Implicit, password, None));
    let not_ours: Vec<_> = found.accounts.iter().map(|account| account.not_ours).collect();
    assert_eq!(not_ours, [None, None, Some(NotOurs::Icloud), Some(NotOurs::Managed)]);
    let automatic = |at: usize| found.accounts[at].notices.iter().any(|notice| notice.code == "automatic_management");
    assert_eq!((automatic(0), automatic(1)), (true, false));
    assert_eq!(found.problems.len(), 1);
    assert!(found.problems[0].code == "server_unreadable" && found.problems[0].at.contains("smtp.odd.test"));

    // A dry run plans with it.
    let now = &found.accounts[0].outgoing;
    let user = Some("ann@hosting.test".to_owned());
    let to = SubmissionServer {
        port: 26,
        port_is_default: false,
        tls: TlsMode::Starttls,
        auth: password,
        user,
        ..now.clone()
    };
    assert_eq!(APPLE_MAIL.changes(&found.accounts[0], &to).unwrap().len(), 4);
    assert_eq!(APPLE_MAIL.changes(&found.accounts[0], now), Ok(Vec::new()));
}

#[test]
fn on_a_mounted_disk_the_accounts_are_told_and_cannot_be_set() {
    let maker = Maker::typical();
    let host = maker.computer(NoScripts);
    assert!(!APPLE_MAIL.detect(&host).unwrap().unwrap().by_hand.is_empty());
    let account = found(&host).accounts.remove(0);
    let to = SubmissionServer { port: 26, ..account.outgoing.clone() };
    let error = APPLE_MAIL.changes(&account, &to).unwrap_err().to_string();
    assert!(error.contains("on its own Mac"), "{error}");
}

#[test]
fn where_nobody_uses_mail_it_is_not_launched() {
    let maker = Maker::new();
    let host = maker.computer(Untouchable(Visit::Allowed));
    assert_eq!(found(&host).accounts, []);
    // The same where the database cannot be read, and Mail has no folder of its own.
    let file = maker.home.path().join(FILES[0]);
    drop(maker.database);
    std::fs::write(file, "garbage").unwrap();
    assert_eq!((found(&host).accounts, found(&host).problems), (vec![], vec![]));
}

#[test]
fn another_layout_is_refused_and_named() {
    let maker = Maker::typical();
    maker.database.execute_batch("ALTER TABLE ZACCOUNT RENAME COLUMN ZPARENTACCOUNT TO ZPARENT2").unwrap();
    let host = maker.computer(Untouchable(Visit::NotNow));
    let Found { accounts, problems } = found(&host);
    assert_eq!((accounts.len(), problems.len()), (0, 1));
    assert!(problems[0].message.contains("ZACCOUNT.ZPARENTACCOUNT"), "{}", problems[0].message);
    for garbage in [&b""[..], b"SQLite format 3\0", &[0; 4096]] {
        let maker = Maker::new();
        let file = maker.home.path().join(FILES[0]);
        drop(maker.database);
        std::fs::write(&file, garbage).unwrap();
        assert!(read(&file).is_err(), "{garbage:?}");
    }
}

#[test]
fn a_permission_that_is_missing_is_named_with_its_pane() {
    let source = std::io::Error::from(ErrorKind::PermissionDenied);
    let error = DatabaseError::from(FileError::Io { doing: "reading", path: "x".into(), source });
    let problem = error.problem(Path::new("/Users/ann/Library/Accounts/Accounts4.sqlite"), Visit::NotNow);
    assert_eq!(problem.code, "full_disk_access");
    assert!(problem.hint.contains("System Settings > Privacy & Security > Full Disk Access"));
}

/// The agent reads the database, and has Mail launched only when something of it is to be written.
#[test]
fn mail_is_launched_for_a_look_only_when_the_database_says_that_something_is_to_be_changed() {
    use crate::pipeline::{WriterKit, discover};
    let maker = Maker::typical();
    let state = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/apple_mail/scripted/scripted.json");
    let file = maker.home.path().join("scripted.json");
    std::fs::copy(state, &file).unwrap();
    let twin = Arc::new(crate::clients::scripted::twin(file).unwrap());
    let mut host = maker.computer(NoScripts);
    host.scripts = twin.clone();
    let folder = tempfile::tempdir().unwrap();
    let look = |write: bool| {
        let mut known = Vec::new();
        crate::agent::look_sparingly(&host, &[&APPLE_MAIL], &Default::default(), |host| {
            let kit = WriterKit::new(folder.path(), &host, crate::clients::CLIENTS);
            let found = discover(&host, &[&APPLE_MAIL]);
            let account = found.accounts.into_iter().find(|account| account.id.contains("mail.hosting.test")).unwrap();
            known.push(account.outgoing.port_is_default);
            let to = SubmissionServer {
                port: 26,
                port_is_default: false,
                tls: TlsMode::Starttls,
                auth: AuthSetting::Password,
                user: Some("ann@hosting.test".to_owned()),
                ..account.outgoing.clone()
            };
            let changes = APPLE_MAIL.changes(&account, &to).unwrap();
            let change =
                crate::apply::AccountChange { account_id: account.id, before: account.outgoing, after: to, changes };
            let (client, profile) = (crate::account::ClientId::AppleMail, account.profile);
            let run = crate::apply::RunId::start();
            let transaction = crate::apply::Transaction { run, client, profile, accounts: vec![change] };
            Ok::<_, std::convert::Infallible>(write.then(|| kit.writer().apply(&transaction).is_ok()))
        })
        .map(|(first, second)| (first, second, known))
        .unwrap()
    };
    // The database: nothing is written as the port. Mail itself: 25.
    assert_eq!(look(false), (None, None, vec![true]));
    assert_eq!(twin.launches(), 0);
    assert_eq!(look(true), (Some(false), Some(Some(true)), vec![true, false]));
    assert!(twin.launches() > 0);
}

#[test]
fn an_address_whose_server_is_gone_is_told() {
    let mut maker = Maker::typical();
    let gone = [("SendingAccountIdentifier", "ID-77".into()), ("IdentityEmailAddress", "eve@gone.test".into())];
    maker.add(7, None, Some("eve"), &gone);
    // Notes and calendars go by the same kind of number, and send nothing.
    maker.add(2, None, Some("fay@icloud.test"), &[("SendingAccountIdentifier", "ID-78".into())]);
    let found = found(&maker.computer(NoScripts));
    let told: Vec<_> = found.problems.iter().filter(|problem| problem.code == "no_outgoing_server").collect();
    assert_eq!(told.iter().map(|problem| problem.at.as_str()).collect::<Vec<_>>(), ["eve@gone.test"]);
    assert!(told[0].message.contains("has no outgoing server in Mail"), "{}", told[0].message);
}
