//! What strangers say in the network: servers, whoever answers in their place, and who owns a name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use port26::operator::{is_public_name, lending_between, operator_of, same_operator};
use port26::probe::connect_to::ConnectTo;
use port26::probe::finding::End;
use port26::probe::outside::{self, Heard};
use port26::shown;

const USER: &str = "ann@hosting.test";
const PASSWORD: &str = "open sesame";
/// A conversation is not listened to for longer.
const MOST_BYTES: usize = 256 * 1024;
const MOST_LINES: usize = 4096;
/// What one read from the network brings at most.
const PIECE: usize = 2048;

/// A server's side of a conversation, whole and in pieces, before and after a password was sent. Bytes of some lengths
/// are said again and again.
pub fn conversation(data: &[u8]) {
    let whole = outside::conversation([data], None);
    bounded(&whole);
    if let Some(size) = data.first().map(|&byte| usize::from(byte % 61) + 1) {
        let pieces = outside::conversation(data.chunks(size), None);
        assert_eq!(told(&whole), told(&pieces), "the network cuts it up, and something else was said");
    }
    let after = outside::conversation(data.chunks(PIECE), Some((USER, PASSWORD)));
    bounded(&after);
    for line in after.replies.iter().flat_map(|(reply, _)| &reply.lines) {
        assert!(!line.contains(PASSWORD), "{line:?} has the password");
    }
    if data.len() % 64 == 63 {
        bounded(&outside::conversation(std::iter::repeat_n(data, 1 + 2 * MOST_BYTES / data.len()), None));
    }
    let text = String::from_utf8_lossy(data);
    outside::http_head(&text);
    outside::date(&text);
}

fn told(heard: &Heard) -> Vec<(u16, &[String])> {
    heard.replies.iter().map(|(reply, _)| (reply.code, &reply.lines[..])).collect()
}

fn bounded(heard: &Heard) {
    let replies = heard.replies.iter().map(|(reply, _)| reply).chain(&heard.begun);
    let lines: Vec<&String> = replies.flat_map(|reply| &reply.lines).collect();
    assert!(lines.len() <= MOST_LINES + 1, "{} lines", lines.len());
    // What is not UTF-8 is Latin-1; what is not shown takes three bytes in its place.
    let size: usize = lines.iter().map(|line| line.len()).sum();
    assert!(size <= 3 * (MOST_BYTES + 1), "{size} bytes");
    assert!(heard.replies.iter().all(|(_, ehlo)| ehlo.mechanisms.len() <= 128), "more ways to log in than there are");
    let commands = |line: &&&String| line.chars().any(|letter| letter != '\t' && shown::fit(letter) != letter);
    assert_eq!(lines.iter().find(commands), None, "a line that commands something");
    if let End::Garbage { seen } = &heard.why {
        assert!(seen.len() <= 80 && seen.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{seen:?}");
    }
}

/// A chain of certificates, one behind the other: the server's own, and those of its issuers.
pub fn certificates(data: &[u8]) {
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut rest = data;
    while !rest.is_empty() && parts.len() < 12 {
        let (one, others) = rest.split_at(length_of_der(rest).clamp(1, rest.len()));
        parts.push(one);
        rest = others;
    }
    let Some((leaf, sent)) = parts.split_first() else { return };
    for host in ["mail.hosting.test", "192.0.2.7"] {
        outside::certificates(leaf, sent, host, 1_795_000_000);
    }
}

/// The bytes of the element at the beginning; all there are where it says something odd.
fn length_of_der(bytes: &[u8]) -> usize {
    match *bytes {
        [_, short @ ..=0x7f, ..] => usize::from(short) + 2,
        [_, 0x81, one, ..] => usize::from(one) + 3,
        [_, 0x82, high, low, ..] => (usize::from(high) << 8 | usize::from(low)) + 4,
        _ => bytes.len(),
    }
}

/// Texts of the name service, and names.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for address in [IpAddr::from(Ipv4Addr::new(192, 0, 2, 7)), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        outside::sender_policy(&text, address);
    }
    let line = shown::Line(&text).to_string();
    assert!(line.chars().all(|letter| shown::fit(letter) == letter), "{line:?}");
    assert!(shown::Shown(&text).to_string().chars().count() <= shown::NAME + 3);
    let words: Vec<&str> = text.split_whitespace().take(6).chain([&*text]).collect();
    for (at, &one) in words.iter().enumerate() {
        let _ = one.parse::<ConnectTo>();
        is_public_name(one);
        let operator = operator_of(one);
        for &other in &words[..at] {
            let same = same_operator(one, other);
            assert_eq!(same, same_operator(other, one), "{one:?} and {other:?}");
            assert!(!same || operator_of(other) == operator, "{one:?} and {other:?} are one and have two operators");
            lending_between(one, other, &text);
        }
    }
}

/// The first answer to a hello. However it is cut into pieces, the same is made of it; what was an answer stays one, whatever
/// comes behind it.
pub fn server_hello(data: &[u8]) {
    use outside::FirstAnswer;
    let whole = outside::first_answer(data);
    let mut earlier = FirstAnswer::More;
    for cut in 0..=data.len().min(64) {
        let now = outside::first_answer(&data[..cut]);
        assert!(earlier == FirstAnswer::More || earlier == now, "{earlier:?} became {now:?} with byte {cut}");
        earlier = now;
    }
    assert!(earlier == FirstAnswer::More || earlier == whole, "{earlier:?} became {whole:?}");
    if let FirstAnswer::ServerHello { .. } = whole {
        let more = [data, &[0xff; 32]].concat();
        assert_eq!(outside::first_answer(&more), whole);
    }
}
