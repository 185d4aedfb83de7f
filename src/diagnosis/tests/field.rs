//! Rows that came from the field: real servers and public reports, not from whoever wrote the rules.

use super::*;

fn verdict(account: &Account, host: &HostFindings, network: &NetworkView, login: Option<&LoginFinding>) -> Verdict {
    let present = host.ports.iter().find(|finding| finding.port == account.outgoing.port);
    diagnose(Case { account, host, present, login, network })
}

/// An unrelated host that answers on 25 as itself, with its own conversation.
fn all_well(starttls: bool) -> NetworkView {
    let second_hosts = vec![greeted("mx.other.test", "mx.other.test ESMTP")];
    NetworkView { strangers: vec![elsewhere(starttls)], second_hosts, ..network(None) }
}

fn gateway() -> PortFinding {
    let mut gateway = clear(25, Ehlo { name: "gw7.mailfilter.test".into(), ..ehlo(false, &[]) });
    gateway.greeting = Some(reply(220, "gw7.mailfilter.test ESMTP"));
    gateway
}

fn asked(mail_from: Reply, recipient: Option<Reply>) -> LoginFinding {
    let end = if mail_from.code < 400 && recipient.as_ref().is_none_or(|said| said.code < 400) {
        End::Complete
    } else {
        End::Refused
    };
    LoginFinding { port: 25, mechanism: None, recipient, end, ..logged_in(None, Some(mail_from)) }
}

#[test]
fn row_11b_another_machine_of_the_host_on_25() {
    let seen = host(vec![gateway(), good(26)], vec![]);
    let relays = asked(reply(250, "ok"), Some(reply(250, "ok")));
    let told = verdict(&plain25(), &seen, &all_well(true), Some(&relays));
    assert_eq!(told.code, row("11b-haproxy-ok").verdict());
    assert!(told.evidence.iter().any(|line| line.contains("another server of the host")), "{told:?}");
    // It is judged by what the account needs there.
    let refused = asked(reply(250, "ok"), Some(reply(554, "Relay access denied")));
    assert_eq!(code(&plain25(), &seen, &all_well(true), Some(&refused)), row("11b-nginx-relay").verdict());
    let login25 = account(25, TlsMode::None, AuthSetting::Password);
    assert_eq!(code(&login25, &seen, &all_well(true), None), row("11b-nginx").verdict());
    // Nobody else could be asked, or the name leads into the host's own network: no accusation either.
    assert_eq!(code(&plain25(), &seen, &network(None), Some(&relays)), row("11b-haproxy-ok").verdict());
    let own = HostFindings { own_names: vec!["gw7.mailfilter.test".into()], ..seen };
    assert_eq!(code(&plain25(), &own, &network(Some(Connect::Silent)), Some(&relays)), row("11b-haproxy-ok").verdict());
}

#[test]
fn row_12_a_host_that_has_no_starttls_on_25() {
    let seen = host(vec![clear(25, ehlo(false, &["PLAIN"])), good(26)], vec![]);
    let wants_tls = account(25, TlsMode::Starttls, AuthSetting::Password);
    assert_eq!(code(&wants_tls, &seen, &all_well(true), None), row("12-postfix").verdict());
    assert_eq!(code(&wants_tls, &seen, &all_well(false), None), row("12b").verdict());
    // What does not need it there is left.
    assert_eq!(code(&plain25(), &seen, &all_well(true), None), VerdictCode::Ok);
    // A firewall that stars the greeting, refuses EHLO and takes HELO needs no witness.
    let mut pix = clear(25, Ehlo::default());
    pix.greeting = Some(reply(220, "**************************2******"));
    for pix in [PortFinding { ehlo: None, helo: true, ..pix.clone() }, PortFinding { helo: true, ..pix }] {
        let seen = host(vec![pix, good(26)], vec![]);
        assert_eq!(code(&wants_tls, &seen, &all_well(true), None), row("12-pix").verdict());
    }
}

#[test]
fn row_20_a_host_that_closes_without_a_word_is_not_slow() {
    let seen = host(vec![ended(587, Phase::Greeting, End::Closed), good(26)], vec![]);
    assert_eq!(code(&login587(), &seen, &network(None), None), row("20-closes").verdict());
}

