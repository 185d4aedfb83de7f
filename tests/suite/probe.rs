//! The probe against hosts that misbehave in every way the design names: what was seen, and above all what was sent.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use port26::account::TlsMode::{self, Implicit, Starttls};
use port26::probe::finding::{Connect, End, Phase, PortFinding, Resolution, TlsTrouble};
use port26::probe::network::{Lookup, Network, Route};
use port26::probe::{Config, LoginRefused, Mechanism, MessageLogin, PlaintextAuth, Prober, SendError, Session, Target};
use secrecy::SecretString;

use crate::support::scripted_host::{self, Authority, Dates, Greeting, Handshake, Script, ScriptedHost};

const HOST: &str = "mail.hosting.test";
const USER: &str = "ann@hosting.test";

/// Longer than any step takes, however busy the machine.
const AGES: Duration = Duration::from_secs(20);

fn password() -> SecretString {
    SecretString::from("open sesame")
}

/// Logs in for a message, in whatever way is offered.
fn for_a_message(password: &SecretString) -> MessageLogin<'_> {
    MessageLogin { user: USER, password, mechanism: None }
}

/// Short waits, and yet long enough for a busy machine. Where a test is about time, the waits that must not be
/// waited for are `AGES`: a busy machine cannot be taken for one that waits.
fn quick(authority: &Authority) -> Config {
    Config {
        extra_anchors: vec![authority.anchor.clone()],
        deadline: Duration::from_secs(2),
        greeting_patience: Duration::from_secs(1),
        syn_offsets: [0, 50, 100].map(Duration::from_millis).to_vec(),
        stagger: Duration::from_millis(50),
        begun_patience: AGES,
        early_silence: Some(Duration::from_millis(300)),
        ..Config::default()
    }
}

fn led_to(host: &ScriptedHost, config: Config) -> Prober {
    let rule = format!("{HOST}::127.0.0.1:{}", host.port()).parse().unwrap();
    Prober::new(Config { connect_to: vec![rule], ..config }).unwrap()
}

/// One authority, one host that follows `change`d script, one prober that is led to it.
struct Bench {
    host: ScriptedHost,
    prober: Prober,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Script, &Authority)) -> Self {
        let authority = Authority::new();
        let mut script = Script::new(authority.server(&[HOST], Dates::Now));
        change(&mut script, &authority);
        let host = ScriptedHost::start(script);
        let prober = led_to(&host, quick(&authority));
        Self { host, prober }
    }

    fn led_here(&self, config: Config) -> Prober {
        led_to(&self.host, config)
    }

    async fn open(&self, tls: TlsMode) -> (PortFinding, Option<Session>) {
        self.prober.open(HOST, 587, tls).await
    }

    /// A port where nothing but this may be seen, and no session.
    async fn ends(&self, tls: TlsMode, phase: Phase, end: End) -> PortFinding {
        let (finding, session) = self.open(tls).await;
        assert_eq!((finding.phase, &finding.end), (phase, &end), "{finding:#?}");
        assert!(session.is_none());
        assert_eq!(self.auths(), 0);
        finding
    }

    /// AUTH commands received, and anything that looks like the password.
    fn auths(&self) -> usize {
        let lines = [self.host.clear(), self.host.inside()].concat();
        lines.iter().filter(|line| line.starts_with("AUTH") || line.contains("b3BlbiBzZXNhbWU")).count()
    }
}

#[tokio::test]
async fn starttls_then_login() {
    let bench = Bench::new(|_, _| {});
    let (finding, session) = bench.open(Starttls).await;
    assert_eq!((finding.phase, &finding.end), (Phase::Done, &End::Complete), "{finding:#?}");
    assert_eq!(finding.greeting.as_ref().unwrap().lines, ["mail.hosting.test ESMTP ready"]);
    let clear = finding.ehlo.as_ref().unwrap();
    assert_eq!(clear.keywords, ["SIZE 1000000", "X-UNHEARD-OF yes", "STARTTLS"]);
    assert!(clear.starttls && clear.mechanisms.is_empty());
    assert_eq!(finding.ehlo_tls.as_ref().unwrap().mechanisms, ["CRAM-MD5", "LOGIN", "PLAIN"]);
    let tls = finding.tls.as_ref().unwrap();
    assert!(tls.verified && tls.trouble.is_none());
    assert_eq!((tls.protocol.as_deref(), tls.names.as_slice()), (Some("TLSv1.3"), &[HOST.to_owned()][..]));
    assert_eq!(tls.issuer.as_deref(), Some("CN=Hosting Test Authority"));
    assert_eq!(tls.key_sha256.as_ref().unwrap().len(), 64);
    assert!(tls.not_before < tls.not_after);
    // connect, greeting, EHLO, STARTTLS, TLS, EHLO; and AUTH makes seven.
    assert_eq!(finding.round_trips, 6);

    let login = session.unwrap().log_in(USER, &password(), None, Some(USER), PlaintextAuth::Refused).await.unwrap();
    assert_eq!((login.mechanism.as_deref(), &login.end), (Some("PLAIN"), &End::Complete));
    assert_eq!((login.auth.unwrap().code, login.mail_from.unwrap().code, login.round_trips), (235, 250, 2));
    let [ehlo, starttls] = bench.host.clear().try_into().unwrap();
    assert_eq!((ehlo.as_str(), starttls.as_str()), ("EHLO [127.0.0.1]", "STARTTLS"));
    assert_eq!(bench.host.verbs()[2..], ["EHLO", "AUTH", "MAIL", "RCPT", "RSET", "QUIT"]);
    assert_eq!(bench.host.inside()[1], "AUTH PLAIN AGFubkBob3N0aW5nLnRlc3QAb3BlbiBzZXNhbWU=");
    assert_eq!(bench.host.inside()[2..4], ["MAIL FROM:<ann@hosting.test>", "RCPT TO:<ann@hosting.test>"]);
}

