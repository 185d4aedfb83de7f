//! Putting back what was there, the second driver: take the turn, find the receipts that are meant, recover, confirm, undo,
//! tidy. It tests no port, and no policy keeps anybody from having their own settings back.

use std::io;
use std::path::PathBuf;

use port26_platform::computer::Computer;

use super::conversation::{Answer, Back, Conversation, Progress};
use super::keeps::{Consent, Keeps};
use super::recover::{begin_turn, recover, recovery_problems};
use super::tidy::tidy;
use super::tools::WriterKit;
use super::undone_accounts::{AccountPutBack, accounts_of};
use super::who::Who;
use crate::apply::{
    ApplyError, Kind, Machine, Receipt, ReceiptId, Receipts, Recovered, Recovery, RecoveryOutcome, RunId, Selector,
    Status, Unbelieved, Writer,
};
use crate::clients::{CLIENTS, Problem};
use crate::plan::{Outcome, Reason};
use crate::policy::Policy;
use crate::report::Report;

/// What settings are put back with.
pub struct PutBackSetup<'a> {
    /// The machine.
    pub computer: &'a Computer,
    /// Where the receipts are kept.
    pub state: PathBuf,
    /// How long receipts are kept; `None` where no policy can be read: then none is removed.
    pub policy: Option<&'a Policy>,
    /// Whose accounts they are.
    pub who: &'a Who,
    /// Whoever has started the run.
    pub talk: &'a dyn Conversation,
}

/// What shall be put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// What the latest run changed.
    Latest,
    /// Everything.
    All,
    /// One receipt, or the latest one that holds an account of this id or address.
    Named(String),
}

/// What was put back, or would be.
#[derive(Debug)]
pub struct PutBackReport {
    /// The accounts of the receipts that were meant.
    pub accounts: Vec<AccountPutBack>,
    /// What was put right from an interrupted run.
    pub recovered: Vec<String>,
    /// What an interrupted run left, and a run that writes nothing leaves as it is.
    pub interrupted: Vec<String>,
    /// What of an interrupted run is not put right.
    pub problems: Vec<Problem>,
    /// Receipts that are not believed, so that what they speak of stays as it is.
    pub not_believed: Vec<Unbelieved>,
    /// What lies among the receipts and is none.
    pub strays: Vec<PathBuf>,
    /// Other homes that have changes in effect.
    pub elsewhere: Vec<Machine>,
    /// There is no receipt of anything, anywhere.
    pub no_receipts: bool,
    /// What an interrupted run had changed was not put back whole: another program has changed it since.
    pub recovered_in_part: bool,
    /// One that was meant still waits for a program or a disk.
    pub waits: bool,
}

