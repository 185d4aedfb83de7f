//! Reports in words: grouped by cause, and never more lines because of a text from outside.

use proptest::prelude::*;

use super::*;
use crate::account::{AuthSetting, ClientId, CredentialSource, Mechanism, Notice, SubmissionServer, TlsMode};
use crate::clients::Problem;
use crate::diagnosis::{Verdict, VerdictCode};
use crate::plan::Reason;
use crate::shown;

const BLOCKED: &str = "The network you are on blocks port 25.";

fn server(host: &str, port: u16) -> SubmissionServer {
    SubmissionServer {
        host: host.to_owned(),
        port,
        port_is_default: false,
        tls: if port == 25 { TlsMode::None } else { TlsMode::Starttls },
        auth: AuthSetting::Password,
        credential: CredentialSource::Own,
        user: None,
        mechanism: None,
    }
}

fn found(email: &str, host: &str) -> AccountReport {
    AccountReport::found(Account {
        id: format!("thunderbird/{email}"),
        client: ClientId::Thunderbird,
        profile: "default".to_owned(),
        email: Some(email.to_owned()),
        emails: vec![email.to_owned()],
        used: true,
        outgoing: server(host, 25),
        incoming: None,
        not_ours: None,
        notices: Vec::new(),
        password_in_client: false,
        settings: Default::default(),
    })
}

fn blocked(email: &str, host: &str, result: Outcome, reason: Reason) -> AccountReport {
    let mut report = found(email, host).with_result(result, reason);
    let evidence = vec!["port 25: no answer".to_owned()];
    report.verdict = Some(Verdict { code: VerdictCode::PortBlockedNetwork, summary: BLOCKED.to_owned(), evidence });
    report
}

fn fixed(email: &str, host: &str, receipt: &str) -> AccountReport {
    let reason = Reason::new("port_blocked_network", BLOCKED, "Port 26 works.");
    let mut report = blocked(email, host, Outcome::Fixed, reason);
    report.after = Some(server(host, 26));
    report.receipt = Some(receipt.to_owned());
    let message = "Thunderbird will ask for the password.".to_owned();
    report.account.notices.push(Notice { code: "client_will_ask".to_owned(), message });
    report
}

fn words(report: &Report, manner: OutputMode, width: Option<usize>) -> String {
    let mut out = Vec::new();
    write(&mut Page::new(&mut out, width), report, manner, &Again::default()).unwrap();
    anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string()
}