/// After a login the account's own address is named as recipient too. No answer to it ends the proof otherwise.
#[tokio::test]
async fn mail_to_itself_settles_nothing() {
    for offers in [vec![HOST, "PIPELINING", "AUTH PLAIN"], vec![HOST, "AUTH PLAIN"]] {
        for (rcpt, code) in
            [("250 2.1.5 fine", 250), ("450 4.2.0 greylisted", 450), ("553 5.7.1 not owned by you", 553)]
        {
            let offers = offers.clone();
            let bench = Bench::new(move |script, _| (script.ehlo_tls, script.rcpt) = (offers, rcpt));
            let session = bench.open(Starttls).await.1.unwrap();
            let login = session.log_in(USER, &password(), None, Some(USER), PlaintextAuth::Refused).await.unwrap();
            assert_eq!(
                (login.mail_from.unwrap().code, login.to_itself.unwrap().code, login.end),
                (250, code, End::Complete)
            );
            assert_eq!((login.auth.unwrap().code, login.recipient), (235, None));
            assert_eq!(bench.host.verbs()[2..], ["EHLO", "AUTH", "MAIL", "RCPT", "RSET", "QUIT"]);
        }
    }
}

#[tokio::test]
async fn implicit_tls_takes_five_round_trips_with_login() {
    let bench = Bench::new(|script, _| {
        script.implicit = true;
        script.ehlo_tls = vec![HOST, "AUTH LOGIN"];
    });
    let (finding, session) = bench.open(Implicit).await;
    assert_eq!((finding.phase, &finding.end, finding.round_trips), (Phase::Done, &End::Complete, 4), "{finding:#?}");
    assert!(finding.ehlo.is_none() && finding.starttls.is_none() && finding.greeting.is_some());
    let login = session.unwrap().log_in(USER, &password(), None, None, PlaintextAuth::Refused).await.unwrap();
    assert_eq!((login.mechanism.as_deref(), login.auth.unwrap().code), (Some("LOGIN"), 235));
    assert_eq!(bench.host.inside()[1..], ["AUTH LOGIN", "YW5uQGhvc3RpbmcudGVzdA==", "b3BlbiBzZXNhbWU=", "QUIT"]);
    assert!(bench.host.clear().is_empty());
}

#[tokio::test]
async fn tls_1_2_takes_one_round_trip_more() {
    let bench = Bench::new(|script, authority| {
        script.tls = Some(authority.server_with(&[HOST], Dates::Now, &[&rustls::version::TLS12]));
    });
    let (finding, session) = bench.open(Starttls).await;
    assert_eq!((finding.tls.unwrap().protocol.as_deref(), finding.round_trips), (Some("TLSv1.2"), 7));
    session.unwrap().close().await;
    assert_eq!(bench.host.verbs().last().unwrap(), "QUIT");
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let bench = Bench::new(|script, _| script.auth = "535 5.7.8 no: AGFubkBob3N0aW5nLnRlc3QAb3BlbiBzZXNhbWU=");
    let session = bench.open(Starttls).await.1.unwrap();
    let login = session.log_in(USER, &password(), None, Some(USER), PlaintextAuth::Refused).await.unwrap();
    assert_eq!((&login.end, &login.mail_from), (&End::Refused, &None));
    let reply = login.auth.unwrap();
    assert_eq!((reply.code, reply.lines), (535, vec!["5.7.8 no: ***".to_owned()]));
    assert_eq!(bench.auths(), 1);
    assert!(!bench.host.verbs().contains(&"MAIL".to_owned()));
}

#[tokio::test]
async fn what_the_server_says_to_mail_from_is_kept() {
    for (answer, code) in [("530 5.7.0 log in", 530), ("550 5.7.1 relaying denied", 550), ("553 not yours", 553)] {
        let bench = Bench::new(|script, _| script.mail = answer);
        let session = bench.open(Starttls).await.1.unwrap();
        let login = session.try_sender(USER, None).await;
        assert_eq!((login.mail_from.unwrap().code, login.end), (code, End::Refused));
        assert_eq!(bench.auths(), 0);
        assert_eq!(bench.host.verbs()[2..], ["EHLO", "MAIL", "RSET", "QUIT"]);
    }
}

/// Postfix, Exim, Sendmail, OpenSMTPD, Courier and Haraka take any sender, and refuse to relay at RCPT.
#[tokio::test]
async fn relaying_is_refused_at_the_recipient() {
    const FOREIGN: &str = "postmaster@elsewhere.test";
    let asked = ["EHLO", "MAIL", "RCPT", "RSET", "QUIT"];
    for offers in [vec![HOST, "PIPELINING"], vec![HOST, "SIZE 1000000"]] {
        let ask = async |mail, rcpt| {
            let offers = offers.clone();
            let bench = Bench::new(move |script, _| {
                script.ehlo_tls = offers;
                (script.mail, script.rcpt) = (mail, rcpt);
            });
            let login = bench.open(Starttls).await.1.unwrap().try_sender(USER, Some(FOREIGN)).await;
            assert_eq!(bench.auths(), 0);
            (login, bench.host.verbs()[2..].to_vec(), bench.host.inside()[2].clone())
        };
        let (refused, verbs, rcpt) = ask("250 2.1.0 fine", "554 5.7.1 Relay access denied").await;
        assert_eq!((refused.mail_from.unwrap().code, refused.end), (250, End::Refused));
        let reply = refused.recipient.unwrap();
        assert_eq!((reply.code, reply.lines[0].as_str()), (554, "5.7.1 Relay access denied"));
        assert_eq!(verbs, asked);
        assert!(rcpt.starts_with("RCPT TO:<postmaster@elsewhere.test>"), "{rcpt}");

        let (taken, verbs, _) = ask("250 2.1.0 fine", "250 2.1.5 fine").await;
        assert_eq!((taken.recipient.unwrap().code, taken.end), (250, End::Complete));
        assert_eq!(verbs, asked);

        // What is said of a recipient behind a refused sender tells nothing.
        let (refused, ..) = ask("530 5.7.0 log in", "250 2.1.5 fine").await;
        assert_eq!((refused.mail_from.unwrap().code, refused.recipient, refused.end), (530, None, End::Refused));
    }
}

