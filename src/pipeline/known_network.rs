//! A network that was seen before: what it did then orders the questions. If the ports that settle an account do what they
//! did, nothing else is asked; if one of them does not, everything is, as on a network never seen. The verdict rests on
//! what was seen now, either way.

use std::collections::BTreeMap;

use super::Tools;
use super::survey::probe_mode;
use crate::account::{Account, AuthSetting, TlsMode};
use crate::network_history::{History, PortState};
use crate::policy::{MoveWhen, Policy};
use crate::probe::Expected;

/// The alternate port. Whether it is shut tells apart why 25 is, so it cannot be left unasked beside 25.
const ALTERNATE: u16 = 26;

/// What this network did to each port the last time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(BTreeMap<u16, PortState>);

/// A port, and how TLS is tried there.
type Port = (u16, TlsMode);

impl Memory {
    /// What is remembered of the network that the computer is on now. A history that cannot be read is none.
    pub(super) fn of(tools: &Tools) -> Self {
        match History::load(tools.desk.state()) {
            Ok(history) => match history.network_id(&tools.prober.signs()) {
                Some(network) => Self::from_history(&history, &network),
                None => Self::default(),
            },
            Err(error) => {
                tracing::warn!("nothing is remembered of this network: {error}");
                Self::default()
            }
        }
    }

    fn from_history(history: &History, network: &str) -> Self {
        let ports = history.spans.iter().filter(|span| span.network == network).map(|span| span.port);
        Self(ports.filter_map(|port| Some((port, history.last(network, port)?))).collect())
    }

    /// Of these ports, for tests.
    #[cfg(test)]
    pub(crate) fn of_ports(ports: impl IntoIterator<Item = (u16, PortState)>) -> Self {
        Self(ports.into_iter().collect())
    }

    fn was(&self, port: u16, state: PortState) -> bool {
        self.0.get(&port) == Some(&state)
    }
}

/// What to expect of each of these ports of a host, for the sake of these accounts. Nothing at all unless that would
/// settle every one of them.
pub(crate) fn expectations(
    memory: &Memory,
    accounts: &[&Account],
    ports: &[Port],
    policy: &Policy,
) -> Vec<Option<Expected>> {
    let mut settling = Vec::new();
    for account in accounts {
        match settled_by(memory, account, policy) {
            Some(needed) => settling.extend(needed),
            None => return vec![None; ports.len()],
        }
    }
    ports.iter().map(|port| settling.iter().find(|(needed, _)| needed == port).map(|(_, expected)| *expected)).collect()
}

/// The ports that settle this account if they do what they did. A port that proves itself settles the account that is
/// set to it: the others could add nothing. A port that is shut settles it together with the one that would be moved to.
fn settled_by(memory: &Memory, account: &Account, policy: &Policy) -> Option<Vec<(Port, Expected)>> {
    let port = account.outgoing.port;
    let present = (port, probe_mode(account));
    let moved_anyway = port == 25 && policy.when.value == MoveWhen::AnyOn25;
    if memory.was(port, PortState::Open) && account.outgoing.auth != AuthSetting::None && !moved_anyway {
        return Some(vec![(present, Expected::Through)]);
    }
    let target = policy.target_ports.value.iter().copied().find(|&target| target != port)?;
    let tells_all = port != 25 || target == ALTERNATE;
    (memory.was(port, PortState::Blocked) && memory.was(target, PortState::Open) && tells_all)
        .then(|| vec![(present, Expected::Shut), ((target, super::survey::target_mode(target)), Expected::Through)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::tests::account;
    use Expected::{Shut, Through};

    const ASKED: [Port; 4] =
        [(25, TlsMode::Starttls), (26, TlsMode::Starttls), (587, TlsMode::Starttls), (465, TlsMode::Implicit)];

    fn expected(memory: &[(u16, PortState)], accounts: &[Account], policy: &Policy) -> [Option<Expected>; 4] {
        let accounts: Vec<&Account> = accounts.iter().collect();
        let memory = Memory::of_ports(memory.iter().copied());
        expectations(&memory, &accounts, &ASKED, policy).try_into().unwrap()
    }

    fn login(port: u16) -> Account {
        account(port, TlsMode::Starttls, AuthSetting::Password)
    }

    #[test]
    fn what_worked_here_is_asked_alone() {
        let policy = Policy::default();
        let memory = [(25, PortState::Blocked), (26, PortState::Open)];
        assert_eq!(expected(&memory, &[login(26)], &policy), [None, Some(Through), None, None]);
        assert_eq!(expected(&[], &[login(26)], &policy), [None; 4]);
        // Where no login is set up, another port may be needed for one.
        let bare = account(26, TlsMode::Starttls, AuthSetting::None);
        assert_eq!(expected(&memory, &[bare], &policy), [None; 4]);
    }

    #[test]
    fn what_was_blocked_here_is_asked_with_the_port_to_move_to() {
        let mut policy = Policy::default();
        let memory = [(25, PortState::Blocked), (26, PortState::Open)];
        let plain = account(25, TlsMode::Starttls, AuthSetting::None);
        assert_eq!(expected(&memory, &[plain.clone(), login(26)], &policy), [Some(Shut), Some(Through), None, None]);
        // An account that nothing settles is reason to ask everything.
        assert_eq!(expected(&memory, &[plain.clone(), login(587)], &policy), [None; 4]);
        // Beside 25, whether 26 is shut makes another verdict: it cannot stay unasked.
        policy.target_ports.value = vec![587, 26];
        let memory = [(25, PortState::Blocked), (26, PortState::Open), (587, PortState::Open)];
        assert_eq!(expected(&memory, &[plain], &policy), [None; 4]);
    }

    #[test]
    fn a_policy_that_moves_from_25_anyway_asks_everything() {
        let mut policy = Policy::default();
        let memory = [(25, PortState::Open)];
        assert_eq!(expected(&memory, &[login(25)], &policy), [Some(Through), None, None, None]);
        policy.when.value = MoveWhen::AnyOn25;
        assert_eq!(expected(&memory, &[login(25)], &policy), [None; 4]);
    }
}
