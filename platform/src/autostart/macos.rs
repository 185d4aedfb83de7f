//! macOS: the folders of LaunchAgents and the system's launchctl.

use std::path::PathBuf;
use std::process::Command;

use super::launch_agent::{LaunchAgents, Said};
use super::{AutostartError, Entry, Found, Names, Removed, Started};
use crate::computer::Folders;

pub(super) fn install(entry: &Entry) -> Result<Started, AutostartError> {
    agents()?.install(entry)
}

pub(super) fn remove(names: &Names) -> Result<Removed, AutostartError> {
    agents()?.remove(names)
}

pub(super) fn found(names: &Names) -> Result<Vec<Found>, AutostartError> {
    agents()?.found(names)
}

fn agents() -> Result<LaunchAgents<'static>, AutostartError> {
    let below = "Library/LaunchAgents";
    Ok(LaunchAgents {
        own: Folders::of_this_user()?.home.join(below),
        all: PathBuf::from("/").join(below),
        uid: rustix::process::getuid().as_raw(),
        launchctl: &launchctl,
    })
}

fn launchctl(arguments: &[&str]) -> std::io::Result<Said> {
    let output = Command::new("/bin/launchctl").args(arguments).output()?;
    let text = [output.stderr, output.stdout].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Ok(Said { well: output.status.success(), text })
}
