//! Which passwords port26 put into the keychain: names only, no secrets. Keychains cannot be listed in the same way
//! everywhere, so `credential list` reads this file. Kept in the state folder, readable by its owner alone.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use port26_platform::files::{self, FileError};
use serde::{Deserialize, Serialize};

use super::Item;

const SCHEMA: &str = "port26-credentials/1";

/// What went wrong with the list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// It could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It could not be written.
    #[error("writing the list of kept passwords, {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not ours, or of a later version.
    #[error("{path} is not a list of kept passwords: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl IndexError {
    /// Stable code, snake_case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Write { .. } => "credentials_not_kept",
            Self::Malformed { .. } => "credentials_damaged",
        }
    }

    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File(error) => error.hint(),
            Self::Write { .. } => "Check that the state folder can be written, then run port26 again.",
            Self::Malformed { .. } => "Move the file away and set the passwords again: `port26 credential set`.",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct IndexFile {
    schema: String,
    items: BTreeSet<Item>,
}

/// The list of kept passwords.
#[derive(Debug, Clone)]
pub struct Index {
    path: PathBuf,
}

impl Index {
    /// The list in this state folder; nothing is read or made yet.
    pub fn in_state(state: &Path) -> Self {
        Self { path: state.join("credentials.json") }
    }

    /// All items, in order. A list that says something which cannot be understood is an error, and is never replaced: it is
    /// all that knows which passwords are kept.
    pub fn items(&self) -> Result<BTreeSet<Item>, IndexError> {
        let Some(bytes) = files::read_private(&self.path)?.filter(|bytes| !is_blank(bytes)) else {
            return Ok(BTreeSet::new());
        };
        let malformed = |why: String| IndexError::Malformed { path: self.path.clone(), why };
        let document: IndexFile = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        if document.schema != SCHEMA {
            return Err(malformed(format!("its schema is {}, not {SCHEMA}", document.schema)));
        }
        Ok(document.items)
    }

    /// Adds an item. Returns whether it is new.
    pub fn add(&self, item: &Item) -> Result<bool, IndexError> {
        self.change(|items| items.insert(item.clone()))
    }

    /// Removes an item. Returns whether it was there.
    pub fn remove(&self, item: &Item) -> Result<bool, IndexError> {
        self.change(|items| items.remove(item))
    }

    fn change(&self, edit: impl FnOnce(&mut BTreeSet<Item>) -> bool) -> Result<bool, IndexError> {
        let write_error = |source| IndexError::Write { path: self.path.clone(), source };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        files::private_dir(folder)?;
        // The agent and a command may both be at it: one after the other. Closing the file lets the next one in.
        let guard = files::open_private(&self.path.with_extension("lock"))?;
        guard.lock().map_err(write_error)?;

        let mut items = self.items()?;
        if !edit(&mut items) {
            return Ok(false);
        }
        let document = IndexFile { schema: SCHEMA.to_owned(), items };
        let mut bytes = serde_json::to_vec_pretty(&document).map_err(|error| write_error(error.into()))?;
        bytes.push(b'\n');
        files::replace_private(&self.path, &bytes)?;
        Ok(true)
    }
}

/// What a crash leaves of a file whose length was on the disk before its bytes: there is nothing in it to lose.
fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn items_come_and_go_and_outlive_us() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("not/yet/there");
        let (anna, bert) = (Item::new("mail.hosting.test", "anna"), Item::new("mail.hosting.test", "bert"));
        let index = Index::in_state(&folder);
        assert!(index.items().unwrap().is_empty());
        assert!(!folder.exists(), "looking makes nothing");

        assert!(index.add(&bert).unwrap());
        assert!(index.add(&anna).unwrap());
        assert!(!index.add(&anna).unwrap(), "once");
        assert_eq!(
            Index::in_state(&folder).items().unwrap().into_iter().collect::<Vec<_>>(),
            [anna.clone(), bert.clone()]
        );
        assert!(index.remove(&bert).unwrap());
        assert!(!index.remove(&bert).unwrap());
        assert_eq!(index.items().unwrap().into_iter().collect::<Vec<_>>(), [anna]);

        insta::assert_snapshot!(fs::read_to_string(folder.join("credentials.json")).unwrap(), @r#"
        {
          "schema": "port26-credentials/1",
          "items": [
            {
              "service": "port26:smtp://mail.hosting.test",
              "account": "anna"
            }
          ]
        }
        "#);
    }

    #[test]
    fn nobody_else_may_read_it() {
        if port26_platform::computer::Os::here() == port26_platform::computer::Os::Windows {
            return; // the state folder of Windows is the user's own
        }
        let state = tempfile::tempdir().unwrap();
        Index::in_state(state.path()).add(&Item::new("mail.hosting.test", "anna")).unwrap();
        let listed = std::process::Command::new("ls").arg("-l").arg(state.path().join("credentials.json")).output();
        let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
        assert!(listed.starts_with("-rw-------"), "{listed}");
    }

    #[test]
    fn two_writers_lose_nothing() {
        let state = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let index = Index::in_state(state.path());
                scope.spawn(move || {
                    for n in 0..5 {
                        index.add(&Item::new("mail.hosting.test", &format!("user{writer}-{n}"))).unwrap();
                    }
                });
            }
        });
        assert_eq!(Index::in_state(state.path()).items().unwrap().len(), 20);
    }

    #[test]
    fn a_file_with_nothing_in_it_is_replaced() {
        for text in ["", "\0\0\0\0"] {
            let state = tempfile::tempdir().unwrap();
            fs::write(state.path().join("credentials.json"), text).unwrap();
            assert!(Index::in_state(state.path()).add(&Item::new("h", "u")).unwrap());
            assert_eq!(Index::in_state(state.path()).items().unwrap().len(), 1);
        }
    }

    #[test]
    fn a_strange_file_is_left_alone() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("credentials.json");
        for (text, why) in [("{", "EOF"), (r#"{"schema":"port26-credentials/2","items":[]}"#, "port26-credentials/2")] {
            fs::write(&path, text).unwrap();
            let error = Index::in_state(state.path()).add(&Item::new("h", "u")).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("credentials.json"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
