//! The TLS that the system itself brings along for programs (Windows: Schannel), as those programs get it when they ask for
//! nothing in particular. Only whether it and another side agree; nothing is ever said inside.

use std::net::TcpStream;
use std::time::Duration;

#[cfg(not(windows))]
mod elsewhere;
#[cfg(windows)]
mod windows;

#[cfg(not(windows))]
use elsewhere as system;
#[cfg(windows)]
use windows as system;

/// How a handshake of the system's own TLS ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shaken {
    /// Both sides agreed. The certificate is not looked at: that is another question.
    Agreed,
    /// They did not; in the system's words.
    Not(String),
}

/// Shakes hands over this connection as a client that asks for `host`, waits this long for each answer, and ends it. `None`:
/// mail programs of this system bring a TLS of their own, or it cannot be asked. Blocking.
pub fn shake_hands(stream: TcpStream, host: &str, patience: Duration) -> Option<Shaken> {
    system::shake_hands(stream, host, patience)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Somebody who answers a hello with these bytes.
    fn answering(bytes: &'static [u8]) -> Option<Shaken> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let host = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(bytes);
        });
        let told = shake_hands(TcpStream::connect(address).unwrap(), "mail.hosting.test", Duration::from_secs(5));
        host.join().unwrap();
        told
    }

    #[test]
    fn a_refusal_is_one_and_elsewhere_nobody_is_asked() {
        for bytes in [&[21, 3, 1, 0, 2, 2, 70][..], b"HTTP/1.1 400 Bad Request\r\n\r\n", b""] {
            match answering(bytes) {
                None => assert_ne!(crate::computer::Os::here(), crate::computer::Os::Windows),
                Some(told) => assert!(matches!(told, Shaken::Not(_)), "{told:?}"),
            }
        }
    }
}
