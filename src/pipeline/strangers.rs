//! Who is asked besides the hosts of the accounts, and only where an account's own port is silent or in doubt: port 25 of
//! unrelated hosts, and the provider's own relay.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, join_all, select};
use port26_platform::network::NetworkSigns;
use tokio::sync::watch;

use super::Tools;
use crate::account::TlsMode;
use crate::diagnosis::best_outcome;
use crate::probe::Witnessing;
use crate::probe::finding::{Connect, ControlFinding, Phase, PortFinding};
use crate::relay;

/// All there is time for to find it. A relay that is there needs this only where packets are lost: its name asked for twice,
/// a connection with a fresh SYN, a greeting that is sent again. One that is not there is known sooner.
const RELAY_PATIENCE: Duration = Duration::from_millis(3400);

/// A relay that has not greeted by then is asked over a second connection as well: one whose handshake lost its last packet
/// twice says nothing for three seconds.
const RELAY_AGAIN: Duration = Duration::from_millis(1300);

/// What is seen around an account's port 25.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// Port 25 of unrelated hosts, with their greetings.
    pub(super) second_hosts: Vec<ControlFinding>,
    /// Whole conversations with them, where it is in doubt who answers on 25.
    pub(super) talks: Vec<PortFinding>,
    /// Relays of the provider that greet.
    pub(super) relays: Vec<ControlFinding>,
}

/// Port 25 of unrelated hosts, with what they say there, since a proxy says the same for all of them; and, where
/// nobody's port 25 answers in time, the provider's own relay. `shut` is told as soon as it is known that it is shut everywhere.
pub(super) async fn around_port_25(tools: &Tools, witnessing: &Witnessing, shut: watch::Sender<bool>) -> Around {
    let patience = tools.prober.early_silence();
    let dials = tools
        .policy
        .control_hosts
        .value
        .iter()
        .map(|control| tools.prober.control_beside(&control.host, control.port, patience, witnessing));
    let seconds = async {
        let seen = join_all(dials).await;
        if shut_everywhere(&seen) {
            shut.send_replace(true);
        }
        seen
    };
    tokio::pin!(seconds);
    let early = tokio::time::timeout(witnessing.pace.late, &mut seconds).await.ok();
    if early.iter().flatten().any(|control| control.outcome == Connect::Open) {
        return Around { second_hosts: early.unwrap_or_default(), ..Around::default() };
    }
    let rest = async {
        match early {
            Some(seen) => seen,
            None => seconds.await,
        }
    };
    let relays = async {
        let names = relay_names(&tools.prober.signs());
        // Each has its own time: a name that nobody answers for must not hide a relay that is there.
        let dials = names
            .iter()
            .map(|name| tokio::time::timeout(RELAY_PATIENCE, greeting_of_relay(tools, name, patience, witnessing)));
        join_all(dials).await.into_iter().filter_map(Result::ok).collect::<Vec<_>>()
    };
    let (second_hosts, relays) = tokio::join!(rest, relays);
    let greets = |relay: &ControlFinding| relay.greeting.as_ref().is_some_and(|said| said.code == 220);
    Around { second_hosts, relays: relays.into_iter().filter(greets).collect(), ..Around::default() }
}

/// Port 25 of all that could be asked is shut. Nobody who was not asked, or at another port, says anything.
fn shut_everywhere(seen: &[ControlFinding]) -> bool {
    let is_shut = |outcome| matches!(outcome, Connect::Silent | Connect::Refused | Connect::Prohibited);
    let mut asked = seen.iter().filter(|control| control.resolved).peekable();
    asked.peek().is_some() && asked.all(|control| control.port == 25 && is_shut(control.outcome))
}

/// Talks to the unrelated hosts as far as EHLO: do they answer on 25 as themselves, and with encryption?
pub(super) async fn talk(tools: &Tools, around: &mut Around) {
    let talks = tools.policy.control_hosts.value.iter().map(|control| async move {
        let (seen, session) = tools.prober.open(&control.host, control.port, TlsMode::None).await;
        if let Some(session) = session {
            session.close().await;
        }
        seen
    });
    around.talks = join_all(talks).await;
    for talk in &around.talks {
        let seen = ControlFinding {
            host: talk.host.clone(),
            port: talk.port,
            resolved: talk.phase != Phase::Resolve,
            outcome: best_outcome(talk),
            greeting: talk.greeting.clone(),
        };
        match around.second_hosts.iter_mut().find(|other| (&other.host, other.port) == (&seen.host, seen.port)) {
            // Lost packets must not make somebody silent who has answered.
            Some(before) if before.outcome == Connect::Open && seen.outcome != Connect::Open => {}
            Some(before) => *before = seen,
            None => around.second_hosts.push(seen),
        }
    }
}

/// The first of two conversations to be greeted; the second is begun only where the first is still waiting.
async fn greeting_of_relay(tools: &Tools, name: &str, patience: Duration, witnessing: &Witnessing) -> ControlFinding {
    let first = tools.prober.control_beside(name, 25, patience, witnessing);
    let again = async {
        tokio::time::sleep(RELAY_AGAIN).await;
        tools.prober.control_within(name, 25, true, patience).await
    };
    let (first, again) = (pin!(first), pin!(again));
    match select(first, again).await {
        Either::Left((seen, again)) if seen.greeting.is_none() && seen.outcome == Connect::Open => again.await,
        Either::Left((seen, _)) => seen,
        Either::Right((seen, _)) if seen.greeting.is_some() => seen,
        Either::Right((_, first)) => first.await,
    }
}

/// What the provider's relay may be called: as the table of providers says, or by custom below the suffix that the
/// network itself hands out. Nobody but that network is asked.
fn relay_names(signs: &NetworkSigns) -> Vec<String> {
    let known = relay::of_network(signs).into_iter().map(|relay| relay.host.to_string());
    let below = signs.search_suffixes.iter().filter(|suffix| suffix.contains('.')).take(2);
    let custom = below.flat_map(|suffix| ["relay", "smtp", "mail"].map(|name| format!("{name}.{suffix}")));
    known.chain(custom).fold(Vec::new(), |mut names, name| {
        if !names.contains(&name) {
            names.push(name);
        }
        names
    })
}
