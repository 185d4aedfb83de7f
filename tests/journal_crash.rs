//! Real kills: this program starts itself, the child is aborted at the n-th write (before it, in the middle of
//! it, after it), and the parent looks at what is left and recovers. Every file must hold its old or its new
//! bytes at any moment, every profile be of one piece after recovery, and undo give the first bytes back.

// Helpers outside the test functions: a panic is how they fail.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use port26::account::{AuthSetting, ClientId, CredentialSource, SubmissionServer, TlsMode};
use port26::apply::{
    AccountChange, Machine, MachineStore, RecoveryOutcome, RunId, Selector, Store, StoreError, Transaction, Writer,
};
use port26::change::{Change, Content, Slot};
use port26::clients::InUse;
use port26::formats::open::Editors;
use port26::formats::{Document, FileFormat, FormatError};
use port26_platform::host::{Folders, Host, Os};
use port26_platform::processes::NothingRuns;
use port26_platform::registry::{Value, ValueWrite};

/// Three formats as lines: what stands before the name, between name and value, and after the value.
struct LineEditors;

struct LineDoc {
    lines: Vec<String>,
    form: [&'static str; 3],
}

impl Editors for LineEditors {
    fn open(&self, format: FileFormat, bytes: &[u8]) -> Result<Box<dyn Document>, FormatError> {
        let form = match format {
            FileFormat::PrefsJs => ["user_pref(\"", "\", ", ");"],
            FileFormat::OeAccount => ["<", " type=\"DWORD\">", "</>"],
            _ => ["", "=", ""],
        };
        let text = String::from_utf8(bytes.to_vec()).map_err(|error| FormatError::Malformed {
            format: "list of lines",
            offset: error.utf8_error().valid_up_to(),
            why: "not text".to_owned(),
        })?;
        Ok(Box::new(LineDoc { lines: text.lines().map(str::to_owned).collect(), form }))
    }
    fn value_to_raw(&self, _: &Value) -> String {
        unreachable!("these machines have no registry")
    }
    fn raw_to_value(&self, _: &str) -> Result<Value, FormatError> {
        unreachable!("these machines have no registry")
    }
}

impl LineDoc {
    fn at(&self, name: &str) -> Option<usize> {
        let start = format!("{}{name}{}", self.form[0], self.form[1]);
        self.lines.iter().position(|line| line.starts_with(&start))
    }
}

impl Document for LineDoc {
    fn to_bytes(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
    }
    fn get(&self, name: &str) -> Result<Option<String>, FormatError> {
        let start = self.form[0].len() + name.len() + self.form[1].len();
        Ok(self.at(name).map(|at| self.lines[at][start..self.lines[at].len() - self.form[2].len()].to_owned()))
    }
    fn set(&mut self, name: &str, raw: &str) -> Result<(), FormatError> {
        let line = format!("{}{name}{}{raw}{}", self.form[0], self.form[1], self.form[2]);
        match self.at(name) {
            Some(at) => self.lines[at] = line,
            None => self.lines.push(line),
        }
        Ok(())
    }
    fn remove(&mut self, name: &str) -> Result<(), FormatError> {
        if let Some(at) = self.at(name) {
            self.lines.remove(at);
        }
        Ok(())
    }
}

/// When in a write the process dies.
const MOMENTS: [&str; 3] = ["before", "during", "after"];

/// The machine's own store, deadly at one write.
struct KillingStore {
    machine: MachineStore,
    writes: AtomicUsize,
    kill_at: usize,
    moment: String,
}

impl Store for KillingStore {
    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        self.machine.read_file(path)
    }
    fn replace_file(&self, path: &Path, old: &[u8], new: &[u8], temp: &str) -> Result<(), StoreError> {
        let now = self.writes.fetch_add(1, Ordering::SeqCst) == self.kill_at;
        if now && self.moment == "during" {
            // Half of the new bytes are in the temporary file.
            let _ = std::fs::write(path.with_file_name(temp), &new[..new.len() / 2]);
        }
        if now && self.moment != "after" {
            std::process::abort();
        }
        self.machine.replace_file(path, old, new, temp)?;
        if now {
            std::process::abort();
        }
        Ok(())
    }
    fn clean_up(&self, path: &Path, temp: &str) -> Result<(), StoreError> {
        self.machine.clean_up(path, temp)
    }
    fn read_value(&self, key: &str, value: &str) -> Result<Option<Value>, StoreError> {
        self.machine.read_value(key, value)
    }
    fn write_values(&self, writes: &[ValueWrite]) -> Result<(), StoreError> {
        self.machine.write_values(writes)
    }
    fn registry_file(&self) -> Option<PathBuf> {
        self.machine.registry_file()
    }
}

