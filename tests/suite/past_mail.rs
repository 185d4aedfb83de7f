//! When an account last sent and what waits in its Outbox: told before anything is changed, of accounts that cannot send only, and
//! never where the policy says no.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::program::{World, contains};

const LOCAL: &str = r#"user_pref("mail.accountmanager.accounts", "account1,account2");
user_pref("mail.account.account2.server", "server2");
user_pref("mail.identity.id1.fcc_folder", "mailbox://nobody@Local%20Folders/Sent");
user_pref("mail.server.server2.directory-rel", "[ProfD]Mail/Local Folders");
user_pref("mail.server.server2.hostname", "Local Folders");
user_pref("mail.server.server2.type", "none");
user_pref("mail.server.server2.userName", "nobody");
"#;

fn message(from: &str, date: &str, status: &str, more: &str) -> String {
    format!(
        "From - x\r\nX-Mozilla-Status: {status}\r\nDate: {date}\r\nFrom: <{from}>\r\nSubject: Kirschenzeit\r\n{more}\r\n\
         Kirschenzeit\r\n\r\n"
    )
}

/// An account that sent on 3 November 2024, with two messages that wait since.
async fn world() -> World {
    let world = World::new().await;
    let folders = folders(&world);
    fs::create_dir_all(&folders).unwrap();
    fs::write(world.profile().join("prefs.js"), world.prefs() + LOCAL).unwrap();
    let sent = [
        message("anna@hosting.test", "Sun, 3 Nov 2024 12:00:00 +0000", "0001", ""),
        message("eva@hosting.test", "Sat, 9 Nov 2024 12:00:00 +0000", "0001", ""),
        message("anna@hosting.test", "Sun, 10 Nov 2024 12:00:00 +0000", "0009", ""),
    ];
    let key = "X-Identity-Key: id1\r\n";
    let unsent = [
        message("anna@hosting.test", "Tue, 5 Nov 2024 12:00:00 +0000", "0800", key),
        message("anna@hosting.test", "Mon, 4 Nov 2024 12:00:00 +0000", "0808", key),
        message("anna@hosting.test", "Wed, 6 Nov 2024 12:00:00 +0000", "0800", key),
        message("eva@hosting.test", "Wed, 6 Nov 2024 12:00:00 +0000", "0800", "X-Identity-Key: id7\r\n"),
    ];
    fs::write(folders.join("Sent"), sent.concat()).unwrap();
    fs::write(folders.join("Unsent Messages"), unsent.concat()).unwrap();
    world
}

fn folders(world: &World) -> PathBuf {
    world.profile().join("Mail/Local Folders")
}

/// What the document says of the mail of its first account: the two values, and the notes about them.
fn told(document: &Value) -> (Value, Value, Vec<String>) {
    let account = &document["accounts"][0];
    let fields = account.as_object().unwrap();
    assert!(fields.contains_key("last_sent") && fields.contains_key("waiting"), "{account}");
    let notices = account["notices"].as_array().into_iter().flatten();
    let about = notices.filter(|one| ["past_mail", "will_go_out"].contains(&one["code"].as_str().unwrap_or_default()));
    let words = about.map(|one| one["message"].as_str().unwrap_or_default().to_owned()).collect();
    (account["last_sent"].clone(), account["waiting"].clone(), words)
}

const SENTENCE: &str =
    "Your last mail from this program went out on 3 November 2024; since then 2 messages wait in the Outbox.";

#[tokio::test]
async fn an_account_that_cannot_send_hears_when_it_last_did_and_what_waits() {
    let world = world().await;
    for verb in [&["test", "--json"][..], &["fix", "--dry-run", "--json"], &["fix", "--yes", "--json"]] {
        let (last, waiting, words) = told(&world.with_password(verb).await.json());
        assert_eq!(last, json!("2024-11-03T12:00:00Z"), "{verb:?}");
        assert_eq!(waiting, json!({ "count": 2, "complete": true, "oldest": "2024-11-05T12:00:00Z" }), "{verb:?}");
        assert_eq!(words.len(), 2, "{words:?}");
        assert_eq!(words[0], SENTENCE);
        assert!(words[1].starts_with("What waits there can go out"), "{}", words[1]);
    }
    assert!(
        !contains(&world.state(), "Kirschenzeit") && !contains(&world.state(), "2024-11"),
        "something of it was kept"
    );
}

#[tokio::test]
async fn without_a_question_it_is_said_before_anything_is_written() {
    let world = world().await;
    let run = world.with_password(&["fix", "--yes"]).await;
    let said = run.err.lines().find(|line| line.contains("wait in the Outbox")).unwrap_or_default();
    assert_eq!(
        said,
        "anna@hosting.test: 2 messages wait in the Outbox, the oldest of 5 November 2024, and can go out once the account is moved"
    );
    assert!(run.out.replace("\n", " ").contains("Your last mail from this program"), "{}", run.out);
    // It can send now: nobody's mail is read.
    let (last, waiting, words) = told(&world.with_password(&["test", "--json"]).await.json());
    assert_eq!((last, waiting, words), (Value::Null, Value::Null, Vec::new()));
}

#[tokio::test]
async fn nothing_is_read_where_the_policy_says_so_and_by_a_scan() {
    let world = world().await;
    let policy = world.folder.path().join("policy.toml");
    fs::write(&policy, "read_past_mail = false\n").unwrap();
    let policy = policy.to_str().unwrap();
    let nothing = (Value::Null, Value::Null, Vec::new());
    assert_eq!(told(&world.with_password(&["test", "--json", "--policy", policy]).await.json()), nothing);
    assert_eq!(told(&world.port26(&["scan", "--json"]).await.json()), nothing);
}

/// Whatever is in the place of a mailbox, the account is moved as ever.
#[tokio::test]
async fn mail_that_cannot_be_read_is_not_known_and_stops_nothing() {
    let world = world().await;
    let (sent, unsent) = (folders(&world).join("Sent"), folders(&world).join("Unsent Messages"));
    fs::write(&sent, [0xff; 3000]).unwrap();
    fs::remove_file(&unsent).unwrap();
    fs::create_dir(&unsent).unwrap();
    let run = world.with_password(&["fix", "--yes", "--json"]).await;
    assert_eq!(run.result().0, "fixed");
    assert_eq!(told(&run.json()), (Value::Null, Value::Null, Vec::new()));
}
