//! Progress on anything over a second: a spinner on the terminal, nothing when piped, quiet or JSON. It steps aside
//! while somebody is asked something.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use port26_platform::processes::Asked;
use secrecy::SecretString;

use super::page::remark;
use crate::credentials::Ask;
use crate::pipeline::{Event, Events};
use crate::shown::line;

/// Shows events on standard error. One bar a stage; there is none between stages.
#[derive(Default)]
pub struct Spinner {
    bar: Mutex<Option<ProgressBar>>,
}

impl Spinner {
    fn lock(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, message: impl Into<String>) {
        let mut bar = self.lock();
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.set_message(line(&message.into()).into_owned());
    }

    fn clear(&self) {
        if let Some(bar) = self.lock().take() {
            bar.finish_and_clear();
        }
    }
}

impl Events for Spinner {
    fn on(&self, event: &Event) {
        match event {
            Event::Testing { hosts: 1 } => self.show("testing the ports of 1 mail server"),
            Event::Testing { hosts } => self.show(format!("testing the ports of {hosts} mail servers")),
            Event::WaitingForGreeting { host } => {
                self.show(format!("{host} takes long to answer; it is waited for up to half a minute"));
            }
            Event::HostTested { host } => self.show(format!("{host} tested")),
            Event::Writing { accounts: 1 } => self.show("writing the settings of 1 account"),
            Event::Writing { accounts } => self.show(format!("writing the settings of {accounts} accounts")),
            Event::Waiting { programs, asked } => self.show(waiting(programs, *asked)),
            Event::Tested | Event::Written | Event::Waited => self.clear(),
        }
    }
}

/// For people who are no terminal: nothing moves, but what it is waited for is said, once.
pub struct Lines;

impl Events for Lines {
    fn on(&self, event: &Event) {
        if let Event::Waiting { programs, asked } = event {
            remark(waiting(programs, *asked));
        }
    }
}

fn waiting(programs: &[String], asked: Option<Asked>) -> String {
    let programs = programs.join(" and ");
    match asked {
        None => format!("{programs} is open; waiting until it is closed"),
        Some(Asked::Told) => format!("{programs} was asked to close; waiting until it is closed"),
        Some(Asked::NoWindow) => {
            format!("{programs} is open and may wait for an answer; waiting until it is closed")
        }
        Some(Asked::NoWay) => {
            format!("port26 cannot ask {programs} to close here; please close it: waiting until it is closed")
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Asks one question at a time, with the spinner out of the way: hosts are tested at once, and each may need a password.
pub struct BesideSpinner {
    spinner: Arc<Spinner>,
    ask: Box<dyn Ask>,
}

impl BesideSpinner {
    /// Whoever is asked, and the spinner that waits meanwhile.
    pub fn new(spinner: Arc<Spinner>, ask: Box<dyn Ask>) -> Self {
        Self { spinner, ask }
    }
}

impl Ask for BesideSpinner {
    fn password(&self, question: &str) -> std::io::Result<Option<SecretString>> {
        // The lock is held while the person types: the next question waits, and so does every message.
        match self.spinner.lock().as_ref() {
            Some(bar) => bar.suspend(|| self.ask.password(question)),
            None => self.ask.password(question),
        }
    }
}
