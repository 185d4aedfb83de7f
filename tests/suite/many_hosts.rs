//! Accounts at several hosts, of which each finds out at another moment that its port 25 does not answer, while unrelated
//! hosts are asked: nobody waits for another for ever.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use port26::account::TlsMode::Starttls;
use port26::plan::Outcome;
use port26::probe::network::{Lookup, Network, Route};
use port26::probe::{Config, Prober};

use crate::support::operators::{Login, Mailbox, Plan, Program};
use crate::support::scripted_host::{Authority, Dates, Script, ScriptedHost};

/// Many times what it takes. A run that hangs blocks its own thread, so the clock is another's.
const LONGEST: Duration = Duration::from_secs(60);

/// The end of a run that has a thread of its own; `None` if it waits for itself.
fn ends<T: Send + 'static>(run: impl AsyncFnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        // Nobody listens any more if it took too long.
        let _ = tell.send(runtime.block_on(run()));
    });
    told.recv_timeout(LONGEST).ok()
}

#[test]
fn a_host_that_is_late_later_than_another_is_not_waited_for_for_ever() {
    let mailbox = |outgoing| Mailbox {
        program: Program::Thunderbird,
        address: "anna@hosting.test",
        incoming: "imap.hosting.test",
        outgoing,
        login: Login::None,
    };
    let plan = Plan {
        // The first refuses at once, the second says nothing, and so does the unrelated host that is asked meanwhile.
        mailboxes: vec![mailbox("refuses.hosting.test"), mailbox("silent.hosting.test")],
        silent: vec!["silent.hosting.test"],
        control: Some("mx.stranger.test"),
        ..Plan::default()
    };
    let seen = ends(async move || plan.fix().await).expect("a run that waits for itself");
    for (outcome, code) in &seen.outcomes {
        assert_eq!(*outcome, Some(Outcome::Fixed), "{code}: {}", seen.told);
    }
}

/// Every name leads to one host on this computer.
#[derive(Debug)]
struct OneHost(SocketAddr);

impl Network for OneHost {
    fn lookup(&self, _: &str) -> Option<Lookup> {
        Some(Lookup::Addresses(vec!["192.0.2.1".parse().unwrap()]))
    }

    fn route(&self, _: &str, _: SocketAddr) -> Route {
        Route::To(self.0)
    }
}

/// Surveys of one host in one run, each of which keeps its conversations until all are there: the certificates of several
/// hosts may name the same other one. `bound` is what there is room for.
fn surveys_of_one_host(bound: Config) {
    const SURVEYS: usize = 6;
    let authority = Authority::new();
    let host = ScriptedHost::start(Script::new(authority.server(&["mail.hosting.test"], Dates::Now)));
    let config = Config {
        extra_anchors: vec![authority.anchor.clone()],
        network: Some(Arc::new(OneHost(host.address))),
        // Whoever waits for a place is not told from who waits for a port.
        deadline: LONGEST,
        ..bound
    };
    let prober = Prober::new(config).unwrap();
    let seen = ends(async move || {
        let mut kept = Vec::new();
        for _ in 0..SURVEYS {
            let mut survey = prober.survey("mail.hosting.test", &[(26, Starttls), (587, Starttls)], &[]).await;
            let (finding, session) = prober.open("mail.hosting.test", 2525, Starttls).await;
            survey.replace(finding, session);
            kept.push(survey);
        }
        let proved = |survey: &port26::probe::Survey| survey.findings.ports.iter().all(|port| port.tls_verified());
        let all = kept.iter().all(|survey| survey.findings.ports.len() == 3 && proved(survey));
        // What is kept is there for the proof.
        let first = kept[0].take_session(26).is_some();
        (all, first)
    });
    let Some((all, first)) = seen else { panic!("surveys that wait for conversations which nobody ends") };
    assert!(all, "each survey saw all that was asked for");
    assert!(first || bound_is_tight(&host), "the first survey kept its conversation");
}

/// With one place for everything nothing can be kept.
fn bound_is_tight(host: &ScriptedHost) -> bool {
    host.most_open() <= 2
}

#[test]
fn surveys_that_keep_their_conversations_leave_a_turn_at_the_host_for_the_next() {
    surveys_of_one_host(Config::default());
    surveys_of_one_host(Config { max_per_host: 1, ..Config::default() });
}

#[test]
fn surveys_that_keep_their_conversations_leave_a_socket_for_the_next() {
    surveys_of_one_host(Config { max_sockets: 2, max_per_host: 64, ..Config::default() });
    surveys_of_one_host(Config { max_sockets: 1, ..Config::default() });
}
