//! Kept mail as the real programs wrote it (Thunderbird 153.8, Claws Mail 4.1.1, Sylpheed 3.8.0beta1), as nobody wrote it, and
//! more of it than is read.

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use port26_platform::computer::{Computer, Os};
use proptest::prelude::*;

use super::all_heads::AllHeads;
use super::head::Head;
use super::mailbox::heads;
use super::outside::{beside_each_other, messages_in};
use super::*;

const NOW: &str = "2026-11-28T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn emails() -> Vec<String> {
    vec!["Jan@hosting.test".to_owned()]
}

fn folder(path: &Path, store: Store) -> MailFolder {
    MailFolder { path: path.to_owned(), store, holds: Holds::Several, filled_by: FilledBy::ThisProgram }
}

fn reader() -> Reader {
    Reader::of(&Computer::folder(std::env::temp_dir(), Os::Linux, None), at(NOW))
}

fn read(kept: &KeptMail) -> PastMail {
    reader().read(kept, &emails())
}

fn last_sent(path: &Path, store: Store) -> Option<Timestamp> {
    read(&KeptMail { sent: vec![folder(path, store)], ..KeptMail::default() }).last_sent.map(|(last, _)| last)
}

fn outbox(path: &Path, store: Store, keys: &[&str]) -> Option<Waiting> {
    let sender_keys = keys.iter().map(|key| (*key).to_owned()).collect();
    read(&KeptMail { outbox: Some(waiting_in(path, store)), sender_keys, sent: Vec::new() }).waiting
}

fn waiting_in(path: &Path, store: Store) -> Outbox {
    Outbox { folder: folder(path, store), called: "Outbox" }
}

/// `Unsent Messages` as Thunderbird 153.8 writes it: three messages were queued, and the second was deleted again.
fn unsent() -> String {
    let one = |time: &str, status: &str, identity: &str| {
        format!(
            "From - Sat Nov 28 {time} 2026\r\nX-Mozilla-Status: {status}\r\nX-Mozilla-Status2: 00000000\r\n\
             Message-ID: <9eebd4f1@hosting.test>\r\nDate: Sat, 28 Nov 2026 {time} +0000\r\nMIME-Version: 1.0\r\n\
             User-Agent: Mozilla Thunderbird\r\nTo: friend@friend.test\r\nSubject: wait\r\n\
             From: Jan de Vries <jan@hosting.test>\r\n\
             X-Mozilla-Draft-Info: internal/draft; vcard=0; receipt=0; DSN=0; uuencode=0;\r\n attachmentreminder=0; \
             deliveryformat=0\r\nX-Identity-Key: {identity}\r\nFcc: mailbox://nobody@Local%20Folders/Sent\r\n\
             Content-Type: text/plain; charset=UTF-8; format=flowed\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
             Written and sent by the real client.\r\n>From here on\r\n\r\n"
        )
    };
    [("07:53:29", "0800", "id1"), ("07:53:12", "0808", "id1"), ("07:53:35", "0800", "id1"), ("07:50:00", "0800", "id2")]
        .map(|(time, status, identity)| one(time, status, identity))
        .concat()
}

#[test]
fn what_waits_is_what_the_identity_has_queued_and_nobody_has_deleted() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("Unsent Messages");
    std::fs::write(&file, unsent()).unwrap();
    let waiting = outbox(&file, Store::Mbox, &["id1"]).unwrap();
    assert_eq!((waiting.count, waiting.complete, waiting.oldest), (2, true, Some(at("2026-11-28T07:53:29Z"))));
    assert_eq!(outbox(&file, Store::Mbox, &["id2"]).unwrap().count, 1);
    assert_eq!(
        outbox(&file, Store::Mbox, &["id3"]).unwrap(),
        Waiting { folder: "Outbox", count: 0, complete: true, oldest: None }
    );
    // An Outbox that was never used is empty; a folder in its place is not known.
    assert_eq!(outbox(&home.path().join("none"), Store::Mbox, &["id1"]).unwrap().count, 0);
    assert_eq!(outbox(home.path(), Store::Mbox, &["id1"]), None);
}

