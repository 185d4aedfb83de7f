//! Policies in each place where Thunderbird looks, and what they mean for an account that would be moved.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use port26_platform::computer::{Computer, Os};
use port26_platform::registry::{MachineRegFile, RegFile};

use crate::account::Account;
use crate::clients::thunderbird::tests::{found, to26};
use crate::clients::thunderbird::{SEAMONKEY, THUNDERBIRD};
use crate::clients::{MailClient, PlanError};
use crate::tls_offer::TlsVersion::{self, V1_2, V1_3};

const PORT: &str = "mail.smtpserver.smtp1.port";

/// A home with one account on port 25, below a folder that is a system's root.
fn home(os: Os, root: &str) -> (tempfile::TempDir, PathBuf) {
    let system = tempfile::tempdir().unwrap();
    let home = system.path().join(if os == Os::Linux { "home/ola" } else { "Users/ola" });
    let profile = home.join(root).join("p.default");
    std::fs::create_dir_all(&profile).unwrap();
    std::fs::write(home.join(root).join("profiles.ini"), "[Profile0]\nName=p\nIsRelative=1\nPath=p.default\n").unwrap();
    std::fs::write(
        profile.join("prefs.js"),
        "user_pref(\"mail.smtpservers\", \"smtp1\");user_pref(\"mail.smtpserver.smtp1.hostname\", \"smtp.mailhub.example\");\n\
         user_pref(\"mail.smtpserver.smtp1.port\", 25);user_pref(\"mail.smtpserver.smtp1.username\", \"ola\");\n",
    )
    .unwrap();
    (system, home)
}

fn put(file: &Path, text: &str) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

/// Port, and who refuses another one.
fn port_and_owner(account: &Account) -> (u16, Option<String>) {
    let owner = match THUNDERBIRD.changes(account, &to26(account)) {
        Err(PlanError::Overridden { by, .. }) => Some(by),
        _ => None,
    };
    (account.outgoing.port, owner)
}

/// The same with the separators of this test's own words.
fn on_any_system(account: &Account) -> (u16, Option<String>) {
    let (port, owner) = port_and_owner(account);
    (port, owner.map(|owner| owner.replace('\\', "/")))
}

/// With these registry exports.
fn windows(user: &str, machine: &str) -> (u16, Option<String>) {
    let (system, home) = home(Os::Windows, "AppData/Roaming/Thunderbird");
    let export = |name: &str, text: &str| {
        let file = system.path().join(name);
        put(&file, &format!("Windows Registry Editor Version 5.00\r\n\r\n{text}"));
        file
    };
    let user = RegFile::open(export("hkcu.reg", &format!("[HKEY_CURRENT_USER\\Software]\r\n{user}"))).unwrap();
    let machine = MachineRegFile::open(&export("hklm.reg", machine)).unwrap();
    let computer = Computer::folder(home, Os::Windows, Some(Arc::new(user)));
    let computer = computer.with_machine(machine.map(|machine| Arc::new(machine) as _));
    port_and_owner(&found(&THUNDERBIRD, &computer).accounts[0])
}

/// A `REG_MULTI_SZ` of these strings.
fn multi(strings: &[&str]) -> String {
    let units = strings.iter().flat_map(|text| text.encode_utf16().chain([0])).chain([0]);
    let bytes: Vec<String> = units.flat_map(u16::to_le_bytes).map(|byte| format!("{byte:02x}")).collect();
    format!("hex(7):{}", bytes.join(","))
}

fn sz(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

const USERS: &str = "[HKEY_CURRENT_USER\\Software\\Policies\\Mozilla\\Thunderbird]\r\n";
const MACHINES: &str = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Mozilla\\Thunderbird]\r\n";

fn locked(port: u16) -> String {
    format!("{{\"{PORT}\": {{\"Value\": {port}, \"Status\": \"locked\"}}}}")
}

