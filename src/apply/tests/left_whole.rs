//! What a stopped run has begun, and somebody has set by hand since: an account comes back exactly, or stays exactly as it is.
//! One account is in two files and the registry, another in one of the files beside it.

use std::collections::BTreeMap;

use port26_platform::registry::Value;
use proptest::prelude::*;

use super::bench::{Bench, account, server, transaction};
use super::*;
use crate::account::SubmissionServer;
use crate::change::{Change, Content, Slot};
use crate::clients::InUse;

/// Where a setting is, what it is called, and what it holds before and after the run.
type Setting = (&'static str, &'static str, u32, u32);

const IN_REGISTRY: &str = "registry";
const FIRST: [Setting; 4] =
    [("a", "port", 25, 26), ("a", "user", 0, 7), (IN_REGISTRY, "Tls", 0, 2), ("b", "auth", 1, 3)];
const SECOND: [Setting; 3] = [("a", "port2", 25, 26), ("a", "tls2", 0, 2), ("a", "auth2", 1, 3)];
const PLACES: [&str; 3] = ["a", IN_REGISTRY, "b"];

fn all() -> impl Iterator<Item = Setting> {
    FIRST.into_iter().chain(SECOND)
}

fn change(bench: &Bench, (place, name, before, after): Setting) -> Change {
    if place != IN_REGISTRY {
        return bench.setting(place, name, Some(&before.to_string()), Some(&after.to_string()));
    }
    let content = |n| Some(Content::Registry(Value::dword(n)));
    let slot = Slot::Registry { key: "Mail\\1".to_owned(), value: name.to_owned() };
    Change { slot, before: content(before), after: content(after) }
}

/// What each setting holds.
type State = BTreeMap<&'static str, u32>;

fn put(bench: &Bench, state: &State) {
    for file in ["a", "b"] {
        let lines = all().filter(|one| one.0 == file).map(|(_, name, ..)| format!("{name}={}\n", state[name]));
        bench.write(file, &lines.collect::<String>());
    }
    bench.store.registry.lock().unwrap().insert(("Mail\\1".to_owned(), "Tls".to_owned()), Value::dword(state["Tls"]));
}

fn held(bench: &Bench) -> State {
    let in_file = |file: &str, name: &str| {
        let text = bench.text(file);
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).map(str::to_owned);
        line.unwrap().parse().unwrap()
    };
    let in_registry = || bench.store.registry.lock().unwrap()[&("Mail\\1".to_owned(), "Tls".to_owned())].as_dword();
    let one = |(place, name, ..): Setting| match place {
        IN_REGISTRY => (name, in_registry().unwrap()),
        file => (name, in_file(file, name)),
    };
    all().map(one).collect()
}

fn of(settings: &[Setting], state: &State) -> State {
    settings.iter().map(|(_, name, ..)| (*name, state[name])).collect()
}

fn first_state() -> State {
    all().map(|(_, name, before, _)| (name, before)).collect()
}