#[test]
fn a_shared_folder_of_sent_mail_is_read_for_the_account_alone() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("Sent");
    let one = |from: &str, date: &str| format!("From \r\nFrom: {from}\r\nDate: {date}\r\n\r\nText\r\n\r\n");
    let mine = one("=?utf-8?q?Jan_de_Vri=C3=ABs?= <JAN@hosting.test>", "Tue, 3 Nov 2026 09:15:00 +0100 (CET)");
    let others = one("eva@hosting.test", "Fri, 20 Nov 2026 10:00:00 +0000");
    std::fs::write(&file, mine + &others).unwrap();
    assert_eq!(last_sent(&file, Store::Mbox), Some(at("2026-11-03T08:15:00Z")));
    let own = MailFolder { holds: Holds::OneAccount, ..folder(&file, Store::Mbox) };
    let past = read(&KeptMail { sent: vec![own], ..KeptMail::default() });
    assert_eq!(past.last_sent, Some((at("2026-11-20T10:00:00Z"), FilledBy::ThisProgram)));
    assert_eq!(past.waiting, None, "nobody said where its Outbox is");
}

#[test]
fn a_date_that_cannot_be_is_not_used() {
    let dated = |date: &str| Head::of(format!("From: jan@hosting.test\nDate: {date}\n\n").as_bytes()).unwrap().date;
    assert_eq!(dated("Thu, 1 Jan 1970 00:00:10 +0000"), None);
    assert_eq!(dated("Sat, 99 Foo 2026 25:61:00 +0000"), None);
    assert_eq!(dated(""), None);
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("Sent");
    let one = |year: u32| format!("From \nFrom: jan@hosting.test\nDate: Tue, 3 Nov {year} 09:15:00 +0000\n\n\n");
    std::fs::write(&file, one(2027) + &one(2025) + &one(2038)).unwrap();
    assert_eq!(last_sent(&file, Store::Mbox), Some(at("2025-11-03T09:15:00Z")));
    std::fs::write(&file, one(2027)).unwrap();
    assert_eq!(last_sent(&file, Store::Mbox), None);
}

#[test]
fn a_line_that_only_looks_like_the_beginning_of_a_message_is_none() {
    let text = "From \nFrom: jan@hosting.test\nDate: Tue, 3 Nov 2026 09:15:00 +0000\n\nFrom what I see\nall is well.\n\
                >From \n>Date: Sat, 7 Nov 2026 09:15:00 +0000\n Date: Sun, 8 Nov 2026 09:15:00 +0000\n\n";
    let all = heads(text.as_bytes()).unwrap();
    assert_eq!((all.list.len(), all.whole), (1, true));
    assert_eq!(messages_in(b"no mailbox\n\nFrom nobody"), 0);
}

/// As the two programs lay a message into `queue`.
fn queued(account: &str, blocks: &str, time: &str) -> String {
    format!(
        "AF:\nNF:0\nPS:10\nSRH:1\nSFN:\nDSR:\nMID:\nCFG:\nPT:0\nS:jan@hosting.test\nRQ:\nSSV:mail.hosting.test\nNSV:\nSSH:\n\
         R:<friend@friend.test>\n{account}{blocks}Date: Sat, 28 Nov 2026 {time} +0000\nFrom: Jan <jan@hosting.test>\n\
         To: friend@friend.test\nSubject: wait\n\nLater.\n"
    )
}

#[test]
fn the_queues_of_claws_mail_and_sylpheed_are_read_as_they_write_them() {
    const CLAWS: &str =
        "X-Claws-Privacy-System:\nX-Claws-Sign:0\nSCF:#mh/Mailbox/sent\nX-Claws-End-Special-Headers: 1\n";
    for (key, blocks, marks) in [("MAID", CLAWS, ".claws_mark"), ("AID", "\n", ".sylpheed_mark")] {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(home.path().join(name), bytes).unwrap();
        for (number, account, time) in [(1, 1, "07:51:21"), (2, 1, "07:51:24"), (3, 2, "07:40:00"), (4, 1, "07:30:00")]
        {
            write(&number.to_string(), queued(&format!("{key}:{account}\n"), blocks, time).as_bytes());
        }
        write(".mh_sequences", b"");
        let store = Store::Numbered { marks };
        let waiting = outbox(home.path(), store, &["1"]).unwrap();
        assert_eq!((waiting.count, waiting.oldest), (3, Some(at("2026-11-28T07:30:00Z"))), "{key}");
        // The fourth is to be deleted, which the program does when it is told to.
        let mark = [2_u32, 1, 0x40, 2, 0, 3, 0, 4, 0x48].map(u32::to_le_bytes).concat();
        write(marks, &mark);
        let waiting = outbox(home.path(), store, &["1"]).unwrap();
        assert_eq!((waiting.count, waiting.oldest), (2, Some(at("2026-11-28T07:51:21Z"))), "{key}");
        // Without a number the sender counts.
        write("5", queued("", blocks, "07:20:00").as_bytes());
        assert_eq!(outbox(home.path(), store, &["1"]).unwrap().count, 3);
        assert_eq!(
            last_sent(home.path(), store),
            Some(at("2026-11-28T07:20:00Z")),
            "the others are of an account's number"
        );
    }
}

