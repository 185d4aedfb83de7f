//! Somebody else's disk on a bench: a user's hive, exports by the tools that technicians use, folders that are no home.
//! What cannot be read is told beside what can, and nothing that belongs to the disk is written but what was named.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use port26::account::ClientId;
use port26::apply::{Machine, MachineStore, RunId, Selector, Writer};
use port26::clients::InUse;
use port26::formats::open::AllEditors;
use port26_platform::computer::{Computer, Os};
use port26_platform::registry::hive::build::{HiveBuilder, log, unfinished};
use port26_platform::registry::reg_text::RegText;
use port26_platform::registry::{HiveFile, RegFile, Registry, Value};

use crate::support::case;
use crate::support::program::{self, PASSWORD, Run, USER, World};

const PROFILE: &str = r"Software\Microsoft\Office\16.0\Outlook\Profiles\Outlook\9375CFF0413111d3B88A00104B2A6676";

fn export(name: &str) -> PathBuf {
    case::fixtures().join("registry").join(name)
}

/// `scan --json` on a home with this registry.
async fn scan(home: &Path, registry: Option<&Path>) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
    command.args(["scan", "--json", "--home"]).arg(home);
    if let Some(registry) = registry {
        command.arg("--registry").arg(registry);
    }
    program::run(command, "").await
}

fn texts(run: &Run, list: &str, field: &str) -> Vec<String> {
    let json = run.json();
    let entries = json[list].as_array().unwrap().iter();
    entries.map(|entry| entry[field].as_str().unwrap_or_default().to_owned()).collect()
}

const COMPANY: &[&str] = &["cleo@hosting.test", "sales@hosting.test", "cleo@corp.test"];

#[tokio::test]
async fn every_tools_export_is_read() {
    let exports: [(&str, &[&str]); 8] = [
        ("NTUSER.DAT", COMPANY),
        ("hivexregedit-no-prefix.reg", COMPANY),
        ("wine-doubled-backslash.reg", COMPANY),
        ("hivexregedit-two-encodings.reg", &["eva@mailhub.test", "ola@mailhub.test", "ken@mailhub.test"]),
        // reged leaves out names beyond Latin-1.
        ("reged-empty-values.reg", &["eva@mailhub.test", "ola@mailhub.test"]),
        ("loaded-below-hklm.reg", &["a@o.test"]),
        ("entra-user.reg", &["a@o.test"]),
        ("../outlook/2016/user.reg", COMPANY),
    ];
    let home = case::folder();
    for (name, expected) in exports {
        let run = scan(home.path(), Some(&export(name))).await;
        assert_eq!(
            (run.code, texts(&run, "accounts", "email").as_slice()),
            (0, &*to_owned(expected)),
            "{name}: {}",
            run.out
        );
        assert!(texts(&run, "problems", "code").is_empty(), "{name}: {}", run.out);
    }
}

fn to_owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[tokio::test]
async fn an_export_of_nobody_says_whose_keys_it_has() {
    let home = case::folder();
    for (name, words) in [("nobodys.reg", r"HKEY_LOCAL_MACHINE\SYSTEM"), ("nothing-in-it.reg", "there is no key in it")]
    {
        let run = scan(home.path(), Some(&export(name))).await;
        assert_eq!((run.code, texts(&run, "problems", "code")), (1, vec!["registry_no_user".to_owned()]), "{name}");
        assert!(texts(&run, "problems", "message")[0].contains(words), "{name}: {}", run.out);
        assert!(run.json()["problems"][0].get("client").is_none(), "{name}: {}", run.out);
    }
}

/// A hive of nobody's: the machine's own.
#[tokio::test]
async fn a_machines_hive_is_no_users() {
    let home = case::folder();
    let file = home.path().join("SOFTWARE");
    std::fs::write(&file, HiveBuilder::new().key("Classes").key(r"Microsoft\Windows").bytes(1)).unwrap();
    let run = scan(home.path(), Some(&file)).await;
    assert_eq!((run.code, texts(&run, "problems", "code")), (1, vec!["registry_no_user".to_owned()]), "{}", run.out);
    assert!(texts(&run, "problems", "message")[0].contains("Classes, Microsoft"), "{}", run.out);
}

fn thunderbird() -> tempfile::TempDir {
    let home = case::folder();
    case::copy_tree(&case::fixtures().join("thunderbird/windows-two-profiles"), home.path());
    home
}

