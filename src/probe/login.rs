//! The proof by login: at most one AUTH, only inside verified TLS (unless the policy says otherwise), then MAIL FROM
//! with the account's own address, RSET, QUIT. And one message, where a message is what was asked for.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lettre::Address;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::dialogue::{Line, Place};
use super::finding::{End, LoginFinding, PortFinding, Reply};

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
    /// A user name or password with a NUL, which PLAIN uses as its separator.
    #[error("the user name or password for {host} holds a character that cannot be sent")]
    Unsendable {
        /// Host.
        host: String,
    },
}

/// Why a message was not sent.
#[derive(Debug, Error)]
pub enum SendError {
    /// No AUTH was sent at all.
    #[error(transparent)]
    Login(#[from] LoginRefused),
    /// The login failed.
    #[error("the server did not accept the login")]
    Auth(Box<LoginFinding>),
    /// The server did not take the message.
    #[error("the server did not take the message: {} {}", .0.code, .0.lines.join(" "))]
    Refused(Reply),
    /// The conversation ended before the server had taken the message.
    #[error("the conversation ended before the server had taken the message")]
    Ended(End),
}

/// A conversation past its last EHLO. Dropping it closes the connection.
pub struct Session {
    line: Line,
    finding: PortFinding,
    patience: Duration,
    /// Given back when the connection is closed.
    _place: Place,
    /// The leave to stay open for later.
    stay: Option<OwnedSemaphorePermit>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("finding", &self.finding).finish_non_exhaustive()
    }
}

/// A step that was answered, or how the conversation ended instead.
type Step = Result<Reply, End>;

impl Session {
    pub(super) fn new(line: Line, finding: PortFinding, patience: Duration, place: Place) -> Self {
        Self { line, finding, patience, _place: place, stay: None }
    }

    /// May it stay open for later? Takes one of the leaves to do so; without one it is to be closed.
    pub(super) fn may_stay(&mut self, leave: &Arc<Semaphore>) -> bool {
        if self.stay.is_none() {
            self.stay = Arc::clone(leave).try_acquire_owned().ok();
        }
        self.stay.is_some()
    }

    /// What was seen up to here.
    pub fn finding(&self) -> &PortFinding {
        &self.finding
    }

    /// QUIT, without waiting for long.
    pub async fn close(mut self) {
        let _ = timeout(Duration::from_secs(1), self.line.smtp.quit()).await;
    }

    /// AUTH with PLAIN or LOGIN, then MAIL FROM with `mail_from`, RSET and QUIT. No message is sent. An address that
    /// is none is left out, and `mail_from` of the finding stays empty.
    pub async fn log_in(
        mut self,
        user: &str,
        password: &SecretString,
        mail_from: Option<&str>,
        plaintext: PlaintextAuth,
    ) -> Result<LoginFinding, LoginRefused> {
        let mut finding = self.nothing_yet();
        if let Err(refused) = self.authenticate(user, password, plaintext, &mut finding).await {
            self.line.leave().await;
            return Err(refused);
        }
        if finding.end == End::Complete {
            self.try_mail(mail_from, None, &mut finding).await;
        } else {
            self.line.leave().await;
        }
        Ok(finding)
    }

    /// No AUTH: MAIL FROM with the address, RCPT with `recipient` where there is one, RSET, QUIT. Does it take mail
    /// without a login? Most servers say yes to any sender, and refuse to relay at RCPT; so only a recipient of a domain
    /// that is not the server's own can tell. No message is sent: DATA is never said.
    pub async fn try_sender(self, mail_from: &str, recipient: Option<&str>) -> LoginFinding {
        let mut finding = self.nothing_yet();
        self.try_mail(Some(mail_from), recipient, &mut finding).await;
        finding
    }

    /// Sends one message, after a login if there is one. Returns the server's last word on it.
    pub async fn send(
        mut self,
        login: Option<(&str, &SecretString)>,
        message: &lettre::Message,
        plaintext: PlaintextAuth,
    ) -> Result<Reply, SendError> {
        if let Some((user, password)) = login {
            let mut finding = self.nothing_yet();
            if let Err(refused) = self.authenticate(user, password, plaintext, &mut finding).await {
                self.line.leave().await;
                return Err(refused.into());
            }
            if finding.end != End::Complete {
                self.line.leave().await;
                return Err(SendError::Auth(Box::new(finding)));
            }
        }
        let before = self.line.wire.count();
        let body = message.formatted();
        // MAIL, RCPT, DATA and the body each may take as long as one step.
        let sending = timeout(self.patience * 4, self.line.smtp.send(message.envelope(), &body)).await;
        let refusal =
            (before..self.line.wire.count()).filter_map(|at| self.line.wire.reply(at)).find(|reply| reply.code >= 400);
        let last = self.line.wire.count().checked_sub(1).and_then(|at| self.line.wire.reply(at));
        match (sending, refusal, last) {
            (Ok(Ok(_)), _, Some(last)) => {
                self.close().await;
                Ok(last)
            }
            (_, Some(refusal), _) => Err(SendError::Refused(refusal)),
            (Err(_), ..) => Err(SendError::Ended(End::TimedOut)),
            _ => Err(SendError::Ended(self.line.wire.why(self.line.wire.count()))),
        }
    }

