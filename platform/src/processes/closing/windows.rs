//! Windows: `WM_CLOSE` to the visible main windows of the programs, which is what the cross in their corner sends.

use windows::Win32::Foundation::{HWND, LPARAM, WPARAM};
use windows::Win32::UI::Input::KeyboardAndMouse::IsWindowEnabled;
use windows::Win32::UI::WindowsAndMessaging::{
    EnumWindows, GW_OWNER, GetWindow, GetWindowThreadProcessId, IsWindowVisible, PostMessageW, WM_CLOSE,
};
use windows::core::BOOL;

use super::Asked;

pub(super) fn ask_to_close(pids: &[u32]) -> Asked {
    let mut found = Found { pids, windows: Vec::new() };
    // SAFETY: `found` outlives the call, which hands its address to `look` and keeps it nowhere.
    let looked = unsafe { EnumWindows(Some(look), LPARAM(&raw mut found as isize)) };
    if looked.is_err() {
        return Asked::NoWay;
    }
    let mut told = false;
    for window in found.windows {
        // SAFETY: a message without pointers; a window that is gone by now is an error, nothing more.
        told |= unsafe { PostMessageW(Some(window), WM_CLOSE, WPARAM(0), LPARAM(0)) }.is_ok();
    }
    if told { Asked::Told } else { Asked::NoWindow }
}

struct Found<'a> {
    pids: &'a [u32],
    windows: Vec<HWND>,
}

unsafe extern "system" fn look(window: HWND, found: LPARAM) -> BOOL {
    // SAFETY: the address of the `Found` of the call above, used by nobody else until it returns.
    let found = unsafe { &mut *(found.0 as *mut Found<'_>) };
    let mut pid = 0;
    // SAFETY: these only look at the window.
    let main = unsafe {
        GetWindowThreadProcessId(window, Some(&raw mut pid));
        // Behind an open question the main window is disabled: closing it there would be going past the user.
        IsWindowVisible(window).as_bool()
            && IsWindowEnabled(window).as_bool()
            // No owner is an error to this function.
            && GetWindow(window, GW_OWNER).is_err()
    };
    if main && found.pids.contains(&pid) {
        found.windows.push(window);
    }
    true.into()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Lines};
    use std::process::{Child, ChildStdout, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::super::super::invented::{self, Manners};
    use super::*;

    /// Another process with a window, ended with the test.
    struct Other(
        Child,
        #[expect(dead_code, reason = "closed with the test, not before")] Lines<BufReader<ChildStdout>>,
    );

    impl Other {
        fn with_window(manners: &str) -> Self {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "processes::closing::windows::tests::child_with_a_window", "--nocapture"])
                .env("PORT26_TEST_WINDOW", manners)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap().contains("is open")), "the other process showed no window");
            Self(child, lines)
        }

        fn ends_within(&mut self, limit: Duration) -> bool {
            let until = Instant::now() + limit;
            while Instant::now() < until {
                if self.0.try_wait().unwrap().is_some() {
                    return true;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            false
        }
    }

    impl Drop for Other {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// Run by [`Other`] as another process.
    #[test]
    fn child_with_a_window() {
        let manners = match std::env::var("PORT26_TEST_WINDOW").as_deref() {
            Ok("closes") => Some(Manners::Closes),
            Ok("refuses") => Some(Manners::Refuses),
            Ok(_) => None,
            Err(_) => return,
        };
        let mut open = invented::open(None, manners).unwrap();
        println!("is open");
        open.until_closed();
    }

    #[test]
    fn a_program_is_told_and_closes_by_itself_and_no_other_is() {
        let (mut one, mut other) = (Other::with_window("closes"), Other::with_window("closes"));
        assert_eq!(ask_to_close(&[one.0.id()]), Asked::Told);
        assert!(one.ends_within(Duration::from_secs(20)), "it did not close");
        assert!(!other.ends_within(Duration::from_millis(300)), "another program was told");
        assert_eq!(ask_to_close(&[other.0.id()]), Asked::Told);
        assert!(other.ends_within(Duration::from_secs(20)), "it did not close");
    }

    #[test]
    fn a_program_that_will_not_close_is_left_running() {
        let mut stays = Other::with_window("refuses");
        assert_eq!(ask_to_close(&[stays.0.id()]), Asked::Told);
        assert!(!stays.ends_within(Duration::from_millis(500)), "it was ended");
    }

    #[test]
    fn without_a_window_there_is_nobody_to_tell() {
        let mut hidden = Other::with_window("none");
        assert_eq!(ask_to_close(&[hidden.0.id()]), Asked::NoWindow);
        assert!(!hidden.ends_within(Duration::from_millis(300)));
    }
}
