//! What is known of a host while its ports are asked: which addresses answered, how fast, and which questions were. It is
//! the control by which silence on another port is judged.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Which addresses answered on some port, and how fast: the control by which silence on another port is judged. And
/// which of the questions to a host were answered.
#[derive(Debug, Clone)]
pub(super) struct Reached {
    known: Arc<watch::Sender<Known>>,
    question: Option<usize>,
}

#[derive(Debug, Default)]
struct Known {
    addresses: HashMap<IpAddr, Duration>,
    questions: HashSet<usize>,
}

impl Reached {
    pub(super) fn new() -> Self {
        Self { known: Arc::new(watch::Sender::new(Known::default())), question: None }
    }

    /// The same, as the one who asks this question notes it.
    pub(super) fn by(&self, question: usize) -> Self {
        Self { known: Arc::clone(&self.known), question: Some(question) }
    }

    /// Ends once any address has answered.
    pub(super) async fn any(&self) {
        self.until(|known| !known.addresses.is_empty()).await;
    }

    /// Ends once one of these questions has been answered.
    pub(super) async fn one_of(&self, questions: &[usize]) {
        self.until(|known| questions.iter().any(|question| known.questions.contains(question))).await;
    }

    /// How many questions have been answered.
    pub(super) fn questions(&self) -> usize {
        self.known.borrow().questions.len()
    }

    /// Ends once all of these questions have been answered.
    pub(super) async fn all_of(&self, questions: &[usize]) {
        self.until(|known| questions.iter().all(|question| known.questions.contains(question))).await;
    }

    async fn until(&self, mut what: impl FnMut(&Known) -> bool) {
        let mut changes = self.known.subscribe();
        // The sender lives as long as this handle, so it cannot end early.
        let _ = changes.wait_for(|known| what(known)).await;
    }

    /// This address answered the question of this handle.
    pub(super) fn note(&self, address: IpAddr, after: Duration) {
        self.known.send_modify(|known| {
            let best = known.addresses.entry(address).or_insert(after);
            *best = after.min(*best);
            known.questions.extend(self.question);
        });
    }

    /// How fast this address has answered on some port; `None`: it has not.
    pub(super) fn after(&self, address: IpAddr) -> Option<Duration> {
        self.known.borrow().addresses.get(&address).copied()
    }

    /// Ends with how fast this address has answered on some port.
    pub(super) async fn answered(&self, address: IpAddr) -> Duration {
        self.until(|known| known.addresses.contains_key(&address)).await;
        self.after(address).unwrap_or_default()
    }
}
