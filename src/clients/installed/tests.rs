//! What each machine registers, as the programs' own set-up writes it (shortened), and what is told of it.

use std::sync::Arc;

use port26_platform::computer::Os;
use port26_platform::processes::{Holder, Processes};
use port26_platform::registry::memory::MemoryRegistry;
use port26_platform::registry::{MachineRegFile, Value};

use super::*;
use crate::account::ClientId;
use crate::clients::CLIENTS;
use crate::pipeline::discover;

const UNINSTALL: &str = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";
const UNINSTALL_32: &str = r"HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall";
const APP_PATHS: &str = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\App Paths";
const CLASSES: &str = r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes";
const CLASSES_32: &str = r"HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node\Classes";
const OUTLOOK_CLASS: &str = "{0006F03A-0000-0000-C000-000000000046}";

/// Key, then `name=text` or `name=#number`; an empty name is the default value.
type Keys<'a> = [(&'a str, &'a [&'a str])];

fn computer(keys: &Keys<'_>, user: MemoryRegistry) -> Computer {
    let escape = |text: &str| text.replace('\\', r"\\").replace('"', "\\\"");
    let mut text = "Windows Registry Editor Version 5.00\r\n\r\n[HKLM\\SOFTWARE\\WOW6432Node]\r\n".to_owned();
    for (key, values) in keys {
        text += &format!("[{key}]\r\n");
        for value in *values {
            let (name, data) = value.split_once('=').unwrap();
            let name = if name.is_empty() { "@".to_owned() } else { format!("\"{name}\"") };
            text += &match data.strip_prefix('#') {
                Some(number) => format!("{name}=dword:{number}\r\n"),
                None => format!("{name}=\"{}\"\r\n", escape(data)),
            };
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("machine.reg");
    std::fs::write(&path, text).unwrap();
    let machine = MachineRegFile::open(&path).unwrap().unwrap();
    Computer::folder("/nowhere", Os::Windows, Some(Arc::new(user))).with_machine(Some(Arc::new(machine)))
}

fn one(keys: &Keys<'_>, client: ClientId) -> Program {
    let mut all = programs(&computer(keys, MemoryRegistry::new()));
    let mut list = all.remove(&client).unwrap_or_default();
    assert_eq!((list.len(), all.len()), (1, 0), "{list:?} {all:?}");
    list.remove(0)
}

fn join(front: &str, rest: &str) -> String {
    format!(r"{front}\{rest}")
}

#[test]
fn office_of_click_to_run_tells_version_edition_and_kind() {
    let exe = r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE";
    let (app_path, configuration) =
        (join(APP_PATHS, "OUTLOOK.EXE"), r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Office\ClickToRun\Configuration");
    let current = join(CLASSES, r"Outlook.Application\CurVer");
    let path = format!("={exe}");
    let told: &[&str] = &[
        "ProductReleaseIds=O365ProPlusRetail,VisioPro2021Volume",
        "O365ProPlusRetail.ExcludedApps=groove,lync",
        "VersionToReport=16.0.17328.20162",
        "Platform=x64",
        r"InstallationPath=C:\Program Files\Microsoft Office",
    ];
    let keys: &Keys<'_> = &[(&app_path, &[&path]), (&current, &["=Outlook.Application.16"]), (configuration, told)];
    let outlook = one(keys, ClientId::Outlook);
    assert_eq!(
        outlook,
        Program {
            name: "Microsoft Outlook".into(),
            version: Some("16.0.17328.20162".into()),
            bits: Some(64),
            edition: Some("O365ProPlusRetail,VisioPro2021Volume".into()),
            installed_by: InstalledBy::ClickToRun,
            installed_for: Scope::Machine,
            path: Some(exe.into()),
            running: false,
        }
    );
    // Without App Paths it is below Click-to-Run's folder; with its class alone Outlook is still there.
    let keys: &Keys<'_> = &[(&current, &["=Outlook.Application.16"]), (configuration, told)];
    assert_eq!(one(keys, ClientId::Outlook).path, outlook.path);
    // Office without any Outlook.
    assert_eq!(programs(&computer(&[(configuration, told)], MemoryRegistry::new())), BTreeMap::new());
}

#[test]
fn an_older_outlook_beside_a_click_to_run_without_outlook() {
    let part = join(UNINSTALL_32, "{90140000-001A-0407-0000-0000000FF1CE}");
    let suite = join(UNINSTALL_32, "Office14.STANDARD");
    let current = join(CLASSES, r"Outlook.Application\CurVer");
    let class = join(CLASSES, r"Outlook.Application\CLSID");
    let server = join(CLASSES_32, &format!(r"CLSID\{OUTLOOK_CLASS}\LocalServer32"));
    let class_text = format!("={OUTLOOK_CLASS}");
    let click_to_run = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Office\ClickToRun\Configuration";
    let command = r#"="C:\Program Files (x86)\Microsoft Office\Office14\OUTLOOK.EXE" /a"#;
    let office: &Keys<'_> = &[
        (
            &part,
            &[
                "DisplayName=Microsoft Outlook MUI (German) 2010",
                "DisplayVersion=14.0.7015.1000",
                "WindowsInstaller=#1",
            ],
        ),
        (&suite, &["DisplayName=Microsoft Office Standard 2010", "DisplayVersion=14.0.7015.1000"]),
        (&current, &["=Outlook.Application.14"]),
        (&class, &[&class_text]),
        (&server, &[command]),
    ];
    let excluding: &[&str] =
        &["ProductReleaseIds=O365BusinessRetail", "O365BusinessRetail.ExcludedApps=access,Outlook", "Platform=x64"];
    let newer: &[&str] = &["ProductReleaseIds=VisioPro2021Volume", "VersionToReport=16.0.1.2", "Platform=x64"];
    for beside in [None, Some(excluding), Some(newer)] {
        let mut keys = office.to_vec();
        keys.extend(beside.map(|values| (click_to_run, values)));
        let outlook = one(&keys, ClientId::Outlook);
        assert_eq!(outlook.name, "Microsoft Outlook MUI (German) 2010");
        assert_eq!((outlook.version.as_deref(), outlook.bits), (Some("14.0.7015.1000"), Some(32)));
        assert_eq!(outlook.edition.as_deref(), Some("Microsoft Office Standard 2010"));
        assert_eq!(outlook.installed_by, InstalledBy::WindowsInstaller);
        assert!(outlook.path.unwrap().ends_with(r"Office14\OUTLOOK.EXE"));
    }
}

#[test]
fn outlook_by_its_class_alone_has_the_kind_of_its_server() {
    let class_text = format!("={OUTLOOK_CLASS}");
    let class = join(CLASSES, r"Outlook.Application\CLSID");
    let current = join(CLASSES, r"Outlook.Application\CurVer");
    for (classes, bits) in [(CLASSES, 64), (CLASSES_32, 32)] {
        let server = join(classes, &format!(r"CLSID\{OUTLOOK_CLASS}\LocalServer32"));
        let keys: &Keys<'_> = &[
            (&current, &["=Outlook.Application.15"]),
            (&class, &[&class_text]),
            (&server, &[r"=C:\Office\OUTLOOK.EXE"]),
        ];
        let outlook = one(keys, ClientId::Outlook);
        assert_eq!((outlook.version.as_deref(), outlook.bits), (Some("15.0"), Some(bits)));
        assert_eq!(
            (outlook.installed_by, outlook.path.as_deref()),
            (InstalledBy::NotTold, Some(r"C:\Office\OUTLOOK.EXE"))
        );
    }
    let bitness = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Office\15.0\Outlook";
    let keys: &Keys<'_> = &[(&current, &["=Outlook.Application.15"]), (bitness, &["Bitness=x86"])];
    assert_eq!(one(keys, ClientId::Outlook).bits, Some(32));
}

#[test]
fn thunderbird_of_both_kinds_each_once() {
    let entry = |root: &str, name: &str| join(root, name);
    let (new, old) = (
        entry(UNINSTALL, "Mozilla Thunderbird 128.5.0 ESR (x64 de)"),
        entry(UNINSTALL_32, "Mozilla Thunderbird 60.9.1 (x86 de)"),
    );
    let mail = r"HKEY_LOCAL_MACHINE\SOFTWARE\Clients\Mail\Mozilla Thunderbird\shell\open\command";
    let mail_32 = r"HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node\Clients\Mail\Mozilla Thunderbird\shell\open\command";
    let app_path = join(APP_PATHS, "thunderbird.exe");
    let command = r#"="C:\Program Files\Mozilla Thunderbird\thunderbird.exe" -mail"#;
    let keys: &Keys<'_> = &[
        (
            &new,
            &[
                "DisplayName=Mozilla Thunderbird (x64 de)",
                "DisplayVersion=128.5.0",
                r"InstallLocation=C:\Program Files\Mozilla Thunderbird",
                r"DisplayIcon=C:\Program Files\Mozilla Thunderbird\thunderbird.exe,0",
            ],
        ),
        (
            &old,
            &[
                "DisplayName=Mozilla Thunderbird 60.9.1 (x86 de)",
                "DisplayVersion=60.9.1",
                r"InstallLocation=C:\Program Files (x86)\Mozilla Thunderbird",
            ],
        ),
        (&app_path, &[r"=C:\Program Files\Mozilla Thunderbird\thunderbird.exe"]),
        (mail, &[command]),
        (mail_32, &[command]),
    ];
    let found = programs(&computer(keys, MemoryRegistry::new()));
    let told: Vec<_> = found[&ClientId::Thunderbird]
        .iter()
        .map(|one| (one.version.as_deref().unwrap(), one.bits.unwrap(), one.path.as_deref().unwrap(), one.installed_by))
        .collect();
    assert_eq!(
        told,
        [
            ("128.5.0", 64, r"C:\Program Files\Mozilla Thunderbird\thunderbird.exe", InstalledBy::Setup),
            ("60.9.1", 32, r"C:\Program Files (x86)\Mozilla Thunderbird\thunderbird.exe", InstalledBy::Setup),
        ]
    );
}

