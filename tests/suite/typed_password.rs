//! Somebody at a terminal is asked for the password: after the reason, once more after a refusal, and not a third time.

use std::sync::Arc;

use port26::credentials::{AttemptLedger, Given, Refusals};
use port26::pipeline::{Keeps, Setup, Tools, examine};
use port26::plan::Outcome;
use port26::probe::{Config, Prober};
use port26::report::AccountReport;
use port26_platform::computer::{Computer, Os};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::support::program::{HOST, PASSWORD, USER, World};
use crate::support::recorded::Recorded;

/// A run on an account that port 25 is blocked for, by somebody who types these: what became of it, and what they were
/// asked. `given`: what comes on standard input.
async fn run(world: &World, given: &str, answers: &[&'static str]) -> (AccountReport, Vec<String>) {
    let rules = [format!("{HOST}:25:127.0.0.1:1")].into_iter().chain(world.host.connect_to_rules(HOST));
    let rules = rules.chain(["::127.0.0.1:1".to_owned()]).map(|rule| rule.parse().unwrap()).collect();
    let anchors = CertificateDer::pem_file_iter(world.folder.path().join("ca.pem")).unwrap();
    let config = Config {
        connect_to: rules,
        extra_anchors: anchors.map(|anchor| anchor.unwrap()).collect(),
        ..Config::default()
    };
    let computer = Computer::folder(world.home(), Os::Linux, None);
    let setup = Setup {
        given: Given::read(&mut given.as_bytes()).unwrap(),
        attempts: AttemptLedger::remembering(Refusals::in_state(&world.state())),
        ..Setup::apart(computer, world.state(), Prober::new(config).unwrap())
    };
    let talk = Arc::new(Recorded::default().typing(answers.iter().copied()));
    let mut report = examine(&Tools::new(setup, talk.clone()), &[], Keeps::Nothing).await.unwrap();
    (report.accounts.remove(0), talk.questions())
}

async fn typed(answers: &[&'static str]) -> (AccountReport, Vec<String>, usize) {
    let world = World::new().await;
    let (report, asked) = run(&world, "", answers).await;
    (report, asked, world.host.record().attempts_of(USER))
}

#[tokio::test]
async fn a_wrong_one_can_be_typed_again_and_the_reason_is_said_first() {
    let (report, asked, attempts) = typed(&["not this", PASSWORD]).await;
    assert_eq!((report.result, attempts), (Some(Outcome::WouldFix), 2), "{:?}", report.reason);
    insta::assert_snapshot!(asked.join("\n"), @r#"
        found: The network you are on blocks port 25. Providers do this against spam, or when they think a computer is infected; it is not a fault of your mail program. Port 26 of mail.hosting.test gets through, and needs a login.
    password of anna@hosting.test at mail.hosting.test?
    > (typed)
        refused: mail.hosting.test did not take that password: 535 5.7.8 User name or password is wrong
    password of anna@hosting.test at mail.hosting.test?
    > (typed)
    "#);
    assert!(report.reason.unwrap().hint.contains("works with a login"), "the second one was taken");
}

#[tokio::test]
async fn a_second_wrong_one_is_the_last() {
    let (report, asked, attempts) = typed(&["not this", "nor this"]).await;
    assert_eq!((report.result, attempts), (Some(Outcome::NeedsUser), 2), "{asked:?}");
    assert_eq!(report.reason.unwrap().code, "bad_credentials");
}

#[tokio::test]
async fn whoever_types_nothing_again_is_left_alone() {
    let (report, asked, attempts) = typed(&["not this", ""]).await;
    assert_eq!((report.result, attempts), (Some(Outcome::NeedsUser), 1), "{asked:?}");
}

#[tokio::test]
async fn the_reason_is_said_first_also_where_the_password_at_hand_was_refused_before() {
    let world = World::new().await;
    let given = format!("{USER}:not this\n");
    let (report, asked) = run(&world, &given, &[]).await;
    assert_eq!((report.reason.unwrap().code.as_str(), asked), ("bad_credentials", Vec::new()));
    let (report, asked) = run(&world, &given, &[PASSWORD]).await;
    assert_eq!(report.result, Some(Outcome::WouldFix), "{:?}", report.reason);
    insta::assert_snapshot!(asked.join("\n"), @r#"
        found: The network you are on blocks port 25. Providers do this against spam, or when they think a computer is infected; it is not a fault of your mail program. Port 26 of mail.hosting.test gets through, and needs a login. The server has refused the password at hand before.
    password of anna@hosting.test at mail.hosting.test?
    > (typed)
    "#);
    assert_eq!(world.host.record().attempts_of(USER), 2, "what was refused is not sent again");
}
