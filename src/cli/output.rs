//! What a run prints: a report in words or as JSON. Colours go away when piped.

use std::io::{BufWriter, Write};

use super::again::Again;
use super::output_mode::OutputMode;
use super::page::Page;
use super::report_words;
use crate::report::Report;

/// Standard output, to be written line by line. What is written goes out in large pieces, the last of them when all is said.
pub(super) type Words = Page<BufWriter<anstream::AutoStream<std::io::StdoutLock<'static>>>>;

/// So much goes out at once: standard output breaks a piece behind its last line, which makes two calls to the system of it.
const PIECE: usize = 128 * 1024;

/// Prints a report in the manner asked for; `again` leads back to the same machine.
pub(super) fn print(report: &Report, manner: OutputMode, again: &Again) -> std::io::Result<()> {
    tell(manner, report, |page| report_words::write(page, report, manner, again))
}

/// Prints a document as JSON or in these words, as the manner asks for.
pub(super) fn tell(
    manner: OutputMode,
    document: &impl serde::Serialize,
    words: impl FnOnce(&mut Words) -> std::io::Result<()>,
) -> std::io::Result<()> {
    match manner {
        OutputMode::Silent => Ok(()),
        OutputMode::Json => json(document),
        OutputMode::People | OutputMode::Detailed | OutputMode::Quiet => say(words),
    }
}

/// Says these words on standard output.
pub(super) fn say(words: impl FnOnce(&mut Words) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut page = Page::stdout(PIECE);
    let said = words(&mut page);
    // Also where an error ends it: what was said before it is said.
    unless_closed(said.and(page.flush()))
}

/// Whoever stops reading (`port26 scan | head -1`) has read enough: the work is done, and its exit code stays.
fn unless_closed(written: std::io::Result<()>) -> std::io::Result<()> {
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints any value as the one JSON document of this run.
pub fn json(value: &impl serde::Serialize) -> std::io::Result<()> {
    unless_closed(write_json(std::io::stdout().lock(), value))
}

fn write_json(out: impl Write, value: &impl serde::Serialize) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(PIECE, out);
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often it is written to; takes no more than so many bytes.
    #[derive(Default)]
    struct Pipe {
        calls: usize,
        bytes: Vec<u8>,
        closes_behind: Option<usize>,
    }

    impl Write for &mut Pipe {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.calls += 1;
            if self.closes_behind.is_some_and(|most| self.bytes.len() >= most) {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            self.bytes.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Each was several calls to the system.
    #[test]
    fn a_document_of_very_many_values_is_written_in_few_pieces() {
        let value: Vec<_> = (0..100_000).map(|n| serde_json::json!({ "id": n, "port": 25 })).collect();
        let mut pipe = Pipe::default();
        write_json(&mut pipe, &value).unwrap();
        let whole = serde_json::to_string_pretty(&value).unwrap() + "\n";
        assert!(pipe.bytes == whole.as_bytes());
        assert!(pipe.calls <= whole.len() / PIECE + 2, "{} calls for {} bytes", pipe.calls, whole.len());
    }

    #[test]
    fn whoever_stops_reading_is_no_error() {
        let value: Vec<usize> = (0..200_000).collect();
        let mut pipe = Pipe { closes_behind: Some(1), ..Pipe::default() };
        let written = write_json(&mut pipe, &value);
        assert_eq!(written.as_ref().map_err(std::io::Error::kind), Err(std::io::ErrorKind::BrokenPipe));
        assert!(unless_closed(written).is_ok());
        assert!(!pipe.bytes.is_empty() && value.len() > pipe.bytes.len() / 10);
    }
}
