//! Asking the user for a password, or knowing that nobody is there to be asked.

use std::io;

use port26_platform::terminal::{forget_typed, hide_typing};
use secrecy::SecretString;

use crate::shown;

/// Somebody who may know a password.
pub trait Ask: Send + Sync {
    /// The password, or `None` if there is nobody or nothing was typed. The last line of the question is the one that is
    /// answered; what stands before it is said first.
    fn password(&self, question: &str) -> io::Result<Option<SecretString>>;
}

/// The user at the terminal; what is typed is not shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terminal;

impl Ask for Terminal {
    fn password(&self, question: &str) -> io::Result<Option<SecretString>> {
        let (lines, question) = question.rsplit_once('\n').unwrap_or(("", question));
        for line in lines.lines() {
            anstream::eprintln!("{}", shown::line(line));
        }
        // Until it is answered and whatever happens: Ctrl-C would leave the terminal without its echo.
        let _hidden = hide_typing();
        // What was typed before the question is no answer to it.
        forget_typed();
        let typed = rpassword::prompt_password(shown::line(question))
            .inspect_err(|error| tracing::warn!("the password could not be asked for: {error}"))
            .map(SecretString::from)?;
        Ok((!secrecy::ExposeSecret::expose_secret(&typed).is_empty()).then_some(typed))
    }
}

/// Nobody: a script, `--silent`, the agent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Ask for Nobody {
    fn password(&self, _question: &str) -> io::Result<Option<SecretString>> {
        Ok(None)
    }
}

/// The terminal if somebody sits there and may be asked, else nobody. `on_terminal` is true only when standard input
/// and standard error both are one: a piped run must never stop at a question, whatever else was said (`--yes`).
pub fn somebody_to_ask(silent: bool, on_terminal: bool) -> Box<dyn Ask> {
    if on_terminal && !silent { Box::new(Terminal) } else { Box::new(Nobody) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_when_silent_or_piped() {
        // A terminal would wait or fail here; nobody answers at once.
        for (silent, on_terminal) in [(true, true), (true, false), (false, false)] {
            let answer = somebody_to_ask(silent, on_terminal).password("Password: ").unwrap();
            assert!(answer.is_none(), "silent={silent} on_terminal={on_terminal}");
        }
    }
}
