//! `port26 status`: receipts of changes, and what is remembered of networks and their ports.

use std::path::PathBuf;

use port26_platform::network::NetworkSigns;
use serde::Serialize;

use super::again::Again;
use super::args::Global;
use super::not_believed::{self, NotBelieved};
use super::output::{self, Words};
use super::words::{change_words, local_day, local_time, none_there};
use super::{Exit, context};
use crate::apply::{Kind, Receipt, Status};
use crate::clients::CLIENTS;
use crate::clients::client_title;
use crate::holding::{self, Holds, Look};
use crate::network_history::{History, PortState, Span};
use crate::pipeline::{Who, WriterKit, why_left};
use crate::report::SCHEMA;
use crate::shown::Shown;

/// The document of `status --json`.
#[derive(Debug, Serialize)]
struct StatusDocument {
    schema: &'static str,
    verb: &'static str,
    receipts: Vec<Receipt>,
    unreadable: Vec<String>,
    /// The receipts among them, with what they say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_believed: Vec<NotBelieved>,
    /// What lies among the receipts and is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    strays: Vec<PathBuf>,
    network: Option<String>,
    history: Vec<Span>,
    /// What later looks have seen of the accounts that were moved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holding: Vec<Look>,
}

pub(super) fn run(global: &Global) -> anyhow::Result<Exit> {
    let computer = context::computer(global)?;
    let state = context::state_dir(global)?;
    let (history, damaged) = History::load_or_begin(&state);
    let (holding, of_looks) = match holding::load(&state) {
        Ok(looks) => (looks, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let kept = WriterKit::new(state, &computer, CLIENTS).writer().receipts()?;
    // What was seen of a move that was undone since says nothing any more.
    let in_effect = |look: &Look| {
        kept.receipts.iter().any(|receipt| receipt.id.0 == look.receipt && receipt.status == Status::Applied)
    };
    let holding = holding.into_iter().filter(in_effect).collect();
    let not_believed: Vec<NotBelieved> = kept.unreadable.into_iter().map(NotBelieved::of).collect();
    let exit = if not_believed.is_empty() { Exit::Done } else { Exit::Failed };
    let of_state: Vec<String> = damaged.map(|error| error.to_string()).into_iter().chain(of_looks).collect();
    let document = StatusDocument {
        schema: SCHEMA,
        verb: "status",
        receipts: kept.receipts,
        unreadable: not_believed.iter().map(NotBelieved::line).chain(of_state.clone()).collect(),
        not_believed,
        strays: kept.strays,
        network: history.network_id(&NetworkSigns::now()),
        history: history.spans,
        holding,
    };
    let who = Who::of(&computer);
    output::tell(context::manner(global), &document, |page| text(page, &document, &of_state, (global, &who)))?;
    Ok(exit)
}

fn text(
    page: &mut Words,
    document: &StatusDocument,
    of_state: &[String],
    (global, who): (&Global, &Who),
) -> std::io::Result<()> {
    let again = Again::of(global);
    if document.receipts.is_empty() && document.not_believed.is_empty() {
        page.line(0, format_args!("port26 has not changed anything here{}.", none_there(global)))?;
    }
    for receipt in &document.receipts {
        let (id, time, state) = (Shown(&receipt.id.0), local_time(receipt.time), state_words(receipt));
        page.line(0, format_args!("{time}  {}: {state}", client_title(receipt.client)))?;
        // The undo of a receipt says nothing that the receipt does not.
        if receipt.kind == Kind::Apply {
            let mut accounts = receipt.accounts.iter();
            accounts.try_for_each(|account| {
                page.line(4, change_words(who, receipt, account))?;
                let of_it = |look: &&Look| look.receipt == receipt.id.0 && look.account == account.account_id;
                match document.holding.iter().find(of_it).filter(|_| receipt.status == Status::Applied) {
                    Some(look) => page.line(6, look_words(look)),
                    None => Ok(()),
                }
            })?;
        }
        if let (Kind::Apply, Status::RolledBack { left, .. }) = (receipt.kind, &receipt.status)
            && !left.is_empty()
        {
            let why = why_left(left);
            page.line(4, &why.message)?;
            page.line(4, format_args!("next: {}", why.hint))?;
        }
        if !who.here(receipt) {
            page.line(4, format_args!("of the home folder {}", Shown(&receipt.machine.home.to_string_lossy())))?;
            if receipt.kind == Kind::Apply && receipt.status == Status::Applied {
                let again = Again::of_machine(&receipt.machine, global);
                page.line(4, format_args!("to put it back: `{}`", again.undo(Some(&id.to_string()))))?;
            }
        } else if receipt.kind == Kind::Apply && receipt.status == Status::Applied {
            page.line(4, format_args!("to put it back: `{}`", again.undo(Some(&id.to_string()))))?;
        }
    }
    document.not_believed.iter().try_for_each(|receipt| receipt.tell(page, who))?;
    not_believed::tell_strays(page, &document.strays)?;
    for line in of_state {
        page.line(0, format_args!("cannot be read: {}", Shown(line)))?;
    }
    for span in &document.history {
        let here = if document.network.as_ref() == Some(&span.network) { "this network" } else { "another network" };
        let what = if span.state == PortState::Open { "got through" } else { "was blocked" };
        let (first, last) = (local_day(span.first), local_day(span.last));
        let when = if first == last { format!("on {first}") } else { format!("from {first} to {last}") };
        page.line(0, format_args!("port {} {what} on {here} {when}", span.port))?;
    }
    Ok(())
}

/// What the last look has seen of an account that was moved.
fn look_words(look: &Look) -> String {
    let day = local_day(look.time);
    match &look.holds {
        Holds::Yes => format!("looked at on {day}: it holds"),
        Holds::SetOtherwise { host, port } => {
            format!("looked at on {day}: it has been set to port {port} of {} since, not by port26", Shown(host))
        }
        Holds::NotTaken { why, .. } => format!("looked at on {day}: it does not hold. {}", Shown(why)),
    }
}

/// How a receipt stands. An undo is not a change that is in effect: it is the end of one.
fn state_words(receipt: &Receipt) -> String {
    match (receipt.kind, &receipt.status) {
        (Kind::Apply, Status::Applied) => "changed, and in effect".to_owned(),
        (Kind::Apply, Status::Undone { time, .. }) => format!("changed, and put back on {}", local_time(*time)),
        (Kind::Apply, Status::RolledBack { left, .. }) if left.is_empty() => "not changed: put back at once".to_owned(),
        (Kind::Apply, Status::RolledBack { .. }) => "begun, and not all of it could be put back".to_owned(),
        (Kind::Undo, Status::RolledBack { .. }) => "not put back: left as it was changed".to_owned(),
        (Kind::Undo, Status::Applied | Status::Undone { .. }) => match &receipt.undoes {
            Some(original) if receipt.not_put_back.is_empty() => {
                format!("put back what {} had changed", Shown(&original.0))
            }
            Some(original) => format!("not all of what {} had changed was put back", Shown(&original.0)),
            None => "put back".to_owned(),
        },
        (_, Status::Unfinished) => "interrupted: the next run puts it right".to_owned(),
    }
}
