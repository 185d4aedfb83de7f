//! Where a setting lives (`Slot`), what it holds (`Content`), and the move from one content to another
//! (`Change`). Dry run, compare-and-swap, journal, rollback and undo all come from these.

use std::path::PathBuf;

use port26_platform::registry::Value;
use port26_platform::scripts::{App, ObjectKey};
use serde::{Deserialize, Serialize};

use crate::formats::FileFormat;

/// A place that holds one setting.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Slot {
    /// A value of the user's registry; key below `HKEY_CURRENT_USER`.
    Registry {
        /// Key path with backslashes.
        key: String,
        /// Value name.
        value: String,
    },
    /// One setting inside a file, named as the format's editor names it.
    Setting {
        /// The file, absolute.
        file: PathBuf,
        /// Which editor reads and writes it.
        format: FileFormat,
        /// The setting's name in that format.
        name: String,
    },
    /// A property of a scriptable program (Apple Mail from 10.11, Outlook for Mac).
    Script {
        /// The program.
        app: App,
        /// Which of its objects.
        object: ObjectKey,
        /// The property, as JavaScript names it.
        property: String,
    },
    /// An item of the OS keychain.
    Secret {
        /// Service of the item.
        service: String,
        /// Account of the item.
        account: String,
    },
}

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A registry value: type and bytes.
    Registry(Value),
    /// The raw text of a setting exactly as the format's editor returns it (`26`, `"mail.example.org"`,
    /// `<string>26</string>`), or the JSON of a script's property (`26`, `"ann"`).
    Raw(String),
    /// A secret, by fingerprint only: secrets never enter a journal.
    Fingerprint(String),
}

/// One setting moved from one content to another. `None` means that nothing is written there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Change {
    /// Where.
    pub slot: Slot,
    /// What must be there for the change to be made.
    pub before: Option<Content>,
    /// What will be there.
    pub after: Option<Content>,
}

impl Change {
    /// The change that takes this one back.
    pub fn inverse(&self) -> Self {
        Self { slot: self.slot.clone(), before: self.after.clone(), after: self.before.clone() }
    }
}
