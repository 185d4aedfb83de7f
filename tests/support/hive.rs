//! Exported registries of the fixtures in the running user's own registry, by `reg import`: at their own place, where
//! the registry is a throw-away one, or below a key that is made and removed, which works in anybody's. What was
//! imported is removed even if the test fails, and never are keys written over that were there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use port26_platform::computer::{Computer, Os};
use port26_platform::registry::below::Below;
use port26_platform::registry::{MachineRegFile, MachineRegistry, Registry, Value, ValueKind, ValueWrite};

use super::case;
use super::steps::Place;

/// Everything that a fixture brings that may be imported at its own place.
const KEYS: [&str; 6] = [
    r"Software\Microsoft\Office",
    r"Software\Microsoft\Windows NT\CurrentVersion\Windows Messaging Subsystem",
    r"Software\Microsoft\Internet Account Manager",
    r"Software\Microsoft\Windows Live Mail",
    r"Software\Microsoft\Windows Mail",
    r"Identities",
];

pub type Values = BTreeMap<(String, String), Value>;

/// Every value below these keys.
fn values_below(registry: &dyn Registry, keys: &[String]) -> Values {
    fn walk(registry: &dyn Registry, key: &str, into: &mut Values) {
        for (name, value) in registry.values(key).unwrap() {
            into.insert((key.to_owned(), name), value);
        }
        for below in registry.subkeys(key).unwrap() {
            let below = if key.is_empty() { below } else { format!(r"{key}\{below}") };
            walk(registry, &below, into);
        }
    }
    let mut found = Values::new();
    for key in keys {
        walk(registry, key, &mut found);
    }
    found
}

/// `reg` with these arguments, which must end well.
#[track_caller]
pub fn reg(arguments: &[&str]) {
    let output = Command::new("reg").args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "reg {arguments:?}: {} {said}", output.status);
}

/// Of this one the registry holds policies alone, which no adapter writes.
const POLICIES: &str = "windows-policy";

/// Fixtures with an exported registry that may be imported.
pub fn exports() -> Vec<PathBuf> {
    let folders =
        |at: PathBuf| std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut cases: Vec<PathBuf> = folders(case::fixtures()).flat_map(folders).collect();
    cases.retain(|case| case.join("user.reg").is_file() && !case.ends_with(POLICIES));
    cases.sort();
    cases
}

