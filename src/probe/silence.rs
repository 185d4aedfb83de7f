//! When silence on a port is silence: how often fresh SYNs go out, and how long an answer is waited for, alone and beside a
//! witness. Plain numbers, which the simulation of lost packets shares (`tests/suite/silence.rs`).

use std::time::Duration;

/// How long a silent port has to answer the second time. With the first look it is still within three seconds. The survey
/// knocks again as soon as the first look is over, so that many hosts do it at the same time as others are talked to.
pub const REPEAT: Duration = Duration::from_millis(1000);

/// How long a port that was silent for a short wait has to answer once more, before anything is written on account of that.
/// It is for a port that was away for a moment: one that comes back 1.6 s after the first SYN is met by the last of these.
pub const BEFORE_WRITING: Duration = Duration::from_millis(800);

/// Fresh SYNs when a silent port is dialled once more.
const KNOCKS: u32 = 5;

/// How often the witness is asked: a conversation that stays open with another port of the same host, at the same moments at
/// which SYNs go to the silent one. Servers count commands that lead to nothing: nodemailer's smtp-server hangs up at the
/// tenth before a login, where EHLO, STARTTLS and EHLO are three; Exim after ten (`smtp_accept_max_nonmail`), Postfix slows
/// down after a hundred (`smtpd_junk_command_limit`).
pub const BEATS: usize = 6;

/// A witness that takes longer for an answer may have lost a packet: TCP repeats none before 200 ms.
pub const ON_TIME: Duration = Duration::from_millis(150);

/// A witness that is there later than this after the first SYN is no help: what it would save, its failing would cost.
pub const LATEST_WITNESS: Duration = Duration::from_millis(900);

/// SYNs, each with time to be answered, that port 25 of an unrelated host gets before its silence counts beside a witness: as
/// many as it gets without one, where the system repeats two of three.
pub const ELSEWHERE: usize = 5;

/// How fast a witness is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From one question to the next.
    pub apart: Duration,
    /// What the SYN at the last question has to be answered.
    pub answer: Duration,
    /// What has not answered by then is late, and others are asked beside it: unrelated hosts beside the account's own port,
    /// and the provider's relay beside those.
    pub late: Duration,
    /// From one SYN to the next at those others.
    pub elsewhere: Duration,
}

impl Pace {
    /// On a network that was never seen, or did not block the port.
    pub const NEW: Self = Self {
        apart: Duration::from_millis(170),
        answer: Duration::from_millis(220),
        late: Duration::from_millis(300),
        elsewhere: Duration::from_millis(100),
    };

    /// On a network that blocked the port the last time. As many questions and SYNs, in less time: packets are lost in bursts
    /// however long a wait is, and a burst that the SYNs meet is met by the witness as well. What the longer wait is for
    /// besides is a port that comes back within a second, which is unlikely where it was blocked before.
    pub const KNOWN: Self = Self {
        apart: Duration::from_millis(60),
        answer: Duration::from_millis(150),
        late: Duration::from_millis(100),
        elsewhere: Duration::from_millis(50),
    };

    /// From the first question to the end of the wait.
    pub fn lasts(&self) -> Duration {
        self.apart * (BEATS as u32 - 1) + self.answer
    }
}

/// When SYNs go out to a port that is dialled once more for so long: whether a lossy line lets one of them through is all
/// that this is for. The last one has a fifth of the time to be answered.
pub fn knocks(patience: Duration) -> Vec<Duration> {
    (0..KNOCKS).map(|number| patience * number / KNOCKS).collect()
}
