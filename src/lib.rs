//! port26: "I can receive mail but not send."
//!
//! The pipeline, in order:
//! [`clients`] discover -> [`probe`] -> [`diagnosis`] -> [`plan`] -> [`apply`] -> verify, and undo.
//! Each stage eats the plain data of the one before; `pipeline` runs them for every front end.

pub mod account;
pub mod apply;
pub mod change;
pub mod clients;
pub mod diagnosis;
pub mod formats;
pub mod probe;
pub mod rehearsal;
