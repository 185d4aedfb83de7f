//! Servers, accounts, times and numbers in a few words, the same wherever they are told.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::args::Global;
use crate::account::{Account, AuthSetting, SubmissionServer, TlsMode};
use crate::apply::{AccountRecord, Receipt};
use crate::clients::client_name;
use crate::pipeline::Who;
use crate::plan::Outcome;
use crate::shown::Shown;

/// What is said of so many accounts with a result, in the order in which it is said.
pub(super) const RESULT_WORDS: [(Outcome, &str); 10] = [
    (Outcome::Fixed, "fixed"),
    (Outcome::WouldFix, "can be fixed"),
    (Outcome::AlreadyWorks, "already working"),
    (Outcome::NotOurs, "left alone"),
    (Outcome::Refused, "not changed"),
    (Outcome::Deferred, "waiting for a program to be closed"),
    (Outcome::NeedsUser, "waiting for you"),
    (Outcome::NoRoute, "without a way out"),
    (Outcome::Reverted, "put back"),
    (Outcome::Failed, "failed"),
];

/// A server in a few words: `mail.example.org port 26, STARTTLS, with login`.
pub fn server_words(server: &SubmissionServer) -> String {
    format!("{} {}", Shown(&server.host), port_words(server))
}

/// The same without its name: `port 26, STARTTLS, with login`.
pub fn port_words(server: &SubmissionServer) -> String {
    let tls = match server.tls {
        TlsMode::None => "no encryption",
        TlsMode::Starttls => "STARTTLS",
        TlsMode::Implicit => "TLS",
    };
    let auth = if server.auth == AuthSetting::None { "no login" } else { "with login" };
    format!("port {}, {tls}, {auth}", server.port)
}

/// The name of an account in lists.
pub fn account_title(account: &Account) -> String {
    format!("{} in {}", Shown(account.email.as_deref().unwrap_or(&account.id)), client_name(account))
}

/// A time as the clock on the wall shows it: `2026-11-23 23:59`.
pub(super) fn local_time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// A day as the calendar on the wall shows it.
pub(super) fn local_day(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d").to_string()
}

/// `1 account`, `3 accounts`.
pub(super) fn counted(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// What a receipt did to an account: `anna@hosting.test: mail.hosting.test port 25, .. -> port 26, ..`.
pub(super) fn change_words(who: &Who, receipt: &Receipt, account: &AccountRecord) -> String {
    let id = &account.account_id;
    let name = if who.here(receipt) { who.name(id) } else { Shown(id).to_string() };
    format!("{name}: {} -> {}", server_words(&account.before), server_words(&account.after))
}

/// That there are no receipts: in the folder that was named, or no more than that.
pub(super) fn none_there(global: &Global) -> String {
    match &global.state {
        Some(state) => format!(": there are no receipts in {}", Shown(&state.to_string_lossy())),
        None => String::new(),
    }
}
