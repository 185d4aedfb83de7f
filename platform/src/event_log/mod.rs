//! The system's own log of what went wrong, where administrators look: the Event Log of Windows. Elsewhere there is none
//! that a program of the user writes to by itself.

#[cfg(not(windows))]
mod elsewhere;
#[cfg(windows)]
mod windows;

#[cfg(not(windows))]
use elsewhere as system;
#[cfg(windows)]
use windows as system;

/// Longer texts are cut: one string of an event may have 31,839 characters (Microsoft, `ReportEventW`).
pub const MOST_CHARACTERS: usize = 30_000;

/// Adds an error to the log under the name of a source. Returns whether the system took it. Text, never a password.
pub fn error(source: &str, text: &str) -> bool {
    let text: String = text.chars().filter(|&letter| letter != '\0').take(MOST_CHARACTERS).collect();
    system::error(source, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wine takes events and keeps none, so what is proven is that the call is right.
    #[test]
    fn an_error_is_taken_where_there_is_a_log() {
        let long = "a line with \0 in it and \u{e4}\u{1f511}\n".repeat(5_000);
        assert_eq!(error("port26-test", &long), cfg!(windows));
        assert_eq!(error("port26-test", ""), cfg!(windows));
    }
}
