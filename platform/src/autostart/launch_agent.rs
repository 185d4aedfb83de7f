//! macOS: a property list in `~/Library/LaunchAgents`, or `/Library/LaunchAgents` for all users (launchd.plist(5)), made
//! known to the session at once with `launchctl bootstrap gui/UID` and taken back with `bootout` (launchctl(1)).
//! launchctl is a parameter, so all of this is tested on every system against a model of it; it was never run on a Mac.

use std::path::PathBuf;

use plist::{Dictionary, Value};

use super::{AutostartError, Entry, Found, Names, Removed, Scope, Started, remove_file, write_file};
use crate::files;

/// How a run of launchctl ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its exit code was 0.
    pub well: bool,
    /// What it printed, both outputs.
    pub text: String,
}

/// Runs launchctl with these arguments.
pub type Launchctl<'a> = &'a dyn Fn(&[&str]) -> std::io::Result<Said>;

/// The folders of LaunchAgents and the session that they are for.
pub struct LaunchAgents<'a> {
    /// The user's own folder.
    pub own: PathBuf,
    /// The folder for all users.
    pub all: PathBuf,
    /// The user's number.
    pub uid: u32,
    /// The tool.
    pub launchctl: Launchctl<'a>,
}

impl LaunchAgents<'_> {
    /// Writes the user's own entry and starts it in the session. A session that refuses (no one at the screen) starts it
    /// at the next login.
    pub fn install(&self, entry: &Entry) -> Result<Started, AutostartError> {
        let path = self.own.join(file_name(&entry.names));
        write_file(&path, text(entry)?.as_bytes())?;
        self.take_back(&entry.names)?;
        let said = self.run(&["bootstrap", &self.domain(), &path.to_string_lossy()])?;
        Ok(if said.well { Started::Now } else { Started::AtNextLogin { why: Some(first_line(&said.text)) } })
    }

    /// Removes the user's own entry, and takes it out of the session. The entry for all users has the same label and
    /// stays where it is.
    pub fn remove(&self, names: &Names) -> Result<Removed, AutostartError> {
        if !remove_file(&self.own.join(file_name(names)))? {
            return Ok(Removed::Nothing);
        }
        self.take_back(names)?;
        Ok(Removed::Gone)
    }

    /// The user's own entry and the machine's.
    pub fn found(&self, names: &Names) -> Result<Vec<Found>, AutostartError> {
        let mut found = Vec::new();
        for (scope, folder) in [(Scope::ThisUser, &self.own), (Scope::AllUsers, &self.all)] {
            let path = folder.join(file_name(names));
            let Some(bytes) = files::read(&path)? else { continue };
            let Some((command, enabled)) = read(&bytes) else { continue };
            found.push(Found { scope, place: path.display().to_string(), command, enabled });
        }
        Ok(found)
    }

    /// Takes the job out of the session if it is in it: a label can be in it once.
    fn take_back(&self, names: &Names) -> Result<(), AutostartError> {
        let target = format!("{}/{}", self.domain(), names.label);
        if self.run(&["print", &target])?.well {
            // One that ends by itself meanwhile is out as well.
            self.run(&["bootout", &target])?;
        }
        Ok(())
    }

    fn run(&self, arguments: &[&str]) -> Result<Said, AutostartError> {
        (self.launchctl)(arguments).map_err(|source| AutostartError::Tool { tool: "/bin/launchctl", source })
    }

    fn domain(&self) -> String {
        format!("gui/{}", self.uid)
    }
}

fn file_name(names: &Names) -> String {
    format!("{}.plist", names.label)
}

fn first_line(text: &str) -> String {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("launchctl gave no reason").to_owned()
}

/// The whole property list. `Aqua`: sessions at the screen only, where the mail programs are.
pub fn text(entry: &Entry) -> Result<String, AutostartError> {
    let program = entry.program_text()?.to_owned();
    let arguments = std::iter::once(program).chain(entry.arguments.iter().cloned()).map(Value::String);
    let mut list = Dictionary::new();
    list.insert("Label".to_owned(), entry.names.label.into());
    list.insert("LimitLoadToSessionType".to_owned(), "Aqua".into());
    list.insert("ProgramArguments".to_owned(), Value::Array(arguments.collect()));
    list.insert("RunAtLoad".to_owned(), true.into());
    let mut bytes = Vec::new();
    let written = Value::Dictionary(list).to_writer_xml(&mut bytes);
    let text = written.ok().and_then(|()| String::from_utf8(bytes).ok());
    text.ok_or(AutostartError::Program { program: entry.program.clone(), why: "it does not fit into a property list" })
}

