//! The proof by login: at most one AUTH, only inside verified TLS (unless the policy says otherwise), then MAIL FROM
//! and RCPT with the account's own address, RSET, QUIT. DATA is never said.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use lettre::Address;
use md5::Md5;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::finding::{End, LoginFinding, PortFinding, Reply};
use super::held::Held;
use super::recording::{Wire, unwelcome};
use super::secrets::Secrets;
use crate::account::Mechanism;

/// May a password go over a connection without TLS?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaintextAuth {
    /// Never.
    Refused,
    /// The policy allows it.
    Allowed,
}

/// Why no AUTH was sent at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoginRefused {
    /// No verified TLS.
    #[error("port {port} of {host} is not protected by verified TLS, so no password is sent to it")]
    Unprotected {
        /// Host.
        host: String,
        /// Port.
        port: u16,
    },
    /// Neither PLAIN nor LOGIN.
    #[error("port {port} of {host} offers neither PLAIN nor LOGIN authentication")]
    NoMechanism {
        /// Host.
        host: String,
        /// Port.
        port: u16,
        /// What it offers instead.
        offered: Vec<String>,
    },
    /// The mechanism that is to be proven is not offered.
    #[error("port {port} of {host} does not offer {} authentication", .mechanism.name())]
    NotOffered {
        /// Host.
        host: String,
        /// Port.
        port: u16,
        /// What was to be proven.
        mechanism: Mechanism,
    },
    /// A user name or password with a NUL, which PLAIN uses as its separator.
    #[error("the user name or password for {host} holds a character that cannot be sent")]
    Unsendable {
        /// Host.
        host: String,
    },
}

/// A conversation past its last EHLO. Dropping it closes the connection.
pub struct Session {
    pub(super) wire: Wire,
    finding: PortFinding,
    pub(super) patience: Duration,
    /// Given back when the connection is closed.
    _held: Held,
    /// Where leave to stay open for later is got.
    leaves: Leaves,
    /// That leave: the host's and the run's.
    stay: Option<[OwnedSemaphorePermit; 2]>,
}

/// Leaves to stay open for later, at one host and in the whole run.
pub(super) struct Leaves {
    pub(super) host: Arc<Semaphore>,
    pub(super) run: Arc<Semaphore>,
}

impl Leaves {
    fn take(&self) -> Option<[OwnedSemaphorePermit; 2]> {
        let host = Arc::clone(&self.host).try_acquire_owned().ok()?;
        Some([host, Arc::clone(&self.run).try_acquire_owned().ok()?])
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("finding", &self.finding).finish_non_exhaustive()
    }
}

/// How long an answer to RCPT with the account's own address is waited for. It settles nothing unless it names the sender,
/// and servers that do so do it before they look up anything about the recipient.
const OWN_ADDRESS: Duration = Duration::from_secs(3);

/// Who stands in RCPT.
#[derive(Debug, Clone, Copy)]
enum Recipient<'a> {
    /// Somebody at another host, without a login: does it relay?
    Elsewhere(Option<&'a str>),
    /// The account itself, after a login: may this login send from that address?
    Itself,
}

/// A step that was answered, or how the conversation ended instead.
type Step = Result<Reply, End>;

impl Session {
    pub(super) fn new(wire: Wire, finding: PortFinding, patience: Duration, held: Held, leaves: Leaves) -> Self {
        Self { wire, finding, patience, _held: held, leaves, stay: None }
    }

    /// May it stay open for later? Takes one of the leaves to do so; without one it is to be closed.
    pub(super) fn may_stay(&mut self) -> bool {
        if self.stay.is_none() {
            self.stay = self.leaves.take();
        }
        self.stay.is_some()
    }

    /// Takes over the leave of another, which is to be closed.
    pub(super) fn stay_instead_of(&mut self, other: &mut Self) {
        self.stay = other.stay.take();
    }

    /// What was seen up to here.
    pub fn finding(&self) -> &PortFinding {
        &self.finding
    }

    /// QUIT, without waiting for long.
    pub async fn close(self) {
        self.wire.close().await;
    }

    /// AUTH, then MAIL FROM and RCPT with `mail_from`, RSET and QUIT. No message is sent. The `mechanism` is the one that
    /// the program will use, since what is proven is what is written; `None` takes PLAIN, or LOGIN. An address that is none
    /// is left out, and `mail_from` of the finding stays empty.
    pub async fn log_in(
        mut self,
        user: &str,
        password: &SecretString,
        mechanism: Option<Mechanism>,
        mail_from: Option<&str>,
        plaintext: PlaintextAuth,
    ) -> Result<LoginFinding, LoginRefused> {
        let mut finding = self.nothing_yet();
        if let Err(refused) = self.authenticate(user, password, mechanism, plaintext, &mut finding).await {
            self.wire.leave().await;
            return Err(refused);
        }
        if finding.end == End::Complete {
            self.try_mail(mail_from, Recipient::Itself, &mut finding).await;
        } else {
            self.wire.leave().await;
        }
        Ok(finding)
    }

