//! Is this machine's clock wrong? Many mail hosts tell their time in the greeting (Exim, Sendmail), as a date of
//! RFC 5322; two clocks that differ by a day or more cannot both be right.

use jiff::fmt::rfc2822::DateTimeParser;

use super::Case;
use crate::probe::finding::Reply;

/// Less than this cannot make a certificate look out of date for long.
const TOLERANCE_S: i64 = 24 * 3600;

const WEEKDAYS: [&str; 7] = ["Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, ", "Sun, "];

/// What the host's greetings say about this machine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// No greeting tells a time.
    Unknown,
    /// It agrees with a host.
    Right,
    /// It differs from a host by this many seconds; positive: this machine is ahead.
    OffBy(i64),
}

/// Compares this machine's clock with the greetings of all ports.
pub(super) fn compared(case: Case<'_>) -> Clock {
    let told = case.host.ports.iter().filter_map(|port| port.greeting.as_ref()).find_map(told_by);
    match told.map(|host| case.network.now - host) {
        None => Clock::Unknown,
        Some(off) if off.abs() < TOLERANCE_S => Clock::Right,
        Some(off) => Clock::OffBy(off),
    }
}

fn told_by(greeting: &Reply) -> Option<i64> {
    greeting.lines.iter().find_map(|line| date_in(line))
}

/// The date at the end of a line, in seconds since 1970.
fn date_in(line: &str) -> Option<i64> {
    let at = WEEKDAYS.iter().filter_map(|day| line.rfind(day)).max()?;
    // Sendmail adds the zone's name in brackets, which is a comment there (RFC 5322 3.2.2).
    let date = line[at..].split(" (").next()?.trim();
    DateTimeParser::new().parse_timestamp(date).ok().map(|time| time.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_greetings() {
        let noon = Some(1_795_521_600);
        assert_eq!(date_in("mail.hosting.test ESMTP Exim 4.96 Tue, 24 Nov 2026 12:00:00 +0000"), noon);
        assert_eq!(date_in("mail.hosting.test ESMTP Sendmail 8.17; Tue, 24 Nov 2026 13:00:00 +0100 (CET)"), noon);
        assert_eq!(date_in("mail.hosting.test ESMTP Postfix (Debian)"), None);
        assert_eq!(date_in("Tue, nothing"), None);
        assert_eq!(date_in(""), None);
    }
}
