//! Rows of the fault table: findings as the probe records them, and the verdict they must get (`row("ID")`,
//! `tests/faults/table.toml`).

mod between;
#[path = "../../tests/support/fault_table.rs"]
mod fault_table;
mod field;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::*;
use crate::account::{Account, AuthSetting, ClientId, CredentialSource, SubmissionServer, TlsMode};
use crate::probe::finding::*;
use fault_table::row;

pub(crate) const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 25));
const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 25));
const NOW: i64 = 1_790_000_000;

pub(crate) fn account(port: u16, tls: TlsMode, auth: AuthSetting) -> Account {
    let credential = if auth == AuthSetting::None { CredentialSource::None } else { CredentialSource::Own };
    let user = (auth != AuthSetting::None).then(|| "jan@hosting.test".to_owned());
    Account {
        id: "thunderbird/p/smtp1".into(),
        client: ClientId::Thunderbird,
        profile: "p".into(),
        email: Some("jan@hosting.test".into()),
        emails: vec!["jan@hosting.test".into()],
        used: true,
        outgoing: SubmissionServer {
            host: "mail.hosting.test".into(),
            port,
            port_is_default: false,
            tls,
            auth,
            credential,
            user,
            mechanism: None,
        },
        incoming: None,
        not_ours: None,
        notices: vec![],
        password_in_client: true,
        settings: BTreeMap::new(),
    }
}

fn plain25() -> Account {
    account(25, TlsMode::None, AuthSetting::None)
}

fn login587() -> Account {
    account(587, TlsMode::Starttls, AuthSetting::Password)
}

pub(crate) fn shut(port: u16, outcome: Connect) -> PortFinding {
    PortFinding {
        host: "mail.hosting.test".into(),
        port,
        tls_mode: TlsMode::Starttls,
        attempts: vec![Attempt { address: V4, outcome, tries: 3, ms: 2900 }],
        greeting: None,
        ehlo: None,
        helo: false,
        refusal: None,
        starttls: None,
        tls: None,
        ehlo_tls: None,
        phase: Phase::Connect,
        end: End::TimedOut,
        round_trips: 0,
        ms: 2900,
    }
}

pub(crate) fn reply(code: u16, text: &str) -> Reply {
    Reply { code, lines: vec![text.into()], ms: 10 }
}

pub(crate) fn ehlo(starttls: bool, mechanisms: &[&str]) -> Ehlo {
    let mut keywords = vec!["PIPELINING".to_owned()];
    if starttls {
        keywords.push("STARTTLS".into());
    }
    Ehlo {
        name: "mail.hosting.test".into(),
        keywords,
        mechanisms: mechanisms.iter().map(|&name| name.to_owned()).collect(),
        starttls,
    }
}

pub(crate) fn verified(trouble: Option<TlsTrouble>) -> TlsFinding {
    TlsFinding {
        suite: None,
        verified: trouble.is_none(),
        trouble,
        protocol: Some("TLSv1.3".into()),
        names: vec!["mail.hosting.test".into()],
        common_name: None,
        issuer: Some("Test CA".into()),
        not_before: Some(NOW - 1000),
        not_after: Some(NOW + 1000),
        key_sha256: Some("ab".into()),
        local_root: false,
        ms: 20,
    }
}

/// A port that does all it should: STARTTLS, AUTH inside.
pub(crate) fn good(port: u16) -> PortFinding {
    PortFinding {
        attempts: vec![Attempt { address: V4, outcome: Connect::Open, tries: 1, ms: 5 }],
        greeting: Some(reply(220, "mail.hosting.test ESMTP")),
        ehlo: Some(ehlo(true, &[])),
        helo: false,
        refusal: None,
        starttls: Some(reply(220, "go ahead")),
        tls: Some(verified(None)),
        ehlo_tls: Some(ehlo(false, &["PLAIN", "LOGIN"])),
        phase: Phase::Done,
        end: End::Complete,
        round_trips: 6,
        ms: 40,
        ..shut(port, Connect::Open)
    }
}

