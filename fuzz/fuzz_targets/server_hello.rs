//! See `port26_fuzz::server_hello`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| port26_fuzz::server_hello(data));
