//! Real kills: this program starts itself, the child is aborted at the n-th write (before it, in the middle of it,
//! after it), and the parent looks at what is left and recovers. One home with four real clients: Outlook in an
//! exported registry, Windows Live Mail, Thunderbird (two profiles, one with saved logins) and Claws Mail. Every file
//! must hold its old or its new bytes at any moment, every profile be of one piece after recovery, and undo give the
//! first bytes back.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/case.rs"]
mod case;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use port26::account::ClientId;
use port26::apply::{Machine, MachineStore, RecoveryOutcome, RunId, Selector, Store, StoreError, Writer};
use port26::clients::InUse;
use port26::formats::open::AllEditors;
use port26_platform::registry::{Value, ValueWrite};

const FIXTURES: [&str; 4] =
    ["outlook/2013", "windows_live_mail/typical", "thunderbird/windows-two-profiles", "claws_mail/windows-auth"];

/// When in a write the process dies.
const MOMENTS: [&str; 3] = ["before", "during", "after"];

type Tree = BTreeMap<PathBuf, Vec<u8>>;

/// The machine's own store, deadly at one write; beyond any write it only counts.
struct KillingStore {
    machine: MachineStore,
    writes: AtomicUsize,
    kill_at: usize,
    moment: String,
}

impl KillingStore {
    fn new(home: &Path, kill_at: usize, moment: &str) -> Self {
        let machine = MachineStore::of(&case::host_of(home));
        Self { machine, writes: AtomicUsize::new(0), kill_at, moment: moment.to_owned() }
    }
}

impl Store for KillingStore {
    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        self.machine.read_file(path)
    }
    fn replace_file(&self, path: &Path, old: &[u8], new: &[u8], temp: &str) -> Result<(), StoreError> {
        let now = self.writes.fetch_add(1, Ordering::SeqCst) == self.kill_at;
        if now && self.moment == "during" {
            // Half of the new bytes are in the temporary file.
            let _ = std::fs::write(path.with_file_name(temp), &new[..new.len() / 2]);
        }
        if now && self.moment != "after" {
            std::process::abort();
        }
        self.machine.replace_file(path, old, new, temp)?;
        if now {
            std::process::abort();
        }
        Ok(())
    }
    fn clean_up(&self, path: &Path, temp: &str) -> Result<(), StoreError> {
        self.machine.clean_up(path, temp)
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

/// A home with its state folder beside it.
struct Place(tempfile::TempDir);

impl Place {
    fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for fixture in FIXTURES {
            case::copy_tree(&case::fixtures().join(fixture), &folder.path().join("home"));
        }
        Self(folder)
    }

    fn home(&self) -> PathBuf {
        self.0.path().join("home")
    }

    fn tree(&self) -> Tree {
        case::read_tree(&self.home())
    }

    fn here<T>(&self, act: impl FnOnce(&Writer<'_>) -> T) -> T {
        with_writer(self.0.path(), &KillingStore::new(&self.home(), usize::MAX, ""), act)
    }

    /// Starts this test again as a child. True if it was killed, false if it got through.
    fn killed(&self, test: &str, verb: &str, at: usize, moment: &str) -> bool {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
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
            let whole = matches!(&recovered.outcome, RecoveryOutcome::PutBack { left } if left.is_empty());
            assert!(whole, "{recovered:?}");
        }
        recovery.recovered.len()
    }

    #[track_caller]
    fn undo_all(&self) {
        let undone = self.here(|writer| writer.undo(&Selector::All, &RunId("undo".to_owned()))).unwrap();
        assert!(undone.iter().all(|undone| undone.error.is_none()), "{undone:?}");
        assert_eq!(self.stage(), 0);
    }
}