#[test]
fn packaged_apps_are_told_with_their_version() {
    const PACKAGES: &str =
        r"Software\Classes\Local Settings\Software\Microsoft\Windows\CurrentVersion\AppModel\Repository\Packages";
    let package = |name: &str| join(PACKAGES, name);
    let user = MemoryRegistry::new()
        .with_key(&package("Microsoft.OutlookForWindows_1.2024.1009.100_x64__8wekyb3d8bbwe"))
        .with_key(&package("Microsoft.OutlookForWindows_1.2024.1009.100_neutral_split.scale-100_8wekyb3d8bbwe"))
        .with_key(&package("microsoft.windowscommunicationsapps_16005.14326.20970.0_x64__8wekyb3d8bbwe"))
        .with_key(&package("Microsoft.Windows.Photos_2024.1.0.0_x64__8wekyb3d8bbwe"));
    let found = programs(&computer(&[], user));
    assert_eq!(found.keys().collect::<Vec<_>>(), [&ClientId::NewOutlook, &ClientId::WindowsMailApp]);
    let outlook = &found[&ClientId::NewOutlook];
    assert_eq!(outlook.len(), 1);
    assert_eq!(outlook[0].name, "Microsoft.OutlookForWindows");
    assert_eq!((outlook[0].version.as_deref(), outlook[0].bits), (Some("1.2024.1009.100"), Some(64)));
    assert_eq!((outlook[0].installed_by, outlook[0].installed_for), (InstalledBy::Package, Scope::User));
}

