//! What everybody who speaks to scriptable programs must do, as one test that runs on the twin and on `properties.js`.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{App, NewValue, Object, ObjectKey, ObjectWrite, PropertySet, ScriptError, Scripts, Wanted};

/// The dictionary of the invented program, in the form of [`super::Dictionary`].
pub const DICTIONARY: &str = r#"{
  "test.port26.postman": {
    "servers": {
      "name": "r text", "host": "rw text", "user": "rw text", "port": "rw integer", "encrypted": "rw boolean",
      "login": "rw none|password|kerberos 5", "password": "w text"
    },
    "boxes": { "name": "rw text", "addresses": "r texts", "sends": "rw -> servers" }
  }
}"#;

/// A place where the invented program runs.
pub trait Bench {
    /// Puts the program into this state, and gives who speaks to it.
    fn scripts(&self, state: &Value) -> Box<dyn Scripts>;
    /// Its state now.
    fn state(&self) -> Value;
}

const BUNDLE: &str = "test.port26.postman";

fn postman() -> App {
    App::new("Postman", BUNDLE)
}

fn state(running: bool, habits: Value) -> Value {
    let server = |host: &str, user: Value, port: u16| json!({"encrypted": false, "host": host, "login": "none", "name": "same", "port": port, "user": user});
    let mut program = json!({
        "objects": {
            "boxes": [
                {"addresses": ["ann@hosting.test", "office@hosting.test"], "name": "Ann", "sends": 1},
                {"addresses": [], "name": "On my disk", "sends": null},
            ],
            // Two with one name, and the first of them is not the one that is meant.
            "servers": [
                server("other.hosting.test", json!("bob"), 587),
                server("mail.hosting.test", Value::Null, 25),
            ],
        },
        "running": running,
    });
    if !habits.is_null() {
        program["habits"] = habits;
    }
    json!({ BUNDLE: program })
}

fn key(host: &str, users: &[Option<&str>]) -> ObjectKey {
    let text = |value: &Option<&str>| value.map(str::to_owned);
    ObjectKey {
        elements: "servers".to_owned(),
        keys: BTreeMap::from([
            ("host".to_owned(), vec![Some(host.to_owned())]),
            ("user".to_owned(), users.iter().map(text).collect()),
        ]),
    }
}

fn set(property: &str, expect: Value, value: Value) -> PropertySet {
    PropertySet { property: property.to_owned(), expect, value: NewValue::Open(value) }
}

fn to_26() -> Vec<ObjectWrite> {
    let set = vec![
        set("encrypted", json!(false), json!(true)),
        set("login", json!("none"), json!("password")),
        set("user", Value::Null, json!("ann")),
        PropertySet {
            property: "password".to_owned(),
            expect: Value::Null,
            value: NewValue::Secret(SecretString::from("Regen\"bogen\u{e9}\u{2028}7")),
        },
        set("port", json!(25), json!(26)),
    ];
    vec![ObjectWrite { object: key("mail.hosting.test", &[None, Some("ann")]), set }]
}

/// Checks somebody who speaks to programs. Panics with what is wrong.
pub fn check(bench: &dyn Bench) {
    reading(bench);
    writing(bench);
    refusals(bench);
    trouble(bench);
}

