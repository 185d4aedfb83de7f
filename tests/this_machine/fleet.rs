//! What administrators of many computers are given: the templates of Group Policy say exactly what `src/policy.rs` reads, and
//! what they write into the registry is what `port26 policy show` tells.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use clap::Parser;
use port26::policy::{Policy, PolicyError, PolicyValue, REGISTRY_NAME};
use port26_platform::computer::Os;
use serde_json::{Value, json};

use crate::ONE_AT_A_TIME;
use crate::support::admx::{Element, Kind, Template, Words};

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("installer/windows/policy").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn template() -> Template {
    Template::parse(&file("port26.admx"))
}

fn words() -> Words {
    Words::parse(&file("en-US/port26.adml"))
}

/// The policy after device management wrote this one value.
fn managed(name: &str, value: PolicyValue) -> Result<Policy, PolicyError> {
    let mut policy = Policy::default();
    policy.merge_managed("HKLM", [(name, value)])?;
    Ok(policy)
}

/// The value in effect of this setting.
fn in_effect(policy: &Policy, name: &str) -> Value {
    policy.rows().into_iter().find(|row| row.name == name).unwrap().value
}

/// The words that a setting takes, as its complaint about another one lists them; none if any text may be given.
fn accepted_words(name: &str) -> BTreeSet<String> {
    let Err(complaint) = managed(name, "no such word".into()) else { return BTreeSet::new() };
    let complaint = complaint.to_string();
    let Some((_, list)) = complaint.split_once("must be \"") else { return BTreeSet::new() };
    list.split("\", not").next().unwrap().split("\" or \"").map(str::to_owned).collect()
}

/// What an administrator might type into a list or a text, and what is in effect then.
fn typed(name: &str) -> (&'static [&'static str], Value) {
    match name {
        "target_ports" => (&["587", "26"], json!([587, 26])),
        "host_allow_list" => (&["mail.hosting.test", "*.Hosting.test"], json!(["mail.hosting.test", "*.hosting.test"])),
        "control_hosts" => (&["mx.other.test:25", "[2001:db8::1]:25"], json!(["mx.other.test:25", "[2001:db8::1]:25"])),
        "probe_recipient" => (&["postmaster@other.test"], json!("postmaster@other.test")),
        "captive_check_url" => (&["http://captive.hosting.test/204"], json!("http://captive.hosting.test/204")),
        other => panic!("say here what might be typed for {other}"),
    }
}

/// Each state that an administrator can give a policy: what the template then writes, and what must be in effect.
fn states(kind: &Kind, name: &str) -> Vec<(PolicyValue, Value)> {
    let texts = |lines: &[&str]| PolicyValue::List(lines.iter().map(|&line| line.into()).collect());
    match kind {
        Kind::Switch { enabled, disabled } => {
            vec![(PolicyValue::Integer(*enabled), json!(true)), (PolicyValue::Integer(*disabled), json!(false))]
        }
        Kind::Element(Element::Enum { items }) => {
            items.iter().map(|(_, word)| (word.as_str().into(), json!(word))).collect()
        }
        Kind::Element(Element::Decimal { min, max }) => {
            [*min, *max].into_iter().map(|number| (PolicyValue::Integer(number), json!(number))).collect()
        }
        Kind::Element(Element::MultiText) => vec![(texts(typed(name).0), typed(name).1)],
        Kind::Element(Element::Text) => vec![(typed(name).0[0].into(), typed(name).1)],
    }
}

#[test]
fn the_template_has_every_setting_and_no_other() {
    let names: Vec<String> = template().policies.iter().map(|policy| policy.name.clone()).collect();
    assert_eq!(names, Policy::NAMES);
    for policy in template().policies {
        assert_eq!(policy.class, "Both", "{}: for computers and for users", policy.name);
        assert_eq!(policy.key, format!("Software\\Policies\\{REGISTRY_NAME}"), "{}", policy.name);
        assert_eq!(policy.value_name, policy.name, "the registry value is named like the setting");
    }
}

#[test]
fn each_kind_fits_the_setting() {
    let defaults = Policy::default();
    for policy in template().policies {
        let words = accepted_words(&policy.name);
        let fits = match (&policy.kind, in_effect(&defaults, &policy.name)) {
            (Kind::Switch { .. }, Value::Bool(_)) => true,
            (Kind::Element(Element::Decimal { .. }), Value::Number(_)) => true,
            (Kind::Element(Element::MultiText), Value::Array(_)) => true,
            (Kind::Element(Element::Text), Value::Null | Value::String(_)) => words.is_empty(),
            (Kind::Element(Element::Enum { items }), Value::String(_)) => {
                let offered: BTreeSet<String> = items.iter().map(|(_, word)| word.clone()).collect();
                assert_eq!(offered, words, "{}: the words that are offered, and those that are read", policy.name);
                true
            }
            _ => false,
        };
        assert!(
            fits,
            "{} is {:?} in the template, but {}",
            policy.name,
            policy.kind,
            in_effect(&defaults, &policy.name)
        );
    }
}

