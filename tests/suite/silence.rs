//! The wait for a silent port with a witness beside the wait without one, in the same invented worlds: packets are lost one by
//! one and in bursts, and port 25 is open everywhere, so that whoever calls it blocked is wrong. Time is a number here.

use std::time::Duration;

use port26::probe::Config;
use port26::probe::silence::{BEATS, ELSEWHERE, LATEST_WITNESS, Pace, REPEAT, knocks};

/// From a packet to its answer, in microseconds.
const ROUND_TRIP: u64 = 20_000;
/// The system repeats a SYN, and what was said on a connection, after this long.
const SYN_AGAIN: u64 = 1_000_000;
const SAID_AGAIN: u64 = 200_000;
/// Connect, greeting, EHLO, STARTTLS, TLS, EHLO.
const STEPS: u64 = 6;
const END: u64 = 5_000_000;

fn us(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap()
}

/// SplitMix64: the same numbers everywhere.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Between 0 and 1.
fn chance(of: [u64; 4]) -> f64 {
    let mixed = of.into_iter().fold(0x26, |seed, part| mixed(seed ^ part));
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// How a line loses packets.
#[derive(Clone, Copy)]
struct Line {
    /// One by one.
    alone: f64,
    /// In a burst.
    burst: f64,
    /// How long bursts are, and the time between them, in the mean.
    lasts: u64,
    between: u64,
}

/// What happens on one line: the fate of a packet depends on whose it is and when it is sent, and on nothing that a rule does.
struct World {
    number: u64,
    line: Line,
    /// From and until.
    bursts: Vec<(u64, u64)>,
}

/// Whose packets.
#[derive(Clone, Copy)]
enum Whose {
    Own25,
    Stranger25,
    Conversation,
}

impl World {
    fn new(number: u64, line: Line) -> Self {
        let mut bursts = Vec::new();
        let (mut at, mut draw) = (0, 0);
        let mut span = |mean: u64| {
            draw += 1;
            (-(1.0 - chance([number, 77, draw, 0])).ln() * mean as f64) as u64
        };
        // Some begin in a burst.
        if chance([number, 78, 0, 0]) < line.lasts as f64 / (line.lasts + line.between) as f64 {
            at = span(line.lasts);
            bursts.push((0, at));
        }
        while at < END {
            let from = at + span(line.between);
            at = from + span(line.lasts);
            bursts.push((from, at));
        }
        Self { number, line, bursts }
    }

    fn lost(&self, whose: Whose, at: u64, back: u64) -> bool {
        let in_burst = self.bursts.iter().any(|(from, until)| (*from..*until).contains(&(at + back)));
        let loss = if in_burst { self.line.burst } else { self.line.alone };
        chance([self.number, whose as u64, at, back]) < loss
    }

    /// A packet that is sent then is answered, and the answer comes.
    fn answered(&self, whose: Whose, at: u64) -> bool {
        !self.lost(whose, at, 0) && !self.lost(whose, at, ROUND_TRIP)
    }

    /// One of these SYNs, or what the system repeats of them, is answered by `until`.
    fn connects(&self, whose: Whose, syns: &[u64], until: u64) -> bool {
        let sent = syns.iter().flat_map(|&at| [at, at + SYN_AGAIN]);
        sent.filter(|at| at + ROUND_TRIP <= until).any(|at| self.answered(whose, at))
    }

    /// When a step of a conversation that begins then is over.
    fn step(&self, mut at: u64) -> u64 {
        let mut again = SAID_AGAIN;
        while at < END && !self.answered(Whose::Conversation, at) {
            (at, again) = (at + again, again * 2);
        }
        at + ROUND_TRIP
    }
}

/// What a rule says of port 25.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// It is open, or the line is not to be trusted.
    Right,
    /// It is blocked.
    Blocked,
}

/// Without a witness, with SYNs beside those that are usual.
fn alone(world: &World, more: &[u64]) -> Said {
    let config = Config::default();
    let first = us(config.early_silence.unwrap());
    let mut syns: Vec<u64> = config.syn_offsets.iter().map(|offset| us(*offset)).collect();
    syns.extend(more);
    let again: Vec<u64> = knocks(REPEAT).into_iter().map(|offset| first + us(offset)).collect();
    let open = world.connects(Whose::Own25, &syns, first) || world.connects(Whose::Own25, &again, first + us(REPEAT));
    if open { Said::Right } else { Said::Blocked }
}

/// The moments at which a witness is asked, and whether it has answered in time each time.
fn witness(world: &World, pace: &Pace) -> (Vec<u64>, bool) {
    // The port that is asked second has a lead of 10 ms.
    let there = (0..STEPS).fold(10_000, |at, _| world.step(at));
    if there > us(LATEST_WITNESS) {
        return (Vec::new(), false);
    }
    let mut beats = Vec::new();
    for beat in 0..BEATS as u64 {
        let at = there + us(pace.apart) * beat;
        beats.push(at);
        if !world.answered(Whose::Conversation, at) {
            return (beats, false);
        }
    }
    (beats, true)
}