    fn nothing_yet(&self) -> LoginFinding {
        LoginFinding {
            port: self.finding.port,
            mechanism: None,
            auth: None,
            mail_from: None,
            recipient: None,
            end: End::Complete,
            round_trips: 0,
        }
    }

    /// One AUTH command, or none.
    async fn authenticate(
        &mut self,
        user: &str,
        password: &SecretString,
        plaintext: PlaintextAuth,
        finding: &mut LoginFinding,
    ) -> Result<(), LoginRefused> {
        let (host, port) = (self.finding.host.clone(), self.finding.port);
        if !self.finding.tls_verified() && plaintext != PlaintextAuth::Allowed {
            return Err(LoginRefused::Unprotected { host, port });
        }
        let offered = self.finding.last_ehlo().map(|ehlo| ehlo.mechanisms.clone()).unwrap_or_default();
        let Some(mechanism) = ["PLAIN", "LOGIN"].into_iter().find(|known| offered.iter().any(|name| name == known))
        else {
            return Err(LoginRefused::NoMechanism { host, port, offered });
        };
        let password = password.expose_secret();
        if user.contains('\0') || password.contains('\0') {
            return Err(LoginRefused::Unsendable { host });
        }
        finding.mechanism = Some(mechanism.to_owned());
        let secrets = Secrets::new(user, password);
        let ended = match mechanism {
            "PLAIN" => self.plain(&secrets, finding).await,
            _ => self.login(&secrets, finding).await,
        };
        match ended {
            Ok(reply) => {
                finding.end = if reply.code == 235 { End::Complete } else { End::Refused };
                finding.auth = Some(secrets.scrub(reply));
            }
            Err(End::Garbage { seen }) => finding.end = End::Garbage { seen: secrets.scrub_text(seen) },
            Err(end) => finding.end = end,
        }
        Ok(())
    }

    async fn plain(&mut self, secrets: &Secrets, finding: &mut LoginFinding) -> Step {
        let reply = self.say(&["AUTH PLAIN ", &secrets.plain], finding).await?;
        // Some servers ask again for what the command already held.
        if reply.code == 334 { self.say(&[&secrets.plain], finding).await } else { Ok(reply) }
    }

    async fn login(&mut self, secrets: &Secrets, finding: &mut LoginFinding) -> Step {
        let mut reply = self.say(&["AUTH LOGIN"], finding).await?;
        for answer in [&secrets.user, &secrets.password] {
            if reply.code != 334 {
                break;
            }
            reply = self.say(&[answer], finding).await?;
        }
        Ok(reply)
    }

    /// A line past lettre's own buffers, which do not wipe themselves; lettre reads the answer.
    async fn say(&mut self, parts: &[&str], finding: &mut LoginFinding) -> Step {
        let length = parts.iter().map(|part| part.len()).sum::<usize>() + 2;
        let mut line = Zeroizing::new(String::with_capacity(length));
        parts.iter().for_each(|part| line.push_str(part));
        line.push_str("\r\n");
        let at = self.line.wire.count();
        finding.round_trips += 1;
        let wire = &mut self.line.wire;
        let smtp = &mut self.line.smtp;
        let answered = timeout(self.patience, async {
            wire.write(line.as_bytes()).await?;
            // A refusal is an error to lettre; the reply itself is in the recording.
            smtp.read_response().await.map(|_| ()).or_else(|error| match error.status() {
                Some(_) => Ok(()),
                None => Err(io::Error::other(error)),
            })
        })
        .await;
        self.step(answered.map(|result| result.is_ok()).ok(), at)
    }

    /// What came of waiting for reply number `at`.
    fn step(&self, answered: Option<bool>, at: usize) -> Step {
        match (self.line.wire.reply(at), answered) {
            (Some(reply), Some(true)) => Ok(reply),
            (Some(reply), _) if (400..600).contains(&reply.code) => Ok(reply),
            (_, None) => Err(End::TimedOut),
            _ => Err(self.line.wire.why(at)),
        }
    }

