//! The tests that need what there is only one of: this user's registry with its policies, and this session's keychain.
//! A test program of its own, so that nothing else runs beside them; whoever writes to these waits for `ONE_AT_A_TIME`.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "../support"]
mod support {
    pub mod admx;
    pub mod case;
    pub mod hive;
    pub mod one_test;
    pub mod open_client;
    pub mod program;
    pub mod steps;
}

mod fleet;
mod keychain;
mod live_registry;

/// The tests share one registry at the places of the programs themselves, and one keyring with the same login in it.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
