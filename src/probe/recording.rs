//! A stream that keeps what passes: every reply of the server, whole, also what the SMTP library drops
//! (greeting text, unknown EHLO keywords, mechanisms). What we write is never kept.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::client::TlsStream;

use super::finding::{Ehlo, End, Reply};
use crate::shown;

/// A line longer than this is not SMTP.
const LONGEST_LINE: usize = 4096;
/// A server that says more than this says nothing worth keeping.
const MOST_LINES: usize = 1000;

/// Splits what a server says into replies.
#[derive(Debug)]
pub(super) struct Transcript {
    started: Instant,
    replies: Vec<Reply>,
    lines: Vec<String>,
    pending: Vec<u8>,
    garbage: Option<String>,
    ended: bool,
    kept: usize,
}

impl Transcript {
    fn new(started: Instant) -> Self {
        Self {
            started,
            replies: Vec::new(),
            lines: Vec::new(),
            pending: Vec::new(),
            garbage: None,
            ended: false,
            kept: 0,
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.pending);
                self.line(line.strip_suffix(b"\r").unwrap_or(&line));
            } else if self.pending.len() < LONGEST_LINE {
                self.pending.push(byte);
            } else if self.garbage.is_none() {
                self.garbage = Some(printable(&self.pending));
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        let code = match line {
            [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9']
            | [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ' | b'-', ..] => {
                (a - b'0') as u16 * 100 + (b - b'0') as u16 * 10 + (c - b'0') as u16
            }
            _ => {
                self.garbage.get_or_insert_with(|| printable(line));
                return;
            }
        };
        self.kept += 1;
        if self.kept <= MOST_LINES {
            self.lines.push(text(line.get(4..).unwrap_or_default()));
        }
        if line.get(3) != Some(&b'-') {
            let lines = std::mem::take(&mut self.lines);
            self.replies.push(Reply { code, lines, ms: millis(self.started) });
        }
    }
}

/// Milliseconds since then.
pub(super) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// As text that no terminal takes for a command.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|letter| if letter == '\t' { letter } else { shown::fit(letter) })
        .collect()
}

/// The start of something that is not SMTP, for people to look at.
fn printable(bytes: &[u8]) -> String {
    bytes.iter().take(80).map(|&byte| if matches!(byte, b' '..=b'~') { byte as char } else { '.' }).collect()
}

/// What carries the bytes.
#[derive(Debug)]
enum Transport {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

#[derive(Debug)]
struct State {
    transport: Option<Transport>,
    /// Given to the reader before anything of the server: lettre waits for a greeting, but after STARTTLS there is none.
    replay: &'static [u8],
    transcript: Transcript,
}

/// The stream. Clones are handles to the same connection: one is lent to lettre, one stays here.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    state: Arc<Mutex<State>>,
    spoken: Arc<Notify>,
    peer: SocketAddr,
}

impl Wire {
    /// A connection in the clear.
    pub(super) fn tcp(stream: TcpStream, started: Instant) -> io::Result<Self> {
        let peer = stream.peer_addr()?;
        Ok(Self::new(Transport::Tcp(stream), peer, started, b""))
    }

    /// A connection inside TLS; `greeted` when the greeting was given before TLS.
    pub(super) fn tls(stream: TlsStream<TcpStream>, started: Instant, greeted: bool) -> io::Result<Self> {
        let peer = stream.get_ref().0.peer_addr()?;
        let replay: &[u8] = if greeted { b"220 \r\n" } else { b"" };
        Ok(Self::new(Transport::Tls(Box::new(stream)), peer, started, replay))
    }

    fn new(transport: Transport, peer: SocketAddr, started: Instant, replay: &'static [u8]) -> Self {
        let state = State { transport: Some(transport), replay, transcript: Transcript::new(started) };
        Self { state: Arc::new(Mutex::new(state)), spoken: Arc::new(Notify::new()), peer }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the TCP stream out, for TLS. All handles read as closed from then on.
    pub(super) fn take_tcp(&self) -> Option<TcpStream> {
        match self.lock().transport.take() {
            Some(Transport::Tcp(stream)) => Some(stream),
            _ => None,
        }
    }

    /// Ends when the server has given a whole reply; for one listener, once.
    pub(super) fn spoken(&self) -> impl Future<Output = ()> + 'static {
        let spoken = Arc::clone(&self.spoken);
        async move { spoken.notified().await }
    }

    /// How many replies there are.
    pub(super) fn count(&self) -> usize {
        self.lock().transcript.replies.len()
    }

    /// One of them.
    pub(super) fn reply(&self, at: usize) -> Option<Reply> {
        self.lock().transcript.replies.get(at).cloned()
    }