#[test]
fn other_programs_with_a_name_alike_are_not_taken_for_it() {
    for name in ["Postbox Express", "Mailbirds", "Thunderbird", "Eudora Rescue Kit", "SeaMonkeys", "eM Clientele"] {
        let key = join(UNINSTALL, "x");
        let display = format!("DisplayName={name}");
        let found = programs(&computer(&[(&key, &[&display])], MemoryRegistry::new()));
        assert_eq!(found, BTreeMap::new(), "{name}");
    }
    for (name, client) in [
        ("Postbox (x86 en-US)", ClientId::Postbox),
        ("Mailbird", ClientId::Mailbird),
        ("The Bat! v11.1 (64-bit)", ClientId::TheBat),
        ("Windows Live Mail", ClientId::WindowsLiveMail),
        ("SEAMONKEY 2.53.18 (x64 en-US)", ClientId::Seamonkey),
    ] {
        let key = join(UNINSTALL, "x");
        let display = format!("DisplayName={name}");
        assert_eq!(one(&[(&key, &[&display])], client).name, name);
    }
}

#[test]
fn a_program_for_this_user_alone_and_one_without_an_entry() {
    let key = r"Software\Microsoft\Windows\CurrentVersion\Uninstall\eM Client";
    let user = MemoryRegistry::new().with(key, "DisplayName", Value::sz("eM Client")).with(
        key,
        "DisplayVersion",
        Value::sz("9.2"),
    );
    let express = join(APP_PATHS, "MSIMN.EXE");
    let found = programs(&computer(&[(&express, &[r"=%ProgramFiles%\Outlook Express\msimn.exe"])], user));
    let em_client = &found[&ClientId::EmClient][0];
    assert_eq!(
        (em_client.installed_for, em_client.version.as_deref(), em_client.bits),
        (Scope::User, Some("9.2"), None)
    );
    let express = &found[&ClientId::OutlookExpress][0];
    assert_eq!((express.name.as_str(), express.installed_by), ("Outlook Express", InstalledBy::NotTold));
}