    /// No AUTH: MAIL FROM with the address, RCPT with `recipient` where there is one, RSET, QUIT. Does it take mail
    /// without a login? Most servers say yes to any sender, and refuse to relay at RCPT; so only a recipient of a domain
    /// that is not the server's own can tell. No message is sent: DATA is never said.
    pub async fn try_sender(self, mail_from: &str, recipient: Option<&str>) -> LoginFinding {
        let mut finding = self.nothing_yet();
        self.try_mail(Some(mail_from), Recipient::Elsewhere(recipient), &mut finding).await;
        finding
    }

    pub(super) fn nothing_yet(&self) -> LoginFinding {
        LoginFinding {
            port: self.finding.port,
            mechanism: None,
            auth: None,
            mail_from: None,
            recipient: None,
            to_itself: None,
            end: End::Complete,
            round_trips: 0,
        }
    }

    /// One AUTH command, or none. From then on the password is taken out of whatever the server says.
    pub(super) async fn authenticate(
        &mut self,
        user: &str,
        password: &SecretString,
        mechanism: Option<Mechanism>,
        plaintext: PlaintextAuth,
        finding: &mut LoginFinding,
    ) -> Result<(), LoginRefused> {
        let (host, port) = (self.finding.host.clone(), self.finding.port);
        if !self.finding.tls_verified() && plaintext != PlaintextAuth::Allowed {
            return Err(LoginRefused::Unprotected { host, port });
        }
        let offered = self.finding.last_ehlo().map(|ehlo| ehlo.mechanisms.clone()).unwrap_or_default();
        let is_offered = |wanted: &Mechanism| wanted.is_in(&offered);
        let mechanism = match mechanism {
            Some(wanted) if is_offered(&wanted) => wanted,
            Some(mechanism) => return Err(LoginRefused::NotOffered { host, port, mechanism }),
            None => match [Mechanism::Plain, Mechanism::Login].into_iter().find(is_offered) {
                Some(known) => known,
                None => return Err(LoginRefused::NoMechanism { host, port, offered }),
            },
        };
        let password = password.expose_secret();
        if user.contains('\0') || password.contains('\0') {
            return Err(LoginRefused::Unsendable { host });
        }
        finding.mechanism = Some(mechanism.name().to_owned());
        self.wire.transcript.hide(Secrets::new(user, password));
        let ended = match mechanism {
            Mechanism::Plain => self.plain(finding).await,
            Mechanism::Login => self.login(finding).await,
            Mechanism::CramMd5 => self.cram_md5(user, finding).await,
        };
        match ended {
            Ok(reply) => {
                finding.end = if reply.code == 235 { End::Complete } else { End::Refused };
                finding.auth = Some(reply);
            }
            Err(end) => finding.end = end,
        }
        Ok(())
    }

    async fn plain(&mut self, finding: &mut LoginFinding) -> Step {
        let reply = self.say("AUTH PLAIN ", |secrets| &secrets.plain, finding).await?;
        // Some servers ask again for what the command already held.
        if reply.code == 334 { self.say("", |secrets| &secrets.plain, finding).await } else { Ok(reply) }
    }

    async fn login(&mut self, finding: &mut LoginFinding) -> Step {
        let mut reply = self.ask(b"AUTH LOGIN\r\n", finding).await?;
        // Whatever the prompts say: it is the user first, and the password next.
        let answers: [fn(&Secrets) -> &str; 2] = [|secrets| &secrets.user, |secrets| &secrets.password];
        for answer in answers {
            if reply.code != 334 {
                break;
            }
            reply = self.say("", answer, finding).await?;
        }
        Ok(reply)
    }

    async fn cram_md5(&mut self, user: &str, finding: &mut LoginFinding) -> Step {
        let reply = self.ask(b"AUTH CRAM-MD5\r\n", finding).await?;
        if reply.code != 334 {
            return Ok(reply);
        }
        let said = reply.lines.first().map_or("", |line| line.trim());
        let answer = match BASE64.decode(said) {
            Ok(challenge) => self.wire.transcript.secrets().map(|secrets| digest(user, secrets.clear(), &challenge)),
            Err(_) => None,
        };
        let Some(mut answer) = answer else {
            // RFC 4954 4: this takes the AUTH back.
            let _ = self.ask(b"*\r\n", finding).await;
            return Err(unwelcome(&reply));
        };
        answer.push_str("\r\n");
        self.ask(answer.as_bytes(), finding).await
    }

    /// A line with a secret, from memory that wipes itself.
    async fn say(&mut self, verb: &str, secret: impl Fn(&Secrets) -> &str, finding: &mut LoginFinding) -> Step {
        let secret = self.wire.transcript.secrets().map(secret).unwrap_or_default();
        let mut line = Zeroizing::new(String::with_capacity(verb.len() + secret.len() + 2));
        for part in [verb, secret, "\r\n"] {
            line.push_str(part);
        }
        self.ask(line.as_bytes(), finding).await
    }

