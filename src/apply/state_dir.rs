//! The state folder: where the receipts are, how they are named, and the lock that lets one writer in.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan, civil::DateTime};
use port26_platform::files::{FileError, open_private, private_dir, read_private};

use super::error::ApplyError;
use super::folder::id_of;
use super::receipt::ReceiptId;

const NAME_FORMAT: &str = "%Y%m%dT%H%M%SZ";

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

    /// Names of all receipts, oldest first.
    fn ids(&self) -> Result<Vec<ReceiptId>, ApplyError> {
        Ok(self.entries()?.iter().filter_map(|path| id_of(path, "jsonl")).collect())
    }

    /// A name after all that are there, even if the clock was set back.
    pub(super) fn next_id(&self) -> Result<ReceiptId, ApplyError> {
        self.forget_begun();
        let now = ReceiptId(format!("{}-0001", Timestamp::now().strftime(NAME_FORMAT)));
        Ok(match self.ids()?.pop() {
            Some(newest) if newest >= now => after(&newest).unwrap_or(now),
            _ => now,
        })
    }
}

/// Is it a name as we give it?
pub(super) fn is_id(name: &str) -> bool {
    let Some((time, count)) = name.rsplit_once('-') else { return false };
    let is_count = count.len() == 4 && count.bytes().all(|digit| digit.is_ascii_digit());
    is_count && DateTime::strptime(NAME_FORMAT, time).is_ok()
}

fn after(id: &ReceiptId) -> Option<ReceiptId> {
    let (time, count) = id.0.rsplit_once('-')?;
    let count: u32 = count.parse().ok()?;
    if count < 9999 {
        return Some(ReceiptId(format!("{time}-{:04}", count + 1)));
    }
    let later = DateTime::strptime(NAME_FORMAT, time).ok()?.checked_add(1.second()).ok()?;
    Some(ReceiptId(format!("{}-0001", later.strftime(NAME_FORMAT))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_rise_even_when_the_clock_was_set_back_or_the_count_is_full() {
        let id = |text: &str| ReceiptId(text.to_owned());
        assert_eq!(after(&id("20261123T235901Z-0001")), Some(id("20261123T235901Z-0002")));
        assert_eq!(after(&id("20261123T235959Z-9999")), Some(id("20261124T000000Z-0001")));
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().into(), Duration::ZERO);
        let _lock = state.lock().unwrap();
        std::fs::write(state.journal_path(&id("29990101T000000Z-0007")), "").unwrap();
        assert_eq!(state.next_id().unwrap(), id("29990101T000000Z-0008"));
    }

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

    #[test]
    fn a_receipt_that_cannot_be_read_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().into(), Duration::ZERO);
        std::fs::create_dir_all(state.journal_path(&ReceiptId("20261123T235901Z-0001".to_owned()))).unwrap();
        let (unfinished, unbelieved) = state.unfinished().unwrap();
        assert_eq!((unfinished.len(), unbelieved.len()), (0, 1));
    }

    #[test]
    fn a_receipt_name_does_not_lead_out_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("evil.jsonl"), "x\n").unwrap();
        let state = StateDir::new(dir.path().into(), Duration::ZERO);
        assert!(state.load(&ReceiptId("../evil".to_owned())).unwrap().is_none());
    }
}