#[test]
fn rows_20_and_20b_at_the_door() {
    let said = |port: u16, number: u16| {
        let greeting = Some(reply(number, "5.7.1 listed at dnsbl.test"));
        PortFinding { greeting, ..ended(port, Phase::Greeting, End::Refused) }
    };
    let refused: VerdictCode = row("20").verdict();
    for (row, number) in [(row("20b-postfix"), 554), (row("20b-postscreen"), 521), (row("20b-exim"), 550)] {
        let seen = host(vec![said(25, number), good(26)], vec![]);
        let told = verdict(&plain25(), &seen, &all_well(true), None);
        assert_eq!(told.code, row.verdict());
        assert!(told.code.may_change() && told.summary.contains("listed at dnsbl.test"), "{told:?}");
        // Where it is the network that says so, everybody's port 25 says so.
        let twin = ControlFinding {
            greeting: Some(reply(number, "5.7.1 listed at dnsbl.test")),
            ..control("mx.other.test", 25, Connect::Open)
        };
        let view = NetworkView { second_hosts: vec![twin], ..network(None) };
        assert_eq!(code(&plain25(), &seen, &view, None), VerdictCode::Intercepted);
        let nowhere_else = host(vec![said(25, number), said(26, number)], vec![]);
        assert_eq!(code(&plain25(), &nowhere_else, &all_well(true), None), refused);
        let submission = host(vec![said(587, number), good(26)], vec![]);
        assert_eq!(code(&login587(), &submission, &network(None), None), refused);
    }
    // In answer to EHLO it means the same.
    let at_ehlo = |number: u16| PortFinding {
        greeting: Some(reply(220, "mail.hosting.test")),
        refusal: Some(reply(number, "not you")),
        ..ended(25, Phase::Ehlo, End::Refused)
    };
    for (number, expected) in [(554, VerdictCode::PortRefusedByHost), (421, VerdictCode::TemporaryFailure)] {
        let told = verdict(&plain25(), &host(vec![at_ehlo(number), good(26)], vec![]), &all_well(true), None);
        assert_eq!(told.code, expected);
        assert!(told.summary.contains(&format!("It says: {number} not you")), "{told:?}");
    }
    let later = host(vec![said(25, 421), good(26)], vec![]);
    assert_eq!(code(&plain25(), &later, &all_well(true), None), row("20-421").verdict());
}

#[test]
fn row_20c_it_answered_and_does_not_any_more() {
    let seen = HostFindings { fell_silent: true, ..host(vec![good(587), good(26)], vec![]) };
    let told = verdict(&login587(), &seen, &network(None), None);
    assert_eq!(told.code, row("20c-ban").verdict());
    assert!(told.evidence.iter().any(|line| line.contains("may have banned this address")), "{told:?}");
}

#[test]
fn row_25_relaying_is_refused_at_the_recipient() {
    let seen = host(vec![clear(25, ehlo(true, &[])), good(26)], vec![]);
    for number in [550, 551, 553, 554, 571, 530] {
        let told = verdict(
            &plain25(),
            &seen,
            &network(None),
            Some(&asked(reply(250, "ok"), Some(reply(number, "relay not permitted")))),
        );
        assert_eq!(told.code, row("25-postfix").verdict());
        assert!(told.summary.contains(&format!("{number} relay not permitted")), "{told:?}");
    }
    // Greylisting is no refusal, and no reason to change anything.
    let later = asked(reply(250, "ok"), Some(reply(450, "greylisted")));
    assert_eq!(code(&plain25(), &seen, &network(None), Some(&later)), VerdictCode::TemporaryFailure);
    let later = asked(reply(451, "later"), None);
    assert_eq!(code(&plain25(), &seen, &network(None), Some(&later)), VerdictCode::TemporaryFailure);
}

#[test]
fn rows_25_and_26_whose_address_it_is() {
    let seen = host(vec![clear(25, ehlo(true, &[])), good(26)], vec![]);
    let not_owned = asked(reply(553, "5.7.1 <jan@hosting.test>: Sender address rejected: not owned by user"), None);
    assert_eq!(code(&plain25(), &seen, &network(None), Some(&not_owned)), row("26-postfix").verdict());
    let not_logged_in = asked(reply(553, "5.7.1 <jan@hosting.test>: Sender address rejected: not logged in"), None);
    assert_eq!(code(&plain25(), &seen, &network(None), Some(&not_logged_in)), row("25b").verdict());
}

