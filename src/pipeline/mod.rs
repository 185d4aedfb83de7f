//! From an account that cannot send to one that can. [`repair`] is the one driver: it runs the stages in their order for
//! every front end, which speaks through a [`Conversation`]. The stages themselves are nobody else's to call.

mod answered_before;
mod by_import;
mod by_relay;
mod conversation;
mod discover;
mod fix;
mod fixing;
mod keeps;
pub(crate) mod known_network;
mod log_in;
mod no_password;
mod once_more;
mod open_clients;
pub(crate) mod ports;
mod prove;
mod receipts;
mod recover;
mod remember;
mod rename;
mod repair;
mod second_look;
mod send;
mod strangers;
pub(crate) mod survey;
mod test_accounts;
mod tested;
mod tidy;
mod tools;
pub(crate) mod turns;
mod when_closed;

pub use by_relay::ProviderServer;
pub use conversation::{Alone, Answer, Confirm, Conversation, Move, Progress, When};
pub use discover::{Discovery, UnknownAccount, discover, discover_named, select};
pub use keeps::{Consent, Keeps};
pub use open_clients::OpenClients;
pub use recover::{begin_turn, recover};
pub use repair::{RepairError, Request, Route, examine, repair, repair_by};
pub use send::{TestMailError, send_test};
pub use tested::Tested;
pub use tidy::tidy;
pub use tools::{Setup, Tools, WriterKit, runtime};
pub use when_closed::Patience;