struct Profile {
    client: ClientId,
    format: FileFormat,
    files: [&'static str; 2],
    old: &'static str,
    new: &'static str,
}

const PROFILES: [Profile; 3] = [
    Profile {
        client: ClientId::Thunderbird,
        format: FileFormat::PrefsJs,
        files: ["tb/prefs.js", "tb/second.js"],
        old: "user_pref(\"port\", 25);\nuser_pref(\"theme\", \"dark\");\n",
        new: "user_pref(\"port\", 26);\nuser_pref(\"theme\", \"dark\");\nuser_pref(\"auth\", 3);\n",
    },
    Profile {
        client: ClientId::ClawsMail,
        format: FileFormat::KeyFile,
        files: ["claws/accountrc", "claws/second"],
        old: "password=hunter2\nport=25\n",
        new: "password=hunter2\nport=26\nauth=3\n",
    },
    Profile {
        client: ClientId::WindowsLiveMail,
        format: FileFormat::OeAccount,
        files: ["wlm/one.oeaccount", "wlm/two.oeaccount"],
        old: "<port type=\"DWORD\">25</>\n<Blob type=\"DWORD\">00ff</>\n",
        new: "<port type=\"DWORD\">26</>\n<Blob type=\"DWORD\">00ff</>\n<auth type=\"DWORD\">3</>\n",
    },
];
const WRITES: usize = 6;

fn host(home: &Path) -> Host {
    Host {
        os: Os::Linux,
        folders: Folders::below(home, Os::Linux),
        registry: None,
        processes: Arc::new(NothingRuns),
        own_session: false,
    }
}

fn with_writer<T>(home: &Path, store: &dyn Store, act: impl FnOnce(&Writer) -> T) -> T {
    let nobody = |_: ClientId, _: &str| InUse::No;
    act(&Writer::new(home.join("state"), Machine::of(&host(home)), store, &LineEditors, &nobody))
}

fn here<T>(home: &Path, act: impl FnOnce(&Writer) -> T) -> T {
    with_writer(home, &MachineStore::of(&host(home)), act)
}

fn server(port: u16) -> SubmissionServer {
    SubmissionServer {
        host: "mail.hosting.test".to_owned(),
        port,
        port_is_default: false,
        tls: TlsMode::Starttls,
        auth: AuthSetting::Password,
        credential: CredentialSource::SameAsIncoming,
        user: Some("ann@hosting.test".to_owned()),
    }
}

fn transaction(home: &Path, profile: &Profile) -> Transaction {
    let account = |file: &&str| {
        let change = |name: &str, before: Option<&str>, after: &str| Change {
            slot: Slot::Setting { file: home.join(file), format: profile.format, name: name.to_owned() },
            before: before.map(|raw| Content::Raw(raw.to_owned())),
            after: Some(Content::Raw(after.to_owned())),
        };
        let changes = vec![change("port", Some("25"), "26"), change("auth", None, "3")];
        AccountChange { account_id: (*file).to_owned(), before: server(25), after: server(26), changes }
    };
    Transaction {
        run: RunId("run".to_owned()),
        client: profile.client,
        profile: "p".to_owned(),
        accounts: profile.files.iter().map(account).collect(),
    }
}

fn apply_all(home: &Path, writer: &Writer) {
    for profile in &PROFILES {
        writer.apply(&transaction(home, profile)).unwrap();
    }
}

fn fresh_home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for profile in &PROFILES {
        for file in profile.files {
            std::fs::create_dir_all(home.path().join(file).parent().unwrap()).unwrap();
            std::fs::write(home.path().join(file), profile.old).unwrap();
        }
    }
    home
}

/// In a child: does what it was started for, and dies of it or exits.
fn be_the_child_if_started_as_one() {
    let Ok(home) = std::env::var("PORT26_CRASH_HOME") else { return };
    let home = PathBuf::from(home);
    let variable = |name: &str| std::env::var(name).unwrap();
    let store = KillingStore {
        machine: MachineStore::of(&host(&home)),
        writes: AtomicUsize::new(0),
        kill_at: variable("PORT26_CRASH_AT").parse().unwrap(),
        moment: variable("PORT26_CRASH_MOMENT"),
    };
    with_writer(&home, &store, |writer| match variable("PORT26_CRASH_VERB").as_str() {
        "apply" => apply_all(&home, writer),
        "recover" => drop(writer.recover().unwrap()),
        _ => drop(writer.undo(&Selector::All, &RunId("undo".to_owned())).unwrap()),
    });
    std::process::exit(0);
}

/// Starts this test again as a child. True if it was killed, false if it got through.
fn killed(test: &str, home: &Path, verb: &str, at: usize, moment: &str) -> bool {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("PORT26_CRASH_HOME", home)
        .env("PORT26_CRASH_VERB", verb)
        .env("PORT26_CRASH_AT", at.to_string())
        .env("PORT26_CRASH_MOMENT", moment)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "the child failed instead of being killed: {said}");
    !output.status.success()
}

