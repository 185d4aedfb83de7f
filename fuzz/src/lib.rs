//! Every reader of what comes from outside, as one function of bytes each. `fuzz/run` has LLVM's fuzzer drive them,
//! `tests/suite/fuzz_corpus.rs` gives each its corpus once. A promise that is broken is a panic.

mod hive;
mod kept;
#[path = "../../tests/support/lossless.rs"]
mod lossless;
mod network;
mod settings;

pub use hive::hive;
pub use kept::{handed_in, journal};
pub use network::{certificates, conversation, names, server_hello};
pub use settings::{kept_mail, key_file, mozilla_logins, plist_binary, prefs_js, reg_file, xml};

/// A reader, by the name of its corpus.
pub type Target = (&'static str, fn(&[u8]));

/// All of them, the most exposed first.
pub const TARGETS: [Target; 14] = [
    ("conversation", conversation),
    ("reg_file", reg_file),
    ("hive", hive),
    ("prefs_js", prefs_js),
    ("journal", journal),
    ("plist_binary", plist_binary),
    ("xml", xml),
    ("mozilla_logins", mozilla_logins),
    ("key_file", key_file),
    ("kept_mail", kept_mail),
    ("certificates", certificates),
    ("server_hello", server_hello),
    ("names", names),
    ("handed_in", handed_in),
];
