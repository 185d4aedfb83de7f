//! A witness beside a silent port: the conversation that stays open with another port of the same host is asked NOOP at the
//! same moments at which SYNs go to the silent one. As long as it answers in time no packets are lost on the way.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};

use super::finding::{Connect, PortFinding};
use super::login::Session;
use super::reached::{Reached, Witness};
use super::silence::{BEATS, LATEST_WITNESS, ON_TIME, Pace};

/// An answer that is late is waited for this long, so that the next one is not taken for it.
const CATCH_UP: Duration = Duration::from_secs(2);

/// What may shorten the wait for port 25 of a host. A witness by itself does not: that port may just be away for a moment.
/// Port 25 of unrelated hosts must be shut as well.
#[derive(Debug, Clone)]
pub struct Witnessing {
    /// How fast a witness is asked.
    pub pace: Pace,
    /// Told once a witness has answered to the end, each time in time.
    pub stood: Arc<watch::Sender<bool>>,
    /// Whether port 25 of unrelated hosts is shut as well.
    pub shut_elsewhere: watch::Receiver<bool>,
}

/// What became of one question.
#[derive(Debug)]
enum Told {
    InTime,
    Late,
    /// The conversation goes on, and is no witness.
    No,
    /// It does not go on.
    Over,
}

/// May this conversation be a witness, begun so long after the first SYN? It has proven its port.
pub(super) fn may_witness(seen: &PortFinding, since_the_first_syn: Duration) -> bool {
    seen.proves() && address(seen).is_some() && since_the_first_syn <= LATEST_WITNESS && !counts_closely(seen)
}

/// OpenSMTPD hangs up at the fifth command that leads to nothing (`SMTP_KICK_CMD`), the login among them.
fn counts_closely(seen: &PortFinding) -> bool {
    seen.greeting.as_ref().is_some_and(|said| said.lines.iter().any(|line| line.contains("OpenSMTPD")))
}

/// Where it is.
fn address(seen: &PortFinding) -> Option<IpAddr> {
    seen.attempts.iter().find(|attempt| attempt.outcome == Connect::Open).map(|attempt| attempt.address)
}

/// Asks the witness until it has told enough, fails, or the silent port has come to its end. Returns the conversation if it
/// can go on.
pub(super) async fn witness(mut session: Session, witnessing: Witnessing, reached: Reached) -> Option<Session> {
    let Some(address) = address(session.finding()) else { return Some(session) };
    let Witnessing { pace, stood, mut shut_elsewhere } = witnessing;
    let begun = Instant::now();
    for beat in 0..BEATS {
        sleep_until((begun + pace.apart * beat as u32).into()).await;
        if reached.is_settled() {
            break;
        }
        reached.beat();
        let told = session.still_there().await;
        tracing::debug!(%address, beat, ?told, "the witness");
        match told {
            Told::InTime => {}
            Told::Late => {
                reached.set_witness(Witness::Gone);
                return session.catch_up().await;
            }
            Told::No => {
                reached.set_witness(Witness::Gone);
                return Some(session);
            }
            Told::Over => {
                reached.set_witness(Witness::Gone);
                return None;
            }
        }
    }
    // An answer to the last SYN would be here three times over.
    let answer = reached.after(address).map_or(pace.answer, |after| pace.answer.max(after * 3));
    let _ = timeout(answer, reached.settled()).await;
    if reached.is_settled() {
        return Some(session);
    }
    reached.set_witness(Witness::Waits);
    tracing::debug!(%address, "the witness has stood");
    stood.send_replace(true);
    tokio::select! {
        () = reached.settled() => {}
        shut = shut_elsewhere.wait_for(|shut| *shut) => match shut {
            Ok(_) => {
                tracing::debug!(%address, "port 25 is shut elsewhere, too");
                reached.set_witness(Witness::Confirms(address));
            }
            // Nobody else was asked.
            Err(_) => reached.set_witness(Witness::Gone),
        },
    }
    Some(session)
}

impl Session {
    async fn still_there(&mut self) -> Told {
        let (at, asked) = (self.wire.count(), Instant::now());
        if self.wire.say(b"NOOP\r\n").await.is_err() {
            return Told::Over;
        }
        match timeout(ON_TIME, self.wire.hear(at)).await {
            Err(_) => Told::Late,
            Ok(Ok(reply)) if (200..300).contains(&reply.code) && asked.elapsed() <= ON_TIME => Told::InTime,
            Ok(Ok(reply)) if reply.code == 421 => Told::Over,
            Ok(Ok(_)) => Told::No,
            Ok(Err(_)) => Told::Over,
        }
    }

    /// Hears the answer that was late.
    async fn catch_up(mut self) -> Option<Self> {
        let at = self.wire.count();
        match self.wire.hear_within(at, CATCH_UP).await {
            Ok(reply) if reply.code != 421 => Some(self),
            _ => None,
        }
    }
}
