//! What a person types at a terminal: not shown while a password may be typed, also not what was typed early; and shown
//! again whatever ends the program.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many want it hidden, and how the terminal was before the first did.
static HIDDEN: Mutex<(usize, Option<system::Before>)> = Mutex::new((0, None));

/// While one of these lives, nothing that is typed is shown. With the last one the terminal is as it was before, and what
/// was typed meanwhile and not read is forgotten: no shell shows or runs it later.
#[derive(Debug)]
#[must_use = "typing is shown again when this is dropped"]
pub struct Hidden(());

/// Hides what is typed. Without a terminal on standard input nothing happens.
pub fn hide_typing() -> Hidden {
    system::show_again_when_interrupted(show_again);
    let mut hidden = lock();
    if hidden.0 == 0 {
        hidden.1 = system::hide();
    }
    hidden.0 += 1;
    Hidden(())
}

/// Forgets what was typed and not read yet: an answer is typed after its question.
pub fn forget_typed() {
    system::forget_typed();
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let mut hidden = lock();
        hidden.0 = hidden.0.saturating_sub(1);
        if hidden.0 == 0
            && let Some(before) = hidden.1.take()
        {
            system::restore(before);
        }
    }
}

/// The program is being ended from outside.
fn show_again() {
    if let Some(before) = lock().1.take() {
        system::restore(before);
    }
}

fn lock() -> MutexGuard<'static, (usize, Option<system::Before>)> {
    HIDDEN.lock().unwrap_or_else(PoisonError::into_inner)
}
