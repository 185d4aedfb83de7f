//! Where tracing goes: a file with `--log`; of a silent run that changes or tests something a file in the state folder, and
//! errors to the system's own log; standard error with `-vv`; else nowhere. Never a password: types that hold one have no
//! readable debug form.

use std::fmt::{Debug, Write};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use port26_platform::event_log;
use port26_platform::files::{Appender, FileError, append_private, private_dir};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::layer::{self, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::shown;

use super::args::{Cli, Global, Verb};
use super::context;

/// Of a silent run, in the state folder.
const OWN_LOG: &str = "port26.log";

/// A log of this size becomes the one before, which is kept, and a new one is begun: two megabytes in all.
const FULL: u64 = 1 << 20;

/// Starts logging as the flags say.
pub fn start(cli: &Cli) -> anyhow::Result<()> {
    let global = &cli.global;
    let file = match &global.log {
        Some(path) => Some(append_to(path).with_context(|| format!("opening the log file {}", path.display()))?),
        // A log that cannot be kept is no reason to leave mail unrepaired.
        None if global.silent && !global.dry_run && keeps_state(&cli.verb) => own_log(global).ok(),
        None => None,
    };
    begin(global, file);
    Ok(())
}

/// The same without a file: for a run that is handed over, whose log is opened by the person that it is handed to.
pub fn start_without_file(global: &Global) {
    begin(global, None);
}

fn begin(global: &Global, file: Option<File>) {
    let level = match global.verbose {
        0 | 1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let file = file
        .map(|file| fmt::layer().fmt_fields(Fields).with_ansi(false).with_writer(Mutex::new(file)).with_filter(level));
    let console = (global.verbose > 1 && !global.silent)
        .then(|| fmt::layer().fmt_fields(Fields).with_writer(std::io::stderr).with_ansi(false).with_filter(level));
    let system = global.silent.then(|| SystemLog.with_filter(LevelFilter::ERROR));
    // A second start in one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(file).with(console).with(system).try_init();
}

/// Verbs that leave something on the disk anyway; the others promise to leave nothing.
fn keeps_state(verb: &Verb) -> bool {
    match verb {
        Verb::Test(_) | Verb::Fix(_) | Verb::Undo(_) | Verb::Agent(_) => true,
        Verb::Relay(relay) => relay.use_it,
        Verb::Scan | Verb::Status | Verb::Credential(_) | Verb::Policy(_) | Verb::Profile(_) | Verb::Try => false,
    }
}

/// Whatever the person named, a terminal or a pipe among it; readable by its owner alone if it is new.
fn append_to(path: &Path) -> Result<File, FileError> {
    append_private(path)
}

fn own_log(global: &Global) -> anyhow::Result<File> {
    let folder = context::state_dir(global)?;
    private_dir(&folder)?;
    Ok(append_to(&room_in(&folder)?)?)
}

/// The log, with room for more; readable by its owner alone.
fn room_in(folder: &Path) -> Result<PathBuf, FileError> {
    let log = folder.join(OWN_LOG);
    match std::fs::metadata(&log) {
        Ok(there) if there.len() < FULL => return Ok(log),
        Ok(_) => {
            let before = folder.join(format!("{OWN_LOG}.1"));
            std::fs::rename(&log, before).map_err(|source| FileError::Io {
                doing: "renaming",
                path: log.clone(),
                source,
            })?;
        }
        Err(_) => {}
    }
    drop(Appender::create(&log)?);
    Ok(log)
}

/// Message and fields of an event, as one line whatever they hold: an audit rests on it that no text from outside writes
/// a line of its own.
#[derive(Clone, Copy)]
struct Fields;

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> std::fmt::Result {
        let mut words = InLine::default();
        fields.record(&mut words);
        writer.write_str(&words.0)
    }
}

/// `message name=value name=value`
#[derive(Default)]
struct InLine(String);

impl Visit for InLine {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let gap = if self.0.is_empty() { "" } else { " " };
        let value = format!("{value:?}");
        let value = shown::Line(&value);
        // Writing to a text does not fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{gap}{value}"),
            name => write!(self.0, "{gap}{name}={value}"),
        };
    }
}

/// Our own errors, to where administrators look. Those of libraries stay in the file.
struct SystemLog;

impl<S: Subscriber> Layer<S> for SystemLog {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        if event.metadata().target().starts_with("port26") {
            let mut words = Words::default();
            event.record(&mut words);
            event_log::error("port26", &words.0);
        }
    }
}

/// The message of an event and its fields, in one line.
#[derive(Default)]
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let gap = if self.0.is_empty() { "" } else { "; " };
        let value = format!("{value:?}");
        let value = shown::Line(&value);
        // Writing to a text does not fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{gap}{value}"),
            name => write!(self.0, "{gap}{name}: {value}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the log of `tracing` itself looks like, with a text that would write a line of its own.
    #[test]
    fn no_text_writes_a_line_of_its_own() {
        let log = std::sync::Arc::new(Mutex::new(Vec::new()));
        let out = Shared(log.clone());
        let layer = fmt::layer().fmt_fields(Fields).with_ansi(false).with_writer(Mutex::new(out));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let account = "smtp1\n2026-01-01T00:00:00Z INFO forged\u{1b}[2J\u{202e}";
            tracing::info!(account = %account, quoted = account, "diagnosed {account}");
        });
        let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("diagnosed smtp1") && log.contains("account=smtp1"), "{log}");
        assert!(log.trim_end().chars().all(|letter| shown::fit(letter) == letter || letter == '\u{fffd}'), "{log:?}");
    }

    struct Shared(std::sync::Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_log_becomes_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let log = room_in(folder.path()).unwrap();
        std::fs::write(&log, "first").unwrap();
        assert_eq!(room_in(folder.path()).unwrap(), log);
        assert_eq!(std::fs::read(&log).unwrap(), b"first");
        for content in ["second", "third"] {
            std::fs::write(&log, vec![b'x'; FULL as usize]).unwrap();
            std::fs::write(room_in(folder.path()).unwrap(), content).unwrap();
        }
        assert_eq!(std::fs::read(&log).unwrap(), b"third");
        assert_eq!(std::fs::metadata(folder.path().join("port26.log.1")).unwrap().len(), FULL);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
