//! Apple Mail of the scripting era and Outlook for Mac from discovery to undo, through the model of them: what is written
//! and read back, a program that knows better, one that may not be spoken to, and one that is open.

use std::path::Path;
use std::sync::Arc;

use port26::account::{Account, AuthSetting, ClientId, CredentialSource, NotOurs, SubmissionServer, TlsMode};
use port26::agent::look_sparingly;
use port26::apply::{RunId, Selector};
use port26::clients::scripted::twin;
use port26::clients::{CLIENTS, Found, MailClient, apple_mail::APPLE_MAIL, outlook_for_mac::OUTLOOK_FOR_MAC};
use port26::credentials::{Credential, Origin};
use port26::pipeline::{Alone, Consent, OpenClients, Request, Setup, Tested, Tools, repair_by};
use port26::plan::{Decision, Outcome, Reason};
use port26::probe::{Config, Prober};
use port26::report::AccountReport;
use port26_platform::computer::Computer;
use port26_platform::processes::{Holder, NothingRuns, Processes};
use port26_platform::scripts::Twin;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::support::case::{Case, SCRIPTED, fixtures};

const MAIL: &str = "com.apple.mail";
const HOSTING: &str = "apple_mail/mail.hosting.test:ann@hosting.test";
const OUTLOOK: &str = "com.microsoft.Outlook";
const OUTLOOK_HOSTING: &str = "outlook_mac/imap/mail.hosting.test:ann@hosting.test";
const OUTLOOK_OFFICE: &str = "outlook_mac/imap/imap.office.test:bob";

struct Mac {
    case: Case,
    twin: Arc<Twin>,
    client: &'static dyn MailClient,
    bundle: &'static str,
}

impl Mac {
    /// With Apple Mail.
    fn new(fixture: &str) -> Self {
        Self::with(&APPLE_MAIL, MAIL, &format!("apple_mail/{fixture}"))
    }

    fn with_outlook(fixture: &str) -> Self {
        Self::with(&OUTLOOK_FOR_MAC, OUTLOOK, &format!("outlook_mac/{fixture}"))
    }

    fn with(client: &'static dyn MailClient, bundle: &'static str, fixture: &str) -> Self {
        let mut case = Case::copy(&fixtures().join(fixture));
        let twin = Arc::new(twin(case.home.path().join(SCRIPTED)).unwrap());
        case.computer.scripts = twin.clone();
        Self { case, twin, client, bundle }
    }

    fn state(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.twin.file()).unwrap()).unwrap()
    }

    fn habit(&self, habits: Value) {
        let mut state = self.state();
        state[self.bundle]["habits"] = habits;
        std::fs::write(self.twin.file(), serde_json::to_string_pretty(&state).unwrap() + "\n").unwrap();
    }

    fn found(&self) -> Found {
        self.client.accounts(&self.case.computer, &self.client.detect(&self.case.computer).unwrap().unwrap())
    }

    fn account(&self, id: &str) -> Account {
        self.found().accounts.into_iter().find(|account| account.id == id).unwrap()
    }

    /// Has somebody opened it?
    fn running(&self, running: bool) {
        let mut state = self.state();
        state[self.bundle]["running"] = json!(running);
        std::fs::write(self.twin.file(), serde_json::to_string_pretty(&state).unwrap() + "\n").unwrap();
    }

    fn tools(&self) -> Tools {
        self.tools_on(&self.case.computer)
    }

    fn tools_on(&self, computer: &Computer) -> Tools {
        let prober = Prober::new(Config::default()).unwrap();
        Tools::new(Setup::apart(computer.clone(), self.case.state.path(), prober), Arc::new(Alone))
    }

    /// What `fix` does with one account that its tests want to be moved, a password having been accepted.
    fn fix(&self, id: &str) -> AccountReport {
        self.fix_after(id, || {})
    }

    /// The same where something happens between the tests and the writing.
    fn fix_after(&self, id: &str, happens: impl Fn()) -> AccountReport {
        let request = Request { accounts: vec![id.to_owned()], ..Request::fix(Consent::Agreed) };
        let reports = drive(&self.tools(), &request, |account| {
            happens();
            let to = to_26(&account);
            let password = SecretString::from("Kwast 7");
            let user = account.login_user().unwrap().to_owned();
            let accepted = Some(Credential { user, password, origin: Origin::Given });
            Some(Tested {
                report: AccountReport::found(account),
                decision: Decision::Move { to, because: None },
                accepted,
                consent: None,
                logged_in: false,
                answered: vec![],
                short_wait: false,
            })
        });
        reports.into_iter().next().unwrap()
    }
}