    /// Says it and waits for the answer.
    async fn ask(&mut self, said: &[u8], finding: &mut LoginFinding) -> Step {
        finding.round_trips += 1;
        self.wire.ask(said, self.patience).await
    }

    /// MAIL FROM, RCPT, RSET, QUIT; in one go where the server announces PIPELINING (RFC 2920).
    async fn try_mail(mut self, mail_from: Option<&str>, recipient: Recipient<'_>, finding: &mut LoginFinding) {
        let pipelined = self.announces("PIPELINING");
        let Some(mail) = mail_from.and_then(|address| self.mail_command(address)) else {
            return self.close().await;
        };
        let (to, patience) = match recipient {
            Recipient::Elsewhere(to) => (to, self.patience),
            Recipient::Itself => (mail_from, self.patience.min(OWN_ADDRESS)),
        };
        let rcpt = to.and_then(plain_address).map(|address| format!("RCPT TO:<{address}>\r\n"));
        let at = self.wire.count();
        let mut expected = 1;
        let said = match &rcpt {
            Some(rcpt) if pipelined => {
                expected += 1;
                format!("{mail}{rcpt}RSET\r\nQUIT\r\n")
            }
            None if pipelined => format!("{mail}RSET\r\nQUIT\r\n"),
            _ => mail,
        };
        let answer = self.ask(said.as_bytes(), finding).await;
        finding.mail_from = judged(answer, finding);
        let taken = finding.mail_from.as_ref().is_some_and(|reply| reply.code < 400);
        // Behind a sender that was refused the answer to RCPT tells of the order of commands only.
        if let (true, Some(rcpt)) = (taken, rcpt) {
            finding.round_trips += u32::from(!pipelined);
            let answer = match pipelined {
                true => self.wire.hear_within(at + 1, patience).await,
                false => self.wire.ask(rcpt.as_bytes(), patience).await,
            };
            match recipient {
                Recipient::Elsewhere(_) => finding.recipient = judged(answer, finding),
                // Greylisted, over quota, late: the login and the sender stand.
                Recipient::Itself => finding.to_itself = answer.ok(),
            }
            if finding.recipient.is_none() && finding.to_itself.is_none() {
                return;
            }
        }
        if finding.mail_from.is_none() {
            return;
        }
        // The verdict stands; the rest is manners, and not worth waiting for.
        if pipelined {
            let _ = self.wire.hear_within(at + expected + 1, Duration::from_secs(1)).await;
            self.wire.shut().await;
        } else {
            finding.round_trips += 2;
            let _ = self.wire.ask(b"RSET\r\n", Duration::from_secs(1)).await;
            self.close().await;
        }
    }

    /// The last EHLO has this keyword.
    pub(super) fn announces(&self, word: &str) -> bool {
        self.finding.last_ehlo().is_some_and(|ehlo| {
            let same = |line: &String| line.split_whitespace().next().is_some_and(|w| w.eq_ignore_ascii_case(word));
            ehlo.keywords.iter().any(same)
        })
    }

    /// `None` if the address is none, or one that this server cannot take.
    fn mail_command(&self, address: &str) -> Option<String> {
        let address = address.parse::<Address>().ok()?;
        let address: &str = address.as_ref();
        match address.is_ascii() {
            true => Some(format!("MAIL FROM:<{address}>\r\n")),
            false => self.announces("SMTPUTF8").then(|| format!("MAIL FROM:<{address}> SMTPUTF8\r\n")),
        }
    }
}

/// An address that every server can take.
fn plain_address(address: &str) -> Option<String> {
    let address = address.parse::<Address>().ok()?;
    let address: &str = address.as_ref();
    address.is_ascii().then(|| address.to_owned())
}

/// The reply as it counts for the finding; `None` if there is none.
fn judged(answer: Step, finding: &mut LoginFinding) -> Option<Reply> {
    match answer {
        Ok(reply) => {
            finding.end = if reply.code < 400 { End::Complete } else { End::Refused };
            Some(reply)
        }
        Err(end) => {
            finding.end = end;
            None
        }
    }
}

/// The answer to a challenge of CRAM-MD5, base64.
fn digest(user: &str, password: &str, challenge: &[u8]) -> String {
    // HMAC takes keys of any length.
    let mac = Hmac::<Md5>::new_from_slice(password.as_bytes()).map(|mac| mac.chain_update(challenge).finalize());
    let digest = mac.map(|mac| hex::encode(mac.into_bytes())).unwrap_or_default();
    BASE64.encode(format!("{user} {digest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 2195.
    #[test]
    fn the_digest_is_the_one_of_the_standard() {
        let challenge = b"<1896.697170952@postoffice.reston.mci.net>";
        let answer = "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw";
        assert_eq!(digest("tim", "tanstaaftanstaaf", challenge), answer);
    }
}
