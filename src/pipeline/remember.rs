//! What a test has shown of this network is kept in its history, and an account that it keeps from sending hears since
//! when it does.

use crate::account::Notice;
use crate::diagnosis::VerdictCode;
use crate::network_history::{History, PortState};
use crate::plan::Decision;

use super::keeps::Keeps;
use super::tested::Tested;
use super::{Tools, answered_before};

/// Keeps in the state folder what this network did to the ports, and adds to each account why it used to work.
/// A history that cannot be read or kept is no reason to fail: it is told with the first account.
pub(super) fn remember(tools: &Tools, tested: &mut [Tested], keeps: Keeps) {
    let signs = tools.prober.signs();
    let (mut history, damaged) = History::load_or_begin(tools.kit.state());
    let mut trouble = damaged.map(|error| {
        ("history_forgotten", format!("What was remembered of networks is not known, and begins anew: {error}."))
    });
    // A file that cannot be read is told once, and replaced also where nothing is noted.
    let mut changed = trouble.is_some();
    let network = history.id_to_keep(&signs);
    if let Some(network) = &network {
        changed = true;
        let now = jiff::Timestamp::now();
        for one in tested.iter_mut() {
            let port = one.report.account.outgoing.port;
            let Some(state) = one.report.verdict.as_ref().and_then(|verdict| port_state(verdict.code)) else {
                continue;
            };
            history.note(network, port, state, now);
            // It proved itself a moment ago, so it got through.
            if let Decision::Move { to, .. } = &one.decision {
                history.note(network, to.port, PortState::Open, now);
            }
            if let Some(told) = history.explain(network, port).filter(|_| state == PortState::Blocked) {
                one.report.account.notices.push(Notice { code: "used_to_work".to_owned(), message: told });
            }
        }
    }
    let kept = if changed && keeps == Keeps::State { history.save(tools.kit.state()) } else { Ok(()) };
    if let Err(error) = kept {
        let message = format!("What this network did to the ports was not remembered: {error}.");
        trouble.get_or_insert(("history_not_kept", message));
    }
    if let Some(network) = network.filter(|_| keeps == Keeps::State) {
        answered_before::keep(tools.kit.state(), &network, tested);
    }
    if let Some((code, message)) = trouble {
        tracing::warn!("{message}");
        let first = tested.first_mut().map(|one| &mut one.report.account.notices);
        first.into_iter().for_each(|notices| notices.push(Notice { code: code.to_owned(), message: message.clone() }));
    }
}

/// What a verdict says about the network; `None` if it says nothing.
fn port_state(code: VerdictCode) -> Option<PortState> {
    match code {
        VerdictCode::Ok
        | VerdictCode::AuthRequired
        | VerdictCode::BadCredentials
        | VerdictCode::CramMd5Refused
        | VerdictCode::AppPasswordNeeded
        | VerdictCode::AccountHeld => Some(PortState::Open),
        VerdictCode::PortBlockedNetwork
        | VerdictCode::PortBlockedExceptRelay
        | VerdictCode::UseSubmission
        | VerdictCode::NetworkBlocksMail
        | VerdictCode::RelayUnsafe => Some(PortState::Blocked),
        // What a VPN does is not what the network does.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_refuses_a_login_is_open() {
        for code in [VerdictCode::BadCredentials, VerdictCode::AppPasswordNeeded, VerdictCode::AccountHeld] {
            assert_eq!(port_state(code), Some(PortState::Open), "{code:?}");
        }
        assert_eq!(port_state(VerdictCode::PortBlockedNetwork), Some(PortState::Blocked));
        assert_eq!(port_state(VerdictCode::VpnBlock), None);
    }
}
