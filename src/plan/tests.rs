//! Never harmful: whatever is seen, a move is made only on a verdict that allows it, to a port that proved itself, and
//! never to weaker encryption. Random findings, from the same pieces as the rows of the fault table.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::clients::abilities::NewestTls;
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
        let Decision::Move { to } = decide(&account, &verdict, &findings, &policy, &Abilities::UNLIMITED) else { return Ok(()) };

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
        let own_root = |finding: &PortFinding| !policy.allow_local_interception.value && read_along(&findings, finding, false);
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
            enough = worth(&account, &policy, &Abilities::UNLIMITED, &few.iter().collect::<Vec<_>>());
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
            (verdict.code, decide(&account, &verdict, &findings, &policy, &Abilities::UNLIMITED))
        };
        let few = told(few);
        let all = told(everything);
        prop_assert_eq!(few.0, all.0);
        prop_assert!(same(&few.1, &all.1), "{:?} is not {:?}", few.1, all.1);
    }
}

/// The same is done; the words may differ.
fn same(one: &Decision, other: &Decision) -> bool {
    match (one, other) {
        (Decision::Move { to }, Decision::Move { to: other }) => to == other,
        (Decision::Leave { outcome, reason }, Decision::Leave { outcome: other, reason: why }) => {
            outcome == other && reason.code == why.code
        }
        _ => false,
    }
}

#[test]
fn a_program_that_can_use_no_port_that_proved_itself_is_told_so() {
    let account = account(25, TlsMode::None, AuthSetting::None);
    let ports = vec![shut(25, Connect::Silent), good(26), in_mode(good(465), TlsMode::Implicit)];
    let findings = host(ports, vec![control("mail.hosting.test", 993, Connect::Open)]);
    let network = network(Some(Connect::Silent));
    let present = findings.ports.first();
    let verdict = diagnose(Case { account: &account, host: &findings, present, login: None, network: &network });
    let decide = |abilities: Abilities| decide(&account, &verdict, &findings, &Policy::default(), &abilities);
    let port = |decision| match decision {
        Decision::Move { to } => Some((to.port, to.tls)),
        Decision::Leave { .. } => None,
    };
    assert_eq!(port(decide(Abilities::UNLIMITED)), Some((26, TlsMode::Starttls)));
    // The policy's order gives way to what the program can do.
    let by_port = Abilities { newest_tls: NewestTls::Current, ..Abilities::OUTLOOK_EXPRESS };
    assert_eq!(port(decide(by_port)), Some((465, TlsMode::Implicit)));
    let Decision::Leave { outcome, reason } = decide(Abilities::OUTLOOK_EXPRESS) else { panic!("moved") };
    assert_eq!((outcome, reason.code.as_str()), (Outcome::Refused, "client_too_old"));
    assert!(reason.message.starts_with("Outlook Express ends at TLS 1.0"), "{}", reason.message);
}
