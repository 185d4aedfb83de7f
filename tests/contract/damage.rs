//! Files that are not what a client left: garbage in their place, and files as a full disk, a bad sector or a hurried hand
//! leaves them. What cannot be read is a problem; whatever is planned all the same must be exact.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use libtest_mimic::Trial;
use port26::apply::{Machine, MachineStore, RunId, Selector, Writer};
use port26::clients::CLIENTS;
use port26::formats::open::AllEditors;
use port26_platform::computer::Os;
use port26_platform::files::READ_LIMIT;
use port26_platform::registry::RegFile;
use proptest::prelude::*;

use crate::case::{self, Case, SCRIPTED};
use crate::fixtures;
use crate::support::steps::{file_of, nobody};

/// What can stand in the place of a settings file.
#[derive(Debug, Clone, Copy)]
enum Garbage {
    Bytes,
    Empty,
    Zeros,
    Folder,
    /// A link that leads to itself: there is something, and nobody can read it.
    Loop,
    TooLarge,
}

fn put_garbage(file: &Path, garbage: Garbage) {
    std::fs::remove_file(file).unwrap();
    match garbage {
        Garbage::Bytes => std::fs::write(file, b"\x00\xff\xfe<garbage \"not a mail client's file").unwrap(),
        Garbage::Empty => std::fs::write(file, b"").unwrap(),
        Garbage::Zeros => std::fs::write(file, [0; 4096]).unwrap(),
        Garbage::Folder => std::fs::create_dir(file).unwrap(),
        Garbage::Loop => {
            assert!(Command::new("ln").arg("-s").arg(file).arg(file).status().unwrap().success());
        }
        Garbage::TooLarge => std::fs::File::create(file).unwrap().set_len(READ_LIMIT + 1).unwrap(),
    }
}

/// The files that the moves of a home would write.
fn planned_files(case: &Case) -> BTreeSet<PathBuf> {
    let transactions = case.transactions();
    let accounts = transactions.iter().flat_map(|(_, transaction)| &transaction.accounts);
    let files = accounts.flat_map(|account| &account.changes).map(file_of);
    files.map(|file| file.strip_prefix(case.home.path()).unwrap_or(&file).to_owned()).collect()
}

/// The number of times that garbage stood somewhere.
pub fn garbage_is_a_problem(fixture: &Path) -> usize {
    let mut kinds = vec![Garbage::Bytes, Garbage::Empty, Garbage::Zeros, Garbage::Folder, Garbage::TooLarge];
    if Os::here() != Os::Windows {
        kinds.push(Garbage::Loop);
    }
    let names = planned_files(&Case::copy(fixture));
    for name in &names {
        for &garbage in &kinds {
            garbage_is_reported(fixture, name, garbage);
        }
    }
    names.len() * kinds.len()
}

fn garbage_is_reported(fixture: &Path, name: &Path, garbage: Garbage) {
    let case = Case::copy(fixture);
    let label = format!("{}: {garbage:?} for {}", case.name, name.display());
    put_garbage(&case.home.path().join(name), garbage);
    if name == Path::new("user.reg") {
        // It is asked for by name, so it is an error before there is a computer.
        assert!(RegFile::open(case.home.path().join(name)).is_err(), "{label}");
        return;
    }
    let mut told = Vec::new();
    for client in CLIENTS {
        match client.detect(&case.computer) {
            Err(problem) => told.push(problem),
            Ok(None) => {}
            Ok(Some(installation)) => told.extend(client.accounts(&case.computer, &installation).problems),
        }
    }
    let leaf = name.file_name().unwrap().to_string_lossy();
    // A program that answers nonsense is named itself; its state is in a file only here.
    let named = told.iter().find(|problem| problem.at.contains(&*leaf) || leaf == SCRIPTED);
    let problem = named.unwrap_or_else(|| panic!("{label} was not reported: {told:?}"));
    assert!(!problem.message.is_empty() && !problem.hint.is_empty(), "{label}");
    assert!(!planned_files(&case).contains(name), "{label}: it is planned to be written");
}

