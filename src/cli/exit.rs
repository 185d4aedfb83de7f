//! Exit codes, the contract of scripts: the first that fits in the order 2, 1, 5, 6, 4, 3, 0.

use crate::clients::Problem;
use crate::plan::Outcome;

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

    /// The code for what was named on the command line, or lies in the home that was, and could not be read. A mail program's
    /// own troubles are told and fail nothing that only looks.
    pub fn of_named(problems: &[Problem]) -> Self {
        if problems.iter().any(|problem| problem.client.is_none()) { Self::Failed } else { Self::Done }
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
}
