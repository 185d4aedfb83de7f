//! A home folder with Thunderbird accounts, an invented network, and one scripted host a port: what a test of the
//! whole pipeline is about, and what was seen of it afterwards.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use port26::account::{AuthSetting, TlsMode};
use port26::apply::{RunId, Selector};
use port26::credentials::Given;
use port26::diagnosis::VerdictCode;
use port26::network_history::{History, PortState};
use port26::pipeline::{Alone, Answer, Consent, Conversation, Patience, Request, Setup, Tools, repair};
use port26::plan::Outcome;
use port26::policy::Policy;
use port26::probe::network::{Lookup, Network, Route};
use port26::probe::{Config, Prober};
use port26_platform::computer::{Computer, Os};
use port26_platform::network::NetworkSigns;
use port26_platform::processes::{Ending, MemoryProcesses, Program};

use super::recorded::Recorded;
use super::scripted_host::{Authority, Dates, Greeting, Script, ScriptedHost};

pub const PASSWORD: &str = "Kiezel:1907 z";
pub const ALL_PORTS: [u16; 8] = [25, 26, 465, 587, 2525, 993, 143, 443];
const USER: &str = "anna@hosting.test";
const HOST: &str = "mail.hosting.test";
const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 26));
const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x26));
/// By custom, below the suffix that the network hands out.
const RELAY: &str = "relay.home.isp.test";
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 25));

/// The network between the home and the world.
#[derive(Debug, Default)]
struct InventedNetwork {
    host: String,
    /// What it hands out, if it is not the usual one.
    suffix: Option<&'static str>,
    /// Other names that lead to the same address.
    aliases: Vec<&'static str>,
    /// So many connections to the host are let through, and none after them.
    patience: Option<usize>,
    knocks: AtomicUsize,
    offline: bool,
    dead_ipv6: bool,
    name: Option<Lookup>,
    everywhere: BTreeMap<u16, Route>,
    /// Nobody's port is let through for so long after the first that is dialled.
    for_a_while: BTreeMap<u16, (Duration, OnceLock<Instant>)>,
    at_host: BTreeMap<u16, Route>,
    ports: BTreeMap<u16, SocketAddr>,
    elsewhere: Option<SocketAddr>,
    relay: Option<SocketAddr>,
}

impl Network for InventedNetwork {
    fn lookup(&self, name: &str) -> Option<Lookup> {
        let name = name.trim_end_matches('.');
        Some(match (&self.name, name) {
            _ if self.offline => Lookup::Silent,
            (_, name) if self.aliases.contains(&name) => Lookup::Addresses(vec![V4]),
            (Some(lookup), HOST) => lookup.clone(),
            (None, HOST) if self.dead_ipv6 => Lookup::Addresses(vec![V6, V4]),
            (None, HOST) => Lookup::Addresses(vec![V4]),
            (_, RELAY) if self.relay.is_some() => Lookup::Addresses(vec![ELSEWHERE]),
            _ if name.contains("google.com") || name.contains("yahoodns.net") => Lookup::Addresses(vec![ELSEWHERE]),
            _ => Lookup::NoSuchName,
        })
    }

    fn has_route(&self) -> Option<bool> {
        Some(!self.offline)
    }

    fn signs(&self) -> Option<NetworkSigns> {
        let suffix = self.suffix.unwrap_or("home.isp.test");
        Some(NetworkSigns { search_suffixes: vec![suffix.into()], ipv6_prefix: None, gateway: None })
    }

    fn route(&self, host: &str, address: SocketAddr) -> Route {
        let port = address.port();
        if self.offline {
            return Route::Unreachable;
        }
        if address.is_ipv6() {
            return Route::Drop;
        }
        if host == RELAY
            && let Some(relay) = self.relay
        {
            return Route::To(relay);
        }
        if let Some(&route) = self.everywhere.get(&port) {
            return route;
        }
        if let Some((span, begun)) = self.for_a_while.get(&port)
            && begun.get_or_init(Instant::now).elapsed() < *span
        {
            return Route::Drop;
        }
        if host != self.host && !self.aliases.contains(&host) {
            return self.elsewhere.map_or(Route::Reject, Route::To);
        }
        if let (Some(patience), None) = (self.patience, self.at_host.get(&port))
            && self.knocks.fetch_add(1, Ordering::SeqCst) >= patience
        {
            return Route::Drop;
        }
        match (self.at_host.get(&port), self.ports.get(&port)) {
            (Some(&route), _) => route,
            (None, Some(&real)) => Route::To(real),
            (None, None) => Route::Reject,
        }
    }
}

