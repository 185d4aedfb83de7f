//! The one seam through which anything is written: files and the registry of the machine, and the lines of the
//! journal. Tests put stores that fail or kill the process in front of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use port26_platform::computer::Computer;
use port26_platform::files::{Appender, FileError, Files};
use port26_platform::registry::{Registry, Value, ValueWrite};
use port26_platform::scripts::{App, ObjectKey, ObjectWrite, ScriptError, Scripts, Wanted, property_of};
use serde_json::Value as Json;

use super::error::StoreError;

/// Reading and writing the user's settings.
pub trait Store: Send + Sync {
    /// A file's bytes; `None` if there is no such file.
    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError>;
    /// Replaces a file that holds `old`, in one step, by way of a file `temp` beside it.
    fn replace_file(&self, path: &Path, old: &[u8], new: &[u8], temp: &str) -> Result<(), StoreError>;
    /// Could `replace_file` do it? Asked before anything is announced; what cannot tell says yes.
    fn look(&self, _path: &Path, _temp: &str) -> Result<(), StoreError> {
        Ok(())
    }
    /// The same as far as it shows without anything written.
    fn glance(&self, _path: &Path) -> Result<(), StoreError> {
        Ok(())
    }
    /// Takes away what a killed `replace_file` left; `ours` knows the bytes from before it and those that it was to write.
    fn clean_up(&self, path: &Path, temp: &str, ours: &dyn Fn(&[u8]) -> bool) -> Result<(), StoreError>;
    /// One value of the live registry.
    fn read_value(&self, key: &str, value: &str) -> Result<Option<Value>, StoreError>;
    /// Writes values of the live registry.
    fn write_values(&self, writes: &[ValueWrite]) -> Result<(), StoreError>;
    /// The file behind the registry, if it is a `.reg` file.
    fn registry_file(&self) -> Option<PathBuf>;
    /// Properties of objects of a scriptable program, in this order; `None` where nothing is there.
    fn read_properties(&self, app: &App, _wanted: &[(&ObjectKey, &str)]) -> Result<Vec<Option<Json>>, StoreError> {
        Err(ScriptError::NotHere { app: app.clone() }.into())
    }
    /// Sets properties of a scriptable program: all, or none.
    fn write_properties(&self, app: &App, _writes: &[ObjectWrite]) -> Result<(), StoreError> {
        Err(ScriptError::NotHere { app: app.clone() }.into())
    }
    /// Adds a line to a journal; when this returns, it is on the disk.
    fn append(&self, journal: &mut Appender, line: &[u8]) -> Result<(), FileError> {
        journal.append(line)
    }
}

/// The store of a machine, or of a folder that looks like one.
pub struct MachineStore {
    files: Files,
    registry: Option<Arc<dyn Registry>>,
    scripts: Arc<dyn Scripts>,
}

impl MachineStore {
    /// The settings of this computer's user.
    pub fn of(computer: &Computer) -> Self {
        let mut files = Files::of_home(&computer.folders.home);
        if let Some(file) = computer.registry.as_ref().and_then(|registry| registry.backing_file()) {
            files = files.and(file);
        }
        Self { files, registry: computer.registry.clone(), scripts: Arc::clone(&computer.scripts) }
    }

    fn registry(&self, key: &str) -> Result<&dyn Registry, StoreError> {
        self.registry.as_deref().ok_or_else(|| StoreError::NoRegistry { key: key.to_owned() })
    }
}

impl Store for MachineStore {
    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.files.read(path)?)
    }

    fn replace_file(&self, path: &Path, old: &[u8], new: &[u8], temp: &str) -> Result<(), StoreError> {
        Ok(self.files.replace(path, old, new, temp)?)
    }

    fn look(&self, path: &Path, temp: &str) -> Result<(), StoreError> {
        Ok(self.files.look(path, temp)?)
    }

    fn glance(&self, path: &Path) -> Result<(), StoreError> {
        Ok(self.files.glance(path)?)
    }

    fn clean_up(&self, path: &Path, temp: &str, ours: &dyn Fn(&[u8]) -> bool) -> Result<(), StoreError> {
        Ok(self.files.clean_up(path, temp, ours)?)
    }

    fn read_value(&self, key: &str, value: &str) -> Result<Option<Value>, StoreError> {
        Ok(self.registry(key)?.value(key, value)?)
    }

    fn write_values(&self, writes: &[ValueWrite]) -> Result<(), StoreError> {
        let Some(first) = writes.first() else { return Ok(()) };
        Ok(self.registry(&first.key)?.write(writes)?)
    }

    fn read_properties(&self, app: &App, wanted: &[(&ObjectKey, &str)]) -> Result<Vec<Option<Json>>, StoreError> {
        // One visit, however many settings: all the objects with all that is asked of any of them.
        let mut lists: Vec<Wanted> = Vec::new();
        for (key, property) in wanted {
            let at = lists.iter().position(|list| list.elements == key.elements).unwrap_or_else(|| {
                lists.push(Wanted::new(&key.elements, &[]));
                lists.len() - 1
            });
            for name in key.keys.keys().map(String::as_str).chain([*property]) {
                if !lists[at].properties.iter().any(|known| known == name) {
                    lists[at].properties.push(name.to_owned());
                }
            }
        }
        let read = self.scripts.read(app, &lists)?;
        let objects_of = |elements: &str| {
            let at = lists.iter().position(|list| list.elements == elements);
            at.and_then(|at| read.get(at)).map(Vec::as_slice).unwrap_or_default()
        };
        let value_of = |(key, property): &(&ObjectKey, &str)| {
            property_of(app, objects_of(&key.elements), key, property).map(|value| value.cloned())
        };
        Ok(wanted.iter().map(value_of).collect::<Result<_, _>>()?)
    }

    fn write_properties(&self, app: &App, writes: &[ObjectWrite]) -> Result<(), StoreError> {
        Ok(self.scripts.write(app, writes)?)
    }

    fn registry_file(&self) -> Option<PathBuf> {
        self.registry.as_ref().and_then(|registry| registry.backing_file()).map(Path::to_owned)
    }
}
