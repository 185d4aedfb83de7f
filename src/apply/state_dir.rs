//! The state folder: where the receipts are, and the lock that lets one writer in.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use port26_platform::files::{FileError, open_private, private_dir, read_private};

use super::error::ApplyError;
use super::receipt::ReceiptId;

/// A state folder.
#[derive(Debug, Clone)]
pub(super) struct StateDir {
    root: PathBuf,
    patience: Duration,
}

/// Held while settings are written.
pub(super) struct Lock {
    _file: File,
}

impl StateDir {
    pub(super) fn new(root: PathBuf, patience: Duration) -> Self {
        Self { root, patience }
    }

    pub(super) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub(super) fn receipts_dir(&self) -> PathBuf {
        self.root.join("receipts")
    }

    pub(super) fn journal_path(&self, id: &ReceiptId) -> PathBuf {
        self.receipts_dir().join(format!("{id}.jsonl"))
    }

    /// Everything that lies there, by name.
    pub(super) fn entries(&self) -> Result<Vec<PathBuf>, ApplyError> {
        let dir = self.receipts_dir();
        let io = |source| ApplyError::State(FileError::Io { doing: "listing", path: dir.clone(), source });
        let entries = match std::fs::read_dir(&dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io)?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry.map_err(io)?.path());
        }
        paths.sort();
        Ok(paths)
    }

    /// Waits a little for another writer. The system gives the lock up when its holder ends, however it ends.
    pub(super) fn lock(&self) -> Result<Lock, ApplyError> {
        private_dir(&self.root).and_then(|()| private_dir(&self.receipts_dir())).map_err(ApplyError::State)?;
        self.take("lock", self.patience, &|_| {})
    }

    /// Waits for another run, from before it reads the settings until it is done with them. `waiting` hears who it is, once,
    /// if it comes to that.
    pub(super) fn lock_run(&self, patience: Duration, waiting: &dyn Fn(&str)) -> Result<Lock, ApplyError> {
        private_dir(&self.root).map_err(ApplyError::State)?;
        self.take("run.lock", patience, waiting)
    }

    fn take(&self, name: &str, patience: Duration, waiting: &dyn Fn(&str)) -> Result<Lock, ApplyError> {
        let path = self.root.join(name);
        // Windows lets nobody read a locked file: who holds it stands in another.
        let holder_path = self.root.join(format!("{name}.holder"));
        let io = |doing: &'static str| {
            let path = path.clone();
            move |source| ApplyError::State(FileError::Io { doing, path, source })
        };
        let holder = || {
            let holder = read_private(&holder_path).ok().flatten().unwrap_or_default();
            let holder = String::from_utf8_lossy(&holder);
            match holder.trim() {
                "" => "another port26".to_owned(),
                pid => format!("another port26 (process {pid})"),
            }
        };
        let file = open_private(&path).map_err(ApplyError::State)?;
        let started = Instant::now();
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(io("locking")(source)),
                Err(TryLockError::WouldBlock) if started.elapsed() < patience => {
                    if !std::mem::replace(&mut told, true) {
                        waiting(&holder());
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(TryLockError::WouldBlock) => return Err(ApplyError::Locked { holder: holder(), lock: path }),
            }
        }
        // Only for the words of the other side's error.
        if let Ok(mut holder) = open_private(&holder_path) {
            let _ = holder.set_len(0).and_then(|()| write!(holder, "{}", std::process::id()));
        }
        Ok(Lock { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_waits_and_is_told_who_holds_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().into(), Duration::from_millis(60));
        let held = state.lock().unwrap();
        let Err(error) = state.lock() else { panic!("two writers") };
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        drop(held);
        state.lock().unwrap();
    }

    #[test]
    fn a_second_run_is_told_whom_it_waits_for_and_then_gets_its_turn() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().join("port26"), Duration::ZERO);
        let run = state.lock_run(Duration::ZERO, &|_| {}).unwrap();
        let _writes = state.lock().unwrap();
        let told = std::sync::Mutex::new(Vec::new());
        let hear = |holder: &str| told.lock().unwrap().push(holder.to_owned());
        assert!(matches!(state.lock_run(Duration::from_millis(120), &hear), Err(ApplyError::Locked { .. })));
        assert_eq!(*told.lock().unwrap(), [format!("another port26 (process {})", std::process::id())]);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| state.lock_run(Duration::from_secs(20), &hear).map(drop));
            std::thread::sleep(Duration::from_millis(120));
            drop(run);
            second.join().unwrap().unwrap();
        });
    }
}