/// What is set up; built up by its methods, run by [`World::fix`].
pub struct World {
    host: &'static str,
    policy: Policy,
    /// Somebody is asked before anything is written.
    talk: Option<Arc<dyn Conversation>>,
    /// The first profile is open, and closed after so many looks.
    open: Option<usize>,
    patience: Option<Patience>,
    stranger: Option<Script>,
    port: u16,
    tls: TlsMode,
    auth: AuthSetting,
    accounts: usize,
    people: bool,
    given: Option<&'static str>,
    /// Which Thunderbird used the profiles last.
    version: Option<&'static str>,
    trusted: bool,
    before: History,
    /// It waits as in life, and not as is enough here.
    real_waits: bool,
    /// Where its state is, if it is to stay after the run.
    kept: Option<PathBuf>,
    network: InventedNetwork,
    authority: Authority,
    scripts: BTreeMap<u16, Script>,
}

/// What was seen afterwards.
pub struct Seen {
    pub verdict: Option<VerdictCode>,
    /// Of all accounts.
    pub verdicts: Vec<Option<VerdictCode>>,
    pub outcome: Outcome,
    /// The code of the reason.
    pub reason: String,
    pub moved_host: Option<String>,
    pub moved_to: Option<(u16, TlsMode)>,
    pub fixed: usize,
    /// Files that differ after the fix.
    pub changed: Vec<String>,
    /// After undo none does.
    pub undone: bool,
    /// AUTH commands over all ports.
    pub auths: usize,
    /// Connections that the account's host has had, over all ports.
    pub connections: usize,
    /// Connections that somebody else's host has had.
    pub strangers: usize,
    /// Every command of every conversation.
    pub verbs: Vec<String>,
    /// For the message of a failed test.
    pub told: String,
    clear: Vec<String>,
    state: String,
}

impl Seen {
    /// At most one AUTH; the password was not sent in the clear, and is nowhere in port26's own files.
    #[track_caller]
    pub fn harmless(&self) {
        assert!(self.auths <= 1, "{} AUTH commands", self.auths);
        let secrets = [
            PASSWORD.to_owned(),
            BASE64.encode(PASSWORD),
            BASE64.encode(format!("\0{USER}\0{PASSWORD}")),
            BASE64.encode(format!("{USER}\0{USER}\0{PASSWORD}")),
        ];
        for secret in &secrets {
            assert!(!self.clear.iter().any(|line| line.contains(secret)), "sent in the clear: {:?}", self.clear);
            assert!(!self.state.contains(secret.as_str()), "in the state folder");
        }
        assert!(!self.clear.iter().any(|line| line.to_uppercase().starts_with("AUTH")), "AUTH in the clear");
    }
}

impl World {
    pub fn with_account(port: u16, tls: TlsMode, auth: AuthSetting) -> Self {
        let authority = Authority::new();
        let server = authority.server(&[HOST], Dates::Now);
        let mut scripts = BTreeMap::new();
        for port in [25, 26, 587, 2525] {
            scripts.insert(port, Script::new(server.clone()));
        }
        scripts.insert(465, Script { implicit: true, ..Script::new(server.clone()) });
        for port in [993, 143, 443] {
            scripts.insert(port, Script { greeting: Greeting::Never, ..Script::new(server.clone()) });
        }
        let network = InventedNetwork { host: HOST.to_owned(), ..InventedNetwork::default() };
        Self {
            host: HOST,
            policy: Policy::default(),
            talk: None,
            open: None,
            patience: None,
            stranger: None,
            port,
            tls,
            auth,
            accounts: 1,
            people: false,
            given: None,
            version: None,
            trusted: true,
            before: History::default(),
            real_waits: false,
            kept: None,
            network,
            authority,
            scripts,
        }
    }

    /// This password comes on standard input.
    pub fn given(mut self, password: &'static str) -> Self {
        self.given = Some(password);
        self
    }

