//! Accounts that are sections of a key file of GLib's or KDE's: their values as the program reads them, and changes of
//! nothing but what must differ. What neither of the two would write is reported, never guessed at.

use std::path::{Path, PathBuf};

use port26_platform::files::{self, FileError};

use super::{PlanError, Problem};
use crate::account::{Account, ClientId, Setting, SubmissionServer, TlsMode};
use crate::change::{Change, Content, Slot};
use crate::formats::key_file::KeyFile;
use crate::formats::{Document, FileFormat};

/// Stands for what the file says where that is not to be trusted: no file holds it, so no change finds it there.
const NOT_KNOWN: &str = "\0";

/// Largest file, in bytes, and files in a folder: more is not what a mail program writes, and would cost minutes or memory.
const MOST_BYTES: u64 = 16 << 20;
const MOST_FILES: usize = 4096;

/// Why a file, or a folder of them, is left alone.
#[derive(Debug)]
pub(super) enum Unread {
    /// It could not be read.
    File(FileError),
    /// What is in it is not understood.
    Form(String),
}

/// The names in a folder, in their order; none where there is no such folder.
pub(super) fn listed(folder: &Path) -> Result<Vec<PathBuf>, Unread> {
    let io = |source| Unread::File(FileError::Io { doing: "listing", path: folder.to_owned(), source });
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        if found.len() == MOST_FILES {
            return Err(Unread::Form(format!("there are more than {MOST_FILES} files in it")));
        }
        found.push(entry.map_err(io)?.path());
    }
    found.sort();
    Ok(found)
}

/// One file.
pub(super) struct Sheet {
    path: PathBuf,
    doc: KeyFile,
}

/// A value that is not as its program writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unexpected {
    pub name: String,
    pub why: String,
}

impl Unexpected {
    pub(super) fn new(name: &str, why: impl Into<String>) -> Self {
        Self { name: name.to_owned(), why: why.into() }
    }
}

impl Sheet {
    /// `Ok(None)`: there is no such file.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, Unread> {
        let size = path.metadata().map_or(0, |meta| meta.len());
        if size > MOST_BYTES {
            return Err(Unread::File(FileError::TooLarge { path: path.to_owned(), size, limit: MOST_BYTES }));
        }
        let Some(bytes) = files::read(path).map_err(Unread::File)? else { return Ok(None) };
        let doc = KeyFile::parse(&bytes).map_err(|error| Unread::Form(error.to_string()))?;
        if doc.sections().next().is_none() {
            return Err(Unread::Form("it has no section at all".to_owned()));
        }
        Ok(Some(Self { path: path.to_owned(), doc }))
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = &str> {
        self.doc.sections()
    }

    pub(super) fn keys<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a str> {
        self.doc.keys(section)
    }

    /// Does a heading have one of KDE's marks behind it (`[Transport 1][$i]`), or stand for the whole file (`[$i]`)? What it locks
    /// cannot be changed by writing it.
    pub(super) fn has_locked_sections(&self) -> bool {
        self.doc.to_bytes().split(|byte| *byte == b'\n').any(|line| {
            let line = line.trim_ascii_start();
            line.starts_with(b"[") && line.windows(2).any(|two| two == b"[$")
        })
    }

    fn has(&self, section: &str) -> bool {
        self.doc.sections().any(|there| there == section)
    }

    /// Text; `None` where nothing is written, or nothing but blanks.
    pub(super) fn text(&self, section: &str, key: &str) -> Result<Option<String>, Unexpected> {
        let name = format!("{section}/{key}");
        let raw = self.doc.get(&name).map_err(|error| Unexpected::new(&name, error.to_string()))?;
        let text = raw.map(|raw| decoded(raw.trim()).ok_or_else(|| Unexpected::new(&name, "an unknown escape")));
        Ok(text.transpose()?.filter(|text| !text.is_empty()))
    }

    /// A port; `None` where none is written.
    pub(super) fn port(&self, section: &str, key: &str) -> Result<Option<u16>, Unexpected> {
        let Some(text) = self.text(section, key)? else { return Ok(None) };
        match text.parse() {
            Ok(0) => Ok(None),
            Ok(port) => Ok(Some(port)),
            Err(_) => Err(Unexpected::new(&format!("{section}/{key}"), format!("{text:?} is not a port"))),
        }
    }

