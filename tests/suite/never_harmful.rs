//! Never harmful, whatever is there: the real pipeline on random worlds, each once on a network never seen and once on a
//! network of which something is remembered, right or wrong. Whatever the verdict is: no change in a row without one,
//! none to weaker encryption, undo gives every byte back, at most one AUTH, no password in the clear; and what is
//! remembered makes no difference.

use std::process::Command;

use futures::future::join_all;
use port26::account::{AuthSetting, TlsMode};
use port26::network_history::PortState;
use port26::probe::network::Route;
use port26_platform::computer::Os;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::support::one_test;
use crate::support::scripted_host::{Dates, Greeting, Handshake};
use crate::support::world::{PASSWORD, Seen, World};

/// How many worlds. All of them run at once; they mostly wait.
const WORLDS: usize = 48;

/// How many of them with somebody who reads along.
const WORLDS_READ_ALONG: usize = 24;

/// Each outgoing port once, two for witnesses, and three second looks.
const MOST_CONNECTIONS: usize = 10;

const OUTGOING: [u16; 5] = [25, 26, 465, 587, 2525];

/// What is behind one port.
#[derive(Debug, Clone)]
enum Door {
    Good,
    Shut(Route),
    Closes,
    Says(&'static str),
    NoTls,
    NoLogin,
    Breaks(Handshake),
    Login(&'static str),
    Sender(&'static str),
    Recipient(&'static str),
    /// Another machine of the host.
    Gateway,
    /// The host's login service is away.
    ClosesAtEhlo,
    ClosesAtLogin,
    /// TLS from the first byte, on whatever port.
    Implicit,
}

/// What is behind everybody else's port 25.
#[derive(Debug, Clone, Copy)]
enum Elsewhere {
    Ordinary,
    Bare,
    LikeTheHost,
    Mute,
}

/// One world.
#[derive(Debug, Clone)]
struct Plan {
    account: (u16, TlsMode, AuthSetting),
    given: bool,
    certificate: Option<(&'static str, Dates)>,
    trusted: bool,
    doors: Vec<Door>,
    elsewhere: Elsewhere,
    /// The name in the certificate leads to the host.
    alias: bool,
    /// The host stops answering after so many connections.
    bans_after: Option<usize>,
    before: Vec<(u16, PortState)>,
}

fn door() -> impl Strategy<Value = Door> {
    prop_oneof![
        6 => Just(Door::Good),
        4 => select(vec![Route::Drop, Route::Reject, Route::Prohibit, Route::Deny]).prop_map(Door::Shut),
        1 => Just(Door::Closes),
        1 => select(vec!["554 5.7.1 not you", "421 4.7.0 too many", "220 proxy.isp.test ESMTP", "220 ****"]).prop_map(Door::Says),
        2 => Just(Door::NoTls),
        1 => Just(Door::NoLogin),
        1 => select(vec![Handshake::Close, Handshake::Garbage, Handshake::Injected, Handshake::TooOld]).prop_map(Door::Breaks),
        1 => select(vec!["535 5.7.8 no", "534 5.7.9 other", "454 4.7.0 later"]).prop_map(Door::Login),
        1 => select(vec!["530 5.7.0 log in", "550 5.7.1 no", "553 5.7.1 not yours", "451 4.3.0 later"]).prop_map(Door::Sender),
        2 => select(vec!["554 5.7.1 relay access denied", "550 relay not permitted", "450 4.2.0 greylisted"]).prop_map(Door::Recipient),
        1 => Just(Door::Gateway),
        1 => Just(Door::ClosesAtEhlo),
        1 => Just(Door::ClosesAtLogin),
        1 => Just(Door::Implicit),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let modes = select(vec![TlsMode::None, TlsMode::Starttls, TlsMode::Implicit]);
    let logins = select(vec![AuthSetting::None, AuthSetting::Password]);
    let certificates = select(vec![
        None,
        None,
        None,
        None,
        Some(("other.hosting.test", Dates::Now)),
        Some(("mail.hosting.test", Dates::Past)),
    ]);
    let states = select(vec![PortState::Open, PortState::Blocked]);
    let before = vec((select(OUTGOING.to_vec()), states), 0..6);
    let port = prop_oneof![2 => Just(25), 1 => select(vec![26, 587, 465])];
    let elsewhere = select(vec![
        Elsewhere::Ordinary,
        Elsewhere::Ordinary,
        Elsewhere::Bare,
        Elsewhere::LikeTheHost,
        Elsewhere::Mute,
    ]);
    let bans = prop_oneof![6 => Just(None), 1 => (1_usize..4).prop_map(Some)];
    let certified = (certificates, prop::bool::weighted(0.9), any::<bool>());
    (port, modes, logins, any::<bool>(), certified, vec(door(), OUTGOING.len()), before, elsewhere, bans).prop_map(
        |(port, tls, auth, given, (certificate, trusted, alias), doors, before, elsewhere, bans_after)| Plan {
            account: (port, tls, auth),
            given,
            certificate,
            trusted,
            doors,
            elsewhere,
            alias,
            bans_after,
            before,
        },
    )
}

impl Plan {
    fn world(&self) -> World {
        let (port, tls, auth) = self.account;
        let mut world = World::with_account(port, tls, auth);
        if let Some((name, dates)) = self.certificate {
            world = world.certificate(name, dates);
        }
        if !self.trusted {
            world = world.with_unknown_authority();
        }
        if self.given {
            world = world.given(PASSWORD);
        }
        if self.alias {
            world = world.alias("other.hosting.test");
        }
        if let Some(connections) = self.bans_after {
            world = world.bans_after(connections);
        }
        world = match self.elsewhere {
            Elsewhere::Ordinary => world,
            Elsewhere::Bare => world.elsewhere(|script| script.ehlo.retain(|line| *line != "STARTTLS")),
            Elsewhere::LikeTheHost => world.elsewhere(|script| {
                script.greeting = Greeting::Say("220 mail.hosting.test ESMTP ready");
                script.ehlo = vec!["mail.hosting.test"];
            }),
            Elsewhere::Mute => world.elsewhere(|script| script.greeting = Greeting::Never),
        };
        for (&port, door) in OUTGOING.iter().zip(&self.doors) {
            world = match door.clone() {
                Door::Good => world,
                Door::Shut(route) => world.block(port, route),
                Door::Closes => world.script(port, |script| script.greeting = Greeting::Close),
                Door::Says(line) => world.script(port, |script| script.greeting = Greeting::Say(line)),
                Door::NoTls => world.script(port, |script| {
                    script.ehlo = vec!["mail.hosting.test", "AUTH PLAIN LOGIN"];
                    script.ehlo_tls = vec!["mail.hosting.test"];
                }),
                Door::NoLogin => world.script(port, |script| script.ehlo_tls = vec!["mail.hosting.test", "SIZE 1000"]),
                Door::Breaks(handshake) => world.script(port, |script| script.handshake = handshake),
                Door::Login(answer) => world.script(port, |script| script.auth = answer),
                Door::Sender(answer) => world.script(port, |script| script.mail = answer),
                Door::Recipient(answer) => world.script(port, |script| script.rcpt = answer),
                Door::Gateway => world.script(port, |script| {
                    script.greeting = Greeting::Say("220 gw7.mailfilter.test ESMTP");
                    script.ehlo = vec!["gw7.mailfilter.test"];
                }),
                Door::ClosesAtEhlo => {
                    world.script(port, |script| (script.ehlo, script.ehlo_tls) = (Vec::new(), Vec::new()))
                }
                Door::ClosesAtLogin => world.script(port, |script| script.auth = ""),
                Door::Implicit => world.script(port, |script| script.implicit = true),
            };
        }
        world
    }
}

fn not_harmful(plan: &Plan, seen: &Seen) {
    seen.harmless();
    let told = format!("{plan:?}: {}", seen.told);
    assert!(seen.undone, "undo left something: {told}");
    // Nobody agreed to another name of the host, so none was written.
    assert!(seen.moved_host.as_deref().is_none_or(|host| host == "mail.hosting.test"), "{told}");
    assert!(seen.connections <= MOST_CONNECTIONS, "{} connections: {told}", seen.connections);
    let may_change = seen.verdict.is_some_and(|verdict| verdict.may_change());
    match seen.moved_to {
        None => assert_eq!(seen.changed, Vec::<String>::new(), "{told}"),
        Some((port, tls)) => {
            assert!(may_change && !seen.changed.is_empty(), "{told}");
            assert!(OUTGOING.contains(&port) && tls != TlsMode::None, "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_world_is_harmed_and_memory_makes_no_difference() {
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(26), ..Config::default() });
    let plans: Vec<Plan> = (0..WORLDS).map(|_| plan().new_tree(&mut runner).unwrap().current()).collect();
    let both = plans.iter().map(|plan| async move {
        let known = plan.before.iter().fold(plan.world(), |world, &(port, state)| world.before(port, state));
        (plan, plan.world().fix().await, known.fix().await)
    });
    let mut moved = 0;
    for (plan, new, known) in join_all(both).await {
        not_harmful(plan, &new);
        not_harmful(plan, &known);
        // Which knock is the last one that a host lets in depends on the order of the knocks.
        if plan.bans_after.is_some() {
            continue;
        }
        assert_eq!(
            (new.verdict, new.outcome, new.moved_to),
            (known.verdict, known.outcome, known.moved_to),
            "{plan:?}"
        );
        moved += usize::from(new.moved_to.is_some());
    }
    assert!((1..WORLDS).contains(&moved), "some are moved and some are not, or this tests little: {moved}");
}

/// What the test below starts, with a trust store of its own: each world's authority is a root of this machine, and of
/// nobody else, as that of a security program or a gateway is.
#[tokio::test(flavor = "multi_thread")]
async fn child_whose_machine_has_a_root_of_its_own() {
    let Some(store) = std::env::var_os("PORT26_TEST_ROOTS") else { return };
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(15), ..Config::default() });
    let plans: Vec<Plan> = (0..WORLDS_READ_ALONG).map(|_| plan().new_tree(&mut runner).unwrap().current()).collect();
    let worlds: Vec<_> = plans.iter().map(|plan| plan.world().with_unknown_authority().given(PASSWORD)).collect();
    std::fs::write(store, worlds.iter().map(World::authority_as_pem).collect::<String>()).unwrap();
    let seen = join_all(worlds.into_iter().map(World::fix)).await;
    for (plan, seen) in plans.iter().zip(&seen) {
        seen.harmless();
        assert_eq!((seen.auths, seen.moved_to), (0, None), "{plan:?}: {}", seen.told);
    }
    let named = seen.iter().filter(|seen| seen.reason == "local_interception").count();
    println!("{named} of {WORLDS_READ_ALONG} worlds");
    assert!(named >= WORLDS_READ_ALONG / 4, "this tests little: {named}");
}

#[test]
fn in_no_world_is_a_login_sent_where_a_root_of_this_machine_reads_along() {
    if Os::here() != Os::Linux {
        return; // elsewhere the trust store is not a file that a test may name
    }
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("roots.pem");
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(one_test::arguments(module_path!(), "child_whose_machine_has_a_root_of_its_own"));
    let child = child.env("SSL_CERT_FILE", &store).env_remove("SSL_CERT_DIR").env("PORT26_TEST_ROOTS", &store);
    let ended = child.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.contains("worlds"), "{said}");
}