fn reading(bench: &dyn Bench) {
    for running in [false, true] {
        let before = state(running, Value::Null);
        let scripts = bench.scripts(&before);
        let wanted = [
            Wanted::new("servers", &["name", "host", "user", "port", "encrypted", "login", "password", "nonsense"]),
            Wanted::new("boxes", &["name", "addresses", "sends.host", "sends.port"]),
        ];
        let lists = must(scripts.read(&postman(), &wanted));
        let expected: Vec<Vec<Object>> = match serde_json::from_value(json!([
            [
                {"name": "same", "host": "other.hosting.test", "user": "bob", "port": 587, "encrypted": false,
                 "login": "none", "password": null, "nonsense": null},
                {"name": "same", "host": "mail.hosting.test", "user": null, "port": 25, "encrypted": false,
                 "login": "none", "password": null, "nonsense": null},
            ],
            [
                {"name": "Ann", "addresses": ["ann@hosting.test", "office@hosting.test"],
                 "sends.host": "mail.hosting.test", "sends.port": 25},
                {"name": "On my disk", "addresses": [], "sends.host": null, "sends.port": null},
            ],
        ])) {
            Ok(expected) => expected,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(lists, expected);
        assert_eq!(bench.state(), before, "reading changes nothing, and leaves the program running or not as it was");
    }
}

fn writing(bench: &dyn Bench) {
    let scripts = bench.scripts(&state(false, Value::Null));
    must(scripts.write(&postman(), &to_26()));
    let server = |bench: &dyn Bench, at: usize| bench.state()[BUNDLE]["objects"]["servers"][at].clone();
    assert_eq!(
        server(bench, 1),
        json!({"encrypted": true, "host": "mail.hosting.test", "login": "password", "name": "same", "port": 26,
               "user": "ann"})
    );
    assert_eq!(server(bench, 0)["port"], 587, "the other of the same name stays");
    assert_eq!(bench.state()[BUNDLE]["running"], false, "it is quit again");
    // And back, by the same key; a text that was missing is emptied.
    let back = vec![
        set("encrypted", json!(true), json!(false)),
        set("login", json!("password"), json!("none")),
        set("user", json!("ann"), Value::Null),
        set("port", json!(26), json!(25)),
    ];
    let object = key("mail.hosting.test", &[None, Some("ann")]);
    must(scripts.write(&postman(), &[ObjectWrite { object, set: back }]));
    let lists = must(scripts.read(&postman(), &[Wanted::new("servers", &["user", "port"])]));
    assert_eq!((&lists[0][1]["user"], &lists[0][1]["port"]), (&Value::Null, &json!(25)));
}

/// What is refused leaves everything as it was.
fn refusals(bench: &dyn Bench) {
    let mut twice = state(false, Value::Null);
    twice[BUNDLE]["objects"]["servers"][0] = twice[BUNDLE]["objects"]["servers"][1].clone();
    let plain = || state(false, Value::Null);
    let ignores = state(false, json!({"ignores": ["port"]}));
    let one = |object: ObjectKey, set: PropertySet| vec![ObjectWrite { object, set: vec![set] }];
    let ours = || key("mail.hosting.test", &[None]);
    let port = |expect: u16, value: Value| set("port", json!(expect), value);
    let mut second_is_gone = to_26();
    second_is_gone.extend(one(key("gone.hosting.test", &[None]), port(25, json!(26))));
    let mut second_is_refused = to_26();
    second_is_refused.extend(one(key("other.hosting.test", &[Some("bob")]), port(587, json!("26"))));
    let cases = [
        ("ambiguous", twice, to_26()),
        ("object_gone", plain(), one(key("gone.hosting.test", &[None]), port(25, json!(26)))),
        ("object_gone", plain(), one(key("mail.hosting.test", &[Some("cy")]), port(25, json!(26)))),
        ("object_gone", plain(), second_is_gone),
        ("changed_meanwhile", plain(), one(ours(), port(587, json!(26)))),
        ("not_taken", ignores, to_26()),
        ("app_refused", plain(), one(ours(), port(25, json!("26")))),
        ("app_refused", plain(), one(ours(), set("login", json!("none"), json!("secret knock")))),
        ("app_refused", plain(), one(ours(), set("name", json!("same"), json!("other")))),
        ("app_refused", plain(), second_is_refused),
    ];
    for (code, before, writes) in cases {
        let scripts = bench.scripts(&before);
        let error = refused(scripts.write(&postman(), &writes));
        assert_eq!(error.code(), code, "{error}");
        assert!(!error.to_string().contains("Regen") && !error.hint().is_empty(), "{error}");
        let lists = must(scripts.read(&postman(), &[Wanted::new("servers", &["user", "port", "encrypted", "login"])]));
        for (at, server) in lists[0].iter().enumerate() {
            let was = &before[BUNDLE]["objects"]["servers"][at];
            assert!(server.iter().all(|(name, value)| was[name] == *value), "{code}: {server:?}");
        }
    }
    let nobody = App::new("Nobody", "test.port26.nobody");
    let scripts = bench.scripts(&plain());
    assert_eq!(refused(scripts.read(&nobody, &[])).code(), "app_missing");
}

fn trouble(bench: &dyn Bench) {
    let wanted = [Wanted::new("servers", &["port"])];
    for (number, code) in [
        (-1743, "automation_permission"),
        (-600, "app_ended"),
        (-609, "app_ended"),
        (-1712, "app_silent"),
        (-10000, "app_refused"),
    ] {
        let before = state(false, json!({"fails": {"number": number}}));
        let scripts = bench.scripts(&before);
        assert_eq!(refused(scripts.read(&postman(), &wanted)).code(), code);
        assert_eq!(refused(scripts.write(&postman(), &to_26())).code(), code);
        assert_eq!(bench.state(), before, "{code}");
        // A lost connection is tried once more; a refusal never: the person has answered.
        let scripts = bench.scripts(&state(false, json!({"fails": {"number": number, "times": 1}})));
        let again = scripts.read(&postman(), &wanted);
        assert_eq!(again.is_ok(), code == "app_ended", "{code}");
    }
    // A program that knows better: what was set is something else once it has quit.
    let on_quit = json!({"on_quit": [["servers", 1, "port", 587]]});
    let scripts = bench.scripts(&state(false, on_quit));
    must(scripts.write(&postman(), &to_26()));
    let lists = must(scripts.read(&postman(), &wanted));
    assert_eq!(lists[0][1]["port"], 587);
}

fn must<T>(result: Result<T, ScriptError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn refused<T: std::fmt::Debug>(result: Result<T, ScriptError>) -> ScriptError {
    match result {
        Err(error) => error,
        Ok(value) => panic!("it was not refused: {value:?}"),
    }
}
