//! The processes of the running system.

use std::ffi::OsStr;
use std::path::Path;

use sysinfo::{ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};

use super::{Asked, Holder, Processes, bare};

#[cfg(unix)]
use super::unix as system;
#[cfg(windows)]
use super::windows as system;

/// Linux cuts the name of a process at this length.
const COMM_LENGTH: usize = 15;

/// What runs on this machine now. Looks anew at every call.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunningSystem;

impl Processes for RunningSystem {
    fn running(&self, names: &[&str]) -> Vec<u32> {
        let Ok(mut system) = System::new() else {
            return Vec::new();
        };
        let what = ProcessRefreshKind::nothing()
            .without_tasks()
            .with_exe(UpdateKind::Always)
            .with_cmd(UpdateKind::Always)
            .with_user(UpdateKind::Always);
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);

        let me = sysinfo::get_current_pid().ok().and_then(|pid| system.process(pid)?.user_id().cloned());
        let mut found: Vec<u32> = system
            .processes()
            .iter()
            .filter(|(_, process)| !matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead))
            // Where the owner cannot be told, it may be ours: better to wait for a stranger than to be overwritten.
            .filter(|(_, process)| match (&me, process.user_id()) {
                (Some(me), Some(owner)) => me == owner,
                _ => true,
            })
            .filter(|(_, process)| {
                let seen = Seen {
                    name: process.name(),
                    exe: process.exe().and_then(Path::file_name),
                    cmd: process.cmd().first().and_then(|first| Path::new(first).file_name()),
                };
                names.iter().any(|name| seen.is(name))
            })
            .map(|(pid, _)| pid.as_u32())
            .collect();
        found.sort_unstable();
        found
    }

    fn lock_holder(&self, file: &Path) -> Option<Holder> {
        system::lock_holder(file)
    }

    fn socket_answers(&self, socket: &Path) -> bool {
        system::socket_answers(socket)
    }

    fn ask_to_close(&self, pids: &[u32]) -> Asked {
        super::closing::ask_to_close(pids)
    }
}

/// The names that one process goes by.
struct Seen<'a> {
    name: &'a OsStr,
    exe: Option<&'a OsStr>,
    cmd: Option<&'a OsStr>,
}

impl Seen<'_> {
    fn is(&self, wanted: &str) -> bool {
        let wanted = bare(wanted);
        let same = |name: &OsStr| name.to_str().is_some_and(|name| bare(name) == wanted);
        if same(self.name) || self.exe.is_some_and(same) || self.cmd.is_some_and(same) {
            return true;
        }
        // With nothing but a name that was cut, its beginning has to do.
        let nothing_else = self.exe.is_none_or(OsStr::is_empty) && self.cmd.is_none_or(OsStr::is_empty);
        nothing_else
            && self.name.to_str().is_some_and(|name| name.len() == COMM_LENGTH && wanted.starts_with(&bare(name)))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn seen<'a>(name: &'a str, exe: Option<&'a str>, cmd: Option<&'a str>) -> Seen<'a> {
        Seen { name: OsStr::new(name), exe: exe.map(OsStr::new), cmd: cmd.map(OsStr::new) }
    }

    #[test]
    fn names_are_compared_without_case_and_exe() {
        assert!(seen("OUTLOOK.EXE", None, None).is("outlook"));
        assert!(seen("outlook", None, None).is("Outlook.exe"));
        assert!(seen("Microsoft Outlook", None, None).is("microsoft outlook"));
        assert!(!seen("outlookhelper.exe", None, None).is("outlook"));
        assert!(!seen("thunderbird-wrapper", None, None).is("thunderbird"));
    }

    #[test]
    fn a_cut_name_is_completed_by_the_program_file() {
        assert!(seen("evolution-alarm", Some("evolution-alarm-notify"), None).is("evolution-alarm-notify"));
        assert!(seen("MainThread", None, Some("thunderbird")).is("thunderbird"));
        // Nothing but the cut name is known.
        assert!(seen("evolution-alarm", None, None).is("evolution-alarm-notify"));
        assert!(seen("evolution-alarm", Some(""), None).is("evolution-alarm-notify"));
        // Another program whose name begins alike.
        assert!(!seen("evolution-alarm", Some("evolution-alarmist"), None).is("evolution-alarm-notify"));
        // Short names are never cut.
        assert!(!seen("claws", None, None).is("claws-mail"));
    }

    /// Ends the child also when the test fails.
    struct Child(std::process::Child);
    impl Drop for Child {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_running_program_is_found_by_its_file_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        // A name longer than Linux keeps, and one that nobody else on this machine runs.
        let name = format!("port26-invented-client-{}", std::process::id());
        let program = folder.path().join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();

        let child = Command::new(&program)
            .args(["--exact", "processes::live::tests::child_that_waits", "--nocapture"])
            .env("PORT26_TEST_CHILD", "1")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let pid = child.id();
        let child = Child(child);
        let names = [name.to_uppercase()];
        assert_eq!(RunningSystem.running(&["nobody-runs-this", &names[0]]), [pid]);
        assert_eq!(RunningSystem.running(&["nobody-runs-this"]), Vec::<u32>::new());
        drop(child);
        assert_eq!(RunningSystem.running(&[&names[0]]), Vec::<u32>::new());
    }

    /// Run by the test above as another program: waits until its standard input ends.
    #[test]
    fn child_that_waits() {
        if std::env::var_os("PORT26_TEST_CHILD").is_some() {
            let _ = std::io::stdin().read_line(&mut String::new());
        }
    }
}