/// An exported registry of a user, with its keys below another: `root` is empty or a path below `HKEY_CURRENT_USER`.
fn moved_below(root: &str, export: &[u8]) -> Vec<u8> {
    let wide = export.starts_with(&[0xFF, 0xFE]);
    let spelled = |text: &str| -> Vec<u8> {
        if wide { text.encode_utf16().flat_map(u16::to_le_bytes).collect() } else { text.as_bytes().to_vec() }
    };
    let to = spelled(&format!("[HKEY_CURRENT_USER\\{root}{}", if root.is_empty() { "" } else { r"\" }));
    let mut bytes = export.to_vec();
    // An administrator exports another user's hive by its number.
    let another = r"[HKEY_USERS\S-1-5-21-1111111111-2222222222-3333333333-1001\";
    for from in [spelled(r"[HKEY_CURRENT_USER\"), spelled(another)] {
        let mut at = 0;
        while let Some(found) = bytes[at..].windows(from.len()).position(|window| window == from) {
            bytes.splice(at + found..at + found + from.len(), to.iter().copied());
            at += found + to.len();
        }
    }
    bytes
}

/// Keys that a test may make and that are removed with it.
pub struct Imported {
    /// As the host sees it, from the root on.
    registry: Arc<dyn Registry>,
    /// Path of that root below `HKEY_CURRENT_USER`; empty if it is the user's whole registry.
    root: String,
    keys: Vec<String>,
    fixture: Option<PathBuf>,
    export: tempfile::NamedTempFile,
    first: Values,
}

static KEYS_OF_ITS_OWN: AtomicUsize = AtomicUsize::new(0);

impl Imported {
    /// At its own place, in a registry that is thrown away.
    pub fn here(registry: &Arc<dyn Registry>, fixture: &Path) -> Self {
        let export = std::fs::read(fixture.join("user.reg")).unwrap();
        let keys = KEYS.map(str::to_owned).to_vec();
        Self::new(Arc::clone(registry), "", keys, Some(fixture), &export)
    }

    /// The same with what no fixture has.
    pub fn text(registry: &Arc<dyn Registry>, text: &str) -> Self {
        let export: Vec<u8> = std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        Self::new(Arc::clone(registry), "", KEYS.map(str::to_owned).to_vec(), None, &export)
    }

    /// Below a key of its own, in anybody's registry.
    pub fn below_own_key(registry: &Arc<dyn Registry>, fixture: &Path) -> Self {
        let number = KEYS_OF_ITS_OWN.fetch_add(1, Ordering::SeqCst);
        let root = format!(r"Software\port26-test-{}-{number}", std::process::id());
        let export = std::fs::read(fixture.join("user.reg")).unwrap();
        let below = Arc::new(Below::new(Arc::clone(registry), root.clone()));
        Self::new(below, &root, vec![String::new()], Some(fixture), &export)
    }

    fn new(registry: Arc<dyn Registry>, root: &str, keys: Vec<String>, fixture: Option<&Path>, export: &[u8]) -> Self {
        for key in &keys {
            assert!(!registry.has_key(key).unwrap(), "{root} {key} is there already: this registry is somebody's own");
        }
        let file = tempfile::Builder::new().suffix(".reg").tempfile().unwrap();
        std::fs::write(file.path(), moved_below(root, export)).unwrap();
        let fixture = fixture.map(Path::to_owned);
        let mut imported = Self { registry, root: root.to_owned(), keys, fixture, export: file, first: Values::new() };
        imported.import();
        imported.first = imported.values();
        assert!(!imported.first.is_empty(), "nothing was imported");
        imported
    }

    fn import(&self) {
        reg(&["import", &self.export.path().display().to_string()]);
    }

    fn remove(&self) {
        for key in &self.keys {
            if self.registry.has_key(key).unwrap_or(true) {
                let _ = Command::new("reg").args(["delete", &self.full(key), "/f"]).output();
            }
        }
    }

    /// A key as `reg` calls it.
    fn full(&self, key: &str) -> String {
        let parts = ["HKEY_CURRENT_USER", &self.root, key];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(r"\")
    }

    pub fn values(&self) -> Values {
        values_below(self.registry.as_ref(), &self.keys)
    }

    /// The user to whom this belongs, as the fixture says, with a state folder of his own.
    pub fn place(&self) -> Visit<'_> {
        if self.values() != self.first {
            self.remove();
            self.import();
            assert_eq!(self.values(), self.first, "imported a second time");
        }
        let (home, state) = (case::folder(), case::folder());
        let fixture = self.fixture.as_deref().unwrap();
        case::copy_tree(fixture, home.path());
        std::fs::remove_file(home.path().join("user.reg")).unwrap();
        let computer = computer(home.path(), Arc::clone(&self.registry));
        let name = fixture.strip_prefix(case::fixtures()).unwrap().display().to_string();
        Visit { imported: self, name, home, state, computer }
    }
}

impl Drop for Imported {
    fn drop(&mut self) {
        self.remove();
    }
}

fn computer(home: &Path, registry: Arc<dyn Registry>) -> Computer {
    let machine = MachineRegFile::open(&home.join("machine.reg")).ok().flatten();
    let machine = machine.map(|machine| Arc::new(machine) as Arc<dyn MachineRegistry>);
    Computer::folder(home, Os::Windows, Some(registry)).with_machine(machine)
}

/// The imported registry with the other files of its user.
pub struct Visit<'a> {
    imported: &'a Imported,
    name: String,
    pub home: tempfile::TempDir,
    state: tempfile::TempDir,
    computer: Computer,
}

/// What a child process needs to find the same place.
pub fn computer_below(root: &str, home: &Path) -> Computer {
    let registry = port26_platform::registry::live().unwrap();
    computer(home, Arc::new(Below::new(registry, root)))
}

impl Visit<'_> {
    pub fn root(&self) -> &str {
        &self.imported.root
    }
}

impl Place for Visit<'_> {
    type Everything = (BTreeMap<PathBuf, Vec<u8>>, Values);
    fn name(&self) -> &str {
        &self.name
    }
    fn computer(&self) -> &Computer {
        &self.computer
    }
    fn state(&self) -> &Path {
        self.state.path()
    }
    fn everything(&self) -> Self::Everything {
        (case::read_tree(self.home.path()), self.imported.values())
    }
    /// By the tool of Windows.
    fn edit_value(&self, write: ValueWrite) {
        let key = self.imported.full(&write.key);
        let Some(value) = write.content else {
            return reg(&["delete", &key, "/v", &write.value, "/f"]);
        };
        let (kind, data) = match value.kind {
            ValueKind::Dword => ("REG_DWORD", value.as_dword().unwrap().to_string()),
            ValueKind::Sz => ("REG_SZ", value.as_text().unwrap()),
            ValueKind::Binary => ("REG_BINARY", value.data.iter().map(|byte| format!("{byte:02x}")).collect()),
            kind => panic!("no client writes {kind:?}"),
        };
        reg(&["add", &key, "/v", &write.value, "/t", kind, "/d", &data, "/f"]);
    }
}
