//! Somebody who answers what they are asked as a test says, and everything that they were told and asked: a conversation
//! without a screen. A question that the test has no answer for fails it.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;

use port26::account::SubmissionServer;
use port26::credentials::PasswordFor;
use port26::pipeline::{Answer, Back, Confirm, Conversation, Progress};
use secrecy::SecretString;

/// Answers, and what was heard.
#[derive(Default)]
pub struct Recorded {
    answers: Mutex<VecDeque<Answer>>,
    passwords: Mutex<VecDeque<&'static str>>,
    /// So many glances at open programs, and no more are waited for.
    glances: Mutex<Option<usize>>,
    heard: Mutex<Vec<String>>,
}

impl Recorded {
    /// Answers these to what changes, one after the other.
    pub fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), ..Self::default() }
    }

    /// Types these passwords one after the other; an empty one is Enter alone.
    pub fn typing(mut self, passwords: impl IntoIterator<Item = &'static str>) -> Self {
        self.passwords = Mutex::new(passwords.into_iter().collect());
        self
    }

    /// Waits no longer after so many glances.
    pub fn giving_up_after(mut self, glances: usize) -> Self {
        self.glances = Mutex::new(Some(glances));
        self
    }

    /// Every line of the conversation.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// The lines of the questions and their answers, without the progress.
    pub fn questions(&self) -> Vec<String> {
        self.heard().into_iter().filter(|line| !line.starts_with("- ")).collect()
    }

    fn hears(&self, line: String) {
        self.heard.lock().unwrap().push(line);
    }
}

fn server(server: &SubmissionServer) -> String {
    let SubmissionServer { host, port, tls, auth, .. } = server;
    format!("{host}:{port} {tls:?} {auth:?}")
}

impl Conversation for Recorded {
    fn confirm(&self, asked: &Confirm<'_>) -> io::Result<Answer> {
        self.hears(format!("change {:?}?", asked.when));
        for one in &asked.moves {
            let renames = if one.renames { ", under another name" } else { "" };
            let (from, to) = (server(&one.account.outgoing), server(one.to));
            self.hears(format!("    {}: {from} -> {to}{renames}", one.account.email.as_deref().unwrap_or_default()));
        }
        let answer = self.answers.lock().unwrap().pop_front();
        let answer = answer.unwrap_or_else(|| panic!("asked too often: {:#?}", self.heard()));
        self.hears(format!("> {answer:?}"));
        Ok(answer)
    }

    fn confirm_back(&self, asked: &[Back<'_>]) -> io::Result<Answer> {
        self.hears("put back?".to_owned());
        for one in asked {
            let (account, known) = (one.account, if one.changed.is_some() { "" } else { ", of no receipt" });
            let (from, to) = (server(&account.before), server(&account.after));
            self.hears(format!("    {}: {from} -> {to}{known}", account.name()));
        }
        let answer = self.answers.lock().unwrap().pop_front();
        let answer = answer.unwrap_or_else(|| panic!("asked too often: {:#?}", self.heard()));
        self.hears(format!("> {answer:?}"));
        Ok(answer)
    }

    fn password(&self, asked: &PasswordFor<'_>) -> io::Result<Option<SecretString>> {
        let told = [("found", asked.finding), ("other than", asked.other_than), ("refused", asked.refused)];
        for (what, said) in told {
            if let Some(said) = said {
                self.hears(format!("    {what}: {said}"));
            }
        }
        self.hears(format!("password of {} at {}?", asked.user, asked.host));
        let typed = self.passwords.lock().unwrap().pop_front();
        let typed = typed.unwrap_or_else(|| panic!("asked too often: {:#?}", self.heard()));
        self.hears(format!("> {}", if typed.is_empty() { "Enter alone" } else { "(typed)" }));
        Ok((!typed.is_empty()).then(|| SecretString::from(typed)))
    }

    fn keep_waiting(&self, _programs: &[String]) -> bool {
        match self.glances.lock().unwrap().as_mut() {
            None => true,
            Some(0) => {
                self.hears("> waits no longer".to_owned());
                false
            }
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    fn progress(&self, at: &Progress) {
        self.hears(format!("- {at:?}"));
    }
}
