//! Never harmful, end to end: the real pipeline on a real home folder, behind an invented network, against hosts that
//! remember every line they were given. Tests of rows of the fault table (`row("ID")`, `faults/table.toml`): the verdict;
//! in a "no change" row not one byte differs, in a "change" row the account is where it should be and undo restores every
//! byte. In every row at most one AUTH, and no password before TLS.

use std::time::Duration;

use port26::account::{AuthSetting, TlsMode};
use port26::diagnosis::VerdictCode;
use port26::network_history::PortState;
use port26::plan::Outcome;
use port26::probe::network::{Lookup, Route};

use crate::support::fault_table::{Row, row};
use crate::support::scripted_host::{self, Dates, Greeting, Handshake};
use crate::support::world::{self, PASSWORD, World};

/// An account as most are that fail: port 25, no encryption, no login.
fn bare() -> World {
    World::with_account(25, TlsMode::None, AuthSetting::None)
}

/// An account on submission with its password given.
fn login(port: u16) -> World {
    let tls = if port == 465 { TlsMode::Implicit } else { TlsMode::Starttls };
    World::with_account(port, tls, AuthSetting::Password).given(PASSWORD)
}

/// The verdict, and nothing was changed.
#[track_caller]
fn unchanged(seen: world::Seen, verdict: VerdictCode, outcome: Outcome) {
    assert_eq!((seen.verdict, seen.outcome), (Some(verdict), outcome), "{}", seen.told);
    assert_eq!(seen.changed, Vec::<String>::new(), "something was changed: {}", seen.told);
    assert_eq!(seen.moved_to, None, "{}", seen.told);
    seen.harmless();
}

/// The verdict, and the account was moved there; undo gave every byte back.
#[track_caller]
fn moved(seen: world::Seen, verdict: VerdictCode, port: u16) {
    assert_eq!((seen.verdict, seen.outcome), (Some(verdict), Outcome::Fixed), "{}", seen.told);
    assert_eq!(seen.moved_to, Some((port, if port == 465 { TlsMode::Implicit } else { TlsMode::Starttls })));
    assert!(!seen.changed.is_empty() && seen.undone, "changed {:?}, undone {}", seen.changed, seen.undone);
    seen.harmless();
}

/// The verdict of the row, a reason that it allows, and nothing was changed.
#[track_caller]
fn unchanged_as(row: &Row, seen: world::Seen, outcome: Outcome) {
    assert_eq!(row.to, None, "row {} is one with a change", row.id);
    assert!(row.reasons.is_empty() || row.reasons.contains(&seen.reason), "row {}: {}", row.id, seen.told);
    unchanged(seen, row.verdict(), outcome);
}

/// The verdict of the row, and the account was moved to its port; undo gave every byte back.
#[track_caller]
fn moved_as(row: &Row, seen: world::Seen) {
    let to = row.to.unwrap_or_else(|| panic!("row {} is one without a change", row.id));
    moved(seen, row.verdict(), to);
}

#[tokio::test]
async fn row_1_the_network_drops_25() {
    moved_as(row("1"), bare().given(PASSWORD).block(25, Route::Drop).fix().await);
}

#[tokio::test]
async fn row_2_the_network_rejects_25() {
    moved_as(row("2"), bare().given(PASSWORD).block(25, Route::Reject).fix().await);
    moved_as(row("2b"), bare().given(PASSWORD).block(25, Route::Prohibit).fix().await);
}

#[tokio::test]
async fn row_3_the_host_closed_its_25() {
    let world = bare().given(PASSWORD).block_host(25, Route::Reject);
    moved_as(row("3"), world.fix().await);
}

#[tokio::test]
async fn row_4_only_the_relay_of_the_provider_answers() {
    let said = "220 relay.home.isp.test ESMTP";
    for greeting in [Greeting::Say(said), Greeting::HeldUp(said)] {
        let world = bare().given(PASSWORD).block(25, Route::Drop).relay(greeting);
        moved_as(row("4"), world.fix().await);
    }
}

#[tokio::test]
async fn row_5_the_host_is_down() {
    for (row, account) in [(row("5"), bare().given(PASSWORD)), (row("5-login"), login(587))] {
        let down = world::ALL_PORTS.into_iter().fold(account, |world, port| world.block_host(port, Route::Drop));
        unchanged_as(row, down.fix().await, Outcome::Refused);
    }
}

