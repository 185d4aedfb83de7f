//! What the first look at a host leaves in doubt is looked at once more: a silent port may be a lossy line, an open
//! one that says nothing may wait for TLS or greet late, and a certificate's dates are held against other clocks.

use std::net::IpAddr;
use std::time::Duration;

use super::Tools;
use super::conversation::Progress;
use super::turns::greets_nobody;
use crate::account::TlsMode;
use crate::diagnosis::{other_names, proves};
use crate::probe::finding::{PortFinding, Resolution, ServerDate, TlsTrouble};
use crate::probe::{Prober, Survey, Target, http};

/// Some hosts greet this late on purpose (RFC 5321 4.5.3.2.1 allows far more; half a minute is what is seen).
pub(super) const LATEST_GREETING: Duration = Duration::from_secs(30);

/// How long a port has to greet the second time while another port works: a greeting that came late because packets
/// were lost comes at once then, and a server that keeps people waiting does so again.
const GREETING_REPEAT: Duration = Duration::from_millis(1500);

/// Looks again at the ports that accounts of this host are set to, and at the target where all depends on it.
pub(super) async fn look_again(tools: &Tools, survey: &mut Survey, configured: &[(u16, TlsMode)]) {
    let prober = &tools.prober;
    for &(port, mode) in configured {
        let here = |seen: &&PortFinding| seen.port == port && seen.tls_mode == mode;
        let Some(finding) = survey.findings.ports.iter().find(here).cloned() else { continue };
        if !finding.connected() {
            continue;
        }
        let others_prove = survey.findings.ports.iter().any(|seen| seen.port != port && proves(seen));
        if may_be_other_mode(&finding, others_prove) && other_mode(prober, survey, &finding).await {
            continue;
        }
        if greets_nobody(&finding) {
            let patience = if others_prove { GREETING_REPEAT } else { LATEST_GREETING };
            wait_for_greeting(tools, survey, &finding, patience).await;
        }
    }
    target(tools, survey, configured).await;
    dates(prober, survey, tools.policy.captive_check_url.value.as_deref()).await;
    names(prober, survey).await;
}

/// An account's own port is shut, and no other port has proven itself, but one is open and does not greet: it may speak
/// TLS from the first byte, or the whole host may keep everybody waiting (dead reverse DNS, a dropped ident).
async fn target(tools: &Tools, survey: &mut Survey, configured: &[(u16, TlsMode)]) {
    let ports = &survey.findings.ports;
    let shut = ports.iter().any(|seen| configured.contains(&(seen.port, seen.tls_mode)) && !seen.connected());
    if !shut || ports.iter().any(proves) {
        return;
    }
    let order = tools.policy.target_ports.value.iter();
    let waiting: Vec<PortFinding> =
        order.filter_map(|port| ports.iter().find(|seen| seen.port == *port && greets_nobody(seen))).cloned().collect();
    let Some(first) = waiting.first() else { return };
    // A host whose ports all keep silent is slow. Words before its greeting would look like an attack to it.
    let alone = waiting.len() == 1 && first.tls_mode != TlsMode::Implicit;
    if !(alone && other_mode(&tools.prober, survey, first).await) {
        wait_for_greeting(tools, survey, first, LATEST_GREETING).await;
    }
}

/// Opens the port once more and waits for its greeting.
async fn wait_for_greeting(tools: &Tools, survey: &mut Survey, before: &PortFinding, patience: Duration) {
    if patience == LATEST_GREETING {
        tools.talk.progress(&Progress::WaitingForGreeting { host: before.host.clone() });
    }
    let target = Target { port: before.port, tls: before.tls_mode, greeting_patience: Some(patience) };
    let (again, session) = tools.prober.open_target(&before.host, target).await;
    if !again.connected() {
        survey.findings.fell_silent = true;
        return;
    }
    // Short of a greeting, the look that waited longer is the one that tells more.
    if patience == LATEST_GREETING || again.greeting.is_some() {
        survey.replace(again, session);
    }
}

/// Another machine answers on port 25: is it in the host's own network?
pub(super) async fn whose_network(prober: &Prober, survey: &mut Survey) {
    let Resolution::Addresses { addresses, .. } = survey.findings.resolution.clone() else { return };
    for name in other_names(&survey.findings) {
        if prober.leads_near(&name, &addresses).await {
            survey.findings.own_names.push(name);
        }
    }
}

/// TLS where plain text was expected is silence to the one side; plain text where TLS was expected is told at once.
fn may_be_other_mode(finding: &PortFinding, others_prove: bool) -> bool {
    let wrong = finding.tls.as_ref().is_some_and(|tls| tls.trouble == Some(TlsTrouble::WrongMode));
    // Nobody speaks TLS at once on these, so it is not worth the wait while another port works.
    let never_implicit = matches!(finding.port, 25 | 26 | 587) && others_prove;
    let waits = greets_nobody(finding) && finding.tls_mode != TlsMode::Implicit && !never_implicit;
    wrong || waits
}

/// Tries the same port the other way; true if that is how it wants to be spoken to.
async fn other_mode(prober: &Prober, survey: &mut Survey, finding: &PortFinding) -> bool {
    let other = if finding.tls_mode == TlsMode::Implicit { TlsMode::Starttls } else { TlsMode::Implicit };
    let same = |seen: &&PortFinding| seen.port == finding.port && seen.tls_mode == other;
    if let Some(seen) = survey.findings.ports.iter().find(same) {
        return seen.tls_verified();
    }
    let (seen, session) = prober.open(&finding.host, finding.port, other).await;
    let fits = seen.tls_verified();
    if fits {
        survey.replace(seen, session);
    }
    fits
}

/// A certificate that is out of date by this computer's clock: what date is it elsewhere?
async fn dates(prober: &Prober, survey: &mut Survey, captive_check_url: Option<&str>) {
    let trouble = |seen: &PortFinding| seen.tls.as_ref().and_then(|tls| tls.trouble.clone());
    let doubted = |seen: &PortFinding| matches!(trouble(seen), Some(TlsTrouble::Expired | TlsTrouble::NotYetValid));
    if !survey.findings.ports.iter().any(doubted) {
        return;
    }
    let mut dates = Vec::new();
    for seen in &survey.findings.ports {
        let said = seen.greeting.as_ref().and_then(|greeting| http::date(&greeting.lines.join(" ")));
        dates.extend(said.map(|seconds| ServerDate { source: format!("the greeting on port {}", seen.port), seconds }));
    }
    let own = format!("http://{}/", survey.findings.host);
    for url in std::iter::once(own.as_str()).chain(captive_check_url) {
        let page = prober.http(url).await;
        dates.extend(
            page.date.map(|seconds| ServerDate { source: format!("the web server at {}", page.host), seconds }),
        );
    }
    survey.findings.dates = dates;
}

/// A certificate for other names: which of them lead to the same address as the host?
async fn names(prober: &Prober, survey: &mut Survey) {
    let wrong = survey.findings.ports.iter().filter_map(|seen| seen.tls.as_ref());
    let names: Vec<String> = wrong
        .filter(|tls| tls.trouble == Some(TlsTrouble::WrongName))
        .flat_map(|tls| tls.names.iter().cloned())
        .fold(Vec::new(), |mut names, name| {
            if !names.contains(&name) {
                names.push(name);
            }
            names
        });
    if names.is_empty() {
        return;
    }
    let addresses: Vec<IpAddr> = match &survey.findings.resolution {
        Resolution::Addresses { addresses, .. } => addresses.clone(),
        _ => return,
    };
    survey.findings.same_address_names = prober.leading_to(&names, &addresses).await;
}
