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

/// What the witness of the host says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Witness {
    /// There is none yet.
    #[default]
    Absent,
    /// It is being asked, and has answered so far.
    Speaks,
    /// It has answered to the end; what unrelated hosts show is waited for.
    Waits,
    /// Silence at this address may be called silence.
    Confirms(IpAddr),
    /// It was late, or is not there any more: it is as if there had been none.
    Gone,
}

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct Known {
    addresses: HashMap<IpAddr, Duration>,
    questions: HashSet<usize>,
    witness: Witness,
    /// How often it was asked.
    beats: usize,
    /// Who sent a SYN to this address each time: the question.
    attended: HashSet<(Option<usize>, IpAddr)>,
    /// No port waits for a witness any more.
    settled: bool,
}

impl Known {
    /// How often the witness was asked.
    pub(super) fn beats(&self) -> usize {
        self.beats
    }
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

/// What a witness tells, and who hears it.
impl Reached {
    /// Whatever becomes known, as it does.
    pub(super) fn changes(&self) -> watch::Receiver<Known> {
        self.known.subscribe()
    }

    /// The witness is asked.
    pub(super) fn beat(&self) {
        self.known.send_modify(|known| {
            known.witness = Witness::Speaks;
            known.beats += 1;
        });
    }

    /// This is what became of the witness.
    pub(super) fn set_witness(&self, witness: Witness) {
        self.known.send_modify(|known| known.witness = witness);
    }

    /// Ends as soon as no witness is being asked.
    pub(super) async fn witness_has_spoken(&self) {
        self.until(|known| known.witness != Witness::Speaks).await;
    }

    /// A SYN was sent to this address for this question each time that the witness was asked.
    pub(super) fn attend(&self, address: IpAddr) {
        self.known.send_modify(|known| {
            known.attended.insert((self.question, address));
        });
    }

    /// The witness speaks for this address, and a SYN was sent there each time that it was asked.
    pub(super) fn confirms(&self, address: IpAddr) -> bool {
        self.confirm(&self.known.borrow(), &[address])
    }

    /// Ends once that is so for all of these.
    pub(super) async fn confirmed(&self, addresses: &[IpAddr]) {
        self.until(|known| self.confirm(known, addresses)).await;
    }

    fn confirm(&self, known: &Known, addresses: &[IpAddr]) -> bool {
        let confirms = |address: &IpAddr| {
            known.witness == Witness::Confirms(*address) && known.attended.contains(&(self.question, *address))
        };
        !addresses.is_empty() && addresses.iter().all(confirms)
    }

    /// No port waits for a witness any more.
    pub(super) fn settle(&self) {
        self.known.send_modify(|known| known.settled = true);
    }

    pub(super) fn is_settled(&self) -> bool {
        self.known.borrow().settled
    }

    /// Ends as soon as that is so.
    pub(super) async fn settled(&self) {
        self.until(|known| known.settled).await;
    }
}
