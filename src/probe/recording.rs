//! The stream of a conversation: it keeps every reply of the server, whole (greeting text, unknown keywords,
//! mechanisms), and nothing of what we write.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{timeout, timeout_at};
use tokio_rustls::client::TlsStream;

use super::finding::{End, Reply};
pub(super) use super::transcript::{Transcript, ehlo, millis, unwelcome};

/// Enough for QUIT and the end of TLS: nothing more is wanted.
const FAREWELL: Duration = Duration::from_millis(200);

/// What carries the bytes.
#[derive(Debug)]
enum Transport {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The stream.
#[derive(Debug)]
pub(super) struct Wire {
    transport: Transport,
    pub(super) transcript: Transcript,
}

impl Wire {
    /// A connection in the clear.
    pub(super) fn tcp(stream: TcpStream, started: Instant) -> Self {
        Self { transport: Transport::Tcp(stream), transcript: Transcript::new(started) }
    }

    /// A connection inside TLS.
    pub(super) fn tls(stream: TlsStream<TcpStream>, started: Instant) -> Self {
        Self { transport: Transport::Tls(Box::new(stream)), transcript: Transcript::new(started) }
    }

    /// Takes the TCP stream out, for TLS.
    pub(super) fn into_tcp(self) -> Option<TcpStream> {
        match self.transport {
            Transport::Tcp(stream) => Some(stream),
            Transport::Tls(_) => None,
        }
    }

    /// How many replies there are.
    pub(super) fn count(&self) -> usize {
        self.transcript.count()
    }

    /// Writes it, at once.
    pub(super) async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.transport {
            Transport::Tcp(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Transport::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// Waits for reply number `at`, whatever it says; or tells why there is none.
    pub(super) async fn hear(&mut self, at: usize) -> Result<Reply, End> {
        let mut buffer = [0_u8; 2048];
        while self.transcript.reply(at).is_none() && !self.transcript.is_over() {
            let read = match &mut self.transport {
                Transport::Tcp(stream) => stream.read(&mut buffer).await,
                Transport::Tls(stream) => stream.read(&mut buffer).await,
            };
            match read {
                Ok(0) | Err(_) => self.transcript.end(),
                Ok(length) => self.transcript.feed(&buffer[..length]),
            }
        }
        self.transcript.reply(at).cloned().ok_or_else(|| self.transcript.why(at))
    }

    /// The same, for so long.
    pub(super) async fn hear_within(&mut self, at: usize, patience: Duration) -> Result<Reply, End> {
        timeout(patience, self.hear(at)).await.unwrap_or(Err(End::TimedOut))
    }

    /// Says it and waits for the next reply. One that was given before the connection broke is heard all the same.
    pub(super) async fn ask(&mut self, said: &[u8], patience: Duration) -> Result<Reply, End> {
        let at = self.count();
        let answer = timeout(patience, async {
            let _ = self.say(said).await;
            self.hear(at).await
        });
        answer.await.unwrap_or(Err(End::TimedOut))
    }

    /// Waits for the greeting. A server that has begun one (`220-`) is alive, and is not left before `latest`.
    pub(super) async fn greeting(&mut self, patience: Duration, latest: Duration) -> Result<Reply, End> {
        let began = Instant::now();
        match self.hear_within(0, patience).await {
            Err(End::TimedOut) => {}
            heard => return heard,
        }
        // Looked at now and then, since one that goes on for ever does not greet.
        while self.transcript.begun_greeting().is_some() && began.elapsed() < latest {
            let step = (Instant::now() + FAREWELL).min(began + latest);
            if let Ok(heard) = timeout_at(step.into(), self.hear(0)).await {
                return heard;
            }
        }
        Err(End::TimedOut)
    }

    /// Says QUIT, ends TLS, and leaves without waiting for an answer: nothing more is wanted from this host.
    pub(super) async fn leave(mut self) {
        let _ = timeout(FAREWELL, self.say(b"QUIT\r\n")).await;
        self.shut().await;
    }

    /// QUIT, without waiting for the answer for long.
    pub(super) async fn close(mut self) {
        let _ = self.ask(b"QUIT\r\n", Duration::from_secs(1)).await;
        self.shut().await;
    }

    /// The end of TLS, and of our side of the connection.
    pub(super) async fn shut(&mut self) {
        let shutting = async {
            match &mut self.transport {
                Transport::Tcp(stream) => stream.shutdown().await,
                Transport::Tls(stream) => stream.shutdown().await,
            }
        };
        // Where the other side has gone already there is nobody to tell.
        let _ = timeout(FAREWELL, shutting).await;
    }
}