#[tokio::test]
async fn row_6_offline() {
    let world = bare().given(PASSWORD).offline();
    unchanged_as(row("6"), world.fix().await, Outcome::Refused);
}

#[tokio::test]
async fn row_8_the_name_does_not_exist() {
    let world = bare().given(PASSWORD).name(Lookup::NoSuchName);
    unchanged_as(row("8"), world.fix().await, Outcome::Refused);
}

#[tokio::test]
async fn row_9_names_are_not_answered() {
    let world = bare().given(PASSWORD).name(Lookup::Silent);
    unchanged_as(row("9"), world.fix().await, Outcome::Refused);
}

#[tokio::test]
async fn row_10_ipv6_goes_nowhere() {
    let world = login(587).with_dead_ipv6();
    unchanged_as(row("10"), world.fix().await, Outcome::Refused);
}

/// A proxy that answers in everybody's place.
fn proxy(script: &mut scripted_host::Script) {
    script.greeting = Greeting::Say("220 proxy.isp.test ESMTP");
    script.ehlo = vec!["proxy.isp.test", "SIZE 1000"];
}

#[tokio::test]
async fn row_11_somebody_else_answers_on_25() {
    let world = World::with_account(25, TlsMode::None, AuthSetting::Password).given(PASSWORD).script(25, proxy);
    moved_as(row("11"), world.elsewhere(proxy).fix().await);
}

/// The host's own gateway: others answer on 25 as themselves.
#[tokio::test]
async fn row_11b_another_machine_of_the_host_answers_on_25() {
    let gateway = || {
        bare().given(PASSWORD).script(25, |script| {
            script.greeting = Greeting::Say("220 gw7.mailfilter.test ESMTP");
            script.ehlo = vec!["gw7.mailfilter.test", "SIZE 1000"];
        })
    };
    let relays = gateway().fix().await;
    assert!(
        relays.told.contains("another server of the host answers on port 25: gw7.mailfilter.test"),
        "{}",
        relays.told
    );
    unchanged_as(row("11b-haproxy-ok"), relays, Outcome::AlreadyWorks);
    let refuses = gateway().script(25, |script| script.rcpt = "550 5.7.1 relaying denied");
    moved_as(row("11b-nginx-relay"), refuses.fix().await);
}

#[tokio::test]
async fn row_12_starttls_is_stripped() {
    for (greeting, keyword) in [
        ("220 mail.hosting.test ESMTP ready", "XXXXXXXA"),
        ("220 ********************************", "SIZE 1000"),
        ("220 mail.hosting.test ESMTP ready", "SIZE 1000"),
    ] {
        let account = || World::with_account(25, TlsMode::Starttls, AuthSetting::Password).given(PASSWORD);
        let stripped = || {
            account().script(25, move |script| {
                script.greeting = Greeting::Say(greeting);
                script.ehlo = vec!["mail.hosting.test", keyword, "AUTH PLAIN LOGIN"];
            })
        };
        let everywhere = stripped().elsewhere(|script| script.ehlo.retain(|line| *line != "STARTTLS"));
        moved_as(row("12b"), everywhere.fix().await);
        // A host that simply has none on 25, while others have it.
        let here = if keyword == "SIZE 1000" && !greeting.contains('*') { row("12-postfix") } else { row("12") };
        moved_as(here, stripped().fix().await);
    }
}

#[tokio::test]
async fn row_13_no_tls_anywhere() {
    let mut world = World::with_account(25, TlsMode::None, AuthSetting::Password).given(PASSWORD);
    for port in [25, 26, 587] {
        world = world.script(port, |script| script.ehlo = vec!["mail.hosting.test", "AUTH PLAIN LOGIN"]);
    }
    let world = world.block_host(465, Route::Reject).block_host(2525, Route::Reject);
    unchanged_as(row("13"), world.fix().await, Outcome::Refused);
}

#[tokio::test]
async fn row_14_the_handshake_breaks() {
    for handshake in [Handshake::Close, Handshake::Garbage, Handshake::TooOld] {
        let mut world = login(587).block_host(465, Route::Reject).block_host(2525, Route::Reject);
        for port in [26, 587] {
            world = world.script(port, |script| script.handshake = handshake);
        }
        unchanged_as(row("14"), world.fix().await, Outcome::Refused);
        let clean_26 = login(587).script(587, |script| script.handshake = handshake);
        moved_as(row("14b"), clean_26.fix().await);
    }
}

