//! Progress on anything over a second: a spinner on the terminal, nothing when piped, quiet or JSON. It steps aside
//! while somebody is asked something.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use port26_platform::processes::Asked;
use port26_platform::terminal::{Hidden, hide_typing};

use super::page::remark;
use super::words::counted;
use crate::past_mail::{self, Waiting};
use crate::pipeline::Progress;
use crate::shown::{Line, Shown};

/// How a run's progress is shown.
pub(super) trait Shows: Send + Sync {
    /// Called from any thread.
    fn on(&self, at: &Progress);

    /// Asks something, with what moves out of the way.
    fn beside(&self, ask: &mut dyn FnMut()) {
        ask();
    }
}

/// Shows progress on standard error. One bar a stage; there is none between stages. While there is one, nothing that is typed
/// is shown: it may be a password that comes early.
#[derive(Default)]
pub(super) struct Spinner {
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
        bar.shown.set_message(Line(&message.into()).to_string());
    }

    fn clear(&self) {
        if let Some(bar) = self.lock().take() {
            bar.shown.finish_and_clear();
        }
    }
}

impl Shows for Spinner {
    fn on(&self, at: &Progress) {
        match at {
            Progress::WaitingForGreeting { host } => {
                self.show(format!("{} takes long to answer; it is waited for up to half a minute", Shown(host)));
            }
            Progress::Testing { hosts } => {
                self.hosts.all.store(*hosts, Relaxed);
                self.hosts.done.store(0, Relaxed);
                self.show(format!("testing the ports of {}", counted(*hosts, "mail server", "mail servers")));
            }
            Progress::HostTested { .. } => {
                let all = self.hosts.all.load(Relaxed);
                let done = (self.hosts.done.fetch_add(1, Relaxed) + 1).min(all);
                self.show(format!("testing the ports: {done} of {} done", counted(all, "host", "hosts")));
            }
            Progress::GetsThrough { host, port } => self.show(gets_through(host, *port)),
            Progress::Writing { accounts: 1 } => self.show("writing the settings of 1 account"),
            Progress::Writing { accounts } => self.show(format!("writing the settings of {accounts} accounts")),
            Progress::Waiting { programs, asked } => self.show(waiting(programs, *asked)),
            Progress::Tested | Progress::Written | Progress::Waited => self.clear(),
            Progress::MailWaits { account, waiting } => self.beside(&mut || remark(waits(account, waiting))),
            Progress::OtherRun { .. } => {}
        }
    }

    fn beside(&self, ask: &mut dyn FnMut()) {
        // The lock is held while the person types: every message waits.
        match self.lock().as_ref() {
            Some(bar) => bar.shown.suspend(ask),
            None => ask(),
        }
    }
}

/// With `--quiet` nothing turns; what is typed early is hidden all the same.
#[derive(Default)]
pub(super) struct HiddenOnly(Mutex<Option<Hidden>>);

impl Shows for HiddenOnly {
    fn on(&self, at: &Progress) {
        let mut hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match at {
            Progress::Testing { .. } => *hidden = Some(hide_typing()),
            Progress::Tested => *hidden = None,
            _ => {}
        }
    }
}

/// Where the output is piped: nothing moves, but what is waited for is said, once.
pub(super) struct Lines;

impl Shows for Lines {
    fn on(&self, at: &Progress) {
        match at {
            Progress::Waiting { programs, asked } => remark(waiting(programs, *asked)),
            Progress::MailWaits { account, waiting } => remark(waits(account, waiting)),
            _ => {}
        }
    }
}

fn waits(account: &str, waiting: &Waiting) -> String {
    let told = past_mail::waits_in_words(waiting, &past_mail::here());
    format!("{}: {told}, and can go out once the account is moved", Shown(account))
}

fn gets_through(host: &str, port: u16) -> String {
    format!("port {port} of {} gets through; finding out about the others", Shown(host))
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
