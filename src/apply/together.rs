//! An undo puts back accounts, whole, and so does the next start with what a stopped run has begun: one of which somebody has
//! changed a setting since stays as it is. A port that stays at theirs, with encryption and login taken away beside it, would
//! be an account that nobody ever set up.

use std::collections::BTreeSet;

use super::error::ApplyError;
use super::fate::Outcome;
use super::journal::Journal;
use super::overlay::Overlay;
use super::place::restore;
use super::put_back::{PutBack, torn_accounts};
use super::reach::Reach;
use super::record::Intent;

/// The accounts of which every setting holds what port26 wrote, or what was there before; of those at these places it is known
/// already that they stay. Nothing is written.
pub(super) fn whole_accounts(reach: Reach, journal: &Journal, known: BTreeSet<usize>) -> Result<PutBack, ApplyError> {
    let mut torn = known;
    // What is one intent is looked at where it is put back; a program that is asked is not asked twice.
    while journal.intents.len() > 1 {
        let so_far = torn.len();
        for (intent, outcome) in in_memory(reach, journal, &PutBack::WholeAccounts(torn.clone()))? {
            torn.extend(torn_accounts(&intent.settings, &outcome.fates));
        }
        if torn.len() == so_far {
            break;
        }
    }
    Ok(PutBack::WholeAccounts(torn))
}

/// What would become of each intent, last first. Nothing is written.
pub(super) fn in_memory<'j>(
    reach: Reach,
    journal: &'j Journal,
    what: &PutBack,
) -> Result<Vec<(&'j Intent, Outcome)>, ApplyError> {
    let memory = Overlay::over(reach.store);
    let looking = Reach { store: &memory, editors: reach.editors };
    let one = |intent: &'j Intent| match restore(looking, intent, "", what) {
        Ok(outcome) => Ok((intent, outcome)),
        Err(error) => Err(ApplyError::Write(error.source)),
    };
    journal.intents.iter().rev().map(one).collect()
}
