//! A small machine for the tests of the writer: a home folder, editors of `name=raw` lines, a registry in
//! memory, and a store that counts writes and fails when told to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use port26_platform::computer::Os;
use port26_platform::files::{Appender, FileError, Files};
use port26_platform::registry::{Value, ValueWrite};

use super::super::*;
use crate::account::{AuthSetting, ClientId, CredentialSource, SubmissionServer, TlsMode};
use crate::change::{Change, Content, Slot};
use crate::clients::InUse;
use crate::formats::open::Editors;
use crate::formats::{Document, FileFormat, FormatError};

/// `name=raw` lines; a `.reg` name has its line break written as `|`.
pub struct Lines;

struct LineDoc(Vec<String>);

impl Editors for Lines {
    fn open(&self, _: FileFormat, bytes: &[u8]) -> Result<Box<dyn Document>, FormatError> {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.is_empty() || text.ends_with('\n') => {
                Ok(Box::new(LineDoc(text.lines().map(str::to_owned).collect())))
            }
            _ => Err(FormatError::Malformed { format: "list of lines", offset: 0, why: "no line end".to_owned() }),
        }
    }

    fn value_to_raw(&self, value: &Value) -> String {
        format!("dword:{:08x}", value.as_dword().unwrap())
    }

    fn raw_to_value(&self, raw: &str) -> Result<Value, FormatError> {
        let digits = raw.strip_prefix("dword:").unwrap();
        Ok(Value::dword(u32::from_str_radix(digits, 16).unwrap()))
    }
}

impl LineDoc {
    fn at(&self, name: &str) -> Option<usize> {
        let start = format!("{}=", name.replace('\n', "|"));
        self.0.iter().position(|line| line.starts_with(&start))
    }
}

impl Document for LineDoc {
    fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
    }

    fn get(&self, name: &str) -> Result<Option<String>, FormatError> {
        Ok(self.at(name).map(|at| self.0[at][name.len() + 1..].to_owned()))
    }

    fn set(&mut self, name: &str, raw: &str) -> Result<(), FormatError> {
        let line = format!("{}={raw}", name.replace('\n', "|"));
        match self.at(name) {
            Some(at) => self.0[at] = line,
            None => self.0.push(line),
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), FormatError> {
        if let Some(at) = self.at(name) {
            self.0.remove(at);
        }
        Ok(())
    }
}

/// Real files, a registry in memory, and writes that fail from `fail_from` up to (not with) `fail_to`.
pub struct TestStore {
    files: Files,
    pub registry: Mutex<BTreeMap<(String, String), Value>>,
    pub reg_file: Option<PathBuf>,
    pub writes: AtomicUsize,
    pub fail_from: AtomicUsize,
    pub fail_to: AtomicUsize,
    /// Lines of journals so far, and from which on there is no room for them.
    pub lines: AtomicUsize,
    pub journal_full_at: AtomicUsize,
}

impl TestStore {
    fn count(&self, path: &Path) -> Result<(), StoreError> {
        let n = self.writes.fetch_add(1, Ordering::SeqCst);
        if (self.fail_from.load(Ordering::SeqCst)..self.fail_to.load(Ordering::SeqCst)).contains(&n) {
            let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(FileError::Io { doing: "replacing", path: path.to_owned(), source }.into());
        }
        Ok(())
    }

    /// From now on the writes in this range fail, counted from 0.
    pub fn fail(&self, writes: std::ops::Range<usize>) {
        self.writes.store(0, Ordering::SeqCst);
        self.fail_from.store(writes.start, Ordering::SeqCst);
        self.fail_to.store(writes.end, Ordering::SeqCst);
    }

    pub fn port(&self) -> u32 {
        self.registry.lock().unwrap()[&("Mail\\1".to_owned(), "Port".to_owned())].as_dword().unwrap()
    }

    pub fn set_port(&self, port: u32) {
        self.registry.lock().unwrap().insert(("Mail\\1".to_owned(), "Port".to_owned()), Value::dword(port));
    }
}

