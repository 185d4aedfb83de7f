//! The machine's registry, `HKEY_LOCAL_MACHINE`, read-only: what is installed for everybody. Windows of 64 bits has
//! parts of it twice, once for programs of each kind; both views can be asked for by name.

use std::path::Path;

use super::reg_file::{malformed, read_bytes};
use super::reg_text::RegText;
use super::{RegistryError, Value};

/// As programs of which kind see it (`KEY_WOW64_64KEY`, `KEY_WOW64_32KEY`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum View {
    /// Programs of the machine's own kind: 64 bits where Windows has 64, else 32.
    Native,
    /// 32-bit programs on a 64-bit Windows.
    Wow64,
}

impl View {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Native, Self::Wow64];
}

/// Reading the machine's hive. Key and value names are matched without regard to case; keys are paths below
/// `HKEY_LOCAL_MACHINE`, written as programs of that view write them (`Software\..`, never `Software\WOW6432Node\..`).
pub trait MachineRegistry: Send + Sync {
    /// Does the key exist?
    fn has_key(&self, view: View, key: &str) -> Result<bool, RegistryError>;
    /// Names of the direct subkeys. A missing key has none.
    fn subkeys(&self, view: View, key: &str) -> Result<Vec<String>, RegistryError>;
    /// Names and contents of all values of a key. A missing key has none.
    fn values(&self, view: View, key: &str) -> Result<Vec<(String, Value)>, RegistryError>;
    /// One value; `None` if the value or its key is missing.
    fn value(&self, view: View, key: &str, value: &str) -> Result<Option<Value>, RegistryError>;
    /// Is this a Windows of 64 bits, so that the views differ?
    fn is_64_bit(&self) -> bool;
}

/// Where a 64-bit Windows keeps what its 32-bit programs see of `Software`.
const WOW64_SOFTWARE: &str = r"Software\WOW6432Node";

/// Where the machine says what it is.
const ENVIRONMENT: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment";

/// `None` if the machine does not say.
pub(super) fn says_64_bit(architecture: Option<Value>) -> Option<bool> {
    architecture?.as_text().map(|name| !name.eq_ignore_ascii_case("x86"))
}

/// What `PROCESSOR_ARCHITECTURE` is in [`MachineRegistry`].
pub(super) const ARCHITECTURE: (&str, &str) = (ENVIRONMENT, "PROCESSOR_ARCHITECTURE");

/// The machine's hive in a `.reg` file that regedit exported there. Read once: nobody edits it meanwhile.
#[derive(Debug, Clone)]
pub struct MachineRegFile(RegText);

impl MachineRegFile {
    /// Reads the file; `None` if there is nothing of `HKEY_LOCAL_MACHINE` in it.
    pub fn open(path: &Path) -> Result<Option<Self>, RegistryError> {
        let text = RegText::parse_machine(&read_bytes(path)?).map_err(|error| malformed(path, error))?;
        Ok((!text.is_empty()).then_some(Self(text)))
    }

    /// The same key as a 64-bit program writes it.
    fn key(&self, view: View, key: &str) -> String {
        match key.get(..9).map(|front| front.eq_ignore_ascii_case(r"Software\")) {
            Some(true) if view == View::Wow64 && self.is_64_bit() => format!(r"{WOW64_SOFTWARE}\{}", &key[9..]),
            _ => key.to_owned(),
        }
    }
}

impl MachineRegistry for MachineRegFile {
    fn has_key(&self, view: View, key: &str) -> Result<bool, RegistryError> {
        Ok(key.is_empty() || self.0.has_key(&self.key(view, key)))
    }

    fn subkeys(&self, view: View, key: &str) -> Result<Vec<String>, RegistryError> {
        Ok(self.0.subkeys(&self.key(view, key)).to_vec())
    }

    fn values(&self, view: View, key: &str) -> Result<Vec<(String, Value)>, RegistryError> {
        Ok(self.0.values(&self.key(view, key)))
    }

