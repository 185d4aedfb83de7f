//! Whether a host takes a mail program that is older than port26: the hello of such a program against hosts of every kind, and
//! what becomes of an account whose program cannot use what port26 has proven.

use std::sync::Arc;
use std::time::Duration;

use port26::account::{AuthSetting, Mechanism, TlsMode};
use port26::diagnosis::VerdictCode;
use port26::plan::Outcome;
use port26::probe::finding::{HelloAnswer, HelloFinding};
use port26::probe::network::Route;
use port26::probe::{Config, Prober};
use port26::tls_offer::{TlsOffer, TlsVersion};
use rustls::ServerConfig;

use crate::support::scripted_host::{Authority, Dates, Handshake, SERVER_HELLO_1_0, Script, ScriptedHost};
use crate::support::world::{PASSWORD, Seen, World};

const HOST: &str = "mail.hosting.test";

/// One host with this script, and its answer to this hello.
async fn asked(change: impl FnOnce(&mut Script), tls: TlsMode, offer: &TlsOffer) -> (HelloFinding, ScriptedHost) {
    let authority = Authority::new();
    let mut script = Script::new(authority.server(&[HOST], Dates::Now));
    script.implicit = tls == TlsMode::Implicit;
    change(&mut script);
    let host = ScriptedHost::start(script);
    let config = Config {
        connect_to: vec![format!("{HOST}::127.0.0.1:{}", host.port()).parse().unwrap()],
        deadline: Duration::from_secs(1),
        ..Config::default()
    };
    let prober = Prober::new(config).unwrap();
    let finding = prober.hello(HOST, (587, tls).into(), offer).await;
    (finding, host)
}

const MODES: [TlsMode; 2] = [TlsMode::Starttls, TlsMode::Implicit];

/// rustls is the host: it has TLS 1.2 and 1.3, and no suite without forward secrecy.
#[tokio::test]
async fn a_host_of_today_takes_1_2_and_refuses_what_ends_before() {
    for tls in MODES {
        for offer in [TlsOffer::SCHANNEL_10, TlsOffer::SECURE_TRANSPORT, TlsOffer::NSS] {
            let (finding, host) = asked(|_| {}, tls, &offer).await;
            let HelloAnswer::Taken { version: TlsVersion::V1_2, suite } = finding.answer else { panic!("{finding:?}") };
            assert!(offer.suites.contains(&suite), "{suite:#x}");
            host.all_gone();
            assert_eq!(host.connections(), 1);
        }
        for offer in [TlsOffer::SCHANNEL_XP, TlsOffer::SCHANNEL_7, TlsOffer::SECURE_TRANSPORT_OLD, TlsOffer::NSS_OLD] {
            let (finding, _host) = asked(|_| {}, tls, &offer).await;
            assert!(matches!(finding.answer, HelloAnswer::Refused { alert: Some(_) }), "{finding:?}");
        }
    }
}

