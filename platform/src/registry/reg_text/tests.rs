//! Exported registry files: what is read, what an edit changes, what stays.

use super::*;
use crate::registry::ValueKind;

const EXPORT: &str = concat!(
    "Windows Registry Editor Version 5.00\r\n",
    "; made by hand\r\n",
    "\r\n",
    "[HKEY_CURRENT_USER\\Software\\Mail]\r\n",
    "@=\"default\"\r\n",
    "\"Server\"=\"smtp.hosting.test\" ; the host\r\n",
    "\"Quo\\\"te\\\\d\"=\"C:\\\\mail \\\"x\\\"\"\r\n",
    "  \"Port\" = dword:19\r\n",
    "\"Gone\"=dword:00000001\r\n",
    "\"Gone\"=-\r\n",
    "\"Blob\"=hex:01,02,\\\r\n",
    "  03,04 ; tail\r\n",
    "\r\n",
    "[HKEY_CURRENT_USER\\Software\\Mail\\Accounts\\00000001]\r\n",
    "\r\n",
    "[HKEY_LOCAL_MACHINE\\Software\\Mail]\r\n",
    "\"Port\"=dword:00000001\r\n",
    "\r\n",
    "[hkcu\\software\\MAIL]\r\n",
    "\"PORT\"=dword:0000001a\r\n",
    "\r\n",
    "; the end\r\n",
);

const KEY: &str = r"Software\Mail";

fn utf16(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// The same text as every kind of file.
fn spellings(text: &str) -> Vec<Vec<u8>> {
    let lf = text.replace("\r\n", "\n");
    let mut all = vec![utf16(text), utf16(&lf), text.as_bytes().to_vec(), lf.into_bytes()];
    all.push([b"\xEF\xBB\xBF", text.as_bytes()].concat());
    all.push(utf16(text)[2..].to_vec());
    all
}

#[test]
fn prints_what_it_read() {
    for bytes in spellings(EXPORT) {
        assert_eq!(RegText::parse(&bytes).unwrap().to_bytes(), bytes);
    }
    for text in ["REGEDIT4", "REGEDIT4\n", "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\A]"] {
        assert_eq!(RegText::parse(text.as_bytes()).unwrap().to_bytes(), text.as_bytes());
    }
}

#[test]
fn reads_keys_and_values() {
    for bytes in spellings(EXPORT) {
        let text = RegText::parse(&bytes).unwrap();
        assert_eq!(text.value(KEY, ""), Some(Value::sz("default")));
        assert_eq!(text.value(KEY, "server"), Some(Value::sz("smtp.hosting.test")));
        assert_eq!(text.value(KEY, "Quo\"te\\d"), Some(Value::sz("C:\\mail \"x\"")));
        assert_eq!(text.value(KEY, "Port"), Some(Value::dword(26)), "the later one counts");
        assert_eq!(text.value(KEY, "Gone"), None);
        assert_eq!(text.value(KEY, "Blob"), Some(Value { kind: ValueKind::Binary, data: vec![1, 2, 3, 4] }));
        let names: Vec<String> = text.values(KEY).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["", "Server", "Quo\"te\\d", "Port", "Blob"]);
        assert_eq!(text.subkeys(KEY), ["Accounts"]);
        assert_eq!(text.subkeys(r"software\mail\accounts"), ["00000001"]);
        assert!(text.has_key(r"SOFTWARE\mail\Accounts"));
        assert!(!text.has_key(r"Software\Mail\Accounts\0000000"));
    }
}

#[test]
fn edits_only_the_span_of_the_value() {
    for bytes in spellings(EXPORT) {
        let mut text = RegText::parse(&bytes).unwrap();
        text.set(KEY, "sErVeR", &Value::sz("mail.hosting.test")).unwrap();
        text.set(KEY, "Port", &Value::dword(25)).unwrap();
        let expected = EXPORT.replace("smtp.hosting.test", "mail.hosting.test").replace("0000001a", "00000019");
        let place = spellings(EXPORT).iter().position(|other| *other == bytes).unwrap();
        assert_eq!(text.to_bytes(), spellings(&expected)[place]);
        text.set(KEY, "Server", &Value::sz("smtp.hosting.test")).unwrap();
        text.set(KEY, "Port", &Value::dword(26)).unwrap();
        assert_eq!(text.to_bytes(), bytes);
    }
}