/// A port in the clear, offering what is said.
pub(crate) fn clear(port: u16, offer: Ehlo) -> PortFinding {
    PortFinding { ehlo: Some(offer), starttls: None, tls: None, ehlo_tls: None, ..good(port) }
}

pub(crate) fn ended(port: u16, phase: Phase, end: End) -> PortFinding {
    PortFinding { greeting: None, ehlo: None, starttls: None, tls: None, ehlo_tls: None, phase, end, ..good(port) }
}

pub(crate) fn control(host: &str, port: u16, outcome: Connect) -> ControlFinding {
    ControlFinding { host: host.into(), port, resolved: true, outcome, greeting: None }
}

pub(crate) fn host(ports: Vec<PortFinding>, controls: Vec<ControlFinding>) -> HostFindings {
    let resolution = Resolution::Addresses { addresses: vec![V4], mapped: false };
    HostFindings { ports, controls, ..HostFindings::nothing_of("mail.hosting.test", resolution) }
}

pub(crate) fn network(second: Option<Connect>) -> NetworkView {
    NetworkView {
        has_route: true,
        another_host_answered: false,
        second_hosts: second.map(|outcome| control("mx.other.test", 25, outcome)).into_iter().collect(),
        now: NOW,
        ..NetworkView::default()
    }
}

fn code(account: &Account, host: &HostFindings, network: &NetworkView, login: Option<&LoginFinding>) -> VerdictCode {
    let present = host.ports.iter().find(|finding| finding.port == account.outgoing.port);
    let verdict = diagnose(Case { account, host, present, login, network });
    assert!(verdict.code == VerdictCode::Ok || !verdict.evidence.is_empty(), "{verdict:?} has no evidence");
    verdict.code
}

pub(crate) fn logged_in(auth: Option<Reply>, mail_from: Option<Reply>) -> LoginFinding {
    LoginFinding {
        port: 587,
        mechanism: Some("PLAIN".into()),
        auth,
        mail_from,
        recipient: None,
        to_itself: None,
        end: End::Complete,
        round_trips: 2,
    }
}

fn with_imap() -> Vec<ControlFinding> {
    vec![control("mail.hosting.test", 993, Connect::Open)]
}

#[test]
fn row_1_network_drops_25() {
    let seen = host(vec![shut(25, Connect::Silent), good(26)], with_imap());
    assert_eq!(code(&plain25(), &seen, &network(Some(Connect::Silent)), None), row("1").verdict());
    assert_eq!(code(&plain25(), &seen, &network(None), None), row("1").verdict());
}

#[test]
fn row_2_network_rejects_25() {
    for (row, outcome) in [(row("2"), Connect::Refused), (row("2b"), Connect::Prohibited)] {
        let seen = host(vec![shut(25, outcome), good(26)], with_imap());
        assert_eq!(code(&plain25(), &seen, &network(Some(outcome)), None), row.verdict());
    }
}

#[test]
fn row_3_host_closed_its_25() {
    let seen = host(vec![shut(25, Connect::Refused), good(26)], with_imap());
    assert_eq!(code(&plain25(), &seen, &network(Some(Connect::Open)), None), row("3").verdict());
}

#[test]
fn row_5_host_down() {
    let seen = host(
        vec![shut(25, Connect::Silent), shut(26, Connect::Silent)],
        vec![control("mail.hosting.test", 993, Connect::Silent)],
    );
    assert_eq!(code(&plain25(), &seen, &network(Some(Connect::Open)), None), row("5").verdict());
    let mut another = network(None);
    another.another_host_answered = true;
    assert_eq!(code(&plain25(), &seen, &another, None), row("5").verdict());
    let present = seen.ports.first();
    let told = diagnose(Case { account: &plain25(), host: &seen, present, login: None, network: &network(None) });
    assert_eq!(told.code, VerdictCode::Uncertain);
    assert!(told.summary.contains("seems to be offline"), "{}", told.summary);
}

#[test]
fn row_6_offline_comes_before_the_name() {
    let mut seen = host(vec![], vec![]);
    seen.resolution = Resolution::Silent { why: "try again".into() };
    let offline = NetworkView { now: NOW, ..NetworkView::default() };
    assert_eq!(code(&plain25(), &seen, &offline, None), row("6").verdict());
}

