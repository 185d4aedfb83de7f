//! Never harmful: whatever is seen, a move is made only on a verdict that allows it, to a port that proved itself, and
//! never to weaker encryption. Random findings, from the same pieces as the rows of the fault table.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::account::Mechanism;
use crate::clients::abilities::Told;
use crate::clients::abilities::table::{CLAWS_MAIL, OUTLOOK_2007, OUTLOOK_EXPRESS, THUNDERBIRD, UNKNOWN};
use crate::tls_offer::{TlsOffer, TlsVersion};

use crate::diagnosis::tests::{
    account, clear, control, ehlo, ended, good, host, logged_in, network, reply, shut, verified,
};
use crate::diagnosis::{Case, NetworkView, diagnose};
use crate::network_history::PortState;
use crate::pipeline::known_network::LastSeen;
use crate::pipeline::ports::probe_mode;
use crate::pipeline::turns::{Worth, turns, worth};
use crate::probe::finding::*;

const PORTS: [u16; 6] = [25, 26, 465, 587, 2525, 2626];

fn connect() -> impl Strategy<Value = Connect> {
    use Connect::*;
    select(vec![Silent, Refused, Prohibited, LocalDenied, Unreachable, Other])
}

fn trouble() -> impl Strategy<Value = TlsTrouble> {
    use TlsTrouble::*;
    select(vec![Expired, NotYetValid, WrongName, Untrusted, WrongMode, TooOld, Handshake { why: "reset".into() }])
}

/// One port, in any state that a conversation can end in.
fn port(number: u16) -> impl Strategy<Value = PortFinding> {
    let modes = select(vec![TlsMode::None, TlsMode::Starttls, TlsMode::Implicit]);
    let phases = select(vec![Phase::Greeting, Phase::Ehlo, Phase::Starttls, Phase::EhloAfterTls]);
    let ends = select(vec![End::TimedOut, End::Closed, End::Refused, End::Garbage { seen: "?".into() }]);
    let mechanisms = select(vec![vec![], vec!["PLAIN", "LOGIN"], vec!["XOAUTH2"], vec!["CRAM-MD5", "PLAIN"]]);
    let state = prop_oneof![
        3 => Just(good(number)),
        2 => connect().prop_map(move |outcome| shut(number, outcome)),
        1 => (any::<bool>(), mechanisms.clone()).prop_map(move |(starttls, offer)| clear(number, ehlo(starttls, &offer))),
        1 => mechanisms.prop_map(move |offer| PortFinding { ehlo_tls: Some(ehlo(false, &offer)), ..good(number) }),
        1 => trouble().prop_map(move |trouble| PortFinding {
            tls: Some(verified(Some(trouble))),
            ehlo_tls: None,
            phase: Phase::Tls,
            end: End::Closed,
            ..good(number)
        }),
        1 => (phases, ends).prop_map(move |(phase, end)| ended(number, phase, end)),
    ];
    (state, modes, prop::bool::weighted(0.15)).prop_map(|(mut finding, tls_mode, own_root)| {
        if let Some(tls) = finding.tls.as_mut() {
            tls.local_root = own_root;
        }
        in_mode(finding, tls_mode)
    })
}

fn in_mode(finding: PortFinding, tls_mode: TlsMode) -> PortFinding {
    match tls_mode {
        TlsMode::None => PortFinding { tls_mode, starttls: None, tls: None, ehlo_tls: None, ..finding },
        _ => PortFinding { tls_mode, ..finding },
    }
}

fn login() -> impl Strategy<Value = LoginFinding> {
    let codes = select(vec![235_u16, 250, 421, 451, 454, 500, 504, 530, 534, 535, 550, 553, 554]);
    let replies = option::of(codes.prop_map(|code| reply(code, "said")));
    (replies.clone(), replies).prop_map(|(auth, mail_from)| logged_in(auth, mail_from))
}

