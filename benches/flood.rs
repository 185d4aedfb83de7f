//! What a server costs that never stops talking, beside one that is well: `port26 test` as a process of its own, its time
//! and the most memory it took. A table; asked for as a test (without `--bench`), one line of it, to see that it works.

#![allow(clippy::expect_used, reason = "a bench that cannot start has nothing to measure")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const GREETING: &str = "220 mail.hosting.test ESMTP\r\n";

/// What the server says to whoever connects.
#[derive(Clone, Copy)]
enum Talk {
    /// What servers say.
    Healthy,
    /// A greeting that is this, again and again.
    Greeting(&'static str),
    /// An answer to EHLO that is this, so often; then a last line.
    Ehlo(&'static str, usize),
    /// An answer to EHLO with ways to log in that nobody has heard of, as many as there is room for.
    Mechanisms,
}

const TALKS: [(&str, Talk); 8] = [
    ("a healthy host", Talk::Healthy),
    ("a greeting without a line end", Talk::Greeting("220aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")),
    ("bytes that are no SMTP, without a line end", Talk::Greeting("\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}")),
    ("`220-` lines without an end", Talk::Greeting("220-x\r\n")),
    ("long `220-` lines without an end", Talk::Greeting(LONG)),
    ("lines of an answer to EHLO without an end", Talk::Ehlo("250-X\r\n", usize::MAX)),
    ("an answer to EHLO of 30,000 lines", Talk::Ehlo("250-X-NOTHING\r\n", 30_000)),
    ("40,000 ways to log in", Talk::Mechanisms),
];

/// 512 bytes, the longest that RFC 5321 allows.
const LONG: &str = concat!(
    "220-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
);

/// What one run cost.
struct Cost {
    time: Duration,
    /// Kilobytes; where the system does not tell it of another process, none.
    memory: Option<u64>,
    /// Bytes that the server could get rid of.
    poured: usize,
    verdict: String,
}

fn main() {
    let whole = std::env::args().any(|argument| argument == "--bench");
    let folder = tempfile::tempdir().expect("a folder");
    let talks = if whole { &TALKS[..] } else { &TALKS[3..4] };
    println!("{:<44} {:>7} {:>9} {:>9}  verdict", "the server says", "s", "peak MB", "poured MB");
    for (name, talk) in talks {
        let (address, poured) = serve(*talk);
        let cost =
            run(&folder.path().join(name.replace(|letter: char| !letter.is_alphanumeric(), "-")), address, &poured);
        let memory = cost.memory.map_or("?".to_owned(), |kilobytes| format!("{:.1}", kilobytes as f64 / 1024.0));
        let poured = cost.poured as f64 / 1e6;
        println!("{name:<44} {:>7.2} {memory:>9} {poured:>9.1}  {}", cost.time.as_secs_f64(), cost.verdict);
    }
}

/// A server on this machine, for as many connections as come.
fn serve(talk: Talk) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let poured = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&poured);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            // Whoever is not listened to any more is cut off, and that is the end of it.
            thread::spawn(move || speak(stream, talk, &count));
        }
    });
    (address, poured)
}

fn speak(mut stream: TcpStream, talk: Talk, poured: &AtomicUsize) -> std::io::Result<()> {
    let mut commands = BufReader::new(stream.try_clone()?).lines();
    if let Talk::Greeting(words) = talk {
        return pour(&mut stream, words, usize::MAX, poured);
    }
    stream.write_all(GREETING.as_bytes())?;
    while let Some(command) = commands.next().transpose()? {
        match (command.split(' ').next().unwrap_or_default(), talk) {
            ("EHLO", Talk::Ehlo(line, times)) => {
                pour(&mut stream, line, times, poured)?;
                stream.write_all(b"250 SIZE\r\n")?;
            }
            ("EHLO", Talk::Mechanisms) => {
                let ways: Vec<String> = (0..40_000).map(|n| format!("{n:x}")).collect();
                let lines: String = ways.chunks(1000).map(|some| format!("250-AUTH {}\r\n", some.join(" "))).collect();
                pour(&mut stream, &lines, 1, poured)?;
                stream.write_all(b"250 SIZE\r\n")?;
            }
            ("EHLO", _) => stream.write_all(b"250-mail.hosting.test\r\n250-SIZE 52428800\r\n250 8BITMIME\r\n")?,
            ("QUIT", _) => {
                stream.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => stream.write_all(b"250 fine\r\n")?,
        }
    }
    Ok(())
}

fn pour(stream: &mut TcpStream, words: &str, times: usize, poured: &AtomicUsize) -> std::io::Result<()> {
    let at_once = (64 * 1024 / words.len()).clamp(1, times);
    let piece = words.repeat(at_once);
    for _ in 0..times.div_ceil(at_once) {
        stream.write_all(piece.as_bytes())?;
        poured.fetch_add(piece.len(), Ordering::Relaxed);
    }
    Ok(())
}

/// `port26 test` on a home with one account, every port of its host led to this address.
fn run(folder: &Path, address: SocketAddr, poured: &AtomicUsize) -> Cost {
    let profile = folder.join("home/.thunderbird/abcd.default");
    fs::create_dir_all(&profile).expect("a profile");
    let profiles = "[Profile0]\nName=default\nIsRelative=1\nPath=abcd.default\nDefault=1\n";
    fs::write(folder.join("home/.thunderbird/profiles.ini"), profiles).expect("profiles.ini");
    fs::write(profile.join("prefs.js"), PREFS).expect("prefs.js");
    let rule = format!("::{}:{}", address.ip(), address.port());
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_port26"))
        .args(["test", "--json", "--os", "linux", "--home"])
        .arg(folder.join("home"))
        .arg("--state")
        .arg(folder.join("state"))
        .args(["--connect-to", &rule])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("port26");
    let mut out = child.stdout.take().expect("its output");
    let reader = thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut out, &mut text).map(|_| text).unwrap_or_default()
    });
    let status = format!("/proc/{}/status", child.id());
    let mut memory = None;
    // The mark only rises: what is missed are the last milliseconds.
    while child.try_wait().expect("its end").is_none() {
        memory = fs::read_to_string(&status).ok().and_then(|text| high_water(&text)).max(memory);
        thread::sleep(Duration::from_millis(5));
    }
    let time = began.elapsed();
    let report = reader.join().unwrap_or_default();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap_or_default();
    let verdict = report["accounts"][0]["verdict"]["code"].as_str().unwrap_or("no report").to_owned();
    Cost { time, memory, poured: poured.load(Ordering::Relaxed), verdict }
}

fn high_water(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
}

const PREFS: &str = r#"user_pref("mail.accountmanager.accounts", "account1");
user_pref("mail.smtpservers", "smtp1");
user_pref("mail.account.account1.identities", "id1");
user_pref("mail.account.account1.server", "server1");
user_pref("mail.identity.id1.useremail", "ann@hosting.test");
user_pref("mail.identity.id1.smtpServer", "smtp1");
user_pref("mail.server.server1.type", "imap");
user_pref("mail.server.server1.hostname", "mail.hosting.test");
user_pref("mail.server.server1.userName", "ann@hosting.test");
user_pref("mail.smtpserver.smtp1.hostname", "mail.hosting.test");
user_pref("mail.smtpserver.smtp1.port", 25);
user_pref("mail.smtpserver.smtp1.authMethod", 1);
user_pref("mail.smtpserver.smtp1.try_ssl", 0);
"#;
