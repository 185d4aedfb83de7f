//! Claws Mail: accounts in `accountrc`, saved passwords in `passwordstorerc` (looked at only to see whether
//! one is there), certificates' policy in `clawsrc`.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use port26_platform::files;
use port26_platform::host::{Host, Os};

use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt};
use crate::account::{
    Account, AuthSetting, ClientId, CredentialSource, IncomingProtocol, IncomingServer, NotOurs, Notice, Setting,
    SubmissionServer, TlsMode,
};
use crate::change::{Change, Content, Slot};
use crate::formats::key_file::KeyFile;
use crate::formats::{Document, FileFormat};

/// Claws Mail.
pub struct ClawsMail;

/// Claws Mail.
pub static CLAWS_MAIL: ClawsMail = ClawsMail;

/// The settings that an edit may touch, as the file names them.
const SETTINGS: [&str; 7] =
    ["smtp_server", "set_smtpport", "smtp_port", "ssl_smtp", "use_smtp_auth", "smtp_auth_method", "smtp_user_id"];

// bits of `smtp_auth_method`
const LOGIN: u32 = 1;
const CRAM_MD5: u32 = 1 << 1;
const DIGEST_MD5: u32 = 1 << 2;
const PLAIN: u32 = 1 << 4;
const OAUTH2: u32 = 1 << 5;

fn folder(host: &Host) -> PathBuf {
    match host.os {
        Os::Windows => host.folders.roaming.join("Claws-mail"),
        Os::Macos | Os::Linux => host.folders.home.join(".claws-mail"),
    }
}

fn default_port(tls: TlsMode) -> u16 {
    if tls == TlsMode::Implicit { 465 } else { 25 }
}

fn problem(file: &Path, why: &str) -> Problem {
    Problem {
        client: ClientId::ClawsMail,
        at: file.display().to_string(),
        code: "unreadable_profile".to_owned(),
        message: format!("Claws Mail's accounts could not be read: {why}."),
        hint: "Start Claws Mail, see that your accounts are there, close it and run port26 again.".to_owned(),
    }
}

