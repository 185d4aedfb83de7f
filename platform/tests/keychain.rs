//! One contract for everything that keeps passwords, held up to the twin in memory and to the real keychain.
//!
//! The real one runs where a keychain may be written: always on Windows, elsewhere when `PORT26_TEST_KEYRING=1` says
//! that this session's keyring is a throw-away one (`scripts/test` makes it). `PORT26_REQUIRE_ALL=1` turns a missing
//! keyring into a failure.

// Helpers of tests count as tests.
#![allow(clippy::expect_used)]

use std::time::{Duration, Instant};

use port26_platform::secrets::{Keychain, MemorySecrets, Secrets, SecretsError, Unlock};
use secrecy::{ExposeSecret, SecretString};

/// What every store of passwords must do.
fn contract(secrets: &dyn Secrets) {
    let service = format!("port26-test-{}:smtp://mail.hosting.test", std::process::id());
    let (anna, bert) = ("anna@hosting.test", "bert");
    let get = |account: &str| {
        secrets.get(&service, account).expect("get").map(|password| password.expose_secret().to_owned())
    };
    let set = |account: &str, password: &str| {
        secrets.set(&service, account, &SecretString::from(password)).expect("set");
    };

    assert_eq!(get(anna), None, "a new store has nothing");
    assert!(!secrets.forget(&service, anna).expect("forget"), "nothing to forget");

    set(anna, "first");
    set(bert, "bert's");
    assert_eq!(get(anna).as_deref(), Some("first"));
    assert_eq!(get(bert).as_deref(), Some("bert's"), "accounts of one service are apart");
    assert!(secrets.get(&format!("{service}.other"), anna).expect("get").is_none(), "services are apart");

    set(anna, "second");
    assert_eq!(get(anna).as_deref(), Some("second"), "set replaces");

    let odd = " a:b\"\\ \u{e4}\u{f6}\u{20ac}\u{1f511} ";
    set(anna, odd);
    assert_eq!(get(anna).as_deref(), Some(odd), "every character and blank comes back");

    assert!(secrets.forget(&service, anna).expect("forget"));
    assert_eq!(get(anna), None, "forgotten");
    assert!(!secrets.forget(&service, anna).expect("forget"), "forgotten once");
    assert_eq!(get(bert).as_deref(), Some("bert's"), "the other one stays");
    assert!(secrets.forget(&service, bert).expect("forget"));
}

/// What `PORT26_TEST_KEYRING` says about the real keychain.
#[derive(Debug, PartialEq, Eq)]
enum Keyring {
    Open,
    Locked,
    NotOurs,
}

fn keyring() -> Keyring {
    match std::env::var("PORT26_TEST_KEYRING").as_deref() {
        Ok("locked") => Keyring::Locked,
        Ok("1") => Keyring::Open,
        _ if std::env::consts::OS == "windows" => Keyring::Open,
        _ => {
            let required = std::env::var("PORT26_REQUIRE_ALL").is_ok_and(|value| value == "1");
            assert!(
                !required,
                "PORT26_REQUIRE_ALL=1 and no keyring to test: set PORT26_TEST_KEYRING=1 (see scripts/test)"
            );
            eprintln!("*** NOT TESTED: the real keychain. scripts/test runs it in a session of its own.");
            Keyring::NotOurs
        }
    }
}

#[test]
fn memory_keeps_the_contract() {
    let secrets = MemorySecrets::new();
    contract(&secrets);
    assert!(secrets.is_empty());
}

#[test]
fn the_real_keychain_keeps_the_contract() {
    if keyring() == Keyring::Open {
        contract(&Keychain::new(Unlock::Allowed));
        contract(&Keychain::new(Unlock::Never));
    }
}

#[test]
fn a_silent_run_asks_nobody_to_unlock() {
    if keyring() != Keyring::Locked {
        return;
    }
    let keychain = Keychain::new(Unlock::Never);
    let start = Instant::now();
    let refused = keychain.set("port26-test:smtp://mail.hosting.test", "anna@hosting.test", &SecretString::from("new"));
    match refused {
        Err(SecretsError::Refused { why, .. }) => assert!(why.contains("locked"), "{why}"),
        other => panic!("a locked keyring took a password: {other:?}"),
    }
    assert!(start.elapsed() < Duration::from_secs(4), "took {:?}: somebody was asked", start.elapsed());
}

