//! From settings to writes: everything that goes into one file is one write, everything in the live registry
//! another, and everything in one scriptable program a third. Compares each setting with what the plan saw, makes the edits in memory, and keeps the way back;
//! nothing is written here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use port26_platform::registry::ValueWrite;
use port26_platform::scripts::{App, ObjectWrite};

use super::error::ApplyError;
use super::fingerprint::fingerprint;
use super::reach::Reach;
use super::receipt::{ReceiptId, Transaction};
use super::record::{FileEdit, Intent, Step, Target};
use super::script::{self, NewPassword};
use super::{slots, splice};
use crate::change::{Change, Content, Slot};
use crate::formats::FileFormat;

/// A write, ready to be made, and the journal's record of it.
pub(super) struct Prepared {
    pub intent: Intent,
    pub write: Write,
}

pub(super) enum Write {
    File { old: Vec<u8>, new: Vec<u8> },
    Values(Vec<ValueWrite>),
    Properties(Vec<ObjectWrite>),
}

/// Where a group of settings is written.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Place {
    File(PathBuf, FileFormat),
    Registry,
    Program(App),
}

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
        let group = match place {
            Place::File(path, format) => prepare_file(reach, &path, format, id.temp_name(n), n, steps)?,
            Place::Registry => prepare_registry(reach, n, steps)?,
            Place::Program(app) => script::prepare(reach, &app, n, steps, passwords)?,
        };
        prepared.extend(group);
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
            let place = place_of(change, registry_file.as_deref())?;
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

fn place_of(change: &Change, registry_file: Option<&Path>) -> Result<Place, ApplyError> {
    let fits = |content: &Option<Content>| match (&change.slot, content) {
        (_, None) => true,
        (Slot::Registry { .. }, Some(content)) => matches!(content, Content::Registry(_)),
        (Slot::Setting { .. } | Slot::Script { .. }, Some(content)) => matches!(content, Content::Raw(_)),
        _ => false,
    };
    match &change.slot {
        Slot::Setting { file, format, .. } if fits(&change.before) && fits(&change.after) => {
            Ok(Place::File(file.clone(), *format))
        }
        Slot::Registry { .. } if fits(&change.before) && fits(&change.after) => {
            Ok(registry_file.map_or(Place::Registry, |file| Place::File(file.to_owned(), FileFormat::RegFile)))
        }
        Slot::Script { app, .. } if fits(&change.before) && fits(&change.after) => Ok(Place::Program(app.clone())),
        _ => Err(ApplyError::NotWritable { slot: Box::new(change.slot.clone()) }),
    }
}

fn prepare_file(
    reach: Reach,
    path: &Path,
    format: FileFormat,
    temp: String,
    n: u32,
    settings: Vec<Step>,
) -> Result<Option<Prepared>, ApplyError> {
    let in_format = |source| ApplyError::Format { file: path.to_owned(), source };
    let old = reach
        .store
        .read_file(path)
        .map_err(ApplyError::Read)?
        .ok_or_else(|| ApplyError::Missing { file: path.to_owned() })?;
    let mut doc = reach.editors.open(format, &old).map_err(in_format)?;
    for Step { change, .. } in &settings {
        if slots::read(doc.as_ref(), reach.editors, &change.slot).map_err(in_format)? != change.before {
            return Err(ApplyError::Changed { slot: Box::new(change.slot.clone()) });
        }
    }
    for Step { change, .. } in &settings {
        slots::write(doc.as_mut(), reach.editors, &change.slot, change.after.as_ref()).map_err(in_format)?;
    }
    let new = doc.to_bytes();
    let reread = reach.editors.open(format, &new).map_err(in_format)?;
    for Step { change, .. } in &settings {
        if slots::read(reread.as_ref(), reach.editors, &change.slot).map_err(in_format)? != change.after {
            return Err(ApplyError::NotTaken { slot: Box::new(change.slot.clone()) });
        }
    }
    if new == old {
        return Ok(None);
    }
    let splices = splice::between(&old, &new);
    if splice::revert(&new, &splices).as_deref() != Some(&old) {
        return Err(ApplyError::Irreversible { file: path.to_owned() });
    }
    let edit = FileEdit {
        path: path.to_owned(),
        format,
        before_sha256: fingerprint(&old),
        after_sha256: fingerprint(&new),
        before_len: old.len(),
        after_len: new.len(),
        splices,
        temp,
    };
    Ok(Some(Prepared { intent: Intent { n, target: Target::File(edit), settings }, write: Write::File { old, new } }))
}

fn prepare_registry(reach: Reach, n: u32, settings: Vec<Step>) -> Result<Option<Prepared>, ApplyError> {
    let mut writes = Vec::with_capacity(settings.len());
    for Step { change, .. } in &settings {
        let Slot::Registry { key, value } = &change.slot else { continue };
        let now = reach.store.read_value(key, value).map_err(ApplyError::Read)?.map(Content::Registry);
        if now != change.before {
            return Err(ApplyError::Changed { slot: Box::new(change.slot.clone()) });
        }
        if change.before != change.after {
            writes.extend(value_write(&change.slot, change.after.as_ref()));
        }
    }
    if writes.is_empty() {
        return Ok(None);
    }
    Ok(Some(Prepared { intent: Intent { n, target: Target::Registry, settings }, write: Write::Values(writes) }))
}

/// The write that makes a registry slot hold this content.
pub(super) fn value_write(slot: &Slot, content: Option<&Content>) -> Option<ValueWrite> {
    let Slot::Registry { key, value } = slot else { return None };
    let content = match content {
        None => None,
        Some(Content::Registry(value)) => Some(value.clone()),
        Some(_) => return None,
    };
    Some(ValueWrite { key: key.clone(), value: value.clone(), content })
}
