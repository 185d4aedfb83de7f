//! Accounts whose client is open are waited for: a client writes its settings when it ends, so what was read before is
//! read again after. Asking a client to close is polite, done once, and nothing is ever ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use port26_platform::processes::Asked;

use super::conversation::Progress;
use super::{Tools, discover};
use crate::account::{Account, ClientId};
use crate::clients::client_name;
use crate::clients::{InUse, MailClient};
use crate::plan::{Outcome, Reason};
use crate::report::AccountReport;

/// How often it is looked whether a client is still open.
const LOOK: Duration = Duration::from_millis(500);

/// An account that was still put off after its client was closed is tried again after this long, and each time later: the client
/// was opened again, or another profile of the same name is open.
const AGAIN: Duration = Duration::from_secs(5);
const AGAIN_AT_MOST: u32 = 12;

/// How long, and how, an open program is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The programs are asked to close.
    pub close: bool,
    /// At most so long; `None`: for as long as it takes.
    pub limit: Option<Duration>,
}

/// Waiting for clients to be closed, over the whole run.
#[derive(Debug)]
pub(super) struct Waiting {
    ask: bool,
    until: Option<Instant>,
    /// Processes that were asked: nobody is asked twice.
    asked: BTreeSet<u32>,
    /// Programs that have been closed since. Who opens one again wants it open.
    closed: BTreeSet<ClientId>,
    /// When an account was last said to be free, and how often.
    tried: BTreeMap<String, (Instant, u32)>,
    answer: Option<Asked>,
}

impl Waiting {
    /// Waits as long as this, beginning now.
    pub(super) fn new(patience: Patience) -> Self {
        let until = patience.limit.and_then(|limit| Instant::now().checked_add(limit));
        Self {
            ask: patience.close,
            until,
            asked: BTreeSet::new(),
            closed: BTreeSet::new(),
            tried: BTreeMap::new(),
            answer: None,
        }
    }

    /// Waits until the client of at least one of the accounts that are put off is closed, and says whose are. `None`:
    /// there are none, the time is over, or whoever started the run waits no longer.
    pub(super) async fn next_closed(&mut self, tools: &Tools, accounts: &[AccountReport]) -> Option<Vec<String>> {
        let put_off = |report: &&AccountReport| report.result == Some(Outcome::Deferred);
        let waiting: Vec<&Account> = accounts.iter().filter(put_off).map(|report| &report.account).collect();
        if waiting.is_empty() {
            return None;
        }
        let mut told = None;
        let closed = loop {
            let (open, closed) = self.look(tools, &waiting);
            if !closed.is_empty() {
                break Some(closed);
            }
            if self.until.is_some_and(|until| Instant::now() >= until) {
                break None;
            }
            if !tools.talk.keep_waiting(&open) {
                break None;
            }
            let waiting = Progress::Waiting { programs: open, asked: self.answer };
            if told.as_ref() != Some(&waiting) {
                tools.talk.progress(&waiting);
                told = Some(waiting);
            }
            tokio::time::sleep(LOOK).await;
        };
        tools.talk.progress(&Progress::Waited);
        closed
    }

    /// Programs that are open, and accounts whose are not. While a profile is open it is looked at once.
    fn look(&mut self, tools: &Tools, waiting: &[&Account]) -> (Vec<String>, Vec<String>) {
        let mut seen: BTreeSet<(ClientId, &str)> = BTreeSet::new();
        let (mut open, mut closed) = (Vec::new(), Vec::new());
        for account in waiting {
            let profile = (account.client, account.profile.as_str());
            let Some(client) = tools.clients.iter().copied().find(|client| client.id() == account.client) else {
                continue;
            };
            if seen.contains(&profile) {
                continue;
            }
            match client.in_use(&tools.computer, account) {
                InUse::No if self.may_try(&account.id) => {
                    self.closed.insert(account.client);
                    closed.push(account.id.clone());
                }
                in_use => {
                    if let InUse::Yes(pid) = in_use {
                        seen.insert(profile);
                        self.ask(tools, client, pid);
                    }
                    let name = client_name(account);
                    if !open.contains(&name) {
                        open.push(name);
                    }
                }
            }
        }
        for id in &closed {
            let (at, times) = self.tried.entry(id.clone()).or_insert((Instant::now(), 0));
            (*at, *times) = (Instant::now(), (*times + 1).min(AGAIN_AT_MOST));
        }
        (open, closed)
    }

    fn may_try(&self, id: &str) -> bool {
        self.tried.get(id).is_none_or(|(at, times)| at.elapsed() >= AGAIN * *times)
    }