    /// The accounts are those of this version of Thunderbird.
    pub fn of_version(mut self, version: &'static str) -> Self {
        self.version = Some(version);
        self
    }

    /// Two profiles with the same login.
    pub fn twice(mut self) -> Self {
        self.accounts = 2;
        self
    }

    /// So many profiles, each with a login of its own and the same password.
    pub fn people(mut self, number: usize) -> Self {
        (self.accounts, self.people) = (number, true);
        self
    }

    fn user(&self, number: usize) -> String {
        if self.people { format!("anna{number}@hosting.test") } else { USER.to_owned() }
    }

    /// When this network was last seen, it did this to the port.
    pub fn before(mut self, port: u16, state: PortState) -> Self {
        let network = self.before.id_to_keep(&self.network.signs().unwrap()).unwrap();
        self.before.note(&network, port, state, "2026-11-01T12:00:00Z".parse().unwrap());
        self
    }

    /// One of several runs on this state folder.
    pub fn in_state(mut self, state: &Path) -> Self {
        self.kept = Some(state.to_owned());
        self
    }

    /// The computer is on another network than it is by default.
    pub fn on_network(mut self, suffix: &'static str) -> Self {
        self.network.suffix = Some(suffix);
        self
    }

    /// The network does this to the port, to whatever host.
    pub fn block(mut self, port: u16, route: Route) -> Self {
        self.network.everywhere.insert(port, route);
        self
    }

    /// This happens at the account's host only.
    pub fn block_host(mut self, port: u16, route: Route) -> Self {
        self.network.at_host.insert(port, route);
        self
    }

    /// The account's server has this name or address instead.
    pub fn at(mut self, host: &'static str) -> Self {
        self.host = host;
        self.network.host = host.to_owned();
        self
    }

    /// This name leads to the same address.
    pub fn alias(mut self, name: &'static str) -> Self {
        self.network.aliases.push(name);
        self
    }

    /// The host lets so many connections in, and none after them.
    pub fn bans_after(mut self, connections: usize) -> Self {
        self.network.patience = Some(connections);
        self
    }

    /// Changes the policy.
    pub fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    /// Silent ports are waited for as long as in life.
    pub fn with_real_waits(mut self) -> Self {
        self.real_waits = true;
        self
    }

    /// The network lets nobody's port through for so long.
    pub fn shut_for(mut self, port: u16, span: Duration) -> Self {
        self.network.for_a_while.insert(port, (span, OnceLock::new()));
        self
    }

    /// Somebody was shown what changes, and agreed.
    pub fn agreed(self) -> Self {
        self.asking(Arc::new(Recorded::answering([Answer::Yes])))
    }

    /// This is who is asked.
    pub fn asking(mut self, talk: Arc<dyn Conversation>) -> Self {
        self.talk = Some(talk);
        self
    }

    /// Thunderbird is open on the first profile; it is closed after so many looks at it, which are waited for.
    pub fn open_for(mut self, looks: usize) -> Self {
        (self.open, self.patience) = (Some(looks), Some(Patience { close: false, limit: None }));
        self
    }

    /// Changes what everybody else's port 25 says.
    pub fn elsewhere(mut self, change: impl FnOnce(&mut Script)) -> Self {
        let mut script = self.stranger.take().unwrap_or_else(|| self.ordinary_stranger());
        change(&mut script);
        self.stranger = Some(script);
        self
    }

    /// Somebody else's server, with words of its own: one that greets like the host would be a proxy.
    fn ordinary_stranger(&self) -> Script {
        Script {
            greeting: Greeting::Say("220 mx.elsewhere.test ESMTP at your service"),
            ehlo: vec!["mx.elsewhere.test", "SIZE 1000000", "STARTTLS"],
            ..Script::new(self.authority.server(&["mx.elsewhere.test"], Dates::Now))
        }
    }

    pub fn offline(mut self) -> Self {
        self.network.offline = true;
        self
    }

    pub fn with_dead_ipv6(mut self) -> Self {
        self.network.dead_ipv6 = true;
        self
    }

    /// What the host's name leads to.
    pub fn name(mut self, lookup: Lookup) -> Self {
        self.network.name = Some(lookup);
        self
    }

