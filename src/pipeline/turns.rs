//! In which order the ports of a host are asked, and when enough is known: a host is a stranger's house, and each
//! connection is a knock at its door. Three are enough for nearly every account: its own port, the first target, and one
//! more where these do not settle it.

use super::known_network::LastSeen;
use super::ports::{probe_mode, target_mode};
use crate::account::{Account, AuthSetting, SubmissionServer, TlsMode};
use crate::clients::abilities::Abilities;
use crate::diagnosis::certificate::is_of_the_certificate;
use crate::diagnosis::local::is_this_computer;
use crate::diagnosis::only_inside_tls;
use crate::plan::meant_for_logins;
use crate::plan::meeting::{Apart, Meets, meets};
use crate::policy::{MoveWhen, Policy};
use crate::probe::finding::{End, Phase, PortFinding};
use crate::tls_offer::TlsVersion;

/// The alternate port. Whether it is shut tells apart why 25 is, so it is always asked beside 25.
const ALTERNATE: u16 = 26;

/// So many ports of a host that are open and do not greet: it is slow, and the others would be as well.
const SLOW: usize = 2;

/// A port, and how TLS is tried there.
pub(crate) type Port = (u16, TlsMode);

/// What the findings so far are worth to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worth {
    /// Other ports must be asked.
    Little,
    /// Other ports would change nothing.
    All,
    /// Other ports might help, but there is reason not to ask them: they would show the same certificate, or be as slow.
    Stop,
}

/// The ports to ask for the sake of these accounts of a host, turn by turn.
pub(crate) fn turns(last_seen: &LastSeen, accounts: &[&Account], policy: &Policy) -> Vec<Vec<Port>> {
    let mut first: Vec<Port> = Vec::new();
    for account in accounts {
        push_new(&mut first, (account.outgoing.port, probe_mode(account)));
    }
    let elsewhere: Vec<&&Account> =
        accounts.iter().filter(|account| !is_this_computer(&account.outgoing.host)).collect();
    if elsewhere.is_empty() {
        return vec![first];
    }
    elsewhere.iter().filter_map(|account| with_login(account, policy)).for_each(|port| push_new(&mut first, port));
    let targets: Vec<Port> = policy.target_ports.value.iter().map(|&port| (port, target_mode(port))).collect();
    if elsewhere.iter().any(|account| needs_another(last_seen, account, policy)) {
        // In the policy's order, so that what is asked later is never what would have been taken first.
        let likely = targets.iter().position(|(port, _)| !last_seen.blocked(*port)).unwrap_or(0);
        targets.iter().take(likely + 1).for_each(|&port| push_new(&mut first, port));
        if elsewhere.iter().any(|account| account.outgoing.port == 25) {
            targets.iter().filter(|(port, _)| *port == ALTERNATE).for_each(|&port| push_new(&mut first, port));
        }
    }
    let rest: Vec<Port> = targets.into_iter().filter(|port| !first.contains(port)).collect();
    let mut turns = vec![first];
    // The last ones together: nothing has helped so far, and there is a verdict to give.
    let single = rest.len().min(2);
    turns.extend(rest[..single].iter().map(|&port| vec![port]));
    turns.push(rest[single..].to_vec());
    turns
}

/// Will its own port hardly be all that there is to know?
fn needs_another(last_seen: &LastSeen, account: &Account, policy: &Policy) -> bool {
    let bare = account.outgoing.auth == AuthSetting::None && with_login(account, policy).is_none();
    account.outgoing.port == 25 || bare || last_seen.blocked(account.outgoing.port)
}

/// The account's own port as it would be used with a login, where it is one that is meant for that.
fn with_login(account: &Account, policy: &Policy) -> Option<Port> {
    let port = account.outgoing.port;
    let meant = account.outgoing.auth == AuthSetting::None && meant_for_logins(port, policy);
    meant.then(|| (port, target_mode(port)))
}