/// The one driver, with what the tests of the accounts would have said.
fn drive(tools: &Tools, request: &Request, tested: impl Fn(Account) -> Option<Tested>) -> Vec<AccountReport> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let test = async |accounts: Vec<Account>| accounts.into_iter().filter_map(&tested).collect();
    runtime.block_on(repair_by(tools, request, test)).unwrap().accounts
}

fn to_26(account: &Account) -> SubmissionServer {
    SubmissionServer {
        port: 26,
        port_is_default: false,
        tls: TlsMode::Starttls,
        auth: AuthSetting::Password,
        credential: match account.outgoing.credential {
            CredentialSource::None => CredentialSource::SameAsIncoming,
            kept => kept,
        },
        user: account.login_user().map(str::to_owned),
        ..account.outgoing.clone()
    }
}

fn codes(report: &AccountReport) -> Vec<&str> {
    report.account.notices.iter().map(|notice| notice.code.as_str()).collect()
}

#[test]
fn servers_and_who_sends_through_them_are_told() {
    let mac = Mac::new("scripted");
    let found = mac.found();
    assert_eq!(found.problems, []);
    let shown: Vec<_> = found
        .accounts
        .iter()
        .map(|account| (account.id.as_str(), account.outgoing.port, account.used, account.not_ours))
        .collect();
    assert_eq!(
        shown,
        [
            (HOSTING, 25, true, None),
            ("apple_mail/smtp.office.test:bob@office.test", 587, true, None),
            ("apple_mail/p01-smtp.mail.me.com:ann", 587, true, Some(NotOurs::Icloud)),
            ("apple_mail/smtp.gmail.com:ann.hosting", 465, true, Some(NotOurs::Google)),
            ("apple_mail/smtp.old.test:ann", 25, false, None),
        ]
    );
    let ann = &found.accounts[0];
    assert_eq!(ann.emails, ["ann@hosting.test", "office@hosting.test"]);
    assert_eq!(ann.incoming.as_ref().unwrap().port, Some(993));

    let found = Mac::new("scripted_shared").found();
    let shown: Vec<_> =
        found.accounts.iter().map(|account| (account.id.as_str(), account.outgoing.port_is_default)).collect();
    assert_eq!(shown, [("apple_mail/smtp.shared.test:gil", false), ("apple_mail/smtp.default.test:ida", true)]);
    assert_eq!(found.accounts[0].notices[0].code, "shared_server");
    // Two servers with one host and one user name are both left alone, whatever their ports.
    assert_eq!(found.problems.len(), 1);
    assert_eq!(found.problems[0].code, "duplicate_server");
    assert!(found.problems[0].message.contains("smtp.twice.test"));
}

#[test]
fn what_is_set_is_read_back_and_undone_but_for_the_password() {
    let mac = Mac::new("scripted");
    let before = mac.case.tree();
    let report = mac.fix(HOSTING);
    assert_eq!(report.result, Some(Outcome::Fixed), "{:?}", report.reason);
    assert_eq!(report.after.as_ref().unwrap(), &mac.account(HOSTING).outgoing);
    assert_eq!(mac.account(HOSTING).outgoing.port, 26);
    // Mail has the password, so it will not ask; and people are told that this is not undone.
    assert_eq!(codes(&report), ["password_given"]);
    let given = mac.twin.passwords();
    assert_eq!((given.len(), given[0].1.expose_secret()), (1, "Kwast 7"));
    let server = &mac.state()[MAIL]["objects"]["smtpServers"][0];
    assert_eq!((&server["port"], &server["userName"]), (&json!(26), &json!("ann@hosting.test")));
    assert_eq!(mac.state()[MAIL]["running"], false);
    let journal = std::fs::read_dir(mac.case.state.path().join("receipts")).unwrap();
    for entry in journal {
        assert!(!std::fs::read_to_string(entry.unwrap().path()).unwrap().contains("Kwast"));
    }
    let undone = mac.tools().kit.writer().undo(&Selector::All, &RunId::start()).unwrap();
    assert!(undone.iter().all(|one| one.error.is_none()));
    assert_eq!(mac.case.tree(), before);
}

