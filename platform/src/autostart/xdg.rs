//! Linux and its like: the folders of XDG autostart.

use std::path::PathBuf;

use super::desktop_entry::DesktopEntries;
use super::{AutostartError, Entry, Found, Names, Removed, Started};
use crate::computer::Folders;

pub(super) fn install(entry: &Entry) -> Result<Started, AutostartError> {
    entries()?.install(entry)
}

pub(super) fn remove(names: &Names) -> Result<Removed, AutostartError> {
    entries()?.remove(names)
}

pub(super) fn found(names: &Names) -> Result<Vec<Found>, AutostartError> {
    entries()?.found(names)
}

fn entries() -> Result<DesktopEntries, AutostartError> {
    let own = Folders::of_this_user()?.roaming.join("autostart");
    let all = std::env::var_os("XDG_CONFIG_DIRS").filter(|dirs| !dirs.is_empty()).unwrap_or_else(|| "/etc/xdg".into());
    let all = std::env::split_paths(&all).filter(|dir| dir.is_absolute()).map(|dir: PathBuf| dir.join("autostart"));
    Ok(DesktopEntries { own, all: all.collect() })
}
