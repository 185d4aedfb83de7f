//! The program with the session's real keychain: a password that was put there by `credential set` is found again by
//! a silent `fix`, logs in once, and is forgotten on request. Where the keychain is locked or missing, `fix` says so.
//!
//! `scripts/test` runs this in throw-away sessions (`PORT26_TEST_KEYRING=1` and `=locked`). Elsewhere the part that
//! needs no keychain runs, and the rest says aloud that it did not.

use crate::ONE_AT_A_TIME;
use crate::support::program::{PASSWORD, USER, World, contains, first_prefs};

fn keyring() -> &'static str {
    match std::env::var("PORT26_TEST_KEYRING").as_deref() {
        Ok("locked") => "locked",
        Ok("1") => "open",
        _ => {
            let required = std::env::var("PORT26_REQUIRE_ALL").is_ok_and(|value| value == "1");
            assert!(!required, "PORT26_REQUIRE_ALL=1 and no keyring to test: set PORT26_TEST_KEYRING=1");
            eprintln!("*** NOT TESTED: port26 with the real keychain. scripts/test runs it in a session of its own.");
            "none"
        }
    }
}

#[tokio::test]
async fn a_kept_password_is_found_used_once_and_forgotten() {
    if keyring() != "open" {
        return;
    }
    let _alone = ONE_AT_A_TIME.lock().await;
    let world = World::new().await;

    let run = world.port26(&["fix", "--yes", "--json", "--keychain"]).await;
    assert_eq!((run.code, run.result()), (6, ("needs_user".into(), "password_missing".into())), "{}", run.out);
    assert_eq!(world.host.record().attempts_of(USER), 0);

    let run = world.with_password(&["credential", "set", "--json", "--keychain"]).await;
    assert_eq!((run.code, run.json()["credentials"][0]["state"].as_str()), (0, Some("kept")), "{}", run.out);
    let listed = world.port26(&["credential", "list", "--json", "--keychain"]).await.json();
    assert_eq!(listed["credentials"][0]["user"], USER);

    let run = world.port26(&["fix", "--yes", "--json", "--keychain"]).await;
    assert_eq!((run.code, run.result().0.as_str()), (0, "fixed"), "{}", run.out);
    assert_eq!(world.host.record().attempts_of(USER), 1, "one AUTH");
    assert!(!world.host.record().any_password_before_tls());
    assert!(world.prefs().contains(r#""mail.smtpserver.smtp1.port", 26"#), "{}", world.prefs());
    assert!(!contains(&world.state(), PASSWORD), "the password lies in the state folder");

    let run = world.port26(&["undo", "--keychain"]).await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(world.prefs(), first_prefs());

    let run = world.port26(&["credential", "forget", USER, "--keychain", "--dry-run"]).await;
    assert_eq!(run.code, 3, "{}{}", run.out, run.err);
    let run = world.port26(&["fix", "--dry-run", "--json", "--keychain"]).await;
    assert_eq!(run.result().0, "would_fix", "it is still there: {}", run.out);

    let run = world.port26(&["credential", "forget", USER, "--keychain"]).await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let listed = world.port26(&["credential", "list", "--json", "--keychain"]).await.json();
    assert_eq!(listed["credentials"].as_array().map(Vec::len), Some(0), "{listed}");
    let run = world.port26(&["fix", "--yes", "--json", "--keychain"]).await;
    assert_eq!(run.result(), ("needs_user".into(), "password_missing".into()), "{}", run.out);
}

#[tokio::test]
async fn a_locked_keychain_is_said_and_a_given_password_still_fixes() {
    if keyring() != "locked" {
        return;
    }
    let world = World::new().await;

    let run = world.with_password(&["credential", "set", "--json", "--keychain"]).await;
    let json = run.json();
    let entry = &json["credentials"][0];
    assert_eq!((run.code, entry["state"].as_str()), (6, Some("not kept")), "{json}");
    assert!(entry["why"].as_str().unwrap().contains("locked"), "{json}");

    let run = world.with_password(&["fix", "--yes", "--json", "--keychain"]).await;
    assert_eq!(run.result().0, "fixed", "{}", run.out);
    assert_eq!(world.host.record().attempts_of(USER), 1, "one AUTH");
    assert!(run.out.contains("locked"), "the user hears that the password was not kept: {}", run.out);
}

/// A locked keychain may well have the password: it is told that it is locked, not that it has none.
#[tokio::test]
async fn a_locked_keychain_is_not_one_without_the_password() {
    if keyring() != "locked" {
        return;
    }
    let world = World::new().await;
    for verb in [["fix", "--yes", "--json", "--keychain"], ["fix", "--silent", "--json", "--keychain"]] {
        let run = world.port26(&verb).await;
        assert_eq!((run.code, run.result()), (6, ("needs_user".into(), "keychain_locked".into())), "{}", run.out);
        assert!(!run.out.contains("neither the mail program"), "{}", run.out);
    }
}

#[tokio::test]
async fn forgetting_needs_a_name_that_is_known() {
    if keyring() != "open" {
        return;
    }
    let _alone = ONE_AT_A_TIME.lock().await;
    let world = World::new().await;
    let run = world.port26(&["credential", "forget", "--keychain"]).await;
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    let run = world.port26(&["credential", "forget", "nobody@hosting.test", "--keychain"]).await;
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    assert!(run.err.contains("nobody@hosting.test"), "{}", run.err);
    assert_eq!(world.with_password(&["credential", "set", "--keychain"]).await.code, 0);
    let run = world.port26(&["credential", "forget", "--all", "--json", "--keychain"]).await;
    assert_eq!((run.code, run.json()["credentials"][0]["state"].as_str()), (0, Some("forgotten")), "{}", run.out);
}
