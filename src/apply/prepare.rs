//! From settings to writes: everything that goes into one file is one write, everything in the live registry another, and
//! everything in one scriptable program a third. Nothing is written here.

use std::collections::HashMap;

use super::error::ApplyError;
use super::place::{NewPassword, Place, Prepared};
use super::reach::Reach;
use super::receipt::{ReceiptId, Transaction};
use super::record::Step;
use crate::change::Slot;

/// Makes all the writes of a transaction in memory. An error means that nothing was or will be written.
pub(super) fn prepare(
    reach: Reach,
    id: &ReceiptId,
    wanted: &Transaction,
    passwords: &[NewPassword],
) -> Result<Vec<Prepared>, ApplyError> {
    let mut prepared = Vec::new();
    for (place, steps) in by_place(reach, wanted)? {
        let n = u32::try_from(prepared.len()).unwrap_or(u32::MAX);
        prepared.extend(place.prepare(reach, (id, n), steps, passwords)?);
    }
    Ok(prepared)
}

/// The settings in the order they first appear, each once.
fn by_place(reach: Reach, wanted: &Transaction) -> Result<Vec<(Place, Vec<Step>)>, ApplyError> {
    let registry_file = reach.store.registry_file();
    let mut groups: Vec<(Place, Vec<Step>)> = Vec::new();
    let mut group_of: HashMap<Place, usize> = HashMap::new();
    let mut seen: HashMap<&Slot, (usize, usize)> = HashMap::new();
    for (account, part) in wanted.accounts.iter().enumerate() {
        for change in &part.changes {
            if let Some(&(group, at)) = seen.get(&change.slot) {
                let step = &mut groups[group].1[at];
                if step.change != *change {
                    return Err(ApplyError::Contradiction { slot: Box::new(change.slot.clone()) });
                }
                step.accounts.push(account);
                continue;
            }
            let place = Place::of(change, registry_file.as_deref())?;
            let group = *group_of.entry(place.clone()).or_insert_with(|| {
                groups.push((place, Vec::new()));
                groups.len() - 1
            });
            seen.insert(&change.slot, (group, groups[group].1.len()));
            groups[group].1.push(Step { accounts: vec![account], change: change.clone() });
        }
    }
    Ok(groups)
}
