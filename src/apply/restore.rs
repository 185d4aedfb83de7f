//! Putting back what one intent wrote, or would have written: the same for a failed write, for recovery after
//! a crash and for undo. It looks at what is there now, so it can be repeated and stopped at any point.

use port26_platform::files::FileError;

use super::error::StoreError;
use super::fate::{CHANGED_SINCE, Fate, NotRestored, Outcome, Wrote};
use super::fingerprint::fingerprint;
use super::group::value_write;
use super::put_back::PutBack;
use super::reach::Reach;
use super::record::{FileEdit, Intent, Step, Target};
use super::{script, slots, splice};
use crate::change::Content;
use crate::formats::FormatError;

/// Puts back the settings of an intent; `temp` names the file that a replacement goes through.
pub(super) fn restore(reach: Reach, intent: &Intent, temp: &str, what: &PutBack) -> Result<Outcome, NotRestored> {
    match &intent.target {
        Target::File(edit) => restore_file(reach, edit, &intent.settings, temp, what),
        Target::Registry => restore_values(reach, &intent.settings, what),
        Target::Script { app, .. } => script::restore(reach, app, &intent.settings, what),
    }
}

/// How often to start over when another program writes at the same moment.
const TRIES: usize = 3;

fn restore_file(
    reach: Reach,
    edit: &FileEdit,
    settings: &[Step],
    temp: &str,
    what: &PutBack,
) -> Result<Outcome, NotRestored> {
    let all = |fate: Fate| Outcome { fates: vec![fate; settings.len()], wrote: None };
    for temp in [edit.temp.as_str(), temp] {
        reach.store.clean_up(&edit.path, temp, &|bytes| edit.knows(bytes))?;
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let Some(now) = reach.store.read_file(&edit.path)? else {
            return Ok(all(Fate::Left("the file is gone".to_owned())));
        };
        let print = fingerprint(&now);
        if print == edit.before_sha256 {
            return Ok(all(Fate::Already));
        }
        let is_ours = print == edit.after_sha256 && !what.leaves_any_of(settings);
        let (bytes, fates) = match splice::revert(&now, &edit.splices) {
            Some(old) if is_ours && fingerprint(&old) == edit.before_sha256 => {
                (old, vec![Fate::Restored; settings.len()])
            }
            _ => match setting_by_setting(reach, edit, settings, &now, what) {
                Ok(restored) => restored,
                Err(error) => return Ok(all(Fate::Left(format!("the file can no longer be edited: {error}")))),
            },
        };
        if bytes == now {
            return Ok(Outcome { fates, wrote: None });
        }
        let replaced = reach.store.replace_file(&edit.path, &now, &bytes, temp);
        let wrote = Some(Wrote::File { path: edit.path.clone(), was: now, is: bytes });
        match replaced {
            Ok(()) => return Ok(Outcome { fates, wrote }),
            Err(StoreError::File(FileError::Changed { .. })) if tries < TRIES => {}
            Err(source @ StoreError::File(FileError::Changed { .. })) => return Err(source.into()),
            Err(source) => return Err(NotRestored { source, wrote: wrote.map(Box::new) }),
        }
    }
}

/// In a file that others have written to as well: each setting that still holds what port26 wrote, if its account is put
/// back. Last written first, so that what was inserted leaves as it came.
fn setting_by_setting(
    reach: Reach,
    edit: &FileEdit,
    settings: &[Step],
    now: &[u8],
    what: &PutBack,
) -> Result<(Vec<u8>, Vec<Fate>), FormatError> {
    let mut doc = reach.editors.open(edit.format, now)?;
    let could = |Step { change, .. }: &Step| match slots::read(doc.as_ref(), reach.editors, &change.slot) {
        Ok(held) if held == change.before => Fate::Already,
        Ok(held) if held == change.after => Fate::Restored,
        Ok(_) => Fate::Left(CHANGED_SINCE.to_owned()),
        Err(error) => Fate::Left(error.to_string()),
    };
    let mut fates: Vec<Fate> = settings.iter().map(could).collect();
    what.leave(settings, &mut fates);
    for (Step { change, .. }, fate) in
        settings.iter().zip(&mut fates).rev().filter(|(_, fate)| **fate == Fate::Restored)
    {
        if let Err(error) = slots::write(doc.as_mut(), reach.editors, &change.slot, change.before.as_ref()) {
            *fate = Fate::Left(error.to_string());
        }
    }
    let bytes = doc.to_bytes();
    let reread = reach.editors.open(edit.format, &bytes)?;
    for (Step { change, .. }, fate) in settings.iter().zip(&fates) {
        if *fate == Fate::Restored && slots::read(reread.as_ref(), reach.editors, &change.slot)? != change.before {
            let name = slots::name_in_file(&change.slot).unwrap_or_default();
            return Err(FormatError::Refused { name, why: "it does not read back as it was written".to_owned() });
        }
    }
    Ok((bytes, fates))
}

fn restore_values(reach: Reach, settings: &[Step], what: &PutBack) -> Result<Outcome, NotRestored> {
    let mut fates = Vec::with_capacity(settings.len());
    for Step { change, .. } in settings {
        let crate::change::Slot::Registry { key, value } = &change.slot else {
            fates.push(Fate::Already);
            continue;
        };
        let held = reach.store.read_value(key, value)?.map(Content::Registry);
        fates.push(if held == change.before {
            Fate::Already
        } else if held == change.after {
            Fate::Restored
        } else {
            Fate::Left(CHANGED_SINCE.to_owned())
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