#[test]
fn files_of_any_name_are_read_and_other_things_are_not() {
    let home = tempfile::tempdir().unwrap();
    let message = |day: u32| format!("Date: {day} Nov 2026 10:00:00 +0000\r\nFrom: <jan@hosting.test>\r\n\r\n");
    std::fs::write(home.path().join("1A2B3C4D-00000001.eml"), message(2)).unwrap();
    std::fs::write(home.path().join("1A2B3C4D-00000002.eml"), message(4)).unwrap();
    std::fs::write(home.path().join("empty"), "").unwrap();
    std::fs::create_dir(home.path().join("folder.eml")).unwrap();
    assert_eq!(last_sent(home.path(), Store::Files), Some(at("2026-11-04T10:00:00Z")));
    assert_eq!(last_sent(&home.path().join("none"), Store::Files), None);
}

#[test]
fn what_lies_outside_somebody_elses_home_is_not_read() {
    let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = elsewhere.path().join("Sent");
    std::fs::write(&file, "From \nFrom: jan@hosting.test\nDate: Tue, 3 Nov 2026 09:15:00 +0000\n\n").unwrap();
    let kept = KeptMail { sent: vec![folder(&file, Store::Mbox)], ..KeptMail::default() };
    let of = |home: &Path| Reader::of(&Computer::folder(home, Os::Linux, None), at(NOW)).read(&kept, &emails());
    assert_eq!(of(home.path()), PastMail::default());
    assert!(of(elsewhere.path()).last_sent.is_some());
}

/// A mailbox of 100 MB in which nobody can have written all, and a message at its start or its end.
#[test]
fn of_a_large_mailbox_only_the_end_is_read_and_of_a_large_outbox_only_the_start() {
    const SIZE: u64 = 100 << 20;
    let message = b"\nFrom \nFrom: jan@hosting.test\nDate: Tue, 3 Nov 2026 09:15:00 +0000\n\n";
    let with = |place: u64| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(SIZE).unwrap();
        file.seek(SeekFrom::Start(place)).unwrap();
        file.write_all(message).unwrap();
        file
    };
    let date = Some(at("2026-11-03T09:15:00Z"));
    for (place, sent, waits) in [(0, None, 1), (SIZE - (32 << 20), date, 0), (SIZE - 1000, date, 0)] {
        let file = with(place);
        assert_eq!(last_sent(file.path(), Store::Mbox), sent, "{place}");
        let waiting = outbox(file.path(), Store::Mbox, &[]).unwrap();
        assert_eq!((waiting.count, waiting.complete, waiting.oldest), (waits, false, None), "{place}");
    }
}