/// Makes and undoes every move that is still planned when a file is damaged. Whatever is planned must be exact. How
/// many moves there were.
fn moves_are_exact_with(fixture: &Path, name: &Path, bytes: &[u8]) -> usize {
    let (home, state) = (case::folder(), case::folder());
    case::copy_tree(fixture, home.path());
    let label = || format!("{}: {}", fixtures::name(fixture), name.display());
    std::fs::write(home.path().join(name), bytes).unwrap();
    // A registry that cannot be read is an error before there is a computer.
    let Some(computer) = case::try_computer_of(home.path()) else { return 0 };
    let tree = || case::read_tree(home.path());
    let before = tree();
    let store = MachineStore::of(&computer);
    let transactions = case::transactions(&computer);
    for (_, transaction) in &transactions {
        let writer = Writer::new(state.path(), Machine::of(&computer), &store, &AllEditors, &nobody);
        // An error is fine as long as nothing was written.
        if writer.apply(transaction).is_err() {
            assert_eq!(before, tree(), "{}", label());
        }
        writer.undo(&Selector::All, &RunId::start()).unwrap();
        assert_eq!(before, tree(), "{}", label());
    }
    transactions.len()
}

/// Each file of the fixture, damaged in each way. The number of plans that were made all the same.
pub fn every_damage_can_be_undone(fixture: &Path) -> usize {
    let damages = |(name, bytes): (PathBuf, Vec<u8>)| -> usize {
        (0..DAMAGES).map(|damage| moves_are_exact_with(fixture, &name, &damaged(&bytes, damage))).sum()
    };
    Case::copy(fixture).tree().into_iter().map(damages).sum()
}

const DAMAGES: usize = 12;

/// The n-th way to damage a file: cut off, emptied, a byte changed, a piece taken out or written twice.
fn damaged(bytes: &[u8], damage: usize) -> Vec<u8> {
    let (len, part) = (bytes.len(), bytes.len() * (damage % 4 + 1) / 5);
    let mut bytes = bytes.to_vec();
    match damage {
        0..4 => bytes.truncate(if damage == 0 { 0 } else { part }),
        4..8 if len > 0 => bytes[part] ^= 0x21,
        8..10 => drop(bytes.drain(part..(part + 7).min(len))),
        _ => {
            let piece = bytes[part..(part + 40).min(len)].to_vec();
            bytes.splice(part..part, piece);
        }
    }
    bytes
}

pub fn trials() -> [Trial; 1] {
    [Trial::test("all random_damage_never_leads_to_a_change_that_cannot_be_undone", || {
        random_damage_can_be_undone();
        Ok(())
    })]
}

static EVERY_FILE: LazyLock<Vec<(PathBuf, PathBuf, Vec<u8>)>> = LazyLock::new(|| {
    let files = |fixture: PathBuf| {
        let tree = case::read_tree(&fixture);
        tree.into_iter().map(move |(name, bytes)| (fixture.clone(), name, bytes))
    };
    fixtures::all().into_iter().flat_map(files).collect()
});

/// One byte that is hit: where, what it becomes, and how.
type Hit = (prop::sample::Index, u8, u8);

fn hit(bytes: &mut Vec<u8>, (at, byte, kind): Hit) {
    let at = at.index(bytes.len() + 1);
    match kind {
        0 => bytes.insert(at, byte),
        1 => bytes.truncate(at.max(bytes.len() / 2)),
        2 if at < bytes.len() => drop(bytes.remove(at)),
        _ if at < bytes.len() => bytes[at] = byte,
        _ => bytes.push(byte),
    }
}

fn random_damage_can_be_undone() {
    let config = ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(
        which in any::<prop::sample::Index>(),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6),
    )| {
        let (fixture, name, bytes) = &EVERY_FILE[which.index(EVERY_FILE.len())];
        let mut bytes = bytes.clone();
        for one in hits {
            hit(&mut bytes, one);
        }
        moves_are_exact_with(fixture, name, &bytes);
    });
}
