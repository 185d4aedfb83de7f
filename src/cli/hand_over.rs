//! The computer itself (SYSTEM on Windows, root on macOS) has settings of its own, and a user's are never edited with its
//! eyes: what it is asked to do is done in the session of the person at the computer, or put off.

use std::io::Read;

use port26_platform::session::{Me, Person, SessionError, Sessions};

use super::again::Again;
use super::args::{Cli, Verb};
use super::{Exit, context, output};
use crate::plan::Reason;
use crate::report::Report;

/// Is it to be done by somebody else? A home folder that was named is worked on by whoever was told to.
pub(super) fn is_due(cli: &Cli, sessions: &dyn Sessions) -> bool {
    sessions.me() == Me::System && cli.global.home.is_none() && is_about_a_user(&cli.verb)
}

/// Hands the command over, or puts it off: the exit code.
pub(super) fn run_in_their_session(cli: &Cli, sessions: &dyn Sessions, input: &mut dyn Read) -> anyhow::Result<Exit> {
    let reason = match sessions.at_the_computer() {
        Ok(Some(person)) => match run_again(cli, sessions, &person, input)? {
            Ok(code) => {
                tracing::info!(code, "done in the session of the user who is logged in");
                return Ok(Exit::from_code(code));
            }
            Err(reason) => reason,
        },
        Ok(None) => Reason::new(
            "nobody_logged_in",
            "port26 was started by the computer itself, and nobody is logged in whose mail accounts it could look at.",
            "Run it again when somebody is logged in, or name a home folder with --home.",
        ),
        Err(error) => refused(&error),
    };
    tracing::warn!(code = reason.code, "put off: {}", reason.message);
    let report = Report { deferred: Some(reason), ..Report::new(cli.verb.name()) };
    output::print(&report, context::manner(&cli.global), &Again::default())?;
    Ok(Exit::NeedsUser)
}

/// Of passwords on standard input only those of that person go along: they may read what a process of theirs is given.
fn run_again(
    cli: &Cli,
    sessions: &dyn Sessions,
    person: &Person,
    input: &mut dyn Read,
) -> anyhow::Result<Result<u32, Reason>> {
    let given = if cli.global.credential_stdin {
        let lines = context::given(input)?;
        let theirs = lines.lines_of(&person.name);
        if theirs.is_empty() && !lines.is_empty() {
            return Ok(Err(Reason::new(
                "several_people",
                format!(
                    "Standard input has passwords of several people, and none of them is told to be {}'s.",
                    person.name
                ),
                "Give the password of the person at the computer alone.",
            )));
        }
        Some(theirs)
    } else {
        None
    };
    let given = given.as_ref().map(|lines| lines.as_slice());
    Ok(sessions.run_again_as(person, given).map_err(|error| refused(&error)))
}

fn refused(error: &SessionError) -> Reason {
    let code = if matches!(error, SessionError::Unknown { .. }) { "session_unknown" } else { "handover_refused" };
    Reason::new(
        code,
        format!("port26 was started by the computer itself, and {error}."),
        "Let it run as the user who is logged in, or name a home folder with --home.",
    )
}