#[tokio::test]
async fn a_broken_registry_hides_no_other_program() {
    let home = thunderbird();
    let _ = std::fs::remove_file(home.path().join("user.reg"));
    let whole = scan(home.path(), None).await;
    let expected = texts(&whole, "accounts", "id");
    assert!(!expected.is_empty() && whole.code == 0, "{}", whole.out);
    let bytes = std::fs::read(case::fixtures().join("outlook/2016/user.reg")).unwrap();
    let file = home.path().join("cut.reg");
    // In the middle of a value, behind its equals sign.
    let cut = bytes.windows(2).rposition(|unit| unit == b"=\0").unwrap() + 2;
    std::fs::write(&file, &bytes[..cut]).unwrap();
    let run = scan(home.path(), Some(&file)).await;
    assert_eq!((run.code, texts(&run, "accounts", "id")), (1, expected.clone()), "{}{}", run.out, run.err);
    // Once, not for every program; this home has a profile on a drive that is gone, too.
    let about = texts(&run, "problems", "code").into_iter().filter(|code| code.starts_with("registry_"));
    assert_eq!(about.collect::<Vec<_>>(), ["registry_unreadable"], "{}", run.out);
    // A hive in the home that is torn: the line that reads it is printed.
    std::fs::write(home.path().join("NTUSER.DAT"), b"regf, and then nothing").unwrap();
    let run = scan(home.path(), None).await;
    assert_eq!((run.code, texts(&run, "accounts", "id")), (1, expected), "{}{}", run.out, run.err);
    assert!(texts(&run, "problems", "hint")[0].contains("hivexregedit --export"), "{}", run.out);
    assert!(texts(&run, "problems", "message")[0].contains("Outlook"), "{}", run.out);
}

#[tokio::test]
async fn what_is_no_home_is_a_wrong_command_line() {
    let disk = case::folder();
    let inside = |path: &str| disk.path().join(path);
    std::fs::create_dir_all(inside("Windows/System32")).unwrap();
    std::fs::create_dir_all(inside("Users/jan/AppData/Roaming")).unwrap();
    std::fs::create_dir_all(inside("empty")).unwrap();
    let run = scan(disk.path(), None).await;
    assert_eq!(run.code, 2, "{}", run.out);
    let jan = inside("Users").join("jan").display().to_string();
    assert!(run.err.contains("root of a disk") && run.err.contains(&jan), "{}", run.err);
    assert!(scan(&inside("Users"), None).await.err.contains(&jan));
    let run = scan(&inside("empty"), None).await;
    assert!(run.code == 2 && run.err.contains("It is empty."), "{}", run.err);
    assert_eq!(scan(&inside("Users/jan"), None).await.code, 0);
}

/// The hive of somebody with the account of [`World`], POP3 as Outlook 2016 keeps it.
fn hive(port: u32) -> HiveBuilder {
    let key = format!(r"{PROFILE}\00000002");
    HiveBuilder::new()
        .key("Environment")
        .value(&key, "clsid", Value::sz("{ED475411-B0D6-11D2-8C3B-00104B2A6676}"))
        .value(&key, "Email", Value::sz(USER))
        .value(&key, "POP3 Server", Value::sz("mail.hosting.test"))
        .value(&key, "POP3 User", Value::sz(USER))
        .value(&key, "SMTP Server", Value::sz("mail.hosting.test"))
        .value(&key, "SMTP Port", Value::dword(port))
}

fn home_with(hive: &[u8]) -> tempfile::TempDir {
    let home = case::folder();
    std::fs::create_dir_all(home.path().join("AppData/Roaming")).unwrap();
    std::fs::write(home.path().join("NTUSER.DAT"), hive).unwrap();
    home
}

