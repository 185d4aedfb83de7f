//! Writes that fail, journals cut short, and starts that find something half done. (Real kills:
//! `tests/suite/journal_crash.rs`.)

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
    assert!(matches!(&recovery.recovered[0].outcome, RecoveryOutcome::PutBack { left, .. } if left.is_empty()));
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
    // It gets its name with all that it is about to write: what is shorter is none that a stop leaves.
    for length in (0..=whole.len())
        .step_by(7)
        .chain(ends.iter().copied())
        .chain(ends.iter().map(|end| end - 1))
        .chain([whole.len()])
    {
        cut_journal(&bench, &receipt.id, &whole, length);
        bench.write("a", &new);
        let recovery = bench.writer().recover().unwrap();
        let listed = bench.writer().receipts().unwrap();
        if length < ends[1] {
            assert_eq!((recovery.recovered.len(), recovery.unreadable.len()), (0, 1), "cut at {length}");
            assert_eq!((listed.receipts.len(), listed.unreadable.len()), (0, 1), "cut at {length}");
            assert_eq!((bench.text("a"), path.exists()), (new.clone(), true), "cut at {length}");
            continue;
        }
        let committed = length == whole.len();
        assert_eq!(bench.text("a"), if committed { new.as_str() } else { OLD }, "cut at {length}");
        assert!(bench.writer().recover().unwrap().recovered.is_empty(), "cut at {length}");
        assert_eq!((listed.receipts.len(), listed.unreadable.len()), (1, 0), "cut at {length}");
    }
}

/// A stop leaves one without its end, and the next run puts it right before anything else. If there is a newer one all the
/// same, it was complete once, and taking it back would take back what is in effect.
#[test]
fn a_journal_without_its_end_below_a_newer_one_is_not_believed() {
    let bench = Bench::with(&[("a", OLD), ("b", OLD)]);
    let older = bench.writer().apply(&move_files(&bench, &["a"])).unwrap();
    bench.writer().apply(&move_files(&bench, &["b"])).unwrap();
    let moved = (bench.text("a"), bench.text("b"));
    let path = bench.state().join(format!("receipts/{}.jsonl", older.id));
    let whole = std::fs::read(&path).unwrap();
    let commit = whole[..whole.len() - 1].iter().rposition(|&b| b == b'\n').unwrap() + 1;
    cut_journal(&bench, &older.id, &whole, commit);
    let recovery = bench.writer().recover().unwrap();
    assert_eq!((recovery.recovered.len(), recovery.unreadable.len()), (0, 1));
    assert!(recovery.unreadable[0].to_string().contains("end is missing"), "{}", recovery.unreadable[0]);
    assert!(recovery.unreadable[0].says.intact, "what it says is whole");
    assert_eq!((bench.text("a"), bench.text("b")), moved);
    assert_eq!(bench.writer().apply(&move_files(&bench, &["a"])).unwrap_err().code(), "receipt_damaged");
    assert_eq!(bench.writer().undo(&Selector::All, &run()).unwrap().len(), 1, "the newer one");
    assert_eq!((bench.text("a"), bench.text("b")), (moved.0, OLD.to_owned()));
}

/// As a build without checks wrote it.
const EARLIER: &str = include_str!("earlier_build.jsonl");
const EARLIER_ID: &str = "20261127T135109Z-0001";

fn earlier(lines: usize) -> Bench {
    let bench = Bench::with(&[("a", OLD), ("b", OLD)]);
    for file in ["a", "b"] {
        bench.write(file, "password=hunter2\nport=26\ntail=x\nauth=1\n");
    }
    let home = serde_json::to_string(bench.dir.path()).unwrap();
    let text = EARLIER.replace("HOME", home.trim_matches('"'));
    let text: String = text.split_inclusive('\n').take(lines).collect();
    drop(bench.writer().state.lock().unwrap());
    std::fs::write(bench.state().join(format!("receipts/{EARLIER_ID}.jsonl")), text).unwrap();
    bench
}

#[test]
fn journals_of_an_earlier_build_are_undone_and_recovered_from_as_before() {
    let old = (OLD.to_owned(), OLD.to_owned());
    let bench = earlier(6);
    let undone = bench.writer().undo(&Selector::All, &run()).unwrap();
    assert_eq!(fates(&undone), [&AccountFate::Restored, &AccountFate::Restored]);
    assert_eq!((bench.text("a"), bench.text("b")), old);
    let listed = bench.writer().receipts().unwrap();
    assert!(matches!(listed.receipts[0].status, Status::Undone { .. }) && listed.unreadable.is_empty());
    let last = bench.journals().lines().filter(|line| line.contains("\"undone\"")).map(str::to_owned).next().unwrap();
    assert!(!last.contains("check"), "its own form stays: {last}");

    let bench = earlier(5);
    let recovery = bench.writer().recover().unwrap();
    assert!(matches!(&recovery.recovered[0].outcome, RecoveryOutcome::PutBack { left, .. } if left.is_empty()));
    assert_eq!((bench.text("a"), bench.text("b")), old);
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
    let RecoveryOutcome::PutBack { left, accounts } = &recovery.recovered[0].outcome else { panic!("{recovery:?}") };
    // Without the login that was set beside the port nobody has set this account up.
    assert_eq!(bench.text("a"), "password=new\nport=465\ntail=x\nauth=1\n");
    assert_eq!(left.iter().map(Leftover::is_beside).collect::<Vec<_>>(), [false, true]);
    assert!(matches!(&accounts[..], [AccountUndone { fate: AccountFate::Conflict { left }, .. }] if left.len() == 2));
    let listed = bench.writer().receipts().unwrap().receipts;
    assert!(matches!(&listed[0].status, Status::RolledBack { left, .. } if left.len() == 2));
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
    // It does not say whose profile it is: nobody's changes wait for it.
    assert_eq!(bench.writer().apply(&move_files(&bench, &["a"])).unwrap_err().code(), "changed_meanwhile");
    let mine = r#"{"record":"begin","schema":"port26-journal/9","client":"claws_mail","profile":"p"}"#;
    std::fs::write(&foreign, format!("{mine}\n")).unwrap();
    assert_eq!(bench.writer().apply(&move_files(&bench, &["a"])).unwrap_err().code(), "receipt_newer");
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