/// Why nothing was put back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutBackError {
    /// There is no change of this account.
    #[error("no change of {name} is in effect")]
    NoChangeOf {
        /// As it was named.
        name: String,
    },
    /// It must be agreed to, and nobody is there.
    #[error("settings are put back only if somebody agrees, and nobody can be asked here")]
    NobodyToAsk,
    /// The question could not be put.
    #[error("the question could not be put")]
    Question(#[source] io::Error),
    /// The writer, or its state folder.
    #[error(transparent)]
    Writer(#[from] ApplyError),
}

/// Puts back what was there, byte for byte.
pub fn put_back(setup: &PutBackSetup<'_>, wanted: &Wanted, consent: Consent) -> Result<PutBackReport, PutBackError> {
    // To look, no program is launched.
    let looking = WriterKit::new(setup.state.clone(), setup.computer, CLIENTS);
    // Where no receipt was ever kept nothing can be put back, and nothing is made to find that out.
    let consent = if looking.writer().has_kept_receipts() { consent } else { Consent::DryRun };
    let waiting = |holder: &str| setup.talk.progress(&Progress::OtherRun { holder: holder.to_owned() });
    let _turn = begin_turn(&looking, consent.keeps(), &waiting)?;
    let selector = selector(&looking.writer(), setup.who, wanted)?;
    // Told by what is there before anything is put back: after that the latest run is another one.
    let not_believed = looking.writer().not_believed(&selector)?;
    let meant = meant(&looking.writer().receipts()?.receipts, setup.who, &selector);
    let mut report = Report::new("undo");
    let mut recovery = Recovery::default();
    let accounts = if matches!(selector, Selector::One(_)) && !not_believed.is_empty() {
        Vec::new()
    } else if consent == Consent::DryRun {
        recover(&looking.writer(), Keeps::Nothing, &mut report)?;
        planned(&looking.writer(), setup.who, &meant)?
    } else {
        // First, as in every run that writes: what is planned and asked about is then what will be done.
        let kit = WriterKit::new(setup.state.clone(), &setup.computer.clone().to_be_changed(), CLIENTS);
        recovery = recover(&kit.writer(), Keeps::State, &mut report)?;
        if consent == Consent::AskFirst && !agreed(setup, &looking.writer(), &meant)? {
            planned(&looking.writer(), setup.who, &meant)?.into_iter().map(declined).collect()
        } else {
            let accounts = undo(&kit.writer(), setup.who, &meant)?;
            // What was put back is put back, whatever is wrong with a policy.
            setup.policy.iter().for_each(|policy| tidy(&kit.writer(), policy, Keeps::State));
            accounts
        }
    };
    let kept = looking.writer().receipts()?;
    Ok(PutBackReport {
        accounts,
        recovered: report.recovered,
        interrupted: report.interrupted,
        problems: recovery_problems(&recovery, &|id| setup.who.name(id)),
        not_believed,
        elsewhere: elsewhere(&kept, setup.who),
        no_receipts: kept.receipts.is_empty() && kept.unreadable.is_empty(),
        recovered_in_part: recovery.recovered.iter().any(is_in_part),
        waits: consent != Consent::DryRun && waits(&selector, &kept, setup.who),
        strays: kept.strays,
    })
}

/// Which receipts are meant.
fn selector(writer: &Writer<'_>, who: &Who, wanted: &Wanted) -> Result<Selector, PutBackError> {
    let name = match wanted {
        Wanted::Latest => return Ok(Selector::Last),
        Wanted::All => return Ok(Selector::All),
        Wanted::Named(name) => name,
    };
    let Receipts { receipts, unreadable, .. } = writer.receipts()?;
    if receipts.iter().any(|receipt| receipt.id.0 == *name) {
        return Ok(Selector::One(ReceiptId(name.clone())));
    }
    let mut holding = receipts
        .iter()
        .rev()
        .filter(|receipt| who.here(receipt) && (is_in_effect(receipt) || receipt.status == Status::Unfinished))
        .filter(|receipt| receipt.accounts.iter().any(|account| who.is_called(&account.account_id, name)))
        .map(|receipt| receipt.id.clone());
    let speaks_of =
        |one: &&Unbelieved| one.says.accounts.iter().any(|account| who.is_called(&account.account_id, name));
    match holding.next().or_else(|| unreadable.iter().rev().find(speaks_of)?.id()) {
        Some(latest) => Ok(Selector::One(latest)),
        None if name.contains(['@', '/']) => Err(PutBackError::NoChangeOf { name: name.clone() }),
        None => Ok(Selector::One(ReceiptId(name.clone()))),
    }
}

/// What is left to undo once an interrupted run is put right. Where that run is the one that is meant, putting it right is
/// the undo, and nothing older is meant; only what the same run had completed goes back as well.
fn meant(receipts: &[Receipt], who: &Who, selector: &Selector) -> Vec<Selector> {
    let here = || receipts.iter().rev().filter(|receipt| who.here(receipt));
    let interrupted = match selector {
        Selector::All => None,
        Selector::Last => here()
            .find(|receipt| receipt.status == Status::Unfinished || is_in_effect(receipt))
            .filter(|latest| latest.status == Status::Unfinished),
        Selector::One(id) => here()
            .filter(|receipt| receipt.status == Status::Unfinished)
            .find(|receipt| receipt.id == *id || receipt.undoes.as_ref() == Some(id)),
    };
    match (interrupted, selector) {
        (None, selector) => vec![selector.clone()],
        (Some(_), Selector::One(_)) => Vec::new(),
        (Some(cut_off), _) => here()
            .filter(|receipt| is_in_effect(receipt) && receipt.run == cut_off.run)
            .map(|receipt| Selector::One(receipt.id.clone()))
            .collect(),
    }
}

fn undo(writer: &Writer<'_>, who: &Who, meant: &[Selector]) -> Result<Vec<AccountPutBack>, PutBackError> {
    let run = RunId::start();
    let mut accounts = Vec::new();
    for selector in meant {
        let undone = writer.undo(selector, &run)?;
        accounts.extend(undone.iter().flat_map(|undone| accounts_of(undone, who, Outcome::Reverted)));
    }
    Ok(accounts)
}

fn is_in_effect(receipt: &Receipt) -> bool {
    receipt.kind == Kind::Apply && receipt.status == Status::Applied
}

/// What would be put back.
fn planned(writer: &Writer<'_>, who: &Who, meant: &[Selector]) -> Result<Vec<AccountPutBack>, PutBackError> {
    let mut accounts = Vec::new();
    for selector in meant {
        let undone = writer.preview_undo(selector)?;
        accounts.extend(undone.iter().flat_map(|undone| accounts_of(undone, who, Outcome::WouldRevert)));
    }
    Ok(accounts)
}

/// Shows whose settings it is about, all of them, and asks. Where nothing can be put back now nothing is asked, and nothing
/// is written: what is in the way may be gone a moment later, and nobody has agreed to that.
fn agreed(setup: &PutBackSetup<'_>, writer: &Writer<'_>, meant: &[Selector]) -> Result<bool, PutBackError> {
    let planned = planned(writer, setup.who, meant)?;
    if !planned.iter().any(|one| one.result == Outcome::WouldRevert) {
        return Ok(false);
    }
    let receipts = writer.receipts()?.receipts;
    let changed = |one: &AccountPutBack| receipts.iter().find(|receipt| receipt.id.0 == one.receipt);
    let asked: Vec<Back<'_>> =
        planned.iter().map(|one| Back { account: one, changed: changed(one).map(|receipt| receipt.time) }).collect();
    match setup.talk.confirm_back(&asked).map_err(PutBackError::Question)? {
        Answer::Yes => Ok(true),
        Answer::No => Ok(false),
        Answer::Nobody => Err(PutBackError::NobodyToAsk),
    }
}

fn declined(mut one: AccountPutBack) -> AccountPutBack {
    if one.result == Outcome::WouldRevert {
        let hint = "Run `port26 undo` again when you want it put back.";
        one.reason = Some(Reason::new("declined", "Nothing was changed.", hint));
    }
    one
}

/// Other home folders that have changes in effect.
fn elsewhere(kept: &Receipts, who: &Who) -> Vec<Machine> {
    let mut machines: Vec<Machine> = Vec::new();
    for receipt in kept.receipts.iter().filter(|receipt| !who.here(receipt) && is_in_effect(receipt)) {
        if !machines.contains(&receipt.machine) {
            machines.push(receipt.machine.clone());
        }
    }
    machines.sort_by(|one, other| one.home.cmp(&other.home));
    machines
}

fn is_in_part(one: &Recovered) -> bool {
    matches!(&one.outcome, RecoveryOutcome::PutBack { left, .. } if !left.is_empty())
}

/// Of those that were meant: one that still waits for a program or a disk.
fn waits(selector: &Selector, kept: &Receipts, who: &Who) -> bool {
    let is_meant = |receipt: &&Receipt| match selector {
        Selector::All | Selector::Last => true,
        Selector::One(id) => receipt.id == *id || receipt.undoes.as_ref() == Some(id),
    };
    let mut unfinished = kept.receipts.iter().filter(|one| who.here(one) && one.status == Status::Unfinished);
    unfinished.any(|one| is_meant(&one))
}
