//! port26: "I can receive mail but not send."
//!
//! The pipeline, in order:
//! [`clients`] discover -> [`probe`] -> [`diagnosis`] -> [`plan`] -> [`apply`] -> verify, and undo.
//! Each stage eats the plain data of the one before; [`pipeline`] runs them for every front end.

pub mod account;
pub mod agent;
pub mod apple_profile;
pub mod apply;
pub mod change;
pub mod cli;
pub mod clients;
mod codes;
pub mod credentials;
pub mod diagnosis;
pub mod exit;
mod fault;
pub mod formats;
pub mod network_history;
pub mod operator;
pub mod pipeline;
pub mod plan;
pub mod policy;
pub mod probe;
pub mod rehearsal;
pub mod relay;
pub mod report;
mod sentence;
pub mod shown;
