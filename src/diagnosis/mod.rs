//! Pure: what was seen -> why mail does not go out, with the evidence. Decides nothing about changes
//! except whether a verdict may lead to one; a verdict that is not sure never does.
//!
//! Where two causes fit, the earlier one wins: no network, then the name, then the path, then the host,
//! then login and sender.

mod between;
mod case;
pub mod certificate;
mod conclude;
mod host;
pub mod local;
pub mod login;
mod path;
mod says;
mod signs;
mod summary;
mod taken_back;
pub mod target;
mod verdict;
mod words;

pub use case::{Case, NetworkView, best_outcome};
pub(crate) use signs::only_inside_tls;
pub use signs::{denied_sender, offers_password, proves, service_down};
pub use taken_back::taken_back;
pub use verdict::{Verdict, VerdictCode};

use crate::probe::finding::{HostFindings, PortFinding};

/// The verdict on one account.
pub fn diagnose(case: Case<'_>) -> Verdict {
    let mut verdict = local::verdict(case)
        .or_else(|| path::verdict(case))
        .or_else(|| between::verdict(case))
        .or_else(|| host::verdict(case))
        .or_else(|| login::verdict(case))
        .unwrap_or_else(|| conclude::verdict(case, VerdictCode::Ok, words::not_asked(case)));
    if verdict.code != VerdictCode::Intercepted {
        verdict.evidence.extend(between::another_machine(case));
    }
    host::behind_a_local_root(case, &verdict).unwrap_or(verdict)
}

/// Port 25 of the host answers as somebody else might in its place, so unrelated hosts must be looked at.
pub fn in_doubt(host: &HostFindings) -> bool {
    between::in_doubt(host)
}

/// The names that answer on port 25 of the host and are not its own.
pub fn other_names(host: &HostFindings) -> Vec<String> {
    between::other_names(host)
}

/// What this port shows was vouched for by this machine alone: a security program or an organisation reads along.
pub fn read_along(host: &HostFindings, finding: &PortFinding) -> bool {
    certificate::made_here(host, finding.tls.as_ref())
}

#[cfg(test)]
pub(crate) mod tests;
