//! A tested account: what was seen of it, and what shall be done.

use std::net::IpAddr;

use crate::account::{Account, Notice, SubmissionServer};
use crate::clients::client_name;
use crate::codes::code_of;
use crate::credentials::{Credential, Origin};
use crate::diagnosis::Verdict;
use crate::plan::{Decision, Outcome, Reason};
use crate::report::AccountReport;

/// A tested account: what was seen of it and what shall be done.
pub struct Tested {
    /// What is told.
    pub report: AccountReport,
    /// What shall be done.
    pub decision: Decision,
    /// The password that the server accepted, to be kept once the account is moved.
    pub accepted: Option<Credential>,
    /// What is told if nobody agrees to the move: it goes to another name of the host.
    pub consent: Option<Reason>,
    /// Its present settings were tried with a login, and the host took it.
    pub logged_in: bool,
    /// Addresses of its host that have answered in this run.
    pub answered: Vec<IpAddr>,
    /// The wait for its own port was cut short by a witness: it is knocked at once more before anything is written.
    pub short_wait: bool,
}

impl Tested {
    pub(super) fn left(account: Account, verdict: Option<Verdict>, outcome: Outcome, reason: Reason) -> Self {
        let mut report = AccountReport::found(account).with_result(outcome, reason.clone());
        report.verdict = verdict;
        let decision = Decision::Leave { outcome, reason };
        Self {
            report,
            decision,
            accepted: None,
            consent: None,
            logged_in: false,
            answered: Vec::new(),
            short_wait: false,
        }
    }

    /// Moved for this reason, where there is one besides the verdict. What is left keeps its own.
    pub(super) fn because(mut self, why: Option<Reason>) -> Self {
        if let (Decision::Move { .. }, Some(why), Some(reason)) = (&self.decision, why, &mut self.report.reason) {
            (reason.code, reason.message) = (why.code, why.message);
        }
        self
    }
}

pub(super) fn moved(account: Account, verdict: Verdict, to: SubmissionServer, accepted: Option<Credential>) -> Tested {
    let proven = match &accepted {
        Some(_) => format!("Port {} of {} works with a login.", to.port, to.host),
        None => format!(
            "Port {} of {} is encrypted and offers a login. The login was not tried, since only {} has the password.",
            to.port,
            to.host,
            client_name(&account)
        ),
    };
    let reason = Reason::new(code_of(&verdict.code), verdict.summary.clone(), proven);
    let mut report = AccountReport::found(account).with_result(Outcome::WouldFix, reason);
    if accepted.as_ref().is_some_and(|credential| credential.origin == Origin::Borrowed) {
        let message = format!("The login was proven with the password that {} keeps.", client_name(&report.account));
        report.account.notices.push(Notice { code: "password_borrowed".to_owned(), message });
    }
    report.before = Some(report.account.outgoing.clone());
    report.after = Some(to.clone());
    report.verdict = Some(verdict);
    Tested {
        report,
        decision: Decision::Move { to, because: None },
        accepted,
        consent: None,
        logged_in: false,
        answered: Vec::new(),
        short_wait: false,
    }
}