    /// The network's provider has a relay, whose port 25 is open whatever happens to that of others.
    pub fn relay(mut self, greeting: Greeting) -> Self {
        let server = self.authority.server(&[RELAY], Dates::Now);
        self.network.relay = Some(ScriptedHost::start(Script { greeting, ..Script::new(server) }).address);
        self
    }

    /// Changes what one port says.
    pub fn script(mut self, port: u16, change: impl FnOnce(&mut Script)) -> Self {
        change(self.scripts.get_mut(&port).unwrap());
        self
    }

    /// Changes what all outgoing ports say.
    pub fn scripts(mut self, change: impl Fn(&mut Script)) -> Self {
        for port in [25, 26, 465, 587, 2525] {
            change(self.scripts.get_mut(&port).unwrap());
        }
        self
    }

    /// All ports show this certificate.
    pub fn certificate(self, name: &str, dates: Dates) -> Self {
        let server = self.authority.server(&[name], dates);
        self.scripts(|script| script.tls = Some(server.clone()))
    }

    /// This machine does not trust the authority of the host.
    pub fn with_unknown_authority(mut self) -> Self {
        self.trusted = false;
        self
    }

    /// The host's authority, as a file of roots has it.
    pub fn authority_as_pem(&self) -> String {
        let text = BASE64.encode(&self.authority.anchor);
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }

    /// Runs the pipeline from discovery to the last byte, and undo after it.
    pub async fn fix(mut self) -> Seen {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let state = self.kept.clone().unwrap_or_else(|| folder.path().join("state"));
        for number in 0..self.accounts {
            self.profile(&home, number);
        }
        let hosts: Vec<_> =
            self.scripts.iter().map(|(port, script)| (*port, ScriptedHost::start(script.clone()))).collect();
        let stranger = ScriptedHost::start(self.stranger.take().unwrap_or_else(|| self.ordinary_stranger()));
        let mut network = std::mem::take(&mut self.network);
        network.ports = hosts.iter().map(|(port, host)| (*port, host.address)).collect();
        network.elsewhere = Some(stranger.address);
        if !state.join("history.json").exists() {
            self.before.save(&state).unwrap();
        }
        let tools = self.tools(&home, &state, network);
        let before = picture(&home);
        let consent = if self.talk.is_some() { Consent::AskFirst } else { Consent::Agreed };
        let request = Request { patience: self.patience, ..Request::fix(consent) };
        let report = repair(&tools, &request).await.unwrap();
        assert_eq!((report.accounts.len(), report.problems.len()), (self.accounts, 0), "{:?}", report.problems);
        let reports = report.accounts;
        let after = picture(&home);
        tools.kit.writer().undo(&Selector::All, &RunId::start()).unwrap();
        // The hosts write down what they read a moment later than it was sent.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let first = &reports[0];
        let all =
            |of: fn(&ScriptedHost) -> Vec<String>| hosts.iter().flat_map(|(_, host)| of(host)).collect::<Vec<_>>();
        let verbs = all(ScriptedHost::verbs);
        Seen {
            verdict: first.verdict.as_ref().map(|verdict| verdict.code),
            verdicts: reports.iter().map(|report| report.verdict.as_ref().map(|verdict| verdict.code)).collect(),
            outcome: first.result.unwrap(),
            reason: first.reason.as_ref().map(|reason| reason.code.clone()).unwrap_or_default(),
            moved_host: first.after.as_ref().map(|to| to.host.clone()),
            moved_to: first.after.as_ref().map(|to| (to.port, to.tls)),
            fixed: reports.iter().filter(|report| report.result == Some(Outcome::Fixed)).count(),
            changed: before
                .iter()
                .filter(|(name, bytes)| after.get(*name) != Some(bytes))
                .map(|(name, _)| name.clone())
                .collect(),
            undone: picture(&home) == before,
            auths: verbs.iter().filter(|verb| *verb == "AUTH").count(),
            connections: hosts.iter().map(|(_, host)| host.connections()).sum(),
            strangers: stranger.connections(),
            verbs,
            told: serde_json::to_string_pretty(&reports).unwrap(),
            clear: all(ScriptedHost::clear),
            state: picture(&state).into_values().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect(),
        }
    }

    /// The tools for this home, set up in a folder, where the network is not asked.
    pub fn tools_in(&self, folder: &Path) -> Tools {
        let (home, state) = (folder.join("home"), folder.join("state"));
        (0..self.accounts).for_each(|number| self.profile(&home, number));
        self.tools(&home, &state, InventedNetwork::default())
    }

