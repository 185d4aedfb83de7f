//! A Windows home whose accounts have their mailbox at one operator and their outgoing server at another or the same one,
//! in three mail programs; hosts that take every login on port 26 and remember it; and what was seen afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use port26::account::{AuthSetting, ClientId, CredentialSource};
use port26::credentials::{Given, Item};
use port26::pipeline::{Alone, Consent, Request, Setup, Tools, discover, repair};
use port26::plan::Outcome;
use port26::policy::{HostPort, Policy};
use port26::probe::network::{Lookup, Network, Route};
use port26::probe::{Config, Prober};
use port26_platform::computer::{Computer, Os};
use port26_platform::network::NetworkSigns;
use port26_platform::registry::RegFile;
use port26_platform::secrets::{MemorySecrets, Secrets as _};
use secrecy::SecretString;

use super::scripted_host::{Authority, Dates, Greeting, Script, ScriptedHost};

/// Which program has the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Thunderbird,
    Claws,
    Outlook,
}

/// How the outgoing server is logged in to before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// Not at all, and the program has the mailbox's password.
    None,
    /// Not at all, and the program keeps no password.
    NoneKept,
    /// With the address and a password of its own, which the program keeps.
    Own,
    /// The same, by CRAM-MD5 (Claws only).
    Digest,
}

/// One account. The address is the user name of both servers.
#[derive(Debug, Clone)]
pub struct Mailbox {
    pub program: Program,
    pub address: &'static str,
    pub incoming: &'static str,
    pub outgoing: &'static str,
    pub login: Login,
}

/// What is set up.
#[derive(Debug, Clone)]
pub struct Plan {
    pub mailboxes: Vec<Mailbox>,
    /// Lines of standard input.
    pub given: Vec<String>,
    /// Items of the keychain: host, user, password.
    pub keychain: Vec<(&'static str, &'static str, String)>,
    /// Names in the certificates of outgoing hosts, beside their own.
    pub certified: Vec<(&'static str, &'static str)>,
    /// What hosts say to a login.
    pub answers: &'static str,
    /// Outgoing hosts on whose port 25 nobody answers; the others refuse.
    pub silent: Vec<&'static str>,
    /// An unrelated host that is asked on 25 when an account's own port does not answer. It does not either.
    pub control: Option<&'static str>,
}

impl Default for Plan {
    fn default() -> Self {
        let (mailboxes, given, keychain, certified) = Default::default();
        let (silent, control) = Default::default();
        Self { mailboxes, given, keychain, certified, answers: "235 2.7.0 welcome", silent, control }
    }
}

/// A login that a host was given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Given26 {
    pub host: String,
    pub user: String,
    pub password: String,
}

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// By the account's place in the plan.
    pub outcomes: Vec<(Option<Outcome>, String)>,
    /// Whose program is set to send the mailbox's password to the outgoing server.
    pub lent: Vec<bool>,
    pub logins: Vec<Given26>,
    /// Mechanisms of all AUTH commands.
    pub mechanisms: Vec<String>,
    /// How the accounts log in now.
    pub after: Vec<AuthSetting>,
    pub told: String,
}

#[derive(Debug)]
struct Streets {
    hosts: BTreeMap<String, SocketAddr>,
    silent: Vec<&'static str>,
}

impl Network for Streets {
    fn lookup(&self, name: &str) -> Option<Lookup> {
        let name = name.trim_end_matches('.');
        if !self.hosts.contains_key(name) && self.silent.contains(&name) {
            return Some(Lookup::Addresses(vec![IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1))]));
        }
        let number = self.hosts.keys().position(|host| host == name);
        Some(number.map_or(Lookup::NoSuchName, |number| {
            Lookup::Addresses(vec![IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10 + number as u8))])
        }))
    }

    fn has_route(&self) -> Option<bool> {
        Some(true)
    }

    fn signs(&self) -> Option<NetworkSigns> {
        Some(NetworkSigns { search_suffixes: Vec::new(), ipv6_prefix: None, gateway: None })
    }

    fn route(&self, host: &str, address: SocketAddr) -> Route {
        match self.hosts.get(host) {
            Some(&to) if address.port() == 26 => Route::To(to),
            _ if self.silent.contains(&host) => Route::Drop,
            _ => Route::Reject,
        }
    }
}

