//! port26.exe on a whole Windows, from Linux's side: accounts of Outlook 2003, 2010, 2013 and 16.0, Outlook Express,
//! Windows Mail, Windows Live Mail, Thunderbird, SeaMonkey, Postbox and Claws Mail in one Wine prefix, and a mail host on
//! Linux's loopback whose port 25 leads nowhere. Fixed, fixed again, undone: every value of the user's registry is
//! compared by type and bytes, every file byte by byte, and passwords go through Windows' Credential Manager. The
//! user's AppData is redirected to a share, under a name beyond ASCII.
//!
//! `scripts/test` builds the programs and a fresh prefix and names them: `PORT26_TEST_WINDOWS_PROGRAMS` is the folder
//! with the programs, `WINEPREFIX` a prefix that is thrown away. Without them it says that nothing was tested.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support"]
mod support {
    pub mod case;
    pub mod program;
}

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use port26::rehearsal::certificates::Authority;
use port26::rehearsal::mail_host::{MailHost, MailHostConfig, Service};
use port26_platform::registry::{RegFile, Registry, Value};
use serde_json::Value as Json;
use support::case;
use support::program::Run;

const WINE: &str = "/usr/lib/wine/wine64";
const NOBODY: &str = "127.0.0.1:1";

/// Registries of users, all imported into one.
const REGISTRIES: [&str; 5] = ["outlook/2003", "outlook/2010", "outlook/2013", "outlook/2016", "outlook_express/6"];

/// Homes of users, all copied into one.
const HOMES: [&str; 6] = [
    "windows_mail/vista",
    "windows_live_mail/typical",
    "thunderbird/windows-two-profiles",
    "seamonkey/windows-no-port",
    "postbox/windows-old-folder",
    "claws_mail/windows-auth",
];

/// Where a policy put this user's AppData; Wine looks for shares below `dosdevices/unc`.
const SHARE: &str = "fileserver/users$/J\u{fc}rgen \u{17b}\u{f3}\u{142}\u{107}/AppData";

/// Where Wine keeps what its Credential Manager was given; port26 itself never writes there.
const CREDENTIAL_MANAGER: &str = r"Software\Wine\Credential Manager";

type Values = BTreeMap<(String, String), Value>;
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A Windows in a folder.
struct Windows {
    programs: PathBuf,
    prefix: PathBuf,
    folder: tempfile::TempDir,
}

impl Windows {
    fn named() -> Option<Self> {
        let named = std::env::var_os("PORT26_TEST_WINDOWS_PROGRAMS").zip(std::env::var_os("WINEPREFIX"));
        let Some((programs, prefix)) = named else {
            eprintln!("*** NOT TESTED: port26.exe on a whole Windows. scripts/test does it under Wine.");
            return None;
        };
        Some(Self { programs: programs.into(), prefix: prefix.into(), folder: tempfile::tempdir().unwrap() })
    }

    /// The profile folder of the one user.
    fn profile(&self) -> PathBuf {
        let users = std::fs::read_dir(self.prefix.join("drive_c/users")).unwrap();
        let mut own: Vec<PathBuf> = users.map(|entry| entry.unwrap().path()).collect();
        own.retain(|path| path.join("AppData").is_dir() && !path.ends_with("Public"));
        assert_eq!(own.len(), 1, "{own:?}");
        own.remove(0)
    }

    fn reg(&self, arguments: &[&str]) {
        let mut command = Command::new(WINE);
        command.arg("reg").args(arguments);
        let run = self.wait(command, "");
        assert_eq!(run.code, 0, "reg {arguments:?}: {}{}", run.out, run.err);
    }

    /// Runs it to its end. What it says goes to files: Wine's own services inherit a pipe and would keep it open.
    fn wait(&self, mut command: Command, stdin: &str) -> Run {
        let file = |name: &str| self.folder.path().join(name);
        let open = |name: &str| Stdio::from(File::create(file(name)).unwrap());
        let mut child = command.stdin(Stdio::piped()).stdout(open("out")).stderr(open("err")).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let code = child.wait().unwrap().code().unwrap();
        let text = |name: &str| std::fs::read_to_string(file(name)).unwrap().replace("\r\n", "\n");
        Run { code, out: text("out"), err: text("err") }
    }

