//! Exit codes, the contract of scripts: the first that fits in the order 2, 1, 5, 6, 4, 3, 0.

use crate::clients::Problem;
use crate::plan::Outcome;
use crate::report::Report;

/// What somebody wanted of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To look (`scan`, `test`).
    ToLook,
    /// To change what cannot send (`fix`, `relay --use`, the agent).
    ToChange,
}

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing to do, or all done.
    Done,
    /// Something failed.
    Failed,
    /// The command line was wrong.
    Usage,
    /// Changes are pending (`test`, `--dry-run`).
    Pending,
    /// No port of some account gets through.
    NoRoute,
    /// A change was rolled back.
    RolledBack,
    /// The user is needed: client open, password missing, permission.
    NeedsUser,
}

impl Exit {
    /// The number the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Pending => 3,
            Self::NoRoute => 4,
            Self::RolledBack => 5,
            Self::NeedsUser => 6,
        }
    }

    /// What a run of port26 in another process ended with; anything else than our codes is a crash.
    pub fn from_code(code: u32) -> Self {
        let all = [Self::Done, Self::Usage, Self::Pending, Self::NoRoute, Self::RolledBack, Self::NeedsUser];
        all.into_iter().find(|exit| u32::from(exit.code()) == code).unwrap_or(Self::Failed)
    }

    /// The code for what became of all accounts.
    pub fn of(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        let rank = |exit: &Self| {
            [Self::Failed, Self::RolledBack, Self::NeedsUser, Self::NoRoute, Self::Pending, Self::Done]
                .iter()
                .position(|known| known == exit)
        };
        outcomes.into_iter().map(Self::one).min_by_key(rank).unwrap_or(Self::Done)
    }

    fn one(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Failed | Outcome::Conflict => Self::Failed,
            Outcome::Reverted => Self::RolledBack,
            Outcome::NeedsUser | Outcome::Deferred => Self::NeedsUser,
            Outcome::NoRoute => Self::NoRoute,
            Outcome::WouldFix | Outcome::WouldRevert => Self::Pending,
            Outcome::AlreadyWorks | Outcome::Fixed | Outcome::NotOurs | Outcome::Refused => Self::Done,
        }
    }

    /// How a run with this report ends; the one place where that is decided.
    ///
    /// What could not be read (`problems`) counts by what was asked for. A run that was to change settings leaves such an
    /// account as it is: that failed, or waits for its user where only they can put it right. A run that only looks has
    /// told it, and fails only if it is no mail program's own: a registry that was named, or that of the home that was.
    /// With accounts named, what is none of theirs (`beside`) is told and does not count.
    pub fn of_report(report: &Report, purpose: Purpose) -> Self {
        let outcomes = Self::of(report.accounts.iter().filter_map(|account| account.result));
        let of_problem = |problem: &Problem| match purpose {
            Purpose::ToChange if problem.is_for_the_user() => Self::NeedsUser,
            Purpose::ToChange => Self::Failed,
            Purpose::ToLook if problem.client.is_none() && !problem.is_of_a_receipt() => Self::Failed,
            Purpose::ToLook => Self::Done,
        };
        let counted = report.problems.iter().enumerate().filter(|(at, _)| !report.beside.contains(at));
        counted.map(|(_, problem)| of_problem(problem)).fold(outcomes, Self::worst)
    }

    /// The worse of two.
    pub fn worst(self, other: Self) -> Self {
        let order =
            [Self::Usage, Self::Failed, Self::RolledBack, Self::NeedsUser, Self::NoRoute, Self::Pending, Self::Done];
        order.into_iter().find(|exit| *exit == self || *exit == other).unwrap_or(Self::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::ClientId;

    #[test]
    fn the_first_that_fits_wins() {
        assert_eq!(Exit::of([Outcome::Fixed, Outcome::NoRoute, Outcome::NeedsUser]), Exit::NeedsUser);
        assert_eq!(Exit::of([Outcome::WouldFix, Outcome::NoRoute]), Exit::NoRoute);
        assert_eq!(Exit::of([Outcome::Reverted, Outcome::Failed]), Exit::Failed);
        assert_eq!(Exit::of([Outcome::Refused, Outcome::NotOurs]), Exit::Done);
        assert_eq!(Exit::of([]), Exit::Done);
        assert_eq!(Exit::Usage.worst(Exit::Failed), Exit::Usage);
        assert_eq!(Exit::Done.worst(Exit::Pending), Exit::Pending);
    }

    #[test]
    fn a_problem_counts_by_what_was_asked_for() {
        let problem = |client, code: &str| Problem {
            client,
            at: "ola@mailhub.example".to_owned(),
            code: code.to_owned(),
            message: String::new(),
            hint: String::new(),
        };
        let ends = |problems: &[Problem]| {
            let report = Report { problems: problems.to_vec(), ..Report::new("fix") };
            (Exit::of_report(&report, Purpose::ToLook), Exit::of_report(&report, Purpose::ToChange))
        };
        let (theirs, ours) = (
            problem(Some(ClientId::ClawsMail), "no_outgoing_server"),
            problem(Some(ClientId::ClawsMail), "unreadable"),
        );
        let named = problem(None, "unreadable_registry");
        assert_eq!(ends(&[]), (Exit::Done, Exit::Done));
        assert_eq!(
            ends(std::slice::from_ref(&theirs)),
            (Exit::Done, Exit::NeedsUser),
            "only its user can put it right"
        );
        assert_eq!(ends(&[theirs.clone(), ours]), (Exit::Done, Exit::Failed));
        assert_eq!(ends(&[theirs.clone(), named]), (Exit::Failed, Exit::Failed));
        assert_eq!(ends(&[problem(None, "receipt_damaged")]), (Exit::Done, Exit::Failed), "a look has no use for it");
        let others = Report { problems: vec![theirs], beside: [0].into(), ..Report::new("fix") };
        assert_eq!(Exit::of_report(&others, Purpose::ToChange), Exit::Done, "another account was named");
    }
}