#[tokio::test]
async fn row_16_certificates_that_cannot_be_trusted() {
    let expired = login(587).certificate("mail.hosting.test", Dates::Past);
    unchanged_as(row("16"), expired.fix().await, Outcome::Refused);
    let future = login(587).certificate("mail.hosting.test", Dates::Future);
    unchanged_as(row("16c"), future.fix().await, Outcome::Refused);
    unchanged_as(row("16b"), login(587).with_unknown_authority().fix().await, Outcome::Refused);
}

#[tokio::test]
async fn row_35_a_blocked_port_is_not_left_for_a_certificate_that_cannot_be_trusted() {
    let expired = bare().given(PASSWORD).block(25, Route::Drop).certificate("mail.hosting.test", Dates::Past);
    let expired = expired.fix().await;
    assert_eq!((expired.reason.as_str(), expired.connections), ("cert_expired", 1), "{}", expired.told);
    assert!(expired.told.contains("certificate expired on "), "{}", expired.told);
    unchanged_as(row("35-expired"), expired, Outcome::Refused);
    let unknown = bare().given(PASSWORD).block(25, Route::Drop).with_unknown_authority().fix().await;
    assert_eq!(unknown.reason, "cert_untrusted", "{}", unknown.told);
    unchanged_as(row("35-chain"), unknown, Outcome::Refused);
    // No port with TLS from the first byte, which the scripted host always does properly.
    let old = bare().given(PASSWORD).block(25, Route::Drop).block_host(465, Route::Reject);
    let old = old.scripts(|script| script.handshake = Handshake::TooOld);
    unchanged_as(row("35-tls10"), old.fix().await, Outcome::Refused);
}

#[tokio::test]
async fn row_17_a_certificate_for_another_name() {
    let world = login(587).certificate("shared.hosting.test", Dates::Now);
    unchanged_as(row("17"), world.fix().await, Outcome::Refused);
}

/// The name in the certificate leads to the same server: it is offered, and written only where that was agreed to.
#[tokio::test]
async fn rows_17_and_35_the_name_that_fits_needs_consent() {
    const FITS: &str = "shared.hosting.test";
    let blocked = || bare().given(PASSWORD).block(25, Route::Drop).certificate(FITS, Dates::Now);
    let own = || login(587).certificate(FITS, Dates::Now);
    for (world, elsewhere, silent_row, port) in
        [(&blocked as &dyn Fn() -> World, row("35-name"), row("35-rename"), 26), (&own, row("17"), row("17"), 587)]
    {
        // It leads elsewhere, or nowhere.
        let named = world().fix().await;
        assert_eq!(named.reason, "cert_name", "{}", named.told);
        assert!(named.told.contains(FITS), "{}", named.told);
        unchanged_as(elsewhere, named, Outcome::Refused);
        // Nobody was asked; and no password goes to a name that nobody agreed to.
        let silent = world().alias(FITS).fix().await;
        assert_eq!((silent.reason.as_str(), silent.auths), ("cert_name", 0), "{}", silent.told);
        unchanged_as(silent_row, silent, Outcome::NeedsUser);
        let agreed = world().alias(FITS).agreed().fix().await;
        assert_eq!((agreed.moved_host.as_deref(), agreed.auths), (Some(FITS), 0), "{}", agreed.told);
        moved(agreed, silent_row.verdict(), port);
        let allowed = world().alias(FITS).policy(|policy| policy.allow_host_rename.value = true).fix().await;
        assert_eq!((allowed.moved_host.as_deref(), allowed.auths), (Some(FITS), 1), "{}", allowed.told);
        if port == 26 {
            moved_as(row("35-agreed"), allowed);
        } else {
            moved(allowed, silent_row.verdict(), port);
        }
    }
}

/// A name of another operator's, though the policy lets names be changed: what was given for this host is not its.
#[tokio::test]
async fn rows_17_and_35_no_given_password_goes_to_another_operators_name() {
    const OTHERS: &str = "box7.bighost.example";
    let blocked = bare().given(PASSWORD).block(25, Route::Drop);
    for (world, row) in [(blocked, row("35-rename")), (login(587), row("17"))] {
        let world = world.certificate(OTHERS, Dates::Now).alias(OTHERS);
        let seen = world.policy(|policy| policy.allow_host_rename.value = true).fix().await;
        assert_eq!((seen.reason.as_str(), seen.auths), ("cert_name", 0), "{}", seen.told);
        unchanged_as(row, seen, Outcome::NeedsUser);
    }
}