impl Plan {
    /// Runs the pipeline from discovery to the last byte.
    pub async fn fix(&self) -> Seen {
        let folder = tempfile::tempdir().unwrap();
        let (home, state) = (folder.path().join("home"), folder.path().join("state"));
        self.write_home(&home);
        let authority = Authority::new();
        let names: BTreeSet<&str> = self.mailboxes.iter().map(|mailbox| mailbox.outgoing).collect();
        let hosts: BTreeMap<String, ScriptedHost> = names
            .into_iter()
            .map(|name| {
                let more = self.certified.iter().filter(|(host, _)| *host == name).map(|(_, other)| *other);
                let names: Vec<&str> = std::iter::once(name).chain(more).collect();
                let script = Script {
                    greeting: Greeting::Say("220 ready"),
                    auth: self.answers,
                    ..Script::new(authority.server(&names, Dates::Now))
                };
                (name.to_owned(), ScriptedHost::start(script))
            })
            .collect();
        let streets = Streets {
            hosts: hosts.iter().map(|(name, host)| (name.clone(), host.address)).collect(),
            silent: self.silent.iter().copied().chain(self.control).collect(),
        };
        let tools = self.tools(&home, &state, authority, streets);
        let report = repair(&tools, &Request::fix(Consent::Agreed)).await.unwrap();
        assert_eq!((report.accounts.len(), report.problems.len()), (self.mailboxes.len(), 0), "{:?}", report.problems);
        let reports = report.accounts;
        let after = discover(&tools.computer, tools.clients).accounts;
        // The hosts write down what they read a moment later than it was sent.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let place = |number: usize| {
            let mine = |email: &Option<String>, client, host: &str| {
                let mailbox = &self.mailboxes[number];
                email.as_deref() == Some(mailbox.address) && client == mailbox.program.id() && host == mailbox.outgoing
            };
            let report = reports
                .iter()
                .find(|one| mine(&one.account.email, one.account.client, &one.account.outgoing.host))
                .unwrap();
            let now = after.iter().find(|one| one.id == report.account.id).unwrap();
            let lent = match self.mailboxes[number].program {
                Program::Thunderbird => copied(&home, &report.account.profile, &self.mailboxes[number]),
                _ => now.outgoing.credential == CredentialSource::SameAsIncoming,
            };
            let code = report.reason.as_ref().map(|reason| reason.code.clone()).unwrap_or_default();
            ((report.result, code), (lent, now.outgoing.auth))
        };
        let (outcomes, now): (Vec<_>, Vec<_>) = (0..self.mailboxes.len()).map(place).unzip();
        let (lent, after) = now.into_iter().unzip();
        let mechanisms = hosts.values().flat_map(ScriptedHost::inside).filter_map(|line| {
            line.strip_prefix("AUTH ").map(|rest| rest.split(' ').next().unwrap_or_default().to_owned())
        });
        let mechanisms = mechanisms.collect();
        let logins = hosts.iter().flat_map(|(name, host)| logins(name, host)).collect();
        Seen { outcomes, lent, logins, mechanisms, after, told: serde_json::to_string_pretty(&reports).unwrap() }
    }

    fn tools(&self, home: &Path, state: &Path, authority: Authority, streets: Streets) -> Tools {
        let config = Config {
            extra_anchors: vec![authority.anchor.clone()],
            network: Some(Arc::new(streets)),
            early_silence: Some(Duration::from_millis(600)),
            ..Config::default()
        };
        let mut lines = String::new();
        self.given.iter().for_each(|line| writeln!(lines, "{line}").unwrap());
        let secrets = MemorySecrets::new();
        for (host, user, password) in &self.keychain {
            let item = Item::new(host, user);
            secrets.set(&item.service, &item.account, &SecretString::from(password.clone())).unwrap();
        }
        let registry = RegFile::open(home.join("user.reg")).unwrap();
        let computer = Computer::folder(home, Os::Windows, Some(Arc::new(registry)));
        let mut policy = Policy::default();
        let control = self.control.map(|host| HostPort { host: host.to_owned(), port: 25 });
        policy.control_hosts.value = control.into_iter().collect();
        let setup = Setup {
            policy,
            given: Given::read(&mut lines.as_bytes()).unwrap(),
            secrets: Arc::new(secrets),
            ..Setup::apart(computer, state, Prober::new(config).unwrap())
        };
        Tools::new(setup, Arc::new(Alone))
    }

    fn write_home(&self, home: &Path) {
        let roaming = home.join("AppData/Roaming");
        let numbered = |program| {
            let mine = move |(_, mailbox): &(usize, &Mailbox)| mailbox.program == program;
            self.mailboxes.iter().enumerate().filter(mine).collect::<Vec<_>>()
        };
        let mut ini = String::new();
        // Thunderbird's list ends at the first number that is missing.
        for (at, (n, mailbox)) in numbered(Program::Thunderbird).into_iter().enumerate() {
            writeln!(ini, "[Profile{at}]\nName=p{n}\nIsRelative=1\nPath=Profiles/p{n}\n").unwrap();
            thunderbird(&roaming.join(format!("Thunderbird/Profiles/p{n}")), mailbox);
        }
        if !ini.is_empty() {
            std::fs::write(roaming.join("Thunderbird/profiles.ini"), ini).unwrap();
        }
        claws(&roaming.join("Claws-mail"), &numbered(Program::Claws));
        std::fs::create_dir_all(home).unwrap();
        outlook(&home.join("user.reg"), &numbered(Program::Outlook));
    }
}

