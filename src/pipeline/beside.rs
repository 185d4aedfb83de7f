//! What could not be read, in a run for accounts that were named: is it theirs? All of it is told; how the run ends is decided by
//! what is theirs, or may be.

use std::collections::BTreeSet;
use std::path::Path;

use crate::account::Account;
use crate::change::Slot;
use crate::clients::Problem;

/// The places of the problems that are none of these accounts'. What is no client's own (a registry that was named) is
/// everybody's, but for the receipts of others.
pub(super) fn beside(problems: &[Problem], accounts: &[Account], receipts_of_others: &[String]) -> BTreeSet<usize> {
    let is_beside = |problem: &Problem| match problem.client {
        None => problem.is_of_a_receipt() && receipts_of_others.contains(&problem.at),
        Some(_) => !accounts.iter().any(|account| may_be_of(problem, account)),
    };
    problems.iter().enumerate().filter(|(_, problem)| is_beside(problem)).map(|(at, _)| at).collect()
}

/// Is it about this account, its profile or its program, for all that can be told?
fn may_be_of(problem: &Problem, account: &Account) -> bool {
    let at = problem.at.as_str();
    if problem.client != Some(account.client) {
        return false;
    }
    if account.id == at || account.emails.iter().any(|email| email.eq_ignore_ascii_case(at)) {
        return true;
    }
    let files = || account.settings.values().filter_map(|setting| file_of(&setting.slot));
    // An account that has no id yet is named by its file and its heading there.
    let in_file = |file: &Path| at.strip_prefix(&format!("{}, ", file.display())).map(str::to_owned);
    if let Some(heading) = files().find_map(in_file) {
        let key = account.id.rsplit('/').next().unwrap_or_default();
        return heading.rsplit(' ').next() == Some(key);
    }
    if Path::new(at).is_absolute() {
        // Above its files: the program's list of profiles. Beside them: its own profile's.
        let reaches = |file: &Path| Path::new(at).parent().is_some_and(|folder| file.starts_with(folder));
        return files().next().is_none() || files().any(reaches);
    }
    let family = account.id.split('/').next().unwrap_or_default();
    let is_id = at.strip_prefix(family).is_some_and(|rest| rest.starts_with('/'));
    let is_address = at.contains('@') && !at.contains(['/', '\\']);
    !is_id && !is_address
}

fn file_of(slot: &Slot) -> Option<&Path> {
    match slot {
        Slot::Setting { file, .. } => Some(file),
        Slot::Registry { .. } | Slot::Script { .. } | Slot::Secret { .. } => None,
    }
}
