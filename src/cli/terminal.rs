//! The person at the terminal: what is asked, in words, and how far a run is. Where nobody may be asked (`--yes`, a script)
//! only the progress is shown.

use std::io;

use port26_platform::terminal::{forget_typed, hide_typing};
use secrecy::{ExposeSecret, SecretString};

use super::output_mode::OutputMode;
use super::page::{Page, remark};
use super::progress::{HiddenOnly, Lines, Shows, Spinner};
use super::prompt;
use super::words::{account_title, local_time, server_words};
use crate::clients::client_title;
use crate::credentials::PasswordFor;
use crate::past_mail;
use crate::pipeline::{Answer, Back, Confirm, Conversation, Progress, When};
use crate::shown::{Line, Shown};

/// May somebody be asked?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// Whoever is at the terminal, if somebody is.
    Somebody,
    /// Nobody, whoever is there.
    Nobody,
}

/// Whoever sits at the terminal, or reads what it says.
pub(super) struct Terminal {
    shows: Box<dyn Shows>,
    /// Somebody sits there and may be asked.
    asks: bool,
    silent: bool,
}

impl Terminal {
    /// As the flags say how to speak. A piped run never stops at a question, whatever else was said.
    pub(super) fn new(manner: OutputMode, asks: Asks) -> Self {
        let person = prompt::interactive();
        let shows: Box<dyn Shows> = match manner {
            OutputMode::People | OutputMode::Detailed if person => Box::new(Spinner::default()),
            OutputMode::People | OutputMode::Detailed => Box::new(Lines),
            OutputMode::Quiet if person => Box::new(HiddenOnly::default()),
            OutputMode::Quiet | OutputMode::Json | OutputMode::Silent => Box::new(Nothing),
        };
        Self { shows, asks: person && asks == Asks::Somebody, silent: manner == OutputMode::Silent }
    }
}

impl Conversation for Terminal {
    fn confirm(&self, asked: &Confirm<'_>) -> io::Result<Answer> {
        if !self.asks {
            return Ok(Answer::Nobody);
        }
        let mut page = Page::stderr();
        for (column, text) in moves_in_words(asked) {
            page.line(column, text)?;
        }
        drop(page);
        let agreed = prompt::confirm(question(asked.when))?;
        Ok(if agreed { Answer::Yes } else { Answer::No })
    }

    fn confirm_back(&self, asked: &[Back<'_>]) -> io::Result<Answer> {
        if !self.asks {
            return Ok(Answer::Nobody);
        }
        let mut page = Page::stderr();
        for (column, text) in backs_in_words(asked) {
            page.line(column, text)?;
        }
        drop(page);
        let agreed = prompt::confirm("Put these settings back?")?;
        Ok(if agreed { Answer::Yes } else { Answer::No })
    }

    fn password(&self, asked: &PasswordFor<'_>) -> io::Result<Option<SecretString>> {
        if !self.asks {
            return Ok(None);
        }
        let mut typed = Ok(None);
        self.shows.beside(&mut || typed = type_password(asked));
        typed
    }

    fn progress(&self, at: &Progress) {
        match at {
            Progress::OtherRun { holder } if !self.silent => other_run(holder),
            at => self.shows.on(at),
        }
    }
}

/// Nothing is shown.
struct Nothing;

impl Shows for Nothing {
    fn on(&self, _at: &Progress) {}
}

/// Another run is waited for: whoever reads that knows why nothing happens.
pub(super) fn other_run(holder: &str) {
    remark(format_args!("{holder} is at work here; waiting for it, a minute at most"));
}

fn question(when: When) -> &'static str {
    match when {
        When::Now => "Change these settings?",
        When::OnceClosed => "Change these settings as soon as the mail program is closed?",
    }
}

/// The lines before the question, each with its column.
fn moves_in_words(asked: &Confirm<'_>) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    for one in &asked.moves {
        lines.push((0, account_title(one.account)));
        lines.push((4, format!("from {}", server_words(&one.account.outgoing))));
        lines.push((4, format!("to   {}", server_words(one.to))));
        if let Some(waiting) = one.waiting.filter(|waiting| waiting.count > 0) {
            let waits = past_mail::waits_in_words(&waiting, &past_mail::here());
            lines.push((4, format!("{}. {}", waits, past_mail::WILL_GO_OUT)));
        }
        if one.renames {
            let host = Shown(&one.to.host);
            lines.push((
                4,
                format!("This changes the name of the server. Agree only if you know {host} as your mail host's."),
            ));
        }
    }
    lines
}