/// Under Windows the system's own TLS is asked, with the same words as a program that asks for nothing in particular; elsewhere
/// programs bring their own.
#[tokio::test(flavor = "multi_thread")]
async fn the_systems_own_tls_is_a_second_witness_where_there_is_one() {
    use port26_platform::computer::Os;
    use port26_platform::system_tls::Shaken;
    for tls in MODES {
        for (handshake, agrees) in [(Handshake::Proper, true), (Handshake::TooOld, false)] {
            let authority = Authority::new();
            let mut script = Script::new(authority.server(&[HOST], Dates::Now));
            (script.implicit, script.handshake) = (tls == TlsMode::Implicit, handshake);
            let host = ScriptedHost::start(script);
            let connect_to = vec![format!("{HOST}::127.0.0.1:{}", host.port()).parse().unwrap()];
            let prober = Prober::new(Config { connect_to, ..Config::default() }).unwrap();
            let told = prober.hello_by_system(HOST, (587, tls).into()).await;
            match Os::here() {
                Os::Windows => {
                    assert_eq!(matches!(told, Some(Shaken::Agreed)), agrees, "{tls:?} {handshake:?}: {told:?}");
                }
                _ => assert_eq!(told, None),
            }
            let said = [host.clear(), host.inside()].concat();
            assert!(!said.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{said:?}");
        }
    }
}

#[tokio::test]
async fn a_host_that_has_tls_1_0_takes_the_oldest() {
    for tls in MODES {
        let (finding, host) = asked(|script| script.handshake = Handshake::OldToo, tls, &TlsOffer::SCHANNEL_XP).await;
        assert_eq!(finding.answer, HelloAnswer::Taken { version: TlsVersion::V1_0, suite: 10 });
        assert_eq!(finding.offer, TlsOffer::SCHANNEL_XP.label());
        // A suite that was not offered is no yes: the program would leave.
        let other = asked(
            |script| script.handshake = Handshake::Says(SERVER_HELLO_1_0),
            tls,
            &TlsOffer::NSS_OLD.within(TlsVersion::V1_0, TlsVersion::V1_0),
        )
        .await;
        assert!(matches!(other.0.answer, HelloAnswer::Taken { .. }), "NSS had 0x000a, too");
        host.all_gone();
        let said = [host.clear(), host.inside()].concat();
        assert!(!said.iter().any(|line| line.starts_with("AUTH")), "{said:?}");
    }
}

/// Whatever a host says instead of TLS: nothing is known of it, and it is asked once more at most.
#[tokio::test]
async fn what_is_no_answer_is_not_known_and_no_crash() {
    const HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    const CUT: &[u8] = &[22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1, 7, 7];
    for (handshake, connections) in
        [(Handshake::Says(HTTP), 2), (Handshake::Says(CUT), 2), (Handshake::Garbage, 2), (Handshake::Silence, 2)]
    {
        let (finding, host) =
            asked(|script| script.handshake = handshake, TlsMode::Starttls, &TlsOffer::SCHANNEL_7).await;
        assert!(matches!(finding.answer, HelloAnswer::NotKnown { .. }), "{handshake:?}: {finding:?}");
        assert_eq!(host.connections(), connections, "{handshake:?}");
    }
    // Many servers that have nothing in common with a client just go, and so does a line that breaks.
    let (finding, host) =
        asked(|script| script.handshake = Handshake::Close, TlsMode::Starttls, &TlsOffer::SCHANNEL_7).await;
    assert_eq!((finding.answer, host.connections()), (HelloAnswer::Closed, 2));
    // A giant alert is an alert, and a warning is none: after it the host goes on, or is heard out.
    const WARNED: &[u8] = &[21, 3, 1, 0, 2, 1, 112, 22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1, 7, 7];
    let (finding, _host) =
        asked(|script| script.handshake = Handshake::Says(WARNED), TlsMode::Starttls, &TlsOffer::SCHANNEL_7).await;
    assert!(matches!(finding.answer, HelloAnswer::NotKnown { .. }), "{finding:?}");
    const GIANT: &[u8] = &[21, 3, 1, 62, 128, 2, 40, 0, 0, 0];
    for (handshake, alert) in [(Handshake::Says(GIANT), Some(40)), (Handshake::TooOld, Some(70))] {
        let (finding, host) =
            asked(|script| script.handshake = handshake, TlsMode::Starttls, &TlsOffer::SCHANNEL_7).await;
        assert_eq!(finding.answer, HelloAnswer::Refused { alert }, "{handshake:?}");
        assert_eq!(host.connections(), 1, "{handshake:?}");
    }
    // A port that does not agree to STARTTLS, or does not answer at all.
    let (finding, _host) =
        asked(|script| script.starttls = "454 not now", TlsMode::Starttls, &TlsOffer::SCHANNEL_7).await;
    assert!(matches!(finding.answer, HelloAnswer::NotKnown { .. }), "{finding:?}");
}

/// A Thunderbird of 2014, which ends at TLS 1.0.
fn old() -> World {
    World::with_account(25, TlsMode::None, AuthSetting::None)
        .given(PASSWORD)
        .of_version("24.8.1")
        .block(25, Route::Drop)
}

fn left(seen: &Seen, code: &str) {
    assert_eq!((seen.outcome, seen.reason.as_str()), (Outcome::Refused, code), "{}", seen.told);
    assert_eq!(seen.changed, Vec::<String>::new(), "{}", seen.told);
    seen.harmless();
    assert_eq!(seen.auths, 0, "a login that proves nothing is not spent");
}

#[tokio::test]
async fn an_old_program_is_not_moved_where_the_host_refuses_it() {
    let seen = old().fix().await;
    assert_eq!(seen.verdict, Some(VerdictCode::PortBlockedNetwork), "the cause stays what it is");
    left(&seen, "client_too_old");
    assert!(seen.told.contains("Thunderbird (up to 24) ends at TLS 1.0"), "{}", seen.told);
}

#[tokio::test]
async fn an_old_program_is_moved_to_the_port_that_takes_it() {
    let seen = old().script(26, |script| script.handshake = Handshake::OldToo).fix().await;
    assert_eq!((seen.outcome, seen.moved_to), (Outcome::Fixed, Some((26, TlsMode::Starttls))), "{}", seen.told);
    assert!(seen.undone);
    seen.harmless();
    // Not the first in the policy's order, but the first that takes it.
    let seen = old().script(465, |script| script.handshake = Handshake::OldToo).fix().await;
    assert_eq!((seen.outcome, seen.moved_to), (Outcome::Fixed, Some((465, TlsMode::Implicit))), "{}", seen.told);
    seen.harmless();
}

#[tokio::test]
async fn an_account_of_a_program_of_today_costs_no_connection_more() {
    let of = |version| {
        World::with_account(25, TlsMode::None, AuthSetting::None)
            .given(PASSWORD)
            .of_version(version)
            .block(25, Route::Drop)
    };
    let today = of("128.5.0").fix().await;
    assert_eq!((today.outcome, today.moved_to), (Outcome::Fixed, Some((26, TlsMode::Starttls))));
    let asked = of("52.9.1").fix().await;
    assert_eq!(asked.outcome, Outcome::Fixed, "{}", asked.told);
    assert_eq!(
        asked.connections,
        today.connections + 1,
        "a program that ends at TLS 1.2, and a host that took 1.3: one hello"
    );
    // A host that ends at 1.2 has told it already.
    let authority_of_1_2 = |script: &mut Script| script.tls = script.tls.as_ref().map(only_1_2);
    let known = of("52.9.1").script(26, authority_of_1_2).fix().await;
    assert_eq!((known.outcome, known.connections), (Outcome::Fixed, today.connections), "{}", known.told);
}

/// The same certificate, and nothing newer than TLS 1.2.
fn only_1_2(tls: &Arc<ServerConfig>) -> Arc<ServerConfig> {
    let provider = Arc::clone(tls.crypto_provider());
    let config =
        ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS12]).unwrap();
    Arc::new(config.with_no_client_auth().with_cert_resolver(Arc::clone(&tls.cert_resolver)))
}

