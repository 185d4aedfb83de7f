//! From `--home`, `--os`, `--registry` and `--machine-registry` to the machine to work on. What cannot be read there is
//! told beside what can; only a command line that names nothing of the kind is refused.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use port26_platform::computer::{Computer, Os, Unread};
use port26_platform::registry::hive_file::file_called;
use port26_platform::registry::{self, Freshness, MachineRegistry, Registry, RegistryError};

use super::UsageError;
use super::args::{Global, OsName};
use super::home_folder;

/// The hive of a user, in the home folder.
const HIVE: &str = "NTUSER.DAT";

/// The machine to work on.
pub(super) fn computer(global: &Global) -> anyhow::Result<Computer> {
    let mut unread = Vec::new();
    let given = global.registry.as_deref().map(|path| given_registry(path, &mut unread)).transpose()?.flatten();
    let machine = machine_registry(global, &mut unread)?;
    let computer = match &global.home {
        None => {
            let mut computer = Computer::this_machine().context("finding this user's folders")?;
            // One that was named and cannot be read does not make the running user's own the one that is meant.
            if global.registry.is_some() {
                computer.registry = given;
            }
            if machine.is_some() {
                computer.machine = machine;
            }
            computer
        }
        Some(home) => {
            let looks = home_folder::look(home, global.registry.is_some(), global.os.is_some())?;
            let home = std::path::absolute(home).with_context(|| format!("--home {}", home.display()))?;
            let os = match global.os {
                Some(name) => os(name),
                None => looks.os(&home, global.registry.is_some())?,
            };
            let registry = match &global.registry {
                None if os == Os::Windows => own_hive(&home, &mut unread),
                _ => given,
            };
            Computer { machine, ..Computer::folder(home, os, registry) }
        }
    };
    Ok(Computer { unread, ..computer })
}

fn os(name: OsName) -> Os {
    match name {
        OsName::Windows => Os::Windows,
        OsName::Macos => Os::Macos,
        OsName::Linux => Os::Linux,
    }
}

/// The file of `--registry`. `None`: it cannot be read, and that is told.
fn given_registry(path: &Path, unread: &mut Vec<Unread>) -> anyhow::Result<Option<Arc<dyn Registry>>> {
    if !path.is_file() {
        let message = format!("--registry {}: there is no such file", path.display());
        let hint = "Give that user's NTUSER.DAT, or an export of HKEY_CURRENT_USER by regedit.";
        return Err(UsageError::new(message, hint).into());
    }
    let path = std::path::absolute(path).with_context(|| format!("--registry {}", path.display()))?;
    match registry::open(&path) {
        Ok((registry, freshness)) => {
            unread.extend(old_news(&path, freshness));
            Ok(Some(registry))
        }
        Err(error) => {
            unread.push(Unread::registry(path.display().to_string(), &error));
            Ok(None)
        }
    }
}

/// The hive that lies in a home folder of Windows.
fn own_hive(home: &Path, unread: &mut Vec<Unread>) -> Option<Arc<dyn Registry>> {
    let Some(path) = file_called(home, HIVE) else {
        unread.extend(no_file(home));
        return None;
    };
    match registry::open(&path) {
        Ok((registry, freshness)) => {
            unread.extend(old_news(&path, freshness));
            Some(registry)
        }
        Err(error) => {
            let at = path.display().to_string();
            let message = format!("The accounts of Outlook are in this hive, and it could not be read: {error}.");
            unread.push(Unread { message, hint: another_way(&at, &error), ..Unread::registry(at, &error) });
            None
        }
    }
}

/// Something in the hive's place that is no file. It is not opened: a pipe would keep port26 waiting for ever.
fn no_file(home: &Path) -> Option<Unread> {
    let entries = std::fs::read_dir(home).ok()?.filter_map(Result::ok);
    let entry = entries.into_iter().find(|entry| entry.file_name().eq_ignore_ascii_case(HIVE))?;
    let what = match entry.file_type() {
        Ok(kind) if kind.is_dir() => "a folder",
        Ok(kind) if kind.is_symlink() => "a link that leads to no file",
        _ => "a pipe or a device, not a file",
    };
    Some(Unread {
        at: entry.path().display().to_string(),
        code: "registry_unreadable",
        message: format!("The accounts of Outlook are in this hive, and it could not be read: it is {what}."),
        hint: "Copy that user's own NTUSER.DAT there, or give it with --registry.".to_owned(),
    })
}

/// How the hive can be read all the same.
fn another_way(at: &str, error: &RegistryError) -> String {
    match error {
        RegistryError::Io { .. } => format!(
            "If that user is signed in here, sign them out, or let port26 run as them. To read a copy: \
             reg load HKU\\port26 \"{at}\", reg export HKU\\port26 user.reg, reg unload HKU\\port26, and add --registry user.reg."
        ),
        _ => format!(
            "Try another reader: hivexregedit --export --prefix HKEY_CURRENT_USER \"{at}\" '\\' > user.reg, \
             and add --registry user.reg."
        ),
    }
}

/// A hive whose last changes are missing.
fn old_news(path: &Path, freshness: Freshness) -> Option<Unread> {
    (freshness == Freshness::Stale).then(|| Unread {
        at: path.display().to_string(),
        code: "registry_stale",
        message: "Windows was not shut down cleanly, and no log with the last changes of this hive lies beside it: \
                  what was read may be old."
            .to_owned(),
        hint: "Copy NTUSER.DAT.LOG1 and NTUSER.DAT.LOG2 of that user beside it and run this again.".to_owned(),
    })
}

/// What is installed there: a file of its own, or in the file with the user's registry.
fn machine_registry(global: &Global, unread: &mut Vec<Unread>) -> anyhow::Result<Option<Arc<dyn MachineRegistry>>> {
    let Some(path) = &global.machine_registry else {
        // A file that cannot be read was told of already.
        let exported = global.registry.as_deref().filter(|path| path.is_file());
        return Ok(exported.and_then(|path| registry::open_machine(path).ok().flatten()));
    };
    let hint = "Give the hive Windows/System32/config/SOFTWARE, or an export of HKEY_LOCAL_MACHINE\\Software by regedit; \
                the user's own registry goes to --registry.";
    if !path.is_file() {
        let message = format!("--machine-registry {}: there is no such file", path.display());
        return Err(UsageError::new(message, hint).into());
    }
    match registry::open_machine(path) {
        Ok(Some(machine)) => Ok(Some(machine)),
        Ok(None) => {
            let message = format!("--machine-registry {}: there is no HKEY_LOCAL_MACHINE in it", path.display());
            Err(UsageError::new(message, hint).into())
        }
        Err(error) => {
            unread.push(Unread::registry(path.display().to_string(), &error));
            Ok(None)
        }
    }
}
