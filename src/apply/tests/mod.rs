//! The writer as a whole, on a small machine.

mod bench;
mod interrupted;
mod left_whole;
mod scripts;
mod spent;

use std::sync::atomic::Ordering;

use bench::{Bench, account, transaction, value};

use super::*;
use crate::account::ClientId;
use crate::change::{Change, Slot};
use crate::clients::InUse;

const OLD: &str = "password=hunter2\nport=25\ntail=x\n";

fn run() -> RunId {
    RunId("undo".to_owned())
}

/// `port` from 25 to 26 and a new setting `auth`, in each of these files.
fn move_files(bench: &Bench, files: &[&str]) -> Transaction {
    let changes = |file: &&str| {
        vec![bench.setting(file, "port", Some("25"), Some("26")), bench.setting(file, "auth", None, Some("1"))]
    };
    transaction("run1", files.iter().map(|file| account(file, changes(file))).collect())
}

fn fates(undone: &[Undone]) -> Vec<&AccountFate> {
    undone.iter().flat_map(|undone| &undone.accounts).map(|account| &account.fate).collect()
}

#[test]
fn settings_move_and_come_back_byte_for_byte() {
    let bench = Bench::with(&[("a", OLD)]);
    let writer = bench.writer();
    let receipt = writer.apply(&move_files(&bench, &["a"])).unwrap();
    assert_eq!(bench.text("a"), "password=hunter2\nport=26\ntail=x\nauth=1\n");
    assert_eq!(receipt.status, Status::Applied);
    assert_eq!(receipt.changes.len(), 2);
    assert_eq!(writer.receipts().unwrap().receipts, std::slice::from_ref(&receipt));

    let undone = writer.undo(&Selector::One(receipt.id.clone()), &run()).unwrap();
    assert_eq!(fates(&undone), [&AccountFate::Restored]);
    assert_eq!(bench.text("a"), OLD);
    let listed = writer.receipts().unwrap().receipts;
    assert_eq!(listed.len(), 2);
    assert!(matches!(&listed[0].status, Status::Undone { by, .. } if *by == listed[1].id));
    assert_eq!((listed[1].kind, listed[1].undoes.as_ref()), (Kind::Undo, Some(&receipt.id)));
    let again = writer.undo(&Selector::One(receipt.id), &run()).unwrap_err();
    assert_eq!(again.code(), "nothing_to_undo");
}

#[test]
fn passwords_in_the_file_never_enter_a_journal() {
    let bench = Bench::with(&[("a", "port=25\npassword=hunter2\ntls=0\n")]);
    let changes =
        vec![bench.setting("a", "port", Some("25"), Some("26")), bench.setting("a", "tls", Some("0"), Some("2"))];
    bench.writer().apply(&transaction("run1", vec![account("a", changes)])).unwrap();
    bench.writer().undo(&Selector::All, &run()).unwrap();
    let journals = bench.journals();
    let hidden = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "hunter2");
    assert!(journals.contains("\"port\""), "{journals}");
    assert!(!journals.contains("hunter2") && !journals.contains(&hidden), "{journals}");
    // Of the file there is nothing in it but the two digits that were taken out.
    let removed: Vec<&str> =
        journals.split("\"removed\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(removed, ["NQ==", "MA=="]);
}

#[test]
fn a_thousand_accounts_of_a_profile_are_one_write() {
    let text: String = (0..1000).map(|n| format!("port{n}=25\npassword{n}=x\n")).collect();
    let bench = Bench::with(&[("a", &text)]);
    let accounts = (0..1000)
        .map(|n| account(&n.to_string(), vec![bench.setting("a", &format!("port{n}"), Some("25"), Some("26"))]))
        .collect();
    let receipt = bench.writer().apply(&transaction("run1", accounts)).unwrap();
    assert_eq!(bench.store.writes.load(Ordering::SeqCst), 1);
    assert_eq!(bench.text("a").matches("=26").count(), 1000);
    let undone = bench.writer().undo(&Selector::Last, &run()).unwrap();
    assert_eq!(bench.store.writes.load(Ordering::SeqCst), 2);
    assert_eq!((bench.text("a"), fates(&undone).len(), receipt.accounts.len()), (text, 1000, 1000));
}