/// The same for settings that are put back.
fn backs_in_words(asked: &[Back<'_>]) -> Vec<(usize, String)> {
    let of_one = |one: &Back<'_>| {
        let when = one.changed.map(|time| format!(", changed on {}", local_time(time))).unwrap_or_default();
        let account = one.account;
        [
            (0, format!("{} in {}{when}", account.name(), client_title(account.client))),
            (4, format!("from {}", server_words(&account.before))),
            (4, format!("to   {}", server_words(&account.after))),
        ]
    };
    asked.iter().flat_map(of_one).collect()
}

/// What is typed is not shown.
fn type_password(asked: &PasswordFor<'_>) -> io::Result<Option<SecretString>> {
    let (before, question) = password_in_words(asked);
    for text in before {
        remark(text);
    }
    // Until it is answered and whatever happens: Ctrl-C would leave the terminal without its echo.
    let _hidden = hide_typing();
    // What was typed before the question is no answer to it.
    forget_typed();
    let typed = rpassword::prompt_password(question)
        .inspect_err(|error| tracing::warn!("the password could not be asked for: {error}"))
        .map(SecretString::from)?;
    Ok((!typed.expose_secret().is_empty()).then_some(typed))
}

/// Why it is asked for, line by line, and the question.
fn password_in_words(asked: &PasswordFor<'_>) -> (Vec<String>, String) {
    let other = asked.other_than.map(|incoming| {
        format!("This server belongs to another company than {}; it needs a password of its own.", Shown(incoming))
    });
    let before = [asked.finding.map(|finding| Line(finding).to_string()), other].into_iter().flatten();
    let before = before.chain(asked.refused.map(|said| Line(said).to_string())).collect();
    let then = match asked.refused {
        None => " (not shown; Enter alone skips this account): ",
        Some(_) => ", once more (the last attempt of this run; Enter alone leaves the account as it is): ",
    };
    (before, format!("Password of {} at {}{then}", Shown(asked.user), Shown(asked.host)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AuthSetting, TlsMode};
    use crate::diagnosis::tests::account;
    use crate::past_mail::Waiting;
    use crate::pipeline::Move;

    #[test]
    fn what_changes_is_said_before_it_is_asked() {
        let before = account(25, TlsMode::None, AuthSetting::None);
        let mut to = before.outgoing.clone();
        (to.host, to.port, to.tls, to.auth) =
            ("smtp.hosting.test".to_owned(), 26, TlsMode::Starttls, AuthSetting::Password);
        let said = |renames: bool| {
            let oldest = "2024-11-05T12:00:00Z".parse().ok();
            let waiting = renames.then_some(Waiting { folder: "Outbox", count: 2, complete: true, oldest });
            let asked = Confirm { moves: vec![Move { account: &before, to: &to, renames, waiting }], when: When::Now };
            let lines = moves_in_words(&asked).into_iter().map(|(column, text)| format!("{:column$}{text}\n", ""));
            lines.collect::<String>() + question(asked.when)
        };
        insta::assert_snapshot!(said(true), @r"
        jan@hosting.test in Thunderbird
            from mail.hosting.test port 25, no encryption, no login
            to   smtp.hosting.test port 26, STARTTLS, with login
            2 messages wait in the Outbox, the oldest of 5 November 2024. What waits there can go out once the account is moved. Remove from that folder what should not be sent any more.
            This changes the name of the server. Agree only if you know smtp.hosting.test as your mail host's.
        Change these settings?
        ");
        assert!(!said(false).contains("name of the server"));
    }

    #[test]
    fn why_a_password_is_asked_for_is_said_before_the_question() {
        let once = PasswordFor {
            user: "anna",
            host: "mail.hosting.test",
            finding: Some("Port 25 is blocked."),
            other_than: Some("imap.elsewhere.test"),
            refused: None,
        };
        let again = PasswordFor { finding: None, other_than: None, refused: Some("It said no: 535\u{7}"), ..once };
        let said = |asked| {
            let (before, question) = password_in_words(asked);
            before.join("\n") + "\n" + &question
        };
        insta::assert_snapshot!(said(&once), @r"
        Port 25 is blocked.
        This server belongs to another company than imap.elsewhere.test; it needs a password of its own.
        Password of anna at mail.hosting.test (not shown; Enter alone skips this account):
        ");
        insta::assert_snapshot!(said(&again), @r"
        It said no: 535�
        Password of anna at mail.hosting.test, once more (the last attempt of this run; Enter alone leaves the account as it is):
        ");
    }
}
