//! See `port26_fuzz::mozilla_logins`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| port26_fuzz::mozilla_logins(data));
