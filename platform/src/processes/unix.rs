//! Locks and sockets on macOS and Linux.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::Holder;

/// A local socket answers at once, or its program is busy.
const ANSWER: Duration = Duration::from_secs(1);

/// Asks who keeps us from a write lock; takes none. Locks of this process are not seen.
pub(super) fn lock_holder(file: &Path) -> Option<Holder> {
    // NONBLOCK: a pipe in the place of the file must not hold us up.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::open(file, flags, Mode::empty()).ok()?;
    let lock = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)).ok()??;
    // Behind a process namespace (Flatpak) or on a network share the number is 0 or negative: held, by somebody.
    let pid = lock.pid.map(|pid| pid.as_raw_nonzero().get()).and_then(|pid| u32::try_from(pid).ok());
    Some(Holder { pid })
}

/// A socket file without a program behind it refuses.
pub(super) fn socket_answers(socket: &Path) -> bool {
    answers_within(socket.to_owned(), ANSWER)
}

fn answers_within(socket: PathBuf, limit: Duration) -> bool {
    let (tell, told) = mpsc::channel();
    let spawned = std::thread::Builder::new().name("socket".into()).spawn(move || {
        let _ = tell.send(UnixStream::connect(socket).is_ok());
    });
    // Connecting to a local socket only ever waits when its queue is full: somebody listens and is busy.
    spawned.is_ok() && told.recv_timeout(limit).unwrap_or_else(|error| error == mpsc::RecvTimeoutError::Timeout)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixListener;
    use std::process::{Child, Command, Stdio};

    use rustix::fs::{FlockOperation, fcntl_lock};

    use super::*;

    /// Another process that holds a lock on the file, until it is dropped.
    struct Locker(Child);

    impl Locker {
        fn on(file: &Path, kind: &str) -> Self {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "processes::unix::tests::child_that_locks", "--nocapture"])
                .env("PORT26_TEST_LOCK", file)
                .env("PORT26_TEST_LOCK_KIND", kind)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap().contains("locked")), "the other process did not take the lock");
            Self(child)
        }
    }

    #[test]
    fn a_lock_in_another_users_home_is_seen() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".parentlock");
        std::fs::write(&file, "").unwrap();
        let computer = crate::computer::Computer::folder(home.path(), crate::computer::Os::here(), None);
        assert_eq!(computer.processes.lock_holder(&file), None);
        let locker = Locker::on(&file, "write");
        assert_eq!(computer.processes.lock_holder(&file), Some(Holder { pid: Some(locker.0.id()) }));
    }

    impl Drop for Locker {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// Run by [`Locker`] as another process.
    #[test]
    fn child_that_locks() {
        let Some(path) = std::env::var_os("PORT26_TEST_LOCK") else { return };
        let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
        let shared = std::env::var("PORT26_TEST_LOCK_KIND").is_ok_and(|kind| kind == "shared");
        let operation =
            if shared { FlockOperation::NonBlockingLockShared } else { FlockOperation::NonBlockingLockExclusive };
        fcntl_lock(&file, operation).unwrap();
        println!("locked");
        let _ = std::io::stdin().read_line(&mut String::new());
    }

    #[test]
    fn a_lock_is_told_with_its_holder_and_a_file_alone_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".parentlock");
        assert_eq!(lock_holder(&file), None, "no file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(lock_holder(&file), None, "a file that was left behind");

        for kind in ["exclusive", "shared"] {
            let locker = Locker::on(&file, kind);
            assert_eq!(lock_holder(&file), Some(Holder { pid: Some(locker.0.id()) }), "{kind}");
            assert_eq!(lock_holder(&file), Some(Holder { pid: Some(locker.0.id()) }), "looking does not take it away");
            drop(locker);
            assert_eq!(lock_holder(&file), None, "{kind}, after its holder ended");
        }
    }

    #[test]
    fn a_file_that_may_only_be_read_is_looked_at_too() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".parentlock");
        std::fs::write(&file, "").unwrap();
        let _locker = Locker::on(&file, "exclusive");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400)).unwrap();
        assert!(lock_holder(&file).is_some());
    }

    #[test]
    fn links_are_not_followed_and_pipes_do_not_hang() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("real");
        std::fs::write(&file, "").unwrap();
        let _locker = Locker::on(&file, "exclusive");
        let link = folder.path().join(".parentlock");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(lock_holder(&link), None);

        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(lock_holder(&pipe), None);
    }

    #[test]
    fn a_socket_answers_as_long_as_somebody_listens() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("client.sock");
        assert!(!socket_answers(&socket), "no socket");
        let listener = UnixListener::bind(&socket).unwrap();
        assert!(socket_answers(&socket));
        drop(listener);
        assert!(socket.exists());
        assert!(!socket_answers(&socket), "a socket that was left behind");
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(!socket_answers(&folder.path().join("file")), "a plain file");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_busy_listener_counts_as_answering() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("client.sock");
        let _listener = UnixListener::bind(&socket).unwrap();
        // Nobody accepts: fill the queue until connecting would wait.
        let mut queue = Vec::new();
        let start = std::time::Instant::now();
        loop {
            let (tell, told) = mpsc::channel();
            let at = socket.clone();
            std::thread::spawn(move || tell.send(UnixStream::connect(at)));
            match told.recv_timeout(Duration::from_millis(200)) {
                Ok(stream) => queue.push(stream.unwrap()),
                Err(_) => break,
            }
            assert!(start.elapsed() < Duration::from_secs(20), "the queue never filled ({})", queue.len());
        }
        assert!(answers_within(socket, Duration::from_millis(200)));
    }
}