#[test]
fn row_27_a_host_whose_own_login_service_is_down() {
    let closes =
        PortFinding { greeting: Some(reply(220, "mail.hosting.test")), ..ended(587, Phase::Ehlo, End::Closed) };
    let told = verdict(&login587(), &host(vec![closes], vec![]), &network(None), None);
    assert_eq!(told.code, row("27-postfix").verdict());
    assert!(told.summary.contains("login service"), "{told:?}");
    let exim = logged_in(Some(reply(435, "Unable to authenticate at present")), None);
    let exim = LoginFinding { end: End::Refused, ..exim };
    let told = verdict(&login587(), &host(vec![good(587)], vec![]), &network(None), Some(&exim));
    assert_eq!(told.code, row("27-exim").verdict());
    assert!(told.summary.contains("login service") && told.summary.contains("435 Unable"), "{told:?}");
    assert!(!told.evidence.iter().any(|line| line.contains("closed") || line.contains("broke off")), "{told:?}");
}

#[test]
fn row_38_a_program_on_this_computer() {
    for name in ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "LOCALHOST.", "mail.localhost"] {
        assert!(local::is_this_computer(name), "{name}");
    }
    for name in ["mail.hosting.test", "192.0.2.1", "localhost.hosting.test", ""] {
        assert!(!local::is_this_computer(name), "{name}");
    }
    let mut bridge = account(1025, TlsMode::Starttls, AuthSetting::Password);
    bridge.outgoing.host = "127.0.0.1".into();
    let told = verdict(&bridge, &host(vec![shut(1025, Connect::Refused)], vec![]), &network(None), None);
    assert_eq!(told.code, row("38").verdict());
    assert!(told.summary.contains("Start it") && told.summary.contains("Proton Mail Bridge"), "{told:?}");
    // Up: its certificate is its own business.
    let mut up = good(1025);
    (up.tls, up.ehlo_tls) = (Some(verified(Some(TlsTrouble::Untrusted))), None);
    let told = verdict(&bridge, &host(vec![up], vec![]), &network(None), None);
    assert_eq!(told.code, row("38").verdict());
    assert!(told.summary.contains("it answers") && !told.code.may_change(), "{told:?}");
}

#[test]
fn row_39_silence_after_the_first_bytes_for_everybody() {
    let cut = |host: &str| PortFinding {
        host: host.into(),
        greeting: Some(reply(220, host)),
        ..ended(25, Phase::Ehlo, End::TimedOut)
    };
    let seen = host(vec![cut("mail.hosting.test"), good(26)], vec![]);
    let mut view = network(None);
    view.second_hosts = vec![greeted("mx.other.test", "mx.other.test")];
    view.strangers = vec![cut("mx.other.test")];
    assert_eq!(code(&plain25(), &seen, &view, None), row("39").verdict());
    view.strangers = vec![elsewhere(true)];
    assert_eq!(code(&plain25(), &seen, &view, None), VerdictCode::Uncertain);
}

#[test]
fn where_two_rows_fit_the_earlier_cause_wins() {
    // The path before the host: 25 is blocked, and the target's certificate is out of date.
    let mut expired = good(26);
    (expired.tls, expired.ehlo_tls) = (Some(verified(Some(TlsTrouble::Expired))), None);
    (expired.phase, expired.end) = (Phase::Tls, End::Left);
    let seen = host(vec![shut(25, Connect::Silent), expired], with_imap());
    assert_eq!(code(&plain25(), &seen, &network(Some(Connect::Silent)), None), VerdictCode::PortBlockedNetwork);
    // The host before the login.
    let mut late = good(587);
    late.greeting.as_mut().unwrap().ms = 12_000;
    let refused = LoginFinding { end: End::Refused, ..logged_in(Some(reply(535, "no")), None) };
    assert_eq!(code(&login587(), &host(vec![late], vec![]), &network(None), Some(&refused)), VerdictCode::SlowServer);
}