    /// The user's registry as `reg export` tells it, but for what Credential Manager keeps.
    fn registry(&self) -> Values {
        fn walk(registry: &dyn Registry, key: &str, into: &mut Values) {
            for (name, value) in registry.values(key).unwrap() {
                into.insert((key.to_owned(), name), value);
            }
            for below in registry.subkeys(key).unwrap() {
                let below = if key.is_empty() { below } else { format!("{key}\\{below}") };
                if below != CREDENTIAL_MANAGER {
                    walk(registry, &below, into);
                }
            }
        }
        let mut found = Values::new();
        walk(&self.exported(), "", &mut found);
        assert!(found.len() > 200, "{} values: that is no whole registry", found.len());
        found
    }

    fn exported(&self) -> RegFile {
        RegFile::open(self.export()).unwrap()
    }

    fn export(&self) -> PathBuf {
        let file = self.folder.path().join("export.reg");
        self.reg(&["export", "HKEY_CURRENT_USER", &windows_path(&file), "/y"]);
        file
    }

    /// Passwords that Credential Manager keeps for port26.
    fn kept_passwords(&self) -> usize {
        let mut names = self.exported().subkeys(CREDENTIAL_MANAGER).unwrap();
        names.retain(|name| name.contains("port26"));
        names.len()
    }

    /// The redirected `AppData\Roaming`, as Linux sees it.
    fn share(&self) -> PathBuf {
        self.prefix.join("dosdevices/unc").join(SHARE)
    }

    /// As a group policy does it: the value, and the folder on the server.
    fn redirect_app_data(&self) {
        std::fs::create_dir_all(self.share()).unwrap();
        let key = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders";
        let share = format!(r"\\{}", SHARE.replace('/', "\\"));
        self.reg(&["add", key, "/v", "AppData", "/t", "REG_EXPAND_SZ", "/d", &share, "/f"]);
    }

    /// Every file of the profile and of its share, but for port26's own.
    fn files(&self) -> Files {
        let mut files = case::read_tree(&self.profile());
        files.extend(
            case::read_tree(&self.share()).into_iter().map(|(path, bytes)| (Path::new("share").join(path), bytes)),
        );
        files.retain(|path, _| !path.starts_with("AppData/Local/port26") && !path.starts_with("Temp"));
        files.retain(|path, _| !path.starts_with("AppData/Local/Temp"));
        files
    }

    fn run(&self, program: &str, arguments: &[String], stdin: &str) -> Run {
        let mut command = Command::new(WINE);
        command.arg(self.programs.join(program)).args(arguments);
        // The mail host goes on meanwhile, on the other threads.
        tokio::task::block_in_place(|| self.wait(command, stdin))
    }
}

/// `Z:` is Linux's root.
fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.display().to_string().replace('/', "\\"))
}

/// All that the accounts of this machine need to send: their hosts, with the passwords their users have.
struct World {
    windows: Windows,
    host: MailHost,
    hosts: BTreeSet<String>,
    passwords: BTreeMap<String, String>,
}

impl World {
    async fn around(windows: Windows, accounts: &[Json]) -> Self {
        let text = |value: &Json| value.as_str().map(str::to_owned);
        let hosts: BTreeSet<String> = accounts.iter().filter_map(|one| text(&one["outgoing"]["host"])).collect();
        let users = accounts.iter().filter_map(|one| {
            let candidates = [&one["outgoing"]["user"], &one["incoming"]["user"], &one["email"]];
            candidates.into_iter().find_map(text)
        });
        let passwords: BTreeMap<String, String> =
            users.enumerate().map(|(number, user)| (user, format!("Kiezel:{number} \u{e4}"))).collect();
        let authority = Authority::new("Test CA").unwrap();
        let names: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let host = MailHost::start(MailHostConfig {
            host_name: "mail.hosting.test".to_owned(),
            domains: vec!["hosting.test".to_owned()],
            accounts: passwords.clone().into_iter().collect(),
            services: Service::usual(),
            certificate: authority.server(&names).unwrap(),
        })
        .await
        .unwrap();
        std::fs::write(windows.folder.path().join("ca.pem"), authority.pem()).unwrap();
        Self { windows, host, hosts, passwords }
    }