#[test]
fn a_mail_that_knows_better_is_told_and_put_back() {
    // It goes back to what it had.
    let mac = Mac::new("scripted");
    mac.habit(json!({"on_quit": [["smtpServers", 0, "port", 25]]}));
    let before = mac.case.tree();
    let report = mac.fix(HOSTING);
    assert_eq!(report.result, Some(Outcome::Reverted), "{:?}", report.reason);
    assert_eq!(report.reason.unwrap().code, "read_back");
    assert_eq!(mac.case.tree(), before);
    // It finds a port of its own: that is Mail's now, and people are told which setting it is.
    let mac = Mac::new("scripted");
    mac.habit(json!({"on_quit": [["smtpServers", 0, "port", 587]]}));
    let report = mac.fix(HOSTING);
    assert_eq!(report.result, Some(Outcome::Failed));
    assert!(report.reason.unwrap().message.contains("port of smtpServers mail.hosting.test"));
    let server = &mac.state()[MAIL]["objects"]["smtpServers"][0];
    assert_eq!(
        (&server["port"], &server["authentication"], &server["userName"]),
        (&json!(587), &json!("none"), &json!(""))
    );
    // It does not take the port at all.
    let mac = Mac::new("scripted");
    mac.habit(json!({"ignores": ["port"]}));
    let before = mac.case.tree();
    let report = mac.fix(HOSTING);
    assert_eq!(report.result, Some(Outcome::Reverted), "{:?}", report.reason);
    assert_eq!(mac.case.tree(), before);
    assert!(mac.twin.passwords().is_empty());
}

#[test]
fn a_mail_that_may_not_be_spoken_to_is_one_problem_with_its_pane() {
    for (number, code) in [(-1743, "automation_permission"), (-600, "app_ended"), (-1712, "app_silent")] {
        let mac = Mac::new("scripted");
        mac.habit(json!({"fails": {"number": number}}));
        let before = mac.case.tree();
        let found = mac.found();
        assert_eq!((found.accounts.len(), found.problems.len()), (0, 1));
        assert_eq!(found.problems[0].code, code);
        if number == -1743 {
            assert!(found.problems[0].hint.contains("Privacy & Security > Automation"));
        }
        assert_eq!(mac.case.tree(), before);
    }
}

