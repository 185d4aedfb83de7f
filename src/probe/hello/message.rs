//! A ClientHello with no more in it than an offer has, and the first thing that is said to it. Pure. No key is ever made: what
//! is read ends with the ServerHello or with an alert.

use crate::tls_offer::{TlsOffer, TlsVersion};

/// So many bytes of an answer are read: one record of the largest size (RFC 5246 6.2.3).
pub(crate) const MOST: usize = 5 + 16_384 + 2_048;

const ALERT: u8 = 21;
const WARNING: u8 = 1;
const CLOSE_NOTIFY: u8 = 0;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// What the other side has said first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is not whole yet.
    More,
    /// It goes on, with this version and suite.
    ServerHello {
        /// The version, as its two bytes.
        version: u16,
        /// The suite, by number.
        suite: u16,
    },
    /// It says no, or something that is no answer to a hello.
    Alert(u8),
    /// It does not speak TLS.
    NotTls,
}

/// The hello, in one record. `random` is not secret.
pub(crate) fn client_hello(offer: &TlsOffer, host: &str, random: [u8; 32]) -> Vec<u8> {
    let mut body = Vec::with_capacity(512);
    body.extend(offer.newest.min(TlsVersion::V1_2).wire().to_be_bytes());
    body.extend(random);
    body.push(0); // no session to go on with
    block16(&mut body, |suites| suites.extend(offer.suites.iter().flat_map(|suite| suite.to_be_bytes())));
    body.extend([1, 0]); // no compression
    let extensions = extensions(offer, host);
    if !extensions.is_empty() {
        block16(&mut body, |within| within.extend(extensions));
    }
    let mut record = vec![HANDSHAKE];
    // Older servers end a conversation that begins with a newer version (RFC 5246 E.1).
    record.extend(TlsVersion::V1_0.wire().to_be_bytes());
    block16(&mut record, |record| {
        record.push(CLIENT_HELLO);
        let length = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
        record.extend(&length[1..]);
        record.extend(body);
    });
    record
}

fn extensions(offer: &TlsOffer, host: &str) -> Vec<u8> {
    let mut all = Vec::new();
    let is_name = host.parse::<std::net::IpAddr>().is_err() && !host.contains(['[', ':']) && host.is_ascii();
    if offer.names_the_host && is_name && !host.is_empty() {
        extension(&mut all, 0, |body| {
            block16(body, |list| {
                list.push(0); // host_name
                block16(list, |name| name.extend(host.trim_end_matches('.').as_bytes()));
            });
        });
    }
    if !offer.groups.is_empty() {
        extension(&mut all, 10, |body| {
            block16(body, |list| list.extend(offer.groups.iter().flat_map(|group| group.to_be_bytes())));
        });
        extension(&mut all, 11, |body| body.extend([1, 0])); // uncompressed points
    }
    if offer.newest >= TlsVersion::V1_2 {
        // RSA and ECDSA with SHA-256, SHA-384, SHA-512, SHA-1 (RFC 5246 7.4.1.4.1), RSA-PSS with SHA-256 (RFC 8446)
        let kinds: [u16; 9] = [0x0401, 0x0403, 0x0501, 0x0503, 0x0601, 0x0603, 0x0804, 0x0201, 0x0203];
        extension(&mut all, 13, |body| {
            block16(body, |list| list.extend(kinds.iter().flat_map(|kind| kind.to_be_bytes())))
        });
    }
    if offer.names_the_host {
        extension(&mut all, 0xff01, |body| body.push(0)); // RFC 5746
    }
    all
}

fn extension(all: &mut Vec<u8>, kind: u16, body: impl FnOnce(&mut Vec<u8>)) {
    all.extend(kind.to_be_bytes());
    block16(all, body);
}

/// What `fill` adds, with its length in two bytes before it.
fn block16(to: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    // All of it is ours, and short.
    to.extend(u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    to.extend(body);
}

/// What these bytes are, the first that came.
pub(crate) fn answer(bytes: &[u8]) -> Answer {
    match read(bytes) {
        Ok(answer) => answer,
        Err(Cut) if bytes.len() >= MOST => Answer::NotTls,
        Err(Cut) => Answer::More,
    }
}

/// The bytes end before what they begin.
struct Cut;

/// Bytes from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Cut> {
        let (front, rest) = self.0.split_at_checked(count).ok_or(Cut)?;
        self.0 = rest;
        Ok(front)
    }

    fn byte(&mut self) -> Result<u8, Cut> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn number(&mut self) -> Result<u16, Cut> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }
}

fn read(bytes: &[u8]) -> Result<Answer, Cut> {
    let mut records = Reader(bytes);
    // A message may be spread over records.
    let mut handshake = Vec::new();
    loop {
        let kind = records.byte()?;
        if !matches!(kind, ALERT | HANDSHAKE) {
            return Ok(Answer::NotTls);
        }
        let major = records.byte()?;
        let _minor = records.byte()?;
        let length = usize::from(records.number()?);
        if major != 3 || length == 0 || length > MOST - 5 {
            return Ok(Answer::NotTls);
        }
        if kind == ALERT {
            let (level, alert) = (records.byte()?, records.byte()?);
            if level != WARNING || alert == CLOSE_NOTIFY {
                return Ok(Answer::Alert(alert));
            }
            // A warning ends nothing: a server that has no such name says so, and goes on (RFC 6066 section 3).
            records.take(length.saturating_sub(2))?;
            continue;
        }
        // What there is of a record is enough, if the part that is wanted is in it.
        let there = records.0.len().min(length);
        handshake.extend(records.take(there)?);
        match server_hello(&mut Reader(&handshake)) {
            Ok(answer) => return Ok(answer),
            Err(Cut) if there < length => return Err(Cut),
            Err(Cut) => {}
        }
    }
}