#[test]
fn each_state_that_can_be_chosen_is_read_as_meant() {
    for policy in template().policies {
        for (written, meant) in states(&policy.kind, &policy.name) {
            let read = managed(&policy.name, written.clone()).unwrap_or_else(|error| panic!("{written:?}: {error}"));
            assert_eq!(in_effect(&read, &policy.name), meant, "{}: {written:?}", policy.name);
        }
        if let Kind::Element(Element::Decimal { min, max }) = policy.kind {
            for beyond in [min - 1, max + 1] {
                let read = managed(&policy.name, PolicyValue::Integer(beyond));
                assert!(read.is_err(), "{}: the template forbids {beyond}, which would be read", policy.name);
            }
        }
    }
}

#[test]
fn every_text_is_there_and_every_box_fits_what_it_fills() {
    let (template, words) = (template(), words());
    let named = |prefix: &str| -> BTreeSet<String> {
        let of = |text: &String| {
            text.strip_prefix(&format!("$({prefix}.")).map(|rest| rest.trim_end_matches(')').to_owned())
        };
        template.references.iter().filter_map(of).collect()
    };
    let ids = |table: &[(String, String)]| -> BTreeSet<String> { table.iter().map(|(id, _)| id.clone()).collect() };
    assert_eq!(named("string"), ids(&words.strings), "strings named in the template, and strings there are");
    assert_eq!(words.strings.len(), ids(&words.strings).len(), "a string is there twice");
    for (id, text) in &words.strings {
        assert!(!text.trim().is_empty(), "the text of {id} is empty");
    }
    let presentations: BTreeSet<String> = words.boxes.iter().map(|one| one.presentation.clone()).collect();
    assert_eq!(named("presentation"), presentations);
    for policy in &template.policies {
        let Kind::Element(element) = &policy.kind else { continue };
        let boxes: Vec<_> = words.boxes.iter().filter(|one| one.presentation == policy.name).collect();
        assert_eq!(boxes.len(), 1, "{}", policy.name);
        assert_eq!((boxes[0].refers_to.as_str(), boxes[0].kind.as_str()), (policy.name.as_str(), element.box_kind()));
    }
}

#[test]
fn the_files_keep_the_rules_of_their_schema() {
    for name in template().names.iter().chain(words().strings.iter().map(|(id, _)| id).collect::<Vec<_>>()) {
        let mut letters = name.chars();
        let first = letters.next().is_some_and(char::is_alphabetic);
        assert!(first && letters.all(|c| c.is_alphanumeric() || c == '_'), "{name:?} cannot be a name there");
    }
    for policy in template().policies {
        let order = ["parentCategory", "supportedOn", "enabledValue", "disabledValue", "elements"];
        let places: Vec<_> =
            policy.children.iter().map(|child| order.iter().position(|known| known == child)).collect();
        assert!(places.iter().all(Option::is_some), "{}: {:?}", policy.name, policy.children);
        assert!(places.is_sorted() && places.len() >= 3, "{}: {:?}", policy.name, policy.children);
    }
}

/// The policy keys of this computer and this user, removed even if the test fails.
struct PolicyKeys;

impl PolicyKeys {
    const KEYS: [&str; 2] = [r"HKLM\Software\Policies\port26", r"HKCU\Software\Policies\port26"];

    /// Nothing, unless `PORT26_TEST_LIVE_REGISTRY=1` says that this registry is a throw-away one.
    fn of_a_throw_away_registry() -> Option<Self> {
        if std::env::var("PORT26_TEST_LIVE_REGISTRY").as_deref() != Ok("1") {
            eprintln!("*** NOT TESTED: policies in the live registry. scripts/test does it under Wine.");
            return None;
        }
        for key in Self::KEYS {
            assert!(!reg(&["query", key]), "{key} is there already: this registry is somebody's own");
        }
        Some(Self)
    }

    /// Writes a value in the type in which Group Policy writes it.
    fn write(&self, key: &str, name: &str, value: &PolicyValue) {
        let (kind, data) = match value {
            PolicyValue::Integer(number) => ("REG_DWORD", number.to_string()),
            PolicyValue::Text(text) => ("REG_SZ", text.clone()),
            PolicyValue::List(items) => ("REG_MULTI_SZ", items.iter().map(line).collect::<Vec<_>>().join("\\0")),
            other => panic!("no template writes {other:?}"),
        };
        assert!(reg(&["add", key, "/v", name, "/t", kind, "/d", &data, "/f", "/reg:64"]), "{key} {name}");
    }

    fn remove(&self) {
        for key in Self::KEYS {
            reg(&["delete", key, "/f", "/reg:64"]);
        }
    }
}

impl Drop for PolicyKeys {
    fn drop(&mut self) {
        self.remove();
    }
}

fn line(item: &PolicyValue) -> String {
    match item {
        PolicyValue::Text(text) => text.clone(),
        other => panic!("a list holds texts, not {other:?}"),
    }
}

fn reg(arguments: &[&str]) -> bool {
    Command::new("reg").args(arguments).output().unwrap().status.success()
}

