//! See `port26_fuzz::plist_binary`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| port26_fuzz::plist_binary(data));
