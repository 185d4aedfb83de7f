//! Real kills: this program starts itself, the child is aborted at the n-th write (before it, in the middle of it,
//! after it), and the parent looks at what is left and recovers. Lines of the journal are writes like those of
//! settings. One home with four real clients: Outlook in an exported registry, Windows Live Mail, Thunderbird (two
//! profiles, one with saved logins) and Claws Mail. Every file must hold its old or its new bytes at any moment, every
//! profile be of one piece after recovery, and undo give the first bytes back.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};

use port26::account::ClientId;
use port26::apply::{Machine, MachineStore, RecoveryOutcome, RunId, Selector, Store, StoreError, Writer};
use port26::clients::InUse;
use port26::formats::open::AllEditors;
use port26_platform::files::{Appender, FileError};
use port26_platform::registry::{Value, ValueWrite};

use crate::support::{case, one_test};

const FIXTURES: [&str; 4] =
    ["outlook/2013", "windows_live_mail/typical", "thunderbird/windows-two-profiles", "claws_mail/windows-auth"];

/// When in a write the process dies.
const MOMENTS: [&str; 3] = ["before", "during", "after"];

type Tree = BTreeMap<PathBuf, Vec<u8>>;

/// A write, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A file of a client.
    File,
    /// The journal's first line.
    Begin,
    /// A line that tells what is about to be written. With the last of them the transaction is an open one.
    Intent,
    /// The line that ends a transaction, however it ended.
    End,
    /// Any other line of a journal.
    Line,
}

/// The machine's own store, deadly at one write; beyond any write it only keeps a list.
struct KillingStore {
    machine: MachineStore,
    writes: Mutex<Vec<Step>>,
    kill_at: usize,
    moment: String,
}

impl KillingStore {
    fn new(home: &Path, kill_at: usize, moment: &str) -> Self {
        let machine = MachineStore::of(&case::computer_of(home));
        Self { machine, writes: Mutex::default(), kill_at, moment: moment.to_owned() }
    }

    fn harmless(home: &Path) -> Self {
        Self::new(home, usize::MAX, "")
    }

    fn steps(&self) -> Vec<Step> {
        self.writes.lock().unwrap().clone()
    }

    /// Makes a write, or dies of it: `half` is what a kill in the middle of it leaves.
    fn write<E>(&self, step: Step, half: impl FnOnce(), whole: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let mut writes = self.writes.lock().unwrap();
        writes.push(step);
        let now = writes.len() - 1 == self.kill_at;
        drop(writes);
        if now && self.moment == "during" {
            half();
        }
        if now && self.moment != "after" {
            std::process::abort();
        }
        whole()?;
        if now {
            std::process::abort();
        }
        Ok(())
    }
}

impl Store for KillingStore {
    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        self.machine.read_file(path)
    }
    fn replace_file(&self, path: &Path, old: &[u8], new: &[u8], temp: &str) -> Result<(), StoreError> {
        // Half of the new bytes are in the temporary file.
        let half = || std::fs::write(path.with_file_name(temp), &new[..new.len() / 2]).unwrap();
        self.write(Step::File, half, || self.machine.replace_file(path, old, new, temp))
    }
    fn append(&self, journal: &mut Appender, line: &[u8]) -> Result<(), FileError> {
        let record: serde_json::Value = serde_json::from_slice(line).unwrap();
        let step = match record["record"].as_str().unwrap() {
            "begin" => Step::Begin,
            "intent" => Step::Intent,
            "commit" | "rolled_back" => Step::End,
            _ => Step::Line,
        };
        let path = journal.path().to_owned();
        let half = || {
            let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(&line[..line.len() / 2]).unwrap();
        };
        self.write(step, half, || self.machine.append(journal, line))
    }
    fn clean_up(&self, path: &Path, temp: &str, ours: &dyn Fn(&[u8]) -> bool) -> Result<(), StoreError> {
        self.machine.clean_up(path, temp, ours)
    }
    fn read_value(&self, key: &str, value: &str) -> Result<Option<Value>, StoreError> {
        self.machine.read_value(key, value)
    }
    fn write_values(&self, _: &[ValueWrite]) -> Result<(), StoreError> {
        unreachable!("an exported registry is a file")
    }
    fn registry_file(&self) -> Option<PathBuf> {
        self.machine.registry_file()
    }
}

