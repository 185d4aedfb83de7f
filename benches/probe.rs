//! One probe with login against a host on this machine, beside a bare `TcpStream` that exchanges the same number of
//! lines without TLS: what no probe can be faster than. The argument is the host's delay before each answer in ms.

#![allow(clippy::expect_used, reason = "a bench that cannot start has nothing to measure")]

#[path = "../tests/support/scripted_host.rs"]
mod scripted_host;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use port26::account::TlsMode;
use port26::probe::{Config, PlaintextAuth, Prober};
use scripted_host::{Authority, Dates, Script, ScriptedHost};
use secrecy::SecretString;

const HOST: &str = "mail.hosting.test";
const USER: &str = "ann@hosting.test";

fn main() {
    let (prober, runtime, _host) = set_up(0);
    let (finding, login) = runtime.block_on(prove(&prober));
    println!("STARTTLS, login and MAIL FROM: {} + {} round trips", finding, login);
    divan::main();
}

fn set_up(delay: u64) -> (Prober, tokio::runtime::Runtime, ScriptedHost) {
    let authority = Authority::new();
    let mut script = Script::new(authority.server(&[HOST], Dates::Now));
    script.slowness = Duration::from_millis(delay);
    let host = ScriptedHost::start(script);
    let rule = format!("::127.0.0.1:{}", host.port()).parse().expect("a rule");
    let config = Config { connect_to: vec![rule], extra_anchors: vec![authority.anchor], ..Config::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    (Prober::new(config).expect("a prober"), runtime, host)
}

/// The whole proof; its round trips up to the last EHLO, and from AUTH on.
async fn prove(prober: &Prober) -> (u32, u32) {
    let (finding, session) = prober.open(HOST, 587, TlsMode::Starttls).await;
    let password = SecretString::from("open sesame");
    let login = session
        .expect("a session")
        .log_in(USER, &password, None, Some(USER), PlaintextAuth::Refused)
        .await
        .expect("TLS is verified");
    (finding.round_trips, login.round_trips)
}

#[divan::bench(args = [0, 20], sample_count = 30, sample_size = 1)]
fn probe_with_login(bencher: divan::Bencher<'_, '_>, delay: u64) {
    let (prober, runtime, _host) = set_up(delay);
    bencher.bench_local(|| runtime.block_on(prove(&prober)));
}

/// One short answer for each of EHLO, STARTTLS, TLS, EHLO, AUTH and MAIL FROM, after the greeting.
#[divan::bench(args = [0, 20], sample_count = 30, sample_size = 1)]
fn bare_stream(bencher: divan::Bencher<'_, '_>, delay: u64) {
    let mut script = Script::plain();
    script.slowness = Duration::from_millis(delay);
    let host = ScriptedHost::start(script);
    bencher.bench_local(|| {
        let stream = TcpStream::connect(host.address).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).expect("a greeting");
        for command in ["RSET", "RSET", "RSET", "RSET", "AUTH PLAIN x", "MAIL FROM:<ann@hosting.test>"] {
            write!(stream.get_mut(), "{command}\r\n").expect("a command");
            stream.read_line(&mut line).expect("an answer");
        }
        line
    });
}
