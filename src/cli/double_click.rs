//! A double click on `port26w`: somebody who sees no terminal and gave no verb gets `port26 fix` in a window, with its
//! questions, its progress and its result, and can type `port26 undo` there.

use std::path::{Path, PathBuf};

use port26_platform::console;

use super::Exit;

/// Opens the window if somebody started this program without a word and can see windows; `None` if it is for
/// [`super::main`] to answer.
pub fn double_clicked(arguments: usize) -> Option<Exit> {
    if arguments > 1 || !console::somebody_sees_windows() {
        return None;
    }
    let program = console_program(&std::env::current_exe().ok()?);
    match console::open("port26", &program, "fix") {
        Ok(()) => Some(Exit::Done),
        Err(error) => {
            tracing::error!("opening a window for {}: {error}", program.display());
            Some(Exit::Failed)
        }
    }
}

/// The program with a console, beside the one without.
fn console_program(windowless: &Path) -> PathBuf {
    let mut beside = windowless.with_file_name("port26");
    if let Some(extension) = windowless.extension() {
        beside.set_extension(extension);
    }
    beside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_gives_a_word_is_answered_by_the_command_line() {
        assert_eq!(double_clicked(2), None);
    }

    #[test]
    fn the_console_program_lies_beside() {
        for (windowless, console) in [("a/port26w.exe", "a/port26.exe"), ("b/port26w", "b/port26")] {
            assert_eq!(console_program(Path::new(windowless)), Path::new(console));
        }
    }
}
