//! What the writer would refuse before it begins: receipts that are not believed, files that cannot be written. A run that
//! writes nothing asks too, so that it promises nothing that the next one does not do.

use super::Tools;
use super::fixing::Fixing;
use crate::account::Account;
use crate::apply::{ApplyError, Selector, Unbelieved};
use crate::change::Change;
use crate::plan::{Outcome, Reason};
use crate::sentence::sentence;

/// The receipts in the state folder, as far as they are in the way.
pub(super) struct Refusals<'a> {
    tools: &'a Tools,
    unbelieved: Vec<Unbelieved>,
}

impl<'a> Refusals<'a> {
    /// A folder of receipts that cannot be read is told by the run that writes, or has ended it before.
    pub(super) fn now(tools: &'a Tools) -> Self {
        Self { tools, unbelieved: tools.kit.writer().not_believed(&Selector::All).unwrap_or_default() }
    }

    /// A receipt that speaks of this account's profile and is not believed.
    pub(super) fn by_receipt(&self, account: &Account) -> Option<Reason> {
        let about = |receipt: &&Unbelieved| self.tools.kit.is_about(receipt, account.client, &account.profile);
        Some(reason(&self.unbelieved.iter().find(about)?.in_the_way()))
    }

    /// Files that cannot be written, as far as it shows without trying.
    pub(super) fn by_file(&self, changes: &[Change]) -> Option<Reason> {
        self.tools.kit.writer().glance(changes).err().map(|error| reason(&error))
    }
}

/// Of a run that writes nothing: what would be refused is not promised.
pub(super) fn not_promised(tools: &Tools, mut fixing: Vec<Fixing>) -> Vec<Fixing> {
    let refusals = Refusals::now(tools);
    for one in fixing.iter_mut().filter(|one| one.pending()) {
        if let Some(reason) = refusals.by_file(&one.changes) {
            one.settle(Outcome::NeedsUser, reason);
        }
    }
    fixing
}

/// Why the writer refuses.
pub(super) fn reason(error: &ApplyError) -> Reason {
    Reason::new(error.code(), sentence(&error.to_string()), error.hint())
}