    /// Runs one of the programs in front of this mail host.
    fn run(&self, program: &str, arguments: &[&str], stdin: &str) -> Run {
        let mut all: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        all.extend(["--ca".to_owned(), windows_path(&self.windows.folder.path().join("ca.pem"))]);
        let mut rule = |rule: String| all.extend(["--connect-to".to_owned(), rule]);
        rule(format!(":25:{NOBODY}"));
        for host in &self.hosts {
            self.host.connect_to_rules(host).into_iter().for_each(&mut rule);
        }
        rule(format!("::{NOBODY}"));
        let run = self.windows.run(program, &all, stdin);
        for password in self.passwords.values() {
            assert!(!run.out.contains(password) && !run.err.contains(password), "a password was shown");
        }
        run
    }

    fn given_passwords(&self, arguments: &[&str]) -> Run {
        let lines: String = self.passwords.iter().map(|(user, password)| format!("{user}:{password}\n")).collect();
        self.run("port26.exe", &[arguments, &["--credential-stdin"]].concat(), &lines)
    }

    /// Users who logged in, in order, since that many logins.
    fn logins_since(&self, before: usize) -> Vec<String> {
        let logins = self.host.record().logins;
        assert!(logins.iter().all(|login| login.accepted), "{logins:?}");
        let mut users: Vec<String> = logins[before..].iter().map(|login| login.user.clone()).collect();
        users.sort();
        users
    }

    fn logins(&self) -> usize {
        self.host.record().logins.len()
    }
}

fn accounts(run: &Run) -> Vec<Json> {
    run.json()["accounts"].as_array().unwrap().clone()
}

/// `id: result, port`, or the port as it is where nothing was decided.
fn lines(run: &Run) -> Vec<String> {
    let line = |one: &Json| {
        let text = |value: &Json| value.as_str().unwrap_or("-").to_owned();
        let server = if one["after"].is_object() { &one["after"] } else { &one["outgoing"] };
        format!(
            "{}: {}, {}, port {} {}",
            text(&one["id"]),
            text(&one["result"]),
            text(&one["reason"]["code"]),
            server["port"],
            text(&server["tls"])
        )
    };
    accounts(run).iter().map(line).collect()
}

fn ids(run: &Run, result: &str) -> Vec<String> {
    let with = |one: &&Json| one["result"] == result;
    accounts(run).iter().filter(with).map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// Keys and names of the values that differ.
fn differing(before: &Values, after: &Values) -> Vec<(String, String)> {
    let names: BTreeSet<&(String, String)> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(name) != after.get(name)).cloned().collect()
}

