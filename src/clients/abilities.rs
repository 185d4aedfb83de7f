//! What a mail program can do by itself, whatever its settings say: a port that proved itself to port26, with TLS 1.2 or
//! newer and STARTTLS wherever the host has it, need not take the program.

use crate::account::{SubmissionServer, TlsMode};

/// What a program can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Its name, with the version where that matters.
    pub program: &'static str,
    /// How it chooses between STARTTLS and TLS from the first byte.
    pub tls_mode: TlsModeBy,
    /// The newest TLS it speaks.
    pub newest_tls: NewestTls,
}

/// How a program chooses between STARTTLS and TLS from the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsModeBy {
    /// A setting says it.
    Setting,
    /// STARTTLS on these ports, TLS from the first byte on every other one.
    Port(&'static [u16]),
}

/// The newest TLS that a program speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewestTls {
    /// TLS 1.2 or newer, or not known to be older.
    Current,
    /// TLS 1.0.
    V1_0,
}

impl Abilities {
    /// Nothing is known that such a program could not do.
    pub const UNLIMITED: Self =
        Self { program: "the mail program", tls_mode: TlsModeBy::Setting, newest_tls: NewestTls::Current };

    /// Outlook Express 5 and 6 (T. Finch, NANOG 2010-04-22, for the ports; joewein.net 2018 for TLS).
    pub const OUTLOOK_EXPRESS: Self =
        Self { program: "Outlook Express", tls_mode: TlsModeBy::Port(&[25]), newest_tls: NewestTls::V1_0 };

    /// Outlook 2002 and 2003 (derekh.com 2006: 587 too with service pack 2, which is not told by the settings).
    pub const OUTLOOK_2003: Self =
        Self { program: "Outlook 2003", tls_mode: TlsModeBy::Port(&[25]), newest_tls: NewestTls::V1_0 };

    /// Can it send through `to`, which proved itself to port26? The error says why not, as the end of a sentence that
    /// begins with the program's name.
    pub fn can_use(&self, to: &SubmissionServer) -> Result<(), String> {
        if to.tls == TlsMode::None {
            return Ok(());
        }
        if self.newest_tls == NewestTls::V1_0 {
            let SubmissionServer { port, host, .. } = to;
            return Err(format!(
                "ends at TLS 1.0; port {port} of {host} was proven with TLS 1.2 or newer, and whether it takes the old one is not known"
            ));
        }
        match self.tls_mode {
            TlsModeBy::Port(starttls) if starttls.contains(&to.port) != (to.tls == TlsMode::Starttls) => {
                Err(format!("chooses how it encrypts by the port, and port {} wants the other way", to.port))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AuthSetting, CredentialSource};

    fn at(port: u16, tls: TlsMode) -> SubmissionServer {
        SubmissionServer {
            host: "mail.hosting.test".to_owned(),
            port,
            port_is_default: false,
            tls,
            auth: AuthSetting::Password,
            credential: CredentialSource::SameAsIncoming,
            user: Some("ada".to_owned()),
        }
    }

    #[test]
    fn old_programs_are_led_to_no_port_that_only_newer_tls_has_proven() {
        for old in [Abilities::OUTLOOK_EXPRESS, Abilities::OUTLOOK_2003] {
            for to in [at(25, TlsMode::Starttls), at(26, TlsMode::Starttls), at(465, TlsMode::Implicit)] {
                assert!(old.can_use(&to).unwrap_err().contains("TLS 1.0"), "{to:?}");
                assert_eq!(Abilities::UNLIMITED.can_use(&to), Ok(()));
            }
            // Whether a password may go in the clear is the policy's to say.
            assert_eq!(old.can_use(&at(26, TlsMode::None)), Ok(()));
        }
    }

    #[test]
    fn a_mode_that_the_port_decides_must_be_the_ports_own() {
        let by_port = Abilities { newest_tls: NewestTls::Current, ..Abilities::OUTLOOK_EXPRESS };
        for (port, tls, can) in [
            (25, TlsMode::Starttls, true),
            (25, TlsMode::Implicit, false),
            (26, TlsMode::Starttls, false),
            (26, TlsMode::Implicit, true),
            (465, TlsMode::Implicit, true),
            (587, TlsMode::Starttls, false),
        ] {
            assert_eq!(by_port.can_use(&at(port, tls)).is_ok(), can, "{port} {tls:?}");
        }
    }
}