fn accounts() -> impl Strategy<Value = Account> {
    let modes = select(vec![TlsMode::None, TlsMode::Starttls, TlsMode::Implicit]);
    let logins = select(vec![AuthSetting::None, AuthSetting::Password, AuthSetting::Encrypted, AuthSetting::Oauth2]);
    (select(PORTS.to_vec()), modes, logins).prop_map(|(port, tls, auth)| account(port, tls, auth))
}

fn networks() -> impl Strategy<Value = NetworkView> {
    (option::of(prop_oneof![Just(Connect::Open), connect()]), any::<bool>(), any::<bool>()).prop_map(
        |(second, has_route, another_host_answered)| NetworkView {
            has_route,
            another_host_answered,
            ..network(second)
        },
    )
}

fn policies() -> impl Strategy<Value = Policy> {
    let when = select(vec![MoveWhen::Failing, MoveWhen::AnyOn25]);
    let targets = prop_oneof![Just(vec![26, 587, 465, 2525]), vec(select(PORTS.to_vec()), 0..5)];
    (any::<bool>(), when, targets, any::<bool>()).prop_map(|(plaintext, when, ports, own_roots)| {
        let mut policy = Policy::default();
        policy.plaintext_auth.value = plaintext;
        policy.when.value = when;
        policy.allow_local_interception.value = own_roots;
        policy.target_ports.value = ports;
        policy
    })
}

