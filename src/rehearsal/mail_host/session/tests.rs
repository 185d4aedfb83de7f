//! The embedded mail host's dialogue, line by line, without a network.

use std::sync::Mutex;

use proptest::prelude::*;
use tokio::sync::watch;

use super::super::record::{Record, unfolded_header};
use super::*;

fn session(service: Service) -> Session {
    let shared = Shared {
        host_name: "mail.hosting.test".to_owned(),
        domains: vec!["hosting.test".to_owned()],
        accounts: vec![("jan@hosting.test".to_owned(), "right".to_owned())],
        record: Mutex::new(Record::default()),
        arrived: watch::Sender::new(0),
    };
    Session::new(Arc::new(shared), Arc::new(service))
}

fn code(step: &Step) -> u16 {
    step.reply[..3].parse().unwrap()
}

/// The codes of the replies to these lines.
fn codes<const N: usize>(session: &mut Session, lines: [&str; N]) -> [u16; N] {
    lines.map(|line| code(&session.line(line.as_bytes())))
}

fn record(session: &Session) -> Record {
    session.shared.with_record(|record| record.clone())
}

#[test]
fn commands_out_of_order_are_503() {
    let mut at = session(Service::relay(25));
    let lines = ["MAIL FROM:<a@b.test>", "EHLO me.test", "DATA", "RCPT TO:<jan@hosting.test>", "MAIL FROM:<a@b.test>"];
    assert_eq!(codes(&mut at, lines), [503, 250, 503, 503, 250]);
    let lines = ["MAIL FROM:<a@b.test>", "DATA", "RSET", "DATA", "STARTTLS now", "STARTTLS"];
    assert_eq!(codes(&mut at, lines), [503, 503, 250, 503, 501, 220]);
    at.tls_stands("TLSv1.3".to_owned());
    assert_eq!(codes(&mut at, ["MAIL FROM:<a@b.test>", "EHLO me.test", "STARTTLS"]), [503, 250, 503]);
}

#[test]
fn what_is_offered_follows_the_service_and_tls() {
    let mut at = session(Service::submission(26));
    let clear = at.line(b"EHLO me.test").reply;
    assert!(clear.contains("250 STARTTLS\r\n") && !clear.contains("AUTH"), "{clear}");
    at.tls_stands("TLSv1.3".to_owned());
    let inside = at.line(b"EHLO me.test").reply;
    assert!(inside.ends_with("250 AUTH PLAIN LOGIN\r\n") && !inside.contains("STARTTLS"), "{inside}");

    let mut at = session(Service::relay(25).behaving(Behaviour::StarttlsStripped));
    assert!(at.line(b"EHLO me.test").reply.contains("XXXXXXXA"));
    assert_eq!(codes(&mut at, ["STARTTLS"]), [500]);

    let mut at = session(Service { auth: AuthOffer::Never, tls: TlsMode::None, ..Service::relay(25) });
    let plain = at.line(b"EHLO me.test").reply;
    assert!(!plain.contains("AUTH") && !plain.contains("STARTTLS"), "{plain}");
    assert_eq!(codes(&mut at, ["STARTTLS", "AUTH PLAIN"]), [502, 503]);
}

#[test]
fn a_password_sent_in_the_clear_is_noted_even_when_auth_is_refused() {
    let mut at = session(Service::submission(26));
    at.line(b"EHLO me.test");
    assert_eq!(codes(&mut at, ["AUTH PLAIN", "AUTH LOGIN"]), [538, 538]);
    assert!(!record(&at).any_password_before_tls(), "nothing secret was sent yet");
    let response = BASE64.encode("\0jan@hosting.test\0right");
    assert_eq!(codes(&mut at, [format!("AUTH PLAIN {response}").as_str()]), [538]);
    assert!(record(&at).any_password_before_tls());
    assert_eq!(record(&at).attempts_of("jan@hosting.test"), 1);
}