#[test]
fn an_equal_value_is_not_respelled() {
    let bytes = b"REGEDIT4\n[HKEY_CURRENT_USER\\A]\n\"Port\"=dword:1A\n";
    let mut text = RegText::parse(bytes).unwrap();
    text.set("A", "Port", &Value::dword(26)).unwrap();
    assert_eq!(text.to_bytes(), bytes);
}

#[test]
fn inserts_after_the_last_value_of_the_key() {
    let key = r"Software\Mail\Accounts\00000001";
    let mut text = RegText::parse(EXPORT.as_bytes()).unwrap();
    text.set(key, "SMTP Port", &Value::dword(26)).unwrap();
    text.set(KEY, "Auth", &Value::dword(1)).unwrap();
    let expected = EXPORT
        .replace("00000001]\r\n", "00000001]\r\n\"SMTP Port\"=dword:0000001a\r\n")
        .replace("\"PORT\"=dword:0000001a\r\n", "\"PORT\"=dword:0000001a\r\n\"Auth\"=dword:00000001\r\n");
    assert_eq!(String::from_utf8(text.to_bytes()).unwrap(), expected);
}

#[test]
fn what_was_inserted_can_be_removed_without_a_trace() {
    let open_ends = [
        "REGEDIT4\n[HKEY_CURRENT_USER\\A]",
        "REGEDIT4\r\n[HKEY_CURRENT_USER\\A]",
        "REGEDIT4\n[HKEY_CURRENT_USER\\A]\n\"x\"=dword:1",
        "REGEDIT4\r\n[HKEY_CURRENT_USER\\A]\r\n\"x\"=hex:01,\\\r\n 02",
        "REGEDIT4\r\n[HKEY_CURRENT_USER\\A]\r\n\"new\"=-\r\n; and a comment",
        "REGEDIT4\n[HKEY_CURRENT_USER\\A]\n\n[HKEY_CURRENT_USER\\B]\n\"x\"=\"y\"\n",
    ];
    for open in open_ends {
        for bytes in [open.as_bytes().to_vec(), utf16(open)] {
            for names in [&["new"][..], &["new", "newer"], &["new", "", "newest"]] {
                let mut text = RegText::parse(&bytes).unwrap();
                for name in names {
                    text.set("A", name, &Value::dword(26)).unwrap();
                    assert_eq!(text.value("A", name), Some(Value::dword(26)));
                }
                let mut again = RegText::parse(&text.to_bytes()).unwrap();
                for name in names.iter().rev() {
                    assert!(text.remove("A", name).unwrap());
                    assert!(again.remove("A", name).unwrap());
                    assert!(!again.remove("A", name).unwrap());
                }
                assert_eq!(text.to_bytes(), bytes, "{open:?}");
                assert_eq!(again.to_bytes(), bytes, "{open:?}, read again");
            }
        }
    }
}

#[test]
fn removal_never_uncovers_an_older_value() {
    let bytes = b"REGEDIT4\n[HKEY_CURRENT_USER\\A]\n\"x\"=dword:1\n[HKEY_CURRENT_USER\\a]\n\"X\"=dword:2\n";
    let mut text = RegText::parse(bytes).unwrap();
    assert!(matches!(text.remove("A", "x"), Err(RegTextError::Refused { .. })));
    assert_eq!(text.to_bytes(), bytes);
}

#[test]
fn a_value_whose_name_has_a_line_end_is_read_and_left_alone() {
    for named in ["\n", "SMTP\r\nPort", "SMTP\\nPort"] {
        let bytes = format!("REGEDIT4\n[HKEY_CURRENT_USER\\A]\n\"{named}\"=\"\n\"\n");
        let mut text = RegText::parse(bytes.as_bytes()).unwrap();
        let name = named.replace("\\n", "\n");
        assert_eq!(text.value("A", &name), Some(Value::sz("\n")));
        assert!(matches!(text.set("A", &name, &Value::dword(26)), Err(RegTextError::Refused { .. })), "{named:?}");
        assert!(matches!(text.remove("A", &name), Err(RegTextError::Refused { .. })), "{named:?}");
        assert_eq!(text.to_bytes(), bytes.as_bytes());
    }
}