/// Exit code, standard output and standard error of the program.
fn policy_show() -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_port26")).args(["policy", "show", "--json"]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Value and source of a setting in the document of `policy show`.
#[track_caller]
fn shown(name: &str) -> (Value, Value) {
    let (code, out, err) = policy_show();
    assert_eq!(code, 0, "{err}");
    let document: Value = serde_json::from_str(&out).unwrap();
    let row = document["settings"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
    (row["value"].clone(), row["from"].clone())
}

#[test]
fn what_group_policy_writes_is_what_policy_show_tells() {
    let _alone = ONE_AT_A_TIME.blocking_lock();
    let Some(keys) = PolicyKeys::of_a_throw_away_registry() else { return };
    let [computer, user] = PolicyKeys::KEYS;
    for key in [computer, user] {
        for nth in 0..3 {
            let mut meant = Vec::new();
            for policy in template().policies {
                let mut states = states(&policy.kind, &policy.name);
                let (written, value) = states.remove(nth.min(states.len() - 1));
                keys.write(key, &policy.value_name, &written);
                meant.push((policy.name, value));
            }
            let (code, out, err) = policy_show();
            assert_eq!(code, 0, "{err}");
            let document: Value = serde_json::from_str(&out).unwrap();
            for (row, (name, value)) in document["settings"].as_array().unwrap().iter().zip(meant) {
                assert_eq!((&row["name"], &row["value"]), (&json!(name), &value), "{key}");
                assert_eq!(row["from"], json!({ "kind": "managed", "at": key }), "{name}");
            }
        }
        keys.remove();
    }

    // The computer counts before the user, setting by setting.
    keys.write(user, "mode", &"off".into());
    keys.write(user, "max_wait_s", &PolicyValue::Integer(9));
    assert_eq!(shown("mode").0, "off");
    keys.write(computer, "mode", &"test".into());
    assert_eq!(shown("mode"), (json!("test"), json!({ "kind": "managed", "at": computer })));
    assert_eq!(shown("max_wait_s"), (json!(9), json!({ "kind": "managed", "at": user })));
    assert_eq!(shown("send_test").1, json!({ "kind": "default" }));

    // What nobody can mean is told with its place, and nothing is done.
    keys.write(user, "send_test", &"perhaps".into());
    let (code, _, err) = policy_show();
    assert_eq!(code, 2, "{err}");
    assert!(err.contains(user) && err.contains("send_test") && err.contains("perhaps"), "{err}");
}

/// Each command line of port26 in the files that are handed out, without the program.
fn command_lines() -> Vec<(&'static str, String)> {
    let files = [
        ("scripts/mdm/intune/detect.ps1", "& $program ", " 2>$null"),
        ("scripts/mdm/intune/remediate.ps1", "& $program ", " 2>$null"),
        ("scripts/verify-on-windows.ps1", "& $program ", " 2>$null"),
        ("scripts/login/port26-logon.cmd", "\"%program%\" ", "\r"),
        ("scripts/login/port26-logon.sh", "exec \"$program\" ", "\n"),
        ("installer/windows/port26.wxs", "port26w.exe&quot; ", "\""),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for (name, before, after) in files {
        let text = std::fs::read_to_string(root.join(name)).unwrap();
        let here: Vec<_> = text.split(before).skip(1).map(|rest| rest.split(after).next().unwrap()).collect();
        assert!(!here.is_empty(), "{name} calls nothing with {before:?}");
        found.extend(here.into_iter().map(|line| (name, line.to_owned())));
    }
    found
}

#[test]
fn every_command_line_that_is_handed_out_is_one() {
    for (file, line) in command_lines() {
        let words = std::iter::once("port26").chain(line.split(' '));
        assert!(port26::cli::Cli::try_parse_from(words).is_ok(), "{file}: port26 {line}");
        assert!(line.contains("--silent") || line.contains("--json"), "{file}: port26 {line} would speak to nobody");
    }
}

/// The login script of Linux, which is for every shell.
fn login_script(program: &Path, home: &Path) -> (i32, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/login/port26-logon.sh");
    let mut command = Command::new("sh");
    command
        .arg(script)
        .env_remove("XDG_STATE_HOME")
        .env_remove("XDG_CONFIG_HOME")
        .env("HOME", home)
        .env("PORT26", program);
    let output = command.output().unwrap();
    (
        output.status.code().unwrap(),
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat(),
    )
}

#[test]
fn the_login_script_is_silent_and_hands_on_the_exit_code() {
    // Windows has its own script, which scripts/test runs where the MSI has installed it.
    if Os::here() == Os::Windows {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    assert_eq!(login_script(Path::new(env!("CARGO_BIN_EXE_port26")), home.path()), (0, String::new()));

    let told = home.path().join("told");
    let other = home.path().join("other");
    std::fs::write(&other, format!("#!/bin/sh\necho \"$@\" >'{}'\nexit 6\n", told.display())).unwrap();
    assert!(Command::new("chmod").arg("+x").arg(&other).status().unwrap().success());
    assert_eq!(login_script(&other, home.path()), (6, String::new()));
    assert_eq!(std::fs::read_to_string(&told).unwrap(), "fix --silent\n");

    let (code, said) = login_script(&home.path().join("no-such-program"), home.path());
    assert!(code == 1 && said.contains("no-such-program was not found"), "{code} {said}");
}
