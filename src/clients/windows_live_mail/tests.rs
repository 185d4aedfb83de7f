//! Windows Live Mail and Windows Mail on their fixtures: what is read, what would be changed.

use std::sync::Arc;

use port26_platform::processes::{Holder, Processes};
use port26_platform::registry::{Registry, RegistryError, Value, ValueKind, ValueWrite};

use super::*;
use crate::account::IncomingProtocol;
use crate::change::Slot;
use crate::formats::Document as _;
use crate::formats::oeaccount::OeAccount;

fn computer(home: impl Into<PathBuf>) -> Computer {
    crate::clients::fixture::at(home, Os::Windows)
}

fn fixture(case: &str) -> Computer {
    computer(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(case))
}

fn found(client: &WindowsMail, computer: &Computer) -> Found {
    let at = client.detect(computer).unwrap().unwrap();
    client.accounts(computer, &at)
}

fn account(found: &Found, host: &str) -> Account {
    found.accounts.iter().find(|account| account.outgoing.host == host).unwrap().clone()
}

/// Short names and texts of changes.
fn words(account: &Account, changes: &[Change]) -> Vec<String> {
    let word = |change: &Change| {
        let (_, setting) = account.settings.iter().find(|(_, setting)| setting.slot == change.slot).unwrap();
        assert_eq!(setting.content, change.before);
        let (Slot::Setting { name, .. }, Some(Content::Raw(after))) = (&change.slot, &change.after) else { panic!() };
        format!("{name}={after}")
    };
    changes.iter().map(word).collect()
}