#[test]
fn rows_8_and_9_the_name() {
    let mut seen = host(vec![], vec![]);
    seen.resolution = Resolution::NoSuchName;
    assert_eq!(code(&plain25(), &seen, &network(None), None), row("8").verdict());
    seen.resolution = Resolution::Silent { why: "timed out".into() };
    assert_eq!(code(&plain25(), &seen, &network(None), None), row("9").verdict());
    seen.resolution = Resolution::Hijacked { address: V4 };
    assert_eq!(code(&plain25(), &seen, &network(None), None), row("9b").verdict());
}

#[test]
fn row_10_ipv6_black_hole() {
    let mut present = good(587);
    present.attempts.insert(0, Attempt { address: V6, outcome: Connect::Silent, tries: 3, ms: 2900 });
    let seen = host(vec![present, good(26)], vec![]);
    assert_eq!(code(&login587(), &seen, &network(None), None), row("10").verdict());
}

#[test]
fn row_13_no_tls_anywhere() {
    let offer = ehlo(false, &["PLAIN"]);
    let seen = host(vec![clear(587, offer.clone()), clear(26, offer)], vec![]);
    assert_eq!(code(&login587(), &seen, &network(None), None), row("13").verdict());
}

#[test]
fn rows_14_16_17_and_18_tls() {
    let broken = |trouble: TlsTrouble| {
        let mut present = good(587);
        present.tls = Some(verified(Some(trouble)));
        present.ehlo_tls = None;
        present.phase = Phase::Tls;
        present.end = End::Closed;
        host(vec![present, good(26)], vec![])
    };
    for (trouble, row) in [
        (TlsTrouble::Expired, row("16")),
        (TlsTrouble::NotYetValid, row("16c")),
        (TlsTrouble::Untrusted, row("16b")),
        (TlsTrouble::WrongName, row("17")),
        (TlsTrouble::Handshake { why: "reset".into() }, row("14")),
        (TlsTrouble::WrongMode, row("18")),
    ] {
        assert_eq!(code(&login587(), &broken(trouble), &network(None), None), row.verdict());
    }
}

#[test]
fn row_16_dates_are_judged_by_the_clock_of_the_host() {
    let told = |trouble: TlsTrouble, ahead_s: i64| {
        let mut present = good(587);
        present.tls = Some(verified(Some(trouble)));
        present.ehlo_tls = None;
        (present.phase, present.end) = (Phase::Tls, End::Closed);
        let dates = vec![ServerDate { source: "mail.hosting.test".into(), seconds: NOW - ahead_s }];
        HostFindings { dates, ..host(vec![present, good(26)], vec![]) }
    };
    let days = 24 * 3600;
    for (trouble, ahead, row) in [
        (TlsTrouble::Expired, 60, row("16e")),
        (TlsTrouble::Expired, 400 * days, row("16d")),
        (TlsTrouble::NotYetValid, -400 * days, row("16c")),
        (TlsTrouble::NotYetValid, -60, row("16b")),
    ] {
        assert_eq!(code(&login587(), &told(trouble, ahead), &network(None), None), row.verdict(), "{ahead} s");
    }
}

#[test]
fn rows_19_and_20_at_the_door() {
    let late = host(vec![ended(587, Phase::Greeting, End::TimedOut), good(26)], vec![]);
    assert_eq!(code(&login587(), &late, &network(None), None), row("19b").verdict());
    for (row, end) in [(row("20-closes"), End::Closed), (row("20"), End::Refused)] {
        let seen = host(vec![ended(587, Phase::Greeting, end), good(26)], vec![]);
        assert_eq!(code(&login587(), &seen, &network(None), None), row.verdict());
    }
}