#[tokio::test]
async fn an_address_cannot_smuggle_commands() {
    let bench = Bench::new(|_, _| {});
    let session = bench.open(Starttls).await.1.unwrap();
    let login = session.try_sender("ann@hosting.test>\r\nRCPT TO:<bob@hosting.test", None).await;
    assert_eq!(login.mail_from, None);
    assert_eq!(bench.host.verbs()[2..], ["EHLO", "QUIT"]);

    let bench = Bench::new(|_, _| {});
    let session = bench.open(Starttls).await.1.unwrap();
    let login = session.try_sender(USER, Some("bob@elsewhere.test>\r\nDATA\r\n<x@elsewhere.test")).await;
    assert_eq!((login.mail_from.unwrap().code, login.recipient), (250, None));
    assert_eq!(bench.host.verbs()[2..], ["EHLO", "MAIL", "RSET", "QUIT"]);
}

#[tokio::test]
async fn no_password_without_verified_tls() {
    // STARTTLS stripped on the way.
    let bench = Bench::new(|script, _| script.ehlo = vec![HOST, "AUTH PLAIN", "XXXXXXXA"]);
    let (finding, session) = bench.open(Starttls).await;
    assert_eq!(finding.ehlo.unwrap().keywords, ["AUTH PLAIN", "XXXXXXXA"]);
    let refused = session.unwrap().log_in(USER, &password(), None, Some(USER), PlaintextAuth::Refused).await;
    assert_eq!(refused, Err(LoginRefused::Unprotected { host: HOST.into(), port: 587 }));
    assert_eq!((bench.auths(), bench.host.verbs()[0].as_str()), (0, "EHLO"));
    // The policy may say otherwise.
    let session = bench.open(TlsMode::None).await.1.unwrap();
    let login = session.log_in(USER, &password(), None, None, PlaintextAuth::Allowed).await.unwrap();
    assert_eq!((login.auth.unwrap().code, bench.auths()), (235, 1));
}

/// The TLS side of a host, made with the authority that the prober believes.
type Server = fn(&Authority) -> Arc<rustls::ServerConfig>;

#[tokio::test]
async fn certificates_that_do_not_hold_end_the_conversation() {
    let cases: [(Server, TlsTrouble); 4] = [
        (|ours| ours.server(&[HOST], Dates::Past), TlsTrouble::Expired),
        (|ours| ours.server(&[HOST], Dates::Future), TlsTrouble::NotYetValid),
        (|ours| ours.server(&["server7.hosting.test"], Dates::Now), TlsTrouble::WrongName),
        (|_| Authority::new().server(&[HOST], Dates::Now), TlsTrouble::Untrusted),
    ];
    for implicit in [false, true] {
        for (server, trouble) in &cases {
            let bench = Bench::new(|script, ours| {
                script.tls = Some(server(ours));
                script.implicit = implicit;
            });
            let mode = if implicit { Implicit } else { Starttls };
            let finding = bench.ends(mode, Phase::Tls, End::Left).await;
            let tls = finding.tls.unwrap();
            assert_eq!((tls.verified, tls.trouble.as_ref()), (false, Some(trouble)));
            assert_eq!((tls.names.len(), tls.issuer.is_some(), tls.key_sha256.is_some()), (1, true, true));
            bench.host.all_gone();
            assert_eq!(bench.host.inside(), ["QUIT"], "nothing else is said inside TLS that is not verified");
        }
    }
}

/// A server that made its certificate itself, as most libraries do it: an authority that signed itself.
#[tokio::test]
async fn a_certificate_that_was_given_is_believed() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (name, trouble) in [(HOST, None), ("server7.hosting.test", Some(TlsTrouble::WrongName))] {
            let (certificate, server) = scripted_host::self_signed(name, &[version]);
            let mut bench = Bench::new(|script, _| script.tls = Some(server));
            let config = quick(&Authority::new());
            bench.prober = bench.led_here(Config { extra_anchors: vec![certificate], ..config });
            let (finding, session) = bench.open(Starttls).await;
            let tls = finding.tls.unwrap();
            assert_eq!((tls.verified, tls.local_root, tls.trouble), (trouble.is_none(), false, trouble.clone()));
            assert_eq!(session.is_some(), trouble.is_none());
            // Another host's, with the same name, is not the one that was given.
            bench.prober = bench.led_here(quick(&Authority::new()));
            assert_eq!(bench.open(Starttls).await.0.tls.unwrap().trouble, Some(TlsTrouble::Untrusted));
        }
    }
}

#[tokio::test]
async fn handshakes_that_break_after_220() {
    // Only where the server ended it is it said to have done so.
    let cases = [(Handshake::Close, End::Closed), (Handshake::Garbage, End::Left), (Handshake::Injected, End::Left)];
    for (handshake, end) in cases {
        let bench = Bench::new(|script, _| script.handshake = handshake);
        let finding = bench.ends(Starttls, Phase::Tls, end).await;
        assert_eq!(finding.starttls.unwrap().code, 220);
        let trouble = finding.tls.unwrap().trouble;
        assert!(matches!(trouble, Some(TlsTrouble::Handshake { .. })), "{handshake:?}: {trouble:?}");
    }
}

#[tokio::test]
async fn tls_that_is_too_old_is_told() {
    let bench = Bench::new(|script, _| script.handshake = Handshake::TooOld);
    let finding = bench.ends(Starttls, Phase::Tls, End::Closed).await;
    assert_eq!(finding.tls.unwrap().trouble, Some(TlsTrouble::TooOld));
}

#[tokio::test]
async fn starttls_refused_is_not_plain_text() {
    let bench = Bench::new(|script, _| script.starttls = "454 4.7.0 not now");
    let finding = bench.ends(Starttls, Phase::Starttls, End::Refused).await;
    assert_eq!(finding.starttls.unwrap().code, 454);
}

#[tokio::test]
async fn the_wrong_tls_mode_is_told() {
    let bench = Bench::new(|_, _| {});
    let finding = bench.ends(Implicit, Phase::Tls, End::Left).await;
    assert_eq!(finding.tls.unwrap().trouble, Some(TlsTrouble::WrongMode));
    // The other way round both sides wait.
    let bench = Bench::new(|script, _| script.implicit = true);
    bench.ends(Starttls, Phase::Greeting, End::TimedOut).await;
    assert!(bench.host.clear().is_empty());
}

