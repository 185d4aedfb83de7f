//! Splits what a server says into replies, as tolerant as mail programs are, and never keeps more than a little: a server
//! that floods us, or that does not speak SMTP, is listened to no longer.

use std::time::Instant;

use super::finding::{Ehlo, End, Reply};
use super::secrets::Secrets;
use crate::shown;

/// A line longer than this is not SMTP. RFC 5321 4.5.3.1.5 allows 512 bytes; servers exist that say thousands.
const LONGEST_LINE: usize = 16 * 1024;
/// A conversation of more lines than this is a flood. All of fewer are kept: what was left out of an answer to EHLO would
/// look like something that the server does not offer.
const MOST_LINES: usize = 4096;
/// A conversation of more bytes than this is a flood. The longest answers to EHLO that are known have 2 kB.
pub(super) const MOST_BYTES: usize = 256 * 1024;
/// Ways to log in that are looked at; there are 50 in the whole registry of IANA.
const MOST_MECHANISMS: usize = 128;
/// Lines of a greeting that is still going on; somebody who says more does not greet but keeps us busy.
const GREETING_LINES: usize = 64;

/// What was said so far.
#[derive(Debug)]
pub(super) struct Transcript {
    started: Instant,
    replies: Vec<Reply>,
    /// The lines of the reply that is not whole yet, and its code.
    lines: Vec<String>,
    open: Option<u16>,
    pending: Vec<u8>,
    garbage: Option<String>,
    ended: bool,
    line_count: usize,
    bytes: usize,
    secrets: Option<Secrets>,
}

impl Transcript {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            replies: Vec::new(),
            lines: Vec::new(),
            open: None,
            pending: Vec::new(),
            garbage: None,
            ended: false,
            line_count: 0,
            bytes: 0,
            secrets: None,
        }
    }

    /// From now on these are taken out of everything that is said.
    pub(super) fn hide(&mut self, secrets: Secrets) {
        self.secrets = Some(secrets);
    }

    /// What is to be hidden, if anything.
    pub(super) fn secrets(&self) -> Option<&Secrets> {
        self.secrets.as_ref()
    }

    /// The other side has closed the connection.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Nothing that comes from now on counts.
    pub(super) fn is_over(&self) -> bool {
        self.ended || self.garbage.is_some()
    }

    /// Takes in what was said. What follows something that is not SMTP is not looked at.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.garbage.is_some() {
                return;
            }
            self.bytes += 1;
            if byte == b'\n' {
                let line = std::mem::take(&mut self.pending);
                self.line(line.strip_suffix(b"\r").unwrap_or(&line));
            } else {
                self.pending.push(byte);
            }
            if self.pending.len() > LONGEST_LINE || self.line_count > MOST_LINES || self.bytes > MOST_BYTES {
                self.garbage = Some(self.seen());
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        self.line_count += 1;
        let code = match line {
            [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9']
            | [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ' | b'-', ..] => {
                (a - b'0') as u16 * 100 + (b - b'0') as u16 * 10 + (c - b'0') as u16
            }
            _ => {
                self.garbage = Some(self.printable(line));
                return;
            }
        };
        let said = self.hidden(line.get(4..).unwrap_or_default());
        self.lines.push(text(&said));
        if line.get(3) == Some(&b'-') {
            self.open = Some(code);
        } else {
            // Where the codes differ the last one counts: postscreen says `220-` at once, and 521 behind it.
            self.open = None;
            let lines = std::mem::take(&mut self.lines);
            self.replies.push(Reply { code, lines, ms: millis(self.started) });
        }
    }

    fn hidden(&self, said: &[u8]) -> Vec<u8> {
        self.secrets.as_ref().map_or_else(|| said.to_vec(), |secrets| secrets.scrub(said))
    }

    /// The start of what is being said, for people to look at.
    fn seen(&self) -> String {
        match (self.open, self.lines.first()) {
            (Some(code), Some(line)) => printable(format!("{code}-{line}").as_bytes()),
            _ => self.printable(&self.pending),
        }
    }

    fn printable(&self, bytes: &[u8]) -> String {
        printable(&self.hidden(bytes))
    }

    /// How many replies there are.
    pub(super) fn count(&self) -> usize {
        self.replies.len()
    }

    /// One of them.
    pub(super) fn reply(&self, at: usize) -> Option<&Reply> {
        self.replies.get(at)
    }

    /// The server has said something after its last whole reply.
    pub(super) fn has_more(&self) -> bool {
        !self.pending.is_empty() || !self.lines.is_empty() || self.garbage.is_some()
    }

    /// What there is of a greeting that was begun (`220-`) and is not whole: the server is alive and lets us wait.
    pub(super) fn begun_greeting(&self) -> Option<Reply> {
        let waits = self.replies.is_empty() && !self.is_over() && self.line_count <= GREETING_LINES;
        let code = self.open.filter(|code| waits && (200..300).contains(code))?;
        Some(Reply { code, lines: self.lines.clone(), ms: millis(self.started) })
    }

    /// Why there is no reply number `at`.
    pub(super) fn why(&self, at: usize) -> End {
        match (self.replies.get(at), &self.garbage) {
            (Some(reply), _) => unwelcome(reply),
            (None, Some(seen)) => End::Garbage { seen: seen.clone() },
            (None, None) if self.ended || self.pending.is_empty() => End::Closed,
            (None, None) => End::Garbage { seen: self.seen() },
        }
    }
}

