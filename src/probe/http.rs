//! One plain HTTP request, for two questions that SMTP cannot answer: does somebody answer in the place of a known
//! page (a captive portal), and what date is it by another clock? Nothing of the answer's body is read.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Prober;
use super::finding::HttpFinding;
use super::reached::Reached;
use super::resolve::Host;

/// A page that does not answer by then is no evidence.
const PATIENCE: Duration = Duration::from_secs(2);
/// A date has six words, and some for the name of its zone. What stands before them is another's text, as long as he likes.
const MOST_WORDS: usize = 16;
/// More head than this is not worth reading.
const LONGEST_HEAD: usize = 16 * 1024;

impl Prober {
    /// Asks for `http://host[:port]/path`. Sends no cookie and no name of this computer or program.
    pub async fn http(&self, url: &str) -> HttpFinding {
        let (host, port, path) = parts(url);
        let mut finding = HttpFinding { host: host.clone(), status: None, location: None, date: None };
        let asked = async {
            let name = Host::new(&host);
            let addresses = self.inner.names.destinations(&name, port).await.ok()?;
            let dialler = &self.inner.dialler;
            let connected = dialler.race(&host, &addresses, &dialler.wait(PATIENCE), &Reached::new()).await.stream?;
            head(connected.stream, &host, &path).await
        };
        if let Ok(Some(head)) = timeout(PATIENCE, asked).await {
            read_head(&head, &mut finding);
        }
        finding
    }
}

async fn head(mut stream: TcpStream, host: &str, path: &str) -> Option<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAccept: */*\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut read = Vec::new();
    let mut buffer = [0_u8; 2048];
    while read.len() < LONGEST_HEAD && !read.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => read.extend_from_slice(&buffer[..count]),
        }
    }
    Some(String::from_utf8_lossy(&read).into_owned())
}

fn parts(url: &str) -> (String, u16, String) {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = match authority.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) => (host, port),
        _ => (authority, 80),
    };
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    (host.to_owned(), port, path)
}

pub(super) fn read_head(head: &str, finding: &mut HttpFinding) {
    let mut lines = head.lines();
    let status = lines.next().filter(|line| line.starts_with("HTTP/")).and_then(|line| line.split(' ').nth(1));
    finding.status = status.and_then(|code| code.parse().ok());
    if finding.status.is_none() {
        return;
    }
    for line in lines.take_while(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "location" => {
                finding.location = Some(value.trim().chars().filter(|letter| !letter.is_control()).take(200).collect());
            }
            "date" => finding.date = date(value.trim()),
            _ => {}
        }
    }
}

/// A date as mail and HTTP write it (RFC 5322, RFC 9110), at the end of a text.
pub(crate) fn date(text: &str) -> Option<i64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    (words.len().saturating_sub(MOST_WORDS)..words.len()).find_map(|from| {
        let tail = words[from..].join(" ").replace("GMT", "+0000").replace("UTC", "+0000");
        // Some greetings add the name of the zone behind its offset: "+0200 (CEST)".
        let tail = tail.split(" (").next().unwrap_or_default();
        jiff::fmt::rfc2822::parse(tail).ok().map(|date| date.timestamp().as_second())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_three_parts() {
        let parts_of = |url| parts(url);
        assert_eq!(parts_of("http://check.test/204"), ("check.test".into(), 80, "/204".into()));
        assert_eq!(parts_of("http://check.test:8080"), ("check.test".into(), 8080, "/".into()));
        assert_eq!(parts_of("http://check.test?x"), ("check.test".into(), 80, "/?x".into()));
    }

    #[test]
    fn a_head_tells_status_place_and_date() {
        let mut seen = HttpFinding { host: "check.test".into(), status: None, location: None, date: None };
        let head = "HTTP/1.1 302 Found\r\nLocation: http://portal.test/login\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\n\r\nDate: x";
        read_head(head, &mut seen);
        assert_eq!((seen.status, seen.location.as_deref()), (Some(302), Some("http://portal.test/login")));
        assert_eq!(seen.date, Some(784_887_151));
        let mut nothing = HttpFinding { status: None, location: None, date: None, ..seen };
        read_head("220 mail.hosting.test ESMTP\r\nLocation: x\r\n", &mut nothing);
        assert_eq!((nothing.status, nothing.location), (None, None));
    }

    #[test]
    fn greetings_that_carry_a_date() {
        let exim = "mail.hosting.test ESMTP Exim 4.96 Tue, 15 Nov 1994 09:12:31 +0100";
        let sendmail = "mail.hosting.test ESMTP Sendmail 8.17.1/8.17.1; Tue, 15 Nov 1994 08:12:31 GMT";
        assert_eq!((date(exim), date(sendmail)), (Some(784_887_151), Some(784_887_151)));
        assert_eq!(date("mail.hosting.test ESMTP Postfix"), None);
    }

    /// A greeting may have this many words, and somebody who wants to keep us busy.
    #[test]
    fn a_long_text_costs_no_more_than_its_end() {
        let words = "Tue, ".repeat(50_000);
        let began = std::time::Instant::now();
        assert_eq!(date(&words), None);
        assert_eq!(date(&format!("{words} 15 Nov 1994 08:12:31 GMT")), Some(784_887_151));
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
    }
}
