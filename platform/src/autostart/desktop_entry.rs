//! XDG autostart: a `.desktop` file in `$XDG_CONFIG_HOME/autostart`, or `/etc/xdg/autostart` for all users (Desktop
//! Application Autostart Specification 0.5; quoting after the Desktop Entry Specification 1.5, "The Exec key").

use std::path::PathBuf;

use super::{AutostartError, Entry, Found, Names, Removed, Scope, Started, remove_file, write_file};
use crate::files;

/// The folders of autostart entries.
#[derive(Debug, Clone)]
pub struct DesktopEntries {
    /// The user's own.
    pub own: PathBuf,
    /// Those of the machine, the first wins.
    pub all: Vec<PathBuf>,
}

impl DesktopEntries {
    /// Writes the user's own entry.
    pub fn install(&self, entry: &Entry) -> Result<Started, AutostartError> {
        write_file(&self.own.join(file_name(&entry.names)), text(entry)?.as_bytes())?;
        Ok(Started::AtNextLogin { why: None })
    }

    /// Removes the user's own entry.
    pub fn remove(&self, names: &Names) -> Result<Removed, AutostartError> {
        let gone = remove_file(&self.own.join(file_name(names)))?;
        Ok(if gone { Removed::Gone } else { Removed::Nothing })
    }

    /// The user's own entry and the machine's. The user's hides one of the same name.
    pub fn found(&self, names: &Names) -> Result<Vec<Found>, AutostartError> {
        let mut found: Vec<Found> = Vec::new();
        let own = std::iter::once((Scope::ThisUser, &self.own));
        for (scope, folder) in own.chain(self.all.iter().map(|folder| (Scope::AllUsers, folder))) {
            let path = folder.join(file_name(names));
            let Some(bytes) = files::read(&path)? else { continue };
            let text = String::from_utf8_lossy(&bytes);
            let Some(command) = value(&text, "Exec") else { continue };
            let hidden = value(&text, "Hidden") == Some("true");
            let enabled = !hidden && value(&text, "X-GNOME-Autostart-enabled") != Some("false") && found.is_empty();
            let place = path.display().to_string();
            found.push(Found { scope, place, command: command.to_owned(), enabled });
        }
        Ok(found)
    }
}

fn file_name(names: &Names) -> String {
    format!("{}.desktop", names.name)
}

/// A key of the group `[Desktop Entry]`, as it is written.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let group = text.lines().skip_while(|line| line.trim() != "[Desktop Entry]").skip(1);
    let mut lines = group.take_while(|line| !line.starts_with('['));
    lines.find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim_end() == key).then(|| value.trim())
    })
}

/// The whole file.
pub fn text(entry: &Entry) -> Result<String, AutostartError> {
    let mut command = quoted(entry.program_text()?);
    for argument in &entry.arguments {
        command.push(' ');
        command.push_str(argument);
    }
    Ok(format!(
        "[Desktop Entry]\nType=Application\nName={}\nComment={}\nExec={command}\nTerminal=false\nNoDisplay=true\n",
        entry.names.name, entry.names.comment
    ))
}

/// One argument in quotation marks: a backslash before each of `"`, `` ` ``, `$` and `\`, every backslash doubled
/// because the value is a string first, and `%` doubled because it begins a field code.
fn quoted(argument: &str) -> String {
    let mut text = String::from("\"");
    for letter in argument.chars() {
        match letter {
            '"' | '`' | '$' => text.extend(["\\\\", letter.encode_utf8(&mut [0; 4])]),
            '\\' => text.push_str(r"\\\\"),
            '%' => text.push_str("%%"),
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    fn folders(below: &std::path::Path) -> DesktopEntries {
        DesktopEntries { own: below.join("own/autostart"), all: vec![below.join("all")] }
    }

    #[test]
    fn the_text() {
        let expected = "[Desktop Entry]\nType=Application\nName=sample\nComment=Looks after <samples>\n\
            Exec=\"/Applications/My \\\\$ample & 100%%.app/Contents/MacOS/sample\" agent run --silent\n\
            Terminal=false\nNoDisplay=true\n";
        assert_eq!(text(&sample()).unwrap(), expected);
        assert_eq!(quoted(r"a\b"), r#""a\\\\b""#);
    }

    #[test]
    fn written_found_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (entries, entry) = (folders(dir.path()), sample());
        assert_eq!(entries.found(&entry.names).unwrap(), []);
        assert_eq!(entries.remove(&entry.names).unwrap(), Removed::Nothing);
        entries.install(&entry).unwrap();
        let found = entries.found(&entry.names).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].enabled && found[0].scope == Scope::ThisUser);
        assert!(found[0].command.ends_with("sample\" agent run --silent"), "{found:?}");
        assert_eq!(entries.remove(&entry.names).unwrap(), Removed::Gone);
        assert_eq!(entries.found(&entry.names).unwrap(), []);
    }

    #[test]
    fn what_the_user_switched_off_is_off_and_hides_the_machines() {
        let dir = tempfile::tempdir().unwrap();
        let (entries, entry) = (folders(dir.path()), sample());
        let file = |folder: &std::path::Path, more: &str| {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join("sample.desktop"), text(&entry).unwrap() + more).unwrap();
        };
        file(&entries.all[0], "");
        let found = entries.found(&entry.names).unwrap();
        assert!(matches!(&found[..], [one] if one.enabled && one.scope == Scope::AllUsers), "{found:?}");
        file(&entries.own, "Hidden=true\n[Another]\nExec=no\n");
        let found = entries.found(&entry.names).unwrap();
        assert_eq!(found.iter().map(|one| one.enabled).collect::<Vec<_>>(), [false, false], "{found:?}");
    }
}