#[test]
fn a_setting_that_is_not_what_the_plan_saw_stops_everything() {
    let bench = Bench::with(&[("a", OLD), ("b", "port=587\n")]);
    let error = bench.writer().apply(&move_files(&bench, &["a", "b"])).unwrap_err();
    assert_eq!(error.code(), "changed_meanwhile");
    assert!(error.to_string().contains("port in "), "{error}");
    assert_eq!((bench.text("a").as_str(), bench.text("b").as_str()), (OLD, "port=587\n"));
    assert!(bench.writer().receipts().unwrap().receipts.is_empty());
}

#[test]
fn other_refusals_write_nothing_either() {
    let bench = Bench::with(&[("a", OLD), ("broken", "port=25")]);
    let code = |accounts: Vec<AccountChange>| bench.writer().apply(&transaction("run1", accounts)).unwrap_err().code();
    let port = |after: &str| bench.setting("a", "port", Some("25"), Some(after));
    assert_eq!(code(vec![account("1", vec![port("26")]), account("2", vec![port("587")])]), "contradiction");
    let secret = crate::change::Slot::Secret { service: "s".to_owned(), account: "a".to_owned() };
    assert_eq!(code(vec![account("1", vec![Change { slot: secret, before: None, after: None }])]), "not_writable");
    let change = |file: &str| vec![account("1", vec![bench.setting(file, "port", Some("25"), Some("26"))])];
    assert_eq!(code(change("none")), "file_missing");
    assert_eq!(code(change("broken")), "file_format");
    // Text with a line break in it would read back as something else.
    assert_eq!(code(vec![account("1", vec![port("2\n6")])]), "not_taken");
    assert_eq!(bench.text("a"), OLD);
    assert_eq!(bench.store.writes.load(Ordering::SeqCst), 0);
    assert!(bench.writer().receipts().unwrap().receipts.is_empty());
}

#[test]
fn a_setting_that_two_accounts_share_is_written_once_and_told_for_both() {
    let bench = Bench::with(&[("a", OLD)]);
    let port = || vec![bench.setting("a", "port", Some("25"), Some("26"))];
    bench.writer().apply(&transaction("run1", vec![account("1", port()), account("2", port())])).unwrap();
    let undone = bench.writer().undo(&Selector::Last, &run()).unwrap();
    assert_eq!(fates(&undone), [&AccountFate::Restored, &AccountFate::Restored]);
    assert_eq!(bench.text("a"), OLD);
}

#[test]
fn while_the_client_is_open_nothing_is_written_or_put_back() {
    let bench = Bench::with(&[("a", OLD)]);
    let open = |_: ClientId, profile: &str| if profile == "p" { InUse::Yes(Some(4711)) } else { InUse::No };
    let error = bench.writer_while(&open).apply(&move_files(&bench, &["a"])).unwrap_err();
    assert_eq!(error.code(), "client_open");
    assert!(error.to_string().contains("process 4711"), "{error}");
    assert_eq!(bench.text("a"), OLD);
    bench.writer().apply(&move_files(&bench, &["a"])).unwrap();
    let undone = bench.writer_while(&open).undo(&Selector::All, &run()).unwrap();
    assert_eq!(undone[0].error.as_ref().unwrap().code(), "client_open");
    assert!(bench.text("a").contains("port=26"));
}