#[tokio::test]
async fn row_19_a_slow_greeting() {
    let world = login(587).script(587, |script| {
        script.greeting = Greeting::Late("220 mail.hosting.test ESMTP", Duration::from_secs(5));
    });
    unchanged_as(row("19b"), world.fix().await, Outcome::Refused);
}

/// 25 is blocked, and every other port keeps everybody waiting: so is the first target.
#[tokio::test]
async fn row_19_a_host_that_is_slow_on_every_port() {
    let late = Greeting::Late("220 mail.hosting.test ESMTP", Duration::from_secs(5));
    let world = bare().given(PASSWORD).block(25, Route::Drop).scripts(move |script| script.greeting = late.clone());
    let seen = world.fix().await;
    assert!(seen.connections <= 3, "{} connections", seen.connections);
    moved_as(row("19-postfix"), seen);
    // One that closes without a word is not slow.
    let closes = bare().given(PASSWORD).block(25, Route::Drop).scripts(|script| script.greeting = Greeting::Close);
    let seen = closes.fix().await;
    assert_eq!(seen.reason, "server_refused_client", "{}", seen.told);
    unchanged(seen, VerdictCode::PortBlockedNetwork, Outcome::Refused);
}

#[tokio::test]
async fn a_greeting_that_lost_packets_held_up_is_asked_for_again() {
    let world = login(587).script(587, |script| script.greeting = Greeting::HeldUp("220 mail.hosting.test ESMTP"));
    unchanged(world.fix().await, VerdictCode::Ok, Outcome::AlreadyWorks);
}

#[tokio::test]
async fn row_20_refused_at_the_door() {
    for (greeting, row) in [
        (Greeting::Say("554 5.7.1 go away"), row("20")),
        (Greeting::Say("421 too busy"), row("20-421")),
        (Greeting::Close, row("20-closes")),
    ] {
        for account in [login(587), bare().given(PASSWORD)] {
            let greeting = greeting.clone();
            let seen = account.scripts(move |script| script.greeting = greeting.clone()).fix().await;
            // The server's own words are shown.
            let words = if row.id == "20-421" { "It says: 421 too busy" } else { "" };
            assert!(seen.told.contains(words), "{}", seen.told);
            unchanged_as(row, seen, Outcome::Refused);
        }
    }
}

#[tokio::test]
async fn row_20b_refused_on_25_only() {
    for (row, greeting) in [
        (row("20b-postfix"), "554 5.7.1 dynamic addresses are not served here"),
        (row("20b-postscreen"), "521 5.3.2 no mail here"),
        (row("20b-exim"), "550 5.7.1 dynamic addresses are not served here"),
    ] {
        let world = bare().given(PASSWORD).script(25, move |script| script.greeting = Greeting::Say(greeting));
        let seen = world.fix().await;
        assert!(seen.told.contains(&format!("It says: {greeting}")), "{}", seen.told);
        moved_as(row, seen);
    }
    let later = bare().given(PASSWORD).script(25, |script| script.greeting = Greeting::Say("421 4.3.2 later"));
    unchanged(later.fix().await, VerdictCode::TemporaryFailure, Outcome::Refused);
}

/// It answered twice, and then it does not any more: that is told, and nobody knocks again.
#[tokio::test]
async fn row_20c_a_host_that_bans_is_left_in_peace() {
    let seen = bare().given(PASSWORD).twice().bans_after(2).fix().await;
    assert_eq!(seen.verdicts, [Some(VerdictCode::Ok), Some(row("20c-ban").verdict())], "{}", seen.told);
    assert!(seen.told.contains("may have banned this address"), "{}", seen.told);
    assert_eq!((seen.connections, seen.changed.len()), (2, 0));
    seen.harmless();
}

#[tokio::test]
async fn row_21_no_login_is_offered() {
    let world = login(587).script(587, |script| script.ehlo_tls = vec!["mail.hosting.test", "SIZE 1000"]);
    moved_as(row("21"), world.fix().await);
}

#[tokio::test]
async fn row_22_a_login_only_inside_tls_is_normal() {
    unchanged_as(row("22"), login(587).fix().await, Outcome::AlreadyWorks);
}

