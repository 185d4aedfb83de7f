//! A verdict that was given and does not hold: the port answers after all.

use super::summary;
use super::verdict::{Verdict, VerdictCode};
use super::words;
use crate::probe::finding::ControlFinding;

/// The verdict once the port that was silent has answered `again`.
pub fn taken_back(verdict: Verdict, again: &ControlFinding) -> Verdict {
    let mut evidence = verdict.evidence;
    evidence.push(words::repeat(again));
    let summary = summary::answers_now_and_then(&again.host, again.port);
    Verdict { code: VerdictCode::Uncertain, summary, evidence }
}
