//! Progress on anything over a second: a spinner on the terminal, nothing when piped, quiet or JSON. It steps aside
//! while somebody is asked something.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use port26_platform::processes::Asked;
use port26_platform::terminal::{Hidden, hide_typing};
use secrecy::SecretString;

use super::page::remark;
use super::words::counted;
use crate::credentials::Ask;
use crate::pipeline::{Event, Events};
use crate::shown::{line, shown};

/// Shows events on standard error. One bar a stage; there is none between stages. While there is one, nothing that is typed
/// is shown: it may be a password that comes early.
#[derive(Default)]
pub struct Spinner {
    bar: Mutex<Option<Bar>>,
    hosts: Hosts,
}

/// What turns, and what keeps typing hidden meanwhile.
struct Bar {
    shown: ProgressBar,
    _hidden: Hidden,
}

/// How many hosts of how many are done.
#[derive(Default)]
struct Hosts {
    all: AtomicUsize,
    done: AtomicUsize,
}

/// What turns where the terminal shows letters of ASCII only.
const PLAIN: &str = "|/-\\ ";

/// Does the terminal show more than ASCII? As the C library decides it: the first of these that is set.
fn shows_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
    set.is_some_and(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

impl Spinner {
    fn lock(&self) -> MutexGuard<'_, Option<Bar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, message: impl Into<String>) {
        let mut bar = self.lock();
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                let unicode = shows_unicode(|name| std::env::var(name).ok());
                bar.set_style(if unicode { style } else { style.tick_chars(PLAIN) });
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            Bar { shown: bar, _hidden: hide_typing() }
        });
        bar.shown.set_message(line(&message.into()).into_owned());
    }

    fn clear(&self) {
        if let Some(bar) = self.lock().take() {
            bar.shown.finish_and_clear();
        }
    }
}

impl Events for Spinner {
    fn on(&self, event: &Event) {
        match event {
            Event::WaitingForGreeting { host } => {
                self.show(format!("{} takes long to answer; it is waited for up to half a minute", shown(host)));
            }
            Event::Testing { hosts } => {
                self.hosts.all.store(*hosts, Relaxed);
                self.hosts.done.store(0, Relaxed);
                self.show(format!("testing the ports of {}", counted(*hosts, "mail server", "mail servers")));
            }
            Event::HostTested { .. } => {
                let all = self.hosts.all.load(Relaxed);
                let done = (self.hosts.done.fetch_add(1, Relaxed) + 1).min(all);
                self.show(format!("testing the ports: {done} of {} done", counted(all, "host", "hosts")));
            }
            Event::Writing { accounts: 1 } => self.show("writing the settings of 1 account"),
            Event::Writing { accounts } => self.show(format!("writing the settings of {accounts} accounts")),
            Event::Waiting { programs, asked } => self.show(waiting(programs, *asked)),
            Event::Tested | Event::Written | Event::Waited => self.clear(),
        }
    }
}

/// With `--quiet` nothing turns; what is typed early is hidden all the same.
#[derive(Default)]
pub struct HiddenOnly(Mutex<Option<Hidden>>);

impl Events for HiddenOnly {
    fn on(&self, event: &Event) {
        let mut hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Testing { .. } => *hidden = Some(hide_typing()),
            Event::Tested => *hidden = None,
            _ => {}
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
            Some(bar) => bar.shown.suspend(|| self.ask.password(question)),
            None => self.ask.password(question),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_letters_where_the_locale_has_no_others() {
        let with = |set: &'static [(&str, &str)]| {
            shows_unicode(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(with(&[("LANG", "nl_NL.UTF-8")]) && with(&[("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
        assert!(!with(&[]) && !with(&[("LANG", "C")]) && !with(&[("LC_ALL", "POSIX"), ("LANG", "nl_NL.UTF-8")]));
        assert!(with(&[("LC_ALL", ""), ("LANG", "de_DE.UTF-8")]), "empty is not set");
    }
}
