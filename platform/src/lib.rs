//! The operating system behind small traits. This package knows the OS and nothing about mail.
//!
//! One folder a facility; each has a public face (`mod.rs`), one file per system, and a twin in memory
//! that passes the same tests. Everywhere else the OS is a value ([`computer::Os`]), never a `cfg`.

pub mod autostart;
pub mod computer;
pub mod console;
pub mod event_log;
pub mod files;
pub mod hardening;
pub mod managed;
pub mod network;
pub mod processes;
pub mod programs;
pub mod registry;
pub mod scripts;
pub mod sealed;
pub mod secrets;
pub mod session;
pub mod system_tls;
pub mod terminal;
