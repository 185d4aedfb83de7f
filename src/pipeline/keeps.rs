//! How far a run may go: whether somebody has agreed to what it changes, and whether it may leave anything behind.

/// What comes between a plan and its writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Whoever started the run is asked.
    AskFirst,
    /// It was agreed to beforehand (`--yes`, `--silent`).
    Agreed,
    /// Nothing is written, to settings, keychain or state (`--dry-run`).
    DryRun,
}

impl Consent {
    /// What the run may leave in the state folder.
    pub fn keeps(self) -> Keeps {
        if self == Self::DryRun { Keeps::Nothing } else { Keeps::State }
    }
}

/// What a run may leave in the state folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// What it has seen and done.
    State,
    /// Nothing (`--dry-run`).
    Nothing,
}
