//! The tests of the whole program and of its parts, one test program: `cargo test --test suite fix::row_3` runs those
//! that have these words in their names.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "../support"]
mod support {
    pub mod case;
    pub mod fault_table;
    pub mod imports;
    pub mod lossless;
    pub mod one_test;
    pub mod open_client;
    pub mod operators;
    pub mod program;
    pub mod recorded;
    pub mod scripted_host;
    pub mod world;
}

mod agent;
mod answered_before;
mod cli;
mod conversation;
mod damaged_state;
mod dry_run;
mod fix;
mod formats;
mod fuzz_corpus;
mod hello;
mod holding;
mod homes;
mod house;
mod journal_crash;
mod logins;
mod mail_host;
mod many_hosts;
mod never_harmful;
mod passwords_stay_home;
mod past_mail;
mod probe;
mod profile;
mod programs;
mod programs_page;
mod put_right;
mod receipts_damaged;
mod recorded_documents;
mod relay;
mod replies;
mod scripted;
mod silence;
mod strange_receipts;
mod technicians;
mod typed_password;
mod waiting;
mod witness;
