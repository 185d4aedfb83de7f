//! See `port26_fuzz::hive`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| port26_fuzz::hive(data));