fn server_hello(message: &mut Reader<'_>) -> Result<Answer, Cut> {
    if message.byte()? != SERVER_HELLO {
        return Ok(Answer::NotTls);
    }
    message.take(3)?;
    let version = message.number()?;
    message.take(32)?;
    let session = usize::from(message.byte()?);
    if session > 32 {
        return Ok(Answer::NotTls);
    }
    message.take(session)?;
    Ok(Answer::ServerHello { version, suite: message.number()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(version: u16, suite: u16) -> Vec<u8> {
        let mut hello = vec![SERVER_HELLO, 0, 0, 38];
        hello.extend(version.to_be_bytes());
        hello.extend([7; 32]);
        hello.push(0);
        hello.extend(suite.to_be_bytes());
        hello.push(0);
        record(HANDSHAKE, &hello)
    }

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut all = vec![kind, 3, 1];
        all.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        all.extend(body);
        all
    }

    /// rustls reads what it is sent, and names what it takes for it.
    #[test]
    fn the_hello_is_one() {
        for offer in [TlsOffer::SCHANNEL_XP, TlsOffer::SCHANNEL_7, TlsOffer::SCHANNEL_10, TlsOffer::CURRENT] {
            let hello = client_hello(&offer, "mail.hosting.test", [9; 32]);
            let mut acceptor = rustls::server::Acceptor::default();
            let mut bytes = &hello[..];
            acceptor.read_tls(&mut bytes).unwrap();
            let accepted = acceptor.accept();
            match offer.groups.is_empty() {
                // It takes nobody without a signature algorithm; the message itself it has read.
                true => assert!(accepted.is_err()),
                false => {
                    let accepted = match accepted {
                        Ok(accepted) => accepted.unwrap(),
                        Err((error, _)) => {
                            assert!(offer.newest == TlsVersion::V1_0, "{}: {error}", offer.stack);
                            continue;
                        }
                    };
                    let hello = accepted.client_hello();
                    assert_eq!(hello.server_name(), Some("mail.hosting.test"), "{}", offer.stack);
                    let suites: Vec<u16> = hello.cipher_suites().iter().map(|suite| u16::from(*suite)).collect();
                    assert_eq!(suites, offer.suites, "{}", offer.stack);
                }
            }
        }
    }

    #[test]
    fn what_is_said_to_it_is_read() {
        assert_eq!(answer(&said(0x0301, 0x002f)), Answer::ServerHello { version: 0x0301, suite: 0x002f });
        assert_eq!(answer(&record(ALERT, &[2, 70])), Answer::Alert(70));
        assert_eq!(answer(b""), Answer::More);
        assert_eq!(answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Answer::NotTls);
        assert_eq!(answer(b"220 mail.hosting.test ESMTP\r\n"), Answer::NotTls);
        assert_eq!(answer(&record(23, b"data")), Answer::NotTls, "application data is no answer to a hello");
        assert_eq!(answer(&record(HANDSHAKE, &[11, 0, 0, 0])), Answer::NotTls, "a certificate before the hello");
        // After a warning it goes on.
        let warned = [record(ALERT, &[1, 112]), said(0x0303, 0xc02f)].concat();
        assert_eq!(answer(&warned), Answer::ServerHello { version: 0x0303, suite: 0xc02f });
        assert_eq!(answer(&record(ALERT, &[1, 112])), Answer::More);
        assert_eq!(answer(&record(ALERT, &[1, 0])), Answer::Alert(0), "the end");
        // a giant alert is an alert
        let mut giant = record(ALERT, &[2, 40]);
        giant[3..5].copy_from_slice(&16_000_u16.to_be_bytes());
        assert_eq!(answer(&giant), Answer::Alert(40));
    }

    #[test]
    fn a_message_over_several_records_is_put_together() {
        let whole = said(0x0303, 0xc02f);
        let pieces = whole[5..].chunks(7).flat_map(|piece| record(HANDSHAKE, piece)).collect::<Vec<u8>>();
        assert_eq!(answer(&pieces), Answer::ServerHello { version: 0x0303, suite: 0xc02f });
        // Records for ever, and never a message: it is left.
        let endless = record(HANDSHAKE, &[SERVER_HELLO]).repeat(MOST);
        assert!(matches!(answer(&endless[..MOST]), Answer::NotTls | Answer::ServerHello { .. }));
    }

    proptest! {
        #[test]
        fn wherever_it_is_cut_off_more_is_waited_for(cut in 0..46_usize) {
            let whole = said(0x0303, 0x009c);
            let expected = answer(&whole);
            let got = answer(&whole[..cut]);
            prop_assert!(got == Answer::More || got == expected, "{cut}: {got:?}");
        }

        #[test]
        fn nothing_that_comes_is_too_much(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = answer(&bytes);
        }
    }
}
