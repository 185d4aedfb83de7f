//! What a port of the embedded host does: whom it serves, what it offers, and how it misbehaves.

use std::time::Duration;

use crate::account::TlsMode;

/// When AUTH is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthOffer {
    /// With and without TLS.
    Always,
    /// Only inside TLS.
    AfterTls,
    /// Not at all.
    Never,
}

/// How a port behaves besides its settings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Behaviour {
    /// As it should.
    Normal,
    /// Accepts the connection and never says a word.
    Silent,
    /// Greets only after this time.
    SlowGreeting(Duration),
    /// Refuses at the door with this line (`554 5.7.1 ..`, `421 ..`) and closes.
    Refuses(String),
    /// Closes without a greeting.
    Closes,
    /// Speaks another protocol: says this line, then only listens.
    OtherProtocol(String),
    /// Somebody on the way masks STARTTLS and refuses the command.
    StarttlsStripped,
    /// Agrees to STARTTLS, then breaks off.
    TlsBreaks,
    /// Asks to come back later: 451 at MAIL.
    TriesLater,
}

/// One public port of the host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Service {
    /// The port it stands for.
    pub public_port: u16,
    /// `None`: no TLS at all; `Starttls`: offered; `Implicit`: from the first byte.
    pub tls: TlsMode,
    /// When AUTH is offered.
    pub auth: AuthOffer,
    /// Nothing is taken without a login. Otherwise mail for the host's own domains is.
    pub auth_required: bool,
    /// Anything unusual.
    pub behaviour: Behaviour,
}

impl Service {
    /// Port 25: mail for the host's own domains from everybody, for the world after a login.
    pub fn relay(public_port: u16) -> Self {
        Self {
            public_port,
            tls: TlsMode::Starttls,
            auth: AuthOffer::AfterTls,
            auth_required: false,
            behaviour: Behaviour::Normal,
        }
    }

    /// Ports 26, 587, 2525: STARTTLS, then a login, then anything.
    pub fn submission(public_port: u16) -> Self {
        Self { auth_required: true, ..Self::relay(public_port) }
    }

    /// Port 465: TLS from the first byte, then a login.
    pub fn submissions(public_port: u16) -> Self {
        Self { tls: TlsMode::Implicit, auth: AuthOffer::Always, ..Self::submission(public_port) }
    }

    /// Port 110: greets as a POP3 server does, no more. Something that answers when 25 does not.
    pub fn pop3(public_port: u16) -> Self {
        Self::other(public_port, TlsMode::None, "+OK ready")
    }

    /// Port 143: greets as an IMAP server does, no more.
    pub fn imap(public_port: u16) -> Self {
        Self::other(public_port, TlsMode::None, "* OK [CAPABILITY IMAP4rev1] ready")
    }

    /// Port 993: the same inside TLS.
    pub fn imaps(public_port: u16) -> Self {
        Self::other(public_port, TlsMode::Implicit, "* OK [CAPABILITY IMAP4rev1] ready")
    }

    fn other(public_port: u16, tls: TlsMode, line: &str) -> Self {
        let behaviour = Behaviour::OtherProtocol(line.to_owned());
        Self { public_port, tls, auth: AuthOffer::Never, auth_required: true, behaviour }
    }

    /// The ports of a usual hosting provider: 25, 26, 465, 587 to send; 110, 143, 993 to receive.
    pub fn usual() -> Vec<Self> {
        vec![
            Self::relay(25),
            Self::submission(26),
            Self::pop3(110),
            Self::imap(143),
            Self::submissions(465),
            Self::submission(587),
            Self::imaps(993),
        ]
    }

    /// The same port, behaving in another way.
    #[must_use]
    pub fn behaving(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = behaviour;
        self
    }
}