/// With a witness, and with one unrelated host.
fn beside_a_witness(world: &World, pace: &Pace) -> Said {
    let (beats, stood) = witness(world, pace);
    if !stood {
        return alone(world, &beats);
    }
    let usual: Vec<u64> = Config::default().syn_offsets.iter().map(|offset| us(*offset)).collect();
    let until = beats[BEATS - 1] + us(pace.answer);
    let own = [&usual[..], &beats].concat();
    let late = us(pace.late);
    let elsewhere: Vec<u64> = (0..ELSEWHERE as u64).map(|number| late + us(pace.elsewhere) * number).collect();
    let until_elsewhere = until.max(elsewhere[ELSEWHERE - 1] + us(pace.answer));
    let shut_elsewhere = !world.connects(Whose::Stranger25, &elsewhere, until_elsewhere);
    if !world.connects(Whose::Own25, &own, until) && shut_elsewhere {
        return Said::Blocked;
    }
    alone(world, &beats)
}

/// What the wait would be if it were only shorter: eight SYNs, silence after 1.3 s.
fn merely_shorter(world: &World) -> Said {
    let syns: Vec<u64> = (0..8).map(|number| number * 150_000).collect();
    if world.connects(Whose::Own25, &syns, 1_300_000) { Said::Right } else { Said::Blocked }
}

fn lines() -> impl Iterator<Item = Line> {
    let bursts = [100_000, 300_000, 1_000_000];
    bursts.into_iter().flat_map(|lasts| {
        [0.0, 0.01, 0.05]
            .into_iter()
            .flat_map(move |alone| [0.5, 1.0].map(|burst| Line { alone, burst, lasts, between: 2 * lasts + 500_000 }))
    })
}

#[test]
fn with_a_witness_nothing_is_called_blocked_that_was_not_before() {
    const WORLDS: u64 = 4_000;
    let (mut before, mut shorter, mut sooner) = (0, 0, 0);
    for line in lines() {
        for world in (0..WORLDS).map(|number| World::new(number, line)) {
            let old = alone(&world, &[]);
            before += u64::from(old == Said::Blocked);
            shorter += u64::from(merely_shorter(&world) == Said::Blocked);
            for pace in [Pace::NEW, Pace::KNOWN] {
                sooner += u64::from(witness(&world, &pace).1);
                let new = beside_a_witness(&world, &pace);
                assert!(
                    new == Said::Right || old == Said::Blocked,
                    "world {} with {} alone, {} in bursts of {} µs",
                    world.number,
                    line.alone,
                    line.burst,
                    line.lasts
                );
            }
        }
    }
    // These worlds are bad enough to mislead, and a wait that is only shorter would be misled more often.
    assert!(before > 100, "{before}");
    assert!(shorter > before * 2, "{shorter} and {before}");
    assert!(sooner > 1_000, "{sooner}");
}

/// Where packets are lost one by one only, what counts is how many were sent. The others are asked as often as ever, too.
#[test]
fn as_many_are_sent_beside_a_witness_as_before() {
    let config = Config::default();
    let (first, offsets) = (config.early_silence.unwrap(), &config.syn_offsets);
    let repeated = |until: Duration| offsets.iter().filter(|offset| us(**offset) + SYN_AGAIN < us(until)).count();
    let before = offsets.len() + repeated(first) + knocks(REPEAT).len();
    for pace in [Pace::NEW, Pace::KNOWN] {
        let own = offsets.iter().filter(|offset| **offset < pace.lasts()).count() + BEATS;
        assert!(own + ELSEWHERE >= before, "{own} and {ELSEWHERE} beside {before}");
        assert!(ELSEWHERE >= offsets.len() + repeated(first));
    }
    let own = offsets.len() + BEATS;
    assert!(own >= offsets.len() + knocks(REPEAT).len(), "fresh ones to the port itself");
}

/// Each line by itself: the more it loses, the more seldom a witness stands, and none stands through a whole burst.
#[test]
fn no_witness_stands_in_a_burst() {
    let line = Line { alone: 0.0, burst: 1.0, lasts: 1_000_000, between: 1_500_000 };
    for world in (0..2_000).map(|number| World::new(number, line)) {
        let (beats, stood) = witness(&world, &Pace::NEW);
        let met = beats.iter().any(|at| {
            world
                .bursts
                .iter()
                .any(|(from, until)| (*from..*until).contains(at) || (*from..*until).contains(&(at + ROUND_TRIP)))
        });
        assert!(!(stood && met), "world {}", world.number);
    }
}
