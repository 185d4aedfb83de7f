//! Writes that fail, journals cut short, and starts that find something half done. (Real kills:
//! `tests/journal_crash.rs`.)

use std::time::Duration;

use super::bench::{Bench, account, value};
use super::*;

#[test]
fn a_failed_write_takes_everything_back() {
    for n in 0..3 {
        let bench = Bench::with(&[("a", OLD), ("b", OLD), ("c", OLD)]);
        bench.store.fail(n..n + 1);
        let error = bench.writer().apply(&move_files(&bench, &["a", "b", "c"])).unwrap_err();
        let ApplyError::RolledBack { receipt, source } = &error else { panic!("{error}") };
        assert_eq!((source.code(), error.code()), ("disk_full", "rolled_back"));
        for file in ["a", "b", "c"] {
            assert_eq!(bench.text(file), OLD);
        }
        let listed = bench.writer().receipts().unwrap().receipts;
        assert_eq!(&listed[0].id, receipt);
        assert!(matches!(&listed[0].status, Status::RolledBack { left, .. } if left.is_empty()));
        assert!(bench.writer().recover().unwrap().recovered.is_empty());
        assert!(bench.leftovers().is_empty());
    }
}

#[test]
fn what_could_not_be_taken_back_is_named_and_taken_back_at_the_next_start() {
    let bench = Bench::with(&[("a", OLD), ("b", OLD)]);
    bench.store.fail(1..9);
    let error = bench.writer().apply(&move_files(&bench, &["a", "b"])).unwrap_err();
    let ApplyError::RollbackIncomplete { left, .. } = &error else { panic!("{error}") };
    assert!(left.iter().all(|left| left.slot == bench.setting("a", "port", None, None).slot
        || left.slot == bench.setting("a", "auth", None, None).slot));
    assert_eq!(bench.writer().receipts().unwrap().receipts[0].status, Status::Unfinished);
    // As long as that is so, nothing new is written to this profile.
    assert_eq!(bench.writer().apply(&move_files(&bench, &["b"])).unwrap_err().code(), "unfinished");
    bench.store.fail(0..0);
    let recovery = bench.writer().recover().unwrap();
    assert!(matches!(&recovery.recovered[0].outcome, RecoveryOutcome::PutBack { left } if left.is_empty()));
    assert_eq!((bench.text("a"), bench.text("b")), (OLD.to_owned(), OLD.to_owned()));
    assert!(bench.writer().recover().unwrap().recovered.is_empty());
    bench.writer().apply(&move_files(&bench, &["b"])).unwrap();
}

#[test]
fn a_failed_undo_leaves_the_profile_of_one_piece() {
    let bench = Bench::with(&[("a", OLD), ("b", OLD)]);
    bench.store.set_port(25);
    let mut wanted = move_files(&bench, &["a", "b"]);
    wanted.accounts.push(account("r", vec![value(Some(25), Some(26))]));
    bench.writer().apply(&wanted).unwrap();
    let moved = (bench.text("a"), bench.text("b"));
    bench.store.fail(2..3);
    let undone = bench.writer().undo(&Selector::Last, &run()).unwrap();
    assert_eq!(undone[0].error.as_ref().unwrap().code(), "rolled_back");
    assert_eq!((bench.text("a"), bench.text("b")), moved);
    assert_eq!(bench.store.port(), 26);
    let undone = bench.writer().undo(&Selector::Last, &run()).unwrap();
    assert!(undone[0].error.is_none());
    assert_eq!((bench.text("a"), bench.text("b"), bench.store.port()), (OLD.to_owned(), OLD.to_owned(), 25));
}

#[test]
fn an_undo_that_failed_both_ways_is_completed_at_the_next_start() {
    let bench = Bench::with(&[("a", OLD), ("b", OLD)]);
    bench.writer().apply(&move_files(&bench, &["a", "b"])).unwrap();
    bench.store.fail(1..9);
    let undone = bench.writer().undo(&Selector::Last, &run()).unwrap();
    assert_eq!(undone[0].error.as_ref().unwrap().code(), "rollback_incomplete");
    bench.store.fail(0..0);
    bench.writer().recover().unwrap();
    assert_eq!((bench.text("a"), bench.text("b")), (OLD.to_owned(), OLD.to_owned()));
    assert!(matches!(bench.writer().receipts().unwrap().receipts[0].status, Status::Undone { .. }));
}

/// The journal of a committed change, cut to a length: as if the process had been stopped there.
fn cut_journal(bench: &Bench, id: &ReceiptId, whole: &[u8], length: usize) {
    std::fs::write(bench.state().join(format!("receipts/{id}.jsonl")), &whole[..length]).unwrap();
}

