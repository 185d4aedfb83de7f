//! The host's side of the conversation as a state machine: a line in, a reply out, no I/O.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::record::{ConnectionRecord, Login, Message};
use super::service::{AuthOffer, Behaviour, Service};
use super::shared::{MAX_MESSAGE, Shared};
use crate::account::TlsMode;

/// Recipients of one message (RFC 5321 section 4.5.3.1.8 asks for at least 100).
const MAX_RECIPIENTS: usize = 100;
/// Failed logins, and separately other errors, after which the connection is closed.
const MAX_FAILED_LOGINS: u32 = 3;
const MAX_ERRORS: u32 = 20;
/// How much of a recorded command is kept.
const KEPT: usize = 200;

/// What the client may send next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A line: a command, or the next part of AUTH.
    Line,
    /// Message data.
    Data,
    /// A TLS handshake.
    Starttls,
    /// Nothing.
    Close,
}

/// A reply and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) reply: String,
    pub(super) next: Next,
}

fn say(line: &str) -> Step {
    Step { reply: format!("{line}\r\n"), next: Next::Line }
}

fn say_and(line: &str, next: Next) -> Step {
    Step { next, ..say(line) }
}

/// How far an AUTH exchange has come.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Auth {
    Idle,
    PlainResponse,
    LoginUser,
    LoginPassword(String),
}