#[tokio::test]
async fn greetings_that_are_none() {
    for (line, code) in [("421 4.3.2 too many", 421), ("554 5.7.1 go away", 554)] {
        let bench = Bench::new(|script, _| script.greeting = Greeting::Say(line));
        let finding = bench.ends(Starttls, Phase::Greeting, End::Refused).await;
        assert_eq!(finding.greeting.unwrap().code, code);
        assert!(!bench.host.verbs().contains(&"EHLO".to_owned()));
    }
    let bench = Bench::new(|script, _| script.greeting = Greeting::Close);
    bench.ends(Starttls, Phase::Greeting, End::Closed).await;
    let bench = Bench::new(|script, _| script.greeting = Greeting::Say("SSH-2.0-OpenSSH_9.9"));
    let seen = "SSH-2.0-OpenSSH_9.9".to_owned();
    bench.ends(Starttls, Phase::Greeting, End::Garbage { seen }).await;
    let bench = Bench::new(|script, _| script.greeting = Greeting::Never);
    let finding = bench.ends(Starttls, Phase::Greeting, End::TimedOut).await;
    assert!(finding.connected());
    let bench = Bench::new(|script, _| script.greeting = Greeting::Drip(Duration::from_millis(60)));
    // Bytes that trickle in do not begin the wait anew.
    let finding = bench.ends(Starttls, Phase::Greeting, End::TimedOut).await;
    assert!(finding.ms >= 1000, "{}", finding.ms);
}

#[tokio::test]
async fn a_starred_greeting_is_kept_as_it_is() {
    let stars = "220 ****************************0**";
    let bench = Bench::new(|script, _| {
        script.greeting = Greeting::Say(stars);
        script.ehlo = vec!["502 5.5.2 unknown command"];
    });
    let finding = bench.ends(Starttls, Phase::Ehlo, End::Refused).await;
    assert_eq!(finding.greeting.unwrap().lines, [&stars[4..]]);
    assert_eq!((finding.ehlo, finding.helo), (None, false));
    assert_eq!(finding.refusal.unwrap().code, 500);
    bench.host.all_gone();
    assert_eq!(bench.host.verbs(), ["EHLO", "HELO", "QUIT"]);
}

/// A PIX between us and the server, or a server of 1990: HELO is taken, and nothing is offered.
#[tokio::test]
async fn helo_is_said_where_ehlo_is_refused() {
    for refusal in ["500 what?", "502 5.5.2 unknown command", "550 no"] {
        let bench = Bench::new(|script, _| {
            script.greeting = Greeting::Say("220 ****************************0**");
            script.ehlo = vec![refusal];
            script.helo = "250 mail.hosting.test pleased to meet you";
        });
        let (finding, session) = bench.open(Starttls).await;
        assert_eq!((finding.phase, &finding.end, finding.helo), (Phase::Done, &End::Complete, true), "{finding:#?}");
        assert_eq!((&finding.ehlo, &finding.tls, finding.round_trips), (&None, &None, 4));
        let login = session.unwrap().log_in(USER, &password(), None, None, PlaintextAuth::Allowed).await;
        assert!(matches!(login, Err(LoginRefused::NoMechanism { .. })));
        bench.host.all_gone();
        assert_eq!((bench.host.verbs(), bench.auths()), (["EHLO", "HELO", "QUIT"].map(str::to_owned).to_vec(), 0));
    }
    // Somebody who refuses for now, or us altogether, is not asked again.
    for refusal in ["421 4.3.2 too many", "450 4.7.1 later", "554 5.7.1 go away"] {
        let bench = Bench::new(|script, _| script.ehlo = vec![refusal]);
        let finding = bench.ends(Starttls, Phase::Ehlo, End::Refused).await;
        assert_eq!(finding.refusal.unwrap().lines, [&refusal[4..]]);
        bench.host.all_gone();
        assert_eq!(bench.host.verbs(), ["EHLO", "QUIT"]);
    }
    // What was offered in the clear is not offered inside TLS.
    let bench = Bench::new(|script, _| {
        script.ehlo = vec![HOST, "AUTH PLAIN", "STARTTLS"];
        script.ehlo_tls = vec!["502 5.5.2 unknown command"];
        script.helo = "250 mail.hosting.test";
    });
    let (finding, session) = bench.open(Starttls).await;
    assert!(finding.helo && finding.tls_verified() && !finding.proves() && session.is_some());
    assert_eq!(finding.last_ehlo().unwrap().name, HOST);
}

/// Mail programs take all of these, so it must not be us who calls the server broken.
#[tokio::test]
async fn odd_but_harmless_replies_are_taken() {
    let voices: [(&str, scripted_host::Voice); 5] = [
        ("bare line feeds", |line| format!("{line}\n").into_bytes()),
        ("no text behind 220, 235, 250", |line| {
            let whole = line.contains("STARTTLS") || line.contains("SIZE") || line.as_bytes()[3] == b'-';
            format!("{}\r\n", if whole { line } else { &line[..3] }).into_bytes()
        }),
        ("Latin-1", |line| [line.as_bytes(), b" f\xfcr alle\r\n"].concat()),
        ("long lines", |line| format!("{line}{}\r\n", " x".repeat(2000)).into_bytes()),
        ("many lines", |line| match line.split_at(3) {
            (code @ ("220" | "235" | "250"), rest) if rest.starts_with(' ') => {
                format!("{}{line}\r\n", format!("{code}-XMORE\r\n").repeat(300)).into_bytes()
            }
            _ => format!("{line}\r\n").into_bytes(),
        }),
    ];
    for (what, voice) in voices {
        let bench = Bench::new(|script, _| {
            script.voice = voice;
            script.ehlo_tls = vec![HOST, "auth plain login", "SIZE 1"];
        });
        let (finding, session) = bench.open(Starttls).await;
        assert_eq!((finding.phase, &finding.end), (Phase::Done, &End::Complete), "{what}: {finding:#?}");
        assert!(finding.proves(), "{what}: {finding:#?}");
        let login = session.unwrap().log_in(USER, &password(), None, Some(USER), PlaintextAuth::Refused).await.unwrap();
        let codes = (login.auth.unwrap().code, login.mail_from.unwrap().code);
        assert_eq!((codes, login.end), ((235, 250), End::Complete), "{what}");
        assert_eq!(
            (bench.auths(), bench.host.verbs()[2..].join(" ")),
            (1, "EHLO AUTH MAIL RCPT RSET QUIT".into()),
            "{what}"
        );
    }
}