/// True for each file that holds its new bytes; anything but old or new fails.
fn moved(home: &Path) -> Vec<bool> {
    let files = PROFILES.iter().flat_map(|profile| profile.files.map(|file| (profile, file)));
    let moved = |(profile, file): (&Profile, &str)| {
        let text = std::fs::read_to_string(home.join(file)).unwrap();
        assert!(text == profile.old || text == profile.new, "{file} is neither old nor new: {text:?}");
        text == profile.new
    };
    files.map(moved).collect()
}

fn assert_nothing_left_beside(home: &Path) {
    for folder in ["tb", "claws", "wlm"] {
        assert_eq!(std::fs::read_dir(home.join(folder)).unwrap().count(), 2, "a temporary file is left in {folder}");
    }
}

/// Recovers; what was found must have been put right. How many there were.
fn recover(home: &Path) -> usize {
    let recovery = here(home, |writer| writer.recover()).unwrap();
    assert!(recovery.unreadable.is_empty(), "{:?}", recovery.unreadable);
    for recovered in &recovery.recovered {
        let whole = matches!(&recovered.outcome, RecoveryOutcome::PutBack { left } if left.is_empty());
        assert!(whole, "{recovered:?}");
    }
    recovery.recovered.len()
}

fn undo_all(home: &Path) {
    let undone = here(home, |writer| writer.undo(&Selector::All, &RunId("undo".to_owned()))).unwrap();
    assert!(undone.iter().all(|undone| undone.error.is_none()), "{undone:?}");
    assert_eq!(moved(home), [false; WRITES]);
    assert_nothing_left_beside(home);
}

#[test]
fn a_change_killed_at_any_write_is_taken_back_whole() {
    be_the_child_if_started_as_one();
    let test = "a_change_killed_at_any_write_is_taken_back_whole";
    for moment in MOMENTS {
        for at in 0..=WRITES {
            let home = fresh_home();
            let home = home.path();
            assert_eq!(killed(test, home, "apply", at, moment), at < WRITES, "{moment} write {at}");
            // In the order of the writes: those before the kill are made, those after it are not.
            let made = at + usize::from(moment == "after" && at < WRITES);
            assert_eq!(moved(home), (0..WRITES).map(|n| n < made).collect::<Vec<_>>(), "{moment} write {at}");

            assert_eq!(recover(home), usize::from(at < WRITES));
            // Of the profile that was interrupted nothing is left, the ones before it stay as they are.
            let whole = at / 2 * 2;
            assert_eq!(moved(home), (0..WRITES).map(|n| n < whole).collect::<Vec<_>>(), "{moment} write {at}");
            assert_nothing_left_beside(home);
            assert_eq!(recover(home), 0);
            undo_all(home);
        }
    }
}

#[test]
fn a_recovery_killed_at_any_write_is_taken_up_again() {
    be_the_child_if_started_as_one();
    let test = "a_recovery_killed_at_any_write_is_taken_up_again";
    for moment in MOMENTS {
        for at in 0..=2 {
            let home = fresh_home();
            let home = home.path();
            // Killed after the second write of the second profile: two files to put back.
            assert!(killed(test, home, "apply", 3, "after"));
            assert_eq!(killed(test, home, "recover", at, moment), at < 2, "{moment} write {at}");
            moved(home);
            assert_eq!(recover(home), usize::from(at < 2), "{moment} write {at}");
            assert_eq!(moved(home), [true, true, false, false, false, false]);
            assert_nothing_left_beside(home);
            undo_all(home);
        }
    }
}

#[test]
fn an_undo_killed_at_any_write_is_completed() {
    be_the_child_if_started_as_one();
    let test = "an_undo_killed_at_any_write_is_completed";
    for moment in MOMENTS {
        for at in 0..=WRITES {
            let home = fresh_home();
            let home = home.path();
            here(home, |writer| apply_all(home, writer));
            assert_eq!(moved(home), [true; WRITES]);
            assert_eq!(killed(test, home, "undo", at, moment), at < WRITES, "{moment} write {at}");
            moved(home);
            assert_eq!(recover(home), usize::from(at < WRITES));
            // The newest profile is undone first; the one that was interrupted is undone, too.
            let undone = if at < WRITES { at / 2 * 2 + 2 } else { WRITES };
            let expected: Vec<bool> = (0..WRITES).map(|n| n < WRITES - undone).collect();
            assert_eq!(moved(home), expected, "{moment} write {at}");
            assert_nothing_left_beside(home);
            assert_eq!(recover(home), 0);
            undo_all(home);
        }
    }
}
