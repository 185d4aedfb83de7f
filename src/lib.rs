//! port26: "I can receive mail but not send."
//!
//! The journey of one account, and where to read each step:
//!
//! 1. **Found.** [`clients`] has one adapter for each mail program. It reads what the program wrote and makes an
//!    [`account::Account`] of it: the outgoing server, and every setting that an edit would touch, raw, as it was read. Nothing
//!    is written from here on until step 6.
//! 2. **Asked about.** [`probe`] knocks at the ports of its host, converses as far as EHLO, verifies TLS, and records what it sees
//!    as [`probe::finding`]s. It judges nothing.
//! 3. **Judged.** [`diagnosis`] is a pure function from what was seen to a [`diagnosis::Verdict`] with its evidence. Only a few
//!    verdicts may lead to a change.
//! 4. **Decided.** [`plan`] holds the verdict against the [`policy`] and says: move it there, or leave it, and why. Whether the
//!    outgoing server may have the mailbox's login at all is [`operator`]'s question.
//! 5. **Proven.** A password at hand ([`credentials`]) is tried once on the port that it would be moved to, inside verified TLS.
//! 6. **Changed.** The adapter turns the target into [`change::Change`]s, a pure function again. [`apply`] is the only writer: it
//!    begins a receipt, compares, replaces, reads back. What is not as it was meant goes back at once.
//! 7. **Told.** [`report`] is the one value that people read and that `--json` prints; [`exit`] is how the run ends.
//! 8. **Put back**, whenever its person wants it: the receipt undoes every byte.
//!
//! [`pipeline`] runs these steps in their one order for every front end: the command line ([`cli`]), the background agent
//! ([`agent`]), the rehearsal ([`rehearsal`]), the tests. Where no port gets through there is [`relay`]. ARCHITECTURE.md has the rooms
//! and the rules.

pub mod account;
pub mod agent;
pub mod apple_profile;
pub mod apply;
pub mod change;
pub mod cli;
pub mod clients;
mod codes;
pub mod credentials;
pub mod diagnosis;
pub mod exit;
mod fault;
pub mod formats;
pub mod holding;
pub mod network_history;
pub mod operator;
pub mod past_mail;
pub mod pipeline;
pub mod plan;
pub mod policy;
pub mod probe;
pub mod rehearsal;
pub mod relay;
pub mod report;
mod sentence;
pub mod shown;
pub mod tls_offer;