/// What is there when `at` was the deadly write.
struct Killed {
    /// Writes that were made completely.
    made: usize,
    /// Transactions (or undos) that were brought to their end.
    ended: usize,
    /// One was begun and not ended.
    open: bool,
}

fn killed_at(steps: &[Step], at: usize, moment: &str) -> Killed {
    let made = (at + usize::from(moment == "after")).min(steps.len());
    let count = |step: Step| steps[..made].iter().filter(|made| **made == step).count();
    // A journal has its name only with all that it is about to write: killed before that, nothing was begun.
    let tells = |step: Option<&Step>| matches!(step, Some(Step::Begin | Step::Intent));
    let more_to_tell = moment == "after" || steps.get(made) == Some(&Step::Intent);
    let unnamed = made > 0 && tells(steps.get(made - 1)) && more_to_tell;
    Killed { made, ended: count(Step::End), open: count(Step::Begin) - usize::from(unnamed) > count(Step::End) }
}

/// A home with its state folder beside it.
struct Place(tempfile::TempDir);

/// A place as it was at some moment. It comes back where it was, because receipts know their home.
struct Moment {
    place: Place,
    copy: tempfile::TempDir,
}

impl Moment {
    fn of(place: Place) -> Self {
        let copy = case::folder();
        case::copy_tree(place.0.path(), copy.path());
        Self { place, copy }
    }

    fn again(&self) -> &Place {
        for folder in std::fs::read_dir(self.place.0.path()).unwrap() {
            std::fs::remove_dir_all(folder.unwrap().path()).unwrap();
        }
        case::copy_tree(self.copy.path(), self.place.0.path());
        &self.place
    }
}

impl Place {
    fn fresh() -> Self {
        let folder = case::folder();
        for fixture in FIXTURES {
            case::copy_tree(&case::fixtures().join(fixture), &folder.path().join("home"));
        }
        Self(folder)
    }

    /// Everything moved.
    fn applied() -> Self {
        let place = Self::fresh();
        apply_all(place.0.path(), &KillingStore::harmless(&place.home()), || {});
        place
    }

    fn home(&self) -> PathBuf {
        self.0.path().join("home")
    }

    fn tree(&self) -> Tree {
        case::read_tree(&self.home())
    }

