//! A password while a conversation lasts: the forms in which it goes over the wire, in memory that wipes itself, and
//! their removal from everything that the server says afterwards.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

/// What is put in the place of a secret.
const HIDDEN: &[u8] = b"***";

/// Servers cut long lines when they quote them. This much of a line in base64 is taken for the start of ours.
const TELLING: usize = 8;

/// What goes over the wire.
pub(super) struct Secrets {
    /// `NUL user NUL password`, base64 (RFC 4616).
    pub(super) plain: Zeroizing<String>,
    /// The user name, base64.
    pub(super) user: Zeroizing<String>,
    /// The password, base64.
    pub(super) password: Zeroizing<String>,
    clear: Zeroizing<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    pub(super) fn new(user: &str, password: &str) -> Self {
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

    /// The password, for a proof that does not send it.
    pub(super) fn clear(&self) -> &str {
        &self.clear
    }

    /// Some servers quote the line they did not understand: whole, cut short, or in capitals.
    pub(super) fn scrub(&self, said: &[u8]) -> Vec<u8> {
        let mut clean = Vec::with_capacity(said.len());
        let mut rest = said;
        while let Some((&first, others)) = rest.split_first() {
            match self.secret_at(rest) {
                0 => {
                    clean.push(first);
                    rest = others;
                }
                length => {
                    clean.extend_from_slice(HIDDEN);
                    rest = &rest[length..];
                }
            }
        }
        clean
    }

    /// How many bytes of a secret this begins with.
    fn secret_at(&self, said: &[u8]) -> usize {
        let clear = self.clear.as_bytes();
        let whole = match common(said, clear) {
            length if length == clear.len() => length,
            _ => 0,
        };
        let start = |secret: &str| match common(said, secret.as_bytes()) {
            length if length >= TELLING.min(secret.len()) => length,
            _ => 0,
        };
        whole.max(start(&self.plain)).max(start(&self.password))
    }
}

/// How long both begin alike, in whatever case.
fn common(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count()
}

/// Base64 with room for all of it at once: a buffer that grows leaves copies behind.
pub(super) fn encoded(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(3) * 4));
    BASE64.encode_string(bytes, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scrubbed(secrets: &Secrets, said: &str) -> String {
        String::from_utf8(secrets.scrub(said.as_bytes())).unwrap()
    }

    #[test]
    fn a_quoted_password_is_taken_out() {
        let secrets = Secrets::new("ann@hosting.test", "open sesame");
        let quoted = format!("5.5.4 unknown: {} or {}", secrets.plain.as_str(), secrets.password.as_str());
        assert_eq!(scrubbed(&secrets, &quoted), "5.5.4 unknown: *** or ***");
        assert_eq!(scrubbed(&secrets, "it is open sesame, or OPEN SESAME."), "it is ***, or ***.");
        assert_eq!(scrubbed(&secrets, &format!("no: AUTH PLAIN {}..", &secrets.plain[..20])), "no: AUTH PLAIN ***..");
        assert_eq!(scrubbed(&secrets, "5.7.8 no such user ann@hosting.test"), "5.7.8 no such user ann@hosting.test");
        assert_eq!(BASE64.decode(secrets.plain.as_str()).unwrap(), b"\0ann@hosting.test\0open sesame");
        assert_eq!(scrubbed(&Secrets::new("ann", ""), "5.7.8 no"), "5.7.8 no");
        assert_eq!(format!("{secrets:?}"), "Secrets");
    }

    proptest! {
        #[test]
        fn no_password_is_left(password in "[a-z+ ä]{4,20}", before in "[A-Z0-9 ]{0,9}", after in "[A-Z0-9 ]{0,9}") {
            let secrets = Secrets::new("ANN", &password);
            for form in [password.as_str(), secrets.password.as_str(), secrets.plain.as_str()] {
                let said = scrubbed(&secrets, &format!("{before}{form}{after}"));
                prop_assert!(!said.contains(form), "{said}");
            }
        }
    }
}
