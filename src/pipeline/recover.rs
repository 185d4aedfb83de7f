//! What comes before any setting is read: the turn of this run, and what an interrupted run has left.

use std::time::Duration;

use super::keeps::Keeps;
use super::tools::WriterKit;
use crate::apply::{ApplyError, Recovery, RecoveryOutcome, RunTurn, Writer, in_words};
use crate::report::Report;
use crate::shown::Shown;

/// Another run at a terminal may wait for an answer of its user; this long is waited for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for the turn of this run, before any settings are read. A run that writes nothing needs none. `waiting` hears
/// whom it waits for.
pub(super) fn begin_turn(kit: &WriterKit, keeps: Keeps, waiting: &dyn Fn(&str)) -> Result<Option<RunTurn>, ApplyError> {
    if keeps == Keeps::Nothing {
        return Ok(None);
    }
    let told = |holder: &str| {
        tracing::info!("waiting for {holder}");
        waiting(holder);
    };
    kit.writer().begin_run(PATIENCE, &told).map(Some)
}

/// Puts right what an interrupted run left, or only says that there is something.
pub(super) fn recover(writer: &Writer<'_>, keeps: Keeps, report: &mut Report) -> Result<Recovery, ApplyError> {
    match keeps {
        Keeps::State => {
            let recovery = writer.recover()?;
            report.recovered = recovery_words(&recovery);
            Ok(recovery)
        }
        Keeps::Nothing => {
            let cut_off = writer.interrupted()?.into_iter();
            report.interrupted =
                cut_off.map(|one| format!("{} ({})", Shown(&one.profile), Shown(&one.receipt.0))).collect();
            Ok(Recovery::default())
        }
    }
}

/// What an interrupted run left, and what became of it.
fn recovery_words(recovery: &Recovery) -> Vec<String> {
    let settled = recovery.recovered.iter().map(|one| {
        let what = match &one.outcome {
            RecoveryOutcome::PutBack { left, .. } if left.is_empty() => "put back as it was".to_owned(),
            RecoveryOutcome::PutBack { left, .. } => {
                let which: Vec<String> = left.iter().map(|left| in_words(&left.slot)).collect();
                format!("put back, except what another program changed since: {}", which.join(", "))
            }
            RecoveryOutcome::Waiting { error } => format!("still to be put back: {error}"),
            RecoveryOutcome::Elsewhere => "belongs to another home folder".to_owned(),
        };
        format!("{} ({}): {what}", one.profile, one.receipt)
    });
    settled.collect()
}