    /// Yes or no, in the words that both libraries know.
    pub(super) fn flag(&self, section: &str, key: &str, default: bool) -> bool {
        match self.text(section, key) {
            Ok(Some(word)) if ["true", "1", "on", "yes"].contains(&word.to_ascii_lowercase().as_str()) => true,
            Ok(Some(_)) => false,
            _ => default,
        }
    }

    /// What an edit of this setting would find. A line is never put into a section that is not there.
    pub(super) fn setting(&self, section: &str, key: &str) -> Setting {
        let name = format!("{section}/{key}");
        let not_known = || Some(NOT_KNOWN.to_owned());
        let content = if self.has(section) { self.doc.get(&name).unwrap_or_else(|_| not_known()) } else { not_known() };
        let slot = Slot::Setting { file: self.path.clone(), format: FileFormat::KeyFile, name };
        Setting { slot, content: content.map(Content::Raw) }
    }

    /// A file or an account in it that is left alone since it is not understood.
    pub(super) fn problem(&self, client: ClientId, program: &str, found: &Unexpected) -> Problem {
        let why = format!("{} is not as {program} writes it: {}", found.name, found.why);
        unreadable(client, program, &self.path, &Unread::Form(why))
    }
}

/// Is there something of this name, readable or not? Whether it is a file that can be read is told when it is opened.
pub(super) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// A file that cannot be read, or is not understood.
pub(super) fn unreadable(client: ClientId, program: &str, at: &Path, why: &Unread) -> Problem {
    let (code, why, hint) = match why {
        Unread::File(error) => (error.code().to_owned(), error.to_string(), error.hint().to_owned()),
        Unread::Form(why) => (
            "account_unreadable".to_owned(),
            why.clone(),
            format!("Start {program}, look at the account's settings, save them there, close it and run port26 again."),
        ),
    };
    let message = format!("An account of {program} could not be read: {why}.");
    Problem { client: Some(client), at: at.display().to_string(), code, message, hint }
}

/// `\s`, `\t`, `\n`, `\r` and `\\` are what both libraries write; any other escape is not known.
fn decoded(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut letters = raw.chars();
    while let Some(letter) = letters.next() {
        text.push(match letter {
            '\\' => match letters.next()? {
                's' => ' ',
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                '\\' => '\\',
                _ => return None,
            },
            letter => letter,
        });
    }
    Some(text)
}

/// `None`: control characters, which no account has.
fn encoded(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let inner = text.trim_matches(' ');
    let lead = text.len() - text.trim_start_matches(' ').len();
    let tail = text.len() - lead - inner.len();
    Some(format!("{}{}{}", r"\s".repeat(lead), inner.replace('\\', r"\\"), r"\s".repeat(tail)))
}

/// Collects changes against what discovery saw.
pub(super) struct Edits<'a> {
    account: &'a Account,
    changes: Vec<Change>,
}

impl<'a> Edits<'a> {
    /// Of an account that goes to another server. `None`: it is there already.
    pub(super) fn towards(account: &'a Account, to: &SubmissionServer) -> Result<Option<Self>, PlanError> {
        if *to == account.outgoing {
            return Ok(None);
        }
        let edits = Self { account, changes: Vec::new() };
        match account.not_ours {
            Some(reason) => Err(edits.cannot(&format!("this account is left alone ({reason:?})"))),
            None => Ok(Some(edits)),
        }
    }

    pub(super) fn cannot(&self, why: &str) -> PlanError {
        PlanError::CannotExpress { client: self.account.client, why: why.to_owned() }
    }