#[test]
fn row_20c_it_answered_in_an_earlier_run_and_does_not_any_more() {
    let silent = host(vec![shut(587, Connect::Silent), shut(26, Connect::Refused)], vec![]);
    let seen = HostFindings { answered_s_ago: Some(130), ..silent };
    let told = verdict(&login587(), &seen, &all_well(true), None);
    assert_eq!(told.code, row("20c-again").verdict());
    assert!(told.summary.contains("answered 2 minutes ago and does not any more"), "{told:?}");
    assert!(told.evidence.iter().any(|line| line.contains("may have banned this address")), "{told:?}");
    // By a VPN it is another address, and without a witness it may be this computer's own line.
    let by_vpn = NetworkView { vpn: Some("tun0".into()), ..all_well(true) };
    let told = verdict(&login587(), &seen, &by_vpn, None);
    assert!(!told.summary.contains("banned") && !told.evidence.iter().any(|line| line.contains("banned")), "{told:?}");
    let told = verdict(&login587(), &seen, &network(None), None);
    assert_eq!(told.code, VerdictCode::Uncertain);
    assert!(!told.evidence.iter().any(|line| line.contains("banned")), "{told:?}");
}

#[test]
fn row_26_the_sender_is_refused_at_the_recipient() {
    let seen = host(vec![good(587)], vec![]);
    let said = |to_itself: Reply| LoginFinding {
        to_itself: Some(to_itself),
        ..logged_in(Some(reply(235, "ok")), Some(reply(250, "ok")))
    };
    let not_owned = "5.7.1 <anna@hosting.test>: Sender address rejected: not owned by user berta";
    let same =
        "5.7.1 <anna@hosting.test>: Recipient address rejected: Sender is not same as SMTP authenticate username";
    for (row, refused) in [
        (row("26-delayed"), reply(553, not_owned)),
        (row("26-delayed"), reply(550, not_owned)),
        (row("26-iredapd"), reply(554, same)),
    ] {
        let told = verdict(&login587(), &seen, &network(None), Some(&said(refused.clone())));
        assert_eq!(told.code, row.verdict(), "{refused:?}");
        assert!(
            told.summary.contains("5.7.1") && told.evidence.iter().any(|line| line.contains("at RCPT")),
            "{told:?}"
        );
    }
    // Later, or about the recipient: the account is as good as it was.
    for other in [
        reply(450, not_owned),
        reply(450, "greylisted"),
        reply(552, "full"),
        reply(550, "user unknown"),
        reply(553, "?"),
    ] {
        let told = verdict(&login587(), &seen, &network(None), Some(&said(other.clone())));
        assert_eq!(told.code, VerdictCode::Ok, "{other:?}");
    }
}

/// A sentence that says what was seen, where nothing is sure.
#[test]
fn what_is_uncertain_is_told_in_plain_words() {
    let again = HostFindings {
        repeats: vec![control("mail.hosting.test", 25, Connect::Open)],
        ..host(vec![shut(25, Connect::Silent), good(26)], vec![])
    };
    let told = verdict(&plain25(), &again, &all_well(true), None);
    assert_eq!(told.code, VerdictCode::Uncertain);
    assert!(told.summary.contains("The line loses packets"), "{told:?}");
    let tarpit = PortFinding { ms: 31_000, ..ended(587, Phase::Greeting, End::TimedOut) };
    let tarpit = host(vec![tarpit], vec![]);
    let told = verdict(&login587(), &tarpit, &all_well(true), None);
    assert_eq!(told.code, VerdictCode::Uncertain);
    assert!(told.summary.contains("picks up on port 587 and then says nothing"), "{told:?}");
    let flood = ended(587, Phase::EhloAfterTls, End::Garbage { seen: "250-mail.hosting.test".into() });
    let told = verdict(&login587(), &host(vec![flood], vec![]), &network(None), None);
    assert!(told.evidence.iter().any(|line| line.contains("could not be read to its end")), "{told:?}");
    // Not "says: ... It says: ..".
    let later = logged_in(Some(reply(235, "ok")), Some(reply(451, "4.3.0 later")));
    let told = verdict(&login587(), &host(vec![good(587)], vec![]), &network(None), Some(&later));
    assert_eq!(told.summary, "mail.hosting.test cannot take mail at the moment. It says: 451 4.3.0 later");
}