/// What other programs of this desktop leave in the keyring: `secret-tool` after `echo`, two items that both fit.
#[cfg(target_os = "linux")]
mod left_by_others {
    use port26_platform::secrets::{Keychain, Secrets, SecretsError, Unlock};
    use secrecy::ExposeSecret;
    use secret_service::EncryptionType;
    use secret_service::blocking::SecretService;

    use super::{Keyring, keyring};

    const ACCOUNT: &str = "anna@hosting.test";

    fn leave(service: &str, more: &[(&str, &str)], secret: &[u8]) {
        let bus = SecretService::connect(EncryptionType::Dh).expect("bus");
        let mut attributes = vec![("service", service), ("username", ACCOUNT)];
        attributes.extend(more);
        let collection = bus.get_default_collection().expect("default");
        let item =
            collection.create_item("by another program", attributes.into_iter().collect(), secret, false, "text/plain");
        item.expect("item");
    }

    fn clean(service: &str) {
        let bus = SecretService::connect(EncryptionType::Dh).expect("bus");
        for item in bus.search_items([("service", service)].into()).expect("search").unlocked {
            item.delete().expect("delete");
        }
    }

    #[test]
    fn is_used_where_it_can_be_and_told_in_words_where_not() {
        if keyring() != Keyring::Open {
            return;
        }
        let service = format!("port26-test-{}:smtp://odd.hosting.test", std::process::id());
        for unlock in [Unlock::Allowed, Unlock::Never] {
            let keychain = Keychain::new(unlock);
            let get = || keychain.get(&service, ACCOUNT);
            leave(&service, &[], b"open sesame\n");
            assert_eq!(
                get().expect("get").map(|found| found.expose_secret().to_owned()).as_deref(),
                Some("open sesame")
            );
            leave(&service, &[("application", "another")], b"open sesame");
            for refused in [get().map(drop), keychain.forget(&service, ACCOUNT).map(drop)] {
                let said = refused.expect_err("two items").to_string();
                assert!(said.contains("2 items") && !said.contains("Entry"), "{said}");
            }
            clean(&service);
            for (secret, word) in [(&b"\n"[..], "empty"), (b"", "empty"), (b"caf\xe9", "not text")] {
                leave(&service, &[], secret);
                match get() {
                    Err(SecretsError::Unusable { why, .. }) => assert!(why.contains(word), "{why}"),
                    other => panic!("{secret:?} gave {other:?}"),
                }
                clean(&service);
            }
        }
    }
}

/// Re-runs this program as [`child_without_a_keychain`] with another session bus, since the store is opened once a process.
fn in_a_session_without_keychain(bus: &str) {
    let start = Instant::now();
    let output = std::process::Command::new(std::env::current_exe().expect("own path"))
        .args(["--exact", "child_without_a_keychain", "--nocapture"])
        .env("PORT26_TEST_CHILD", "1")
        .env("DBUS_SESSION_BUS_ADDRESS", bus)
        .output()
        .expect("child");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("said no: this machine has no keychain that port26 can reach"), "{said}");
    assert!(start.elapsed() < Duration::from_secs(20), "took {:?}", start.elapsed());
}

#[test]
fn no_bus_is_said_at_once() {
    // Credential Manager and Keychain need no bus.
    if std::env::consts::OS == "linux" {
        in_a_session_without_keychain("unix:path=/nonexistent/port26-test-bus");
    }
}

#[test]
fn a_bus_that_never_answers_does_not_hang_us() {
    if std::env::consts::OS == "linux" {
        silent_bus::run(in_a_session_without_keychain);
    }
}

#[test]
fn child_without_a_keychain() {
    if std::env::var_os("PORT26_TEST_CHILD").is_none() {
        return;
    }
    let keychain = Keychain::new(Unlock::Allowed);
    for _ in 0..3 {
        match keychain.get("port26-test:smtp://mail.hosting.test", "anna@hosting.test") {
            Err(error @ SecretsError::NoKeychain { .. }) => println!("said no: {error}"),
            other => panic!("expected no keychain, got {other:?}"),
        }
    }
}

/// A bus that accepts and then says nothing.
mod silent_bus {
    pub fn run(check: impl FnOnce(&str)) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listen");
        let port = listener.local_addr().expect("address").port();
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                open.push(stream);
            }
        });
        check(&format!("tcp:host=127.0.0.1,port={port}"));
    }
}
