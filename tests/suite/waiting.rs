//! `fix` while a mail program is open: it says so, waits with `--wait`, and writes what the program itself wrote when it
//! closed, with its own change in it. The program is another process that holds Thunderbird's lock. On Windows, where
//! programs can be asked to close, `live_registry` has the same with a window.

use std::time::Duration;

use port26_platform::computer::Os;

use crate::support::open_client::{self, Client};
use crate::support::program::{self, World};

/// A Linux home tells who is open only on Linux.
fn locks_are_seen() -> bool {
    let seen = Os::here() == Os::Linux;
    if !seen {
        eprintln!("*** NOT TESTED here: waiting for a program that holds a lock in a Linux home.");
    }
    seen
}

fn thunderbird(world: &World) -> Client {
    Client { lock: Some(world.profile().join(".parentlock")), ..Client::default() }
}

/// When it closes, Thunderbird writes this.
fn writing(world: &World, prefs: &str) -> Client {
    let last = world.folder.path().join("last.js");
    std::fs::write(&last, prefs).unwrap();
    Client { last_write: Some((last, world.profile().join("prefs.js"))), ..thunderbird(world) }
}

/// The client is closed once the program has tried the login, and so has only the waiting left to do.
async fn close_when_tested(world: &World, client: &mut open_client::OpenClient) {
    while world.host.record().logins.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(world.prefs(), program::first_prefs(), "written while the client was open");
    client.close();
}

#[tokio::test]
async fn what_the_client_writes_when_it_closes_is_kept_and_moved() {
    if !locks_are_seen() {
        return;
    }
    let world = World::new().await;
    let prefs = program::first_prefs() + "user_pref(\"mail.written.on.exit\", true);\n";
    let mut client = writing(&world, &prefs).open();
    let (run, ()) = tokio::join!(
        world.with_password(&["fix", "--yes", "--wait", "--json"]),
        close_when_tested(&world, &mut client)
    );
    assert_eq!((run.result().0.as_str(), run.code, run.err.as_str()), ("fixed", 0, ""), "{}", run.out);
    let now = world.prefs();
    assert!(now.contains("mail.written.on.exit"), "what the client wrote last is lost: {now}");
    assert!(now.contains("user_pref(\"mail.smtpserver.smtp1.port\", 26);"), "{now}");
    assert_eq!(world.host.record().logins.len(), 1, "one attempt a run, however often it is tested");

    let run = world.port26(&["undo", "--json"]).await;
    assert_eq!((run.code, world.prefs()), (0, prefs), "{}{}", run.out, run.err);
}

#[tokio::test]
async fn a_client_that_was_set_right_meanwhile_is_left_as_it_is() {
    if !locks_are_seen() {
        return;
    }
    let world = World::new().await;
    let prefs = program::first_prefs().replace("smtp1.port\", 25", "smtp1.port\", 587").replace(
        "smtp1.authMethod\", 3);\n",
        "smtp1.authMethod\", 3);\nuser_pref(\"mail.smtpserver.smtp1.try_ssl\", 2);\n",
    );
    let mut client = writing(&world, &prefs).open();
    let (run, ()) = tokio::join!(
        world.with_password(&["fix", "--yes", "--wait", "--json"]),
        close_when_tested(&world, &mut client)
    );
    assert_eq!((run.result().0.as_str(), run.code), ("already_works", 0), "{}{}", run.out, run.err);
    assert_eq!(world.prefs(), prefs);
}

#[tokio::test]
async fn an_account_that_is_gone_meanwhile_is_told() {
    if !locks_are_seen() {
        return;
    }
    let world = World::new().await;
    let mut client = writing(&world, "// Mozilla User Preferences\n").open();
    let (run, ()) = tokio::join!(
        world.with_password(&["fix", "--yes", "--wait", "--json"]),
        close_when_tested(&world, &mut client)
    );
    assert_eq!(run.result(), ("not_ours".into(), "account_gone".into()), "{}{}", run.out, run.err);
    assert_eq!((run.code, world.prefs().as_str()), (0, "// Mozilla User Preferences\n"));
}

#[tokio::test]
async fn a_client_that_stays_open_keeps_its_settings() {
    if !locks_are_seen() {
        return;
    }
    let world = World::new().await;
    let mut client = thunderbird(&world).open();
    let cases: [(&[&str], &str); 4] = [
        (&["fix", "--yes", "--json"], "is open and would overwrite"),
        (&["fix", "--yes", "--json", "--wait", "--wait-max", "1"], "is still open"),
        (&["fix", "--yes", "--json", "--close", "--wait-max", "1"], "cannot ask it to close here"),
        (&["fix", "--yes", "--json", "--close", "--wait", "--wait-max", "0"], "cannot ask it to close here"),
    ];
    for (arguments, why) in cases {
        let run = world.with_password(arguments).await;
        assert_eq!(run.result(), ("deferred".into(), "client_open".into()), "{arguments:?}");
        let message = run.json()["accounts"][0]["reason"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(why), "{arguments:?}: {message}");
        assert_eq!((run.code, run.err.as_str()), (6, ""), "{arguments:?}");
        assert_eq!(world.prefs(), program::first_prefs(), "{arguments:?}");
    }
    assert!(client.is_open(), "it was ended");

    let silent = world.with_password(&["fix", "--silent", "--wait", "--wait-max", "1"]).await;
    assert_eq!((silent.code, silent.out.as_str(), silent.err.as_str()), (6, "", ""));
    let people = world.with_password(&["fix", "--yes", "--close", "--wait-max", "1"]).await;
    let said = "port26 cannot ask Thunderbird to close here; please close it: waiting until it is closed\n";
    assert_eq!((people.code, people.err.as_str()), (6, said), "{}", people.out);
    let waiting = world.with_password(&["fix", "--yes", "--wait", "--wait-max", "1"]).await;
    assert_eq!(waiting.err, "Thunderbird is open; waiting until it is closed\n");
    let dry = world.with_password(&["fix", "--dry-run", "--wait"]).await;
    assert_eq!(dry.code, 6, "a dry run waits for nobody");
}

#[tokio::test]
async fn a_limit_without_waiting_is_a_slip() {
    let world = World::new().await;
    let run = world.port26(&["fix", "--yes", "--wait-max", "5"]).await;
    assert_eq!(run.code, 2);
    assert!(run.err.contains("--wait-max") && run.err.contains("next: Add --wait"), "{}", run.err);
}