fn with_writer<T>(place: &Path, store: &dyn Store, act: impl FnOnce(&Writer<'_>) -> T) -> T {
    let nobody = |_: ClientId, _: &str| InUse::No;
    let machine = Machine::of(&case::host_of(&place.join("home")));
    act(&Writer::new(place.join("state"), machine, store, &AllEditors, &nobody))
}

/// What an undisturbed run does: the home after each transaction, and how many writes were made by then.
struct Stages {
    trees: Vec<Tree>,
    writes: Vec<usize>,
}

impl Stages {
    fn total(&self) -> usize {
        *self.writes.last().unwrap()
    }

    /// The transactions that are whole once this many writes are made.
    fn whole(&self, writes: usize) -> usize {
        self.writes.iter().rposition(|&made| made <= writes).unwrap()
    }
}

static STAGES: LazyLock<Stages> = LazyLock::new(|| {
    let place = Place::fresh();
    let mut stages = Stages { trees: vec![place.tree()], writes: vec![0] };
    let store = KillingStore::new(&place.home(), usize::MAX, "");
    for (_, transaction) in case::transactions(&case::host_of(&place.home())) {
        with_writer(place.0.path(), &store, |writer| writer.apply(&transaction)).unwrap();
        stages.trees.push(place.tree());
        stages.writes.push(store.writes.load(Ordering::SeqCst));
    }
    let clients: std::collections::BTreeSet<_> = case::transactions(&case::host_of(Place::fresh().home().as_path()))
        .iter()
        .map(|(_, one)| format!("{:?}", one.client))
        .collect();
    assert_eq!(clients.len(), FIXTURES.len(), "each client has something to change: {clients:?}");
    stages
});

/// In a child: does what it was started for, and dies of it or exits.
fn be_the_child_if_started_as_one() {
    let Ok(place) = std::env::var("PORT26_CRASH_PLACE") else { return };
    let place = PathBuf::from(place);
    let variable = |name: &str| std::env::var(name).unwrap();
    let at = variable("PORT26_CRASH_AT").parse().unwrap();
    let store = KillingStore::new(&place.join("home"), at, &variable("PORT26_CRASH_MOMENT"));
    with_writer(&place, &store, |writer| match variable("PORT26_CRASH_VERB").as_str() {
        "apply" => {
            for (_, transaction) in case::transactions(&case::host_of(&place.join("home"))) {
                writer.apply(&transaction).unwrap();
            }
        }
        "recover" => drop(writer.recover().unwrap()),
        _ => drop(writer.undo(&Selector::All, &RunId("undo".to_owned())).unwrap()),
    });
    std::process::exit(0);
}

#[test]
fn a_change_killed_at_any_write_is_taken_back_whole() {
    be_the_child_if_started_as_one();
    let test = "a_change_killed_at_any_write_is_taken_back_whole";
    let total = STAGES.total();
    assert!(total >= 6, "only {total} writes");
    for moment in MOMENTS {
        for at in 0..=total {
            let place = Place::fresh();
            assert_eq!(place.killed(test, "apply", at, moment), at < total, "{moment} write {at}");
            place.must_be_old_or_new();
            assert_eq!(place.recover(), usize::from(at < total), "{moment} write {at}");
            // Of the profile that was interrupted nothing is left, the ones before it stay as they are.
            assert_eq!(place.stage(), STAGES.whole(at), "{moment} write {at}");
            assert_eq!(place.recover(), 0);
            place.undo_all();
        }
    }
}

#[test]
fn a_recovery_killed_at_any_write_is_taken_up_again() {
    be_the_child_if_started_as_one();
    let test = "a_recovery_killed_at_any_write_is_taken_up_again";
    // The transaction with the most writes, killed after its last one: all of them are to be put back.
    let (one, writes) = (1..STAGES.writes.len())
        .map(|n| (n, STAGES.writes[n] - STAGES.writes[n - 1]))
        .max_by_key(|(_, writes)| *writes)
        .unwrap();
    assert!(writes >= 2, "no transaction has two writes");
    for moment in MOMENTS {
        for at in 0..=writes {
            let place = Place::fresh();
            assert!(place.killed(test, "apply", STAGES.writes[one] - 1, "after"));
            assert_eq!(place.killed(test, "recover", at, moment), at < writes, "{moment} write {at}");
            place.must_be_old_or_new();
            assert_eq!(place.recover(), usize::from(at < writes), "{moment} write {at}");
            assert_eq!(place.stage(), one - 1, "{moment} write {at}");
            place.undo_all();
        }
    }
}

#[test]
fn an_undo_killed_at_any_write_is_completed() {
    be_the_child_if_started_as_one();
    let test = "an_undo_killed_at_any_write_is_completed";
    let (total, last) = (STAGES.total(), STAGES.trees.len() - 1);
    for moment in MOMENTS {
        for at in 0..=total {
            let place = Place::fresh();
            assert!(!place.killed(test, "apply", usize::MAX, ""));
            assert_eq!(place.stage(), last);
            assert_eq!(place.killed(test, "undo", at, moment), at < total, "{moment} write {at}");
            place.must_be_old_or_new();
            assert_eq!(place.recover(), usize::from(at < total));
            // The newest profile is undone first; the one that was interrupted is undone, too.
            let left = total - at;
            let expected = if at < total { STAGES.whole(left - 1) } else { 0 };
            assert_eq!(place.stage(), expected, "{moment} write {at}");
            assert_eq!(place.recover(), 0);
            place.undo_all();
        }
    }
}
