//! The witness of a silent port, through the whole of fix: what it shortens, and what it must not.

use std::time::Duration;

use port26::account::{AuthSetting, TlsMode};
use port26::diagnosis::VerdictCode;
use port26::plan::Outcome;
use port26::probe::network::Route;
use port26::probe::silence::BEATS;

use crate::support::scripted_host::{Greeting, Script};
use crate::support::world::{PASSWORD, Seen, World};

/// Without a login on 25, with the waits of life.
fn plain25() -> World {
    World::with_account(25, TlsMode::None, AuthSetting::None).given(PASSWORD).with_real_waits()
}

fn noops(seen: &Seen) -> usize {
    seen.verbs.iter().filter(|verb| *verb == "NOOP").count()
}

/// How long the silent port was waited for.
fn waited(seen: &Seen) -> u64 {
    let (_, rest) = seen.told.split_once("attempts in ").unwrap_or_else(|| panic!("{}", seen.told));
    rest.split(' ').next().unwrap().parse().unwrap()
}

/// As without a witness.
const IN_FULL: u64 = 1_500;

#[track_caller]
fn moved_to_26(seen: &Seen, verdict: VerdictCode) {
    assert_eq!((seen.verdict, seen.outcome), (Some(verdict), Outcome::Fixed), "{}", seen.told);
    assert_eq!(seen.moved_to, Some((26, TlsMode::Starttls)), "{}", seen.told);
    assert!(seen.undone);
    seen.harmless();
}

#[tokio::test]
async fn a_network_that_drops_25_is_known_by_a_witness() {
    let seen = plain25().block(25, Route::Drop).fix().await;
    moved_to_26(&seen, VerdictCode::PortBlockedNetwork);
    // A busy machine may make it late.
    assert!((1..=BEATS).contains(&noops(&seen)), "{:?}", seen.verbs);
    assert_eq!(seen.auths, 1, "the conversation that was the witness takes the login");
}

#[tokio::test]
async fn where_only_this_host_is_silent_it_is_waited_for_in_full() {
    let seen = plain25().block_host(25, Route::Drop).fix().await;
    moved_to_26(&seen, VerdictCode::ServerPortClosed);
    assert!(waited(&seen) >= IN_FULL, "{}", seen.told);
}

#[tokio::test]
async fn a_witness_that_is_late_is_none() {
    let late = |script: &mut Script| script.slow_noop = Duration::from_millis(400);
    let seen = plain25().block(25, Route::Drop).script(26, late).fix().await;
    moved_to_26(&seen, VerdictCode::PortBlockedNetwork);
    assert!(waited(&seen) >= IN_FULL, "{}", seen.told);
    // Its answer is not taken for that of the login.
    assert_eq!((noops(&seen), seen.auths), (1, 1), "{:?}", seen.verbs);
}

#[tokio::test]
async fn a_host_that_wants_no_such_commands_is_asked_once_and_waited_for_in_full() {
    for answer in ["421 4.7.0 too many", "500 5.5.1 what?", ""] {
        let seen = plain25().block(25, Route::Drop).script(26, |script| script.noop = answer).fix().await;
        moved_to_26(&seen, VerdictCode::PortBlockedNetwork);
        assert!(waited(&seen) >= IN_FULL, "{}", seen.told);
        assert_eq!((noops(&seen), seen.auths), (1, 1), "{:?}", seen.verbs);
    }
}

#[tokio::test]
async fn opensmtpd_counts_too_closely_to_be_asked() {
    let named = |script: &mut Script| script.greeting = Greeting::Say("220 mail.hosting.test ESMTP OpenSMTPD");
    let seen = plain25().block(25, Route::Drop).script(26, named).fix().await;
    moved_to_26(&seen, VerdictCode::PortBlockedNetwork);
    assert_eq!(noops(&seen), 0, "{:?}", seen.verbs);
    assert!(waited(&seen) >= IN_FULL, "{}", seen.told);
}

/// For 1.6 s nobody's port 25 answers, and then all do. The verdict is given by then, or rests on a second look; nothing is
/// written yet.
#[tokio::test]
async fn a_port_that_comes_back_before_anything_is_written_is_left() {
    let seen = plain25().shut_for(25, Duration::from_millis(1_600)).fix().await;
    assert_eq!((seen.verdict, seen.outcome), (Some(VerdictCode::Uncertain), Outcome::Refused), "{}", seen.told);
    assert_eq!((seen.changed.len(), seen.moved_to), (0, None), "{}", seen.told);
    assert!(seen.told.contains("open when it was dialled again"), "{}", seen.told);
}