#[test]
fn the_sentence_tells_the_day_on_the_wall() {
    let now = date(2026, 11, 28).at(12, 0, 0, 0).to_zoned(TimeZone::fixed(jiff::tz::offset(2))).unwrap();
    let waiting = |count, complete, oldest: Option<&str>| {
        Some(Waiting { folder: "Outbox", count, complete, oldest: oldest.map(at) })
    };
    let told = |last: Option<(&str, FilledBy)>, waiting| {
        let last_sent = last.map(|(last, by)| (at(last), by));
        in_words(&PastMail { last_sent, waiting }, &now).unwrap_or_default()
    };
    let here = |last| Some((last, FilledBy::ThisProgram));
    insta::assert_snapshot!(
        [
            told(here("2026-11-02T23:30:00Z"), waiting(4, true, Some("2026-11-05T08:00:00Z"))),
            told(here("2026-11-02T23:30:00Z"), waiting(1, true, Some("2026-11-01T08:00:00Z"))),
            told(here("2025-11-02T08:00:00Z"), waiting(0, true, None)),
            told(here("2026-11-02T08:00:00Z"), None),
            told(Some(("2026-11-02T08:00:00Z", FilledBy::Everybody)), waiting(2, true, Some("2026-11-05T08:00:00Z"))),
            told(None, waiting(3, false, Some("2026-11-05T08:00:00Z"))),
            told(None, waiting(3, true, None)),
            told(None, waiting(0, true, None)),
            told(None, None),
        ]
        .join("\n"),
        @r"
    Your last mail from this program went out on 3 November; since then 4 messages wait in the Outbox.
    Your last mail from this program went out on 3 November; 1 message waits in the Outbox, of 1 November.
    Your last mail from this program went out on 2 November 2025.
    Your last mail from this program went out on 2 November.
    The newest mail in its folder of sent mail is of 2 November; since then 2 messages wait in the Outbox.
    At least 3 messages wait in the Outbox, the oldest of 5 November.
    3 messages wait in the Outbox.
    "
    );
}

/// A message as it is laid into a mailbox: its day, whether it was deleted, and lines of text.
fn message(lines: &[String], day: i64, removed: bool, end: &str) -> String {
    let date = Timestamp::from_second(1_700_000_000 + day * 86_400).unwrap();
    let date = jiff::fmt::rfc2822::to_string(&date.to_zoned(TimeZone::UTC)).unwrap();
    let status = if removed { "0009" } else { "0001" };
    let head = format!("From - x{end}X-Mozilla-Status: {status}{end}Date: {date}{end}From: jan@hosting.test{end}{end}");
    let escaped = |line: &String| match line.trim_start_matches('>').starts_with("From ") {
        true => format!(">{line}{end}"),
        false => format!("{line}{end}"),
    };
    head + &lines.iter().map(escaped).collect::<String>() + end
}

proptest! {
    #[test]
    fn garbage_is_no_mail_and_no_reason_to_stop(bytes in proptest::collection::vec(any::<u8>(), 0..3000), pieces in proptest::collection::vec(0..12_usize, 0..40)) {
        const PIECES: [&str; 12] = [
            "From ", "\n", "\r\n", "Date: ", "From: ", "X-Mozilla-Status: ", "zzzz", "Tue, 3 Nov 2026", " +9999", "<a@b", "MAID:", ":",
        ];
        let woven: Vec<u8> = pieces.iter().flat_map(|&piece| PIECES[piece].bytes()).chain(bytes.iter().copied()).collect();
        for garbage in [&bytes, &woven] {
            prop_assert!(messages_in(garbage) <= garbage.len() / 5);
            prop_assert!(beside_each_other(garbage).1 <= garbage.len() / 8);
            let _ = Head::of(garbage);
        }
    }

    #[test]
    fn the_newest_of_those_that_are_there_is_found(
        messages in proptest::collection::vec((proptest::collection::vec("(From |>From |Date: |X-Mozilla-Status: 0009|[ -~]{0,9})[ -~]{0,20}", 0..6), 0..900_i64, any::<bool>()), 0..40),
        crlf in any::<bool>(),
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let text: String = messages.iter().map(|(lines, day, removed)| message(lines, *day, *removed, end)).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let there = messages.iter().filter(|(_, _, removed)| !removed).map(|(_, day, _)| *day);
        let newest = there.clone().max().map(|day| Timestamp::from_second(1_700_000_000 + day * 86_400).unwrap());
        prop_assert_eq!(last_sent(file.path(), Store::Mbox), newest);
        prop_assert_eq!(outbox(file.path(), Store::Mbox, &[]).unwrap().count, there.count());
    }
}

#[test]
fn of_too_many_messages_the_first_are_forgotten() {
    let mut all = AllHeads::default();
    for day in 0..(all_heads::MOST as i64 + 10) {
        let head = Head::of(message(&[], day % 1000, false, "\n").as_bytes());
        all.add(head);
    }
    assert!(all.list.len() <= all_heads::MOST && !all.whole);
}
