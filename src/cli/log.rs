//! Where tracing goes: a file with `--log`; of a silent run that changes or tests something a file in the state folder, and
//! errors to the system's own log; standard error with `-vv`; else nowhere. Never a password: types that hold one have no
//! readable debug form.

use std::fmt::{Debug, Write};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use port26_platform::event_log;
use port26_platform::files::{Appender, FileError, private_dir};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{self, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use super::args::{Cli, Global, Verb};
use super::context;

/// Of a silent run, in the state folder.
const OWN_LOG: &str = "port26.log";

/// A log of this size becomes the one before, which is kept, and a new one is begun: two megabytes in all.
const FULL: u64 = 1 << 20;

/// Starts logging as the flags say.
pub fn start(cli: &Cli) -> anyhow::Result<()> {
    let global = &cli.global;
    let level = match global.verbose {
        0 | 1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let file = match &global.log {
        Some(path) => Some(append_to(path).with_context(|| format!("opening the log file {}", path.display()))?),
        // A log that cannot be kept is no reason to leave mail unrepaired.
        None if global.silent && keeps_state(&cli.verb) => own_log(global).ok(),
        None => None,
    };
    let file = file.map(|file| fmt::layer().with_ansi(false).with_writer(Mutex::new(file)).with_filter(level));
    let console = (global.verbose > 1 && !global.silent)
        .then(|| fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_filter(level));
    let system = global.silent.then(|| SystemLog.with_filter(LevelFilter::ERROR));
    // A second start in one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(file).with(console).with(system).try_init();
    Ok(())
}

/// Verbs that leave something on the disk anyway; the others promise to leave nothing.
fn keeps_state(verb: &Verb) -> bool {
    match verb {
        Verb::Test(_) | Verb::Fix(_) | Verb::Undo(_) | Verb::Agent(_) => true,
        Verb::Relay(relay) => relay.use_it,
        Verb::Scan | Verb::Status | Verb::Credential(_) | Verb::Policy(_) | Verb::Profile(_) | Verb::Try => false,
    }
}

fn append_to(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
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
        // Writing to a text does not fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{gap}{value:?}"),
            name => write!(self.0, "{gap}{name}: {value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
