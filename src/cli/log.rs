//! Where tracing goes: a file with `--log`, standard error with `-vv`, else nowhere. Never a password: types
//! that hold one have no readable debug form.

use std::fs::OpenOptions;
use std::sync::Mutex;

use anyhow::Context;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use super::args::Global;

/// Starts logging as the flags say.
pub fn start(global: &Global) -> anyhow::Result<()> {
    let level = match global.verbose {
        0 | 1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let file = match &global.log {
        None => None,
        Some(path) => {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("opening the log file {}", path.display()))?;
            Some(fmt::layer().with_ansi(false).with_writer(Mutex::new(file)).with_filter(level))
        }
    };
    let console = (global.verbose > 1 && !global.silent)
        .then(|| fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_filter(level));
    // A second start in one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(file).with(console).try_init();
    Ok(())
}
