//! Puts a verdict together: its code, its sentence and the evidence.

use super::case::Case;
use super::summary::summary;
use super::verdict::{Verdict, VerdictCode};
use super::words::login;

/// Puts code, sentence and evidence together.
pub(super) fn verdict(case: Case<'_>, code: VerdictCode, mut evidence: Vec<String>) -> Verdict {
    if code == VerdictCode::Ok {
        evidence.extend(case.present.map(|present| {
            let name = present.last_ehlo().map(|ehlo| ehlo.name.as_str()).filter(|name| !name.is_empty());
            let name = name.map(|name| format!(" as {name}")).unwrap_or_default();
            format!("port {} answers{name} in {} ms", present.port, present.ms)
        }));
        evidence.extend(case.login.map(login).unwrap_or_default());
    }
    evidence.retain(|line| !line.is_empty());
    Verdict { code, summary: summary(case, code), evidence }
}
