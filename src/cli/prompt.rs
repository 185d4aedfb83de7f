//! Questions to a person, only on a terminal: yes or no, and a hidden password.

use std::io::IsTerminal;

use port26_platform::terminal::forget_typed;

use super::page::Page;

/// Can a person be asked? Standard input and standard error must be a terminal.
pub fn interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks yes or no; anything but a clear yes is a no.
pub fn confirm(question: &str) -> std::io::Result<bool> {
    // What was typed before the question is no answer to it.
    forget_typed();
    Page::stderr().question(format_args!("{question} [y/N]"))?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
