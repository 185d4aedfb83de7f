//! The command line: one file a verb; each drives the pipeline up to its stage. The only place, with
//! `bin`, where errors are joined into sentences by anyhow.

mod again;
mod agent;
mod another_machine;
mod apple_profile;
mod args;
mod context;
mod credential;
mod double_click;
mod failure;
mod fix;
mod hand_over;
mod help;
mod home_folder;
mod log;
mod not_believed;
pub mod output;
pub mod output_mode;
mod page;
mod policy;
mod progress;
mod prompt;
mod rehearsal;
mod relay;
mod report_words;
mod scan;
mod status;
mod terminal;
mod test;
mod undo;
mod usage;
mod words;

use std::ffi::OsString;

use clap::FromArgMatches;
use port26_platform::session::{Sessions, ThisComputer};

pub use crate::exit::Exit;
pub use args::{Cli, Verb};
pub use double_click::double_clicked;
use failure::Failure;
pub use help::command;
pub use usage::UsageError;

/// Runs one command line to its end.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    port26_platform::hardening::before_anything();
    let args: Vec<OsString> = args.into_iter().collect();
    let read = command().try_get_matches_from(&args).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match read {
        Ok(cli) => cli,
        Err(error) => return failure::of_command_line(&error, &args),
    };
    if cli.global.no_color {
        anstream::ColorChoice::Never.write_global();
    }
    let (json, silent) = (cli.global.json, cli.global.silent);
    failure::log_panics();
    let done = crate::fault::caught(|| run(cli, &ThisComputer, &mut std::io::stdin()));
    done.unwrap_or_else(|error| Failure::of(&error).tell(json, silent))
}

fn run(cli: Cli, sessions: &dyn Sessions, input: &mut dyn std::io::Read) -> anyhow::Result<Exit> {
    if hand_over::is_due(&cli, sessions) {
        // The computer's own rights open no file for it: where the log is, that person may have put a link.
        log::start_without_file(&cli.global);
        return hand_over::run_in_their_session(&cli, sessions, input);
    }
    log::start(&cli)?;
    match &cli.verb {
        Verb::Scan => scan::run(&cli.global),
        Verb::Test(selection) => test::run(&cli.global, selection),
        Verb::Fix(args) => fix::run(&cli.global, args),
        Verb::Undo(args) => undo::run(&cli.global, args),
        Verb::Status => status::run(&cli.global),
        Verb::Credential(args) => credential::run(&cli.global, args),
        Verb::Relay(args) => relay::run(&cli.global, args),
        Verb::Agent(args) => agent::run(&cli.global, args.action),
        Verb::Policy(args) => policy::run(&cli.global, args),
        Verb::Profile(args) => apple_profile::run(&cli.global, args),
        Verb::Try => rehearsal::run(&cli.global),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use port26_platform::session::{Me, MemorySessions, Person};

    use super::*;

    /// Whoever was named at the keyboard opens the log, and with whose rights.
    #[test]
    fn the_log_is_opened_by_whoever_does_the_work() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let run_as = |me: Me, verb: &[&str]| {
            let words = [&["port26"], verb, &["--silent", "--log"]].concat();
            let words = words.into_iter().map(OsString::from).chain([log.clone().into()]);
            let sessions = MemorySessions::new(me, Some(Person { name: "anna".into(), number: 2 }));
            let exit = run(Cli::try_parse_from(words).unwrap(), &sessions, &mut "".as_bytes()).unwrap();
            (exit, sessions.ran().len(), log.exists())
        };
        assert_eq!(run_as(Me::System, &["status"]), (Exit::Done, 1, false), "the person's own process opens it");
        assert_eq!(run_as(Me::System, &["policy", "show"]), (Exit::Done, 0, true), "done here: with its own rights");
        std::fs::remove_file(&log).unwrap();
        assert_eq!(run_as(Me::User, &["policy", "show"]), (Exit::Done, 0, true));
    }
}