    /// Writes where the server is and how it is reached: settings called `host`, `port` and `tls.0`.
    pub(super) fn server(&mut self, to: &SubmissionServer, tls: (&'static str, &TlsWords)) -> Result<(), PlanError> {
        let now = &self.account.outgoing;
        if to.host != now.host {
            self.set("host", &to.host)?;
        }
        if to.port != now.port {
            self.set("port", &to.port.to_string())?;
        }
        if to.tls != now.tls {
            self.set(tls.0, tls.1.word(to.tls))?;
        }
        Ok(())
    }

    /// Writes text; nothing where it is there already.
    pub(super) fn set(&mut self, key: &'static str, text: &str) -> Result<(), PlanError> {
        let raw = encoded(text).ok_or_else(|| self.cannot("a value has control characters"))?;
        self.put(key, raw)
    }

    fn put(&mut self, key: &'static str, raw: String) -> Result<(), PlanError> {
        let unexpected = |why: &str| PlanError::Unexpected { setting: key.to_owned(), why: why.to_owned() };
        let setting = self.account.settings.get(key).ok_or_else(|| unexpected("it was not read"))?;
        let before = match &setting.content {
            None => None,
            Some(Content::Raw(raw)) if !raw.contains(NOT_KNOWN) => Some(raw),
            Some(_) => return Err(unexpected("it cannot be read as text, or is there more than once")),
        };
        if before != Some(&raw) {
            let after = Some(Content::Raw(raw));
            self.changes.push(Change { slot: setting.slot.clone(), before: setting.content.clone(), after });
        }
        Ok(())
    }

    pub(super) fn done(self) -> Vec<Change> {
        self.changes
    }
}

/// The words for the kinds of encryption, and the other way round.
pub(super) struct TlsWords {
    pub none: &'static str,
    pub starttls: &'static str,
    pub implicit: &'static str,
}

impl TlsWords {
    pub(super) fn word(&self, tls: TlsMode) -> &'static str {
        match tls {
            TlsMode::None => self.none,
            TlsMode::Starttls => self.starttls,
            TlsMode::Implicit => self.implicit,
        }
    }

    pub(super) fn mode(&self, word: &str) -> Option<TlsMode> {
        [TlsMode::None, TlsMode::Starttls, TlsMode::Implicit].into_iter().find(|&tls| self.word(tls) == word)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sheet(text: &str) -> (tempfile::TempDir, Sheet) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), text).unwrap();
        let sheet = Sheet::open(&folder.path().join("file")).unwrap().unwrap();
        (folder, sheet)
    }

    #[test]
    fn values_as_the_libraries_read_them() {
        let (_folder, sheet) =
            sheet("[a]\nhost = mail.hosting.test \nport=26\nzero=0\nodd=x\nuser=\\sa\\\\b\nbad=\\q\non=Yes\n");
        assert_eq!(sheet.text("a", "host").unwrap().as_deref(), Some("mail.hosting.test"));
        assert_eq!(sheet.text("a", "user").unwrap().as_deref(), Some(" a\\b"));
        assert_eq!(sheet.text("a", "none").unwrap(), None);
        assert!(sheet.text("a", "bad").is_err());
        assert_eq!((sheet.port("a", "port").unwrap(), sheet.port("a", "zero").unwrap()), (Some(26), None));
        assert!(sheet.port("a", "odd").is_err());
        assert!(sheet.flag("a", "on", false) && !sheet.flag("a", "zero", true) && sheet.flag("a", "none", true));
        assert!(sheet.has("a") && !sheet.has("b"));
        assert!(!sheet.has_locked_sections());
        for text in ["[a][$i]\nhost=x\n", "[$i]\n[a]\nhost=x\n", "[b]\n [a][$ei]\r\nhost=x\n"] {
            assert!(self::sheet(text).1.has_locked_sections(), "{text}");
        }
    }

    #[test]
    fn more_than_a_program_writes_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::File::create(&file).unwrap().set_len(MOST_BYTES + 1).unwrap();
        let Err(why) = Sheet::open(&file) else { panic!("it was read") };
        assert_eq!(unreadable(ClientId::Geary, "Geary", &file, &why).code, "file_too_large");
        assert!(matches!(Sheet::open(folder.path()), Err(Unread::File(_))), "a folder is no file");
        assert!(listed(&folder.path().join("none")).unwrap().is_empty());
        assert!(matches!(listed(&file), Err(Unread::File(_))), "a file is no folder");
        for n in 0..MOST_FILES {
            std::fs::hard_link(&file, folder.path().join(n.to_string())).unwrap();
        }
        assert!(matches!(listed(folder.path()), Err(Unread::Form(_))));
    }

    #[test]
    fn what_stands_in_two_sections_of_one_name_is_not_known() {
        let (_folder, sheet) = sheet("[a]\nport=25\n[b]\nx=1\n[a]\nport=26\n");
        assert!(sheet.port("a", "port").is_err());
        assert_eq!(sheet.setting("a", "port").content, Some(Content::Raw(NOT_KNOWN.to_owned())));
    }

    proptest! {
        #[test]
        fn text_comes_back(text in "[ a-z\\\\@]{1,12}") {
            prop_assert_eq!(decoded(&encoded(&text).unwrap()), Some(text));
        }

        #[test]
        fn any_value_is_read_or_refused(raw in "\\PC{0,20}") {
            let _ = decoded(&raw);
        }
    }
}
