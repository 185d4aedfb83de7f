//! See `port26_fuzz::names`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| port26_fuzz::names(data));