fn differing_files(before: &Files, after: &Files) -> Vec<PathBuf> {
    let names: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

/// What happened to the machine, told whole where it is not what it should be.
#[track_caller]
fn same(windows: &Windows, values: &Values, files: &Files, when: &str) {
    let changed = differing(values, &windows.registry());
    assert_eq!(changed, [], "values of the registry, {when}");
    assert_eq!(differing_files(files, &windows.files()), [] as [PathBuf; 0], "files, {when}");
}

/// Keys of accounts of Outlook and Outlook Express, with the lines of their values as `reg export` writes them: read as the
/// text that it is, and by nothing of port26.
fn accounts_as_text(export: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let bytes = std::fs::read(export).unwrap();
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let mut keys = BTreeMap::<String, BTreeSet<String>>::new();
    let mut key = String::new();
    for line in String::from_utf16(&units).unwrap().lines() {
        if line.starts_with('[') {
            key = line.to_lowercase();
        } else if key.contains(r"\9375cff0413111d3b88a00104b2a6676\0")
            || key.contains(r"\internet account manager\accounts\")
        {
            keys.entry(key.clone()).or_default().insert(line.to_owned());
        }
    }
    keys
}

/// By key, the lines of its values.
type Accounts = BTreeMap<String, BTreeSet<String>>;

/// Outlook Express uses STARTTLS on 25 only, so that it is led to 465, where this host takes its TLS 1.0; all others to 26.
fn port_of(account: &str) -> u16 {
    if account.starts_with("outlook_express/") { 465 } else { 26 }
}

/// As many accounts of Outlook and Outlook Express are on their new port there as were said to be moved, each with a login.
#[track_caller]
fn in_the_registry(before: &Accounts, text: &Accounts, moved: &[String]) {
    let of_express = |key: &str| key.contains("internet account manager");
    let port = |key: &str| if of_express(key) { "dword:000001d1" } else { "dword:0000001a" };
    let is_there =
        |(key, lines): &(&String, &BTreeSet<String>)| lines.contains(&format!("\"SMTP Port\"={}", port(key)));
    let was_there = |key: &String| before.get(key).is_some_and(|lines| is_there(&(key, lines)));
    let there = text.iter().filter(|one| is_there(one) && !was_there(one.0));
    let mut found = 0;
    for (key, lines) in there {
        let login = if of_express(key) { "SMTP Use Sicily" } else { "SMTP Use Auth" };
        let of_login: Vec<&String> = lines.iter().filter(|line| line.starts_with(&format!("\"{login}\"="))).collect();
        assert!(of_login.len() == 1 && !of_login[0].ends_with("dword:00000000"), "{key}: {lines:?}");
        found += 1;
    }
    let said = moved.iter().filter(|id| id.starts_with("outlook")).count();
    assert!(said > 5 && found == said, "{found} accounts are on their new port, {said} were said to be: {text:#?}");
}

/// Only settings of outgoing servers were touched.
fn only_outgoing(changed: &[(String, String)]) {
    assert!(!changed.is_empty());
    for (key, name) in changed {
        let account =
            key.contains(r"\9375CFF0413111d3B88A00104B2A6676\") || key.contains(r"\Internet Account Manager\");
        assert!(account && name.starts_with("SMTP ") && !name.contains("Password"), "{key}, {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_of_one_machine_is_fixed_and_put_back() {
    let Some(windows) = Windows::named() else { return };
    for registry in REGISTRIES {
        windows.reg(&["import", &windows_path(&case::fixtures().join(registry).join("user.reg"))]);
    }
    windows.redirect_app_data();
    for home in HOMES {
        let from = case::fixtures().join(home).join("AppData");
        for (folder, to) in [("Local", windows.profile().join("AppData/Local")), ("Roaming", windows.share())] {
            if from.join(folder).is_dir() {
                case::copy_tree(&from.join(folder), &to);
            }
        }
    }
    let scan = windows.run("port26.exe", &["scan".to_owned(), "--json".to_owned()], "");
    let found = accounts(&scan);
    let clients: BTreeSet<&str> = found.iter().map(|one| one["client"].as_str().unwrap()).collect();
    let expected = [
        "claws_mail",
        "outlook",
        "outlook_express",
        "postbox",
        "seamonkey",
        "thunderbird",
        "windows_live_mail",
        "windows_mail",
    ];
    assert_eq!(clients, BTreeSet::from(expected), "{}", scan.out);
    let world = World::around(windows, &found).await;
    let windows = &world.windows;
    let (values, files) = (windows.registry(), windows.files());
    let text = accounts_as_text(&windows.export());

    // All of them move at once.
    let fixed = world.given_passwords(&["fix", "--yes", "--json"]);
    let moved = ids(&fixed, "fixed");
    in_the_registry(&text, &accounts_as_text(&windows.export()), &moved);
    insta::assert_snapshot!("fixed", lines(&fixed).join("\n"));
    let (values_26, files_26) = (windows.registry(), windows.files());
    only_outgoing(&differing(&values, &values_26));
    let touched = differing_files(&files, &files_26);
    for place in ["share/Thunderbird", "share/Claws-mail", "AppData/Local/Microsoft/Windows Live Mail"] {
        assert!(touched.iter().any(|path| path.starts_with(place)), "nothing was written in {place}: {touched:?}");
    }
    assert!(files_26.keys().eq(files.keys()), "no file came or went");
    let on_26 = accounts(&world.run("port26.exe", &["scan", "--json"], ""));
    for id in &moved {
        let now = on_26.iter().find(|one| one["id"] == id.as_str()).unwrap();
        assert_eq!(now["outgoing"]["port"], port_of(id), "{id}");
    }
    assert!(!world.host.record().any_password_before_tls());

    // A second time there is nothing to do, and a third time nobody has to give a password.
    let again = world.given_passwords(&["fix", "--yes", "--json"]);
    assert_eq!(ids(&again, "fixed"), [] as [&str; 0], "{}", again.out);
    same(windows, &values_26, &files_26, "after a second fix");
    let listed = world.run("port26.exe", &["credential", "list", "--json"], "").json();
    let kept = listed["credentials"].as_array().unwrap().len();
    assert!(kept > 0 && kept == windows.kept_passwords(), "{kept} of {}: {listed}", windows.kept_passwords());

    // Back to what it was.
    let undone = world.run("port26.exe", &["undo", "--all", "--json"], "");
    assert_eq!(undone.code, 0, "{}{}", undone.out, undone.err);
    same(windows, &values, &files, "after undo");
    assert_eq!(accounts_as_text(&windows.export()), text, "lines of the exported registry, after undo");

    // Another process proves its logins with what Credential Manager keeps, and moves the same accounts: the program
    // without a console, which says nothing.
    let before = world.logins();
    let silent = world.run("port26w.exe", &["fix", "--silent"], "");
    assert_eq!((silent.out.as_str(), silent.err.as_str(), silent.code), ("", "", fixed.code));
    same(windows, &values_26, &files_26, "after port26w.exe");
    let proven: BTreeSet<String> = world.logins_since(before).into_iter().collect();
    let kept_users = listed["credentials"].as_array().unwrap().iter();
    let kept_users: BTreeSet<String> = kept_users.map(|one| one["user"].as_str().unwrap().to_owned()).collect();
    assert_eq!(proven, kept_users, "who was logged in with a kept password");
    let undone = world.run("port26w.exe", &["undo", "--all", "--silent"], "");
    assert_eq!((undone.code, undone.out.as_str(), undone.err.as_str()), (0, "", ""));
    same(windows, &values, &files, "after port26w.exe put it back");

    // What is forgotten is gone: nobody is logged in, and who has no other password is asked for one.
    let forgotten = world.run("port26.exe", &["credential", "forget", "--all", "--json"], "").json();
    assert!(forgotten["credentials"].as_array().unwrap().iter().all(|one| one["state"] == "forgotten"), "{forgotten}");
    assert_eq!(windows.kept_passwords(), 0);
    let before = world.logins();
    let without = world.run("port26.exe", &["fix", "--dry-run", "--json"], "");
    assert_eq!(world.logins_since(before), [] as [&str; 0]);
    let needs = accounts(&without).into_iter().filter(|one| one["reason"]["code"] == "password_missing");
    let needs: Vec<String> = needs.map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    let moved_before: Vec<&String> = needs.iter().filter(|id| moved.contains(id)).collect();
    assert_eq!(moved_before, ["seamonkey/5m0nk3y0.default/smtp1", "postbox/p0s7b0x1.default/smtp1", "claws_mail/2"]);
    same(windows, &values, &files, "after a dry run");
    println!("{} values and {} files compared, {} accounts moved: {moved:?}", values.len(), files.len(), moved.len());
}
