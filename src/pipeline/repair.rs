//! The one driver: the stages in their order, written once. A terminal, the agent, the rehearsal and the tests say what is
//! wanted ([`Request`]) and who can be spoken to ([`Conversation`](super::Conversation)); the order is not theirs.
//!
//! `repair`: take the turn, recover, discover, [test, remember, by the relay, plan], confirm, knock once more, write, read back; wait for
//! the programs that are open, and go round for their accounts; send the test messages. `examine` stops before writing.

use std::collections::BTreeMap;

use super::Tools;
use super::beside::beside;
use super::by_relay::{ProviderServer, by_relay};
use super::conversation::{Answer, Confirm, Move, Progress, When};
use super::discover::{UnknownAccount, discover_named};
use super::fix::{as_fix_would_say, fix, plan_changes};
use super::fixing::Fixing;
use super::holds;
use super::keeps::{Consent, Keeps};
use super::past_mail;
use super::receipts::{leave_unbelieved, of_others, receipt_problems};
use super::recover::{begin_turn, recover, recovery_problems};
use super::refused_by_writer::{Refusals, not_promised};
use super::remember::remember;
use super::send::send_tests;
use super::still_shut::knock_before_writing;
use super::test_accounts::test;
use super::tested::Tested;
use super::tidy::tidy;
use super::when_closed::{Patience, Waiting, read_again};
use crate::account::{Account, SubmissionServer};
use crate::apply::{ApplyError, RunId, RunTurn};
use crate::plan::{Decision, Outcome, Reason};
use crate::report::{AccountReport, Report};

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct Request {
    /// The verb that the report names.
    pub verb: &'static str,
    /// Accounts by id or address; none: all of them.
    pub accounts: Vec<String>,
    /// Who agrees to what is written.
    pub consent: Consent,
    /// Where accounts go that cannot send.
    pub route: Route,
    /// How long an open program is waited for; `None`: not at all.
    pub patience: Option<Patience>,
    /// A test message is sent afterwards, also if the policy asks for none.
    pub send_test: bool,
}

impl Request {
    /// All accounts, each to a port of its own host; nobody is waited for.
    pub fn fix(consent: Consent) -> Self {
        Self { verb: "fix", accounts: Vec::new(), consent, route: Route::OwnHost, patience: None, send_test: false }
    }
}

/// Where accounts go that cannot send.
#[derive(Debug, Clone)]
pub enum Route {
    /// Another port of their own host.
    OwnHost,
    /// The internet provider's server, if no port of their own host gets through. Every other account is left to `fix`.
    Provider(Vec<ProviderServer>),
}

