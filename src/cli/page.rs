//! The one way by which words reach a terminal: line by line, each made fit to be shown and, where a terminal is at the
//! other end, as wide as it is. Nothing else in `cli` writes words.

use std::fmt::Display;
use std::io::{BufWriter, IsTerminal, Result, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Reset, Style};
use textwrap::{Options, WordSeparator, WordSplitter};

use crate::shown;

/// Wider lines are hard to read.
const WIDEST: usize = 100;
/// In a narrower one wrapping would leave nothing but margins.
const NARROWEST: usize = 40;
/// The column of marks ("fixed", "needs you"), with the space behind it.
const MARK: usize = 14;

/// A page that is written line by line. Each call is one line, however wide; texts cannot add one.
pub struct Page<W: Write> {
    out: W,
    width: Option<usize>,
    /// Nothing is coloured.
    plain: bool,
}

impl Page<BufWriter<AutoStream<std::io::StdoutLock<'static>>>> {
    /// Standard output, which gets this many bytes at a time.
    pub fn stdout(piece: usize) -> Self {
        let out = anstream::stdout().lock();
        // Where colours would be taken out again, each of them would part a piece.
        let plain = out.current_choice() == ColorChoice::Never;
        let page = Self::new(BufWriter::with_capacity(piece, out), width_of(&std::io::stdout()));
        Self { plain, ..page }
    }
}

impl Page<AutoStream<std::io::StderrLock<'static>>> {
    /// Standard error: questions, errors, what is waited for.
    pub fn stderr() -> Self {
        Self::new(anstream::stderr().lock(), width_of(&std::io::stderr()))
    }
}

/// Says one line on standard error. Nobody may be there to read it, which is no reason to fail.
pub fn remark(text: impl Display) {
    let _ = Page::stderr().line(0, text);
}

impl<W: Write> Page<W> {
    /// A page on this; `width`: in columns, `None` where nothing is wrapped.
    pub fn new(out: W, width: Option<usize>) -> Self {
        Self { out, width, plain: false }
    }

    /// Lets out whatever is held back.
    pub fn flush(&mut self) -> Result<()> {
        self.out.flush()
    }

    /// An empty line.
    pub fn gap(&mut self) -> Result<()> {
        writeln!(self.out)
    }

    /// A line that begins in this column; what does not fit goes on two columns further in.
    pub fn line(&mut self, column: usize, text: impl Display) -> Result<()> {
        self.write(column, "", column + 2, text)
    }

    /// The same with a mark before it, in colour; what does not fit goes on below the text.
    pub fn marked(&mut self, column: usize, colour: AnsiColor, mark: &str, text: impl Display) -> Result<()> {
        let width = MARK - 1;
        let lead = if self.plain {
            format!("{mark:<width$} ")
        } else {
            let style = Style::new().fg_color(Some(colour.into())).bold();
            format!("{style}{mark:<width$}{Reset} ")
        };
        self.write(column, &lead, column + MARK, text)
    }

    /// A question, which the answer follows in the same line.
    pub fn question(&mut self, text: impl Display) -> Result<()> {
        write!(self.out, "{} ", shown::Line(&text.to_string()))?;
        self.out.flush()
    }

    fn write(&mut self, column: usize, lead: &str, further: usize, text: impl Display) -> Result<()> {
        let text = shown::Line(&text.to_string()).to_string();
        let Some(width) = self.width else {
            return writeln!(self.out, "{:column$}{lead}{text}", "");
        };
        let first = if lead.is_empty() { column } else { further };
        let (margin, below) = (" ".repeat(first), " ".repeat(further));
        let options = Options::new(width)
            .initial_indent(&margin)
            .subsequent_indent(&below)
            .break_words(false)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation);
        for (number, line) in textwrap::wrap(&unbroken(&text), options).iter().enumerate() {
            let line = line.replace(HELD, " ");
            match line.strip_prefix(&margin).filter(|_| number == 0 && !lead.is_empty()) {
                Some(rest) => writeln!(self.out, "{:column$}{lead}{rest}", "")?,
                None => writeln!(self.out, "{line}")?,
            }
        }
        Ok(())
    }
}

/// Stands for a space at which no line ends. It is not a letter, and none that is shown is it.
const HELD: char = '\u{1}';

/// A command between backticks stays in one line, to be copied.
fn unbroken(text: &str) -> String {
    let pieces = text.split('`').enumerate();
    let held = |(at, piece): (usize, &str)| if at % 2 == 1 { piece.replace(' ', "\u{1}") } else { piece.to_owned() };
    pieces.map(held).collect::<Vec<_>>().join("`")
}

fn width_of(stream: &(impl IsTerminal + std::io::Write)) -> Option<usize> {
    stream.is_terminal().then(terminal_width).flatten()
}

fn terminal_width() -> Option<usize> {
    let (terminal_size::Width(columns), _) = terminal_size::terminal_size()?;
    let columns = usize::from(columns);
    // The last column stays free: some terminals go to the next line when it is written to.
    (columns > NARROWEST).then(|| (columns - 1).min(WIDEST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(width: Option<usize>, write: impl FnOnce(&mut Page<&mut Vec<u8>>) -> Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut Page::new(&mut out, width)).unwrap();
        anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string()
    }

    #[test]
    fn lines_are_as_wide_as_the_terminal_and_as_long_as_they_are_when_piped() {
        let text = "The network you are on blocks port 25. See `port26 undo 20261123T235901Z-0001` for more.";
        assert_eq!(page(None, |page| page.line(4, text)), format!("    {text}\n"));
        assert_eq!(
            page(Some(50), |page| page.marked(2, AnsiColor::Green, "fixed", text)),
            "  fixed         The network you are on blocks port\n                25. See\n                \
             `port26 undo 20261123T235901Z-0001`\n                for more.\n"
        );
        assert_eq!(page(Some(50), |page| page.line(0, "a\nb\x1b[2J")), "a\u{fffd}b\u{fffd}[2J\n");
    }

    proptest! {
        /// A text adds no line and no command, whatever it holds.
        #[test]
        fn a_text_is_one_line(text in any::<String>(), mark in any::<bool>()) {
            let write = |page: &mut Page<&mut Vec<u8>>| match mark {
                true => page.marked(0, AnsiColor::Red, "failed", &text),
                false => page.line(4, &text),
            };
            let piped = page(None, write);
            prop_assert_eq!(piped.lines().count(), 1);
            prop_assert!(piped.trim_end_matches('\n').chars().all(|letter| shown::fit(letter) == letter));
            let wrapped = page(Some(60), write);
            prop_assert!(wrapped.chars().all(|letter| letter == '\n' || shown::fit(letter) == letter));
        }
    }
}
