//! How much of a receipt is put back: each setting by itself, or whole accounts only.

use std::collections::BTreeSet;

use super::fate::Fate;
use super::receipt::LEFT_WITH_ANOTHER;
use super::record::Step;
use crate::change::Slot;
use crate::formats::FileFormat;

/// What is put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PutBack {
    /// Each setting that holds what port26 wrote: what was written a moment ago is taken back as far as it can be.
    EachSetting,
    /// Whole accounts. Those of the receipt with these places in it are left.
    WholeAccounts(BTreeSet<usize>),
}

impl PutBack {
    /// Leaves, of the settings that could be put back, those of accounts that stay.
    pub(super) fn leave(&self, settings: &[Step], fates: &mut [Fate]) {
        let Self::WholeAccounts(torn) = self else { return };
        let mut torn = torn.clone();
        torn.extend(torn_accounts(settings, fates));
        // Accounts may share a setting: who is left keeps it, and so is the other.
        loop {
            let mut more = BTreeSet::new();
            for (step, fate) in settings.iter().zip(fates.iter_mut()) {
                if *fate == Fate::Restored && step.accounts.iter().any(|account| torn.contains(account)) {
                    *fate = Fate::Leftover(LEFT_WITH_ANOTHER.to_owned());
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
pub(super) fn torn_accounts<'s>(settings: &'s [Step], fates: &'s [Fate]) -> impl Iterator<Item = usize> + 's {
    let of_server = |step: &Step| !matches!(step.change.slot, Slot::Setting { format: FileFormat::MozillaLogins, .. });
    let left =
        settings.iter().zip(fates).filter(move |(step, fate)| matches!(fate, Fate::Leftover(_)) && of_server(step));
    left.flat_map(|(step, _)| step.accounts.iter().copied())
}
