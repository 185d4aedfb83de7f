//! Changes of a registry that port26 does not write, or that a person may import elsewhere, as two `.reg` files in the state
//! folder: one that makes them, one that takes them back. Nothing of the user's is touched.

use std::path::{Path, PathBuf};

use port26_platform::files::{FileError, private_dir, replace_private};
use port26_platform::registry::ValueWrite;
use serde::{Deserialize, Serialize};

use super::place::value_write;
use super::receipt::RunId;
use crate::change::{Change, Slot};
use crate::formats::reg_import;

/// The two files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFiles {
    /// Makes the changes.
    pub change: PathBuf,
    /// Takes them back: what was added is deleted.
    pub back: PathBuf,
}

/// Why they could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandOutError {
    /// A key or value has a name that no `.reg` file should hold.
    #[error("the registry has the name {name}, which does not belong into a file that is imported")]
    Name {
        /// The name, escaped.
        name: String,
    },
    /// The state folder.
    #[error(transparent)]
    File(#[from] FileError),
}

impl HandOutError {
    /// Stable name of the error, snake_case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "odd_name",
            Self::File(error) => error.code(),
        }
    }

    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Name { .. } => "Look at this registry with regedit before anything is imported into it.",
            Self::File(error) => error.hint(),
        }
    }
}

/// Writes both files. Changes of anything but the registry are passed over.
pub fn hand_out(state: &Path, run: &RunId, changes: &[Change]) -> Result<ImportFiles, HandOutError> {
    let mut seen: Vec<&Change> = Vec::new();
    for change in changes {
        // Settings that several accounts share are written once.
        if matches!(change.slot, Slot::Registry { .. }) && !seen.iter().any(|other| other.slot == change.slot) {
            seen.push(change);
        }
    }
    let print = |writes: Vec<ValueWrite>| reg_import::print(&writes).map_err(|name| HandOutError::Name { name });
    let there = print(seen.iter().filter_map(|change| value_write(&change.slot, change.after.as_ref())).collect())?;
    let back =
        print(seen.iter().rev().filter_map(|change| value_write(&change.slot, change.before.as_ref())).collect())?;
    let folder = state.join("import");
    private_dir(&folder)?;
    let files = (1..)
        .map(|n: u32| if n == 1 { run.0.clone() } else { format!("{}-{n}", run.0) })
        .map(|name| ImportFiles {
            change: folder.join(format!("{name}-change.reg")),
            back: folder.join(format!("{name}-back.reg")),
        })
        .find(|files| !files.change.exists() && !files.back.exists())
        .unwrap_or_else(|| ImportFiles { change: folder.join("change.reg"), back: folder.join("back.reg") });
    // The way back first: nobody has a way there without it.
    replace_private(&files.back, &back)?;
    replace_private(&files.change, &there)?;
    Ok(files)
}

#[cfg(test)]
mod tests {
    use port26_platform::registry::Value;

    use super::*;
    use crate::change::Content;

    fn change(value: &str, before: Option<Value>, after: Option<Value>) -> Change {
        let slot = Slot::Registry { key: r"Software\Mail".to_owned(), value: value.to_owned() };
        Change { slot, before: before.map(Content::Registry), after: after.map(Content::Registry) }
    }

    #[test]
    fn the_way_back_deletes_what_was_added() {
        let folder = tempfile::tempdir().unwrap();
        let changes = [
            change("SMTP Port", Some(Value::dword(25)), Some(Value::dword(26))),
            change("SMTP Use Auth", None, Some(Value::dword(1))),
        ];
        let run = RunId("20261127T050000Z-1".to_owned());
        let files = hand_out(folder.path(), &run, &[&changes[..], &changes[..1]].concat()).unwrap();
        let text = |path: &Path| std::fs::read_to_string(path).unwrap();
        let (there, back) = (text(&files.change), text(&files.back));
        assert!(there.contains("\"SMTP Port\"=dword:0000001a\r\n\"SMTP Use Auth\"=dword:00000001\r\n"), "{there}");
        assert!(back.contains("\"SMTP Use Auth\"=-\r\n\"SMTP Port\"=dword:00000019\r\n"), "{back}");
        let again = hand_out(folder.path(), &run, &changes).unwrap();
        assert_ne!(again, files, "nothing is written over");
    }
}
