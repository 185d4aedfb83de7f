//! Moments at which a dial sends one more SYN than it would by itself, and the end that they may put to its wait: those at
//! which the witness of its host is asked, or its own, at a port of an unrelated host.

use std::net::IpAddr;
use std::time::Instant;

use tokio::sync::watch;
use tokio::time::sleep_until;

use super::reached::{Known, Reached};
use super::silence::{BEATS, ELSEWHERE, Pace};

/// What a dial hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    /// One more SYN.
    Another,
    /// Enough: it is silent.
    Enough,
}

/// Beside what a port is judged that does not answer.
#[derive(Debug, Clone)]
pub(super) enum Beside {
    /// Nothing: it is waited for to the end.
    Nothing,
    /// The witness of its own host.
    Witness,
    /// A witness of another host, which is told by `stood`: nothing is lost on the way that they share.
    Another {
        /// How fast that is asked.
        pace: Pace,
        /// It has answered to the end.
        stood: watch::Receiver<bool>,
    },
}

/// What one address of a dial hears.
pub(super) enum Beats {
    Nothing,
    Witness(Hearing),
    Own(Box<Ticking>),
}

impl Beats {
    pub(super) fn of(beside: &Beside, reached: &Reached, address: IpAddr, begun: Instant) -> Self {
        match beside {
            Beside::Nothing => Self::Nothing,
            Beside::Witness => Self::Witness(Hearing {
                reached: reached.clone(),
                address,
                changes: reached.changes(),
                heard: 0,
                kept: 0,
            }),
            Beside::Another { pace, stood } => {
                Self::Own(Box::new(Ticking { begun, pace: *pace, stood: stood.clone(), at: 0, kept: 1, last: begun }))
            }
        }
    }

    /// SYNs may come at any moment.
    pub(super) fn beat(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// What comes next. Whoever stops waiting for it loses nothing.
    pub(super) async fn next(&mut self) -> Beat {
        match self {
            Self::Nothing => std::future::pending().await,
            Self::Witness(hearing) => hearing.next().await,
            Self::Own(ticking) => ticking.next().await,
        }
    }

    /// A SYN was sent at the last one.
    pub(super) fn sent(&mut self) {
        match self {
            Self::Nothing => {}
            Self::Witness(hearing) => {
                hearing.kept += 1;
                if hearing.kept == BEATS {
                    hearing.reached.attend(hearing.address);
                }
            }
            Self::Own(ticking) => (ticking.kept, ticking.last) = (ticking.kept + 1, Instant::now()),
        }
    }
}

/// The moments at which the witness of the host is asked.
pub(super) struct Hearing {
    reached: Reached,
    address: IpAddr,
    changes: watch::Receiver<Known>,
    heard: usize,
    /// Those at which a SYN was sent.
    kept: usize,
}

impl Hearing {
    async fn next(&mut self) -> Beat {
        loop {
            // Two that are heard as one are one.
            let beats = self.changes.borrow_and_update().beats();
            if beats > self.heard {
                self.heard = beats;
                return Beat::Another;
            }
            if self.reached.confirms(self.address) {
                return Beat::Enough;
            }
            if self.changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Moments of its own, in the pace of a witness elsewhere.
pub(super) struct Ticking {
    begun: Instant,
    pace: Pace,
    stood: watch::Receiver<bool>,
    at: usize,
    /// SYNs that were sent, with the first one.
    kept: usize,
    last: Instant,
}

impl Ticking {
    async fn next(&mut self) -> Beat {
        if self.at + 1 < ELSEWHERE {
            sleep_until((self.begun + self.pace.elsewhere * (self.at as u32 + 1)).into()).await;
            self.at += 1;
            return Beat::Another;
        }
        if self.kept < ELSEWHERE || self.stood.wait_for(|stood| *stood).await.is_err() {
            return std::future::pending().await;
        }
        sleep_until((self.last + self.pace.answer).into()).await;
        Beat::Enough
    }
}
