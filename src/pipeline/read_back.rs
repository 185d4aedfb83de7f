//! After writing: the mail program's settings are read again. What is there must be what was meant, else everything of this
//! profile goes back.

use super::Tools;
use super::fixing::Fixing;
use super::refused_by_writer::reason;
use crate::account::{Account, SubmissionServer};
use crate::apply::{AccountFate, ApplyError, ReceiptId, RunId, Undone, in_words};
use crate::clients::MailClient;
use crate::plan::{Outcome, Reason};

/// Reads back the accounts at these places of the list, which are of one profile.
pub(super) fn read_back(tools: &Tools, fixing: &mut [Fixing], places: &[usize], receipt: &ReceiptId, run: &RunId) {
    let Some(&first) = places.first() else { return };
    let Some(client) = tools.client_of(&fixing[first].report.account) else { return };
    let now = accounts_now(tools, client, &fixing[first].report.account.profile);
    let there = |one: &Fixing| now.iter().find(|account| account.id == one.report.account.id);
    let stands = |place: &usize| {
        let one = &fixing[*place];
        there(one).zip(one.to.as_ref()).is_some_and(|(there, to)| same_server(&there.outgoing, to))
    };
    if places.iter().all(stands) {
        for &place in places {
            fixing[place].report.after = there(&fixing[place]).map(|account| account.outgoing.clone());
            fixing[place].report.result = Some(Outcome::Fixed);
        }
        return;
    }
    let (outcome, reason) = taken_back(tools.kit.writer().take_back_each(receipt, run));
    places.iter().for_each(|&place| fixing[place].settle(outcome, reason.clone()));
}

fn accounts_now(tools: &Tools, client: &dyn MailClient, profile: &str) -> Vec<Account> {
    match client.detect(&tools.computer) {
        Ok(Some(installation)) => client.accounts(&tools.computer, &installation.only(profile)).accounts,
        _ => Vec::new(),
    }
}

fn same_server(there: &SubmissionServer, to: &SubmissionServer) -> bool {
    there.host.eq_ignore_ascii_case(&to.host) && there.port == to.port && there.tls == to.tls && there.auth == to.auth
}

/// What became of taking it all back, and why it had to be.
fn taken_back(undone: Result<Vec<Undone>, ApplyError>) -> (Outcome, Reason) {
    let undone = match undone {
        Ok(undone) => undone,
        Err(error) => return (Outcome::Failed, reason(&error)),
    };
    let left = undone.iter().flat_map(|one| &one.accounts).find_map(|account| match &account.fate {
        AccountFate::Conflict { left } => left.first().map(|left| in_words(&left.slot)),
        _ => None,
    });
    match (undone.into_iter().find_map(|one| one.error), left) {
        (Some(error), _) => (Outcome::Failed, reason(&error)),
        (None, Some(left)) => (
            Outcome::Failed,
            Reason::new(
                "read_back",
                format!(
                    "The mail program made something else of what was written, and of {left} too; the rest was put back."
                ),
                "Look at the account in the mail program and set it by hand; `port26 scan` lists the steps.",
            ),
        ),
        (None, None) => (
            Outcome::Reverted,
            Reason::new(
                "read_back",
                "What was written did not read back as meant, so everything was put back.",
                "Please report this with the output of `port26 scan --json`.",
            ),
        ),
    }
}