    /// The server has said something after its last whole reply.
    pub(super) fn has_more(&self) -> bool {
        let state = self.lock();
        !state.transcript.pending.is_empty() || !state.transcript.lines.is_empty() || state.transcript.garbage.is_some()
    }

    /// Why a step failed that was waiting for reply number `at`.
    pub(super) fn why(&self, at: usize) -> End {
        let state = self.lock();
        let transcript = &state.transcript;
        match transcript.replies.get(at) {
            Some(reply) if (400..600).contains(&reply.code) => return End::Refused,
            Some(reply) => {
                let seen = format!("{} {}", reply.code, reply.lines.first().map_or("", String::as_str));
                return End::Garbage { seen: printable(seen.as_bytes()) };
            }
            None => {}
        }
        match &transcript.garbage {
            Some(seen) => End::Garbage { seen: seen.clone() },
            None if transcript.ended || transcript.pending.is_empty() => End::Closed,
            None => End::Garbage { seen: printable(&transcript.pending) },
        }
    }

    /// Writes past lettre: for what must not stay behind in its buffers.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes).await?;
        self.flush().await
    }

    /// Reads until there are more than `count` replies, or the end.
    pub(super) async fn read_past(&mut self, count: usize) -> io::Result<()> {
        let mut buffer = [0_u8; 1024];
        while self.count() <= count {
            let mut buffer = ReadBuf::new(&mut buffer);
            std::future::poll_fn(|cx| Pin::new(&mut *self).poll_read(cx, &mut buffer)).await?;
            if buffer.filled().is_empty() {
                break;
            }
        }
        Ok(())
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        if !state.replay.is_empty() {
            let (now, later) = state.replay.split_at(state.replay.len().min(buffer.remaining()));
            buffer.put_slice(now);
            state.replay = later;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = match &mut state.transport {
            Some(Transport::Tcp(stream)) => Pin::new(stream).poll_read(cx, buffer),
            Some(Transport::Tls(stream)) => Pin::new(stream).poll_read(cx, buffer),
            None => return Poll::Ready(Ok(())),
        };
        match &read {
            Poll::Pending => {}
            Poll::Ready(Ok(())) if buffer.filled().len() > before => {
                state.transcript.feed(&buffer.filled()[before..]);
                if !state.transcript.replies.is_empty() {
                    self.spoken.notify_one();
                }
            }
            Poll::Ready(_) => state.transcript.ended = true,
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.lock().transport {
            Some(Transport::Tcp(stream)) => Pin::new(stream).poll_write(cx, bytes),
            Some(Transport::Tls(stream)) => Pin::new(stream).poll_write(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.lock().transport {
            Some(Transport::Tcp(stream)) => Pin::new(stream).poll_flush(cx),
            Some(Transport::Tls(stream)) => Pin::new(stream).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.lock().transport {
            Some(Transport::Tcp(stream)) => Pin::new(stream).poll_shutdown(cx),
            Some(Transport::Tls(stream)) => Pin::new(stream).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

/// Reads an answer to EHLO.
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
                    if !ehlo.mechanisms.iter().any(|known| known == mechanism) {
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

    #[test]
    fn replies_are_kept_whole() {
        let read = read(b"220-one\r\n220 two\r\n250\r\n25");
        let replies: Vec<_> = read.replies.iter().map(|reply| (reply.code, reply.lines.join("|"))).collect();
        assert_eq!(replies, [(220, "one|two".to_owned()), (250, String::new())]);
        assert_eq!(read.pending, b"25");
        assert_eq!(read.garbage, None);
    }

    #[test]
    fn what_is_not_smtp_is_shown() {
        assert_eq!(read(b"SSH-2.0-OpenSSH_9\r\n").garbage.as_deref(), Some("SSH-2.0-OpenSSH_9"));
        assert_eq!(read(b"\x15\x03\x01\0\x02\n").garbage.as_deref(), Some("....."));
        assert!(read(&vec![b'a'; 2 * LONGEST_LINE]).garbage.is_some());
        assert_eq!(read(b"220 \x1b[2J\r\n").replies[0].lines[0], "\u{fffd}[2J");
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

    proptest! {
        /// However the network cuts it up, the same replies come out.
        #[test]
        fn cuts_make_no_difference(text in "([25][0-9]{2}[ -][a-z ]{0,5}\r\n|[a-z]{0,9}\n){0,8}", cut in 0_usize..99) {
            let whole = read(text.as_bytes());
            let (one, two) = text.as_bytes().split_at(cut.min(text.len()));
            let mut parts = read(one);
            parts.feed(two);
            let plain = |t: &Transcript| t.replies.iter().map(|r| (r.code, r.lines.clone())).collect::<Vec<_>>();
            prop_assert_eq!(plain(&whole), plain(&parts));
            prop_assert_eq!(whole.garbage, parts.garbage);
        }
    }
}
