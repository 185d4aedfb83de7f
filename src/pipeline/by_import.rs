//! Where a registry is only read (a hive on a dead machine's disk), what would be written is handed out as a `.reg` file.
//! An export that was edited gets the same pair: who imports it into Windows cannot take it back with the export alone,
//! since a value that is missing in a `.reg` file stays.

use port26_platform::computer::Computer;
use port26_platform::registry::Freshness;

use super::Tools;
use super::fixing::Fixing;
use crate::account::Notice;
use crate::apply::{ImportFiles, RunId, hand_out};
use crate::change::{Change, Slot};
use crate::plan::{Outcome, Reason};

const ONLY_READ: &str = "registry_only_read";

fn in_registry(changes: &[Change]) -> bool {
    changes.iter().any(|change| matches!(change.slot, Slot::Registry { .. }))
}

/// Are these changes of a registry that is only read?
pub(super) fn is_for(computer: &Computer, changes: &[Change]) -> bool {
    in_registry(changes) && computer.registry.as_ref().is_some_and(|registry| registry.read_only().is_some())
}

/// Keeps them for [`hand_out_all`], and says what `fix` will do.
pub(super) fn put_aside(fixing: &mut Fixing, changes: Vec<Change>) {
    fixing.by_import = changes;
    fixing.report.account.notices.push(Notice {
        code: ONLY_READ.to_owned(),
        message:
            "This account is in a hive, which port26 only reads: `port26 fix` writes the change to a .reg file for you \
                  to import."
                .to_owned(),
    });
}

/// Hands out what was put aside, and the way back for exports that were edited.
pub(super) fn hand_out_all(tools: &Tools, fixing: &mut [Fixing], run: &RunId) {
    let aside: Vec<Change> = fixing.iter().flat_map(|one| one.by_import.iter().cloned()).collect();
    if !aside.is_empty() {
        let handed = hand_out(tools.kit.state(), run, &aside);
        for one in fixing.iter_mut().filter(|one| !one.by_import.is_empty()) {
            one.report.account.notices.retain(|notice| notice.code != ONLY_READ);
            match &handed {
                Ok(files) => {
                    one.settle(Outcome::NeedsUser, import_reason(&tools.computer, files));
                    one.report.import = Some(files.clone());
                }
                Err(error) => {
                    let reason = Reason::new(error.code(), format!("Nothing was handed out: {error}."), error.hint());
                    one.settle(Outcome::Failed, reason);
                }
            }
        }
    }
    let exported = tools.computer.registry.as_ref().is_some_and(|registry| registry.backing_file().is_some());
    let edited = |one: &Fixing| exported && one.report.result == Some(Outcome::Fixed) && in_registry(&one.changes);
    let made: Vec<Change> = fixing.iter().filter(|one| edited(one)).flat_map(|one| one.changes.clone()).collect();
    if made.is_empty() {
        return;
    }
    // The export is changed and can be put back: that these files are missing is told, and fails nothing.
    let handed = hand_out(tools.kit.state(), run, &made);
    for one in fixing.iter_mut().filter(|one| edited(one)) {
        let message = match &handed {
            Ok(files) => format!(
                "The export was changed. To change Windows, import {} there. {} takes it back; importing the export after \
                 `port26 undo` would not, since values that were added stay.",
                files.change.display(),
                files.back.display()
            ),
            Err(error) => format!("The files to import into Windows could not be written: {error}."),
        };
        one.report.account.notices.push(Notice { code: "import_reg".to_owned(), message });
        one.report.import = handed.as_ref().ok().cloned();
    }
}

fn import_reason(computer: &Computer, files: &ImportFiles) -> Reason {
    let (change, back) = (files.change.display(), files.back.display());
    let mut hint = format!("On that Windows, as that user and with Outlook closed: reg import \"{change}\".");
    // Whoever writes into a hive that waits for its logs gets something that Windows writes over at its next start.
    if let Some(hive) = computer.registry.as_ref().and_then(|registry| registry.read_only())
        && hive.freshness == Freshness::Clean
    {
        let hive = hive.file.display();
        hint += &format!(
            " Or into the hive, on a copy first: hivexregedit --merge --prefix HKEY_CURRENT_USER \"{hive}\" \"{change}\"."
        );
    }
    Reason::new(
        "import_reg",
        format!("port26 only reads a hive. What has to change is in {change}; {back} is the way back."),
        hint,
    )
}
