//! Which hosts answered here a short while ago: one that did and is silent now on every port may have banned this address.
//! A small file in the state folder; of a host and its network only a hash is kept, never a name or an address.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use port26_platform::files::{self, FileError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Tools;
use super::tested::Tested;
use crate::diagnosis::NetworkView;
use crate::network_history::History;
use crate::probe::finding::{Connect, HostFindings, PortFinding};

/// How long an answer counts. fail2ban as it comes bans for ten minutes (`bantime`) whoever was counted five times within
/// ten (`findtime`): a ban that an answered run has earned began with it, and is over by then. Later silence is more likely a
/// host that is down.
const COUNTS: SignedDuration = SignedDuration::from_mins(10);

/// More are not kept; the oldest go first.
const KEPT: usize = 500;

const SCHEMA: &str = "port26-answered/1";

/// An address of a host that answered on a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Answered {
    /// Network, host and address, hashed.
    whose: String,
    at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct AnsweredFile {
    schema: String,
    answered: Vec<Answered>,
}

/// What went wrong with the file.
#[derive(Debug, thiserror::Error)]
enum AnsweredError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{path} is not a list of port26: {source}")]
    Malformed { path: PathBuf, source: serde_json::Error },
}

/// The hosts that answered a short while ago on the network that the computer is on now.
#[derive(Debug, Clone, Default)]
pub(super) struct AnsweredBefore {
    network: Option<String>,
    entries: Vec<Answered>,
    now: Timestamp,
}

impl AnsweredBefore {
    /// What is remembered. What cannot be read accuses nobody.
    pub(super) fn of(tools: &Tools) -> Self {
        let now = Timestamp::now();
        let history = History::load(tools.kit.state()).ok();
        let network = history.and_then(|history| history.network_id(&tools.prober.signs()));
        let entries = network.as_ref().map(|_| load(tools.kit.state(), now)).unwrap_or_default();
        Self { network, entries, now }
    }

    /// How many seconds ago an address answered that has kept silent, or refused, this time; `None` if the host answers, or
    /// did not then.
    pub(super) fn seconds_ago(&self, seen: &HostFindings) -> Option<u64> {
        let network = self.network.as_deref()?;
        let answers = seen.ports.iter().any(PortFinding::connected)
            || seen.controls.iter().any(|control| control.outcome == Connect::Open);
        if answers {
            return None;
        }
        let dialled = seen.ports.iter().flat_map(|port| &port.attempts).map(|attempt| attempt.address);
        let known: Vec<String> = dialled.map(|address| whose(network, &seen.host, address)).collect();
        let last = self.entries.iter().filter(|entry| known.contains(&entry.whose)).map(|entry| entry.at).max()?;
        u64::try_from(self.now.duration_since(last).as_secs()).ok()
    }
}

/// The addresses of this host that have answered. By a VPN it is another address that a host would ban, and nothing tells
/// later whether it was by the same.
pub(super) fn answering(seen: &HostFindings, network: &NetworkView) -> Vec<IpAddr> {
    if network.vpn.is_some() {
        return Vec::new();
    }
    let attempts = seen.ports.iter().flat_map(|port| &port.attempts);
    let mut open: Vec<IpAddr> =
        attempts.filter(|attempt| attempt.outcome == Connect::Open).map(|attempt| attempt.address).collect();
    open.sort_unstable();
    open.dedup();
    open
}

/// Keeps who has answered in this run on this network, for runs that may leave something in the state folder. A list that
/// cannot be kept is no reason to fail: it is logged.
pub(super) fn keep(state: &Path, network: &str, tested: &[Tested]) {
    let now = Timestamp::now();
    let mut entries = load(state, now);
    let before = entries.clone();
    for one in tested {
        for &address in &one.answered {
            let whose = whose(network, &one.report.account.outgoing.host, address);
            entries.retain(|entry| entry.whose != whose);
            entries.push(Answered { whose, at: now });
        }
    }
    let surplus = entries.len().saturating_sub(KEPT);
    entries.drain(..surplus);
    if entries == before {
        return;
    }
    if let Err(error) = save(state, entries) {
        tracing::warn!("which hosts answered was not kept: {error}");
    }
}

fn whose(network: &str, host: &str, address: IpAddr) -> String {
    let host = host.trim_end_matches('.').to_lowercase();
    hex::encode(&Sha256::digest(format!("{network}|{host}|{address}"))[..8])
}

fn file(state: &Path) -> PathBuf {
    state.join("answered.json")
}

