//! Schannel, with the versions and suites that this Windows gives to a client by default.

use std::net::TcpStream;
use std::time::Duration;

use schannel::schannel_cred::{Direction, SchannelCred};
use schannel::tls_stream::{Builder, HandshakeError};

use super::Shaken;

pub(super) fn shake_hands(stream: TcpStream, host: &str, patience: Duration) -> Option<Shaken> {
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(patience)).ok()?;
    stream.set_write_timeout(Some(patience)).ok()?;
    let credentials = SchannelCred::builder().acquire(Direction::Outbound).ok()?;
    let shaken = Builder::new().domain(host).verify_callback(|_| Ok(())).connect(credentials, stream);
    Some(match shaken {
        Ok(mut agreed) => {
            let _ = agreed.shutdown();
            Shaken::Agreed
        }
        Err(HandshakeError::Failure(error)) => Shaken::Not(error.to_string()),
        Err(HandshakeError::Interrupted(_)) => return None,
    })
}
