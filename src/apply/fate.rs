//! What became of settings that were to be put back, and of the write that it took.

use std::path::PathBuf;

use port26_platform::registry::ValueWrite;
use port26_platform::scripts::App;

use super::error::StoreError;
use super::receipt::Leftover;
use super::record::Intent;
use crate::change::Change;

/// Why a setting is left that holds neither what port26 wrote nor what was there before.
pub(super) const CHANGED_SINCE: &str = "another program has changed it since";

/// What became of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It held what port26 wrote; now it holds what was there before.
    Restored,
    /// It holds what was there before.
    Already,
    /// It holds something else, and stays so.
    Leftover(String),
}

/// What became of an intent, setting by setting, and what had to be written for it.
pub(super) struct Outcome {
    pub fates: Vec<Fate>,
    pub wrote: Option<Wrote>,
}

/// A write that was made (or tried), with what it takes to take it back while the process lives.
pub(super) enum Wrote {
    File { path: PathBuf, was: Vec<u8>, is: Vec<u8> },
    Values { were: Vec<ValueWrite> },
    Properties { app: App, back: Vec<Change> },
}

/// A write that failed. It may have had an effect all the same (the disk failed after the file was in place).
pub(super) struct NotRestored {
    pub source: StoreError,
    pub wrote: Option<Box<Wrote>>,
}

impl From<StoreError> for NotRestored {
    fn from(source: StoreError) -> Self {
        Self { source, wrote: None }
    }
}

impl Outcome {
    /// The settings that were left.
    pub(super) fn leftovers(&self, intent: &Intent) -> Vec<Leftover> {
        let mut left = Vec::new();
        for (step, fate) in intent.settings.iter().zip(&self.fates) {
            if let Fate::Leftover(why) = fate {
                left.push(Leftover { slot: step.change.slot.clone(), why: why.clone() });
            }
        }
        left
    }
}