pub(super) struct Session {
    shared: Arc<Shared>,
    service: Arc<Service>,
    /// Index of this connection in the record.
    index: usize,
    tls: Option<String>,
    greeted: bool,
    auth: Auth,
    user: Option<String>,
    from: Option<String>,
    to: Vec<String>,
    failed_logins: u32,
    errors: u32,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, service: Arc<Service>) -> Self {
        let index = shared.with_record(|record| {
            record
                .connections
                .push(ConnectionRecord { public_port: service.public_port, ..ConnectionRecord::default() });
            record.connections.len() - 1
        });
        Self {
            shared,
            service,
            index,
            tls: None,
            greeted: false,
            auth: Auth::Idle,
            user: None,
            from: None,
            to: Vec::new(),
            failed_logins: 0,
            errors: 0,
        }
    }

    fn note(&self, act: impl FnOnce(&mut ConnectionRecord)) {
        self.shared.with_record(|record| {
            if let Some(connection) = record.connections.get_mut(self.index) {
                act(connection);
            }
        });
    }

    fn note_command(&self, command: String) {
        self.note(|connection| connection.commands.push(command));
    }

    pub(super) fn closed(&self) {
        self.note(|connection| connection.ended = true);
    }

    /// RFC 3207 section 4.2: everything learned before TLS is forgotten.
    pub(super) fn tls_stands(&mut self, protocol: String) {
        self.tls = Some(protocol.clone());
        self.greeted = false;
        self.auth = Auth::Idle;
        self.user = None;
        self.reset();
        self.note(|connection| connection.tls = Some(protocol));
    }

    pub(super) fn greeting(&self) -> Step {
        match &self.service.behaviour {
            Behaviour::Refuses(line) => say_and(line, Next::Close),
            _ => say(&format!("220 {} ESMTP ready", self.shared.host_name)),
        }
    }

    pub(super) fn goodbye(&self, why: &str) -> Step {
        say_and(&format!("421 4.3.2 {} {why}", self.shared.host_name), Next::Close)
    }

    pub(super) fn line_too_long(&mut self) -> Step {
        self.auth = Auth::Idle;
        self.note_command("?".to_owned());
        self.wrong("500 5.5.2 Line too long")
    }

    /// An error of the client; too many end the connection.
    fn wrong(&mut self, line: &str) -> Step {
        self.errors += 1;
        if self.errors > MAX_ERRORS { say_and("421 4.7.0 Too many errors", Next::Close) } else { say(line) }
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }

    /// A line of the client, without its end.
    pub(super) fn line(&mut self, line: &[u8]) -> Step {
        let line = String::from_utf8_lossy(line);
        match std::mem::replace(&mut self.auth, Auth::Idle) {
            Auth::Idle => self.command(&line),
            waiting => self.auth_response(waiting, &line),
        }
    }

    fn command(&mut self, line: &str) -> Step {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let (verb, argument) = (verb.to_ascii_uppercase(), argument.trim());
        // What is kept is chosen by verb: a password that arrives as a line of its own is never kept.
        self.note_command(match verb.as_str() {
            "EHLO" | "HELO" | "MAIL" | "RCPT" => {
                line.chars().filter(|c| !c.is_control()).take(KEPT).collect::<String>().trim().to_owned()
            }
            "AUTH" => match argument.split(' ').next().map(str::to_ascii_uppercase) {
                Some(known) if ["PLAIN", "LOGIN"].contains(&known.as_str()) => format!("AUTH {known}"),
                _ => "AUTH ?".to_owned(),
            },
            "STARTTLS" | "DATA" | "RSET" | "NOOP" | "QUIT" | "VRFY" | "HELP" => verb.clone(),
            _ => "?".to_owned(),
        });
        match verb.as_str() {
            "EHLO" => self.ehlo(argument),
            "HELO" if argument.is_empty() => self.wrong("501 5.5.4 HELO needs a name"),
            "HELO" => {
                self.greeted = true;
                self.reset();
                say(&format!("250 {}", self.shared.host_name))
            }
            "STARTTLS" => self.starttls(argument),
            "AUTH" => self.auth(argument),
            "MAIL" => self.mail(argument),
            "RCPT" => self.rcpt(argument),
            "DATA" => match (&self.from, self.to.is_empty()) {
                (Some(_), false) => say_and("354 End with a dot on a line of its own", Next::Data),
                (Some(_), true) => self.wrong("503 5.5.1 RCPT first"),
                (None, _) => self.wrong("503 5.5.1 MAIL first"),
            },
            "RSET" => {
                self.reset();
                say("250 2.0.0 Reset")
            }
            "NOOP" => say("250 2.0.0 OK"),
            "HELP" => say("214 2.0.0 EHLO STARTTLS AUTH MAIL RCPT DATA RSET NOOP QUIT"),
            "VRFY" => say("252 2.5.2 Send it and see"),
            "QUIT" => say_and(&format!("221 2.0.0 {} closing", self.shared.host_name), Next::Close),
            _ => self.wrong("500 5.5.1 Unknown command"),
        }
    }

    fn starttls_offered(&self) -> bool {
        self.service.tls == TlsMode::Starttls && self.tls.is_none()
    }

    fn auth_offered(&self) -> bool {
        match self.service.auth {
            AuthOffer::Always => true,
            AuthOffer::AfterTls => self.tls.is_some(),
            AuthOffer::Never => false,
        }
    }

    fn ehlo(&mut self, name: &str) -> Step {
        if name.is_empty() {
            return self.wrong("501 5.5.4 EHLO needs a name");
        }
        self.greeted = true;
        self.reset();
        let mut lines = vec![
            format!("{} at your service", self.shared.host_name),
            format!("SIZE {MAX_MESSAGE}"),
            "8BITMIME".to_owned(),
            "PIPELINING".to_owned(),
            "ENHANCEDSTATUSCODES".to_owned(),
        ];
        if self.starttls_offered() {
            let stripped = self.service.behaviour == Behaviour::StarttlsStripped;
            lines.push(if stripped { "XXXXXXXA" } else { "STARTTLS" }.to_owned());
        }
        if self.auth_offered() {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        let last = lines.len() - 1;
        let reply = lines
            .iter()
            .enumerate()
            .map(|(n, line)| format!("250{}{line}\r\n", if n == last { ' ' } else { '-' }))
            .collect();
        Step { reply, next: Next::Line }
    }

    fn starttls(&mut self, argument: &str) -> Step {
        if self.service.behaviour == Behaviour::StarttlsStripped {
            return self.wrong("500 5.5.1 Unknown command");
        }
        if self.tls.is_some() {
            return self.wrong("503 5.5.1 TLS stands already");
        }
        if !self.starttls_offered() {
            return self.wrong("502 5.5.1 No TLS here");
        }
        if !argument.is_empty() {
            return self.wrong("501 5.5.4 STARTTLS takes no argument");
        }
        say_and("220 2.0.0 Go ahead", Next::Starttls)
    }

    fn auth(&mut self, argument: &str) -> Step {
        let (mechanism, initial) = argument.split_once(' ').unwrap_or((argument, ""));
        let (mechanism, initial) = (mechanism.to_ascii_uppercase(), initial.trim());
        // Sent is sent: an initial response is out in the open even where AUTH is then refused.
        if self.tls.is_none() && mechanism == "PLAIN" && !initial.is_empty() && initial != "=" {
            self.note(|connection| connection.password_before_tls = true);
        }
        if !self.auth_offered() {
            if self.service.auth == AuthOffer::AfterTls && self.starttls_offered() {
                if let Some((user, _)) = plain_parts(initial).filter(|_| mechanism == "PLAIN") {
                    self.note_login(&user, "PLAIN", false);
                }
                return self.wrong("538 5.7.11 Encryption is needed for that");
            }
            return self.wrong("503 5.5.1 AUTH is not offered");
        }
        if !self.greeted {
            return self.wrong("503 5.5.1 EHLO first");
        }
        if self.user.is_some() {
            return self.wrong("503 5.5.1 Logged in already");
        }
        if self.from.is_some() {
            return self.wrong("503 5.5.1 Not inside a mail transaction");
        }
        match (mechanism.as_str(), initial) {
            ("PLAIN", "") => {
                self.auth = Auth::PlainResponse;
                say("334 ")
            }
            ("PLAIN", response) => self.auth_response(Auth::PlainResponse, response),
            ("LOGIN", "") => {
                self.auth = Auth::LoginUser;
                say("334 VXNlcm5hbWU6")
            }
            ("LOGIN", user) => self.auth_response(Auth::LoginUser, user),
            ("", _) => self.wrong("501 5.5.4 AUTH needs a mechanism"),
            _ => self.wrong("504 5.5.4 Unknown mechanism"),
        }
    }

    fn auth_response(&mut self, waiting: Auth, line: &str) -> Step {
        let line = line.trim();
        if line == "*" {
            return self.wrong("501 5.7.0 Login cancelled");
        }
        if self.tls.is_none() && !line.is_empty() && waiting != Auth::LoginUser {
            self.note(|connection| connection.password_before_tls = true);
        }
        match waiting {
            Auth::PlainResponse => match plain_parts(line) {
                Some((user, password)) => self.log_in(&user, &password, "PLAIN"),
                None => self.wrong("501 5.5.2 Not a PLAIN response"),
            },
            Auth::LoginUser => match decoded(line) {
                Some(user) => {
                    self.auth = Auth::LoginPassword(user);
                    say("334 UGFzc3dvcmQ6")
                }
                None => self.wrong("501 5.5.2 Not base64"),
            },
            Auth::LoginPassword(user) => match decoded(line) {
                Some(password) => self.log_in(&user, &password, "LOGIN"),
                None => self.wrong("501 5.5.2 Not base64"),
            },
            Auth::Idle => self.wrong("503 5.5.1 AUTH first"),
        }
    }

    fn note_login(&self, user: &str, mechanism: &str, accepted: bool) {
        let login = Login {
            public_port: self.service.public_port,
            user: user.to_owned(),
            mechanism: mechanism.to_owned(),
            tls: self.tls.clone(),
            accepted,
        };
        self.shared.with_record(|record| record.logins.push(login));
    }

    fn log_in(&mut self, user: &str, password: &str, mechanism: &str) -> Step {
        let accepted = self.shared.knows(user, password);
        self.note_login(user, mechanism, accepted);
        if accepted {
            self.user = Some(user.to_owned());
            return say("235 2.7.0 Welcome");
        }
        self.failed_logins += 1;
        if self.failed_logins >= MAX_FAILED_LOGINS {
            return say_and("421 4.7.0 Too many failed logins", Next::Close);
        }
        say("535 5.7.8 User name or password is wrong")
    }

    fn mail(&mut self, argument: &str) -> Step {
        if !self.greeted {
            return self.wrong("503 5.5.1 EHLO first");
        }
        if self.from.is_some() {
            return self.wrong("503 5.5.1 One MAIL at a time");
        }
        if self.service.auth_required && self.user.is_none() {
            return self.wrong("530 5.7.0 Authentication required");
        }
        if self.service.behaviour == Behaviour::TriesLater {
            return say("451 4.3.0 Please try again later");
        }
        let Some((address, parameters)) = path(argument, "FROM:") else {
            return self.wrong("501 5.5.4 MAIL FROM:<address>");
        };
        for parameter in parameters.split_ascii_whitespace() {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match key.to_ascii_uppercase().as_str() {
                "SIZE" if value.parse::<usize>().is_ok_and(|size| size > MAX_MESSAGE) => {
                    return self.wrong("552 5.3.4 Message too big");
                }
                "SIZE" | "BODY" | "AUTH" => {}
                _ => return self.wrong("555 5.5.4 Unknown parameter"),
            }
        }
        if !address.is_empty() && !address.contains('@') {
            return self.wrong("501 5.1.7 Not an address");
        }
        self.from = Some(address);
        say("250 2.1.0 Sender OK")
    }

    fn rcpt(&mut self, argument: &str) -> Step {
        if self.from.is_none() {
            return self.wrong("503 5.5.1 MAIL first");
        }
        let Some((address, _)) = path(argument, "TO:").filter(|(address, _)| address.contains('@')) else {
            return self.wrong("501 5.5.4 RCPT TO:<address>");
        };
        if self.user.is_none() && !self.shared.is_local(&address) {
            return self.wrong("550 5.7.1 Relaying denied: log in first");
        }
        if self.to.len() >= MAX_RECIPIENTS {
            return self.wrong("452 4.5.3 Too many recipients");
        }
        self.to.push(address);
        say("250 2.1.5 Recipient OK")
    }

    /// The message's data; `None` if there was too much of it.
    pub(super) fn data(&mut self, data: Option<Vec<u8>>) -> Step {
        let from = self.from.take().unwrap_or_default();
        let to = std::mem::take(&mut self.to);
        let Some(data) = data else {
            return self.wrong("552 5.3.4 Message too big");
        };
        let number = self.shared.deliver(Message {
            public_port: self.service.public_port,
            user: self.user.clone(),
            tls: self.tls.clone(),
            from,
            to,
            data,
        });
        say(&format!("250 2.0.0 Taken as {number}"))
    }
}

/// `FROM:<a@b> SIZE=1` -> address and the rest. A space after the colon is wrong but common.
fn path(argument: &str, keyword: &str) -> Option<(String, String)> {
    let head = argument.get(..keyword.len())?;
    if !head.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let (address, rest) = argument[keyword.len()..].trim_start().strip_prefix('<')?.split_once('>')?;
    let unfit = |c: char| c.is_whitespace() || c.is_control() || c == '<';
    if address.contains(unfit) || !(rest.is_empty() || rest.starts_with(' ')) {
        return None;
    }
    Some((address.to_owned(), rest.to_owned()))
}

fn decoded(response: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(response).ok()?).ok()
}

/// User and password of a PLAIN response (RFC 4616); acting for somebody else is not offered.
fn plain_parts(response: &str) -> Option<(String, String)> {
    let text = decoded(response)?;
    let mut parts = text.split('\0');
    let (acting_for, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let fits = parts.next().is_none() && !user.is_empty() && (acting_for.is_empty() || acting_for == user);
    fits.then(|| (user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests;