#[test]
fn nothing_is_put_behind_a_file_that_is_cut_off_in_a_line_end() {
    let bytes = b"REGEDIT4\n[HKEY_CURRENT_USER\\A]\n\"b\"=hex:\r";
    let mut text = RegText::parse(bytes).unwrap();
    assert!(matches!(text.set("A", "c", &Value::dword(26)), Err(RegTextError::Refused { .. })));
    assert_eq!(text.to_bytes(), bytes);
}

#[test]
fn never_makes_a_key() {
    let mut text = RegText::parse(EXPORT.as_bytes()).unwrap();
    for key in [r"Software\Other", r"Software\Mail\Accounts", "Software"] {
        assert!(matches!(text.set(key, "x", &Value::dword(1)), Err(RegTextError::Refused { .. })), "{key}");
    }
    assert_eq!(text.to_bytes(), EXPORT.as_bytes());
}

#[test]
fn deleted_keys_are_gone_and_may_come_back() {
    let text = "REGEDIT4\n[HKEY_CURRENT_USER\\A\\B]\n\"x\"=dword:1\n[-HKEY_CURRENT_USER\\A]\n[HKEY_CURRENT_USER\\C]\n";
    let parsed = RegText::parse(text.as_bytes()).unwrap();
    assert!(!parsed.has_key("A") && !parsed.has_key(r"A\B") && parsed.has_key("C"));
    assert_eq!(parsed.subkeys(""), ["C"]);
    let mut parsed = RegText::parse(format!("{text}[HKEY_CURRENT_USER\\a\\b]\n").as_bytes()).unwrap();
    assert_eq!((parsed.subkeys(""), parsed.value(r"A\B", "x")), (&["C".to_owned(), "a".to_owned()][..], None));
    parsed.set(r"A\B", "y", &Value::dword(2)).unwrap();
    let expected = format!("{text}[HKEY_CURRENT_USER\\a\\b]\n\"y\"=dword:00000002\n");
    assert_eq!(String::from_utf8(parsed.to_bytes()).unwrap(), expected);
}

#[test]
fn finds_the_users_root() {
    let file = |roots: &[&str]| {
        let keys: String =
            roots.iter().map(|root| format!("[{root}\\Software]\r\n\"r\"=\"{}\"\r\n", root.len())).collect();
        RegText::parse(format!("Windows Registry Editor Version 5.00\r\n{keys}").as_bytes())
    };
    let found = |roots: &[&str]| file(roots).unwrap().value("Software", "r").and_then(|value| value.as_text());
    let (one, two) = (r"HKEY_USERS\S-1-5-21-1-2-3-1001", r"HKEY_USERS\S-1-5-21-1-2-3-10002");
    assert_eq!(found(&[one]).as_deref(), Some("30"));
    assert_eq!(found(&[r"HKEY_USERS\S-1-5-21-1-2-3-1001_Classes", one, r"HKEY_USERS\.DEFAULT"]).as_deref(), Some("30"));
    assert_eq!(found(&[r"HKEY_USERS\mounted"]).as_deref(), Some("18"));
    assert_eq!(found(&[one, two, "HKCU"]).as_deref(), Some("4"));
    assert_eq!(found(&["HKEY_LOCAL_MACHINE"]), None);
    assert!(matches!(file(&[one, two]), Err(RegTextError::SeveralUsers { .. })), "whose hive is it?");
}

