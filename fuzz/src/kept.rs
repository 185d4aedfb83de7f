//! What port26 keeps, and what it is handed: receipts, the state folder, policies, passwords on standard input. Others may
//! have written there.

use std::cell::LazyCell;
use std::path::Path;

use jiff::Timestamp;
use port26::agent::AgentRecord;
use port26::apply::outside;
use port26::credentials::{Given, Index, Refusals};
use port26::network_history::History;
use port26::policy::{Policy, PolicyValue};

/// The name under which every journal of the corpus lies.
const NAME: &str = "20261127T120000Z-0001.jsonl";

/// A receipt as it stands, and with its checks made anew: else a changed line would never be read.
pub fn journal(data: &[u8]) {
    receipt(data);
    receipt(&outside::sealed(data));
}

/// A receipt; of what is none, the way back between its two halves, as a receipt would hold it.
fn receipt(data: &[u8]) {
    let Ok(read) = outside::receipt(Path::new(NAME), data, data) else {
        let (old, new) = data.split_at(data.len() / 2);
        assert!(outside::there_and_back(old, new).as_deref() == Some(old), "the way back leads elsewhere");
        return;
    };
    for reverted in read.reverted.iter().flatten() {
        // Base64 is longer than what it stands for.
        assert!(reverted.len() <= 2 * data.len(), "{} bytes out of {}", reverted.len(), data.len());
    }
    let shown = serde_json::to_vec(&read.receipt);
    assert!(shown.is_ok(), "a receipt that cannot be shown: {:?}", shown.err());
}

/// Policies and passwords, or what is remembered: that is JSON, which the others are not.
pub fn handed_in(data: &[u8]) {
    if data.starts_with(b"{") {
        return remembered(data);
    }
    passwords(data);
    let mut policy = Policy::default();
    let _ = policy.merge_profile(data, Path::new("org.port26.plist"));
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(policy) = Policy::from_file(text, Path::new("policy.toml")) {
        written_again(&policy);
    }
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let value = |text: &str| match text.parse() {
        Ok(number) => PolicyValue::Integer(number),
        Err(_) => PolicyValue::Text(text.to_owned()),
    };
    if policy.merge_managed("registry", pairs.map(|(name, text)| (name, value(text)))).is_ok() {
        written_again(&policy);
    }
}

/// What `policy show` says is what stands in a policy file.
fn written_again(policy: &Policy) {
    let lines = policy.rows().into_iter().map(|row| format!("{} = {}\n", row.name, row.text()));
    let text: String = lines.collect();
    let again = Policy::from_file(&text, Path::new("policy.toml"));
    assert!(again.is_ok(), "{text} cannot be read: {:?}", again.err());
    let values = |policy: &Policy| policy.rows().into_iter().map(|row| row.value).collect::<Vec<_>>();
    assert!(again.is_ok_and(|again| values(&again) == values(policy)), "{text} is another policy");
}

fn passwords(data: &[u8]) {
    match Given::read(&mut &data[..]) {
        Ok(given) => {
            let lines = given.lines_of("ann");
            assert!(Given::read(&mut &lines[..]).is_ok(), "a person's own lines cannot be read");
            given.find_login("mail.hosting.test", "ann");
        }
        // It names the line, never what is in it.
        Err(error) => assert!(error.to_string().len() < 160),
    }
}

thread_local! {
    /// In memory where the system has such a place.
    static STATE: LazyCell<Option<tempfile::TempDir>> =
        LazyCell::new(|| tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).ok());
}

/// Each file of the state folder.
fn remembered(data: &[u8]) {
    STATE.with(|state| {
        let Some(folder) = state.as_ref().map(tempfile::TempDir::path) else { return };
        for name in ["history.json", "refused.json", "credentials.json", "agent.json"] {
            let written = std::fs::write(folder.join(name), data);
            assert!(written.is_ok(), "{written:?}");
        }
        if let Ok(history) = History::load(folder) {
            for span in history.spans.iter().take(3) {
                history.explain(&span.network, span.port);
            }
            assert!(history.save(folder).is_ok() && History::load(folder).is_ok_and(|again| again == history));
        }
        Refusals::in_state(folder).only_read().forget("mail.hosting.test", "ann", Timestamp::UNIX_EPOCH);
        let _ = Index::in_state(folder).items();
        if let Ok(Some(memory)) = AgentRecord::load(folder) {
            assert!(memory.save(folder).is_ok() && AgentRecord::load(folder).is_ok_and(|again| again == Some(memory)));
        }
    });
}
