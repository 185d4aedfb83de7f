//! macOS: the quit event that the Dock sends too, by `NSRunningApplication.terminate` in a script for `osascript`, which
//! every macOS since 10.10 has. By process id, so no program is started or named. Written from Apple's documentation of
//! NSRunningApplication and JavaScript for Automation; it was never run on a Mac.

#[cfg(target_os = "macos")]
use std::process::{Command, Stdio};
#[cfg(target_os = "macos")]
use std::time::{Duration, Instant};

use super::Asked;

/// Telling takes no time; a permission question of the system might.
#[cfg(target_os = "macos")]
const LIMIT: Duration = Duration::from_secs(10);

/// The arguments of `/usr/bin/osascript`. It prints how many programs took the event.
fn arguments(pids: &[u32]) -> [String; 4] {
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    let script = format!(
        "ObjC.import('AppKit'); var told = 0; [{}].forEach(function (pid) {{ \
         var app = $.NSRunningApplication.runningApplicationWithProcessIdentifier(pid); \
         if (!app.isNil() && app.terminate) {{ told += 1; }} }}); told",
        pids.join(", ")
    );
    ["-l".to_owned(), "JavaScript".to_owned(), "-e".to_owned(), script]
}

/// From what it printed.
fn understood(printed: &str) -> Asked {
    match printed.trim().parse::<u32>() {
        Ok(told) if told > 0 => Asked::Told,
        _ => Asked::NoWindow,
    }
}

#[cfg(target_os = "macos")]
pub(super) fn ask_to_close(pids: &[u32]) -> Asked {
    let started = Command::new("/usr/bin/osascript")
        .args(arguments(pids))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut script) = started else { return Asked::NoWay };
    let until = Instant::now() + LIMIT;
    while matches!(script.try_wait(), Ok(None)) {
        if Instant::now() > until {
            // Our own script, which waits for somebody who is not there.
            let _ = script.kill();
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    script.wait_with_output().map_or(Asked::NoWay, |output| understood(&String::from_utf8_lossy(&output.stdout)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_named_by_number_alone() {
        let [language, javascript, expression, script] = arguments(&[501, 7]);
        assert_eq!([language, javascript, expression], ["-l", "JavaScript", "-e"]);
        assert!(script.contains("[501, 7].forEach"), "{script}");
        assert!(script.contains("app.terminate") && !script.contains("forceTerminate"), "{script}");
        assert!(script.ends_with("told"), "{script}");
    }

    #[test]
    fn what_is_printed_is_how_many_were_told() {
        assert_eq!(understood("1\n"), Asked::Told);
        assert_eq!(understood("0\n"), Asked::NoWindow);
        assert_eq!(understood("execution error\n"), Asked::NoWindow);
        assert_eq!(understood(""), Asked::NoWindow);
    }
}
