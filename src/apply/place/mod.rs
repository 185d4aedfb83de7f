//! The kinds of places where settings are: a file, the live registry, a program that is set by scripting. Each has a file
//! that compares, writes and puts back; what is here tells them apart.

use std::path::{Path, PathBuf};

use port26_platform::scripts::App;

use super::error::{ApplyError, StoreError};
use super::fate::{NotRestored, Outcome, Wrote};
use super::put_back::PutBack;
use super::reach::Reach;
use super::receipt::ReceiptId;
use super::record::{Intent, Step, Target};
use crate::change::{Change, Content, Slot};
use crate::formats::FileFormat;

mod file;
mod in_document;
mod program;
mod registry;

pub use program::NewPassword;
pub(super) use registry::value_write;

/// Where a group of settings is written.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Place {
    File(PathBuf, FileFormat),
    Registry,
    Program(App),
}

impl Place {
    /// Where the setting of this change is written; in the file behind the registry, if there is one.
    pub(super) fn of(change: &Change, registry_file: Option<&Path>) -> Result<Self, ApplyError> {
        let fits = |content: &Option<Content>| match (&change.slot, content) {
            (_, None) => true,
            (Slot::Registry { .. }, Some(content)) => matches!(content, Content::Registry(_)),
            (Slot::Setting { .. } | Slot::Script { .. }, Some(content)) => matches!(content, Content::Raw(_)),
            _ => false,
        };
        match &change.slot {
            Slot::Setting { file, format, .. } if fits(&change.before) && fits(&change.after) => {
                Ok(Self::File(file.clone(), *format))
            }
            Slot::Registry { .. } if fits(&change.before) && fits(&change.after) => {
                Ok(registry_file.map_or(Self::Registry, |file| Self::File(file.to_owned(), FileFormat::RegFile)))
            }
            Slot::Script { app, .. } if fits(&change.before) && fits(&change.after) => Ok(Self::Program(app.clone())),
            _ => Err(ApplyError::NotWritable { slot: Box::new(change.slot.clone()) }),
        }
    }

    /// The n-th write of a receipt: these settings. Nothing is written yet; `None` if all of them are as they should be.
    pub(super) fn prepare(
        self,
        reach: Reach,
        (id, n): (&ReceiptId, u32),
        settings: Vec<Step>,
        passwords: &[NewPassword],
    ) -> Result<Option<Prepared>, ApplyError> {
        let write = match self {
            Self::File(path, format) => {
                file::prepare(reach, &path, format, id.temp_name(n), &settings)?.map(Write::File)
            }
            Self::Registry => registry::prepare(reach, &settings)?.map(Write::Registry),
            Self::Program(app) => program::prepare(reach, app, &settings, passwords)?.map(Write::Program),
        };
        Ok(write.map(|write| Prepared { n, settings, write }))
    }
}

/// A write, ready to be made, with what the journal says of it.
pub(super) struct Prepared {
    pub n: u32,
    settings: Vec<Step>,
    write: Write,
}

/// What is written, beside where: a pair of two kinds cannot be made.
enum Write {
    File(file::FileWrite),
    Registry(registry::RegistryWrite),
    Program(program::ProgramWrite),
}

impl Prepared {
    /// The journal's record of it.
    pub(super) fn intent(&self) -> Intent {
        let target = match &self.write {
            Write::File(file) => Target::File(file.edit.clone()),
            Write::Registry(_) => Target::Registry,
            Write::Program(program) => Target::Script { app: program.app.clone(), passwords: program.given.clone() },
        };
        Intent { n: self.n, target, settings: self.settings.clone() }
    }

    /// Writes it.
    pub(super) fn make(&self, reach: Reach) -> Result<(), StoreError> {
        match &self.write {
            Write::File(file) => file.make(reach),
            Write::Registry(registry) => registry.make(reach),
            Write::Program(program) => program.make(reach),
        }
    }
}

/// Can all of it be written? Asked before a receipt is begun: where nothing can be written there is nothing to take back.
pub(super) fn look(reach: Reach, id: &ReceiptId, intents: &[Intent]) -> Result<(), ApplyError> {
    intents.iter().try_for_each(|intent| match &intent.target {
        Target::File(edit) => file::look(reach, edit, &id.temp_name(intent.n)).map_err(ApplyError::Shut),
        // Nobody can ask these without writing.
        Target::Registry | Target::Script { .. } => Ok(()),
    })
}

/// The same of changes that nobody has prepared, as far as it shows without anything written.
pub(super) fn glance(reach: Reach, changes: &[Change]) -> Result<(), ApplyError> {
    let registry_file = reach.store.registry_file();
    changes.iter().try_for_each(|change| match Place::of(change, registry_file.as_deref())? {
        Place::File(path, _) => reach.store.glance(&path).map_err(ApplyError::Shut),
        Place::Registry | Place::Program(_) => Ok(()),
    })
}

/// The same of what a receipt would put back.
pub(super) fn glance_at(reach: Reach, intents: &[Intent]) -> Result<(), ApplyError> {
    intents.iter().try_for_each(|intent| match &intent.target {
        Target::File(edit) => reach.store.glance(&edit.path).map_err(ApplyError::Shut),
        Target::Registry | Target::Script { .. } => Ok(()),
    })
}

/// Puts back what one intent wrote, or would have written: the same for a failed write, for recovery after a crash and for
/// undo. `temp` names the file that a replacement goes through.
pub(super) fn restore(reach: Reach, intent: &Intent, temp: &str, what: &PutBack) -> Result<Outcome, NotRestored> {
    match &intent.target {
        Target::File(edit) => file::restore(reach, edit, &intent.settings, temp, what),
        Target::Registry => registry::restore(reach, &intent.settings, what),
        Target::Script { app, .. } => program::restore(reach, app, &intent.settings, what),
    }
}

/// Takes back what [`restore`] wrote, while the process lives.
pub(super) fn write_again(reach: Reach, wrote: &Wrote, temp: &str) -> Result<(), StoreError> {
    match wrote {
        Wrote::File { path, was, is } => file::write_again(reach, path, was, is, temp),
        Wrote::Values { were } => registry::write_again(reach, were),
        Wrote::Properties { app, back } => program::write_again(reach, app, back),
    }
}

/// Is the place gone for good, with all that was written there?
pub(super) fn is_gone(reach: Reach, intent: &Intent) -> bool {
    match &intent.target {
        Target::File(edit) => file::is_gone(reach, edit),
        Target::Registry | Target::Script { .. } => false,
    }
}
