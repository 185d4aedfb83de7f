//! What a test has shown of this network is kept in its history, and an account that it keeps from sending hears since
//! when it does.

use crate::account::Notice;
use crate::diagnosis::VerdictCode;
use crate::network_history::{History, PortState};
use crate::plan::Decision;

use super::{Keeps, Tested, Tools, answered_before};

/// Keeps in the state folder what this network did to the ports, and adds to each account why it used to work.
/// A history that cannot be kept is no reason to fail: it is logged.
pub(super) fn remember(tools: &Tools, tested: &mut [Tested], keeps: Keeps) {
    let signs = tools.prober.signs();
    let kept = History::load_or_begin(tools.desk.state()).and_then(|(mut history, damaged)| {
        if let Some(error) = damaged {
            tracing::warn!("what was remembered of networks is begun anew: {error}");
        }
        let Some(network) = history.id_to_keep(&signs) else { return Ok(()) };
        let now = jiff::Timestamp::now();
        for one in tested.iter_mut() {
            let port = one.report.account.outgoing.port;
            let Some(state) = one.report.verdict.as_ref().and_then(|verdict| port_state(verdict.code)) else {
                continue;
            };
            history.note(&network, port, state, now);
            // It proved itself a moment ago, so it got through.
            if let Decision::Move { to } = &one.decision {
                history.note(&network, to.port, PortState::Open, now);
            }
            if let Some(told) = history.explain(&network, port).filter(|_| state == PortState::Blocked) {
                one.report.account.notices.push(Notice { code: "used_to_work".to_owned(), message: told });
            }
        }
        match keeps {
            Keeps::State => history.save(tools.desk.state()),
            Keeps::Nothing => Ok(()),
        }
    });
    if let Err(error) = kept {
        tracing::warn!("the history of this network was not kept: {error}");
    }
    if keeps == Keeps::State {
        answered_before::keep(tools, tested);
    }
}

/// What a verdict says about the network; `None` if it says nothing.
fn port_state(code: VerdictCode) -> Option<PortState> {
    match code {
        VerdictCode::Ok | VerdictCode::AuthRequired | VerdictCode::BadCredentials => Some(PortState::Open),
        VerdictCode::PortBlockedNetwork
        | VerdictCode::PortBlockedExceptRelay
        | VerdictCode::UseSubmission
        | VerdictCode::NetworkBlocksMail
        | VerdictCode::RelayUnsafe => Some(PortState::Blocked),
        // What a VPN does is not what the network does.
        _ => None,
    }
}
