//! The command lines that port26 prints for somebody to copy: about the same machine and the same receipts, and quoted for the
//! shell of this system.

use std::path::Path;

use clap::ValueEnum;
use port26_platform::computer::Os;

use super::args::{Global, OsName};
use crate::apply::{Machine, RegistryAt};

/// The flags that name a machine and its receipts, as they were given.
#[derive(Debug, Clone, Default)]
pub struct Again {
    flags: Vec<String>,
}

impl Again {
    /// Those of this command line.
    pub(super) fn of(global: &Global) -> Self {
        let mut again = Self::default();
        again.path("--home", global.home.as_deref());
        again.os(global.os);
        again.path("--registry", global.registry.as_deref());
        again.path("--state", global.state.as_deref());
        again
    }

    /// Those that lead to the machine of a receipt.
    pub(super) fn of_machine(machine: &Machine, global: &Global) -> Self {
        let mut again = Self::default();
        let registry = match &machine.registry {
            RegistryAt::File(file) => Some(file.as_path()),
            RegistryAt::None | RegistryAt::Live => None,
        };
        // The registry of the system that runs is reached as its own user only, in their own home.
        if machine.registry != RegistryAt::Live {
            again.path("--home", Some(&machine.home));
            again.os(Some(match machine.os {
                Os::Windows => OsName::Windows,
                Os::Macos => OsName::Macos,
                Os::Linux => OsName::Linux,
            }));
        }
        again.path("--registry", registry);
        again.path("--state", global.state.as_deref());
        again
    }

    /// `port26 undo`, of this receipt or of the latest run.
    pub(super) fn undo(&self, receipt: Option<&str>) -> String {
        let words = ["port26", "undo"].into_iter().chain(receipt);
        words.chain(self.flags.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
    }

    fn path(&mut self, flag: &str, path: Option<&Path>) {
        if let Some(path) = path {
            self.flags.push(format!("{flag} {}", quoted(&path.to_string_lossy(), Os::here())));
        }
    }

    fn os(&mut self, os: Option<OsName>) {
        if let Some(name) = os.and_then(|os| os.to_possible_value()) {
            self.flags.push(format!("--os {}", name.get_name()));
        }
    }
}

/// A word for the shell of this system, in quotes where it needs them.
fn quoted(word: &str, os: Os) -> String {
    let plain = if os == Os::Windows { "\\/:._-+@" } else { "/:._-+@" };
    if !word.is_empty() && word.chars().all(|letter| letter.is_alphanumeric() || plain.contains(letter)) {
        return word.to_owned();
    }
    if os != Os::Windows {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    // A backslash right before the closing quote would take it away.
    let at_end = word.len() - word.trim_end_matches('\\').len();
    format!("\"{word}{}\"", "\\".repeat(at_end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_the_shell_that_they_are_copied_into() {
        let posix = |word| quoted(word, Os::Linux);
        assert_eq!(posix("/home/ada"), "/home/ada");
        assert_eq!(posix("/x/with space/ada o'neil"), r"'/x/with space/ada o'\''neil'");
        assert_eq!(posix("/x/$HOME"), "'/x/$HOME'");
        assert_eq!(posix(""), "''");
        let windows = |word| quoted(word, Os::Windows);
        assert_eq!(windows(r"C:\Users\ada"), r"C:\Users\ada");
        assert_eq!(windows(r"D:\with space\ada o'neil"), "\"D:\\with space\\ada o'neil\"");
        assert_eq!(windows("D:\\with space\\"), "\"D:\\with space\\\\\"");
    }

    #[test]
    fn a_command_leads_to_the_same_machine_and_the_same_receipts() {
        let global = Global {
            home: Some("/mnt/ada".into()),
            os: Some(OsName::Windows),
            registry: Some("/mnt/user.reg".into()),
            state: Some("/mnt/state".into()),
            ..Global::default()
        };
        let flags = "--home /mnt/ada --os windows --registry /mnt/user.reg --state /mnt/state";
        assert_eq!(Again::of(&global).undo(Some("R1")), format!("port26 undo R1 {flags}"));
        assert_eq!(Again::default().undo(None), "port26 undo");
        let machine = |registry| Machine { os: Os::Macos, home: "/Users/bo".into(), registry };
        let elsewhere = |registry| Again::of_machine(&machine(registry), &global).undo(None);
        assert_eq!(elsewhere(RegistryAt::None), "port26 undo --home /Users/bo --os macos --state /mnt/state");
        assert_eq!(elsewhere(RegistryAt::Live), "port26 undo --state /mnt/state");
    }
}
