//! When an account that cannot send last sent, and what waits until it can: read only of such accounts, and only where a person
//! or a script hears of it. Nothing of it decides what is done.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Tools;
use super::tested::Tested;
use crate::account::{ClientId, Notice};
use crate::past_mail::{self, PastMail, Reader};
use crate::plan::{Decision, Outcome};

/// Reads it, and adds it to what is told of each account.
pub(super) fn note(tools: &Tools, tested: &mut [Tested]) {
    if !tools.policy.read_past_mail.value {
        return;
    }
    let mut by_client: BTreeMap<ClientId, Vec<usize>> = BTreeMap::new();
    for (place, one) in tested.iter().enumerate().filter(|(_, one)| cannot_send(one)) {
        by_client.entry(one.report.account.client).or_default().push(place);
    }
    let mut reader = Reader::of(&tools.computer, Timestamp::now());
    for places in by_client.into_values() {
        let accounts: Vec<_> = places.iter().map(|&place| &tested[place].report.account).collect();
        let Some(client) = accounts.first().and_then(|first| tools.client_of(first)) else { continue };
        let kept = client.kept_mail(&tools.computer, &accounts);
        let read: Vec<PastMail> =
            kept.iter().zip(&accounts).map(|(kept, account)| reader.read(kept, &account.emails)).collect();
        for (place, past) in places.into_iter().zip(read) {
            tell(&mut tested[place], past);
        }
    }
}

/// Somebody sends through it, it was tested, and it does not work.
fn cannot_send(one: &Tested) -> bool {
    let works = matches!(one.report.result, None | Some(Outcome::AlreadyWorks | Outcome::NotOurs));
    one.report.account.used && one.report.verdict.is_some() && !works
}

fn tell(one: &mut Tested, past: PastMail) {
    one.report.last_sent = past.last_sent.map(|(last, _)| last);
    one.report.waiting = past.waiting;
    let Some(told) = past_mail::in_words(&past, &past_mail::here()) else { return };
    let notices = &mut one.report.account.notices;
    notices.push(Notice { code: "past_mail".to_owned(), message: told });
    let waits = past.waiting.is_some_and(|waiting| waiting.count > 0);
    if waits && matches!(one.decision, Decision::Move { .. }) {
        notices.push(Notice { code: "will_go_out".to_owned(), message: past_mail::WILL_GO_OUT.to_owned() });
    }
}
