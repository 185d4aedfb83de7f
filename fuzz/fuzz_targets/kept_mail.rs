//! See `port26_fuzz::kept_mail`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| port26_fuzz::kept_mail(data));