#[test]
fn what_is_left_of_a_removed_program_is_not_installed_on_this_machine() {
    let app_path = join(APP_PATHS, "thunderbird.exe");
    let outlook = join(APP_PATHS, "OUTLOOK.EXE");
    let current = join(CLASSES, r"Outlook.Application\CurVer");
    let keys: &Keys<'_> = &[
        (&app_path, &[r"=C:\gone\thunderbird.exe"]),
        (&outlook, &[r"=C:\gone\OUTLOOK.EXE"]),
        (&current, &["=Outlook.Application.16"]),
    ];
    let other = computer(keys, MemoryRegistry::new());
    assert_eq!(programs(&other).len(), 2);
    let own = Computer { own_session: true, ..other };
    assert_eq!(programs(&own), BTreeMap::new());
}

struct Open;

impl Processes for Open {
    fn running(&self, names: &[&str]) -> Vec<u32> {
        if names.contains(&"thunderbird.exe") { vec![7] } else { Vec::new() }
    }
    fn lock_holder(&self, _file: &std::path::Path) -> Option<Holder> {
        None
    }
    fn socket_answers(&self, _socket: &std::path::Path) -> bool {
        false
    }
}

#[test]
fn discovery_lists_programs_without_accounts_and_those_that_run() {
    let (bird, mailbird) = (join(UNINSTALL, "bird"), join(UNINSTALL_32, "mailbird"));
    let keys: &Keys<'_> = &[
        (&bird, &["DisplayName=Mozilla Thunderbird (x64 de)", "DisplayVersion=128.5.0"]),
        (&mailbird, &["DisplayName=Mailbird", "DisplayVersion=3.0.1"]),
    ];
    let computer = Computer { processes: Arc::new(Open), ..computer(keys, MemoryRegistry::new()) };
    let found = discover(&computer, CLIENTS);
    assert!(found.accounts.is_empty() && found.problems.is_empty());
    let told: Vec<_> = found
        .clients
        .iter()
        .map(|client| (client.client, client.version.as_deref(), client.programs[0].running, client.by_hand.is_empty()))
        .collect();
    assert_eq!(
        told,
        [(ClientId::Thunderbird, Some("128.5.0"), true, true), (ClientId::Mailbird, Some("3.0.1"), false, false),]
    );
    assert!(found.clients.iter().all(|client| client.profiles.is_empty()));
}

#[test]
fn a_machine_whose_registries_are_not_at_hand_has_none() {
    assert_eq!(programs(&Computer::folder("/nowhere", Os::Windows, None)), BTreeMap::new());
    assert_eq!(programs(&Computer::folder("/nowhere", Os::Linux, None)), BTreeMap::new());
}
