//! What the host saw: connections, logins, messages. Never a password.

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectionRecord {
    /// The public port it came to.
    pub public_port: u16,
    /// TLS protocol (`TLSv1.3`), once it stood.
    pub tls: Option<String>,
    /// Its commands in order. EHLO, MAIL and RCPT whole, AUTH with its mechanism, `?` for anything unknown.
    pub commands: Vec<String>,
    /// A password came in the clear, whether the host took it or not.
    pub password_before_tls: bool,
    /// It has ended.
    pub ended: bool,
}

/// One attempt to log in that came with a user and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The public port.
    pub public_port: u16,
    /// The user as given.
    pub user: String,
    /// `PLAIN` or `LOGIN`.
    pub mechanism: String,
    /// TLS protocol; `None`: in the clear.
    pub tls: Option<String>,
    /// It was right.
    pub accepted: bool,
}

/// A message that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The public port it came through.
    pub public_port: u16,
    /// Who was logged in.
    pub user: Option<String>,
    /// TLS protocol; `None`: in the clear.
    pub tls: Option<String>,
    /// Envelope sender; empty for `<>`.
    pub from: String,
    /// Envelope recipients.
    pub to: Vec<String>,
    /// Header and body, dots unstuffed.
    pub data: Vec<u8>,
}

impl Message {
    /// A header field, unfolded, as it was sent (encoded words stay encoded).
    pub fn header(&self, name: &str) -> Option<String> {
        unfolded_header(&self.data, name)
    }

    /// The Subject field.
    pub fn subject(&self) -> Option<String> {
        self.header("Subject")
    }
}

/// Everything that happened on all ports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// In the order they came.
    pub connections: Vec<ConnectionRecord>,
    /// In the order they came.
    pub logins: Vec<Login>,
    /// In the order they came.
    pub messages: Vec<Message>,
}

impl Record {
    /// How often somebody tried to log in as this user.
    pub fn attempts_of(&self, user: &str) -> usize {
        self.logins.iter().filter(|login| login.user == user).count()
    }

    /// A password came in the clear on any connection.
    pub fn any_password_before_tls(&self) -> bool {
        self.connections.iter().any(|connection| connection.password_before_tls)
    }

    /// Connections to one public port.
    pub fn connections_to(&self, public_port: u16) -> impl Iterator<Item = &ConnectionRecord> {
        self.connections.iter().filter(move |connection| connection.public_port == public_port)
    }
}

/// A field of a message's header, its folded lines joined.
pub(super) fn unfolded_header(data: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(data);
    let mut found: Option<String> = None;
    for line in text.split("\r\n").take_while(|line| !line.is_empty()) {
        match (&mut found, line.starts_with([' ', '\t'])) {
            (Some(value), true) => value.push_str(line),
            (Some(_), false) => break,
            (None, _) => {
                found = line
                    .split_once(':')
                    .filter(|(field, _)| field.trim_end().eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.trim_start().to_owned());
            }
        }
    }
    found
}
