//! A fault of port26 itself ends what was begun as an error does, not the process: the terminal is told, and the agent's
//! next look begins anew.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// port26 itself came upon something that it does not expect.
#[derive(Debug, thiserror::Error)]
#[error("port26 has a fault and stopped: {what}")]
pub struct Panicked {
    what: String,
}

/// Runs it; a panic in it is an error like any other.
pub fn caught<T, E: From<Panicked>>(run: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    // What was in the middle of something is not used again: the process ends, or the agent's next look begins anew.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        let what = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let what = what.or_else(|| payload.downcast_ref::<String>().cloned());
        Err(Panicked { what: what.unwrap_or_else(|| "no reason was given".to_owned()) }.into())
    })
}