impl Store for TestStore {
    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.files.read(path)?)
    }
    fn replace_file(&self, path: &Path, old: &[u8], new: &[u8], temp: &str) -> Result<(), StoreError> {
        self.count(path)?;
        Ok(self.files.replace(path, old, new, temp)?)
    }
    fn look(&self, path: &Path, temp: &str) -> Result<(), StoreError> {
        Ok(self.files.look(path, temp)?)
    }
    fn clean_up(&self, path: &Path, temp: &str, ours: &dyn Fn(&[u8]) -> bool) -> Result<(), StoreError> {
        Ok(self.files.clean_up(path, temp, ours)?)
    }
    fn append(&self, journal: &mut Appender, line: &[u8]) -> Result<(), FileError> {
        if self.journal_full_at.load(Ordering::SeqCst) <= self.lines.fetch_add(1, Ordering::SeqCst) {
            let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(FileError::Io { doing: "writing", path: journal.path().to_owned(), source });
        }
        journal.append(line)
    }
    fn read_value(&self, key: &str, value: &str) -> Result<Option<Value>, StoreError> {
        Ok(self.registry.lock().unwrap().get(&(key.to_owned(), value.to_owned())).cloned())
    }
    fn write_values(&self, writes: &[ValueWrite]) -> Result<(), StoreError> {
        self.count(Path::new("HKCU"))?;
        for ValueWrite { key, value, content } in writes {
            let at = (key.clone(), value.clone());
            match content {
                Some(content) => self.registry.lock().unwrap().insert(at, content.clone()),
                None => self.registry.lock().unwrap().remove(&at),
            };
        }
        Ok(())
    }
    fn registry_file(&self) -> Option<PathBuf> {
        self.reg_file.clone()
    }
}

pub struct Bench {
    pub dir: tempfile::TempDir,
    pub store: TestStore,
}

pub fn nobody(_: ClientId, _: &str) -> InUse {
    InUse::No
}

impl Bench {
    /// A machine with these files in its home.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let store = TestStore {
            files: Files::of_home(dir.path()),
            registry: Mutex::default(),
            reg_file: None,
            writes: AtomicUsize::new(0),
            fail_from: AtomicUsize::new(0),
            fail_to: AtomicUsize::new(0),
            lines: AtomicUsize::new(0),
            journal_full_at: AtomicUsize::new(usize::MAX),
        };
        Self { dir, store }
    }

    pub fn machine(&self) -> Machine {
        Machine { os: Os::Linux, home: self.dir.path().to_owned(), registry: RegistryAt::None }
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub fn writer(&self) -> Writer<'_> {
        Writer::new(self.state(), self.machine(), &self.store, &Lines, &nobody)
    }

    pub fn writer_while<'a>(&'a self, open_check: &'a dyn OpenCheck) -> Writer<'a> {
        Writer::new(self.state(), self.machine(), &self.store, &Lines, open_check)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn setting(&self, file: &str, name: &str, before: Option<&str>, after: Option<&str>) -> Change {
        let raw = |text: &str| Content::Raw(text.to_owned());
        Change {
            slot: Slot::Setting { file: self.path(file), format: FileFormat::KeyFile, name: name.to_owned() },
            before: before.map(raw),
            after: after.map(raw),
        }
    }

    /// Bytes of every journal, one after the other.
    pub fn journals(&self) -> String {
        let mut all = String::new();
        for entry in std::fs::read_dir(self.state().join("receipts")).unwrap() {
            all += &std::fs::read_to_string(entry.unwrap().path()).unwrap();
        }
        all
    }

    /// Names of files that a replacement left.
    pub fn leftovers(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains("tmp")).collect()
    }
}

pub fn server(port: u16) -> SubmissionServer {
    SubmissionServer {
        host: "mail.hosting.test".to_owned(),
        port,
        port_is_default: false,
        tls: TlsMode::Starttls,
        auth: AuthSetting::Password,
        credential: CredentialSource::SameAsIncoming,
        user: Some("ann@hosting.test".to_owned()),
        mechanism: None,
    }
}

pub fn account(id: &str, changes: Vec<Change>) -> AccountChange {
    AccountChange { account_id: id.to_owned(), before: server(25), after: server(26), changes }
}

pub fn transaction(run: &str, accounts: Vec<AccountChange>) -> Transaction {
    Transaction { run: RunId(run.to_owned()), client: ClientId::ClawsMail, profile: "p".to_owned(), accounts }
}

pub fn value(before: Option<u32>, after: Option<u32>) -> Change {
    Change {
        slot: Slot::Registry { key: "Mail\\1".to_owned(), value: "Port".to_owned() },
        before: before.map(|n| Content::Registry(Value::dword(n))),
        after: after.map(|n| Content::Registry(Value::dword(n))),
    }
}