#[tokio::test]
async fn a_hive_is_read_tested_and_never_written() {
    let world = World::new().await;
    let home = home_with(&hive(25).bytes(5));
    let before = case::read_tree(home.path());
    let password = format!("{USER}:{PASSWORD}\n");
    let run = world.on_home(home.path(), &["test", "--json", "--credential-stdin"], &password).await;
    assert_eq!(run.code, 3, "{}{}", run.out, run.err);
    assert!(!world.state().join("import").exists(), "test hands nothing out");
    let run = world.on_home(home.path(), &["fix", "--dry-run", "--json", "--credential-stdin"], &password).await;
    assert_eq!((run.code, run.result().0.as_str()), (3, "would_fix"), "{}{}", run.out, run.err);
    assert!(run.out.contains("registry_only_read") && !world.state().join("import").exists(), "{}", run.out);
    let run = world.on_home(home.path(), &["fix", "--yes", "--json", "--credential-stdin"], &password).await;
    assert_eq!((run.code, run.result()), (6, ("needs_user".into(), "import_reg".into())), "{}{}", run.out, run.err);
    assert_eq!(case::read_tree(home.path()), before, "not a byte of the disk");
    let file = |which: &str| PathBuf::from(run.json()["accounts"][0]["import"][which].as_str().unwrap());
    let read = |which: &str| std::fs::read(file(which)).unwrap();
    assert!(file("change").starts_with(world.state()), "{}", run.out);
    // What is imported makes the account what was meant, and the way back makes it what it was.
    let key = format!(r"{PROFILE}\00000002");
    let change = RegText::parse(&read("change")).unwrap();
    assert_eq!(change.value(&key, "SMTP Port"), Some(Value::dword(26)));
    assert_eq!(change.value(&key, "SMTP Use Auth"), Some(Value::dword(1)));
    let back = String::from_utf8(read("back")).unwrap();
    assert!(back.contains("\"SMTP Use Auth\"=-") && back.contains("\"SMTP Port\"=dword:00000019"), "{back}");
    let moved = change.values(&key).into_iter().fold(hive(25), |hive, (name, value)| match name.as_str() {
        "SMTP Port" => hive,
        _ => hive.value(&key, &name, value),
    });
    let run = world.port26(&["status", "--json"]).await;
    assert_eq!(run.json()["receipts"].as_array().map(Vec::len), Some(0), "there is nothing to undo: {}", run.out);
    let home = home_with(&moved.bytes(6));
    let run = world.on_home(home.path(), &["scan", "--json"], "").await;
    assert_eq!(run.json()["accounts"][0]["outgoing"]["auth"], "password", "{}", run.out);
}

#[tokio::test]
async fn a_hive_that_was_not_closed_is_read_with_its_logs_or_told() {
    let (old, new) = (hive(25).bytes(5), hive(587).bytes(6));
    let home = home_with(&unfinished(&old));
    let port = |run: &Run| run.json()["accounts"][0]["outgoing"]["port"].clone();
    let run = scan(home.path(), None).await;
    assert_eq!((run.code, texts(&run, "problems", "code")), (1, vec!["registry_stale".to_owned()]), "{}", run.out);
    assert_eq!(port(&run), 25);
    std::fs::write(home.path().join("ntuser.dat.LOG1"), log(&old, &new, 5)).unwrap();
    let run = scan(home.path(), None).await;
    assert_eq!((run.code, port(&run)), (0, 587.into()), "{}", run.out);
    assert!(texts(&run, "problems", "code").is_empty(), "{}", run.out);
}

