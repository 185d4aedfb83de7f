//! The one contract that every mail client adapter passes, on every fixture, as one trial for each promise and fixture:
//! `cargo test --test contract outlook/2010` runs what one fixture is held to, `cargo test --test contract undo_that_fails`
//! one promise on all of them. A trial that fails hides no other. Two trials, `all ..`, are about all fixtures together.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic")]

#[path = "../support"]
mod support {
    pub mod case;
    pub mod steps;
}

mod damage;
mod fixtures;
mod promises;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::{Arguments, Completion, Trial};
use port26_platform::computer::Os;

use promises::{PROMISES, Promise};
use support::case;

/// A promise, and how often it had something to prove in this run.
struct Count {
    promise: &'static Promise,
    proven: Arc<AtomicUsize>,
}

impl Count {
    /// One trial a fixture. Those that are left out here are told as ignored ones, with the reason.
    fn trials(&self, fixtures: &[PathBuf], everything: bool) -> Vec<Trial> {
        let trial = |(nth, fixture): (usize, &PathBuf)| {
            let (promise, proven) = (self.promise, Arc::clone(&self.proven));
            let (short, fixture) = (fixtures::name(fixture), fixture.clone());
            let left_out = promise.left_out(nth, &short, Os::here(), everything);
            Trial::ignorable_test(format!("{short} {}", promise.name), move || {
                if let Some(why) = left_out {
                    return Ok(Completion::ignored_with(why));
                }
                let times = (promise.holds)(&fixture);
                let idle = fixtures::nothing_moves(&short);
                assert!(times > 0 || idle || !promise.always, "something moves, and there was nothing to prove");
                proven.fetch_add(times, Ordering::SeqCst);
                Ok(Completion::Completed)
            })
        };
        fixtures.iter().enumerate().map(trial).collect()
    }

    /// After a run of all trials: was there enough to prove?
    fn too_few(&self, everything: bool) -> Option<String> {
        let (proven, least) = (self.proven.load(Ordering::SeqCst), self.promise.least(Os::here(), everything));
        (proven < least).then(|| format!("{}: only {proven} were tried, not {least}", self.promise.name))
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let everything = case::every_fixture(Os::here());
    let fixtures = fixtures::all();
    let counts: Vec<Count> = PROMISES.iter().map(|promise| Count { promise, proven: Arc::default() }).collect();
    let mut trials: Vec<Trial> = counts.iter().flat_map(|count| count.trials(&fixtures, everything)).collect();
    trials.extend(fixtures::trials());
    trials.extend(damage::trials());

    let conclusion = libtest_mimic::run(&arguments, trials);
    if conclusion.has_failed() || arguments.list || conclusion.num_filtered_out > 0 {
        return conclusion.exit_code();
    }
    let too_few: Vec<String> = counts.iter().filter_map(|count| count.too_few(everything)).collect();
    for told in &too_few {
        println!("test result: FAILED. {told}");
    }
    if too_few.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(101) }
}
