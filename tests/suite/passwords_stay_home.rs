//! A password goes to its own operator only: the real pipeline, in three mail programs, with the mailbox at one operator
//! and the outgoing server at another. Single worlds that went wrong, and random ones.

use std::collections::BTreeMap;

use futures::future::join_all;
use port26::account::AuthSetting;
use port26::plan::Outcome;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::support::operators::{self, Login, Mailbox, Plan, Program};

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

/// A profile that was set up so that somebody else's password comes to its owner's server.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_does_not_choose_who_gets_whose_password() {
    let login = |address, outgoing| Mailbox {
        program: Program::Thunderbird,
        address,
        incoming: "imap.hosting.co.uk",
        outgoing,
        login: Login::Own,
    };
    let mut plan = Plan {
        mailboxes: vec![
            login("anna@hosting.co.uk", "smtp.hosting.co.uk"),
            login("anna@hosting.co.uk", "smtp.other.co.uk"),
        ],
        given: vec!["anna@hosting.co.uk:hers".to_owned()],
        ..Plan::default()
    };
    let seen = plan.fix().await;
    assert_eq!(seen.logins, [], "nobody can tell whose server it is for: {}", seen.told);

    plan.given = vec!["anna@hosting.co.uk@@hosting.co.uk:hers".to_owned()];
    let seen = plan.fix().await;
    let told: Vec<_> = seen.logins.iter().map(|login| (login.host.as_str(), login.password.as_str())).collect();
    assert_eq!(told, [("smtp.hosting.co.uk", "hers")], "{}", seen.told);
}

/// The login that is proven is the login that is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_proven_by_a_digest() {
    let own = Mailbox { login: Login::Digest, ..mailbox(Program::Claws, "imap.hosting.co.uk", "smtp.hosting.co.uk") };
    let mut plan = Plan { given: vec!["anna@hosting.co.uk:hers".to_owned()], ..one(own) };
    let seen = plan.fix().await;
    assert_eq!(seen.outcomes[0].0, Some(Outcome::Fixed), "{}", seen.told);
    assert_eq!((seen.mechanisms, seen.after), (vec!["CRAM-MD5".to_owned()], vec![AuthSetting::Encrypted]));
    // A host that offers it and cannot do it leaves the account as it is.
    plan.answers = "535 5.7.8 no";
    let seen = plan.fix().await;
    assert_eq!(seen.outcomes, [(Some(Outcome::NeedsUser), "cram_md5_refused".to_owned())], "{}", seen.told);
    assert_eq!((seen.mechanisms, seen.after), (vec!["CRAM-MD5".to_owned()], vec![AuthSetting::Encrypted]));
}

/// Whose a name is, told without the rule that is tested.
const OPERATORS: [(&str, &str); 9] = [
    ("imap.hosting.co.uk", "hosting"),
    ("smtp.hosting.co.uk", "hosting"),
    ("imap.other.co.uk", "other"),
    ("smtp.other.co.uk", "other"),
    ("imap.anna.github.io", "anna"),
    ("smtp.bob.github.io", "bob"),
    ("smtp.isp.test", "isp"),
    ("hosting.co.uk", "hosting"),
    ("other.co.uk", "other"),
];

/// How many worlds. All of them run at once; they mostly wait.
const WORLDS: usize = 60;

fn whose(name: &str) -> &'static str {
    OPERATORS.iter().find(|(host, _)| *host == name).unwrap().1
}

fn mailboxes() -> impl Strategy<Value = Mailbox> {
    let addresses = select(vec!["anna@hosting.co.uk", "bob@hosting.co.uk", "bob@other.co.uk"]);
    let incoming = select(vec!["imap.hosting.co.uk", "imap.other.co.uk", "imap.anna.github.io"]);
    let outgoing = select(vec!["smtp.hosting.co.uk", "smtp.other.co.uk", "smtp.bob.github.io", "smtp.isp.test"]);
    let logins = select(vec![Login::None, Login::None, Login::NoneKept, Login::Own]);
    (select(PROGRAMS.to_vec()), addresses, incoming, outgoing, logins).prop_map(
        |(program, address, incoming, outgoing, login)| Mailbox { program, address, incoming, outgoing, login },
    )
}

