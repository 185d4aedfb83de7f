//! Settings in the live registry: all of them are one write, value by value. A `.reg` file is a file.

use port26_platform::registry::ValueWrite;

use crate::apply::error::{ApplyError, StoreError};
use crate::apply::fate::{CHANGED_SINCE, Fate, NotRestored, Outcome, Wrote};
use crate::apply::put_back::PutBack;
use crate::apply::reach::Reach;
use crate::apply::record::Step;
use crate::change::{Content, Slot};

/// Values, ready to be written.
pub(super) struct RegistryWrite {
    writes: Vec<ValueWrite>,
}

impl RegistryWrite {
    pub(super) fn make(&self, reach: Reach) -> Result<(), StoreError> {
        reach.store.write_values(&self.writes)
    }
}

/// Compares each value with what the plan saw.
pub(super) fn prepare(reach: Reach, settings: &[Step]) -> Result<Option<RegistryWrite>, ApplyError> {
    let mut writes = Vec::with_capacity(settings.len());
    for Step { change, .. } in settings {
        let Slot::Registry { key, value } = &change.slot else { continue };
        let now = reach.store.read_value(key, value).map_err(ApplyError::Read)?.map(Content::Registry);
        if now != change.before {
            return Err(ApplyError::Changed { slot: Box::new(change.slot.clone()) });
        }
        if change.before != change.after {
            writes.extend(value_write(&change.slot, change.after.as_ref()));
        }
    }
    Ok((!writes.is_empty()).then_some(RegistryWrite { writes }))
}

/// Puts back each value that holds what port26 wrote.
pub(super) fn restore(reach: Reach, settings: &[Step], what: &PutBack) -> Result<Outcome, NotRestored> {
    let mut fates = Vec::with_capacity(settings.len());
    for Step { change, .. } in settings {
        let Slot::Registry { key, value } = &change.slot else {
            fates.push(Fate::Already);
            continue;
        };
        let held = reach.store.read_value(key, value)?.map(Content::Registry);
        fates.push(if held == change.before {
            Fate::Already
        } else if held == change.after {
            Fate::Restored
        } else {
            Fate::Leftover(CHANGED_SINCE.to_owned())
        });
    }
    what.leave(settings, &mut fates);
    let (mut writes, mut were) = (Vec::new(), Vec::new());
    for (Step { change, .. }, _) in settings.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Restored) {
        writes.extend(value_write(&change.slot, change.before.as_ref()));
        were.extend(value_write(&change.slot, change.after.as_ref()));
    }
    if writes.is_empty() {
        return Ok(Outcome { fates, wrote: None });
    }
    let wrote = Some(Wrote::Values { were });
    match reach.store.write_values(&writes) {
        Ok(()) => Ok(Outcome { fates, wrote }),
        Err(source) => Err(NotRestored { source, wrote: wrote.map(Box::new) }),
    }
}

/// The values are again what they were before they were put back.
pub(super) fn write_again(reach: Reach, were: &[ValueWrite]) -> Result<(), StoreError> {
    reach.store.write_values(were)
}

/// The write that makes a registry slot hold this content.
pub(in crate::apply) fn value_write(slot: &Slot, content: Option<&Content>) -> Option<ValueWrite> {
    let Slot::Registry { key, value } = slot else { return None };
    let content = match content {
        None => None,
        Some(Content::Registry(value)) => Some(value.clone()),
        Some(_) => return None,
    };
    Some(ValueWrite { key: key.clone(), value: value.clone(), content })
}
