//! What each fixture is held to: discovery writes nothing; planning the present settings is empty; apply reaches the target; a
//! second plan is empty; undo restores every byte, mode and owner; a failure at each write leaves old or new; a foreign
//! edit is a conflict; garbage is a problem.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use port26::apply::{MachineStore, RunId, Selector};
use port26_platform::computer::Os;
use serde_json::Value;

use crate::case::{Case, read_tree};
use crate::support::steps::{self, apply_all, with_writer};
use crate::{damage, fixtures};

/// One promise, for any fixture.
pub struct Promise {
    pub name: &'static str,
    /// How often there was something to prove. A promise that is not kept is a panic.
    pub holds: fn(&Path) -> usize,
    /// There is something to prove wherever something moves.
    pub always: bool,
    /// On all fixtures together there is as much to prove, at least.
    least: usize,
    on_windows: OnWindows,
}

/// Wine takes a minute for what is a second elsewhere.
enum OnWindows {
    Each,
    /// Every third fixture, and this is the least then; all of them in a long part of `scripts/test`.
    EachThird(usize),
    /// These, and this is the least then, for this reason.
    Only(&'static [&'static str], usize, &'static str),
}

impl Promise {
    /// Why the fixture, the nth of all, is left out on this system.
    pub fn left_out(&self, nth: usize, fixture: &str, os: Os, everything: bool) -> Option<&'static str> {
        match self.on_windows {
            _ if os != Os::Windows => None,
            OnWindows::EachThird(_) if !everything && !nth.is_multiple_of(3) => {
                Some("every third fixture only: PORT26_EVERY_FIXTURE=1 takes all")
            }
            OnWindows::Only(fixtures, _, why) if !fixtures.contains(&fixture) => Some(why),
            _ => None,
        }
    }

    pub fn least(&self, os: Os, everything: bool) -> usize {
        match self.on_windows {
            _ if os != Os::Windows => self.least,
            OnWindows::EachThird(least) if !everything => least,
            OnWindows::Only(_, least, _) => least,
            _ => self.least,
        }
    }
}

pub const PROMISES: &[Promise] = &[
    Promise {
        name: "is_used_and_moves_or_it_is_known_why_not",
        holds: fixtures::is_used,
        always: true,
        least: 1,
        on_windows: OnWindows::Each,
    },
    Promise {
        name: "discovery_writes_nothing_and_the_present_settings_need_no_change",
        holds: |fixture| {
            steps::looking_writes_nothing(&Case::copy(fixture));
            1
        },
        always: true,
        least: 1,
        on_windows: OnWindows::Each,
    },
    Promise {
        name: "apply_reaches_the_target_once_and_undo_restores_every_byte",
        holds: |fixture| steps::there_and_back(&Case::copy(fixture)),
        always: true,
        least: 1,
        on_windows: OnWindows::Each,
    },
    Promise {
        name: "a_failure_at_any_write_leaves_the_old_settings",
        holds: |fixture| steps::apply_that_fails_at_each_write(|| Case::copy(fixture)),
        always: true,
        least: 100,
        on_windows: OnWindows::EachThird(25),
    },
    Promise {
        name: "an_undo_that_fails_at_any_write_leaves_the_new_settings_and_can_be_repeated",
        holds: |fixture| steps::undo_that_fails_at_each_write(|| Case::copy(fixture)),
        always: true,
        least: 100,
        on_windows: OnWindows::EachThird(25),
    },
    Promise {
        name: "a_run_that_ends_at_any_write_is_taken_back_and_its_undo_completed",
        holds: |fixture| steps::ended_at_each_write(|| Case::copy(fixture)),
        always: true,
        least: 100,
        on_windows: OnWindows::Only(
            &["windows_live_mail/typical", "outlook/2003"],
            20,
            "slow under Wine: journal_crash and live_registry do more of it there",
        ),
    },
    Promise {
        name: "mode_and_owner_stay_through_a_move_and_its_undo",
        holds: mode_and_owner_stay,
        always: true,
        least: 1,
        on_windows: OnWindows::Only(&[], 0, "attributes and access lists: the platform's own tests"),
    },
    Promise {
        name: "a_password_that_stands_in_a_file_is_in_no_receipt",
        holds: passwords_stay_in_their_files,
        always: false,
        least: 8,
        on_windows: OnWindows::Each,
    },
    Promise {
        name: "somebody_elses_edit_is_a_conflict_and_is_left_alone",
        holds: |fixture| steps::foreign_edits(|| Case::copy(fixture)),
        always: false,
        least: 20,
        on_windows: OnWindows::Each,
    },
    Promise {
        name: "garbage_is_a_reported_problem_and_never_a_plan",
        holds: damage::garbage_is_a_problem,
        always: true,
        least: 61,
        on_windows: OnWindows::Each,
    },
    Promise {
        name: "damaged_files_never_lead_to_a_change_that_cannot_be_undone",
        holds: damage::every_damage_can_be_undone,
        always: false,
        least: 101,
        on_windows: OnWindows::EachThird(26),
    },
];

/// What is written behind the names of passwords, in files of lines.
fn passwords_in(file: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(file);
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(key, value)| key.to_lowercase().contains("password") && value.len() > 3)
        .map(|(_, password)| password.to_owned())
        .collect()
}

/// Every text of a document, as it is and unpacked.
fn texts(told: &Value) -> Vec<Vec<u8>> {
    match told {
        Value::String(text) => {
            [Some(text.clone().into_bytes()), STANDARD.decode(text).ok()].into_iter().flatten().collect()
        }
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        Value::Object(all) => all.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// For how many passwords; after the move, and after its undo.
fn passwords_stay_in_their_files(fixture: &Path) -> usize {
    let case = Case::copy(fixture);
    let passwords: BTreeSet<String> = case.tree().values().flat_map(|file| passwords_in(file)).collect();
    if passwords.is_empty() || apply_all(&case).is_empty() {
        return 0;
    }
    with_writer(&case, &MachineStore::of(&case.computer), |writer| writer.undo(&Selector::All, &RunId::start()))
        .unwrap();
    let mut seen = 0;
    for (path, file) in read_tree(case.state.path()) {
        let lines = file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let documents: Vec<Value> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        seen += documents.len();
        for held in documents.iter().flat_map(texts).chain([file]) {
            let held = String::from_utf8_lossy(&held).into_owned();
            let told = passwords.iter().find(|password| held.contains(password.as_str()));
            assert_eq!(told, None, "{}: {}", case.name, path.display());
        }
    }
    assert!(seen > 0, "{}: no receipt was read", case.name);
    passwords.len()
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

/// For how many owners.
fn mode_and_owner_stay(fixture: &Path) -> usize {
    let run = |program: &str, arguments: &[&str], at: &Path| {
        Command::new(program).args(arguments).arg(at).output().is_ok_and(|output| output.status.success())
    };
    let mut kept = 0;
    // Another user's files too, where this user may give them away.
    for owner in [None, Some("12345:12346")] {
        let case = Case::copy(fixture);
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
        kept += 1;
    }
    kept
}