fn strength(tls: TlsMode) -> u8 {
    u8::from(tls != TlsMode::None)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_move_is_harmful(
        account in accounts(),
        ports in PORTS.map(port),
        seen in vec(any::<bool>(), PORTS.len()),
        controls in option::of(prop_oneof![Just(Connect::Open), connect()]),
        login in option::of(login()),
        network in networks(),
        policy in policies(),
        again in option::weighted(0.3, prop_oneof![Just(Connect::Open), connect()]),
    ) {
        let ports: Vec<PortFinding> = ports.into_iter().zip(seen).filter(|(_, seen)| *seen).map(|(port, _)| port).collect();
        let controls = controls.map(|outcome| control("mail.hosting.test", 993, outcome)).into_iter().collect();
        let mut findings = host(ports, controls);
        findings.repeats =
            again.map(|outcome| control("mail.hosting.test", account.outgoing.port, outcome)).into_iter().collect();
        let present = findings.ports.iter().find(|finding| finding.port == account.outgoing.port);
        let case = Case { account: &account, host: &findings, present, login: login.as_ref(), network: &network };
        let verdict = diagnose(case);
        let Decision::Move { to, .. } = decide(&account, &verdict, &findings, &policy, &UNKNOWN) else { return Ok(()) };

        let flaky = again == Some(Connect::Open) && present.is_some_and(|present| !present.connected());
        prop_assert!(!flaky, "a flaky line led to a change");
        let by_policy = policy.when.value == MoveWhen::AnyOn25 && account.outgoing.port == 25;
        prop_assert!(
            verdict.code.may_change() || (verdict.code == VerdictCode::Ok && by_policy),
            "moved on {:?}", verdict.code
        );
        prop_assert_eq!(&to.host, &account.outgoing.host);
        prop_assert!(policy.target_ports.value.contains(&to.port) || to.port == account.outgoing.port);
        prop_assert!(strength(to.tls) >= strength(account.outgoing.tls), "weaker encryption: {:?}", to);
        prop_assert_ne!(to.auth, AuthSetting::None);
        let own_root = |finding: &PortFinding| !policy.allow_local_interception.value && read_along(&findings, finding);
        let proven = findings.ports.iter().any(|finding| {
            finding.port == to.port && finding.tls_mode == to.tls && proves(finding) && !own_root(finding)
        });
        let plaintext = to.tls == TlsMode::None && policy.plaintext_auth.value && verdict.code == VerdictCode::NoTls;
        prop_assert!(proven || plaintext, "{:?} did not prove itself", to);
        let login_refused = login.as_ref().and_then(|login| login.auth.as_ref()).is_some_and(|reply| reply.code >= 400);
        prop_assert!(!login_refused || verdict.code != VerdictCode::Ok);
    }

    /// The ports of a host are asked turn by turn, and what is remembered of the network orders them. That those which are
    /// left out would have changed neither verdict nor decision is what makes it right to leave them out.
    #[test]
    fn what_is_not_asked_changes_no_verdict(
        account in accounts(),
        ports in PORTS.map(port),
        before in PORTS.map(|_| option::of(select(vec![PortState::Open, PortState::Blocked]))),
        again in option::of(connect()),
        login in option::of(login()),
        network in networks(),
        relay in any::<bool>(),
        policy in policies(),
    ) {
        let mut network = network;
        network.relays = relay.then(|| control("relay.isp.test", 25, Connect::Open)).into_iter().collect();
        network.local_roots_allowed = policy.allow_local_interception.value;
        let last_seen = LastSeen::of_ports(PORTS.into_iter().zip(before).filter_map(|(port, state)| Some((port, state?))));
        let answer = |&(number, mode): &(u16, TlsMode)| {
            let finding = ports.iter().find(|finding| finding.port == number).unwrap();
            in_mode(finding.clone(), mode)
        };
        let turns = turns(&last_seen, &[&account], &policy);
        let everything: Vec<PortFinding> = turns.iter().flatten().map(answer).collect();
        let mut few: Vec<PortFinding> = Vec::new();
        let mut enough = Worth::Little;
        for turn in &turns {
            few.extend(turn.iter().map(answer));
            enough = worth(&account, &policy, &UNKNOWN, &few.iter().collect::<Vec<_>>());
            if enough != Worth::Little {
                break;
            }
        }
        // Who is left in peace may have had a way out: that is meant.
        if enough == Worth::Stop {
            return Ok(());
        }
        let own = (account.outgoing.port, probe_mode(&account));
        prop_assert_eq!((few[0].port, few[0].tls_mode), own);
        let told = |ports: Vec<PortFinding>| {
            let mut findings = host(ports, Vec::new());
            findings.repeats = again.map(|outcome| control("mail.hosting.test", account.outgoing.port, outcome)).into_iter().collect();
            let present = findings.ports.first().filter(|finding| finding.port == account.outgoing.port);
            let verdict = diagnose(Case { account: &account, host: &findings, present, login: login.as_ref(), network: &network });
            (verdict.code, decide(&account, &verdict, &findings, &policy, &UNKNOWN))
        };
        let few = told(few);
        let all = told(everything);
        prop_assert!(few.0 == all.0 || without_26(few.0, all.0, &policy), "{:?} is not {:?}", few.0, all.0);
        prop_assert!(same(&few.1, &all.1), "{:?} is not {:?}", few.1, all.1);
    }
}

/// Where a policy has another port before 26, that may settle it: whether 26 is blocked too is then not known. What is done is
/// the same.
fn without_26(few: VerdictCode, all: VerdictCode, policy: &Policy) -> bool {
    use VerdictCode::{PortBlockedExceptRelay, PortBlockedNetwork, ServerPortClosed, UseSubmission};
    let blocked = matches!(few, PortBlockedNetwork | PortBlockedExceptRelay | ServerPortClosed);
    blocked && all == UseSubmission && policy.target_ports.value.first() != Some(&26)
}

/// The same is done; the words may differ.
fn same(one: &Decision, other: &Decision) -> bool {
    match (one, other) {
        (Decision::Move { to, .. }, Decision::Move { to: other, .. }) => to == other,
        (Decision::Leave { outcome, reason }, Decision::Leave { outcome: other, reason: why }) => {
            outcome == other && reason.code == why.code
        }
        _ => false,
    }
}