/// What is read of `Software`, value `r`, when it stands below these roots.
fn found_below(roots: &[&str]) -> Result<Option<String>, Vec<String>> {
    let keys: String =
        roots.iter().map(|root| format!("[{root}\\Software]\r\n\"r\"=\"{}\"\r\n", root.replace('\\', "/"))).collect();
    match RegText::parse(format!("Windows Registry Editor Version 5.00\r\n{keys}").as_bytes()) {
        Ok(text) => Ok(text.value("Software", "r").and_then(|value| value.as_text())),
        Err(RegTextError::SeveralUsers { roots }) => Err(roots),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn finds_a_user_below_whatever_root_a_tool_gave_it() {
    for root in [
        r"HKEY_LOCAL_MACHINE\Offline",
        r"HKLM\jan",
        r"HKEY_USERS\Offline",
        r"HKEY_USERS\S-1-12-1-1-2-3-4",
        "",
        "NTUSER",
        "HKEY_CURRENT_USER\\",
    ] {
        let found = found_below(&[root]).unwrap();
        assert!(found.is_some(), "{root}");
        // Nobody else is in the way.
        let services =
            [r"HKEY_USERS\.DEFAULT", r"HKEY_USERS\S-1-5-18", r"HKEY_USERS\S-1-5-80-1-2", r"HKEY_LOCAL_MACHINE"];
        let all: Vec<&str> = services.into_iter().chain([root]).collect();
        assert_eq!(found_below(&all).unwrap(), found, "{root}");
    }
}

#[test]
fn no_user_is_taken_for_one() {
    for root in ["HKEY_LOCAL_MACHINE", r"HKEY_USERS\.DEFAULT", r"HKEY_USERS\S-1-5-19", "HKEY_CLASSES_ROOT\\x"] {
        assert_eq!(found_below(&[root]), Ok(None), "{root}");
    }
    // A machine's hive that somebody loaded.
    for key in [r"HKEY_LOCAL_MACHINE\Off\Microsoft\Windows", r"HKEY_LOCAL_MACHINE\Off\ControlSet001", r"\Microsoft"] {
        let text = RegText::parse(format!("REGEDIT4\n[{key}]\n\"a\"=dword:1\n").as_bytes()).unwrap();
        assert!(text.is_empty(), "{key}");
    }
    assert_eq!(
        found_below(&[r"HKEY_LOCAL_MACHINE\Offline", r"HKEY_USERS\S-1-12-1-1"]),
        Err(vec![r"HKEY_LOCAL_MACHINE\Offline".to_owned(), r"HKEY_USERS\S-1-12-1-1".to_owned()])
    );
}

#[test]
fn tells_below_what_the_keys_stand() {
    let text = "REGEDIT4\n[HKEY_LOCAL_MACHINE\\SYSTEM\\A]\n[HKEY_LOCAL_MACHINE\\SYSTEM\\B]\n[HKEY_LOCAL_MACHINE\\Off\\Microsoft]\n\
                [\\Microsoft]\n[HKEY_CURRENT_USER\\A\\B]\n";
    let text = RegText::parse(text.as_bytes()).unwrap();
    assert_eq!(
        text.roots(),
        [r"HKEY_LOCAL_MACHINE\SYSTEM", r"HKEY_LOCAL_MACHINE\Off", r"\Microsoft", "HKEY_CURRENT_USER"]
    );
    assert!(RegText::parse(b"REGEDIT4\n\n").unwrap().roots().is_empty());
}

/// `regedit /E file "HKEY_CURRENT_USER\\"` of Wine.
#[test]
fn a_doubled_backslash_is_one() {
    let bytes = b"REGEDIT4\n[HKEY_CURRENT_USER\\\\AppEvents\\A]\n\"x\"=dword:1\n[HKEY_CURRENT_USER\\]\n";
    let mut text = RegText::parse(bytes).unwrap();
    assert_eq!(
        (text.subkeys(""), text.value(r"AppEvents\A", "x")),
        (&["AppEvents".to_owned()][..], Some(Value::dword(1)))
    );
    text.set(r"AppEvents\A", "y", &Value::dword(2)).unwrap();
    assert!(text.remove(r"AppEvents\A", "y").unwrap());
    assert_eq!(text.to_bytes(), bytes);
}

/// reged writes no line end after a value without bytes.
const REGED: &str = "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\A]\r\n\
                     \"a\"=dword:00000001\r\n\"none\"=hex(0):\"bin\"=hex:\"empty\"=\"\"\r\n\r\n\
                     [HKEY_CURRENT_USER\\A\\B]\r\n\"last\"=hex:\r\n[HKEY_CURRENT_USER\\A\\C]\r\n\
                     \"x\"=dword:00000002\r\n\"y\"=hex:@=hex(7):[HKEY_CURRENT_USER\\A\\D]\r\n\"end\"=hex(2):\"very end\"=hex:";

#[test]
fn values_that_run_on_are_read_and_kept() {
    let text = RegText::parse(REGED.as_bytes()).unwrap();
    assert_eq!(text.to_bytes(), REGED.as_bytes());
    let names = |key: &str| text.values(key).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names("A"), ["a", "none", "bin", "empty"]);
    assert_eq!(
        (names(r"A\B"), names(r"A\C"), names(r"A\D")),
        (vec!["last".into()], vec!["x".into(), "y".into(), "".into()], vec!["end".into(), "very end".into()])
    );
    assert_eq!(text.value("A", "empty"), Some(Value::sz("")));
    assert_eq!(text.value("A", "bin"), Some(Value { kind: ValueKind::Binary, data: vec![] }));
}

#[test]
fn what_is_written_beside_values_that_run_on_stands_on_lines_of_its_own() {
    for key in ["A", r"A\B", r"A\C", r"A\D"] {
        let mut text = RegText::parse(REGED.as_bytes()).unwrap();
        for name in ["new", "newer"] {
            text.set(key, name, &Value::dword(26)).unwrap();
        }
        let mut again = RegText::parse(&text.to_bytes()).unwrap();
        assert_eq!(
            (again.value(key, "new"), again.value(key, "newer")),
            (Some(Value::dword(26)), Some(Value::dword(26)))
        );
        for name in ["newer", "new"] {
            assert!(text.remove(key, name).unwrap() && again.remove(key, name).unwrap());
        }
        assert_eq!(String::from_utf8(text.to_bytes()).unwrap(), REGED, "{key}");
        assert_eq!(String::from_utf8(again.to_bytes()).unwrap(), REGED, "{key}, read again");
        let before = text.values(key);
        let (first, old) = before.iter().find(|(_, value)| value.data.is_empty()).unwrap().clone();
        text.set(key, &first, &Value::sz("now there is something")).unwrap();
        let again = RegText::parse(&text.to_bytes()).unwrap();
        assert_eq!(again.value(key, &first), Some(Value::sz("now there is something")));
        let others =
            |text: &RegText| text.values(key).into_iter().filter(|(name, _)| *name != first).collect::<Vec<_>>();
        assert_eq!(others(&again), before.iter().filter(|(name, _)| *name != first).cloned().collect::<Vec<_>>());
        text.set(key, &first, &old).unwrap();
        assert_eq!(RegText::parse(&text.to_bytes()).unwrap().values(key), before);
    }
}

/// What Wine's regedit writes for a text with line ends; Windows writes them as they are.
#[test]
fn line_ends_that_wine_escapes_are_line_ends() {
    let bytes = b"REGEDIT4\r\n[HKEY_CURRENT_USER\\A]\r\n\"two\"=\"one\\r\\ntwo\\\\new\"\r\n";
    let mut text = RegText::parse(bytes).unwrap();
    let value = text.value("A", "two").unwrap();
    assert_eq!(value, Value::sz("one\r\ntwo\\new"));
    text.set("A", "two", &value).unwrap();
    assert_eq!(text.to_bytes(), bytes);
}

/// A path of 128 KB once cost 4.3 GB: every key above it was kept with its whole path.
#[test]
fn a_very_deep_key_is_refused_and_a_long_one_is_no_burden() {
    let deep =
        format!("REGEDIT4\n[HKEY_CURRENT_USER\\A]\n\"x\"=dword:1\n[HKEY_CURRENT_USER{}]\n", "\\a".repeat(64_000));
    let error = RegText::parse(deep.as_bytes()).unwrap_err();
    assert!(matches!(error, RegTextError::Malformed { line: 4, .. }), "{error}");
    let mut keys = "REGEDIT4\n".to_owned();
    for n in 0..200 {
        keys += &format!("[HKEY_CURRENT_USER\\{n}{}]\n\"x\"=dword:1\n", format!("\\{}", "a".repeat(255)).repeat(500));
    }
    let begin = std::time::Instant::now();
    let text = RegText::parse(keys.as_bytes()).unwrap();
    assert_eq!(text.subkeys("").len(), 200);
    assert!(begin.elapsed() < std::time::Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn old_exports_keep_their_code_page() {
    let mut bytes = b"REGEDIT4\r\n\r\n[HKEY_CURRENT_USER\\Post\xE4mter]\r\n\"Name\"=\"J\xF6rg\"\r\n".to_vec();
    bytes.extend_from_slice(b"\"Path\"=hex(2):25,41,25,00\r\n\"Port\"=dword:00000019\r\n");
    let mut text = RegText::parse(&bytes).unwrap();
    assert_eq!(text.to_bytes(), bytes);
    let key = text.subkeys("")[0].clone();
    assert_eq!(key, "Post\u{e4}mter");
    assert_eq!(text.value(&key, "Name").unwrap().as_text().as_deref(), Some("J\u{f6}rg"));
    assert_eq!(text.value(&key, "Path").unwrap().as_text().as_deref(), Some("%A%"));
    text.set(&key, "Port", &Value::dword(26)).unwrap();
    assert!(matches!(text.set(&key, "Name", &Value::sz("\u{e9}")), Err(RegTextError::Refused { .. })));
    let path = text.value(&key, "Path").unwrap();
    text.set(&key, "Copy", &path).unwrap();
    let after = text.to_bytes();
    assert!(after.ends_with(b"\"Port\"=dword:0000001a\r\n\"Copy\"=hex(2):25,41,25,00\r\n"));
}

#[test]
fn a_lone_surrogate_survives() {
    let mut bytes = utf16("Windows Registry Editor Version 5.00\r\n[HKEY_CURRENT_USER\\A]\r\n\"x\"=\"");
    bytes.extend_from_slice(&[0x3D, 0xD8, b'"', 0, b'\r', 0, b'\n', 0]);
    let text = RegText::parse(&bytes).unwrap();
    assert_eq!(text.to_bytes(), bytes);
    assert_eq!(text.value("A", "x").unwrap().data, [0x3D, 0xD8, 0, 0]);
}

#[test]
fn long_values_are_wrapped_as_regedit_does() {
    let value = Value { kind: ValueKind::Binary, data: (0..60).collect() };
    let mut text = RegText::parse(b"REGEDIT4\r\n[HKEY_CURRENT_USER\\A]\r\n").unwrap();
    text.set("A", "Blob", &value).unwrap();
    let printed = String::from_utf8(text.to_bytes()).unwrap();
    let lines: Vec<&str> = printed.lines().skip(2).collect();
    assert!(lines[0].starts_with("\"Blob\"=hex:00,01,") && lines[0].ends_with(",\\"));
    assert!(lines[1].starts_with("  ") && lines[1].len() == 78, "{}", lines[1].len());
    assert!(lines.iter().all(|line| line.len() <= 80));
    assert_eq!(RegText::parse(printed.as_bytes()).unwrap().value("A", "Blob"), Some(value));
}

#[test]
fn names_the_line_that_is_wrong() {
    let bad = [
        ("x", 2),
        ("\"x\"=dword:1", 2),
        ("[HKEY_CURRENT_USER\\A", 2),
        ("[HKEY_CURRENT_USER\\A]\n\"x\"", 3),
        ("[HKEY_CURRENT_USER\\A]\n\"x\"=dword:123456789", 3),
        ("[HKEY_CURRENT_USER\\A]\n\"x\"=dword:", 3),
        ("[HKEY_CURRENT_USER\\A]\n\"x\"=hex:123", 3),
        ("[HKEY_CURRENT_USER\\A]\n\"x\"=hex(2:00", 3),
        ("[HKEY_CURRENT_USER\\A]\n\"x\"=\"open", 3),
        ("[HKEY_CURRENT_USER\\A]\n\"x\"=dword:1 dword:2", 3),
        ("[HKEY_CURRENT_USER\\A]\n\"x\"=hex:01,\\ 02", 3),
    ];
    for (text, line) in bad {
        let error = RegText::parse(format!("REGEDIT4\n{text}").as_bytes()).unwrap_err();
        assert!(matches!(error, RegTextError::Malformed { line: l, .. } if l == line), "{text}: {error}");
    }
    for bytes in [&b""[..], b"\xFF\xFE", b"\xFF\xFER", b"\xFE\xFF\0R", b"hello", b"\xFF"] {
        assert!(RegText::parse(bytes).is_err());
    }
    let error = RegText::parse(&utf16("REGEDIT4\n[")).unwrap_err();
    assert!(matches!(error, RegTextError::Malformed { offset: 20, .. }), "{error:?}");
}

#[test]
fn raw_text_of_each_kind() {
    let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let cases = [
        (Value::dword(26), "dword:0000001a"),
        (Value::sz("a\\b \"c\""), "\"a\\\\b \\\"c\\\"\""),
        (Value::sz(""), "\"\""),
        (Value { kind: ValueKind::Binary, data: vec![0xAA, 0xBB] }, "hex:aa,bb"),
        (Value { kind: ValueKind::Binary, data: vec![] }, "hex:"),
        (Value { kind: ValueKind::ExpandSz, data: utf16("%\0") }, "hex(2):25,00,00,00"),
        (Value { kind: ValueKind::Sz, data: utf16("a") }, "hex(1):61,00"),
        (Value { kind: ValueKind::Dword, data: vec![1] }, "hex(4):01"),
        (Value { kind: ValueKind::Qword, data: vec![1, 0] }, "hex(b):01,00"),
        (Value { kind: ValueKind::Other(0), data: vec![] }, "hex(0):"),
    ];
    for (value, raw) in cases {
        assert_eq!(value_to_raw(&value), raw);
        assert_eq!(raw_to_value(raw), Some(value));
    }
    for raw in ["", "-", "26", "dword:1 ", "\"a", "hex:aa,bb ;", "hex(2)"] {
        assert_eq!(raw_to_value(raw), None, "{raw}");
    }
}

/// A small deterministic generator: this package keeps no property-test dependency.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

#[test]
fn any_text_that_parses_prints_the_same_and_garbage_never_panics() {
    let scraps = [
        "\r\n",
        "\n",
        " ",
        "[HKEY_CURRENT_USER\\A]",
        "[-HKCU\\A\\B]",
        "[HKCU\\a\\b]",
        "\"x\"=",
        "@=",
        "dword:1a",
        "\"t\\\\\\\"\"",
        "hex:",
        "hex(2):",
        "01,",
        "ff",
        "\\\n",
        ";c",
        "-",
        "\"",
        "=",
        "]",
        "\u{e4}",
        "\u{1f4ee}",
        "\\",
    ];
    let mut dice = Dice(26);
    let mut parsed = 0;
    for _ in 0..20_000 {
        let mut text = "Windows Registry Editor Version 5.00\r\n".to_owned();
        for _ in 0..dice.roll(8) {
            text += ["[HKCU\\A]\r\n", "[HKCU\\A\\B]\n", "\"x\"=dword:1\r\n", "\"y\"=hex:01,\\\r\n 02\r\n", "@=-\n"]
                [dice.roll(5)];
        }
        for _ in 0..dice.roll(7) {
            text += scraps[dice.roll(scraps.len())];
        }
        for bytes in [utf16(&text), text.into_bytes()] {
            let Ok(mut reg) = RegText::parse(&bytes) else { continue };
            parsed += 1;
            assert_eq!(reg.to_bytes(), bytes);
            let before = reg.values("A");
            if reg.value("A", "new").is_none() && reg.set("A", "new", &Value::dword(26)).is_ok() {
                let again = RegText::parse(&reg.to_bytes()).unwrap();
                assert_eq!(again.value("A", "new"), Some(Value::dword(26)));
                assert_eq!(again.values("A").len(), before.len() + 1);
                assert!(reg.remove("A", "new").unwrap());
                assert_eq!(reg.to_bytes(), bytes);
            }
        }
    }
    assert!(parsed > 5_000, "{parsed}");
}

#[test]
fn ten_thousand_accounts_are_one_pass() {
    use std::fmt::Write;
    let mut text = "Windows Registry Editor Version 5.00\r\n\r\n".to_owned();
    for n in 0..10_000 {
        write!(text, "[HKEY_CURRENT_USER\\Accounts\\{n:08X}]\r\n\"SMTP Server\"=\"smtp.hosting.test\"\r\n\r\n")
            .unwrap();
    }
    let mut reg = RegText::parse(&utf16(&text)).unwrap();
    let names = reg.subkeys("Accounts").to_vec();
    assert_eq!(names.len(), 10_000);
    let begin = std::time::Instant::now();
    for name in &names {
        let key = format!("Accounts\\{name}");
        assert!(reg.value(&key, "SMTP Port").is_none());
        reg.set(&key, "SMTP Port", &Value::dword(26)).unwrap();
    }
    // A rescan for each query would be minutes in a debug build.
    assert!(begin.elapsed() < std::time::Duration::from_secs(5), "{:?}", begin.elapsed());
}
