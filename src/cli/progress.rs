//! Progress on anything over a second: a spinner on the terminal, nothing when piped, quiet or JSON.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::pipeline::{Event, Events};

/// Shows events on standard error.
pub struct Spinner {
    bar: ProgressBar,
}

impl Spinner {
    /// A spinner that shows itself only on a terminal.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self { bar }
    }
}

impl Default for Spinner {
    fn default() -> Self {
        Self::new()
    }
}

impl Events for Spinner {
    fn on(&self, event: &Event) {
        match event {
            Event::Testing { hosts: 1 } => self.bar.set_message("testing the ports of 1 mail server"),
            Event::Testing { hosts } => self.bar.set_message(format!("testing the ports of {hosts} mail servers")),
            Event::HostTested { host } => self.bar.set_message(format!("{host} tested")),
            Event::Writing { accounts } => {
                self.bar.set_message(format!("writing the settings of {accounts} accounts"));
            }
        }
        self.bar.enable_steady_tick(Duration::from_millis(120));
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