/// 25 is silent; 26 and 465 proved themselves.
fn behind_a_block() -> (Account, HostFindings, Verdict) {
    let account = account(25, TlsMode::None, AuthSetting::None);
    let ports = vec![shut(25, Connect::Silent), good(26), in_mode(good(465), TlsMode::Implicit)];
    let findings = host(ports, vec![control("mail.hosting.test", 993, Connect::Open)]);
    let network = network(Some(Connect::Silent));
    let present = findings.ports.first();
    let verdict = diagnose(Case { account: &account, host: &findings, present, login: None, network: &network });
    (account, findings, verdict)
}

fn answered(port: u16, tls_mode: TlsMode, abilities: &Abilities, answer: HelloAnswer) -> HelloFinding {
    HelloFinding { port, tls_mode, offer: abilities.tls.is.label(), answer, ms: 9 }
}

#[test]
fn an_old_program_is_led_to_the_port_that_takes_it_or_told_so() {
    let (account, mut findings, verdict) = behind_a_block();
    let policy = Policy::default();
    let place = |decision| match decision {
        Decision::Move { to, .. } => (to.port, to.tls),
        Decision::Leave { reason, .. } => panic!("{}", reason.message),
    };
    assert_eq!(place(decide(&account, &verdict, &findings, &policy, &UNKNOWN)), (26, TlsMode::Starttls));
    let asked = |findings: &HostFindings| {
        needs_hello(&account, &verdict, findings, &policy, &OUTLOOK_EXPRESS).map(|seen| (seen.port, seen.tls_mode))
    };
    assert_eq!(needs_hello(&account, &verdict, &findings, &policy, &UNKNOWN).map(|seen| seen.port), None);
    // 26 wants STARTTLS, which the program uses on 25 only: the policy's order gives way.
    assert_eq!(asked(&findings), Some((465, TlsMode::Implicit)));
    let taken = HelloAnswer::Taken { version: TlsVersion::V1_0, suite: 10 };
    for (answer, code) in [
        (taken, None),
        (HelloAnswer::Refused { alert: Some(70) }, Some("client_too_old")),
        (HelloAnswer::NotKnown { why: "cut off".into() }, Some("client_tls")),
    ] {
        findings.hellos = vec![answered(465, TlsMode::Implicit, &OUTLOOK_EXPRESS, answer)];
        assert_eq!(asked(&findings), None, "once");
        match (decide(&account, &verdict, &findings, &policy, &OUTLOOK_EXPRESS), code) {
            (decision, None) => assert_eq!(place(decision), (465, TlsMode::Implicit)),
            (Decision::Leave { outcome, reason }, Some(code)) => {
                assert_eq!((outcome, reason.code.as_str()), (Outcome::Refused, code));
                assert!(reason.message.starts_with("Outlook Express"), "{}", reason.message);
            }
            (moved, _) => panic!("{moved:?}"),
        }
    }
}

#[test]
fn what_the_programs_own_choice_would_break_is_named_or_left() {
    let (account, mut findings, verdict) = behind_a_block();
    let policy = Policy::default();
    let mut offer = |names: &[&str]| {
        for seen in &mut findings.ports {
            if let Some(ehlo) = &mut seen.ehlo_tls {
                ehlo.mechanisms = names.iter().map(|&name| name.to_owned()).collect();
            }
        }
        findings.clone()
    };
    let all = offer(&["CRAM-MD5", "PLAIN", "LOGIN"]);
    let Decision::Move { to, .. } = decide(&account, &verdict, &all, &policy, &CLAWS_MAIL) else { panic!("left") };
    assert_eq!(to.mechanism, Some(Mechanism::Plain), "CRAM-MD5 comes first there, and may be refused");
    let Decision::Move { to, .. } = decide(&account, &verdict, &all, &policy, &UNKNOWN) else { panic!("left") };
    assert_eq!(to.mechanism, None);
    let plain = offer(&["PLAIN"]);
    let Decision::Move { to, .. } = decide(&account, &verdict, &plain, &policy, &CLAWS_MAIL) else { panic!("left") };
    assert_eq!(to.mechanism, None, "it takes that by itself");
    let Decision::Leave { outcome, reason } = decide(&account, &verdict, &plain, &policy, &OUTLOOK_2007) else {
        panic!("moved")
    };
    assert_eq!((outcome, reason.code.as_str()), (Outcome::Refused, "client_mechanism"));
}