fn open(file: &Path) -> Result<Option<KeyFile>, String> {
    match files::read(file) {
        Ok(None) => Ok(None),
        Ok(Some(bytes)) => KeyFile::parse(&bytes).map(Some).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Which accounts have a saved password, as `(number, recv or send)`. The passwords themselves are passed over.
fn saved_passwords(file: &Path) -> HashSet<(String, String)> {
    let bytes = files::read(file).ok().flatten().unwrap_or_default();
    let mut saved = HashSet::new();
    let mut account = None;
    for line in String::from_utf8_lossy(&bytes).lines() {
        if let Some(section) = line.strip_prefix('[') {
            account =
                section.trim_end().strip_suffix(']').and_then(|name| name.strip_prefix("account:")).map(str::to_owned);
        } else if let (Some(account), Some((kind, password))) = (&account, line.split_once(' '))
            && !password.trim().is_empty()
        {
            saved.insert((account.clone(), kind.to_owned()));
        }
    }
    saved
}

/// One `[Account: N]` section.
struct Section<'a> {
    file: &'a Path,
    doc: &'a KeyFile,
    name: &'a str,
    number: &'a str,
}

impl Section<'_> {
    fn text(&self, key: &str) -> Option<String> {
        let value = self.doc.get(&format!("{}/{key}", self.name)).ok().flatten()?;
        (!value.is_empty()).then_some(value)
    }

    fn number(&self, key: &str) -> u32 {
        self.text(key).and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    fn incoming(&self) -> Option<IncomingServer> {
        let port = |flag: &str, key: &str, default: u16| match u16::try_from(self.number(key)) {
            Ok(port) if self.number(flag) == 1 && port != 0 => port,
            _ => default,
        };
        let (protocol, server, port) = match self.number("protocol") {
            // POP3 and its old APOP variant
            0 | 1 => {
                let default = if self.number("ssl_pop") == 1 { 995 } else { 110 };
                (IncomingProtocol::Pop3, "receive_server", Some(port("set_popport", "pop_port", default)))
            }
            3 => {
                let default = if self.number("ssl_imap") == 1 { 993 } else { 143 };
                (IncomingProtocol::Imap, "receive_server", Some(port("set_imapport", "imap_port", default)))
            }
            4 => (IncomingProtocol::Other, "nntp_server", None),
            // a local mailbox, or sending only
            _ => return None,
        };
        Some(IncomingServer { protocol, host: self.text(server)?, port, user: self.text("user_id") })
    }

    fn outgoing(&self) -> SubmissionServer {
        let tls = match self.number("ssl_smtp") {
            1 => TlsMode::Implicit,
            2 => TlsMode::Starttls,
            _ => TlsMode::None,
        };
        let written =
            if self.number("set_smtpport") == 1 { u16::try_from(self.number("smtp_port")).ok() } else { None };
        let (auth, credential, user) = if self.number("use_smtp_auth") == 0 {
            (AuthSetting::None, CredentialSource::None, None)
        } else {
            let method = self.number("smtp_auth_method");
            let auth = if method & OAUTH2 != 0 {
                AuthSetting::Oauth2
            } else if method & (CRAM_MD5 | DIGEST_MD5) != 0 && method & (LOGIN | PLAIN) == 0 {
                AuthSetting::Encrypted
            } else {
                AuthSetting::Password
            };
            match self.text("smtp_user_id") {
                Some(own) => (auth, CredentialSource::Own, Some(own)),
                None => (auth, CredentialSource::SameAsIncoming, self.text("user_id")),
            }
        };
        SubmissionServer {
            host: self.text("smtp_server").unwrap_or_default(),
            port: written.unwrap_or_else(|| default_port(tls)),
            port_is_default: written.is_none(),
            tls,
            auth,
            credential,
            user,
        }
    }

    fn setting(&self, key: &str) -> Setting {
        let name = format!("{}/{key}", self.name);
        // a value that cannot be read shows as a lone NUL, which planning refuses
        let content = self.doc.get(&name).unwrap_or_else(|_| Some("\0".to_owned())).map(Content::Raw);
        Setting { slot: Slot::Setting { file: self.file.to_owned(), format: FileFormat::KeyFile, name }, content }
    }

    fn account(&self, saved: &HashSet<(String, String)>, accepts_certificates: bool) -> Option<Account> {
        let outgoing = self.outgoing();
        let local = self.number("use_mail_command") == 1;
        if outgoing.host.is_empty() && !local {
            return None;
        }
        let not_ours = if local { Some(NotOurs::LocalCommand) } else { not_ours(&outgoing) };
        let mut settings: BTreeMap<&'static str, Setting> =
            SETTINGS.iter().map(|key| (*key, self.setting(key))).collect();
        // never written; what the credentials "same as incoming" stand for
        settings.insert("user_id", self.setting("user_id"));
        let mut notices = Vec::new();
        if not_ours.is_none() && !accepts_certificates {
            notices.push(Notice {
                code: "certificate_question".to_owned(),
                message:
                    "After a change of port Claws Mail shows the server's certificate once and asks you to accept it."
                        .to_owned(),
            });
        }
        let own = self.text("smtp_user_id").is_some();
        let kind = if own { "send" } else { "recv" };
        let legacy = if own { "smtp_password" } else { "password" };
        let email = self.text("address");
        Some(Account {
            id: format!("claws_mail/{}", self.number),
            client: ClientId::ClawsMail,
            profile: self.text("account_name").unwrap_or_else(|| self.name.to_owned()),
            emails: email.iter().cloned().collect(),
            email,
            used: true,
            incoming: self.incoming(),
            not_ours,
            notices,
            password_in_client: saved.contains(&(self.number.to_owned(), kind.to_owned()))
                || self.text(legacy).is_some(),
            outgoing,
            settings,
        })
    }
}

fn not_ours(outgoing: &SubmissionServer) -> Option<NotOurs> {
    let host = outgoing.host.trim_end_matches('.').to_ascii_lowercase();
    let below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if below("gmail.com") || below("googlemail.com") {
        Some(NotOurs::Google)
    } else if below("office365.com") || below("outlook.com") || below("hotmail.com") || below("live.com") {
        Some(NotOurs::Microsoft)
    } else if below("yahoo.com") || below("aol.com") {
        Some(NotOurs::Yahoo)
    } else if below("mail.me.com") || below("icloud.com") {
        Some(NotOurs::Icloud)
    } else {
        (outgoing.auth == AuthSetting::Oauth2).then_some(NotOurs::Oauth2)
    }
}

/// Collects changes to one account's settings.
struct Planner<'a> {
    account: &'a Account,
    changes: Vec<Change>,
}

