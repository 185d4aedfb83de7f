//! A password goes to its own operator only: the real pipeline, in three mail programs, with the mailbox at one operator
//! and the outgoing server at another. Single worlds that went wrong, and random ones.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/operators.rs"]
mod operators;
#[path = "support/scripted_host.rs"]
mod scripted_host;

use port26::plan::Outcome;

use operators::{Login, Mailbox, Plan, Program};

const PROGRAMS: [Program; 3] = [Program::Thunderbird, Program::Claws, Program::Outlook];

fn mailbox(program: Program, incoming: &'static str, outgoing: &'static str) -> Mailbox {
    Mailbox { program, address: "anna@hosting.co.uk", incoming, outgoing, login: Login::None }
}

fn one(mailbox: Mailbox) -> Plan {
    Plan { mailboxes: vec![mailbox], ..Plan::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_operators_server_gets_no_mailbox_password() {
    for program in PROGRAMS {
        for outgoing in ["smtp.isp.test", "smtp.other.co.uk"] {
            let mut plan = one(mailbox(program, "imap.hosting.co.uk", outgoing));
            for given in [vec![], vec!["anna@hosting.co.uk:the mailbox's".to_owned()]] {
                plan.given = given;
                let seen = plan.fix().await;
                let left = (Some(Outcome::NeedsUser), "other_operator".to_owned());
                assert_eq!(seen.outcomes, [left], "{plan:?}: {}", seen.told);
                assert_eq!((seen.lent, seen.logins), (vec![false], vec![]), "{plan:?}: {}", seen.told);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_one_operator_are_moved_in_silence() {
    for program in PROGRAMS {
        let mut plan = one(mailbox(program, "imap.hosting.co.uk", "smtp.hosting.co.uk"));
        let seen = plan.fix().await;
        assert_eq!((seen.outcomes[0].0, seen.lent[0]), (Some(Outcome::Fixed), true), "{program:?}: {}", seen.told);
        assert_eq!(seen.logins, [], "without a password at hand nothing is proven");

        plan.mailboxes[0].incoming = "imap.provider.test";
        let seen = plan.fix().await;
        assert_eq!(seen.outcomes[0].0, Some(Outcome::Fixed), "the address's own domain: {}", seen.told);

        plan.mailboxes[0].outgoing = "smtp.provider-mail.test";
        plan.certified = vec![("smtp.provider-mail.test", "imap.provider.test")];
        let seen = plan.fix().await;
        assert_eq!(seen.outcomes[0].0, Some(Outcome::Fixed), "a certificate holds both: {}", seen.told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_in_at_another_operator_already_goes_on_doing_so() {
    for program in PROGRAMS {
        let own = Mailbox { login: Login::Own, ..mailbox(program, "imap.hosting.co.uk", "smtp.isp.test") };
        let seen = one(own).fix().await;
        assert_eq!((seen.outcomes[0].0, seen.lent[0]), (Some(Outcome::Fixed), false), "{program:?}: {}", seen.told);
    }
}

/// A password that is kept for that very host proves the login there, and the program gets none of the mailbox.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_its_own_is_used() {
    let mut plan = one(mailbox(Program::Claws, "imap.hosting.co.uk", "smtp.isp.test"));
    plan.mailboxes.push(mailbox(Program::Thunderbird, "imap.hosting.co.uk", "smtp.isp.test"));
    plan.mailboxes.push(mailbox(Program::Outlook, "imap.hosting.co.uk", "smtp.isp.test"));
    plan.keychain = vec![("smtp.isp.test", "anna@hosting.co.uk", "the provider's".to_owned())];
    let seen = plan.fix().await;
    let outcomes: Vec<_> = seen.outcomes.iter().map(|(outcome, code)| (outcome.unwrap(), code.as_str())).collect();
    assert_eq!(
        outcomes[..2].iter().map(|(outcome, _)| *outcome).collect::<Vec<_>>(),
        [Outcome::Fixed; 2],
        "{}",
        seen.told
    );
    assert_eq!(outcomes[2], (Outcome::NeedsUser, "cannot_express"), "only Outlook stores passwords: {}", seen.told);
    assert_eq!(seen.lent, [false; 3], "{}", seen.told);
    assert_eq!(seen.logins.iter().map(|login| login.password.as_str()).collect::<Vec<_>>(), ["the provider's"]);
}