/// Need other ports of the host be asked for this account, whose program has these abilities?
pub(crate) fn worth(account: &Account, policy: &Policy, abilities: &Abilities, found: &[&PortFinding]) -> Worth {
    let own = (account.outgoing.port, probe_mode(account));
    let at = |port: Port| found.iter().find(|seen| (seen.port, seen.tls_mode) == port).copied();
    if is_this_computer(&account.outgoing.host) {
        return Worth::All;
    }
    let moved_anyway = own.0 == 25 && policy.when.value == MoveWhen::AnyOn25;
    if let Some(present) = at(own) {
        // Where its login is only offered inside TLS, a submission port is what it is led to, and any other is left.
        let stays = !only_inside_tls(account, present) || meant_for_logins(own.0, policy);
        let settled = leads_through(present) && stays && may_use_its_own(account, abilities, present);
        if account.outgoing.auth != AuthSetting::None && !moved_anyway && settled {
            return Worth::All;
        }
        // On 25 somebody else may have shown it: only another port tells.
        if own.0 != 25 && bad_certificate(present) {
            return Worth::Stop;
        }
    }
    let targets =
        policy.target_ports.value.iter().filter(|&&port| port != own.0).map(|&port| (port, target_mode(port)));
    // What is to leave 25 in any case is not settled by a login there.
    let own_with_login = with_login(account, policy).filter(|_| !moved_anyway);
    let seen: Vec<Option<&PortFinding>> = own_with_login.into_iter().chain(targets).map(at).collect();
    let told = |what: fn(&PortFinding) -> bool| seen.iter().flatten().filter(|seen| what(seen)).count();
    let slow = told(greets_nobody) + usize::from(at(own).is_some_and(greets_nobody));
    let may_use = |seen: &PortFinding| match meets(abilities, &at_port(account, seen), seen, &[]) {
        Meets::Yes => true,
        // Nearly every host still takes what ends at TLS 1.2, so the others are not asked for that; few take less.
        Meets::Ask | Meets::NotKnown(_) => abilities.tls.is.newest >= TlsVersion::V1_2,
        Meets::No(_) => false,
    };
    let usable = |seen: &&&PortFinding| leads_through(seen) && may_use(seen);
    // Ports are asked in the policy's order, so one that is usable settles it even while one before it is still silent. Not so
    // the alternate port, which is asked beside 25 whatever its place: those before it may not have been asked.
    let first = seen.iter().position(|seen| seen.as_ref().is_some_and(|seen| usable(&seen)));
    let in_its_turn = |at: usize| seen[at].is_some_and(|seen| seen.port != ALTERNATE);
    match seen.iter().any(Option::is_none) {
        _ if first.is_some_and(|at| in_its_turn(at) || seen[..at].iter().all(Option::is_some)) => Worth::All,
        _ if told(bad_certificate) > 0 || slow >= SLOW => Worth::Stop,
        true => Worth::Little,
        false => Worth::All,
    }
}

/// Nothing that is known for sure keeps the program from its own port. Where something does, another port may take it. Most
/// hosts refuse what ends before TLS 1.2, so the others are not left out for the sake of an answer that is still to come.
fn may_use_its_own(account: &Account, abilities: &Abilities, present: &PortFinding) -> bool {
    match meets(abilities, &account.outgoing, present, &[]) {
        Meets::Yes | Meets::No(Apart::TlsMode) => true,
        Meets::No(Apart::Mechanism(_)) => !abilities.login.is_verified(),
        Meets::No(_) => !abilities.tls.is_verified(),
        Meets::Ask | Meets::NotKnown(_) => abilities.tls.is.newest >= TlsVersion::V1_2 || !abilities.tls.is_verified(),
    }
}

/// As the account would be there, the mechanism left to the program.
fn at_port(account: &Account, seen: &PortFinding) -> SubmissionServer {
    SubmissionServer { port: seen.port, tls: seen.tls_mode, mechanism: None, ..account.outgoing.clone() }
}

/// It proves itself, and not by a root that only this machine trusts.
pub(super) fn leads_through(seen: &PortFinding) -> bool {
    let own_root = seen.tls.as_ref().is_some_and(|tls| tls.local_root);
    seen.phase == Phase::Done && seen.proves() && !own_root
}

fn bad_certificate(seen: &PortFinding) -> bool {
    seen.tls.as_ref().and_then(|tls| tls.trouble.as_ref()).is_some_and(is_of_the_certificate)
}

/// Open, and not a word. A greeting that was begun (`220-`) has been waited for already.
pub(super) fn greets_nobody(seen: &PortFinding) -> bool {
    seen.phase == Phase::Greeting && seen.end == End::TimedOut && seen.greeting.is_none()
}

