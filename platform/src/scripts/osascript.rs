//! Speaks to programs by way of `/usr/bin/osascript`, which runs `properties.js`.
//!
//! A program of its own and not OSAKit inside this one: it can be stopped when a program does not answer, it runs the
//! very text that is tested, and macOS grants the Automation permission alike, since both count as the app that is
//! responsible for the process: the signed port26 when it was started by itself, else the terminal or agent that started
//! it. Program and request go over standard input, because a password in arguments can be read by everybody.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::hidden::Hidden;
use super::{App, Object, ObjectWrite, ScriptError, Scripts, Visit, Wanted, text};

const PROGRAM: &str = include_str!("properties.js");

/// Time for a conversation: a person may have to answer the system's question, and programs launch slowly.
const DEADLINE: Duration = Duration::from_secs(150);

/// More than the properties of anybody's accounts.
const MOST_BYTES: u64 = 8 << 20;

/// The scriptable programs of the running user.
#[derive(Debug, Clone)]
pub struct Osascript {
    program: PathBuf,
    visit: Visit,
    deadline: Duration,
}

#[derive(Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Request<'a> {
    Read { app: &'a str, wanted: &'a [Wanted] },
    Write { app: &'a str, writes: &'a [ObjectWrite] },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Ok(Value),
    Error { number: Option<i32>, code: Option<String>, message: String },
}

impl Osascript {
    /// The system's own.
    pub fn of_the_system(visit: Visit) -> Self {
        Self::at("/usr/bin/osascript", visit)
    }

    /// Another program that is called like it: `PROGRAM -l JavaScript -`, the text on standard input.
    pub fn at(program: impl Into<PathBuf>, visit: Visit) -> Self {
        Self { program: program.into(), visit, deadline: DEADLINE }
    }

    /// The same, waiting so long for a conversation to end.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Asks, and tells what came back without the passwords that were in the question.
    fn ask(&self, app: &App, request: &Request, hidden: &Hidden) -> Result<Value, ScriptError> {
        if self.visit != Visit::Allowed {
            return Err(ScriptError::NotNow { app: app.clone() });
        }
        let garbled = |why: String| ScriptError::Garbled { app: app.clone(), why: hidden.taken_out_of(&why) };
        let (status, said, complained) = self.run(app, text::calling(PROGRAM, "port26", request).map_err(garbled)?)?;
        match serde_json::from_str(said.trim()) {
            Ok(Answer::Ok(value)) => Ok(value),
            Ok(Answer::Error { number, code, message }) => {
                let message = hidden.taken_out_of(&Zeroizing::new(message));
                Err(told(app, number, code.as_deref(), &message))
            }
            // osascript itself: "execution error: Error: .. (-1743)".
            Err(_) if !status.success() => {
                let words = hidden.taken_out_of(complained.trim());
                Err(ScriptError::numbered(app, closing_number(&complained), &words))
            }
            Err(error) => Err(garbled(error.to_string())),
        }
    }

    /// How it ended, what it said, and what it complained about.
    fn run(&self, app: &App, text: Zeroizing<Vec<u8>>) -> Result<(ExitStatus, Words, Words), ScriptError> {
        let refused = |error: std::io::Error| ScriptError::Refused {
            app: app.clone(),
            number: None,
            message: format!("{}: {error}", self.program.display()),
        };
        let mut child = Command::new(&self.program)
            .args(["-l", "JavaScript", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(refused)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // One that ended early is told of by its exit code, not by the pipe.
        let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&text)));
        let (said, complained) = (reader(stdout), reader(stderr));
        let status = wait(&mut child, self.deadline).map_err(refused)?;
        let _ = writer.join();
        let status = status.ok_or_else(|| ScriptError::TimedOut { app: app.clone() })?;
        let words = |thread: std::thread::JoinHandle<Zeroizing<Vec<u8>>>| {
            let bytes = thread.join().unwrap_or_default();
            Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok((status, words(said), words(complained)))
    }
}

/// A program's words, which may quote a password.
type Words = Zeroizing<String>;

fn reader(from: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Zeroizing<Vec<u8>>> {
    std::thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::new());
        if let Some(from) = from {
            let _ = from.take(MOST_BYTES).read_to_end(&mut bytes);
        }
        bytes
    })
}

/// Waits for its end; `None` if it had to be stopped.
fn wait(child: &mut Child, deadline: Duration) -> std::io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `.. (-1743)` at the end of what osascript complains about.
fn closing_number(text: &str) -> Option<i32> {
    let (_, number) = text.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    number.parse().ok()
}

fn told(app: &App, number: Option<i32>, code: Option<&str>, message: &str) -> ScriptError {
    let (app_is, what) = (app.clone(), message.to_owned());
    match code {
        Some("no_such_object") => ScriptError::NoSuchObject { app: app_is, object: what },
        Some("ambiguous") => ScriptError::Ambiguous { app: app_is, object: what },
        Some("changed") => ScriptError::Changed { app: app_is, property: what },
        Some("not_taken") => ScriptError::NotTaken { app: app_is, property: what },
        _ => ScriptError::numbered(app, number, message),
    }
}

impl Scripts for Osascript {
    fn visit(&self, _app: &App) -> Visit {
        self.visit
    }

    fn read(&self, app: &App, wanted: &[Wanted]) -> Result<Vec<Vec<Object>>, ScriptError> {
        let value = self.ask(app, &Request::Read { app: &app.bundle, wanted }, &Hidden::default())?;
        let garbled = |why: String| ScriptError::Garbled { app: app.clone(), why };
        let lists: Vec<Vec<Object>> = serde_json::from_value(value).map_err(|error| garbled(error.to_string()))?;
        if lists.len() != wanted.len() {
            return Err(garbled(format!("{} lists for {} questions", lists.len(), wanted.len())));
        }
        Ok(lists)
    }

    fn write(&self, app: &App, writes: &[ObjectWrite]) -> Result<(), ScriptError> {
        self.ask(app, &Request::Write { app: &app.bundle, writes }, &Hidden::of(writes)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> App {
        App::new("Mail", "com.apple.mail")
    }

    #[test]
    fn what_osascript_complains_about_is_understood() {
        let line = "stdin:12:34: execution error: Error: Error: Not authorized to send Apple events to Mail. (-1743)\n";
        assert_eq!(closing_number(line), Some(-1743));
        assert_eq!(closing_number("no number"), None);
        let error = ScriptError::numbered(&mail(), closing_number(line), line);
        assert_eq!(error.code(), "automation_permission");
        assert!(error.hint().contains("Privacy & Security > Automation") && error.to_string().contains("Mail"));
        for (number, code) in [(-600, "app_ended"), (-609, "app_ended"), (-1712, "app_silent"), (-1, "app_refused")] {
            assert_eq!(ScriptError::numbered(&mail(), Some(number), "x").code(), code);
        }
        let missing = ScriptError::numbered(&mail(), Some(-2700), "Error: Application can't be found.");
        assert_eq!(missing.code(), "app_missing");
        assert_eq!(ScriptError::numbered(&mail(), Some(-2700), "Error: boom").code(), "app_refused");
    }

    #[test]
    fn while_it_may_not_nothing_is_started() {
        let scripts = Osascript::at("/nowhere/osascript", Visit::NotNow);
        assert_eq!(scripts.read(&mail(), &[]).unwrap_err().code(), "not_asked");
        let scripts = Osascript::at("/nowhere/osascript", Visit::Allowed);
        let error = scripts.write(&mail(), &[]).unwrap_err();
        assert_eq!(error.code(), "app_refused");
        assert!(error.to_string().contains("/nowhere/osascript"), "{error}");
    }
}
