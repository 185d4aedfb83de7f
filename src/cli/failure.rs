//! How a run that came to nothing is told: a sentence and the next step on standard error, and with `--json` a document on
//! standard output; also when port26 itself is at fault.

use std::ffi::OsString;
use std::panic::PanicHookInfo;

use port26_platform::files::FileError;
use serde::Serialize;

use super::page::Page;
use super::{Exit, UsageError, output};
use crate::apply::{ApplyError, JournalError, StoreError};
use crate::credentials::CredentialError;
use crate::fault::Panicked;
use crate::rehearsal::run::RehearsalError;
use crate::report::SCHEMA;

/// The document of a run that came to nothing.
#[derive(Debug, Serialize)]
struct FailureDocument<'a> {
    schema: &'static str,
    error: &'a Failure,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Failure {
    /// Stable, snake_case: `usage`, `internal`, `failed`, or the code of what could not be written.
    code: &'static str,
    /// One sentence.
    message: String,
    /// The next step.
    hint: String,
}

impl Failure {
    /// From whatever ended the run.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        let message = format!("{error:#}");
        let told = |code, hint: &str| Self { code, message: message.clone(), hint: hint.to_owned() };
        for cause in error.chain() {
            if let Some(usage) = cause.downcast_ref::<UsageError>() {
                return told("usage", &usage.hint);
            }
            if cause.is::<Panicked>() {
                return told(
                    "internal",
                    "Please report this with the output of the same command with -vv. What was begun is put right by the \
                     next run.",
                );
            }
            if let Some(error) = cause.downcast_ref::<ApplyError>() {
                return told(error.code(), error.hint());
            }
            if let Some(error) = cause.downcast_ref::<JournalError>() {
                return told(error.code(), error.hint());
            }
            if let Some(error) = cause.downcast_ref::<StoreError>() {
                return told(error.code(), error.hint());
            }
            if let Some(CredentialError::Index(error)) = cause.downcast_ref() {
                return told(error.code(), error.hint());
            }
            if let Some(error) = cause.downcast_ref::<FileError>() {
                return told(error.code(), error.hint());
            }
            if let Some((code, hint)) = cause.downcast_ref().and_then(RehearsalError::code_and_hint) {
                return told(code, hint);
            }
        }
        told("failed", "Run it again with -vv to see how far it came.")
    }

    /// A command line that cannot be read.
    fn of_arguments(error: &clap::Error) -> Self {
        let said = error.to_string();
        // What is missing stands in lines of its own, below a first one that ends in a colon.
        let about = said.lines().take_while(|line| !line.is_empty()).map(str::trim);
        let message = about.collect::<Vec<_>>().join(" ");
        let message = message.strip_prefix("error: ").unwrap_or(&message).to_owned();
        Self { code: "usage", message, hint: "`port26 --help` lists what there is.".to_owned() }
    }

    fn exit(&self) -> Exit {
        if self.code == "usage" { Exit::Usage } else { Exit::Failed }
    }

    /// Tells it, and says how to end.
    pub(super) fn tell(&self, json: bool, silent: bool) -> Exit {
        tracing::error!(code = self.code, "{}", self.message);
        if !silent {
            let mut page = Page::stderr();
            // Nobody may be there to read it.
            let _ = page
                .line(0, format_args!("port26: {}", self.message))
                .and_then(|()| page.line(0, format_args!("next: {}", self.hint)));
        }
        if json {
            let _ = output::json(&FailureDocument { schema: SCHEMA, error: self });
        }
        self.exit()
    }
}

/// Says what is wrong with the command line; whoever asked for help or the version gets it.
pub(super) fn of_command_line(error: &clap::Error, arguments: &[OsString]) -> Exit {
    // A closed pipe on the other side is no reason to fail.
    let _ = error.print();
    if !error.use_stderr() {
        return Exit::Done;
    }
    // The flags could not be read: what stands there is what was meant.
    let json = arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json");
    if json {
        let _ = output::json(&FailureDocument { schema: SCHEMA, error: &Failure::of_arguments(error) });
    }
    Exit::Usage
}

/// Where a panic happened goes to the log; the words on the terminal are [`Failure`]'s.
pub(super) fn log_panics() {
    std::panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a fault of port26 itself");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_a_code_and_a_next_step() {
        let nothing: [u8; 0] = [];
        let faulty = || -> anyhow::Result<u8> { Ok(nothing[std::hint::black_box(3)]) };
        let error = crate::fault::caught(faulty).unwrap_err();
        let failure = Failure::of(&error.context("looking"));
        assert_eq!((failure.code, failure.exit()), ("internal", Exit::Failed));
        assert!(failure.message.contains("out of bounds"), "{}", failure.message);
        let document = serde_json::to_value(FailureDocument { schema: SCHEMA, error: &failure }).unwrap();
        assert_eq!((&document["schema"], &document["error"]["code"]), (&"port26/1".into(), &"internal".into()));
    }

    #[test]
    fn errors_keep_their_code_and_their_next_step() {
        let usage = Failure::of(&UsageError::new("no", "Do that.").into());
        assert_eq!((usage.code, usage.hint.as_str(), usage.exit()), ("usage", "Do that.", Exit::Usage));
        let loopback = RehearsalError::NoLoopback(std::io::ErrorKind::NetworkUnreachable.into());
        let loopback = Failure::of(&loopback.into());
        assert_eq!(loopback.code, "no_loopback");
        assert!(loopback.message.contains("127.0.0.1") && loopback.hint.contains("loopback"), "{loopback:?}");
        let locked = ApplyError::Locked { holder: "x".into(), lock: "y".into() };
        let locked = Failure::of(&anyhow::Error::new(locked).context("fixing"));
        assert_eq!((locked.code, locked.exit()), ("locked", Exit::Failed));
        assert!(locked.message.starts_with("fixing: x is writing"), "{}", locked.message);
    }
}
