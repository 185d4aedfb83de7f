//! One message over a conversation, where a message is what was asked for.

use lettre::Message;
use secrecy::SecretString;
use thiserror::Error;
use tokio::time::timeout;

use super::finding::{End, LoginFinding, Reply};
use super::login::{LoginRefused, PlaintextAuth, Session};
use super::recording::unwelcome;
use crate::account::Mechanism;

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
    /// The conversation ended before the server had taken the message. `Left`: an address that this server cannot take.
    #[error("the conversation ended before the server had taken the message")]
    Ended(End),
}

/// With what the message is to be logged in.
#[derive(Debug, Clone, Copy)]
pub struct MessageLogin<'a> {
    /// The user.
    pub user: &'a str,
    /// The password.
    pub password: &'a SecretString,
    /// How it is proven; `None`: PLAIN, or LOGIN.
    pub mechanism: Option<Mechanism>,
}

impl Session {
    /// Sends one message, after a login if there is one. Returns the server's last word on it.
    pub async fn send(
        mut self,
        login: Option<MessageLogin<'_>>,
        message: &Message,
        plaintext: PlaintextAuth,
    ) -> Result<Reply, SendError> {
        let sent = self.try_send(login, message, plaintext).await;
        match &sent {
            Ok(_) => self.close().await,
            Err(_) => self.wire.leave().await,
        }
        sent
    }

    async fn try_send(
        &mut self,
        login: Option<MessageLogin<'_>>,
        message: &Message,
        plaintext: PlaintextAuth,
    ) -> Result<Reply, SendError> {
        if let Some(MessageLogin { user, password, mechanism }) = login {
            let mut finding = self.nothing_yet();
            self.authenticate(user, password, mechanism, plaintext, &mut finding).await?;
            if finding.end != End::Complete {
                return Err(SendError::Auth(Box::new(finding)));
            }
        }
        // MAIL, RCPT, DATA and the body each may take as long as one step.
        timeout(self.patience * 4, self.transmit(message)).await.unwrap_or(Err(SendError::Ended(End::TimedOut)))
    }

    async fn transmit(&mut self, message: &Message) -> Result<Reply, SendError> {
        let body = on_the_wire(&message.formatted());
        let envelope = message.envelope();
        let mut parameters = String::new();
        if envelope.to().iter().chain(envelope.from()).any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !self.announces("SMTPUTF8") {
                return Err(SendError::Ended(End::Left));
            }
            parameters.push_str(" SMTPUTF8");
        }
        if !body.is_ascii() && self.announces("8BITMIME") {
            parameters.push_str(" BODY=8BITMIME");
        }
        let sender = envelope.from().map(AsRef::<str>::as_ref).unwrap_or_default();
        self.step(format!("MAIL FROM:<{sender}>{parameters}\r\n").as_bytes()).await?;
        for recipient in envelope.to() {
            self.step(format!("RCPT TO:<{recipient}>\r\n").as_bytes()).await?;
        }
        self.step(b"DATA\r\n").await?;
        self.step(&body).await
    }

    /// Says it, and goes on if the server does.
    async fn step(&mut self, said: &[u8]) -> Result<Reply, SendError> {
        let reply = self.wire.ask(said, self.patience).await.map_err(SendError::Ended)?;
        match unwelcome(&reply) {
            End::Refused => Err(SendError::Refused(reply)),
            _ => Ok(reply),
        }
    }
}

/// A message as it follows DATA (RFC 5321 4.5.2): every line ends with CR LF, no line but the last is a dot.
fn on_the_wire(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len() + 64);
    let mut bytes = message.iter().copied().peekable();
    let mut begins = true;
    while let Some(byte) = bytes.next() {
        if begins && byte == b'.' {
            wire.push(b'.');
        }
        begins = matches!(byte, b'\r' | b'\n');
        if begins {
            if byte == b'\r' {
                let _ = bytes.next_if_eq(&b'\n');
            }
            wire.extend_from_slice(b"\r\n");
        } else {
            wire.push(byte);
        }
    }
    if !begins {
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dots_are_doubled() {
        let sent = |text: &str| String::from_utf8(on_the_wire(text.as_bytes())).unwrap();
        assert_eq!(sent("a\r\n.b\r\n..\r\n"), "a\r\n..b\r\n...\r\n.\r\n");
        assert_eq!(sent(".a\n.\r.b"), "..a\r\n..\r\n..b\r\n.\r\n");
        assert_eq!(sent("a"), "a\r\n.\r\n");
    }

    proptest! {
        /// Only the last line is a dot, so nothing in a message is taken for a command.
        #[test]
        fn a_message_ends_once(text in "[a.\r\n]{0,40}") {
            let sent = String::from_utf8(on_the_wire(text.as_bytes())).unwrap();
            let lines: Vec<&str> = sent.split("\r\n").collect();
            prop_assert_eq!(lines.iter().filter(|line| **line == ".").count(), 1);
            prop_assert_eq!(&lines[lines.len() - 2..], [".", ""]);
            prop_assert!(!lines.iter().any(|line| line.contains(['\r', '\n'])));
        }
    }
}