#[tokio::test]
async fn odd_prompts_of_a_login_are_answered() {
    for prompt in ["334", "334 ", "334 go on"] {
        let bench = Bench::new(|script, _| script.plain_prompt = Some(prompt));
        let session = bench.open(Starttls).await.1.unwrap();
        let login = session.log_in(USER, &password(), None, None, PlaintextAuth::Refused).await.unwrap();
        assert_eq!(login.auth.unwrap().code, 235);
        let initial = &bench.host.inside()[1]["AUTH PLAIN ".len()..];
        assert_eq!(bench.host.inside()[2], initial, "{prompt}");
    }
    for prompts in [["334 Qm9udXphcmlvPw==", "334 not base64"], ["334", "334"], ["334 Username:", "334 Password:"]] {
        let bench = Bench::new(|script, _| {
            script.prompts = prompts;
            script.ehlo_tls = vec![HOST, "AUTH=LOGIN"];
        });
        let session = bench.open(Starttls).await.1.unwrap();
        let login = session.log_in(USER, &password(), None, None, PlaintextAuth::Refused).await.unwrap();
        assert_eq!(login.auth.unwrap().code, 235);
        assert_eq!(bench.host.inside()[2..4], ["YW5uQGhvc3RpbmcudGVzdA==", "b3BlbiBzZXNhbWU="]);
    }
}

/// What the program will use is what is proven: CRAM-MD5 sends no password, and needs another one on the server.
#[tokio::test]
async fn the_mechanism_that_is_wanted_is_proven() {
    let used = async |mechanism| {
        let bench = Bench::new(|_, _| {});
        let session = bench.open(Starttls).await.1.unwrap();
        let login = session.log_in(USER, &password(), Some(mechanism), None, PlaintextAuth::Refused).await.unwrap();
        assert_eq!((login.mechanism.as_deref(), login.auth.unwrap().code), (Some(mechanism.name()), 235));
        bench.host.inside()[1..].to_vec()
    };
    assert_eq!(used(Mechanism::Login).await[0], "AUTH LOGIN");
    assert!(used(Mechanism::Plain).await[0].starts_with("AUTH PLAIN "));
    let said = used(Mechanism::CramMd5).await;
    // HMAC-MD5 of "<123@mail.hosting.test>" with "open sesame", by openssl.
    assert_eq!(said, ["AUTH CRAM-MD5", "YW5uQGhvc3RpbmcudGVzdCA4YjM0ZGQxYzliYTA1YWI5ZDIwMTNiNGMyZDJmZjEwYQ==", "QUIT"]);

    let bench = Bench::new(|script, _| script.ehlo_tls = vec![HOST, "AUTH PLAIN"]);
    let session = bench.open(Starttls).await.1.unwrap();
    let refused = session.log_in(USER, &password(), Some(Mechanism::CramMd5), None, PlaintextAuth::Refused).await;
    let (host, port, mechanism) = (HOST.to_owned(), 587, Mechanism::CramMd5);
    assert_eq!(refused, Err(LoginRefused::NotOffered { host, port, mechanism }));
    assert_eq!(bench.auths(), 0);
}

/// Whatever the server says after the login may quote it.
#[tokio::test]
async fn no_later_reply_shows_the_password() {
    let quoted = "550 5.7.1 you said open sesame, b3BlbiBzZXNhbWU= and AGFubkBob3N0aW5nLnRlc3QAb3BlbiBzZXNhbWU=";
    let clean = "5.7.1 you said ***, *** and ***";
    let bench = Bench::new(|script, _| script.mail = quoted);
    let session = bench.open(Starttls).await.1.unwrap();
    let login = session.log_in(USER, &password(), None, Some(USER), PlaintextAuth::Refused).await.unwrap();
    assert_eq!(login.mail_from.unwrap().lines, [clean]);
    let bench = Bench::new(|script, _| script.rcpt = quoted);
    let session = bench.open(Starttls).await.1.unwrap();
    let login = session.log_in(USER, &password(), None, Some(USER), PlaintextAuth::Refused).await.unwrap();
    assert_eq!(login.to_itself.unwrap().lines, [clean]);

    let message = lettre::Message::builder().from(USER.parse().unwrap()).to(USER.parse().unwrap());
    let message = message.body("it arrives\n".to_owned()).unwrap();
    for at in ["MAIL", "RCPT"] {
        let bench = Bench::new(|script, _| match at {
            "MAIL" => script.mail = quoted,
            _ => script.rcpt = quoted,
        });
        let session = bench.open(Starttls).await.1.unwrap();
        let sent = session.send(Some(for_a_message(&password())), &message, PlaintextAuth::Refused).await;
        assert!(matches!(&sent, Err(SendError::Refused(reply)) if reply.lines == [clean]), "{sent:?}");
    }
    // The answers on the way to it, and what is no answer at all.
    for auth in [quoted, "open sesame? never heard of it"] {
        let bench = Bench::new(|script, _| {
            script.plain_prompt = Some("334 again");
            script.auth = auth;
        });
        let session = bench.open(Starttls).await.1.unwrap();
        let login = session.log_in(USER, &password(), None, Some(USER), PlaintextAuth::Refused).await.unwrap();
        assert!(!format!("{login:?}").contains("sesame") && login.end != End::Complete, "{login:?}");
    }
}