impl Program {
    fn id(self) -> ClientId {
        match self {
            Self::Thunderbird => ClientId::Thunderbird,
            Self::Claws => ClientId::ClawsMail,
            Self::Outlook => ClientId::Outlook,
        }
    }
}

fn logins(name: &str, host: &ScriptedHost) -> Vec<Given26> {
    assert!(!host.clear().iter().any(|line| line.starts_with("AUTH")), "AUTH in the clear");
    let text = |line: &str| String::from_utf8(BASE64.decode(line).unwrap()).unwrap();
    let given = |user: &str, password: &str| Given26 {
        host: name.to_owned(),
        user: user.to_owned(),
        password: password.to_owned(),
    };
    let said = host.inside();
    let of = |at: usize| match said[at].split(' ').collect::<Vec<_>>()[..] {
        ["AUTH", "PLAIN", response] => {
            let plain = text(response);
            let (user, password) = plain[1..].split_once('\0').unwrap();
            Some(given(user, password))
        }
        ["AUTH", "LOGIN"] => Some(given(&text(&said[at + 1]), &text(&said[at + 2]))),
        // A digest, and everything that is no AUTH.
        _ => None,
    };
    (0..said.len()).filter_map(of).collect()
}

/// The ciphertext that stands for the mailbox's password of this account.
fn ciphertext(kind: &str, mailbox: &Mailbox) -> String {
    BASE64.encode(format!("{kind} {} {}", mailbox.address, mailbox.outgoing))
}

fn copied(home: &Path, profile: &str, mailbox: &Mailbox) -> bool {
    let file = home.join(format!("AppData/Roaming/Thunderbird/Profiles/{profile}/logins.json"));
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.matches(&ciphertext("mailbox", mailbox)).count() > 1
}

fn thunderbird(folder: &Path, mailbox: &Mailbox) {
    let Mailbox { address, incoming, outgoing, login, .. } = mailbox;
    std::fs::create_dir_all(folder).unwrap();
    let mut prefs = String::from("// Mozilla User Preferences\n\n");
    let mut set = |name: &str, value: &str| writeln!(prefs, "user_pref(\"{name}\", {value});").unwrap();
    let quoted = |text: &str| format!("\"{text}\"");
    set("mail.accountmanager.accounts", "\"account1\"");
    set("mail.account.account1.identities", "\"id1\"");
    set("mail.account.account1.server", "\"server1\"");
    set("mail.identity.id1.smtpServer", "\"smtp1\"");
    set("mail.identity.id1.useremail", &quoted(address));
    set("mail.server.server1.hostname", &quoted(incoming));
    set("mail.server.server1.type", "\"imap\"");
    set("mail.server.server1.userName", &quoted(address));
    set("mail.smtpservers", "\"smtp1\"");
    set("mail.smtpserver.smtp1.hostname", &quoted(outgoing));
    set("mail.smtpserver.smtp1.port", "25");
    set("mail.smtpserver.smtp1.authMethod", if *login == Login::Own { "3" } else { "1" });
    if *login == Login::Own {
        set("mail.smtpserver.smtp1.username", &quoted(address));
        set("mail.smtpserver.smtp1.try_ssl", "2");
    }
    std::fs::write(folder.join("prefs.js"), prefs).unwrap();
    let mut kept = Vec::new();
    let mut keep = |origin: String, kind: &str| {
        let id = kept.len() + 1;
        kept.push(format!(
            "{{\"id\":{id},\"hostname\":\"{origin}\",\"httpRealm\":\"{origin}\",\"formSubmitURL\":null,\
             \"usernameField\":\"\",\"passwordField\":\"\",\"encryptedUsername\":\"{}\",\"encryptedPassword\":\"{}\",\
             \"guid\":\"{{22222222-aaaa-4bbb-8ccc-00000000000{id}}}\",\"encType\":1,\"timeCreated\":1,\
             \"timeLastUsed\":1,\"timePasswordChanged\":1,\"timesUsed\":1}}",
            BASE64.encode("user"),
            ciphertext(kind, mailbox),
        ));
    };
    if *login != Login::NoneKept {
        keep(format!("imap://{incoming}"), "mailbox");
    }
    if *login == Login::Own {
        keep(format!("smtp://{outgoing}"), "own");
    }
    let text = format!("{{\"nextId\":{},\"logins\":[{}],\"version\":3}}", kept.len() + 1, kept.join(","));
    std::fs::write(folder.join("logins.json"), text).unwrap();
}