/// A connection that breaks says nothing against a port that works.
#[test]
fn what_works_is_not_left_for_a_connection_that_broke() {
    let account = account(587, TlsMode::Starttls, AuthSetting::Password);
    let mut findings = host(vec![good(587), good(26)], vec![]);
    let verdict = Verdict { code: VerdictCode::Ok, summary: "It works.".into(), ..behind_a_block().2 };
    let policy = Policy::default();
    let old = Abilities { tls: Told::page(TlsOffer::SCHANNEL_7, "a page"), ..OUTLOOK_2007 };
    let taken = HelloAnswer::Taken { version: TlsVersion::V1_0, suite: 47 };
    findings.hellos =
        vec![answered(587, TlsMode::Starttls, &old, HelloAnswer::Closed), answered(26, TlsMode::Starttls, &old, taken)];
    let decision = decide(&account, &verdict, &findings, &policy, &old);
    assert!(matches!(decision, Decision::Leave { outcome: Outcome::AlreadyWorks, .. }), "{decision:?}");
    // Nor is anybody led to one.
    let (blocked, mut findings, verdict) = behind_a_block();
    for port in [26, 587, 2525] {
        findings.hellos.push(answered(port, TlsMode::Starttls, &old, HelloAnswer::Closed));
    }
    findings.hellos.push(answered(465, TlsMode::Implicit, &old, HelloAnswer::Closed));
    assert!(matches!(decide(&blocked, &verdict, &findings, &policy, &old), Decision::Leave { .. }));
}

/// A mechanism that is named and not offered is what is wrong: another is named, on the port that there is.
#[test]
fn a_named_mechanism_that_the_host_lacks_is_named_anew_where_it_is() {
    let mut account = account(587, TlsMode::Starttls, AuthSetting::Password);
    account.outgoing.mechanism = Some(Mechanism::Login);
    let mut findings = host(vec![good(587), good(26)], vec![]);
    for seen in &mut findings.ports {
        if let Some(ehlo) = &mut seen.ehlo_tls {
            ehlo.mechanisms = vec!["PLAIN".to_owned()];
        }
    }
    let verdict = Verdict { code: VerdictCode::Ok, summary: "It works.".into(), ..behind_a_block().2 };
    let Decision::Move { to, .. } = decide(&account, &verdict, &findings, &Policy::default(), &CLAWS_MAIL) else {
        panic!("left")
    };
    assert_eq!((to.port, to.mechanism), (587, Some(Mechanism::Plain)));
}

/// It ends at TLS 1.2 as the host does, and has none of the cipher that was agreed on.
#[test]
fn a_port_that_works_is_asked_about_where_the_program_lacks_its_cipher() {
    let account = account(587, TlsMode::Starttls, AuthSetting::Password);
    let mut findings = host(vec![good(587)], vec![]);
    let verdict = Verdict { code: VerdictCode::Ok, summary: "It works.".into(), ..behind_a_block().2 };
    let updated = Abilities { tls: Told::page(TlsOffer::SCHANNEL_7_UPDATED, "a page"), ..OUTLOOK_2007 };
    let mut asked = |suite, abilities: &Abilities| {
        let tls = findings.ports[0].tls.as_mut().unwrap();
        (tls.protocol, tls.suite) = (Some("TLSv1.2".to_owned()), suite);
        needs_hello(&account, &verdict, &findings, &Policy::default(), abilities).map(|seen| seen.port)
    };
    assert_eq!(asked(Some(0xc02f), &updated), Some(587));
    assert_eq!(asked(Some(0xc02b), &updated), None, "it has that one");
    assert_eq!(asked(None, &updated), None, "not known");
    assert_eq!(asked(Some(0xc02f), &OUTLOOK_2007), None, "a guess asks nobody");
}