#[test]
fn a_cause_is_said_once_and_what_is_so_of_a_whole_host_too() {
    let mut report = Report::new("fix");
    let missing = Reason::new("password_missing", "The new port needs a login.", "Type it when asked.");
    let mut works = found("zoe@other.test", "mail.other.test");
    works.result = Some(Outcome::AlreadyWorks);
    report.accounts = vec![
        fixed("anna@hosting.test", "mail.hosting.test", "R1"),
        blocked("carla@third.test", "mail.third.test", Outcome::NeedsUser, missing),
        works,
        fixed("bert@hosting.test", "MAIL.hosting.test", "R2"),
    ];
    insta::assert_snapshot!(words(&report, OutputMode::People, None), @r"
    works         zoe@other.test  Thunderbird (mail.other.test port 25, no encryption, with login)

    The network you are on blocks port 25.
      mail.hosting.test
        fixed         anna@hosting.test  Thunderbird, port 25, no encryption, with login
        fixed         bert@hosting.test  Thunderbird, port 25, no encryption, with login
        now: port 26, STARTTLS, with login
        note: Thunderbird will ask for the password.
      mail.third.test
        needs you     carla@third.test  Thunderbird, port 25, no encryption, with login
                      The new port needs a login.
                      next: Type it when asked.

    2 fixed, 1 already working, 1 waiting for you.
    to put everything back: `port26 undo`
        only anna@hosting.test in Thunderbird: `port26 undo R1`
        only bert@hosting.test in Thunderbird: `port26 undo R2`
    ");
    let detailed = words(&report, OutputMode::Detailed, None);
    assert_eq!(detailed.matches("- port 25: no answer").count(), 2, "once a host: {detailed}");
    assert!(words(&report, OutputMode::People, Some(60)).lines().all(|line| line.len() <= 60));
}

/// Nothing is wrong with its port: to say first that it works, and then that it is not changed, would be two stories.
#[test]
fn a_program_that_cannot_use_a_port_that_works_is_the_cause() {
    let mut report = Report::new("fix");
    let old = || Reason::new("client_too_old", "The program ends at TLS 1.0.", "Update the mail program.");
    let mut left = blocked("anna@hosting.test", "mail.hosting.test", Outcome::Refused, old());
    let mut moved = blocked("bert@hosting.test", "mail.hosting.test", Outcome::WouldFix, old());
    for one in [&mut left, &mut moved] {
        one.verdict = one.verdict.take().map(|verdict| Verdict {
            code: VerdictCode::Ok,
            summary: "Sending works.".into(),
            ..verdict
        });
    }
    moved.after = Some(SubmissionServer { mechanism: Some(Mechanism::Plain), ..server("mail.hosting.test", 465) });
    report.accounts = vec![left, moved];
    insta::assert_snapshot!(words(&report, OutputMode::People, None), @r"
    The program ends at TLS 1.0.
      mail.hosting.test
        not changed   anna@hosting.test  Thunderbird, port 25, no encryption, with login
                      next: Update the mail program.
        can be fixed  bert@hosting.test  Thunderbird, port 25, no encryption, with login
                      would be: port 465, STARTTLS, with login by PLAIN

    1 can be fixed, 1 not changed.
    ");
}

#[test]
fn an_explained_program_has_its_name_and_is_no_account() {
    let mut report = Report::new("scan");
    let mut here = Installation::of(ClientId::TheBat);
    here.by_hand = vec!["Open it.".to_owned()];
    here.profiles = vec![crate::clients::ProfileAt { name: "The Bat!".to_owned(), path: None, key: None }];
    report.clients = vec![here];
    insta::assert_snapshot!(words(&report, OutputMode::People, None), @r"
    found The Bat!; its accounts are changed by hand:
        1. Open it.
    No other mail accounts were found.
    ");
    report.clients.clear();
    assert_eq!(words(&report, OutputMode::People, None), "No mail accounts were found.\n");
}

/// Every text of a report that a profile, a receipt, a server or an exported registry has a say in.
fn with_text(text: &str) -> Report {
    let mut report = Report::new("fix");
    let mut one = fixed(text, text, text);
    one.account.id = text.to_owned();
    one.account.profile = text.to_owned();
    one.account.emails = vec![text.to_owned(), text.to_owned()];
    one.account.notices = vec![Notice { code: String::new(), message: text.to_owned() }];
    let mut two = fixed("bert@hosting.test", text, text);
    two.verdict.as_mut().unwrap().summary = text.to_owned();
    two.verdict.as_mut().unwrap().evidence = vec![text.to_owned()];
    two.reason = Some(Reason::new(text, text, text));
    two.result = Some(Outcome::Refused);
    let mut three = found(text, text);
    three.account.email = None;
    report.accounts = vec![one, two, three];
    report.recovered = vec![text.to_owned()];
    report.interrupted = vec![text.to_owned()];
    report.problems =
        vec![Problem { client: None, at: text.into(), code: text.into(), message: text.into(), hint: text.into() }];
    report
}

proptest! {
    #[test]
    fn no_text_adds_a_line_or_commands_the_terminal(text in "\\PC*|[\\x00-\\x20\\x7f-\\x9f\u{2028}\u{202e}ab]*") {
        let plain = words(&with_text("x"), OutputMode::Detailed, None);
        let odd = words(&with_text(&format!("y{text}")), OutputMode::Detailed, None);
        prop_assert_eq!(odd.lines().count(), plain.lines().count(), "{}", odd);
        prop_assert!(odd.chars().all(|letter| letter == '\n' || shown::fit(letter) == letter));
    }
}
