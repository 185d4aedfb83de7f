//! The invented host takes mail programs that end at TLS 1.0, as many a real one still does for its older customers. The library
//! behind it does not have that version, so it goes no further than the first answer, which is all that port26 asks for.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Where a hello names the newest version of a client that has nothing beyond TLS 1.2 (RFC 5246 7.4.1.2).
const VERSION_AT: std::ops::Range<usize> = 9..11;

const TLS_1_0: [u8; 2] = [3, 1];

/// Is what waits in the stream the hello of a client that ends at TLS 1.0? Nothing is taken out.
pub(super) async fn waits(stream: &TcpStream) -> io::Result<bool> {
    let mut front = [0; VERSION_AT.end];
    loop {
        stream.readable().await?;
        let there = stream.peek(&mut front).await?;
        // Who says so little and waits is not one; who went away is the library's to tell.
        if there == 0 || front[0] != 22 || there >= VERSION_AT.end {
            return Ok(there >= VERSION_AT.end && front[VERSION_AT] == TLS_1_0);
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Takes it, with a suite that every client of that time has (TLS_RSA_WITH_3DES_EDE_CBC_SHA).
pub(super) async fn take(stream: &mut TcpStream) -> io::Result<()> {
    let mut hello = vec![22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    hello.extend([26; 32]);
    hello.extend([0, 0, 10, 0]);
    stream.write_all(&hello).await?;
    stream.shutdown().await
}