#[tokio::test]
async fn who_imports_an_edited_export_gets_a_way_back() {
    let world = World::new().await;
    let home = case::folder();
    let file = home.path().join("jan.reg");
    let key = format!(r"HKEY_LOCAL_MACHINE\Offline\{PROFILE}\00000002");
    let text = format!(
        "Windows Registry Editor Version 5.00\r\n\r\n[{key}]\r\n\"clsid\"=\"{{ED475411-B0D6-11D2-8C3B-00104B2A6676}}\"\r\n\
         \"Email\"=\"{USER}\"\r\n\"POP3 Server\"=\"mail.hosting.test\"\r\n\"POP3 User\"=\"{USER}\"\r\n\
         \"none\"=hex(0):\"SMTP Server\"=\"mail.hosting.test\"\r\n\"SMTP Port\"=dword:00000019\r\n\r\n"
    );
    std::fs::write(&file, &text).unwrap();
    let arguments = ["fix", "--yes", "--json", "--credential-stdin", "--registry", file.to_str().unwrap()];
    let run = world.on_home(home.path(), &arguments, &format!("{USER}:{PASSWORD}\n")).await;
    assert_eq!((run.code, run.result().0.as_str()), (0, "fixed"), "{}{}", run.out, run.err);
    assert!(std::fs::read_to_string(&file).unwrap().contains("dword:0000001a"));
    let back = run.json()["accounts"][0]["import"]["back"].as_str().unwrap().to_owned();
    assert!(std::fs::read_to_string(back).unwrap().contains("\"SMTP Use Auth\"=-"));
    let run = world.on_home(home.path(), &["undo", "--json", "--registry", file.to_str().unwrap()], "").await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

/// An export by each tool is moved and put back to the byte.
#[test]
fn exports_of_every_tool_are_put_back_to_the_byte() {
    let mut moved = 0;
    for entry in std::fs::read_dir(case::fixtures().join("registry")).unwrap() {
        let fixture = entry.unwrap().path();
        if fixture.extension().is_none_or(|extension| extension != "reg") {
            continue;
        }
        let home = case::folder();
        let file = home.path().join("export.reg");
        std::fs::copy(&fixture, &file).unwrap();
        let before = std::fs::read(&file).unwrap();
        let Ok(registry) = RegFile::open(&file) else { continue };
        let computer = Computer::folder(home.path(), Os::Windows, Some(Arc::new(registry)));
        let state = case::folder();
        let store = MachineStore::of(&computer);
        let nobody = |_: ClientId, _: &str| InUse::No;
        let writer = Writer::new(state.path(), Machine::of(&computer), &store, &AllEditors, &nobody);
        for (_, transaction) in case::transactions(&computer) {
            writer.apply(&transaction).unwrap_or_else(|error| panic!("{}: {error}", fixture.display()));
            moved += transaction.accounts.len();
        }
        assert_ne!(std::fs::read(&file).unwrap(), before, "{}", fixture.display());
        writer.undo(&Selector::All, &RunId::start()).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), before, "{}", fixture.display());
    }
    assert!(moved >= 8, "{moved}");
}

/// What hivex wrote is what was given to it.
#[test]
fn a_hive_of_hivex_says_the_same_as_the_export_it_was_made_from() {
    fn same(hive: &dyn Registry, text: &dyn Registry, key: &str) -> usize {
        let sorted = |registry: &dyn Registry| {
            let mut values = registry.values(key).unwrap();
            values.sort_by_key(|(name, _)| name.to_uppercase());
            values
        };
        assert_eq!(sorted(hive), sorted(text), "{key}");
        let mut names = text.subkeys(key).unwrap();
        let mut there = hive.subkeys(key).unwrap();
        names.sort_by_key(|name| name.to_uppercase());
        there.sort_by_key(|name| name.to_uppercase());
        assert_eq!(there, names, "{key}");
        let below = |name: &String| if key.is_empty() { name.clone() } else { format!(r"{key}\{name}") };
        1 + names.iter().map(|name| same(hive, text, &below(name))).sum::<usize>()
    }
    let hive = HiveFile::open(export("NTUSER.DAT")).unwrap();
    let text = RegFile::open(case::fixtures().join("outlook/2016/user.reg")).unwrap();
    assert!(same(&hive, &text, "") > 10);
}

/// A pipe would keep whoever reads it waiting for ever; a folder or a link to nothing tells no accounts either.
#[tokio::test]
async fn what_is_no_file_in_the_place_of_a_hive_is_told_and_never_waited_for() {
    let pipe = |at: &Path| Command::new("mkfifo").arg(at).status().is_ok_and(|status| status.success());
    let link =
        |at: &Path| Command::new("ln").args(["-s", "gone"]).arg(at).status().is_ok_and(|status| status.success());
    let folder = |at: &Path| std::fs::create_dir(at).is_ok();
    for what in ["pipe", "link", "folder"] {
        let home = case::folder();
        std::fs::create_dir_all(home.path().join("AppData/Roaming")).unwrap();
        let hive = home.path().join("NTUSER.DAT");
        let made = match what {
            "pipe" => pipe(&hive),
            "link" => link(&hive),
            _ => folder(&hive),
        };
        if !made {
            eprintln!("*** NOT TESTED: a {what} in the place of a hive. This system has no tool to make one.");
            continue;
        }
        let run = scan(home.path(), None).await;
        assert_eq!(
            (run.code, texts(&run, "problems", "code")),
            (1, vec!["registry_unreadable".to_owned()]),
            "{}",
            run.out
        );
        // One path in two spellings on Windows.
        let at: Vec<PathBuf> = texts(&run, "problems", "at").into_iter().map(PathBuf::from).collect();
        assert_eq!(at, [hive]);
        let said = texts(&run, "problems", "message").remove(0);
        assert!(said.contains(what), "{said}");
    }
}