#[test]
fn a_group_policy_of_the_machine_or_the_user_is_named() {
    let user = Some(r"the policy HKEY_CURRENT_USER\Software\Policies\Mozilla\Thunderbird".to_owned());
    let machine = Some(r"the policy HKEY_LOCAL_MACHINE\Software\Policies\Mozilla\Thunderbird".to_owned());
    let value = |raw: &str| format!("\"Preferences\"={raw}\r\n");
    for (what, users, machines, expected) in [
        ("none", String::new(), String::new(), (25, None)),
        ("machine", String::new(), format!("{MACHINES}{}", value(&sz(&locked(465)))), (465, machine.clone())),
        ("user", format!("{USERS}{}", value(&sz(&locked(587)))), String::new(), (587, user.clone())),
        (
            "the machine wins",
            format!("{USERS}{}", value(&sz(&locked(587)))),
            format!("{MACHINES}{}", value(&sz(&locked(465)))),
            (465, machine.clone()),
        ),
        (
            "several strings",
            format!(
                "{USERS}{}",
                value(&multi(&["{", &format!(" \"{PORT}\": {{\"Value\": 587,"), "  \"Status\": \"locked\"}", "}"]))
            ),
            String::new(),
            (587, user.clone()),
        ),
        ("several strings that are not JSON", format!("{USERS}{}", value(&multi(&["{"]))), String::new(), (25, None)),
        (
            "a bare value in the policy's own key",
            format!("{}\"{PORT}\"=dword:0000024b\r\n", USERS.replace("]", "\\Preferences]")),
            String::new(),
            (587, user.clone()),
        ),
        (
            "an object in the policy's own key",
            String::new(),
            format!(
                "{}\"Value\"=dword:000001d1\r\n\"Status\"=\"locked\"\r\n",
                MACHINES.replace("]", &format!("\\Preferences\\{PORT}]"))
            ),
            (465, machine),
        ),
        (
            "a default",
            format!("{USERS}{}", value(&sz(&locked(587).replace("locked", "default")))),
            String::new(),
            (25, None),
        ),
        (
            "set at each start",
            format!("{USERS}{}", value(&sz(&locked(587).replace("locked", "user")))),
            String::new(),
            (587, user),
        ),
        (
            "no status that there is",
            format!("{USERS}{}", value(&sz(&locked(587).replace("locked", "on")))),
            String::new(),
            (25, None),
        ),
        ("no JSON", format!("{USERS}{}", value(&sz("{"))), String::new(), (25, None)),
    ] {
        assert_eq!(windows(&users, &machines), expected, "{what}");
    }
}

#[test]
fn truth_values_are_told_from_numbers_by_what_is_there() {
    let text = format!(
        "{USERS}\"Preferences\"={}\r\n",
        sz("{\"mail.smtpserver.smtp1.authMethod\": {\"Value\": 1, \"Status\": \"locked\"}}")
    );
    // nothing is written for it, so it becomes `true`, which is not a method
    let (_, owner) = windows(&text, "");
    assert_eq!(owner, None);
}

#[test]
fn policies_json_of_the_system_comes_first_on_linux() {
    let (system, home) = home(Os::Linux, ".thunderbird");
    let computer = Computer::folder(home, Os::Linux, None);
    let beside = system.path().join("usr/lib/thunderbird/distribution/policies.json");
    put(&beside, &format!("{{\"policies\":{{\"Preferences\":{}}}}}", locked(465)));
    let told = |file: &Path| Some(file.display().to_string().replace('\\', "/"));
    assert_eq!(on_any_system(&found(&THUNDERBIRD, &computer).accounts[0]), (465, told(&beside)));
    let own = system.path().join("etc/thunderbird/policies/policies.json");
    put(&own, &format!("{{\"policies\":{{\"Preferences\":{{\"{PORT}\":587}}}}}}"));
    assert_eq!(on_any_system(&found(&THUNDERBIRD, &computer).accounts[0]), (587, told(&own)));
    put(&own, "{\"policies\":{\"DisableAppUpdate\":true}}");
    assert_eq!(on_any_system(&found(&THUNDERBIRD, &computer).accounts[0]), (25, None));
}

#[test]
fn managed_preferences_of_a_mac_count_where_they_are_switched_on() {
    let (system, home) = home(Os::Macos, "Library/Thunderbird");
    let computer = Computer::folder(home.clone(), Os::Macos, None);
    let plist = |on: bool, rest: &str| {
        let on = if on { "<key>EnterprisePoliciesEnabled</key><true/>" } else { "" };
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\"><dict>{on}{rest}</dict></plist>")
    };
    let flat = format!(
        "<key>Preferences__{PORT}__Value</key><integer>587</integer><key>Preferences__{PORT}__Status</key><string>locked</string>"
    );
    let deep = format!(
        "<key>Preferences</key><dict><key>{PORT}</key><dict><key>Value</key><integer>465</integer><key>Status</key><string>locked</string></dict></dict>"
    );
    let managed = system.path().join("Library/Managed Preferences/ola/org.mozilla.thunderbird.plist");
    put(&managed, &plist(false, &flat));
    assert_eq!(on_any_system(&found(&THUNDERBIRD, &computer).accounts[0]), (25, None));
    let told = Some(managed.display().to_string().replace('\\', "/"));
    put(&managed, &plist(true, &flat));
    assert_eq!(on_any_system(&found(&THUNDERBIRD, &computer).accounts[0]), (587, told.clone()));
    // what `defaults write` laid down is weaker
    put(&home.join("Library/Preferences/org.mozilla.thunderbird.plist"), &plist(true, &flat));
    put(&managed, &plist(true, &deep));
    assert_eq!(on_any_system(&found(&THUNDERBIRD, &computer).accounts[0]), (465, told));
}

#[test]
fn a_relative_does_not_read_thunderbirds_policies() {
    let (system, home) = home(Os::Linux, ".mozilla/seamonkey");
    let own = system.path().join("etc/thunderbird/policies/policies.json");
    put(&own, &format!("{{\"policies\":{{\"Preferences\":{}}}}}", locked(587)));
    let account = found(&SEAMONKEY, &Computer::folder(home, Os::Linux, None)).accounts.remove(0);
    assert_eq!(account.outgoing.port, 25);
}