/// The program never sees that offer: it is set to use no encryption.
#[tokio::test]
async fn row_22_a_login_only_inside_tls_is_no_login_for_an_account_without_it() {
    for auth in [AuthSetting::Password, AuthSetting::Encrypted] {
        let at_587 = World::with_account(587, TlsMode::None, auth).given(PASSWORD).fix().await;
        moved(at_587, VerdictCode::AuthUnavailable, 587);
        let at_25 = World::with_account(25, TlsMode::None, auth).given(PASSWORD).fix().await;
        moved(at_25, VerdictCode::AuthUnavailable, 26);
    }
    // One that is offered without encryption works, however bad an idea it is.
    let offers = |script: &mut scripted_host::Script| script.ehlo.push("AUTH PLAIN LOGIN");
    let plain = World::with_account(587, TlsMode::None, AuthSetting::Password).scripts(offers).fix().await;
    unchanged_as(row("22"), plain, Outcome::AlreadyWorks);
}

#[tokio::test]
async fn row_23_a_wrong_password_is_tried_once() {
    let world = login(587).scripts(|script| script.auth = "535 5.7.8 authentication failed");
    unchanged_as(row("23"), world.fix().await, Outcome::Refused);
    let world =
        bare().given(PASSWORD).block(25, Route::Drop).scripts(|script| script.auth = "535 5.7.8 authentication failed");
    let seen = world.fix().await;
    assert_eq!(seen.auths, 1, "one AUTH, whatever ports there are");
    unchanged(seen, VerdictCode::PortBlockedNetwork, Outcome::NeedsUser);
}

/// Many hosts ban an address after a few more.
#[tokio::test]
async fn after_the_second_refused_login_a_host_is_sent_none() {
    let world = login(587).people(4).scripts(|script| script.auth = "535 5.7.8 authentication failed");
    let seen = world.fix().await;
    assert_eq!((seen.auths, seen.fixed), (2, 0), "{}", seen.told);
    assert_eq!(seen.told.matches("logins_stopped").count(), 2, "{}", seen.told);
    assert_eq!(seen.changed, Vec::<String>::new());
}

#[tokio::test]
async fn row_24_another_way_to_log_in_is_needed() {
    for answer in ["534 5.7.9 authentication mechanism is too weak", "504 5.5.4 unrecognized authentication type"] {
        let world = login(587).scripts(move |script| script.auth = answer);
        unchanged_as(row("24"), world.fix().await, Outcome::Refused);
    }
}

/// A wrong kind of password, or an account that is kept from mail programs: no other port is tried, and nothing is changed.
#[tokio::test]
async fn row_24_the_login_is_refused_for_what_the_person_can_mend_on_the_web_page() {
    for (row, answer) in [
        (row("24e"), "534 5.7.9 Application-specific password required. Learn more"),
        (row("24f"), "535 5.7.8 Error: authentication failed: This user does not have access rights to this service"),
        (row("24g"), "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect."),
    ] {
        let world = login(587).scripts(move |script| script.auth = answer);
        let seen = world.fix().await;
        assert_eq!(seen.auths, 1, "{}: {}", row.id, seen.told);
        unchanged_as(row, seen, Outcome::Refused);
        let blocked = bare().given(PASSWORD).block(25, Route::Drop).scripts(move |script| script.auth = answer);
        let seen = blocked.fix().await;
        assert_eq!((seen.auths, seen.reason.as_str()), (1, row.verdict.as_str()), "{}", seen.told);
        unchanged(seen, VerdictCode::PortBlockedNetwork, Outcome::NeedsUser);
    }
}

#[tokio::test]
async fn row_24_logins_with_a_password_have_ended() {
    for (row, answer) in [
        (row("24c"), "550 5.7.30 Basic authentication is not supported for Client Submission."),
        (row("24d"), "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."),
    ] {
        let world = login(587).scripts(move |script| script.auth = answer);
        unchanged_as(row, world.fix().await, Outcome::Refused);
    }
}

#[tokio::test]
async fn row_25_relaying_denied() {
    for (row, answer) in [
        (row("25"), "554 5.7.1 relay access denied"),
        (row("25b"), "530 5.7.0 authentication required"),
        (row("25c"), "550 5.7.1 relaying denied"),
    ] {
        let world = bare().given(PASSWORD).script(25, move |script| script.mail = answer);
        moved_as(row, world.fix().await);
    }
}

