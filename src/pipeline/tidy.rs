//! The end of a run that writes: receipts that nothing can be undone by any more are removed when their time is over
//! (the policy's `keep_receipts_days`).

use jiff::Timestamp;

use super::keeps::Keeps;
use crate::apply::Writer;
use crate::policy::Policy;

/// What cannot be removed stays, and is no reason to fail.
pub(super) fn tidy(writer: &Writer<'_>, policy: &Policy, keeps: Keeps) {
    if keeps == Keeps::Nothing {
        return;
    }
    match writer.prune(policy.keep_receipts_days.value, Timestamp::now()) {
        Ok(removed) if removed.is_empty() => {}
        Ok(removed) => tracing::info!("{} old receipts were removed", removed.len()),
        Err(error) => tracing::warn!("old receipts were not removed: {error}"),
    }
}
