//! `port26 profile`: from an account that is here, from flags alone, and when it is refused.

use crate::support::program::{HOST, USER, World};

/// The one account that a profile sets up.
fn account(profile: &str) -> plist::Dictionary {
    let list = plist::Value::from_reader_xml(profile.as_bytes()).unwrap().into_dictionary().unwrap();
    list["PayloadContent"].as_array().unwrap()[0].as_dictionary().unwrap().clone()
}

#[tokio::test]
async fn an_account_that_is_here_goes_to_the_first_port_of_the_policy() {
    let world = World::new().await;
    let run = world.port26(&["profile", "Anna@hosting.test"]).await;
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("was not tested") && run.err.contains("next:"), "{}", run.err);
    let made = account(&run.out);
    let text = |key: &str| made[key].as_string().unwrap().to_owned();
    assert_eq!(
        (text("OutgoingMailServerHostName").as_str(), text("EmailAccountType").as_str()),
        (HOST, "EmailTypeIMAP")
    );
    assert_eq!(
        (text("IncomingMailServerHostName").as_str(), text("OutgoingMailServerUsername").as_str()),
        (HOST, USER)
    );
    assert_eq!(made["OutgoingMailServerPortNumber"].as_signed_integer(), Some(26));

    let policy = world.folder.path().join("policy.toml");
    std::fs::write(&policy, "target_ports = [587]\n").unwrap();
    let run = world.port26(&["profile", USER, "--json", "--policy", &policy.display().to_string()]).await;
    let json = run.json();
    assert_eq!((&json["verb"], &json["outgoing"]), (&"profile".into(), &"mail.hosting.test:587".into()), "{json}");
    let made = account(json["profile"].as_str().unwrap());
    assert_eq!(made["OutgoingMailServerPortNumber"].as_signed_integer(), Some(587));
}

#[tokio::test]
async fn flags_alone_are_enough_and_win() {
    let world = World::new().await;
    let arguments = ["profile", "jan@other.test", "--incoming", "in.other.test", "--protocol", "pop3"];
    let more = ["--outgoing", "out.other.test:2525", "--user", "jan", "--name", "Jan", "--organization", "Other"];
    let run = world.port26(&[&arguments[..], &more].concat()).await;
    assert_eq!(run.code, 0, "{}", run.err);
    let made = account(&run.out);
    assert_eq!(made["IncomingMailServerPortNumber"].as_signed_integer(), Some(995));
    assert_eq!(made["OutgoingMailServerPortNumber"].as_signed_integer(), Some(2525));
    assert_eq!(made["IncomingMailServerUsername"].as_string(), Some("jan"));
}

#[tokio::test]
async fn what_is_not_known_is_asked_for() {
    let world = World::new().await;
    let all = ["--incoming", "in.other.test", "--protocol", "imap", "--outgoing"];
    for (arguments, named) in [
        (&["profile", "jan@other.test"][..], "jan@other.test"),
        (&[&["profile", "jan"][..], &all, &["out.other.test"]].concat(), "no e-mail address"),
        (&[&["profile", "jan@other.test"][..], &all, &["out.other.test:0"]].concat(), "--outgoing"),
        (&[&["profile", "jan@other.test"][..], &all, &["not a host"]].concat(), "not a host"),
    ] {
        let run = world.port26(arguments).await;
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
        assert!(run.err.contains(named) && run.err.contains("next:"), "{arguments:?}: {}", run.err);
    }
}

#[tokio::test]
async fn an_account_that_is_not_ours_gets_none() {
    let world = World::new().await;
    let prefs = world.prefs().replace("mail.hosting.test", "smtp.gmail.com");
    std::fs::write(world.profile().join("prefs.js"), prefs).unwrap();
    let run = world.port26(&["profile", USER]).await;
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
    assert!(run.err.contains("google"), "{}", run.err);
}
