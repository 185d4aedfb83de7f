//! See `port26_fuzz::handed_in`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| port26_fuzz::handed_in(data));