#[test]
fn rows_21_22_and_24_what_is_offered() {
    let mut present = good(587);
    present.ehlo_tls = Some(ehlo(false, &[]));
    let seen = host(vec![present, good(26)], vec![]);
    assert_eq!(code(&login587(), &seen, &network(None), None), row("21").verdict());
    // Only ways that are no password.
    let mut token = good(587);
    token.ehlo_tls = Some(ehlo(false, &["XOAUTH2", "OAUTHBEARER"]));
    assert_eq!(code(&login587(), &host(vec![token], vec![]), &network(None), None), row("24b").verdict());
    let seen = host(vec![good(587)], vec![]);
    assert_eq!(code(&login587(), &seen, &network(None), None), row("22").verdict());
}

#[test]
fn rows_23_24_26_27_and_34_login_and_sender() {
    let seen = host(vec![good(587), good(26)], vec![]);
    let cases = [
        (Some(reply(535, "no")), None, row("23").verdict()),
        (Some(reply(534, "no")), None, row("24").verdict()),
        (Some(reply(504, "no")), None, row("24").verdict()),
        (Some(reply(454, "later")), None, row("27c").verdict()),
        (Some(reply(235, "ok")), Some(reply(553, "not yours")), row("26").verdict()),
        (Some(reply(235, "ok")), Some(reply(450, "later")), row("27b").verdict()),
        (Some(reply(235, "ok")), Some(reply(250, "ok")), row("34").verdict()),
    ];
    for (auth, mail, expected) in cases {
        let login = logged_in(auth, mail);
        assert_eq!(code(&login587(), &seen, &network(None), Some(&login)), expected);
    }
}

#[test]
fn a_login_that_is_cut_off_proves_nothing() {
    let seen = host(vec![good(587), good(26)], vec![]);
    for (end, auth, expected) in [
        (End::TimedOut, None, VerdictCode::Uncertain),
        (End::TimedOut, Some(reply(235, "welcome")), VerdictCode::Uncertain),
        (End::Closed, Some(reply(235, "welcome")), VerdictCode::Uncertain),
        // Not the password, and not the port: the host's login service is away.
        (End::Closed, None, VerdictCode::TemporaryFailure),
    ] {
        let cut = LoginFinding { end, ..logged_in(auth, None) };
        assert_eq!(code(&login587(), &seen, &network(None), Some(&cut)), expected);
    }
}

#[test]
fn row_25_relaying_denied() {
    let seen = host(vec![clear(25, ehlo(true, &[])), good(26)], vec![]);
    for number in [530, 535, 503, 505, 550, 553, 554, 571] {
        let login = LoginFinding { port: 25, mechanism: None, ..logged_in(None, Some(reply(number, "log in"))) };
        assert_eq!(code(&plain25(), &seen, &network(None), Some(&login)), row("25").verdict());
    }
}

#[test]
fn row_29_25_and_26_blocked() {
    let seen = host(vec![shut(25, Connect::Silent), shut(26, Connect::Silent), good(587)], with_imap());
    assert_eq!(code(&plain25(), &seen, &network(Some(Connect::Silent)), None), row("29").verdict());
}

#[test]
fn row_30_all_mail_ports_blocked() {
    let shut_all = [25, 26, 587, 465].map(|port| shut(port, Connect::Silent)).to_vec();
    let seen = host(shut_all, vec![control("mail.hosting.test", 443, Connect::Open)]);
    assert_eq!(code(&plain25(), &seen, &network(Some(Connect::Silent)), None), row("30").verdict());
}

#[test]
fn row_31_local_firewall() {
    let seen = host(vec![shut(25, Connect::LocalDenied), good(26)], with_imap());
    assert_eq!(code(&plain25(), &seen, &network(None), None), row("31").verdict());
}

#[test]
fn row_34_nothing_wrong() {
    let seen = host(vec![good(587), good(26)], vec![]);
    let login = logged_in(Some(reply(235, "ok")), Some(reply(250, "ok")));
    assert_eq!(code(&login587(), &seen, &network(None), Some(&login)), row("34").verdict());
}

