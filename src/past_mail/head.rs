//! The headers of one message: who wrote it, when, and what the mail program has noted there for itself.

use std::sync::LazyLock;

use jiff::Timestamp;
use mail_parser::{HeaderName, HeaderValue, MessageParser};

/// As much of a message as is looked at, in bytes. Headers are far shorter.
pub(super) const MOST: usize = 64 << 10;

/// Bit of `X-Mozilla-Status`: removed by its person, and there until the folder is compacted (`nsMsgMessageFlags.Expunged`).
const EXPUNGED: u32 = 0x0008;

/// Headers in which a program notes through what a waiting message goes out: Thunderbird its identity, Claws Mail and Sylpheed the
/// number of the account (`procmsg.c`).
const SENDER_KEYS: [&str; 3] = ["X-Identity-Key", "MAID", "AID"];

/// Before this nobody sent mail with a program that is found today; a clock that stands at its beginning says so.
const OLDEST: i64 = 631_152_000;

/// What is known of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// When it was written; `None` if that is not said, or cannot be.
    pub date: Option<Timestamp>,
    /// Its authors' addresses, in small letters.
    pub from: Vec<String>,
    /// What its program calls the account, or the identity, that it goes out by.
    pub sender_key: Option<String>,
    /// It was removed, and is only there still.
    pub removed: bool,
}

static PARSER: LazyLock<MessageParser> = LazyLock::new(|| {
    let parser = MessageParser::new().header_date(HeaderName::Date).header_address(HeaderName::From);
    let raw = SENDER_KEYS.iter().chain(&["X-Mozilla-Status", "S"]);
    raw.fold(parser, |parser, name| parser.header_text(HeaderName::Other((*name).into()))).default_header_ignore()
});

impl Head {
    /// Reads a block of headers. `None`: there is none in these bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let message = PARSER.parse_headers(&bytes[..bytes.len().min(MOST)])?;
        let text = |name: &'static str| match message.header(HeaderName::Other(name.into()))? {
            HeaderValue::Text(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            _ => None,
        };
        let authors = message.from().into_iter().flat_map(|from| from.iter());
        let mut from: Vec<String> = authors.filter_map(|author| author.address()).map(str::to_lowercase).collect();
        // What Claws Mail and Sylpheed give to the host as the sender.
        from.extend(text("S").map(|sender| sender.to_lowercase()));
        let status = text("X-Mozilla-Status").and_then(|status| u32::from_str_radix(&status, 16).ok());
        Some(Self {
            date: message.date().filter(|date| date.is_valid()).and_then(|date| plausible(date.to_timestamp())),
            from,
            sender_key: SENDER_KEYS.iter().find_map(|name| text(name)),
            removed: status.is_some_and(|status| status & EXPUNGED != 0),
        })
    }

    /// The same of a message that waits in a folder of Sylpheed's: what concerns sending stands in a block of its own, before the
    /// message's headers.
    pub fn of_two_blocks(bytes: &[u8]) -> Option<Self> {
        let first = Self::of(bytes)?;
        if first.date.is_some() {
            return Some(first);
        }
        let Some(second) = after_the_first_block(bytes).and_then(Self::of) else { return Some(first) };
        Some(Self {
            date: second.date,
            from: [first.from, second.from].concat(),
            sender_key: first.sender_key.or(second.sender_key),
            removed: first.removed,
        })
    }
}

fn after_the_first_block(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if matches!(line, b"\n" | b"\r\n") {
            return bytes.get(at..);
        }
    }
    None
}

fn plausible(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok().filter(|_| seconds >= OLDEST)
}
