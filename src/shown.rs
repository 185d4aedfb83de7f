//! Text from outside (a profile, a receipt, a server, a command line), made fit to be shown: on a terminal, in a question,
//! in a log, in a window. What is shown is one line, and it commands nothing.

use std::fmt::{self, Display, Formatter};

/// Letters of a name, an id, a path: what is longer is cut, and ends with `...`.
pub const NAME: usize = 300;
/// Letters of a whole line.
pub const LINE: usize = 4000;

const CUT: &str = "...";

/// One letter: itself, or U+FFFD in its place. What a terminal takes for a command (C0, DEL, C1) is not shown, nor what
/// breaks a line, nor what turns the direction of the text (Unicode Standard Annex 9, and U+061C).
pub fn fit(letter: char) -> char {
    match letter {
        letter if letter.is_control() => '\u{fffd}',
        '\u{2028}' | '\u{2029}' => '\u{fffd}',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}' => '\u{fffd}',
        letter => letter,
    }
}

/// A name, an id, an address or a path, as it is shown. A row of spaces is one space, so that nothing stands in a column
/// that is not its own.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(pub &'a str);

/// A whole line that texts from outside are parts of, as it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a>(pub &'a str);

impl Display for Shown<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let mut before = ' ';
        let single = |letter: &char| std::mem::replace(&mut before, *letter) != ' ' || *letter != ' ';
        out.pad(&within(self.0.chars().filter(single), NAME))
    }
}

impl Display for Line<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.pad(&within(self.0.chars(), LINE))
    }
}

fn within(mut letters: impl Iterator<Item = char>, most: usize) -> String {
    let mut fitting: String = letters.by_ref().take(most).map(fit).collect();
    if letters.next().is_some() {
        fitting.push_str(CUT);
    }
    fitting
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        Shown(text).to_string()
    }

    fn line(text: &str) -> String {
        Line(text).to_string()
    }

    #[test]
    fn what_commands_is_not_shown_and_what_is_written_is() {
        for text in ["anna@hosting.test", "C:\\Users\\J\u{f6}rg", "\u{5e9}\u{5dc}\u{5d5}\u{5dd}@mail.test", ""] {
            assert_eq!(shown(text), text);
        }
        let bad = "a\u{1b}]0;x\u{7}\u{9b}2J\u{202e}b\r\nc\u{2028}d\u{2066}e\u{200f}f\u{7f}";
        assert_eq!(shown(bad).matches('\u{fffd}').count(), 10, "{:?}", shown(bad));
        assert_eq!(shown("anna      fixed   bert"), "anna fixed bert");
        assert_eq!(line("fixed   anna"), "fixed   anna", "columns are the line's own");
        let long = "x".repeat(10_000);
        assert_eq!((shown(&long).len(), line(&long).len()), (NAME + 3, LINE + 3));
        assert_eq!(shown(&"\u{e4}".repeat(NAME)).chars().count(), NAME, "letters are counted, not bytes");
    }

    proptest! {
        #[test]
        fn nothing_that_is_shown_commands(text in any::<String>()) {
            for shown in [shown(&text), line(&text)] {
                prop_assert!(shown.chars().all(|letter| fit(letter) == letter && !letter.is_control()));
                prop_assert!(shown.chars().count() <= LINE + CUT.len());
            }
        }
    }
}