/// postscreen: `220-` at once, and the rest after six seconds. It is alive, and who leaves is noted.
#[tokio::test]
async fn a_greeting_that_was_begun_is_waited_for() {
    let late = Duration::from_millis(1600);
    let teaser = "220-mail.hosting.test one moment";
    let bench = Bench::new(|script, _| script.greeting = Greeting::Teaser(teaser, late, "220 mail.hosting.test ESMTP"));
    let (finding, session) = bench.open(Starttls).await;
    assert_eq!((finding.phase, &finding.end, session.is_some()), (Phase::Done, &End::Complete, true), "{finding:#?}");
    assert_eq!(finding.greeting.unwrap().lines.len(), 2);
    let bench = Bench::new(|script, _| script.greeting = Greeting::Teaser(teaser, late, "521 5.3.2 not you"));
    let finding = bench.ends(Starttls, Phase::Greeting, End::Refused).await;
    assert_eq!(finding.greeting.unwrap().code, 521);
    // In the end even that is too long; but it is not silent.
    let mut bench = Bench::new(|script, _| script.greeting = Greeting::Teaser(teaser, AGES, "220 here"));
    let config = Config { begun_patience: Duration::from_millis(1300), ..quick(&Authority::new()) };
    bench.prober = bench.led_here(config);
    let finding = bench.ends(Starttls, Phase::Greeting, End::TimedOut).await;
    assert_eq!(finding.greeting.unwrap().lines, [&teaser[4..]]);
}

/// What somebody pours in is neither kept nor waited for.
#[tokio::test]
async fn a_flood_ends_the_conversation() {
    for words in ["220aaaaaaaaaaaaaaa", "220-x\r\n", "220 aaaaaaaaaaaaaaa", "x", "220-aaaaaaaaaaaaaa \n"] {
        let bench = Bench::new(|script, _| script.greeting = Greeting::Flood(words));
        let (finding, session) = bench.open(Starttls).await;
        let End::Garbage { seen } = &finding.end else { panic!("{words:?}: {finding:#?}") };
        assert!(seen.starts_with(&words[..1]) && seen.len() <= 80, "{seen}");
        assert_eq!((finding.phase, session.is_none()), (Phase::Greeting, true));
        // What we did not read is in the buffers of the system, which are some megabytes at most.
        assert!(bench.host.poured() < 32 * 1024 * 1024, "{}", bench.host.poured());
    }
    // The same in the answer to EHLO.
    let bench = Bench::new(|script, _| {
        script.ehlo = vec!["X"; 30_000];
    });
    let finding = bench.ends(Starttls, Phase::Ehlo, End::Garbage { seen: "250-X".to_owned() }).await;
    assert_eq!(finding.greeting.unwrap().code, 220);
}

/// What a run costs its hosts can be counted.
#[tokio::test]
async fn connections_are_counted_by_host() {
    let bench = Bench::new(|_, _| {});
    assert!(bench.prober.connections().is_empty());
    for _ in 0..2 {
        bench.open(Starttls).await.1.unwrap().close().await;
    }
    bench.prober.control(HOST, 25, false).await;
    assert_eq!(bench.prober.connections(), [(HOST.to_owned(), 3)].into());
}

#[tokio::test]
async fn patience_with_a_slow_greeting_is_the_callers() {
    let late = Duration::from_millis(2500);
    let bench = Bench::new(|script, _| script.greeting = Greeting::Late("220 at last", late));
    let finding = bench.ends(Starttls, Phase::Greeting, End::TimedOut).await;
    assert!(finding.connected() && finding.greeting.is_none());
    let patient = Target { port: 587, tls: Starttls, greeting_patience: Some(Duration::from_secs(9)) };
    let (finding, session) = bench.prober.open_target(HOST, patient).await;
    assert_eq!(finding.end, End::Complete);
    assert!(session.is_some());
}

#[tokio::test]
async fn a_tarpit_costs_the_deadline_of_one_command() {
    let bench = Bench::new(|script, _| script.slowness = AGES);
    let patient = Target { port: 587, tls: Starttls, greeting_patience: Some(4 * AGES) };
    let (finding, session) = bench.prober.open_target(HOST, patient).await;
    assert_eq!((finding.phase, &finding.end, session.is_none()), (Phase::Ehlo, &End::TimedOut, true));
    assert!((2000..20_000).contains(&finding.ms), "{}", finding.ms);
}

#[tokio::test]
async fn a_message_goes_out_after_a_login() {
    let bench = Bench::new(|_, _| {});
    let message = lettre::Message::builder()
        .from(USER.parse().unwrap())
        .to(USER.parse().unwrap())
        .subject("test")
        .body("it arrives\n".to_owned())
        .unwrap();
    let session = bench.open(Starttls).await.1.unwrap();
    let reply = session.send(Some(for_a_message(&password())), &message, PlaintextAuth::Refused).await.unwrap();
    assert_eq!((reply.code, reply.lines[0].as_str()), (250, "2.0.0 queued as 1"));
    assert!(bench.host.inside().contains(&"it arrives".to_owned()));
    assert_eq!(bench.host.inside().last().unwrap(), "QUIT");

    let bench = Bench::new(|script, _| script.mail = "550 5.7.1 relaying denied");
    let session = bench.open(Starttls).await.1.unwrap();
    let refused = session.send(None, &message, PlaintextAuth::Refused).await;
    assert!(matches!(refused, Err(SendError::Refused(reply)) if reply.code == 550));
}

