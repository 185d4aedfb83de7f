//! What a policy reads, refuses, shows, and which source wins.

use std::path::Path;

use super::*;

fn read(text: &str) -> Result<Policy, PolicyError> {
    Policy::from_file(text, Path::new("/home/anna/policy.toml"))
}

fn complaint(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

fn shown(policy: &Policy) -> String {
    let lines = policy.rows().into_iter().map(|row| format!("{} = {}  # {}\n", row.name, row.text(), row.from));
    lines.collect()
}

#[test]
fn the_defaults() {
    insta::assert_snapshot!(shown(&Policy::default()), @r#"
    mode = "fix"  # default
    when = "failing"  # default
    target_ports = [26, 587, 465, 2525]  # default
    host_allow_list = []  # default
    plaintext_auth = false  # default
    allow_host_rename = false  # default
    allow_local_interception = false  # default
    control_hosts = ["gmail-smtp-in.l.google.com:25", "mx-aol.mail.gm0.yahoodns.net:25"]  # default
    probe_recipient = ""  # default
    captive_check_url = ""  # default
    max_wait_s = 3  # default
    read_past_mail = true  # default
    send_test = false  # default
    schedule = "logon"  # default
    keep_receipts_days = 365  # default
    "#);
}

#[test]
fn what_is_shown_is_a_policy_file() {
    let policy = Policy::default();
    let again = read(&shown(&policy)).unwrap();
    for (one, other) in policy.rows().iter().zip(again.rows()) {
        assert_eq!((one.name, &one.value), (other.name, &other.value));
        assert_eq!(other.from, Source::File("/home/anna/policy.toml".into()));
    }
}

#[test]
fn the_stronger_source_wins_in_any_order_of_merging() {
    let file = |policy: &mut Policy| {
        policy.merge_file("max_wait_s = 5\nmode = 'test'\nsend_test = true", Path::new("/p.toml")).unwrap();
    };
    let managed = |policy: &mut Policy| {
        let values = [("max_wait_s", PolicyValue::Integer(7)), ("mode", PolicyValue::from("off"))];
        policy.merge_managed("HKLM\\Software\\Policies\\port26", values).unwrap();
    };
    let flag = |policy: &mut Policy| policy.merge_flag("--max-wait", "max_wait_s", 9).unwrap();
    type Merge<'a> = &'a dyn Fn(&mut Policy);
    let orders: [[Merge<'_>; 3]; 3] = [[&file, &managed, &flag], [&flag, &managed, &file], [&managed, &flag, &file]];
    for order in orders {
        let mut policy = Policy::default();
        order.iter().for_each(|merge| merge(&mut policy));
        assert_eq!(policy.max_wait_s, Setting { value: 9, from: Source::Flag("--max-wait".into()) });
        let place = Source::Managed("HKLM\\Software\\Policies\\port26".into());
        assert_eq!(policy.mode, Setting { value: Mode::Off, from: place });
        assert_eq!(policy.send_test, Setting { value: true, from: Source::File("/p.toml".into()) });
        assert_eq!(policy.plaintext_auth, Setting { value: false, from: Source::Default });
    }
}

#[test]
fn a_whole_file() {
    let policy = read(
        "\u{feff}# of the hosting company\r\n\
         target_ports = [26, 0x24b, 2_525]\r\n\
         when = \"any_on_25\"\r\n\
         host_allow_list = [\"*.Hosting.test\", \"mail.other.test.\", \"192.0.2.1\"]\r\n\
         control_hosts = [\"mx.other.test:25\", \"[2001:db8::1]:2525\"]\r\n\
         captive_check_url = \"http://captive.hosting.test/204\"\r\n",
    )
    .unwrap();
    assert_eq!(policy.target_ports.value, [26, 587, 2525]);
    assert_eq!(policy.when.value, MoveWhen::AnyOn25);
    assert_eq!(policy.host_allow_list.value, ["*.hosting.test", "mail.other.test", "192.0.2.1"]);
    let hosts: Vec<_> = policy.control_hosts.value.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["mx.other.test:25", "[2001:db8::1]:2525"]);
    assert_eq!(policy.control_hosts.value[1].host, "2001:db8::1");
    assert_eq!(policy.captive_check_url.value.as_deref(), Some("http://captive.hosting.test/204"));
}

#[test]
fn unknown_names_are_told_with_the_nearest() {
    insta::assert_snapshot!(complaint("mode = 'fix'\n\ntarget_port = [26]"), @"/home/anna/policy.toml, line 3: there is no setting target_port; did you mean target_ports?");
    insta::assert_snapshot!(complaint("plaintext-auth = true"), @"/home/anna/policy.toml, line 1: there is no setting plaintext-auth; did you mean plaintext_auth?");
    insta::assert_snapshot!(complaint("[network]\nwait = 3"), @"/home/anna/policy.toml, line 1: there is no setting network; the settings are mode, when, target_ports, host_allow_list, plaintext_auth, allow_host_rename, allow_local_interception, control_hosts, probe_recipient, captive_check_url, max_wait_s, read_past_mail, send_test, schedule, keep_receipts_days");
    assert_eq!(nearest("Send_Test"), Some("send_test"));
    assert_eq!(nearest("x"), None);
}

#[test]
fn wrong_values_are_told_with_line_and_what_is_right() {
    let all: Vec<_> = [
        "target_ports = '26'",
        "target_ports = [26, '587']",
        "target_ports = []",
        "target_ports = [26, 25]",
        "target_ports = [26, 587, 26]",
        "target_ports = [0]",
        "target_ports = [65536]",
        "target_ports = [-26]",
        "target_ports = [99999999999999999999]",
        "when = 'always'",
        "when = true",
        "mode = 'Fix'",
        "plaintext_auth = 'yes'",
        "plaintext_auth = 1",
        "max_wait_s = 0",
        "max_wait_s = 3.5",
        "max_wait_s = 500",
        "keep_receipts_days = -1",
        "keep_receipts_days = 36501",
        "keep_receipts_days = 'for ever'",
        "host_allow_list = 'hosting.test'",
        "host_allow_list = ['*hosting.test']",
        "host_allow_list = ['mail.*.test']",
        "host_allow_list = ['a..b']",
        "host_allow_list = ['', 1]",
        "host_allow_list = ['A.test', 'a.test']",
        "control_hosts = ['mx.other.test']",
        "control_hosts = ['mx.other.test:0']",
        "control_hosts = ['2001:db8::1:25']",
        "captive_check_url = 'https://captive.hosting.test'",
        "captive_check_url = 'http://'",
        "send_test = 2026-01-01",
        "send_test = { a = 1 }",
    ]
    .iter()
    .map(|line| complaint(&format!("# first line\n{line}\n")).replace("/home/anna/policy.toml", "P"))
    .collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    P, line 2: target_ports must be a list of port numbers, as [26, 587], not a text
    P, line 2: target_ports must be a list of port numbers, as [26, 587]; a text is in it
    P, line 2: target_ports is empty; it must be a list of port numbers, as [26, 587]
    P, line 2: target_ports has 25, the port that accounts are moved away from; leave it out
    P, line 2: target_ports has 26 twice
    P, line 2: target_ports has 0; ports are numbers from 1 to 65535
    P, line 2: target_ports has 65536; ports are numbers from 1 to 65535
    P, line 2: target_ports has -26; ports are numbers from 1 to 65535
    P, line 2: target_ports must be a list of port numbers, as [26, 587]; a number that large is in it
    P, line 2: when must be "failing" or "any_on_25", not "always"
    P, line 2: when must be "failing" or "any_on_25", not true
    P, line 2: mode must be "fix" or "test" or "off", not "Fix"
    P, line 2: plaintext_auth must be true or false, not a text
    P, line 2: plaintext_auth must be true or false, not a number
    P, line 2: max_wait_s must be a number of seconds from 1 to 120, not 0
    P, line 2: max_wait_s must be a number of seconds from 1 to 120, not a fraction
    P, line 2: max_wait_s must be a number of seconds from 1 to 120, not 500
    P, line 2: keep_receipts_days must be a number of days from 0 (for ever) to 36500, not -1
    P, line 2: keep_receipts_days must be a number of days from 0 (for ever) to 36500, not 36501
    P, line 2: keep_receipts_days must be a number of days from 0 (for ever) to 36500, not a text
    P, line 2: host_allow_list must be a list of host names, as ["mail.hosting.test", "*.hosting.test"], not a text
    P, line 2: host_allow_list has "*hosting.test", which is neither a host name nor *. and a host name
    P, line 2: host_allow_list has "mail.*.test", which is neither a host name nor *. and a host name
    P, line 2: host_allow_list has "a..b", which is neither a host name nor *. and a host name
    P, line 2: host_allow_list must be a list of host names, as ["mail.hosting.test", "*.hosting.test"]; a number is in it
    P, line 2: host_allow_list has a.test twice
    P, line 2: control_hosts must be a list of HOST:PORT, as ["mx.other.test:25"]; "mx.other.test" is not HOST:PORT
    P, line 2: control_hosts must be a list of HOST:PORT, as ["mx.other.test:25"]; "mx.other.test:0" is not HOST:PORT
    P, line 2: control_hosts must be a list of HOST:PORT, as ["mx.other.test:25"]; "2001:db8::1:25" is not HOST:PORT
    P, line 2: captive_check_url must be an address that begins with http://, since a portal cannot answer in the place of https, not "https://captive.hosting.test"
    P, line 2: captive_check_url must be an address that begins with http://, since a portal cannot answer in the place of https, not "http://"
    P, line 2: send_test must be true or false, not a date
    P, line 2: send_test must be true or false, not a table
    "#);
}

#[test]
fn broken_files_are_told_with_the_line() {
    insta::assert_snapshot!(complaint("mode = 'fix'\nwhen = \n"), @"/home/anna/policy.toml, line 2: string values must be quoted, expected literal string");
    insta::assert_snapshot!(complaint("mode = 'fix'\nmode = 'off'\n"), @"/home/anna/policy.toml, line 2: duplicate key");
    let mut policy = Policy::default();
    let error = policy.merge_bytes(b"mode = 'fix'\n# caf\xe9\n", Source::File("P".into())).unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"P, line 2: not text in UTF-8; save it as UTF-8");
}

/// A list that a program made, or a file that is none: told, with the setting or the file, before any of it is used.
#[test]
fn what_nobody_writes_by_hand_is_refused_at_once_and_named() {
    let hosts: Vec<String> = (0..70_000).map(|n| format!("mail{n}.hosting.test")).collect();
    let list =
        format!("host_allow_list = [{}]", hosts.iter().map(|host| format!("{host:?}")).collect::<Vec<_>>().join(", "));
    assert!(list.len() > 1 << 20);
    let began = std::time::Instant::now();
    let told = complaint(&list);
    assert!(told.contains("host_allow_list has 70000 entries, and 4096 is the most"), "{told}");
    let values = [("host_allow_list", PolicyValue::from(hosts.join(" ").as_str()))];
    let told = Policy::default().merge_managed("profile", values).unwrap_err().to_string();
    assert!(told.contains("profile (managed): host_allow_list has 70000 entries"), "{told}");
    // What is allowed is looked at once for each entry.
    let most = PolicyValue::from(&hosts[..4096]);
    Policy::default().merge_managed("profile", [("host_allow_list", most)]).unwrap();
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());

    let long = complaint(&format!("host_allow_list = ['{}']", "a".repeat(1 << 20)));
    assert!(long.contains("host_allow_list has \"aaa") && long.len() < 400, "{} letters", long.len());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.toml");
    std::fs::write(&path, format!("# {}\nmode = 'fix'\n", "x".repeat(1 << 20))).unwrap();
    let told = Policy::load(port26_platform::computer::Os::here(), Some(&path)).unwrap_err().to_string();
    assert!(told.contains("policy.toml") && told.contains("more than the 1048576"), "{told}");
}

#[test]
fn an_error_changes_nothing() {
    let mut policy = Policy::default();
    assert!(policy.merge_file("max_wait_s = 9\nnonsense = 1", Path::new("P")).is_err());
    let values = [("max_wait_s", PolicyValue::Integer(9)), ("nonsense", PolicyValue::Bool(true))];
    let error = policy.merge_managed("profile", values).unwrap_err().to_string();
    assert!(
        error.starts_with("profile (managed): there is no setting nonsense; the settings are mode, when,"),
        "{error}"
    );
    assert!(policy.merge_flag("--target-port", "target_ports", [25_u16].as_slice()).is_err());
    assert_eq!(policy, Policy::default());
}

#[test]
fn device_management_may_write_as_its_templates_can() {
    let mut policy = Policy::default();
    let values = [
        ("target_ports", PolicyValue::from("26, 587;465")),
        ("host_allow_list", PolicyValue::from("*.hosting.test\r\nmail.other.test")),
        ("plaintext_auth", PolicyValue::Integer(1)),
        ("send_test", PolicyValue::from("True")),
        ("max_wait_s", PolicyValue::from(" 10 ")),
        ("mode", PolicyValue::from("Test")),
        ("control_hosts", PolicyValue::from("")),
        ("captive_check_url", PolicyValue::from("")),
    ];
    policy.merge_managed("profile", values).unwrap();
    assert_eq!(policy.target_ports.value, [26, 587, 465]);
    assert_eq!(policy.host_allow_list.value, ["*.hosting.test", "mail.other.test"]);
    assert!(policy.plaintext_auth.value && policy.send_test.value);
    assert_eq!((policy.max_wait_s.value, policy.mode.value), (10, Mode::Test));
    assert!(policy.control_hosts.value.is_empty() && policy.captive_check_url.value.is_none());
    for value in [PolicyValue::Integer(2), PolicyValue::from("perhaps"), PolicyValue::List(Vec::new())] {
        assert!(policy.merge_managed("profile", [("send_test", value)]).is_err());
    }
}

#[test]
fn the_allow_list_matches_names_below_and_no_lookalikes() {
    let list = |hosts: &str| read(&format!("host_allow_list = {hosts}")).unwrap();
    assert!(Policy::default().allows_host("anything.test"));
    let policy = list("['*.hosting.test', 'mail.other.test']");
    for host in ["mail.hosting.test", "a.b.HOSTING.test.", "Mail.Other.test"] {
        assert!(policy.allows_host(host), "{host}");
    }
    for host in ["hosting.test", "evilhosting.test", ".hosting.test", "hosting.test.evil.test", "x.mail.other.test", ""]
    {
        assert!(!policy.allows_host(host), "{host}");
    }
}

#[test]
fn json_goes_there_and_back() {
    let mut policy = read("target_ports = [26]\nwhen = 'any_on_25'\nmode = 'off'").unwrap();
    policy.merge_managed("profile", [("send_test", PolicyValue::Bool(true))]).unwrap();
    policy.merge_flag("--max-wait", "max_wait_s", 9).unwrap();
    let json = serde_json::to_value(&policy).unwrap();
    assert_eq!(serde_json::from_value::<Policy>(json.clone()).unwrap(), policy);
    let names: std::collections::BTreeSet<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, Policy::NAMES.iter().copied().collect());
    insta::assert_snapshot!(serde_json::to_string(&policy.rows()[..3]).unwrap(), @r#"[{"name":"mode","value":"off","from":{"kind":"file","at":"/home/anna/policy.toml"}},{"name":"when","value":"any_on_25","from":{"kind":"file","at":"/home/anna/policy.toml"}},{"name":"target_ports","value":[26],"from":{"kind":"file","at":"/home/anna/policy.toml"}}]"#);
    // A written policy is as strict as a read one.
    assert!(serde_json::from_str::<HostPort>("\"no port\"").is_err());
}

#[test]
fn a_named_file_takes_the_place_of_the_machines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.toml");
    assert!(matches!(Policy::load(Os::Linux, Some(&path)), Err(PolicyError::Missing { .. })));
    std::fs::write(&path, "max_wait_s = 8").unwrap();
    let policy = Policy::load(Os::Linux, Some(&path)).unwrap();
    assert_eq!(policy.max_wait_s, Setting { value: 8, from: Source::File(path) });
    assert_eq!(Policy::load(Os::Windows, None).unwrap(), Policy::default());
    assert_eq!(managed_sources(Os::Linux), [PathBuf::from("/etc/port26/policy.toml")]);
    let by_hand = PathBuf::from("/Library/Application Support/port26/policy.toml");
    let profile = PathBuf::from("/Library/Managed Preferences/org.port26.plist");
    assert_eq!(managed_sources(Os::Macos), [by_hand, profile], "a profile is the stronger");
    assert!(managed_sources(Os::Windows).is_empty());
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "[a-z_0-9=\\[\\]{}'\", .\n\\-\u{e9}]{0,60}", name in proptest::sample::select(Policy::NAMES)) {
        let _ = read(&text);
        let _ = read(&format!("{name} = {text}"));
    }

    #[test]
    fn the_distance_is_a_distance(a in "[a-c_]{0,6}", b in "[a-c_]{0,6}") {
        proptest::prop_assert_eq!(distance(&a, &b), distance(&b, &a));
        proptest::prop_assert_eq!(distance(&a, &b) == 0, a == b);
        proptest::prop_assert!(distance(&a, &b) <= a.len().max(b.len()));
    }
}