impl Planner<'_> {
    fn raw(&self, key: &'static str) -> Result<Option<&str>, PlanError> {
        let unexpected = |why: &str| PlanError::Unexpected { setting: key.to_owned(), why: why.to_owned() };
        match self.account.settings.get(key) {
            None => Err(unexpected("it was not read")),
            Some(setting) => match &setting.content {
                None => Ok(None),
                Some(Content::Raw(raw)) if !raw.contains('\0') => Ok(Some(raw)),
                Some(_) => Err(unexpected("it cannot be read as text, or is there more than once")),
            },
        }
    }

    fn number(&self, key: &'static str) -> Result<u32, PlanError> {
        match self.raw(key)? {
            None | Some("") => Ok(0),
            Some(raw) => raw.trim().parse().map_err(|_| PlanError::Unexpected {
                setting: key.to_owned(),
                why: format!("{raw:?} is not a number"),
            }),
        }
    }

    fn set(&mut self, key: &'static str, after: &str) -> Result<(), PlanError> {
        if self.raw(key)? != Some(after)
            && let Some(setting) = self.account.settings.get(key)
        {
            let after = Some(Content::Raw(after.to_owned()));
            self.changes.push(Change { slot: setting.slot.clone(), before: setting.content.clone(), after });
        }
        Ok(())
    }

    fn set_number(&mut self, key: &'static str, after: u32) -> Result<(), PlanError> {
        if self.number(key)? == after { Ok(()) } else { self.set(key, &after.to_string()) }
    }

    fn cannot(&self, why: &str) -> PlanError {
        PlanError::CannotExpress { client: ClientId::ClawsMail, why: why.to_owned() }
    }

    fn plan(&mut self, to: &SubmissionServer) -> Result<(), PlanError> {
        let now = &self.account.outgoing;
        if to.host != now.host {
            self.set("smtp_server", &to.host)?;
        }
        if to.tls != now.tls {
            self.number("ssl_smtp")?;
            self.set_number(
                "ssl_smtp",
                match to.tls {
                    TlsMode::None => 0,
                    TlsMode::Implicit => 1,
                    TlsMode::Starttls => 2,
                },
            )?;
        }
        let port_then = if now.port_is_default { default_port(to.tls) } else { now.port };
        if to.port != port_then {
            self.set_number("set_smtpport", 1)?;
            self.set_number("smtp_port", u32::from(to.port))?;
        }
        if to.auth == AuthSetting::None {
            return self.set_number("use_smtp_auth", 0);
        }
        let method = self.number("smtp_auth_method")?;
        let only_encrypted = method & (CRAM_MD5 | DIGEST_MD5) != 0 && method & (LOGIN | PLAIN) == 0;
        match to.auth {
            AuthSetting::Password if only_encrypted || method & OAUTH2 != 0 => {
                self.set_number("smtp_auth_method", 0)?
            }
            AuthSetting::Password => {}
            AuthSetting::Encrypted if only_encrypted && method & OAUTH2 == 0 => {}
            AuthSetting::Encrypted => self.set_number("smtp_auth_method", CRAM_MD5)?,
            _ => return Err(self.cannot("it logs in with a password, CRAM-MD5 or DIGEST-MD5")),
        }
        if now.auth == AuthSetting::None {
            self.set_number("use_smtp_auth", 1)?;
        }
        self.plan_user(to)
    }

    fn plan_user(&mut self, to: &SubmissionServer) -> Result<(), PlanError> {
        let own = self.raw("smtp_user_id")?.unwrap_or_default().to_owned();
        let shared = self.raw("user_id")?.unwrap_or_default().to_owned();
        let wanted = match (to.credential, &to.user) {
            (CredentialSource::SameAsIncoming, None) => String::new(),
            (CredentialSource::SameAsIncoming, Some(user)) if *user == shared => String::new(),
            (_, Some(user)) if *user == own || (own.is_empty() && *user == shared) => return Ok(()),
            (_, Some(user)) => user.clone(),
            (_, None) => return if own.is_empty() && shared.is_empty() { Err(self.nobody()) } else { Ok(()) },
        };
        if wanted.is_empty() && shared.is_empty() {
            return Err(self.nobody());
        }
        if wanted == own { Ok(()) } else { self.set("smtp_user_id", &wanted) }
    }

    fn nobody(&self) -> PlanError {
        self.cannot("no user name is known to log in with")
    }
}

impl MailClient for ClawsMail {
    fn id(&self) -> ClientId {
        ClientId::ClawsMail
    }

