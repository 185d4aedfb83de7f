//! See `port26_fuzz::xml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| port26_fuzz::xml(data));
