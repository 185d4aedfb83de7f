//! Settings of scriptable programs (Apple Mail from 10.11, Outlook for Mac): all those of one program are one call to it,
//! which compares, sets and checks them together. What a property held is in the journal, but never a password: that is
//! set beside the others, and nothing can bring the old one back.

use port26_platform::scripts::{App, NewValue, ObjectKey, ObjectWrite, PropertySet};
use secrecy::SecretString;
use serde_json::Value;

use crate::apply::error::{ApplyError, StoreError};
use crate::apply::fate::{CHANGED_SINCE, Fate, NotRestored, Outcome, Wrote};
use crate::apply::put_back::PutBack;
use crate::apply::reach::Reach;
use crate::apply::record::Step;
use crate::change::{Change, Content, Slot};

/// A password that a program is to keep for its outgoing server. `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct NewPassword {
    /// The property that takes it: a [`Slot::Script`].
    pub slot: Slot,
    /// The password.
    pub secret: SecretString,
}

/// Properties, ready to be set.
pub(super) struct ProgramWrite {
    pub app: App,
    /// The objects that are given a password.
    pub given: Vec<ObjectKey>,
    writes: Vec<ObjectWrite>,
}

impl ProgramWrite {
    pub(super) fn make(&self, reach: Reach) -> Result<(), StoreError> {
        reach.store.write_properties(&self.app, &self.writes)
    }
}

/// What a slot's content is in a script's words; `Null` for nothing. `None`: it is no such content.
fn json(content: Option<&Content>) -> Option<Value> {
    match content {
        None => Some(Value::Null),
        Some(Content::Raw(text)) => serde_json::from_str(text).ok(),
        Some(_) => None,
    }
}

/// Compares every setting with what the plan saw, and makes the one call that sets them.
pub(super) fn prepare(
    reach: Reach,
    app: App,
    settings: &[Step],
    passwords: &[NewPassword],
) -> Result<Option<ProgramWrite>, ApplyError> {
    let changes: Vec<&Change> = settings.iter().map(|step| &step.change).collect();
    for (change, held) in changes.iter().zip(held(reach, &app, &changes).map_err(ApplyError::Read)?) {
        if held != change.before {
            return Err(ApplyError::Changed { slot: Box::new(change.slot.clone()) });
        }
    }
    let mut writes = Vec::new();
    for change in changes.iter().filter(|change| change.before != change.after) {
        queue_set(&mut writes, change)
            .ok_or_else(|| ApplyError::NotWritable { slot: Box::new(change.slot.clone()) })?;
    }
    let mut given = Vec::new();
    for NewPassword { slot, secret } in passwords {
        match slot {
            Slot::Script { app: of, object, property } if *of == app => {
                let value = NewValue::Secret(secret.clone());
                let set = PropertySet { property: property.clone(), expect: Value::Null, value };
                // Last: a program may keep it under the user name and the port that it has by then.
                of_object(&mut writes, object).set.push(set);
                given.push(object.clone());
            }
            _ => {}
        }
    }
    Ok((!writes.is_empty()).then_some(ProgramWrite { app, given, writes }))
}

/// What the settings hold now.
fn held(reach: Reach, app: &App, changes: &[&Change]) -> Result<Vec<Option<Content>>, StoreError> {
    let wanted: Vec<(&ObjectKey, &str)> = changes
        .iter()
        .filter_map(|change| match &change.slot {
            Slot::Script { object, property, .. } => Some((object, property.as_str())),
            _ => None,
        })
        .collect();
    let values = reach.store.read_properties(app, &wanted)?;
    Ok(values.into_iter().map(|value| value.map(|value| Content::Raw(value.to_string()))).collect())
}

fn queue_set(writes: &mut Vec<ObjectWrite>, change: &Change) -> Option<()> {
    let Slot::Script { object, property, .. } = &change.slot else { return None };
    let (expect, value) = (json(change.before.as_ref())?, NewValue::Open(json(change.after.as_ref())?));
    of_object(writes, object).set.push(PropertySet { property: property.clone(), expect, value });
    Some(())
}

fn of_object<'w>(writes: &'w mut Vec<ObjectWrite>, object: &ObjectKey) -> &'w mut ObjectWrite {
    let at = writes.iter().position(|write| write.object == *object).unwrap_or_else(|| {
        writes.push(ObjectWrite { object: object.clone(), set: Vec::new() });
        writes.len() - 1
    });
    &mut writes[at]
}

/// Puts the settings of an intent back.
pub(super) fn restore(reach: Reach, app: &App, settings: &[Step], what: &PutBack) -> Result<Outcome, NotRestored> {
    let back: Vec<Change> = settings.iter().map(|step| step.change.inverse()).collect();
    set_where_expected(reach, app, &back, |fates| what.leave(settings, fates))
}

/// The settings are again what they were before they were put back; one that somebody has changed since stays.
pub(super) fn write_again(reach: Reach, app: &App, back: &[Change]) -> Result<(), StoreError> {
    set_where_expected(reach, app, back, |_| {}).map(drop).map_err(|error| error.source)
}

/// Makes each change whose setting holds what it starts from; one that holds what it leads to is there already, and any
/// other stays. `leave` hears what could be made, and may take of it.
fn set_where_expected(
    reach: Reach,
    app: &App,
    changes: &[Change],
    leave: impl FnOnce(&mut [Fate]),
) -> Result<Outcome, NotRestored> {
    let held = held(reach, app, &changes.iter().collect::<Vec<_>>())?;
    let could = |(change, held): (&Change, Option<Content>)| {
        if held == change.after {
            Fate::Already
        } else if held == change.before && queue_set(&mut Vec::new(), change).is_some() {
            Fate::Restored
        } else {
            Fate::Leftover(CHANGED_SINCE.to_owned())
        }
    };
    let mut fates: Vec<Fate> = changes.iter().zip(held).map(could).collect();
    leave(&mut fates);
    let (mut writes, mut made) = (Vec::new(), Vec::new());
    for (change, _) in changes.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Restored) {
        queue_set(&mut writes, change);
        made.push(change.inverse());
    }
    if writes.is_empty() {
        return Ok(Outcome { fates, wrote: None });
    }
    let wrote = Some(Wrote::Properties { app: app.clone(), back: made });
    match reach.store.write_properties(app, &writes) {
        Ok(()) => Ok(Outcome { fates, wrote }),
        Err(source) => Err(NotRestored { source, wrote: wrote.map(Box::new) }),
    }
}