/// How a conversation ends on a reply that is not the one that was hoped for.
pub(super) fn unwelcome(reply: &Reply) -> End {
    if (400..600).contains(&reply.code) {
        return End::Refused;
    }
    let seen = format!("{} {}", reply.code, reply.lines.first().map_or("", String::as_str));
    End::Garbage { seen: printable(seen.as_bytes()) }
}

/// Milliseconds since then.
pub(super) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// As text that no terminal takes for a command. What is not UTF-8 is Latin-1: old servers speak it.
fn text(bytes: &[u8]) -> String {
    let decoded = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| byte as char).collect(),
    };
    decoded.chars().map(|letter| if letter == '\t' { letter } else { shown::fit(letter) }).collect()
}

/// The start of something that is not SMTP, for people to look at.
fn printable(bytes: &[u8]) -> String {
    bytes.iter().take(80).map(|&byte| if matches!(byte, b' '..=b'~') { byte as char } else { '.' }).collect()
}

/// Reads an answer to EHLO, or to HELO, which offers nothing.
pub(super) fn ehlo(reply: &Reply) -> Ehlo {
    let mut lines = reply.lines.iter().map(|line| line.trim_end());
    let mut ehlo = Ehlo {
        name: lines.next().and_then(|line| line.split_whitespace().next()).unwrap_or_default().to_owned(),
        ..Ehlo::default()
    };
    for line in lines {
        ehlo.keywords.push(line.to_owned());
        let upper = line.to_ascii_uppercase();
        // Old servers write `AUTH=LOGIN`, before RFC 2554 settled on the space.
        let (keyword, rest) = upper.split_once([' ', '=', '\t']).unwrap_or((&upper, ""));
        match keyword {
            "STARTTLS" => ehlo.starttls = true,
            "AUTH" => {
                for mechanism in rest.split([' ', '=', '\t']).filter(|mechanism| !mechanism.is_empty()) {
                    let room = ehlo.mechanisms.len() < MOST_MECHANISMS;
                    if room && !ehlo.mechanisms.iter().any(|known| known == mechanism) {
                        ehlo.mechanisms.push(mechanism.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    ehlo
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Transcript {
        let mut transcript = Transcript::new(Instant::now());
        transcript.feed(bytes);
        transcript
    }

    fn plain(transcript: &Transcript) -> Vec<(u16, String)> {
        transcript.replies.iter().map(|reply| (reply.code, reply.lines.join("|"))).collect()
    }

    #[test]
    fn replies_are_kept_whole() {
        let read = read(b"220-one\r\n220 two\r\n250\r\n25");
        assert_eq!(plain(&read), [(220, "one|two".to_owned()), (250, String::new())]);
        assert_eq!(read.pending, b"25");
        assert_eq!(read.garbage, None);
    }

    /// Mail programs take all of these.
    #[test]
    fn odd_replies_are_replies() {
        assert_eq!(plain(&read(b"220\n")), [(220, String::new())]);
        assert_eq!(plain(&read(b"220-\n220 \n")), [(220, "|".to_owned())]);
        assert_eq!(plain(&read(b"220 Bienvenue \xe0 M\xfcnchen\r\n")), [(220, "Bienvenue à München".to_owned())]);
        assert_eq!(plain(&read("250 Zażółć\n".as_bytes())), [(250, "Zażółć".to_owned())]);
        assert_eq!(plain(&read(b"220-wait\r\n521 5.3.2 no\r\n")), [(521, "wait|5.3.2 no".to_owned())]);
        let long = format!("250-{}\r\n250 SIZE\r\n", "x".repeat(9000));
        assert_eq!(read(long.as_bytes()).replies[0].lines[1], "SIZE");
        let many = "250-X\r\n".repeat(3000) + "250 STARTTLS\r\n";
        assert!(ehlo(&read(many.as_bytes()).replies[0]).starttls);
    }

    #[test]
    fn what_is_not_smtp_is_shown() {
        assert_eq!(read(b"SSH-2.0-OpenSSH_9\r\n").garbage.as_deref(), Some("SSH-2.0-OpenSSH_9"));
        assert_eq!(read(b"\x15\x03\x01\0\x02\n").garbage.as_deref(), Some("....."));
        assert_eq!(read(b"22 hm\r\n").garbage.as_deref(), Some("22 hm"));
        assert_eq!(read(b"220 \x1b[2J\r\n").replies[0].lines[0], "\u{fffd}[2J");
        assert_eq!(read(b"220 \x9b2J\r\n").replies[0].lines[0], "\u{fffd}2J");
    }

    /// Whatever is poured in, little is kept.
    #[test]
    fn a_flood_is_not_kept() {
        let mut flooded: Vec<Transcript> = Vec::new();
        for flood in ["220aaaaaaaaaaaaa", "220-x\r\n", "250 ok\r\n", "220 aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaa\n"] {
            let mut transcript = Transcript::new(Instant::now());
            for _ in 0..200_000 {
                transcript.feed(flood.as_bytes());
            }
            flooded.push(transcript);
        }
        for transcript in &flooded {
            let lines = transcript.replies.iter().flat_map(|reply| &reply.lines).chain(&transcript.lines);
            let kept: usize = lines.map(String::capacity).sum::<usize>() + transcript.pending.capacity();
            assert!(transcript.is_over() && kept <= 2 * MOST_BYTES, "{kept}");
            assert!(transcript.bytes <= MOST_BYTES + 1 && transcript.line_count <= MOST_LINES + 1);
        }
        let seen: Vec<_> = flooded.iter().map(|transcript| transcript.garbage.as_deref().unwrap_or_default()).collect();
        assert_eq!((&seen[0][..9], &seen[1][..5]), ("220aaaaaa", "220-x"));
        assert_eq!(flooded[1].why(0), End::Garbage { seen: "220-x".to_owned() });
    }

    #[test]
    fn a_greeting_that_was_begun_is_alive() {
        let begun = read(b"220-mail.hosting.test one moment\r\n");
        assert_eq!(begun.begun_greeting().unwrap().lines, ["mail.hosting.test one moment"]);
        for other in ["", "220", "554-no\r\n", "220 whole\r\n", "220-x\r\nrubbish\r\n", &"220-x\r\n".repeat(99)] {
            assert_eq!(read(other.as_bytes()).begun_greeting(), None, "{other:?}");
        }
    }

    #[test]
    fn keywords_and_mechanisms() {
        let lines = [
            "mail.hosting.test Hello [192.0.2.1]",
            "SIZE 52428800",
            "auth=LOGIN",
            "AUTH PLAIN LOGIN",
            "XXXXXXXA",
            "starttls",
        ];
        let ehlo = ehlo(&Reply { code: 250, lines: lines.map(str::to_owned).to_vec(), ms: 0 });
        assert_eq!(ehlo.name, "mail.hosting.test");
        assert_eq!(ehlo.keywords, lines[1..]);
        assert_eq!(ehlo.mechanisms, ["LOGIN", "PLAIN"]);
        assert!(ehlo.starttls);
    }

    /// As many as a conversation has room for, none like another.
    #[test]
    fn a_flood_of_mechanisms_costs_little() {
        let many: String = (0..40_000).map(|n| format!(" {n:x}")).collect();
        let lines = vec!["mail.hosting.test".to_owned(), format!("AUTH PLAIN{many}"), "STARTTLS".to_owned()];
        let began = Instant::now();
        let ehlo = ehlo(&Reply { code: 250, lines, ms: 0 });
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
        assert!(ehlo.starttls && ehlo.mechanisms.len() == MOST_MECHANISMS && ehlo.mechanisms[0] == "PLAIN");
    }

    proptest! {
        /// However the network cuts it up, the same replies come out.
        #[test]
        fn cuts_make_no_difference(text in "([25][0-9]{2}[ -][a-z ]{0,5}\r\n|[a-z]{0,9}\n){0,8}", cut in 0_usize..99) {
            let whole = read(text.as_bytes());
            let (one, two) = text.as_bytes().split_at(cut.min(text.len()));
            let mut parts = read(one);
            parts.feed(two);
            prop_assert_eq!(plain(&whole), plain(&parts));
            prop_assert_eq!(whole.garbage, parts.garbage);
        }

        /// No bytes whatever stop us.
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let read = read(&bytes);
            for reply in &read.replies {
                ehlo(reply);
                let controls = reply.lines.iter().any(|line| line.contains(['\n', '\x1b']));
                prop_assert!(!controls);
            }
            read.why(0);
        }
    }
}
