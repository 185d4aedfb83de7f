//! For tests of adapters: a home folder, or a fixture, as the computer of nobody who is here; nothing runs on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use port26_platform::computer::{Computer, Os};
use port26_platform::processes::NothingRuns;

/// This home, laid out as this system does.
pub(super) fn at(home: impl Into<PathBuf>, os: Os) -> Computer {
    Computer { processes: Arc::new(NothingRuns), ..Computer::folder(home, os, None) }
}

/// The home of a fixture.
pub(super) fn fixture(case: &str, os: Os) -> Computer {
    at(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(case), os)
}
