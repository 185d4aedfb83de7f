//! The one contract that every mail client adapter passes, on every fixture: discovery writes nothing;
//! planning the present settings is empty; apply reaches the target; a second plan is empty; undo restores
//! every byte, mode and owner; a failure at each write leaves old or new; a foreign edit is a conflict; garbage is
//! a problem. A fixture that nothing here makes use of is a failure, and so is a client without fixtures.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic")]

#[path = "support"]
mod support {
    pub mod case;
    pub mod steps;
}

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use port26::account::ClientId;
use port26::apply::{Machine, MachineStore, RunId, Selector, Writer};
use port26::clients::CLIENTS;
use port26::clients::only_explained;
use port26::formats::open::AllEditors;
use port26_platform::computer::Os;
use port26_platform::files::READ_LIMIT;
use port26_platform::registry::RegFile;
use proptest::prelude::*;

use support::case::{self, Case, SCRIPTED, fixtures};
use support::steps::{self, apply_all, file_of, nobody, with_writer};

/// Every fixture: a home folder as a client leaves it. Which system it is of is told by its folders.
fn cases() -> Vec<PathBuf> {
    let folders = |at: &Path| -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
        found.sort();
        found
    };
    folders(&fixtures()).iter().flat_map(|client| folders(client)).collect()
}

/// For what takes a minute under Wine and a second elsewhere: there every third fixture, and all of them in a long part of
/// `scripts/test`. The last is how many failures or plans are to come of it at least.
fn cases_where_it_is_quick(least: usize) -> (Vec<PathBuf>, usize) {
    match std::env::var_os("PORT26_EVERY_FIXTURE") {
        None if Os::here() == Os::Windows => (cases().into_iter().step_by(3).collect(), least / 4),
        _ => (cases(), least),
    }
}

/// Fixtures in which there is nothing to move, and why.
const NOTHING_MOVES: [(&str, &str); 11] = [
    ("apple_mail/icloud", "the accounts are Apple's"),
    ("apple_mail/modern", "the accounts are in the system's database"),
    ("balsa/25-none", "explained, not written"),
    ("claws_mail/two-with-one-number", "which of the two an edit would mean is not known"),
    ("evolution/25-noauth", "explained, not written"),
    ("geary/25-noauth", "explained, not written"),
    ("kmail/25-noauth", "explained, not written"),
    ("mailmate/submission", "explained, not written"),
    ("sylpheed/25-noauth", "explained, not written"),
    ("thunderbird/linux-user-js", "user.js wins over what would be written"),
    ("thunderbird/windows-policy", "a policy of the machine wins"),
];

#[test]
fn every_fixture_is_used_and_every_client_that_is_written_has_several() {
    let mut seen: BTreeMap<ClientId, (usize, usize)> = BTreeMap::new();
    let mut idle = Vec::new();
    for fixture in cases() {
        let case = Case::copy(&fixture);
        let moved: BTreeSet<ClientId> = case.transactions().iter().map(|(client, _)| client.id()).collect();
        let mut found = 0;
        for client in CLIENTS {
            let Ok(Some(installation)) = client.detect(&case.computer) else { continue };
            found += 1;
            let has_accounts = !client.accounts(&case.computer, &installation).accounts.is_empty();
            let (layouts, movable) = seen.entry(client.id()).or_default();
            *layouts += usize::from(has_accounts);
            *movable += usize::from(moved.contains(&client.id()));
        }
        assert!(found > 0, "{}: no client is found in it", case.name);
        if moved.is_empty() {
            idle.push(case.name);
        }
    }
    assert_eq!(idle, NOTHING_MOVES.map(|(case, _)| case.replace('/', std::path::MAIN_SEPARATOR_STR)));
    let explained: Vec<ClientId> = only_explained().map(|client| client.id()).collect();
    for client in CLIENTS.iter().map(|client| client.id()).filter(|id| !explained.contains(id)) {
        let (layouts, movable) = seen.get(&client).copied().unwrap_or_default();
        assert!(layouts >= 2 && movable >= 1, "{client:?}: {layouts} layouts, {movable} that move");
    }
}