/// Everything is, but what reads facts of the computer or invents its machines.
fn is_about_a_user(verb: &Verb) -> bool {
    !matches!(verb, Verb::Policy(_) | Verb::Try)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use port26_platform::session::MemorySessions;

    use super::super::output_mode::OutputMode;
    use super::super::page::Page;
    use super::super::report_words;
    use super::*;

    fn anna() -> Person {
        Person { name: "anna".into(), number: 2 }
    }

    fn instead_of(line: &str, sessions: &MemorySessions) -> Option<Exit> {
        let cli = Cli::try_parse_from(format!("port26 {line} --silent").split(' ')).unwrap();
        is_due(&cli, sessions).then(|| run_in_their_session(&cli, sessions, &mut "".as_bytes()).unwrap())
    }

    fn given(stdin: &str) -> (Exit, Vec<Option<String>>) {
        let sessions = MemorySessions::new(Me::System, Some(anna()));
        let cli = Cli::try_parse_from("port26 fix --yes --silent --credential-stdin".split(' ')).unwrap();
        (run_in_their_session(&cli, &sessions, &mut stdin.as_bytes()).unwrap(), sessions.given())
    }

    #[test]
    fn only_the_passwords_of_the_person_at_the_computer_go_along() {
        let passed = |lines: &str| (Exit::Done, vec![Some(lines.to_owned())]);
        assert_eq!(given("jan@hosting.test:one\n"), passed("jan@hosting.test:one\n"));
        let list = "jan@hosting.test:one\nAnna@hosting.test:two\nanna@@isp.test:three\n";
        assert_eq!(given(list), passed("Anna@hosting.test:two\nanna@@isp.test:three\n"));
        assert_eq!(given("jan@hosting.test:one\nbob@hosting.test:two\n"), (Exit::NeedsUser, vec![]));
        assert_eq!(given(""), passed(""));
    }

    const ABOUT_A_USER: [&str; 8] =
        ["scan", "test", "fix --yes", "undo", "status", "credential list", "relay", "fix --yes --registry x.reg"];

    #[test]
    fn a_user_runs_it_here() {
        let sessions = MemorySessions::new(Me::User, Some(anna()));
        for line in ABOUT_A_USER {
            assert_eq!(instead_of(line, &sessions), None, "{line}");
        }
        assert_eq!(sessions.ran(), []);
    }

    #[test]
    fn the_computer_hands_over_to_whoever_is_logged_in_and_passes_the_exit_code_on() {
        for (code, exit) in [(0, Exit::Done), (3, Exit::Pending), (6, Exit::NeedsUser), (0xC000_0005, Exit::Failed)] {
            let mut sessions = MemorySessions::new(Me::System, Some(anna()));
            sessions.ends = Ok(code);
            for line in ABOUT_A_USER {
                assert_eq!(instead_of(line, &sessions), Some(exit), "{line}");
            }
            assert_eq!(sessions.ran(), vec![anna(); ABOUT_A_USER.len()]);
        }
    }

    #[test]
    fn facts_of_the_computer_and_named_homes_stay_here() {
        let sessions = MemorySessions::new(Me::System, Some(anna()));
        for line in ["policy show", "try", "fix --yes --home /home/anna", "undo --home /home/anna"] {
            assert_eq!(instead_of(line, &sessions), None, "{line}");
        }
        assert_eq!(sessions.ran(), []);
    }

    #[test]
    fn without_anybody_or_a_way_it_is_put_off() {
        let nobody = MemorySessions::new(Me::System, None);
        let mut unknown = MemorySessions::new(Me::System, None);
        unknown.person = Err(SessionError::Unknown { why: "x".into() });
        let mut refusing = MemorySessions::new(Me::System, Some(anna()));
        refusing.ends = Err(SessionError::Refused { why: "x".into() });
        for sessions in [nobody, unknown, refusing] {
            assert_eq!(instead_of("fix --yes", &sessions), Some(Exit::NeedsUser), "{sessions:?}");
        }
    }

    #[test]
    fn what_is_put_off_is_said_in_one_sentence_and_in_the_report() {
        let reason = refused(&SessionError::Refused { why: "access denied".into() });
        let report = Report { deferred: Some(reason), ..Report::new("fix") };
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((json["schema"].as_str(), json["verb"].as_str()), (Some("port26/1"), Some("fix")));
        assert_eq!(json["deferred"]["code"], "handover_refused");
        assert_eq!(json["accounts"], serde_json::json!([]));
        let mut out = Vec::new();
        report_words::write(&mut Page::new(&mut out, None), &report, OutputMode::Quiet, &Again::default()).unwrap();
        let said = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
        assert_eq!(
            said,
            "waits         port26 was started by the computer itself, and it could not be run in the session of the \
             user who is logged in: access denied.\n    next: Let it run as the user who is logged in, or name a home \
             folder with --home.\n"
        );
        assert!(serde_json::to_value(Report::new("fix")).unwrap().get("deferred").is_none(), "only when it is");
    }
}