/// As Thunderbird 153.7 does it: an old form of the wrong type ends the policy, a newer one only itself.
#[test]
fn an_entry_over_which_the_program_stumbles_ends_the_policy() {
    const HOST: &str = "mail.smtpserver.smtp1.hostname";
    const LIST: &str = "mail.smtpservers";
    let (system, home) = home(Os::Linux, ".thunderbird");
    let own = system.path().join("etc/thunderbird/policies/policies.json");
    let locked = format!("\"{PORT}\":{{\"Value\":465,\"Status\":\"locked\"}}");
    for (what, entries, port) in [
        ("a number for text, before", format!("\"{HOST}\":1,{locked}"), 25),
        ("a truth value for text, before", format!("\"{LIST}\":true,{locked}"), 25),
        ("no whole number, before", format!("\"{LIST}\":25.5,{locked}"), 25),
        ("behind", format!("{locked},\"{LIST}\":true"), 465),
        ("nothing, which is passed over", format!("\"{LIST}\":null,{locked}"), 465),
        (
            "the newer form is passed over",
            format!("\"{HOST}\":{{\"Value\":true,\"Status\":\"default\"}},{locked}"),
            465,
        ),
        ("a value that is none, to be cleared", format!("\"{PORT}\":{{\"Value\":null,\"Status\":\"clear\"}}"), 25),
        ("to be cleared", format!("\"{PORT}\":{{\"Status\":\"clear\"}}"), 587),
        ("whole", format!("\"{PORT}\":465.0"), 465),
    ] {
        put(&own, &format!("{{\"policies\":{{\"Preferences\":{{{entries}}}}}}}"));
        let accounts = found(&THUNDERBIRD, &Computer::folder(home.clone(), Os::Linux, None)).accounts;
        let seen = accounts.first().map(|account| account.outgoing.port);
        assert_eq!(seen, Some(port), "{what}");
    }
}

/// What TLS the program of the first account has.
fn tls(computer: &Computer) -> (TlsVersion, TlsVersion) {
    let account = found(&THUNDERBIRD, computer).accounts.remove(0);
    let tls = THUNDERBIRD.abilities(computer, &account).tls.is;
    (tls.oldest, tls.newest)
}

/// As Thunderbird 153 does it; what is no version of theirs is no such policy.
#[test]
fn policies_for_tls_are_read_in_each_place() {
    let (system, linux) = home(Os::Linux, ".thunderbird");
    let computer = Computer::folder(linux, Os::Linux, None);
    let own = system.path().join("etc/thunderbird/policies/policies.json");
    for (policies, range) in [
        (r#"{"SSLVersionMin":"tls1.3"}"#, (V1_3, V1_3)),
        (r#"{"SSLVersionMax":"tls1.2","SSLVersionMin":"tls1.2"}"#, (V1_2, V1_2)),
        (r#"{"SSLVersionMin":"1.3"}"#, (V1_2, V1_3)),
        (r#"{"SSLVersionMin":4}"#, (V1_2, V1_3)),
    ] {
        put(&own, &format!("{{\"policies\":{policies}}}"));
        assert_eq!(tls(&computer), range, "{policies}");
    }

    let (system, mac) = home(Os::Macos, "Library/Thunderbird");
    let managed = system.path().join("Library/Managed Preferences/ola/org.mozilla.thunderbird.plist");
    put(
        &managed,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\"><dict><key>EnterprisePoliciesEnabled</key><true/>\
         <key>SSLVersionMax</key><string>tls1.2</string></dict></plist>",
    );
    assert_eq!(tls(&Computer::folder(mac, Os::Macos, None)), (V1_2, V1_2));

    let (system, windows) = home(Os::Windows, "AppData/Roaming/Thunderbird");
    let export = |name: &str, hive: &str, value: &str| {
        let file = system.path().join(name);
        let key = format!("[{hive}\\Software\\Policies\\Mozilla\\Thunderbird]\r\n{value}\r\n");
        put(&file, &format!("Windows Registry Editor Version 5.00\r\n\r\n{key}"));
        file
    };
    let user = export("hkcu.reg", "HKEY_CURRENT_USER", "\"SSLVersionMin\"=\"tls1.3\"");
    let user = Computer::folder(windows, Os::Windows, Some(Arc::new(RegFile::open(user).unwrap())));
    assert_eq!(tls(&user), (V1_3, V1_3));
    let machine = export("hklm.reg", "HKEY_LOCAL_MACHINE", "\"SSLVersionMin\"=\"tls1.2\"");
    let machine = MachineRegFile::open(&machine).unwrap().map(|machine| Arc::new(machine) as _);
    assert_eq!(tls(&user.with_machine(machine)), (V1_2, V1_3), "the machine wins");
}