#[test]
fn discovery_writes_nothing_and_the_present_settings_need_no_change() {
    for fixture in cases() {
        steps::looking_writes_nothing(&Case::copy(&fixture));
    }
}

#[test]
fn apply_reaches_the_target_once_and_undo_restores_every_byte() {
    for fixture in cases() {
        steps::there_and_back(&Case::copy(&fixture));
    }
}

#[test]
fn a_failure_at_any_write_leaves_the_old_settings() {
    let (fixtures, least) = cases_where_it_is_quick(100);
    let failures: usize =
        fixtures.iter().map(|fixture| steps::apply_that_fails_at_each_write(|| Case::copy(fixture))).sum();
    assert!(failures >= least, "only {failures} failures were tried");
}

#[test]
fn an_undo_that_fails_at_any_write_leaves_the_new_settings_and_can_be_repeated() {
    let (fixtures, least) = cases_where_it_is_quick(100);
    let failures: usize =
        fixtures.iter().map(|fixture| steps::undo_that_fails_at_each_write(|| Case::copy(fixture))).sum();
    assert!(failures >= least, "only {failures} failures were tried");
}

#[test]
fn a_run_that_ends_at_any_write_is_taken_back_and_its_undo_completed() {
    let (fixtures, least) = match Os::here() {
        // Wine is slow at this: `journal_crash` and `live_registry` do more of it there.
        Os::Windows => (["windows_live_mail/typical", "outlook/2003"].map(|name| fixtures().join(name)).to_vec(), 20),
        _ => (cases(), 100),
    };
    let ends: usize = fixtures.iter().map(|fixture| steps::ended_at_each_write(|| Case::copy(fixture))).sum();
    assert!(ends >= least, "only {ends} ends were tried");
}

/// Mode, owner and group of every file, where the system has a command that tells them.
fn owners(case: &Case) -> Vec<String> {
    let Ok(listed) = Command::new("ls").args(["-lnRA"]).arg(case.home.path()).output() else { return Vec::new() };
    let of_file = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (line.starts_with('-') && words.len() > 8).then(|| [words[0], words[2], words[3], words[8]].join(" "))
    };
    String::from_utf8_lossy(&listed.stdout).lines().filter_map(of_file).collect()
}

#[test]
fn mode_and_owner_stay_through_a_move_and_its_undo() {
    if Os::here() == Os::Windows {
        // Attributes and access lists: the platform's own tests.
        return;
    }
    let run = |program: &str, arguments: &[&str], at: &Path| {
        Command::new(program).args(arguments).arg(at).output().is_ok_and(|output| output.status.success())
    };
    for fixture in cases() {
        // Another user's files too, where this user may give them away.
        for owner in [None, Some("12345:12346")] {
            let case = Case::copy(&fixture);
            assert!(run("chmod", &["-R", "u=rwX,g=rX,o="], case.home.path()));
            if owner.is_some_and(|owner| !run("chown", &["-R", owner], case.home.path())) {
                continue;
            }
            let (tree, before) = (case.tree(), owners(&case));
            assert!(before.iter().all(|line| line.starts_with("-rw-r-----")) && !before.is_empty(), "{before:?}");
            assert!(owner.is_none() || before.iter().all(|line| line.contains("12345 12346")), "{before:?}");
            let receipts = apply_all(&case);
            assert_eq!(before, owners(&case), "{}: after the move", case.name);
            let store = MachineStore::of(&case.computer);
            with_writer(&case, &store, |writer| writer.undo(&Selector::All, &RunId::start())).unwrap();
            assert_eq!(before, owners(&case), "{}: after the undo of {}", case.name, receipts.len());
            assert_eq!(tree, case.tree(), "{}", case.name);
        }
    }
}

#[test]
fn somebody_elses_edit_is_a_conflict_and_is_left_alone() {
    let conflicts: usize = cases().iter().map(|fixture| steps::foreign_edits(|| Case::copy(fixture))).sum();
    assert!(conflicts >= 20, "only {conflicts} conflicts were tried");
}

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

