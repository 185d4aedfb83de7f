//! What Outlook tells, what is planned from it, and an Outlook that is not asked.

use std::path::Path;
use std::sync::Arc;

use port26_platform::scripts::{Dictionary, Twin};
use serde_json::{Value, json};

use super::*;
use crate::change::Slot;
use crate::clients::scripted::untouchable::Untouchable;

const BUNDLE: &str = "com.microsoft.Outlook";

fn fixture(case: &str) -> Value {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/outlook_mac").join(case).join("scripted.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// A Mac with these files of profiles.
struct Mac {
    home: tempfile::TempDir,
    computer: Computer,
}

impl Mac {
    fn new(files: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        for file in files {
            let file = home.path().join(PROFILES).join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        Self { computer: Computer::folder(home.path(), Os::Macos, None), home }
    }

    fn classic() -> Self {
        Self::new(&["Main Profile/Data/Outlook.sqlite"])
    }

    /// Its Outlook is in this state and knows these words.
    fn with(mut self, state: &Value, dictionary: &str) -> Self {
        let file = self.home.path().join("scripted.json");
        std::fs::write(&file, serde_json::to_string_pretty(state).unwrap() + "\n").unwrap();
        self.computer.scripts = Arc::new(Twin::new(file, Dictionary::parse(dictionary).unwrap()));
        self
    }

    fn found(&self) -> Found {
        OUTLOOK_FOR_MAC.accounts(&self.computer, &OUTLOOK_FOR_MAC.detect(&self.computer).unwrap().unwrap())
    }
}

fn words() -> &'static str {
    include_str!("../scripted/dictionaries.json")
}

fn classic() -> Found {
    Mac::classic().with(&fixture("classic"), words()).found()
}

fn properties(changes: &[Change]) -> Vec<(String, Value)> {
    let one = |change: &Change| {
        let Slot::Script { property, .. } = &change.slot else { panic!("{change:?}") };
        let value = match &change.after {
            Some(crate::change::Content::Raw(raw)) => serde_json::from_str(raw).unwrap(),
            _ => Value::Null,
        };
        (property.clone(), value)
    };
    changes.iter().map(one).collect()
}

fn to_26(account: &Account) -> SubmissionServer {
    let credential = match account.outgoing.credential {
        CredentialSource::None => CredentialSource::SameAsIncoming,
        kept => kept,
    };
    SubmissionServer {
        port: 26,
        tls: TlsMode::Starttls,
        auth: AuthSetting::Password,
        credential,
        user: account.login_user().map(str::to_owned),
        ..account.outgoing.clone()
    }
}

#[test]
fn accounts_are_told_with_their_logins() {
    let found = classic();
    assert_eq!(found.problems, []);
    let shown: Vec<_> = found
        .accounts
        .iter()
        .map(|one| (one.id.as_str(), one.outgoing.port, one.outgoing.tls, one.outgoing.credential, one.not_ours))
        .collect();
    let (none, same, own) = (CredentialSource::None, CredentialSource::SameAsIncoming, CredentialSource::Own);
    assert_eq!(
        shown,
        [
            ("outlook_mac/imap/mail.hosting.test:ann@hosting.test", 25, TlsMode::None, none, None),
            ("outlook_mac/imap/imap.office.test:bob", 587, TlsMode::Starttls, own, None),
            (
                "outlook_mac/imap/imap.gmail.com:ann.hosting@gmail.com",
                465,
                TlsMode::Implicit,
                same,
                Some(NotOurs::Google)
            ),
            ("outlook_mac/exchange/ann@work.test", 443, TlsMode::Implicit, none, Some(NotOurs::Exchange)),
        ]
    );
    assert_eq!(found.accounts[1].outgoing.user.as_deref(), Some("bob@office.test"));
    assert!(found.accounts[0].notices[0].message.contains("port26 undo"));
}

#[test]
fn a_move_sets_what_must_differ_and_the_port_last() {
    let found = classic();
    let changes = OUTLOOK_FOR_MAC.changes(&found.accounts[0], &to_26(&found.accounts[0])).unwrap();
    let set = [("smtpUseSsl", json!(true)), ("smtpNeedsAuthentication", json!(true)), ("smtpPort", json!(26))];
    assert_eq!(properties(&changes), set.map(|(name, value)| (name.to_owned(), value)));
    let changes = OUTLOOK_FOR_MAC.changes(&found.accounts[1], &to_26(&found.accounts[1])).unwrap();
    assert_eq!(properties(&changes), [("smtpPort".to_owned(), json!(26))], "its switch and its login stay");
}

#[test]
fn what_the_one_switch_cannot_say_is_refused_and_tls_is_never_switched_off() {
    let account = &classic().accounts[1];
    let refused = |to: SubmissionServer| match OUTLOOK_FOR_MAC.changes(account, &to) {
        Err(PlanError::CannotExpress { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    let now = to_26(account);
    assert!(refused(SubmissionServer { tls: TlsMode::None, ..now.clone() }).contains("not switched off"));
    assert!(refused(SubmissionServer { tls: TlsMode::Implicit, ..now.clone() }).contains("port 26"));
    assert!(refused(SubmissionServer { port: 2525, ..now.clone() }).contains("port 2525"));
    assert!(refused(SubmissionServer { port: 465, ..now.clone() }).contains("port 465"));
    let implicit = SubmissionServer { port: 465, tls: TlsMode::Implicit, ..now.clone() };
    assert_eq!(
        properties(&OUTLOOK_FOR_MAC.changes(account, &implicit).unwrap()),
        [("smtpPort".to_owned(), json!(465))]
    );
    refused(SubmissionServer { auth: AuthSetting::Kerberos, ..now.clone() });
    refused(SubmissionServer { credential: CredentialSource::SameAsIncoming, ..now });
}

#[test]
fn the_providers_server_gets_a_login_of_its_own_and_its_password() {
    let account = &classic().accounts[0];
    let to = SubmissionServer {
        host: "smtp.provider.test".to_owned(),
        port: 587,
        credential: CredentialSource::Own,
        user: Some("c123".to_owned()),
        ..to_26(account)
    };
    let changes = OUTLOOK_FOR_MAC.changes(account, &to).unwrap();
    let names: Vec<_> = properties(&changes).into_iter().map(|(name, _)| name).collect();
    let expected = [
        "smtpServer",
        "smtpUseSsl",
        "smtpNeedsAuthentication",
        "smtpUseAccountAuthentication",
        "smtpUserName",
        "smtpPort",
    ];
    assert_eq!(names, expected);
    assert!(account.settings.contains_key(NEW_PASSWORD));
}

#[test]
fn what_cannot_be_told_apart_or_understood_is_left_alone() {
    let found = Mac::classic().with(&fixture("pop_beside_new"), words()).found();
    let ids: Vec<_> = found.accounts.iter().map(|account| account.id.as_str()).collect();
    assert_eq!(ids, ["outlook_mac/pop/pop.twice.test:hal", "outlook_mac/imap/pop.shared.test:gil"]);
    // It has no user name of its own yet: it is given one with a password.
    assert!(found.accounts[0].password_in_client && !found.accounts[1].password_in_client);
    let told: Vec<_> = found.problems.iter().map(|problem| (problem.code.as_str(), problem.message.as_str())).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].0 == "cannot_read" && told[0].1.contains("how TLS begins on port 2525"), "{told:?}");
    assert!(told[1].0 == "cannot_read" && told[1].1.contains("the outgoing server"), "{told:?}");
    assert_eq!(told[2].0, "duplicate_account");
    assert_eq!(found.problems[2].at, "outlook_mac/pop/pop.shared.test:gil");
}

#[test]
fn an_outlook_with_other_names_for_its_properties_is_explained_and_never_guessed() {
    for name in PROPERTIES.iter().filter(|(short, _)| !["user", NEW_PASSWORD].contains(short)).map(|(_, name)| name) {
        let other = words().replace(&format!("\"{name}\""), &format!("\"{name}Other\""));
        let found = Mac::classic().with(&fixture("classic"), &other).found();
        assert!(found.accounts.iter().all(|account| account.not_ours == Some(NotOurs::Exchange)), "{name}");
        assert_eq!(found.problems.len(), 3, "{name}: {:?}", found.problems);
        assert!(
            found.problems.iter().all(|one| one.code == "cannot_read" && one.hint.contains("port26 scan")),
            "{name}"
        );
    }
}

#[test]
fn errors_of_scripting_are_one_problem_with_its_pane() {
    for (number, code) in [
        (-1743, "automation_permission"),
        (-600, "app_ended"),
        (-609, "app_ended"),
        (-1712, "app_silent"),
        (-1728, "app_refused"),
    ] {
        let mut state = fixture("classic");
        state[BUNDLE]["habits"] = json!({"fails": {"number": number}});
        let found = Mac::classic().with(&state, words()).found();
        assert_eq!((found.accounts.len(), found.problems.len()), (0, 1), "{number}");
        assert_eq!(found.problems[0].code, code);
        assert!(code != "automation_permission" || found.problems[0].hint.contains("Privacy & Security > Automation"));
    }
    // Its profile is left, and it is gone.
    let found = Mac::classic().with(&json!({}), words()).found();
    assert_eq!((found.accounts, found.problems), (Vec::new(), Vec::new()));
}

#[test]
fn where_it_may_not_be_asked_or_is_the_new_one_it_is_explained() {
    assert_eq!(OUTLOOK_FOR_MAC.detect(&Mac::new(&[]).computer), Ok(None));
    let sqlite = "Main Profile/Data/Outlook.sqlite";
    let cases: [(&[&str], Visit); 4] = [
        (&[sqlite], Visit::NotNow),
        (&[sqlite], Visit::Nowhere),
        (&["Main Profile/HxStore.hxd"], Visit::Allowed),
        (&["Main Profile/Data/other"], Visit::Allowed),
    ];
    for (files, visit) in cases {
        let mut mac = Mac::new(files);
        mac.computer.scripts = Arc::new(Untouchable(visit));
        let here = OUTLOOK_FOR_MAC.detect(&mac.computer).unwrap().unwrap();
        assert!(here.by_hand.len() > 3 && here.by_hand.iter().any(|step| step.contains("26")), "{files:?}");
        let by_port26 = here.by_hand.iter().find(|step| step.contains("port26 fix"));
        assert_eq!(by_port26.is_some(), files == [sqlite], "{files:?}");
        assert!(by_port26.is_none_or(|step| step.contains("on that Mac") == (visit == Visit::Nowhere)));
        assert!(mac.found().accounts.is_empty() && mac.found().problems.is_empty(), "{files:?}");
    }
    // Windows has such a folder only in a copy of a Mac's home.
    let mut mac = Mac::classic();
    mac.computer.os = Os::Windows;
    assert_eq!(OUTLOOK_FOR_MAC.detect(&mac.computer), Ok(None));
}

#[test]
fn one_that_tells_nothing_beside_a_new_one_is_told_of() {
    let empty = json!({BUNDLE: {"objects": {}, "running": false}});
    let found = Mac::classic().with(&empty, words()).found();
    assert_eq!((found.accounts, found.problems), (Vec::new(), Vec::new()));
    let both = Mac::new(&["Main Profile/Data/Outlook.sqlite", "Main Profile/HxStore.hxd"]);
    let problems = both.with(&empty, words()).found().problems;
    assert_eq!(problems.iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>(), ["new_outlook"]);
}