fn push_new(ports: &mut Vec<Port>, port: Port) {
    if !ports.contains(&port) {
        ports.push(port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::abilities::table::UNKNOWN;
    use crate::diagnosis::tests::{account, ended, good, shut, verified};
    use crate::network_history::PortState;
    use crate::probe::finding::{Connect, TlsTrouble};

    const S: TlsMode = TlsMode::Starttls;
    const LAST: [Port; 2] = [(465, TlsMode::Implicit), (2525, S)];

    fn login(port: u16) -> Account {
        account(port, S, AuthSetting::Password)
    }

    fn bare(port: u16) -> Account {
        account(port, TlsMode::None, AuthSetting::None)
    }

    fn asked(last_seen: &[(u16, PortState)], accounts: &[Account]) -> Vec<Vec<Port>> {
        let accounts: Vec<&Account> = accounts.iter().collect();
        turns(&LastSeen::of_ports(last_seen.iter().copied()), &accounts, &Policy::default())
    }

    #[test]
    fn an_account_with_a_login_is_asked_about_alone() {
        assert_eq!(asked(&[], &[login(26)]), [vec![(26, S)], vec![(587, S)], vec![LAST[0]], vec![LAST[1]]]);
        // Unless this network blocked its port the last time.
        let blocked = asked(&[(587, PortState::Blocked)], &[login(587)]);
        assert_eq!(blocked[0], [(587, S), (26, S)]);
    }

    #[test]
    fn beside_25_the_alternate_port_is_always_asked() {
        let at_25 = asked(&[], &[bare(25)]);
        assert_eq!(at_25[0], [(25, TlsMode::None), (26, S)]);
        assert_eq!(at_25[1], [(587, S)]);
        let known = asked(&[(26, PortState::Blocked)], &[login(25)]);
        assert_eq!(known[0], [(25, S), (26, S), (587, S)]);
        let policy = Policy {
            target_ports: Policy::from_file("target_ports = [587, 26]", std::path::Path::new("P"))
                .unwrap()
                .target_ports,
            ..Policy::default()
        };
        assert_eq!(turns(&LastSeen::default(), &[&bare(25)], &policy)[0], [(25, TlsMode::None), (587, S), (26, S)]);
    }

    #[test]
    fn a_submission_port_without_a_login_is_asked_with_one_too() {
        assert_eq!(asked(&[], &[bare(587)])[..2], [vec![(587, TlsMode::None), (587, S)], vec![(26, S)]]);
    }

    #[test]
    fn a_program_on_this_computer_is_asked_about_its_port_only() {
        let mut bridge = login(1025);
        bridge.outgoing.host = "127.0.0.1".into();
        assert_eq!(asked(&[], &[bridge]), [vec![(1025, S)]]);
    }

    #[test]
    fn how_much_is_enough() {
        let policy = Policy::default();
        let of = |account: &Account, found: &[&PortFinding]| worth(account, &policy, &UNKNOWN, found);
        let (own, silent) = (good(587), shut(587, Connect::Silent));
        assert_eq!(of(&login(587), &[]), Worth::Little);
        assert_eq!(of(&login(587), &[&own]), Worth::All);
        assert_eq!(of(&login(587), &[&silent]), Worth::Little);
        assert_eq!(of(&login(587), &[&silent, &good(26)]), Worth::All);
        let at_25 = PortFinding { tls_mode: TlsMode::None, ..shut(25, Connect::Silent) };
        assert_eq!(of(&bare(25), &[&at_25, &shut(26, Connect::Silent)]), Worth::Little);
        assert_eq!(of(&bare(25), &[&at_25, &shut(26, Connect::Silent), &own]), Worth::All);
        // The same certificate is not asked for again, and a host that keeps everybody waiting is not hurried.
        let mut expired = good(26);
        (expired.tls, expired.ehlo_tls) = (Some(verified(Some(TlsTrouble::Expired))), None);
        assert_eq!(of(&bare(25), &[&at_25, &expired]), Worth::Stop);
        assert_eq!(of(&login(26), &[&expired]), Worth::Stop);
        let slow = |port| ended(port, Phase::Greeting, End::TimedOut);
        assert_eq!(of(&bare(25), &[&at_25, &slow(26)]), Worth::Little);
        assert_eq!(of(&bare(25), &[&at_25, &slow(26), &slow(587)]), Worth::Stop);
    }
}
