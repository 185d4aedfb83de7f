//! Homes in places that programs trip over: names beyond ASCII, paths longer than Windows once allowed (260), the
//! `\\?\` form of them, a roaming profile that has only the folder that roams. What is found, moved and put back there
//! is the same as anywhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use port26::account::ClientId;
use port26::apply::{Machine, MachineStore, RunId, Selector, Writer};
use port26::clients::InUse;
use port26::formats::open::AllEditors;
use port26_platform::computer::{Computer, Os};
use serde_json::Value;

use crate::support::case;

/// One of each way to keep accounts on Windows.
const FIXTURES: [&str; 6] = [
    "claws_mail/windows-auth",
    "outlook/2010",
    "thunderbird/windows-moved-appdata",
    "thunderbird/windows-two-profiles",
    "windows_live_mail/moved-store-utf8",
    "windows_live_mail/typical",
];

/// A folder for homes: `Users/<name>`, or one far down.
fn places(under: &Path) -> Vec<(&'static str, PathBuf)> {
    let far_down = (0..9).fold(under.to_owned(), |path, level| {
        path.join(format!("{level} a folder with a name that is as long as some people like"))
    });
    let mut places = vec![
        (
            "beyond ASCII",
            under.join("Users").join("J\u{fc}rgen \u{17b}\u{f3}\u{142}\u{107} \u{7530}\u{4e2d} \u{1f4ee}"),
        ),
        ("far down", far_down),
    ];
    if Os::here() == Os::Windows {
        let whole = std::path::absolute(places[1].1.join("verbatim")).unwrap();
        let verbatim = PathBuf::from(format!(r"\\?\{}", whole.display()));
        places.push(("in the form for long paths", verbatim));
    }
    places
}

/// Id, port and address of each account that would be moved.
fn accounts(computer: &Computer) -> Vec<(String, u16)> {
    let transactions = case::transactions(computer);
    let changes = transactions.iter().flat_map(|(_, transaction)| &transaction.accounts);
    changes.map(|change| (change.account_id.clone(), change.before.port)).collect()
}

fn moved_and_put_back(home: &Path, state: &Path, label: &str) -> usize {
    let computer = case::computer_of(home);
    let before: BTreeMap<PathBuf, Vec<u8>> = case::read_tree(home);
    let store = MachineStore::of(&computer);
    let nobody = |_: ClientId, _: &str| InUse::No;
    let writer = Writer::new(state.to_owned(), Machine::of(&computer), &store, &AllEditors, &nobody);
    let mut moved = 0;
    for (client, transaction) in case::transactions(&computer) {
        writer.apply(&transaction).unwrap_or_else(|error| panic!("{label}: {error}"));
        let now = client.accounts(&computer, &client.detect(&computer).unwrap().unwrap()).accounts;
        for change in &transaction.accounts {
            let account = now.iter().find(|account| account.id == change.account_id).unwrap();
            assert_eq!(account.outgoing.port, 26, "{label}: {}", account.id);
            moved += 1;
        }
    }
    assert!(case::transactions(&computer).is_empty(), "{label}: a second plan is not empty");
    assert_ne!(case::read_tree(home), before, "{label}");
    let undone = writer.undo(&Selector::All, &RunId::start()).unwrap();
    assert!(undone.iter().all(|one| one.error.is_none()), "{label}: {undone:?}");
    assert_eq!(case::read_tree(home), before, "{label}: undo must restore every byte");
    moved
}

#[test]
fn the_same_is_found_moved_and_put_back_everywhere() {
    for fixture in FIXTURES {
        let usual = case::Case::copy(&case::fixtures().join(fixture));
        let expected = accounts(&usual.computer);
        assert!(!expected.is_empty(), "{fixture}");
        let folder = case::folder();
        for (name, place) in places(folder.path()) {
            let label = format!("{fixture}, {name}");
            let (home, state) = (place.join("home"), place.join("state"));
            case::copy_tree(&case::fixtures().join(fixture), &home);
            if name != "beyond ASCII" {
                assert!(home.as_os_str().len() > 260, "{label}: {}", home.display());
            }
            assert_eq!(accounts(&case::computer_of(&home)), expected, "{label}");
            assert_eq!(moved_and_put_back(&home, &state, &label), expected.len(), "{label}");
        }
    }
}

#[test]
fn the_program_takes_such_a_home_as_an_argument() {
    let folder = case::folder();
    for (name, place) in places(folder.path()) {
        let home = place.join("home");
        case::copy_tree(&case::fixtures().join("outlook/2010"), &home);
        let mut command = Command::new(env!("CARGO_BIN_EXE_port26"));
        command.args(["scan", "--json", "--os", "windows"]);
        command.arg("--home").arg(&home).arg("--registry").arg(home.join("user.reg"));
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{name}: {said}{}", String::from_utf8_lossy(&output.stderr));
        let json: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(json["accounts"].as_array().map(Vec::len), Some(2), "{name}: {said}");
        assert_eq!(json["problems"].as_array().map(Vec::len), Some(0), "{name}: {said}");
    }
}

/// `\\server\profiles$\ada.V6`: the folder that roams, without `AppData/Local`, and under a name that is not the user's.
#[test]
fn a_roaming_profile_has_only_the_folder_that_roams() {
    let folder = case::folder();
    let home = folder.path().join("profiles$").join("ada.V6");
    let from = case::fixtures().join("thunderbird/windows-two-profiles/AppData/Roaming");
    case::copy_tree(&from, &home.join("AppData/Roaming"));
    assert!(!home.join("AppData/Local").exists());
    assert_eq!(accounts(&case::computer_of(&home)), [("thunderbird/a1b2c3d4.default/smtp1".to_owned(), 25)]);
    assert_eq!(moved_and_put_back(&home, &folder.path().join("state"), "roaming"), 1);
}
