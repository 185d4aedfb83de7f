//! What is in the way at a port that gets through and could be moved to: the user must hear of that, not only of what is
//! wrong with the account's own port.

use super::certificate;
use super::verdict::VerdictCode;
use super::words;
use crate::probe::finding::{End, HostFindings, Phase, PortFinding, TlsTrouble};

/// The code, and in one sentence what this port has or says. `now` is this computer's clock in seconds since 1970.
/// `None`: it cannot be connected to, or nothing is in the way but a login that it does not offer.
pub fn in_the_way(host: &HostFindings, finding: &PortFinding, now: i64) -> Option<(VerdictCode, String)> {
    if let Some(tls) = &finding.tls {
        let trouble = tls.trouble.as_ref().filter(|trouble| **trouble != TlsTrouble::WrongMode)?;
        return Some((certificate::code(host, trouble, now), words::tls_in_the_way(host, finding, tls)));
    }
    let code = match (finding.phase, &finding.end) {
        (Phase::Greeting | Phase::Ehlo | Phase::EhloAfterTls, End::Refused) => {
            let later = words::turned_away(finding).is_some_and(|said| said.code < 500);
            if later { VerdictCode::TemporaryFailure } else { VerdictCode::ServerRefusedClient }
        }
        (Phase::Greeting, End::Closed) => VerdictCode::ServerRefusedClient,
        (Phase::Greeting, End::TimedOut) => VerdictCode::SlowServer,
        _ if words::login_service_down(finding) => VerdictCode::TemporaryFailure,
        _ => return None,
    };
    Some((code, words::in_the_way(host, finding)))
}
