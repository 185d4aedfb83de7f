//! Plan and apply (journal, compare-and-swap, atomic replace) and undo of a thousand accounts in three clients, beside
//! replacing the same files with the same durability: write, sync, rename, sync of the folder.

#![allow(clippy::expect_used, reason = "a bench that cannot start has nothing to measure")]

#[path = "../tests/support/case.rs"]
mod case;
#[path = "../tests/support/many.rs"]
mod many;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use port26::account::ClientId;
use port26::apply::{Machine, MachineStore, RunId, Selector, Writer};
use port26::clients::InUse;
use port26::formats::open::AllEditors;
use port26_platform::computer::Computer;

fn main() {
    divan::main();
}

const SIZES: [usize; 2] = [500, 1_000];

fn folder(accounts: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    many::write_home(&folder.path().join("home"), accounts);
    folder
}

fn with_writer<T>(folder: &Path, computer: &Computer, act: impl FnOnce(&Writer<'_>) -> T) -> T {
    let nobody = |_: ClientId, _: &str| InUse::No;
    let store = MachineStore::of(computer);
    act(&Writer::new(folder.join("state"), Machine::of(computer), &store, &AllEditors, &nobody))
}

fn apply(folder: &Path) -> usize {
    let computer = many::computer(&folder.join("home"));
    let mut moved = 0;
    for (_, transaction) in case::transactions(&computer) {
        with_writer(folder, &computer, |writer| writer.apply(&transaction)).expect("it applies");
        moved += transaction.accounts.len();
    }
    moved
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn scan_plan_and_apply(bencher: divan::Bencher<'_, '_>, accounts: usize) {
    bencher.with_inputs(|| folder(accounts)).bench_local_refs(|folder| {
        assert_eq!(apply(folder.path()), accounts);
    });
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn undo(bencher: divan::Bencher<'_, '_>, accounts: usize) {
    let changed = || {
        let folder = folder(accounts);
        apply(folder.path());
        folder
    };
    bencher.with_inputs(changed).bench_local_refs(|folder| {
        let computer = many::computer(&folder.path().join("home"));
        let undone = with_writer(folder.path(), &computer, |writer| writer.undo(&Selector::All, &RunId::start()));
        assert!(undone.expect("it undoes").iter().all(|one| one.error.is_none()));
    });
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn replace_the_same_files(bencher: divan::Bencher<'_, '_>, accounts: usize) {
    bencher.with_inputs(|| folder(accounts)).bench_local_refs(|folder| {
        for file in many::files(&folder.path().join("home")) {
            if file.ends_with("profiles.ini") {
                continue;
            }
            let bytes = fs::read(&file).expect("a file");
            let temp = file.with_extension("new");
            let mut new = File::create(&temp).expect("a new file");
            new.write_all(&bytes).expect("the bytes");
            new.sync_all().expect("on the disk");
            fs::rename(&temp, &file).expect("in its place");
            #[allow(clippy::unwrap_used, reason = "every file has a folder")]
            let _ = File::open(file.parent().unwrap()).and_then(|folder| folder.sync_all());
        }
    });
}
