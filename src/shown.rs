//! Text from outside (a profile, a receipt, a server, a command line), made fit to be shown: on a terminal, in a question,
//! in a log, in a window. What is shown is one line, and it commands nothing.

use std::borrow::Cow;

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

/// A name, an id, an address or a path. A row of spaces is one space, so that nothing stands in a column that is not its
/// own.
pub fn shown(text: &str) -> Cow<'_, str> {
    let single = text.contains("  ").then(|| {
        let mut before = ' ';
        let one = |letter: &char| std::mem::replace(&mut before, *letter) != ' ' || *letter != ' ';
        text.chars().filter(one).collect::<String>()
    });
    match single {
        Some(single) => Cow::Owned(within(&single, NAME).into_owned()),
        None => within(text, NAME),
    }
}

/// A whole line that texts from outside are parts of.
pub fn line(text: &str) -> Cow<'_, str> {
    within(text, LINE)
}

fn within(text: &str, most: usize) -> Cow<'_, str> {
    let long = text.len() > most && text.chars().nth(most).is_some();
    if !long && text.chars().all(|letter| fit(letter) == letter) {
        return Cow::Borrowed(text);
    }
    let mut fitting: String = text.chars().take(most).map(fit).collect();
    if long {
        fitting.push_str(CUT);
    }
    Cow::Owned(fitting)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_commands_is_not_shown_and_what_is_written_is() {
        for text in ["anna@hosting.test", "C:\\Users\\J\u{f6}rg", "\u{5e9}\u{5dc}\u{5d5}\u{5dd}@mail.test", ""] {
            assert!(matches!(shown(text), Cow::Borrowed(same) if same == text), "{text}");
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