    fn detect(&self, host: &Host) -> Result<Option<Installation>, Problem> {
        let folder = folder(host);
        let file = folder.join("accountrc");
        match open(&file) {
            Ok(None) => Ok(None),
            Ok(Some(_)) => Ok(Some(Installation {
                client: ClientId::ClawsMail,
                version: None,
                profiles: vec![ProfileAt { name: "Claws Mail".to_owned(), path: Some(folder), key: None }],
                by_hand: Vec::new(),
            })),
            Err(why) => Err(problem(&file, &why)),
        }
    }

    fn accounts(&self, _host: &Host, at: &Installation) -> Found {
        let mut found = Found::default();
        for folder in at.profiles.iter().filter_map(|profile| profile.path.as_deref()) {
            let file = folder.join("accountrc");
            let doc = match open(&file) {
                Ok(None) => continue,
                Ok(Some(doc)) => doc,
                Err(why) => {
                    found.problems.push(problem(&file, &why));
                    continue;
                }
            };
            let saved = saved_passwords(&folder.join("passwordstorerc"));
            let common = open(&folder.join("clawsrc")).ok().flatten();
            let accepts = common.and_then(|common| common.get("Common/ssl_certs_auto_accept").ok().flatten());
            let accepts = accepts.as_deref().map(str::trim) == Some("1");
            for name in doc.sections() {
                let Some(number) = name.strip_prefix("Account:").map(str::trim) else { continue };
                let section = Section { file: &file, doc: &doc, name, number };
                found.accounts.extend(section.account(&saved, accepts));
            }
        }
        found
    }

    fn changes(&self, account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        if *to == account.outgoing {
            return Ok(Vec::new());
        }
        let mut planner = Planner { account, changes: Vec::new() };
        if let Some(reason) = account.not_ours {
            return Err(planner.cannot(&format!("this account is not one that port26 writes ({reason:?})")));
        }
        planner.plan(to)?;
        Ok(planner.changes)
    }

