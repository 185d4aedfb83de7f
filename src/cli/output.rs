//! What a run prints: a report in words or as JSON. Colours go away when piped.

use std::io::Write;

use super::again::Again;
use super::output_mode::OutputMode;
use super::page::Page;
use super::report_words;
use crate::report::Report;

/// Standard output, to be written line by line.
pub(super) type Words = Page<anstream::AutoStream<std::io::StdoutLock<'static>>>;

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
    unless_closed(words(&mut Page::stdout()))
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
    let mut out = std::io::stdout().lock();
    let written = serde_json::to_writer_pretty(&mut out, value).map_err(std::io::Error::from);
    unless_closed(written.and_then(|()| writeln!(out)))
}
