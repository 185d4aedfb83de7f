//! Every fixture: a home folder as a client leaves it, and which system it is of is told by its folders. A fixture that
//! nothing makes use of is a failure, and so is a client without fixtures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{MAIN_SEPARATOR_STR, Path, PathBuf};

use libtest_mimic::Trial;
use port26::account::ClientId;
use port26::clients::{CLIENTS, only_explained};

use crate::case::{self, Case};

/// Fixtures in which there is nothing to move, and why.
const NOTHING_MOVES: [(&str, &str); 7] = [
    ("apple_mail/icloud", "the accounts are Apple's"),
    ("apple_mail/modern", "the accounts are in the system's database"),
    ("claws_mail/two-with-one-number", "which of the two an edit would mean is not known"),
    ("kmail/26-keychain", "it is on port 26 already"),
    ("mailmate/submission", "explained, not written"),
    ("thunderbird/linux-user-js", "user.js wins over what would be written"),
    ("thunderbird/windows-policy", "a policy of the machine wins"),
];

pub fn nothing_moves(name: &str) -> bool {
    NOTHING_MOVES.iter().any(|(fixture, _)| *fixture == name)
}

pub fn all() -> Vec<PathBuf> {
    let folders = |at: &Path| -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
        found.sort();
        found
    };
    folders(&case::fixtures()).iter().flat_map(|client| folders(client)).collect()
}

/// `outlook/2010`, on every system.
pub fn name(fixture: &Path) -> String {
    fixture.strip_prefix(case::fixtures()).unwrap().display().to_string().replace(MAIN_SEPARATOR_STR, "/")
}

/// A client is found in it, and something moves in it or it is known why not.
pub fn is_used(fixture: &Path) -> usize {
    let case = Case::copy(fixture);
    let found = CLIENTS.iter().filter(|client| matches!(client.detect(&case.computer), Ok(Some(_)))).count();
    assert!(found > 0, "{}: no client is found in it", case.name);
    let moved = case.transactions().len();
    assert_eq!(moved == 0, nothing_moves(&name(fixture)), "{}: {moved} profiles move", case.name);
    moved
}

pub fn trials() -> [Trial; 1] {
    [Trial::test("all every_client_that_is_written_has_several_fixtures", || {
        every_client_that_is_written_has_several();
        Ok(())
    })]
}

fn every_client_that_is_written_has_several() {
    let fixtures = all();
    let names: BTreeSet<String> = fixtures.iter().map(|fixture| name(fixture)).collect();
    let gone: Vec<_> = NOTHING_MOVES.iter().filter(|(fixture, _)| !names.contains(*fixture)).collect();
    assert!(gone.is_empty(), "no fixtures: {gone:?}");

    let mut seen: BTreeMap<ClientId, (usize, usize)> = BTreeMap::new();
    for fixture in fixtures {
        let home = case::folder();
        case::copy_tree(&fixture, home.path());
        // What cannot be read is told by the fixture's own trials.
        let Some(computer) = case::try_computer_of(home.path()) else { continue };
        let moved: BTreeSet<ClientId> = case::transactions(&computer).iter().map(|(client, _)| client.id()).collect();
        for client in CLIENTS {
            let Ok(Some(installation)) = client.detect(&computer) else { continue };
            let has_accounts = !client.accounts(&computer, &installation).accounts.is_empty();
            let (layouts, movable) = seen.entry(client.id()).or_default();
            *layouts += usize::from(has_accounts);
            *movable += usize::from(moved.contains(&client.id()));
        }
    }
    let explained: Vec<ClientId> = only_explained().map(|client| client.id()).collect();
    for client in CLIENTS.iter().map(|client| client.id()).filter(|id| !explained.contains(id)) {
        let (layouts, movable) = seen.get(&client).copied().unwrap_or_default();
        assert!(layouts >= 2 && movable >= 1, "{client:?}: {layouts} layouts, {movable} that move");
    }
}
