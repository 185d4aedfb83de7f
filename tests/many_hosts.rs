//! Accounts at several hosts, of which each finds out at another moment that its port 25 does not answer, while unrelated
//! hosts are asked: nobody waits for another for ever.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/operators.rs"]
mod operators;
#[path = "support/scripted_host.rs"]
mod scripted_host;

use std::sync::mpsc;
use std::time::Duration;

use operators::{Login, Mailbox, Plan, Program};
use port26::plan::Outcome;

/// Many times what it takes. A run that hangs blocks its own thread, so the clock is another's.
const LONGEST: Duration = Duration::from_secs(60);

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
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let seen = runtime.block_on(plan.fix());
        tell.send(seen).unwrap();
    });
    let seen = told.recv_timeout(LONGEST).expect("a run that waits for itself");
    for (outcome, code) in &seen.outcomes {
        assert_eq!(*outcome, Some(Outcome::Fixed), "{code}: {}", seen.told);
    }
}
