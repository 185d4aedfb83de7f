//! Reading what a client sends, within bounds: command lines, and message data with its dots unstuffed.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// A command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Without its line end.
    Whole(Vec<u8>),
    /// Longer than allowed; read to its end and thrown away.
    TooLong,
    /// The client closed its side; a line without an end does not count.
    Ended,
}

/// Message data.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DataEnd {
    /// Without the closing dot.
    Whole(Vec<u8>),
    /// Larger than allowed; read to its end and thrown away.
    TooBig,
    /// The client closed its side before the closing dot.
    Ended,
}

/// Reads up to the next LF, keeping at most `limit` bytes of it.
pub(super) async fn read_line<R: AsyncBufRead + Unpin>(from: &mut R, limit: usize) -> io::Result<Line> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let seen = from.fill_buf().await?;
        if seen.is_empty() {
            return Ok(Line::Ended);
        }
        let end = seen.iter().position(|&byte| byte == b'\n');
        let part = &seen[..end.unwrap_or(seen.len())];
        if line.len() + part.len() > limit {
            too_long = true;
            line.clear();
        } else if !too_long {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        from.consume(used);
        if end.is_some() {
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Ok(if too_long { Line::TooLong } else { Line::Whole(line) });
        }
    }
}

/// Reads message data up to CRLF . CRLF, keeping at most `limit` bytes of it.
pub(super) async fn read_data<R: AsyncBufRead + Unpin>(from: &mut R, limit: usize) -> io::Result<DataEnd> {
    let mut unstuffing = Unstuffing::default();
    let mut too_big = false;
    loop {
        let seen = from.fill_buf().await?;
        if seen.is_empty() {
            return Ok(DataEnd::Ended);
        }
        let (used, done) = unstuffing.push(seen);
        from.consume(used);
        if unstuffing.data.len() > limit {
            too_big = true;
            unstuffing.data.clear();
        }
        if done {
            return Ok(if too_big { DataEnd::TooBig } else { DataEnd::Whole(unstuffing.data) });
        }
    }
}

/// Where in a line the last byte was. Only CRLF ends a line here: a bare LF before a dot ends nothing
/// (otherwise a second message could be smuggled in).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    LineStart,
    Dot,
    DotCr,
    Middle,
    Cr,
}

#[derive(Debug, Default)]
struct Unstuffing {
    at: At,
    data: Vec<u8>,
}

impl Unstuffing {
    /// Takes bytes up to the closing dot: how many were used, and whether it was there.
    fn push(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (index, &byte) in bytes.iter().enumerate() {
            self.at = match (self.at, byte) {
                (At::DotCr, b'\n') => return (index + 1, true),
                (At::LineStart, b'.') => At::Dot,
                (At::Dot, b'\r') => At::DotCr,
                (before, byte) => {
                    if before == At::DotCr {
                        self.data.push(b'\r');
                    }
                    self.data.push(byte);
                    match (before, byte) {
                        (At::Cr, b'\n') => At::LineStart,
                        (_, b'\r') => At::Cr,
                        _ => At::Middle,
                    }
                }
            };
        }
        (bytes.len(), false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::BufReader;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    fn data_of(sent: &[u8], buffer: usize) -> DataEnd {
        runtime().block_on(read_data(&mut BufReader::with_capacity(buffer, sent), 1000)).unwrap()
    }

    fn lines_of(sent: &[u8], buffer: usize) -> Vec<Line> {
        runtime().block_on(async {
            let mut reader = BufReader::with_capacity(buffer, sent);
            let mut lines = Vec::new();
            loop {
                match read_line(&mut reader, 10).await.unwrap() {
                    Line::Ended => return lines,
                    line => lines.push(line),
                }
            }
        })
    }

    #[test]
    fn lines_are_bounded_and_the_next_one_is_whole() {
        let whole = |text: &str| Line::Whole(text.into());
        for buffer in [1, 3, 8192] {
            let seen = lines_of(b"NOOP\r\nbare\n01234567890123\r\nQUIT\r\nunfinished", buffer);
            assert_eq!(seen, [whole("NOOP"), whole("bare"), Line::TooLong, whole("QUIT")], "buffer {buffer}");
        }
    }

    #[test]
    fn data_ends_only_at_crlf_dot_crlf() {
        let whole = |text: &[u8]| DataEnd::Whole(text.to_vec());
        assert_eq!(data_of(b".\r\n", 8), whole(b""));
        assert_eq!(data_of(b"a\r\n..b\r\n.c\r\n.\r\nQUIT", 8), whole(b"a\r\n.b\r\nc\r\n"));
        assert_eq!(data_of(b"a\n.\nb\r\n.\n\r\n.\r\n", 8), whole(b"a\n.\nb\r\n\n\r\n"));
        assert_eq!(data_of(b".\r.\r\n\r\n.\r\n", 8), whole(b"\r.\r\n\r\n"));
        assert_eq!(data_of(b"a\r\n.\r", 8), DataEnd::Ended);
        assert_eq!(data_of(&[&[b'x'; 1001][..], b"\r\n.\r\n"].concat(), 8), DataEnd::TooBig);
    }

    proptest! {
        #[test]
        fn what_was_stuffed_comes_out(lines in proptest::collection::vec("[.a\t ]{0,6}", 0..12), buffer in 1usize..40) {
            let plain: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let stuffed: String = lines
                .iter()
                .map(|line| format!("{}{line}\r\n", if line.starts_with('.') { "." } else { "" }))
                .collect();
            let sent = format!("{stuffed}.\r\n");
            prop_assert_eq!(data_of(sent.as_bytes(), buffer), DataEnd::Whole(plain.into_bytes()));
        }
    }
}
