//! What a person is asked, in every state, and when: the whole conversation of a run, without a screen. The words are the
//! front end's; what is known at each question is the driver's.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use port26::account::{Account, AuthSetting, ClientId, SubmissionServer, TlsMode};
use port26::apply::{AccountChange, Machine, MachineStore, RunId, Transaction, Writer};
use port26::clients::{CLIENTS, InUse};
use port26::formats::open::AllEditors;
use port26::pipeline::{
    Answer, Consent, PutBackError, PutBackSetup, RepairError, Request, Tested, Wanted, Who, put_back, repair_by,
};
use port26::plan::{Decision, Outcome};
use port26::probe::network::Route;
use port26::report::AccountReport;
use port26_platform::processes::{Holder, Processes};

use crate::support::case::{Case, fixtures};
use crate::support::recorded::Recorded;
use crate::support::scripted_host::Dates;
use crate::support::world::{PASSWORD, Seen, World};

/// Another name of the mail host, which its certificate is for.
const FITS: &str = "smtp.hosting.test";

/// An account without a login whose port 25 is blocked.
fn blocked() -> World {
    World::with_account(25, TlsMode::None, AuthSetting::None).block(25, Route::Drop)
}

/// An account whose host shows a certificate for another of its names.
fn misnamed() -> World {
    let login = World::with_account(587, TlsMode::Starttls, AuthSetting::Password);
    login.certificate(FITS, Dates::Now).alias(FITS)
}

/// The run, and every line of its conversation.
async fn run(world: World, talk: Recorded) -> (Seen, String) {
    let talk = Arc::new(talk);
    let seen = world.asking(talk.clone()).fix().await;
    seen.harmless();
    (seen, talk.heard().join("\n"))
}