#[test]
fn a_journal_cut_anywhere_is_recovered_from() {
    let bench = Bench::with(&[("a", OLD)]);
    let receipt = bench.writer().apply(&move_files(&bench, &["a"])).unwrap();
    let path = bench.state().join(format!("receipts/{}.jsonl", receipt.id));
    let whole = std::fs::read(&path).unwrap();
    let new = bench.text("a");
    let ends: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] == b'\n').map(|at| at + 1).collect();
    assert_eq!(ends.len(), 4, "begin, intent, done, commit");
    // One that is empty is none that a stop leaves: it gets its name with its first line.
    for length in (1..=whole.len())
        .step_by(7)
        .chain(ends.iter().copied())
        .chain(ends.iter().map(|end| end - 1))
        .chain([whole.len()])
    {
        cut_journal(&bench, &receipt.id, &whole, length);
        // Without the whole intent on the disk the file cannot have been written.
        let begun = length >= ends[1];
        bench.write("a", if begun { &new } else { OLD });
        bench.writer().recover().unwrap();
        let committed = length == whole.len();
        assert_eq!(bench.text("a"), if committed { new.as_str() } else { OLD }, "cut at {length}");
        assert!(bench.writer().recover().unwrap().recovered.is_empty(), "cut at {length}");
        let listed = bench.writer().receipts().unwrap();
        assert!(listed.unreadable.is_empty(), "cut at {length}: {:?}", listed.unreadable);
        assert_eq!(listed.receipts.len(), usize::from(length >= ends[0]));
    }
}

#[test]
fn recovery_leaves_what_others_wrote_and_says_so() {
    let bench = Bench::with(&[("a", OLD)]);
    let receipt = bench.writer().apply(&move_files(&bench, &["a"])).unwrap();
    let path = bench.state().join(format!("receipts/{}.jsonl", receipt.id));
    let whole = std::fs::read(&path).unwrap();
    let commit = whole[..whole.len() - 1].iter().rposition(|&b| b == b'\n').unwrap() + 1;
    cut_journal(&bench, &receipt.id, &whole, commit);
    bench.write("a", "password=new\nport=465\ntail=x\nauth=1\n");
    let recovery = bench.writer().recover().unwrap();
    let RecoveryOutcome::PutBack { left } = &recovery.recovered[0].outcome else { panic!("{recovery:?}") };
    assert_eq!(left.len(), 1);
    assert_eq!(bench.text("a"), "password=new\nport=465\ntail=x\n");
    let listed = bench.writer().receipts().unwrap().receipts;
    assert!(matches!(&listed[0].status, Status::RolledBack { left, .. } if left.len() == 1));
}

#[test]
fn recovery_waits_for_the_client_and_for_its_own_home() {
    let bench = Bench::with(&[("a", OLD)]);
    let receipt = bench.writer().apply(&move_files(&bench, &["a"])).unwrap();
    let whole = std::fs::read(bench.state().join(format!("receipts/{}.jsonl", receipt.id))).unwrap();
    let commit = whole[..whole.len() - 1].iter().rposition(|&b| b == b'\n').unwrap() + 1;
    cut_journal(&bench, &receipt.id, &whole, commit);
    let open = |_: ClientId, _: &str| InUse::Yes(None);
    let recovery = bench.writer_while(&open).recover().unwrap();
    let RecoveryOutcome::Waiting { error } = &recovery.recovered[0].outcome else { panic!("{recovery:?}") };
    assert_eq!(error.code(), "client_open");
    let other = Machine { home: "/mnt/disk/home/ann".into(), ..bench.machine() };
    let recovery = Writer::new(bench.state(), other, &bench.store, &bench::Lines, &bench::nobody).recover().unwrap();
    assert!(matches!(recovery.recovered[0].outcome, RecoveryOutcome::Elsewhere));
    assert!(bench.text("a").contains("port=26"));
    bench.writer().recover().unwrap();
    assert_eq!(bench.text("a"), OLD);
}

#[test]
fn journals_that_cannot_be_read_are_named_and_hide_nothing() {
    let bench = Bench::with(&[("a", OLD)]);
    bench.writer().apply(&move_files(&bench, &["a"])).unwrap();
    let foreign = bench.state().join("receipts/20200101T000000Z-0001.jsonl");
    std::fs::write(&foreign, "{\"record\":\"begin\",\"schema\":\"port26-journal/9\"}\n").unwrap();
    let listed = bench.writer().receipts().unwrap();
    assert_eq!((listed.receipts.len(), listed.unreadable.len()), (1, 1));
    assert_eq!(listed.unreadable[0].code(), "journal_schema");
    assert!(listed.unreadable[0].to_string().contains("port26-journal/9"), "{}", listed.unreadable[0]);
    // It may be unfinished: nobody can tell what it was about to write.
    assert_eq!(bench.writer().apply(&move_files(&bench, &["a"])).unwrap_err().code(), "journal_schema");
    std::fs::write(&foreign, "{\"record\":\"begin\",\"schema\":\"port26-journal/1\"\n{}\n").unwrap();
    assert_eq!(bench.writer().receipts().unwrap().unreadable[0].code(), "journal_damaged");
    bench.writer().undo(&Selector::All, &run()).unwrap();
    assert_eq!(bench.text("a"), OLD);
}

#[test]
fn two_writers_take_turns() {
    let bench = Bench::with(&[("a", OLD)]);
    let writer = bench.writer().with_patience(Duration::from_millis(30));
    let held = writer.state.lock().unwrap();
    let error = bench.writer().with_patience(Duration::from_millis(30)).apply(&move_files(&bench, &["a"])).unwrap_err();
    assert_eq!(error.code(), "locked");
    drop(held);
    writer.apply(&move_files(&bench, &["a"])).unwrap();
    assert!(writer.undo(&Selector::Last, &run()).unwrap()[0].error.is_none());
}