    /// MAIL FROM, RCPT, RSET, QUIT; in one go where the server announces PIPELINING (RFC 2920).
    async fn try_mail(mut self, mail_from: Option<&str>, recipient: Option<&str>, finding: &mut LoginFinding) {
        let pipelined = self.announces("PIPELINING");
        let Some(mail) = mail_from.and_then(|address| self.mail_command(address)) else {
            return self.close().await;
        };
        let rcpt = recipient.and_then(plain_address).map(|address| format!("RCPT TO:<{address}>\r\n"));
        let at = self.line.wire.count();
        let mut expected = 1;
        let said = match &rcpt {
            Some(rcpt) if pipelined => {
                expected += 1;
                format!("{mail}{rcpt}RSET\r\nQUIT\r\n")
            }
            None if pipelined => format!("{mail}RSET\r\nQUIT\r\n"),
            _ => mail,
        };
        finding.round_trips += 1;
        finding.mail_from = self.ask(said, at, finding).await;
        let taken = finding.mail_from.as_ref().is_some_and(|reply| reply.code < 400);
        // Behind a sender that was refused the answer to RCPT tells of the order of commands only.
        if let (true, Some(rcpt)) = (taken, rcpt) {
            finding.recipient = if pipelined {
                self.hear(at + 1, finding).await
            } else {
                finding.round_trips += 1;
                self.ask(rcpt, at + 1, finding).await
            };
            if finding.recipient.is_none() {
                return;
            }
        }
        if finding.mail_from.is_none() {
            return;
        }
        // The verdict stands; the rest is manners, and not worth waiting for.
        let manners = async {
            if pipelined {
                let all = at + expected + 2;
                while self.line.wire.count() < all && self.line.smtp.read_response().await.is_ok() {}
            } else {
                finding.round_trips += 2;
                let _ = self.line.smtp.command("RSET\r\n").await;
                let _ = self.line.smtp.command("QUIT\r\n").await;
            }
        };
        let _ = timeout(Duration::from_secs(1), manners).await;
    }

    /// Says it, and waits for reply number `at`.
    async fn ask(&mut self, said: String, at: usize, finding: &mut LoginFinding) -> Option<Reply> {
        let answered = timeout(self.patience, self.line.smtp.command(said)).await;
        self.judged(answered.map(|result| result.is_ok()).ok(), at, finding)
    }

    /// Waits for reply number `at`, to what was said before.
    async fn hear(&mut self, at: usize, finding: &mut LoginFinding) -> Option<Reply> {
        let answered = timeout(self.patience, self.line.smtp.read_response()).await;
        self.judged(answered.map(|result| result.is_ok()).ok(), at, finding)
    }

    fn judged(&self, answered: Option<bool>, at: usize, finding: &mut LoginFinding) -> Option<Reply> {
        match self.step(answered, at) {
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

    /// The last EHLO has this keyword.
    fn announces(&self, word: &str) -> bool {
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

/// What goes over the wire, in memory that wipes itself.
struct Secrets {
    plain: Zeroizing<String>,
    user: Zeroizing<String>,
    password: Zeroizing<String>,
    clear: Zeroizing<String>,
}

impl Secrets {
    fn new(user: &str, password: &str) -> Self {
        let mut both = Zeroizing::new(String::with_capacity(user.len() + password.len() + 2));
        for part in ["\0", user, "\0", password] {
            both.push_str(part);
        }
        Self {
            plain: encoded(both.as_bytes()),
            user: encoded(user.as_bytes()),
            password: encoded(password.as_bytes()),
            clear: Zeroizing::new(password.to_owned()),
        }
    }

    /// Some servers quote the line they did not understand.
    fn scrub(&self, mut reply: Reply) -> Reply {
        reply.lines = reply.lines.into_iter().map(|line| self.scrub_text(line)).collect();
        reply
    }

    fn scrub_text(&self, text: String) -> String {
        [&self.plain, &self.password, &self.clear]
            .into_iter()
            .filter(|secret| !secret.is_empty())
            .fold(text, |text, secret| text.replace(secret.as_str(), "***"))
    }
}

/// Base64 with room for all of it at once: a buffer that grows leaves copies behind.
fn encoded(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(3) * 4));
    BASE64.encode_string(bytes, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_password_is_taken_out() {
        let secrets = Secrets::new("ann@hosting.test", "open sesame");
        let quoted = format!("5.5.4 unknown: {} or {}", secrets.plain.as_str(), secrets.password.as_str());
        let reply = Reply { code: 500, lines: vec![quoted, "open sesame".to_owned()], ms: 0 };
        assert_eq!(secrets.scrub(reply).lines, ["5.5.4 unknown: *** or ***", "***"]);
        assert_eq!(BASE64.decode(secrets.plain.as_str()).unwrap(), b"\0ann@hosting.test\0open sesame");
    }
}