#[tokio::test]
async fn what_is_agreed_to_is_written() {
    let (seen, heard) = run(blocked().given(PASSWORD), Recorded::answering([Answer::Yes])).await;
    assert_eq!((seen.outcome, seen.fixed), (Outcome::Fixed, 1), "{}", seen.told);
    insta::assert_snapshot!(heard, @r#"
    - Testing { hosts: 1 }
    - GetsThrough { host: "mail.hosting.test", port: 26 }
    - HostTested { host: "mail.hosting.test" }
    - Tested
    change Now?
        anna@hosting.test: mail.hosting.test:25 None None -> mail.hosting.test:26 Starttls Password
    > Yes
    - Writing { accounts: 1 }
    - Written
    "#);
}

#[tokio::test]
async fn what_is_declined_stays() {
    let (seen, heard) = run(blocked().given(PASSWORD), Recorded::answering([Answer::No])).await;
    assert_eq!((seen.outcome, seen.reason.as_str()), (Outcome::WouldFix, "declined"), "{}", seen.told);
    assert_eq!(seen.changed, Vec::<String>::new());
    insta::assert_snapshot!(heard, @r#"
    - Testing { hosts: 1 }
    - GetsThrough { host: "mail.hosting.test", port: 26 }
    - HostTested { host: "mail.hosting.test" }
    - Tested
    change Now?
        anna@hosting.test: mail.hosting.test:25 None None -> mail.hosting.test:26 Starttls Password
    > No
    "#);
}

#[tokio::test]
async fn a_password_is_asked_for_after_the_reason_and_before_the_change() {
    let (seen, heard) = run(blocked(), Recorded::answering([Answer::Yes]).typing([PASSWORD])).await;
    assert_eq!((seen.outcome, seen.auths), (Outcome::Fixed, 1), "{}", seen.told);
    insta::assert_snapshot!(heard, @r#"
    - Testing { hosts: 1 }
    - GetsThrough { host: "mail.hosting.test", port: 26 }
    - HostTested { host: "mail.hosting.test" }
        found: The network you are on blocks port 25. Providers do this against spam, or when they think a computer is infected; it is not a fault of your mail program. Port 26 of mail.hosting.test gets through, and needs a login.
    password of anna@hosting.test at mail.hosting.test?
    > (typed)
    - Tested
    change Now?
        anna@hosting.test: mail.hosting.test:25 None None -> mail.hosting.test:26 Starttls Password
    > Yes
    - Writing { accounts: 1 }
    - Written
    "#);
}

#[tokio::test]
async fn whoever_knows_no_password_is_asked_nothing_more() {
    let (seen, heard) = run(blocked(), Recorded::default().typing([""])).await;
    assert_eq!((seen.outcome, seen.reason.as_str()), (Outcome::NeedsUser, "password_missing"), "{}", seen.told);
    insta::assert_snapshot!(heard, @r#"
    - Testing { hosts: 1 }
    - GetsThrough { host: "mail.hosting.test", port: 26 }
    - HostTested { host: "mail.hosting.test" }
        found: The network you are on blocks port 25. Providers do this against spam, or when they think a computer is infected; it is not a fault of your mail program. Port 26 of mail.hosting.test gets through, and needs a login.
    password of anna@hosting.test at mail.hosting.test?
    > Enter alone
    - Tested
    "#);
}

#[tokio::test]
async fn another_name_of_the_server_is_said_to_be_one() {
    let (seen, heard) = run(misnamed(), Recorded::answering([Answer::Yes])).await;
    assert_eq!((seen.outcome, seen.moved_host.as_deref()), (Outcome::Fixed, Some(FITS)), "{}", seen.told);
    insta::assert_snapshot!(heard, @r#"
    - Testing { hosts: 1 }
    - HostTested { host: "mail.hosting.test" }
    - Tested
    change Now?
        anna@hosting.test: mail.hosting.test:587 Starttls Password -> smtp.hosting.test:587 Starttls Password, under another name
    > Yes
    - Writing { accounts: 1 }
    - Written
    "#);
}

#[tokio::test]
async fn an_open_program_is_waited_for_after_it_is_agreed_to() {
    let world = blocked().given(PASSWORD).open_for(3);
    let (seen, heard) = run(world, Recorded::answering([Answer::Yes])).await;
    assert_eq!((seen.outcome, seen.auths), (Outcome::Fixed, 1), "{}", seen.told);
    insta::assert_snapshot!(heard, @r#"
    - Testing { hosts: 1 }
    - GetsThrough { host: "mail.hosting.test", port: 26 }
    - HostTested { host: "mail.hosting.test" }
    - Tested
    change OnceClosed?
        anna@hosting.test: mail.hosting.test:25 None None -> mail.hosting.test:26 Starttls Password
    > Yes
    - Waiting { programs: ["Thunderbird"], asked: None }
    - Waited
    - Testing { hosts: 1 }
    - GetsThrough { host: "mail.hosting.test", port: 26 }
    - HostTested { host: "mail.hosting.test" }
    - Tested
    - Writing { accounts: 1 }
    - Written
    "#);
}

#[tokio::test]
async fn whoever_declines_waits_for_nothing() {
    let world = blocked().given(PASSWORD).open_for(100);
    let (seen, heard) = run(world, Recorded::answering([Answer::No])).await;
    assert_eq!((seen.outcome, seen.reason.as_str()), (Outcome::Deferred, "client_open"), "{}", seen.told);
    insta::assert_snapshot!(heard, @r#"
    - Testing { hosts: 1 }
    - GetsThrough { host: "mail.hosting.test", port: 26 }
    - HostTested { host: "mail.hosting.test" }
    - Tested
    change OnceClosed?
        anna@hosting.test: mail.hosting.test:25 None None -> mail.hosting.test:26 Starttls Password
    > No
    "#);
}

#[tokio::test]
async fn the_waiting_can_be_given_up() {
    let world = blocked().given(PASSWORD).open_for(100);
    let (seen, heard) = run(world, Recorded::answering([Answer::Yes]).giving_up_after(1)).await;
    assert_eq!((seen.outcome, seen.reason.as_str()), (Outcome::Deferred, "client_open"), "{}", seen.told);
    assert_eq!(seen.changed, Vec::<String>::new());
    insta::assert_snapshot!(heard, @r#"
    - Testing { hosts: 1 }
    - GetsThrough { host: "mail.hosting.test", port: 26 }
    - HostTested { host: "mail.hosting.test" }
    - Tested
    change OnceClosed?
        anna@hosting.test: mail.hosting.test:25 None None -> mail.hosting.test:26 Starttls Password
    > Yes
    - Waiting { programs: ["Thunderbird"], asked: None }
    > waits no longer
    - Waited
    "#);
}

#[tokio::test]
async fn where_nobody_can_be_asked_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let tools = blocked().tools_in(folder.path());
    let to_port_26 = |account: Account| {
        let mut to = account.outgoing.clone();
        (to.port, to.tls, to.auth, to.user) = (26, TlsMode::Starttls, AuthSetting::Password, Some("anna".to_owned()));
        let report = AccountReport::found(account);
        Tested {
            report,
            decision: Decision::Move { to, because: None },
            accepted: None,
            consent: None,
            logged_in: false,
            answered: vec![],
            short_wait: false,
        }
    };
    let test = async |accounts: Vec<Account>| accounts.into_iter().map(to_port_26).collect();
    let asked = repair_by(&tools, &Request::fix(Consent::AskFirst), &test).await;
    assert!(matches!(asked, Err(RepairError::NobodyToAsk)), "{asked:?}");
    assert_eq!(tools.kit.writer().receipts().unwrap().receipts.len(), 0);
    let agreed = repair_by(&tools, &Request::fix(Consent::Agreed), &test).await.unwrap();
    assert_eq!(agreed.accounts[0].result, Some(Outcome::Fixed), "{:?}", agreed.accounts[0].reason);
}

/// Who undoes at a terminal is shown whose settings it is about; who declines keeps what is there.
#[test]
fn what_is_put_back_is_agreed_to_first() {
    let case = Case::copy(&fixtures().join("claws_mail/linux-25-noauth"));
    let before = case.tree();
    for (_, transaction) in case.transactions() {
        let store = MachineStore::of(&case.computer);
        let nobody = |_: ClientId, _: &str| InUse::No;
        let writer = Writer::new(case.state.path(), Machine::of(&case.computer), &store, &AllEditors, &nobody);
        writer.apply(&transaction).unwrap();
    }
    let changed = case.tree();
    let undo = |talk: &Recorded, consent| {
        let who = Who::of(&case.computer);
        let state = case.state.path().to_owned();
        let setup = PutBackSetup { computer: &case.computer, state, policy: None, who: &who, talk };
        put_back(&setup, &Wanted::Latest, consent).map(|done| (done.accounts.len(), done.accounts[0].result))
    };

    let declines = Recorded::answering([Answer::No]);
    assert_eq!(undo(&declines, Consent::AskFirst).unwrap(), (1, Outcome::WouldRevert));
    assert!(matches!(undo(&Recorded::answering([Answer::Nobody]), Consent::AskFirst), Err(PutBackError::NobodyToAsk)));
    assert_eq!(changed, case.tree());

    let agrees = Recorded::answering([Answer::Yes]);
    assert_eq!(undo(&agrees, Consent::AskFirst).unwrap(), (1, Outcome::Reverted));
    assert_eq!(before, case.tree());
    insta::assert_snapshot!([declines.heard(), agrees.heard()].concat().join("\n"), @r"
    put back?
        ada@hosting.test: mail.hosting.test:26 Starttls Password -> mail.hosting.test:25 None None
    > No
    put back?
        ada@hosting.test: mail.hosting.test:26 Starttls Password -> mail.hosting.test:25 None None
    > Yes
    ");
}

/// The latest run was cut off: putting that right is the undo, and the run before it was not meant. Nobody was asked about it.
#[test]
fn an_interrupted_run_is_put_right_and_the_run_before_it_stays() {
    let fixture = fixtures().join("claws_mail/linux-25-noauth");
    let undo = |case: &Case, wanted: &Wanted, consent| {
        let who = Who::of(&case.computer);
        let talk = Recorded::default();
        let state = case.state.path().to_owned();
        let setup = PutBackSetup { computer: &case.computer, state, policy: None, who: &who, talk: &talk };
        put_back(&setup, wanted, consent).unwrap()
    };
    for by_name in [false, true] {
        let case = Case::copy(&fixture);
        let first = moved_to(&case, 26);
        let after_the_first = case.tree();
        let second = moved_to(&case, 587);
        cut_off_the_end(&case, &second);
        let wanted = if by_name { Wanted::Named(second) } else { Wanted::Latest };

        let looked = undo(&case, &wanted, Consent::DryRun);
        assert_eq!((looked.accounts.len(), looked.interrupted.len(), looked.waits), (0, 1, false));

        // Recorded without an answer: a question would fail this.
        let done = undo(&case, &wanted, Consent::AskFirst);
        assert_eq!((done.accounts.len(), done.recovered.len(), done.waits), (0, 1, false), "{by_name}");
        assert_eq!(after_the_first, case.tree(), "{by_name}: the run before it was not meant");
        assert_eq!(undo(&case, &Wanted::Named(first), Consent::Agreed).accounts[0].result, Outcome::Reverted);
    }
}

/// Moves the accounts of the case to this port in a run of its own; the receipt.
fn moved_to(case: &Case, port: u16) -> String {
    let store = MachineStore::of(&case.computer);
    let nobody = |_: ClientId, _: &str| InUse::No;
    let writer = Writer::new(case.state.path(), Machine::of(&case.computer), &store, &AllEditors, &nobody);
    let client = CLIENTS.iter().find(|client| client.id() == ClientId::ClawsMail).unwrap();
    let found = client.accounts(&case.computer, &client.detect(&case.computer).unwrap().unwrap());
    let account = &found.accounts[0];
    let to = SubmissionServer { port, tls: TlsMode::Starttls, ..account.outgoing.clone() };
    let change = AccountChange {
        account_id: account.id.clone(),
        before: account.outgoing.clone(),
        after: to.clone(),
        changes: client.changes(account, &to).unwrap(),
    };
    let (client, profile) = (account.client, account.profile.clone());
    let wanted = Transaction { run: RunId(format!("run to {port}")), client, profile, accounts: vec![change] };
    writer.apply(&wanted).unwrap().id.to_string()
}

/// As a power cut leaves it: all was written, and the line that says so was not.
fn cut_off_the_end(case: &Case, receipt: &str) {
    let file = case.state.path().join("receipts").join(format!("{receipt}.jsonl"));
    let text = std::fs::read_to_string(&file).unwrap();
    let end = text.trim_end().rfind('\n').unwrap() + 1;
    std::fs::write(&file, &text[..end]).unwrap();
}

/// A program that is open at the first look and closed a moment later: nobody has agreed to what can be put back then.
struct ClosesAtOnce(AtomicUsize);

impl Processes for ClosesAtOnce {
    fn running(&self, names: &[&str]) -> Vec<u32> {
        let open = names.contains(&"claws-mail") && self.0.fetch_add(1, Ordering::SeqCst) == 0;
        if open { vec![4711] } else { Vec::new() }
    }
    fn lock_holder(&self, _: &Path) -> Option<Holder> {
        None
    }
    fn socket_answers(&self, _: &Path) -> bool {
        false
    }
}

#[test]
fn what_nobody_was_asked_about_stays_when_the_program_closes_a_moment_later() {
    let mut case = Case::copy(&fixtures().join("claws_mail/linux-25-noauth"));
    moved_to(&case, 26);
    let changed = case.tree();
    case.computer.processes = Arc::new(ClosesAtOnce(AtomicUsize::new(0)));
    let who = Who::of(&case.computer);
    let (state, talk) = (case.state.path().to_owned(), Recorded::default());
    let setup = PutBackSetup { computer: &case.computer, state, policy: None, who: &who, talk: &talk };
    let done = put_back(&setup, &Wanted::Latest, Consent::AskFirst).unwrap();
    assert_eq!(talk.heard(), Vec::<String>::new());
    assert_ne!(done.accounts[0].result, Outcome::Reverted, "{:?}", done.accounts);
    assert_eq!(changed, case.tree());
}
