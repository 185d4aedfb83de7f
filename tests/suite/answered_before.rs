//! A host that answered in one run and is silent in the next may have banned this address. It is said so, nothing is
//! changed, and nobody is accused where the network is another, or where the host still answers somewhere.

use std::path::Path;

use port26::account::{AuthSetting, TlsMode};
use port26::diagnosis::VerdictCode;
use port26::plan::Outcome;
use port26::probe::network::Route;
use port26_platform::computer::Os;

use crate::support::fault_table::{Row, row};
use crate::support::world::{ALL_PORTS, PASSWORD, Seen, World};

fn login(port: u16) -> World {
    World::with_account(port, TlsMode::Starttls, AuthSetting::Password).given(PASSWORD)
}

/// The host lets nobody in.
fn shut(world: World, route: Route) -> World {
    ALL_PORTS.into_iter().fold(world, |world, port| world.block_host(port, route))
}

async fn a_good_run(state: &Path) {
    let seen = login(587).in_state(state).fix().await;
    assert_eq!(seen.verdict, Some(VerdictCode::Ok), "{}", seen.told);
}

#[track_caller]
fn unreachable(row: &Row, seen: &Seen) {
    assert_eq!(seen.verdict, Some(row.verdict()), "{}", seen.told);
    assert_eq!((seen.outcome, seen.changed.len()), (Outcome::Refused, 0), "{}", seen.told);
    assert_eq!(seen.connections, 0, "it is left in peace");
}

const ACCUSED: &str = "may have banned this address";

#[tokio::test]
async fn row_20c_who_answered_a_moment_ago_and_is_silent_may_have_banned_this_address() {
    for (row, route) in [(row("20c-again"), Route::Drop), (row("20c-reject"), Route::Reject)] {
        let state = tempfile::tempdir().unwrap();
        a_good_run(state.path()).await;
        let seen = shut(login(587), route).in_state(state.path()).fix().await;
        unreachable(row, &seen);
        assert!(seen.told.contains("it answered here less than a minute ago"), "{}", seen.told);
        assert!(seen.told.contains(ACCUSED), "{}", seen.told);
        // The silent run is no answer, and takes none away.
        let again = shut(login(587), route).in_state(state.path()).fix().await;
        assert!(again.told.contains(ACCUSED), "{}", again.told);
    }
}

#[tokio::test]
async fn row_20d_who_never_answered_here_is_not_accused() {
    let state = tempfile::tempdir().unwrap();
    let down = shut(login(587), Route::Drop).in_state(state.path()).fix().await;
    unreachable(row("20d"), &down);
    assert!(!down.told.contains(ACCUSED), "{}", down.told);
    a_good_run(state.path()).await;
    let elsewhere = shut(login(587), Route::Drop).on_network("hotel.test").in_state(state.path()).fix().await;
    unreachable(row("20d"), &elsewhere);
    assert!(!elsewhere.told.contains(ACCUSED), "{}", elsewhere.told);
}

#[tokio::test]
async fn row_1c_a_provider_that_begins_to_block_25_is_no_ban() {
    let state = tempfile::tempdir().unwrap();
    let before = login(25).in_state(state.path()).fix().await;
    assert_eq!(before.verdict, Some(VerdictCode::Ok), "{}", before.told);
    let seen = login(25).block(25, Route::Drop).in_state(state.path()).fix().await;
    let row = row("1c");
    assert_eq!(seen.verdict, Some(row.verdict()), "{}", seen.told);
    assert_eq!(seen.moved_to, row.to.map(|port| (port, TlsMode::Starttls)), "{}", seen.told);
    assert!(!seen.told.contains(ACCUSED), "{}", seen.told);
}

#[tokio::test]
async fn what_is_kept_is_this_user_s_own_and_names_nobody() {
    let state = tempfile::tempdir().unwrap();
    a_good_run(state.path()).await;
    let file = state.path().join("answered.json");
    if Os::here() != Os::Windows {
        let listed = std::process::Command::new("ls").arg("-l").arg(&file).output();
        let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
        assert!(listed.starts_with("-rw-------"), "{listed}");
    }
    let text = std::fs::read_to_string(&file).unwrap();
    for name in ["hosting", "192.0.2.26", "anna", PASSWORD] {
        assert!(!text.contains(name), "{name}: {text}");
    }
}
