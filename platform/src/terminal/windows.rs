//! Windows: the console's input mode. It outlives the program, so Ctrl-C and a closed window give it back first.

use std::sync::{Once, OnceLock};

use windows::Win32::Foundation::HANDLE;
use windows::Win32::System::Console::{
    CONSOLE_MODE, ENABLE_ECHO_INPUT, FlushConsoleInputBuffer, GetConsoleMode, GetStdHandle, STD_INPUT_HANDLE,
    SetConsoleCtrlHandler, SetConsoleMode,
};
use windows::core::BOOL;

/// How the console was.
pub(super) type Before = u32;

static SHOW_AGAIN: OnceLock<fn()> = OnceLock::new();

/// The console's input and its mode; `None` if standard input is no console.
fn console() -> Option<(HANDLE, CONSOLE_MODE)> {
    let mut mode = CONSOLE_MODE::default();
    // SAFETY: the handle of a standard stream is not to be closed; the mode lives through the call.
    unsafe {
        let input = GetStdHandle(STD_INPUT_HANDLE).ok()?;
        GetConsoleMode(input, &mut mode).ok()?;
        Some((input, mode))
    }
}

pub(super) fn hide() -> Option<Before> {
    let (input, before) = console()?;
    // SAFETY: the handle is a console's, as was just seen.
    unsafe { SetConsoleMode(input, CONSOLE_MODE(before.0 & !ENABLE_ECHO_INPUT.0)) }.ok()?;
    Some(before.0)
}

/// As it was; what was typed and not read is dropped.
pub(super) fn restore(before: Before) {
    forget_typed();
    if let Some((input, _)) = console() {
        // SAFETY: the handle is a console's, as was just seen.
        let _ = unsafe { SetConsoleMode(input, CONSOLE_MODE(before)) };
    }
}

pub(super) fn forget_typed() {
    if let Some((input, _)) = console() {
        // SAFETY: the handle is a console's, as was just seen.
        let _ = unsafe { FlushConsoleInputBuffer(input) };
    }
}

pub(super) fn show_again_when_interrupted(show_again: fn()) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = SHOW_AGAIN.set(show_again);
        // SAFETY: the handler is a function of this program and stays for its life.
        let _ = unsafe { SetConsoleCtrlHandler(Some(interrupted), true) };
    });
}

/// Runs in a thread of its own; the next handler ends the program.
unsafe extern "system" fn interrupted(_event: u32) -> BOOL {
    if let Some(show_again) = SHOW_AGAIN.get() {
        show_again();
    }
    BOOL(0)
}