#[test]
fn undo_keeps_what_others_wrote_and_names_conflicts() {
    let bench = Bench::with(&[("a", OLD), ("b", OLD)]);
    bench.writer().apply(&move_files(&bench, &["a", "b"])).unwrap();
    bench.write("a", "password=new\nport=26\ntail=x\nauth=1\nmore=y\n");
    bench.write("b", "password=hunter2\nport=587\ntail=x\nauth=1\n");
    let undone = bench.writer().undo(&Selector::Last, &run()).unwrap();
    assert_eq!(bench.text("a"), "password=new\nport=25\ntail=x\nmore=y\n");
    // Without the login that was set beside the port nobody has set this account up.
    assert_eq!(bench.text("b"), "password=hunter2\nport=587\ntail=x\nauth=1\n");
    let [AccountFate::Restored, AccountFate::Conflict { left }] = fates(&undone)[..] else { panic!("{undone:?}") };
    let slot = |name| bench.setting("b", name, None, None).slot;
    assert_eq!(left.iter().map(|left| left.slot.clone()).collect::<Vec<_>>(), [slot("port"), slot("auth")]);
    assert!(!left[0].is_beside() && left[1].is_beside());
    // Once more there is nothing that can be put back, and no receipt tells that there was.
    let told = bench.writer().receipts().unwrap().receipts;
    assert_eq!((told.len(), told[1].not_put_back.len()), (2, 2));
    let undone = bench.writer().undo(&Selector::Last, &run()).unwrap();
    assert!(undone[0].by.is_none() && undone[0].error.is_none());
    assert!(matches!(fates(&undone)[..], [AccountFate::Already, AccountFate::Conflict { .. }]), "{undone:?}");
    assert_eq!(bench.writer().receipts().unwrap().receipts, told);
    // The user settles it by hand; the rest is there already.
    bench.write("b", OLD);
    let undone = bench.writer().undo(&Selector::Last, &run()).unwrap();
    assert_eq!(fates(&undone), [&AccountFate::Already, &AccountFate::Already]);
    assert!(bench.writer().undo(&Selector::All, &run()).unwrap().is_empty());
}

/// One account of the profile is in two files, shares a setting with another in one of them, and a third has its own.
#[test]
fn an_account_goes_back_whole_or_not_at_all_over_all_of_its_files() {
    let bench = Bench::with(&[("a", "port=25\nshared=1\nother=x\n"), ("b", "login=none\n")]);
    let set = |file: &str, name: &str, before: &str, after: &str| bench.setting(file, name, Some(before), Some(after));
    let shared = || set("a", "shared", "1", "2");
    let accounts = vec![
        account("1", vec![set("a", "port", "25", "26"), shared(), set("b", "login", "none", "password")]),
        account("2", vec![shared()]),
        account("3", vec![set("a", "other", "x", "y")]),
    ];
    bench.writer().apply(&transaction("run1", accounts)).unwrap();
    bench.write("b", "login=token\n");
    let looked = bench.writer().preview_undo(&Selector::Last).unwrap();
    let undone = bench.writer().undo(&Selector::Last, &run()).unwrap();
    assert_eq!(fates(&looked), fates(&undone), "what would be done is what is done");
    assert!(
        matches!(
            fates(&undone)[..],
            [AccountFate::Conflict { .. }, AccountFate::Conflict { .. }, AccountFate::Restored]
        ),
        "{undone:?}"
    );
    assert_eq!((bench.text("a").as_str(), bench.text("b").as_str()), ("port=26\nshared=2\nother=x\n", "login=token\n"));
}

#[test]
fn runs_are_undone_one_by_one_or_all_newest_first() {
    for all in [false, true] {
        let bench = Bench::with(&[("a", OLD)]);
        let step = |run: &str, before: &str, after: &str| {
            let change = bench.setting("a", "port", Some(before), Some(after));
            bench.writer().apply(&transaction(run, vec![account("1", vec![change])])).unwrap();
        };
        step("run1", "25", "587");
        step("run2", "587", "2525");
        step("run2", "2525", "26");
        if all {
            assert_eq!(bench.writer().undo(&Selector::All, &run()).unwrap().len(), 3);
        } else {
            assert_eq!(bench.writer().undo(&Selector::Last, &run()).unwrap().len(), 2);
            assert!(bench.text("a").contains("port=587\n"));
            assert_eq!(bench.writer().undo(&Selector::Last, &run()).unwrap().len(), 1);
        }
        assert_eq!(bench.text("a"), OLD);
    }
}

#[test]
fn the_live_registry_is_compared_written_and_put_back_value_by_value() {
    let bench = Bench::with(&[]);
    bench.store.set_port(25);
    let wanted = transaction("run1", vec![account("1", vec![value(Some(25), Some(26))])]);
    bench.writer().apply(&wanted).unwrap();
    assert_eq!(bench.store.port(), 26);
    assert_eq!(bench.writer().apply(&wanted).unwrap_err().code(), "changed_meanwhile");
    bench.writer().undo(&Selector::Last, &run()).unwrap();
    assert_eq!(bench.store.port(), 25);
    bench.writer().apply(&wanted).unwrap();
    bench.store.set_port(465);
    let undone = bench.writer().undo(&Selector::Last, &run()).unwrap();
    assert!(matches!(fates(&undone)[..], [AccountFate::Conflict { .. }]));
    assert_eq!((bench.store.port(), undone[0].by.is_none()), (465, true));
}

