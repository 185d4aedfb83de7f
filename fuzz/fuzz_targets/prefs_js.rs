//! See `port26_fuzz::prefs_js`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| port26_fuzz::prefs_js(data));
