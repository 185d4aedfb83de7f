//! Edits of `logins.json` that keep every byte, and what is told of a login without its key.

use proptest::prelude::*;

use super::*;

fn login(id: u64, origin: &str, guid: &str, secret: &str) -> String {
    format!(
        r#"{{"id":{id},"hostname":"{origin}","httpRealm":"{origin}","formSubmitURL":null,"usernameField":"","passwordField":"","encryptedUsername":"U{secret}","encryptedPassword":"P{secret}","guid":"{guid}","encType":1,"timeCreated":1700000000000,"timesUsed":{id}}}"#
    )
}

fn file(logins: &[String], next: u64) -> String {
    format!(r#"{{"nextId":{next},"logins":[{}],"version":3,"dismissed":{{"a":[1,{{"b":"]}}"}}]}}}}"#, logins.join(","))
}

fn sample() -> String {
    file(&[login(1, "https://x.test", "{w}", "w"), login(2, "imap://imap.hosting.test", "{i}", "i")], 3)
}

#[test]
fn copies_a_login_and_takes_it_out_again() {
    let source = sample();
    let origin = "smtp://mail.hosting.test";
    let guid = deterministic_guid("{i}", origin);
    let mut doc = MozillaLogins::parse(source.as_bytes()).unwrap();
    assert_eq!(doc.get(&guid).unwrap(), None);
    doc.set(&guid, &copy_raw("{i}", origin)).unwrap();
    let copy = login(3, origin, &guid, "i").replace("\"timesUsed\":3", "\"timesUsed\":2");
    let expected =
        source.replace("\"nextId\":3", "\"nextId\":4").replace("}],\"version\"", &format!("}},{copy}],\"version\""));
    assert_eq!(String::from_utf8(doc.to_bytes()).unwrap(), expected);
    let mut again = MozillaLogins::parse(expected.as_bytes()).unwrap();
    assert_eq!(again.get(&guid).unwrap(), Some(copy_raw("{i}", origin)));
    assert_eq!(again.for_origin(origin).count(), 1);
    again.set(&guid, &copy_raw("{i}", origin)).unwrap();
    again.remove(&guid).unwrap();
    assert_eq!(again.to_bytes(), source.as_bytes());
    doc.remove(&guid).unwrap();
    assert_eq!(doc.to_bytes(), source.as_bytes());
}

#[test]
fn counters_do_not_matter_and_ciphertexts_do() {
    let origin = "smtp://mail.hosting.test";
    let used = login(9, origin, "{c}", "i");
    let doc = MozillaLogins::parse(file(&[login(2, "imap://h", "{i}", "i"), used], 10).as_bytes()).unwrap();
    assert_eq!(doc.get("{c}").unwrap(), Some(copy_raw("{i}", origin)));
    let other = login(9, origin, "{c}", "new password");
    let doc = MozillaLogins::parse(file(&[login(2, "imap://h", "{i}", "i"), other], 10).as_bytes()).unwrap();
    assert_eq!(doc.get("{c}").unwrap().as_deref(), Some("changed"));
    assert!(!format!("{:?}", doc.get("{c}")).contains("Pnew"));
}

#[test]
fn a_login_added_since_keeps_its_number() {
    let mut doc = MozillaLogins::parse(sample().as_bytes()).unwrap();
    doc.set("{c}", &copy_raw("{i}", "smtp://h")).unwrap();
    let text = String::from_utf8(doc.to_bytes()).unwrap();
    let since = text.replace("],\"version\"", &format!(",{}],\"version\"", login(4, "https://y.test", "{y}", "y")));
    let since = since.replace("\"nextId\":4", "\"nextId\":5");
    let mut doc = MozillaLogins::parse(since.as_bytes()).unwrap();
    doc.remove("{c}").unwrap();
    let expected = file(
        &[
            login(1, "https://x.test", "{w}", "w"),
            login(2, "imap://imap.hosting.test", "{i}", "i"),
            login(4, "https://y.test", "{y}", "y"),
        ],
        5,
    );
    assert_eq!(String::from_utf8(doc.to_bytes()).unwrap(), expected);
}

#[test]
fn refuses_what_it_cannot_do_safely() {
    let mut doc = MozillaLogins::parse(sample().as_bytes()).unwrap();
    assert!(doc.set("{c}", "copy:{none} origin:smtp://h").is_err());
    assert!(doc.set("{i}", "copy:{w} origin:smtp://h").is_err());
    assert!(doc.set("{c}", "anything").is_err());
    assert_eq!(doc.to_bytes(), sample().as_bytes());
    let mut doc = MozillaLogins::parse(sample().replace("\"nextId\":3", "\"nextId\":2").as_bytes()).unwrap();
    assert!(doc.set("{c}", &copy_raw("{i}", "smtp://h")).is_err());
    for bad in ["", "[]", "{\"logins\":3}", "{\"nextId\":1}", "{\"logins\":[1]}", "{\"logins\":[}"] {
        assert!(MozillaLogins::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn whose_a_login_is_not_is_told_by_the_length_of_the_name() {
    const JAN: &str = "MEMEEPgAAAAAAAAAAAAAAAAAAAEwHQYJYIZIAWUDBAEqBBCZvUfXuh6CZvBH3VVXAxanBBAGqTR4EDIMzYZDPm+qsUT5";
    let may_be = |ciphertext: &str, user: &str| {
        let text = login(1, "smtp://h", "{g}", "x").replace("\"Ux\"", &json_text(ciphertext));
        let doc = MozillaLogins::parse(file(&[text], 2).as_bytes()).unwrap();
        doc.logins().next().unwrap().may_be_of(user)
    };
    assert!(may_be(JAN, "jan") && may_be(JAN, "ada") && !may_be(JAN, "jan@hosting.example"));
    // Beyond ASCII, and without a ciphertext that can be read, nothing is concluded.
    assert!(may_be(JAN, "müller@hosting.example") && may_be("u", "jan@hosting.example"));
}

#[test]
fn only_a_realm_that_repeats_the_origin_is_looked_for() {
    let with = |realm: &str| {
        let text =
            login(1, "smtp://h", "{g}", "x").replace("\"httpRealm\":\"smtp://h\"", &format!("\"httpRealm\":{realm}"));
        MozillaLogins::parse(file(&[text], 2).as_bytes()).unwrap().for_origin("smtp://h").count()
    };
    let nobodys = login(1, "smtp://h", "{g}", "x").replace("\"Ux\"", "\"\"");
    assert_eq!(MozillaLogins::parse(file(&[nobodys], 2).as_bytes()).unwrap().for_origin("smtp://h").count(), 0);
    assert_eq!((with("\"smtp://h\""), with("null"), with("\"mail\""), with("\"\"")), (1, 0, 0, 0));
}

#[test]
fn a_guid_depends_on_both_and_has_the_usual_shape() {
    let guid = deterministic_guid("{i}", "smtp://a");
    assert_eq!(guid, deterministic_guid("{i}", "smtp://a"));
    assert_ne!(guid, deterministic_guid("{i}", "smtp://b"));
    assert_ne!(guid, deterministic_guid("{j}", "smtp://a"));
    let lengths: Vec<usize> = guid.trim_matches(['{', '}']).split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);
}

fn generated() -> impl Strategy<Value = (String, usize)> {
    (prop::collection::vec("[a-z\"\\\\\\]}{,: ]{0,6}", 1..5), any::<bool>(), 0..4u64).prop_map(|(notes, pretty, gap)| {
        let count = notes.len();
        let logins: Vec<serde_json::Value> = notes
            .iter()
            .enumerate()
            .map(|(at, note)| {
                serde_json::json!({"id": at + 1, "hostname": format!("imap://{note}"), "httpRealm": null, "note": [note, {"x": note}],
                    "guid": format!("{{{at}}}"), "encryptedUsername": format!("u{at}"), "encryptedPassword": format!("p{at}")})
            })
            .collect();
        let root = serde_json::json!({"nextId": count as u64 + 1 + gap, "logins": logins, "version": 3});
        (if pretty { serde_json::to_string_pretty(&root) } else { serde_json::to_string(&root) }.unwrap(), count)
    })
}

proptest! {
    #[test]
    fn copies_come_out_in_any_order((source, count) in generated(), picks in prop::collection::vec(0..5usize, 1..4), flip in any::<bool>()) {
        let mut doc = MozillaLogins::parse(source.as_bytes()).unwrap();
        prop_assert_eq!(doc.to_bytes(), source.as_bytes());
        let mut names = Vec::new();
        for (at, pick) in picks.iter().enumerate() {
            let (from, origin) = (format!("{{{}}}", pick % count), format!("smtp://{at}"));
            let guid = deterministic_guid(&from, &origin);
            doc.set(&guid, &copy_raw(&from, &origin)).unwrap();
            names.push((guid, from, origin));
        }
        let printed = doc.to_bytes();
        serde_json::from_slice::<serde_json::Value>(&printed).unwrap();
        let mut again = MozillaLogins::parse(&printed).unwrap();
        for login in MozillaLogins::parse(source.as_bytes()).unwrap().logins() {
            prop_assert!(again.logins().any(|other| other == login));
        }
        for (guid, from, origin) in &names {
            prop_assert_eq!(again.get(guid).unwrap(), Some(copy_raw(from, origin)));
        }
        if flip {
            names.reverse();
        }
        for (guid, _, _) in &names {
            again.remove(guid).unwrap();
            doc.remove(guid).unwrap();
        }
        prop_assert_eq!(again.to_bytes(), source.as_bytes());
        prop_assert_eq!(doc.to_bytes(), source.as_bytes());
    }

    #[test]
    fn removing_any_logins_leaves_json((source, count) in generated(), gone in prop::collection::btree_set(0..5usize, 0..5), copies in 0..3usize, less in any::<bool>()) {
        let mut doc = MozillaLogins::parse(source.as_bytes()).unwrap();
        for copy in 0..copies {
            doc.set(&format!("copy{copy}"), &copy_raw("{0}", "smtp://h")).unwrap();
        }
        if less {
            doc.remove("copy0").unwrap();
        }
        for at in &gone {
            doc.remove(&format!("{{{at}}}")).unwrap();
        }
        let value: serde_json::Value = serde_json::from_slice(&doc.to_bytes()).unwrap();
        let left = (0..count).filter(|at| !gone.contains(at)).count() + copies - usize::from(less && copies > 0);
        prop_assert_eq!(value["logins"].as_array().unwrap().len(), left);
    }
}