fn plans() -> impl Strategy<Value = Plan> {
    let lines: Vec<String> = ["anna@hosting.co.uk", "bob@hosting.co.uk", "bob@other.co.uk"]
        .iter()
        .flat_map(|user| [format!("{user}:open {user}"), format!("{user}@@other.co.uk:other {user}")])
        .collect();
    let kept: Vec<_> = ["smtp.isp.test", "smtp.other.co.uk"]
        .iter()
        .map(|host| (*host, "anna@hosting.co.uk", format!("{} anna@hosting.co.uk", whose(host))))
        .collect();
    let certified = vec![
        ("smtp.isp.test", "imap.hosting.co.uk"),
        ("smtp.other.co.uk", "hosting.co.uk"),
        ("smtp.bob.github.io", "imap.anna.github.io"),
    ];
    let any = |most| 0..=most;
    (vec(mailboxes(), 1..4), subsequence(lines, any(6)), subsequence(kept, any(2)), subsequence(certified, any(3)))
        .prop_map(|(mut mailboxes, given, keychain, certified)| {
            let mut seen = Vec::new();
            mailboxes.retain(|mailbox| {
                let key = (mailbox.program as u8, mailbox.address, mailbox.outgoing);
                let new = !seen.contains(&key);
                seen.push(key);
                new
            });
            Plan { mailboxes, given, keychain, certified, ..Plan::default() }
        })
}

impl Plan {
    /// May this outgoing server have the mailbox's password?
    fn may_have(&self, mailbox: &Mailbox) -> bool {
        let host = mailbox.outgoing;
        let covers = |name: &str| {
            name == mailbox.incoming || (name.split('.').count() == 3 && whose(name) == whose(mailbox.incoming))
        };
        whose(host) == whose(mailbox.incoming)
            || mailbox.address.split('@').next_back().is_some_and(|domain| whose(domain) == whose(host))
            || self.certified.iter().any(|(at, name)| *at == host && covers(name))
    }
}

fn stays_home(plan: &Plan, seen: &operators::Seen) {
    for (mailbox, lent) in plan.mailboxes.iter().zip(&seen.lent) {
        assert!(!lent || plan.may_have(mailbox), "{mailbox:?} was set up to give it away: {plan:?} {}", seen.told);
    }
    let mut open: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for login in &seen.logins {
        let (kind, of) = login.password.split_once(' ').unwrap();
        assert_eq!(login.user, of, "{plan:?} {}", seen.told);
        if kind == "open" {
            let expects = |mailbox: &&Mailbox| mailbox.outgoing == login.host && mailbox.address == of;
            let fine = |mailbox: &Mailbox| mailbox.login == Login::Own || plan.may_have(mailbox);
            assert!(plan.mailboxes.iter().filter(expects).any(fine), "{login:?}: {plan:?} {}", seen.told);
            open.entry(of).or_default().push(whose(&login.host));
        } else {
            assert_eq!(kind, whose(&login.host), "{login:?} went elsewhere: {plan:?} {}", seen.told);
        }
    }
    for (user, operators) in open {
        let vouched = plan.certified.iter().any(|(host, _)| operators.contains(&whose(host)));
        assert!(operators.iter().all(|one| *one == operators[0]) || vouched, "{user} at {operators:?}: {plan:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_no_world_does_a_password_leave_its_operator() {
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(26), ..Config::default() });
    let all: Vec<Plan> = (0..WORLDS).map(|_| plans().new_tree(&mut runner).unwrap().current()).collect();
    let (mut logins, mut lent, mut left) = (0, 0, 0);
    for (plan, seen) in join_all(all.iter().map(|plan| async move { (plan, plan.fix().await) })).await {
        stays_home(plan, &seen);
        logins += seen.logins.len();
        lent += seen.lent.iter().filter(|&&lent| lent).count();
        left += seen.outcomes.iter().filter(|(_, code)| code == "other_operator").count();
    }
    assert!(logins > 10 && lent > 5 && left > 10, "or this tests little: {logins} logins, {lent} lent, {left} left");
}