/// A program of this name runs.
struct Runs(&'static str);

impl Processes for Runs {
    fn running(&self, names: &[&str]) -> Vec<u32> {
        if names.contains(&self.0) { vec![4711] } else { Vec::new() }
    }
    fn lock_holder(&self, _: &Path) -> Option<Holder> {
        None
    }
    fn socket_answers(&self, _: &Path) -> bool {
        false
    }
}

#[test]
fn a_mail_that_is_open_is_not_quit_under_its_user() {
    let mut mac = Mac::new("scripted");
    mac.case.computer.processes = Arc::new(Runs("Mail"));
    let before = mac.case.tree();
    let report = mac.fix(HOSTING);
    assert_eq!(report.result, Some(Outcome::Deferred));
    assert_eq!(mac.case.tree(), before);
    // Opened between the plan and the writing: the writer asks again, without speaking to Mail.
    mac.habit(json!({"fails": {"number": -1743}}));
    use port26::apply::OpenCheck;
    let open_check = OpenClients::new(mac.case.computer.clone(), CLIENTS);
    let open = open_check.in_use(port26::account::ClientId::AppleMail, "Mail");
    assert_eq!(open, port26::clients::InUse::Yes(Some(4711)));
}

/// The Outlook account at this place.
fn imap(mac: &Mac, at: usize) -> Value {
    mac.state()[OUTLOOK]["objects"]["imapAccounts"][at].clone()
}

#[test]
fn outlook_is_set_read_back_and_undone() {
    for (id, at) in [(OUTLOOK_HOSTING, 0), (OUTLOOK_OFFICE, 1)] {
        let mac = Mac::with_outlook("classic");
        let (before, others) = (mac.case.tree(), imap(&mac, 1 - at));
        let report = mac.fix(id);
        assert_eq!(report.result, Some(Outcome::Fixed), "{:?}", report.reason);
        assert_eq!(report.after.as_ref().unwrap(), &mac.account(id).outgoing);
        // It logs in as for receiving, or as it did: it has those passwords.
        assert_eq!(codes(&report), ["tls_by_port"]);
        assert!(mac.twin.passwords().is_empty());
        let now = imap(&mac, at);
        assert_eq!(
            (&now["smtpPort"], &now["smtpUseSsl"], &now["smtpNeedsAuthentication"]),
            (&json!(26), &json!(true), &json!(true))
        );
        assert_eq!(now["smtpUseAccountAuthentication"], json!(at == 0));
        assert_eq!((imap(&mac, 1 - at), &mac.state()[OUTLOOK]["running"]), (others, &json!(false)));
        let undone = mac.tools().kit.writer().undo(&Selector::All, &RunId::start()).unwrap();
        assert!(undone.iter().all(|one| one.error.is_none()));
        assert_eq!(mac.case.tree(), before);
    }
}

#[test]
fn an_outlook_account_without_a_user_name_of_its_own_gets_one_and_the_password() {
    let id = "outlook_mac/imap/pop.shared.test:gil";
    let mac = Mac::with_outlook("pop_beside_new");
    let report = mac.fix(id);
    assert_eq!(report.result, Some(Outcome::Fixed), "{:?}", report.reason);
    assert_eq!(codes(&report), ["tls_by_port", "password_given"]);
    assert_eq!((&imap(&mac, 0)["smtpUserName"], mac.twin.passwords().len()), (&json!("gil"), 1));
}

#[test]
fn an_outlook_that_knows_better_is_put_back() {
    let back = json!({"on_quit": [["imapAccounts", 0, "smtpPort", 25]]});
    // The switch would take its old port with it.
    let tls = json!({"on_quit": [["imapAccounts", 0, "smtpUseSsl", false]]});
    let ignores = |property: &str| json!({"ignores": [property]});
    for habits in [back, tls, ignores("smtpPort"), ignores("smtpUseSsl"), ignores("smtpNeedsAuthentication")] {
        let mac = Mac::with_outlook("classic");
        mac.habit(habits.clone());
        let before = mac.case.tree();
        let report = mac.fix(OUTLOOK_HOSTING);
        assert_eq!(report.result, Some(Outcome::Reverted), "{habits}: {:?}", report.reason);
        assert_eq!(mac.case.tree(), before, "{habits}");
    }
    // Outlook ends in a port of its own: it is Outlook's now, and people are told which setting it is.
    let mac = Mac::with_outlook("classic");
    mac.habit(json!({"on_quit": [["imapAccounts", 0, "smtpPort", 587]]}));
    let report = mac.fix(OUTLOOK_HOSTING);
    assert_eq!(report.result, Some(Outcome::Failed));
    assert!(report.reason.unwrap().message.contains("smtpPort of imapAccounts mail.hosting.test"));
    assert_eq!(imap(&mac, 0)["smtpNeedsAuthentication"], json!(false));
}

#[test]
fn an_outlook_that_is_open_is_not_quit_under_its_user() {
    let mut mac = Mac::with_outlook("classic");
    mac.case.computer.processes = Arc::new(Runs("Microsoft Outlook"));
    let before = mac.case.tree();
    assert_eq!(mac.fix(OUTLOOK_HOSTING).result, Some(Outcome::Deferred));
    assert_eq!(mac.case.tree(), before);
}

#[test]
fn an_outlook_that_may_no_longer_be_spoken_to_is_left_as_it_was() {
    for number in [-1743, -1712, -600] {
        let mac = Mac::with_outlook("classic");
        let fails = json!({"fails": {"number": number}});
        let state = std::fs::read(mac.twin.file()).unwrap();
        mac.habit(fails.clone());
        let before = mac.case.tree();
        std::fs::write(mac.twin.file(), state).unwrap();
        let report = mac.fix_after(OUTLOOK_HOSTING, || mac.habit(fails.clone()));
        assert_eq!(report.result, Some(Outcome::Failed), "{number}");
        let hint = report.reason.unwrap().hint;
        assert!(number != -1743 || hint.contains("Privacy & Security > Automation"), "{hint}");
        assert_eq!(mac.case.tree(), before, "{number}");
    }
}

/// A look of the agent, whose network blocks port 25 (`blocked`) or does not. What became of the accounts that are ours.
fn look(mac: &Mac, awaited: &[ClientId], blocked: bool) -> Vec<(String, Option<Outcome>)> {
    let awaited = awaited.iter().copied().collect();
    let (first, second) = look_sparingly(&mac.case.computer, CLIENTS, &awaited, |computer| {
        let reports = drive(&mac.tools_on(&computer), &Request::fix(Consent::Agreed), |account| {
            if account.not_ours.is_some() || !account.used {
                return None;
            }
            let decision = if blocked && account.outgoing.port == 25 {
                Decision::Move { to: to_26(&account), because: None }
            } else {
                Decision::Leave { outcome: Outcome::AlreadyWorks, reason: Reason::new("ok", "ok", "ok") }
            };
            Some(Tested {
                report: AccountReport::found(account),
                decision,
                accepted: None,
                consent: None,
                logged_in: false,
                answered: vec![],
                short_wait: false,
            })
        });
        Ok::<_, std::convert::Infallible>(reports.into_iter().map(|one| (one.account.id, one.result)).collect())
    })
    .unwrap();
    second.unwrap_or(first)
}

#[test]
fn the_agent_launches_no_program_to_see_whether_there_is_something_to_do() {
    let cases = [
        (Mac::new("scripted"), "Mail", ClientId::AppleMail, HOSTING, ("smtpServers", "port")),
        (
            Mac::with_outlook("classic"),
            "Microsoft Outlook",
            ClientId::OutlookMac,
            OUTLOOK_HOSTING,
            ("imapAccounts", "smtpPort"),
        ),
    ];
    for (mut mac, program, client, id, (elements, port)) in cases {
        // Closed, and nothing tells of its accounts without it.
        assert_eq!(look(&mac, &[], true), [], "{program}");
        // Open: it is asked, and what is to be changed waits until it is closed.
        mac.running(true);
        mac.case.computer.processes = Arc::new(Runs(program));
        let told = look(&mac, &[], true);
        assert!(told.contains(&(id.to_owned(), Some(Outcome::Deferred))), "{told:?}");
        assert_eq!((mac.twin.launches(), &mac.state()[mac.bundle]["running"]), (0, &json!(true)), "{program}");
        // Closed since: now it is launched for what is to be changed.
        mac.running(false);
        mac.case.computer.processes = Arc::new(NothingRuns);
        let told = look(&mac, &[client], true);
        assert!(told.contains(&(id.to_owned(), Some(Outcome::Fixed))), "{told:?}");
        assert_eq!(mac.state()[mac.bundle]["objects"][elements][0][port], json!(26), "{program}");
        assert!(mac.twin.launches() > 0, "{program}");
        // And then no more.
        let launches = mac.twin.launches();
        look(&mac, &[], true);
        assert_eq!(mac.twin.launches(), launches, "{program}");
    }
}

#[test]
fn the_agent_completes_what_was_interrupted_although_that_launches_mail() {
    let mac = Mac::new("scripted");
    let before = mac.case.tree();
    assert_eq!(mac.fix(HOSTING).result, Some(Outcome::Fixed));
    // As if the computer had gone off before the last line of the journal.
    let receipts = mac.case.state.path().join("receipts");
    let journal = std::fs::read_dir(receipts).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&journal).unwrap();
    let (rest, commit) = text.trim_end().rsplit_once('\n').unwrap();
    assert!(commit.contains("commit"), "{commit}");
    std::fs::write(&journal, format!("{rest}\n")).unwrap();
    look(&mac, &[], false);
    assert_eq!(mac.case.tree(), before);
}