#[test]
fn a_target_without_a_password_login_is_named() {
    let (account, mut findings, verdict) = behind_a_block();
    for seen in &mut findings.ports {
        if let Some(ehlo) = &mut seen.ehlo_tls {
            ehlo.mechanisms = vec!["XOAUTH2".to_owned()];
        }
    }
    let Decision::Leave { outcome, reason } = decide(&account, &verdict, &findings, &Policy::default(), &UNKNOWN)
    else {
        panic!("moved")
    };
    assert_eq!((outcome, reason.code), (Outcome::NoRoute, code_of(&verdict.code)));
    assert!(reason.message.starts_with("Port 26 of mail.hosting.test gets through"), "{}", reason.message);
    assert!(reason.message.contains("(only XOAUTH2)"), "{}", reason.message);
}

#[test]
fn only_the_lines_that_the_program_reads_count() {
    let (account, mut findings, verdict) = behind_a_block();
    for seen in &mut findings.ports {
        if let Some(ehlo) = &mut seen.ehlo_tls {
            ehlo.keywords = vec!["AUTH PLAIN LOGIN".to_owned(), "AUTH CRAM-MD5".to_owned()];
            ehlo.mechanisms = vec!["PLAIN".to_owned(), "LOGIN".to_owned(), "CRAM-MD5".to_owned()];
        }
    }
    let policy = Policy::default();
    let code = |abilities: &Abilities| match decide(&account, &verdict, &findings, &policy, abilities) {
        Decision::Move { .. } => "moved".to_owned(),
        Decision::Leave { reason, .. } => reason.code,
    };
    assert_eq!(code(&THUNDERBIRD), "client_mechanism");
    assert_eq!(code(&UNKNOWN), "moved");
}

#[test]
fn an_account_that_works_for_port26_and_not_for_its_program_is_told_so() {
    let account = account(587, TlsMode::Starttls, AuthSetting::Password);
    let mut findings = host(vec![good(587), good(26)], vec![]);
    let verdict = Verdict { code: VerdictCode::Ok, summary: "It works.".into(), ..behind_a_block().2 };
    let policy = Policy::default();
    let old = Abilities { tls: Told::page(TlsOffer::SCHANNEL_7, "a page"), ..OUTLOOK_2007 };
    let guessed = Abilities { tls: Told::unverified(TlsOffer::SCHANNEL_7), ..OUTLOOK_2007 };
    let asked = |abilities: &Abilities, findings: &HostFindings| {
        needs_hello(&account, &verdict, findings, &policy, abilities).map(|seen| seen.port)
    };
    // A program that ends at 1.2 is not doubted where all is well, and what is not known for sure is no reason either.
    assert_eq!((asked(&OUTLOOK_2007, &findings), asked(&guessed, &findings)), (None, None));
    assert_eq!(asked(&old, &findings), Some(587));
    findings.hellos = vec![answered(587, TlsMode::Starttls, &old, HelloAnswer::Refused { alert: Some(70) })];
    assert_eq!(asked(&old, &findings), Some(26), "another port of the host may take it");
    findings.hellos.push(answered(26, TlsMode::Starttls, &old, HelloAnswer::Refused { alert: Some(70) }));
    let Decision::Leave { outcome, reason } = decide(&account, &verdict, &findings, &policy, &old) else { panic!() };
    assert_eq!((outcome, reason.code.as_str()), (Outcome::Refused, "client_too_old"));
    let works = |abilities: &Abilities| {
        matches!(
            decide(&account, &verdict, &findings, &policy, abilities),
            Decision::Leave { outcome: Outcome::AlreadyWorks, .. }
        )
    };
    assert!(works(&OUTLOOK_2007) && works(&guessed) && works(&UNKNOWN));
}
