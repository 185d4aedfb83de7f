//! Never harmful: whatever is seen, a move is made only on a verdict that allows it, to a port that proved itself, and
//! never to weaker encryption. Random findings, from the same pieces as the rows of the fault table.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::diagnosis::tests::{
    account, clear, control, ehlo, ended, good, host, logged_in, network, reply, shut, verified,
};
use crate::diagnosis::{Case, NetworkView, diagnose};
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
    (state, modes).prop_map(|(finding, tls_mode)| match tls_mode {
        TlsMode::None => PortFinding { tls_mode, starttls: None, tls: None, ehlo_tls: None, ..finding },
        _ => PortFinding { tls_mode, ..finding },
    })
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
    (any::<bool>(), when, vec(select(PORTS.to_vec()), 0..5)).prop_map(|(plaintext, when, ports)| {
        let mut policy = Policy::default();
        policy.plaintext_auth.value = plaintext;
        policy.when.value = when;
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
    ) {
        let ports: Vec<PortFinding> = ports.into_iter().zip(seen).filter(|(_, seen)| *seen).map(|(port, _)| port).collect();
        let controls = controls.map(|outcome| control("mail.hosting.test", 993, outcome)).into_iter().collect();
        let findings = host(ports, controls);
        let present = findings.ports.iter().find(|finding| finding.port == account.outgoing.port);
        let case = Case { account: &account, host: &findings, present, login: login.as_ref(), network: &network };
        let verdict = diagnose(case);
        let Decision::Move { to } = decide(&account, &verdict, &findings, &policy) else { return Ok(()) };

        let by_policy = policy.when.value == MoveWhen::AnyOn25 && account.outgoing.port == 25;
        prop_assert!(
            verdict.code.may_change() || (verdict.code == VerdictCode::Ok && by_policy),
            "moved on {:?}", verdict.code
        );
        prop_assert_eq!(&to.host, &account.outgoing.host);
        prop_assert!(policy.target_ports.value.contains(&to.port) || to.port == account.outgoing.port);
        prop_assert!(strength(to.tls) >= strength(account.outgoing.tls), "weaker encryption: {:?}", to);
        prop_assert_ne!(to.auth, AuthSetting::None);
        let proven = findings.ports.iter().any(|finding| {
            finding.port == to.port && finding.tls_mode == to.tls && proves(finding)
        });
        let plaintext = to.tls == TlsMode::None && policy.plaintext_auth.value && verdict.code == VerdictCode::NoTls;
        prop_assert!(proven || plaintext, "{:?} did not prove itself", to);
        let login_refused = login.as_ref().and_then(|login| login.auth.as_ref()).is_some_and(|reply| reply.code >= 400);
        prop_assert!(!login_refused || verdict.code != VerdictCode::Ok);
    }
}