    fn in_use(&self, host: &Host, _account: &Account) -> InUse {
        let running = host.processes.running(&["claws-mail"]);
        // with --alternate-config-dir or an old version the socket is elsewhere, so a process alone counts too
        let answers = || {
            std::fs::read_dir(host.folders.cache.join("claws-mail"))
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .any(|path| host.processes.socket_answers(&path))
        };
        match running.first() {
            Some(pid) => InUse::Yes(Some(*pid)),
            None if host.os != Os::Windows && answers() => InUse::Yes(None),
            None => InUse::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use port26_platform::host::Folders;
    use port26_platform::processes::{Holder, NothingRuns, Processes};
    use proptest::prelude::*;

    use super::*;

    fn at(home: PathBuf, os: Os) -> Host {
        Host {
            os,
            folders: Folders::below(home, os),
            registry: None,
            processes: Arc::new(NothingRuns),
            own_session: false,
        }
    }

    fn fixture(case: &str, os: Os) -> Host {
        at(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/claws_mail").join(case), os)
    }

    fn accounts(host: &Host) -> Vec<Account> {
        CLAWS_MAIL.accounts(host, &CLAWS_MAIL.detect(host).unwrap().unwrap()).accounts
    }

    fn to26(account: &Account) -> SubmissionServer {
        SubmissionServer {
            port: 26,
            port_is_default: false,
            tls: TlsMode::Starttls,
            auth: AuthSetting::Password,
            ..account.outgoing.clone()
        }
    }

    fn told(changes: &[Change]) -> Vec<String> {
        let raw = |content: &Option<Content>| match content {
            Some(Content::Raw(raw)) => raw.clone(),
            _ => "-".to_owned(),
        };
        changes
            .iter()
            .map(|change| match &change.slot {
                Slot::Setting { name, .. } => format!("{name}: {} > {}", raw(&change.before), raw(&change.after)),
                _ => panic!("{change:?}"),
            })
            .collect()
    }

    fn applied(doc: &mut KeyFile, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            let Slot::Setting { name, .. } = &change.slot else { panic!("{change:?}") };
            assert_eq!(doc.get(name).unwrap().map(Content::Raw), change.before);
            match &change.after {
                Some(Content::Raw(raw)) => doc.set(name, raw).unwrap(),
                _ => doc.remove(name).unwrap(),
            }
        }
    }

    #[test]
    fn an_account_without_authentication_takes_the_incoming_credentials() {
        let host = fixture("linux-25-noauth", Os::Linux);
        let found = accounts(&host);
        assert_eq!(
            found.iter().map(|account| account.id.as_str()).collect::<Vec<_>>(),
            ["claws_mail/1", "claws_mail/3"]
        );
        let account = &found[0];
        let outgoing = &account.outgoing;
        assert_eq!((outgoing.host.as_str(), outgoing.port, outgoing.port_is_default), ("mail.hosting.test", 25, true));
        assert_eq!((outgoing.tls, outgoing.auth, &outgoing.user), (TlsMode::None, AuthSetting::None, &None));
        assert!(account.password_in_client);
        assert_eq!(account.notices[0].code, "certificate_question");
        let incoming = account.incoming.as_ref().unwrap();
        assert_eq!((incoming.protocol, incoming.port), (IncomingProtocol::Pop3, Some(110)));
        assert!(CLAWS_MAIL.changes(account, outgoing).unwrap().is_empty());
        let to = SubmissionServer {
            credential: CredentialSource::SameAsIncoming,
            user: Some("ada@hosting.test".to_owned()),
            ..to26(account)
        };
        let changes = CLAWS_MAIL.changes(account, &to).unwrap();
        assert_eq!(
            told(&changes),
            [
                "Account: 1/ssl_smtp: 0 > 2",
                "Account: 1/set_smtpport: 0 > 1",
                "Account: 1/smtp_port: 25 > 26",
                "Account: 1/use_smtp_auth: 0 > 1"
            ]
        );
        let bytes = std::fs::read(host.folders.home.join(".claws-mail/accountrc")).unwrap();
        let mut doc = KeyFile::parse(&bytes).unwrap();
        applied(&mut doc, changes.clone());
        let mut again = KeyFile::parse(&doc.to_bytes()).unwrap();
        applied(&mut again, changes.iter().rev().map(Change::inverse));
        assert_eq!(again.to_bytes(), bytes);
    }

    #[test]
    fn an_account_that_sends_through_a_program_is_not_ours() {
        let account = accounts(&fixture("linux-25-noauth", Os::Linux)).remove(1);
        assert_eq!(account.not_ours, Some(NotOurs::LocalCommand));
        assert!(CLAWS_MAIL.changes(&account, &to26(&account)).is_err());
    }

    #[test]
    fn an_account_with_its_own_credentials_keeps_them() {
        let found = accounts(&fixture("windows-auth", Os::Windows));
        let account = &found[0];
        assert_eq!(account.id, "claws_mail/2");
        let outgoing = &account.outgoing;
        assert_eq!((outgoing.port, outgoing.port_is_default, outgoing.tls), (25, false, TlsMode::Starttls));
        assert_eq!((outgoing.credential, outgoing.user.as_deref()), (CredentialSource::Own, Some("ada.smtp")));
        // only the incoming password is saved
        assert!(!account.password_in_client && account.notices.is_empty());
        assert_eq!(account.incoming.as_ref().unwrap().port, Some(993));
        assert_eq!(told(&CLAWS_MAIL.changes(account, &to26(account)).unwrap()), ["Account: 2/smtp_port: 25 > 26"]);
        let to =
            SubmissionServer { host: "relay.isp.test".to_owned(), user: Some("other".to_owned()), ..to26(account) };
        assert_eq!(
            told(&CLAWS_MAIL.changes(account, &to).unwrap()),
            [
                "Account: 2/smtp_server: smtp.office.test > relay.isp.test",
                "Account: 2/smtp_port: 25 > 26",
                "Account: 2/smtp_user_id: ada.smtp > other"
            ]
        );
    }

    fn made(section: &str) -> (tempfile::TempDir, Host) {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".claws-mail")).unwrap();
        let text = format!("[Account: 1]\naddress=ada@hosting.test\nsmtp_server=mail.hosting.test\n{section}");
        std::fs::write(home.path().join(".claws-mail/accountrc"), text).unwrap();
        let host = at(home.path().to_owned(), Os::Linux);
        (home, host)
    }

    #[test]
    fn methods_and_ports_as_claws_reads_them() {
        for (section, port, auth) in [
            (
                "set_smtpport=0\nsmtp_port=2525\nssl_smtp=1\nuse_smtp_auth=1\nsmtp_auth_method=0\n",
                465,
                AuthSetting::Password,
            ),
            ("smtp_port=2525\nssl_smtp=2\nuse_smtp_auth=1\nsmtp_auth_method=6\n", 25, AuthSetting::Encrypted),
            ("set_smtpport=1\nsmtp_port=587\nuse_smtp_auth=1\nsmtp_auth_method=32\n", 587, AuthSetting::Oauth2),
            ("use_smtp_auth=1\nsmtp_auth_method=18\n", 25, AuthSetting::Password),
            ("", 25, AuthSetting::None),
        ] {
            let (_home, host) = made(section);
            let account = accounts(&host).remove(0);
            assert_eq!((account.outgoing.port, account.outgoing.auth), (port, auth), "{section}");
            assert_eq!(account.not_ours.is_some(), auth == AuthSetting::Oauth2);
        }
    }