/// Makes the changes in a copy of the account's file and reads it again.
fn after(client: &WindowsMail, account: &Account, changes: &[Change]) -> SubmissionServer {
    let Slot::Setting { file, .. } = &account.settings["server"].slot else { panic!() };
    let bytes = std::fs::read(file).unwrap();
    let mut doc = OeAccount::parse(&bytes).unwrap();
    for change in changes {
        let (Slot::Setting { name, .. }, Some(Content::Raw(after))) = (&change.slot, &change.after) else { panic!() };
        doc.set(name, after).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join(file.file_name().unwrap());
    std::fs::write(&copy, doc.to_bytes()).unwrap();
    client.read(folder.path(), &copy).unwrap().unwrap().outgoing
}

#[test]
fn reads_every_account_of_windows_live_mail() {
    let found = found(&WINDOWS_LIVE_MAIL, &fixture("windows_live_mail/typical"));
    assert_eq!(found.accounts.len(), 4);
    let first = account(&found, "smtp.hosting.test");
    assert_eq!(first.id, "windows_live_mail/account{11111111-1111-4111-8111-111111111111}");
    assert_eq!(first.profile, "Windows Live Mail");
    assert_eq!((first.email.as_deref(), first.used, first.password_in_client), (Some("ann@hosting.test"), true, true));
    assert_eq!((first.outgoing.port, first.outgoing.port_is_default, first.outgoing.tls), (25, true, TlsMode::None));
    assert_eq!((first.outgoing.auth, first.outgoing.user.clone()), (AuthSetting::None, None));
    let incoming = first.incoming.unwrap();
    assert_eq!((incoming.protocol, incoming.port), (IncomingProtocol::Pop3, Some(110)));

    let second = account(&found, "mail.office.test").outgoing;
    assert_eq!((second.port, second.port_is_default, second.tls), (25, false, TlsMode::Starttls));
    assert_eq!((second.credential, second.user.as_deref()), (CredentialSource::SameAsIncoming, Some("bob")));
    let third = account(&found, "smtp.secure.test");
    assert_eq!((third.outgoing.port, third.outgoing.tls), (465, TlsMode::Implicit));
    assert_eq!((third.outgoing.credential, third.outgoing.user.as_deref()), (CredentialSource::Own, Some("cid-out")));
    assert!(!third.password_in_client);
    assert_eq!(account(&found, "mail.services.live.test").not_ours, Some(NotOurs::Microsoft));
}

#[test]
fn a_bad_file_is_a_problem_of_its_own() {
    let found = found(&WINDOWS_LIVE_MAIL, &fixture("windows_live_mail/typical"));
    assert_eq!(found.problems.len(), 1);
    assert_eq!(found.problems[0].code, "account_file_unreadable");
    assert!(found.problems[0].at.contains("{66666666"));
}

#[test]
fn moves_to_26_with_authentication() {
    let found = found(&WINDOWS_LIVE_MAIL, &fixture("windows_live_mail/typical"));
    for account in found.accounts.iter().filter(|account| account.not_ours.is_none()) {
        assert_eq!(WINDOWS_LIVE_MAIL.changes(account, &account.outgoing).unwrap(), []);
    }
    let first = account(&found, "smtp.hosting.test");
    let to = SubmissionServer {
        port: 26,
        port_is_default: false,
        tls: TlsMode::Starttls,
        auth: AuthSetting::Password,
        credential: CredentialSource::SameAsIncoming,
        user: Some("ann@hosting.test".into()),
        ..first.outgoing.clone()
    };
    let changes = WINDOWS_LIVE_MAIL.changes(&first, &to).unwrap();
    assert_eq!(
        words(&first, &changes),
        ["SMTP_Port=DWORD:1a", "SMTP_Secure_Connection=DWORD:1", "SMTP_Use_Sicily=DWORD:2"]
    );
    assert_eq!(after(&WINDOWS_LIVE_MAIL, &first, &changes), to);

    let second = account(&found, "mail.office.test");
    let to = SubmissionServer { port: 26, ..second.outgoing.clone() };
    let changes = WINDOWS_LIVE_MAIL.changes(&second, &to).unwrap();
    assert_eq!(words(&second, &changes), ["SMTP_Port=DWORD:0000001a"]);
    assert_eq!(after(&WINDOWS_LIVE_MAIL, &second, &changes), to);

    // The same switch means STARTTLS as soon as the port is not 465.
    let third = account(&found, "smtp.secure.test");
    let to = SubmissionServer { port: 26, tls: TlsMode::Starttls, host: "a&b.test".into(), ..third.outgoing.clone() };
    let changes = WINDOWS_LIVE_MAIL.changes(&third, &to).unwrap();
    assert_eq!(words(&third, &changes), ["SMTP_Server=SZ:a&amp;b.test", "SMTP_Port=DWORD:0000001a"]);
    assert_eq!(after(&WINDOWS_LIVE_MAIL, &third, &changes), to);
}

#[test]
fn says_what_it_cannot_express() {
    let found = found(&WINDOWS_LIVE_MAIL, &fixture("windows_live_mail/typical"));
    let first = account(&found, "mail.office.test");
    let now = &first.outgoing;
    for to in [
        SubmissionServer { port: 26, tls: TlsMode::Implicit, ..now.clone() },
        SubmissionServer { port: 465, ..now.clone() },
        SubmissionServer { auth: AuthSetting::Oauth2, ..now.clone() },
        SubmissionServer { user: Some("other".into()), ..now.clone() },
        SubmissionServer { auth: AuthSetting::Ntlm, ..now.clone() },
    ] {
        assert!(matches!(WINDOWS_LIVE_MAIL.changes(&first, &to), Err(PlanError::CannotExpress { .. })), "{to:?}");
    }
    let own = SubmissionServer { credential: CredentialSource::Own, user: Some("other".into()), ..now.clone() };
    let changes = WINDOWS_LIVE_MAIL.changes(&first, &own).unwrap();
    assert_eq!(words(&first, &changes), ["SMTP_Use_Sicily=DWORD:00000003", "SMTP_User_Name=SZ:other"]);
    assert_eq!(after(&WINDOWS_LIVE_MAIL, &first, &changes), own);
}

#[test]
fn windows_mail_reads_and_moves_its_own() {
    let computer = fixture("windows_mail/vista");
    assert_eq!(WINDOWS_LIVE_MAIL.detect(&computer).unwrap(), None);
    let found = found(&WINDOWS_MAIL, &computer);
    assert_eq!((found.accounts.len(), found.problems.len()), (2, 0));
    let account = account(&found, "mail.hosting.test");
    assert_eq!(account.id, "windows_mail/account{77777777-7777-4777-8777-777777777777}");
    let login = |account: &Account| SubmissionServer {
        port: 26,
        port_is_default: false,
        auth: AuthSetting::Password,
        credential: CredentialSource::SameAsIncoming,
        user: account.incoming.as_ref().unwrap().user.clone(),
        ..account.outgoing.clone()
    };
    let to = login(&account);
    let changes = WINDOWS_MAIL.changes(&account, &to).unwrap();
    assert_eq!(words(&account, &changes), ["SMTP_Port=DWORD:1a", "SMTP_Use_Sicily=DWORD:2"]);
    assert_eq!(after(&WINDOWS_MAIL, &account, &changes), to);
    // The other one logs in with SPA for reading, and has no password kept: `0` is how a file says that.
    let imported = self::account(&found, "smtp.other.test");
    assert!(!imported.password_in_client);
    assert!(matches!(WINDOWS_MAIL.changes(&imported, &login(&imported)), Err(PlanError::CannotExpress { .. })));
}

struct Hive(Vec<(&'static str, &'static str, Value)>);

impl Registry for Hive {
    fn has_key(&self, key: &str) -> Result<bool, RegistryError> {
        Ok(self.0.iter().any(|(at, _, _)| *at == key))
    }
    fn subkeys(&self, _key: &str) -> Result<Vec<String>, RegistryError> {
        Ok(Vec::new())
    }
    fn values(&self, _key: &str) -> Result<Vec<(String, Value)>, RegistryError> {
        Ok(Vec::new())
    }
    fn value(&self, key: &str, value: &str) -> Result<Option<Value>, RegistryError> {
        Ok(self.0.iter().find(|(at, name, _)| *at == key && *name == value).map(|(_, _, value)| value.clone()))
    }
    fn write(&self, _writes: &[ValueWrite]) -> Result<(), RegistryError> {
        unreachable!()
    }
}

const KEY: &str = "Software\\Microsoft\\Windows Live Mail";

fn store_root(home: &Path, root: &str, more: &[(&'static str, &'static str, Value)]) -> Computer {
    let value = Value { kind: ValueKind::ExpandSz, ..Value::sz(root) };
    let hive = [&[(KEY, "Store Root", value)], more].concat();
    Computer { registry: Some(Arc::new(Hive(hive))), ..computer(home) }
}

#[test]
fn the_store_is_found_as_windows_names_it() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    std::fs::create_dir_all(home.join("AppData/Local/microsoft/Mail Store")).unwrap();
    std::fs::create_dir_all(home.join("Documents/Mail")).unwrap();
    let folders = [(("Local AppData"), "D:\\Profiles\\ann.b\\AppData\\Local")];
    let shell: Vec<_> = folders
        .map(|(name, path)| {
            ("Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\Shell Folders", name, Value::sz(path))
        })
        .into();
    let store = home.join("AppData/Local/microsoft/Mail Store");
    let documents = home.join("Documents/Mail");
    for (root, more, folder) in [
        ("%LOCALAPPDATA%\\Microsoft\\Mail Store\\", &[][..], &store),
        ("%UserProfile%\\Local Settings\\Application Data\\Microsoft\\Mail Store", &[], &store),
        ("%userprofile%\\documents\\Mail", &[], &documents),
        ("C:\\Users\\ann\\AppData\\Local\\Microsoft\\Mail Store", &[], &store),
        ("C:\\Documents and Settings\\ann\\Documents\\Mail", &[], &documents),
        ("d:\\profiles\\ANN.B\\Documents\\Mail", &shell, &documents),
    ] {
        let computer = store_root(home, root, more);
        let at = WINDOWS_LIVE_MAIL.detect(&computer).unwrap().unwrap();
        let path = at.profiles[0].path.clone().unwrap();
        let folded = |path: &Path| PathBuf::from(path.to_string_lossy().to_lowercase());
        assert_eq!(folded(&path), folded(folder), "{root}");
    }
    for (root, more) in [("E:\\Mail", &[][..]), ("C:\\Users\\ann\\Mail", &shell), ("%SystemDrive%\\Mail", &[])] {
        let problem = WINDOWS_LIVE_MAIL.detect(&store_root(home, root, more)).unwrap_err();
        assert_eq!(problem.code, "store_not_reachable", "{root}");
    }
    // In the profile, but gone: the key outlived the program.
    assert_eq!(WINDOWS_LIVE_MAIL.detect(&store_root(home, "%USERPROFILE%\\Gone", &[])).unwrap(), None);
    // `..` leads nowhere.
    assert_eq!(Profile::of(&computer(home)).locate("%USERPROFILE%\\..\\x"), Located::At(home.join("x")));
}

struct Running;

impl Processes for Running {
    fn running(&self, names: &[&str]) -> Vec<u32> {
        if names == ["wlmail.exe"] { vec![7] } else { Vec::new() }
    }
    fn lock_holder(&self, _file: &Path) -> Option<Holder> {
        None
    }
    fn socket_answers(&self, _socket: &Path) -> bool {
        false
    }
}

#[test]
fn an_open_program_is_seen() {
    let computer = Computer { processes: Arc::new(Running), ..fixture("windows_live_mail/typical") };
    let account = account(&found(&WINDOWS_LIVE_MAIL, &computer), "smtp.hosting.test");
    assert_eq!(WINDOWS_LIVE_MAIL.in_use(&computer, &account), InUse::Yes(Some(7)));
    assert_eq!(WINDOWS_MAIL.in_use(&computer, &account), InUse::No);
}
