//! Settings in one file: all of them are one edit, made in memory, and one replacement of the file. Putting them back looks
//! at what is there now, so it can be repeated and stopped at any point.

use std::path::Path;

use port26_platform::files::FileError;

use super::in_document;
use crate::apply::error::{ApplyError, StoreError};
use crate::apply::fate::{CHANGED_SINCE, Fate, NotRestored, Outcome, Wrote};
use crate::apply::fingerprint::fingerprint;
use crate::apply::put_back::PutBack;
use crate::apply::reach::Reach;
use crate::apply::receipt::FILE_GONE;
use crate::apply::record::{FileEdit, Step};
use crate::apply::splice;
use crate::formats::{FileFormat, FormatError};

/// A replacement, ready to be made.
pub(super) struct FileWrite {
    pub edit: FileEdit,
    old: Vec<u8>,
    new: Vec<u8>,
}

impl FileWrite {
    pub(super) fn make(&self, reach: Reach) -> Result<(), StoreError> {
        reach.store.replace_file(&self.edit.path, &self.old, &self.new, &self.edit.temp)
    }
}

/// Compares each setting with what the plan saw, makes the edit in memory, and keeps the way back.
pub(super) fn prepare(
    reach: Reach,
    path: &Path,
    format: FileFormat,
    temp: String,
    settings: &[Step],
) -> Result<Option<FileWrite>, ApplyError> {
    let in_format = |source| ApplyError::Format { file: path.to_owned(), source };
    let old = reach
        .store
        .read_file(path)
        .map_err(ApplyError::Read)?
        .ok_or_else(|| ApplyError::Missing { file: path.to_owned() })?;
    let mut doc = reach.editors.open(format, &old).map_err(in_format)?;
    for Step { change, .. } in settings {
        if in_document::read(doc.as_ref(), reach.editors, &change.slot).map_err(in_format)? != change.before {
            return Err(ApplyError::Changed { slot: Box::new(change.slot.clone()) });
        }
    }
    for Step { change, .. } in settings {
        in_document::write(doc.as_mut(), reach.editors, &change.slot, change.after.as_ref()).map_err(in_format)?;
    }
    let new = doc.to_bytes();
    let reread = reach.editors.open(format, &new).map_err(in_format)?;
    for Step { change, .. } in settings {
        if in_document::read(reread.as_ref(), reach.editors, &change.slot).map_err(in_format)? != change.after {
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
    Ok(Some(FileWrite { edit, old, new }))
}

/// Can it be replaced?
pub(super) fn look(reach: Reach, edit: &FileEdit, temp: &str) -> Result<(), StoreError> {
    reach.store.look(&edit.path, temp)
}

/// Is the file gone for good? One that cannot be read may be there.
pub(super) fn is_gone(reach: Reach, edit: &FileEdit) -> bool {
    // A disk that is not there now, or a home that is being moved, takes the folder above with it.
    let above = edit.path.parent().and_then(|profile| profile.parent());
    above.is_some_and(|above| above.is_dir()) && matches!(reach.store.read_file(&edit.path), Ok(None))
}

/// How often to start over when another program writes at the same moment.
const TRIES: usize = 3;

/// Puts the settings of an edit back; `temp` names the file that a replacement goes through.
pub(super) fn restore(
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
            return Ok(all(Fate::Leftover(FILE_GONE.to_owned())));
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
                Err(error) => return Ok(all(Fate::Leftover(format!("the file can no longer be edited: {error}")))),
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
    let could = |Step { change, .. }: &Step| match in_document::read(doc.as_ref(), reach.editors, &change.slot) {
        Ok(held) if held == change.before => Fate::Already,
        Ok(held) if held == change.after => Fate::Restored,
        Ok(_) => Fate::Leftover(CHANGED_SINCE.to_owned()),
        Err(error) => Fate::Leftover(error.to_string()),
    };
    let mut fates: Vec<Fate> = settings.iter().map(could).collect();
    what.leave(settings, &mut fates);
    for (Step { change, .. }, fate) in
        settings.iter().zip(&mut fates).rev().filter(|(_, fate)| **fate == Fate::Restored)
    {
        if let Err(error) = in_document::write(doc.as_mut(), reach.editors, &change.slot, change.before.as_ref()) {
            *fate = Fate::Leftover(error.to_string());
        }
    }
    let bytes = doc.to_bytes();
    let reread = reach.editors.open(edit.format, &bytes)?;
    for (Step { change, .. }, fate) in settings.iter().zip(&fates) {
        if *fate == Fate::Restored && in_document::read(reread.as_ref(), reach.editors, &change.slot)? != change.before
        {
            let name = in_document::name_in_file(&change.slot).unwrap_or_default();
            return Err(FormatError::Refused { name, why: "it does not read back as it was written".to_owned() });
        }
    }
    Ok((bytes, fates))
}

/// The file is again what it was before its settings were put back.
pub(super) fn write_again(reach: Reach, path: &Path, was: &[u8], is: &[u8], temp: &str) -> Result<(), StoreError> {
    match reach.store.read_file(path) {
        // The write that failed had no effect.
        Ok(Some(now)) if now == was => Ok(()),
        _ => reach.store.replace_file(path, is, was, temp),
    }
}