#[test]
fn no_change_rows_never_change() {
    use VerdictCode::*;
    for code in [
        Ok,
        Offline,
        BadHostname,
        DnsFault,
        ServerUnreachable,
        Ipv6Broken,
        NetworkBlocksMail,
        LocalFirewall,
        LocalInterception,
        CaptivePortal,
        RelayUnsafe,
        CertExpired,
        CertUntrusted,
        ClockWrong,
        CertName,
        SlowServer,
        ServerRefusedClient,
        BadCredentials,
        CramMd5Refused,
        AppPasswordNeeded,
        AccountHeld,
        AuthMethod,
        PasswordLoginEnded,
        FromNotAllowed,
        TemporaryFailure,
        Uncertain,
    ] {
        assert!(!code.may_change(), "{code:?}");
    }
}

/// The conversation with port 25 of an unrelated host.
fn elsewhere(starttls: bool) -> PortFinding {
    let offer = Ehlo { name: "mx.other.test".into(), ..ehlo(starttls, &[]) };
    let greeting = Some(reply(220, "mx.other.test ESMTP"));
    PortFinding { host: "mx.other.test".into(), greeting, ..clear(25, offer) }
}

fn greeted(host: &str, text: &str) -> ControlFinding {
    ControlFinding { greeting: Some(reply(220, text)), ..control(host, 25, Connect::Open) }
}

fn blocked() -> HostFindings {
    host(vec![shut(25, Connect::Silent), good(26)], with_imap())
}

#[test]
fn row_4_only_the_providers_own_relay() {
    let mut view = network(Some(Connect::Silent));
    view.relays = vec![greeted("relay.isp.test", "relay.isp.test ESMTP")];
    assert_eq!(code(&plain25(), &blocked(), &view, None), row("4").verdict());
}

#[test]
fn rows_7_and_9_captive_portal() {
    let mut view = network(Some(Connect::Prohibited));
    let page = |status| HttpFinding { host: "check.test".into(), status, location: None, date: None };
    view.http = Some(page(Some(302)));
    let seen = host(vec![shut(25, Connect::Prohibited), shut(26, Connect::Prohibited)], vec![]);
    assert_eq!(code(&plain25(), &seen, &view, None), row("7").verdict());
    // A port that proves itself is not behind a portal, whoever answers for the page.
    assert_eq!(code(&plain25(), &blocked(), &view, None), VerdictCode::PortBlockedNetwork);
    for silent in [page(None), page(Some(204))] {
        view.http = Some(silent);
        assert_ne!(code(&plain25(), &seen, &view, None), row("7").verdict::<VerdictCode>());
    }
    let mut lied = seen.clone();
    lied.resolution = Resolution::Hijacked { address: V4 };
    assert_eq!(code(&plain25(), &lied, &view, None), row("9b").verdict());
    view.http = Some(page(Some(200)));
    assert_eq!(code(&plain25(), &lied, &view, None), row("7b").verdict());
}

#[test]
fn row_15_a_root_that_only_this_machine_has() {
    let local = |port| {
        let mut seen = good(port);
        seen.tls.as_mut().unwrap().local_root = true;
        seen
    };
    let seen = host(vec![local(587)], vec![]);
    assert_eq!(code(&login587(), &seen, &network(None), None), row("15").verdict());
    // 25 is blocked, and the only ports to move to are read by somebody.
    let shut25 = host(vec![shut(25, Connect::Silent), local(26)], with_imap());
    assert_eq!(code(&plain25(), &shut25, &network(Some(Connect::Silent)), None), row("15b").verdict());
    let allowed = NetworkView { local_roots_allowed: true, ..network(Some(Connect::Silent)) };
    assert_eq!(code(&plain25(), &shut25, &allowed, None), VerdictCode::PortBlockedNetwork);
    // A host of the own network has its certificate from its own organisation.
    let mut inside = host(vec![local(587)], vec![]);
    let private = vec!["10.1.2.3".parse().unwrap()];
    inside.resolution = Resolution::Addresses { addresses: private, mapped: false };
    // An address proves nothing about a public name: whoever reads along may have answered for it.
    assert_eq!(code(&login587(), &inside, &network(None), None), row("15").verdict());
    let own = HostFindings { named_by_policy: true, ..inside.clone() };
    assert_eq!(code(&login587(), &own, &network(None), None), VerdictCode::Ok, "the policy names it");
    inside.host = "mail.hosting.internal".into();
    assert_eq!(code(&login587(), &inside, &network(None), None), VerdictCode::Ok);
}

