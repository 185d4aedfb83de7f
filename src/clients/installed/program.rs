//! An installed mail program as it is told, and what is asked of any program that is registered: where its file is,
//! whether it is still there, 32 or 64 bits.

use port26_platform::programs::{Place, Programs, Scope, bits_of_file, program_of};
use serde::{Deserialize, Serialize};

/// An installed program. In `--json`: `clients[].programs[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its name, as Windows shows it.
    pub name: String,
    /// Its version, where it is registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// 32 or 64, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<u8>,
    /// The product it came with: `O365ProPlusRetail`, `Microsoft Office Standard 2010`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edition: Option<String>,
    /// How it came here.
    pub installed_by: InstalledBy,
    /// For whom it is installed.
    pub installed_for: Scope,
    /// The program file, as registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// It runs right now; always false for another machine.
    pub running: bool,
}

/// How a program was installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstalledBy {
    /// Windows Installer (an MSI).
    WindowsInstaller,
    /// A set-up program of its own.
    Setup,
    /// Office's Click-to-Run.
    ClickToRun,
    /// As a packaged app (Microsoft Store).
    Package,
    /// It came with Windows, or nothing says.
    NotTold,
}

/// Program files registered with App Paths or as a mail program, in that order.
pub(in crate::clients) fn registered(programs: &Programs<'_>, files: &[&str], mail: &[&str]) -> Vec<(Place, String)> {
    let mut found: Vec<(Place, String)> = files.iter().flat_map(|file| programs.app_paths(file)).collect();
    for place in programs.places() {
        for name in mail {
            let key = format!(r"Software\Clients\Mail\{name}\shell\open\command");
            found.extend(programs.text(place, &key, "").and_then(|command| Some((place, program_of(&command)?))));
        }
    }
    found
}

/// What uninstalling left behind is not installed. Of another machine nothing can be known.
pub(in crate::clients) fn is_there(programs: &Programs<'_>, path: &str) -> bool {
    programs.here(path).is_none_or(|path| path.is_file())
}

/// From the file itself, where it can be seen.
pub(in crate::clients) fn bits_of(programs: &Programs<'_>, path: &str) -> Option<u8> {
    programs.here(path).and_then(|path| bits_of_file(&path))
}
