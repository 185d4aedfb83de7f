//! Somebody at a terminal is asked for the password: after the reason, once more after a refusal, and not a third time.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/program.rs"]
mod program;

use std::sync::{Arc, Mutex};

use port26::clients::CLIENTS;
use port26::credentials::{Ask, AttemptLedger, CredentialBook, Given, Index, KeychainUse};
use port26::pipeline::{self, Desk, Quiet, Tested, Tools};
use port26::plan::Outcome;
use port26::policy::Policy;
use port26::probe::{Config, Prober};
use port26_platform::host::{Host, Os};
use port26_platform::secrets::MemorySecrets;
use program::{HOST, PASSWORD, USER, World};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;

/// Types these answers one after the other, and keeps the questions.
struct Typist {
    answers: Mutex<Vec<&'static str>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Ask for Typist {
    fn password(&self, question: &str) -> std::io::Result<Option<SecretString>> {
        self.asked.lock().unwrap().push(question.to_owned());
        let mut answers = self.answers.lock().unwrap();
        assert!(!answers.is_empty(), "asked too often: {question}");
        let answer = answers.remove(0);
        Ok((!answer.is_empty()).then(|| SecretString::from(answer)))
    }
}

async fn typed(answers: &[&'static str]) -> (Tested, Vec<String>, usize) {
    let world = World::new().await;
    let rules = [format!("{HOST}:25:127.0.0.1:1")].into_iter().chain(world.host.connect_to_rules(HOST));
    let rules = rules.chain(["::127.0.0.1:1".to_owned()]).map(|rule| rule.parse().unwrap()).collect();
    let anchors = CertificateDer::pem_file_iter(world.folder.path().join("ca.pem")).unwrap();
    let config = Config {
        connect_to: rules,
        extra_anchors: anchors.map(|anchor| anchor.unwrap()).collect(),
        ..Config::default()
    };
    let host = Host::folder(world.home(), Os::Linux, None);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let typist = Typist { answers: Mutex::new(answers.to_vec()), asked: asked.clone() };
    let secrets = Arc::new(MemorySecrets::new());
    let index = Index::in_state(&world.state());
    let tools = Tools {
        clients: CLIENTS,
        policy: Policy::default(),
        prober: Prober::new(config).unwrap(),
        credentials: Arc::new(CredentialBook::new(
            Given::default(),
            secrets,
            KeychainUse::Full,
            index,
            Box::new(typist),
        )),
        attempts: AttemptLedger::new(),
        desk: Desk::new(world.state(), &host, CLIENTS),
        host,
        events: Arc::new(Quiet),
    };
    let found = pipeline::discover(&tools.host, tools.clients);
    let mut tested = pipeline::test(&tools, found.accounts).await;
    drop(tools);
    let attempts = world.host.record().attempts_of(USER);
    let asked = asked.lock().unwrap().clone();
    (tested.remove(0), asked, attempts)
}

#[tokio::test]
async fn a_wrong_one_can_be_typed_again_and_the_reason_is_said_first() {
    let (tested, asked, attempts) = typed(&["not this", PASSWORD]).await;
    assert_eq!((tested.report.result, attempts), (Some(Outcome::WouldFix), 2), "{:?}", tested.report.reason);
    let [first, second] = asked.as_slice() else { panic!("{asked:?}") };
    assert!(first.starts_with("The network you are on blocks port 25."), "{first}");
    assert!(first.lines().last().unwrap().starts_with(&format!("Password of {USER} at {HOST}")), "{first}");
    assert!(second.starts_with(&format!("{HOST} did not take that password: 535")), "{second}");
    assert!(second.contains("once more") && second.contains("last attempt"), "{second}");
    assert!(tested.accepted.is_some());
}

#[tokio::test]
async fn a_second_wrong_one_is_the_last() {
    let (tested, asked, attempts) = typed(&["not this", "nor this"]).await;
    assert_eq!((tested.report.result, attempts, asked.len()), (Some(Outcome::NeedsUser), 2, 2));
    assert_eq!(tested.report.reason.unwrap().code, "bad_credentials");
}

#[tokio::test]
async fn whoever_types_nothing_again_is_left_alone() {
    let (tested, asked, attempts) = typed(&["not this", ""]).await;
    assert_eq!((tested.report.result, attempts, asked.len()), (Some(Outcome::NeedsUser), 1, 2));
}
