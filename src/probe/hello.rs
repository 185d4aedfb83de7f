//! Does a port take a mail program that has no more than a certain TLS? Asked with that program's hello, made by hand, and
//! ended at the first answer: no key, no secret, one short connection.

pub(crate) mod message;

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use self::message::{Answer, MOST, answer, client_hello};
use super::dial::Connected;
use super::finding::{End, HelloAnswer, HelloFinding};
use super::reached::Reached;
use super::recording::millis;
use super::resolve::Host;
use super::{Prober, Target};
use crate::tls_offer::{TlsOffer, TlsVersion};
use port26_platform::system_tls::{self, Shaken};

/// The end of TLS, as a warning (RFC 5246 7.2): a server that sees it writes down no broken connection.
const CLOSE_NOTIFY: [u8; 7] = [21, 3, 1, 0, 2, 1, 0];

/// How long before a question that was not answered is asked once more.
const AGAIN: Duration = Duration::from_millis(500);

impl Prober {
    /// Asks this port whether it takes `offer`, in the mode of `target`; once more if nothing was answered, or the connection
    /// was only ended. Versions beyond TLS 1.2 are not asked about: they would need a key.
    pub async fn hello(&self, host: &str, target: Target, offer: &TlsOffer) -> HelloFinding {
        let first = self.hello_once(host, target, offer).await;
        if !matches!(first.answer, HelloAnswer::NotKnown { .. } | HelloAnswer::Closed) {
            return first;
        }
        sleep(AGAIN).await;
        self.hello_once(host, target, offer).await
    }

    /// The same, and not a second time.
    pub async fn hello_once(&self, host: &str, target: Target, offer: &TlsOffer) -> HelloFinding {
        let started = Instant::now();
        let answer = self.asked(host, target, offer).await.unwrap_or_else(|why| HelloAnswer::NotKnown { why });
        tracing::debug!(host, port = target.port, offer = offer.label(), ?answer, "a hello of an older program");
        HelloFinding { port: target.port, tls_mode: target.tls, offer: offer.label(), answer, ms: millis(started) }
    }

    /// Asks the same of the TLS that this computer's own programs get from the system, as a second witness. `None`: they
    /// bring their own.
    pub async fn hello_by_system(&self, host: &str, target: Target) -> Option<Shaken> {
        let (stream, _held) = self.before_tls(host, target).await.ok()?;
        let stream = stream.into_std().ok()?;
        let (name, patience) = (host.to_owned(), self.inner.config.deadline);
        let shaken =
            tokio::task::spawn_blocking(move || system_tls::shake_hands(stream, &name, patience)).await.ok()??;
        tracing::debug!(host, port = target.port, ?shaken, "the system's own TLS");
        Some(shaken)
    }

    /// A connection as it is where TLS begins, with the room that it takes.
    async fn before_tls(&self, host: &str, target: Target) -> Result<(TcpStream, impl Sized), String> {
        let inner = &self.inner;
        let name = Host::new(host);
        let addresses =
            inner.names.destinations(&name, target.port).await.map_err(|_| "the name does not resolve".to_owned())?;
        let wait = inner.dialler.wait(inner.config.deadline);
        let (mut race, turn) = inner.in_turn(&name.name, &addresses, &wait, &Reached::new()).await;
        let Some(Connected { stream, socket }) = race.stream.take() else {
            return Err("it could not be connected to".to_owned());
        };
        let stream = inner
            .up_to_tls(&target, stream, &name.name)
            .await
            .map_err(|end| format!("the conversation ended before TLS: {}", ended(&end)))?;
        Ok((stream, (turn, socket)))
    }

    /// The error says why nothing is known.
    async fn asked(&self, host: &str, target: Target, offer: &TlsOffer) -> Result<HelloAnswer, String> {
        let inner = &self.inner;
        let (mut stream, _held) = self.before_tls(host, target).await?;
        let hello = client_hello(offer, host, inner.trust.random());
        let said = timeout(inner.config.deadline, exchange(&mut stream, &hello)).await;
        let _ = timeout(AGAIN, async {
            let _ = stream.write_all(&CLOSE_NOTIFY).await;
            stream.shutdown().await
        })
        .await;
        match said {
            Err(_) => Err("nothing was said to it in time".to_owned()),
            Ok(said) => judged(said, offer),
        }
    }
}

/// How a conversation came to its end, in words.
fn ended(end: &End) -> &'static str {
    match end {
        End::Refused => "the server said no",
        End::Closed => "the server closed it",
        End::TimedOut => "nothing came in time",
        _ => "it went no further",
    }
}

/// What came first; `None`: the connection was ended instead.
async fn exchange(stream: &mut TcpStream, hello: &[u8]) -> Option<Answer> {
    stream.write_all(hello).await.ok()?;
    let mut heard = Vec::new();
    let mut buffer = [0_u8; 2048];
    loop {
        let count = match stream.read(&mut buffer).await {
            Ok(0) | Err(_) if heard.is_empty() => return None,
            Ok(0) | Err(_) => return Some(Answer::More),
            Ok(count) => count,
        };
        heard.extend(&buffer[..count]);
        match answer(&heard) {
            Answer::More if heard.len() < MOST => {}
            known => return Some(known),
        }
    }
}

/// The error says why nothing is known.
fn judged(said: Option<Answer>, offer: &TlsOffer) -> Result<HelloAnswer, String> {
    match said {
        // Servers that have no version or suite in common say so, or just go.
        None => Ok(HelloAnswer::Closed),
        Some(Answer::Alert(alert)) => Ok(HelloAnswer::Refused { alert: Some(alert) }),
        Some(Answer::ServerHello { version, suite }) => {
            let known = TlsVersion::from_wire(version).filter(|known| (offer.oldest..=offer.newest).contains(known));
            match known {
                Some(version) if offer.suites.contains(&suite) => Ok(HelloAnswer::Taken { version, suite }),
                // The program would leave here.
                _ => Ok(HelloAnswer::Refused { alert: None }),
            }
        }
        Some(Answer::NotTls) => Err("an answer that is not TLS".to_owned()),
        Some(Answer::More) => Err("the answer was cut off".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_means() {
        let old = TlsOffer::SCHANNEL_7;
        let hello = |version, suite| judged(Some(Answer::ServerHello { version, suite }), &old);
        assert_eq!(hello(0x0301, 0x002f), Ok(HelloAnswer::Taken { version: TlsVersion::V1_0, suite: 0x002f }));
        // A version or a suite that was not offered is no yes.
        assert_eq!(hello(0x0303, 0x002f), Ok(HelloAnswer::Refused { alert: None }));
        assert_eq!(hello(0x0301, 0xc02f), Ok(HelloAnswer::Refused { alert: None }));
        assert_eq!(hello(0x0300, 0x002f), Ok(HelloAnswer::Refused { alert: None }));
        assert_eq!(judged(None, &old), Ok(HelloAnswer::Closed), "a connection may break");
        assert_eq!(judged(Some(Answer::Alert(70)), &old), Ok(HelloAnswer::Refused { alert: Some(70) }));
        assert!(judged(Some(Answer::NotTls), &old).is_err() && judged(Some(Answer::More), &old).is_err());
    }
}
