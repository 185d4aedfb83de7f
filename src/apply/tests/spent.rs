//! Disks that are full or cannot be written, and what is left of receipts that are over.

use std::path::Path;
use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};

use super::bench::{Bench, account, value};
use super::*;

fn receipts(bench: &Bench) -> Vec<String> {
    let entries = std::fs::read_dir(bench.state().join("receipts")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn read_only(path: &Path) {
    let mut permissions = std::fs::metadata(path).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(path, permissions).unwrap();
}

#[test]
fn what_cannot_be_written_is_told_before_a_receipt_is_begun() {
    let bench = Bench::with(&[("a", OLD), ("b", OLD)]);
    let receipt = bench.writer().apply(&move_files(&bench, &["a"])).unwrap();
    let before = receipts(&bench);
    read_only(&bench.path("b"));
    for _ in 0..2 {
        // The first file could be written; neither is.
        let wanted = transaction(
            "run2",
            vec![
                account("1", vec![bench.setting("a", "tail", Some("x"), Some("y"))]),
                account("2", vec![bench.setting("b", "port", Some("25"), Some("26"))]),
            ],
        );
        let error = bench.writer().apply(&wanted).unwrap_err();
        assert!(matches!(error, ApplyError::Shut(_)), "{error}");
        assert_eq!(error.code(), "file_read_only");
        assert_eq!((receipts(&bench), bench.leftovers()), (before.clone(), Vec::new()));
    }
    assert!(bench.text("a").contains("port=26\ntail=x"));
    read_only(&bench.path("a"));
    let undone = bench.writer().undo(&Selector::One(receipt.id), &run()).unwrap();
    assert!(matches!(undone[0].error, Some(ApplyError::Shut(_))), "{undone:?}");
    assert_eq!(receipts(&bench), before);
}

/// A disk that is full from some line of the journal on. Whatever that line is: all is as it was, and there is no receipt
/// that waits for something, also where there is no room for the end of one.
#[test]
fn a_disk_that_fills_up_while_it_is_journalled_leaves_no_receipt_that_waits() {
    for line in 0..6 {
        let bench = Bench::with(&[("a", OLD), ("b", OLD)]);
        bench.store.journal_full_at.store(line, Ordering::SeqCst);
        let error = bench.writer().apply(&move_files(&bench, &["a", "b"])).unwrap_err();
        // What is going to be written is told before the first of it is.
        let expected = if line < 3 { "state_folder" } else { "rolled_back" };
        assert_eq!(error.code(), expected, "line {line}: {error}");
        assert!(error.hint().contains("Free some space"), "line {line}: {}", error.hint());
        assert_eq!((bench.text("a").as_str(), bench.text("b").as_str()), (OLD, OLD), "line {line}");
        assert!(!bench.writer().receipts().unwrap().receipts.iter().any(|one| one.status == Status::Unfinished));
        bench.store.journal_full_at.store(usize::MAX, Ordering::SeqCst);
        assert!(bench.writer().recover().unwrap().recovered.is_empty(), "line {line}");
        bench.writer().apply(&move_files(&bench, &["a", "b"])).unwrap();
    }
}

#[test]
fn temporary_files_of_receipts_that_are_over_are_taken_away_and_no_others() {
    let bench = Bench::with(&[("a", OLD), ("b", OLD)]);
    let receipt = bench.writer().apply(&move_files(&bench, &["a", "b"])).unwrap().id;
    let undo = bench.writer().undo(&Selector::Last, &run()).unwrap()[0].by.clone().unwrap();
    let ours = [format!(".port26-{receipt}-0.tmp"), format!(".port26-{undo}-1.tmp")];
    let others =
        [format!(".port26-{receipt}-7.tmp"), ".port26-20200101T000000Z-0001-0.tmp".to_owned(), "mine.tmp".to_owned()];
    for name in ours.iter().chain(&others) {
        bench.write(name, "half, with a password");
    }
    // The file may be gone since.
    std::fs::remove_file(bench.path("a")).unwrap();
    bench.writer().recover().unwrap();
    let mut left = bench.leftovers();
    left.sort();
    let mut expected = others.to_vec();
    expected.sort();
    assert_eq!(left, expected);
}

#[test]
fn temporary_files_of_a_receipt_that_is_not_believed_stay() {
    let bench = Bench::with(&[("a", OLD)]);
    let receipt = bench.writer().apply(&move_files(&bench, &["a"])).unwrap().id;
    let name = format!(".port26-{receipt}-0.tmp");
    bench.write(&name, "half");
    let other = Machine { home: "/mnt/disk/home/ann".into(), ..bench.machine() };
    Writer::new(bench.state(), other, &bench.store, &bench::Lines, &bench::nobody).recover().unwrap();
    bench.writer_while(&Elsewhere).recover().unwrap();
    assert_eq!(bench.leftovers(), [name]);
    bench.writer().recover().unwrap();
    assert!(bench.leftovers().is_empty());
}

fn later(days: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(24 * days)
}

#[test]
fn receipts_that_are_over_go_after_their_time_and_one_in_effect_never() {
    let bench = Bench::with(&[("a", OLD), ("b", OLD), ("c", OLD), ("d", OLD)]);
    bench.store.set_port(25);
    let apply = |wanted: &Transaction| bench.writer().apply(wanted).unwrap().id;
    let undone = apply(&move_files(&bench, &["a"]));
    let undo = bench.writer().undo(&Selector::One(undone.clone()), &run()).unwrap()[0].by.clone().unwrap();
    bench.store.fail(0..1);
    let ApplyError::RolledBack { receipt: taken_back, .. } =
        bench.writer().apply(&move_files(&bench, &["b"])).unwrap_err()
    else {
        panic!("not taken back")
    };
    bench.store.fail(0..0);
    let in_effect = apply(&move_files(&bench, &["b"]));
    let in_registry = apply(&transaction("run3", vec![account("r", vec![value(Some(25), Some(26))])]));
    let conflict = apply(&move_files(&bench, &["c", "d"]));
    bench.write("c", "password=hunter2\nport=587\ntail=x\nauth=1\n");
    let left = bench.writer().undo(&Selector::One(conflict.clone()), &run()).unwrap()[0].by.clone().unwrap();

    let prune = |days, now| bench.writer().prune(days, now).unwrap();
    assert!(prune(0, later(99_999)).is_empty(), "0 keeps them for ever");
    assert!(prune(365, later(364)).is_empty());
    assert_eq!(prune(365, later(366)), [undone, undo, taken_back]);
    let all: Vec<_> = bench.writer().receipts().unwrap().receipts.into_iter().map(|one| one.id).collect();
    assert_eq!(
        all,
        [in_effect.clone(), in_registry, conflict, left],
        "what is in effect, and the undo that could not end it"
    );
    assert!(prune(1, later(99_999)).is_empty());
    bench.writer().undo(&Selector::One(in_effect), &run()).unwrap();
    assert_eq!(bench.text("b"), OLD);
}

#[test]
fn the_receipt_of_a_profile_that_is_gone_goes_and_that_of_a_disk_that_is_away_stays() {
    let bench = Bench::with(&[("a", OLD)]);
    for profile in ["mail/one", "disk/two"] {
        std::fs::create_dir_all(bench.path(profile)).unwrap();
        bench.write(&format!("{profile}/prefs"), OLD);
    }
    let gone = bench.writer().apply(&move_files(&bench, &["mail/one/prefs"])).unwrap().id;
    let away = bench.writer().apply(&move_files(&bench, &["disk/two/prefs"])).unwrap().id;
    std::fs::remove_dir_all(bench.path("mail/one")).unwrap();
    std::fs::rename(bench.path("disk"), bench.path("elsewhere")).unwrap();
    assert_eq!(bench.writer().prune(30, later(31)).unwrap(), [gone]);
    std::fs::rename(bench.path("elsewhere"), bench.path("disk")).unwrap();
    bench.writer().undo(&Selector::One(away), &run()).unwrap();
    assert_eq!(bench.text("disk/two/prefs"), OLD);
}

/// A kill between the two removals must not make an undone change count as in effect.
#[test]
fn an_undone_receipt_goes_before_its_undo() {
    let bench = Bench::with(&[("a", OLD)]);
    let undone = bench.writer().apply(&move_files(&bench, &["a"])).unwrap().id;
    bench.writer().undo(&Selector::Last, &run()).unwrap();
    // The line in the undone journal is the last to be written, and may be missing.
    let path = bench.state().join(format!("receipts/{undone}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(&path, lines[..lines.len() - 1].join("\n") + "\n").unwrap();
    let removed = bench.writer().prune(1, later(2)).unwrap();
    assert_eq!((removed.len(), &removed[0]), (2, &undone));
    assert!(receipts(&bench).is_empty());
}