/// Names and packets of an invented network: hosts live at 192.0.2.x and 2001:db8::x, and are really at `real`.
#[derive(Debug)]
struct Isp {
    names: Vec<(&'static str, Lookup)>,
    rules: Vec<(&'static str, u16, Route)>,
    real: SocketAddr,
}

impl Network for Isp {
    fn lookup(&self, name: &str) -> Option<Lookup> {
        let known = self.names.iter().find(|(known, _)| *known == name || *known == "*");
        Some(known.map_or(Lookup::NoSuchName, |(_, lookup)| lookup.clone()))
    }

    fn route(&self, _: &str, address: SocketAddr) -> Route {
        let at = address.ip().to_string();
        let rule = self.rules.iter().find(|(to, port, _)| at.starts_with(to) && *port == address.port());
        rule.map_or(Route::To(self.real), |(_, _, route)| *route)
    }
}

fn addresses(all: &[&str]) -> Lookup {
    Lookup::Addresses(all.iter().map(|text| text.parse().unwrap()).collect())
}

fn prober_at(isp: Isp, authority: &Authority) -> Prober {
    prober_with(isp, quick(authority))
}

fn prober_with(isp: Isp, config: Config) -> Prober {
    Prober::new(Config { network: Some(Arc::new(isp)), ..config }).unwrap()
}

fn started() -> (Authority, ScriptedHost) {
    let authority = Authority::new();
    let host = ScriptedHost::start(Script::new(authority.server(&[HOST], Dates::Now)));
    (authority, host)
}

#[tokio::test]
async fn a_survey_takes_all_ports_at_once() {
    let (authority, host) = started();
    let isp = Isp {
        names: vec![(HOST, addresses(&["192.0.2.1"]))],
        rules: vec![
            ("", 25, Route::Drop),
            ("", 465, Route::Reject),
            ("", 2525, Route::Deny),
            ("", 110, Route::Prohibit),
            ("", 443, Route::Unreachable),
        ],
        real: host.address,
    };
    // A silent port could be waited for, or two after each other: then this took ages.
    let prober = prober_with(isp, Config { deadline: AGES, ..quick(&authority) });
    let ports = [(25, Starttls), (26, Starttls), (587, Starttls), (465, Implicit), (2525, Starttls)];
    let began = Instant::now();
    let mut survey = prober.survey(HOST, &ports, &[993, 110, 443]).await;
    // 300 ms of early silence on port 25, since the same address answers on others.
    let took = began.elapsed().as_millis();
    assert!((300..20_000).contains(&took), "{took} ms");
    let findings = &survey.findings;
    assert_eq!(findings.ports.iter().map(|port| port.port).collect::<Vec<_>>(), [25, 26, 587, 465, 2525]);
    let outcomes: Vec<_> = findings.ports.iter().map(|port| port.attempts[0].outcome).collect();
    let expected = [Connect::Silent, Connect::Open, Connect::Open, Connect::Refused, Connect::LocalDenied];
    assert_eq!(outcomes, expected);
    assert_eq!(findings.ports[0].attempts[0].tries, 3);
    assert_eq!((findings.ports[0].phase, &findings.ports[0].end), (Phase::Connect, &End::TimedOut));
    assert_eq!((findings.ports[3].phase, &findings.ports[3].end), (Phase::Connect, &End::Refused));
    assert!(findings.controls.is_empty(), "the outgoing ports have told that the host is there");
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    assert_eq!(findings.resolution, Resolution::Addresses { addresses: vec![address], mapped: false });
    assert!(survey.take_session(25).is_none());
    let session = survey.take_session(26).unwrap();
    assert!(session.finding().tls_verified() && survey.take_session(26).is_none());
    session.close().await;
    survey.close().await;
    assert_eq!(host.verbs().iter().filter(|verb| *verb == "QUIT").count(), 2);
    // 26 and 587: nothing was asked twice.
    assert_eq!(host.connections(), 2);
    let survey = prober.survey(HOST, &[(25, Starttls)], &[993, 110, 443]).await;
    let controls: Vec<_> = survey.findings.controls.iter().map(|control| (control.port, control.outcome)).collect();
    // No route to one port of an address that answers on others is a prohibition.
    // Two are enough of witnesses while one of them answers.
    assert_eq!(controls, [(993, Connect::Open), (110, Connect::Prohibited)]);
}

/// Four turns at one host: ports that nobody answers pass theirs on.
#[tokio::test]
async fn silent_ports_do_not_make_the_others_wait() {
    let (authority, host) = started();
    let names = vec![(HOST, addresses(&["192.0.2.1"]))];
    let rules = [1, 2, 3, 4, 5, 6].map(|port| ("", port, Route::Drop)).to_vec();
    let config = Config { deadline: AGES, ..quick(&authority) };
    let prober = prober_with(Isp { names, rules, real: host.address }, config);
    let ports = [1, 2, 3, 4, 5, 6, 25, 26, 587, 2525, 10025, 10026].map(|port| (port, Starttls));
    let began = Instant::now();
    let survey = prober.survey(HOST, &ports, &[]).await;
    let took = began.elapsed().as_millis();
    // The silent ports pass their turns on long before their deadline.
    assert!(took < 20_000, "{took} ms");
    assert_eq!(survey.findings.ports.iter().filter(|port| port.connected()).count(), 6);
    assert_eq!(host.connections(), 6);
}

/// Forty hosts and eight sockets: everything is seen as it is, nothing waits for ever, and few connections stay open.
#[tokio::test]
async fn many_hosts_share_few_sockets() {
    let authority = Authority::new();
    let host = ScriptedHost::start(Script::new(authority.server(&["*.hosting.test"], Dates::Now)));
    let isp = Isp {
        names: vec![("*", addresses(&["192.0.2.1"]))],
        rules: vec![("", 25, Route::Drop), ("", 465, Route::Reject)],
        real: host.address,
    };
    let prober = prober_with(isp, Config { max_sockets: 8, ..quick(&authority) });
    let names: Vec<String> = (0..40).map(|number| format!("mail{number}.hosting.test")).collect();
    let ports = [(25, Starttls), (26, Starttls), (587, Starttls), (465, Implicit)];
    let surveys = futures::future::join_all(names.iter().map(|name| prober.survey(name, &ports, &[]))).await;
    let mut sessions = 0;
    for mut survey in surveys {
        let seen: Vec<_> = survey.findings.ports.iter().map(|port| port.attempts[0].outcome).collect();
        assert_eq!(seen, [Connect::Silent, Connect::Open, Connect::Open, Connect::Refused]);
        assert_eq!(survey.findings.ports[0].attempts[0].tries, 3);
        assert!(survey.findings.ports[1..3].iter().all(|port| port.phase == Phase::Done && port.tls_verified()));
        sessions += usize::from(survey.take_session(26).is_some()) + usize::from(survey.take_session(587).is_some());
    }
    // Not the connections: where it takes long to connect, a second SYN goes out, and both may be answered.
    let conversations = host.clear().iter().filter(|line| line.starts_with("EHLO")).count();
    assert_eq!((sessions, conversations), (1, 80));
    // Eight, and those whose end the host has not noticed yet; without a bound it would be all eighty.
    assert!(host.most_open() <= 16, "{}", host.most_open());
}

#[tokio::test]
async fn a_host_that_is_down_costs_the_deadline() {
    let (authority, host) = started();
    let names = vec![(HOST, addresses(&["192.0.2.1"]))];
    let rules = [25, 26, 993].map(|port| ("", port, Route::Drop)).to_vec();
    let prober = prober_at(Isp { names, rules, real: host.address }, &authority);
    let began = Instant::now();
    let survey = prober.survey(HOST, &[(25, Starttls), (26, Starttls)], &[993]).await;
    let took = began.elapsed().as_millis();
    // All three at once: one after the other would take twice as long at least.
    assert!((2000..4000).contains(&took), "{took} ms");
    assert!(survey.findings.ports.iter().all(|port| port.attempts[0].outcome == Connect::Silent));
    assert_eq!(survey.findings.controls[0].outcome, Connect::Silent);
    assert!(matches!(survey.findings.resolution, Resolution::Addresses { .. }));
    assert_eq!(host.connections(), 0);
}

#[tokio::test]
async fn a_black_hole_behind_ipv6_is_seen_and_passed_by() {
    let (authority, host) = started();
    let isp = Isp {
        names: vec![(HOST, addresses(&["192.0.2.1", "2001:db8::1"]))],
        rules: vec![("2001:db8:", 587, Route::Drop)],
        real: host.address,
    };
    let config = Config { deadline: Duration::from_secs(6), early_silence: None, ..quick(&authority) };
    let (finding, session) = prober_with(isp, config).open(HOST, 587, Starttls).await;
    assert!(session.is_some());
    let seen: Vec<_> = finding.attempts.iter().map(|a| (a.address.is_ipv6(), a.outcome)).collect();
    assert_eq!(seen, [(true, Connect::Silent), (false, Connect::Open)]);
    // RFC 8305: the second address had to wait for its turn, no longer.
    assert!(finding.attempts[1].ms >= 50, "{:?}", finding.attempts);
    assert!(finding.ms < 6000, "the conversation does not wait for the hole: {} ms", finding.ms);
}

#[tokio::test]
async fn an_address_that_fails_at_once_gives_way_at_once() {
    let (authority, host) = started();
    let isp = Isp {
        names: vec![(HOST, addresses(&["2001:db8::1", "192.0.2.1"]))],
        rules: vec![("2001:db8:", 587, Route::Unreachable)],
        real: host.address,
    };
    let config = Config { stagger: AGES, deadline: 2 * AGES, ..quick(&authority) };
    let (finding, _) = prober_with(isp, config).open(HOST, 587, Starttls).await;
    let seen: Vec<_> = finding.attempts.iter().map(|a| a.outcome).collect();
    assert_eq!(seen, [Connect::Unreachable, Connect::Open]);
    assert!(finding.attempts[1].ms < 20_000, "{:?}", finding.attempts);
}

#[tokio::test]
async fn names_that_do_not_lead_anywhere() {
    let (authority, host) = started();
    let real = host.address;
    let ask = async |names, rules| {
        let prober = prober_at(Isp { names, rules, real }, &authority);
        prober.survey(HOST, &[(25, Starttls)], &[443]).await.findings
    };
    let missing = ask(vec![], vec![]).await;
    assert_eq!((&missing.resolution, missing.ports[0].phase), (&Resolution::NoSuchName, Phase::Resolve));
    assert!(!missing.controls[0].resolved);
    let silent = ask(vec![(HOST, Lookup::Silent)], vec![]).await;
    assert!(matches!(silent.resolution, Resolution::Silent { .. }));
    assert_eq!(silent.ports[0].end, End::TimedOut);
    // Everybody gets this address: even with a web page behind it, it is not the host.
    let portal = "192.0.2.80";
    let hijacked = ask(vec![("*", addresses(&[portal]))], vec![("", 25, Route::Reject)]).await;
    assert_eq!(hijacked.resolution, Resolution::Hijacked { address: portal.parse().unwrap() });
    // A wildcard of the host's own domain is not that; the domain that nobody owns has no address.
    let own = ask(vec![(HOST, addresses(&[portal]))], vec![("", 25, Route::Reject)]).await;
    assert!(matches!(own.resolution, Resolution::Addresses { .. }));
}

#[tokio::test]
async fn a_control_tells_what_answers() {
    let (authority, host) = started();
    let names = vec![("mx.elsewhere.test", addresses(&["192.0.2.9"]))];
    let prober = prober_at(Isp { names, rules: vec![("", 26, Route::Drop)], real: host.address }, &authority);
    let control = prober.control("mx.elsewhere.test", 25, true).await;
    assert_eq!((control.resolved, control.outcome), (true, Connect::Open));
    assert_eq!(control.greeting.unwrap().lines, ["mail.hosting.test ESMTP ready"]);
    assert_eq!(prober.control("mx.elsewhere.test", 26, true).await.outcome, Connect::Silent);
    assert!(!prober.control("nowhere.test", 25, true).await.resolved);
}

#[tokio::test]
async fn a_closed_port_on_the_real_network_is_refused() {
    // Bound and closed again: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let prober = Prober::new(quick(&Authority::new())).unwrap();
    let (finding, session) = prober.open("127.0.0.1", port, Starttls).await;
    assert_eq!(finding.attempts[0].outcome, Connect::Refused);
    assert_eq!((finding.phase, finding.end, session.is_none()), (Phase::Connect, End::Refused, true));
}

#[tokio::test]
async fn without_tls_anywhere_the_port_is_still_described() {
    let authority = Authority::new();
    let host = ScriptedHost::start(Script::plain());
    let rule = format!("::127.0.0.1:{}", host.port()).parse().unwrap();
    let prober = Prober::new(Config { connect_to: vec![rule], ..quick(&authority) }).unwrap();
    let mut survey = prober.survey(HOST, &[(25, Starttls)], &[]).await;
    assert!(matches!(survey.findings.resolution, Resolution::Addresses { mapped: true, .. }));
    let finding = &survey.findings.ports[0];
    assert_eq!((finding.phase, &finding.tls, finding.round_trips), (Phase::Done, &None, 3));
    let refused = survey.take_session(25).unwrap().log_in(USER, &password(), None, None, PlaintextAuth::Refused).await;
    assert!(matches!(refused, Err(LoginRefused::Unprotected { .. })));
}
