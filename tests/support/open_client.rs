//! A mail program that is open: this test program once more, under another name if need be, as another process. When it
//! is closed it first writes its settings, as mail programs do.

#![allow(dead_code, clippy::unwrap_used, reason = "each test program uses its own part, and may panic")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use port26_platform::processes::invented::{self, Manners};

use super::one_test;

const LOCK: &str = "PORT26_TEST_OPEN_LOCK";
const WINDOW: &str = "PORT26_TEST_OPEN_WINDOW";
const LAST: &str = "PORT26_TEST_OPEN_LAST";

/// What an open client is like.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// It runs under this file name, in this folder.
    pub program: Option<PathBuf>,
    /// It holds the lock on this file.
    pub lock: Option<PathBuf>,
    /// It has a window, and these manners.
    pub window: Option<Manners>,
    /// When it closes, it puts this file in place of that one.
    pub last_write: Option<(PathBuf, PathBuf)>,
    /// When it closes, it runs this command and its arguments.
    pub last_command: Vec<String>,
}

/// An open client; ended with the test.
pub struct OpenClient {
    child: Child,
    stdin: Option<ChildStdin>,
    _lines: Lines<BufReader<ChildStdout>>,
}

impl Client {
    pub fn open(&self) -> OpenClient {
        let me = std::env::current_exe().unwrap();
        let program = match &self.program {
            Some(program) => {
                std::fs::copy(&me, program).unwrap();
                program.clone()
            }
            None => me,
        };
        let mut command = Command::new(program);
        command.args(one_test::arguments(module_path!(), "child_that_is_an_open_client"));
        command.env(LOCK, self.lock.as_deref().unwrap_or(Path::new("")));
        command.env(WINDOW, self.window.map(|manners| format!("{manners:?}")).unwrap_or_default());
        let mut last: Vec<String> = Vec::new();
        if let Some((from, to)) = &self.last_write {
            last = vec!["copy".to_owned(), from.display().to_string(), to.display().to_string()];
        } else if !self.last_command.is_empty() {
            last = std::iter::once("run".to_owned()).chain(self.last_command.iter().cloned()).collect();
        }
        command.env(LAST, last.join("\n"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("is open")), "the client did not open");
        let stdin = child.stdin.take();
        OpenClient { child, stdin, _lines: lines }
    }
}

impl OpenClient {
    /// The user closes it. Only for one without a window.
    pub fn close(&mut self) {
        let _ = self.stdin.take().unwrap().write_all(b"close\n");
    }

    pub fn is_open(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for OpenClient {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The open client itself; nothing in a test run that did not ask for it.
#[test]
fn child_that_is_an_open_client() {
    let Some(lock) = std::env::var_os(LOCK) else { return };
    let lock = (!lock.is_empty()).then_some(lock);
    let window = match std::env::var(WINDOW).unwrap().as_str() {
        "Closes" => Some(Manners::Closes),
        "Refuses" => Some(Manners::Refuses),
        _ => None,
    };
    let mut open = invented::open(lock.as_deref().map(Path::new), window).unwrap();
    println!("is open");
    open.until_closed();
    let last = std::env::var(LAST).unwrap();
    let last: Vec<&str> = last.split('\n').collect();
    match last[..] {
        ["copy", from, to] => drop(std::fs::copy(from, to).unwrap()),
        ["run", program, ref arguments @ ..] => {
            assert!(Command::new(program).args(arguments).stdout(Stdio::null()).status().unwrap().success());
        }
        _ => {}
    }
}
