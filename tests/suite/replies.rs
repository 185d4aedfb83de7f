//! What hosts really answered (`tests/replies.toml`, each with where it was reported) means what it is said to mean.

use port26::account::AuthSetting;
use port26::diagnosis::login::refusal;
use port26::probe::finding::{End, LoginFinding, Reply};
use serde::Deserialize;

use crate::support::fault_table::verdict_of;

#[derive(Debug, Deserialize)]
struct Reported {
    at: At,
    said: String,
    verdict: String,
    seen: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    Login,
    Sender,
    Alone,
}

/// A reply as it came over the line: a code and `-` or a blank before each line (RFC 5321 4.2).
fn reply(said: &str) -> Reply {
    let lines: Vec<&str> = said.lines().collect();
    let code = lines[0][..3].parse().unwrap();
    Reply { code, lines: lines.iter().map(|line| line[4..].to_owned()).collect(), ms: 20 }
}

fn finding(at: At, said: Reply) -> LoginFinding {
    let taken = Reply { code: 235, lines: vec!["2.7.0 welcome".into()], ms: 10 };
    let (auth, mail_from) = match at {
        At::Login => (Some(said), None),
        At::Sender => (Some(taken), Some(said)),
        At::Alone => (None, Some(said)),
    };
    let mechanism = (at != At::Alone).then(|| "PLAIN".to_owned());
    LoginFinding {
        port: 587,
        mechanism,
        auth,
        mail_from,
        recipient: None,
        to_itself: None,
        end: End::Complete,
        round_trips: 2,
    }
}

#[test]
fn what_hosts_were_reported_to_say_is_understood() {
    #[derive(Deserialize)]
    struct Table {
        reply: Vec<Reported>,
    }
    let table: Table = toml::from_str(include_str!("../replies.toml")).unwrap();
    assert!(table.reply.len() > 50, "only {} replies", table.reply.len());
    let mut wrong = Vec::new();
    for one in &table.reply {
        let auth = if one.at == At::Alone { AuthSetting::None } else { AuthSetting::Password };
        let means = refusal(&finding(one.at, reply(&one.said)), auth);
        if means != Some(verdict_of(&one.verdict)) {
            wrong.push(format!("{means:?} in the place of {}: {} ({})", one.verdict, one.said, one.seen));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