    #[test]
    fn unexpected_shapes_are_left_alone() {
        for section in ["smtp_port=x\nset_smtpport=1\n", "[Account: 1]\nsmtp_port=25\n", "smtp_auth_method=yes\n"] {
            let (_home, host) = made(&format!("user_id=ada\nsmtp_port=25\n{section}"));
            let account = accounts(&host).remove(0);
            let to = SubmissionServer { user: Some("ada".to_owned()), ..to26(&account) };
            assert!(matches!(CLAWS_MAIL.changes(&account, &to), Err(PlanError::Unexpected { .. })), "{section}");
        }
    }

    #[test]
    fn nobody_to_log_in_as_cannot_be_expressed() {
        let (_home, host) = made("");
        let account = accounts(&host).remove(0);
        assert!(matches!(CLAWS_MAIL.changes(&account, &to26(&account)), Err(PlanError::CannotExpress { .. })));
    }

    #[test]
    fn garbage_is_a_problem_and_no_file_is_nothing() {
        let (home, host) = made("");
        std::fs::write(home.path().join(".claws-mail/accountrc"), b"\0\x01").unwrap();
        assert_eq!(CLAWS_MAIL.detect(&host).unwrap_err().code, "unreadable_profile");
        std::fs::remove_file(home.path().join(".claws-mail/accountrc")).unwrap();
        assert_eq!(CLAWS_MAIL.detect(&host).unwrap(), None);
    }

    struct Answering(PathBuf);

    impl Processes for Answering {
        fn running(&self, _names: &[&str]) -> Vec<u32> {
            Vec::new()
        }
        fn lock_holder(&self, _file: &Path) -> Option<Holder> {
            None
        }
        fn socket_answers(&self, socket: &Path) -> bool {
            socket == self.0
        }
    }

    #[test]
    fn open_means_that_its_socket_answers() {
        let (home, mut host) = made("");
        let account = accounts(&host).remove(0);
        let socket = home.path().join(".cache/claws-mail/abc");
        std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
        std::fs::write(&socket, "").unwrap();
        assert_eq!(CLAWS_MAIL.in_use(&host, &account), InUse::No);
        host.processes = Arc::new(Answering(socket));
        assert_eq!(CLAWS_MAIL.in_use(&host, &account), InUse::Yes(None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_target_once_written_is_what_is_read(
            set in 0..2u32, port in 1..=u16::MAX, ssl in 0..3u32, auth in 0..2u32, method in 0..32u32, own in "[a-z]{0,3}",
            shared in "[a-z]{1,3}", to_port in 1..=u16::MAX, to_tls in 0..3usize, to_user in "[a-z]{1,3}", same in any::<bool>(),
        ) {
            let (home, host) = made(&format!(
                "set_smtpport={set}\nsmtp_port={port}\nssl_smtp={ssl}\nuse_smtp_auth={auth}\nsmtp_auth_method={method}\nsmtp_user_id={own}\nuser_id={shared}\n"
            ));
            let account = accounts(&host).remove(0);
            prop_assert!(CLAWS_MAIL.changes(&account, &account.outgoing).unwrap().is_empty());
            let to = SubmissionServer {
                port: to_port,
                tls: [TlsMode::None, TlsMode::Starttls, TlsMode::Implicit][to_tls],
                credential: if same { CredentialSource::SameAsIncoming } else { CredentialSource::Own },
                user: Some(if same { shared } else { to_user }),
                ..to26(&account)
            };
            let file = home.path().join(".claws-mail/accountrc");
            let mut doc = KeyFile::parse(&std::fs::read(&file).unwrap()).unwrap();
            applied(&mut doc, CLAWS_MAIL.changes(&account, &to).unwrap());
            std::fs::write(&file, doc.to_bytes()).unwrap();
            let fixed = accounts(&host).remove(0).outgoing;
            prop_assert_eq!((fixed.port, fixed.tls, fixed.auth, fixed.user), (to.port, to.tls, to.auth, to.user));
        }
    }
}