/// All of Postfix, Exim, Sendmail, OpenSMTPD, Courier and Haraka say yes to the sender, and refuse to relay then.
#[tokio::test]
async fn row_25_relaying_is_refused_at_the_recipient() {
    for (row, answer) in [
        (row("25-postfix"), "554 5.7.1 Relay access denied"),
        (row("25-exim"), "550 relay not permitted"),
        (row("25b"), "530 5.7.0 log in"),
    ] {
        let world = bare().given(PASSWORD).script(25, move |script| script.rcpt = answer);
        let seen = world.fix().await;
        assert!(seen.told.contains(answer) && !seen.verbs.contains(&"DATA".to_owned()), "{}", seen.told);
        moved_as(row, seen);
    }
    // A submission port is kept: only the login is missing.
    for (port, tls) in [(587, TlsMode::None), (587, TlsMode::Starttls), (465, TlsMode::Implicit)] {
        let world = World::with_account(port, tls, AuthSetting::None).given(PASSWORD);
        let seen = world.scripts(|script| script.rcpt = "554 5.7.1 Relay access denied").fix().await;
        if port == 587 {
            moved_as(row("25-submission"), seen);
        } else {
            moved(seen, VerdictCode::AuthRequired, port);
        }
    }
    // Greylisting is no refusal.
    let grey = bare().given(PASSWORD).script(25, |script| script.rcpt = "450 4.2.0 greylisted");
    unchanged(grey.fix().await, VerdictCode::TemporaryFailure, Outcome::Refused);
}

#[tokio::test]
async fn row_27_a_host_whose_login_service_is_down_is_told_as_that() {
    let down = |change: fn(&mut scripted_host::Script)| bare().given(PASSWORD).block(25, Route::Drop).scripts(change);
    for change in [
        (|script| (script.ehlo, script.ehlo_tls) = (vec![], vec![])) as fn(&mut scripted_host::Script),
        |script| script.auth = "",
        |script| script.auth = "435 Unable to authenticate at present",
    ] {
        let seen = down(change).fix().await;
        assert_eq!(seen.reason, "temporary_failure", "{}", seen.told);
        assert!(!seen.told.contains("Ask your mail host which port"), "{}", seen.told);
        unchanged(seen, VerdictCode::PortBlockedNetwork, Outcome::Refused);
    }
    for (row, change) in [
        (row("27-postfix"), (|script| script.ehlo_tls = vec![]) as fn(&mut scripted_host::Script)),
        (row("27-postfix"), |script| script.auth = ""),
        (row("27-exim"), |script| script.auth = "435 Unable to authenticate at present"),
    ] {
        let seen = login(587).scripts(change).fix().await;
        assert!(seen.told.contains("login service"), "{}", seen.told);
        unchanged_as(row, seen, Outcome::Refused);
    }
}

#[tokio::test]
async fn row_26_the_sender_is_not_owned() {
    let world = login(587).scripts(|script| script.mail = "553 5.7.1 sender address rejected: not owned by user");
    unchanged_as(row("26"), world.fix().await, Outcome::Refused);
}

#[tokio::test]
async fn row_27_try_later() {
    let world = login(587).scripts(|script| script.mail = "451 4.7.1 greylisted, try again");
    unchanged_as(row("27"), world.fix().await, Outcome::Refused);
}

#[tokio::test]
async fn row_29_25_and_26_are_blocked() {
    let world = bare().given(PASSWORD).block(25, Route::Drop).block(26, Route::Drop);
    moved_as(row("29"), world.fix().await);
    let world = bare().given(PASSWORD).block(25, Route::Drop).block(26, Route::Drop).block(587, Route::Drop);
    moved(world.fix().await, VerdictCode::UseSubmission, 465);
}

#[tokio::test]
async fn row_30_all_mail_ports_are_blocked() {
    let mut world = bare().given(PASSWORD);
    for port in [25, 26, 465, 587, 2525] {
        world = world.block(port, Route::Drop);
    }
    unchanged_as(row("30"), world.fix().await, Outcome::NoRoute);
}

#[tokio::test]
async fn row_31_this_machine_says_no() {
    let world = bare().given(PASSWORD).block(25, Route::Deny);
    unchanged_as(row("31"), world.fix().await, Outcome::Refused);
}

#[tokio::test]
async fn row_34_nothing_is_wrong() {
    for port in [26, 465, 587] {
        unchanged_as(row("34"), login(port).fix().await, Outcome::AlreadyWorks);
    }
    unchanged_as(row("34b"), bare().given(PASSWORD).fix().await, Outcome::AlreadyWorks);
}

