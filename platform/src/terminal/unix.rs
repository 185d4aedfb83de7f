//! Unix: the terminal's own echo. A signal that ends the program (Ctrl-C among them) would leave it off.

use std::sync::{Once, mpsc};

use rustix::stdio::stdin;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, isatty, tcflush, tcgetattr, tcgetpgrp, tcsetattr,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// How the terminal was.
pub(super) type Before = Termios;

/// Somebody is at it, and it is this program's turn: who is in the background and sets the terminal is stopped for it. What is
/// no terminal of this session has no groups that take turns.
fn is_ours_now() -> bool {
    isatty(stdin()) && tcgetpgrp(stdin()).map_or(true, |group| group == rustix::process::getpgrp())
}

pub(super) fn hide() -> Option<Before> {
    if !is_ours_now() {
        return None;
    }
    let before = tcgetattr(stdin()).ok()?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
    tcsetattr(stdin(), OptionalActions::Now, &hidden).ok()?;
    Some(before)
}

/// As it was; what was typed and not read is dropped.
pub(super) fn restore(before: Before) {
    // There is nobody left to tell if the terminal is gone.
    if !is_ours_now() {
        return;
    }
    let _ = tcsetattr(stdin(), OptionalActions::Flush, &before);
}

pub(super) fn forget_typed() {
    if is_ours_now() {
        let _ = tcflush(stdin(), QueueSelector::IFlush);
    }
}

/// A thread waits for the signals that end a program, shows typing again, and lets the signal do what it would have done.
pub(super) fn show_again_when_interrupted(show_again: fn()) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (ready, listens) = mpsc::channel();
        let wait = move || {
            let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT]) else { return };
            drop(ready);
            for signal in signals.forever() {
                show_again();
                let _ = emulate_default_handler(signal);
            }
        };
        // Without a thread no signal is caught: better the echo off than a program that does not end.
        drop(std::thread::Builder::new().name("signals".to_owned()).spawn(wait));
        // Until it listens, or never will: `ready` is gone then. Nothing is sent.
        let _: Result<(), _> = listens.recv();
    });
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    use rustix::process::{Pid, Signal, kill_process};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    const CHILD: &str = "PORT26_TEST_HIDES_TYPING";

    /// Both ends of a terminal of its own.
    fn terminal() -> (File, File) {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = File::options().read(true).write(true).open(name).unwrap();
        (File::from(ours), theirs)
    }

    fn echoes(terminal: &File) -> bool {
        tcgetattr(terminal).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// What the child does; elsewhere nothing.
    #[test]
    fn child_that_hides_typing() {
        if std::env::var_os(CHILD).is_none() {
            return;
        }
        let hidden = super::super::hide_typing();
        println!("hidden");
        std::thread::sleep(std::time::Duration::from_secs(30));
        drop(hidden);
    }

    #[test]
    fn typing_is_shown_again_whatever_ends_the_program() {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            let (_ours, theirs) = terminal();
            assert!(echoes(&theirs));
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["child_that_hides_typing", "--nocapture"])
                .env(CHILD, "1")
                .stdin(Stdio::from(theirs.try_clone().unwrap()))
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut out = child.stdout.take().unwrap();
            let mut said = String::new();
            while !said.contains("hidden\n") {
                let mut bytes = [0; 256];
                let read = out.read(&mut bytes).unwrap();
                assert!(read > 0, "{said}");
                said += &String::from_utf8_lossy(&bytes[..read]);
            }
            assert!(!echoes(&theirs), "{signal:?}");
            kill_process(Pid::from_child(&child), signal).unwrap();
            let ended = child.wait().unwrap();
            assert_eq!(ended.signal(), Some(signal.as_raw()), "the signal does what it would have done");
            assert!(echoes(&theirs), "{signal:?} left the terminal without its echo");
        }
    }
}
