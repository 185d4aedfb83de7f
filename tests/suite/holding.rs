//! After a move the next look asks whether it holds, and `status` says so: as a script and as a person see it.

use crate::support::program::{USER, World};

/// The state that `status` tells of the one moved account, and what it says to people.
async fn told(world: &World) -> (String, String) {
    let json = world.port26(&["status", "--json"]).await.json();
    let state = json["holding"][0]["state"].as_str().unwrap_or("none").to_owned();
    (state, world.port26(&["status"]).await.out)
}

#[tokio::test]
async fn a_move_that_holds_is_told_and_one_that_does_not_as_well() {
    let world = World::new().await;
    assert_eq!(world.with_password(&["fix", "--yes", "--json"]).await.code, 0);
    assert_eq!(told(&world).await.0, "none", "nobody has looked since");

    assert_eq!(world.port26(&["test", "--json"]).await.code, 0);
    let (state, words) = told(&world).await;
    assert_eq!(state, "yes");
    assert!(words.contains(": it holds"), "{words}");

    // Its program, or somebody, sets it back.
    let moved = world.prefs();
    let file = world.profile().join("prefs.js");
    std::fs::write(&file, moved.replace("smtp1.port\", 26", "smtp1.port\", 25")).unwrap();
    assert_ne!(world.prefs(), moved, "{moved}");
    world.port26(&["test", "--json"]).await;
    let (state, words) = told(&world).await;
    assert_eq!(state, "set_otherwise");
    assert!(words.contains("set to port 25 of mail.hosting.test since"), "{words}");

    // The port goes away.
    std::fs::write(&file, moved).unwrap();
    let world = world.blocking(&[26]);
    world.port26(&["test", "--json"]).await;
    let (state, words) = told(&world).await;
    assert_eq!(state, "not_taken");
    assert!(words.contains("it does not hold"), "{words}");

    // A dry run leaves it as it was seen; after an undo there is nothing left to hold.
    world.port26(&["fix", "--dry-run", "--json"]).await;
    assert_eq!(told(&world).await.0, "not_taken");
    world.port26(&["undo", "--yes", "--json"]).await;
    assert_eq!(told(&world).await.0, "none");
    world.port26(&["test", "--json"]).await;
    assert_eq!(told(&world).await.0, "none");
}

/// A look that tries no login knows less than one whose login was refused.
#[tokio::test]
async fn a_login_that_was_refused_is_not_forgotten_by_a_look_without_one() {
    let world = World::new().await;
    assert_eq!(world.with_password(&["fix", "--yes", "--json"]).await.code, 0);
    let wrong = format!("{USER}:not it\n");
    world.with_input(&["test", "--json", "--credential-stdin"], &wrong).await;
    let (state, words) = told(&world).await;
    assert_eq!(state, "not_taken", "{words}");
    world.port26(&["test", "--json"]).await;
    assert_eq!(told(&world).await.0, "not_taken", "no login was tried");
    world.with_password(&["test", "--json"]).await;
    assert_eq!(told(&world).await.0, "yes", "it was taken");
}