#[test]
fn a_registry_file_is_a_file_and_its_values_are_compared_however_they_are_spelled() {
    let old = "Mail\\1|Password=dword:7\nMail\\1|Port=dword:19\n";
    let mut bench = Bench::with(&[("hkcu.reg", old)]);
    bench.store.reg_file = Some(bench.path("hkcu.reg"));
    bench.writer().apply(&transaction("run1", vec![account("1", vec![value(Some(25), Some(26))])])).unwrap();
    assert_eq!(bench.text("hkcu.reg"), "Mail\\1|Password=dword:7\nMail\\1|Port=dword:0000001a\n");
    bench.writer().undo(&Selector::Last, &run()).unwrap();
    assert_eq!(bench.text("hkcu.reg"), old);
}

#[test]
fn receipts_of_another_home_are_listed_and_left() {
    let bench = Bench::with(&[("a", OLD)]);
    let receipt = bench.writer().apply(&move_files(&bench, &["a"])).unwrap();
    let other = Machine { home: "/mnt/disk/home/ann".into(), ..bench.machine() };
    let writer = Writer::new(bench.state(), other, &bench.store, &bench::Lines, &bench::nobody);
    assert_eq!(writer.receipts().unwrap().receipts.len(), 1);
    assert!(writer.undo(&Selector::All, &run()).unwrap().is_empty());
    assert_eq!(writer.undo(&Selector::One(receipt.id), &run()).unwrap_err().code(), "other_machine");
    let unknown = Selector::One(ReceiptId("none".to_owned()));
    assert_eq!(writer.undo(&unknown, &run()).unwrap_err().code(), "unknown_receipt");
}

/// A receipt is a file. One that was written by hand, with the name of something else where the name of the temporary file
/// stands, once had that removed; or leads to a file that no mail program keeps.
#[test]
fn a_receipt_is_not_believed_because_it_lies_there() {
    let bench = Bench::with(&[("a", OLD), ("precious", "mine\n")]);
    let receipt = bench.writer().apply(&move_files(&bench, &["a"])).unwrap();
    let path = bench.state().join(format!("receipts/{}.jsonl", receipt.id));
    let journal = std::fs::read_to_string(&path).unwrap();
    let temp = format!(".port26-{}-0.tmp", receipt.id);
    assert!(journal.contains(&temp));
    std::fs::write(&path, journal.replace(&temp, "precious")).unwrap();
    let kept = bench.writer().receipts().unwrap();
    assert_eq!((kept.receipts.len(), kept.unreadable.len()), (0, 1));
    let error = bench.writer().undo(&Selector::One(receipt.id.clone()), &run()).unwrap_err();
    assert_eq!(error.code(), "journal_damaged");
    assert_eq!(bench.text("precious"), "mine\n");

    // Under the name of another receipt it is none.
    std::fs::write(bench.state().join("receipts/20990101T000000Z-0001.jsonl"), &journal).unwrap();
    assert_eq!(bench.writer().receipts().unwrap().unreadable.len(), 2);
    std::fs::remove_file(bench.state().join("receipts/20990101T000000Z-0001.jsonl")).unwrap();

    std::fs::write(&path, &journal).unwrap();
    let (strange, free) = (Elsewhere, |_, _: &str| crate::clients::InUse::No);
    let writer = bench.writer_while(&strange);
    let undone = writer.undo(&Selector::All, &run()).unwrap();
    assert_eq!(undone[0].error.as_ref().unwrap().code(), "receipt_not_believed");
    assert!(bench.text("a").contains("port=26"), "nothing is touched");
    bench.writer_while(&free).undo(&Selector::All, &run()).unwrap();
    assert_eq!(bench.text("a"), OLD);
}

/// No mail program keeps settings where the receipt says.
struct Elsewhere;

impl OpenCheck for Elsewhere {
    fn in_use(&self, _client: ClientId, _profile: &str) -> InUse {
        InUse::No
    }
    fn keeps_settings_in(&self, _client: ClientId, _at: &Slot) -> bool {
        false
    }
}