/// Why a run ended before its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// An account was named that is not there.
    #[error(transparent)]
    UnknownAccount(#[from] UnknownAccount),
    /// It must be agreed to, and nobody is there.
    #[error("settings are changed only if somebody agrees, and nobody can be asked here")]
    NobodyToAsk,
    /// The question could not be put.
    #[error("the question could not be put")]
    Question(#[source] std::io::Error),
    /// The writer, or its state folder.
    #[error(transparent)]
    Writer(#[from] ApplyError),
}

/// Repairs the accounts that cannot send, from finding them to reading them back.
pub async fn repair(tools: &Tools, request: &Request) -> Result<Report, RepairError> {
    repair_by(tools, request, async |accounts| test(tools, accounts).await).await
}

/// The same with another test of the accounts: what needs no network, for tests of what comes after it.
pub async fn repair_by(
    tools: &Tools,
    request: &Request,
    test: impl AsyncFn(Vec<Account>) -> Vec<Tested>,
) -> Result<Report, RepairError> {
    let keeps = request.consent.keeps();
    let mut turn = turn(tools, keeps)?;
    let mut report = Report::new(request.verb);
    let recovery = recover(&tools.kit.writer(), keeps, &mut report)?;
    let found = discover_named(&tools.computer, tools.clients, &request.accounts)?;
    report.clients = found.clients;
    report.problems = found.problems;
    report.problems.extend(recovery_problems(&recovery, &|id| name_of(found.accounts.iter(), id)));
    report.problems.extend(receipt_problems(&tools.kit)?);
    let run = RunId::start();
    let fixing = round(tools, request, &test, found.accounts).await;
    report.accounts = write(tools, fixing, request.consent, &run).await?;
    once_closed(tools, request, &test, &mut report, &run, &mut turn).await?;
    if request.send_test || tools.policy.send_test.value {
        send_tests(tools, &mut report.accounts).await;
    }
    if !request.accounts.is_empty() {
        let named: Vec<Account> = report.accounts.iter().map(|one| one.account.clone()).collect();
        report.beside = beside(&report.problems, &named, &of_others(&tools.kit, &named));
    }
    tidy(&tools.kit.writer(), &tools.policy, keeps);
    Ok(report)
}

/// Says what is wrong with the accounts, and what `fix` would do. Writes nothing but what the network did to the ports.
pub async fn examine(tools: &Tools, accounts: &[String], keeps: Keeps) -> Result<Report, RepairError> {
    let found = discover_named(&tools.computer, tools.clients, accounts)?;
    let mut tested = test(tools, found.accounts).await;
    remember(tools, &mut tested, keeps);
    past_mail::note(tools, &mut tested);
    holds::note(tools, &tested, keeps);
    let mut report = Report::new("test");
    report.clients = found.clients;
    report.problems = found.problems;
    // A folder of receipts that cannot be read is told by the run that writes.
    report.problems.extend(receipt_problems(&tools.kit).unwrap_or_default());
    let refusals = Refusals::now(tools);
    report.accounts = tested.into_iter().map(|one| as_fix_would_say(tools, &refusals, one)).collect();
    Ok(report)
}

fn turn(tools: &Tools, keeps: Keeps) -> Result<Option<RunTurn>, ApplyError> {
    let waiting = |holder: &str| tools.talk.progress(&Progress::OtherRun { holder: holder.to_owned() });
    begin_turn(&tools.kit, keeps, &waiting)
}

/// From accounts as they are now to what is to be written.
async fn round(
    tools: &Tools,
    request: &Request,
    test: &impl AsyncFn(Vec<Account>) -> Vec<Tested>,
    accounts: Vec<Account>,
) -> Vec<Fixing> {
    let mut tested = test(accounts).await;
    remember(tools, &mut tested, request.consent.keeps());
    holds::note(tools, &tested, request.consent.keeps());
    let Route::Provider(servers) = &request.route else {
        past_mail::note(tools, &mut tested);
        return leave_unbelieved(tools, plan_changes(tools, tested));
    };
    let mut tested = by_relay(tools, tested, servers).await;
    past_mail::note(tools, &mut tested);
    // An account that a port of its own host gets through for is `fix`'s, not the relay's.
    let is_ours = |one: &Tested| match &one.decision {
        Decision::Move { to, .. } => servers.iter().any(|server| server.host == to.host),
        Decision::Leave { .. } => true,
    };
    let planned = |one| if is_ours(&one) { plan_changes(tools, vec![one]) } else { vec![Fixing::left_alone(one)] };
    leave_unbelieved(tools, tested.into_iter().flat_map(planned).collect())
}

/// Writes what is pending, if that is agreed to, and what it rests on still holds.
async fn write(
    tools: &Tools,
    fixing: Vec<Fixing>,
    consent: Consent,
    run: &RunId,
) -> Result<Vec<AccountReport>, RepairError> {
    let asked_about = |one: &Fixing| one.pending() || one.needs_consent();
    let fixing = match consent {
        Consent::DryRun => return Ok(not_promised(tools, fixing).into_iter().map(|one| one.report).collect()),
        Consent::Agreed => {
            tell_what_waits(tools, &fixing);
            fixing
        }
        Consent::AskFirst => {
            let moves: Vec<Move<'_>> =
                fixing.iter().filter(|one| asked_about(one)).filter_map(Fixing::as_move).collect();
            if !agreed(tools, moves, When::Now)? {
                return Ok(fixing.into_iter().map(declined).collect());
            }
            fixing.into_iter().map(Fixing::agreed).collect()
        }
    };
    Ok(fix(tools, knock_before_writing(tools, fixing).await, run))
}

/// Nobody is asked, so that it is said before anything is written.
fn tell_what_waits(tools: &Tools, fixing: &[Fixing]) {
    for report in fixing.iter().filter(|one| one.pending()).map(|one| &one.report) {
        if let Some(waiting) = report.waiting.filter(|waiting| waiting.count > 0) {
            tools.talk.progress(&Progress::MailWaits {
                account: name_of([&report.account].into_iter(), &report.account.id),
                waiting,
            });
        }
    }
}

/// Nothing to ask about is agreed to.
fn agreed(tools: &Tools, moves: Vec<Move<'_>>, when: When) -> Result<bool, RepairError> {
    if moves.is_empty() {
        return Ok(true);
    }
    match tools.talk.confirm(&Confirm { moves, when }).map_err(RepairError::Question)? {
        Answer::Yes => Ok(true),
        Answer::No => Ok(false),
        Answer::Nobody => Err(RepairError::NobodyToAsk),
    }
}

fn declined(one: Fixing) -> AccountReport {
    if !one.pending() {
        return one.report;
    }
    let reason = Reason::new("declined", "Nothing was changed.", "Run this again when you want it changed.");
    one.report.with_result(Outcome::WouldFix, reason)
}

/// Waits for the programs of the accounts that were put off, tests these accounts again with the settings that are there
/// then, and writes.
async fn once_closed(
    tools: &Tools,
    request: &Request,
    test: &impl AsyncFn(Vec<Account>) -> Vec<Tested>,
    report: &mut Report,
    run: &RunId,
    held: &mut Option<RunTurn>,
) -> Result<(), RepairError> {
    let Some(patience) = request.patience.filter(|_| request.consent != Consent::DryRun) else { return Ok(()) };
    let put_off = || report.accounts.iter().filter(|report| report.result == Some(Outcome::Deferred));
    if put_off().next().is_none() {
        return Ok(());
    }
    let expected: BTreeMap<String, SubmissionServer> =
        put_off().filter_map(|report| Some((report.account.id.clone(), report.after.clone()?))).collect();
    let asks = request.consent == Consent::AskFirst;
    let moves: Vec<Move<'_>> = put_off().filter_map(|one| as_move(one, &request.route)).collect();
    if asks && !agreed(tools, moves, When::OnceClosed)? {
        return Ok(());
    }
    let mut waiting = Waiting::new(patience);
    loop {
        // Who waits for a program keeps no other run waiting. What is read after that is read in a turn of its own.
        *held = None;
        let Some(ids) = waiting.next_closed(tools, &report.accounts).await else { break };
        *held = turn(tools, request.consent.keeps())?;
        recover_once_closed(tools, request.consent.keeps(), report)?;
        let now = read_again(tools, &ids, &mut report.accounts);
        let fixing = round(tools, request, test, now).await;
        // What was agreed to is done; if the account needs something else now, it is asked for again.
        let as_agreed = |one: &Fixing| one.to.is_none() || one.to.as_ref() == expected.get(&one.report.account.id);
        let all_as_agreed = fixing.iter().all(as_agreed);
        // Somebody was asked, and a new name of the server was among what they agreed to.
        let fixing = match all_as_agreed && asks {
            true => fixing.into_iter().map(Fixing::agreed).collect(),
            false => fixing,
        };
        let consent = if all_as_agreed { Consent::Agreed } else { request.consent };
        for done in write(tools, fixing, consent, run).await? {
            if let Some(place) = report.accounts.iter_mut().find(|report| report.account.id == done.account.id) {
                *place = done;
            }
        }
    }
    waiting.settle(&mut report.accounts);
    Ok(())
}

/// What an interrupted run has left may have waited for this very program.
fn recover_once_closed(tools: &Tools, keeps: Keeps, report: &mut Report) -> Result<(), ApplyError> {
    let recovery = recover(&tools.kit.writer(), keeps, report)?;
    report.problems.retain(|problem| problem.code != "unfinished");
    let accounts = report.accounts.iter().map(|one| &one.account);
    report.problems.extend(recovery_problems(&recovery, &|id| name_of(accounts.clone(), id)));
    Ok(())
}

/// What people call an account.
fn name_of<'a>(mut accounts: impl Iterator<Item = &'a Account>, id: &str) -> String {
    accounts.find(|account| account.id == id).and_then(|account| account.email.clone()).unwrap_or_else(|| id.to_owned())
}

/// What an account that was put off will be moved to.
fn as_move<'a>(report: &'a AccountReport, route: &Route) -> Option<Move<'a>> {
    let to = report.after.as_ref()?;
    // The provider's server is what was asked for, and no other name of the mail host.
    let renames = matches!(route, Route::OwnHost) && !to.host.eq_ignore_ascii_case(&report.account.outgoing.host);
    Some(Move { account: &report.account, to, renames, waiting: report.waiting })
}
