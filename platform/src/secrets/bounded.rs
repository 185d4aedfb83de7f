//! A blocking call with an end: it runs on a thread of its own, and the caller stops waiting after a while.
//! The thread cannot be stopped; it is counted until it comes back, so that nobody queues up behind it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How many calls were left waiting and have not come back.
#[derive(Debug, Default)]
pub(super) struct Unanswered(AtomicUsize);

impl Unanswered {
    pub(super) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    pub(super) fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

/// Why there is no result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoResult {
    /// The time is over.
    TooLate,
    /// The call panicked, or the thread could not be started.
    Broke,
}

enum Slot<T> {
    Waiting,
    Ready(Option<T>),
    Abandoned,
}

/// Runs `work` and waits for it no longer than `limit`. A result that comes too late is dropped.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    unanswered: &'static Unanswered,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoResult> {
    let shared = Arc::new((Mutex::new(Slot::Waiting), Condvar::new()));
    let theirs = Arc::clone(&shared);
    std::thread::Builder::new()
        .name("keychain".into())
        .spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(work)).ok();
            let (slot, ready) = &*theirs;
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if matches!(*slot, Slot::Abandoned) {
                unanswered.0.fetch_sub(1, Ordering::AcqRel);
            } else {
                *slot = Slot::Ready(result);
                ready.notify_one();
            }
        })
        .map_err(|_| NoResult::Broke)?;

    let (slot, ready) = &*shared;
    let slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut slot, _) = ready
        .wait_timeout_while(slot, limit, |slot| matches!(slot, Slot::Waiting))
        .unwrap_or_else(PoisonError::into_inner);
    match std::mem::replace(&mut *slot, Slot::Abandoned) {
        Slot::Ready(Some(result)) => Ok(result),
        Slot::Ready(None) => Err(NoResult::Broke),
        Slot::Waiting | Slot::Abandoned => {
            unanswered.0.fetch_add(1, Ordering::AcqRel);
            Err(NoResult::TooLate)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_quick_answer_is_handed_over() {
        static UNANSWERED: Unanswered = Unanswered::new();
        assert_eq!(within(Duration::from_secs(5), &UNANSWERED, || 26), Ok(26));
        assert!(!UNANSWERED.any());
    }

    #[test]
    fn a_call_that_hangs_is_left_and_counted_until_it_returns() {
        static UNANSWERED: Unanswered = Unanswered::new();
        let (release, held) = mpsc::channel::<()>();
        let start = Instant::now();
        let result = within(Duration::from_millis(30), &UNANSWERED, move || held.recv().is_ok());
        assert_eq!(result, Err(NoResult::TooLate));
        assert!(start.elapsed() < Duration::from_secs(3), "waited {:?}", start.elapsed());
        assert!(UNANSWERED.any());

        release.send(()).unwrap();
        while UNANSWERED.any() {
            assert!(start.elapsed() < Duration::from_secs(10), "the call came back and was not counted off");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_panic_is_an_answer_at_once() {
        static UNANSWERED: Unanswered = Unanswered::new();
        let start = Instant::now();
        let result: Result<(), _> = within(Duration::from_secs(30), &UNANSWERED, || panic!("invented"));
        assert_eq!(result, Err(NoResult::Broke));
        assert!(start.elapsed() < Duration::from_secs(10));
        assert!(!UNANSWERED.any());
    }
}