    fn ask(&mut self, tools: &Tools, client: &dyn MailClient, pid: Option<u32>) {
        if !self.ask || self.closed.contains(&client.id()) {
            return;
        }
        let pids = pid.map_or_else(|| tools.computer.processes.running(client.process_names()), |pid| vec![pid]);
        let pids: Vec<u32> = pids.into_iter().filter(|pid| !self.asked.contains(pid)).collect();
        if pids.is_empty() && self.answer.is_some() {
            return;
        }
        let answer = tools.computer.processes.ask_to_close(&pids);
        tracing::info!(client = ?client.id(), ?pids, ?answer, "asked to close");
        self.asked.extend(pids);
        // One that can be told is told; the answer that is shown is the one that leaves the most to the user.
        self.answer = Some(match (self.answer, answer) {
            (Some(Asked::NoWay), _) | (_, Asked::NoWay) => Asked::NoWay,
            (Some(Asked::NoWindow), _) | (_, Asked::NoWindow) => Asked::NoWindow,
            _ => Asked::Told,
        });
    }

    /// Says of the accounts that are still put off why the waiting was of no use.
    pub(super) fn settle(&self, accounts: &mut [AccountReport]) {
        for report in accounts.iter_mut().filter(|report| report.result == Some(Outcome::Deferred)) {
            let name = client_name(&report.account);
            let message = match self.answer {
                None => format!("{name} is still open and would overwrite the change."),
                Some(Asked::Told) => format!("{name} was asked to close and is still open."),
                Some(Asked::NoWindow) => {
                    format!("{name} is open and could not be asked to close: a question of its own may be waiting.")
                }
                Some(Asked::NoWay) => format!("{name} is open, and port26 cannot ask it to close here."),
            };
            let hint = format!("Close {name}, then run this again.");
            report.reason = Some(Reason::new("client_open", message, hint));
        }
    }
}

