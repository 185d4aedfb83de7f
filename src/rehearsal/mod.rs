//! The parts of a rehearsal: a mail host on loopback, an ISP that blocks ports, and invented machines.
//! `port26 try` runs the real pipeline on them; tests use them as the other end of the line.
//! Nothing here needs a network, root, or a file outside the folder it is given.

pub mod certificates;
pub mod isp;
pub mod machines;
pub mod mail_host;
pub mod provider;
pub mod run;
