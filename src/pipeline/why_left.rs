//! Why an account was left as it is, as a code, a sentence and the next step: by an undo, and by the next run after one that was
//! stopped.

use std::collections::BTreeSet;

use crate::apply::{Leftover, in_words};
use crate::change::Slot;
use crate::plan::Reason;

/// For what was left of one account, or of one receipt.
pub fn why_left(left: &[Leftover]) -> Reason {
    let gone: BTreeSet<String> = left.iter().filter(|one| one.is_of_a_gone_file()).map(place).collect();
    let changed = left.iter().filter(|one| !one.is_beside() && !one.is_of_a_gone_file());
    let changed: Vec<String> = changed.map(|one| in_words(&one.slot)).collect();
    let gone: Vec<String> = gone.into_iter().collect();
    if !gone.is_empty() && changed.is_empty() {
        let are = if gone.len() == 1 { "is" } else { "are" };
        return Reason::new(
            "file_missing",
            format!("{} {are} gone, so nothing can be put back there.", gone.join(", ")),
            "If it was moved, move it back first. Otherwise see in the mail program whether the account is there, and set it up anew.",
        );
    }
    let message = match (changed.is_empty(), left.iter().any(Leftover::is_beside)) {
        (true, _) => "It shares settings with an account that somebody else has changed since, so it is left as it is."
            .to_owned(),
        (false, false) => format!("Changed by somebody else since, and left alone: {}.", changed.join(", ")),
        (false, true) => {
            format!("Changed by somebody else since: {}. So the whole account is left as it is.", changed.join(", "))
        }
    };
    let hint = "Look at the account in the mail program and set it by hand if it is not as you want it.";
    Reason::new("conflict", message, hint)
}

/// The file that a setting was in.
fn place(left: &Leftover) -> String {
    match &left.slot {
        Slot::Setting { file, .. } => file.display().to_string(),
        _ => in_words(&left.slot),
    }
}