fn claws(folder: &Path, mailboxes: &[(usize, &Mailbox)]) {
    if mailboxes.is_empty() {
        return;
    }
    std::fs::create_dir_all(folder).unwrap();
    let (mut accounts, mut store) = (String::new(), String::from("[config:0]\n\n"));
    for (n, mailbox) in mailboxes {
        let Mailbox { address, incoming, outgoing, login, .. } = mailbox;
        let (auth, own, tls) = if matches!(login, Login::Own | Login::Digest) { (1, *address, 2) } else { (0, "", 0) };
        let method = if *login == Login::Digest { 2 } else { 0 };
        write!(
            accounts,
            "[Account: {n}]\naccount_name=Account {n}\nis_default=0\nname=User\naddress={address}\nprotocol=0\n\
             receive_server={incoming}\nsmtp_server={outgoing}\nuse_mail_command=0\nuser_id={address}\n\
             use_smtp_auth={auth}\nsmtp_auth_method={method}\nsmtp_user_id={own}\nssl_smtp={tls}\nset_smtpport=1\n\
             smtp_port=25\n\n"
        )
        .unwrap();
        if *login != Login::NoneKept {
            write!(store, "[account:{n}]\nrecv {{AES-256-CBC,50000}}AAAA==\nsend {{AES-256-CBC,50000}}BBBB==\n\n")
                .unwrap();
        }
    }
    std::fs::write(folder.join("accountrc"), accounts).unwrap();
    std::fs::write(folder.join("passwordstorerc"), store).unwrap();
    std::fs::write(folder.join("clawsrc"), "[Common]\nconfig_version=8\n").unwrap();
}

fn outlook(file: &Path, mailboxes: &[(usize, &Mailbox)]) {
    let profile = r"HKEY_CURRENT_USER\Software\Microsoft\Office\16.0\Outlook\Profiles\Outlook";
    let store = "9375CFF0413111d3B88A00104B2A6676";
    let mut text = String::from("Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER]\r\n\r\n");
    for (n, mailbox) in mailboxes {
        let Mailbox { address, incoming, outgoing, login, .. } = mailbox;
        write!(
            text,
            "[{profile}\\{store}\\{n:08x}]\r\n\"clsid\"=\"{{ED475411-B0D6-11D2-8C3B-00104B2A6676}}\"\r\n\
             \"Account Name\"=\"{address}\"\r\n\"Email\"=\"{address}\"\r\n\"POP3 Server\"=\"{incoming}\"\r\n\
             \"POP3 User\"=\"{address}\"\r\n\"SMTP Server\"=\"{outgoing}\"\r\n\"SMTP Port\"=dword:00000019\r\n"
        )
        .unwrap();
        if *login != Login::NoneKept {
            text.push_str("\"POP3 Password\"=hex:02,01,02,03,04\r\n");
        }
        if *login == Login::Own {
            write!(
                text,
                "\"SMTP Use Auth\"=dword:00000001\r\n\"SMTP Auth Method\"=dword:00000001\r\n\"SMTP User\"=\"{address}\"\r\n\
                 \"SMTP Password\"=hex:02,05,06,07,08\r\n\"SMTP Secure Connection\"=dword:00000002\r\n"
            )
            .unwrap();
        }
        text.push_str("\r\n");
    }
    let bytes: Vec<u8> = std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    std::fs::write(file, bytes).unwrap();
}