/// A run (or its undo) was stopped when it had written these places; its journal lacks its end.
fn stopped(written: [bool; 3], undo: bool) -> Bench {
    let bench = Bench::with(&[]);
    put(&bench, &first_state());
    let changes = |settings: &[Setting]| settings.iter().map(|one| change(&bench, *one)).collect::<Vec<_>>();
    let accounts = vec![account("1", changes(&FIRST)), account("2", changes(&SECOND))];
    bench.writer().apply(&transaction("run1", accounts)).unwrap();
    if undo {
        bench.writer().undo(&Selector::Last, &run()).unwrap();
    }
    let folder = bench.state().join("receipts");
    let mut journals: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    journals.sort();
    for journal in &journals {
        let lines = std::fs::read_to_string(journal).unwrap();
        let is_end = |line: &str| line.contains("\"record\":\"undone\"") || line.contains("\"record\":\"commit\"");
        // The original of an undo keeps its commit.
        let original = undo && journal == &journals[0];
        let kept = lines.lines().filter(|line| !is_end(line) || original && line.contains("\"record\":\"commit\""));
        std::fs::write(journal, kept.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    }
    let state = all().map(|(place, name, before, after)| {
        let is_written = written[PLACES.iter().position(|one| *one == place).unwrap()];
        (name, if is_written == undo { before } else { after })
    });
    put(&bench, &state.collect());
    bench
}

fn hands() -> impl Strategy<Value = Vec<(usize, u32)>> {
    let value = prop_oneof![Just(0), Just(1), Just(2), Just(3), Just(25), Just(26), Just(587)];
    proptest::collection::vec((0..FIRST.len() + SECOND.len(), value), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn an_account_comes_back_exactly_or_stays_exactly_as_it_is(written: [bool; 3], undo: bool, hands in hands()) {
        let bench = stopped(written, undo);
        let names: Vec<_> = all().map(|(_, name, ..)| name).collect();
        let mut found = held(&bench);
        for (at, value) in &hands {
            found.insert(names[*at], *value);
        }
        put(&bench, &found);
        let recovery = bench.writer().recover().unwrap();
        prop_assert_eq!(recovery.recovered.len(), 1);
        let (now, first) = (held(&bench), first_state());
        for settings in [&FIRST[..], &SECOND[..]] {
            let is_back = of(settings, &now) == of(settings, &first);
            prop_assert!(is_back || of(settings, &now) == of(settings, &found), "{:?} -> {:?}", found, now);
            // Of whom nobody has set anything else, the run is taken back (or its undo completed) to its end.
            let known = |(_, name, before, after): &Setting| found[name] == *before || found[name] == *after;
            prop_assert_eq!(is_back, settings.iter().all(known), "{:?} -> {:?}", found, now);
        }
        prop_assert!(bench.writer().recover().unwrap().recovered.is_empty());
    }
}

/// The account is at a host now that the run knew nothing of, or has lost its encryption.
struct SetOtherwise(SubmissionServer);

impl OpenCheck for SetOtherwise {
    fn in_use(&self, _client: ClientId, _profile: &str) -> InUse {
        InUse::No
    }
    fn outgoing(&self, _client: ClientId) -> BTreeMap<String, SubmissionServer> {
        BTreeMap::from([("1".to_owned(), self.0.clone())])
    }
}

#[test]
fn what_the_run_had_nothing_to_do_with_counts_too() {
    let first = first_state();
    let seen = |now: SubmissionServer| {
        let bench = stopped([true; 3], false);
        let found = held(&bench);
        bench.writer_while(&SetOtherwise(now)).recover().unwrap();
        let now = held(&bench);
        assert_eq!(of(&SECOND, &now), of(&SECOND, &first));
        assert!(of(&FIRST, &now) == of(&FIRST, &first) || of(&FIRST, &now) == of(&FIRST, &found));
        of(&FIRST, &now) == of(&FIRST, &first)
    };
    assert!(seen(server(26)));
    assert!(!seen(SubmissionServer { host: "mail2.hosting.test".to_owned(), ..server(26) }));
    assert!(!seen(SubmissionServer { tls: crate::account::TlsMode::Implicit, ..server(26) }));
}

#[test]
fn where_a_part_cannot_be_written_nothing_is_put_back_yet() {
    let bench = stopped([true; 3], false);
    let found = held(&bench);
    bench.store.fail(1..2);
    let recovery = bench.writer().recover().unwrap();
    let RecoveryOutcome::Waiting { error } = &recovery.recovered[0].outcome else { panic!("{recovery:?}") };
    assert_eq!((error.code(), held(&bench)), ("disk_full", found));
    bench.store.fail(0..0);
    bench.writer().recover().unwrap();
    assert_eq!(held(&bench), first_state());
}

/// They may come back, with a disk or by a hand; a profile that was removed does not.
#[test]
fn what_was_begun_in_files_that_are_away_waits_for_them() {
    let change = |bench: &Bench| vec![account("1", vec![bench.setting("p/a", "port", Some("25"), Some("26"))])];
    let begun = || {
        let bench = Bench::with(&[]);
        std::fs::create_dir(bench.path("p")).unwrap();
        bench.write("p/a", "port=25\n");
        let receipt = bench.writer().apply(&transaction("run1", change(&bench))).unwrap();
        let journal = bench.state().join(format!("receipts/{}.jsonl", receipt.id));
        let lines = std::fs::read_to_string(&journal).unwrap();
        std::fs::write(&journal, lines.lines().take(3).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        bench
    };
    let bench = begun();
    std::fs::rename(bench.path("p/a"), bench.path("elsewhere")).unwrap();
    let recovery = bench.writer().recover().unwrap();
    let RecoveryOutcome::Waiting { error } = &recovery.recovered[0].outcome else { panic!("{recovery:?}") };
    assert_eq!(error.code(), "file_missing");
    std::fs::rename(bench.path("elsewhere"), bench.path("p/a")).unwrap();
    bench.writer().recover().unwrap();
    assert_eq!(bench.text("p/a"), "port=25\n");

    let bench = begun();
    std::fs::remove_dir_all(bench.path("p")).unwrap();
    let recovery = bench.writer().recover().unwrap();
    let RecoveryOutcome::PutBack { left, .. } = &recovery.recovered[0].outcome else { panic!("{recovery:?}") };
    assert!(left.iter().all(Leftover::is_of_a_gone_file), "{left:?}");
}