#[test]
fn garbage_is_a_reported_problem_and_never_a_plan() {
    let mut kinds = vec![Garbage::Bytes, Garbage::Empty, Garbage::Zeros, Garbage::Folder, Garbage::TooLarge];
    if Os::here() != Os::Windows {
        kinds.push(Garbage::Loop);
    }
    let mut tried = 0;
    for fixture in cases() {
        let files = |case: &Case| -> BTreeSet<PathBuf> {
            let transactions = case.transactions();
            let accounts = transactions.iter().flat_map(|(_, transaction)| &transaction.accounts);
            let files = accounts.flat_map(|account| &account.changes).map(file_of);
            files.map(|file| file.strip_prefix(case.home.path()).unwrap_or(&file).to_owned()).collect()
        };
        for name in files(&Case::copy(&fixture)) {
            for &garbage in &kinds {
                let case = Case::copy(&fixture);
                let label = format!("{}: {garbage:?} for {}", case.name, name.display());
                put_garbage(&case.home.path().join(&name), garbage);
                tried += 1;
                if name == Path::new("user.reg") {
                    // It is asked for by name, so it is an error before there is a computer.
                    assert!(RegFile::open(case.home.path().join(&name)).is_err(), "{label}");
                    continue;
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
                assert!(!files(&case).contains(&name), "{label}: it is planned to be written");
            }
        }
    }
    assert!(tried > 60, "only {tried} were tried");
}

/// Makes and undoes every move that is still planned when a file is damaged. Whatever is planned must be exact. How
/// many moves there were.
fn moves_are_exact_with(fixture: &Path, name: &Path, bytes: &[u8]) -> usize {
    let case = Case::copy(fixture);
    let label = || format!("{}: {}", case.name, name.display());
    std::fs::write(case.home.path().join(name), bytes).unwrap();
    // A registry that cannot be read is an error before there is a computer.
    let Some(computer) = case::try_computer_of(case.home.path()) else { return 0 };
    let before = case.tree();
    let store = MachineStore::of(&computer);
    let transactions = case::transactions(&computer);
    for (_, transaction) in &transactions {
        let writer = Writer::new(case.state.path(), Machine::of(&computer), &store, &AllEditors, &nobody);
        // An error is fine as long as nothing was written.
        if writer.apply(transaction).is_err() {
            assert_eq!(before, case.tree(), "{}", label());
        }
        writer.undo(&Selector::All, &RunId::start()).unwrap();
        assert_eq!(before, case.tree(), "{}", label());
    }
    transactions.len()
}

/// Files as a full disk, a bad sector or a hurried hand leaves them.
#[test]
fn damaged_files_never_lead_to_a_change_that_cannot_be_undone() {
    let mut planned = 0;
    let (fixtures, least) = cases_where_it_is_quick(100);
    for fixture in fixtures {
        for (name, bytes) in Case::copy(&fixture).tree() {
            for damage in 0..DAMAGES {
                planned += moves_are_exact_with(&fixture, &name, &damaged(&bytes, damage));
            }
        }
    }
    assert!(planned > least, "only {planned} plans were made: this proves little");
}

static EVERY_FILE: LazyLock<Vec<(PathBuf, PathBuf, Vec<u8>)>> = LazyLock::new(|| {
    let files = |fixture: PathBuf| {
        let tree = Case::copy(&fixture).tree();
        tree.into_iter().map(move |(name, bytes)| (fixture.clone(), name, bytes))
    };
    cases().into_iter().flat_map(files).collect()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_damage_never_leads_to_a_change_that_cannot_be_undone(
        which in any::<prop::sample::Index>(),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6),
    ) {
        let (fixture, name, bytes) = &EVERY_FILE[which.index(EVERY_FILE.len())];
        let mut bytes = bytes.clone();
        for (at, byte, kind) in hits {
            let at = at.index(bytes.len() + 1);
            match kind {
                0 => bytes.insert(at, byte),
                1 => bytes.truncate(at.max(bytes.len() / 2)),
                2 if at < bytes.len() => drop(bytes.remove(at)),
                _ if at < bytes.len() => bytes[at] = byte,
                _ => bytes.push(byte),
            }
        }
        moves_are_exact_with(fixture, name, &bytes);
    }
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
