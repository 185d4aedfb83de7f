//! An undo puts back accounts, whole: one of which somebody has changed a setting since stays as it is. A port that stays at
//! theirs, with encryption and login taken away beside it, would be an account that nobody ever set up.

use std::collections::BTreeSet;

use super::error::ApplyError;
use super::journal::Journal;
use super::overlay::Overlay;
use super::place::restore;
use super::put_back::{PutBack, torn_accounts};
use super::reach::Reach;
use super::record::Target;

/// The accounts of which every setting holds what port26 wrote, or what was there before. Nothing is written.
pub(super) fn whole_accounts(reach: Reach, journal: &Journal) -> Result<PutBack, ApplyError> {
    let mut torn = BTreeSet::new();
    // All settings of a program that is asked are one intent, and are looked at where they are put back.
    let asked = |target: &Target| matches!(target, Target::Script { .. });
    let intents: Vec<_> = journal.intents.iter().filter(|intent| !asked(&intent.target)).collect();
    while intents.len() > 1 {
        let so_far = torn.len();
        let memory = Overlay::over(reach.store);
        let looking = Reach { store: &memory, editors: reach.editors };
        for intent in &intents {
            let outcome = restore(looking, intent, "", &PutBack::WholeAccounts(torn.clone()))
                .map_err(|error| ApplyError::Write(error.source))?;
            torn.extend(torn_accounts(&intent.settings, &outcome.fates));
        }
        if torn.len() == so_far {
            break;
        }
    }
    Ok(PutBack::WholeAccounts(torn))
}
