//! One conversation by phases with each outgoing port (resolve, connect, greeting, EHLO, STARTTLS, TLS,
//! EHLO), everything seen recorded; and the proof by login on one of them.

pub mod finding;
