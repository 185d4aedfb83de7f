//! The command line with its help: each flag is listed where it means something, exit codes and the words that only
//! technicians know are explained. A flag that is not listed at a verb is taken there all the same, as scripts may give it.

use clap::{Arg, Command, CommandFactory};

use super::args::Cli;

const EXIT_CODES: &str = "\
Exit codes, the first that fits in the order 2, 1, 5, 6, 4, 3, 0:
  0  nothing to do, or all done
  1  something failed
  2  the command line is wrong
  3  changes are pending (test, --dry-run)
  4  no port of some account gets through
  5  a change was taken back at once
  6  you are needed: a mail program is open, a password is missing, a permission
What could not be read (the problems of the report) counts where settings were to be changed (fix, relay --use, agent run): \
as 6 if only you can put it right, else as 1. To scan and test it counts only if it is a registry, as 1: \
one that was named on the command line, or that of the home that was.";

const ANOTHER_MACHINE: &str = "\
Another machine: a disk, a copy or a share with somebody's home folder.
  --home DIR       that folder, e.g. /mnt/disk/Users/jan. port26 works in it in place; --os says whose layout it has
                   where that is not plain to see.
  --registry FILE  On Windows, Outlook and its relatives keep their accounts in the user's registry. On a disk that is
                   the file NTUSER.DAT of the home folder, which is found there and only read: fix writes a .reg file of
                   the changes and one of the way back beside its receipts. The user imports it.
                   Or an export, which fix and undo change in place. On any Windows, as administrator:
                     reg load HKU\\jan D:\\Users\\jan\\NTUSER.DAT
                     reg export HKU\\jan jan.reg
                     reg unload HKU\\jan";

/// Flags by where they mean something. What is in no list holds everywhere.
const MEANT_FOR: [(&[&str], &[&str]); 7] = [
    (&["yes"], &["fix", "undo", "relay"]),
    (
        &["dry_run"],
        &[
            "test",
            "fix",
            "undo",
            "credential set",
            "credential forget",
            "relay",
            "agent run",
            "agent install",
            "agent uninstall",
        ],
    ),
    (
        &["home", "os", "registry", "machine_registry"],
        &["scan", "test", "fix", "undo", "status", "credential", "relay", "profile"],
    ),
    (&["state"], &["test", "fix", "undo", "status", "credential", "relay", "agent"]),
    (&["connect_to", "ca"], &["test", "fix", "relay", "agent run"]),
    (&["policy"], &["test", "fix", "relay", "agent", "policy", "profile"]),
    (&["credential_stdin", "keychain"], &["test", "fix", "relay", "credential"]),
];

/// Verbs whose help explains how another machine is worked on.
const ON_ANOTHER_MACHINE: [&str; 5] = ["scan", "test", "fix", "undo", "status"];

/// The whole command line: verbs, flags and what is said of them.
pub fn command() -> Command {
    let command = Cli::command();
    let global: Vec<Arg> = command.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    let command = command.after_help(EXIT_CODES).after_long_help(format!("{ANOTHER_MACHINE}\n\n{EXIT_CODES}"));
    listed(command, "", &global)
}

fn listed(command: Command, path: &str, global: &[Arg]) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        let path = format!("{path} {name}").trim().to_owned();
        command.mut_subcommand(name, |sub| {
            let hidden = global.iter().filter(|arg| !means_something(arg.get_id().as_str(), &path));
            let sub = sub.args(hidden.cloned().map(|arg| arg.hide(true)));
            let sub = if ON_ANOTHER_MACHINE.contains(&path.as_str()) {
                sub.after_help(EXIT_CODES).after_long_help(format!("{ANOTHER_MACHINE}\n\n{EXIT_CODES}"))
            } else {
                sub.after_help(EXIT_CODES)
            };
            listed(sub, &path, global)
        })
    })
}

/// A flag is listed at a verb, at those above it and at those below it.
fn means_something(flag: &str, verb: &str) -> bool {
    let Some((_, verbs)) = MEANT_FOR.iter().find(|(flags, _)| flags.contains(&flag)) else { return true };
    let within =
        |one: &str, other: &str| one == other || one.strip_prefix(other).is_some_and(|rest| rest.starts_with(' '));
    let read_only = ["credential list", "agent status"].contains(&verb) && flag == "credential_stdin";
    !read_only && verbs.iter().any(|known| within(verb, known) || within(known, verb))
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    fn help(verb: &str) -> String {
        let line = format!("port26 {verb} --help");
        command().try_get_matches_from(line.split_whitespace()).unwrap_err().to_string()
    }

    #[test]
    fn each_verb_lists_the_flags_that_mean_something_there() {
        for (verb, listed, hidden) in [
            ("scan", "--registry", "--connect-to"),
            ("fix", "--connect-to", "nothing of this name"),
            ("undo", "--dry-run", "--credential-stdin"),
            ("status", "--state", "--yes"),
            ("credential forget", "--dry-run", "--connect-to"),
            ("credential list", "--keychain", "--dry-run"),
            ("agent run", "--ca", "--home"),
            ("policy show", "--policy", "--registry"),
            ("try", "--json", "--state"),
        ] {
            let help = help(verb);
            let options = help.split("Exit codes").next().unwrap_or_default();
            let lists = |flag: &str| {
                options.lines().any(|line| line.trim_start().starts_with(flag) || line.contains(&format!(", {flag}")))
            };
            assert!(lists(listed) && !lists(hidden), "{verb}: {help}");
            assert!(help.contains("Exit codes"), "{verb}: {help}");
        }
        for verb in ["", "scan", "fix"] {
            let help = help(verb);
            assert!(help.contains("NTUSER.DAT") && help.contains("reg load"), "{verb}: {help}");
        }
    }

    #[test]
    fn what_is_not_listed_is_taken_all_the_same() {
        let line = "port26 --json status --ca x.pem --connect-to a:1:b:2 --connect-to c:1:d:2 --yes --state s";
        let matches = command().try_get_matches_from(line.split(' ')).unwrap();
        let global = Cli::from_arg_matches(&matches).unwrap().global;
        assert_eq!((global.json, global.yes, global.connect_to.len()), (true, true, 2));
        assert_eq!((global.ca.is_some(), global.state.is_some()), (true, true));
        let before = command().try_get_matches_from("port26 --home h --keychain agent status".split(' ')).unwrap();
        let global = Cli::from_arg_matches(&before).unwrap().global;
        assert_eq!((global.home.is_some(), global.keychain), (true, true));
        command().debug_assert();
    }
}