    fn tools(&self, home: &Path, state: &Path, network: InventedNetwork) -> Tools {
        let config = Config {
            extra_anchors: if self.trusted { vec![self.authority.anchor.clone()] } else { Vec::new() },
            deadline: Duration::from_secs(3),
            greeting_patience: Duration::from_secs(3),
            network: Some(Arc::new(network)),
            ..Config::default()
        };
        let config = match self.real_waits {
            true => config,
            false => Config {
                syn_offsets: [0, 100, 200].map(Duration::from_millis).to_vec(),
                early_silence: Some(Duration::from_millis(600)),
                ..config
            },
        };
        let line = |password: &str, number| format!("{}:{password}\n", self.user(number));
        let logins = if self.people { self.accounts } else { 1 };
        let typed: String =
            self.given.map(|password| (0..logins).map(|number| line(password, number)).collect()).unwrap_or_default();
        let mut computer = Computer::folder(home, Os::Linux, None);
        if let Some(looks) = self.open {
            let lock = Some(home.join(".thunderbird/p0.default/.parentlock"));
            let thunderbird = Program { name: "thunderbird", pid: 7, lock, ending: Ending::AfterLooks(looks) };
            computer.processes = Arc::new(MemoryProcesses::of([thunderbird]));
        }
        let setup = Setup {
            policy: self.policy.clone(),
            given: Given::read(&mut typed.as_bytes()).unwrap(),
            ..Setup::apart(computer, state, Prober::new(config).unwrap())
        };
        Tools::new(setup, self.talk.clone().unwrap_or_else(|| Arc::new(Alone)))
    }

    fn profile(&self, home: &Path, number: usize) {
        let root = home.join(".thunderbird");
        let profile = root.join(format!("p{number}.default"));
        std::fs::create_dir_all(&profile).unwrap();
        let mut ini: String = std::fs::read_to_string(root.join("profiles.ini")).unwrap_or_default();
        ini += &format!("[Profile{number}]\nName=p{number}\nIsRelative=1\nPath=p{number}.default\n\n");
        std::fs::write(root.join("profiles.ini"), ini).unwrap();
        let tls = match self.tls {
            TlsMode::None => 0,
            TlsMode::Starttls => 2,
            TlsMode::Implicit => 3,
        };
        let auth = if self.auth == AuthSetting::None { 1 } else { 3 };
        let user = self.user(number);
        let mut prefs = vec![
            ("mail.accountmanager.accounts", r#""account1""#.to_owned()),
            ("mail.account.account1.identities", r#""id1""#.to_owned()),
            ("mail.account.account1.server", r#""server1""#.to_owned()),
            ("mail.identity.id1.useremail", format!("{user:?}")),
            ("mail.identity.id1.smtpServer", r#""smtp1""#.to_owned()),
            ("mail.server.server1.type", r#""imap""#.to_owned()),
            ("mail.server.server1.hostname", format!("{:?}", self.host)),
            ("mail.server.server1.userName", format!("{user:?}")),
            ("mail.smtpservers", r#""smtp1""#.to_owned()),
            ("mail.smtpserver.smtp1.hostname", format!("{:?}", self.host)),
            ("mail.smtpserver.smtp1.port", self.port.to_string()),
            ("mail.smtpserver.smtp1.try_ssl", tls.to_string()),
            ("mail.smtpserver.smtp1.authMethod", auth.to_string()),
        ];
        if self.auth != AuthSetting::None {
            prefs.push(("mail.smtpserver.smtp1.username", format!("{user:?}")));
        }
        let text: String = prefs.iter().map(|(name, value)| format!("user_pref(\"{name}\", {value});\n")).collect();
        std::fs::write(profile.join("prefs.js"), text).unwrap();
        if let Some(version) = self.version {
            let text = format!("[Compatibility]\nLastVersion={version}_1/1\n");
            std::fs::write(profile.join("compatibility.ini"), text).unwrap();
        }
    }
}

/// Every file below a folder with its bytes.
fn picture(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut open: Vec<PathBuf> = vec![folder.to_owned()];
    let mut seen = BTreeMap::new();
    while let Some(at) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&at) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/");
                seen.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    seen
}