/// 26 speaks TLS from the first byte, and nothing else gets through.
#[tokio::test]
async fn row_37_implicit_tls_on_26() {
    let mut world = bare().given(PASSWORD).block(25, Route::Drop).script(26, |script| script.implicit = true);
    for port in [465, 587, 2525] {
        world = world.block_host(port, Route::Reject);
    }
    let seen = world.fix().await;
    let row = row("37-postfix");
    assert_eq!((seen.verdict, seen.outcome), (Some(row.verdict()), Outcome::Fixed), "{}", seen.told);
    assert_eq!(seen.moved_to, row.to.map(|port| (port, TlsMode::Implicit)), "{}", seen.told);
    assert!(seen.undone);
    seen.harmless();
}

/// A bridge, a spam filter: what it does is its own business, whether it runs or not.
#[tokio::test]
async fn row_38_a_program_on_this_computer() {
    let bridge = || World::with_account(587, TlsMode::Starttls, AuthSetting::Password).given(PASSWORD).at("127.0.0.1");
    let down = bridge().block_host(587, Route::Reject).fix().await;
    assert!(down.told.contains("Start it"), "{}", down.told);
    assert_eq!((down.connections, down.strangers), (0, 0));
    unchanged_as(row("38"), down, Outcome::Refused);
    let up = bridge().with_unknown_authority().fix().await;
    assert_eq!((up.connections, up.strangers, up.auths), (1, 0, 0), "{}", up.told);
    assert!(!up.told.contains("Tell your mail host"), "{}", up.told);
    unchanged_as(row("38"), up, Outcome::NotOurs);
}

/// The greeting comes, and then nothing: for everybody.
#[tokio::test]
async fn row_39_silence_after_the_first_bytes() {
    let mute = |script: &mut scripted_host::Script| script.slowness = Duration::from_secs(20);
    moved_as(row("39"), bare().given(PASSWORD).script(25, mute).elsewhere(mute).fix().await);
    unchanged(bare().given(PASSWORD).script(25, mute).fix().await, VerdictCode::Uncertain, Outcome::Refused);
}

/// A host is not knocked at more often than needed, and nobody else is while all is well.
#[tokio::test]
async fn a_good_guest_knocks_seldom() {
    for world in [login(26), login(587), login(465)] {
        let seen = world.fix().await;
        assert_eq!((seen.connections, seen.strangers), (1, 0), "{}", seen.told);
    }
    let on_25 = bare().given(PASSWORD).fix().await;
    assert_eq!((on_25.connections, on_25.strangers), (2, 0), "{}", on_25.told);
    let blocked = bare().given(PASSWORD).block(25, Route::Drop).fix().await;
    assert!(blocked.connections <= 2, "{} connections", blocked.connections);
    let both = bare().given(PASSWORD).block(25, Route::Drop).block(26, Route::Drop).fix().await;
    assert!(both.connections <= 3, "{} connections", both.connections);
}

#[tokio::test]
async fn without_a_password_the_user_is_needed() {
    let seen = bare().block(25, Route::Drop).fix().await;
    assert_eq!(seen.auths, 0);
    unchanged(seen, VerdictCode::PortBlockedNetwork, Outcome::NeedsUser);
}

#[tokio::test]
async fn two_accounts_with_one_login_are_one_auth() {
    let seen = bare().given(PASSWORD).twice().block(25, Route::Drop).fix().await;
    assert_eq!((seen.auths, seen.fixed), (1, 2), "{}", seen.told);
    seen.harmless();
    let refused = bare()
        .given(PASSWORD)
        .twice()
        .block(25, Route::Drop)
        .scripts(|script| script.auth = "535 5.7.8 authentication failed")
        .fix()
        .await;
    assert_eq!((refused.auths, refused.fixed), (1, 0), "{}", refused.told);
    assert_eq!(refused.changed, Vec::<String>::new());
    refused.harmless();
}

#[tokio::test]
async fn nothing_is_sent_where_a_relay_takes_what_it_is_given() {
    let seen = bare().given(PASSWORD).block(25, Route::Drop).fix().await;
    assert!(!seen.verbs.iter().any(|verb| ["DATA", "BDAT"].contains(&verb.as_str())), "{:?}", seen.verbs);
}

