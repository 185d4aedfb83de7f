//! Scan of a home with thousands of accounts (three clients), beside merely reading the same files.

#![allow(clippy::expect_used, reason = "a bench that cannot start has nothing to measure")]

#[path = "../tests/support/many.rs"]
mod many;

use port26::clients::CLIENTS;
use port26::pipeline;

fn main() {
    divan::main();
}

/// The size that is asked for, and half of it: twice the time is linear.
const SIZES: [usize; 2] = [5_000, 10_000];

fn home(accounts: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    many::write_home(folder.path(), accounts);
    folder
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn scan(bencher: divan::Bencher<'_, '_>, accounts: usize) {
    let home = home(accounts);
    bencher.bench_local(|| {
        let found = pipeline::discover(&many::computer(home.path()), CLIENTS);
        assert_eq!((found.accounts.len(), found.problems.len()), (accounts, 0));
        found
    });
}

#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn read_the_same_files(bencher: divan::Bencher<'_, '_>, accounts: usize) {
    let home = home(accounts);
    bencher.bench_local(|| {
        many::files(home.path()).iter().map(|file| std::fs::read(file).expect("a file").len()).sum::<usize>()
    });
}