/// The accounts of these ids as they are now, for another look; and what to tell of those that are gone.
pub(super) fn read_again(tools: &Tools, ids: &[String], accounts: &mut [AccountReport]) -> Vec<Account> {
    let clients: Vec<&dyn MailClient> = tools
        .clients
        .iter()
        .copied()
        .filter(|client| {
            accounts.iter().any(|report| report.account.client == client.id() && ids.contains(&report.account.id))
        })
        .collect();
    let mut now = discover(&tools.computer, &clients).accounts;
    now.retain(|account| ids.contains(&account.id));
    for report in accounts.iter_mut().filter(|report| ids.contains(&report.account.id)) {
        if !now.iter().any(|account| account.id == report.account.id) {
            let name = client_name(&report.account);
            report.result = Some(Outcome::NotOurs);
            report.after = None;
            report.reason = Some(Reason::new(
                "account_gone",
                format!("This account was there before {name} was closed, and is not there any more."),
                "Nothing was changed.",
            ));
        }
    }
    now
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use port26_platform::computer::{Computer, Folders, Os};
    use port26_platform::processes::{Ending, MemoryProcesses, Program};
    use port26_platform::registry::Value;
    use port26_platform::registry::memory::MemoryRegistry;
    use secrecy::SecretString;

    use super::*;
    use crate::credentials::PasswordFor;
    use crate::pipeline::{Alone, Answer, Confirm, Conversation, Setup};
    use crate::probe::{Config, Prober};

    /// Hears how far it is, and gives up after so many glances.
    struct Heard(Mutex<Vec<Progress>>, AtomicUsize);
    impl Conversation for Heard {
        fn confirm(&self, asked: &Confirm<'_>) -> io::Result<Answer> {
            Alone.confirm(asked)
        }
        fn password(&self, asked: &PasswordFor<'_>) -> io::Result<Option<SecretString>> {
            Alone.password(asked)
        }
        fn keep_waiting(&self, _programs: &[String]) -> bool {
            self.1.fetch_sub(1, Ordering::SeqCst) > 0
        }
        fn progress(&self, at: &Progress) {
            self.0.lock().unwrap().push(at.clone());
        }
    }

    struct Machine {
        tools: Tools,
        processes: Arc<MemoryProcesses>,
        heard: Arc<Heard>,
        accounts: Vec<AccountReport>,
        _state: tempfile::TempDir,
    }

    /// One account in Outlook and one in Outlook Express, both put off.
    fn machine(processes: MemoryProcesses) -> Machine {
        let outlook =
            r"Software\Microsoft\Office\16.0\Outlook\Profiles\Outlook\9375CFF0413111d3B88A00104B2A6676\00000002";
        let express = r"Software\Microsoft\Internet Account Manager\Accounts\00000001";
        let registry = MemoryRegistry::new()
            .with(outlook, "clsid", Value::sz("{ED475411-B0D6-11D2-8C3B-00104B2A6676}"))
            .with(outlook, "SMTP Server", Value::sz("smtp.hosting.test"))
            .with(express, "SMTP Server", Value::sz("smtp.hosting.test"))
            .with(express, "POP3 Server", Value::sz("pop.hosting.test"));
        let (processes, heard) = (Arc::new(processes), Arc::new(Heard(Mutex::default(), AtomicUsize::new(100))));
        let computer = Computer {
            os: Os::Windows,
            folders: Folders::below("/nowhere", Os::Windows),
            registry: Some(Arc::new(registry)),
            machine: None,
            processes: processes.clone(),
            scripts: Arc::new(port26_platform::scripts::NoScripts),
            unread: Vec::new(),
            own_session: true,
        };
        let state = tempfile::tempdir().unwrap();
        let prober = Prober::new(Config::default()).unwrap();
        let tools = Tools::new(Setup::apart(computer, state.path(), prober), heard.clone());
        let put_off = |account| {
            AccountReport::found(account).with_result(Outcome::Deferred, Reason::new("client_open", "open", "close"))
        };
        let accounts: Vec<_> = discover(&tools.computer, tools.clients).accounts.into_iter().map(put_off).collect();
        assert_eq!(accounts.len(), 2, "{accounts:?}");
        Machine { tools, processes, heard, accounts, _state: state }
    }

    fn program(name: &'static str, pid: u32, ending: Ending) -> Program {
        Program { name, pid, lock: None, ending }
    }

    impl Machine {
        async fn next(&self, waiting: &mut Waiting) -> Option<Vec<String>> {
            waiting.next_closed(&self.tools, &self.accounts).await
        }

        fn id(&self, client: ClientId) -> String {
            self.accounts.iter().find(|report| report.account.client == client).unwrap().account.id.clone()
        }
    }

    #[tokio::test]
    async fn whoever_closes_first_is_first_and_nobody_is_asked_without_being_told_to() {
        let machine = machine(MemoryProcesses::of([
            program("outlook", 7, Ending::AfterLooks(2)),
            program("msimn", 8, Ending::Never),
        ]));
        let mut waiting = Waiting::new(Patience { close: false, limit: Some(Duration::from_secs(20)) });
        assert_eq!(machine.next(&mut waiting).await, Some(vec![machine.id(ClientId::Outlook)]));
        assert_eq!(machine.processes.asked(), Vec::<u32>::new());
        let heard = machine.heard.0.lock().unwrap();
        let both = vec!["Outlook".to_owned(), "Outlook Express".to_owned()];
        assert_eq!(*heard, [Progress::Waiting { programs: both, asked: None }, Progress::Waited]);
    }

    #[tokio::test]
    async fn each_is_asked_once_and_one_that_stays_is_told() {
        let mut machine = machine(MemoryProcesses::of([
            program("outlook", 7, Ending::WhenAsked),
            program("msimn", 8, Ending::Never),
        ]));
        let mut waiting = Waiting::new(Patience { close: true, limit: Some(Duration::from_millis(1200)) });
        assert_eq!(machine.next(&mut waiting).await, Some(vec![machine.id(ClientId::Outlook)]));
        machine.accounts.iter_mut().find(|report| report.account.client == ClientId::Outlook).unwrap().result =
            Some(Outcome::Fixed);
        assert_eq!(machine.next(&mut waiting).await, None, "it never closes");
        assert_eq!(machine.processes.asked(), [7, 8]);
        waiting.settle(&mut machine.accounts);
        let told = |client| {
            let report = machine.accounts.iter().find(|report| report.account.client == client).unwrap();
            report.reason.clone().unwrap().message
        };
        assert_eq!(told(ClientId::OutlookExpress), "Outlook Express was asked to close and is still open.");
        assert_eq!(told(ClientId::Outlook), "open", "what is settled already is not touched");
    }

    #[tokio::test]
    async fn one_that_was_opened_again_is_not_asked_again_and_an_account_is_not_tried_without_pause() {
        let machine = machine(MemoryProcesses::of([
            program("outlook", 7, Ending::WhenAsked),
            program("msimn", 8, Ending::Never),
        ]));
        let mut waiting = Waiting::new(Patience { close: true, limit: Some(Duration::from_secs(20)) });
        assert!(machine.next(&mut waiting).await.is_some());
        assert!(!waiting.may_try(&machine.id(ClientId::Outlook)), "at once it would be the same");
        machine.processes.start(program("outlook", 9, Ending::Never));
        waiting.until = Some(Instant::now());
        assert_eq!(machine.next(&mut waiting).await, None);
        assert_eq!(machine.processes.asked(), [7, 8], "9 is somebody's wish");
    }

    #[tokio::test]
    async fn whoever_started_the_run_may_give_up() {
        let processes = MemoryProcesses::of([program("outlook", 7, Ending::Never), program("msimn", 8, Ending::Never)]);
        let machine = machine(processes);
        machine.heard.1.store(1, Ordering::SeqCst);
        let mut waiting = Waiting::new(Patience { close: false, limit: None });
        assert_eq!(machine.next(&mut waiting).await, None);
    }

    #[tokio::test]
    async fn a_system_without_a_way_says_so() {
        let processes = MemoryProcesses::of([program("outlook", 7, Ending::Never), program("msimn", 8, Ending::Never)]);
        let mut machine = machine(processes.without_a_way());
        let mut waiting = Waiting::new(Patience { close: true, limit: Some(Duration::ZERO) });
        assert_eq!(machine.next(&mut waiting).await, None);
        waiting.settle(&mut machine.accounts);
        let message = machine.accounts[0].reason.clone().unwrap().message;
        assert_eq!(message, "Outlook is open, and port26 cannot ask it to close here.");
    }
}