/// Those that still count, the oldest first. What cannot be understood begins anew.
fn load(state: &Path, now: Timestamp) -> Vec<Answered> {
    let path = file(state);
    let read = || -> Result<Vec<Answered>, AnsweredError> {
        let Some(bytes) = files::read_private(&path)? else { return Ok(Vec::new()) };
        let parsed = serde_json::from_slice::<AnsweredFile>(&bytes);
        let document = parsed.map_err(|source| AnsweredError::Malformed { path: path.clone(), source })?;
        Ok(if document.schema == SCHEMA { document.answered } else { Vec::new() })
    };
    let mut entries = read().unwrap_or_else(|error| {
        tracing::warn!("which hosts answered lately is not known: {error}");
        Vec::new()
    });
    // A time to come is a clock that was wrong, then or now.
    entries.retain(|entry| entry.at <= now && now.duration_since(entry.at) < COUNTS);
    entries.sort_by_key(|entry| entry.at);
    entries
}

fn save(state: &Path, answered: Vec<Answered>) -> Result<(), AnsweredError> {
    let path = file(state);
    let document = AnsweredFile { schema: SCHEMA.to_owned(), answered };
    let bytes = serde_json::to_vec_pretty(&document)
        .map_err(|source| AnsweredError::Malformed { path: path.clone(), source })?;
    files::private_dir(state)?;
    Ok(files::replace_private(&path, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::tests::{V4, control, good, host, network as view, shut};

    fn at(text: &str) -> Timestamp {
        format!("2026-11-27T{text}:00Z").parse().unwrap()
    }

    fn remembered(network: &str, at: Timestamp, now: Timestamp) -> AnsweredBefore {
        let entries = vec![Answered { whose: whose(network, "mail.hosting.test", V4), at }];
        let state = tempfile::tempdir().unwrap();
        save(state.path(), entries).unwrap();
        AnsweredBefore { network: Some("home".to_owned()), entries: load(state.path(), now), now }
    }

    fn silent() -> HostFindings {
        host(vec![shut(587, Connect::Silent), shut(26, Connect::Refused)], vec![])
    }

    #[test]
    fn a_host_that_answered_minutes_ago_and_is_silent_now() {
        assert_eq!(remembered("home", at("12:00"), at("12:04")).seconds_ago(&silent()), Some(240));
        // Under another spelling of its name it is the same host.
        let spelled = HostFindings { host: "MAIL.hosting.test.".into(), ..silent() };
        assert_eq!(remembered("home", at("12:00"), at("12:04")).seconds_ago(&spelled), Some(240));
    }

    #[test]
    fn nobody_is_accused_who_answers_anywhere() {
        let known = remembered("home", at("12:00"), at("12:04"));
        let at_26 = host(vec![shut(25, Connect::Silent), good(26)], vec![]);
        let at_993 = HostFindings { controls: vec![control("mail.hosting.test", 993, Connect::Open)], ..silent() };
        for seen in [at_26, at_993] {
            assert_eq!(known.seconds_ago(&seen), None, "{seen:?}");
        }
    }

    #[test]
    fn nobody_is_accused_on_another_network_or_at_another_address_or_later() {
        let known = |network, now| remembered(network, at("12:00"), now).seconds_ago(&silent());
        assert_eq!(known("hotel", at("12:04")), None);
        assert_eq!(known("home", at("12:10")), None, "a ban would be over");
        assert_eq!(known("home", at("11:50")), None, "a clock that was set back");
        let elsewhere = HostFindings { host: "mx.other.test".into(), ..silent() };
        assert_eq!(remembered("home", at("12:00"), at("12:04")).seconds_ago(&elsewhere), None);
        let mut moved = silent();
        for attempt in moved.ports.iter_mut().flat_map(|port| &mut port.attempts) {
            attempt.address = "192.0.2.99".parse().unwrap();
        }
        assert_eq!(remembered("home", at("12:00"), at("12:04")).seconds_ago(&moved), None);
    }

    #[test]
    fn what_answered_by_a_vpn_is_not_remembered() {
        let seen = host(vec![shut(25, Connect::Silent), good(26), good(587)], vec![]);
        assert_eq!(answering(&seen, &view(None)), [V4]);
        assert_eq!(answering(&seen, &NetworkView { vpn: Some("tun0".into()), ..view(None) }), Vec::<IpAddr>::new());
        assert_eq!(answering(&silent(), &view(None)), Vec::<IpAddr>::new());
    }

    #[test]
    fn the_file_names_nobody_and_begins_anew_when_it_is_damaged() {
        let state = tempfile::tempdir().unwrap();
        let entry = Answered { whose: whose("home", "mail.hosting.test", V4), at: at("12:00") };
        save(state.path(), vec![entry.clone()]).unwrap();
        let text = std::fs::read_to_string(file(state.path())).unwrap();
        assert!(!text.contains("hosting") && !text.contains(&V4.to_string()), "{text}");
        assert_eq!(load(state.path(), at("12:01")), [entry]);
        for damage in ["{", "[]", r#"{"schema": "another/1", "answered": []}"#] {
            std::fs::write(file(state.path()), damage).unwrap();
            assert_eq!(load(state.path(), at("12:01")), []);
        }
    }
}