    fn value(&self, view: View, key: &str, value: &str) -> Result<Option<Value>, RegistryError> {
        Ok(self.0.value(&self.key(view, key), value))
    }

    fn is_64_bit(&self) -> bool {
        let (key, value) = ARCHITECTURE;
        // An export of `Software` alone says it by what is in it.
        says_64_bit(self.0.value(key, value)).unwrap_or_else(|| self.0.has_key(WOW64_SOFTWARE))
    }
}

/// What every machine registry must do. `Software\<name>` has `Alpha`, with the number 64 in its value `Bits` in the
/// native view and `Beta`, with 32, in the other. Panics with what is wrong.
#[cfg(test)]
pub(super) fn check(registry: &dyn MachineRegistry, name: &str) {
    let base = format!(r"Software\{name}");
    for (view, there, elsewhere, bits) in [(View::Native, "Alpha", "Beta", 64), (View::Wow64, "Beta", "Alpha", 32)] {
        assert!(registry.has_key(view, &base).unwrap());
        assert!(registry.has_key(view, &base.to_uppercase()).unwrap(), "without regard to case");
        assert_eq!(registry.subkeys(view, &base).unwrap(), [there], "{view:?}");
        let (key, missing) = (format!(r"{base}\{there}"), format!(r"{base}\{elsewhere}"));
        assert_eq!(registry.value(view, &key, "BITS").unwrap(), Some(Value::dword(bits)), "{view:?}");
        assert_eq!(registry.values(view, &key).unwrap(), [("Bits".to_owned(), Value::dword(bits))]);
        assert_eq!(registry.value(view, &key, "Other").unwrap(), None);
        assert!(!registry.has_key(view, &missing).unwrap());
        assert_eq!(registry.subkeys(view, &missing).unwrap(), [""; 0]);
        assert_eq!(registry.values(view, &missing).unwrap(), []);
        assert_eq!(registry.value(view, &missing, "Bits").unwrap(), None);
    }
    assert!(registry.is_64_bit());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> Option<MachineRegFile> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("machine.reg");
        std::fs::write(&path, format!("Windows Registry Editor Version 5.00\r\n\r\n{text}")).unwrap();
        MachineRegFile::open(&path).unwrap()
    }

    #[test]
    fn an_export_keeps_the_contract() {
        let export = "[HKEY_CURRENT_USER\\Software\\Test\\Gamma]\r\n\
                      [HKEY_LOCAL_MACHINE\\SOFTWARE\\Test\\Alpha]\r\n\"Bits\"=dword:00000040\r\n\
                      [HKLM\\SOFTWARE\\WOW6432Node\\Test\\Beta]\r\n\"Bits\"=dword:00000020\r\n";
        check(&open(export).unwrap(), "Test");
    }

    #[test]
    fn a_users_export_has_no_machine_in_it() {
        assert!(open("[HKEY_CURRENT_USER\\Software\\Test]\r\n").is_none());
    }

    #[test]
    fn a_32_bit_windows_has_one_view() {
        let registry = open("[HKEY_LOCAL_MACHINE\\SOFTWARE\\Test]\r\n\"Here\"=dword:00000001\r\n").unwrap();
        assert!(!registry.is_64_bit());
        for view in View::ALL {
            assert_eq!(registry.value(view, r"Software\Test", "Here").unwrap(), Some(Value::dword(1)));
        }
        let named = "[HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment]\r\n\
                     \"PROCESSOR_ARCHITECTURE\"=\"AMD64\"\r\n";
        assert!(open(named).unwrap().is_64_bit());
        assert!(!open(&named.replace("AMD64", "x86")).unwrap().is_64_bit());
    }

    #[test]
    fn garbage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("machine.reg");
        assert!(matches!(MachineRegFile::open(&path), Err(RegistryError::Io { .. })));
        std::fs::write(&path, "Windows Registry Editor Version 5.00\n\n[HKLM\\A]\n\"x\"=dowrd:1\n").unwrap();
        assert!(matches!(MachineRegFile::open(&path), Err(RegistryError::Malformed { line: 4, .. })));
    }
}
