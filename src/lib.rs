//! port26: "I can receive mail but not send."
//!
//! The pipeline, in order:
//! [`clients`] discover -> [`probe`] -> [`diagnosis`] -> [`plan`] -> [`apply`] -> verify, and undo.
//! Each stage eats the plain data of the one before; `pipeline` runs them for every front end.

pub mod account;
pub mod change;
pub mod clients;
pub mod credentials;
pub mod formats;
pub mod policy;
pub mod probe;