/// The command of a LaunchAgent, and whether it is switched on.
fn read(bytes: &[u8]) -> Option<(String, bool)> {
    let list = Value::from_reader(std::io::Cursor::new(bytes)).ok()?.into_dictionary()?;
    let words: Option<Vec<&str>> = list.get("ProgramArguments")?.as_array()?.iter().map(Value::as_string).collect();
    let quoted = |word: &str| if word.contains(' ') { format!("\"{word}\"") } else { word.to_owned() };
    let command = words?.into_iter().map(quoted).collect::<Vec<_>>().join(" ");
    let disabled = list.get("Disabled").and_then(Value::as_boolean).unwrap_or(false);
    Some((command, !disabled))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::tests::sample;
    use super::*;

    /// launchctl as its manual describes it: a label can be loaded once, `print` and `bootout` fail for one that is not.
    #[derive(Default)]
    struct Session {
        loaded: RefCell<Vec<String>>,
        calls: RefCell<Vec<String>>,
        refuses: bool,
    }

    impl Session {
        fn run(&self, arguments: &[&str]) -> std::io::Result<Said> {
            self.calls.borrow_mut().push(arguments.join(" "));
            let mut loaded = self.loaded.borrow_mut();
            let well = match *arguments {
                ["print", target] => loaded.iter().any(|one| one == target),
                ["bootout", target] => {
                    let before = loaded.len();
                    loaded.retain(|one| one != target);
                    loaded.len() < before
                }
                ["bootstrap", domain, path] => {
                    let list = Value::from_file(path).unwrap();
                    let label = list.as_dictionary().unwrap()["Label"].as_string().unwrap();
                    let target = format!("{domain}/{label}");
                    let free = !self.refuses && !loaded.contains(&target);
                    loaded.extend(free.then_some(target));
                    free
                }
                _ => panic!("launchctl {arguments:?}"),
            };
            let text = if well { String::new() } else { "\nBootstrap failed: 5: Input/output error\n".to_owned() };
            Ok(Said { well, text })
        }
    }

    fn with<T>(session: &Session, below: &std::path::Path, act: impl FnOnce(LaunchAgents<'_>) -> T) -> T {
        let launchctl = |arguments: &[&str]| session.run(arguments);
        let (own, all) = (below.join("own"), below.join("all"));
        act(LaunchAgents { own, all, uid: 501, launchctl: &launchctl })
    }

    #[test]
    fn the_text() {
        let text = text(&sample()).unwrap();
        let list = Value::from_reader(std::io::Cursor::new(&text)).unwrap().into_dictionary().unwrap();
        assert_eq!(list["Label"].as_string(), Some("org.sample.agent"));
        assert_eq!(list["RunAtLoad"].as_boolean(), Some(true));
        assert_eq!(list["LimitLoadToSessionType"].as_string(), Some("Aqua"));
        let words: Vec<_> = list["ProgramArguments"].as_array().unwrap().iter().map(|word| word.as_string()).collect();
        let program = "/Applications/My $ample & 100%.app/Contents/MacOS/sample";
        assert_eq!(words, [Some(program), Some("agent"), Some("run"), Some("--silent")]);
        assert_eq!(list.len(), 4);
        assert!(text.starts_with("<?xml") && text.contains("&amp;"), "{text}");
    }

    #[test]
    fn installed_twice_it_runs_once_and_removed_it_is_gone() {
        let (dir, session, entry) = (tempfile::tempdir().unwrap(), Session::default(), sample());
        with(&session, dir.path(), |agents| {
            assert_eq!(agents.install(&entry).unwrap(), Started::Now);
            assert_eq!(agents.install(&entry).unwrap(), Started::Now);
            assert_eq!(*session.loaded.borrow(), ["gui/501/org.sample.agent"]);
            let found = agents.found(&entry.names).unwrap();
            assert!(matches!(&found[..], [one] if one.enabled && one.scope == Scope::ThisUser), "{found:?}");
            assert!(found[0].command.ends_with("sample\" agent run --silent"), "{found:?}");
            assert_eq!(agents.remove(&entry.names).unwrap(), Removed::Gone);
            assert_eq!(agents.remove(&entry.names).unwrap(), Removed::Nothing);
            assert_eq!(agents.found(&entry.names).unwrap(), []);
        });
        assert!(session.loaded.borrow().is_empty());
        assert!(session.calls.borrow().contains(&"bootout gui/501/org.sample.agent".to_owned()));
    }

    #[test]
    fn a_session_that_refuses_starts_it_at_the_next_login() {
        let (dir, entry) = (tempfile::tempdir().unwrap(), sample());
        let session = Session { refuses: true, ..Session::default() };
        with(&session, dir.path(), |agents| {
            let why = Some("Bootstrap failed: 5: Input/output error".to_owned());
            assert_eq!(agents.install(&entry).unwrap(), Started::AtNextLogin { why });
            assert_eq!(agents.found(&entry.names).unwrap().len(), 1);
        });
    }

    #[test]
    fn the_machines_own_entry_is_found_and_never_touched() {
        let (dir, session, entry) = (tempfile::tempdir().unwrap(), Session::default(), sample());
        let path = dir.path().join("all/org.sample.agent.plist");
        std::fs::create_dir(dir.path().join("all")).unwrap();
        let disabled = text(&entry).unwrap().replace("<true/>", "<true/><key>Disabled</key><true/>");
        std::fs::write(&path, disabled).unwrap();
        with(&session, dir.path(), |agents| {
            let found = agents.found(&entry.names).unwrap();
            assert!(matches!(&found[..], [one] if !one.enabled && one.scope == Scope::AllUsers), "{found:?}");
            assert_eq!(agents.remove(&entry.names).unwrap(), Removed::Nothing);
        });
        assert!(path.exists() && session.calls.borrow().is_empty());
    }
}