#[test]
fn the_user_name_of_login_is_no_password() {
    let mut at = session(Service { auth: AuthOffer::Always, ..Service::submission(26) });
    at.line(b"EHLO me.test");
    assert_eq!(codes(&mut at, ["AUTH LOGIN", "amFuQGhvc3RpbmcudGVzdA==", "*"]), [334, 334, 501]);
    assert!(!record(&at).any_password_before_tls());
    assert_eq!(codes(&mut at, ["AUTH LOGIN amFuQGhvc3RpbmcudGVzdA==", "d3Jvbmc="]), [334, 535]);
    assert!(record(&at).any_password_before_tls());
}

#[test]
fn no_secret_is_kept_in_the_record() {
    let mut at = session(Service { auth: AuthOffer::Always, ..Service::submission(26) });
    let response = BASE64.encode("\0jan@hosting.test\0right");
    for line in ["EHLO me.test", &format!("AUTH PLAIN {response}"), &response, "right", "AUTH right", "AUTH LOGIN"] {
        at.line(line.as_bytes());
    }
    let kept = format!("{:?}", record(&at));
    assert!(!kept.contains("right") && !kept.contains(&response), "{kept}");
    assert_eq!(record(&at).connections[0].commands[..3], ["EHLO me.test", "AUTH PLAIN", "?"]);
}

#[test]
fn the_third_wrong_password_ends_the_connection() {
    let mut at = session(Service::submissions(465));
    at.tls_stands("TLSv1.3".to_owned());
    at.line(b"EHLO me.test");
    let wrong = format!("AUTH PLAIN {}", BASE64.encode("\0jan@hosting.test\0wrong"));
    assert_eq!(codes(&mut at, [&wrong, &wrong]), [535, 535]);
    assert_eq!(at.line(wrong.as_bytes()).next, Next::Close);
    assert_eq!(record(&at).attempts_of("jan@hosting.test"), 3);
    assert!(!record(&at).any_password_before_tls());
}

#[test]
fn parameters_and_addresses_are_checked() {
    let mut at = session(Service::relay(25));
    at.line(b"EHLO me.test");
    let wrong = ["MAIL", "MAIL FROM:a@b.test", "MAIL FROM:<a b@c.test>", "MAIL FROM:<a@b.test> FUTURE=1"];
    assert_eq!(codes(&mut at, wrong), [501, 501, 501, 555]);
    assert_eq!(codes(&mut at, ["MAIL FROM:<a@b.test> SIZE=99999999"]), [552]);
    assert_eq!(codes(&mut at, ["mail from: <> BODY=8BITMIME", "rcpt to:<x@Hosting.Test>"]), [250, 250]);
}

#[test]
fn a_folded_subject_is_one_line() {
    let data = b"X-Subject: no\r\nSubject: one\r\n two\r\nTo: x\r\n\r\nSubject: not this\r\n";
    assert_eq!(unfolded_header(data, "subject").as_deref(), Some("one two"));
    assert_eq!(unfolded_header(b"To: x\r\n\r\nSubject: not this\r\n", "Subject"), None);
}

proptest! {
    #[test]
    fn anything_gets_a_well_formed_reply(
        lines in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..40),
                "(EHLO|MAIL FROM:|RCPT TO:|AUTH PLAIN|AUTH LOGIN|DATA|RSET|\\*)[ <>@a-z=\\u{e9}]{0,12}".prop_map(String::into_bytes),
            ],
            0..30,
        )
    ) {
        let mut at = session(Service { auth: AuthOffer::Always, ..Service::relay(25) });
        for line in lines {
            let step = at.line(&line);
            prop_assert!(step.reply.ends_with("\r\n"));
            for reply in step.reply.trim_end().split("\r\n") {
                prop_assert!(reply.len() >= 3 && reply.as_bytes()[..3].iter().all(u8::is_ascii_digit), "{}", reply);
            }
        }
    }
}