/// One that works, as far as port26 can see, and whose program cannot use it.
#[tokio::test]
async fn a_port_that_works_for_port26_alone_is_told_and_nothing_is_lost() {
    let there =
        || World::with_account(587, TlsMode::Starttls, AuthSetting::Password).given(PASSWORD).of_version("24.8.1");
    let seen = there().fix().await;
    assert_eq!((seen.outcome, seen.reason.as_str()), (Outcome::Refused, "client_too_old"), "{}", seen.told);
    assert_eq!(seen.changed, Vec::<String>::new());
    seen.harmless();
    let works = there().script(587, |script| script.handshake = Handshake::OldToo).fix().await;
    assert_eq!(works.outcome, Outcome::AlreadyWorks, "{}", works.told);
    // Another port of its host takes it: it is moved, and the program is named as the reason.
    let moved = there().script(26, |script| script.handshake = Handshake::OldToo).fix().await;
    assert_eq!((moved.outcome, moved.moved_to), (Outcome::Fixed, Some((26, TlsMode::Starttls))), "{}", moved.told);
    assert_eq!(moved.reason, "client_too_old", "{}", moved.told);
    let today = World::with_account(587, TlsMode::Starttls, AuthSetting::Password).given(PASSWORD).fix().await;
    assert_eq!(today.outcome, Outcome::AlreadyWorks);
}

#[test]
fn a_mechanism_is_named_in_json_and_only_where_it_is_set() {
    let server = |mechanism| port26::account::SubmissionServer {
        host: HOST.to_owned(),
        port: 26,
        port_is_default: false,
        tls: TlsMode::Starttls,
        auth: AuthSetting::Password,
        credential: port26::account::CredentialSource::Own,
        user: None,
        mechanism,
    };
    let json = |mechanism| serde_json::to_value(server(mechanism)).unwrap();
    assert_eq!(json(Some(Mechanism::CramMd5))["mechanism"], "cram_md5");
    assert!(json(None).get("mechanism").is_none());
}
