//! An undo puts back accounts, whole: one of which somebody has changed a setting since stays as it is. A port that stays at
//! theirs, with encryption and login taken away beside it, would be an account that nobody ever set up.

use std::collections::BTreeSet;

use super::error::ApplyError;
use super::group::Tools;
use super::journal::{Journal, Step, Target};
use super::preview::Overlay;
use super::restore::{Fate, restore};
use crate::change::Slot;
use crate::formats::FileFormat;

/// Why a setting that nobody has changed is left.
pub(super) const LEFT_WITH_ANOTHER: &str = "it is left with another setting of its account, which was changed since";

/// What is put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PutBack {
    /// Each setting that holds what port26 wrote: what a stopped run has begun is taken back as far as it can be.
    EachSetting,
    /// Whole accounts. Those of the receipt with these places in it are left.
    WholeAccounts(BTreeSet<usize>),
}

impl PutBack {
    /// The accounts of which every setting holds what port26 wrote, or what was there before. Nothing is written.
    pub(super) fn whole_accounts(tools: Tools, journal: &Journal) -> Result<Self, ApplyError> {
        let mut torn = BTreeSet::new();
        // All settings of a program that is asked are one intent, and are looked at where they are put back.
        let asked = |target: &Target| matches!(target, Target::Script { .. });
        let intents: Vec<_> = journal.intents.iter().filter(|intent| !asked(&intent.target)).collect();
        while intents.len() > 1 {
            let so_far = torn.len();
            let memory = Overlay::over(tools.store);
            let looking = Tools { store: &memory, editors: tools.editors };
            for intent in &intents {
                let outcome = restore(looking, intent, "", &Self::WholeAccounts(torn.clone()))
                    .map_err(|error| ApplyError::Write(error.source))?;
                torn.extend(of_left(&intent.settings, &outcome.fates));
            }
            if torn.len() == so_far {
                break;
            }
        }
        Ok(Self::WholeAccounts(torn))
    }

    /// Leaves, of the settings that could be put back, those of accounts that stay.
    pub(super) fn leave(&self, settings: &[Step], fates: &mut [Fate]) {
        let Self::WholeAccounts(torn) = self else { return };
        let mut torn = torn.clone();
        torn.extend(of_left(settings, fates));
        // Accounts may share a setting: who is left keeps it, and so is the other.
        loop {
            let mut more = BTreeSet::new();
            for (step, fate) in settings.iter().zip(fates.iter_mut()) {
                if *fate == Fate::Restored && step.accounts.iter().any(|account| torn.contains(account)) {
                    *fate = Fate::Left(LEFT_WITH_ANOTHER.to_owned());
                    more.extend(step.accounts.iter().copied());
                }
            }
            if more.is_subset(&torn) {
                return;
            }
            torn.extend(more);
        }
    }

    /// Is an account that stays among those of these settings?
    pub(super) fn leaves_any_of(&self, settings: &[Step]) -> bool {
        match self {
            Self::EachSetting => false,
            Self::WholeAccounts(torn) => settings.iter().flat_map(|step| &step.accounts).any(|one| torn.contains(one)),
        }
    }
}

/// The accounts with a setting that was left. A saved login that the program has changed since (a new password) is none: it
/// says nothing of the server.
fn of_left<'s>(settings: &'s [Step], fates: &'s [Fate]) -> impl Iterator<Item = usize> + 's {
    let of_server = |step: &Step| !matches!(step.change.slot, Slot::Setting { format: FileFormat::MozillaLogins, .. });
    let left = settings.iter().zip(fates).filter(move |(step, fate)| matches!(fate, Fate::Left(_)) && of_server(step));
    left.flat_map(|(step, _)| step.accounts.iter().copied())
}