#[test]
fn row_16_clocks_are_compared() {
    let year = 365 * 24 * 3600;
    let seen = |trouble: TlsTrouble, ahead: Option<i64>| {
        let mut bad = good(587);
        (bad.tls, bad.ehlo_tls) = (Some(verified(Some(trouble))), None);
        let mut seen = host(vec![bad], vec![]);
        let told = |by| ServerDate { source: "the web server".into(), seconds: NOW + by };
        seen.dates = ahead.map(told).into_iter().collect();
        code(&login587(), &seen, &network(None), None)
    };
    assert_eq!(seen(TlsTrouble::Expired, Some(-3 * year)), row("16d").verdict());
    assert_eq!(seen(TlsTrouble::Expired, Some(60)), row("16e").verdict());
    assert_eq!(seen(TlsTrouble::Expired, None), row("16").verdict());
    assert_eq!(seen(TlsTrouble::NotYetValid, Some(3 * year)), row("16c").verdict());
    assert_eq!(seen(TlsTrouble::NotYetValid, Some(-60)), row("16b").verdict());
    assert_eq!(seen(TlsTrouble::NotYetValid, None), row("16c").verdict());
}

#[test]
fn row_18_the_same_port_the_other_way() {
    for (row, port) in [(row("18b"), 465), (row("18c"), 4650)] {
        let odd = account(port, TlsMode::Starttls, AuthSetting::Password);
        let implicit = PortFinding { tls_mode: TlsMode::Implicit, ..good(port) };
        let seen = host(vec![ended(port, Phase::Greeting, End::TimedOut), implicit], vec![]);
        assert_eq!(code(&odd, &seen, &network(None), None), row.verdict());
    }
}

#[test]
fn row_19_late_and_never() {
    let mut late = good(587);
    late.greeting.as_mut().unwrap().ms = 12_000;
    assert_eq!(code(&login587(), &host(vec![late], vec![]), &network(None), None), row("19").verdict());
    let never = PortFinding { ms: 30_000, ..ended(587, Phase::Greeting, End::TimedOut) };
    assert_eq!(code(&login587(), &host(vec![never], vec![]), &network(None), None), row("19c").verdict());
}

#[test]
fn row_28_the_relay_would_break_the_domain() {
    let seen = host([25, 26, 587, 465].map(|port| shut(port, Connect::Silent)).to_vec(), with_imap());
    let mut view = network(Some(Connect::Silent));
    view.relays = vec![greeted("relay.isp.test", "relay.isp.test ESMTP")];
    assert_eq!(code(&plain25(), &seen, &view, None), row("28b").verdict());
    view.relay_refusals.insert("hosting.test".into(), "SPF forbids it".into());
    assert_eq!(code(&plain25(), &seen, &view, None), row("28").verdict());
}

#[test]
fn row_32_the_vpn_does_it() {
    let view = NetworkView { vpn: Some("wg0".into()), ..network(Some(Connect::Silent)) };
    assert_eq!(code(&plain25(), &blocked(), &view, None), row("32").verdict());
    // What the host closed, the VPN did not.
    let closed = host(vec![shut(25, Connect::Refused), good(26)], with_imap());
    let view = NetworkView { vpn: Some("wg0".into()), ..network(Some(Connect::Open)) };
    assert_eq!(code(&plain25(), &closed, &view, None), VerdictCode::ServerPortClosed);
}

#[test]
fn row_33_repeats_disagree() {
    let mut seen = blocked();
    seen.repeats = vec![control("mail.hosting.test", 25, Connect::Open)];
    assert_eq!(code(&plain25(), &seen, &network(None), None), row("33").verdict());
    seen.repeats = vec![control("mail.hosting.test", 25, Connect::Silent)];
    assert_eq!(code(&plain25(), &seen, &network(None), None), VerdictCode::PortBlockedNetwork);
}