    fn here<T>(&self, act: impl FnOnce(&Writer<'_>) -> T) -> T {
        with_writer(self.0.path(), &KillingStore::harmless(&self.home()), act)
    }

    /// Starts this test again as a child. True if it was killed, false if it got through.
    fn killed(&self, test: &str, verb: &str, at: usize, moment: &str) -> bool {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(one_test::arguments(module_path!(), test))
            .env("PORT26_CRASH_PLACE", self.0.path())
            .env("PORT26_CRASH_VERB", verb)
            .env("PORT26_CRASH_AT", at.to_string())
            .env("PORT26_CRASH_MOMENT", moment)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked"), "the child failed instead of being killed: {said}");
        !output.status.success()
    }

    /// Every file of the home is one that some stage knows; a temporary file may lie beside them.
    #[track_caller]
    fn must_be_old_or_new(&self) {
        let now = self.tree();
        for name in STAGES.trees[0].keys() {
            let bytes = now.get(name).unwrap_or_else(|| panic!("{} is gone", name.display()));
            let known = STAGES.trees.iter().any(|stage| stage.get(name) == Some(bytes));
            assert!(known, "{} is neither old nor new", name.display());
        }
    }

    /// The number of transactions in effect; anything between two of them fails.
    #[track_caller]
    fn stage(&self) -> usize {
        let now = self.tree();
        STAGES.trees.iter().position(|stage| *stage == now).unwrap_or_else(|| {
            let differs = |stage: &Tree| {
                let names = stage.keys().chain(now.keys()).filter(|name| stage.get(*name) != now.get(*name));
                names.cloned().collect::<std::collections::BTreeSet<_>>()
            };
            panic!("a mixture; beside each stage: {:?}", STAGES.trees.iter().map(differs).collect::<Vec<_>>())
        })
    }

    /// Recovers; what was found must have been put right. How many there were.
    #[track_caller]
    fn recover(&self) -> usize {
        let recovery = self.here(|writer| writer.recover()).unwrap();
        assert!(recovery.unreadable.is_empty(), "{:?}", recovery.unreadable);
        for recovered in &recovery.recovered {
            let whole = matches!(&recovered.outcome, RecoveryOutcome::PutBack { left, .. } if left.is_empty());
            assert!(whole, "{recovered:?}");
        }
        recovery.recovered.len()
    }

    /// Nothing is left to recover, and the first bytes come back.
    #[track_caller]
    fn must_end_well(&self) {
        assert_eq!(self.recover(), 0);
        self.here(|writer| {
            assert!(writer.receipts().unwrap().unreadable.is_empty());
        });
        undo_all(self.0.path(), &KillingStore::harmless(&self.home()));
        assert_eq!(self.stage(), 0);
    }
}

fn with_writer<T>(place: &Path, store: &dyn Store, act: impl FnOnce(&Writer<'_>) -> T) -> T {
    let nobody = |_: ClientId, _: &str| InUse::No;
    let machine = Machine::of(&case::computer_of(&place.join("home")));
    act(&Writer::new(place.join("state"), machine, store, &AllEditors, &nobody))
}

/// Each transaction of a home, one after the other, as a run makes them.
fn apply_all(place: &Path, store: &dyn Store, mut after_each: impl FnMut()) {
    for (_, transaction) in case::transactions(&case::computer_of(&place.join("home"))) {
        with_writer(place, store, |writer| writer.apply(&transaction)).unwrap();
        after_each();
    }
}

fn undo_all(place: &Path, store: &dyn Store) {
    let undone = with_writer(place, store, |writer| writer.undo(&Selector::All, &RunId("undo".to_owned()))).unwrap();
    assert!(undone.iter().all(|undone| undone.error.is_none()), "{undone:?}");
}

/// What an undisturbed run does: the home after each transaction, every write of it, and every write of its undo.
struct Stages {
    trees: Vec<Tree>,
    apply: Vec<Step>,
    undo: Vec<Step>,
}

static STAGES: LazyLock<Stages> = LazyLock::new(|| {
    let place = Place::fresh();
    let (home, at) = (place.home(), place.0.path());
    let clients: BTreeSet<_> =
        case::transactions(&case::computer_of(&home)).iter().map(|(_, one)| format!("{:?}", one.client)).collect();
    assert_eq!(clients.len(), FIXTURES.len(), "each client has something to change: {clients:?}");
    let mut trees = vec![place.tree()];
    let (apply, undo) = (KillingStore::harmless(&home), KillingStore::harmless(&home));
    apply_all(at, &apply, || trees.push(place.tree()));
    undo_all(at, &undo);
    assert_eq!(place.tree(), trees[0]);
    let stages = Stages { trees, apply: apply.steps(), undo: undo.steps() };
    for steps in [&stages.apply, &stages.undo] {
        let of = |step: Step| steps.iter().filter(|made| **made == step).count();
        assert!(of(Step::File) >= 6, "{steps:?}");
        assert_eq!((of(Step::Begin), of(Step::End)), (stages.trees.len() - 1, stages.trees.len() - 1), "{steps:?}");
    }
    stages
});

/// In a child: does what it was started for, and dies of it or exits.
fn be_the_child_if_started_as_one() {
    let Ok(place) = std::env::var("PORT26_CRASH_PLACE") else { return };
    let place = PathBuf::from(place);
    let variable = |name: &str| std::env::var(name).unwrap();
    let at = variable("PORT26_CRASH_AT").parse().unwrap();
    let store = KillingStore::new(&place.join("home"), at, &variable("PORT26_CRASH_MOMENT"));
    match variable("PORT26_CRASH_VERB").as_str() {
        "apply" => apply_all(&place, &store, || {}),
        "recover" => drop(with_writer(&place, &store, |writer| writer.recover()).unwrap()),
        _ => undo_all(&place, &store),
    }
    std::process::exit(0);
}

#[test]
fn a_change_killed_at_any_write_is_taken_back_whole() {
    be_the_child_if_started_as_one();
    let test = "a_change_killed_at_any_write_is_taken_back_whole";
    for moment in MOMENTS {
        for at in 0..STAGES.apply.len() {
            let place = Place::fresh();
            assert!(place.killed(test, "apply", at, moment), "{moment} write {at}");
            let killed = killed_at(&STAGES.apply, at, moment);
            place.must_be_old_or_new();
            assert_eq!(place.recover(), usize::from(killed.open), "{moment} write {at}");
            // Of the profile that was interrupted nothing is left, the ones before it stay as they are.
            assert_eq!(place.stage(), killed.ended, "{moment} write {at}");
            place.must_end_well();
        }
    }
    let place = Place::fresh();
    assert!(!place.killed(test, "apply", STAGES.apply.len(), "before"), "there are no more writes than these");
    assert_eq!(place.stage(), STAGES.trees.len() - 1);
    place.must_end_well();
}

#[test]
fn a_recovery_killed_at_any_write_is_taken_up_again() {
    be_the_child_if_started_as_one();
    let test = "a_recovery_killed_at_any_write_is_taken_up_again";
    // Interrupted right before the line that ends it, each transaction has the most to put back.
    let ends = STAGES.apply.iter().enumerate().filter(|(_, step)| **step == Step::End).map(|(at, _)| at);
    for (before, end) in ends.enumerate() {
        let interrupted = Place::fresh();
        assert!(interrupted.killed(test, "apply", end, "before"));
        let interrupted = Moment::of(interrupted);
        let undisturbed = interrupted.again();
        let store = KillingStore::harmless(&undisturbed.home());
        with_writer(undisturbed.0.path(), &store, |writer| writer.recover()).unwrap();
        let steps = store.steps();
        assert!(steps.contains(&Step::File) && steps.last() == Some(&Step::End), "{steps:?}");
        for moment in MOMENTS {
            for at in 0..steps.len() {
                let place = interrupted.again();
                assert!(place.killed(test, "recover", at, moment), "{moment} write {at}");
                place.must_be_old_or_new();
                let ended = killed_at(&steps, at, moment).ended;
                assert_eq!(place.recover(), 1 - ended, "{moment} write {at}");
                assert_eq!(place.stage(), before, "{moment} write {at}");
                place.must_end_well();
            }
        }
    }
}

#[test]
fn an_undo_killed_at_any_write_is_completed() {
    be_the_child_if_started_as_one();
    let test = "an_undo_killed_at_any_write_is_completed";
    let last = STAGES.trees.len() - 1;
    let applied = Moment::of(Place::applied());
    for moment in MOMENTS {
        for at in 0..STAGES.undo.len() {
            let place = applied.again();
            assert!(place.killed(test, "undo", at, moment), "{moment} write {at}");
            place.must_be_old_or_new();
            let killed = killed_at(&STAGES.undo, at, moment);
            assert_eq!(place.recover(), usize::from(killed.open), "{moment} write {at}");
            // The newest profile is undone first; the one that was interrupted is undone, too.
            assert_eq!(place.stage(), last - killed.ended - usize::from(killed.open), "{moment} write {at}");
            place.must_end_well();
        }
    }
}

#[test]
fn completing_an_undo_may_be_killed_at_any_write_too() {
    be_the_child_if_started_as_one();
    let test = "completing_an_undo_may_be_killed_at_any_write_too";
    // Interrupted right after it was begun, the undo of the newest profile is all still to be done.
    let interrupted = Place::applied();
    assert!(interrupted.killed(test, "undo", 1, "before"));
    let interrupted = Moment::of(interrupted);
    let undisturbed = interrupted.again();
    let store = KillingStore::harmless(&undisturbed.home());
    with_writer(undisturbed.0.path(), &store, |writer| writer.recover()).unwrap();
    let steps = store.steps();
    assert!(steps.contains(&Step::File) && steps.contains(&Step::End), "{steps:?}");
    for moment in MOMENTS {
        for at in 0..steps.len() {
            let place = interrupted.again();
            assert!(place.killed(test, "recover", at, moment), "{moment} write {at}");
            place.must_be_old_or_new();
            let killed = killed_at(&steps, at, moment);
            assert_eq!(place.recover(), 1 - killed.ended, "{moment} write {at}, {} made", killed.made);
            assert_eq!(place.stage(), STAGES.trees.len() - 2, "{moment} write {at}");
            place.must_end_well();
        }
    }
}