/// What the network did the last time, if it still does it, is confirmed by one conversation.
#[tokio::test]
async fn a_known_network_is_confirmed_in_one_conversation() {
    let works = login(587).before(587, PortState::Open).fix().await;
    assert_eq!(works.connections, 1, "{}", works.told);
    unchanged(works, VerdictCode::Ok, Outcome::AlreadyWorks);
    // Beside it only packets that nobody answers, and other hosts: why 25 is silent is asked as ever.
    let known =
        bare().given(PASSWORD).block(25, Route::Drop).before(25, PortState::Blocked).before(26, PortState::Open);
    let blocked = known.fix().await;
    assert_eq!(blocked.connections, 1, "{}", blocked.told);
    moved(blocked, VerdictCode::PortBlockedNetwork, 26);
    // A port that is remembered to be blocked is not waited for: what comes after it is asked at once.
    let remembered =
        bare().given(PASSWORD).block(25, Route::Drop).block(26, Route::Drop).before(26, PortState::Blocked);
    let seen = remembered.fix().await;
    assert_eq!(seen.connections, 1, "{}", seen.told);
    moved(seen, VerdictCode::UseSubmission, 587);
}

/// What is remembered decides nothing: every verdict is the one of a network never seen.
#[tokio::test]
async fn what_is_remembered_wrongly_changes_no_verdict() {
    let remembered =
        |world: World| world.before(25, PortState::Blocked).before(26, PortState::Open).before(587, PortState::Open);
    // 25 works again.
    unchanged(remembered(bare()).fix().await, VerdictCode::Ok, Outcome::AlreadyWorks);
    // 26 is blocked as well by now; then both are blocked, and nothing is left.
    let shut = |world: World| world.block(25, Route::Drop).block(26, Route::Drop).given(PASSWORD);
    moved(shut(remembered(bare())).fix().await, VerdictCode::UseSubmission, 587);
    let all =
        [25, 26, 465, 587, 2525].into_iter().fold(remembered(bare()), |world, port| world.block(port, Route::Drop));
    unchanged(all.fix().await, VerdictCode::NetworkBlocksMail, Outcome::NoRoute);
    // 587 still answers, but not as it should.
    unchanged(
        remembered(login(587)).with_unknown_authority().fix().await,
        VerdictCode::CertUntrusted,
        Outcome::Refused,
    );
    let without_login =
        remembered(login(587)).script(587, |script| script.ehlo_tls.retain(|line| !line.starts_with("AUTH")));
    moved(without_login.fix().await, VerdictCode::AuthUnavailable, 26);
    unchanged(
        remembered(login(587)).script(587, |script| script.auth = "535 5.7.8 no").fix().await,
        VerdictCode::BadCredentials,
        Outcome::Refused,
    );
    let late = remembered(login(587)).script(587, |script| script.greeting = Greeting::Never);
    unchanged(late.fix().await, VerdictCode::SlowServer, Outcome::Refused);
}

/// Postfix says at RCPT what it has against a sender, unless told not to.
const NOT_OWNED: &str = "553 5.7.1 <anna@hosting.test>: Sender address rejected: not owned by user berta@hosting.test";

#[tokio::test]
async fn row_26_the_sender_is_refused_at_the_recipient() {
    let world = login(587).scripts(|script| script.rcpt = NOT_OWNED);
    unchanged_as(row("26-delayed"), world.fix().await, Outcome::Refused);
    let world = bare().given(PASSWORD).block(25, Route::Drop).scripts(|script| script.rcpt = NOT_OWNED);
    let seen = world.fix().await;
    assert_eq!(seen.reason, "from_not_allowed", "{}", seen.told);
    unchanged_as(row("26-target"), seen, Outcome::Refused);
}

#[tokio::test]
async fn row_34_what_is_said_of_the_recipient_is_not_about_the_account() {
    for (row, rcpt) in [
        (row("34-greylist"), "450 4.2.0 greylisted"),
        (row("34-full"), "552 5.2.2 mailbox full"),
        (row("34-unknown"), "550 5.1.1 user unknown"),
        (row("34"), "421 4.7.0 too much"),
        (row("34"), "553 5.1.3 bad"),
    ] {
        let seen = login(587).scripts(move |script| script.rcpt = rcpt).fix().await;
        let verbs: Vec<&str> = seen.verbs.iter().map(String::as_str).filter(|verb| *verb != "EHLO").collect();
        assert_eq!(verbs, ["STARTTLS", "AUTH", "MAIL", "RCPT", "RSET", "QUIT"], "{rcpt}");
        unchanged_as(row, seen, Outcome::AlreadyWorks);
        let moved_all_the_same =
            bare().given(PASSWORD).block(25, Route::Drop).script(26, move |script| script.rcpt = rcpt);
        moved(moved_all_the_same.fix().await, VerdictCode::PortBlockedNetwork, 26);
    }
}
