//! Between verdict and writing: a port whose wait was cut short by a witness is knocked at once more, and if it answers the
//! verdict is taken back. It may have been away for a moment only.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use super::Tools;
use super::fixing::Fixing;
use super::ports::probe_mode;
use crate::account::Account;
use crate::codes::code_of;
use crate::diagnosis::taken_back;
use crate::plan::{self, Outcome, Reason};
use crate::probe::finding::{Connect, ControlFinding, HostFindings};
use crate::probe::silence::BEFORE_WRITING;

/// The account's own port was silent, and was not knocked at a second time.
pub(super) fn after_a_short_wait(seen: &HostFindings, account: &Account) -> bool {
    let own = (account.outgoing.port, probe_mode(account));
    let present = seen.ports.iter().filter(|port| (port.port, port.tls_mode) == own && !port.connected());
    let silent = present.flat_map(|port| &port.attempts).any(|attempt| attempt.outcome == Connect::Silent);
    silent && !seen.repeats.iter().any(|again| again.port == own.0)
}

/// Knocks once more at the own ports of accounts that are about to be written, all at once. What answers is left as it is.
pub(super) async fn knock_before_writing(tools: &Tools, mut fixing: Vec<Fixing>) -> Vec<Fixing> {
    let own = |one: &Fixing| (one.report.account.outgoing.host.to_lowercase(), one.report.account.outgoing.port);
    let doors: BTreeSet<(String, u16)> = fixing.iter().filter(|one| one.short_wait && one.writes()).map(own).collect();
    let knocks = doors.iter().map(|(host, port)| tools.prober.knock_again(host, *port, BEFORE_WRITING));
    let answers: BTreeMap<&(String, u16), ControlFinding> = doors.iter().zip(join_all(knocks).await).collect();
    for one in fixing.iter_mut().filter(|one| one.short_wait && one.writes()) {
        let answer = answers.get(&own(one)).filter(|again| again.outcome == Connect::Open);
        if let Some((again, verdict)) = answer.zip(one.report.verdict.clone()) {
            let verdict = taken_back(verdict, again);
            let reason = Reason::new(code_of(&verdict.code), verdict.summary.clone(), plan::hint(verdict.code));
            one.report.verdict = Some(verdict);
            one.settle(Outcome::Refused, reason);
            (one.report.before, one.report.after, one.to, one.accepted) = (None, None, None, None);
        }
    }
    fixing
}
